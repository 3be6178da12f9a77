#include <string.h>

#include "kernels.h"
#include "test.h"

int main(void) {
    static const char *const NAMES[LK_SIMD_COUNT] = {"scalar", "v2", "v3", "v4", "wasm"};
    lk_simd best = LK_SIMD_SCALAR;
    for (lk_simd simd = LK_SIMD_SCALAR; simd < LK_SIMD_COUNT; simd++) {
        const lk_kernels *kernels = lk_kernels_get(simd);
        CHECK(strcmp(lk_simd_name(simd), NAMES[simd]) == 0, "%s", lk_simd_name(simd));
        CHECK(lk_simd_available(simd) == (kernels != NULL), "%s", NAMES[simd]);
        CHECK(!kernels || kernels->simd == simd, "%s has the table of %d", NAMES[simd],
              kernels ? (int)kernels->simd : 0);
        if (kernels) best = simd;
    }
    CHECK(lk_simd_available(LK_SIMD_SCALAR), "the scalar kernels run everywhere");
    CHECK(!lk_simd_available(LK_SIMD_WASM), "no WASM here");
    CHECK(lk_simd_best() == best, "%s, not %s", lk_simd_name(lk_simd_best()), NAMES[best]);
    CHECK(lk_kernels_get(LK_SIMD_BEST) == lk_kernels_get(best), "BEST is another table");
    CHECK(!lk_kernels_get(LK_SIMD_COUNT), "a variant behind the last");
    CHECK(lk_thread_number() == 0, "the first thread is %d", lk_thread_number());
    return TEST_RESULT();
}
