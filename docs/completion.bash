# Completion for bash. It asks the program itself, so that it knows every command and option that --help knows.

_freezetune() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
    local command help choices
    COMPREPLY=()

    # bash cuts --name=value into three words.
    if [[ $word == "=" ]]; then
        word=
    elif [[ $before == "=" ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi

    if ((COMP_CWORD == 1)); then
        help=$("$program" --help 2>/dev/null | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }')
        mapfile -t COMPREPLY < <(compgen -W "$help --help --version" -- "$word")
        return
    fi
    command=${COMP_WORDS[1]}
    [[ $command == [a-z]* ]] || return
    help=$("$program" "$command" --help 2>/dev/null) || return

    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(awk '/^  --/ { print $1 }' <<<"$help")" -- "$word")
        return
    fi
    # `cache list|clear|path`: the first argument is one of these; clear takes the keys that list shows.
    if ((COMP_CWORD == 2)); then
        choices=$(awk 'NR == 1 && $4 ~ /^[a-z]+[|]/ { gsub(/\|/, " ", $4); print $4 }' <<<"$help")
    elif [[ $command == cache && ${COMP_WORDS[2]} == clear && $before != --* ]]; then
        choices=$("$program" cache list --format tsv 2>/dev/null | awk 'NR > 1 { print $1 }')
    fi
    if [[ $choices ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
        return
    fi
    # Behind an option: its choices, if it has any. Everything else is a file.
    if [[ $before == --* ]]; then
        choices=$(awk -v name="$before" '$1 == name && $2 ~ /\|/ { gsub(/\|/, " ", $2); print $2; exit }' <<<"$help")
        if [[ $choices ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
            return
        fi
    fi
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

complete -o filenames -F _freezetune freezetune
