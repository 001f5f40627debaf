#!/usr/bin/env bats
# freezetune --completion: in the shells themselves, where they are installed. (docs/completion.bash by itself: install.bats.)

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    for shell in bash zsh fish; do
        "$FREEZETUNE" --completion $shell >$shell.txt
    done
    mkdir bin
    ln -s "$FREEZETUNE" bin/freezetune
    PATH=$PWD/bin:$PATH
}

commands() {
    "$FREEZETUNE" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }'
}

# type_line SHELL SETUP TYPED WANTED: a person at a terminal types and presses TAB (twice); WANTED appears.
type_line() {
    python3 - "$@" <<'END'
import os, pty, select, sys, time
shell, setup, typed, wanted = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", PS1="> ", COLUMNS="100", HISTFILE="/dev/null")
    command = {"bash": ["bash", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
    os.execvp(command[0], command)
def read(wanted):
    text, end = b"", time.time() + 30
    while time.time() < end and wanted not in text:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                text += os.read(fd, 65536)
            except OSError:
                break
    return text
os.write(fd, (setup + "; echo re''ady\n").encode())
read(b"ready\r\n")
while select.select([fd], [], [], 0.3)[0]:  # the prompt, and what a shell says around it
    os.read(fd, 65536)
os.write(fd, typed.encode() + b"\t\t")
text = read(wanted.encode())
os.kill(pid, 9)
os.waitpid(pid, 0)
if wanted.encode() not in text:
    sys.exit("%s: no %r behind %r: %r" % (shell, wanted, typed, text))
END
}

@test "zsh and fish know every command and option; the files are good for their shells" {
    for command in $(commands); do
        grep -q "^    $command)$" zsh.txt
        grep -q "^complete -c freezetune -n __freezetune_first -a $command -d '" fish.txt
        "$FREEZETUNE" "$command" --help | awk '/^  --/ { print substr($1, 3) }' >options.txt
        awk -v head="    $command)" '$0 == head { on = 1 } /;;/ { on = 0 } on' zsh.txt >case.txt
        while read -r option; do
            grep -qE -- "--$option(=|\[)" case.txt
            grep -q -- "^complete -c freezetune -n '__freezetune_in $command' -l $option " fish.txt
        done <options.txt
    done
    bash -n bash.txt
    cmp bash.txt "$BATS_TEST_DIRNAME/../../docs/completion.bash"
    if command -v zsh >/dev/null; then zsh -n zsh.txt; fi
    if command -v fish >/dev/null; then fish -n fish.txt; fi
}

@test "bash completes" {
    type_line bash 'source bash.txt' 'freezetune swe' 'freezetune sweep '
    type_line bash 'source bash.txt' 'freezetune inspect --conv im' 'im2col '
    type_line bash 'source bash.txt' 'freezetune weights ' 'path'
    type_line bash 'source bash.txt' 'freezetune --completion f' 'fish '
}

@test "zsh completes" {
    command -v zsh >/dev/null || skip "zsh is not here"
    mkdir functions
    cp zsh.txt functions/_freezetune
    for setup in 'fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -D' \
        'autoload -Uz compinit; compinit -u -D; source ./zsh.txt'; do
        type_line zsh "$setup" 'freezetune swe' 'freezetune sweep'
    done
    type_line zsh "$setup" 'freezetune inspect --conv ' 'im2col'
    type_line zsh "$setup" 'freezetune train --dry' '--dry-run'
    type_line zsh "$setup" 'freezetune train --freeze-until=lay' 'layer3'
    type_line zsh "$setup" 'freezetune cache cl' 'cache clear'
    touch photo.jpg
    type_line zsh "$setup" 'freezetune predict --model pho' 'photo.jpg'
    type_line zsh "$setup" 'freezetune --completion f' 'fish'
}

@test "fish completes" {
    command -v fish >/dev/null || skip "fish is not here"
    touch photo.jpg
    mkdir photos
    complete_line() {
        HOME=$PWD fish --no-config -c "source fish.txt; complete -C '$1'" | cut -f 1
    }
    [ "$(complete_line 'freezetune swe')" = sweep ]
    [ "$(complete_line 'freezetune inspect --conv ')" = $'exact\nfast\nim2col' ]
    [ "$(complete_line 'freezetune train --dry')" = --dry-run ]
    [ "$(complete_line 'freezetune train --freeze-until layer')" = $'layer1\nlayer2\nlayer3\nlayer4' ]
    [ "$(complete_line 'freezetune cache cl')" = clear ]
    [ "$(complete_line 'freezetune predict --model pho')" = $'photo.jpg\nphotos/' ]
    [ "$(complete_line 'freezetune cache --cache-dir pho')" = photos/ ]
    [ "$(complete_line 'freezetune help swe')" = sweep ]
}

@test "another shell is one line and 64" {
    fails 64 'must be bash, zsh or fish' "$FREEZETUNE" --completion tcsh
    fails 64 'must be bash, zsh or fish' "$FREEZETUNE" --completion
    "$FREEZETUNE" --completion=fish | cmp - fish.txt
}
