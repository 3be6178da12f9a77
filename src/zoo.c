/* Every named family: a row each. */
#include <string.h>

#include "arch.h"

#define GREY                                                                                       \
    { 1, 28, 28 }
#define COLOUR                                                                                     \
    { 3, 32, 32 }

/* Trained as any network is. */
#define USUAL                                                                                      \
    { 0, 0, 0, LK_INIT_GLOROT, NULL, false }

#define GATE_ENCODER "> conv 16 5 s2 relu > conv 32 3 s2 relu > conv 64 3 s2 relu "
#define GATE_DECODER " > dense {z} | dense 64 relu > dense {x} sigmoid > mse"
/* Without shifts they would learn the pixel by which flipping moves what is in an even box. */
#define GATE_TRAINING                                                                              \
    {                                                                                              \
        .batch = 128, .steps = 4000, .decay = 0.5, .init = LK_INIT_HE, .augment = "shift 2",       \
        .half = true                                                                               \
    }

#define WORDS                                                                                      \
    { 1, 1, 2000 }
#define TEXT                                                                                       \
    "> table > mask 0.3 > dense 500 relu > dense 250 relu > dense 125 relu > dense {z}"            \
    " | dense 125 relu > dense 250 relu > dense 500 relu > dense {x}"
#define TEXT_TRAINING                                                                              \
    { .batch = 64, .steps = 8000, .decay = 0.3, .init = LK_INIT_GLOROT }

/* Of the class-conditioned autoencoders; the code in between has seen no label. */
#define ACAE_ENCODER                                                                               \
    "> conv 32 3 leaky > bn > maxpool 2 > dropout 0.25"                                            \
    " > conv 64 3 leaky > bn > conv 64 3 leaky > bn > maxpool 2 > dropout 0.25"                    \
    " > dense {z} > bn leaky"
#define ACAE_DECODER                                                                               \
    " | embed {k} > dense {64hw/16} leaky > reshape 64 {h/4} {w/4} > bn"                           \
    " > deconv 32 4 s2 leaky > bn > deconv {c} 4 s2 sigmoid > mse"

