/* Every kernel of every variant against plain loops: those whose order of operations is documented
   bit by bit, the others against doubles, and all against the scalar variant bit by bit. */
#include "kernels.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "test.h"
#include "vectors.h"

static bool same(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static bool all_same(const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!same(a[i], b[i])) return false;
    return true;
}

static bool near(double a, double b, double relative) {
    return fabs(a - b) <= relative * fabs(b);
}

static const float UNTOUCHED = -12345.678f;

static void test_transpose(void) {
    enum { BLOCK = LK_LANES * LK_LANES, MOST = 4, GAP = 48 };
    const size_t jump = BLOCK + GAP;
    float *blocks = normals(MOST * BLOCK, 1), *to = room(MOST * jump);
    for (size_t count = 0; count <= MOST; count++) EACH_SIMD(simd) {
            for (size_t i = 0; i < MOST * jump; i++) to[i] = -7;
            lk_kernels_get(simd)->transpose(blocks, count, to, jump);
            for (size_t i = 0; i < MOST * jump; i++) {
                const size_t n = i / jump, at = i % jump;
                const size_t from = n * BLOCK + at % LK_LANES * LK_LANES + at / LK_LANES;
                CHECK(to[i] == (n < count && at < BLOCK ? blocks[from] : -7), "%s: %zu of %zu",
                      lk_simd_name(simd), i, count);
            }
        }
    free(blocks), free(to);
}

static void test_distances(void) {
    static const size_t SIZES[] = {1, 2, 3, 15, 16, 17, 32, 64, 100};
    for (size_t s = 0; s < LK_COUNTOF(SIZES); s++)
        for (size_t panels = 1; panels <= 9; panels++) {
            const size_t d = SIZES[s], n = 16 * panels;
            float *q = normals(d, d), *v = normals(d * n, panels), *wanted = room(n),
                  *sums = room(n);
            for (size_t j = 0; j < n; j++) {
                wanted[j] = 0;
                for (size_t k = 0; k < d; k++) {
                    const float difference = q[k] - v[(j / 16 * d + k) * 16 + j % 16];
                    wanted[j] += difference * difference;
                }
            }
            EACH_SIMD(simd) {
                lk_kernels_get(simd)->squared_distances(q, d, v, panels, sums);
                CHECK(memcmp(sums, wanted, n * sizeof *sums) == 0, "%s: %zu values, %zu panels",
                      lk_simd_name(simd), d, panels);
            }
            free(q), free(v), free(wanted), free(sums);
        }
}

static void test_dot_products(void) {
    static const size_t SIZES[] = {1, 2, 17, 64, 100};
    for (size_t s = 0; s < LK_COUNTOF(SIZES); s++) {
        const size_t d = SIZES[s];
        float *q = normals(d, d), *v = normals(d * 16, 3), wanted[16], sums[16];
        for (size_t j = 0; j < 16; j++) {
            wanted[j] = 0;
            for (size_t k = 0; k < d; k++) wanted[j] += q[k] * v[k * 16 + j];
        }
        EACH_SIMD(simd) {
            lk_kernels_get(simd)->dot_products(q, d, v, sums);
            CHECK(memcmp(sums, wanted, sizeof sums) == 0, "%s: %zu values", lk_simd_name(simd), d);
        }
        free(q), free(v);
    }
}

