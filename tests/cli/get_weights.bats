#!/usr/bin/env bats
# scripts/fetch.sh and scripts/get-weights.sh, without a network: file: URLs and a port where nobody listens.

load common

setup() {
    scripts="$BATS_TEST_DIRNAME/../../scripts"
    cd "$BATS_TEST_TMPDIR" || return 1
    command -v curl >/dev/null || skip "curl is not here"
    head -c 100000 /dev/zero | tr '\0' 'x' >source
    right=$(sha256sum source | cut -d' ' -f1)
    wrong=$(printf '%064d' 0)
}

@test "fetch: a whole file with the right hash appears, its folder made" {
    run sh "$scripts/fetch.sh" "file://$PWD/source" new/got "$right"
    [ "$status" -eq 0 ]
    cmp source new/got
    [ ! -e new/got.part ]
}

@test "fetch: a broken download is continued, not begun again" {
    # The first half is marked, so that a new start would be seen; without a hash nothing else tells.
    head -c 50000 /dev/zero | tr '\0' 'y' >got.part
    run sh "$scripts/fetch.sh" "file://$PWD/source" got
    [ "$status" -eq 0 ]
    [ "$(stat -c %s got)" -eq 100000 ]
    [ "$(head -c 1 got)" = y ]
    [ "$(tail -c 1 got)" = x ]
}

@test "fetch: a part that is already whole is taken as it is" {
    cp source got.part
    run sh "$scripts/fetch.sh" http://127.0.0.1:9/source got "$right"
    [ "$status" -eq 0 ]
    cmp source got
}

@test "fetch: wrong bytes never appear under the name, and are not kept" {
    run sh "$scripts/fetch.sh" "file://$PWD/source" got "$wrong"
    [ "$status" -eq 65 ]
    [[ "$output" == *"SHA-256"* ]]
    [ ! -e got ]
    [ ! -e got.part ]
}

@test "fetch: a file that is there and right needs no network, one that is wrong is replaced" {
    cp source got
    run sh "$scripts/fetch.sh" http://127.0.0.1:9/source got "$right"
    [ "$status" -eq 0 ]
    echo other >got
    run sh "$scripts/fetch.sh" "file://$PWD/source" got "$right"
    [ "$status" -eq 0 ]
    cmp source got
}

@test "fetch: no network is one plain error, and the earlier file stays" {
    echo earlier >got
    run sh "$scripts/fetch.sh" http://127.0.0.1:9/source got "$right"
    [ "$status" -eq 66 ]
    [[ "$output" == *"cannot download http://127.0.0.1:9/source"* ]]
    [ "$(cat got)" = earlier ]
    [ ! -e got.part ]
}

@test "fetch: usage" {
    run sh "$scripts/fetch.sh" only-one
    [ "$status" -eq 64 ]
}

@test "get-weights: what is there is left alone and named" {
    mkdir -p data/freezetune
    echo weights >data/freezetune/resnet50.safetensors
    XDG_DATA_HOME=$PWD/data run sh "$scripts/get-weights.sh"
    [ "$status" -eq 0 ]
    [ "$output" = "$PWD/data/freezetune/resnet50.safetensors" ]
}

@test "get-weights: an empty machine gets a reason and a way out, and no file" {
    HOME=$PWD XDG_DATA_HOME=$PWD/data XDG_CACHE_HOME=$PWD/cache FREEZETUNE_MODELS_URL=http://127.0.0.1:9 \
        run sh "$scripts/get-weights.sh"
    [ "$status" -eq 66 ]
    [[ "$output" == *"$PWD/data/freezetune/resnet50.safetensors"* ]]
    [ ! -e data/freezetune/resnet50.safetensors ]
}

@test "get-weights: the hub's .pth is converted where train looks; V2 by its own name" {
    hub=cache/torch/hub/checkpoints
    mkdir -p "$hub" bin
    "$BUILD/tests/tools/make_model" model.safetensors 64 ants bees
    "$FREEZETUNE" convert model.safetensors "$hub/resnet50-0676ba61.pth"
    cp "$hub/resnet50-0676ba61.pth" "$hub/resnet50-11ad3fa6.pth"
    # Nobody can make a file of a given sum: this one says of any file that it is right.
    printf '#!/bin/sh\nexit 0\n' >bin/sha256sum
    chmod +x bin/sha256sum
    for v in "" -v2; do
        # shellcheck disable=SC2086 # nothing or one word
        HOME=$PWD XDG_DATA_HOME=$PWD/data XDG_CACHE_HOME=$PWD/cache PATH=$PWD/bin:$PATH \
            run sh "$scripts/get-weights.sh" ${v:+-$v}
        [ "$status" -eq 0 ]
        [ "${lines[-1]}" = "$PWD/data/freezetune/resnet50$v.safetensors" ]
        cmp model.safetensors "data/freezetune/resnet50$v.safetensors"
        [ -e "$hub/resnet50-11ad3fa6.pth" ]
    done
}

@test "get-weights: without the program there is a reason, before anything is downloaded" {
    HOME=$PWD XDG_DATA_HOME=$PWD/data XDG_CACHE_HOME=$PWD/cache FREEZETUNE=$PWD/none \
        FREEZETUNE_MODELS_URL=http://127.0.0.1:9 run sh "$scripts/get-weights.sh"
    [ "$status" -eq 66 ]
    [[ "$output" == *"build it first with make"* ]] || command -v freezetune
}

@test "get-weights: a hub copy with wrong bytes is not used" {
    hub=cache/torch/hub/checkpoints
    mkdir -p "$hub"
    echo garbage >"$hub/resnet50-0676ba61.pth"
    HOME=$PWD XDG_DATA_HOME=$PWD/data XDG_CACHE_HOME=$PWD/cache FREEZETUNE_MODELS_URL=http://127.0.0.1:9 \
        run sh "$scripts/get-weights.sh"
    [ "$status" -eq 66 ]
    [[ "$output" != *"using $hub"* ]]
    [ ! -e data/freezetune/resnet50.safetensors ]
}

@test "get-weights: usage" {
    run sh "$scripts/get-weights.sh" --v3
    [ "$status" -eq 64 ]
}
