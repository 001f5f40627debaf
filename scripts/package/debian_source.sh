#!/bin/sh
# debian_source.sh PACKAGE FILE OUT: one FILE of the source of a Debian PACKAGE, with Debian's patches, for a library of which
# Debian has no archive to link statically. The source comes from where this system's apt gets its packages, in the version that
# belongs to the installed one, and apt checks its signature; lists and sources of this system stay as they are.
# Exit codes: 0 done, 64 usage, 66 it could not be had.
set -eu
if [ $# -ne 3 ]; then
    echo "usage: debian_source.sh PACKAGE FILE OUT" >&2
    exit 64
fi
package=$1 file=$2
out=$(realpath -m "$3")
for tool in apt-get dpkg-source; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "debian_source.sh: $tool is missing (on Debian: apt-get install dpkg-dev)" >&2
        exit 66
    }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/lists/partial" "$work/source"
# A line for each archive that has packages for this system.
# shellcheck disable=SC2016 # apt's own variables
apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sort -u | sed 's/^/deb-src /' >"$work/sources.list"

apt() {
    apt-get -q -o Dir::State::Lists="$work/lists" -o Dir::Etc::SourceList="$work/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root "$@" >>"$work/log" 2>&1
}

cd "$work/source"
if ! { apt update && apt source "$package" && cp "$work/source/$package"-*/"$file" "$work/file"; }; then
    tail -n 5 "$work/log" >&2
    echo "debian_source.sh: the source of $package could not be had (no network?)" >&2
    exit 66
fi
mkdir -p "$(dirname "$out")"
mv "$work/file" "$out"
