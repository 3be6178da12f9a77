#include "arena.h"

#include "base.h"

void *lk_arena_take(lk_arena *arena, size_t count, size_t size) {
    size_t bytes, end;
    if (arena->overflow || !lk_mul_size(count, size, &bytes) ||
        !lk_add_size(bytes, LK_ALIGN - 1, &bytes) ||
        !lk_add_size(arena->used, bytes / LK_ALIGN * LK_ALIGN, &end)) {
        arena->overflow = true;
        return NULL;
    }
    void *part = arena->base ? arena->base + arena->used : NULL;
    arena->used = end;
    return part;
}

bool lk_arena_commit(lk_arena *arena) {
    if (arena->overflow) return false;
    arena->base = lk_alloc(arena->used);
    arena->used = 0;
    return arena->base != NULL;
}
