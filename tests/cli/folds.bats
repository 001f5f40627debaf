#!/usr/bin/env bats
# train --folds and train --lr find, on tiny photos of coloured noise.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    "$BUILD/tests/tools/make_photos" photos 3 8 0 40 1
    "$BUILD/tests/tools/make_photos" split 3 3 2 40 1
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 8 \
        --freeze-until 8 --epochs 2 --folds 3 --keep-last --out whole >whole.txt
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    whole=$BATS_FILE_TMPDIR/whole
    unset FREEZETUNE_WEIGHTS
}

train() {
    "$FREEZETUNE" train --quiet --data "$photos" --weights random --arch resnet18 --image-size 32 \
        --batch-size 8 --freeze-until 8 --epochs 2 --keep-last "$@"
}

# The same in the background, as $!. (A shell without job control starts those with SIGINT ignored.)
train_aside() {
    exec env --default-signal=INT "$FREEZETUNE" train --quiet --data "$photos" --weights random --arch resnet18 \
        --image-size 32 --batch-size 8 --freeze-until 8 --epochs 2 --keep-last "$@" >aside.txt 2>&1
}

@test "each photo validates once over all folds, and the table has their mean" {
    [ "$(cd "$whole" && printf '%s ' *)" = "config.json fold-1 fold-2 fold-3 folds.csv photos.bin report.html " ]
    (cd "$photos" && find . -type f | sed 's|^\./||' | sort) >all.txt
    for fold in 1 2 3; do
        tail -n +2 "$whole/fold-$fold/predictions_val.csv" | cut -d, -f1
    done | sort >validated.txt
    cmp all.txt validated.txt
    command -v python3 >/dev/null || skip "no python3 to compare with"
    python3 - "$whole" <<'END'
import csv, statistics, sys
whole = sys.argv[1]
rows = list(csv.DictReader(open(whole + "/folds.csv")))
assert [row["fold"] for row in rows] == ["1", "2", "3"] and all(row["state"] == "done" for row in rows)
assert all(int(row["train_photos"]) + int(row["val_photos"]) == 24 for row in rows)
values = [float(row["val_accuracy"]) for row in rows]
text = open(whole + ".txt").read()
assert "accuracy  %.1f %% +- %.1f\n" % (100 * statistics.mean(values), 100 * statistics.stdev(values)) in text, text
right = sum(row["right"] in ("1", "true", "yes") for fold in (1, 2, 3)
            for row in csv.DictReader(open(whole + "/fold-%d/predictions_val.csv" % fold)))
assert "together  %d of 24 photos right" % right in text, text
END
}

@test "one fold by itself is the same run" {
    train --folds 3 --fold 2 --out one >/dev/null
    cmp one/best.safetensors "$whole/fold-2/best.safetensors"
    cmp one/last.safetensors "$whole/fold-2/last.safetensors"
    "$FREEZETUNE" train --resume "$whole/fold-2" --quiet | grep -q '^frozen: '
}

@test "a table that a kill left behind the last fold is written by --resume" {
    cp -r "$whole" part
    rm part/folds.csv
    "$FREEZETUNE" train --resume part --quiet >/dev/null
    cmp part/folds.csv "$whole/folds.csv"
}

@test "stopped or killed, --resume goes on to the same bytes" {
    for signal in INT KILL; do
        train_aside --folds 3 --out part &
        pid=$!
        for _ in $(seq 1200); do
            [ ! -s part/fold-2/log.jsonl ] || break
            sleep 0.02
        done
        kill -s $signal "$pid"
        status=0
        wait "$pid" || status=$?
        [ "$status" = "$([ $signal = INT ] && echo 130 || echo 137)" ]
        "$FREEZETUNE" train --resume part --quiet >part.txt
        for fold in 1 2 3; do
            cmp "part/fold-$fold/last.safetensors" "$whole/fold-$fold/last.safetensors"
            cmp "part/fold-$fold/best.safetensors" "$whole/fold-$fold/best.safetensors"
        done
        cmp <(cut -d, -f1-9 part/folds.csv) <(cut -d, -f1-9 "$whole/folds.csv")
        cmp <(grep +- part.txt) <(grep +- "$BATS_FILE_TMPDIR/whole.txt")
        rm -r part
    done
}

