#include "winograd.h"

#include <string.h>

enum { NUMBERS = 16 };       /* of a tile */
enum { TILES_AT_ONCE = 64 }; /* so that their numbers stay in the second-level cache */

bool lk_tiling_suits(lk_shape large, lk_shape small) {
    return large.channels % LK_LANES == 0 && small.channels % LK_LANES == 0 &&
           (size_t)small.height * small.width >= 16;
}

static size_t tiles_across(lk_shape small) {
    return (small.width + (size_t)1) / 2;
}
static size_t tiles_down(lk_shape small) {
    return (small.height + (size_t)1) / 2;
}
/* Rows of tiles that go together. */
static size_t rows_at_once(lk_shape small) {
    const size_t most = LK_MAX(TILES_AT_ONCE / tiles_across(small), (size_t)1);
    return LK_MIN(most, tiles_down(small));
}

/* Matrices start a cache line away from where they would share its sets. */
static size_t plane(size_t rows, size_t columns) {
    return rows * columns + LK_LANES;
}
static size_t weight_plane(lk_shape large, lk_shape small) {
    return plane(large.channels, small.channels);
}
static size_t tile_plane(lk_shape small, size_t channels) {
    return plane(rows_at_once(small) * tiles_across(small), channels);
}

size_t lk_tiling_room(lk_shape large, lk_shape small) {
    return NUMBERS * (weight_plane(large, small) + tile_plane(small, large.channels) +
                      tile_plane(small, small.channels));
}

/* The room: numbers of the weights, of tiles of the large image, of the small one. */
static lk_real *large_numbers(const lk_tiling *t) {
    return t->room + NUMBERS * weight_plane(t->large, t->small);
}
static lk_real *small_numbers(const lk_tiling *t) {
    return large_numbers(t) + NUMBERS * tile_plane(t->small, t->large.channels);
}

/* Channel after channel as if they were tiles. */
static lk_tiles weight_tiles(lk_taps taps, size_t channels, size_t panels, size_t plane) {
    return (lk_tiles){.count = channels,
                      .panels = panels,
                      .height = 3,
                      .width = 3,
                      .row = taps.row,
                      .pixel = taps.pixel,
                      .advance = LK_LANES,
                      .panel = taps.panel,
                      .plane = plane,
                      .tile = LK_LANES,
                      .tile_panel = channels * LK_LANES};
}

/* A row of tiles of either image; its first pixel is (y, x). */
static lk_tiles image_tiles(const lk_tiling *t, lk_shape image, ptrdiff_t y, ptrdiff_t x,
                            size_t panels) {
    const ptrdiff_t channels = image.channels;
    return (lk_tiles){.count = tiles_across(t->small),
                      .panels = panels,
                      .y = y,
                      .x = x,
                      .step = 2,
                      .height = image.height,
                      .width = image.width,
                      .row = image.width * channels,
                      .pixel = channels,
                      .advance = 2 * channels,
                      .panel = LK_LANES,
                      .plane = tile_plane(t->small, image.channels),
                      .tile = image.channels,
                      .tile_panel = LK_LANES};
}

static lk_tiles large_tiles(const lk_tiling *t, size_t row) {
    const ptrdiff_t before = (ptrdiff_t)t->before;
    return image_tiles(t, t->large, 2 * (ptrdiff_t)row - before, -before,
                       t->large.channels / LK_LANES);
}
static lk_tiles small_tiles(const lk_tiling *t, size_t row, size_t panels) {
    return image_tiles(t, t->small, 2 * (ptrdiff_t)row, 0, panels);
}

void lk_tiling_prepare(const lk_tiling *t, const lk_real *weights, lk_taps taps) {
    const lk_tiles all = weight_tiles(taps, t->large.channels, t->small.channels / LK_LANES,
                                      weight_plane(t->large, t->small));
    t->kernels->winograd_take(LK_WINOGRAD_WEIGHTS, &all, weights, t->room);
}

/* The numbers of the large image's tiles in `rows` rows of them from `row` on. */
static void take_large(const lk_tiling *t, const lk_real *large, size_t row, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        const lk_tiles tiles = large_tiles(t, row + r);
        t->kernels->winograd_take(LK_WINOGRAD_WINDOW, &tiles, large,
                                  large_numbers(t) + r * tiles.count * tiles.tile);
    }
}

