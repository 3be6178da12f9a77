/* The bytes of a file in order, unpacked when it is gzip. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <zlib.h>

#include "fault.h"

typedef struct stream {
    const char *path; /* borrowed */
    lk_bytes file;
    bool packed, ended;
    uint64_t at; /* unpacked bytes read so far: the offset of faults in the content */
    z_stream z;
} stream;

lk_status stream_open(stream *s, const char *path, fault *f);
void stream_close(stream *s);

/* Whether `n` more bytes can be there at all: asked before they are given room. */
lk_status stream_expect(const stream *s, uint64_t n, const char *what, fault *f);
/* Exactly n bytes; `what` names them in the fault when they are not there. */
lk_status stream_read(stream *s, void *out, size_t n, const char *what, fault *f);
/* All that is left, in a block that the caller owns, and stream_end. */
lk_status stream_rest(stream *s, lk_bytes *out, fault *f);
/* Nothing may follow; checks gzip's CRC and length. */
lk_status stream_end(stream *s, fault *f);

#endif
