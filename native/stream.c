#include "stream.h"

#include <string.h>

#include "file.h"

#define MAX_DATA_FILE ((2ull << 30) + 4096) /* as much as is ever unpacked, and headers */
enum { DEFLATE_MOST = 1032 };               /* deflate cannot pack tighter than this */

static void *zlib_alloc(void *unused, unsigned count, unsigned size) {
    (void)unused;
    return lk_alloc((size_t)count * size);
}

static void zlib_free(void *unused, void *block) {
    (void)unused;
    lk_free(block);
}

lk_status stream_open(stream *s, const char *path, fault *f) {
    *s = (stream){.path = path};
    const lk_status status = file_read(path, MAX_DATA_FILE, LK_DATA, &s->file, f);
    if (status) return status;
    s->packed = s->file.size >= 2 && s->file.data[0] == 0x1f && s->file.data[1] == 0x8b;
    if (!s->packed) {
        if (s->file.size > 0) return LK_OK;
        return fail_at(f, LK_DATA, path, 0, "the file is empty");
    }
    s->z = (z_stream){.next_in = s->file.data, .zalloc = zlib_alloc, .zfree = zlib_free};
    enum { GZIP_ONLY = 16 };
    return inflateInit2(&s->z, GZIP_ONLY + MAX_WBITS) == Z_OK ? LK_OK : fail_memory(f);
}

void stream_close(stream *s) {
    if (s->packed) inflateEnd(&s->z);
    lk_free(s->file.data);
    *s = (stream){0};
}

/* Bytes of the file that zlib has not taken; its own counters stop at 4 GiB. */
static size_t unread(const stream *s) {
    return s->packed ? s->file.size - (size_t)(s->z.next_in - s->file.data)
                     : s->file.size - (size_t)s->at;
}

static lk_status too_short(const stream *s, uint64_t missing, const char *what, fault *f) {
    return fail_at(f, LK_DATA, s->path, s->packed ? s->at : s->file.size,
                   "truncated: %llu bytes of the %s are missing", (unsigned long long)missing,
                   what);
}

lk_status stream_expect(const stream *s, uint64_t n, const char *what, fault *f) {
    const uint64_t left = unread(s);
    if (!s->packed) return n <= left ? LK_OK : too_short(s, n - left, what, f);
    /* zlib may hold back a few packed bytes that it has taken. */
    if (n / DEFLATE_MOST <= left + 4096) return LK_OK;
    return fail_at(f, LK_DATA, s->path, s->at,
                   "truncated: %llu bytes of %s cannot be packed into %llu", (unsigned long long)n,
                   what, (unsigned long long)left);
}

/* Unpacks up to n bytes; *got says how many there were before the end. */
static lk_status unpack(stream *s, void *out, size_t n, size_t *got, fault *f) {
    unsigned char *to = out;
    *got = 0;
    while (*got < n && !s->ended) {
        const size_t in = unread(s), room = n - *got;
        const unsigned in_now = in > 1u << 30 ? 1u << 30 : (unsigned)in;
        const unsigned room_now = room > 1u << 30 ? 1u << 30 : (unsigned)room;
        s->z.avail_in = in_now;
        s->z.next_out = to + *got;
        s->z.avail_out = room_now;
        const int code = inflate(&s->z, Z_NO_FLUSH);
        *got += room_now - s->z.avail_out;
        s->at += room_now - s->z.avail_out;
        if (code == Z_STREAM_END) {
            s->ended = true;
        } else if (code == Z_MEM_ERROR) {
            return fail_memory(f);
        } else if (code == Z_BUF_ERROR && unread(s) == 0) {
            return fail_at(f, LK_DATA, s->path, s->file.size,
                           "truncated: the gzip stream ends early");
        } else if (code != Z_OK) {
            return fail_at(f, LK_DATA, s->path, (uint64_t)(s->z.next_in - s->file.data),
                           "broken gzip: %s", s->z.msg ? s->z.msg : "unexpected data");
        }
    }
    return LK_OK;
}

lk_status stream_read(stream *s, void *out, size_t n, const char *what, fault *f) {
    if (s->packed) {
        size_t got;
        const lk_status status = unpack(s, out, n, &got, f);
        if (status) return status;
        return got == n ? LK_OK : too_short(s, n - got, what, f);
    }
    if (n > unread(s)) return too_short(s, n - unread(s), what, f);
    memcpy(out, s->file.data + s->at, n);
    s->at += n;
    return LK_OK;
}

lk_status stream_end(stream *s, fault *f) {
    if (s->packed && !s->ended) {
        unsigned char beyond;
        size_t got;
        const lk_status status = unpack(s, &beyond, 1, &got, f);
        if (status) return status;
        if (got > 0)
            return fail_at(f, LK_DATA, s->path, s->at - 1,
                           "more unpacked bytes than the header declares");
    }
    const size_t left = unread(s);
    if (left == 0) return LK_OK;
    return fail_at(f, LK_DATA, s->path, s->file.size - left, "%zu unexpected bytes at the end",
                   left);
}

lk_status stream_rest(stream *s, lk_bytes *out, fault *f) {
    *out = (lk_bytes){0};
    if (!s->packed) {
        *out = s->file;
        s->file = (lk_bytes){0};
        return LK_OK;
    }
    lk_status status = LK_OK;
    for (size_t room = 1 << 20; !status && !s->ended; room *= 2) {
        uint8_t *more = room <= MAX_DATA_FILE ? lk_alloc(room) : NULL;
        size_t got = 0;
        if (!more) {
            status = fail_memory(f);
            break;
        }
        if (out->size) memcpy(more, out->data, out->size);
        lk_free(out->data);
        out->data = more;
        status = unpack(s, more + out->size, room - out->size, &got, f);
        out->size += got;
    }
    if (!status) status = stream_end(s, f);
    if (!status) return LK_OK;
    lk_free(out->data);
    *out = (lk_bytes){0};
    return status;
}
