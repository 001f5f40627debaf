#!/bin/sh
# fetch.sh URL FILE [SHA256]: downloads URL to FILE with curl or wget. What has arrived is kept in FILE.part, so that a
# second call goes on where the first one broke off; FILE appears only when it is whole and its SHA-256 is right.
# Exit codes: 0 done, 64 usage, 65 the wrong bytes came, 66 nothing could be downloaded, 73 FILE cannot be made.
set -eu

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: fetch.sh URL FILE [SHA256]" >&2
    exit 64
fi
url=$1 file=$2 sha256=${3:-} part=$2.part

right() {
    [ -z "$sha256" ] || echo "$sha256  $1" | sha256sum --check --status
}

[ ! -f "$file" ] || ! right "$file" || exit 0
mkdir -p "$(dirname "$file")" && : >>"$part" || exit 73

if [ -z "$sha256" ] || ! right "$part"; then
    if [ -t 2 ]; then
        curl_look=--progress-bar wget_look=-q\ --show-progress
    else
        curl_look=-sS wget_look=-nv
    fi
    if command -v curl >/dev/null 2>&1; then
        # A part of 0 bytes would be a range that some servers refuse.
        [ -s "$part" ] && from="-C -" || from=
        # shellcheck disable=SC2086 # options or nothing
        curl -fL $curl_look --connect-timeout 20 --retry 2 $from -o "$part" "$url" || failed=$?
    elif command -v wget >/dev/null 2>&1; then
        # shellcheck disable=SC2086
        wget $wget_look --timeout=20 --tries=2 -c -O "$part" "$url" || failed=$?
    else
        echo "fetch.sh: neither curl nor wget is here (on Debian: apt-get install curl)" >&2
        exit 66
    fi
    if [ "${failed:-0}" != 0 ]; then
        [ -s "$part" ] || rm -f "$part"
        echo "fetch.sh: cannot download $url" >&2
        exit 66
    fi
fi
if ! right "$part"; then
    rm -f "$part"
    echo "fetch.sh: $url is not what was expected: its SHA-256 is not $sha256" >&2
    exit 65
fi
mv "$part" "$file" || exit 73
