#!/usr/bin/env bats
# Bad input of every kind. Each is answered by one line, the documented exit code, and nothing half-written. What is
# particular to a command stands in its own file; that every byte of a weight file or a photo may be wrong is for
# test_safetensors_hostile and test_image.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 4 2 40 1
    "$BUILD/tests/tools/make_model" good.safetensors 32 class0 class1
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    good=$BATS_FILE_TMPDIR/good.safetensors
    fixtures=$BATS_TEST_DIRNAME/../fixtures/photos
    unset FREEZETUNE_WEIGHTS
}

# refused CODE PATTERN COMMAND ARGUMENT...: one line on stderr that a terminal can show, and nothing is left.
refused() {
    fails "$1" "$2" "$FREEZETUNE" "${@:3}" || return
    if [ -e out ] || [ -n "$(find . -name '*.part')" ] || LC_ALL=C grep -q '[^ -~]' stderr.txt; then
        printf 'something is left, or a byte that is no plain text: %q\n' "$err"
        return 1
    fi
}

# Each command that reads weights, on the file.
weights_refused() {
    refused "$1" "$2" train --quiet --data "$photos" --image-size 32 --weights "$3" --out out
    refused "$1" "$2" eval --quiet --model "$3" --data "$photos"
    refused "$1" "$2" predict --quiet --model "$3" --out out "$photos"
    container_refused "$@"
}

# The same for what those refuse too that do not care what network it is.
container_refused() {
    refused "$1" "$2" inspect "$3"
    refused "$1" "$2" diff "$good" "$3"
    refused "$1" "$2" diff "$3" "$good"
    refused "$1" "$2" convert "$3" out.pth
    [ ! -e out.pth ]
}

train() {
    "$FREEZETUNE" train --quiet --data "$photos" --weights "$good" --image-size 32 --epochs 1 --batch-size 4 \
        --threads 1 "$@"
}

# train_refused CODE PATTERN OPTION...
train_refused() {
    refused "$1" "$2" train --quiet --data "$photos" --weights "$good" --image-size 32 --epochs 1 --batch-size 4 \
        --threads 1 --out out "${@:3}"
}

# photo_refused FILE REASON: by predict, which names it and says why; by eval and train, in a folder of photos, too.
photo_refused() {
    run_split "$FREEZETUNE" predict --threads 1 --model "$good" --format tsv "$1"
    [ "$status" = 65 ]
    [ "$(wc -l <stdout.txt)" = 1 ]
    [ "$(wc -l <stderr.txt)" = 2 ]
    [[ $err =~ ^freezetune:\ warning:\ [^:]*:\ $2 ]] || {
        echo "$1: not /$2/: $err"
        return 1
    }
}

# ---- weights ---------------------------------------------------------------------------------------------------------

@test "weights: missing, below a file, a broken link, a loop of links, no name" {
    ln -s nowhere broken
    ln -s loop loop
    for file in none.safetensors "$good/x" broken loop; do
        weights_refused 66 "$file: " "$file"
    done
    weights_refused 64 'empty' ''
}

@test "weights: a FIFO, a socket, a folder, devices: no command waits" {
    mkfifo fifo
    mkdir folder
    for file in fifo /dev/zero /dev/null; do
        weights_refused 65 "$file: not a regular file" "$file"
    done
    weights_refused 66 'folder: a folder without weights' folder
    command -v python3 >/dev/null || skip "no python3 to make a socket with"
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
    weights_refused 66 'socket: ' socket
}

@test "weights: empty, a text, a web page, a Git LFS pointer, half a zip file" {
    : >empty
    echo "some words that are no weights" >text
    echo '<!DOCTYPE html><html><head><title>404</title></head></html>' >html
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 102\n' >lfs
    printf 'PK\3\4 and not much of a zip file' >zip
    printf '\n\n<!doctype html>\n<html lang="en">' >html2
    printf '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>' >xml
    printf '{"error": "Repository not found"}' >json
    weights_refused 65 'empty: .*is empty' empty
    weights_refused 65 'text: .*this is a text' text
    for file in html html2 xml; do
        weights_refused 65 "$file: .*web page" $file
    done
    weights_refused 65 'json: .*a JSON text' json
    weights_refused 65 'lfs: .*Git LFS pointer' lfs
    weights_refused 65 'zip: .*zip' zip
}

