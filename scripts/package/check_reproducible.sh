#!/bin/sh
# check_reproducible.sh: builds the static program and the tarball of this repository's HEAD in two folders, with two
# time zones, languages and masks, and compares them byte for byte. Without ccache, which would answer the second build from the
# first. Exit codes: 0 the same; 1 not; 66 something cannot be built.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
SOURCE_DATE_EPOCH=$(git -C "$here" log -1 --format=%ct)
export SOURCE_DATE_EPOCH CCACHE_DISABLE=1
for place in one "two of another length"; do
    git clone -q "$here" "$work/$place"
done
(cd "$work/one" && umask 022 && TZ=UTC LC_ALL=C make -j2 dist) >"$work/one.log" 2>&1 || {
    tail -n 5 "$work/one.log" >&2
    exit 66
}
sleep 1
(cd "$work/two of another length" && umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 make -j1 dist) >"$work/two.log" 2>&1 || {
    tail -n 5 "$work/two.log" >&2
    exit 66
}
status=0
for file in static/freezetune $(cd "$work/one/build" && ls -d dist/*.tar.xz dist/*.sha256); do
    cmp "$work/one/build/$file" "$work/two of another length/build/$file" || status=1
done
[ $status != 0 ] || echo "check_reproducible.sh: the same bytes: $(cd "$work/one/build" && sha256sum static/freezetune dist/*.tar.xz | tr '\n' ' ')"
exit $status
