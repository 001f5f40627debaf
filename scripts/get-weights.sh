#!/bin/sh
# get-weights.sh [--v2]: `freezetune weights get` ($FREEZETUNE, ./freezetune beside this folder, or the installed one), for a
# machine on which curl may still have to be installed. Prints the path of the weights; --v2: of IMAGENET1K_V2.
# Exit codes: those of freezetune; 64 usage, 66 no freezetune.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

case "$*" in
"") name=resnet50 ;;
--v2) name=resnet50-v2 ;;
-h | --help)
    echo "usage: get-weights.sh [--v2]"
    exit 0
    ;;
*)
    echo "usage: get-weights.sh [--v2]" >&2
    exit 64
    ;;
esac

program=${FREEZETUNE:-$here/../freezetune}
[ -x "$program" ] || program=$(command -v freezetune) || {
    echo "get-weights.sh: the official file is a .pth, which freezetune converts; build it first with make" >&2
    exit 66
}
# What is there needs no download, and where there is no folder for one, the program says so before curl is installed.
there=$("$program" weights path $name)
if [ ! -s "$there" ] && [ "${XDG_CACHE_HOME:-${HOME:-}}" ] &&
    ! command -v curl >/dev/null 2>&1 && ! command -v wget >/dev/null 2>&1; then
    sh "$here/deps.sh" download >&2 || true # it says why it could not
fi
exec "$program" weights get $name
