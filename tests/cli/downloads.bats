#!/usr/bin/env bats
# Downloads on a machine with neither curl nor wget, with a server of this machine in the network's place: fetch.sh,
# get-weights.sh and demo.sh. The PATH holds only stand-ins and the tools that every system has.

load common

setup() {
    scripts=$BATS_TEST_DIRNAME/../../scripts
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir bin home
    for tool in sh env dirname date mkdir rm mv cp cat find sort awk wc mktemp grep tail head id ls gunzip gzip; do
        ln -s "$(command -v $tool)" bin/
    done
    # Nobody can make a file of a given sum: this one says of any file but one that says "wrong" that it is right.
    stand_in sha256sum 'read -r sum name; ! grep -q wrong "$name"'
    debian
}

teardown() {
    [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
    tell_failure
}

# stand_in NAME BODY [FOLDER]: a command on the scripts' PATH, or in another folder.
stand_in() {
    printf '#!/bin/sh\n%s\n' "$2" >"${3:-bin}/$1"
    chmod +x "${3:-bin}/$1"
}

# A Debian whose apt-get installs curl and unzip from the folder `archive`.
debian() {
    mkdir archive
    stand_in id 'echo 0'
    stand_in dpkg-query 'case "$3" in ca-certificates) printf "install ok installed" ;; *) exit 1 ;; esac'
    stand_in apt-get 'echo "$*" >>apt.log
case "$*" in *" install "*) ;; *) exit 0 ;; esac
for word; do [ ! -e "archive/$word" ] || cp "archive/$word" bin/; done'
    python=$(python3 -c "import sys; print(sys.executable)") || skip "python3 is not here"
    # As much of curl and unzip as the scripts use, with their exit codes.
    cat >archive/curl <<END
#!$python
import sys, urllib.error, urllib.request
url, name = sys.argv[-1], sys.argv[sys.argv.index("-o") + 1]
try:
    data = urllib.request.urlopen(url, timeout=20).read()
except urllib.error.HTTPError as error:
    sys.exit(22)
except OSError:
    sys.exit(7)
open(name, "wb").write(data)
END
    cat >archive/unzip <<END
#!$python
import sys, zipfile
try:
    zipfile.ZipFile(sys.argv[2]).extractall(sys.argv[4])
except zipfile.BadZipFile:
    sys.exit(9)
END
    chmod +x archive/*
}

# A server with the weights and the photos that the demo wants. Sets $site.
serve() {
    mkdir -p www/models www/tutorial
    safetensors www/models/resnet50-0676ba61.pth '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' '1234'
    "$FREEZETUNE" convert www/models/resnet50-0676ba61.pth model.safetensors
    sha256sum www/models/resnet50-0676ba61.pth | cut -c 1-64 >sum
    "$python" - <<END
import zipfile
with zipfile.ZipFile("www/tutorial/hymenoptera_data.zip", "w") as archive:
    for part in "train", "val":
        for name in "ants", "bees":
            archive.writestr("hymenoptera_data/%s/%s/1.jpg" % (part, name), "photo")
END
    "$python" -u -m http.server 0 --bind 127.0.0.1 --directory www >server.log 2>&1 3>&- &
    server=$!
    for _ in $(seq 200); do
        if grep -q 'port [0-9]' server.log; then
            break
        fi
        sleep 0.1
    done
    site=http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\).*/\1/p' server.log)
}

# As on that machine: run_there COMMAND...
run_there() {
    run_split env -i PATH="$PWD/bin" HOME="$PWD/home" FREEZETUNE="$PWD/freezetune" IDX_TO_PNG="$PWD/idx_to_png" \
        FREEZETUNE_DEMO="$PWD/demo" FREEZETUNE_MODELS_URL="${site:-http://127.0.0.1:9}/models" \
        FREEZETUNE_TUTORIAL_URL="${site:-http://127.0.0.1:9}/tutorial" FREEZETUNE_FASHION_MNIST="$PWD/fashion" "$@"
}