/* Any number of rows, pairs and panels; up to the largest sums there may be. */
static void test_whole_products(void) {
    enum { ROWS = 35, PAIRS = 9, PANELS = 3, N = 16 * PANELS };
    static int16_t a[PAIRS * ROWS * 2], b[PANELS * PAIRS * 16 * 2];
    static float bias[N], scale[ROWS], sums[ROWS * N];
    float *values = normals(LK_COUNTOF(a) + LK_COUNTOF(b), 8);
    for (size_t i = 0; i < LK_COUNTOF(a); i++) a[i] = (int16_t)(2000 * values[i]);
    for (size_t i = 0; i < LK_COUNTOF(b); i++) b[i] = (int16_t)(2000 * values[LK_COUNTOF(a) + i]);
    for (size_t i = 0; i < N; i++) bias[i] = (float)i / 7 - 3;
    for (size_t i = 0; i < ROWS; i++) scale[i] = 1e-6f * (float)(i + 1);
    for (size_t m = 1; m <= ROWS; m++)
        for (size_t pairs = 1; pairs <= PAIRS; pairs++)
            for (int biased = 0; biased <= 1; biased++) EACH_SIMD(simd) {
                    const lk_whole w = {m,    pairs, PANELS, a, b, scale, biased ? bias : NULL,
                                        sums, N};
                    lk_kernels_get(simd)->whole_products(&w);
                    for (size_t i = 0; i < m; i++)
                        for (size_t j = 0; j < N; j++) {
                            int32_t sum = 0;
                            for (size_t k = 0; k < 2 * pairs; k++)
                                sum += a[(k / 2 * m + i) * 2 + k % 2] *
                                       b[((j / 16 * pairs + k / 2) * 16 + j % 16) * 2 + k % 2];
                            const float wanted = (float)sum * scale[i] + (biased ? bias[j] : 0);
                            CHECK(sums[i * N + j] == wanted, "%s: %zu x %zu, %zu, %zu: %g, not %g",
                                  lk_simd_name(simd), m, pairs, i, j, (double)sums[i * N + j],
                                  (double)wanted);
                        }
                }
    for (size_t i = 0; i < 2; i++) a[i] = -32767;
    for (size_t i = 0; i < 32; i++) b[i] = i % 2 ? -23170 : 23170; /* to 0, through the largest */
    b[1] = 23170;
    EACH_SIMD(simd) {
        const lk_whole w = {1, 1, 1, a, b, scale, NULL, sums, N};
        lk_kernels_get(simd)->whole_products(&w);
        CHECK(sums[0] == (float)(-2 * 32767 * 23170) * scale[0] && sums[1] == 0, "%s: %g, %g",
              lk_simd_name(simd), (double)sums[0], (double)sums[1]);
    }
    free(values);
}

/* One value stands out, wherever it is; what is no number never does. */
static void test_panel_over(void) {
    enum { PANELS = 11, N = PANELS * LK_LANES };
    float values[N];
    EACH_SIMD(simd) {
        const lk_kernels *kernels = lk_kernels_get(simd);
        for (size_t i = 0; i < N; i++) values[i] = i % 5 ? -2 : NAN;
        CHECK(kernels->panel_over(values, 0, PANELS, -2) == PANELS, "%s", lk_simd_name(simd));
        for (size_t at = 0; at < N; at++) {
            const float before = values[at];
            values[at] = -1.5f;
            for (size_t first = 0; first <= PANELS; first++)
                for (size_t panels = first; panels <= PANELS; panels++) {
                    const size_t p = at / LK_LANES, found = p >= first && p < panels ? p : panels;
                    CHECK(kernels->panel_over(values, first, panels, -2) == found,
                          "%s: value %zu of panels %zu to %zu", lk_simd_name(simd), at, first,
                          panels);
                }
            values[at] = before;
        }
    }
}

/* Values of every size and sign, a multiple of 16 of them. */
static size_t grid(float *values) {
    static const float SPECIAL[] = {0,        -0.f,    INFINITY, -INFINITY, NAN,      FLT_MAX,
                                    -FLT_MAX, FLT_MIN, 1e-45f,   -1e-45f,   0.25f,    -0.25f,
                                    87.f,     -87.f,   88.f,     -88.f,     88.0001f, -87.0001f};
    size_t n = 0;
    for (size_t i = 0; i < LK_COUNTOF(SPECIAL); i++) values[n++] = SPECIAL[i];
    for (int e = -140; e <= 127; e++)
        for (int k = 0; k < 3; k++) {
            values[n] = ldexpf(1 + (float)k * 0.31f, e);
            values[n + 1] = -values[n];
            n += 2;
        }
    for (int i = -4000; i <= 4000; i++) values[n++] = (float)i * 0.0237f;
    while (n % 16) values[n++] = 0.5f;
    return n;
}

