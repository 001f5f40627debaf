#!/bin/sh
# man.sh [--command NAME] PROGRAM...: a man page on stdout, of the program or of one command. Options, commands and exit codes
# are what PROGRAM --help says, so that the pages cannot drift from the program; the prose of the first is
# docs/freezetune.1.in. PROGRAM may be several words (an emulator before it).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=
if [ "${1:-}" = --command ]; then
    name=$2
    shift 2
fi
# A help text cut short by an error must not become a page. All lines of a paragraph are one paragraph again.
help=$("$@" --help)
# The same bytes from the same source: a page has a date only where SOURCE_DATE_EPOCH says one.
date=
[ -z "${SOURCE_DATE_EPOCH:-}" ] || date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)
version=$("$@" --version | sed -n '1s/^freezetune //p')
commands=$(printf '%s\n' "$help" | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }')
[ -n "$commands" ] && [ -n "$version" ]

# roff's own characters: the backslash, the hyphen that must stay one, and a dot or quote that begins a line.
escape='function roff(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); sub(/^[.'\'']/, "\\\\\\&&", s); return s }'

usage() {
    between=
    for command in $commands; do
        [ -z "$between" ] || echo "$between"
        "$@" "$command" --help | awk "$escape"' /^usage: / { sub(/^usage: /, ""); print roff($0); exit }'
        between=.br
    done
}

# The commands with their summaries, each with a page of its own.
list() {
    printf '%s\n' "$help" | awk "$escape"'
        /^Commands:/ { on = 1; next }
        on && /^$/ { exit }
        on && /^  [a-z]/ { print ".TP"; print "\\fBfreezetune\\-" roff($1) "\\fR(1)"; sub(/^ *[a-z]+ +/, "") }
        on { sub(/^ +/, ""); print roff($0) }'
}

# The usage line, the summary, the description, groups of options and examples of one command: what each part is, by line.
page() {
    printf '.TH FREEZETUNE\\-%s 1 "%s" "freezetune %s" "User Commands"\n' \
        "$(printf %s "$name" | tr '[:lower:]' '[:upper:]')" "$date" "$version"
    printf '%s\n' "$command_help" | awk -v name="$name" "$escape"'
        function flush_option() { if (option != "") { print ".TP"; print "\\fB" roff(option) "\\fR"; print roff(text) } option = "" }
        function flush_summary() {
            print ".SH NAME"; print "freezetune\\-" roff(name) " \\- " roff(summary)
            print ".SH SYNOPSIS"; print ".nh"; print ".ad l"; print roff(use)
            print ".SH DESCRIPTION"
            part = "description"
        }
        NR == 1 { sub(/^usage: /, ""); use = $0; part = "usage"; next }
        part == "usage" { if ($0 == "") next; part = "summary" }
        part == "summary" {
            if ($0 != "") { summary = summary == "" ? $0 : summary " " $0; next }
            flush_summary()
            next
        }
        /^Examples:$/ { flush_option(); print ".SH EXAMPLES"; print ".nf"; part = "examples"; next }
        part == "examples" { if ($0 != "") print roff($0); next }
        /^[A-Z][A-Za-z ,]*:$/ {
            flush_option()
            if (part != "options") print ".SH OPTIONS"
            part = "options"
            sub(/:$/, ""); print ".SS \"" roff($0) "\""
            next
        }
        part == "options" && /^  --/ {
            flush_option()
            option = $0; sub(/^ +/, "", option); text = ""
            if (match(option, /   *[^ ]/)) { text = substr(option, RSTART + RLENGTH - 1); option = substr(option, 1, RSTART - 1) }
            next
        }
        part == "options" && /^ / { sub(/^ +/, ""); text = text == "" ? $0 : text " " $0; next }
        part == "options" { next }
        /^$/ { gap = 1; next }
        { if (gap) print ".PP"; gap = 0; print roff($0); described = 1 }
        END { flush_option(); if (part == "examples") print ".fi" }'
    echo '.SH EXIT STATUS'
    exit_codes
    printf '.SH SEE ALSO\n\\fBfreezetune\\fR(1)\n'
}

exit_codes() {
    printf '%s\n' "$help" | awk "$escape"'
        /^Exit codes:/ { on = 1; next }
        on && /^$/ { exit }
        on { code = $1; sub(/^ *[0-9]+ +/, ""); print ".TP"; print "\\fB" code "\\fR"; print roff($0) }'
}

if [ -n "$name" ]; then
    command_help=$("$@" "$name" --help)
    page
    exit
fi
while IFS= read -r line; do
    case $line in
    @USAGE@) usage "$@" ;;
    @COMMANDS@) list ;;
    @EXIT@) exit_codes ;;
    *) printf '%s\n' "$line" | sed "s/@VERSION@/$version/; s/@DATE@/$date/" ;;
    esac
done <"$here/freezetune.1.in"
