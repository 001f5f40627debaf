#!/bin/sh
# man.sh PROGRAM...: the man page on stdout. Options, commands and exit codes are what PROGRAM --help says, so that the page
# cannot drift from the program; the prose is docs/freezetune.1.in. PROGRAM may be several words (an emulator before it).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# A help text cut short by an error must not become a page.
help=$("$@" --help)
version=$("$@" --version | sed -n '1s/^freezetune //p')
commands=$(printf '%s\n' "$help" | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }')
[ -n "$commands" ] && [ -n "$version" ]

# roff's own characters: the backslash, the hyphen that must stay one, and a dot or quote that begins a line.
escape='function roff(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); sub(/^[.'\'']/, "\\\\\\&&", s); return s }'

usage() {
    for command in $commands; do
        "$@" "$command" --help | awk "$escape"' /^usage: / { sub(/^usage: /, ""); print ".br"; print roff($0); exit }'
    done
}

# One command: paragraphs, then groups of options, then examples.
section() {
    awk "$escape"'
        function flush_option() { if (name != "") { print ".TP"; print "\\fB" roff(name) "\\fR"; print roff(text) } name = "" }
        /^usage: / { sub(/^usage: /, ""); print ".SS \"" roff($0) "\""; next }
        /^Examples:$/ { flush_option(); print ".PP"; print "Examples:"; print ".nf"; examples = 1; next }
        examples { print roff($0); next }
        /^[A-Z][^.]*:$/ { flush_option(); print ".PP"; print "\\fI" roff($0) "\\fR"; next }
        /^  --/ {
            flush_option()
            name = $0; sub(/^ +/, "", name); text = ""
            if (match(name, /   *[^ ]/)) { text = substr(name, RSTART + RLENGTH - 1); name = substr(name, 1, RSTART - 1) }
            next
        }
        /^     / { sub(/^ +/, ""); text = text == "" ? $0 : text " " $0; next }
        /^$/ { flush_option(); print ".PP"; next }
        { print roff($0) }
        END { flush_option(); if (examples) print ".fi" }'
}

exit_codes() {
    printf '%s\n' "$help" | awk "$escape"'
        /^Exit codes:/ { on = 1; next }
        on && /^$/ { exit }
        on { code = $1; sub(/^ *[0-9]+ +/, ""); print ".TP"; print "\\fB" code "\\fR"; print roff($0) }'
}

while IFS= read -r line; do
    case $line in
    @USAGE@) usage "$@" ;;
    @COMMANDS@) for command in $commands; do "$@" "$command" --help | section; done ;;
    @EXIT@) exit_codes ;;
    *) printf '%s\n' "$line" | sed "s/@VERSION@/$version/" ;;
    esac
done <"$here/freezetune.1.in"
