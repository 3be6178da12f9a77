#include <string.h>

#include "base.h"
#include "test.h"

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
            CHECK(lk_kernel_bench_run(i, simd, 2, &error) ==
                      (simd == LK_SIMD_BEST || lk_simd_available(simd) ? LK_OK : LK_USAGE),
                  "%s, %s: %s", benches[i].name, lk_simd_name(simd), error.message);
    }
    CHECK(benches[0].flops == 2. * 64 * 784 * 64, "%g", benches[0].flops);
    CHECK(lk_kernel_bench_run(count, LK_SIMD_BEST, 1, &error) == LK_USAGE, "one too many");
    return TEST_RESULT();
}
