#!/bin/sh
# check-browser.sh FREEZETUNE MAKE_PHOTOS: trains tiny networks on drawn photos, also with classes that somebody named to do
# harm, and looks at their reports, and at those of --folds, eval and check, in chromium without a network (check_browser.py).
# Skips, and says so, where chromium, its driver or Selenium is missing: `sh scripts/deps.sh browser` installs them.
set -eu
program=$1 make_photos=$2
here=$(cd "$(dirname "$0")" && pwd)
for tool in chromium chromedriver unshare ip; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "check-browser: skipped: $tool is not installed (sh scripts/deps.sh browser)"
        exit 0
    }
done
python=
for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import selenium' 2>/dev/null && python=$candidate && break
done
[ "$python" ] || {
    echo "check-browser: skipped: Selenium is not installed (sh scripts/deps.sh browser)"
    exit 0
}
# A network namespace needs root, or a system that lets users make namespaces.
space="unshare -n"
$space true 2>/dev/null || space="unshare -rn"
$space true 2>/dev/null || {
    echo "check-browser: skipped: no network namespace can be made here"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$make_photos" made 6 8 5 64 1
for part in train val; do
    i=0
    for name in '<script>window.__xss=1<%2fscript>' '"><svg onload=window.__xss=1>' "$(printf 'x%.0s' $(seq 250))" \
        'نمل' '🐜' "bees' & ants"; do
        mkdir -p "hostile/$part" "plain/$part"
        cp -r "made/$part/class$i" "hostile/$part/$name"
        cp -r "made/$part/class$i" "plain/$part/kind $i"
        i=$((i + 1))
    done
    # A name that is no UTF-8 is refused as a class, and fine for a photo.
    set -- "made/$part/class0/"*
    cp "$1" "hostile/$part/🐜/$(printf 'caf\351 <b>.png')"
done
for name in plain hostile; do
    "$program" train --quiet --data $name --weights random --arch resnet18 --image-size 64 --batch-size 8 --epochs 5 \
        --lr 0.01 --head-first 2 --freeze-until 8 --cache off --out "$name-run" >/dev/null
done
grep -q 'title="[^"]*caf.xe9 &lt;b&gt;\.png"' hostile-run/report.html || {
    echo "check-browser: the photo whose name is no UTF-8 is not in the report, with that byte escaped" >&2
    exit 1
}
"$program" train --quiet --data hostile/train --weights random --arch resnet18 --image-size 64 --batch-size 8 --epochs 3 --lr 0.01 \
    --freeze-until 9 --folds 3 --cache off --out folds >/dev/null
# The pages of eval and check, with the same names; some of the photos are copies, and one is dark.
set -- hostile/train/*ants/*.png
cp "$1" "hostile/val/bees' & ants/copy <b>.png"
"$program" eval --quiet --model hostile-run --data hostile/train --report eval.html --json >eval.json
"$program" check hostile --quiet --image-size 64 --weights hostile-run/best.safetensors --cache-dir cache --report check.html \
    --tsv check.tsv >/dev/null || [ $? = 1 ]
$space sh -c 'ip link set lo up && exec "$@"' sh "$python" "$here/check_browser.py" plain-run hostile-run folds eval.html check.html
