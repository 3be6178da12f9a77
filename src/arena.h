/* Count, then carve: an object's creation routine runs twice over the same lines, first with an
   empty arena that only adds up, then with one block of that size from which the parts are cut.
   So each object is a single 64-byte-aligned allocation, and one lk_free releases all of it. */
#ifndef LK_ARENA_H
#define LK_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct lk_arena {
    unsigned char *base; /* NULL while counting */
    size_t used;
    bool overflow; /* a size did not fit; nothing may be carved */
} lk_arena;

/* Room for `count` values of `size` bytes, zeroed; NULL while counting. */
void *lk_arena_take(lk_arena *arena, size_t count, size_t size);

/* Ends the counting pass: allocates the block. False when memory or sizes ran out. */
bool lk_arena_commit(lk_arena *arena);

#endif
