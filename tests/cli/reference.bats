#!/usr/bin/env bats
# predict on 40 ImageNet photos with real weights against what PyTorch answered: pixels, top-1, logits.

load shared

setup() {
    need_shared data/imagenet40
    photos=$shared/data/imagenet40
    cd "$BATS_TEST_TMPDIR" || return 1
}

has_libjpeg() {
    "$FREEZETUNE" --version | grep -qi turbo
}

# The best index of each photo, a line each: from reference.json, and from predict's JSON lines.
wanted_indices() {
    awk '/"top5"/ { getline; gsub(/[ ,]/, ""); print }' "$photos/reference.json"
}
found_indices() {
    sed -E 's/.*"top": ?\[ ?\{"index": ?([0-9]+).*/\1/' "$1"
}

@test "pixels after decode, resize and crop are Pillow's to the last bit" {
    has_libjpeg || skip "this build decodes JPEG by stb_image"
    run "$BUILD/tests/tools/reference_check" pixels "$photos" "$photos/reference_pixels.safetensors"
    [ "$status" -eq 0 ]
    [ "$output" = "4 of 4 photos equal" ]
}

@test "predict: top-1 and logits as PyTorch's, with one thread and with two" {
    need_shared_weights
    # libjpeg-turbo: the same pixels, so rounding alone is left (measured: 8.4e-7 of the largest).
    # stb_image: pixels 0.02 grey levels away on average (measured: logits 1.4e-2), so one photo may change its class.
    if has_libjpeg; then least=40 limit=1e-4; else least=39 limit=0.05; fi
    wanted_indices >wanted
    [ "$(wc -l <wanted)" -eq 40 ]
    for threads in 1 2; do
        "$FREEZETUNE" predict --model "$weights" --top-k 5 --format jsonl --threads $threads \
            --logits "logits$threads.safetensors" "$photos" >"found$threads.jsonl"
        [ "$(sed -E 's/.*"file": ?"([^"]*)".*/\1/; s|.*/||' "found$threads.jsonl")" = \
            "$(sed -nE 's/.*"file": "([^"]*)".*/\1/p' "$photos/reference.json")" ]
        right=$(found_indices "found$threads.jsonl" | paste -d' ' - wanted | awk '$1 == $2' | wc -l)
        echo "threads $threads: $right of 40"
        [ "$right" -ge "$least" ]
        "$BUILD/tests/tools/reference_check" logits "logits$threads.safetensors" "$photos/reference_logits.safetensors" \
            "$limit"
    done
    cmp logits1.safetensors logits2.safetensors
    cmp found1.jsonl found2.jsonl
}

@test "--decode fast: small photos keep their pixels, the answer for a photo of four megapixels stays" {
    has_libjpeg || skip "this build decodes JPEG by stb_image"
    need_shared_weights
    mkdir small large
    for name in n01443537_goldfish n01806143_peacock n02056570_king_penguin; do
        cp "$photos/$name.JPEG" small/$name.jpg
        "$BUILD/tests/tools/decode_check" enlarge small/$name.jpg large/$name.jpg 4
    done
    predict() {
        "$FREEZETUNE" predict --model "$weights" --format jsonl --top-k 3 "$@"
    }
    predict small >small.exact
    predict --decode fast small | cmp - small.exact
    # Measured on all 40, enlarged like this: a mean of 0.19 grey levels, 0.34 in the worst photo, no value by more than 4;
    # the same best class for all 40.
    "$BUILD/tests/tools/decode_check" compare 0 small/*.jpg
    "$BUILD/tests/tools/decode_check" compare 0.5 large/*.jpg | tee compared.txt
    [ "$(grep -c 'shift [123]' compared.txt)" = 3 ]
    predict large >large.exact
    predict --decode fast --threads 1 large >large.fast
    predict --decode fast --threads 3 large | cmp - large.fast
    cmp <(found_indices large.exact) <(found_indices large.fast)
    run cmp -s large.exact large.fast
    [ "$status" = 1 ]
}
