#!/usr/bin/env bats
# train on tiny photos of coloured noise: a ResNet-18 at 32 pixels.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 12 4 40 1
    # Weights to start from, made by ourselves: three classes; of narrow networks, and for a few tests of wide ones.
    small_weights 1 12
    mv weights.safetensors narrow.safetensors
    wide
    small_weights 1 12
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    photos=$BATS_FILE_TMPDIR/photos
    weights=$BATS_FILE_TMPDIR/narrow.safetensors
    unset FREEZETUNE_WEIGHTS
}

# For a test that looks at a network's size, at bytes of weights by any number of threads, or kills what must still be at work.
wide_weights() {
    wide
    weights=$BATS_FILE_TMPDIR/weights.safetensors
}

# train OPTION...: three epochs of five steps. --keep-last: for comparing the state at the end too.
train() {
    "$FREEZETUNE" train --quiet --data "$photos" --weights "$weights" --image-size 32 --epochs 3 --batch-size 8 \
        --lr 0.01 --keep-last "$@"
}

# The same in the background, as $pid. (A shell without job control starts those with SIGINT ignored.)
train_aside() {
    env --default-signal=INT "$FREEZETUNE" train --quiet --data "$photos" --weights "$weights" --image-size 32 --epochs 3 --batch-size 8 \
        --lr 0.01 --keep-last "$@" >aside.txt 2>&1 &
    pid=$!
}

# The same results, up to the time they took.
same_run() {
    cmp "$1/best.safetensors" "$2/best.safetensors"
    cmp "$1/last.safetensors" "$2/last.safetensors"
    cmp "$1/predictions_val.csv" "$2/predictions_val.csv"
    cmp "$1/probabilities_val.csv" "$2/probabilities_val.csv"
    cmp "$1/confusion.csv" "$2/confusion.csv"
    cmp "$1/bad_images.tsv" "$2/bad_images.tsv"
    cmp <(cut -d, -f1-11 "$1/metrics.csv") <(cut -d, -f1-11 "$2/metrics.csv")
    cmp <(sed 's/, "seconds".*//' "$1/log.jsonl") <(sed 's/, "seconds".*//' "$2/log.jsonl")
}