@test "weights: cut in the header, in the data, by one byte; a byte too many" {
    for size in 7 100 20000000 -1; do
        head -c $size "$good" >"cut"
        weights_refused 65 "cut: truncated: [0-9,]* bytes, .*; download it again" cut
    done
    { cat "$good" && echo; } >longer
    weights_refused 65 'longer: .*goes on' longer
}

# Names and shapes are changed in place, so that the file stays one: what the network wants is what is wrong.
network_refused() {
    refused 65 "$1" train --quiet --data "$photos" --image-size 32 --weights "$2" --out out
    refused 65 "$1" eval --quiet --model "$2" --data "$photos"
    refused 65 "$1" predict --quiet --model "$2" --out out "$photos"
}

@test "weights: a tensor missing, another shape, NaN and infinity inside" {
    LC_ALL=C sed 's/"layer1.0.bn1.bias"/"layer1.0.bn1.bibs"/' "$good" >name
    network_refused "tensor 'layer1.0.bn1.bi[ab]s'" name
    LC_ALL=C sed 's/\[64,64,3,3\]/[64,64,9,1]/' "$good" >shape
    network_refused "tensor 'layer1.0.conv1.weight' is \[64,64,9,1\], .* expects \[64,64,3,3\]" shape
    LC_ALL=C sed 's/"fc.weight"/"fc.weirdo"/' "$good" >"head"
    network_refused '' head
    for value in '\0\0\300\177' '\0\0\200\377'; do
        cp "$good" value
        # shellcheck disable=SC2059 # escapes are meant
        printf "$value" | dd of=value bs=1 seek=30000000 conv=notrunc status=none
        network_refused "tensor 'layer4.1.conv1.weight' holds" value
    done
}

@test "weights: of another network than --arch, of none that is known" {
    train_refused 64 '--arch resnet34: .*resnet18' --arch resnet34
    safetensors other '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' '\0\0\0\0'
    network_refused "not a ResNet's weights" other
}

@test "photos: a text named .jpg, nothing, other formats, a FIFO, a device, a socket, a loop, no such file" {
    echo 'some words' >text.jpg
    : >empty.jpg
    printf 'GIF89a......' >gif.jpg
    mkfifo fifo.jpg
    ln -s /dev/zero zero.jpg
    ln -s loop.jpg loop.jpg
    photo_refused text.jpg 'not a picture'
    photo_refused empty.jpg 'an empty file'
    photo_refused gif.jpg '(truncated: |GIF: )'
    photo_refused fifo.jpg 'not a regular file'
    photo_refused zero.jpg 'not a regular file'
    refused 66 'loop.jpg: ' predict --model "$good" loop.jpg
    refused 66 'none.jpg: ' predict --model "$good" none.jpg
    refused 66 'none: ' eval --model "$good" --data none
}

@test "photos: a JPEG cut at twenty places, a PNG and a BMP at ten" {
    mkdir cut
    for i in $(seq 20); do
        head -c $(($(stat -c %s "$fixtures/s420.jpg") * (i - 1) / 20)) "$fixtures/s420.jpg" >cut/$i.jpg
    done
    for i in $(seq 10); do
        head -c $(($(stat -c %s "$fixtures/rgb.png") * (i - 1) / 10)) "$fixtures/rgb.png" >cut/$i.png
        head -c $(($(stat -c %s "$fixtures/rgb.bmp") * (i - 1) / 10)) "$fixtures/rgb.bmp" >cut/$i.bmp
    done
    find cut -type f | sort >list.txt
    run_split "$FREEZETUNE" predict --threads 2 --model "$good" --format tsv - <list.txt
    [ "$status" = 65 ]
    [ "$(wc -l <stdout.txt)" = 1 ]
    [ "$(grep -c '^freezetune: warning: cut/' stderr.txt)" = 40 ]
    [[ $(tail -1 stderr.txt) == "freezetune predict: "*"40 "* ]]
}

