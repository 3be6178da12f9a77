/* PNG and JPEG. */
#ifndef PICTURES_H
#define PICTURES_H

#include "fault.h"

/* Decodes by content, whatever the name's ending: palettes and CMYK become RGB, 16 bits 8, any
   transparency RGBA. What a camera notes of how it was held (Exif) is undone, as browsers do.
   Pixels are owned by the caller: lk_free((void *)picture.pixels). */
lk_status picture_read(const char *path, lk_picture *out, fault *f);

/* The images' planes x[channels x height x width] as a PNG, values clamped to [0, 1]. */
lk_status picture_write(const char *path, const lk_real *x, lk_shape shape, fault *f);

/* Values in [0, 1] as bytes, rounded. */
void picture_to_bytes(const lk_real *x, size_t n, uint8_t *bytes);

/* Pixels of a data set's image i, interleaved, into pixels[channels x height x width]. */
lk_picture picture_of(const lk_dataset *set, size_t i, uint8_t *pixels);

#endif
