/* Safetensors bytes <-> tensor views. https://github.com/huggingface/safetensors, format section:
   8 bytes little-endian header length, a JSON object, then the data without holes. */
#ifndef LK_TENSORFILE_H
#define LK_TENSORFILE_H

#include "base.h"

typedef enum lk_dtype {
    LK_F32,
    LK_F16,
    LK_I8,
    LK_U8,
    LK_I32,
    LK_U32,
    LK_F64,
    LK_U64,
    LK_DTYPES
} lk_dtype;
size_t lk_dtype_size(lk_dtype dtype);

typedef struct lk_tensor {
    const char *name;
    lk_dtype dtype;
    size_t rank;
    size_t dims[LK_MAX_RANK];
    const void *data; /* little-endian values, any alignment; borrowed */
    size_t bytes;
} lk_tensor;

typedef struct lk_metadata {
    const char *key, *value;
} lk_metadata;

/* A checked view of a file: tensor data point into the caller's bytes, names and metadata are its
   own. Tensors stand in the order of their data. Owned by the caller: lk_tensorfile_free. */
typedef struct lk_tensorfile {
    const lk_tensor *tensors;
    size_t tensor_count;
    const lk_metadata *metadata;
    size_t metadata_count;
} lk_tensorfile;

/* NULL and LK_MODEL with the offset of the fault for anything that is not a well-formed file:
   header over LK_MAX_HEADER or past the end, JSON that is not one object of the known kind (its
   depth is 3), text that is not UTF-8 or holds a zero, duplicate names or keys, over LK_MAX_TENSORS
   tensors or metadata entries, unknown types, rank over LK_MAX_RANK, products that overflow, sizes
   that do not match shape and type, offsets that overlap, leave holes or do not cover the file. */
lk_tensorfile *lk_tensorfile_open(const void *bytes, size_t size, lk_error *error);
void lk_tensorfile_free(lk_tensorfile *file);
const lk_tensor *lk_tensorfile_find(const lk_tensorfile *file, const char *name);
const char *lk_tensorfile_text(const lk_tensorfile *file, const char *key); /* or NULL */

/* A checksum of the tensors' data, in order, as LK_CHECKSUM metadata: any single bit of them
   changes it. Writers add it to a file's metadata; a file that has none is taken as it is. */
#define LK_CHECKSUM "checksum"
typedef struct lk_checksum {
    char text[17]; /* 16 hex digits */
} lk_checksum;
lk_checksum lk_tensorfile_checksum(const lk_tensor *tensors, size_t tensor_count);
/* LK_MODEL when the file's checksum is not that of its tensors. */
lk_status lk_tensorfile_verify(const lk_tensorfile *file, lk_error *error);

/* Writes tensors in the given order, the header padded with spaces so that data starts at a
   multiple of 64. Any UTF-8 text is escaped as JSON needs. LK_MODEL for what lk_tensorfile_open
   would refuse. *out is owned by the caller: lk_bytes_free. */
lk_status lk_tensorfile_write(const lk_tensor *tensors, size_t tensor_count,
                              const lk_metadata *metadata, size_t metadata_count, lk_bytes *out,
                              lk_error *error);

#endif
