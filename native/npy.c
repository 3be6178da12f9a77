/* NumPy's .npy: magic, version, a header in Python's own notation, values. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data.h"
#include "file.h"

enum { MAX_RANK = 4, MAX_SIDE = 8192 };
#define MAX_NPY (2ull << 30)

typedef struct npy {
    const char *path;
    lk_bytes file;
    size_t start; /* of the values */
    char type;    /* 'u' 1 byte, 'f' 4, 'd' 8 */
    size_t rank, size[MAX_RANK];
} npy;

static size_t width(char type) {
    return type == 'u' ? 1 : type == 'f' ? 4 : 8;
}

static lk_status bad_header(const npy *n, size_t at, const char *what, fault *f) {
    return fail_at(f, LK_DATA, n->path, at, "broken .npy header: %s", what);
}

/* Finds 'key': in the header and returns what follows it, blanks skipped, or NULL. */
static const char *value_of(const char *header, const char *key) {
    const char *at = strstr(header, key);
    if (!at) return NULL;
    at += strlen(key);
    at += strspn(at, " ");
    if (*at++ != ':') return NULL;
    return at + strspn(at, " ");
}

static lk_status parse_shape(npy *n, const char *text, fault *f) {
    if (*text++ != '(') return bad_header(n, 10, "no shape", f);
    for (n->rank = 0; *text != ')'; n->rank++) {
        text += strspn(text, " ");
        const size_t digits = strspn(text, "0123456789");
        if (*text == ')' && n->rank > 0) break;
        if (digits == 0 || digits > 10)
            return bad_header(n, 10, "the shape is not whole numbers", f);
        if (n->rank == MAX_RANK) return bad_header(n, 10, "more than 4 dimensions", f);
        n->size[n->rank] = 0;
        for (size_t i = 0; i < digits; i++)
            n->size[n->rank] = 10 * n->size[n->rank] + (size_t)(text[i] - '0');
        text += digits + strspn(text + digits, " ");
        if (*text == ',')
            text++;
        else if (*text != ')')
            return bad_header(n, 10, "the shape has no end", f);
    }
    return LK_OK;
}

static lk_status parse_type(npy *n, const char *text, fault *f) {
    static const struct {
        const char *name;
        char type;
    } types[] = {{"|u1", 'u'}, {"u1", 'u'}, {"<u1", 'u'}, {"<f4", 'f'}, {"<f8", 'd'}};
    const char quote = *text;
    if (quote != '\'' && quote != '"') return bad_header(n, 10, "no type", f);
    const size_t length = strcspn(++text, "'\",");
    if (text[length] != quote) return bad_header(n, 10, "no type", f);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strlen(types[i].name) == length && memcmp(types[i].name, text, length) == 0) {
            n->type = types[i].type;
            return LK_OK;
        }
    }
    return fail_at(f, LK_DATA, n->path, 10, "type '%.*s' is not supported; u1, f4 and f8 are",
                   (int)(length > 20 ? 20 : length), text);
}

static lk_status parse_header(npy *n, char *header, fault *f) {
    const char *type = value_of(header, "'descr'"), *shape = value_of(header, "'shape'");
    const char *order = value_of(header, "'fortran_order'");
    if (!type || !shape || !order || *header != '{')
        return bad_header(n, 10, "descr, fortran_order and shape are needed", f);
    if (strncmp(order, "False", 5) != 0)
        return fail_at(f, LK_DATA, n->path, 10, "the array is in Fortran order");
    const lk_status status = parse_type(n, type, f);
    return status ? status : parse_shape(n, shape, f);
}

