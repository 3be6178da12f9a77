/* The vector vocabulary: sixteen lanes of lk_real on every machine, made of as many registers as
   that takes. Each function does the same IEEE operations lane by lane in every variant, and sums
   go down one fixed tree, so the bits are the same everywhere. Included by kernels.c alone, which
   is compiled once per variant. */
#ifndef LK_VEC_H
#define LK_VEC_H

#include "base.h"

#if defined(LK_VARIANT_v4)
#include <simde/x86/avx512.h>
enum { PARTS = 1 };
typedef simde__m512 part;
#define PART(op) simde_mm512_##op
#elif defined(LK_VARIANT_v3)
#include <simde/x86/avx2.h>
enum { PARTS = 2 };
typedef simde__m256 part;
#define PART(op) simde_mm256_##op
#elif defined(LK_VARIANT_v2) || defined(LK_VARIANT_wasm)
#include <simde/x86/sse4.1.h>
enum { PARTS = 4 };
typedef simde__m128 part;
#define PART(op) simde_mm_##op
#elif defined(LK_VARIANT_scalar)
enum { PARTS = 16 };
typedef lk_real part;
#else
#error "kernels.c needs one LK_VARIANT_..."
#endif

/* Vectors live in registers only where nothing is called: everything here is inlined for certain.
 */
#define INLINE static inline __attribute__((always_inline))

enum { PART_LANES = LK_LANES / PARTS };
typedef struct vec {
    part part[PARTS];
} vec;

#define EACH_PART(i) for (int i = 0; i < PARTS; i++)

/* As many whole numbers of 32 bits as a part has lanes. */
#if defined(LK_VARIANT_scalar)
typedef int32_t whole_part;
#else
typedef int32_t whole_part __attribute__((vector_size(4 * PART_LANES)));
#endif
typedef struct wholes {
    whole_part part[PARTS];
} wholes;

#if defined(LK_VARIANT_scalar)

#include <math.h>
#include <string.h>

INLINE part part_load(const lk_real *p) {
    return *p;
}
INLINE void part_store(lk_real *p, part a) {
    *p = a;
}
INLINE part part_set(lk_real a) {
    return a;
}
INLINE part part_add(part a, part b) {
    return a + b;
}
INLINE part part_sub(part a, part b) {
    return a - b;
}
INLINE part part_mul(part a, part b) {
    return a * b;
}
INLINE part part_div(part a, part b) {
    return a / b;
}
INLINE part part_sqrt(part a) {
    return (lk_real)sqrt(a);
}
/* to[j][i] = from[i][j], TURNED rows of as many values; rows are so many values apart. */
enum { TURNED = 1 };
INLINE void turn(const lk_real *from, size_t from_row, lk_real *to, size_t to_row) {
    (void)from_row, (void)to_row;
    *to = *from;
}
INLINE part part_if_greater(part a, part b, part yes, part no) {
    return a > b ? yes : no;
}
INLINE part part_if_equal(part a, part b, part yes, part no) {
    return a == b ? yes : no;
}
INLINE part part_max(part a, part b) {
    return a > b ? a : b;
}
INLINE part part_min(part a, part b) {
    return a > b ? b : a;
}
INLINE int part_any_greater(part a, part b) {
    return a > b;
}

/* p[0] q[0] + p[1] q[1] in each lane: the numbers of p, of 16 bits, follow each other, those of q,
   which is the two of them, are the same in all. */
INLINE whole_part part_products(const int16_t *p, int32_t q) {
    int16_t both[2];
    memcpy(both, &q, sizeof q);
    return p[0] * both[0] + p[1] * both[1];
}
INLINE part part_of_whole(whole_part a) {
    return (lk_real)a;
}

#ifndef LK_DOUBLE
/* 2^n for shifted = n + 1.5 x 2^23, whose lowest mantissa bits are n. */
INLINE part part_power_of_two(part shifted) {
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3f800000u;
    memcpy(&shifted, &bits, sizeof bits);
    return shifted;
}
#endif