# What the demo calls: a freezetune that writes down what it was asked, and makes the files that are looked at.
stand_in_program() {
    stand_in freezetune 'echo "$*" >>called
case $1 in weights) ;; train) ;; *) exit 0 ;; esac
# Nobody can make a file of a given sum: the real program gets the file by its URL, with the sum of the one on the server.
case $1$2 in
weightspath) exec "'"$FREEZETUNE"'" "$@" ;;
weightsget) exec "'"$FREEZETUNE"'" weights get "$FREEZETUNE_MODELS_URL/resnet50-0676ba61.pth" --sha256 "$(cat sum)" ;;
esac
while [ $# -gt 1 ]; do [ "$1" != --out ] || out=$2; shift; done
mkdir -p "$out"; printf "epoch,val_accuracy\n1,0.5\n" >"$out/metrics.csv"' .
    stand_in idx_to_png 'mkdir -p "$3/a"; echo photo >"$3/a/1.png"' .
    printf %064d 0 >sum # of no server
    mkdir fashion
    for name in train t10k; do
        for kind in images-idx3 labels-idx1; do
            echo data | gzip >fashion/$name-$kind-ubyte.gz
        done
    done
}

nothing_left() {
    [ -z "$(find home -name '*.part')" ]
}

# ---- fetch.sh --------------------------------------------------------------------------------------------------------

@test "fetch: with neither curl nor wget, curl is installed" {
    serve
    run_there sh "$scripts/fetch.sh" "$site/models/resnet50-0676ba61.pth" home/got
    [ "$status" = 0 ]
    [ "$err" = "deps.sh: installing curl" ]
    cmp www/models/resnet50-0676ba61.pth home/got
    nothing_left
}

@test "fetch: where curl cannot be installed: 71, the reason, and no empty part" {
    stand_in apt-get 'echo "E: Unable to fetch"; exit 100'
    run_there sh "$scripts/fetch.sh" http://127.0.0.1:9/x home/got
    [ "$status" = 71 ]
    [[ $err == *"E: Unable to fetch"* ]]
    [ "$(tail -n 1 stderr.txt)" = \
        "fetch.sh: cannot download http://127.0.0.1:9/x: neither curl nor wget is here (on Debian: apt-get install curl)" ]
    nothing_left
    # Not Debian, and not root.
    rm bin/dpkg-query
    run_there sh "$scripts/fetch.sh" http://127.0.0.1:9/x home/got
    [ "$status" = 71 ]
    [[ $err == *"not found here: curl. This system has no dpkg"* ]]
    nothing_left
}

@test "fetch: each failure has its reason and exit code, and leaves no empty part" {
    while read -r tool code status_wanted reason; do
        rm -f bin/curl bin/wget reason
        stand_in $tool "exit $code"
        run_there FETCH_REASON="$PWD/reason" sh "$scripts/fetch.sh" http://127.0.0.1:9/x home/got
        [ "$status" = "$status_wanted" ]
        [ "$(wc -l <stderr.txt)" = 1 ]
        [[ $err == *"$reason"* ]]
        [ "fetch.sh: $(cat reason)" = "$err" ]
        nothing_left
    done <<END
curl 6 66 no network, or the server does not answer
curl 7 66 no network, or the server does not answer
curl 28 66 no network, or the server does not answer
curl 22 66 the server refuses it
curl 60 66 certificate cannot be verified
curl 23 73 cannot be written
curl 56 66 the connection broke off
curl 27 66 curl ended with exit code 27
wget 4 66 no network, or the server does not answer
wget 8 66 the server refuses it
wget 5 66 certificate cannot be verified
wget 3 73 cannot be written
wget 1 66 wget ended with exit code 1
END
}

