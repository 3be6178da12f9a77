/* Any bytes are refused or give a view whose promises hold; what is accepted can be written again
   and read back. */
#include "tensorfile.h"

#include "fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned int draw) {
    static lk_bytes seed;
    if (!seed.data) {
        lk_model *model = seed_model();
        demand(lk_model_save(model, &seed, NULL) == LK_OK);
        lk_model_free(model);
    }
    return mutate_seed(seed, bytes, size, room, draw);
}

static void read_all(const lk_tensorfile *file, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < file->tensor_count; i++) {
        const lk_tensor *t = &file->tensors[i];
        const uint8_t *data = t->data;
        size_t values = 1;
        for (size_t d = 0; d < t->rank; d++) values *= t->dims[d];
        demand(values * lk_dtype_size(t->dtype) == t->bytes);
        demand(data >= bytes + 8 && t->bytes <= (size_t)(bytes + size - data));
        demand(lk_tensorfile_find(file, t->name) == t);
    }
    for (size_t i = 0; i < file->metadata_count; i++)
        demand(lk_tensorfile_text(file, file->metadata[i].key) == file->metadata[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    lk_error error = {LK_OK, 0, ""};
    lk_tensorfile *file = lk_tensorfile_open(bytes, size, &error);
    if (!file) {
        demand(error.status == LK_MODEL && strlen(error.message) > 0);
        demand(error.offset <= size || error.offset == LK_NO_OFFSET);
        return 0;
    }
    read_all(file, bytes, size);
    lk_bytes copy;
    demand(lk_tensorfile_write(file->tensors, file->tensor_count, file->metadata,
                               file->metadata_count, &copy, &error) == LK_OK);
    lk_tensorfile *again = lk_tensorfile_open(copy.data, copy.size, &error);
    demand(again && again->tensor_count == file->tensor_count);
    read_all(again, copy.data, copy.size);
    lk_tensorfile_free(again);
    lk_bytes_free(&copy);
    lk_tensorfile_free(file);
    return 0;
}
