#include "arch.h"

#include "test.h"

static lk_arch arch; /* large */

static void test_good(void) {
    static const struct {
        const char *line, *canonical;
        size_t layers, encoder, parameters;
        double flops;
        lk_activation last, head;
    } CASES[] = {
        {"1x28x28 > dense 64 relu | dense 784 sigmoid > bce",
         "1x28x28 > dense 64 relu | dense 784 sigmoid > bce", 2, 1, 101200, 2.0 * 2 * 784 * 64,
         LK_LINEAR, LK_SIGMOID},
        {"1x1x1>dense 1|dense 1>mse", "1x1x1 > dense 1 | dense 1 > mse", 2, 1, 4, 4, LK_LINEAR,
         LK_LINEAR},
        {" \t1x2x3\t>  dense   5 linear>dense 2 tanh |dense 6 linear >mse  ",
         "1x2x3 > dense 5 > dense 2 tanh | dense 6 > mse", 3, 2, 35 + 12 + 18, 2.0 * (30 + 10 + 12),
         LK_LINEAR, LK_LINEAR},
        {"3x2x2 > dense 4 leaky | dense 12 sigmoid > mse",
         "3x2x2 > dense 4 leaky | dense 12 sigmoid > mse", 2, 1, 52 + 60, 2.0 * 96, LK_SIGMOID,
         LK_LINEAR},
        {"1x6x6 > conv 4 3 s2  relu | deconv 1 3 s2 > mse",
         "1x6x6 > conv 4 3 s2 relu | deconv 1 3 s2 > mse", 2, 1, 4 * 9 + 4 + 4 * 9 + 1,
         2.0 * 2 * 9 * 4 * 9, LK_LINEAR, LK_LINEAR},
        {"2x5x5 > conv 3 3 valid s2 | reshape 1 2 6 > dense 50 sigmoid > bce",
         "2x5x5 > conv 3 3 valid s2 | reshape 1 2 6 > dense 50 sigmoid > bce", 3, 1,
         3 * 2 * 9 + 3 + 50 * 12 + 50, 2.0 * (54 * 4 + 600), LK_LINEAR, LK_SIGMOID},
        {"3x4x8 > maxpool 2 > avgpool 2 | up 2 > unpool 2 > mse",
         "3x4x8 > maxpool 2 > avgpool 2 | up 2 > unpool 2 > mse", 4, 2, 0,
         96 + 24 + 24 + 6 + 6 + 24 + 24 + 96, LK_LINEAR, LK_LINEAR},
        {"1x4x4 > gaussian 5 | dense 16 sigmoid > bce beta 0.5",
         "1x4x4 > gaussian 5 | dense 16 sigmoid > bce beta 0.5", 2, 1, 2 * 85 + 96,
         2.0 * (16 * 5 + 5 * 16), LK_LINEAR, LK_SIGMOID},
        /* Vectors of one pixel's three channels; where there is a row of values, of all of it. */
        {"3x4x8 > vq 20 | up 2 > avgpool 2 > mse", "3x4x8 > vq 20 | up 2 > avgpool 2 > mse", 3, 1,
         60, 3.0 * 60 * 32 + 2 * (96 + 384), LK_LINEAR, LK_LINEAR},
        {"1x1x9 > vq 20 | dense 9 > mse", "1x1x9 > vq 20 | dense 9 > mse", 2, 1, 180 + 90,
         3.0 * 180 + 162, LK_LINEAR, LK_LINEAR},
        {"1x4x4 > dense 5 tanh > l2norm | triplet  margin 0.5",
         "1x4x4 > dense 5 tanh > l2norm | triplet margin 0.5", 2, 2, 85, 2.0 * 80 + 20, LK_LINEAR,
         LK_LINEAR},
        {"1x4x4 > dense 5 leaky |triplet", "1x4x4 > dense 5 leaky | triplet", 1, 1, 85, 2.0 * 80,
         LK_LEAKY, LK_LINEAR},
        {"1x4x4 > dense 5 > classify 3 0.5 | embed 3 > dense 16 > mse",
         "1x4x4 > dense 5 > classify 3 0.5 | embed 3 > dense 16 > mse", 4, 2, 85 + 18 + 15 + 96,
         2.0 * (80 + 15) + 5 + 2.0 * 80, LK_LINEAR, LK_LINEAR},
        /* A code wider than the image is unusual, not wrong. */
        {"1x1x2 > dense 1048576 | dense 2 > mse", "1x1x2 > dense 1048576 | dense 2 > mse", 2, 1,
         3 * 1048576 + 2 * 1048576 + 2, 8.0 * 1048576, LK_LINEAR, LK_LINEAR},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        lk_error error = {LK_OK, 0, ""};
        CHECK(lk_arch_parse(CASES[i].line, &arch, &error) == LK_OK, "%s: %s", CASES[i].line,
              error.message);
        CHECK(strcmp(arch.text, CASES[i].canonical) == 0, "'%s'", arch.text);
        CHECK(arch.count == CASES[i].layers, "%s: %zu", CASES[i].line, arch.count);
        CHECK(arch.encoder == CASES[i].encoder, "%s: %zu", CASES[i].line, arch.encoder);
        CHECK(arch.parameters == CASES[i].parameters, "%s: %zu", CASES[i].line, arch.parameters);
        CHECK(arch.flops == CASES[i].flops, "%s: %g", CASES[i].line, arch.flops);
        CHECK(arch.layers[arch.count - 1].activation == CASES[i].last, "%s", CASES[i].line);
        CHECK(arch.head == CASES[i].head, "%s", CASES[i].line);

        /* The canonical spelling is its own. */
        static lk_arch again;
        CHECK(lk_arch_parse(arch.text, &again, &error) == LK_OK, "%s", error.message);
        CHECK(strcmp(arch.text, again.text) == 0, "'%s'", again.text);
    }
}

