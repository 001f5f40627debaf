#!/usr/bin/env bats
# freezetune weights: downloads by a stand-in for the network (a server of this machine), by curl and wget as far as they are
# here, from the torch hub cache, broken off, refused, wrong.

load common

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    mkdir www
    # A weight file of 400,000 bytes, and what becomes of it.
    python3 - www/tiny.pth <<'END'
import json, struct, sys
header = json.dumps({"a": {"dtype": "F32", "shape": [100000], "data_offsets": [0, 400000]}}).encode()
open(sys.argv[1], "wb").write(struct.pack("<Q", len(header)) + header + bytes(range(250)) * 1600)
END
    "$FREEZETUNE" convert --format safetensors www/tiny.pth model.safetensors 2>/dev/null
    sha256sum www/tiny.pth | cut -c 1-64 >sum
    # A server that can continue a file, breaks off after 300,000 bytes (/broken/), or is slow (/slow/).
    cat >server.py <<'END'
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        way, name = self.path.lstrip("/").split("/")
        try:
            data = open(os.path.join("www", name), "rb").read()
        except OSError:
            return self.send_error(404)
        ranges = self.headers.get("Range")
        start = int(ranges.split("=")[1].split("-")[0]) if ranges else 0
        open("asked", "a").write("%s %d\n" % (way, start))
        if start >= len(data):
            return self.send_error(416)
        self.send_response(206 if ranges else 200)
        self.send_header("Content-Length", str(len(data) - start))
        if ranges:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        self.end_headers()
        data = data[start:]
        if way == "broken" and not start:
            self.wfile.write(data[:300000])
            self.wfile.flush()
            self.connection.shutdown(2)
        elif way == "slow":
            self.wfile.write(data[:300000])
            self.wfile.flush()
            time.sleep(60)
        else:
            self.wfile.write(data)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
END
    python3 server.py >port 2>server.log 3>&- &
    echo $! >pid
    for _ in $(seq 100); do
        [ ! -s port ] || break
        sleep 0.1
    done
}

teardown_file() {
    kill "$(cat "$BATS_FILE_TMPDIR/pid")" 2>/dev/null || true
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    files=$BATS_FILE_TMPDIR
    site=http://127.0.0.1:$(cat "$files/port")
    sum=$(cat "$files/sum")
    rm -f "$files/asked"
    mkdir home bin
    unset XDG_DATA_HOME XDG_CACHE_HOME TORCH_HOME FREEZETUNE_MODELS_URL http_proxy https_proxy all_proxy
    export HOME=$PWD/home
    made=$HOME/.local/share/freezetune/tiny-${sum:0:8}.safetensors
    part=$HOME/.cache/freezetune/tiny.pth.part
}

# with TOOL: a PATH on which there is no other.
with() {
    command -v "$1" >/dev/null || skip "no $1"
    rm -f bin/*
    ln -s "$(command -v "$1")" bin/
}

get() {
    PATH=$PWD/bin "$FREEZETUNE" weights get "$site/$1/tiny.pth" --sha256 "$sum"
}

nothing_left() {
    [ -z "$(find home -type f)" ] && [ ! -d home/.local ] && [ ! -d home/.cache/freezetune ]
}

@test "get: downloaded by curl and by wget, checked, converted, and not again" {
    for tool in curl wget; do
        command -v $tool >/dev/null || continue
        rm -rf home/.local
        with $tool
        run_split get plain
        [ "$status" = 0 ]
        [ "$out" = "$made" ]
        [ "$err" = "downloading $site/plain/tiny.pth" ]
        cmp "$files/model.safetensors" "$made"
        [ -z "$(find home/.cache -type f)" ]
        rm bin/$tool
        run_split get plain # neither tool is needed now
        [ "$status" = 0 ] && [ "$out" = "$made" ] && [ -z "$err" ]
    done
}

@test "get: with neither tool 71 in one line, and nothing is left; without PATH too" {
    fails 71 'neither curl nor wget is here \(on Debian: apt-get install curl\).*copy tiny.pth to .*/torch/hub/checkpoints/tiny.pth' get plain
    nothing_left
    fails 71 'neither curl nor wget' env -u PATH "$FREEZETUNE" weights get "$site/plain/tiny.pth" --sha256 "$sum"
    fails 71 'neither curl nor wget' env PATH= "$FREEZETUNE" weights get
    nothing_left
}

