/* One status type and one error text for the whole tree.
 *
 * A function that can fail returns `enum status` and takes a `struct error *` as its last argument. The text is
 * written once, where the facts are known, as one line: what, where (file, tensor, byte), what to do. Callers pass
 * the status up and add nothing. Outputs are untouched on failure unless the header says otherwise.
 *
 * The values are the exit codes that the shell sees (the sysexits.h numbers where one fits).
 */
#ifndef FREEZETUNE_ERROR_H
#define FREEZETUNE_ERROR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

enum status {
    OK = 0,
    ERR_NO = 1,          /* the answer is no: diff found a difference, an asserted accuracy was not reached */
    ERR_USAGE = 64,      /* the command line is wrong */
    ERR_DATA = 65,       /* a photo folder, a photo or a weight file is wrong */
    ERR_NOINPUT = 66,    /* an input is missing or cannot be opened */
    ERR_PROMISE = 70,    /* a promise of ours broke: the freeze proof, an internal check */
    ERR_SYSTEM = 71,     /* the system refused: memory, threads */
    ERR_CANTCREATE = 73, /* an output cannot be made */
    ERR_IO = 74,         /* reading or writing failed half-way */
    ERR_DIVERGED = 78    /* the training diverged: its options (EX_CONFIG) are wrong for it, no file is */
};

struct error {
    enum status status;
    char text[1024];
};

/* Fills *err (which may be NULL) and returns `status`, so that `return error_set(err, ERR_DATA, "...")` reads well.
 * The text must not end in a newline; control bytes in it are replaced when it is printed. */
enum status error_set(struct error *err, enum status status, const char *format, ...) PRINTF_LIKE(3, 4);

/* The error of a failed allocation of `bytes` for `what`. */
enum status error_memory(struct error *err, const char *what, unsigned long long bytes);

/* clang's analyzer looks at one file at a time and would follow ways on which these two return OK. */
#ifdef __clang_analyzer__
#define error_set(err, status, ...) ((void)error_set(err, status, __VA_ARGS__), (status))
#define error_memory(err, what, bytes) ((void)error_memory(err, what, bytes), ERR_SYSTEM)
#endif

#endif
