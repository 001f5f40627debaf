#!/bin/sh
# demo.sh (make demo): the whole job on photos, without arguments, in about ten minutes on two cores.
#
# Main path: a ResNet-50 pretrained on ImageNet, fine-tuned on photos with children 1-6 frozen.
#   weights  $FREEZETUNE_WEIGHTS, or what get-weights.sh finds or downloads
#   photos   $FREEZETUNE_DATA, or ants and bees (hymenoptera) of PyTorch's transfer learning tutorial by download
# Offline path, where one of the two cannot be had: transfer learning on Fashion-MNIST from the Debian package
# dataset-fashion-mnist. A ResNet-50 from random weights learns five classes, then goes on to the other five with 40
# photos each, children 1-6 frozen; beside it, the same 200 photos and epochs without that pretraining (with twelve epochs
# instead of five, and 60 photos, it comes as far).
#
# Everything is written below build/demo ($FREEZETUNE_DEMO) and made afresh by the next call.
set -eu

case "${1:-}" in
-h | --help)
    echo "usage: make demo"
    exit 0
    ;;
?*)
    echo "usage: make demo" >&2
    exit 64
    ;;
esac
if [ -z "${FREEZETUNE:-}" ] || [ -z "${IDX_TO_PNG:-}" ]; then
    echo "demo.sh: please run make demo, which builds what this needs" >&2
    exit 64
fi
if [ -z "${HOME:-}${XDG_CACHE_HOME:-}" ]; then
    echo "demo.sh: no folder for downloads: set HOME or XDG_CACHE_HOME" >&2
    exit 64
fi

here=$(cd "$(dirname "$0")" && pwd)
program=$FREEZETUNE
demo=${FREEZETUNE_DEMO:-$(dirname "$here")/build/demo}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/freezetune
hymenoptera=${FREEZETUNE_TUTORIAL_URL:-https://download.pytorch.org/tutorial}/hymenoptera_data.zip
start=$(date +%s)

say() {
    printf '\n== %s\n' "$*"
}

fail() {
    status=$1
    shift
    echo "demo.sh: $*" >&2
    exit "$status"
}

# The command line as a person would type it, then the command.
show() {
    printf '$ freezetune'
    printf ' %s' "$@"
    printf '\n'
    "$program" "$@"
}

# ---- what there is to work with -------------------------------------------------------------------------------------

# Prints the path of pretrained weights, or fails.
find_weights() {
    if [ -n "${FREEZETUNE_WEIGHTS:-}" ]; then
        [ -f "$FREEZETUNE_WEIGHTS" ] || fail 66 "FREEZETUNE_WEIGHTS names no file: $FREEZETUNE_WEIGHTS"
        echo "$FREEZETUNE_WEIGHTS"
        return
    fi
    echo "demo.sh: getting the pretrained weights (103 MB where they are not here yet)" >&2
    sh "$here/get-weights.sh" 2>"$demo/said" || {
        status=$?
        cat "$demo/said" >&2
        tail -n 1 "$demo/said" | awk '{ sub(/^[^:]*: /, ""); print }' >"$FETCH_REASON"
        rm -f "$demo/said"
        return $status
    }
    rm -f "$demo/said"
}

# Keeps the reason why there are no photos, as fetch.sh does, and fails.
no_photos() {
    echo "$1" >"$FETCH_REASON"
    echo "demo.sh: $1" >&2
    return 1
}

# Prints the folder of photos, or fails.
find_photos() {
    if [ -n "${FREEZETUNE_DATA:-}" ]; then
        [ -d "$FREEZETUNE_DATA" ] || fail 66 "FREEZETUNE_DATA names no folder: $FREEZETUNE_DATA"
        echo "$FREEZETUNE_DATA"
        return
    fi
    if [ ! -d "$cache/hymenoptera_data" ]; then
        command -v unzip >/dev/null 2>&1 || sh "$here/deps.sh" demo >&2 || true # it says why it could not
        command -v unzip >/dev/null 2>&1 || {
            no_photos "unzip is missing (on Debian: apt-get install unzip)"
            return
        }
        sh "$here/fetch.sh" "$hymenoptera" "$cache/hymenoptera_data.zip" || return 1
        rm -rf "$cache/unpacking"
        unzip -q "$cache/hymenoptera_data.zip" -d "$cache/unpacking" >&2 || {
            rm -rf "$cache/hymenoptera_data.zip" "$cache/unpacking"
            no_photos "the archive $hymenoptera is damaged"
            return
        }
        mv "$cache/unpacking/hymenoptera_data" "$cache/hymenoptera_data"
        rm -rf "$cache/unpacking" "$cache/hymenoptera_data.zip"
    fi
    echo "$cache/hymenoptera_data"
}

# The best validation accuracy of a run, from its metrics.csv.
accuracy_of() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "val_accuracy") column = i; next }
        column && $column > best { best = $column }
        END { printf "%.1f %%", 100 * best }' "$1/metrics.csv"
}