static double truth(lk_activation f, double x) {
    switch (f) {
    case LK_RELU: return x > 0 ? x : 0;
    case LK_LEAKY: return x > 0 ? x : x * 0.01;
    case LK_SIGMOID: return 1 / (1 + exp(-x));
    case LK_TANH: return tanh(x);
    default: return x;
    }
}

/* f' at the point whose value is y. */
static double slope(lk_activation f, double y) {
    switch (f) {
    case LK_RELU: return y > 0;
    case LK_LEAKY: return y > 0 ? 1 : 0.01;
    case LK_SIGMOID: return y * (1 - y);
    case LK_TANH: return 1 - y * y;
    default: return 1;
    }
}

static void test_activations(void) {
    enum { MOST = 12000 };
    static float x[MOST], scalar[MOST], y[MOST], dy[MOST], scalar_dy[MOST], dy_in[MOST];
    const size_t n = grid(x);
    fill_normal(dy_in, n, 5);
    for (int activation = 0; activation < LK_ACTIVATIONS; activation++) {
        const lk_activation f = (lk_activation)activation;
        EACH_SIMD(simd) {
            const lk_kernels *kernels = lk_kernels_get(simd);
            memcpy(y, x, sizeof y);
            memcpy(dy, dy_in, sizeof dy);
            kernels->activate(f, y, n);
            kernels->activate_gradient(f, y, dy, n);
            if (simd == LK_SIMD_SCALAR) {
                memcpy(scalar, y, sizeof y);
                memcpy(scalar_dy, dy, sizeof dy);
            }
            CHECK(all_same(y, scalar, n), "%s: activation %d", lk_simd_name(simd), activation);
            CHECK(all_same(dy, scalar_dy, n), "%s: gradient of %d", lk_simd_name(simd), activation);
        }
        for (size_t i = 0; i < n; i++) {
            if (isnan(x[i])) {
                CHECK(isnan(scalar[i]), "activation %d loses NaN", activation);
                continue;
            }
            const double t = truth(f, (double)x[i]);
            CHECK((double)scalar[i] == t || fabs((double)scalar[i] - t) <= 1e-6 * fabs(t) + 1e-37,
                  "activation %d of %.9g: %.9g", activation, (double)x[i], (double)scalar[i]);
            const double wanted = (double)dy_in[i] * slope(f, (double)scalar[i]);
            CHECK(fabs((double)scalar_dy[i] - wanted) <= 1e-6 * fabs((double)dy_in[i]),
                  "gradient of %d at %.9g: %.9g", activation, (double)x[i], (double)scalar_dy[i]);
        }
    }
    /* NaN reaches the gradients: what is not finite must not be hidden by training. */
    EACH_SIMD(simd)
    for (int activation = LK_SIGMOID; activation <= LK_TANH; activation++) {
        float nan[16] = {NAN}, gradient[16] = {1};
        lk_kernels_get(simd)->activate_gradient((lk_activation)activation, nan, gradient, 16);
        CHECK(isnan(gradient[0]), "%s: gradient of %d", lk_simd_name(simd), activation);
    }
}

/* The documented order: sixteen interleaved sums, then i with i + 8, 4, 2, 1. */
static float interleaved(const float *terms, size_t n) {
    float lane[16] = {0};
    for (size_t i = 0; i < n; i++) lane[i % 16] += terms[i];
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}

static void test_sums(void) {
    for (size_t n = 0; n <= 100; n++) {
        float *a = normals(n, n), *b = normals(n, n + 1000), *squares = room(n);
        for (size_t i = 0; i < n; i++) squares[i] = (a[i] - b[i]) * (a[i] - b[i]);
        EACH_SIMD(simd) {
            const lk_kernels *kernels = lk_kernels_get(simd);
            CHECK(kernels->sum(a, n) == interleaved(a, n), "%s: sum of %zu", lk_simd_name(simd), n);
            CHECK(kernels->squared_error(a, b, n) == interleaved(squares, n),
                  "%s: squared error of %zu", lk_simd_name(simd), n);
        }
        free(a), free(b), free(squares);
    }
}

