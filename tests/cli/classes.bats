#!/usr/bin/env bats
# Which class each output of a model stands for: names in the file, beside it, by --classes, or by the order of folders.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    # The outputs are not in the order of the folders.
    "$BUILD/tests/tools/make_model" model.safetensors 32 cats ants bees
    without_metadata model.safetensors plain.safetensors
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/*.safetensors .
    fixtures=$BATS_TEST_DIRNAME/../fixtures
    photo=$fixtures/photos/s422.jpg
    mkdir -p data/{ants,bees,cats}
    local class i=0
    for class in ants bees cats; do
        for name in s420 s422 s444 grey progressive; do cp "$fixtures/photos/$name.jpg" data/$class/$((i++)).jpg; done
    done
    by_hand=(--resize 37 --crop 32)
    flags=(--data data --val-split 0.4 --image-size 32 --resize 37 --freeze-until 9 --epochs 1 --augment none --cache off)
}

answers() {
    "$FREEZETUNE" predict --quiet --format jsonl "$@" "$photo"
}

@test "--classes names the outputs for predict, in every form" {
    answers --model model.safetensors >expected
    printf '\357\273\277cats\r\n\r\n ants\r\nbees' >names.txt
    echo '["cats", "ants", "bees"]' >list.json
    echo '{"0": "cats", "2": "bees", "1": "ants"}' >numbers.json
    echo '{"ants": 1, "bees": 2, "cats": 0}' >names.json
    echo '{"0": ["n1", "cats"], "1": ["n2", "ants"], "2": ["n3", "bees"]}' >keras.json
    echo '{"model_type": "resnet", "id2label": {"0": "cats", "1": "ants", "2": "bees"}}' >config
    for classes in cats,ants,bees ' cats , ants,bees' '["cats", "ants", "bees"]' names.txt list.json numbers.json names.json \
        keras.json config; do
        answers --model plain.safetensors "${by_hand[@]}" --classes "$classes" | cmp - expected
    done
    # They go before the file's own.
    answers --model model.safetensors --classes x,y,z | sed 's/"x"/"cats"/; s/"y"/"ants"/; s/"z"/"bees"/' | cmp - expected
}

@test "--classes that do not fit are refused in one line" {
    printf 'a\nb\na\n' >twice.txt
    printf '\377\376a\0' >utf16.txt
    printf 'a\nb\n\033[2J\n' >escape.txt
    printf '{"0": "a", "1": "b"' >cut.json
    printf '{"a": 0, "b": 0.5, "c": 2}' >half.json
    printf '{"1": "a", "2": "b", "3": "c"}' >one.json
    printf '{"a": 0, "b": 0, "c": 1}' >same.json
    python3 -c 'print("[" * 100000)' >deep.json
    python3 -c 'print("[" + "1," * 600000 + "1]")' >wide.json
    head -c 5000000 /dev/zero | tr '\0' a >big.txt
    mkdir folder
    while IFS='|' read -r code classes pattern; do
        fails "$code" "$pattern" "$FREEZETUNE" predict --model plain.safetensors --classes "$classes" "$photo"
    done <<'END'
64|a,b|^freezetune predict: --classes: 2 names, but the network of plain.safetensors has 3 outputs
64|a,b,a|'a' names both output 0 and output 2
64|a,,b|a name is empty
64|["a", "b"|--classes: not valid JSON
66|none.txt|none.txt: there is no such file; a list has commas
65|twice.txt|--classes twice.txt: 'a' names both
65|utf16.txt|UTF-16: save it as UTF-8
65|escape.txt|a control character
65|cut.json|not valid JSON
65|half.json|expected a name for each
65|one.json|expected a name for each
65|same.json|expected a name for each
65|deep.json|not valid JSON
65|wide.json|too many entries
65|big.txt|--classes big.txt: 5000000 bytes
65|folder|--classes folder: not a regular file
END
    fails 64 '2 names' "$FREEZETUNE" eval --model plain.safetensors --classes a,b --data data
    fails 64 '2 names' "$FREEZETUNE" convert --classes a,b plain.safetensors out.pth
    fails 64 '2 names' "$FREEZETUNE" train --quiet "${flags[@]}" --weights plain.safetensors --classes a,b --out run
    [ ! -e out.pth ]
    [ ! -e run ]
}

@test "convert writes the names of --classes" {
    "$FREEZETUNE" convert --classes cats,ants,bees "${by_hand[@]}" plain.safetensors named.pth
    answers --model model.safetensors >expected
    answers --model named.pth | cmp - expected
    "$FREEZETUNE" convert --classes x,y,z named.pth again.onnx
    grep -qa '\["x", *"y", *"z"\]' again.onnx
}

@test "names beside the file are taken and said; none are said too" {
    local from
    answers --model model.safetensors >expected
    for from in classes.txt class_names.txt; do
        mkdir dir
        cp plain.safetensors dir
        printf 'cats\nants\nbees\n' >dir/$from
        answers --model dir/plain.safetensors "${by_hand[@]}" | cmp - expected
        run_split "$FREEZETUNE" predict --model dir/plain.safetensors "${by_hand[@]}" "$photo"
        [ "$err" = "classes: names from $from beside dir/plain.safetensors" ]
        rm -r dir
    done
    for from in class_indices.json labels.json class_to_idx.json imagenet_class_index.json; do
        mkdir dir
        cp plain.safetensors dir
        echo '{"0": "cats", "1": "ants", "2": "bees"}' >dir/$from
        answers --model dir/plain.safetensors "${by_hand[@]}" | cmp - expected
        rm -r dir
    done
    run_split "$FREEZETUNE" predict --model plain.safetensors "${by_hand[@]}" "$photo"
    [[ $err == "classes: plain.safetensors has no class names: its 3 outputs are called 0 to 2; --classes"* ]]
    run_split "$FREEZETUNE" predict --model model.safetensors "$photo"
    [ -z "$err" ]
}

# loss FILE: of an eval --json.
loss() {
    grep '"loss"' "$1"
}

@test "eval matches by name, or by the order of as many folders and says so" {
    rm data/ants/[01].jpg # each class has the same photos: their mean would not depend on the names
    "$FREEZETUNE" eval --json --model model.safetensors --data data >by-name
    "$FREEZETUNE" eval --json --model plain.safetensors "${by_hand[@]}" --classes cats,ants,bees --data data >given
    [ "$(loss by-name)" = "$(loss given)" ]
    run_split "$FREEZETUNE" eval --json --model plain.safetensors "${by_hand[@]}" --data data
    [ "$status" = 0 ]
    [[ $err == *"classes: plain.safetensors names none; its 3 outputs are mapped to the 3 folders in order"* ]]
    "$FREEZETUNE" eval --json --model model.safetensors --classes ants,bees,cats --data data >by-order
    [ "$(loss stdout.txt)" = "$(loss by-order)" ]
    [ "$(loss stdout.txt)" != "$(loss by-name)" ]
    # A part of the classes is fine by name, and nothing that could be guessed without.
    mkdir -p some numbers
    cp -r data/ants data/cats some
    "$FREEZETUNE" eval --json --quiet --model model.safetensors --data some
    fails 65 "some: plain.safetensors names no classes, so its 3 outputs cannot be mapped to 2 folders \(ants, \.\.\.\)" \
        "$FREEZETUNE" eval --quiet --model plain.safetensors --data some
    cp -r data/ants numbers/0
    cp -r data/cats numbers/2
    run_split "$FREEZETUNE" eval --json --model plain.safetensors "${by_hand[@]}" --data numbers
    [ "$status" = 0 ]
    [[ $err == *"folders are matched with the numbers of its outputs"* ]]
    # A folder that no output is called by.
    fails 65 "class 'bees' is not among the 3 classes" "$FREEZETUNE" eval --model plain.safetensors --classes cats,ants,dogs \
        --data data
}

# trained RUN: what it says of its head; OPTIONS... --lr so small that the layer stays what it was.
trained() {
    local run=$1
    shift
    run_split "$FREEZETUNE" train "${flags[@]}" --lr 1e-12 --weight-decay 0 --out "$run" "$@"
    [ "$status" = 0 ]
    grep '^head: ' stderr.txt
}

@test "train keeps a head of the same classes, in the order of the folders" {
    local head
    head=$(trained named --weights model.safetensors)
    [ "$head" = "head: fc is kept: its outputs are the 3 folders, by name, and are put into their order" ]
    # The same answers, under the same names.
    answers --model model.safetensors --top-k 3 | grep -o '"class": *"[^"]*"' >expected
    answers --model named --top-k 3 | grep -o '"class": *"[^"]*"' | cmp - expected
    head=$(trained given --weights plain.safetensors --classes cats,ants,bees)
    [ "$head" = "head: fc is kept: its outputs are the 3 folders, by name, and are put into their order" ]
    "$FREEZETUNE" diff named given
    head=$(trained again --weights named)
    [ "$head" = "head: fc is kept: its outputs are the 3 folders, by name" ]
    head=$(trained order --weights plain.safetensors)
    [[ $head == "head: fc is kept: "*" names no classes, so its outputs are mapped to the folders in order (ants, ..., cats); "* ]]
    run_split "$FREEZETUNE" diff named order
    [ "$status" = 1 ]
    head=$(trained new --weights model.safetensors --new-head)
    [ "$head" = "head: fc is re-initialised for 3 classes (the file's has 3 outputs; --new-head)" ]
    mkdir dir
    cp plain.safetensors dir
    echo '{"0": "cats", "1": "ants", "2": "bees"}' >dir/class_indices.json
    head=$(trained beside --weights dir/plain.safetensors)
    [ "$head" = "head: fc is kept: its outputs are the 3 folders, by name (class_indices.json), and are put into their order" ]
    "$BUILD/tests/tools/make_model" other.safetensors 32 ants bees dogs
    head=$(trained other --weights other.safetensors)
    [ "$head" = "head: fc is re-initialised for 3 classes (the file's has 3 outputs for others)" ]
}

@test "train refuses --classes that say nothing of a head that it keeps" {
    fails 65 "no output of the last layer is called 'bees', which is a class of .*/data; leave --classes out" \
        "$FREEZETUNE" train --quiet "${flags[@]}" --weights plain.safetensors --classes cats,ants,dogs
    fails 64 '--classes .* and --new-head' "$FREEZETUNE" train --quiet "${flags[@]}" --weights plain.safetensors \
        --classes cats,ants,bees --new-head
    fails 64 'not of --weights random' "$FREEZETUNE" train --quiet "${flags[@]}" --weights random --classes cats,ants,bees
    mkdir two
    cp -r data/ants data/bees two
    fails 65 'names 3 outputs, and .*/two has 2 classes' "$FREEZETUNE" train --quiet "${flags[@]}" --data two \
        --weights plain.safetensors --classes cats,ants,bees
    [ ! -e runs ]
}

@test "--resume needs no file of names" {
    printf 'cats\nants\nbees\n' >names.txt
    "$FREEZETUNE" train --quiet "${flags[@]}" --epochs 2 --weights plain.safetensors --classes names.txt --out whole
    "$FREEZETUNE" train --quiet "${flags[@]}" --epochs 2 --weights plain.safetensors --classes names.txt --out part \
        --time-limit 0.0001 || true
    rm names.txt
    "$FREEZETUNE" train --quiet --resume part --time-limit 0
    cmp whole/best.safetensors part/best.safetensors
    fails 64 '--classes cannot be changed' "$FREEZETUNE" train --resume part --classes a,b,c
}
