/* Every named family: a row each. */
#include <string.h>

#include "arch.h"

static const lk_family families[] = {
    {"ae", "> dense {z} relu | dense {x} sigmoid > bce", 64, false,
     "one hidden layer: compress to 64 numbers and back"},
    {"gate", "> dense 128 relu > dense {z} | dense 128 relu > dense {x} sigmoid > bce", 32, false,
     "small and deep enough for a verdict: the shipped models"},
    {"deep",
     "> dense 1000 relu > dense 500 relu > dense 250 relu > dense {z}"
     " | dense 250 relu > dense 500 relu > dense 1000 relu > dense {x} sigmoid > bce",
     30, false, "four layers down to a linear code and four back up"},
    {"conv",
     "> conv 16 3 relu > maxpool 2 > conv 32 3 relu > maxpool 2 > dense {z}"
     " | dense {f} relu > reshape 32 {h} {w} > unpool 2 > deconv 16 3 relu > unpool 2"
     " > deconv {c} 3 sigmoid > bce",
     64, false, "convolutions and pools, undone with the places of the maxima remembered"},
    {"pca", "> dense {z} | dense {x} > mse", 64, true,
     "principal components: solved for, not trained"},
};

const lk_family *lk_families(size_t *count) {
    *count = LK_COUNTOF(families);
    return families;
}

const lk_family *lk_family_find(const char *name) {
    for (size_t i = 0; i < LK_COUNTOF(families); i++)
        if (strcmp(families[i].name, name) == 0) return &families[i];
    return NULL;
}

/* Appends a number in decimal at `at`; room is checked by the caller (10 digits). */
static size_t put_number(char *text, size_t at, size_t number) {
    char digits[20];
    size_t n = 0;
    do digits[n++] = (char)('0' + number % 10);
    while (number /= 10);
    while (n > 0) text[at++] = digits[--n];
    return at;
}

/* What a letter in braces stands for; see lk_family. */
static size_t meaning(char letter, lk_shape shape, uint32_t latent) {
    switch (letter) {
    case 'z': return latent;
    case 'x': return lk_shape_size(shape);
    case 'c': return shape.channels;
    case 'h': return shape.height / 4;
    case 'w': return shape.width / 4;
    default: return 32 * (size_t)(shape.height / 4) * (shape.width / 4);
    }
}

lk_status lk_family_arch(const lk_family *family, lk_shape shape, uint32_t latent, char *text,
                         size_t size, lk_error *error) {
    const size_t values = lk_shape_size(shape);
    if (values == 0 || values > LK_MAX_UNITS)
        return lk_fail(error, LK_USAGE, "images of %u values do not suit a network",
                       (unsigned long long)values);
    if (latent == 0) latent = family->latent;
    if (family->solved && latent > values)
        return lk_fail(error, LK_USAGE, "%u components of images of %u values",
                       (unsigned long long)latent, (unsigned long long)values);
    if (strstr(family->arch, "{h}") && (shape.height % 4 || shape.width % 4))
        return lk_fail(error, LK_USAGE, "family %s needs sides that 4 divides, not %u x %u",
                       family->name, (unsigned long long)shape.height,
                       (unsigned long long)shape.width);
    if (size < strlen(family->arch) + 200)
        return lk_fail(error, LK_USAGE, "no room for the architecture");
    size_t n = put_number(text, 0, shape.channels);
    text[n++] = 'x';
    n = put_number(text, n, shape.height);
    text[n++] = 'x';
    n = put_number(text, n, shape.width);
    text[n++] = ' ';
    for (const char *a = family->arch; *a;) {
        if (*a == '{') {
            n = put_number(text, n, meaning(a[1], shape, latent));
            a += 3;
        } else {
            text[n++] = *a++;
        }
    }
    text[n] = 0;
    return LK_OK;
}
