#include "tensorfile.h"

#include <stdlib.h>

#include "test.h"

/* The files are laid out by hand here, one byte off alignment in a block of their exact size, so
   that a sanitizer sees any read beyond them. */
typedef struct file {
    uint8_t *block, *bytes;
    size_t size;
} file;

static file file_of(const void *bytes, size_t size) {
    file f = {malloc(size + 1), NULL, size};
    f.bytes = f.block + 1;
    if (size > 0) memcpy(f.bytes, bytes, size);
    return f;
}

/* `header` after its length, then `data` bytes 0, 1, 2 ... */
static file file_make(const char *header, size_t header_size, size_t data) {
    file f = {malloc(1 + 8 + header_size + data), NULL, 8 + header_size + data};
    f.bytes = f.block + 1;
    for (size_t i = 0; i < 8; i++) f.bytes[i] = (uint8_t)((uint64_t)header_size >> (8 * i));
    memcpy(f.bytes + 8, header, header_size);
    for (size_t i = 0; i < data; i++) f.bytes[8 + header_size + i] = (uint8_t)i;
    return f;
}

/* Everything a view promises, whatever the bytes were. */
static void check_well_formed(const lk_tensorfile *view, const file *f) {
    size_t covered = 0;
    CHECK(view->tensor_count <= LK_MAX_TENSORS, "%zu tensors", view->tensor_count);
    for (size_t i = 0; i < view->tensor_count; i++) {
        const lk_tensor *t = &view->tensors[i];
        size_t bytes = lk_dtype_size(t->dtype);
        const uint8_t *data = t->data;
        CHECK(t->rank <= LK_MAX_RANK, "rank %zu", t->rank);
        for (size_t d = 0; d < t->rank; d++) bytes *= t->dims[d];
        CHECK(bytes == t->bytes, "%zu bytes, shape asks for %zu", t->bytes, bytes);
        CHECK(data >= f->bytes + 8 && data + t->bytes <= f->bytes + f->size, "data outside");
        CHECK(lk_tensorfile_find(view, t->name) == t, "name found elsewhere");
        covered += t->bytes;
    }
    CHECK(covered < f->size, "data of %zu bytes in %zu", covered, f->size);
    for (size_t i = 0; i < view->metadata_count; i++)
        CHECK(lk_tensorfile_text(view, view->metadata[i].key) == view->metadata[i].value, "text");
}

static void check_refused(const file *f, const char *message, const char *what) {
    lk_error error = {LK_OK, 0, ""};
    lk_tensorfile *view = lk_tensorfile_open(f->bytes, f->size, &error);
    CHECK(!view, "accepted: %s", what);
    CHECK(error.status == LK_MODEL, "status %d: %s", error.status, what);
    CHECK(strstr(error.message, message), "\"%s\" for %s", error.message, what);
    CHECK(error.offset <= f->size || error.offset == LK_NO_OFFSET, "offset outside: %s", what);
    lk_tensorfile_free(view);
}

