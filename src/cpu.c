#include "kernels.h"

#ifdef _OPENMP
#include <omp.h>
int lk_thread_number(void) {
    return omp_get_thread_num();
}
#else
int lk_thread_number(void) {
    return 0;
}
#endif

#ifdef LK_HAVE_scalar
extern const lk_kernels lk_kernels_scalar;
#endif
#ifdef LK_HAVE_v2
extern const lk_kernels lk_kernels_v2, lk_kernels_v3, lk_kernels_v4;
#endif
#ifdef LK_HAVE_wasm
extern const lk_kernels lk_kernels_wasm;
#endif

static const char *const names[LK_SIMD_COUNT] = {"scalar", "v2", "v3", "v4", "wasm"};

const char *lk_simd_name(lk_simd simd) {
    return simd >= 0 && simd < LK_SIMD_COUNT ? names[simd] : "best";
}

const lk_kernels *lk_kernels_get(lk_simd simd) {
    if (simd == LK_SIMD_BEST) simd = lk_simd_best();
    switch (simd) {
#ifdef LK_HAVE_scalar
    case LK_SIMD_SCALAR: return &lk_kernels_scalar;
#endif
#ifdef LK_HAVE_v2
    case LK_SIMD_V2: return __builtin_cpu_supports("sse4.2") ? &lk_kernels_v2 : NULL;
    case LK_SIMD_V3:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("bmi2")
                   ? &lk_kernels_v3
                   : NULL;
    case LK_SIMD_V4:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl")
                   ? &lk_kernels_v4
                   : NULL;
#endif
#ifdef LK_HAVE_wasm
    case LK_SIMD_WASM: return &lk_kernels_wasm;
#endif
    default: return NULL;
    }
}

bool lk_simd_available(lk_simd simd) {
    return lk_kernels_get(simd) != NULL;
}

lk_simd lk_simd_best(void) {
    for (int simd = LK_SIMD_COUNT - 1; simd > LK_SIMD_SCALAR; simd--)
        if (lk_kernels_get((lk_simd)simd)) return (lk_simd)simd;
    return LK_SIMD_SCALAR;
}
