#!/usr/bin/env bats
# docs/formats.md against the files that runs write.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    "$BUILD/tests/tools/make_photos" photos 2 8 4 40 1
    train() { "$FREEZETUNE" "$@" --quiet --image-size 32 --batch-size 6 --epochs 1 >/dev/null 2>&1; }
    train train --data photos --weights random --arch resnet18 --freeze-until 8 --augment none --out plain &&
        train train --data photos --weights plain --freeze-until 8 --lr find --clip-norm 1 --ema 0.9 --keep-last --tensorboard --threads 1 \
            --loader-threads 1 --micro-batch 3 --resize 36 --limit 7 --augment none --out full &&
        train sweep --data photos --weights plain --freeze-until 8,9 --out sweep &&
        train train --data photos/train --weights plain --freeze-until 9 --folds 2 --augment none --out folds
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    root=$BATS_TEST_DIRNAME/../..
    runs=$BATS_FILE_TMPDIR
    "$FREEZETUNE" train --help >help.txt
}

@test "docs/formats.md has the keys and columns of real runs, and no others" {
    run python3 "$root/tests/support/documented_keys.py" "$root/docs/formats.md" help.txt "$runs/full" "$runs/plain" \
        "$runs/sweep" "$runs/folds"
    [ "$status" = 0 ]
}

@test "a key that docs/formats.md lacks, and one that it has too many, are found" {
    sed '/^| `steps_per_epoch` /d; s/^| `val_right` |/| `val_wrong` |/; s/`smoothed`/`smooth`/' "$root/docs/formats.md" >formats.md
    run python3 "$root/tests/support/documented_keys.py" formats.md help.txt "$runs/full" "$runs/plain" "$runs/sweep" "$runs/folds"
    [ "$status" = 1 ]
    [[ $output == *"only in the file: ['steps_per_epoch']"* ]]
    [[ $output == *"only in the document: ['val_wrong'], only in the file: ['val_right']"* ]]
    [[ $output == *"lr_find.csv: only in the document: ['smooth']"* ]]
}
