/* Numbers of 16 bits against their definition, computed in double precision. */
#include "half.h"

#include <float.h>
#include <math.h>

#include "test.h"

/* What the 16 bits mean by the standard. */
static double meaning(unsigned half) {
    const unsigned exponent = half >> 10 & 31, fraction = half & 0x3ff;
    const double size =
        exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24);
    return half & 0x8000 ? -size : size;
}

/* Every number of 16 bits means what it should, and is its own nearest. */
static void test_all(void) {
    for (unsigned h = 0; h < 0x10000; h++) {
        const float value = lk_half_value((uint16_t)h);
        if ((h & 0x7fff) > 0x7c00) {
            CHECK(isnan(value) && (lk_half_of(value) & 0x7fff) > 0x7c00, "%x is a number", h);
            continue;
        }
        if ((h & 0x7fff) == 0x7c00)
            CHECK(isinf(value) && (value < 0) == (h > 0x7fff), "%x is %g", h, (double)value);
        else
            CHECK((double)value == meaning(h), "%x is %g", h, (double)value);
        CHECK(lk_half_of(value) == h, "%x comes back as %x", h, lk_half_of(value));
    }
}

/* Between two neighbours the nearer is taken, half way the even one. */
static void test_rounding(void) {
    for (unsigned h = 0; h < 0x7bff; h++) {
        const double low = meaning(h), high = meaning(h + 1);
        const float middle = (float)((low + high) / 2);
        const unsigned even = h & 1 ? h + 1 : h;
        for (unsigned sign = 0; sign <= 0x8000; sign += 0x8000) {
            const float s = sign ? -1 : 1;
            CHECK(lk_half_of(s * middle) == (even | sign), "in the middle over %x", h);
            CHECK(lk_half_of(s * nextafterf(middle, 0)) == (h | sign), "below the middle over %x",
                  h);
            CHECK(lk_half_of(s * nextafterf(middle, INFINITY)) == ((h + 1) | sign),
                  "above the middle over %x", h);
        }
    }
    CHECK(lk_half_of(FLT_TRUE_MIN) == 0 && lk_half_of(-FLT_MIN) == 0x8000, "next to nothing");
    CHECK(lk_half_of(65519.996f) == 0x7bff && lk_half_of(65520) == 0x7c00 &&
              lk_half_of(-FLT_MAX) == 0xfc00,
          "what is too large");
}

int main(void) {
    test_all();
    test_rounding();
    return TEST_RESULT();
}