#define T(name, shape, begin, end)                                                                 \
    "\"" name "\":{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void test_refusals(void) {
    static const struct {
        const char *header;
        size_t data;
        const char *message;
    } CASES[] = {
        /* not one object */
        {"", 0, "does not begin"},
        {" {}", 0, "does not begin"},
        {"[]", 0, "does not begin"},
        {"{", 0, "lacks a '\"'"},
        {"{}x", 0, "after the header's object"},
        {"{}\n", 0, "after the header's object"},
        {"{}{}", 0, "after the header's object"},
        {"{" T("a", "[1]", "0", "1"), 1, "lacks a '}'"},
        {"{" T("a", "[1]", "0", "1") ",}", 1, "lacks a '\"'"},
        {"{" T("a", "[1]", "0", "1") " " T("b", "[1]", "1", "2") "}", 2, "lacks a '}'"},
        {"{\"a\"}", 0, "lacks a ':'"},
        {"{\"a\":1}", 0, "lacks a '{'"},
        {"{\"a\":null}", 0, "lacks a '{'"},
        {"{\"a\":[]}", 0, "lacks a '{'"},
        {"{\"a\":{}}", 0, "lacks a '\"'"},
        {"{a:{}}", 0, "lacks a '\"'"},
        /* depth */
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[[[[1]]]],\"data_offsets\":[0,1]}}", 1,
         "whole number"},
        {"{\"a\":{\"dtype\":{\"b\":{}},\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "lacks a '\"'"},
        {"{\"__metadata__\":{\"a\":{\"b\":{}}}}", 0, "lacks a '\"'"},
        /* keys of a tensor */
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "lacks its dtype"},
        {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "lacks its dtype"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "lacks its dtype"},
        {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
         "stands twice"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", 1,
         "unknown key"},
        {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2,
         "unknown tensor type"},
        {"{\"a\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
         "unknown tensor type"},
        {"{\"a\":{\"dtype\":\"\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown tensor type"},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "lacks a '\"'"},
        /* numbers */
        {"{" T("a", "[-1]", "0", "1") "}", 1, "whole number"},
        {"{" T("a", "[1.0]", "0", "1") "}", 1, "whole number"},
        {"{" T("a", "[1e0]", "0", "1") "}", 1, "whole number"},
        {"{" T("a", "[01]", "0", "1") "}", 1, "whole number"},
        {"{" T("a", "[00]", "0", "0") "}", 0, "whole number"},
        {"{" T("a", "[+1]", "0", "1") "}", 1, "whole number"},
        {"{" T("a", "[\"1\"]", "0", "1") "}", 1, "whole number"},
        {"{" T("a", "[1,]", "0", "1") "}", 1, "whole number"},
        {"{" T("a", "[1 1]", "0", "1") "}", 1, "whole number"},
        {"{" T("a", "[1]", "-0", "1") "}", 1, "whole number"},
        {"{" T("a", "[1]", "0", "0.5") "}", 1, "whole number"},
        {"{" T("a", "[1]", "0", "18446744073709551616") "}", 1, "too large"},
        {"{" T("a", "[99999999999999999999999]", "0", "1") "}", 1, "too large"},
        {"{" T("a", "[1,1,1,1,1,1,1]", "0", "1") "}", 1, "too many numbers"},
        {"{" T("a", "1", "0", "1") "}", 1, "lacks a '['"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "two offsets"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[]}}", 1, "two offsets"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1,
         "too many numbers"},
        /* products that wrap, to zero or to what fits */
        {"{" T("a", "[4294967296,4294967296]", "0", "0") "}", 0, "too large"},
        {"{" T("a", "[9223372036854775808,2]", "0", "0") "}", 0, "too large"},
        {"{" T("a", "[65536,65536,65536,65536]", "0", "0") "}", 0, "too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", 4,
         "too large"},
        /* sizes and places */
        {"{" T("a", "[2]", "0", "1") "}", 1, "do not match"},
        {"{" T("a", "[]", "0", "0") "}", 0, "do not match"},
        {"{" T("a", "[0]", "0", "1") "}", 1, "do not match"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "do not match"},
        {"{" T("a", "[1]", "1", "0") "}", 1, "ends before it begins"},
        {"{" T("a", "[2]", "0", "2") "}", 1, "past the file's end"},
        {"{" T("a", "[1]", "18446744073709551614", "18446744073709551615") "}", 1,
         "past the file's end"},
        {"{" T("a", "[1]", "1", "2") "}", 2, "belong to no tensor"},
        {"{" T("a", "[1]", "0", "1") "}", 2, "belong to no tensor"},
        {"{}", 1, "belong to no tensor"},
        {"{" T("a", "[1]", "0", "1") "," T("b", "[1]", "2", "3") "}", 3, "belong to no tensor"},
        {"{" T("a", "[2]", "0", "2") "," T("b", "[2]", "1", "3") "}", 3, "overlap"},
        {"{" T("a", "[2]", "0", "2") "," T("b", "[2]", "0", "2") "}", 2, "overlap"},
        /* a hole as large as the overlap */
        {"{" T("a", "[2]", "1", "3") "," T("b", "[2]", "2", "4") "}", 4, "belong to no tensor"},
        {"{" T("b", "[3]", "0", "3") "," T("a", "[1]", "1", "2") "}", 3, "overlap"},
        /* a tensor of no bytes still needs its place between others */
        {"{" T("a", "[2]", "0", "2") "," T("b", "[0]", "1", "1") "}", 2, "overlap"},
        /* names and text */
        {"{" T("a", "[1]", "0", "1") "," T("a", "[1]", "1", "2") "}", 2, "name stands twice"},
        {"{" T("a", "[1]", "0", "1") "," T("\\u0061", "[1]", "1", "2") "}", 2, "name stands twice"},
        {"{" T("a\\n", "[1]", "0", "1") "}", 1, "control character"},
        {"{" T("a\n", "[1]", "0", "1") "}", 1, "control character"},
        {"{" T("a\x7f", "[1]", "0", "1") "}", 1, "control character"},
        {"{" T("a\\u0000b", "[1]", "0", "1") "}", 1, "zero byte"},
        {"{" T("a\\x", "[1]", "0", "1") "}", 1, "unknown escape"},
        {"{" T("\\u12g4", "[1]", "0", "1") "}", 1, "four hex digits"},
        {"{" T("\\ud800", "[1]", "0", "1") "}", 1, "surrogate"},
        {"{" T("\\udc00\\ud800", "[1]", "0", "1") "}", 1, "surrogate"},
        {"{" T("\\ud800\\u0041", "[1]", "0", "1") "}", 1, "surrogate"},
        {"{" T("\\ud800n", "[1]", "0", "1") "}", 1, "surrogate"},
        {"{" T("\xff", "[1]", "0", "1") "}", 1, "UTF-8"},
        {"{" T("\x80", "[1]", "0", "1") "}", 1, "UTF-8"},
        {"{" T("\xc0\xaf", "[1]", "0", "1") "}", 1, "UTF-8"},
        {"{" T("\xe0\x80\xaf", "[1]", "0", "1") "}", 1, "UTF-8"},
        {"{" T("\xed\xa0\x80", "[1]", "0", "1") "}", 1, "UTF-8"},
        {"{" T("\xf4\x90\x80\x80", "[1]", "0", "1") "}", 1, "UTF-8"},
        {"{" T("\xc3", "[1]", "0", "1") "}", 1, "UTF-8"},
        {"{\"\xc3", 0, "UTF-8"},
        {"{\"a", 0, "ends inside a string"},
        {"{\"a\\", 0, "unknown escape"},
        {"{\"\\u12", 0, "four hex digits"},
        /* metadata */
        {"{\"__metadata__\":1}", 0, "lacks a '{'"},
        {"{\"__metadata__\":null}", 0, "lacks a '{'"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "lacks a '\"'"},
        {"{\"__metadata__\":{\"a\":\"b\",}}", 0, "lacks a '\"'"},
        {"{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, "key stands twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "metadata stand twice"},
        {"{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, "zero byte"},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        file f = file_make(CASES[i].header, strlen(CASES[i].header), CASES[i].data);
        check_refused(&f, CASES[i].message, CASES[i].header);
        free(f.block);
    }
    /* A zero in the header is no end of it. */
    file f = file_make("{}\0", 3, 0);
    check_refused(&f, "after the header's object", "{} and a zero");
    free(f.block);
}

