#include "arch.h"
#include "test.h"

static lk_arch arch, again; /* large */

static const struct {
    const char *name;
    lk_shape shape;
    uint32_t latent;
    size_t parameters;
} KNOWN[] = {
    {"ae", {1, 28, 28}, 0, 784 * 64 + 64 + 64 * 784 + 784}, /* 101,200 */
    {"deep",
     {1, 28, 28},
     0,
     /* 785,000 + 500,500 + 125,250 + 7,530, and back 7,750 + 125,500 + 501,000 + 784,784 */
     2837314},
    /* 416 + 4,640 + 18,496 + 131,200 + 1,032 + 4,128, and back 2,112 + 50,960 */
    {"gate", {1, 28, 28}, 0, 212984},
    {"gate-classes", {1, 28, 28}, 0, 222401},
    {"gate-wide", {1, 28, 28}, 0, 368065},
    {"pca", {1, 28, 28}, 0, 784 * 64 + 64 + 64 * 784 + 784},
    /* 160 + 4,640 + 100,416, and back 101,920 + 4,624 + 145 */
    {"conv", {1, 28, 28}, 0, 211905},
    {"ae", {3, 32, 32}, 100, 3072 * 100 + 100 + 100 * 3072 + 3072},
    {"pca", {1, 1, 2}, 1, 2 + 1 + 2 + 2},
    /* 1,856 + 2,080 + 132, and back 160 + 2,112 + 1,820 */
    {"table", {1, 1, 28}, 0, 8160},
    /* 1,000,500 + 125,250 + 31,375 + 1,260, and back 1,375 + 31,500 + 125,500 + 1,002,000 */
    {"text", {1, 1, 2000}, 0, 2318760},
    {"text-softmax", {1, 1, 2000}, 0, 2318760},
    /* 785,000 + 500,500 + 125,250, and back 125,500 + 501,000 + 784,784 */
    {"stacked", {1, 28, 28}, 0, 2822034},
    /* 320 + 18,496 + 401,536, and back 404,544 + 32,800 + 513 */
    {"denoise", {1, 28, 28}, 0, 858209},
    /* 320 + 9,248 + 18,496 + 36,928 + 803,072, bn twice 32, 64 and once 256, 2,570 */
    {"cnn", {1, 28, 28}, 0, 871530},
    /* 392,500 + 250,500 + twice 25,050, and back 25,500 + 250,500 + 392,784 */
    {"vae", {1, 28, 28}, 0, 1361884},
    /* 320 + 18,496 + 803,072 + twice 8,224, and back 8,448 + 805,952 + 18,464 + 289 */
    {"vae-conv", {1, 28, 28}, 0, 1671489},
    /* 39 + 832 + 27,696 + 6,928 + 77,100 + 37,625 + twice 12,096, and back
       12,125 + 37,800 + 77,056 + 6,960 + 27,712 + 771 + 39 */
    {"vae-color", {3, 32, 32}, 0, 336875},
    /* 272 + 8,224 + 451,872 + 4,096, and back 453,152 + 8,208 + 257 */
    {"vqvae", {1, 28, 28}, 0, 926081},
    /* 544 + 32,832 + 4,616 + 4,096, and back 4,672 + 32,800 + 513 */
    {"vqvae-7x7", {1, 28, 28}, 0, 80073},
    /* 320 + 18,496 + 36,928 + 401,536, and back 1,280 + 404,544 + 32,800 + 513, bn twice 32, 64,
       64, 128, 64 and 32 */
    {"acae", {1, 28, 28}, 0, 897185},
    {"acae-softmax", {1, 28, 28}, 0, 897185 + 1290},
    /* The convolutions and the dense layer of cnn, 868,960, and 16,448 */
    {"triplet", {1, 28, 28}, 0, 885408},
};

static void test_known(void) {
    CHECK(KNOWN[0].parameters == 101200, "%zu", KNOWN[0].parameters);
    for (size_t i = 0; i < LK_COUNTOF(KNOWN); i++) {
        char text[1024];
        lk_error error = {LK_OK, 0, ""};
        const lk_family *family = lk_family_find(KNOWN[i].name);
        CHECK(family && lk_family_arch(family, KNOWN[i].shape, KNOWN[i].latent, 10, text,
                                       sizeof text, &error) == LK_OK,
              "%s: %s", KNOWN[i].name, error.message);
        CHECK(lk_arch_parse(text, &arch, &error) == LK_OK, "%s: %s", text, error.message);
        CHECK(arch.parameters == KNOWN[i].parameters, "%s: %zu", text, arch.parameters);
    }
}