@test "what makes no sense is refused in one line" {
    fails 64 'has train/ and val/ already: leave --folds out' train --data "$BATS_FILE_TMPDIR/split" --folds 3 --out no
    fails 64 'choose one' train --folds 3 --val-split 0.2 --out no
    fails 64 '--fold 2: needs --folds' train --fold 2 --out no
    fails 64 '--fold 4: must be 1 to 3' train --folds 3 --fold 4 --out no
    fails 64 '--folds 1: must be from 2' train --folds 1 --out no
    fails 65 '24 photos can validate, too few for 1000 folds: use --folds 24 or fewer' train --folds 1000 --out no
    [ ! -e no ]
    train --folds 3 --dry-run --out no | grep -qE '^time .* an epoch of 2 steps.*, (about|under) .* a run, (about|under) .* in all$'
    [ ! -e no ]
}

@test "a class with fewer photos than folds is missing in some, and a class of one trains in all" {
    cp -r "$photos" small
    mkdir small/pair small/single
    cp small/class0/00.png small/class0/01.bmp small/pair
    cp small/class1/00.png small/single
    train --data small --folds 4 --epochs 1 --out run >/dev/null
    for fold in 1 2 3 4; do
        tail -n +2 "run/fold-$fold/predictions_val.csv" | cut -d, -f1 >"fold-$fold.txt"
        [ "$(grep -c ^class0 "fold-$fold.txt")" = 2 ] # of 8
    done
    [ "$(cat fold-*.txt | grep -v ^single | sort)" = "$(cd small && find . -type f | sed 's|^\./||' | grep -v ^single | sort)" ]
    [ "$(grep -l ^pair fold-*.txt | wc -l)" = 2 ]
    [ "$(cat fold-*.txt | grep -c ^single || true)" = 0 ]
    run_split "$FREEZETUNE" train --data small --folds 4 --fold 1 --dry-run --weights random --arch resnet18 --image-size 32
    [ "$status" = 0 ]
    grep -q "^freezetune: warning: class single has no photo to validate on: its only photo trains" stderr.txt
}

@test "--lr find draws the test, takes its rate, and the run is that of the rate" {
    run_split train --val-split 0.3 --batch-size 2 --epochs 1 --lr find --out found
    [ "$status" = 0 ]
    [ "$(head -1 found/lr_find.csv)" = step,lr,loss,smoothed ]
    count=$(wc -l <found/lr_find.csv)
    [ "$count" -gt 20 ]
    [ "$count" -le 101 ]
    rate=$(sed -n 's/^    "lr": \(.*\),$/\1/p' found/config.json)
    grep -q "^lr      $rate: a tenth of .*, where the smoothed loss was least; $((count - 1)) steps$" stdout.txt
    # A tenth of the rate with the least smoothed loss, to two digits.
    [ "$(tail -n +2 found/lr_find.csv | sort -t, -gk4 | head -1 | awk -F, '{ printf "%.1e", $2 / 10 }')" = "$(printf %.1e "$rate")" ]
    train --val-split 0.3 --batch-size 2 --epochs 1 --lr "$rate" --out named >/dev/null
    cmp found/best.safetensors named/best.safetensors
    cmp found/last.safetensors named/last.safetensors
    # Resuming does not look again.
    cp found/lr_find.csv kept.csv
    rm found/last.safetensors found/result.json # as if killed before it saved anything
    "$FREEZETUNE" train --resume found --quiet >/dev/null
    cmp found/last.safetensors named/last.safetensors
    cmp found/lr_find.csv kept.csv
    train --val-split 0.3 --batch-size 2 --epochs 1 --lr find --threads 3 --loader-threads 1 --out other >/dev/null
    cmp found/lr_find.csv other/lr_find.csv
    fails 64 '--lr finds: not a number' train --lr finds
    train --val-split 0.3 --batch-size 2 --epochs 1 --lr find --dry-run >plan.txt
    grep -q '^memory ' plan.txt
    grep -q '^time .* an epoch of [0-9]* steps.*, up to .* to find the rate, .* in all$' plan.txt
    train --val-split 0.3 --batch-size 2 --epochs 1 --dry-run --json >plain.json
    train --val-split 0.3 --batch-size 2 --epochs 1 --lr find --dry-run --json >find.json
    grep -q '"seconds_to_find_lr": 0,' plain.json
    grep -q '"seconds_to_find_lr": 0\.[0-9]' find.json
}
