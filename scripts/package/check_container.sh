#!/bin/sh
# check_container.sh PROGRAM MAKE_PHOTOS: what a container made by scripts/package/Dockerfile would do, without an
# engine: the Dockerfile's lines are carried out in an empty folder, which becomes the root of a process of user 1234
# that may write to the working folder alone. Trains on photos that MAKE_PHOTOS makes, measures the model, and compares
# it with what PROGRAM trains outside. Stricter than a container: there is no /proc, /dev or /etc either.
# Exit codes: 0 the same model; 1 not; 64 usage; 66 chroot needs root.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: check_container.sh PROGRAM MAKE_PHOTOS" >&2
    exit 64
fi
[ "$(id -u)" = 0 ] || {
    echo "check_container.sh: only root may call chroot" >&2
    exit 66
}
program=$(realpath "$1") photos=$(realpath "$2")
dockerfile=$(dirname "$0")/Dockerfile
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root
mkdir "$root"
chmod 755 "$work" "$root"

environment='' folder=/ entry=''
while read -r word rest; do
    case $word in
    FROM) [ "$rest" = scratch ] ;;
    COPY) cp "$program" "$root${rest##* }" ;;
    ENV) environment="$environment $rest" ;;
    WORKDIR) folder=$rest && mkdir -p "$root$folder" ;;
    ENTRYPOINT) entry=$(printf '%s' "$rest" | tr -d '[]"') ;;
    *)
        echo "check_container.sh: $dockerfile: $word is not known here" >&2
        exit 1
        ;;
    esac
done <"$dockerfile"
"$photos" "$root$folder/photos" 2 8 4 40 1 >/dev/null
cp -r "$root$folder/photos" "$work/photos"
# Stands for `-v "$PWD:/mnt" --user 1234:1234`.
chown -R 1234:1234 "$root$folder"

# The working folder cannot be named to chroot, so paths are whole.
container() {
    # shellcheck disable=SC2086 # each is a word
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/ $environment \
        chroot --userspec=1234:1234 "$root" "$entry" "$@" >"$work/out.txt" 2>&1 || {
        tail -n 5 "$work/out.txt" >&2
        echo "check_container.sh: failed: $*" >&2
        exit 1
    }
}

options="--weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 2 --freeze-until 6 --augment flip --cache disk"
container --version
container toy
# shellcheck disable=SC2086
container train --data "$folder/photos" $options --out "$folder/runs/1"
grep -q 'bit-identical$' "$work/out.txt"
container eval --model "$folder/runs/1"
container predict --model "$folder/runs/1" "$folder/photos/val"
[ -d "$root$folder/.cache/freezetune" ] || {
    echo "check_container.sh: no cache was written to $folder/.cache" >&2
    exit 1
}
# Nothing but the Dockerfile's file outside of the working folder.
(cd "$root" && find . -path ".$folder" -prune -o -type f -print) >"$work/files.txt"
[ "$(cat "$work/files.txt")" = "./freezetune" ] || {
    cat "$work/files.txt" >&2
    exit 1
}
# shellcheck disable=SC2086
(cd "$work" && XDG_CACHE_HOME="$work/cache" "$program" train --quiet --data photos $options --out outside) >/dev/null
cmp "$root$folder/runs/1/best.safetensors" "$work/outside/best.safetensors"
echo "check_container.sh: trained, measured and predicted in an empty root; the model is the same bytes as outside"