static void test_column_sums(void) {
    for (size_t rows = 0; rows <= 33; rows++)
        for (size_t panels = 1; panels <= 4; panels++) {
            const size_t n = 16 * panels, stride = n + 16 * (rows % 2);
            float *a = normals(rows ? (rows - 1) * stride + n : 0, rows), *wanted = room(n),
                  *sums = room(n);
            for (size_t j = 0; j < n; j++) {
                wanted[j] = 0;
                for (size_t i = 0; i < rows; i++) wanted[j] += a[i * stride + j];
            }
            EACH_SIMD(simd) {
                lk_kernels_get(simd)->column_sums(a, rows, stride, panels, sums);
                CHECK(memcmp(sums, wanted, n * sizeof *sums) == 0, "%s: %zu rows, %zu panels",
                      lk_simd_name(simd), rows, panels);
            }
            free(a), free(wanted), free(sums);
        }
}

/* A row of windows each way, against the definition pixel by pixel; small whole numbers make ties
   and sums that are exact. */
static void check_pools(size_t count, size_t kernel, size_t channels) {
    const lk_windows w = {count, kernel, channels, count * kernel * channels + 3};
    const size_t n = count * channels, taps = kernel * kernel;
    const size_t size = (kernel - 1) * w.row + count * kernel * channels;
    float *large = room(size), *little = room(n), *places = room(n), *back = room(size);
    for (size_t i = 0; i < size; i++)
        large[i] = (float)lk_rng_below(lk_rng_make(size, 1, 1), i, 7) - 3;
    EACH_SIMD(simd) {
        const lk_kernels *kernels = lk_kernels_get(simd);
        const char *name = lk_simd_name(simd);
#define AT(tap)                                                                                    \
    ((tap) / kernel * w.row + (i / channels * kernel + (tap) % kernel) * channels + i % channels)
        kernels->pool_max(&w, large, little, places);
        for (size_t i = 0; i < n; i++) {
            size_t best = 0;
            for (size_t tap = 1; tap < taps; tap++)
                if (large[AT(tap)] > large[AT(best)]) best = tap;
            CHECK(little[i] == large[AT(best)] && places[i] == (float)best,
                  "%s: maximum %zu of %zu x %zu x %zu", name, i, count, kernel, channels);
        }
        for (size_t i = 0; i < size; i++) back[i] = UNTOUCHED;
        kernels->pool_put(&w, places, little, back);
        for (size_t i = 0; i < n; i++)
            for (size_t tap = 0; tap < taps; tap++) {
                CHECK(back[AT(tap)] == ((float)tap == places[i] ? little[i] : 0), "%s: put", name);
                back[AT(tap)] = UNTOUCHED;
            }
        for (size_t i = 0; i < size; i++) CHECK(back[i] == UNTOUCHED, "%s: put beside", name);
        kernels->pool_take(&w, places, large, back);
        for (size_t i = 0; i < n; i++) CHECK(back[i] == little[i], "%s: take", name);
        kernels->pool_sum(&w, 0.5f, large, little);
        for (size_t i = 0; i < n; i++) {
            float sum = 0;
            for (size_t tap = 0; tap < taps; tap++) sum += large[AT(tap)];
            CHECK(little[i] == 0.5f * sum, "%s: sum", name);
        }
        for (size_t i = 0; i < size; i++) back[i] = UNTOUCHED;
        kernels->pool_fill(&w, 3, little, back);
        for (size_t i = 0; i < n; i++)
            for (size_t tap = 0; tap < taps; tap++) {
                CHECK(back[AT(tap)] == 3 * little[i], "%s: fill", name);
                back[AT(tap)] = UNTOUCHED;
            }
        for (size_t i = 0; i < size; i++) CHECK(back[i] == UNTOUCHED, "%s: fill beside", name);
    }
    free(large), free(little), free(places), free(back);
}