#else

INLINE part part_load(const float *p) {
    return PART(loadu_ps)(p);
}
INLINE void part_store(float *p, part a) {
    PART(storeu_ps)(p, a);
}
INLINE part part_set(float a) {
    return PART(set1_ps)(a);
}
INLINE part part_add(part a, part b) {
    return PART(add_ps)(a, b);
}
INLINE part part_sub(part a, part b) {
    return PART(sub_ps)(a, b);
}
INLINE part part_mul(part a, part b) {
    return PART(mul_ps)(a, b);
}
INLINE part part_div(part a, part b) {
    return PART(div_ps)(a, b);
}
INLINE part part_sqrt(part a) {
    return PART(sqrt_ps)(a);
}

/* to[j][i] = from[i][j], TURNED rows of as many values; rows are so many values apart. */
#if defined(LK_VARIANT_v4) || defined(LK_VARIANT_v3)
enum { TURNED = 8 };
/* Halves of rows i and i + 4 side by side, so that what is left to do stays within halves. */
INLINE simde__m256 two_halves(const float *from, size_t from_row, size_t i) {
    return simde_mm256_insertf128_ps(
        simde_mm256_castps128_ps256(simde_mm_loadu_ps(from + i * from_row)),
        simde_mm_loadu_ps(from + (i + 4) * from_row), 1);
}
INLINE void turn(const float *from, size_t from_row, float *to, size_t to_row) {
    for (int half = 0; half < 2; half++, from += 4, to += 4 * to_row) {
        const simde__m256 r0 = two_halves(from, from_row, 0), r1 = two_halves(from, from_row, 1);
        const simde__m256 r2 = two_halves(from, from_row, 2), r3 = two_halves(from, from_row, 3);
        const simde__m256 low01 = simde_mm256_unpacklo_ps(r0, r1);
        const simde__m256 low23 = simde_mm256_unpacklo_ps(r2, r3);
        const simde__m256 high01 = simde_mm256_unpackhi_ps(r0, r1);
        const simde__m256 high23 = simde_mm256_unpackhi_ps(r2, r3);
        simde_mm256_storeu_ps(to, simde_mm256_shuffle_ps(low01, low23, 0x44));
        simde_mm256_storeu_ps(to + to_row, simde_mm256_shuffle_ps(low01, low23, 0xee));
        simde_mm256_storeu_ps(to + 2 * to_row, simde_mm256_shuffle_ps(high01, high23, 0x44));
        simde_mm256_storeu_ps(to + 3 * to_row, simde_mm256_shuffle_ps(high01, high23, 0xee));
    }
}
#else
enum { TURNED = 4 };
INLINE void turn(const float *from, size_t from_row, float *to, size_t to_row) {
    const simde__m128 r0 = simde_mm_loadu_ps(from), r1 = simde_mm_loadu_ps(from + from_row);
    const simde__m128 r2 = simde_mm_loadu_ps(from + 2 * from_row);
    const simde__m128 r3 = simde_mm_loadu_ps(from + 3 * from_row);
    const simde__m128 low01 = simde_mm_unpacklo_ps(r0, r1), high01 = simde_mm_unpackhi_ps(r0, r1);
    const simde__m128 low23 = simde_mm_unpacklo_ps(r2, r3), high23 = simde_mm_unpackhi_ps(r2, r3);
    simde_mm_storeu_ps(to, simde_mm_movelh_ps(low01, low23));
    simde_mm_storeu_ps(to + to_row, simde_mm_movehl_ps(low23, low01));
    simde_mm_storeu_ps(to + 2 * to_row, simde_mm_movelh_ps(high01, high23));
    simde_mm_storeu_ps(to + 3 * to_row, simde_mm_movehl_ps(high23, high01));
}
#endif