@test "photos: headers that promise 65535 x 65535 pixels take no memory" {
    printf '\377\330\377\300\0\21\10\377\377\377\377\3\1\42\0\2\21\1\3\21\1\377\331' >huge.jpg
    printf '\211PNG\r\n\32\n\0\0\0\15IHDR\0\0\377\377\0\0\377\377\10\2\0\0\0\0\0\0\0' >huge.png
    printf 'BM\0\0\0\0\0\0\0\0\66\0\0\0\50\0\0\0\377\377\0\0\377\377\0\0\1\0\30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >huge.bmp
    for file in huge.jpg huge.png huge.bmp; do
        photo_refused "$file" ''
    done
    # A PNG of few pixels that inflates to 50 MB: libpng reads its rows and drops the rest, stb_image refuses it.
    "$FREEZETUNE" predict --threads 1 --model "$good" "$fixtures/../bomb.png" || [ $? = 65 ]
}

@test "photos: no name can write to the terminal" {
    cp -r "$photos" odd
    escape=$(printf '\033[31mred\377\nline')
    mv odd/train/class0 "odd/train/$(printf '\033[2Ja')"
    mv odd/val/class0 "odd/val/$(printf '\033[2Ja')"
    echo text >"odd/train/class1/$escape.jpg"
    echo text >"odd/val/class1/$escape.jpg"
    train --data odd --out "run$escape" >all.txt 2>&1
    "$FREEZETUNE" train --data odd --weights "$good" --image-size 32 --epochs 1 --batch-size 4 --out run >>all.txt 2>&1
    for format in table tsv csv jsonl; do
        "$FREEZETUNE" predict --model run/best.safetensors --format $format odd/val >>all.txt 2>&1 || [ $? = 65 ]
    done
    "$FREEZETUNE" eval --model run/best.safetensors --data odd >>all.txt 2>&1 || [ $? = 65 ]
    "$FREEZETUNE" inspect run/best.safetensors >>all.txt 2>&1
    for arguments in "predict --model $escape x" "eval --model $escape" "inspect $escape" "train --data $escape" \
        "train --$escape" "$escape" "predict --top-k $escape"; do
        IFS=' ' read -r -d '' -a words <<<"$arguments" || true
        "$FREEZETUNE" "${words[@]}" >>all.txt 2>&1 && return 1
    done
    grep -q 'x1b\[31mred' all.txt
    safetensors tensor '{"\u001b[31mred.w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' '\0\0\0\0'
    "$FREEZETUNE" inspect tensor >>all.txt
    "$FREEZETUNE" diff tensor "$good" >>all.txt || [ $? = 1 ]
    "$FREEZETUNE" toy --out "toy$escape" >>all.txt
    if tr -d '\t\r\n' <all.txt | LC_ALL=C grep -ao '.\{20\}[^ -~].\{20\}'; then
        return 1
    fi
    [ "$(wc -l <run/bad_images.tsv)" = 3 ]
}

# ---- data folders ----------------------------------------------------------------------------------------------------

@test "data: missing, a file, empty, no photo, one class, an empty class, no val, a class only in val" {
    train_refused 66 'none: ' --data none
    train_refused 65 'not a folder' --data "$good"
    mkdir -p empty hollow/train/a hollow/train/b hollow/val/a hollow/val/b
    train_refused 65 'empty: holds no class folders' --data empty
    train_refused 65 'empty: holds no class folders' --data empty --val-split 0.2
    refused 65 'empty: holds no class folders' eval --model "$good" --data empty
    train_refused 65 'hollow/train' --data hollow
    cp -r "$photos" one && rm -r one/*/class1
    train_refused 65 'only one class' --data one
    cp -r "$photos" few && rm few/train/class1/*
    train_refused 65 "class folder 'class1' holds no photo, it is empty" --data few
    echo text >few/train/class1/notes.txt
    train_refused 65 "class folder 'class1' holds no photo, its 1 file is not a photo" --data few
    cp -r "$photos" noval && rm -r noval/val
    train_refused 65 'no val/' --data noval
    cp -r "$photos" emptyval && rm -r emptyval/val/*/*
    train_refused 65 'val' --data emptyval
    cp -r "$photos" extra && mv extra/val/class1 extra/val/class2
    train_refused 65 "class 'class2' has no folder in" --data extra
    refused 65 'class2' eval --model "$good" --data extra
}

