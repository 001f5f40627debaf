#!/bin/sh
# static_openblas.sh LIBOPENBLAS.a OUT.o: the parts of OpenBLAS that a static program links before the archive itself, changed
# in two ways (docs/decisions/static.md has the figures).
#   - Its tables of kernels, one for each kind of processor, name every kernel of every type. All but those of sgemm become weak
#     there, so that the linker leaves them out: 2 MB are linked instead of 26.
#   - memory.o loses its constructor and destructor: the library starts when core/ops/blas.c calls gotoblas_init.
# Needs binutils. Exit codes: 0 done, 64 usage, 66 the archive is not one of OpenBLAS with a table for each processor.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: static_openblas.sh LIBOPENBLAS.a OUT.o" >&2
    exit 64
fi
: "${AR:=ar}" "${LD:=ld}" "${NM:=nm}" "${OBJCOPY:=objcopy}"
archive=$(realpath "$1") || exit 66
out=$(realpath -m "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"

tables=$("$AR" t "$archive" | grep '^setparam_.*\.o$' | LC_ALL=C sort)
[ -n "$tables" ] || {
    echo "static_openblas.sh: $archive has no setparam_*.o: it must be built with DYNAMIC_ARCH (Debian: libopenblas-pthread-dev)" >&2
    exit 66
}
# shellcheck disable=SC2086 # one word a member
"$AR" x "$archive" memory.o $tables
for table in $tables; do
    core=${table#setparam_}
    core=${core%.o}
    # sgemv and sscal: newer versions call them for products of one row.
    "$NM" -u "$table" | awk '{ print $NF }' | grep "_$core\$" | grep -vE '^(sgemm|sgemv|sscal|sbgemm_align)' >names.txt
    "$OBJCOPY" --weaken-symbols=names.txt "$table"
done
"$OBJCOPY" --remove-section=.init_array --remove-section=.fini_array --remove-section=.ctors --remove-section=.dtors \
    --remove-section=.rela.init_array --remove-section=.rela.fini_array memory.o
"$NM" memory.o | grep -q ' T gotoblas_init$' || {
    echo "static_openblas.sh: memory.o of $archive has no gotoblas_init" >&2
    exit 66
}
# shellcheck disable=SC2086
"$LD" -r -o whole.o memory.o $tables
mkdir -p "$(dirname "$out")"
mv whole.o "$out"