INLINE whole_part part_products(const int16_t *p, int32_t q) {
#if defined(LK_VARIANT_v4)
    return (whole_part)simde_mm512_madd_epi16(simde_mm512_loadu_si512(p),
                                              simde_mm512_set1_epi32(q));
#elif defined(LK_VARIANT_v3)
    const simde__m256i some = simde_mm256_loadu_si256((const simde__m256i *)(const void *)p);
    return (whole_part)simde_mm256_madd_epi16(some, simde_mm256_set1_epi32(q));
#else
    const simde__m128i some = simde_mm_loadu_si128((const simde__m128i *)(const void *)p);
#if defined(LK_VARIANT_wasm) /* where SIMDe would multiply one by one */
    return (whole_part)wasm_i32x4_dot_i16x8(some, wasm_i32x4_splat(q));
#else
    return (whole_part)simde_mm_madd_epi16(some, simde_mm_set1_epi32(q));
#endif
#endif
}
INLINE part part_of_whole(whole_part a) {
    /* In WASM the type of a part does not say that floats are in it. */
    typedef float floats __attribute__((vector_size(4 * PART_LANES)));
    return (part) __builtin_convertvector(a, floats);
}

/* a > b ? a : b, and a > b ? b : a. */
#if defined(LK_VARIANT_wasm) /* where SIMDe would compare and choose */
INLINE part part_max(part a, part b) {
    return wasm_f32x4_pmax(b, a);
}
INLINE part part_min(part a, part b) {
    return wasm_f32x4_pmin(a, b);
}
#else
INLINE part part_max(part a, part b) {
    return PART(max_ps)(a, b);
}
INLINE part part_min(part a, part b) {
    return PART(min_ps)(b, a);
}
#endif

#if defined(LK_VARIANT_v4)
INLINE part part_if_greater(part a, part b, part yes, part no) {
    return simde_mm512_mask_blend_ps(simde_mm512_cmp_ps_mask(a, b, SIMDE_CMP_GT_OQ), no, yes);
}
INLINE part part_if_equal(part a, part b, part yes, part no) {
    return simde_mm512_mask_blend_ps(simde_mm512_cmp_ps_mask(a, b, SIMDE_CMP_EQ_OQ), no, yes);
}
INLINE int part_any_greater(part a, part b) {
    return simde_mm512_cmp_ps_mask(a, b, SIMDE_CMP_GT_OQ) != 0;
}
INLINE part part_power_of_two(part shifted) {
    const simde__m512i n = simde_mm512_slli_epi32(simde_mm512_castps_si512(shifted), 23);
    return simde_mm512_castsi512_ps(simde_mm512_add_epi32(n, simde_mm512_set1_epi32(0x3f800000)));
}
#elif defined(LK_VARIANT_v3)
INLINE part part_if_greater(part a, part b, part yes, part no) {
    return simde_mm256_blendv_ps(no, yes, simde_mm256_cmp_ps(a, b, SIMDE_CMP_GT_OQ));
}
INLINE part part_if_equal(part a, part b, part yes, part no) {
    return simde_mm256_blendv_ps(no, yes, simde_mm256_cmp_ps(a, b, SIMDE_CMP_EQ_OQ));
}
INLINE int part_any_greater(part a, part b) {
    return simde_mm256_movemask_ps(simde_mm256_cmp_ps(a, b, SIMDE_CMP_GT_OQ));
}
INLINE part part_power_of_two(part shifted) {
    const simde__m256i n = simde_mm256_slli_epi32(simde_mm256_castps_si256(shifted), 23);
    return simde_mm256_castsi256_ps(simde_mm256_add_epi32(n, simde_mm256_set1_epi32(0x3f800000)));
}
#else
INLINE part part_if_greater(part a, part b, part yes, part no) {
    return simde_mm_blendv_ps(no, yes, simde_mm_cmpgt_ps(a, b));
}
INLINE part part_if_equal(part a, part b, part yes, part no) {
    return simde_mm_blendv_ps(no, yes, simde_mm_cmpeq_ps(a, b));
}
INLINE int part_any_greater(part a, part b) {
    return simde_mm_movemask_ps(simde_mm_cmpgt_ps(a, b));
}
INLINE part part_power_of_two(part shifted) {
    const simde__m128i n = simde_mm_slli_epi32(simde_mm_castps_si128(shifted), 23);
    return simde_mm_castsi128_ps(simde_mm_add_epi32(n, simde_mm_set1_epi32(0x3f800000)));
}
#endif
#endif

