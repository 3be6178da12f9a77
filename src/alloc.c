#include "base.h"

#include <stdlib.h>
#include <string.h>

void *lk_alloc(size_t size) {
    size_t padded;
    if (!lk_add_size(size, LK_ALIGN, &padded)) return NULL;
    void *block = aligned_alloc(LK_ALIGN, lk_round_up(size + (size == 0), LK_ALIGN));
    if (block) memset(block, 0, size);
    return block;
}

void lk_free(void *block) {
    free(block);
}