static const lk_family families[] = {
    {"ae", "> dense {z} relu | dense {x} sigmoid > bce", 64, LK_TRAINED, GREY,
     "one hidden layer: compress to 64 numbers and back", USUAL},
    {"gate", GATE_ENCODER "> dense 128 relu > pose 1 14" GATE_DECODER, 32, LK_TRAINED, GREY,
     "for verdicts: it also tells which way up images are", GATE_TRAINING},
    /* With less weight on copies than above: what tells classes apart is what tells them from
       others. */
    {"gate-classes", GATE_ENCODER "> dropout 0.3 > dense 128 relu > pose {k} 42" GATE_DECODER, 32,
     LK_TRAINED, GREY,
     "the same of images with labels, whose classes it tells too; the shipped digits",
     GATE_TRAINING},
    {"gate-wide", GATE_ENCODER "> dropout 0.1 > dense 256 relu > pose {k} 42" GATE_DECODER, 32,
     LK_TRAINED, GREY,
     "the same with twice the gist, for what is hard to tell from its mirror image", GATE_TRAINING},
    {"deep",
     "> dense 1000 relu > dense 500 relu > dense 250 relu > dense {z}"
     " | dense 250 relu > dense 500 relu > dense 1000 relu > dense {x} sigmoid > bce",
     30, LK_TRAINED, GREY, "four layers down to a linear code and four back up", USUAL},
    {"pca", "> dense {z} | dense {x} > mse", 64, LK_SOLVED, GREY,
     "principal components: solved for, not trained", USUAL},
    {"table",
     "> table > dense 64 tanh > dense 32 tanh > dense {z}"
     " | dense 32 tanh > dense 64 tanh > dense {x} > mse",
     4,
     LK_TRAINED,
     {1, 1, 28},
     "for rows of numbers, each column in units of its deviation",
     {.batch = 64, .steps = 4000, .decay = 0.5, .init = LK_INIT_GLOROT}},
    {"text", TEXT " > mse", 10, LK_TRAINED, WORDS,
     "for texts, by how often words are in them, a third of which it is not shown", TEXT_TRAINING},
    {"text-softmax", TEXT " > multinomial", 10, LK_TRAINED, WORDS,
     "the same, but what it makes are the shares of the words in a text: a softmax", TEXT_TRAINING},
    {"stacked",
     "> dense 1000 relu > l1 0.001 > dense 500 relu > dense {z} relu"
     " | dense 500 relu > dense 1000 relu > dense {x} sigmoid > bce",
     250, LK_STACKED, GREY, "layer after layer, each an autoencoder of its own, then all together",
     USUAL},
    {"denoise",
     "> noise 0.3 > conv 32 3 relu > maxpool 2 > conv 64 3 relu > maxpool 2 > dense {z} relu"
     " | dense {64hw/16} relu > reshape 64 {h/4} {w/4} > deconv 32 4 s2 relu"
     " > deconv {c} 4 s2 sigmoid > bce",
     128, LK_TRAINED, GREY, "noisy in, clean out", USUAL},
    {"conv",
     "> conv 16 3 relu > maxpool 2 > conv 32 3 relu > maxpool 2 > dense {z}"
     " | dense {32hw/16} relu > reshape 32 {h/4} {w/4} > unpool 2 > deconv 16 3 relu > unpool 2"
     " > deconv {c} 3 sigmoid > bce",
     64, LK_TRAINED, GREY,
     "convolutions and pools, undone with the places of the maxima remembered", USUAL},
    {"cnn",
     "> conv 32 3 > bn relu > conv 32 3 > bn relu > maxpool 2 > dropout 0.2"
     " > conv 64 3 > bn relu > conv 64 3 > bn relu > maxpool 2 > dropout 0.2"
     " > dense {z} > bn relu | dropout 0.4 > dense {k} > ce",
     256, LK_TRAINED, GREY, "a classifier: convolutions in pairs, then the class", USUAL},
    {"vae",
     "> dense 500 relu > dense 500 relu > gaussian {z}"
     " | dense 500 relu > dense 500 relu > dense {x} sigmoid > bce",
     50, LK_TRAINED, GREY, "variational: codes are normally distributed, and can be drawn", USUAL},
    {"vae-conv",
     "> conv 32 3 s2 relu > conv 64 3 s2 relu > dense 256 relu > gaussian {z}"
     " | dense 256 relu > dense {64hw/16} relu > reshape 64 {h/4} {w/4} > deconv 32 3 s2 relu"
     " > deconv {c} 3 s2 sigmoid > bce",
     32, LK_TRAINED, GREY, "variational, with convolutions", USUAL},
    {"vae-color",
     "> conv {c} 2 leaky > conv 64 2 s2 leaky > maxpool 2 > conv 48 3 leaky > conv 16 3 leaky"
     " > maxpool 2 > dense 300 leaky > dense 125 leaky > gaussian {z}"
     " | dense 125 leaky > dense 300 leaky > dense {16hw/64} leaky > reshape 16 {h/8} {w/8} > up 2"
     " > deconv 48 3 leaky > deconv 64 3 leaky > up 2 > deconv {c} 2 s2 leaky"
     " > deconv {c} 2 sigmoid > bce beta 3",
     96, LK_TRAINED, COLOUR, "variational, for small pictures of faces and objects", USUAL},
    {"vqvae",
     "> conv 16 4 s2 relu > conv 32 4 s2 relu > dense 288 > reshape 32 3 3 > vq 128"
     " | dense {32hw/16} relu > reshape 32 {h/4} {w/4} > deconv 16 4 s2 relu"
     " > deconv {c} 4 s2 sigmoid > mse",
     288, LK_TRAINED, GREY, "a code of nine words from a vocabulary of 128", USUAL},
    {"vqvae-7x7",
     "> conv 32 4 s2 relu > conv 64 4 s2 relu > conv 8 3 > reshape 8 {h/4} {w/4} > vq 512"
     " | conv 64 3 relu > deconv 32 4 s2 relu > deconv {c} 4 s2 sigmoid > mse",
     392, LK_TRAINED, GREY, "a word from a vocabulary of 512 for every 4 x 4 pixels", USUAL},
    {"acae", ACAE_ENCODER ACAE_DECODER, 128, LK_TRAINED, GREY,
     "convolutions to a code, which labels are multiplied into on the way back", USUAL},
    {"acae-softmax", ACAE_ENCODER " > classify {k} 100" ACAE_DECODER, 128, LK_TRAINED, GREY,
     "the same with a second task: to tell the class from the code", USUAL},
    {"triplet",
     "> conv 32 3 > bn relu > conv 32 3 > bn relu > maxpool 2 > dropout 0.2"
     " > conv 64 3 > bn relu > conv 64 3 > bn relu > maxpool 2 > dropout 0.2"
     " > dense 256 > bn relu > dense {z} > l2norm | triplet margin 0.2",
     64, LK_TRAINED, GREY, "a unit sphere on which what has the same label is near", USUAL},
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

/* Appends a number in decimal at `at`; room is checked by the caller (20 digits). */
static size_t put_number(char *text, size_t at, size_t number) {
    char digits[20];
    size_t n = 0;
    do digits[n++] = (char)('0' + number % 10);
    while (number /= 10);
    while (n > 0) text[at++] = digits[--n];
    return at;
}

/* The sizes that templates speak of. */
typedef struct sizes {
    lk_shape shape;
    uint32_t latent, classes;
} sizes;

static size_t meaning(char letter, const sizes *s) {
    switch (letter) {
    case 'z': return s->latent;
    case 'x': return lk_shape_size(s->shape);
    case 'k': return s->classes;
    case 'c': return s->shape.channels;
    case 'h': return s->shape.height;
    default: return s->shape.width;
    }
}

static size_t read_number(const char **at) {
    size_t number = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) number = number * 10 + (size_t)(**at - '0');
    return number;
}

