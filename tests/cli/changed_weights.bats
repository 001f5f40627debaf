#!/usr/bin/env bats
# A weight file that is cut, overwritten or replaced while a command works with it: what was loaded is what counts.

load common

setup_file() {
    "$BUILD/tests/tools/make_model" "$BATS_FILE_TMPDIR/m.safetensors" 32 class0 class1 class2
    "$BUILD/tests/tools/make_model" "$BATS_FILE_TMPDIR/other.safetensors" 32 ants bees cats
    "$BUILD/tests/tools/fill_weights" "$BATS_FILE_TMPDIR/m.safetensors" "$BATS_FILE_TMPDIR/filled.safetensors" \
        layer1.0.conv1.weight 0.5
    "$BUILD/tests/tools/make_photos" "$BATS_FILE_TMPDIR/photos" 3 4 2 40 1
    "$FREEZETUNE" train --quiet --data "$BATS_FILE_TMPDIR/photos" --weights "$BATS_FILE_TMPDIR/m.safetensors" \
        --image-size 32 --batch-size 6 --epochs 6 --freeze-until 6 --threads 1 --out "$BATS_FILE_TMPDIR/whole" >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_FILE_TMPDIR/m.safetensors" w.safetensors
    photos=$BATS_FILE_TMPDIR/photos
}

# meanwhile COMMAND...: a run over the weights w.safetensors, held still once they are loaded, while the command works.
# Sets $status; its outputs are in stdout.txt and stderr.txt.
meanwhile() {
    rm -rf run
    "$FREEZETUNE" train --data "$photos" --weights w.safetensors --image-size 32 --batch-size 6 --epochs 6 \
        --freeze-until 6 --threads 1 --json --out run "${options[@]}" >stdout.txt 2>stderr.txt 3>&- &
    local pid=$!
    until [ -e run/config.json ]; do
        kill -0 $pid || break # it ended too soon: its outputs say why
        sleep 0.005
    done
    kill -STOP $pid
    "$@"
    kill -CONT $pid
    status=0
    wait $pid || status=$?
}

# The run ended as if nothing had happened, and said what has.
ended_well() {
    [ "$status" = 0 ]
    grep -q 'warning: .*w.safetensors: is no longer the file that this run loaded' stderr.txt
    grep -q '"weights_changed": true' stdout.txt
    grep -q '"identical": true' stdout.txt
    [ -e run/result.json ]
    cmp run/best.safetensors "$BATS_FILE_TMPDIR/whole/best.safetensors"
    cmp run/predictions_val.csv "$BATS_FILE_TMPDIR/whole/predictions_val.csv"
}

@test "train: a weight file that is cut, overwritten, replaced or removed does not matter to the run" {
    options=()
    meanwhile truncate -s 100000 w.safetensors
    ended_well
    cp "$BATS_FILE_TMPDIR/m.safetensors" w.safetensors
    meanwhile cp "$BATS_FILE_TMPDIR/filled.safetensors" w.safetensors
    ended_well
    cp "$BATS_FILE_TMPDIR/m.safetensors" w.safetensors
    meanwhile mv "$BATS_FILE_TMPDIR/other.safetensors" w.safetensors
    ended_well
    cp "$BATS_FILE_TMPDIR/m.safetensors" w.safetensors
    meanwhile rm w.safetensors
    ended_well
}

@test "train: the same file again is no change" {
    options=()
    meanwhile touch w.safetensors
    [ "$status" = 0 ]
    grep -q '"weights_changed": false' stdout.txt
    [ "$(grep -c 'no longer the file' stderr.txt)" = 0 ]
    cp w.safetensors again
    meanwhile mv again w.safetensors
    [ "$status" = 0 ]
    grep -q '"weights_changed": false' stdout.txt
}

@test "train: --resume wants the file as it was" {
    options=(--epochs 2)
    meanwhile truncate -s 100000 w.safetensors
    run_split "$FREEZETUNE" train --resume run
    [ "$status" = 65 ]
    cp "$BATS_FILE_TMPDIR/m.safetensors" w.safetensors
    "$FREEZETUNE" train --resume run | grep -q 'bit-identical$'
}