static void test_header_lengths(void) {
    static const uint64_t LENGTHS[] = {3,
                                       4,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       0x100000002,
                                       0x7fffffffffffffff,
                                       0x8000000000000000,
                                       0xfffffffffffffff8,
                                       0xfffffffffffffffa,
                                       0xffffffffffffffff};
    for (size_t i = 0; i < LK_COUNTOF(LENGTHS); i++) {
        file f = file_make("{}", 2, 0);
        for (int b = 0; b < 8; b++) f.bytes[b] = (uint8_t)(LENGTHS[i] >> (8 * b));
        check_refused(&f, "header length", "a lying length");
        free(f.block);
    }
    /* One byte over the limit, all of them there, is too long; exactly the limit is not. */
    char *spaces = malloc(LK_MAX_HEADER + 1);
    memset(spaces, ' ', LK_MAX_HEADER + 1);
    memcpy(spaces, "{}", 2);
    file f = file_make(spaces, LK_MAX_HEADER + 1, 0);
    check_refused(&f, "1 MiB", "a header over the limit");
    free(f.block);
    f = file_make(spaces, LK_MAX_HEADER, 0);
    lk_tensorfile *view = lk_tensorfile_open(f.bytes, f.size, NULL);
    CHECK(view && view->tensor_count == 0, "header of 1 MiB");
    lk_tensorfile_free(view);
    free(f.block);
    free(spaces);
    check_refused(&(file){NULL, (uint8_t[1]){0}, (size_t)LK_MAX_FILE + 1}, "larger than", "a size");
}