static lk_status read_header(npy *n, fault *f) {
    const uint8_t *b = n->file.data;
    if (n->file.size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return fail_at(f, LK_DATA, n->path, 0, "not a .npy file");
    if (b[6] != 1 && b[6] != 2)
        return fail_at(f, LK_DATA, n->path, 6, ".npy version %u is not supported", b[6]);
    const size_t prefix = b[6] == 1 ? 10 : 12;
    if (n->file.size < prefix) return bad_header(n, n->file.size, "truncated", f);
    size_t length = b[8] | (size_t)b[9] << 8;
    if (b[6] == 2) length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (length > n->file.size - prefix) return bad_header(n, 8, "longer than the file", f);
    char header[1024];
    if (length >= sizeof header) return bad_header(n, 8, "too long", f);
    memcpy(header, b + prefix, length);
    header[length] = 0;
    n->start = prefix + length;
    return parse_header(n, header, f);
}

/* The bytes that the header declares must be there, no fewer and no more. */
static lk_status check_size(const npy *n, fault *f) {
    size_t total = width(n->type);
    for (size_t i = 0; i < n->rank; i++) {
        if (n->size[i] == 0) return fail(f, LK_DATA, n->path, "holds no images");
        if (n->size[i] > MAX_NPY / total)
            return fail(f, LK_DATA, n->path, "declares more than 2 GiB");
        total *= n->size[i];
    }
    const size_t there = n->file.size - n->start;
    if (there < total)
        return fail_at(f, LK_DATA, n->path, n->file.size,
                       "truncated: %zu bytes of the values are missing", total - there);
    if (there > total)
        return fail_at(f, LK_DATA, n->path, n->start + total, "%zu unexpected bytes at the end",
                       there - total);
    return LK_OK;
}

/* Rows of a .npy file are rows of numbers unless they are to make images. */
static bool is_table(lk_shape wanted) {
    return wanted.channels <= 1 && wanted.height <= 1;
}

/* What the dimensions after the first mean. *last: channels stand last and become planes. */
static lk_status find_shape(const npy *n, lk_shape wanted, lk_shape *shape, bool *last, fault *f) {
    const size_t *size = n->size;
    *last = false;
    for (size_t i = 1; i < n->rank; i++)
        if (size[i] > MAX_SIDE && n->rank > 2)
            return fail(f, LK_DATA, n->path, "a side of %zu is over %d", size[i], MAX_SIDE);
    if (n->rank == 3) {
        *shape = (lk_shape){1, (uint32_t)size[1], (uint32_t)size[2]};
    } else if (n->rank == 4 && (size[3] == 1 || size[3] == 3)) {
        *shape = (lk_shape){(uint32_t)size[3], (uint32_t)size[1], (uint32_t)size[2]};
        *last = true;
    } else if (n->rank == 4 && (size[1] == 1 || size[1] == 3)) {
        *shape = (lk_shape){(uint32_t)size[1], (uint32_t)size[2], (uint32_t)size[3]};
    } else if (n->rank == 2 && is_table(wanted)) {
        *shape = (lk_shape){1, 1, (uint32_t)size[1]};
    } else if (n->rank == 2 && wanted.channels &&
               size[1] == (size_t)wanted.channels * wanted.height * wanted.width) {
        *shape = wanted;
    } else if (n->rank == 2) {
        return fail(f, LK_DATA, n->path, "rows of %zu values do not fit the shape that is wanted",
                    size[1]);
    } else {
        return fail(f, LK_DATA, n->path, "not images: N,H,W or N,H,W,C or N,C,H,W are supported");
    }
    return LK_OK;
}

static double value_at(const npy *n, size_t i) {
    const uint8_t *at = n->file.data + n->start + i * width(n->type);
    if (n->type == 'u') return *at / 255.0;
    double d = 0;
    float s = 0;
    if (n->type == 'd') memcpy(&d, at, sizeof d);
    if (n->type == 'f') memcpy(&s, at, sizeof s);
    return n->type == 'd' ? d : (double)s;
}

static lk_status copy_values(const npy *n, lk_dataset *set, bool last, fault *f) {
    const size_t channels = set->shape.channels;
    const size_t plane = (size_t)set->shape.height * set->shape.width;
    const size_t total = set->count * channels * plane;
    for (size_t i = 0; i < total; i++) {
        const double value = value_at(n, i);
        if (!(value >= 0 && value <= 1)) /* a NaN is not either */
            return fail_at(f, LK_DATA, n->path, n->start + i * width(n->type),
                           "value %g is not between 0 and 1", value);
        const size_t image = i / (channels * plane), rest = i % (channels * plane);
        const size_t to = last ? rest % channels * plane + rest / channels : rest;
        set->pixels[image * channels * plane + to] = (uint8_t)(value * 255 + 0.5);
    }
    return LK_OK;
}

/* Any finite numbers, as they are. */
static lk_status copy_rows(const npy *n, lk_real **values, fault *f) {
    const size_t total = n->size[0] * n->size[1];
    *values = lk_alloc(total * sizeof **values);
    if (!*values) return fail_memory(f);
    for (size_t i = 0; i < total; i++) {
        (*values)[i] = (lk_real)(n->type == 'u' ? 255 * value_at(n, i) : value_at(n, i));
        if (!isfinite((*values)[i]))
            return fail(f, LK_DATA, n->path, "row %zu, column %zu: the value is not finite",
                        i / n->size[1] + 1, i % n->size[1] + 1);
    }
    return LK_OK;
}

lk_status npy_load(const char *path, lk_shape wanted, data *out, fault *f) {
    npy n = {.path = path};
    lk_shape shape;
    bool last;
    lk_status status = file_read(path, MAX_NPY, LK_DATA, &n.file, f);
    if (!status) status = read_header(&n, f);
    if (!status) status = check_size(&n, f);
    if (!status) status = find_shape(&n, wanted, &shape, &last, f);
    if (!status && n.rank == 2 && is_table(wanted)) {
        out->set = (lk_dataset){.shape = shape, .count = n.size[0]};
        status = copy_rows(&n, &out->set.values, f);
    } else if (!status) {
        status = data_set_make(&out->set, shape, n.size[0], false, path, f);
        if (!status) status = copy_values(&n, &out->set, last, f);
    }
    lk_free(n.file.data);
    return status;
}

lk_status npy_read_rows(const char *path, size_t columns, lk_real **values, size_t *rows,
                        fault *f) {
    npy n = {.path = path};
    *values = NULL;
    lk_status status = file_read(path, MAX_NPY, LK_DATA, &n.file, f);
    if (!status) status = read_header(&n, f);
    if (!status) status = check_size(&n, f);
    if (!status && (n.rank != 2 || n.type == 'u' || n.size[1] != columns))
        status = fail(f, LK_DATA, path, "not codes: rows of %zu floats are wanted", columns);
    if (!status && !(*values = lk_alloc(n.size[0] * columns * sizeof **values)))
        status = fail_memory(f);
    for (size_t i = 0; !status && i < n.size[0] * columns; i++) {
        (*values)[i] = (lk_real)value_at(&n, i);
        if (!isfinite((*values)[i]))
            status =
                fail_at(f, LK_DATA, path, n.start + i * width(n.type), "a value is not finite");
    }
    if (status) lk_free(*values);
    *rows = n.size[0];
    lk_free(n.file.data);
    return status;
}

lk_status npy_write(const char *path, const lk_real *values, const size_t *shape, size_t rank,
                    fault *f) {
    char header[256];
    size_t count = 1;
    int at = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (size_t i = 0; i < rank; i++) {
        at += snprintf(header + at, sizeof header - (size_t)at, "%s%zu", i ? ", " : "", shape[i]);
        count *= shape[i];
    }
    at += snprintf(header + at, sizeof header - (size_t)at, "), }");
    /* Values start at a multiple of 64, after blanks and a line's end. */
    const size_t start = ((size_t)at + 11 + 63) / 64 * 64;
    lk_bytes file = {.size = start + count * sizeof *values};
    file.data = lk_alloc(file.size);
    if (!file.data) return fail_memory(f);
    memset(file.data, ' ', start);
    memcpy(file.data, "\x93NUMPY\x01\x00", 8);
    file.data[8] = (uint8_t)(start - 10);
    file.data[9] = (uint8_t)((start - 10) >> 8);
    memcpy(file.data + 10, header, (size_t)at);
    file.data[start - 1] = '\n';
    memcpy(file.data + start, values, count * sizeof *values);
    const lk_status status = file_write(path, file.data, file.size, f);
    lk_free(file.data);
    return status;
}
