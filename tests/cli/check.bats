#!/usr/bin/env bats
# check: what is wrong with photos and classes, as tables, TSV and JSON; the exit code is the answer.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" clean 2 20 3 96 1
    cp -r clean bad
    python3 - bad/train/class0 <<'END'
import random, struct, sys
def bmp(name, width, height, pixel):
    row = -(width * 3) % 4
    data = b"".join(b"".join(bytes(pixel(y, x)) for x in range(width)) + bytes(row) for y in range(height))
    head = b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54)
    head += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(data), 0, 0, 0, 0)
    open(f"{sys.argv[1]}/{name}", "wb").write(head + data)
random.seed(1)
noise = lambda low, high: lambda y, x: [random.randrange(low, high) for _ in range(3)]
bmp("tiny.bmp", 100, 20, noise(0, 256))
bmp("flat.bmp", 80, 80, lambda y, x: (10, 90, 200))
bmp("dark.bmp", 80, 80, noise(0, 60))
bmp("bright.bmp", 80, 80, noise(243, 256))
bmp("blurred.bmp", 128, 128, lambda y, x: [y + x] * 3)
bmp("wide.bmp", 300, 90, noise(0, 256))
END
    head -c 500 "$(find clean/train/class0 -name '*.bmp' | head -1)" >bad/train/class0/cut.bmp
    set -- bad/train/class0/0*
    cp "$1" bad/train/class0/zz-again
    cp "$1" bad/train/class1/zz-conflict
    cp "$1" "bad/val/class0/$(printf 'leak\there')"
    rm bad/val/class1/*
    touch bad/val/class1/none.jpg
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    unset FREEZETUNE_WEIGHTS
    clean=$BATS_FILE_TMPDIR/clean bad=$BATS_FILE_TMPDIR/bad
}

# Without a network: check_copies.bats has one.
check() {
    "$FREEZETUNE" check --near off "$@"
}

@test "photos without problems: exit code 0 and one sentence" {
    run_split check "$clean"
    [ "$status" = 0 ]
    [ "$err" = '' ]
    [ "$(tail -1 stdout.txt)" = 'no problems found' ]
    grep -qF '40 photos in train, 6 in val, 2 classes' stdout.txt
}

@test "each kind of problem is found, and nothing else" {
    run_split check "$bad" --tsv found.tsv
    [ "$status" = 1 ]
    [ "$(wc -l <stderr.txt)" = 1 ]
    [[ $err =~ bad:\ [0-9]+\ problems,\ which\ concern\ [0-9]+\ of\ [0-9]+\ photos ]]
    [ "$(head -1 found.tsv | tr '\t' '|')" = 'file|problem|score|suggestion|list|class|other_file|other_list|other_class|reason' ]
    cut -f 1,2,5,6 found.tsv | tr '\t' '|' | tail -n +2 | sort >rows.txt
    sort >wanted.txt <<'END'
class0/cut.bmp|unreadable|train|class0
class1/none.jpg|unreadable|val|class1
class0/tiny.bmp|tiny|train|class0
class0/tiny.bmp|odd shape|train|class0
class0/flat.bmp|one colour|train|class0
class0/dark.bmp|dark|train|class0
class0/bright.bmp|bright|train|class0
class0/blurred.bmp|blurred|train|class0
class0/wide.bmp|odd shape|train|class0
class0/zz-again|repeat|train|class0
class1/zz-conflict|label conflict|train|class1
class0/leak\there|leak|val|class0
|not validated||class1
END
    diff wanted.txt rows.txt
    grep -qF $'class0/tiny.bmp\ttiny\t20\t' found.tsv
    for problem in unreadable tiny 'one colour' dark bright blurred 'odd shape' 'label conflict' leak repeat 'not validated'; do
        grep -q "^$problem  " stdout.txt
    done
}

@test "any number of threads finds the same; no photo is touched" {
    find "$bad" -type f -exec md5sum {} + | sort >before.txt
    check "$bad" --threads 1 --tsv 1.tsv --json >1.json || [ $? = 1 ]
    check "$bad" --threads 3 --tsv 3.tsv --json >3.json || [ $? = 1 ]
    cmp 1.tsv 3.tsv
    cmp 1.json 3.json
    find "$bad" -type f -exec md5sum {} + | sort | cmp - before.txt
}

@test "--json has counts and findings; --tsv - takes the place of the tables" {
    check "$bad" --json >found.json || [ $? = 1 ]
    python3 - found.json <<'END'
import json, sys
found = json.load(open(sys.argv[1]))
assert found["train"] == 49 and found["val"] == 5, found
assert [c["class"] for c in found["classes"]] == ["class0", "class1"]
assert sum(found["problems"].values()) == len(found["findings"]) == 13
leak = [f for f in found["findings"] if f["problem"] == "leak"]
assert leak[0]["file"] == "class0/leak\there" and leak[0]["other_list"] == "train", leak
assert leak[0]["score"] is None and leak[0]["suggestion"]
assert [f["reason"] for f in found["findings"] if f["file"] == "class0/cut.bmp"][0].startswith("truncated")
END
    run_split check "$bad" --tsv -
    [ "$(wc -l <stdout.txt)" = 14 ]
    [ "$(head -c 5 stdout.txt)" = $'file\t' ]
}

@test "few photos and imbalance are said of classes; a folder without a split is looked at as a whole" {
    mkdir -p photos/many photos/one
    "$BUILD/tests/tools/make_photos" made 1 30 0 40 1
    find made -type f -exec cp {} photos/many \;
    "$BUILD/tests/tools/make_photos" other 1 3 0 80 2
    find other -type f -exec cp {} photos/one \;
    run_split check photos --worst 1 --tsv -
    [ "$status" = 1 ]
    cut -f 2,3,6 stdout.txt | grep -qxF $'few photos\t3\tone'
    cut -f 2,3,6 stdout.txt | grep -qxF $'imbalance\t10\tone'
    absent 'not validated'
    run_split check photos --worst 1
    [ "$(grep -c '^tiny .* train ' stdout.txt)" = 1 ]
}

@test "a wrong command line is 64, a folder that is not there 66" {
    fails 64 'only one of them' check "$clean" --json --tsv -
    fails 64 'wosrt' check "$clean" --wosrt 3
    fails 66 'nowhere' check nowhere
    fails 73 'nowhere/x.tsv' check "$clean" --tsv nowhere/x.tsv
}
