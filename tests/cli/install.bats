#!/usr/bin/env bats
# What tells a person of the program: man page, completion, README; and what `make install` installs.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    root=$BATS_TEST_DIRNAME/../..
}

# The commands and the options of a command, from --help.
commands() {
    "$FREEZETUNE" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }'
}

options() {
    "$FREEZETUNE" "$1" --help | awk '/^  --/ { print $1 }'
}

# complete_line WORD...: what the completion offers for the last word.
complete_line() {
    COMP_WORDS=("$FREEZETUNE" "$@")
    COMP_CWORD=$#
    _freezetune
    printf '%s\n' "${COMPREPLY[@]}"
}

@test "the man page has every command, option and exit code" {
    sh "$root/docs/man.sh" "$FREEZETUNE" >page.1
    [ -z "$(grep '@[A-Z]*@' page.1)" ]
    sed 's/\\-/-/g' page.1 >plain.txt
    commands >commands.txt
    [ "$(wc -l <commands.txt)" -ge 3 ]
    while read -r command; do
        grep -q "^\.SS \"freezetune $command " plain.txt
        options "$command" >options.txt
        [ -s options.txt ]
        while read -r option; do
            awk -v head=".SS \"freezetune $command " -v option="$option" '
                /^\.SS/ { on = index($0, head) == 1 }
                on && index($0, "\\fB" option) == 1 { found = 1 }
                END { exit !found }' plain.txt || { echo "$command $option is not in the man page"; false; }
        done <options.txt
    done <commands.txt
    for variable in FREEZETUNE_WEIGHTS FREEZETUNE_CPU SLURM_CPUS_PER_TASK NO_COLOR; do
        grep -q "^\\\\fB$variable\\\\fR$" page.1
    done
    for code in 0 1 64 65 66 70 71 73 74 130 141; do
        grep -q "^\\\\fB$code\\\\fR$" page.1
    done
}

@test "the man page is good roff" {
    command -v groff >/dev/null || skip "no groff"
    sh "$root/docs/man.sh" "$FREEZETUNE" >page.1
    groff -man -Tutf8 -ww page.1 >page.txt 2>warnings.txt
    cat warnings.txt
    [ ! -s warnings.txt ]
    grep -q 'fine-tune a pretrained ResNet-50' page.txt
}

@test "the man page is not made from a program that fails" {
    run_split sh "$root/docs/man.sh" false
    [ "$status" != 0 ]
    [ -z "$out" ]
}

@test "completion: commands, options, choices, files" {
    source "$root/docs/completion.bash"
    complete_line "" | grep -v '^--' | cmp - <(commands)
    [ "$(complete_line insp)" = inspect ]
    complete_line inspect -- | cmp - <(options inspect)
    [ "$(complete_line inspect --freeze-)" = --freeze-until ]
    [ "$(complete_line inspect --conv "")" = $'fast\nexact\nim2col' ]
    [ "$(complete_line inspect --conv = e)" = exact ]
    touch some.safetensors
    [ "$(complete_line inspect some)" = some.safetensors ]
    [ "$(complete_line inspect --json some)" = some.safetensors ]
}

@test "completion knows the children's names where a freeze point is wanted" {
    source "$root/docs/completion.bash"
    children=$(printf '%s\n' conv1 bn1 relu maxpool layer1 layer2 layer3 layer4 avgpool)
    [ "$(complete_line train --freeze-until "")" = "$children" ]
    [ "$(complete_line inspect --freeze-until = av)" = avgpool ]
    [ "$(complete_line sweep --freeze-until 6,layer2..b)" = 6,layer2..bn1 ]
    [ "$(complete_line train --unfreeze-at 3 :)" = "$children" ]
    [ "$(complete_line train --unfreeze-at 3 : layer)" = "$(printf 'layer%s\n' 1 2 3 4)" ]
    [ -z "$(complete_line train --unfreeze-at 3)" ]
}

@test "README names the commands, options and exit codes that --help knows" {
    awk '/^\| command/ { on = 1; next } /^$/ { on = 0 } on && /^\| [a-z]/ { print $2 }' "$root/README.md" | sort >written.txt
    commands | sort | cmp - written.txt
    awk '/^\| code/ { on = 1; next } /^$/ { on = 0 } on && /^\| [0-9]/ { print $2 }' "$root/README.md" >written.txt
    "$FREEZETUNE" --help | awk '/^Exit codes:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' | cmp - written.txt
    # Options: in a command's row those of that command, elsewhere those of some command.
    for command in $(commands); do
        options "$command" | sort >"$command.options"
    done
    sort -u ./*.options >all.txt
    # (What a `make`, `python3` or `tensorboard` command passes on is not the program's.)
    sed 's/`make [^`]*`//g; s/`python3 [^`]*`//g; s/`tensorboard [^`]*`//g' "$root/README.md" | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u >written.txt
    [ "$(wc -l <written.txt)" -ge 20 ]
    comm -23 written.txt all.txt >unknown.txt
    [ ! -s unknown.txt ] || { cat unknown.txt; false; }
    for command in $(commands); do
        grep "^| $command " "$root/README.md" | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u | comm -23 - "$command.options" >unknown.txt
        [ ! -s unknown.txt ] || { echo "$command: $(cat unknown.txt)"; false; }
    done
}

@test "make install and make uninstall" {
    make -C "$root" --no-print-directory VARIANT="$(basename "$BUILD")" DESTDIR="$PWD/a b" PREFIX=/usr install
    [ "$(cd "a b" && find . -type f | LC_ALL=C sort)" = "./usr/bin/freezetune
./usr/share/bash-completion/completions/freezetune
./usr/share/doc/freezetune/LICENSE
./usr/share/doc/freezetune/README.md
./usr/share/man/man1/freezetune.1" ]
    "a b/usr/bin/freezetune" --version
    make -C "$root" --no-print-directory VARIANT="$(basename "$BUILD")" DESTDIR="$PWD/a b" PREFIX=/usr uninstall
    [ -z "$(find "a b" -type f)" ]
}

@test "make check and make demo in a folder with blanks in its name" {
    mkdir "a b (c)" bin
    for part in Makefile cli core models weights scripts tests docs; do
        ln -s "$(realpath "$root")/$part" "a b (c)/"
    done
    # What the two call in the end says only what it was given.
    printf '#!/bin/sh\nprintf "%%s\\n" "$FREEZETUNE" "${BUILD-}" "${IDX_TO_PNG-}"\n' >bin/tool
    chmod +x bin/tool
    for target in run-tests demo; do
        make -C "a b (c)" -n --no-print-directory VARIANT=release "$target" >recipe.txt
        grep -A1 "^FREEZETUNE=" recipe.txt | sed 's/sh scripts\/demo.sh/prove/; s/sh tests\/support\/run_tests.sh/prove/' >last.sh
        ln -sf tool bin/prove
        PATH=$PWD/bin:$PATH sh last.sh | tee said.txt
        grep -qxF "$PWD/a b (c)/build/release/freezetune" said.txt
    done
}
