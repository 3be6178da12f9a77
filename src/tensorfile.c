/* The header is JSON of one known form, so the reader knows at each step what must come next: no
   recursion, no tree, no skipping. Its decoded strings cannot outgrow the text they come from, so
   the size of the single block is known before a byte of JSON is read. */
#include "tensorfile.h"

#include <string.h>

#include "arena.h"

static const struct {
    const char *name;
    size_t size;
} DTYPES[LK_DTYPES] = {
    [LK_F32] = {"F32", 4}, [LK_F16] = {"F16", 2}, [LK_I8] = {"I8", 1},   [LK_U8] = {"U8", 1},
    [LK_I32] = {"I32", 4}, [LK_U32] = {"U32", 4}, [LK_F64] = {"F64", 8}, [LK_U64] = {"U64", 8},
};

enum {
    PREFIX = 8,         /* bytes that hold the header's length */
    SHORTEST_ENTRY = 5, /* bytes of the least metadata entry, "":"" */
    SHORTEST_TENSOR = 49,
};
static const char METADATA[] = "__metadata__";

size_t lk_dtype_size(lk_dtype dtype) {
    return DTYPES[dtype].size;
}

void lk_bytes_free(lk_bytes *bytes) {
    lk_free(bytes->data);
    *bytes = (lk_bytes){NULL, 0};
}

/* ---- reading JSON ---- */

typedef struct reader {
    const uint8_t *bytes; /* the file */
    size_t at, end;       /* next byte and end of the header, counted from the file's start */
    char *text;           /* room for the next decoded string */
    lk_error *error;
} reader;

static bool wrong(const reader *r, size_t at, const char *message) {
    lk_fail_at(r->error, LK_MODEL, at, "%s", message);
    return false;
}

/* The next byte after white space, or 0 at the end. */
static uint8_t peek(reader *r) {
    for (; r->at < r->end; r->at++) {
        const uint8_t c = r->bytes[r->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c;
    }
    return 0;
}

static bool expect(reader *r, uint8_t c) {
    if (peek(r) != c) {
        const char text[2] = {(char)c, 0};
        lk_fail_at(r->error, LK_MODEL, r->at, "header lacks a '%s' here", text);
        return false;
    }
    r->at++;
    return true;
}

/* After an item of a list: true when another follows, with *more false at the closing byte. */
static bool next_item(reader *r, uint8_t close, bool *more) {
    *more = peek(r) == ',';
    if (!*more) return expect(r, close);
    r->at++;
    return true;
}

static bool read_hex4(reader *r, uint32_t *out) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        const uint8_t c = r->at < r->end ? r->bytes[r->at] : 0;
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value = value * 16 + (c - 'A' + 10);
        else
            return wrong(r, r->at, "\\u needs four hex digits");
    }
    *out = value;
    return true;
}

