/* Leaks that are not ours, for LeakSanitizer, which asks every program that links this. libheif 1.15 gives libdav1d an
 * AV1 picture of no bytes; libdav1d 1.0.0 refuses it and leaves it to libheif, which does not release its 40 bytes. A
 * program of libheif's functions alone, which releases all that it is given, leaks the same. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libdav1d.so\n";
}
