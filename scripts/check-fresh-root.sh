#!/bin/sh
# check-fresh-root.sh [SUITE [TARGET...]]: does a newcomer's machine do it? Makes a Debian with nothing but its base in a
# folder, clones this repository's HEAD there, and runs make TARGET... (default: check demo) as root of that folder. For
# developers; needs root, debootstrap and git. What is not committed is not tested.
#   SUITE             bookworm, trixie, ... (default: that of this system)
#   FREEZETUNE_ROOT   the folder (default: /tmp/freezetune-root-SUITE); the base in it is kept for the next call
#   FREEZETUNE_WEIGHTS, FREEZETUNE_DATA, FREEZETUNE_SHARED are copied in when set; without the first two the demo finds its own way
set -eu

case "${1:-}" in
-h | --help)
    echo "usage: check-fresh-root.sh [SUITE [TARGET...]]"
    exit 0
    ;;
-*)
    echo "usage: check-fresh-root.sh [SUITE [TARGET...]]" >&2
    exit 64
    ;;
esac

here=$(cd "$(dirname "$0")/.." && pwd)
me=check-fresh-root.sh
# shellcheck source=scripts/roots.sh
. "$here/scripts/roots.sh"
suite=${1:-$(own_suite)}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- check demo
root=${FREEZETUNE_ROOT:-/tmp/freezetune-root-$suite}

roots_need git
root_make "$suite" "$root"
root_enter "$root"

rm -rf "$root/root/freezetune" "$root/root/shared"
git clone -q "$here" "$root/root/freezetune"

run() {
    root_run "$root" ${CI:+CI="$CI"} ${weights:+FREEZETUNE_WEIGHTS="$weights"} ${data:+FREEZETUNE_DATA="$data"} \
        sh -c 'cd /root/freezetune && "$@"' sh "$@"
}

weights='' data=''
if [ -n "${FREEZETUNE_WEIGHTS:-}" ]; then
    cp "$FREEZETUNE_WEIGHTS" "$root/root/weights.safetensors"
    weights=/root/weights.safetensors
fi
if [ -n "${FREEZETUNE_DATA:-}" ]; then
    rm -rf "$root/root/photos"
    cp -r "$FREEZETUNE_DATA" "$root/root/photos"
    data=/root/photos
fi
[ -z "${FREEZETUNE_SHARED:-}" ] || cp -r "$FREEZETUNE_SHARED" "$root/root/shared"

# A newcomer has make: it is the first word of what he types.
run sh -c 'command -v make >/dev/null || { apt-get -q update && apt-get -q -y install --no-install-recommends make; } >/tmp/make.log 2>&1'
for target in "$@"; do
    echo "== make $target in $root"
    begin=$(date +%s)
    run make "$target"
    echo "== make $target: $(($(date +%s) - begin)) seconds"
done
