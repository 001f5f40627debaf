#!/usr/bin/env bats
# --options: the options of another run, from its config.json.

load common
narrow

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 3 6 4 40 1
    # Every kind of option: number, size, word, choice, text, list, flag.
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --epochs 4 --batch-size 5 \
        --freeze-until layer4 --unfreeze-at 2:7 --unfreeze-at 3:6 --lr 0.0123456789012345 --seed 9000000000000000 --nesterov \
        --label-smoothing 0.1 --color-jitter 0.4,0.4,0.4,0.1 --bn-frozen batch --cache-limit 2G --out other >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    other=$BATS_FILE_TMPDIR/other
}

@test "a run with the options of another is that run, byte for byte" {
    "$FREEZETUNE" train --quiet --options "$other/config.json" --out file >/dev/null
    "$FREEZETUNE" train --quiet --options "$other" --threads 1 --out folder >/dev/null
    cmp file/best.safetensors "$other/best.safetensors"
    cmp folder/best.safetensors "$other/best.safetensors"
    cmp file/config.json "$other/config.json"
}

@test "an option of the command line counts, and a list is not added to" {
    "$FREEZETUNE" train --quiet --options "$other" --lr 0.5 --unfreeze-at 2:5 --epochs 2 --out run >/dev/null
    python3 - "$other" <<'END'
import json, sys
run, other = (json.load(open(f"{folder}/config.json"))["options"] for folder in ("run", sys.argv[1]))
assert {key for key in run if run[key] != other[key]} == {"lr", "unfreeze-at", "epochs"}
assert (run["lr"], run["unfreeze-at"], run["epochs"]) == (0.5, ["2:5"], 2)
END
    fails 64 '--gamma only applies to --schedule step' "$FREEZETUNE" train --options "$other" --gamma 0.5
    fails 64 '--momentum only applies to --optimizer sgd' "$FREEZETUNE" train --options "$other" --optimizer adam --momentum 0.5
    fails 64 '--nesterov' "$FREEZETUNE" train --quiet --options "$other" --optimizer adam --out no # of the file
}

@test "a sweep takes a run's options, and a run a sweep's where it says what to train" {
    python3 -c 'import json, sys; root = json.load(open(sys.argv[1])); root["options"].update({"unfreeze-at": [], "lr": 0.0125}); json.dump(root, open("one.json", "w"))' \
        "$other/config.json"
    "$FREEZETUNE" sweep --quiet --options one.json --freeze-until 7,8 --epochs 1 --out s >/dev/null
    [ "$(cd s && echo ./*/)" = "./7-0.0125/ ./8-0.0125/" ]
    "$FREEZETUNE" sweep --quiet --options s --out again >/dev/null
    cmp s/reproduce.sh again/reproduce.sh
    cmp s/8-0.0125/best.safetensors again/8-0.0125/best.safetensors
    "$FREEZETUNE" train --quiet --options s --freeze-until 8 --lr 0.0125 --out run >/dev/null
    cmp run/best.safetensors s/8-0.0125/best.safetensors
    fails 64 '--freeze-until 7,8: not a number' "$FREEZETUNE" train --quiet --options s --lr 0.1 --out no
}

# refused PATTERN OPTIONS: a config with these options.
refused() {
    printf '{"options": %s}' "$2" >bad.json
    fails 65 "bad.json: $1" "$FREEZETUNE" train --quiet --options bad.json --out no
    [ ! -e no ]
}

@test "a key that is wrong is named, and a file that is no config is refused" {
    refused "option 'epoch' is unknown" '{"epoch": 3}'
    refused "option 'out' is unknown" '{"out": "/tmp/elsewhere"}'
    refused "option 'resume' is unknown" '{"resume": "run"}'
    refused "option 'x\\\\x1b\\[31m|option 'x" '{"x\u001b[31m": 3}'
    refused "option 'epochs' has a value of the wrong type" '{"epochs": "3"}'
    refused "option 'nesterov' has a value of the wrong type" '{"nesterov": 1}'
    refused '--epochs 0: must be from 1' '{"epochs": 0}'
    refused '--epochs 1.5: not a whole number' '{"epochs": 1.5}'
    refused '--optimizer sgdd: must be' '{"optimizer": "sgdd"}'
    refused '--lr .*: ' '{"lr": 1e99}'
    refused 'is not the config.json of a run' '[]'
    for text in '' '{' '[]' 'text' '{"options": null}' "$(printf '\377\376')"; do
        printf '%s' "$text" >bad.json
        fails 65 'bad.json: is not the config.json of a run' "$FREEZETUNE" train --options bad.json
    done
    python3 -c 'import json; print(json.dumps({"options": {str(i): i for i in range(2000)}}))' >bad.json
    fails 65 'is not the config.json of a run' "$FREEZETUNE" train --options bad.json
    fails 65 'best.safetensors: ' "$FREEZETUNE" train --options "$other/best.safetensors"
    fails 66 'missing.json: cannot be opened, so there are no options to take' "$FREEZETUNE" train --options missing.json
    fails 64 '--options cannot be changed when a run is resumed' "$FREEZETUNE" train --resume "$other" --options "$other"
}
