#!/bin/sh
# debian_changelog.sh VERSION: writes debian/changelog to stdout: one entry for the package of this version, with the
# headings of the newest part of CHANGELOG.md, and the date of $SOURCE_DATE_EPOCH or of the commit. Run it in the folder of
# the sources.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: debian_changelog.sh VERSION" >&2
    exit 64
fi
date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
printf 'freezetune (%s-1) unstable; urgency=medium\n\n' "$1"
awk '/^## / { if (part++) exit; print "  * Package of freezetune. Its changes since the last version (changelog.gz):" }
    /^### / && !seen[$0]++ { print "    - " substr($0, 5) }' CHANGELOG.md
printf '\n -- %s  %s\n' "$(sed -n 's/^Maintainer: //p' scripts/package/debian/control)" "$(LC_ALL=C date -u -R -d "@$date")"
