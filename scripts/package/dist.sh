#!/bin/sh
# dist.sh TREE NAME OUT: packs TREE/NAME (bin, share), which `make install` has filled, as OUT/NAME.tar.xz with its SHA-256 beside
# it. The same tree gives the same bytes: names in order, no owner, one date ($SOURCE_DATE_EPOCH, or that of the commit).
set -eu
if [ $# -ne 3 ]; then
    echo "usage: dist.sh TREE NAME OUT" >&2
    exit 64
fi
tree=$1 name=$2 out=$3
export LC_ALL=C
date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
chmod -R u=rwX,go=rX "$tree"
mkdir -p "$out"
tar --create --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$date" --mode=u=rwX,go=rX \
    --directory="$tree" "$name" >"$out/$name.tar"
xz --force --threads=1 -9 "$out/$name.tar"
(cd "$out" && sha256sum "$name.tar.xz" >"$name.tar.xz.sha256")
echo "$out/$name.tar.xz"