INLINE vec vec_load(const lk_real *p) {
    vec a;
    EACH_PART(i) a.part[i] = part_load(p + i * PART_LANES);
    return a;
}

INLINE void vec_store(lk_real *p, vec a) {
    EACH_PART(i) part_store(p + i * PART_LANES, a.part[i]);
}

INLINE vec vec_set(lk_real a) {
    vec r;
    EACH_PART(i) r.part[i] = part_set(a);
    return r;
}

INLINE vec vec_add(vec a, vec b) {
    EACH_PART(i) a.part[i] = part_add(a.part[i], b.part[i]);
    return a;
}

INLINE vec vec_sub(vec a, vec b) {
    EACH_PART(i) a.part[i] = part_sub(a.part[i], b.part[i]);
    return a;
}

INLINE vec vec_mul(vec a, vec b) {
    EACH_PART(i) a.part[i] = part_mul(a.part[i], b.part[i]);
    return a;
}

INLINE vec vec_div(vec a, vec b) {
    EACH_PART(i) a.part[i] = part_div(a.part[i], b.part[i]);
    return a;
}

INLINE vec vec_sqrt(vec a) {
    EACH_PART(i) a.part[i] = part_sqrt(a.part[i]);
    return a;
}

/* Adds to each lane the products of its two numbers at p, of 16 bits, with the two of q. */
INLINE wholes whole_add_products(wholes sum, const int16_t *p, int32_t q) {
    EACH_PART(i) sum.part[i] += part_products(p + 2 * i * PART_LANES, q);
    return sum;
}
INLINE vec vec_of_whole(wholes a) {
    vec r;
    EACH_PART(i) r.part[i] = part_of_whole(a.part[i]);
    return r;
}

/* a > b ? yes : no, lane by lane; false where either is NaN. */
INLINE vec vec_if_greater(vec a, vec b, vec yes, vec no) {
    EACH_PART(i) a.part[i] = part_if_greater(a.part[i], b.part[i], yes.part[i], no.part[i]);
    return a;
}

/* a == b ? yes : no, lane by lane; false where either is NaN. */
INLINE vec vec_if_equal(vec a, vec b, vec yes, vec no) {
    EACH_PART(i) a.part[i] = part_if_equal(a.part[i], b.part[i], yes.part[i], no.part[i]);
    return a;
}

/* Whether a > b in some lane. */
INLINE bool vec_any_greater(vec a, vec b) {
    int any = 0;
    EACH_PART(i) any |= part_any_greater(a.part[i], b.part[i]);
    return any != 0;
}

/* A NaN in b (max) or in a (min) is kept. */
INLINE vec vec_max(vec a, vec b) {
    EACH_PART(i) a.part[i] = part_max(a.part[i], b.part[i]);
    return a;
}
INLINE vec vec_min(vec a, vec b) {
    EACH_PART(i) a.part[i] = part_min(a.part[i], b.part[i]);
    return a;
}
INLINE vec vec_neg(vec a) {
    return vec_sub(vec_set(0), a);
}
INLINE vec vec_abs(vec a) {
    return vec_if_greater(a, vec_set(0), a, vec_neg(a));
}

