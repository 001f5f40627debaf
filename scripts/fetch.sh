#!/bin/sh
# fetch.sh URL FILE [SHA256]: downloads URL to FILE with curl or wget; where neither is here, deps.sh installs curl. What has
# arrived is kept in FILE.part, so that a second call goes on where the first one broke off; FILE appears only when it is whole
# and its SHA-256 is right. Why there is no FILE is one line on stderr, and in the file $FETCH_REASON where that is set.
# Exit codes: 0 done, 64 usage, 65 the wrong bytes came, 66 nothing could be downloaded, 71 there is nothing to download with,
# 73 FILE cannot be created.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: fetch.sh URL FILE [SHA256]" >&2
    exit 64
fi
url=$1 file=$2 sha256=${3:-} part=$2.part

# give_up CODE REASON
give_up() {
    [ -z "${FETCH_REASON:-}" ] || echo "$2" >"$FETCH_REASON"
    echo "fetch.sh: $2" >&2
    exit "$1"
}

right() {
    [ -z "$sha256" ] || echo "$sha256  $1" | sha256sum --check --status
}

has_downloader() {
    command -v curl >/dev/null 2>&1 || command -v wget >/dev/null 2>&1
}

# Exit codes of curl and wget in words.
why() {
    case $1 in
    curl5 | curl6 | curl7 | curl28 | wget4) echo "no network, or the server does not answer" ;;
    curl18 | curl52 | curl55 | curl56 | curl92) echo "the connection broke off; the next call goes on from there" ;;
    curl22 | wget8) echo "the server refuses it" ;;
    curl35 | curl51 | curl60 | curl77 | wget5)
        echo "the server's certificate cannot be verified (on Debian: apt-get install ca-certificates)"
        ;;
    *) echo "${1%%[0-9]*} ended with exit code ${1#????}" ;;
    esac
}

download() {
    if [ -t 2 ]; then
        curl_look=--progress-bar wget_look=-q\ --show-progress
    else
        curl_look=-sS wget_look=-nv
    fi
    failed=0
    if command -v curl >/dev/null 2>&1; then
        # A part of 0 bytes would be a range that some servers refuse.
        [ -s "$part" ] && from="-C -" || from=
        # shellcheck disable=SC2086 # options or nothing
        curl -fL $curl_look --connect-timeout 20 --retry 2 $from -o "$part" "$url" || failed=$?
        name=curl
    else
        # shellcheck disable=SC2086
        wget $wget_look --timeout=20 --tries=2 -c -O "$part" "$url" || failed=$?
        name=wget
    fi
    case $name$failed in
    curl0 | wget0) ;;
    curl23 | wget3) give_up 73 "$part cannot be written (is the disk full?)" ;;
    *) give_up 66 "cannot download $url: $(why "$name$failed")" ;;
    esac
}

[ ! -f "$file" ] || ! right "$file" || exit 0
whole=
[ -z "$sha256" ] || [ ! -f "$part" ] || ! right "$part" || whole=yes
if [ ! "$whole" ] && ! has_downloader; then
    sh "$here/deps.sh" download >&2 || true # it says why it could not
    has_downloader || give_up 71 "cannot download $url: neither curl nor wget is here (on Debian: apt-get install curl)"
fi
# An empty part would only be in the way.
trap '[ -s "$part" ] || rm -f "$part"' EXIT
trap 'exit 130' INT TERM
if ! { mkdir -p "$(dirname "$file")" && (: >>"$part"); } 2>/dev/null; then
    give_up 73 "$part cannot be created"
fi
[ "$whole" ] || download
if ! right "$part"; then
    rm -f "$part"
    give_up 65 "$url is not what was expected: its SHA-256 is not $sha256"
fi
mv "$part" "$file" || give_up 73 "$file cannot be created"