/* Parameters, packed values and transposed copies of the layers lie side by side. */
static void test_layout(void) {
    CHECK(lk_arch_parse("1x3x7 > dense 17 relu > dense 5 | dense 33 tanh > dense 21 > mse", &arch,
                        NULL) == LK_OK,
          "parse");
    size_t packed = 0, transposed = 0;
    for (size_t i = 0; i < arch.count; i++) {
        const lk_layer *l = &arch.layers[i];
        CHECK(l->offset == packed && l->offset % LK_LANES == 0, "layer %zu", i);
        CHECK(l->transposed_offset == transposed, "layer %zu", i);
        CHECK(l->in_stride % LK_LANES == 0 && l->in_stride >= lk_shape_size(l->in), "layer %zu", i);
        CHECK(l->out_stride % LK_LANES == 0, "layer %zu", i);
        CHECK(i == 0 || l->in_stride == l[-1].out_stride, "layer %zu", i);
        packed += l->packed;
        transposed += l->transposed;
    }
    CHECK(arch.packed == packed && arch.transposed == transposed, "sums");
    CHECK(arch.input.channels == 1 && arch.input.height == 3 && arch.input.width == 7, "input");
}

/* Sixteen times as large with its padding as without. */
#define WIDE " > dense 1048576 > dense 1"

