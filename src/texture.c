#include "texture.h"

#include <math.h>

/* The mean of the pixel's channels. */
static double level(const lk_real *x, lk_shape s, size_t pixel) {
    double sum = 0;
    for (size_t c = 0; c < s.channels; c++) sum += (double)x[pixel * s.channels + c];
    return sum / s.channels;
}

/* Around each inked pixel a diamond grows until it touches paper or the edge. Neighbours differ by
   a step at most, so each goes on from two steps less than the one before it in its row. */
static double solidity(const lk_real *x, lk_shape s) {
    size_t most = 0;
    for (size_t row = 0; row < s.height; row++) {
        size_t steps = 0;
        for (size_t column = 0; column < s.width; column++) {
            steps = steps > 2 ? steps - 2 : 0;
            bool inked = level(x, s, row * s.width + column) >= 0.5;
            while (inked) {
                steps++;
                if (row < steps || column < steps || row + steps >= s.height ||
                    column + steps >= s.width)
                    break;
                for (size_t k = 0; k < steps && inked; k++) {
                    const size_t corners[4][2] = {{row - steps + k, column + k},
                                                  {row + k, column + steps - k},
                                                  {row + steps - k, column - k},
                                                  {row - k, column - steps + k}};
                    for (int q = 0; q < 4; q++)
                        inked =
                            inked && level(x, s, corners[q][0] * s.width + corners[q][1]) >= 0.5;
                }
            }
            most = LK_MAX(most, steps);
        }
    }
    return (double)most;
}

void lk_texture_measure(const lk_real *x, lk_shape s, float *numbers) {
    const size_t row = (size_t)s.width * s.channels, size = row * s.height;
    size_t grey = 0;
    double variation = 0;
    for (size_t i = 0; i < size; i++) {
        grey += (double)x[i] > 0.2 && (double)x[i] < 0.8;
        if (i % row >= s.channels) variation += fabs((double)x[i] - (double)x[i - s.channels]);
        if (i >= row) variation += fabs((double)x[i] - (double)x[i - row]);
    }
    numbers[LK_TEXTURE_GREY] = (float)((double)grey / s.channels);
    numbers[LK_TEXTURE_VARIATION] = (float)(variation / s.channels);
    numbers[LK_TEXTURE_SOLIDITY] = (float)solidity(x, s);
}
