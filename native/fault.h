/* What went wrong and with which file: the program's own lk_error. */
#ifndef FAULT_H
#define FAULT_H

#include <limits.h>
#include <stdint.h>

#include "likeness.h"

typedef struct fault {
    lk_error error;
    char file[PATH_MAX]; /* "" when no file is to blame */
} fault;

/* Each fills *f and returns `status`; `file` may be NULL. */
lk_status fail(fault *f, lk_status status, const char *file, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
lk_status fail_at(fault *f, lk_status status, const char *file, uint64_t offset, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));
/* An operation on `file` failed with errno. */
lk_status fail_errno(fault *f, const char *file, const char *operation);
lk_status fail_memory(fault *f);

/* The core has filled f->error; says which file it was working on. Returns the status. */
lk_status blame(fault *f, const char *file);

#endif