/* `count` tensors, or metadata entries, as many as are allowed and one more. */
static void test_counts(void) {
    for (int metadata = 0; metadata < 2; metadata++) {
        for (int count = LK_MAX_TENSORS; count <= LK_MAX_TENSORS + 1; count++) {
            static char header[1 << 17];
            size_t at = (size_t)sprintf(header, metadata ? "{\"__metadata__\":{" : "{");
            for (int i = 0; i < count; i++)
                at += (size_t)sprintf(header + at,
                                      metadata ? "%s\"%d\":\"\"" : "%s" T("%d", "[1]", "%d", "%d"),
                                      i > 0 ? "," : "", i, count - i - 1, count - i);
            header[at++] = '}';
            if (metadata) header[at++] = '}';
            file f = file_make(header, at, metadata ? 0 : (size_t)count);
            if (count > LK_MAX_TENSORS) {
                check_refused(&f, "too many", "one too many");
            } else {
                lk_tensorfile *view = lk_tensorfile_open(f.bytes, f.size, NULL);
                CHECK(view && view->tensor_count + view->metadata_count == (size_t)count, "count");
                if (view) check_well_formed(view, &f);
                lk_tensorfile_free(view);
            }
            free(f.block);
        }
    }
}

static void test_accepted(void) {
    /* Out of order, spaced out, escaped, with an empty tensor at each place, every type. */
    static const char HEADER[] =
        "{ \"__metadata__\" : "
        "{\"a\\u00e9\\ud83d\\ude00\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\":\"\xc3\xa9\"},\r\n"
        "\t\"d\\u006ftted.\xf0\x9f\x98\x80\":{\"data_offsets\":[ 4 , 8 ],\"sh\\u0061pe\":[1 "
        ",1],\"dtype\":\"F32\"},"
        "\"e0\":{\"dtype\":\"F64\",\"shape\":[3,0],\"data_offsets\":[0,0]},"
        "\"e4\":{\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[4,4]},"
        "\"e8\":{\"dtype\":\"I8\",\"shape\":[0,18446744073709551615],\"data_offsets\":[33,33]},"
        "\"scalar\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4]},"
        "\"u64\":{\"dtype\":\"U64\",\"shape\":[2],\"data_offsets\":[8,24]},"
        "\"u32\":{\"dtype\":\"U32\",\"shape\":[1],\"data_offsets\":[24,28]},"
        "\"\":{\"dtype\":\"I8\",\"shape\":[1,1,5,1,1,1],\"data_offsets\":[28,33]}}   ";
    static const char *ORDER[] = {"e0",  "scalar", "e4", "dotted.\xf0\x9f\x98\x80",
                                  "u64", "u32",    "",   "e8"};
    lk_error error = {LK_OK, 0, ""};
    file f = file_make(HEADER, sizeof HEADER - 1, 33);
    lk_tensorfile *view = lk_tensorfile_open(f.bytes, f.size, &error);
    CHECK(view, "%s at %llu", error.message, (unsigned long long)error.offset);
    if (view) {
        check_well_formed(view, &f);
        CHECK(view->tensor_count == LK_COUNTOF(ORDER), "%zu", view->tensor_count);
        for (size_t i = 0; i < LK_COUNTOF(ORDER) && i < view->tensor_count; i++)
            CHECK(strcmp(view->tensors[i].name, ORDER[i]) == 0, "%s", view->tensors[i].name);
        const lk_tensor *t = lk_tensorfile_find(view, ORDER[3]);
        CHECK(t && t->dtype == LK_F32 && t->rank == 2 && *(const uint8_t *)t->data == 4, "tensor");
        t = lk_tensorfile_find(view, "u64");
        CHECK(t && t->bytes == 16 && t->dims[0] == 2 && *(const uint8_t *)t->data == 8, "tensor");
        CHECK(!lk_tensorfile_find(view, "nothing"), "found nothing");
        const char *text = lk_tensorfile_text(view, "a\xc3\xa9\xf0\x9f\x98\x80");
        CHECK(text && strcmp(text, "\"\\/\b\f\n\r\t") == 0, "%s", text);
        text = lk_tensorfile_text(view, "");
        CHECK(text && strcmp(text, "\xc3\xa9") == 0, "%s", text);
        CHECK(!lk_tensorfile_text(view, "b"), "text of no key");
    }
    lk_tensorfile_free(view);
    free(f.block);
}

