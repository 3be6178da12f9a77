/* Any line is refused or is a chain within the limits, whose canonical spelling means the same; a
   small one can be trained a step and used. */
#include "arch.h"
#include "fuzz.h"

static size_t word_count(void) {
    size_t ops, losses;
    lk_ops(&ops);
    lk_losses(&losses);
    return ops + losses + LK_ACTIVATIONS + 4;
}

/* The words of the notation: separators and numbers, operators, losses, activations. */
static const char *word(size_t i) {
    static const char *const MARKS[] = {">", "|", "1", "4x5"};
    size_t count;
    if (i < LK_COUNTOF(MARKS)) return MARKS[i];
    i -= LK_COUNTOF(MARKS);
    const lk_op *const *ops = lk_ops(&count);
    if (i < count) return ops[i]->name;
    i -= count;
    const lk_loss *losses = lk_losses(&count);
    return i < count ? losses[i].name : lk_activation_name((lk_activation)(i - count));
}

/* Puts a word somewhere, a family's line in place of all, or mutates bytes. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned int draw) {
    static const lk_shape SHAPE = {1, 8, 8};
    size_t count;
    const lk_family *families = lk_families(&count);
    const unsigned int other = draw / 8;
    if (room > 1024 && (size < 4 || draw % 32 == 0)) {
        demand(lk_family_arch(&families[other % count], SHAPE, 0, 3, (char *)bytes, 1024, NULL) ==
               LK_OK);
        return strlen((char *)bytes);
    }
    if (draw % 2) return LLVMFuzzerMutate(bytes, size, room);
    const char *text = word(other % word_count());
    const size_t length = strlen(text), at = other / 64 % (size + 1);
    if (length + 2 > room - size) return LLVMFuzzerMutate(bytes, size, room);
    memmove(bytes + at + length + 2, bytes + at, size - at);
    bytes[at] = bytes[at + length + 1] = ' ';
    memcpy(bytes + at + 1, text, length);
    return size + length + 2;
}

static void check(const lk_arch *arch) {
    size_t parameters = 0, packed = 0;
    demand(arch->count > 0 && arch->count <= LK_MAX_LAYERS);
    demand(arch->encoder > 0 && arch->encoder <= arch->count);
    for (size_t i = 0; i < arch->count; i++) {
        const lk_layer *l = &arch->layers[i];
        demand(lk_shape_size(l->in) == lk_shape_size(i ? l[-1].out : arch->input));
        demand(lk_shape_size(l->out) > 0 && lk_shape_size(l->out) <= LK_MAX_UNITS);
        demand(l->in_stride % LK_LANES == 0 && l->in_stride >= lk_shape_size(l->in));
        demand(l->out_stride % LK_LANES == 0 && l->out_stride >= lk_shape_size(l->out));
        demand(l->offset == packed && packed % LK_LANES == 0 && l->packed >= l->parameters);
        parameters += l->parameters;
        packed += l->packed;
    }
    demand(parameters == arch->parameters && parameters <= LK_MAX_PARAMETERS);
    demand(packed == arch->packed);
}

static void use(const char *text, const lk_arch *arch) {
    lk_model *model = lk_model_create(text, NULL);
    lk_dataset data = seed_images(arch->input, 3);
    const size_t size = lk_shape_size(arch->input);
    lk_train_options options = lk_train_defaults();
    options.batch = 2;
    lk_trainer *trainer = lk_trainer_create(model, &data, &options, NULL);
    lk_run *run = lk_run_create(model, 2, LK_SIMD_BEST, NULL);
    float *x = lk_alloc(2 * size * sizeof *x),
          *z = lk_alloc(2 * lk_model_latent(model) * sizeof *z);
    lk_progress progress;
    demand(model && data.pixels && data.labels && trainer && run && x && z);
    lk_model_init(model, LK_INIT_GLOROT, 1);
    demand(lk_trainer_step(trainer, &progress, NULL) == LK_OK);
    demand(lk_trainer_step(trainer, &progress, NULL) == LK_OK); /* one image: the epoch's last */
    lk_dataset_images(&data, 0, 2, x);
    lk_reconstruct(run, x, 2, z, x);
    lk_free(z);
    lk_free(x);
    lk_run_free(run);
    lk_trainer_free(trainer);
    free_seed_images(&data);
    lk_model_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static lk_arch arch, again; /* large */
    lk_error error = {LK_OK, 0, ""};
    char *text = malloc(size + 1);
    memcpy(text, bytes, size);
    text[size] = 0;
    if (lk_arch_parse(text, &arch, &error) == LK_OK) {
        check(&arch);
        demand(lk_arch_parse(arch.text, &again, &error) == LK_OK);
        demand(strcmp(arch.text, again.text) == 0 && arch.count == again.count);
        demand(arch.packed == again.packed && arch.flops == again.flops);
        if (arch.flops < 1e5 && lk_shape_size(arch.input) < 4096) use(text, &arch);
    } else {
        demand(error.status == LK_MODEL && error.message[0]);
        demand(error.offset <= size || error.offset == LK_NO_OFFSET);
    }
    free(text);
    return 0;
}