static void test_pools(void) {
    static const size_t CHANNELS[] = {1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 64};
    for (size_t count = 1; count <= 7; count += 2)
        for (size_t kernel = 1; kernel <= 4; kernel++)
            for (size_t i = 0; i < LK_COUNTOF(CHANNELS); i++)
                check_pools(count, kernel, CHANNELS[i]);
    /* NaN goes on, wherever in the window it stands. */
    EACH_SIMD(simd)
    for (size_t nan = 0; nan < 4; nan++) {
        const lk_windows w = {1, 2, 16, 32};
        float large[64] = {0}, little[16], places[16];
        for (size_t i = 0; i < 16; i++) large[nan * 16 + i] = i == 5 ? NAN : -INFINITY;
        large[16 + 5] = nan == 1 ? NAN : INFINITY;
        lk_kernels_get(simd)->pool_max(&w, large, little, places);
        for (size_t i = 0; i < 16; i++)
            CHECK(i == 5 ? isnan(little[i]) : little[i] == 0, "%s: NaN at %zu: value %zu is %g",
                  lk_simd_name(simd), nan, i, (double)little[i]);
    }
}

/* Padding behind value n holds NaN here: it must have no part in the result. */
static void check_losses(size_t n, double spread) {
    const size_t padded = lk_round_up(n, 16);
    const float scale = 0.37f;
    float *x = normals(padded, n), *y = normals(padded, n + 1),
          *scalar[2] = {room(padded), room(padded)}, *gradient = room(padded);
    double squared = 0, logistic = 0;
    for (size_t i = 0; i < padded; i++) {
        x[i] = i < n ? 1 / (1 + x[i] * x[i]) : NAN;
        y[i] = i < n ? y[i] * (float)spread : NAN;
        const double t = (double)x[i], l = (double)y[i];
        if (i >= n) continue;
        squared += (l - t) * (l - t);
        logistic += (l > 0 ? l : 0) - l * t + log1p(exp(-fabs(l)));
    }
    float first[2] = {0, 0};
    EACH_SIMD(simd)
    for (int which = 0; which < 2; which++) {
        const lk_kernels *kernels = lk_kernels_get(simd);
        const float loss = which ? kernels->logistic_loss(x, y, n, scale, gradient)
                                 : kernels->squared_loss(x, y, n, scale, gradient);
        if (simd == LK_SIMD_SCALAR) {
            first[which] = loss;
            memcpy(scalar[which], gradient, padded * sizeof *gradient);
        }
        CHECK(same(loss, first[which]), "%s: loss %d of %zu", lk_simd_name(simd), which, n);
        CHECK(all_same(gradient, scalar[which], padded), "%s: gradient %d of %zu",
              lk_simd_name(simd), which, n);
        CHECK(near((double)loss, which ? logistic : squared, 2e-6), "loss %d of %zu: %.9g", which,
              n, (double)loss);
    }
    for (size_t i = 0; i < padded; i++) {
        const double t = (double)x[i], l = (double)y[i], s = (double)scale;
        if (i >= n) {
            CHECK(scalar[0][i] == 0 && scalar[1][i] == 0, "padding %zu of %zu", i, n);
            continue;
        }
        CHECK(fabs((double)scalar[0][i] - 2 * (l - t) * s) <= 1e-6 * (1 + fabs(l)), "%zu", i);
        CHECK(fabs((double)scalar[1][i] - (1 / (1 + exp(-l)) - t) * s) <= 1e-6, "%zu", i);
    }
    free(x), free(y), free(scalar[0]), free(scalar[1]), free(gradient);
}

static void test_losses(void) {
    for (size_t n = 1; n <= 70; n++) {
        check_losses(n, 1);
        check_losses(n, 30);
    }
    check_losses(784, 5);
    /* A logit that is not finite makes a loss that is not. */
    EACH_SIMD(simd) {
        float x[16] = {0.5f}, y[16] = {NAN}, gradient[16];
        CHECK(isnan(lk_kernels_get(simd)->logistic_loss(x, y, 1, 1, gradient)), "NaN logit");
        CHECK(isnan(lk_kernels_get(simd)->squared_loss(x, y, 1, 1, gradient)), "NaN output");
    }
}