void lk_tiling_apply(const lk_tiling *t, const lk_real *large, const lk_real *bias,
                     lk_real *small) {
    const size_t down = tiles_down(t->small), across = tiles_across(t->small);
    const size_t k = t->large.channels, n = t->small.channels;
    for (size_t row = 0; row < down; row += rows_at_once(t->small)) {
        const size_t rows = LK_MIN(rows_at_once(t->small), down - row);
        take_large(t, large, row, rows);
        for (size_t i = 0; i < NUMBERS; i++)
            t->kernels->gemm(&(lk_gemm){.m = rows * across,
                                        .k = k,
                                        .panels = n / LK_LANES,
                                        .a = large_numbers(t) + i * tile_plane(t->small, k),
                                        .a_row = k,
                                        .a_col = 1,
                                        .b = t->room + i * weight_plane(t->large, t->small),
                                        .b_panel = k * LK_LANES,
                                        .b_row = LK_LANES,
                                        .c = small_numbers(t) + i * tile_plane(t->small, n),
                                        .c_row = n,
                                        .c_panel = LK_LANES});
        for (size_t r = 0; r < rows; r++) {
            const lk_tiles tiles = small_tiles(t, row + r, n / LK_LANES);
            t->kernels->winograd_put(LK_WINOGRAD_PIXELS, &tiles,
                                     small_numbers(t) + r * tiles.count * tiles.tile, bias, small);
        }
    }
}

/* Adds the products of the tiles in the room to the weights' numbers: those of `a` are their rows,
   `panels` panels of `b` their columns. */
static void add_products(const lk_tiling *t, lk_shape a, const lk_real *a_numbers, lk_shape b,
                         const lk_real *b_numbers, size_t panels, size_t tiles, bool first) {
    for (size_t i = 0; i < NUMBERS; i++)
        t->kernels->gemm(&(lk_gemm){.m = a.channels,
                                    .k = tiles,
                                    .panels = panels,
                                    .a = a_numbers + i * tile_plane(t->small, a.channels),
                                    .a_row = 1,
                                    .a_col = a.channels,
                                    .b = b_numbers + i * tile_plane(t->small, b.channels),
                                    .b_panel = LK_LANES,
                                    .b_row = b.channels,
                                    .c = t->room + i * weight_plane(t->large, t->small),
                                    .c_row = LK_LANES,
                                    .c_panel = a.channels * LK_LANES,
                                    .accumulate = !first});
}

void lk_tiling_gradient(const lk_tiling *t, const lk_real *large, size_t large_stride,
                        const lk_real *small, size_t small_stride, size_t rows, size_t panels,
                        bool turned, lk_taps taps, lk_real *gradient) {
    const size_t down = tiles_down(t->small), across = tiles_across(t->small);
    const size_t at_once = rows_at_once(t->small);
    for (size_t image = 0; image < rows; image++, large += large_stride, small += small_stride)
        for (size_t row = 0; row < down; row += at_once) {
            const size_t n = LK_MIN(at_once, down - row);
            take_large(t, large, row, n);
            for (size_t r = 0; r < n; r++) {
                const lk_tiles tiles =
                    small_tiles(t, row + r, turned ? t->small.channels / LK_LANES : panels);
                t->kernels->winograd_take(LK_WINOGRAD_SPREAD, &tiles, small,
                                          small_numbers(t) + r * across * tiles.tile);
            }
            const bool first = image == 0 && row == 0;
            if (turned)
                add_products(t, t->small, small_numbers(t), t->large, large_numbers(t),
                             t->large.channels / LK_LANES, n * across, first);
            else
                add_products(t, t->large, large_numbers(t), t->small, small_numbers(t), panels,
                             n * across, first);
        }
    const lk_shape by_row = turned ? t->small : t->large;
    const lk_tiles all =
        weight_tiles(taps, by_row.channels, turned ? t->large.channels / LK_LANES : panels,
                     weight_plane(t->large, t->small));
    t->kernels->winograd_put(LK_WINOGRAD_GRADIENT, &all, t->room, NULL, gradient);
}
