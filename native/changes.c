#include "changes.h"

const change_row CHANGE[CHANGES] = {
    [HFLIP] = {"hflip", false},       [HFLIP_BACK] = {"hflip+1", false},
    [VFLIP] = {"vflip", false},       [VFLIP_BACK] = {"vflip+1", false},
    [ROTATION] = {"rot90", false},    [INVERSION] = {"inverted", false},
    [CONSTANT] = {"constant", false}, [UNIFORM] = {"uniform", false},
    [GAUSSIAN] = {"gaussian", false}, [SHUFFLED] = {"shuffled", false},
    [SHIFT_1] = {"shift 1", true},    [SHIFT_2] = {"shift 2", true},
};

/* Where the value at (row, column) of a moved image comes from; flipping moves what it flips by a
   pixel, since images have an even number of them, and +1 moves it back. */
static void source_of(change c, size_t number, lk_shape s, long *row, long *column) {
    static const int ways[4][2] = {{0, 1}, {0, -1}, {1, 0}, {-1, 0}};
    const long height = (long)s.height, width = (long)s.width, y = *row, x = *column;
    const long step = c == SHIFT_2 ? 2 : 1;
    switch (c) {
    case HFLIP: *column = width - 1 - x; break;
    case HFLIP_BACK: *column = width - x; break;
    case VFLIP: *row = height - 1 - y; break;
    case VFLIP_BACK: *row = height - y; break;
    case ROTATION: *row = height - 1 - x, *column = y; break;
    default: *row = y + step * ways[number % 4][0]; *column = x + step * ways[number % 4][1];
    }
    *row = *row < 0 ? 0 : *row >= height ? height - 1 : *row;
    *column = *column < 0 ? 0 : *column >= width ? width - 1 : *column;
}

double change_uniform(uint64_t n) {
    uint64_t z = (n + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

bool change_suits(change c, lk_shape s) {
    return c != ROTATION || s.height == s.width;
}

void change_image(change c, size_t number, lk_shape s, const lk_real *x, uint32_t *order,
                  lk_real *out) {
    const size_t plane = (size_t)s.height * s.width, size = plane * s.channels;
    if (c == CONSTANT) {
        for (size_t i = 0; i < size; i++) out[i] = (lk_real)(number % 256) / 255;
    } else if (c == INVERSION) {
        for (size_t i = 0; i < size; i++) out[i] = 1 - x[i];
    } else if (c == UNIFORM) {
        for (size_t i = 0; i < size; i++) out[i] = (lk_real)change_uniform(number * size + i);
    } else if (c == GAUSSIAN) { /* a deviation of a quarter about the middle */
        for (size_t i = 0; i < size; i++) out[i] = (lk_real)0.5;
        lk_corrupt(LK_CORRUPT_NOISE, 0.25, 1, number, size, out);
        for (size_t i = 0; i < size; i++) out[i] = out[i] < 0 ? 0 : out[i] > 1 ? 1 : out[i];
    } else if (c == SHUFFLED) {
        lk_permutation(number + 1, order, plane);
        for (size_t i = 0; i < size; i++) out[i] = x[i / plane * plane + order[i % plane]];
    } else {
        for (size_t i = 0; i < size; i++) {
            long row = (long)(i % plane / s.width), column = (long)(i % s.width);
            source_of(c, number, s, &row, &column);
            out[i] = x[i / plane * plane + (size_t)row * s.width + (size_t)column];
        }
    }
}
