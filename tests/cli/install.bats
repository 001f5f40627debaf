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

# pages: all of them, in this folder.
pages() {
    sh "$root/docs/man.sh" "$FREEZETUNE" >freezetune.1
    for command in $(commands); do
        sh "$root/docs/man.sh" --command "$command" "$FREEZETUNE" >"freezetune-$command.1"
    done
}

@test "the man pages have every command, option and exit code" {
    pages
    [ -z "$(grep '@[A-Z]*@' ./*.1)" ]
    commands >commands.txt
    [ "$(wc -l <commands.txt)" -ge 3 ]
    sed 's/\\-/-/g' freezetune.1 >main.txt
    while read -r command; do
        grep -qxF "\\fBfreezetune-$command\\fR(1)" main.txt
        grep -q "^freezetune $command " main.txt
        sed 's/\\-/-/g' "freezetune-$command.1" >plain.txt
        grep -q "^freezetune-$command - ." plain.txt
        options "$command" >options.txt
        [ -s options.txt ]
        while read -r option; do
            grep -q "^.fB${option}[ \\]" plain.txt || { echo "$command $option is not in its man page"; false; }
        done <options.txt
        for part in NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" "SEE ALSO"; do
            [ "$(grep -cx ".SH $part" plain.txt)" = 1 ]
        done
    done <commands.txt
    for variable in FREEZETUNE_WEIGHTS FREEZETUNE_CPU SLURM_CPUS_PER_TASK NO_COLOR; do
        grep -q "^\\\\fB$variable\\\\fR$" freezetune.1
    done
    for page in freezetune.1 freezetune-train.1; do
        for code in 0 1 64 65 66 70 71 73 74 130 141; do
            grep -q "^\\\\fB$code\\\\fR$" $page
        done
    done
}

@test "the man pages are good roff" {
    pages
    command -v groff >/dev/null || command -v mandoc >/dev/null || skip "neither groff nor mandoc is here"
    if command -v groff >/dev/null; then
        groff -man -Tutf8 -ww ./*.1 >page.txt 2>warnings.txt
        cat warnings.txt
        [ ! -s warnings.txt ]
        grep -q 'fine-tune a pretrained ResNet-50' page.txt
    fi
    # Without SOURCE_DATE_EPOCH a page has no date: the same program, the same bytes.
    if command -v mandoc >/dev/null; then
        mandoc -Tlint -W warning ./*.1 | grep -v 'missing date' >warnings.txt || true
        cat warnings.txt
        [ ! -s warnings.txt ]
    fi
    SOURCE_DATE_EPOCH=86400 sh "$root/docs/man.sh" --command toy "$FREEZETUNE" | grep -q '^\.TH .* "1970-01-02" '
}

@test "the man page is not made from a program that fails" {
    run_split sh "$root/docs/man.sh" false
    [ "$status" != 0 ]
    [ -z "$out" ]
    run_split sh "$root/docs/man.sh" --command nothing "$FREEZETUNE"
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
    "$FREEZETUNE" --help | awk '/^  --/ { print $1 }' >program.options
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
    {
        commands | sed 's,.*,./usr/share/man/man1/freezetune-&.1,'
        cat <<'END'
./usr/bin/freezetune
./usr/share/bash-completion/completions/freezetune
./usr/share/doc/freezetune/LICENSE
./usr/share/doc/freezetune/README.md
./usr/share/fish/vendor_completions.d/freezetune.fish
./usr/share/man/man1/freezetune.1
./usr/share/zsh/site-functions/_freezetune
END
    } | LC_ALL=C sort >wanted.txt
    (cd "a b" && find . -type f) | LC_ALL=C sort | cmp - wanted.txt
    if command -v man >/dev/null; then
        MANPATH="$PWD/a b/usr/share/man" man -w freezetune freezetune-train >/dev/null
    fi
    for shell in bash zsh fish; do
        [ -s "$(find "a b/usr/share" -path "*$shell*" -name '*freezetune*' -type f)" ]
    done
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