static const char SMALL[] = "{\"__metadata__\":{\"k\":\"\\u0041\"}," T(
    "a", "[2,3]", "0", "6") ",\"b\":"
                            "{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[6,10]}} ";

/* Each damaged copy is refused or still keeps every promise; no other outcome. */
static void test_damage(void) {
    file f = file_make(SMALL, sizeof SMALL - 1, 10);
    for (size_t size = 0; size < f.size; size++) {
        file cut = file_of(f.bytes, size);
        lk_error error = {LK_OK, 0, ""};
        CHECK(!lk_tensorfile_open(cut.bytes, size, &error), "cut to %zu bytes", size);
        CHECK(error.status == LK_MODEL && error.message[0], "cut to %zu bytes", size);
        free(cut.block);
    }
    size_t refused = 0;
    for (size_t bit = 0; bit < 8 * f.size; bit++) {
        file copy = file_of(f.bytes, f.size);
        copy.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        lk_error error = {LK_OK, 0, ""};
        lk_tensorfile *view = lk_tensorfile_open(copy.bytes, copy.size, &error);
        if (view)
            check_well_formed(view, &copy);
        else
            CHECK(error.status == LK_MODEL && error.message[0], "bit %zu", bit);
        refused += !view;
        lk_tensorfile_free(view);
        free(copy.block);
    }
    /* Flips in the data, in free text and into other valid names pass; most others cannot. */
    CHECK(refused > 8 * (sizeof SMALL - 1) / 2, "%zu of %zu refused", refused, 8 * f.size);
    free(f.block);
}