/* Five steps against the paper's formulas in doubles. */
static void test_adam(void) {
    enum { N = 112, STEPS = 5 };
    float p[N], m[N], v[N], scalar[3][N], gradient[N];
    double dp[N], dm[N] = {0}, dv[N] = {0};
    fill_normal(gradient, N, 1);
    for (int i = 0; i < N; i++) dp[i] = (double)gradient[i];
    for (int t = 1; t <= STEPS; t++) {
        fill_normal(gradient, N, (uint64_t)t * 10);
        for (int i = 0; i < N; i++) {
            const double g = (double)gradient[i];
            dm[i] = 0.9 * dm[i] + 0.1 * g;
            dv[i] = 0.999 * dv[i] + 0.001 * g * g;
            dp[i] = 0.75 * dp[i] -
                    1e-3 * (dm[i] / (1 - pow(0.9, t))) / (sqrt(dv[i] / (1 - pow(0.999, t))) + 1e-8);
        }
    }
    EACH_SIMD(simd) {
        fill_normal(p, N, 1);
        memset(m, 0, sizeof m);
        memset(v, 0, sizeof v);
        for (int t = 1; t <= STEPS; t++) {
            const lk_adam step = {(float)(1e-3 / (1 - pow(0.9, t))),
                                  (float)(1 / (1 - pow(0.999, t))),
                                  0.9f,
                                  0.999f,
                                  1e-8f,
                                  0.75f};
            fill_normal(gradient, N, (uint64_t)t * 10);
            lk_kernels_get(simd)->adam(&step, gradient, p, m, v, N);
        }
        if (simd == LK_SIMD_SCALAR) {
            memcpy(scalar[0], p, sizeof p);
            memcpy(scalar[1], m, sizeof m);
            memcpy(scalar[2], v, sizeof v);
        }
        CHECK(memcmp(p, scalar[0], sizeof p) == 0, "%s", lk_simd_name(simd));
        CHECK(memcmp(m, scalar[1], sizeof m) == 0, "%s", lk_simd_name(simd));
        CHECK(memcmp(v, scalar[2], sizeof v) == 0, "%s", lk_simd_name(simd));
    }
    for (int i = 0; i < N; i++) {
        CHECK(fabs((double)p[i] - dp[i]) <= 1e-6, "parameter %d: %.9g, not %.9g", i, (double)p[i],
              dp[i]);
        CHECK(fabs((double)m[i] - dm[i]) <= 1e-6, "m %d", i);
        /* 1 - 0.999f is 1.3e-5 off 0.001 in singles. */
        CHECK(near((double)v[i], dv[i], 2e-5), "v %d: %.9g, not %.9g", i, (double)v[i], dv[i]);
    }
}

static void test_from_pixels(void) {
    uint8_t pixels[256];
    for (int i = 0; i < 256; i++) pixels[i] = (uint8_t)(i * 7);
    for (size_t n = 0; n <= 256; n = n < 70 ? n + 1 : n + 31) {
        uint8_t *exact = malloc(n + !n);
        float *x = room(n);
        memcpy(exact, pixels, n);
        EACH_SIMD(simd) {
            for (size_t i = 0; i < n; i++) x[i] = NAN;
            lk_kernels_get(simd)->from_pixels(exact, n, x);
            for (size_t i = 0; i < n; i++)
                CHECK(x[i] == (float)pixels[i] / 255.f, "%s: %zu of %zu", lk_simd_name(simd), i, n);
        }
        free(exact), free(x);
    }
}