/* The sum of all lanes, always by the same tree: i with i + 8, then 4, 2, 1. */
INLINE lk_real vec_sum(vec a) {
    lk_real lane[LK_LANES];
    vec_store(lane, a);
    for (int half = LK_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}

#ifdef LK_DOUBLE

INLINE vec vec_exp(vec a) {
    EACH_PART(i) a.part[i] = exp(a.part[i]);
    return a;
}
INLINE vec vec_log1p(vec a) {
    EACH_PART(i) a.part[i] = log1p(a.part[i]);
    return a;
}
INLINE vec vec_tanh(vec a) {
    EACH_PART(i) a.part[i] = tanh(a.part[i]);
    return a;
}

#else

/* e^x within 2 ulp for x in [-87, 88], clamped outside: e^x = 2^n e^r, |r| <= log(2) / 2, e^r by
   the polynomial of Cephes' expf (S. Moshier). */
INLINE vec vec_exp(vec x) {
    x = vec_min(vec_max(vec_set(-87.0f), x), vec_set(88.0f)); /* in this order NaN stays NaN */
    const vec shift = vec_set(12582912.0f); /* 1.5 x 2^23: adding it rounds to the nearest whole */
    const vec shifted = vec_add(vec_mul(x, vec_set(1.44269504088896341f)), shift);
    const vec n = vec_sub(shifted, shift);
    vec r = vec_sub(x, vec_mul(n, vec_set(0.693359375f)));
    r = vec_sub(r, vec_mul(n, vec_set(-2.12194440e-4f)));
    vec p = vec_set(1.9875691500e-4f);
    p = vec_add(vec_mul(p, r), vec_set(1.3981999507e-3f));
    p = vec_add(vec_mul(p, r), vec_set(8.3334519073e-3f));
    p = vec_add(vec_mul(p, r), vec_set(4.1665795894e-2f));
    p = vec_add(vec_mul(p, r), vec_set(1.6666665459e-1f));
    p = vec_add(vec_mul(p, r), vec_set(5.0000001201e-1f));
    p = vec_add(vec_add(vec_mul(vec_mul(p, r), r), r), vec_set(1.0f));
    EACH_PART(i) p.part[i] = part_mul(p.part[i], part_power_of_two(shifted.part[i]));
    return p;
}

/* log(1 + e) for e in [0, 1]: 2 artanh(s), s = e / (2 + e) at most 1/3, by its series. */
INLINE vec vec_log1p(vec e) {
    const vec s = vec_div(e, vec_add(e, vec_set(2.0f))), s2 = vec_mul(s, s);
    vec sum = vec_set(1.0f / 15);
    for (int k = 13; k >= 1; k -= 2) sum = vec_add(vec_mul(sum, s2), vec_set(1.0f / (float)k));
    return vec_mul(vec_mul(vec_set(2.0f), s), sum);
}

/* (1 - e) / (1 + e) with e = exp(-2 |x|); near 0, where that cancels, the series. */
INLINE vec vec_tanh(vec x) {
    const vec one = vec_set(1.0f), a = vec_abs(x), x2 = vec_mul(x, x);
    const vec e = vec_exp(vec_mul(a, vec_set(-2.0f)));
    const vec far = vec_div(vec_sub(one, e), vec_add(one, e));
    vec near = vec_set(62.0f / 2835);
    near = vec_add(vec_mul(near, x2), vec_set(-17.0f / 315));
    near = vec_add(vec_mul(near, x2), vec_set(2.0f / 15));
    near = vec_add(vec_mul(near, x2), vec_set(-1.0f / 3));
    near = vec_add(vec_mul(vec_mul(near, x2), x), x);
    const vec signed_far = vec_if_greater(x, vec_set(0), far, vec_neg(far));
    return vec_if_greater(a, vec_set(0.25f), signed_far, near);
}

#endif

/* 1 / (1 + exp(-x)) */
INLINE vec vec_sigmoid(vec x) {
    const vec one = vec_set(1);
    return vec_div(one, vec_add(one, vec_exp(vec_neg(x))));
}

#endif