static void test_round_trip(void) {
    const float values[] = {1.5f, -2, 0, 3e-40f};
    const uint64_t large[] = {UINT64_MAX};
    const lk_tensor tensors[] = {
        {"layer.0.weight", LK_F32, 2, {2, 2}, values, sizeof values},
        {"none", LK_U8, 1, {0}, NULL, 0},
        {"q\"u\\o\xc3\xa9", LK_U64, 0, {0}, large, sizeof large},
    };
    const lk_metadata metadata[] = {{"format", "likeness 1"},
                                    {"\x01", "a\n\"b\"\\\x7f\xf0\x9f\x98\x80"}};
    lk_error error = {LK_OK, 0, ""};
    lk_bytes bytes, again;
    CHECK(lk_tensorfile_write(tensors, 3, metadata, 2, &bytes, &error) == LK_OK, "%s",
          error.message);
    file f = file_of(bytes.data, bytes.size);
    lk_tensorfile *view = lk_tensorfile_open(f.bytes, f.size, &error);
    CHECK(view && view->tensor_count == 3 && view->metadata_count == 2, "%s", error.message);
    if (!view) return;
    check_well_formed(view, &f);
    CHECK(((const uint8_t *)view->tensors[0].data - f.bytes) % 64 == 0, "data not at 64");
    for (size_t i = 0; i < 3; i++) {
        const lk_tensor *a = &tensors[i], *b = &view->tensors[i];
        CHECK(strcmp(a->name, b->name) == 0 && a->dtype == b->dtype && a->rank == b->rank, "%zu",
              i);
        CHECK(memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0, "dims of %zu", i);
        CHECK(a->bytes == b->bytes && (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0),
              "data of %zu", i);
    }
    for (size_t i = 0; i < 2; i++) {
        const char *text = lk_tensorfile_text(view, metadata[i].key);
        CHECK(text && strcmp(text, metadata[i].value) == 0, "%s", text);
    }
    CHECK(lk_tensorfile_write(view->tensors, 3, view->metadata, 2, &again, &error) == LK_OK, "%s",
          error.message);
    CHECK(again.size == bytes.size && memcmp(again.data, bytes.data, bytes.size) == 0,
          "not the same file");
    lk_tensorfile_free(view);
    free(f.block);
    lk_bytes_free(&again);
    lk_bytes_free(&bytes);
    CHECK(bytes.data == NULL && bytes.size == 0, "freed bytes");
    CHECK(lk_tensorfile_write(NULL, 0, NULL, 0, &bytes, &error) == LK_OK && bytes.size == 64,
          "empty file");
    CHECK(memcmp(bytes.data, "\x38\0\0\0\0\0\0\0{} ", 11) == 0, "empty file");
    lk_bytes_free(&bytes);
}

static void test_write_refusals(void) {
    static const uint8_t byte[2];
    char *huge = malloc(LK_MAX_HEADER + 1);
    memset(huge, 'x', LK_MAX_HEADER);
    huge[LK_MAX_HEADER] = 0;
    const lk_tensor twice[] = {{"a", LK_U8, 1, {1}, byte, 1}, {"a", LK_U8, 1, {1}, byte, 1}};
    const lk_tensor lie[] = {{"a", LK_U8, 1, {2}, byte, 1}};
    const lk_tensor control[] = {{"a\n", LK_U8, 1, {1}, byte, 1}};
    const lk_tensor large[] = {{"a", LK_U8, 1, {SIZE_MAX}, byte, SIZE_MAX},
                               {"b", LK_U8, 1, {1}, byte, 1}};
    const lk_metadata latin1[] = {{"title", "caf\xe9"}}, long_text[] = {{"title", huge}};
    const struct {
        const lk_tensor *tensors;
        size_t tensor_count;
        const lk_metadata *metadata;
        const char *message;
    } CASES[] = {
        {twice, 2, NULL, "name stands twice"},
        {lie, 1, NULL, "do not match"},
        {control, 1, NULL, "control character"},
        {large, 2, NULL, "too large"},
        {NULL, 0, latin1, "UTF-8"},
        {NULL, 0, long_text, "too long"},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        lk_error error = {LK_OK, 0, ""};
        lk_bytes bytes = {(uint8_t *)huge, 7};
        const lk_status status =
            lk_tensorfile_write(CASES[i].tensors, CASES[i].tensor_count, CASES[i].metadata,
                                CASES[i].metadata != NULL, &bytes, &error);
        CHECK(status == LK_MODEL && error.status == LK_MODEL, "case %zu: %d", i, status);
        CHECK(strstr(error.message, CASES[i].message), "case %zu: %s", i, error.message);
        CHECK(bytes.data == NULL && bytes.size == 0, "case %zu left bytes", i);
    }
    free(huge);
}

int main(void) {
    test_refusals();
    test_header_lengths();
    test_counts();
    test_accepted();
    test_damage();
    test_round_trip();
    test_write_refusals();
    return TEST_RESULT();
}