/* Over the pixels of an image, in place and not, against the formulas value by value. */
static void check_normalise(size_t count, size_t channels) {
    const lk_pixels p = {count, channels};
    const size_t n = count * channels, padded = (channels + 15) / 16 * 16;
    float *x = normals(n, channels), *dy = normals(n, count), *to = room(n), *values[5], *sums[4];
    for (uint64_t i = 0; i < 5; i++) values[i] = normals(padded, i + 3);
    for (size_t i = 0; i < 4; i++) sums[i] = room(padded);
    const lk_norm norm = {values[0], values[1], values[2], values[3], values[4]};
    EACH_SIMD(simd) {
        const lk_kernels *kernels = lk_kernels_get(simd);
        const char *name = lk_simd_name(simd);
        kernels->moments(&p, x, norm.mean, sums[0], sums[1]);
        kernels->normalise(&p, &norm, x, to);
        for (size_t i = 0; i < n; i++) {
            const size_t k = i % channels;
            CHECK(to[i] == (x[i] - norm.mean[k]) * norm.factor[k] + norm.shift[k],
                  "%s: value %zu of %zu x %zu", name, i, count, channels);
        }
        memcpy(to, dy, n * sizeof *to);
        kernels->moments_back(&p, &norm, 0.25f, x, to, sums[2], sums[3]);
        for (size_t k = 0; k < channels; k++) {
            float wanted[4] = {0};
            for (size_t i = k; i < n; i += channels) {
                const float d = x[i] - norm.mean[k], y = d * norm.factor[k] + norm.shift[k];
                const float gradient = y > 0 ? dy[i] : dy[i] * 0.25f;
                CHECK(to[i] == gradient, "%s: slope at %zu", name, i);
                wanted[0] += d;
                wanted[1] += d * d;
                wanted[2] += gradient;
                wanted[3] += gradient * d;
            }
            for (size_t i = 0; i < 4; i++)
                CHECK(sums[i][k] == wanted[i], "%s: sum %zu of channel %zu of %zu x %zu", name, i,
                      k, count, channels);
        }
        memcpy(to, dy, n * sizeof *to);
        kernels->normalise_back(&p, &norm, x, to, to);
        for (size_t i = 0; i < n; i++) {
            const size_t k = i % channels;
            const float along = (x[i] - norm.mean[k]) * norm.norm[k];
            CHECK(to[i] == norm.factor[k] * (dy[i] - norm.back[k] - along),
                  "%s: gradient %zu of %zu x %zu", name, i, count, channels);
        }
    }
    for (size_t i = 0; i < 5; i++) free(values[i]);
    for (size_t i = 0; i < 4; i++) free(sums[i]);
    free(x), free(dy), free(to);
}

static void test_normalise(void) {
    for (size_t channels = 1; channels <= 70; channels++)
        for (size_t count = 1; count <= 9; count += 4) check_normalise(count, channels);
}

/* What is kept: as many values as asked for, and others for another key. */
static void test_dropout(void) {
    enum { N = 4096 };
    static const uint64_t KEYS[] = {1, 2, 0x7d1a53c6e09b248f, 0xfedcba9876543210};
    static float x[N], y[N], first[LK_COUNTOF(KEYS)][N];
    for (size_t i = 0; i < N; i++) x[i] = (float)(i + 1);
    EACH_SIMD(simd)
    for (size_t key = 0; key < LK_COUNTOF(KEYS); key++) {
        size_t kept = 0, shared = 0;
        lk_kernels_get(simd)->dropout(KEYS[key], 0.75f, x, y, N);
        for (size_t i = 0; i < N; i++) {
            CHECK(y[i] == 0 || y[i] == 4 * x[i], "%s: %g", lk_simd_name(simd), (double)y[i]);
            kept += y[i] != 0;
            shared += key > 0 && y[i] != 0 && first[0][i] != 0;
        }
        CHECK(fabs((double)kept / N - 0.25) < 0.03, "%zu kept", kept);
        CHECK(key == 0 || fabs((double)shared / N - 0.0625) < 0.02, "%zu shared", shared);
        if (simd == LK_SIMD_SCALAR) memcpy(first[key], y, sizeof y);
        CHECK(memcmp(y, first[key], sizeof y) == 0, "%s: key %zu", lk_simd_name(simd), key);
    }
}

int main(void) {
    test_transpose();
    test_distances();
    test_dot_products();
    test_whole_products();
    test_panel_over();
    test_activations();
    test_sums();
    test_column_sums();
    test_pools();
    test_normalise();
    test_dropout();
    test_losses();
    test_adam();
    test_from_pixels();
    return TEST_RESULT();
}
