#!/usr/bin/env bats
# scripts/fetch.sh and scripts/get-weights.sh (the rest is in weights.bats), without a network: file: URLs and a port where nobody listens.

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

@test "get-weights: usage, and no program" {
    run sh "$scripts/get-weights.sh" --v3
    [ "$status" -eq 64 ]
    HOME=$PWD FREEZETUNE=$PWD/none PATH=/usr/bin:/bin run sh "$scripts/get-weights.sh"
    [ "$status" -eq 66 ]
    [[ "$output" == *"build it first with make"* ]]
}

@test "get-weights: calls freezetune weights get" {
    mkdir -p data/freezetune
    echo weights >data/freezetune/resnet50.safetensors
    XDG_DATA_HOME=$PWD/data run sh "$scripts/get-weights.sh"
    [ "$status" -eq 0 ]
    [ "$output" = "$PWD/data/freezetune/resnet50.safetensors" ]
    HOME=$PWD XDG_DATA_HOME=$PWD/data XDG_CACHE_HOME=$PWD/cache FREEZETUNE_MODELS_URL=http://127.0.0.1:9 \
        run sh "$scripts/get-weights.sh" --v2
    [ "$status" -eq 66 ]
    [[ "$output" == *"resnet50-11ad3fa6.pth"* ]]
}
