# What the bats files share: load common

# The end of each test, also where a file has its own.
teardown() {
    tell_failure
}

# A test that failed says what the last command answered: bats names only the line.
tell_failure() {
    [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -z "${BATS_TEST_SKIPPED:-}" ] || return 0
    [ -z "${status+set}" ] || printf 'exit code: %s\n' "$status"
    [ -z "${output:-}" ] || printf 'output of run:\n%s\n' "$output" | head -n 20
    local stream
    for stream in stdout stderr; do
        [ ! -s "$BATS_TEST_TMPDIR/$stream.txt" ] || {
            printf '%s:\n' "$stream"
            head -n 20 "$BATS_TEST_TMPDIR/$stream.txt"
        }
    done
    return 0
}

# narrow: this file's tests take the program whose networks are narrow (tests/tests.mk): what they look at does not depend
# on the network, and a run takes a tenth of the time. A test that looks at bytes of weights or maps calls wide first.
narrow() {
    export wide_program=${wide_program:-$FREEZETUNE} # a test inherits it from the reading of its file
    FREEZETUNE=$BUILD/tests/narrow/freezetune
}

wide() {
    FREEZETUNE=$wide_program
}

# run_split COMMAND...: sets $status, $out and $err; also in stdout.txt and stderr.txt.
run_split() {
    status=0
    "$@" >stdout.txt 2>stderr.txt || status=$?
    out=$(cat stdout.txt)
    err=$(cat stderr.txt)
}

# absent PATTERN: no line of stdout matches. (A bare `! grep` would not fail a test.)
absent() {
    if grep "$1" stdout.txt; then
        return 1
    fi
}

# fails CODE PATTERN COMMAND...: the exit code, nothing but one line on stderr, which matches the pattern (a bash regex).
fails() {
    local code=$1 pattern=$2
    shift 2
    run_split "$@"
    if [ "$status" != "$code" ] || [ "$(wc -l <stderr.txt)" != 1 ] || ! [[ $err =~ $pattern ]]; then
        printf 'expected %s and /%s/\nfound    %s and %s\n' "$code" "$pattern" "$status" "$err"
        return 1
    fi
}

# small_weights EPOCHS BATCH_SIZE: weights.safetensors, of a ResNet-18 trained on photos/ of this folder.
small_weights() {
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --freeze-until 0 \
        --epochs "$1" --batch-size "$2" --lr 0.01 --out base >/dev/null
    mv base/best.safetensors weights.safetensors
    rm -r base
}

# safetensors FILE HEADER DATA: a file from its JSON header and its bytes (printf escapes).
safetensors() {
    local n=${#2}
    {
        # shellcheck disable=SC2059 # escapes are meant
        printf "\\x$(printf %02x $((n % 256)))\\x$(printf %02x $((n / 256)))\\0\\0\\0\\0\\0\\0"
        printf '%s' "$2"
        # shellcheck disable=SC2059
        printf "$3"
    } >"$1"
}

# without_metadata FILE OUT: the same tensors, and no word of what they are.
without_metadata() {
    python3 - "$1" "$2" <<'END'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8 : 8 + size])
header.pop("__metadata__", None)
text = json.dumps(header).encode()
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + data[8 + size :])
END
}

# page_numbers FILE: the JSON in a page of report.html's kind.
page_numbers() {
    python3 - "$1" <<'END'
import re, sys
page = open(sys.argv[1], encoding="utf-8").read()
print(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))
END
}