static void test_bad(void) {
    static const struct {
        const char *line, *says;
        uint64_t offset;
    } CASES[] = {
        {"", "shape", 0},
        {"   ", "shape", 3},
        {"> dense 1", "shape", 0},
        {"1x28 > dense 1", "'1x28'", 0},
        {"1x28x28x1 > dense 1", "'1x28x28x1'", 0},
        {"1xx28 > dense 1", "'1xx28'", 0},
        {"1x-2x28 > dense 1", "'1x-2x28'", 0},
        {"0x28x28 > dense 1", "'0x28x28'", 0},
        {"1x1024x1025 > dense 1", "'1x1024x1025'", 0},
        {"99999999999x1x1 > dense 1", "'99999999999x1x1'", 0},
        {"1073741823x1073741823x16 > dense 1", "shape", 0},
        {"1x4x4 2 > dense 1", "'2'", 6},
        {"1x4x4", "without a loss", 5},
        {"1x4x4 > dense 2 | dense 16", "without a loss", 26},
        {"1x4x4 >", "expected an operator", 7},
        {"1x4x4 > > dense 2", "expected an operator", 8},
        {"1x4x4 | dense 2 > mse", "misplaced '|'", 6},
        {"1x4x4 > dense 2 | dense 3 | dense 16 > mse", "misplaced '|'", 26},
        {"1x4x4 > dnse 2 | dense 16 > mse", "'dnse'", 8},
        {"1x4x4 > DENSE 2 | dense 16 > mse", "'DENSE'", 8},
        {"1x4x4 > dense | dense 16 > mse", "number", 14},
        {"1x4x4 > dense x | dense 16 > mse", "'x'", 14},
        {"1x4x4 > dense 2.5 | dense 16 > mse", "'2.5'", 14},
        {"1x4x4 > dense -2 | dense 16 > mse", "'-2'", 14},
        {"1x4x4 > dense 99999999999 | dense 16 > mse", "'99999999999'", 14},
        {"1x4x4 > dense 007 | dense 16 > mse", "'007'", 14},
        {"01x4x4 > dense 7 | dense 16 > mse", "'01x4x4'", 0},
        {"1x4x4 > dense 0 | dense 16 > mse", "dense needs 1 to 1048576", LK_NO_OFFSET},
        {"1x4x4 > dense 1048577 | dense 16 > mse", "dense needs 1 to 1048576", LK_NO_OFFSET},
        {"1x4x4 > dense 2 gelu | dense 16 > mse", "'gelu'", 16},
        {"1x4x4 > dense 2 relu relu | dense 16 > mse", "'relu'", 21},
        {"1x4x4 > dense 2 | dense 16 > mae", "'mae'", 29},
        {"1x4x4 > dense 2 | dense 16 | mse", "misplaced '|'", 27},
        {"1x4x4 > dense 2 | dense 16 > mse 1", "'1'", 33},
        {"1x4x4 > dense 2 | dense 16 > mse > mse", "nothing may follow the loss", 33},
        {"1x4x4 > dense 2 | dense 15 > mse", "15", LK_NO_OFFSET},
        {"1x4x4 > dense 2 > dense 16 > mse", "'|'", LK_NO_OFFSET},
        {"1x4x4 > dense 2 > dense 16 > mse |", "nothing may follow the loss", 33},
        {"1x4x4 > mse", "'|'", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | mse", "mse needs a layer behind '|'", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | dense 4 > triplet", "triplet needs no layer behind '|'", LK_NO_OFFSET},
        {"1x4x4 > dense 2 > triplet", "'|'", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | triplet beta 1", "'beta'", 26},
        {"1x4x4 > dense 2 | triplet margin", "number such as 0.25, not ''", 32},
        {"1x4x4 > dense 2 | triplet margin -1", "'-1'", 33},
        {"1x4x4 > dense 2 | dense 4 > ce beta 1", "'beta'", 31},
        {"1x4x4 > dense 2 | dense 1 > ce", "1 classes", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | dense 4 relu > ce", "needs linear", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | dense 16 > mse beta", "number such as 0.25, not ''", 37},
        {"1x4x4 > dense 2 | dense 16 > mse beta 1 2", "'2'", 40},
        {"1x4x4 > dense 2 | dense 16 > mse gamma 1", "'gamma'", 33},
        {"1x4x4 > embed 3 > dense 2 | dense 4 > ce", "4 classes", LK_NO_OFFSET},
        {"1x4x4 > embed 3 > classify 4 1 | dense 16 > mse", "4 classes here, 3 before",
         LK_NO_OFFSET},
        {"1x4x4 > embed 1 | dense 16 > mse", "2 to 65536 classes", LK_NO_OFFSET},
        {"1x4x4 > classify 4 | dense 16 > mse", "number such as 0.25", 19},
        {"1x4x4 > classify 4 0 | dense 16 > mse", "over 0", LK_NO_OFFSET},
        {"1x4x4 > dense 3 > pose 1 0 | dense 16 > mse", "pose needs a number over 0", LK_NO_OFFSET},
        {"1x4x4 > dense 3 > pose 1 1 > pose 1 1 | dense 16 > mse", "a second pose", LK_NO_OFFSET},
        {"1x4x4 > dense 3 > pose 1 1 | dense 3 > ce", "pose needs the loss of an autoencoder",
         LK_NO_OFFSET},
        {"1x4x4 > dropout | dense 16 > mse", "number such as 0.25", 16},
        {"1x4x4 > dropout 1 | dense 16 > mse", "below 1", LK_NO_OFFSET},
        {"1x4x4 > dropout 0 | dense 16 > mse", "over 0", LK_NO_OFFSET},
        {"1x4x4 > dropout .5 | dense 16 > mse", "'.5'", 16},
        {"1x4x4 > dropout 0.50 | dense 16 > mse", "'0.50'", 16},
        {"1x4x4 > dropout 0. | dense 16 > mse", "'0.'", 16},
        {"1x4x4 > dropout 00.5 | dense 16 > mse", "'00.5'", 16},
        {"1x4x4 > dropout 0.1234567 | dense 16 > mse", "'0.1234567'", 16},
        {"1x4x4 > dropout -0.5 | dense 16 > mse", "'-0.5'", 16},
        {"1x4x4 > dropout 1e-1 | dense 16 > mse", "'1e-1'", 16},
        {"1x4x4 > dropout 0.5 relu | dense 16 > mse", "no activation", 20},
        {"1x4x4 > noise 101 | dense 16 > mse", "at most 100", LK_NO_OFFSET},
        {"1x4x4 > gaussian | dense 16 > mse", "number", 17},
        {"1x4x4 > gaussian 0 | dense 16 > mse", "gaussian needs 1 to 1048576", LK_NO_OFFSET},
        {"1x4x4 > gaussian 1048577 | dense 16 > mse", "1 to 1048576", LK_NO_OFFSET},
        {"1x4x4 > gaussian 4 relu | dense 16 > mse", "no activation", 19},
        {"1x1x1000 > gaussian 32001 | dense 1000 > mse", "64000000 parameters", LK_NO_OFFSET},
        {"1x4x4 > vq | dense 16 > mse", "number", 11},
        {"1x4x4 > vq 1 | dense 16 > mse", "vq needs 2 to 65536 vectors", LK_NO_OFFSET},
        {"1x4x4 > vq 65537 | dense 16 > mse", "2 to 65536 vectors", LK_NO_OFFSET},
        {"1x4x4 > vq 4 tanh | dense 16 > mse", "no activation", 13},
        {"1x1x4096 > vq 65536 | dense 4096 > mse", "64000000 parameters", LK_NO_OFFSET},
        {"1x512x512 > vq 65536 | maxpool 512 > up 512 > mse", "too much work", LK_NO_OFFSET},
        {"1x4x4 > l1 0 | dense 16 > mse", "over 0", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | dense 16 > bce", "bce needs sigmoid", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | dense 16 tanh > bce", "bce needs sigmoid", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | dense 16 relu > multinomial", "multinomial needs linear", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | dense 15 > multinomial", "15 values, the input has 16", LK_NO_OFFSET},
        {"1x1x1000000 > dense 64 | dense 1000000 > mse", "64000000 parameters", LK_NO_OFFSET},
        {"1x1x1048576 > dense 1048576 | dense 1048576 > mse", "parameters", LK_NO_OFFSET},
        {"1x1048576x1 > dense 1048576 | dense 1048576 > mse", "parameters", LK_NO_OFFSET},
        {"1x1x60 > dense 1000000 | dense 60 > mse", "parameters", LK_NO_OFFSET},
        {"1x1x1" WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE
             WIDE " | dense 1 > mse",
         "narrow", LK_NO_OFFSET},
        {"1x4x4 > conv 2 | dense 16 > mse", "number", 15},
        {"1x4x4 > conv 2 3 s | dense 16 > mse", "'s'", 17},
        {"1x4x4 > conv 2 3 s2 s1 | dense 16 > mse", "a second step: 's1'", 20},
        {"1x4x4 > conv 2 3 valid s2 valid | dense 16 > mse", "said twice: 'valid'", 26},
        {"1x4x4 > conv 2 3 s0 | dense 16 > mse", "step", LK_NO_OFFSET},
        {"1x4x4 > conv 2 3 s4 | dense 16 > mse", "step", LK_NO_OFFSET},
        {"1x4x4 > conv 2 0 | dense 16 > mse", "kernel", LK_NO_OFFSET},
        {"1x4x4 > conv 2 65 | dense 16 > mse", "kernel", LK_NO_OFFSET},
        {"1x4x4 > conv 0 3 | dense 16 > mse", "channels", LK_NO_OFFSET},
        {"1x4x4 > conv 2 5 valid | dense 16 > mse", "no output", LK_NO_OFFSET},
        {"1x1024x1024 > conv 2 3 | dense 16 > mse", "no output", LK_NO_OFFSET},
        {"1x512x512 > conv 4 64 | dense 16 > mse", "windows", LK_NO_OFFSET},
        {"1x4x4 > dense 2 s2 | dense 16 > mse", "'s2'", 16},
        {"1x4x4 > dense 2 valid | dense 16 > mse", "'valid'", 16},
        {"1x4x4 > maxpool 3 | dense 16 > mse", "divides 4 x 4", LK_NO_OFFSET},
        {"1x4x4 > maxpool 2 relu | dense 16 > mse", "no activation, but here is 'relu'", 18},
        {"1x4x4 > reshape 2 2 2 | dense 16 > mse", "16 values", LK_NO_OFFSET},
        {"1x4x4 > up 300 | dense 16 > mse", "window", LK_NO_OFFSET},
        {"1x2x2 > dense 4 | unpool 2 > dense 4 > mse", "unpool needs a maxpool", LK_NO_OFFSET},
        {"1x4x4 > maxpool 2 > unpool 2 > avgpool 2 | unpool 2 > mse", "maxpool", LK_NO_OFFSET},
        {"2x4x4 > maxpool 2 > reshape 1 4 2 | unpool 2 > dense 32 > mse", "maxpool", LK_NO_OFFSET},
        {"1x4x4 > maxpool 4 > dense 4 | reshape 1 2 2 > unpool 2 > mse", "shape and window",
         LK_NO_OFFSET},
        {"1x4x4 > maxpool 2 > dense 1 | unpool 4 > mse", "shape and window", LK_NO_OFFSET},
        {"1x4x4 > dense 2 | dense 16 > mse\n", "'mse\n'", 29},
        {"1x4x4 > dense 2 | dense 16 > "
         "a-word-that-is-much-longer-than-any-operator-or-loss-will-ever-be",
         "'a-word-that-is-much-longer-than-any-ope'", 29},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        lk_error error = {LK_OK, 0, ""};
        CHECK(lk_arch_parse(CASES[i].line, &arch, &error) == LK_MODEL, "'%s' passes",
              CASES[i].line);
        CHECK(error.status == LK_MODEL, "'%s': %d", CASES[i].line, error.status);
        CHECK(strstr(error.message, CASES[i].says), "'%s': %s", CASES[i].line, error.message);
        CHECK(error.offset == CASES[i].offset, "'%s': offset %lld in '%s'", CASES[i].line,
              (long long)error.offset, error.message);
        CHECK(lk_arch_parse(CASES[i].line, &arch, NULL) == LK_MODEL, "without an error to fill");
    }
}

/* "1x1x1 > dense 1 ... > dense 1 | dense 1 > mse" with `layers` of them, words parted by `space`.
 */
static const char *chain(size_t layers, const char *space, const char *layer) {
    static char line[8192];
    strcpy(line, "1x1x1");
    for (size_t i = 0; i < layers; i++) {
        strcat(line, space);
        strcat(line, i + 1 == layers ? "|" : ">");
        strcat(line, space);
        strcat(line, layer);
    }
    strcat(line, space);
    strcat(line, ">");
    strcat(line, space);
    return strcat(line, "mse");
}

static void test_limits(void) {
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_arch_parse(chain(64, "", "dense 1"), &arch, &error) == LK_OK, "%s", error.message);
    CHECK(arch.count == 64 && arch.parameters == 128, "%zu layers", arch.count);
    CHECK(lk_arch_parse(chain(65, "", "dense 1"), &arch, &error) == LK_MODEL, "65 layers pass");
    CHECK(strstr(error.message, "too many layers"), "%s", error.message);
    CHECK(lk_arch_parse(chain(64, " ", "dense 1 sigmoid"), &arch, &error) == LK_MODEL, "too long");
    CHECK(strstr(error.message, "longer than 1024 bytes"), "%s", error.message);

    /* Whatever passes can be read back in its canonical spelling, from a model file. */
    for (size_t layers = 2; layers <= 64; layers++) {
        if (lk_arch_parse(chain(layers, "", "dense 1 sigmoid"), &arch, &error) != LK_OK) {
            CHECK(strstr(error.message, "longer than 1024 bytes"), "%s", error.message);
            continue;
        }
        static lk_arch again;
        CHECK(lk_arch_parse(arch.text, &again, &error) == LK_OK, "%zu layers: %s", layers,
              error.message);
    }

    /* Spaces do not count once they are canonical; a line of nothing else is refused all the same.
     */
    static char spaces[4000];
    memset(spaces, ' ', sizeof spaces - 1);
    CHECK(lk_arch_parse(spaces, &arch, &error) == LK_MODEL, "spaces pass");
}

/* Whether poses are told apart, and with them labels, stands in one place. */
static void test_posed(void) {
    static const struct {
        const char *line;
        uint32_t posed;
        size_t pose;
    } cases[] = {
        {"1x4x4 > dense 8 > dense 3 | dense 16 > mse", 0, 3},
        {"1x4x4 > dense 8 > pose 1 2 > dense 3 | dense 16 > mse", 1, 1},
        {"1x4x4 > dense 8 > pose 10 2 > dense 3 | dense 16 > mse", 10, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(lk_arch_parse(cases[i].line, &arch, NULL) == LK_OK, "%s", cases[i].line);
        CHECK(arch.posed == cases[i].posed && arch.pose == cases[i].pose, "%s: %u, layer %zu",
              cases[i].line, arch.posed, arch.pose);
        CHECK(arch.labelled == (arch.posed > 1), "%s", cases[i].line);
    }
}

int main(void) {
    test_good();
    test_layout();
    test_posed();
    test_bad();
    test_limits();
    return TEST_RESULT();
}
