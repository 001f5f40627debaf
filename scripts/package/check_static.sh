#!/bin/sh
# check_static.sh PROGRAM [OBJECTS]: is PROGRAM the one file that `make static` promises? No interpreter, no library, no RUNPATH;
# position independent, RELRO, bound at start, no executable stack, the stack protector and FORTIFY in it, under 15 MB, no path of
# the folder that it was built in. OBJECTS (default: PROGRAM's folder) are looked at for the protection of jumps (CET), which
# the linker notes only where every library has it. Exit codes: 0 all is so; 1 something is not, a line each; 64 usage.
set -eu
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: check_static.sh PROGRAM [OBJECTS]" >&2
    exit 64
fi
program=$1 objects=${2:-$(dirname "$1")}
export LC_ALL=C
failed=0
bad() {
    echo "check_static.sh: $program: $1" >&2
    failed=1
}
headers=$(readelf -hlW "$program")
dynamic=$(readelf -dW "$program")
has() { printf '%s\n' "$1" | grep -qE "$2"; }

has "$headers" 'Type: +DYN' || bad "is not position independent"
! has "$headers" ' INTERP ' || bad "asks for an interpreter"
has "$headers" ' GNU_RELRO ' || bad "has no RELRO"
has "$headers" ' GNU_STACK .* RW +0x' || bad "may have an executable stack"
! has "$headers" ' LOAD .* RWE ' || bad "has memory that is both written and executed"
has "$dynamic" 'BIND_NOW|Flags:.* NOW' || bad "is not bound at its start (BIND_NOW)"
! has "$dynamic" '\((NEEDED|RPATH|RUNPATH|TEXTREL)\)' || bad "needs a library or a path, or writes to its code"
grep -q 'stack smashing detected' "$program" || bad "has no stack protector"
grep -q 'buffer overflow detected' "$program" || bad "has no FORTIFY"
! grep -qF "$PWD" "$program" || bad "has the path of this folder in it"
size=$(wc -c <"$program")
[ "$size" -lt 15000000 ] || bad "has $size bytes, more than 15 MB"
if [ "$(uname -m)" = x86_64 ]; then
    for object in "$objects"/cli/main.o "$objects"/core/base/error.o "$objects"/core/ops/blas.o; do
        has "$(readelf -nW "$object")" 'IBT, SHSTK' || bad "$object has no CET"
    done
fi
exit $failed