/* A row added to the zoo must be a chain that parses, in its canonical spelling, with the latent
   size it promises, and must stand in KNOWN. */
static void test_all(void) {
    static const lk_shape SHAPES[] = {{1, 28, 28}, {3, 32, 32}, {1, 9, 11}, {3, 1, 40}};
    size_t count;
    const lk_family *families = lk_families(&count);
    CHECK(count >= 4, "%zu", count);
    for (size_t i = 0; i < count; i++) {
        const lk_family *f = &families[i];
        bool known = false;
        for (size_t k = 0; k < LK_COUNTOF(KNOWN); k++)
            known = known || strcmp(KNOWN[k].name, f->name) == 0;
        CHECK(known, "give the parameters of %s in KNOWN", f->name);
        CHECK(lk_family_find(f->name) == f, "%s", f->name);
        CHECK(f->summary[0] && !strchr(f->summary, '\n'), "%s", f->name);
        /* What their sides must be multiples of. */
        const uint32_t step = f->shape.height % 8 ? 4 : 8;
        for (size_t s = 0; s < LK_COUNTOF(SHAPES); s++)
            for (uint32_t latent = 0; latent <= (strstr(f->arch, "{z}") ? 7 : 0); latent += 7) {
                char text[1024];
                lk_error error = {LK_OK, 0, ""};
                const lk_status status =
                    lk_family_arch(f, SHAPES[s], latent, 10, text, sizeof text, &error);
                if (SHAPES[s].height % step || SHAPES[s].width % step) { /* for some only */
                    CHECK(status == LK_OK || (status == LK_USAGE &&
                                              strstr(error.message, "does not suit images of")),
                          "%s: %s", f->name, error.message);
                    if (status != LK_OK || strstr(text, "pool")) continue;
                }
                CHECK(status == LK_OK, "%s: %s", f->name, error.message);
                CHECK(lk_arch_parse(text, &arch, &error) == LK_OK, "%s: %s", text, error.message);
                CHECK(strcmp(arch.text, text) == 0, "'%s' is not '%s'", text, arch.text);
                CHECK(lk_arch_parse(arch.text, &again, &error) == LK_OK, "%s", error.message);
                if (strstr(f->arch, "{z}"))
                    CHECK(lk_shape_size(arch.layers[arch.encoder - 1].out) ==
                              (latent ? latent : f->latent),
                          "%s", text);
            }
    }
    CHECK(!lk_family_find("") && !lk_family_find("ae ") && !lk_family_find("AE"), "no such family");
}

static void test_refusals(void) {
    char text[1024];
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_family_arch(lk_family_find("cnn"), (lk_shape){1, 28, 28}, 0, 1, text, sizeof text,
                         &error) == LK_DATA,
          "one class");
    CHECK(lk_family_arch(lk_family_find("vqvae"), (lk_shape){1, 28, 28}, 9, 0, text, sizeof text,
                         &error) == LK_USAGE &&
              strstr(error.message, "size of their own"),
          "%s", error.message);
    const lk_family *pca = lk_family_find("pca"), *ae = lk_family_find("ae");
    CHECK(lk_family_arch(pca, (lk_shape){1, 2, 2}, 5, 10, text, sizeof text, &error) == LK_USAGE,
          "5 components of 4 values");
    CHECK(strstr(error.message, "5 components of images of 4 values"), "%s", error.message);
    CHECK(lk_family_arch(ae, (lk_shape){1, 0, 2}, 5, 10, text, sizeof text, &error) == LK_USAGE,
          "0");
    CHECK(lk_family_arch(ae, (lk_shape){1, 1025, 1024}, 5, 10, text, sizeof text, &error) ==
              LK_USAGE,
          "too large");
    CHECK(strstr(error.message, "1049600"), "%s", error.message);
    CHECK(lk_family_arch(ae, (lk_shape){1, 2, 2}, 5, 10, text, 16, &error) == LK_USAGE, "no room");
    /* A latent size of ten digits fits the text; the parser refuses it. */
    CHECK(lk_family_arch(ae, (lk_shape){1, 28, 28}, UINT32_MAX, 10, text, sizeof text, &error) ==
              LK_OK,
          "%s", error.message);
    CHECK(strstr(text, "dense 4294967295 "), "%s", text);
    CHECK(lk_arch_parse(text, &arch, &error) == LK_MODEL, "passes");
}

int main(void) {
    test_known();
    test_all();
    test_refusals();
    return TEST_RESULT();
}
