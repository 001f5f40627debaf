#!/usr/bin/env bats
# Folders in the place of a weight file: what trainers leave behind, and a .pth that was unpacked.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    "$BUILD/tests/tools/make_model" good.safetensors 32 ants bees cats
    "$FREEZETUNE" convert good.safetensors good.pth
    "$FREEZETUNE" predict --model good.safetensors --format jsonl "$BATS_TEST_DIRNAME/../fixtures/photos/grey.jpg" >expected
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    photo=$BATS_TEST_DIRNAME/../fixtures/photos/grey.jpg
    cp "$BATS_FILE_TMPDIR"/{good.safetensors,good.pth,expected} .
}

# lay FOLDER NAME...: a folder with these files, of which the one called TAKE:name is a model and the others are none.
lay() {
    local folder=$1 name
    shift
    for name in "$@"; do
        mkdir -p "$(dirname "$folder/${name#TAKE:}")"
        case $name in
        TAKE:*.safetensors) cp good.safetensors "$folder/${name#TAKE:}" ;;
        TAKE:*) cp good.pth "$folder/${name#TAKE:}" ;;
        *) echo other >"$folder/$name" ;;
        esac
    done
}

# reads FOLDER FILE: the folder stands for the file, and one remark says so.
reads() {
    run_split "$FREEZETUNE" predict --model "$1" --format jsonl "$photo"
    [ "$status" = 0 ]
    cmp stdout.txt expected
    [ "$err" = "weights: read from $2" ]
}

@test "the folders of trainers stand for the file that is the best or the only one" {
    lay output/train/20260101-resnet18 args.yaml summary.csv checkpoint-7.pth.tar last.pth.tar TAKE:model_best.pth.tar
    for folder in output/train/20260101-resnet18 output/train output; do
        reads $folder output/train/20260101-resnet18/model_best.pth.tar
    done
    lay lightning_logs/version_0 hparams.yaml TAKE:checkpoints/epoch=9-step=100.ckpt
    reads lightning_logs lightning_logs/version_0/checkpoints/epoch=9-step=100.ckpt
    lay runs/classify/train args.yaml results.csv weights/last.pt TAKE:weights/best.pt
    reads runs/classify/train runs/classify/train/weights/best.pt
    lay work_dirs/resnet18 last_checkpoint epoch_1.pth epoch_10.pth TAKE:best_accuracy_top1_epoch_10.pth
    reads work_dirs work_dirs/resnet18/best_accuracy_top1_epoch_10.pth
    lay fastai/models TAKE:stage-2.pth photos.bin
    reads fastai fastai/models/stage-2.pth
    lay trainer/checkpoint-500 config.json optimizer.pt scheduler.pt rng_state.pth training_args.bin TAKE:model.safetensors
    reads trainer trainer/checkpoint-500/model.safetensors
    lay imagenet checkpoint.pth.tar TAKE:model_best.pth.tar
    reads imagenet imagenet/model_best.pth.tar
}

@test "several files or folders are named, and none of them is guessed" {
    lay references checkpoint.pth model_0.pth model_1.pth
    fails 66 'references: holds several weight files \(checkpoint\.pth, model_0\.pth, model_1\.pth\): name one of them, references/NAME$' \
        "$FREEZETUNE" inspect references
    for i in $(seq 0 12); do
        lay many "epoch_$i.pth"
    done
    fails 66 'many: holds several weight files \(epoch_0\.pth, epoch_1\.pth, epoch_2\.pth, \.\.\., epoch_10\.pth, epoch_11\.pth, epoch_12\.pth\)' \
        "$FREEZETUNE" inspect many
    lay two best_loss.pth best_accuracy.pth last.pth bestiary.pth
    fails 66 'two: holds several weight files \(best_accuracy' "$FREEZETUNE" inspect two
    lay trainer/checkpoint-500 model.safetensors
    lay trainer/checkpoint-1000 model.safetensors
    fails 66 'trainer: holds several folders with weights \(checkpoint-500, checkpoint-1000\): name one of them, trainer/NAME$' \
        "$FREEZETUNE" inspect trainer
    lay parts model.safetensors.index.json config.json
    fails 66 'parts: the folder holds a model in several files' "$FREEZETUNE" inspect parts
    lay dcp .metadata
    fails 66 'dcp: the folder holds a distributed checkpoint of PyTorch.*dcp_to_torch' "$FREEZETUNE" inspect dcp
    lay deep a/b/c/d/model.pth
    fails 66 'deep: a folder without weights' "$FREEZETUNE" inspect deep
    lay state optimizer.pt rng_state_0.pth .hidden.pth photos.bin flowers.tar
    fails 66 'state: a folder without weights' "$FREEZETUNE" inspect state
}

@test "nothing is chosen from a folder with more files than are looked at, unless its name says all" {
    mkdir many
    (cd many && seq -f %05g.jpg 20001 | xargs touch)
    lay many TAKE:model.pth
    fails 66 '^freezetune inspect: many: holds more than 20000 entries, too many to look for the weights among them: name the weight file$' \
        "$FREEZETUNE" inspect many
    mkdir above
    mv many above
    fails 66 '^freezetune inspect: above: holds more than 20000 entries' "$FREEZETUNE" inspect above
    lay above TAKE:model.safetensors
    "$FREEZETUNE" diff --quiet above good.safetensors
}

@test "an unpacked .pth is read, and one that was packed again says to unpack it" {
    command -v python3 >/dev/null || skip "no python3 to unpack an archive with"
    python3 -m zipfile -e good.pth unpacked
    inside=$(echo unpacked/*/data.pkl)
    reads unpacked "$inside"
    reads "${inside%/data.pkl}" "$inside"
    run_split "$FREEZETUNE" diff "$inside" good.safetensors
    [ "$status" = 0 ]
    "$FREEZETUNE" convert unpacked again.pth
    cmp again.pth good.pth
    python3 - "${inside%/data.pkl}" <<'PYTHON'
import pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[1])
def pack(name, prefix, method, folders):
    with zipfile.ZipFile(name, "w", method) as archive:
        if folders:
            archive.writestr(prefix, "")
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, prefix + path.relative_to(folder).as_posix())
pack("compressed.pth", "model/", zipfile.ZIP_DEFLATED, False)
pack("nested.pth", "a/model/", zipfile.ZIP_STORED, False)
pack("folders.pth", "model/", zipfile.ZIP_STORED, True)
PYTHON
    for name in compressed nested folders; do
        fails 65 "$name\.pth: byte [0-9]+: .*; if it was packed again by hand, unpack it and give the folder" "$FREEZETUNE" inspect $name.pth
        python3 -m zipfile -e $name.pth out-$name
        run_split "$FREEZETUNE" diff out-$name good.safetensors
        [ "$status" = 0 ]
    done
    fails 64 'is the input' "$FREEZETUNE" convert unpacked "$inside" --format pth
}
