/* The hot kernels by themselves, at the shapes they meet; for `likeness bench`. */
#include "kernels.h"

enum { ROWS = 64, INNER = 784, COLUMNS = 64, VALUES = 65536, POINTS = 1024, DIMENSIONS = 64 };
enum { SIDE = 28, BORDERED = SIDE + 2, CHANNELS = 32, KERNEL = 3, RUN = KERNEL * CHANNELS };

static const lk_kernel_bench benches[] = {
    {"gemm 64x784x64", 2.0 * ROWS *INNER *COLUMNS},
    {"gemm 1x784x64", 2.0 * INNER *COLUMNS},
    {"windows 28x288x32", 2.0 * SIDE *KERNEL *RUN *CHANNELS},
    {"maxpool 28x32", 4.0 * SIDE *CHANNELS},
    {"distances 1024x64", 3.0 * POINTS *DIMENSIONS},
    {"sigmoid 65536", 20.0 * VALUES},
    {"adam 65536", 12.0 * VALUES},
};

const lk_kernel_bench *lk_kernel_benches(size_t *count) {
    *count = LK_COUNTOF(benches);
    return benches;
}

/* room: four parts of VALUES values, more than any kernel here touches of each. */
static void run_once(size_t which, const lk_kernels *kernels, lk_real *room) {
    lk_real *a = room, *b = room + VALUES, *c = room + 2 * VALUES, *d = room + 3 * VALUES;
    static const lk_adam step = {(lk_real)1e-3, 1, (lk_real)0.9, (lk_real)0.999, (lk_real)1e-8, 1};
    static const lk_windows windows = {SIDE / 2, 2, CHANNELS, SIDE * CHANNELS};
    switch (which) {
    case 0:
    case 1:
        kernels->gemm(&(lk_gemm){.m = which == 0 ? ROWS : 1,
                                 .k = INNER,
                                 .panels = COLUMNS / LK_LANES,
                                 .a = a,
                                 .a_row = INNER,
                                 .a_col = 1,
                                 .b = b,
                                 .b_panel = INNER * LK_LANES,
                                 .b_row = LK_LANES,
                                 .c = c,
                                 .c_row = COLUMNS,
                                 .c_panel = LK_LANES});
        break;
    case 2: /* a row of a convolution */
        kernels->gemm(&(lk_gemm){.m = SIDE,
                                 .k = RUN,
                                 .repeats = KERNEL - 1,
                                 .panels = CHANNELS / LK_LANES,
                                 .a = a,
                                 .a_row = CHANNELS,
                                 .a_col = 1,
                                 .a_jump = BORDERED * CHANNELS,
                                 .b = b,
                                 .b_panel = KERNEL * RUN * LK_LANES,
                                 .b_row = LK_LANES,
                                 .b_jump = RUN * LK_LANES,
                                 .c = c,
                                 .c_row = CHANNELS,
                                 .c_panel = LK_LANES});
        break;
    case 3: kernels->pool_max(&windows, a, b, c); break;
    case 4: kernels->squared_distances(a, DIMENSIONS, b, POINTS / LK_LANES, c); break;
    case 5: kernels->activate(LK_SIGMOID, a, VALUES); break;
    default: kernels->adam(&step, a, b, c, d, VALUES); break;
    }
}
LK_STATIC_ASSERT(POINTS *DIMENSIONS <= VALUES && INNER * COLUMNS <= VALUES, room_suffices);

lk_status lk_kernel_bench_run(size_t which, lk_simd simd, size_t times, lk_error *error) {
    const lk_kernels *kernels = lk_kernels_get(simd);
    if (!kernels || which >= LK_COUNTOF(benches)) return lk_fail(error, LK_USAGE, "no such kernel");
    lk_real *room = lk_alloc(4 * VALUES * sizeof *room);
    if (!room) return lk_fail(error, LK_MEMORY, "out of memory");
    for (size_t i = 0; i < times; i++) run_once(which, kernels, room);
    lk_free(room);
    return LK_OK;
}
