#include "arena.h"

#include "base.h"
#include "test.h"

/* AddressSanitizer stops at an impossible size unless it is told to return NULL as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

/* An object as the core makes them: the same lines count first and carve then. */
static void test_carve(void) {
    static const struct {
        size_t count, size;
    } PARTS[] = {{1, 1}, {3, 8}, {0, 4}, {64, 1}, {65, 1}, {100, 24}, {1, 0}};
    lk_arena arena = {0};
    unsigned char *parts[LK_COUNTOF(PARTS)];
    size_t counted = 0;
    for (size_t i = 0; i < LK_COUNTOF(PARTS); i++) {
        CHECK(!lk_arena_take(&arena, PARTS[i].count, PARTS[i].size), "part %zu while counting", i);
        counted += lk_round_up(PARTS[i].count * PARTS[i].size, LK_ALIGN);
    }
    CHECK(arena.used == counted, "%zu of %zu", arena.used, counted);
    CHECK(lk_arena_commit(&arena) && arena.base && arena.used == 0, "commit");
    if (!arena.base) return;
    for (size_t i = 0; i < LK_COUNTOF(PARTS); i++) {
        const size_t bytes = PARTS[i].count * PARTS[i].size;
        parts[i] = lk_arena_take(&arena, PARTS[i].count, PARTS[i].size);
        CHECK(parts[i] && (uintptr_t)parts[i] % LK_ALIGN == 0, "part %zu", i);
        CHECK(parts[i] + bytes <= arena.base + counted, "part %zu ends outside", i);
        for (size_t k = 0; k < bytes; k++) CHECK(parts[i][k] == 0, "part %zu is not zero", i);
        memset(parts[i], (int)i + 1, bytes);
    }
    CHECK(arena.used == counted, "%zu of %zu", arena.used, counted);
    CHECK(parts[0] == arena.base, "the first part is the block, so that freeing it frees all");
    for (size_t i = 0; i < LK_COUNTOF(PARTS); i++)
        for (size_t k = 0; k < PARTS[i].count * PARTS[i].size; k++)
            CHECK(parts[i][k] == i + 1, "part %zu overlaps another", i);
    lk_free(parts[0]);
}

/* Sizes that do not fit are remembered to the end, so that a routine need not look at each. */
static void test_overflow(void) {
    static const struct {
        size_t count, size;
    } LARGE[] = {{SIZE_MAX, 2},
                 {SIZE_MAX / 2 + 1, 2},
                 {SIZE_MAX, 1},
                 {SIZE_MAX - LK_ALIGN + 2, 1},
                 {SIZE_MAX / 64 * 64, 1}};
    for (size_t i = 0; i < LK_COUNTOF(LARGE); i++) {
        lk_arena arena = {0};
        lk_arena_take(&arena, 1, 1);
        CHECK(!lk_arena_take(&arena, LARGE[i].count, LARGE[i].size), "case %zu", i);
        CHECK(arena.overflow, "case %zu", i);
        CHECK(!lk_arena_take(&arena, 1, 1), "case %zu", i);
        CHECK(!lk_arena_commit(&arena) && !arena.base, "case %zu", i);
    }
    /* A sum of parts that each fit. */
    lk_arena arena = {0};
    for (int i = 0; i < 5; i++) lk_arena_take(&arena, SIZE_MAX / 4, 1);
    CHECK(arena.overflow && !lk_arena_commit(&arena), "sum");
}

/* More than any machine has, though the size itself is sound: no memory is no crash. */
static void test_no_memory(void) {
    lk_arena arena = {0};
    lk_arena_take(&arena, SIZE_MAX / 4, 2);
    CHECK(!arena.overflow, "half of all sizes fits");
    CHECK(!lk_arena_commit(&arena) && !arena.base, "so much memory");
}

int main(void) {
    test_carve();
    test_overflow();
    test_no_memory();
    return TEST_RESULT();
}
