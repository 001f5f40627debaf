#!/usr/bin/env bats
# scripts/idx_to_png: an IDX data set as PNG class folders.

load common

setup() {
    tool="$BUILD/scripts/idx_to_png"
    cd "$BATS_TEST_TMPDIR" || return 1
    # Six photos of 2x3 pixels, labels 7 9 7 7 9 1.
    { printf '\0\0\10\3\0\0\0\6\0\0\0\2\0\0\0\3' && printf '%036d' 0; } >images
    printf '\0\0\10\1\0\0\0\6\7\11\7\7\11\1' >labels
}

@test "each wanted label gets its own photos, after those skipped" {
    run "$tool" images labels out 1 1 7=Sneaker 9=Boot
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$(cd out && find . -type f | sort | tr '\n' ' ')" = "./Boot/00004.png ./Sneaker/00002.png " ]
    # PNG: the signature, then IHDR with width 3 and height 2, 8 bits, grey.
    [ "$(head -c 26 out/Boot/00004.png | od -An -tx1 | tr -d ' \n')" = \
        89504e470d0a1a0a0000000d4948445200000003000000020800 ]
}

@test "too few photos of a label is an error that counts them" {
    run "$tool" images labels out 2 2 7=Sneaker
    [ "$status" -eq 65 ]
    [ "$output" = "idx_to_png: label 7 (Sneaker) has 3 photos, 4 are wanted" ]
}

@test "files that are not what they say" {
    head -c 30 images >short
    run "$tool" short labels out 0 1 7=Sneaker
    [ "$status" -eq 65 ]
    run "$tool" labels labels out 0 1 7=Sneaker
    [ "$status" -eq 65 ]
    printf '\0\0\10\3\377\377\377\377\377\377\377\377\377\377\377\377' >huge
    run "$tool" huge labels out 0 1 7=Sneaker
    [ "$status" -eq 65 ]
    printf '\0\0\10\1\0\0\0\5\7\11\7\7\11' >five
    run "$tool" images five out 0 1 7=Sneaker
    [ "$status" -eq 65 ]
    run "$tool" missing labels out 0 1 7=Sneaker
    [ "$status" -eq 66 ]
    [ ! -e out ]
}

@test "a command line that makes no sense" {
    run "$tool" images labels out 0
    [ "$status" -eq 64 ]
    for wish in 7 7= 7=a/b 256=x -1=x x=y; do
        run "$tool" images labels out 0 1 "$wish"
        [ "$status" -eq 64 ]
    done
    run "$tool" images labels out 0 0 7=x
    [ "$status" -eq 64 ]
}
