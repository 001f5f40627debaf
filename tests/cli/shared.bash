# For bats: real weights and photos that are not part of the tree. $FREEZETUNE_SHARED names their folder (default: shared
# beside the repository); a test that needs them skips where they are absent.

shared_folder() {
    local root
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    echo "${FREEZETUNE_SHARED:-$root/../shared}"
}

# need_shared PART...: skips unless all parts of the folder are there. Sets $shared.
need_shared() {
    shared=$(shared_folder)
    local part
    for part in "$@"; do
        [ -e "$shared/$part" ] || skip "$shared/$part is not here (FREEZETUNE_SHARED)"
    done
}

# Sets $weights to real ImageNet weights, unpacked once below build/.
need_shared_weights() {
    need_shared unpack weights
    local root
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    sh "$shared/unpack" "$root/build/shared-weights" || return 1
    # shellcheck disable=SC2034 # for the test
    weights=$root/build/shared-weights/resnet50-a.safetensors
}
