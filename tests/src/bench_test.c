#include <string.h>

#include "base.h"
#include "test.h"

/* The large ones, which sanitizers make slow, are made for the best variant alone. */
static const double LARGE = 1e8;

static void check_run(size_t which, lk_simd simd, const lk_kernel_bench *bench) {
    lk_error error = {LK_OK, 0, ""};
    const char *name = bench->name;
    const bool there = simd == LK_SIMD_BEST || lk_simd_available(simd);
    if (there && simd != LK_SIMD_BEST && bench->flops >= LARGE) return;
    lk_bench_run *run = lk_bench_create(which, simd, &error);
    if (run) lk_bench_repeat(run, 1);
    CHECK(error.status == (there ? LK_OK : LK_USAGE) && (run != NULL) == there, "%s, %s: %s", name,
          lk_simd_name(simd), error.message);
    lk_bench_free(run);
}

int main(void) {
    size_t count;
    const lk_kernel_bench *benches = lk_kernel_benches(&count);
    lk_error error = {LK_OK, 0, ""};
    CHECK(count >= 5, "%zu", count);
    for (size_t i = 0; i < count; i++) {
        CHECK(benches[i].name[0] && benches[i].flops > 0, "bench %zu", i);
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(benches[i].name, benches[k].name) != 0, "two are '%s'", benches[i].name);
        for (lk_simd simd = LK_SIMD_BEST; simd < LK_SIMD_COUNT; simd++)
            check_run(i, simd, &benches[i]);
    }
    CHECK(benches[0].flops == 2. * 64 * 784 * 64, "%g", benches[0].flops);
    CHECK(!lk_bench_create(count, LK_SIMD_BEST, &error) && error.status == LK_USAGE,
          "one too many");
    return TEST_RESULT();
}
