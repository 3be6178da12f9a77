/* The products of training in WASM by themselves, linked with the kernels of likeness.wasm by the
   bench alone. */
#include "linear.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

/* y[m][n] = x[m][k] W, so many times; false when there is no room. */
bool EXPORT(product)(uint32_t m, uint32_t k, uint32_t n, uint32_t times) {
    static lk_real *room;
    static size_t size;
    const lk_linear l = {k, n};
    const size_t stride = lk_round_up(n, LK_LANES), a = (size_t)m * k, b = lk_linear_packed(l);
    const size_t needed = a + b + m * stride;
    if (size < needed) {
        lk_free(room);
        room = lk_alloc(needed * sizeof *room);
        size = room ? needed : 0;
        for (size_t i = 0; i < size; i++) room[i] = (lk_real)(i % 97) / 97;
    }
    for (uint32_t i = 0; i < times && room; i++)
        lk_linear_forward(l, lk_kernels_get(LK_SIMD_BEST), room + a, NULL, room, k, m, room + a + b,
                          stride);
    return room;
}
