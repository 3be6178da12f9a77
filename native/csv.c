/* A table as text: a row a line, commas between, an optional heading; perhaps a column of labels.
   Lines end as on any system: in LF, CR LF or CR. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "file.h"

enum { MAX_COLUMNS = 100000, MAX_FIELD = 4096 };
#define MAX_CSV (2ull << 30)

typedef struct csv {
    const char *path;
    const char *at, *end;
    size_t line;     /* of `at`, from 1 */
    size_t columns;  /* 0: not known yet */
    size_t label;    /* which column holds labels; SIZE_MAX: none */
    strings heading; /* empty: there is none */
    lk_real *values;
    size_t rows, room;
    strings labels; /* of the rows */
} csv;

static lk_status bad(const csv *c, size_t column, const char *what, fault *f) {
    return fail(f, LK_DATA, c->path, "line %zu, column %zu: %s", c->line, column + 1, what);
}

/* ---- fields ---- */

/* The next field of a line, without its quotes, into field[MAX_FIELD]; *last: the line ends. */
static lk_status read_field(csv *c, size_t column, char *field, bool *last, fault *f) {
    size_t n = 0;
    const bool quoted = c->at < c->end && *c->at == '"';
    if (quoted) c->at++;
    for (;; c->at++) {
        const bool over = c->at == c->end;
        if (quoted && (over || *c->at == '\n')) return bad(c, column, "a quote has no end", f);
        if (quoted && *c->at == '"') {
            c->at++;
            if (c->at == c->end || *c->at != '"') break;
        } else if (!quoted && (over || *c->at == ',' || *c->at == '\n' || *c->at == '\r')) {
            break;
        }
        if (!over && *c->at == 0) return bad(c, column, "a zero byte: this is no text", f);
        if (n + 1 == MAX_FIELD) return bad(c, column, "too long a field", f);
        field[n++] = *c->at;
    }
    field[n] = 0;
    *last = c->at == c->end || *c->at == '\n' || *c->at == '\r';
    if (!*last && *c->at != ',') return bad(c, column, "there is more behind a quote", f);
    if (c->end - c->at >= 2 && memcmp(c->at, "\r\n", 2) == 0) c->at++;
    if (c->at < c->end) c->at++;
    return LK_OK;
}

static const char *trim(char *field) {
    while (isspace((unsigned char)*field)) field++;
    size_t n = strlen(field);
    while (n > 0 && isspace((unsigned char)field[n - 1])) field[--n] = 0;
    return field;
}

/* A decimal number, and nothing else that strtod would take: no hex, no names. */
static bool parse_number(const char *text, lk_real *out) {
    char *end;
    if (!*text || strspn(text, "0123456789+-.eE") != strlen(text)) return false;
    const double value = strtod(text, &end);
    *out = (lk_real)value;
    return *end == 0 && isfinite(*out);
}

static lk_status read_number(const csv *c, size_t column, const char *text, lk_real *out,
                             fault *f) {
    if (parse_number(text, out)) return LK_OK;
    char what[128], shown[60];
    if (!*text) return bad(c, column, "there is no number", f);
    snprintf(what, sizeof what, "'%.40s' is no number%s", text_printable(text, shown, sizeof shown),
             c->label == SIZE_MAX ? "; a column of labels is named by :label=NAME" : "");
    return bad(c, column, what, f);
}

/* ---- rows ---- */

static bool make_room(csv *c, size_t values) {
    if (c->rows < c->room) return true;
    const size_t room = c->room ? 2 * c->room : 256;
    if (values && room > SIZE_MAX / sizeof *c->values / values) return false;
    lk_real *more = lk_alloc((values ? room * values : 1) * sizeof *more);
    if (!more) return false;
    if (c->rows) memcpy(more, c->values, c->rows * values * sizeof *more);
    lk_free(c->values);
    c->values = more;
    c->room = room;
    return true;
}

