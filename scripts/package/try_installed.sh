#!/bin/sh
# try_installed.sh [FOLDER]: does the freezetune that is installed here do its job? The toy network, a training on photos that are made
# here, eval, predict, the man page where man is there, the completion where bash-completion is. Needs a shell and perl-base. The
# last line is the SHA-256 of the model, which is the same for each way to install it. Exit codes: 0 all done; else it is not.
set -eu
work=${1:-$(mktemp -d)}
cd "$work"
export XDG_CACHE_HOME="$work/cache" LC_ALL=C
step() {
    "$@" >out.txt 2>&1 || {
        echo "try_installed.sh: failed: $*" >&2
        tail -n 5 out.txt >&2
        exit 1
    }
}

# Photos of two classes, 40x40, as BMP: stripes that lie, stripes that stand, with noise.
# shellcheck disable=SC2016 # perl's variables
perl -e '
    my $seed = 1;
    for my $list ("train", "val") { for my $class ("lying", "standing") {
        mkdir "photos"; mkdir "photos/$list"; mkdir "photos/$list/$class";
        for my $i (0 .. ($list eq "train" ? 7 : 3)) {
            my $pixels = "";
            for my $y (0 .. 39) { for my $x (0 .. 39) {
                my $wave = int((($class eq "lying" ? $y : $x) + $i) / 4) % 2 ? 200 : 40;
                for (1 .. 3) { $seed = ($seed * 1103515245 + 12345) % 2147483648; $pixels .= chr($wave + ($seed >> 16) % 50) }
            } }
            open my $file, ">:raw", "photos/$list/$class/$i.bmp" or die;
            print $file "BM", pack("VvvVVVVvvVVVVVV", 54 + length $pixels, 0, 0, 54, 40, 40, 40, 1, 24, 0, length $pixels, 2835, 2835, 0, 0), $pixels;
            close $file or die;
        }
    } }'

step freezetune --version
step freezetune toy
grep -q '^all checks passed$' out.txt
for conv in fast im2col; do
    step freezetune train --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 2 --freeze-until 6 \
        --conv $conv --out run-$conv
    grep -q '^frozen: .*: *bit-identical$\|bit-identical$' out.txt
done
step freezetune eval --model run-fast
step freezetune predict --model run-fast photos/val
grep -q 'photos/val/standing/0\.bmp' out.txt
if command -v man >/dev/null 2>&1; then
    step man -w freezetune
fi
if command -v bash >/dev/null 2>&1; then
    # What a shell with bash-completion would load.
    file=$(dirname "$(command -v freezetune)")/../share/bash-completion/completions/freezetune
    [ -f "$file" ]
    # shellcheck disable=SC2016 # bash's variables
    step bash -c '. "$1" && COMP_WORDS=(freezetune insp) COMP_CWORD=1 && _freezetune && [ "${COMPREPLY[*]}" = inspect ]' bash "$file"
fi
sha256sum run-fast/best.safetensors run-im2col/best.safetensors