/* What follows a backslash. Halves of a surrogate pair are of use only together. */
static bool read_escape(reader *r, uint32_t *code) {
    static const char NAMES[] = "\"\\/bfnrt", VALUES[] = "\"\\/\b\f\n\r\t";
    const size_t start = r->at - 1;
    const uint8_t c = r->at < r->end ? r->bytes[r->at] : 0;
    const char *name = c ? strchr(NAMES, c) : NULL;
    if (!name && c != 'u') return wrong(r, start, "unknown escape in a string");
    r->at++;
    if (name) {
        *code = (uint8_t)VALUES[name - NAMES];
        return true;
    }
    uint32_t low;
    if (!read_hex4(r, code)) return false;
    if (*code < 0xd800 || *code > 0xdfff) return true;
    if (*code > 0xdbff || r->end - r->at < 6 || memcmp(r->bytes + r->at, "\\u", 2) != 0)
        return wrong(r, start, "half a surrogate pair in a string");
    r->at += 2;
    if (!read_hex4(r, &low)) return false;
    if (low < 0xdc00 || low > 0xdfff) return wrong(r, start, "half a surrogate pair in a string");
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/* A character of more than one byte: shortest form only, no surrogates, at most U+10FFFF. */
static bool read_utf8(reader *r, uint32_t *code) {
    static const uint32_t LEAST[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *p = r->bytes + r->at;
    const size_t more = p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : p[0] < 0xf8 ? 3 : 0;
    bool good = more > 0 && more < r->end - r->at;
    *code = p[0] & (0x3fu >> more);
    for (size_t i = 1; good && i <= more; i++) {
        good = (p[i] & 0xc0) == 0x80;
        *code = *code << 6 | (p[i] & 0x3f);
    }
    if (!good || *code < LEAST[more] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
        return wrong(r, r->at, "header is not UTF-8");
    r->at += more + 1;
    return true;
}

static char *put_utf8(char *to, uint32_t code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* Decodes a string into r->text, which moves on: the string stays. An escape is never shorter than
   what it stands for, and the quotes make room for the final zero. */
static bool read_string(reader *r, const char **out) {
    if (!expect(r, '"')) return false;
    char *to = r->text;
    for (;;) {
        const uint8_t c = r->at < r->end ? r->bytes[r->at] : 0;
        const size_t start = r->at;
        uint32_t code = c;
        if (r->at == r->end) return wrong(r, r->at, "header ends inside a string");
        if (c < 0x20) return wrong(r, r->at, "control character in a string");
        if (c >= 0x80) {
            if (!read_utf8(r, &code)) return false;
        } else {
            r->at++;
            if (c == '"') break;
            if (c == '\\' && !read_escape(r, &code)) return false;
        }
        if (code == 0) return wrong(r, start, "zero byte in a string");
        to = put_utf8(to, code);
    }
    *to = 0;
    *out = r->text;
    r->text = to + 1;
    return true;
}

/* A string that is needed no longer than until the next one is read. */
static bool read_word(reader *r, const char **out) {
    char *text = r->text;
    const bool good = read_string(r, out);
    r->text = text;
    return good;
}

/* A whole number as JSON writes it. What follows must end it, so 1.0, 1e3 and 01 are refused. */
static bool read_size(reader *r, size_t *out) {
    peek(r);
    const size_t start = r->at;
    size_t value = 0;
    for (; r->at < r->end && r->bytes[r->at] >= '0' && r->bytes[r->at] <= '9'; r->at++) {
        if (!lk_mul_size(value, 10, &value) ||
            !lk_add_size(value, (size_t)(r->bytes[r->at] - '0'), &value))
            return wrong(r, start, "number is too large");
    }
    const size_t digits = r->at - start;
    const uint8_t next = peek(r);
    if (digits == 0 || (digits > 1 && r->bytes[start] == '0') || (next != ',' && next != ']'))
        return wrong(r, start, "not a whole number of at least 0");
    *out = value;
    return true;
}

static bool read_sizes(reader *r, size_t *out, size_t most, size_t *count) {
    bool more = true;
    *count = 0;
    if (!expect(r, '[')) return false;
    if (peek(r) == ']') {
        r->at++;
        return true;
    }
    while (more) {
        if (*count == most) return wrong(r, r->at, "too many numbers in a list");
        if (!read_size(r, &out[(*count)++]) || !next_item(r, ']', &more)) return false;
    }
    return true;
}

/* ---- reading tensors ---- */

static bool read_dtype(reader *r, lk_dtype *dtype) {
    const size_t start = r->at;
    const char *word;
    if (!read_word(r, &word)) return false;
    for (size_t i = 0; i < LK_DTYPES; i++) {
        if (strcmp(word, DTYPES[i].name) == 0) {
            *dtype = (lk_dtype)i;
            return true;
        }
    }
    return wrong(r, start, "unknown tensor type");
}

/* Bytes that shape and type ask for. */
static bool tensor_bytes(const lk_tensor *tensor, size_t *bytes) {
    *bytes = lk_dtype_size(tensor->dtype);
    for (size_t i = 0; i < tensor->rank; i++)
        if (!lk_mul_size(*bytes, tensor->dims[i], bytes)) return false;
    return true;
}

/* {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}; data[size] is the file's data. */
static bool read_tensor(reader *r, const uint8_t *data, size_t size, lk_tensor *tensor) {
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL = 7 };
    unsigned seen = 0;
    size_t offsets[2], count, bytes;
    bool more = true;
    peek(r);
    const size_t start = r->at;
    if (!expect(r, '{')) return false;
    while (more) {
        const char *key;
        peek(r);
        const size_t key_at = r->at;
        if (!read_word(r, &key)) return false;
        const unsigned which = strcmp(key, "dtype") == 0          ? DTYPE
                               : strcmp(key, "shape") == 0        ? SHAPE
                               : strcmp(key, "data_offsets") == 0 ? OFFSETS
                                                                  : 0;
        if (which == 0) return wrong(r, key_at, "unknown key of a tensor");
        if (seen & which) return wrong(r, key_at, "key of a tensor stands twice");
        seen |= which;
        if (!expect(r, ':')) return false;
        peek(r);
        const size_t value_at = r->at;
        if (which == DTYPE && !read_dtype(r, &tensor->dtype)) return false;
        if (which == SHAPE && !read_sizes(r, tensor->dims, LK_MAX_RANK, &tensor->rank))
            return false;
        if (which == OFFSETS) {
            if (!read_sizes(r, offsets, 2, &count)) return false;
            if (count != 2) return wrong(r, value_at, "a tensor needs two offsets");
            if (offsets[0] > offsets[1]) return wrong(r, value_at, "tensor ends before it begins");
            if (offsets[1] > size) return wrong(r, value_at, "tensor reaches past the file's end");
        }
        if (!next_item(r, '}', &more)) return false;
    }
    if (seen != ALL) return wrong(r, start, "tensor lacks its dtype, shape or data_offsets");
    if (!tensor_bytes(tensor, &bytes)) return wrong(r, start, "shape of a tensor is too large");
    if (bytes != offsets[1] - offsets[0])
        return wrong(r, start, "offsets of a tensor do not match its shape and type");
    tensor->data = data + offsets[0];
    tensor->bytes = bytes;
    return true;
}

/* Tensors are found and reported by name, so a name must be fit to print. */
static bool check_name(const reader *r, size_t at, const char *name, const lk_tensor *tensors,
                       size_t count) {
    for (const char *c = name; *c; c++)
        if ((uint8_t)*c < 0x20 || *c == 0x7f)
            return wrong(r, at, "control character in a tensor's name");
    for (size_t i = 0; i < count; i++)
        if (strcmp(tensors[i].name, name) == 0) return wrong(r, at, "tensor's name stands twice");
    return true;
}

static bool read_metadata(reader *r, lk_metadata *entries, size_t *count) {
    bool more = true;
    if (!expect(r, '{')) return false;
    if (peek(r) == '}') {
        r->at++;
        return true;
    }
    for (; more; ++*count) {
        lk_metadata *entry = &entries[*count];
        peek(r);
        const size_t start = r->at;
        if (*count == LK_MAX_TENSORS) return wrong(r, start, "too many metadata entries");
        if (!read_string(r, &entry->key)) return false;
        for (size_t i = 0; i < *count; i++)
            if (strcmp(entries[i].key, entry->key) == 0)
                return wrong(r, start, "metadata key stands twice");
        if (!expect(r, ':') || !read_string(r, &entry->value) || !next_item(r, '}', &more))
            return false;
    }
    return true;
}

/* {"__metadata__": {...}, "NAME": {...}, ...} and then nothing but spaces. */
static bool read_header(reader *r, size_t size, lk_tensor *tensors, size_t *tensor_count,
                        lk_metadata *metadata, size_t *metadata_count) {
    const uint8_t *data = r->bytes + r->end;
    bool more, metadata_seen = false;
    if (r->at == r->end || r->bytes[r->at] != '{')
        return wrong(r, r->at, "header does not begin with '{'");
    r->at++;
    more = peek(r) != '}';
    if (!more) r->at++;
    while (more) {
        const char *name;
        peek(r);
        const size_t start = r->at;
        if (!read_string(r, &name) || !expect(r, ':')) return false;
        if (strcmp(name, METADATA) == 0) {
            if (metadata_seen) return wrong(r, start, "metadata stand twice");
            metadata_seen = true;
            if (!read_metadata(r, metadata, metadata_count)) return false;
        } else {
            if (*tensor_count == LK_MAX_TENSORS) return wrong(r, start, "too many tensors");
            if (!check_name(r, start, name, tensors, *tensor_count)) return false;
            lk_tensor *tensor = &tensors[*tensor_count];
            tensor->name = name;
            if (!read_tensor(r, data, size - r->end, tensor)) return false;
            ++*tensor_count;
        }
        if (!next_item(r, '}', &more)) return false;
    }
    for (; r->at < r->end; r->at++)
        if (r->bytes[r->at] != ' ') return wrong(r, r->at, "bytes after the header's object");
    return true;
}

static bool comes_before(const lk_tensor *a, const lk_tensor *b) {
    const uint8_t *p = a->data, *q = b->data;
    return p < q || (p == q && a->bytes < b->bytes);
}

/* Puts the tensors into the order of their data (files have them so, or nearly; else a thousand
   tensors are sorted in a millisecond) and demands that the data follow without hole or overlap. */
static bool check_tiling(const reader *r, size_t size, lk_tensor *tensors, size_t count) {
    for (size_t i = 1; i < count; i++) {
        const lk_tensor tensor = tensors[i];
        size_t j = i;
        for (; j > 0 && comes_before(&tensor, &tensors[j - 1]); j--) tensors[j] = tensors[j - 1];
        tensors[j] = tensor;
    }
    size_t at = r->end;
    for (size_t i = 0; i < count; i++) {
        const size_t begin = (size_t)((const uint8_t *)tensors[i].data - r->bytes);
        if (begin > at) return wrong(r, at, "bytes that belong to no tensor");
        if (begin < at) return wrong(r, begin, "tensors overlap");
        at += tensors[i].bytes;
    }
    return at == size || wrong(r, at, "bytes that belong to no tensor");
}

lk_tensorfile *lk_tensorfile_open(const void *bytes, size_t size, lk_error *error) {
    reader r = {.bytes = bytes, .at = PREFIX, .error = error};
    uint64_t length = 0;
    if (size < PREFIX) {
        lk_fail_at(error, LK_MODEL, size, "file ends before the header's length");
        return NULL;
    }
    if (size > LK_MAX_FILE) {
        lk_fail(error, LK_MODEL, "file is larger than %u bytes", (unsigned long long)LK_MAX_FILE);
        return NULL;
    }
    for (int i = 0; i < PREFIX; i++) length |= (uint64_t)r.bytes[i] << (8 * i);
    if (length > size - PREFIX || length > LK_MAX_HEADER) {
        lk_fail_at(error, LK_MODEL, 0, "not a safetensors file: header length %u exceeds the %s",
                   (unsigned long long)length, length > LK_MAX_HEADER ? "limit of 1 MiB" : "file");
        return NULL;
    }
    r.end = PREFIX + (size_t)length;

    lk_arena arena = {0};
    lk_tensorfile *file;
    lk_tensor *tensors;
    lk_metadata *metadata;
    do {
        file = lk_arena_take(&arena, 1, sizeof *file);
        tensors = lk_arena_take(&arena, LK_MIN(length / SHORTEST_TENSOR + 1, LK_MAX_TENSORS),
                                sizeof *tensors);
        metadata = lk_arena_take(&arena, LK_MIN(length / SHORTEST_ENTRY + 1, LK_MAX_TENSORS),
                                 sizeof *metadata);
        r.text = lk_arena_take(&arena, (size_t)length, 1);
        if (!arena.base && !lk_arena_commit(&arena)) {
            lk_fail(error, LK_MEMORY, "out of memory");
            return NULL;
        }
    } while (!file);
    file->tensors = tensors;
    file->metadata = metadata;
    if (!read_header(&r, size, tensors, &file->tensor_count, metadata, &file->metadata_count) ||
        !check_tiling(&r, size, tensors, file->tensor_count)) {
        lk_tensorfile_free(file);
        return NULL;
    }
    return file;
}

void lk_tensorfile_free(lk_tensorfile *file) {
    lk_free(file);
}

const lk_tensor *lk_tensorfile_find(const lk_tensorfile *file, const char *name) {
    for (size_t i = 0; i < file->tensor_count; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

const char *lk_tensorfile_text(const lk_tensorfile *file, const char *key) {
    for (size_t i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0) return file->metadata[i].value;
    return NULL;
}

lk_checksum lk_tensorfile_checksum(const lk_tensor *tensors, size_t tensor_count) {
    /* Words of eight bytes, the last filled up with zeros; each step is a bijection of the sum and
       of the word (an odd factor, a shift), so that no single change can be undone. */
    uint64_t sum = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < tensor_count; i++)
        for (size_t at = 0; at < tensors[i].bytes; at += 8) {
            uint64_t word = 0;
            memcpy(&word, (const uint8_t *)tensors[i].data + at,
                   LK_MIN((size_t)8, tensors[i].bytes - at));
            sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
            sum ^= sum >> 29;
        }
    lk_checksum checksum = {""};
    for (int i = 0; i < 16; i++) checksum.text[i] = "0123456789abcdef"[sum >> (60 - 4 * i) & 15];
    return checksum;
}

lk_status lk_tensorfile_verify(const lk_tensorfile *file, lk_error *error) {
    const char *told = lk_tensorfile_text(file, LK_CHECKSUM);
    const lk_checksum found = lk_tensorfile_checksum(file->tensors, file->tensor_count);
    if (told && strcmp(told, found.text) != 0)
        return lk_fail(error, LK_MODEL, "damaged: its checksum is not that of its tensors");
    return LK_OK;
}

/* ---- writing ---- */

/* The header is produced twice: counted with `to` NULL, then written. */
typedef struct writer {
    uint8_t *to;
    size_t size; /* stops growing past LK_MAX_HEADER, which is refused */
} writer;

static void put_byte(writer *w, char c) {
    if (w->size > LK_MAX_HEADER) return;
    if (w->to) w->to[w->size] = (uint8_t)c;
    w->size++;
}

static void put_text(writer *w, const char *text) {
    while (*text) put_byte(w, *text++);
}

static void put_string(writer *w, const char *text) {
    static const char HEX[] = "0123456789abcdef";
    put_byte(w, '"');
    for (; *text; text++) {
        const uint8_t c = (uint8_t)*text;
        if (c < 0x20) {
            put_text(w, "\\u00");
            put_byte(w, HEX[c >> 4]);
            put_byte(w, HEX[c & 15]);
        } else {
            if (c == '"' || c == '\\') put_byte(w, '\\');
            put_byte(w, (char)c);
        }
    }
    put_byte(w, '"');
}

static void put_size(writer *w, size_t number) {
    char digits[24];
    size_t at = sizeof digits;
    digits[--at] = 0;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    put_text(w, digits + at);
}

static void put_tensor(writer *w, const lk_tensor *tensor, size_t begin) {
    put_string(w, tensor->name);
    put_text(w, ":{\"dtype\":\"");
    put_text(w, DTYPES[tensor->dtype].name);
    put_text(w, "\",\"shape\":[");
    for (size_t i = 0; i < tensor->rank; i++) {
        if (i > 0) put_byte(w, ',');
        put_size(w, tensor->dims[i]);
    }
    put_text(w, "],\"data_offsets\":[");
    put_size(w, begin);
    put_byte(w, ',');
    put_size(w, begin + tensor->bytes);
    put_text(w, "]}");
}

static void put_header(writer *w, const lk_tensor *tensors, size_t tensor_count,
                       const lk_metadata *metadata, size_t metadata_count) {
    size_t begin = 0;
    put_byte(w, '{');
    if (metadata_count > 0) {
        put_string(w, METADATA);
        for (size_t i = 0; i < metadata_count; i++) {
            put_text(w, i == 0 ? ":{" : ",");
            put_string(w, metadata[i].key);
            put_byte(w, ':');
            put_string(w, metadata[i].value);
        }
        put_byte(w, '}');
    }
    for (size_t i = 0; i < tensor_count; i++) {
        if (i > 0 || metadata_count > 0) put_byte(w, ',');
        put_tensor(w, &tensors[i], begin);
        begin += tensors[i].bytes;
    }
    put_byte(w, '}');
    while ((PREFIX + w->size) % LK_ALIGN != 0 && w->size <= LK_MAX_HEADER) put_byte(w, ' ');
}

lk_status lk_tensorfile_write(const lk_tensor *tensors, size_t tensor_count,
                              const lk_metadata *metadata, size_t metadata_count, lk_bytes *out,
                              lk_error *error) {
    writer w = {0};
    size_t total = 0;
    *out = (lk_bytes){NULL, 0};
    for (size_t i = 0; i < tensor_count; i++)
        if (!lk_add_size(total, tensors[i].bytes, &total) || total > LK_MAX_FILE)
            return lk_fail(error, LK_MODEL, "tensors are too large for one file");
    put_header(&w, tensors, tensor_count, metadata, metadata_count);
    if (w.size > LK_MAX_HEADER)
        return lk_fail(error, LK_MODEL, "names and metadata are too long for one file");
    const size_t header = w.size;
    out->size = PREFIX + header + total;
    out->data = lk_alloc(out->size);
    if (!out->data) {
        out->size = 0;
        return lk_fail(error, LK_MEMORY, "out of memory");
    }
    for (int i = 0; i < PREFIX; i++) out->data[i] = (uint8_t)((uint64_t)header >> (8 * i));
    w = (writer){.to = out->data + PREFIX};
    put_header(&w, tensors, tensor_count, metadata, metadata_count);
    uint8_t *to = out->data + PREFIX + header;
    for (size_t i = 0; i < tensor_count; i++) {
        if (tensors[i].bytes > 0) memcpy(to, tensors[i].data, tensors[i].bytes);
        to += tensors[i].bytes;
    }
    /* What is written can be read: one rule book, the reader's, for names, text and shapes. */
    lk_error fault;
    lk_tensorfile *check = lk_tensorfile_open(out->data, out->size, &fault);
    if (!check) {
        lk_bytes_free(out);
        if (error) *error = fault;
        return fault.status;
    }
    lk_tensorfile_free(check);
    return LK_OK;
}
