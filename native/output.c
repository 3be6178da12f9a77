#include "output.h"

#include <errno.h>
#include <math.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

json_t *output_text(const char *text) {
    if (!text) return json_null();
    json_t *string = json_string(text);
    if (string) return string;
    const size_t length = strlen(text);
    char *clean = lk_alloc(3 * length + 1);
    if (!clean) return NULL;
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x80) {
            clean[at++] = text[i];
        } else {
            memcpy(clean + at, "\xef\xbf\xbd", 3);
            at += 3;
        }
    }
    string = json_stringn(clean, at);
    lk_free(clean);
    return string;
}

json_t *output_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

lk_status output_json(json_t *value, fault *f) {
    if (!value) return fail_memory(f);
    char *text = json_dumps(value, JSON_REAL_PRECISION(17) | JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
    if (!text) return fail_memory(f);
    errno = 0; /* a line longer than the buffer is written here, and only here is known why not */
    const bool written = puts(text) != EOF;
    free(text);
    return written ? LK_OK : fail_errno(f, "standard output", "cannot write");
}

lk_status output_finish(fault *f) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return LK_OK;
    if (errno == 0) errno = EIO;
    return fail_errno(f, "standard output", "cannot write");
}

static void print_fault(const char *kind, const fault *f) {
    /* Printable names may be four times as long. */
    static char file[4 * PATH_MAX], message[4 * sizeof f->error.message];
    text_printable(f->file, file, sizeof file);
    text_printable(f->error.message, message, sizeof message);
    fprintf(stderr, "likeness: %s%s%s%s", kind, file, *file ? ": " : "", message);
    if (f->error.offset != LK_NO_OFFSET)
        fprintf(stderr, " (offset %llu)", (unsigned long long)f->error.offset);
    fputc('\n', stderr);
}

void output_note(const fault *f) {
    print_fault("note: ", f);
}

json_t *output_error(const lk_error *error) {
    json_t *offset =
        error->offset == LK_NO_OFFSET ? json_null() : json_integer((json_int_t)error->offset);
    return json_pack("{s:s,s:i,s:o,s:o}", "status", lk_status_name(error->status), "code",
                     (int)error->status, "message", output_text(error->message), "offset", offset);
}

void output_fault(const fault *f, bool json) {
    print_fault("", f);
    if (!json) return;
    json_t *error = output_error(&f->error);
    json_object_set_new(error, "file", output_text(*f->file ? f->file : NULL));
    fault ignored;
    output_json(json_pack("{s:o}", "error", error), &ignored);
    fflush(stdout);
}

const char *output_coloured(const char *text, const char *sgr, char *out) {
    const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
    const bool plain =
        (none && *none) || !isatty(STDOUT_FILENO) || !terminal || strcmp(terminal, "dumb") == 0;
    snprintf(out, 64, plain ? "%.0s%s" : "\x1b[%sm%s\x1b[0m", sgr, text);
    return out;
}

void output_sha256(const void *bytes, size_t size, char *hex) {
    SHA256Data(bytes, size, hex);
}
