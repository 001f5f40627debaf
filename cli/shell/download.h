/* A download by curl or wget, whichever is found on PATH (curl first): freezetune opens no connection itself. */
#ifndef FREEZETUNE_DOWNLOAD_H
#define FREEZETUNE_DOWNLOAD_H

#include <stdbool.h>

#include "core/base/error.h"

/* Downloads `url` to `file`, whose folder is made. What arrives is kept in FILE.part, so that a call after one that
 * broke off goes on from there; FILE appears only when the SHA-256 of it all begins with `sha256` (64 digits or
 * fewer).
 * A part that cannot be continued, or is empty, does not stay. While the tool runs, Ctrl-C and SIGTERM end it
 * (signals_catch is called): *stopped, with OK, and no FILE.
 *
 * ERR_SYSTEM where there is neither tool or no process can be made; ERR_NOINPUT when nothing could be downloaded, with
 * the reason; ERR_DATA for other bytes than expected; ERR_CANTCREATE when FILE cannot be made, or another process
 * downloads it. */
MUST_CHECK enum status download(bool *stopped, const char *url, const char *file, const char *sha256,
                                struct error *err);

/* *right: the file is there, and its SHA-256 begins so. ERR_IO, ERR_SYSTEM when it cannot be read. */
MUST_CHECK enum status download_verify(bool *right, const char *file, const char *sha256, struct error *err);

#endif