# Five photos of a folder, spread over its classes.
predict_some() {
    find "$2" -type f ! -name '.*' | sort >"$demo/photos.txt"
    awk -v n="$(wc -l <"$demo/photos.txt")" 'NR == 1 || int((NR - 1) * 5 / n) != int((NR - 2) * 5 / n)' \
        "$demo/photos.txt" >"$demo/five.txt"
    echo "\$ freezetune predict --model $1 --top-k 2 -"
    "$program" predict --model "$1" --top-k 2 - <"$demo/five.txt"
}

# ---- the two paths --------------------------------------------------------------------------------------------------

main_path() {
    say "Main path: pretrained weights $1, photos $2"
    say "Children 1-6 are frozen, the rest learns the new classes"
    show train --data "$2" --weights "$1" --freeze-until 6 --epochs 4 --out "$demo/run"
    say "Predictions on a few photos"
    predict_some "$demo/run/best.safetensors" "$(if [ -d "$2/val" ]; then echo "$2/val"; else echo "$2"; fi)"
    say "Result: $(accuracy_of "$demo/run") of the validation photos are recognised after four epochs"
}

# make_set FOLDER TRAIN VAL LABEL=NAME...: TRAIN and VAL photos of each class.
make_set() {
    folder=$1 train=$2 val=$3
    shift 3
    "$IDX_TO_PNG" "$demo/idx/train-images" "$demo/idx/train-labels" "$folder.part/train" 0 "$train" "$@"
    "$IDX_TO_PNG" "$demo/idx/t10k-images" "$demo/idx/t10k-labels" "$folder.part/val" 0 "$val" "$@"
    mv "$folder.part" "$folder"
}

offline_path() {
    say "Offline path, with Fashion-MNIST from the Debian package, because $1 could not be had:"
    cat "$FETCH_REASON" 2>/dev/null || echo "the reason is above"
    set_folder=${FREEZETUNE_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
    [ -d "$set_folder" ] || sh "$here/deps.sh" offline || true
    [ -f "$set_folder/train-images-idx3-ubyte.gz" ] || fail 66 "Fashion-MNIST is not here either. Give weights and" \
        "photos: FREEZETUNE_WEIGHTS=resnet50.safetensors FREEZETUNE_DATA=folder make demo"

    mkdir -p "$demo/idx"
    for name in train t10k; do
        gunzip -c "$set_folder/$name-images-idx3-ubyte.gz" >"$demo/idx/$name-images"
        gunzip -c "$set_folder/$name-labels-idx1-ubyte.gz" >"$demo/idx/$name-labels"
    done
    make_set "$demo/five" 1500 100 0=T-shirt 1=Trouser 2=Pullover 3=Dress 7=Sneaker
    make_set "$demo/others" 40 200 4=Coat 5=Sandal 6=Shirt 8=Bag 9=Boot
    rm -rf "$demo/idx"

    say "1. Pretraining: ResNet-50 from random weights on five classes, 1500 photos each"
    show train --data "$demo/five" --weights random --freeze-until 0 --epochs 2 --lr 0.01 --warmup 0.5 --augment flip \
        --batch-size 32 --image-size 32 --out "$demo/pretrained"
    say "2. Fine-tuning: the other five classes, 40 photos each, children 1-6 frozen"
    show train --data "$demo/others" --weights "$demo/pretrained/best.safetensors" --freeze-until 6 --epochs 5 \
        --lr 0.005 --warmup 1 --augment flip --batch-size 16 --image-size 32 --out "$demo/run"
    say "3. For comparison: the same 200 photos and epochs from random weights"
    show train --data "$demo/others" --weights random --freeze-until 0 --epochs 5 --lr 0.005 --warmup 1 \
        --augment flip --batch-size 16 --image-size 32 --out "$demo/scratch"
    say "Predictions on a few photos"
    predict_some "$demo/run/best.safetensors" "$demo/others/val"
    say "Result: with pretraining and children 1-6 frozen $(accuracy_of "$demo/run") of 1000 validation photos" \
        "are recognised, without it $(accuracy_of "$demo/scratch")"
}

rm -rf "$demo"
mkdir -p "$demo"
# A wrong FREEZETUNE_WEIGHTS or FREEZETUNE_DATA (66 from a subshell) must stop the demo, not change its path.
[ -z "${FREEZETUNE_WEIGHTS:-}" ] || find_weights >/dev/null
[ -z "${FREEZETUNE_DATA:-}" ] || find_photos >/dev/null
FETCH_REASON=$demo/reason
export FETCH_REASON
if ! weights=$(find_weights); then
    offline_path "the pretrained weights"
elif ! photos=$(find_photos); then
    offline_path "the photos"
else
    main_path "$weights" "$photos"
fi
rm -f "$FETCH_REASON"
say "Done in $((($(date +%s) - start) / 60)) minutes. What was made is in $demo"
