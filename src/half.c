#include "half.h"

#include <string.h>

enum { SIGN = 0x8000, INFINITE = 0x7c00, FRACTION = 0x3ff, FRACTION_32 = 0x7fffff };

uint16_t lk_half_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t sign = bits >> 16 & SIGN, size = bits & 0x7fffffff;
    if (size > 0x7f800000) return (uint16_t)(sign | INFINITE | 1);
    if (size >= 0x47800000) return (uint16_t)(sign | INFINITE); /* 2^16 */
    if (size < 0x38800000) {                                    /* 2^-14: steps of 2^-24 */
        float steps = (x < 0 ? -x : x) * 0x1p24f + 0x1p23f;     /* from 2^23 on all are whole */
        memcpy(&bits, &steps, sizeof bits);
        return (uint16_t)(sign | (bits & FRACTION_32));
    }
    /* Thirteen bits go: half of their unit is added, less a little where the last to stay is 0. */
    return (uint16_t)(sign | ((size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13));
}

float lk_half_value(uint16_t half) {
    const uint32_t size = half & 0x7fff;
    uint32_t bits = (size << 13) + 0x38000000; /* the exponent's bias is 127 in place of 15 */
    float x = (float)size * 0x1p-24f;
    if (size >= INFINITE) bits = 0x7f800000 | (size & FRACTION) << 13;
    if (size > FRACTION) memcpy(&x, &bits, sizeof x);
    return half & SIGN ? -x : x;
}