@test "data: class names that are no UTF-8; photos none of which can be read" {
    cp -r "$photos" odd
    mv odd/train/class0 "odd/train/$(printf 'caf\351')"
    train_refused 65 'caf\\xe9.* is not UTF-8: rename it' --data odd
    cp -r "$photos" broken
    for file in broken/*/*/*; do
        echo text >"$file"
    done
    train_refused 65 'none of the 8 photos can be read' --data broken
    cp -r "$photos" blind
    for file in blind/val/*/*; do
        echo text >"$file"
    done
    fails 65 'validation' train --data blind --out run
    [ -z "$(find run -name '*.safetensors*')" ]
}

@test "data: links that go round are followed once, special files are bad photos" {
    cp -r "$photos" odd
    ln -s .. odd/train/class0/up
    ln -s self odd/train/class0/self
    mkfifo odd/train/class0/fifo.jpg
    ln -s /dev/zero odd/train/class1/zero.png
    train --data odd --out run >/dev/null
    [ "$(tail -n +2 run/bad_images.tsv | cut -f2 | sort | tr '\n' ' ')" = "class0/fifo.jpg class0/self class1/zero.png " ]
}

# ---- options ---------------------------------------------------------------------------------------------------------

@test "options: unknown, half a number, out of range, without a value, with one too many" {
    while read -r code pattern options; do
        IFS=' ' read -r -a words <<<"$options"
        train_refused "$code" "$pattern" "${words[@]}"
    done <<'END'
64 unknown.option --nope
64 unknown.option -x
64 unknown.option --lr1
64 did.you.mean.--freeze-until --freeze-untill 6
64 needs.a.value --lr
64 takes.no.value --dry-run=yes
64 too.many 5
64 not.a.whole.number --batch-size 12abc
64 not.a.whole.number --batch-size 3.5
64 not.a.whole.number --batch-size 0x10
64 not.a.whole.number --epochs 1e3
64 must.be.from.1.to.1000000 --epochs 18446744073709551617
64 from.1.to --batch-size 0
64 from.1.to --batch-size 99999999
64 single.value --batch-size 1
64 from.1.to --epochs -1
64 not.a.number --lr inf
64 not.a.number --lr 1e400
64 not.a.number --lr 0.1.2
64 above.0 --lr 1e-400
64 from.0.to --lr -1
64 from.1.to --image-size 0
64 from.1.to --image-size 99999
64 from.1.to.128 --threads 129
64 from.1.to --threads 0
64 from.1.to --loader-threads 0
64 from.0.to --weight-decay -1
64 from.0.to --val-split 1
64 not.a.number --val-split nan
64 must.be.from.0.to.9000000000000000 --seed -1
64 from.1.to --step-epochs 0
64 from.0.to --save-every -1
64 must.be.none,.flip --augment all
64 must.be.sgd --optimizer lion
64 nothing.to.train --freeze-until fc
64 not.a.child --freeze-until 6x
64 not.a.child --freeze-until 99999999999999999999
64 RUN.is.empty --out=
END
}

# ---- outputs ---------------------------------------------------------------------------------------------------------

@test "outputs: where nothing can be made, and onto what is there" {
    long=$(printf 'a%.0s' $(seq 300))
    touch file
    for place in /proc/none /dev/null file/run "$long"; do
        train_refused 73 '' --out "$place"
    done
    train_refused 73 'file: is not a folder' --out file
    for place in /proc/none file/x "$long" .; do
        refused 73 '' predict --quiet --model "$good" --out "$place" "$photos"
        refused 73 '' toy --out "$place"
    done
    refused 73 '/dev/null: is not a regular file' toy --out /dev/null # it is read again
    mkdir folder.pth
    for place in /proc/none.pth file/x.onnx "$long.safetensors" folder.pth; do
        refused 73 '' convert "$good" "$place"
    done
    if [ "$(id -u)" != 0 ]; then
        mkdir locked
        chmod 555 locked
        train_refused 73 'locked' --out locked/run
    fi
}

# limited BLOCKS COMMAND...: with files of at most so many kilobytes, which stands for a full disk.
limited() {
    (
        trap '' XFSZ
        ulimit -f "$1"
        "${@:2}" 2>&1 >/dev/null | cat >"$BATS_FILE_TMPDIR/limited.txt"
        exit "${PIPESTATUS[0]}"
    )
}

@test "outputs: a full disk leaves nothing of the file, and no empty run" {
    status=0
    limited 0 train --out run || status=$?
    [ "$status" = 74 ]
    [ ! -e run ]
    for blocks in 0 100 30000; do
        for file in out.pth out.onnx out.safetensors; do
            status=0
            limited $blocks "$FREEZETUNE" convert "$good" "$file" || status=$?
            [ "$status" = 74 ]
            [ -z "$(ls)" ]
        done
    done
    status=0
    limited 0 "$FREEZETUNE" predict --quiet --model "$good" --out out.csv "$photos" || status=$?
    [ "$status" = 74 ]
    status=0
    limited 0 "$FREEZETUNE" toy --out toy.safetensors || status=$?
    [ "$status" = 74 ]
    [ -z "$(ls)" ]
}

@test "outputs: a file system without room" {
    [ "$(id -u)" = 0 ] || skip "needs root to mount one"
    mkdir small
    mount -t tmpfs -o size=60m none small 2>/dev/null || skip "cannot mount here"
    head -c 40m /dev/zero >small/other
    converted=0
    "$FREEZETUNE" convert "$good" small/x.pth 2>/dev/null || converted=$?
    files=$(cd small && echo *)
    umount small
    [ "$converted" = 74 ]
    [ "$files" = other ]
}

@test "outputs: stdout closed or full: 74 in one line, and the run is whole" {
    for stdout in closed full; do
        rm -rf run
        status=0
        if [ $stdout = closed ]; then
            train --out run >&- 2>stderr.txt || status=$?
        else
            [ -c /dev/full ] || continue
            train --out run >/dev/full 2>stderr.txt || status=$?
        fi
        [ "$status" = 74 ]
        [ "$(wc -l <stderr.txt)" = 1 ]
        grep -q '^freezetune train: stdout: ' stderr.txt
        "$FREEZETUNE" inspect run/best.safetensors >/dev/null
        [ -e run/result.json ]
    done
}

# ---- memory ----------------------------------------------------------------------------------------------------------

# within KB COMMAND...: sets $status, under a limit of the address space; 124 where it waits for ever.
within() {
    status=0
    (ulimit -v "$1" && timeout 60 "$FREEZETUNE" "${@:2}") >stdout.txt 2>stderr.txt || status=$?
}

# OpenBLAS's start takes up to 180 MB of address space, and asks for ever where it does not get them.
@test "memory: what needs no BLAS works in little address space, and --version says what did not" {
    within 1000000 --version
    [ "$status" = 0 ] || skip "no program runs with a limit here"
    for limit in 120000 300000; do
        for command in --help --version "train --help" "inspect $good" "diff $good $good" "convert $good $limit.pth"; do
            IFS=' ' read -r -a words <<<"$command"
            within $limit "${words[@]}"
            [ "$status" = 0 ]
        done
    done
    within 120000 --version
    grep -q '^BLAS  *\(not enough memory for OpenBLAS (.*ulimit -v)\|.*0\.3\.\)' stdout.txt
}

@test "memory: where BLAS is needed and there is no room for it, 71 in one line, with any number of its threads" {
    within 1000000 --version
    [ "$status" = 0 ] || skip "no program runs with a limit here"
    # With plain C all products are OpenBLAS's, with AVX2 and more the gradient of the first convolution.
    for set in plain avx512; do
        for blas_threads in "" 8; do
            export FREEZETUNE_CPU=$set OPENBLAS_NUM_THREADS=$blas_threads
            [ "$blas_threads" ] || unset OPENBLAS_NUM_THREADS
            for limit in 120000 300000; do
                within $limit train --quiet --data "$photos" --image-size 32 --batch-size 4 --threads 2 --freeze-until 0 \
                    --arch resnet18 --weights random --out run
                [ "$status" = 71 ]
                [ "$(wc -l <stderr.txt)" = 1 ]
                [ ! -e run ]
            done
            grep -q 'not enough memory for OpenBLAS' stderr.txt
        done
    done
}

@test "memory: without enough of it, 71 in one line; no command waits for ever" {
    within 1000000 --version
    [ "$status" = 0 ] || skip "no program runs with a limit here"
    for limit in 120000 200000 300000 400000; do
        for command in "train --quiet --data $photos --image-size 32 --batch-size 4 --threads 2 --out run --weights" \
            "predict --threads 2 $photos/val --model" "eval --threads 2 --data $photos --model" "diff $good"; do
            IFS=' ' read -r -a words <<<"$command"
            rm -rf run
            within $limit "${words[@]}" "$good"
            if [ "$status" != 0 ]; then
                [ "$status" = 71 ]
                [ "$(wc -l <stderr.txt)" = 1 ]
                [ ! -e run ]
            fi
        done
    done
}
