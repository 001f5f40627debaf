# Completion for bash. It asks the program itself, so that it knows every command and option that --help knows.

# The names of the children that may be frozen, from the first to the last but one, as train --help lists them:
# "(conv1, bn1, ..., fc are 1 to 10)".
_freezetune_children() {
    "$1" train --help 2>/dev/null | tr '\n' ' ' |
        sed -n 's/.*(\(conv1, [a-z0-9, ]*\), [a-z0-9]* are 1 to [0-9]*).*/\1/p' | tr -d ','
}

# What stands behind --freeze-until (for sweep a list) and --unfreeze-at EPOCH:, as words.
_freezetune_points() {
    local option=$1 word=$2 program=$3 list=
    if [[ $option == --unfreeze-at && $word != *:* ]]; then
        return
    fi
    # What stands before the last comma, colon or two dots stays.
    if [[ $word =~ ^(.*(,|:|\.\.)) ]]; then
        list=${BASH_REMATCH[1]}
    fi
    compgen -P "$list" -W "$(_freezetune_children "$program")" -- "${word#"$list"}"
}

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

    # A colon parts words too: 3:layer2 is three of them, of which the last is completed.
    local epoch=
    if [[ $word == ":" && ${COMP_WORDS[COMP_CWORD - 2]} == --unfreeze-at ]]; then
        before=--unfreeze-at word="" epoch=:
    elif [[ $before == ":" && ${COMP_WORDS[COMP_CWORD - 3]} == --unfreeze-at ]]; then
        before=--unfreeze-at epoch=:
    fi

    if ((COMP_CWORD == 1)); then
        help=$("$program" --help 2>/dev/null | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }')
        mapfile -t COMPREPLY < <(compgen -W "$help --help --version --completion" -- "$word")
        return
    fi
    if [[ ${COMP_WORDS[1]} == --completion ]]; then
        mapfile -t COMPREPLY < <(compgen -W "bash zsh fish" -- "$word")
        return
    fi
    command=${COMP_WORDS[1]}
    [[ $command == [a-z]* ]] || return
    help=$("$program" "$command" --help 2>/dev/null) || return

    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(awk '/^  --/ { print $1 }' <<<"$help")" -- "$word")
        return
    fi
    # `cache list|clear|path|fill`: the first argument is one of these; clear takes the keys that list shows.
    if ((COMP_CWORD == 2)); then
        choices=$(awk 'NR == 1 && $4 ~ /^[a-z]+[|]/ { gsub(/\|/, " ", $4); print $4 }' <<<"$help")
    elif [[ $command == cache && ${COMP_WORDS[2]} == clear && $before != --* ]]; then
        choices=$("$program" cache list --format tsv 2>/dev/null | awk 'NR > 1 { print $1 }')
    fi
    if [[ $choices ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
        return
    fi
    if [[ $before == --freeze-until || $before == --unfreeze-at ]]; then
        mapfile -t COMPREPLY < <(_freezetune_points "$before" "$epoch$word" "$program")
        COMPREPLY=("${COMPREPLY[@]#"$epoch"}")
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
