#!/usr/bin/env bats
# Several threads, several processes and a signal, as small as they can be: `make tsan` runs these under ThreadSanitizer, so
# each one takes a way through the program where two threads meet.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 6 2 40 1
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    # More threads than most machines have processors: they overtake each other.
    many=(--threads 4 --loader-threads 3)
    one=(--threads 1 --loader-threads 1)
}

# train ARGUMENT...: a short training; the cache is the test's own.
train() {
    "$FREEZETUNE" train --quiet --data "$photos" --weights random --arch resnet18 --image-size 32 --batch-size 4 \
        --cache-dir "$PWD/cache" "$@"
}

@test "steps with BatchNorm over the batch, augmentation and gradients: one thread and four to the same bytes" {
    train --freeze-until 0 --epochs 1 --augment standard --cache off "${one[@]}" --out one >/dev/null
    train --freeze-until 0 --epochs 1 --augment standard --cache off "${many[@]}" --out many >/dev/null
    cmp one/best.safetensors many/best.safetensors
}

@test "two runs at once fill one cache, a third reads it" {
    train --freeze-until 8 --epochs 2 --augment flip --cache disk "${many[@]}" --out a >/dev/null &
    local first=$! code=0
    train --freeze-until 8 --epochs 2 --augment flip --cache disk "${many[@]}" --out b >/dev/null
    wait $first || code=$?
    [ "$code" = 0 ]
    train --freeze-until 8 --epochs 2 --augment flip --cache disk "${one[@]}" --out c >/dev/null
    cmp a/best.safetensors b/best.safetensors
    cmp a/best.safetensors c/best.safetensors
    train --freeze-until 8 --epochs 2 --augment flip --cache ram "${many[@]}" --out d >/dev/null
    cmp a/best.safetensors d/best.safetensors
}

@test "Ctrl-C while the threads work: 130, and the run goes on" {
    env --default-signal=INT "$FREEZETUNE" train --quiet --data "$photos" --weights random --arch resnet18 --image-size 32 \
        --batch-size 4 --freeze-until 6 --epochs 5000 --cache off "${many[@]}" --out run >/dev/null 2>stderr.txt &
    local pid=$! code=0
    for _ in $(seq 1200); do
        [ ! -s run/log.jsonl ] || break
        sleep 0.05
    done
    kill -INT $pid
    wait $pid || code=$?
    [ "$code" = 130 ]
    [ -s run/last.safetensors ]
    # Another one early, when the threads have only begun.
    env --default-signal=INT "$FREEZETUNE" train --quiet --resume run >/dev/null 2>stderr.txt &
    pid=$! code=0
    for _ in $(seq 1200); do
        [ "$(ls /proc/$pid/task | wc -l)" -lt 2 ] || break
        sleep 0.01
    done
    kill -INT $pid
    wait $pid || code=$?
    [ "$code" = 130 ]
}

@test "predict and eval by several threads: what one thread answers" {
    train --freeze-until 9 --epochs 1 --cache off --out run >/dev/null
    for threads in 1 4; do
        "$FREEZETUNE" predict --model run/best.safetensors --threads $threads --format jsonl "$photos/val" >predict.$threads
        "$FREEZETUNE" eval --model run/best.safetensors --data "$photos" --threads $threads --json >eval.$threads
    done
    [ -s predict.1 ]
    cmp predict.1 predict.4
    cmp eval.1 eval.4
}
