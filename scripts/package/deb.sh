#!/bin/sh
# deb.sh VERSION OUT: makes Debian's source package and package of this version in the folder OUT, which is emptied first,
# from the files that git tracks, as they are here. lintian looks at them where it is installed.
# DEB_BUILD_OPTIONS=nocheck leaves out the unit tests. Exit codes: 0 done; 64 usage; 66 this is no git checkout or a tool is
# missing; else what dpkg-buildpackage or lintian ends with.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: deb.sh VERSION OUT" >&2
    exit 64
fi
version=$1 out=$2
here=$(dirname "$0")
git ls-files --error-unmatch scripts/package/deb.sh >/dev/null 2>&1 || {
    echo "deb.sh: this needs a git checkout of freezetune" >&2
    exit 66
}
for tool in dpkg-buildpackage dh xz; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "deb.sh: $tool is missing (on Debian: apt-get install debhelper build-essential xz-utils)" >&2
        exit 66
    }
done
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

name=freezetune-$version
rm -rf "$out"
mkdir -p "$out/$name"
git ls-files -z | tar --create --null --files-from=- | tar --extract --directory="$out/$name"
sh "$here/dist.sh" "$out" "$name" "$out/orig" >/dev/null
mv "$out/orig/$name.tar.xz" "$out/freezetune_$version.orig.tar.xz"
rm -r "$out/orig"
cp -r "$here/debian" "$out/$name/debian"
sh "$here/debian_changelog.sh" "$version" >"$out/$name/debian/changelog"

# What the caller's make was told belongs to that build.
unset MAKEFLAGS MAKELEVEL MFLAGS CFLAGS CPPFLAGS LDFLAGS CI
(cd "$out/$name" && dpkg-buildpackage --no-sign) >"$out/build.log" 2>&1 || {
    status=$?
    grep -E '^not ok|^# |rror' "$out/build.log" | tail -n 20 >&2
    echo "deb.sh: dpkg-buildpackage failed: $out/build.log has the rest" >&2
    exit $status
}
rm -r "${out:?}/$name"
if command -v lintian >/dev/null 2>&1; then
    lintian --allow-root --fail-on error "$out"/freezetune_"$version"-1_*.changes
else
    echo "deb.sh: lintian is not installed and looked at nothing" >&2
fi
ls "$out"/freezetune_"$version"-1_*.deb