# wait_lines FILE COUNT: until the file of a running process has so many lines.
wait_lines() {
    for _ in $(seq 1200); do
        if [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; then
            return 0
        fi
        sleep 0.05
    done
    return 1
}

@test "the frozen children are identical afterwards, the others have changed, and the run says so" {
    wide_weights
    run_split train --freeze-until 6 --out run
    [ "$status" = 0 ]
    [ -z "$err" ]
    grep -qE '^ +6  layer2 +525,568  frozen +eval$' stdout.txt
    grep -qE '^ +7  layer3 +2,099,712  trained +batch$' stdout.txt
    grep -qx 'frozen: children 1-6 (conv1..layer2), 60 tensors, 685,002 values: bit-identical' stdout.txt
    run_split "$FREEZETUNE" diff "$weights" run/best.safetensors
    [ "$status" = 1 ]
    grep -qx 'identical: 1 conv1, 2 bn1, 5 layer1, 6 layer2' stdout.txt
    grep -qx 'different: 7 layer3, 8 layer4, 10 fc' stdout.txt
    [ "$(cd run && printf '%s ' *)" = "bad_images.tsv best.safetensors config.json confusion.csv duplicates.tsv last.safetensors log.jsonl metrics.csv photos.bin predictions_val.csv probabilities_val.csv report.html result.json " ]
    [ "$(wc -l <run/metrics.csv)" = 4 ]
    [ "$(wc -l <run/log.jsonl)" = 18 ]
    [ "$(wc -l <run/predictions_val.csv)" = 13 ]
}

@test "eval of the best model measures what train measured" {
    command -v python3 >/dev/null || skip "no python3 to compare with"
    train --freeze-until 5 --batch-size 8 --out run >/dev/null
    "$FREEZETUNE" eval --quiet --model run/best.safetensors --data "$photos" --batch-size 8 --json >eval.json
    python3 -c '
import csv, json
best = [row for row in csv.DictReader(open("run/metrics.csv")) if row["best"] == "1"][-1]
found = json.load(open("eval.json"))
assert abs(found["accuracy"] - float(best["val_accuracy"])) < 1e-8, (found["accuracy"], best)
assert abs(found["loss"] - float(best["val_loss"])) <= 1e-8 * found["loss"], (found["loss"], best)
assert abs(found["macro_f1"] - float(best["val_macro_f1"])) < 1e-8, (found["macro_f1"], best)'
}

@test "the same seed gives the same bytes with any number of threads, another seed does not" {
    wide_weights
    train --freeze-until 5 --augment standard --threads 1 --out one >/dev/null
    train --freeze-until 5 --augment standard --threads 2 --loader-threads 1 --out two >/dev/null
    train --freeze-until 5 --augment standard --threads 3 --loader-threads 5 --out three >/dev/null
    same_run one two
    same_run one three
    train --freeze-until 5 --augment standard --seed 1 --out other >/dev/null
    run cmp -s one/best.safetensors other/best.safetensors
    [ "$status" = 1 ]
}

@test "Ctrl-C finishes the step and saves; --resume goes on to the same bytes" {
    wide_weights
    train --freeze-until 5 --optimizer adam --lr 0.001 --warmup 1 --out whole >/dev/null
    for signal in INT TERM; do
        train_aside --freeze-until 5 --optimizer adam --lr 0.001 --warmup 1 --out run
        wait_lines run/log.jsonl 8 # the second epoch
        kill -s $signal "$pid"
        status=0
        wait "$pid" || status=$?
        [ "$status" = "$([ $signal = INT ] && echo 130 || echo 143)" ]
        [ -e run/last.safetensors ]
        run_split "$FREEZETUNE" train --resume run --quiet --threads 2
        [ "$status" = 0 ]
        grep -q '^frozen: children 1-5 (conv1..layer1), .*: bit-identical$' stdout.txt
        same_run whole run
        rm -rf run
    done
}

@test "kill -9 at any moment and --resume come to the same bytes" {
    wide_weights
    train --freeze-until 6 --out whole >/dev/null
    train_aside --freeze-until 6 --out run --save-every 0.0001
    wait_lines run/config.json 1
    kill -9 "$pid"
    wait "$pid" || true
    for lines in 2 6 7 11 14; do
        "$FREEZETUNE" train --resume run --quiet --save-every 0.0001 >/dev/null 2>&1 &
        pid=$!
        wait_lines run/log.jsonl "$lines"
        sleep "0.0$((RANDOM % 100))"
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" || true
    done
    "$FREEZETUNE" train --resume run --quiet >/dev/null
    same_run whole run
    [ -z "$(find run -name '*.part')" ]
    # A finished run has nothing to go on with, and says the same.
    "$FREEZETUNE" train --resume run --quiet | tail -1 | grep -q '^frozen: '
    same_run whole run
}

@test "a run that is over keeps its best model alone, and --resume says again how it ended" {
    # As at the end, but for the times of the last table.
    "$FREEZETUNE" train --quiet --data "$photos" --weights "$weights" --image-size 32 --epochs 2 --batch-size 8 \
        --freeze-until 6 --out run | grep -v '^time ' >first.txt
    [ "$(cd run && printf '%s ' *.safetensors)" = "best.safetensors " ]
    cp run/best.safetensors run/metrics.csv .
    # Another optimizer state would not fit: nothing of it is read. What the run was is still checked.
    run_split "$FREEZETUNE" train --quiet --resume run
    [ "$status" = 0 ]
    tail -n 6 first.txt >expected.txt
    tail -n 6 stdout.txt | cmp - expected.txt
    grep -q '^frozen: children 1-6 (conv1..layer2), 60 tensors, 3,462 values: bit-identical$' stdout.txt
    cmp best.safetensors run/best.safetensors
    cmp metrics.csv run/metrics.csv
    [ "$(cd run && printf '%s ' *.safetensors)" = "best.safetensors " ]
    [ "$("$FREEZETUNE" train --quiet --resume run --json | grep -c '"ended_by": "epochs",')" = 1 ]
    fails 64 '--epochs cannot be changed .*--weights RUN/best.safetensors' "$FREEZETUNE" train --resume run --epochs 4
    # More epochs by the back door would go on without the optimizer.
    sed -i 's/"epochs": 2,/"epochs": 4,/' run/config.json
    fails 65 'run: is finished and has no last.safetensors' "$FREEZETUNE" train --quiet --resume run
    # The option keeps it, and --resume without the option lets the option of the run count.
    train --freeze-until 6 --out kept >/dev/null
    "$FREEZETUNE" train --quiet --resume kept >/dev/null
    [ -e kept/last.safetensors ]
}

@test "--resume refuses options that would change the result" {
    train --freeze-until 9 --out run >/dev/null
    fails 64 '--lr cannot be changed' "$FREEZETUNE" train --resume run --lr 0.1
    fails 66 'nowhere/config.json: cannot be opened' "$FREEZETUNE" train --resume nowhere
    cp -r "$photos" moved
    "$FREEZETUNE" train --resume run --data moved --quiet >/dev/null
    cp moved/train/class0/00.png moved/train/class0/new.png
    fails 65 'the photos have changed' "$FREEZETUNE" train --resume run --data moved --quiet
    fails 65 'is not the file that the run started with' "$FREEZETUNE" train --resume run --weights run/best.safetensors --quiet
    sed -i 's/"lr": 0.01/"lr": "much"/' run/config.json
    fails 65 'run/config.json: .*much' "$FREEZETUNE" train --resume run
    echo '{}' >run/config.json
    fails 65 'is not the config.json of a run' "$FREEZETUNE" train --resume run
}

@test "a damaged checkpoint is refused, and stays as it is" {
    train --freeze-until 9 --out run >/dev/null
    cp run/last.safetensors good
    head -c 10000 good >run/last.safetensors
    fails 65 'last.safetensors: ' "$FREEZETUNE" train --resume run --quiet
    [ "$(stat -c %s run/last.safetensors)" = 10000 ]
    cp run/best.safetensors run/last.safetensors
    fails 65 'last.safetensors: holds no state of a run' "$FREEZETUNE" train --resume run --quiet
    sed 's/optimizer.step.fc.weight/optimizer.step.fc.height/' good >run/last.safetensors
    fails 65 "tensor 'optimizer.step.fc.weight' is missing" "$FREEZETUNE" train --resume run --quiet
    cp good run/last.safetensors
    sed -i 2,3d run/log.jsonl
    fails 65 'log.jsonl: has fewer than the 18 lines' "$FREEZETUNE" train --resume run --quiet
}

@test "a disk that is full ends the run with what was whole before" {
    wide_weights
    # A limit on the size of files stands for the disk: the model fits, the checkpoint with its momentum does not.
    (
        ulimit -f 60000
        fails 74 'last.safetensors: writing failed.*; best.safetensors of epoch [1-3] is good, there is no last.safetensors yet and --resume starts again: continue with: freezetune train --resume run$' train --freeze-until 6 --out run
    )
    [ "$(cd run && printf '%s ' *.safetensors*)" = "best.safetensors " ]
    "$FREEZETUNE" inspect run/best.safetensors >/dev/null
    train --freeze-until 6 --out whole >/dev/null
    "$FREEZETUNE" train --resume run --quiet >/dev/null
    same_run whole run
}

@test "two processes do not work on one run" {
    train_aside --freeze-until 9 --epochs 100000 --out run
    wait_lines run/log.jsonl 1
    fails 73 'another freezetune is running' "$FREEZETUNE" train --resume run --quiet
    kill "$pid"
    wait "$pid" || [ $? = 143 ]
}

@test "--dry-run shows everything and makes nothing" {
    run_split train --dry-run --freeze-until layer3
    [ "$status" = 0 ]
    grep -qE '^ +7  layer3 +8,352  frozen +eval$' stdout.txt
    grep -q '^memory  ' stdout.txt
    grep -q '^work  .*FLOP a photo' stdout.txt
    grep -qE '^time    (about|under) .* an epoch of 5 steps, .* in all$' stdout.txt
    [ ! -e runs ]
    train --dry-run --json | grep -q '"steps_per_epoch": 5,$'
}

@test "the time that is left is said after each epoch, and by --resume with where it goes on" {
    one() {
        "$FREEZETUNE" train --data "$photos" --weights "$weights" --image-size 32 --epochs 3 --batch-size 8 \
            --freeze-until 6 --lr 0.01 "$@"
    }
    run_split one --out run
    [ "$status" = 0 ]
    grep -qE '^epoch 1/3 .*  (about|under) [0-9.]+ (s|min.*) left$' stderr.txt
    grep -qE '^epoch 2/3 .* left$' stderr.txt
    [ "$(grep -cE '^epoch 3/3 .* left$' stderr.txt)" = 0 ]
    # It may be over before; and by a limit it is over then.
    run_split one --patience 2 --out patient
    grep -qE '^time .* in all at most$' stdout.txt
    grep -qE '^epoch 1/3 .*  at most [a-z]* ?[0-9.]+ (s|min.*) left$' stderr.txt
    run_split one --epochs 100000 --time-limit 1 --dry-run
    grep -qE '^time .*, about (1 min 00|[1-5][0-9]) s in all$' stdout.txt
    run_split one --time-limit 0.000001 --out limited
    run_split "$FREEZETUNE" train --resume limited --time-limit 0
    [ "$status" = 0 ]
    grep -qE '^continues in epoch 1 of 3, step 2 of 5; (about|under) .* left$' stderr.txt
    run_split "$FREEZETUNE" train --resume limited
    grep -qx 'the run is over: nothing is left to train' stderr.txt
}

@test "runs are numbered, and --data and --weights have their defaults" {
    cp -r "$photos" data
    FREEZETUNE_WEIGHTS=$weights "$FREEZETUNE" train --freeze-until 9 --image-size 32 --epochs 1 --quiet >/dev/null
    FREEZETUNE_WEIGHTS=$weights "$FREEZETUNE" train --freeze-until 9 --image-size 32 --epochs 1 --quiet --json >out.json
    grep -qx '  "run": "runs/2",' out.json
    grep -q '"identical": true' out.json
    [ "$(cd runs && printf '%s ' *)" = "1 2 " ]
}

@test "photos are resized as the weights want it, at --image-size, or as --resize says" {
    "$FREEZETUNE" convert --resize 36 --crop 32 "$weights" narrow.safetensors
    one() {
        "$FREEZETUNE" train --quiet --data "$photos" --epochs 1 --freeze-until 9 "$@" >/dev/null
    }
    one --weights narrow.safetensors --image-size 32 --out a
    one --weights narrow.safetensors --image-size 64 --out b
    one --weights narrow.safetensors --image-size 32 --resize 33 --out c
    one --weights random --arch resnet18 --image-size 32 --resize 34 --out d
    "$FREEZETUNE" convert --interpolation bicubic narrow.safetensors cubic.safetensors
    one --weights cubic.safetensors --image-size 32 --out e
    one --weights narrow.safetensors --image-size 32 --interpolation bicubic --out f
    one --weights cubic.safetensors --image-size 32 --interpolation bilinear --out g
    for pair in a:36:32:bilinear b:72:64:bilinear c:33:32:bilinear d:34:32:bilinear e:36:32:bicubic g:36:32:bilinear; do
        IFS=: read -r run resize crop filter <<<"$pair"
        "$FREEZETUNE" inspect --json "$run/best.safetensors" |
            grep -F "\\\"resize\\\": $resize, \\\"crop\\\": $crop, \\\"interpolation\\\": \\\"$filter\\\","
    done
    cmp e/best.safetensors f/best.safetensors
    cmp a/best.safetensors g/best.safetensors
    run cmp -s a/best.safetensors e/best.safetensors
    [ "$status" = 1 ]
}

@test "a new head is drawn for other classes, even for as many, and said in a line" {
    "$BUILD/tests/tools/make_photos" two 2 6 3 40 2
    run_split "$FREEZETUNE" train --data two --weights "$weights" --image-size 32 --epochs 1 --freeze-until 9 --out a
    [ "$status" = 0 ]
    grep -qx "head: fc is re-initialised for 2 classes (the file's has 3 outputs)" stderr.txt
    cp -r "$photos" other
    mv other/train/class2 other/train/zebra
    mv other/val/class2 other/val/zebra
    run_split "$FREEZETUNE" train --data other --weights "$weights" --image-size 32 --epochs 1 --freeze-until 9 --out b
    grep -q '^head: fc is re-initialised for 3 classes' stderr.txt
    run_split "$FREEZETUNE" train --data "$photos" --weights "$weights" --image-size 32 --epochs 1 --freeze-until 9 --out c
    absent '^head' stderr.txt
}

@test "--bn-frozen batch moves the running statistics and nothing else" {
    run_split train --freeze-until 6 --bn-frozen batch --epochs 1 --out run
    [ "$status" = 0 ]
    grep -qx 'frozen: children 1-6 (conv1..layer2), 30 tensors, 3,332 values: bit-identical; 30 running statistics moved, as --bn-frozen batch asks' stdout.txt
    run_split "$FREEZETUNE" diff --tensors "$weights" run/best.safetensors
    grep -q '^layer1.0.bn1.running_mean ' stdout.txt
    absent '^layer1.*\(conv\|weight\|bias\)'
}

@test "random weights are proved frozen too" {
    run_split "$FREEZETUNE" train --quiet --data "$photos" --weights random --arch resnet18 --image-size 32 --epochs 1 \
        --freeze-until 5 --out run
    [ "$status" = 0 ]
    grep -q '^frozen: children 1-5 (conv1..layer1), .*: bit-identical$' stdout.txt
}

@test "a bad photo is named, listed and skipped; --strict refuses it" {
    cp -r "$photos" mixed
    echo text >mixed/train/class1/x.jpg
    head -c 700 mixed/train/class0/01.bmp >mixed/val/class2/cut.jpg
    photos=mixed
    run_split "$FREEZETUNE" train --data mixed --weights "$weights" --image-size 32 --epochs 1 --freeze-until 9 --out run
    [ "$status" = 0 ]
    grep -q 'train/class1/x.jpg: .*; skipped$' stderr.txt
    [ "$(cut -f1,2 run/bad_images.tsv | tr '\t\n' '  ')" = "list file train class1/x.jpg val class2/cut.jpg " ]
    fails 65 'class1/x.jpg: .*--strict' train --strict --out strict
    [ ! -e strict ]
}

@test "a rest too small for BatchNorm is left out and said" {
    "$BUILD/tests/tools/make_photos" nine 3 3 1 40 2
    run_split "$FREEZETUNE" train --data nine --weights "$weights" --image-size 32 --epochs 2 --batch-size 4 --freeze-until 6 --out run
    [ "$status" = 0 ]
    grep -q 'the last 1 photo of an epoch is too few for BatchNorm and left out' stderr.txt
    [ "$(cut -d, -f9,10 run/metrics.csv | tail -1)" = 8,1 ]
    fails 64 'BatchNorm' train --batch-size 1 --freeze-until 6 --out no
}

@test "a loss that is no number ends the run before anything of it is saved" {
    fails 78 '^freezetune train: the training diverged: .*; lower --lr' train --freeze-until 5 --lr 1e6 --augment none --out run
    [ ! -e run/best.safetensors ]
    [ ! -e run/last.safetensors ]
}

@test "what makes no sense is refused in one line" {
    fails 64 'leaves nothing to train' train --freeze-until 10
    fails 64 'must be 0 to 9' train --freeze-until 11
    fails 64 'must be 0 to 9' train --freeze-until -1
    fails 64 'not a child' train --freeze-until layer5
    fails 64 '--lr nan' train --lr nan
    fails 64 '--lr 0' train --lr 0
    fails 64 '--lr 1,5' train --lr 1,5
    fails 64 '--epochs 0' train --epochs 0
    fails 64 '--momentum' train --momentum 1
    fails 64 '--nesterov' train --optimizer adam --nesterov
    fails 64 '--momentum only applies to --optimizer sgd' train --optimizer adamw --momentum 0.9
    fails 64 '--step-epochs only applies to --schedule step' train --step-epochs 3
    fails 64 '--gamma only applies to --schedule step' train --schedule constant --gamma 0.5
    fails 64 '--warmup' train --warmup 3
    fails 64 '--arch resnet50: .*resnet18' train --arch resnet50
    fails 64 '--val-split' train --val-split 0.2
    fails 64 'unknown option' train --learning-rate 1
    fails 66 'nowhere' train --data nowhere
    fails 66 'nowhere' train --weights nowhere
    fails 65 '' train --weights "$photos/train/class0/00.png"
    [ ! -e runs ]
}

@test "an output that cannot be created is an error before the first step" {
    mkdir full
    touch full/something
    fails 73 'full' train --out full
    fails 73 'full/something' train --out full/something/run
}

@test "an output that cannot be created is found before photos and weights are looked at" {
    mkdir full
    touch full/something
    for command in train sweep; do
        fails 73 'full: is not empty' "$FREEZETUNE" $command --data nowhere --weights nowhere --out full
        fails 73 'full/something: is not a folder' "$FREEZETUNE" $command --data nowhere --out full/something
        # Nobody may write there, not even root.
        fails 73 '^freezetune [a-z]*: /proc/a/run: cannot write there: /proc' \
            "$FREEZETUNE" $command --data nowhere --out /proc/a/run
    done
    # The look leaves nothing behind.
    fails 66 'nowhere' "$FREEZETUNE" train --data nowhere --out new/run
    [ "$(ls -A)" = "$(printf '%s\n' full stderr.txt stdout.txt)" ]
}

@test "folders that are no data set are refused" {
    mkdir -p empty one/train/a one/val/a
    cp "$photos/train/class0/00.png" one/train/a
    cp "$photos/train/class0/02.png" one/val/a
    fails 65 'empty' train --data empty --val-split 0.2
    fails 65 'only one class' train --data one
    cp -r "$photos" extra
    cp -r extra/val/class0 extra/val/only
    fails 65 'only' train --data extra
}

@test "--augment trivial and --color-jitter change the run, are recorded, and give the same with any threads" {
    train --freeze-until 6 --augment trivial --color-jitter 0.4,0.4,0.4,0.1 --threads 1 --out one >/dev/null
    train --freeze-until 6 --augment trivial --color-jitter 0.4,0.4,0.4,0.1 --threads 3 --out three >/dev/null
    same_run one three
    grep -qx '    "augment": "trivial",' one/config.json
    grep -qx '    "color-jitter": "0.4,0.4,0.4,0.1",' one/config.json
    train --freeze-until 6 --augment trivial --out other >/dev/null
    run cmp -s one/best.safetensors other/best.safetensors
    [ "$status" = 1 ]
    train --freeze-until 6 --out standard >/dev/null
    run cmp -s standard/best.safetensors other/best.safetensors
    [ "$status" = 1 ]
    train --freeze-until 6 --augment trivial --color-jitter 0.4,0.4,0.4,0.1 --decode fast --out fast >/dev/null
    same_run one fast # small photos are decoded as ever
    grep -qx '    "decode": "fast",' fast/config.json
    fails 64 '--color-jitter needs --augment standard or trivial, not flip' \
        train --augment flip --color-jitter 1,1,1,0 --out bad
    for wrong in 0.4 1,1,1 1,1,1,1,1 1,,1,0 1,1,1,-0.1 1,1,1,nan 1,1,1,0.1x ' 1,1,1,0' 300,1,1,0; do
        fails 64 '--color-jitter' train --color-jitter "$wrong" --out bad
    done
    fails 64 'at most 0\.5' train --color-jitter 1,1,1,0.6 --out bad
}

@test "--random-erasing changes the run, is recorded, and gives the same with any threads and any pieces" {
    erasing() {
        train --freeze-until 6 --random-erasing 0.5 --bn-trained eval "$@"
    }
    erasing --threads 1 --out one >/dev/null
    erasing --threads 3 --out three >/dev/null
    same_run one three
    grep -qx '    "random-erasing": 0.5,' one/config.json
    train --freeze-until 6 --bn-trained eval --out none >/dev/null
    run cmp -s one/best.safetensors none/best.safetensors
    [ "$status" = 1 ]
    # A piece of a batch has its own photos' holes: the loss of the first step is that of the whole.
    erasing --micro-batch 3 --out pieces >/dev/null
    losses=$(for run in one pieces none; do head -1 $run/log.jsonl | sed 's/.*"loss": \([0-9.e-]*\).*/\1/'; done)
    read -r whole pieces none <<<"${losses//$'\n'/ }"
    awk -v a="$whole" -v b="$pieces" -v c="$none" 'BEGIN {
        print a, b, c
        exit !(a > 0 && (a - b) ^ 2 < 1e-10 * a * a && (a - c) ^ 2 > 1e-6 * a * a)
    }'
    erasing --mixup 1 --out mixed >/dev/null
    run cmp -s one/best.safetensors mixed/best.safetensors
    [ "$status" = 1 ]
    fails 64 '--random-erasing needs --augment standard or trivial, not none' \
        train --augment none --random-erasing 0.1 --out bad
    fails 64 '--random-erasing 1.5: ' train --random-erasing 1.5 --out bad
}

@test "classes with nothing to train on or to validate on are named, a few of them" {
    "$BUILD/tests/tools/make_photos" many 9 2 1 40 1
    rm many/val/class[0-7]/*
    for photo in many/train/class3/*; do : >"$photo"; done
    run_split "$FREEZETUNE" train --data many --weights random --arch resnet18 --image-size 32 --dry-run
    [ "$status" = 0 ]
    [ "$(grep -c 'class class[0-7] has no photo to validate on, so its accuracy is not known$' stderr.txt)" = 5 ]
    grep -q 'warning: 3 more classes have no photo to validate on$' stderr.txt
    [ "$(grep -c 'class class[0-4] has [12] photos* to train on; with fewer than 20' stderr.txt)" = 4 ]
    grep -q 'warning: class class3: its 2 photos to train on cannot be read, so it cannot be learned (class3/00.png: an empty file)$' stderr.txt
    grep -q 'warning: 4 more classes have fewer than 20 photos' stderr.txt
}