@test "get: no network, a refusal and wrong bytes leave nothing, and say what to do" {
    for tool in curl wget; do
        command -v $tool >/dev/null || continue
        with $tool
        run_split env PATH="$PWD/bin" FREEZETUNE_MODELS_URL=http://127.0.0.1:9 "$FREEZETUNE" weights get
        [ "$status" = 66 ]
        [[ $err == *"no network, or the server does not answer; the same without a download: copy resnet50-0676ba61.pth to"* ]]
        nothing_left
        sum=$(printf %064d 0) run_split get plain
        [ "$status" = 65 ]
        [[ $err == *"is not what was expected: its SHA-256 is not 0000"* ]]
        nothing_left
        run_split env PATH="$PWD/bin" "$FREEZETUNE" weights get "$site/plain/missing.pth" --sha256 "$sum"
        [ "$status" = 66 ]
        [[ $err == *"the server refuses it"* ]]
        nothing_left
    done
}

@test "get: a known name with other bytes on the server is refused" {
    with curl
    cp "$files/www/tiny.pth" "$files/www/resnet18-f37072fd.pth"
    run_split env PATH="$PWD/bin" FREEZETUNE_MODELS_URL="$site/plain" "$FREEZETUNE" weights get resnet18
    [ "$status" = 65 ]
    [[ $err == *"its SHA-256 is not f37072fd"* ]]
    nothing_left
}

@test "get: a download that broke off goes on" {
    with curl
    run_split get broken
    # curl's own second try may have gone on already.
    if [ "$status" != 0 ]; then
        [ "$status" = 66 ]
        [[ $err == *"the connection broke off; the next call goes on from there"* ]]
        [ "$(stat -c %s "$part")" = 300000 ]
        run_split get plain
    fi
    [ "$status" = 0 ]
    cmp "$files/model.safetensors" "$made"
    # A part is continued, one that is whole needs no server, one that is too long is replaced.
    rm -r home/.local
    mkdir -p home/.cache/freezetune
    head -c 200000 "$files/www/tiny.pth" >"$part"
    rm "$files/asked"
    get plain
    [ "$(cat "$files/asked")" = "plain 200000" ]
    rm -r home/.local
    mkdir -p home/.cache/freezetune
    cp "$files/www/tiny.pth" "$part"
    rm "$files/asked" bin/curl
    get plain
    [ ! -e "$files/asked" ]
    rm -r home/.local
    with curl
    mkdir -p home/.cache/freezetune
    cat "$files/www/tiny.pth" "$files/www/tiny.pth" >"$part"
    get plain
    cmp "$files/model.safetensors" "$made"
}

@test "get: Ctrl-C and SIGTERM end both, and the part stays" {
    for tool in curl wget; do
        command -v $tool >/dev/null || continue
        with $tool
        for signal in INT:130 TERM:143; do
            rm -rf home/.cache
            env --default-signal=INT PATH="$PWD/bin" "$FREEZETUNE" weights get "$site/slow/tiny.pth" --sha256 "$sum" \
                >stdout.txt 2>stderr.txt &
            local pid=$! code=0
            for _ in $(seq 100); do
                [ ! -s "$part" ] || break
                sleep 0.05
            done
            child=$(cat /proc/$pid/task/$pid/children)
            [ -n "$child" ]
            kill -${signal%:*} $pid
            wait $pid || code=$?
            [ "$code" = "${signal#*:}" ]
            [ ! -d "/proc/${child% }" ]
            [ ! -s stdout.txt ]
            grep -q "^stopped: .* of it are in $part; the same command goes on from there$" stderr.txt
            [ -s "$part" ]
        done
    done
}

