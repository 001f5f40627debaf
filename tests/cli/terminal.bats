# What is shown on a terminal fits it: every command in pseudo-terminals of 60, 80 and 120 columns.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    "$BUILD/tests/tools/make_photos" photos 3 6 4 40 1
    for part in train val; do
        mv photos/$part/class0 "photos/$part/a class with a name that is rather long"
        mv photos/$part/class1 "photos/$part/猫の写真がたくさんあるところ"
    done
    echo "no photo" >"photos/val/class2/a-broken-photo-with-a-name-that-is-rather-long-too.jpg"
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --freeze-until 8 \
        --epochs 1 --batch-size 6 --lr 0.01 --cache off --out base >/dev/null
}

setup() {
    command -v python3 >/dev/null || skip "no python3 to make a terminal with"
    cd "$BATS_TEST_TMPDIR" || return
    script=$BATS_TEST_DIRNAME/../support/in_terminal.py
    photos=$BATS_FILE_TMPDIR/photos
    model=$BATS_FILE_TMPDIR/base/best.safetensors
    open=(--data "$photos" --weights "$model" --image-size 32 --epochs 2 --batch-size 6 --cache-dir "$BATS_FILE_TMPDIR/features")
}

# fits CODE COMMAND...: at each width no line is wider than the terminal, and it ends with the code. screen.txt is the last.
fits() {
    local code=$1
    shift
    for columns in 120 80 60; do
        rm -rf run
        status=0
        python3 "$script" $columns "$FREEZETUNE" "$@" >screen.txt 2>wider.txt || status=$?
        if [ "$status" != "$code" ]; then
            printf '%s columns: exit code %s, expected %s\n' "$columns" "$status" "$code"
            cat wider.txt screen.txt
            return 1
        fi
    done
}

@test "the pseudo-terminal finds a line that is too wide" {
    status=0
    python3 "$script" 60 printf '%061d\n' 0 >screen.txt 2>wider.txt || status=$?
    [ "$status" = 99 ]
    grep -q '^61 columns, not 60: 000' wider.txt
    python3 "$script" 60 printf '%060d\n' 0 >screen.txt
    [ "$(wc -c <screen.txt)" = 61 ]
    status=0
    python3 "$script" 9 printf '猫猫猫猫猫\n' >screen.txt 2>wider.txt || status=$?
    [ "$status" = 99 ]
}

@test "train fits: a run, its epochs once, and what may be typed next" {
    fits 0 train "${open[@]}" --freeze-until 8 --head-lr-mult 3 --unfreeze-at 2:7 --lr 0.01 --augment flip --out run
    [ "$(grep -cE '^ +[12] .* s( +best)?$' screen.txt)" = 2 ]
    [ "$(grep -c '^epoch ' screen.txt)" = 1 ]
    grep -q '^best    epoch ' screen.txt
    grep -q '^next    freezetune eval --model run/best.safetensors' screen.txt
}

@test "a resumed run shows the epochs that were before" {
    fits 0 train "${open[@]}" --freeze-until 8 --lr 0.01 --out run --time-limit 0.000001
    python3 "$script" 80 "$FREEZETUNE" train --resume run --time-limit 0 >screen.txt
    [ "$(grep -cE '^ +[12] .* s( +best)?$' screen.txt)" = 2 ]
    # Nothing is left to be done and no row was shown: the table is.
    python3 "$script" 80 "$FREEZETUNE" train --resume run --quiet >screen.txt
    [ "$(grep -cE '^ +[12] .* s( +best)?$' screen.txt)" = 2 ]
}

@test "train fits: --dry-run, --json, folds, lr find, an error" {
    fits 0 train "${open[@]}" --freeze-until 6 --dry-run --warmup 1 --schedule step
    grep -q '^epochs  2, ' screen.txt
    grep -q '^lr      0.003, step schedule' screen.txt
    fits 0 train "${open[@]}" --freeze-until 8 --lr find --augment none --out run
    fits 66 train "${open[@]}" --data "$photos/no/such/folder/with/a/name/that/is/longer/than/any/terminal/is/wide/I/hope"
    fits 73 train "${open[@]}" --out "$photos"
    fits 64 train data="$photos"
}

@test "eval and predict fit" {
    fits 65 eval --model "$model" --data "$photos" --profile
    grep -qE '^accuracy [0-9.]+ % .95 % interval [0-9.]+ to [0-9.]+ %.  loss ' screen.txt
    fits 65 predict --model "$model" --top-k 3 "$photos/val"
    fits 66 predict --model "$model" "$photos/val/nothing-of-this-name-lies-here-but-its-name-is-long.jpg"
}

@test "diff and inspect fit" {
    sed 's/layer4.0.conv1/layer4.0.convx/' "$model" >other.safetensors
    fits 1 diff --tensors "$model" other.safetensors
    fits 0 inspect "$model"
    # A value is wrapped, not cut.
    tr -d ' \n' <screen.txt | grep -qF '"class2","猫の写真がたくさんあるところ"]'
    fits 0 inspect --arch resnet152 --freeze-until 6 --batch-size 128
}

@test "sweep fits" {
    fits 0 sweep "${open[@]}" --freeze-until 7..9 --lr 0.01,1e6 --augment none --epochs 1 --out run
    grep -qE '^ +8 = 9 +0.01 ' screen.txt
    grep -q ' diverged$' screen.txt
}

@test "cache, bench, toy, convert and --version fit" {
    "$FREEZETUNE" train "${open[@]}" --quiet --augment none --cache disk --out filled >/dev/null
    fits 0 cache list --cache-dir "$BATS_FILE_TMPDIR/features"
    fits 0 bench --arch resnet18 --image-size 32 --batch-size 2 --repeat 1 --profile
    fits 0 toy --out a-file-with-a-name-that-is-really-rather-long-for-such-a-small-network.safetensors
    fits 0 convert "$model" a-file-with-a-name-that-is-really-rather-long-for-such-a-small-network.pth
    fits 66 convert no-file-with-a-name-that-is-really-rather-long-for-such-a-small-network x.pth
    fits 0 --version
}

@test "--help of every command fits" {
    fits 0 --help
    for command in $("$FREEZETUNE" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }'); do
        fits 0 "$command" --help
    done
}

@test "what goes elsewhere than to a terminal is whole" {
    "$FREEZETUNE" predict --model "$model" --top-k 1 "$photos/val" >whole.txt 2>stderr.txt || true
    COLUMNS=60 "$FREEZETUNE" predict --model "$model" --top-k 1 "$photos/val" >again.txt 2>again.err || true
    cmp whole.txt again.txt
    cmp stderr.txt again.err
    grep -qF "$photos/val/a class with a name that is rather long/00.png" whole.txt
    [ "$(wc -l <stderr.txt)" = 2 ]
}
