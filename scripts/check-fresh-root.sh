#!/bin/sh
# check-fresh-root.sh [SUITE [TARGET...]]: does a newcomer's machine do it? Makes a Debian with nothing but its base in a
# folder, clones this repository's HEAD there, and runs make TARGET... (default: check demo) as root of that folder. For
# developers; needs root, debootstrap and git. What is not committed is not tested.
#   SUITE             bookworm, trixie, ... (default: that of this system)
#   FREEZETUNE_ROOT   the folder (default: /tmp/freezetune-root-SUITE); the base in it is kept for the next call
#   FREEZETUNE_WEIGHTS, FREEZETUNE_DATA, FREEZETUNE_SHARED are copied in when set; without the first two the demo finds its own way
# Packages come from where this system's apt gets its own.
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
own_suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
suite=${1:-$own_suite}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- check demo
root=${FREEZETUNE_ROOT:-/tmp/freezetune-root-$suite}

for tool in debootstrap git chroot; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "check-fresh-root.sh: $tool is missing (on Debian: apt-get install debootstrap git)" >&2
        exit 66
    }
done

# The archive that this system's apt knows for its own suite.
# shellcheck disable=SC2016 # apt's own variables
mirror=$(apt-get indextargets --format '$(SITE)|$(COMPONENT)|$(CODENAME)' 'Created-By: Packages' |
    awk -F'|' -v name="$own_suite" '$2 == "main" && $3 == name { print $1; exit }')
[ -n "$mirror" ] || {
    echo "check-fresh-root.sh: apt knows no archive of this system's suite (apt-get update?)" >&2
    exit 66
}

mounted=
finish() {
    for folder in $mounted; do
        umount "$root/$folder" || true
    done
}
trap finish EXIT
trap 'exit 130' INT TERM

if [ ! -f "$root/.complete" ]; then
    echo "== $suite from the archive of this system's apt, in $root"
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
        tail -n 3 "$root.log" >&2
        exit 74
    }
    : >"$root/.complete"
fi
# How apt reaches its archive from here (a proxy, if there is one).
apt-config dump | grep -E '^Acquire::https?::' >"$root/etc/apt/apt.conf.d/99from-outside" || true
cp /etc/resolv.conf "$root/etc/resolv.conf"
for folder in proc dev dev/pts; do
    mount --bind "/$folder" "$root/$folder"
    mounted="$folder $mounted"
done

rm -rf "$root/root/freezetune" "$root/root/shared"
git clone -q "$here" "$root/root/freezetune"

# The few variables that a login shell would have.
run() {
    chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        ${CI:+CI="$CI"} ${weights:+FREEZETUNE_WEIGHTS="$weights"} ${data:+FREEZETUNE_DATA="$data"} \
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
