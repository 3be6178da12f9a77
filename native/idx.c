/* IDX, the format of MNIST: 00 00 TYPE RANK, big-endian sizes, values (Y. LeCun). */
#include <stdio.h>
#include <string.h>

#include "data.h"
#include "file.h"
#include "stream.h"

enum { UNSIGNED_BYTES = 8, MAX_RANK = 4, MAX_SIDE = 8192 };
#define MAX_PIXELS (2ull << 30)

typedef struct header {
    unsigned rank;
    uint32_t size[MAX_RANK];
} header;

static lk_status check_magic(const stream *s, const uint8_t *magic, fault *f) {
    if (magic[0] == 0 && magic[1] == 0 && magic[2] == UNSIGNED_BYTES && magic[3] >= 1 &&
        magic[3] <= MAX_RANK)
        return LK_OK;
    if (magic[0] == '<')
        return fail_at(f, LK_DATA, s->path, 0, "not IDX: it looks like a web page");
    if (magic[0] == 0 && magic[1] == 0 && magic[2] != UNSIGNED_BYTES)
        return fail_at(f, LK_DATA, s->path, 2, "IDX type %02x is not supported, only 08 (bytes)",
                       magic[2]);
    if (magic[0] == 0 && magic[1] == 0)
        return fail_at(f, LK_DATA, s->path, 3, "IDX rank %u is not supported", magic[3]);
    if (memcmp(magic, "\x89PNG", 4) == 0 || memcmp(magic, "\xff\xd8\xff", 3) == 0)
        return fail_at(f, LK_DATA, s->path, 0, "a picture; a data set is a folder of them");
    return fail_at(f, LK_DATA, s->path, 0, "not IDX: it begins with %02x%02x%02x%02x", magic[0],
                   magic[1], magic[2], magic[3]);
}

static lk_status read_header(stream *s, header *h, fault *f) {
    uint8_t bytes[4];
    lk_status status = stream_read(s, bytes, 4, "header", f);
    if (status || (status = check_magic(s, bytes, f))) return status;
    h->rank = bytes[3];
    for (unsigned i = 0; i < h->rank; i++) {
        status = stream_read(s, bytes, 4, "header", f);
        if (status) return status;
        h->size[i] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                     bytes[3];
    }
    return LK_OK;
}

static lk_status check_sizes(const stream *s, const header *h, lk_shape *shape, fault *f) {
    if (h->rank < 3)
        return fail_at(f, LK_DATA, s->path, 3, "holds %s, not images",
                       h->rank == 1 ? "labels" : "a table");
    const uint32_t channels = h->rank == 4 ? h->size[3] : 1;
    *shape = (lk_shape){channels, h->size[1], h->size[2]};
    if (h->size[0] == 0) return fail_at(f, LK_DATA, s->path, 4, "holds no images");
    if (h->size[1] == 0 || h->size[2] == 0 || h->size[1] > MAX_SIDE || h->size[2] > MAX_SIDE)
        return fail_at(f, LK_DATA, s->path, 8, "images of %u x %u; sides must be 1 to %d",
                       h->size[1], h->size[2], MAX_SIDE);
    if (channels != 1 && channels != 3)
        return fail_at(f, LK_DATA, s->path, 16, "%u channels; 1 or 3 are supported", channels);
    /* 2^32 images of 3 x 2^26 values at most: the product stays below 2^64. */
    if ((uint64_t)h->size[0] * ((uint64_t)h->size[1] * h->size[2] * channels) > MAX_PIXELS)
        return fail_at(f, LK_DATA, s->path, 4, "declares %u images, more than 2 GiB", h->size[0]);
    return LK_OK;
}

/* IDX stores colours interleaved; a data set has them in planes. */
static lk_status to_planes(lk_dataset *set, fault *f) {
    const size_t plane = (size_t)set->shape.height * set->shape.width;
    const size_t channels = set->shape.channels;
    uint8_t *image = lk_alloc(plane * channels);
    if (!image) return fail_memory(f);
    for (size_t i = 0; i < set->count; i++) {
        uint8_t *pixels = set->pixels + i * plane * channels;
        memcpy(image, pixels, plane * channels);
        for (size_t p = 0; p < plane; p++)
            for (size_t c = 0; c < channels; c++) pixels[c * plane + p] = image[p * channels + c];
    }
    lk_free(image);
    return LK_OK;
}

static lk_status read_images(stream *s, lk_dataset *set, fault *f) {
    header h;
    lk_shape shape;
    lk_status status = read_header(s, &h, f);
    if (status || (status = check_sizes(s, &h, &shape, f))) return status;
    const size_t size = (size_t)h.size[0] * ((size_t)shape.channels * shape.height * shape.width);
    if ((status = stream_expect(s, size, "images", f)) ||
        (status = data_set_make(set, shape, h.size[0], false, s->path, f)) ||
        (status = stream_read(s, set->pixels, size, "images", f)) || (status = stream_end(s, f)))
        return status;
    return shape.channels > 1 ? to_planes(set, f) : LK_OK;
}

static lk_status read_labels(stream *s, lk_dataset *set, fault *f) {
    header h;
    lk_status status = read_header(s, &h, f);
    if (status) return status;
    if (h.rank != 1) return fail_at(f, LK_DATA, s->path, 3, "holds images, not labels");
    if (h.size[0] != set->count)
        return fail_at(f, LK_DATA, s->path, 4, "%u labels for %zu images", h.size[0], set->count);
    uint8_t *labels = lk_alloc(set->count);
    set->labels = lk_alloc(set->count * sizeof *set->labels);
    if (!labels || !set->labels) status = fail_memory(f);
    if (!status) status = stream_read(s, labels, set->count, "labels", f);
    if (!status) status = stream_end(s, f);
    for (size_t i = 0; i < set->count && !status; i++) set->labels[i] = labels[i];
    lk_free(labels);
    return status;
}

/* "t10k-images-idx3-ubyte.gz" -> "t10k-labels-idx1-ubyte.gz", or without or with ".gz". */
static bool find_labels(const char *path, char *labels) {
    const char *base = strrchr(path, '/'), *found = NULL;
    for (const char *at = base ? base : path; (at = strstr(at, "images-idx")) != NULL; at++)
        if (at[10] == '3' || at[10] == '4') found = at;
    if (!found || strlen(path) + 4 > PATH_MAX) return false;
    snprintf(labels, PATH_MAX, "%.*slabels-idx1%s", (int)(found - path), path, found + 11);
    if (file_kind_of(labels) != FILE_ABSENT) return true;
    char *ending = labels + strlen(labels);
    if (text_ends_with(labels, ".gz")) {
        ending[-3] = 0;
    } else {
        memcpy(ending, ".gz", 4);
    }
    return file_kind_of(labels) != FILE_ABSENT;
}

lk_status idx_load(const char *path, data *out, fault *f) {
    stream s;
    lk_status status = stream_open(&s, path, f);
    if (!status) status = read_images(&s, &out->set, f);
    stream_close(&s);
    char labels[PATH_MAX];
    if (status || !find_labels(path, labels)) return status;
    status = stream_open(&s, labels, f);
    if (!status) status = read_labels(&s, &out->set, f);
    stream_close(&s);
    data_set_count_classes(&out->set);
    return status;
}
