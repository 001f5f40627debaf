#!/bin/sh
# licences.sh MAP FOLDER: copies the licence of everything that was linked in, as the linker's MAP lists it, to FOLDER, a file for
# each package of this Debian. Exit codes: 0 done; 64 usage; 66 an archive belongs to no package, or a package has no licence.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: licences.sh MAP FOLDER" >&2
    exit 64
fi
map=$1 folder=$2
export LC_ALL=C
mkdir -p "$folder"
# The first part of a map: each member of an archive that was taken, and why. cJSON was compiled from its source.
archives=$(sed -n '/^Archive member included/,/^\(Discarded input\|Memory Configuration\|There are no discarded\)/p' "$map" |
    sed -n 's/^\(\/.*\.a\)(.*/\1/p' | sort -u | xargs -r realpath | sort -u)
[ -n "$archives" ]
for archive in $archives $(realpath /usr/include/cjson/cJSON.h); do
    package=$(dpkg -S "$archive" "/${archive#/usr/}" 2>/dev/null | sed -n '1s/[:,].*//p')
    if [ -z "$package" ] || [ ! -f "/usr/share/doc/$package/copyright" ]; then
        echo "licences.sh: no licence is known for $archive${package:+ of $package}" >&2
        exit 66
    fi
    cp -L "/usr/share/doc/$package/copyright" "$folder/$package.txt"
done
if [ -n "$(find "$folder" -name '*jbig*')" ]; then
    echo "licences.sh: libjbig is under the GPL and must not be linked in" >&2
    exit 66
fi