@test "get: two at once: the second says so" {
    command -v flock >/dev/null || skip "no flock"
    with curl
    mkdir -p home/.cache/freezetune
    echo x >"$part"
    flock "$part" sleep 5 3>&- &
    sleep 0.3
    fails 73 'another process is downloading it' get plain
    kill $!
    [ -s "$part" ]
}

@test "get: the torch hub cache comes first, at all three places; a wrong copy is not used" {
    for at in TORCH_HOME=$PWD/torch:torch XDG_CACHE_HOME=$PWD/xdg:xdg/torch HOME=$HOME:home/.cache/torch; do
        hub=${at#*:}/hub/checkpoints
        mkdir -p "$hub"
        echo garbage >"$hub/tiny.pth"
        fails 71 'neither curl nor wget' env "${at%:*}" PATH="$PWD/bin" "$FREEZETUNE" weights get "$site/plain/tiny.pth" --sha256 "$sum"
        cp "$files/www/tiny.pth" "$hub/tiny.pth"
        run_split env "${at%:*}" PATH="$PWD/bin" "$FREEZETUNE" weights get "$site/plain/tiny.pth" --sha256 "$sum"
        [ "$status" = 0 ]
        [[ $err == "using $PWD/$hub/tiny.pth" ]]
        cmp "$files/model.safetensors" "$made"
        cmp "$files/www/tiny.pth" "$hub/tiny.pth"
        rm -r home/.local
    done
}

@test "list and path" {
    "$FREEZETUNE" weights list --format tsv >list.txt
    [ "$(wc -l <list.txt)" = 9 ]
    # Each sum begins as the file's own name says.
    awk -F'\t' 'NR > 1 { n = split($5, part, "-"); if (index($4, substr(part[n], 1, 8)) != 1 || $2 != "no") exit 1 }' list.txt
    [ "$("$FREEZETUNE" weights path)" = "$HOME/.local/share/freezetune" ]
    file=$("$FREEZETUNE" weights path resnet34)
    [ "$file" = "$HOME/.local/share/freezetune/resnet34.safetensors" ]
    [ "$(XDG_DATA_HOME=/there "$FREEZETUNE" weights path resnet34)" = /there/freezetune/resnet34.safetensors ]
    mkdir -p "$(dirname "$file")"
    echo weights >"$file"
    [ "$("$FREEZETUNE" weights list --format tsv | awk -F'\t' '$2 == "yes" { print $1 }')" = resnet34 ]
    [ "$("$FREEZETUNE" weights get resnet34)" = "$file" ]
}

@test "what cannot be meant is one line and 64" {
    fails 64 'get, list or path' "$FREEZETUNE" weights fetch
    fails 64 'did you mean resnet50' "$FREEZETUNE" weights get resnet5O
    fails 64 'not known' "$FREEZETUNE" weights get ../../etc/passwd
    fails 64 'not known' "$FREEZETUNE" weights path ../x
    fails 64 'needs --sha256' "$FREEZETUNE" weights get "$site/plain/tiny.pth"
    fails 64 'must be 64' "$FREEZETUNE" weights get "$site/plain/tiny.pth" --sha256 1234
    fails 64 'no plain file name' "$FREEZETUNE" weights get "$site/plain/.." --sha256 "$sum"
    fails 64 'no plain file name' "$FREEZETUNE" weights get "$site/plain/" --sha256 "$sum"
    fails 64 'no plain file name' "$FREEZETUNE" weights get "$site/plain/a b.pth" --sha256 "$sum"
    fails 64 'only applies to a URL' "$FREEZETUNE" weights get resnet50 --sha256 "$sum"
    fails 64 'list takes no name' "$FREEZETUNE" weights list resnet50
    fails 64 'set HOME' env -u HOME "$FREEZETUNE" weights get
}