/* The value of {32hw/16}, *at standing behind the brace; moves it behind the other. 0: it has
   none. */
static size_t evaluate(const char **at, const sizes *s) {
    size_t value = read_number(at), divisor = 1;
    if (value == 0) value = 1;
    for (; **at != '/' && **at != '}'; ++*at) value *= meaning(**at, s);
    if (**at == '/') {
        ++*at;
        divisor = read_number(at);
    }
    ++*at;
    return value % divisor ? 0 : value / divisor;
}

static size_t put_shape(char *text, lk_shape shape) {
    size_t n = put_number(text, 0, shape.channels);
    text[n++] = 'x';
    n = put_number(text, n, shape.height);
    text[n++] = 'x';
    n = put_number(text, n, shape.width);
    text[n++] = ' ';
    return n;
}

lk_status lk_family_arch(const lk_family *family, lk_shape shape, uint32_t latent, uint32_t classes,
                         char *text, size_t size, lk_error *error) {
    const sizes s = {shape, latent ? latent : family->latent, classes};
    const size_t values = lk_shape_size(shape);
    if (values == 0 || values > LK_MAX_UNITS)
        return lk_fail(error, LK_USAGE, "images of %u values do not suit a network",
                       (unsigned long long)values);
    if (family->method == LK_SOLVED && s.latent > values)
        return lk_fail(error, LK_USAGE, "%u components of images of %u values",
                       (unsigned long long)s.latent, (unsigned long long)values);
    if (latent && !strstr(family->arch, "{z}"))
        return lk_fail(error, LK_USAGE, "the codes of family %s have a size of their own",
                       family->name);
    if (strstr(family->arch, "{k}") && classes < 2)
        return lk_fail(error, LK_DATA, "family %s needs images of two classes or more",
                       family->name);
    if (size < strlen(family->arch) + 200)
        return lk_fail(error, LK_USAGE, "no room for the architecture");
    size_t n = put_shape(text, shape);
    for (const char *a = family->arch; *a;) {
        if (*a != '{') {
            text[n++] = *a++;
            continue;
        }
        a++;
        const size_t value = evaluate(&a, &s);
        if (value == 0)
            return lk_fail(error, LK_USAGE, "family %s does not suit images of %u x %u",
                           family->name, (unsigned long long)shape.height,
                           (unsigned long long)shape.width);
        n = put_number(text, n, value);
    }
    text[n] = 0;
    return LK_OK;
}
