/* The only malloc and free of the core. Fault tests link their own alloc.c in place of this one. */
#ifndef LK_ALLOC_H
#define LK_ALLOC_H

#include <stddef.h>

/* `size` bytes, 64-byte aligned and zeroed, or NULL. Owned by the caller: lk_free. */
void *lk_alloc(size_t size);
void lk_free(void *block);

#endif