static lk_status read_row(csv *c, char *field, fault *f) {
    const size_t values = c->columns - (c->label != SIZE_MAX);
    bool last = false;
    size_t column = 0, value = 0;
    if (!make_room(c, values)) return fail_memory(f);
    lk_status status = LK_OK;
    for (; !last && !status; column++) {
        status = read_field(c, column, field, &last, f);
        if (status || column >= c->columns) continue; /* those too many are counted alone */
        const char *text = trim(field);
        if (column != c->label)
            status = read_number(c, column, text, c->values + c->rows * values + value++, f);
        else if (!*text)
            status = bad(c, column, "there is no label", f);
        else if (!strings_add(&c->labels, text))
            status = fail_memory(f);
    }
    if (!status && column != c->columns)
        status = fail(f, LK_DATA, c->path, "line %zu has %s than %zu columns", c->line,
                      column < c->columns ? "fewer" : "more", c->columns);
    if (!status) c->rows++;
    c->line++;
    return status;
}

/* The first line is a heading where any of its fields is no number. */
static lk_status read_heading(csv *c, const char *label, char *field, fault *f) {
    const char *start = c->at;
    bool last = false, numbers = true;
    lk_status status = LK_OK;
    for (c->columns = 0; !last && !status; c->columns++) {
        lk_real ignored;
        status = read_field(c, c->columns, field, &last, f);
        if (status) return status;
        const char *text = trim(field);
        numbers = numbers && parse_number(text, &ignored);
        if (!strings_add(&c->heading, text)) return fail_memory(f);
        if (c->columns == MAX_COLUMNS) return bad(c, c->columns, "too many columns", f);
    }
    if (numbers) {
        strings_cut(&c->heading, 0);
        c->at = start;
    } else {
        c->line++;
    }
    if (!label) return LK_OK;
    for (size_t i = 0; i < c->heading.count; i++)
        if (strcmp(c->heading.items[i], label) == 0) c->label = i;
    if (c->label == SIZE_MAX)
        return fail(f, LK_DATA, c->path, "no column is called '%.40s'%s", label,
                    c->heading.count == 0 ? ": there is no heading"
                    : c->columns == 1     ? ": there is but one, for columns are parted by commas"
                                          : "");
    return LK_OK;
}

static bool is_blank_line(const csv *c) {
    return c->at < c->end && (*c->at == '\n' || *c->at == '\r');
}

static lk_status read_all(csv *c, const char *label, char *field, fault *f) {
    if (c->end - c->at >= 3 && memcmp(c->at, "\xef\xbb\xbf", 3) == 0) c->at += 3;
    if (c->at == c->end) return fail(f, LK_DATA, c->path, "the file is empty");
    lk_status status = read_heading(c, label, field, f);
    while (!status && c->at < c->end) {
        if (is_blank_line(c)) return fail(f, LK_DATA, c->path, "line %zu is empty", c->line);
        status = read_row(c, field, f);
    }
    if (!status && c->rows == 0) status = fail(f, LK_DATA, c->path, "holds no rows");
    if (!status && c->columns == 1 && c->label != SIZE_MAX)
        status = fail(f, LK_DATA, c->path, "holds nothing but labels");
    return status;
}

lk_status csv_load(const char *path, const char *label, data *out, fault *f) {
    lk_bytes file;
    lk_status status = file_read(path, MAX_CSV, LK_DATA, &file, f);
    if (status) return status;
    csv c = {.path = path,
             .at = (const char *)file.data,
             .end = (const char *)file.data + file.size,
             .line = 1,
             .label = SIZE_MAX};
    char *field = lk_alloc(MAX_FIELD);
    status = field ? read_all(&c, label, field, f) : fail_memory(f);
    if (!status) {
        const size_t columns = c.columns - (c.label != SIZE_MAX);
        out->set =
            (lk_dataset){.shape = {1, 1, (uint32_t)columns}, .count = c.rows, .values = c.values};
        c.values = NULL;
        if (c.label != SIZE_MAX) status = data_number_labels(&c.labels, &c.labels, out, f);
    }
    strings_free(&c.heading);
    strings_free(&c.labels);
    lk_free(c.values);
    lk_free(field);
    lk_free(file.data);
    return status;
}
