#include "fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(fault *f, lk_status status, const char *file, uint64_t offset, const char *format,
                 va_list arguments) {
    f->error.status = status;
    f->error.offset = offset;
    vsnprintf(f->error.message, sizeof f->error.message, format, arguments);
    snprintf(f->file, sizeof f->file, "%s", file ? file : "");
}

lk_status fail(fault *f, lk_status status, const char *file, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fill(f, status, file, LK_NO_OFFSET, format, arguments);
    va_end(arguments);
    return status;
}

lk_status fail_at(fault *f, lk_status status, const char *file, uint64_t offset, const char *format,
                  ...) {
    va_list arguments;
    va_start(arguments, format);
    fill(f, status, file, offset, format, arguments);
    va_end(arguments);
    return status;
}

lk_status fail_errno(fault *f, const char *file, const char *operation) {
    const int code = errno;
    return fail(f, LK_IO, file, "%s: %s", operation, strerror(code));
}

lk_status fail_memory(fault *f) {
    return fail(f, LK_MEMORY, NULL, "out of memory");
}

lk_status blame(fault *f, const char *file) {
    snprintf(f->file, sizeof f->file, "%s", file);
    return f->error.status;
}