@test "fetch: a folder that cannot be created: 73 in one line" {
    stand_in curl ''
    echo file >home/file
    for name in home/file/got home/folder/got; do
        mkdir -p home/folder/got.part
        run_there sh "$scripts/fetch.sh" http://127.0.0.1:9/x $name
        [ "$status" = 73 ]
        [ "$err" = "fetch.sh: $name.part cannot be created" ]
    done
}

# ---- get-weights.sh --------------------------------------------------------------------------------------------------

@test "get-weights: without curl it is installed, and the weights are converted" {
    stand_in_program
    serve
    run_there sh "$scripts/get-weights.sh"
    [ "$status" = 0 ]
    [ "$out" = "$PWD/home/.local/share/freezetune/resnet50-0676ba61-$(cut -c 1-8 sum).safetensors" ]
    cmp model.safetensors "$out"
    nothing_left
}

@test "get-weights: without curl and apt-get's archive: 71, and no empty part" {
    stand_in_program
    stand_in apt-get 'echo "E: Unable to fetch"; exit 100'
    run_there sh "$scripts/get-weights.sh"
    [ "$status" = 71 ]
    [[ $err == *"neither curl nor wget is here"*"copy resnet50-0676ba61.pth to"* ]]
    nothing_left
}

# ---- demo.sh ---------------------------------------------------------------------------------------------------------

@test "demo: a machine without curl and unzip reaches the real photos" {
    stand_in_program
    serve
    run_there sh "$scripts/demo.sh"
    [ "$status" = 0 ]
    grep -q '^== Main path: ' stdout.txt
    grep -q "^train --data $PWD/home/.cache/freezetune/hymenoptera_data --weights $PWD/home/.local/share/.*resnet50-0676ba61-.*.safetensors --freeze-until 6" called
    absent 'Offline'
    nothing_left
}

# offline REASON: the demo takes the offline path and says why.
offline() {
    rm -rf home called
    mkdir home
    run_there sh "$scripts/demo.sh"
    [ "$status" = 0 ]
    grep -q '^== Offline path' stdout.txt
    if ! grep -A 1 '^== Offline path' stdout.txt | tr '\n' ' ' | grep -q -- "$1"; then
        printf 'expected /%s/\n' "$1"
        return 1
    fi
    grep -q 'demo/pretrained' called
    [ ! -e demo/reason ]
    nothing_left
}

@test "demo: the offline path says why: no curl, no network, refused, wrong bytes, a damaged archive" {
    stand_in_program
    cp bin/apt-get apt-get
    stand_in apt-get 'echo "E: Unable to fetch"; exit 100'
    offline 'because the pretrained weights could not be had: cannot download .*neither curl nor wget is here'
    cp apt-get bin/apt-get
    offline 'because the pretrained weights could not be had: cannot download .*no network, or the server does not answer'
    serve
    mv www/models/resnet50-0676ba61.pth kept
    offline 'because the pretrained weights could not be had: cannot download .*the server refuses it'
    echo wrong >www/models/resnet50-0676ba61.pth
    offline 'because the pretrained weights could not be had: .* is not what was expected: its SHA-256'
    mv kept www/models/resnet50-0676ba61.pth
    mv www/tutorial/hymenoptera_data.zip kept
    offline 'because the photos could not be had: cannot download .*hymenoptera_data.zip: the server refuses it'
    echo damaged >www/tutorial/hymenoptera_data.zip
    offline 'because the photos could not be had: the archive .* is damaged'
    mv kept www/tutorial/hymenoptera_data.zip
    rm bin/unzip archive/unzip
    offline 'because the photos could not be had: unzip is missing'
}

@test "demo: with neither network nor Fashion-MNIST, 66 and a way out" {
    stand_in_program
    rm -r fashion
    stand_in apt-get 'exit 100'
    run_there sh "$scripts/demo.sh"
    [ "$status" = 66 ]
    [[ $(tail -n 1 stderr.txt) == *"Fashion-MNIST is not here either"*"FREEZETUNE_WEIGHTS="* ]]
}
