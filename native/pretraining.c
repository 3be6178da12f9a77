#include "pretraining.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "interrupt.h"
#include "output.h"
#include "progress.h"

/* ---- a chain taken apart ---- */

enum { MOST_LINKS = 64, LINK_SIZE = 64, MOST_PAIRS = MOST_LINKS / 2, ARCH_SIZE = 1024 };

/* The links of an architecture between its shape and its loss; link i is layer i of the model. */
typedef struct chain {
    char links[MOST_LINKS][LINK_SIZE], loss[LINK_SIZE], shape[LINK_SIZE];
    size_t count, encoder;                   /* links; those in front of the code */
    size_t down[MOST_PAIRS], up[MOST_PAIRS]; /* the dense layers of each pair */
    size_t pairs;
} chain;

static bool is_dense(const char *link) {
    return strncmp(link, "dense ", 6) == 0;
}

/* Copies text up to the next separator, which *text is moved to, without the space in front. */
static void take_link(const char **text, char *out) {
    size_t length = strcspn(*text, ">|");
    const char *from = *text;
    *text += length;
    if (length > 0 && from[length - 1] == ' ') length--;
    snprintf(out, LINK_SIZE, "%.*s", (int)length, from);
}

/* The pairs, if the decoder mirrors the encoder. */
static bool find_pairs(chain *c) {
    size_t up = 0;
    for (size_t i = 0; i < c->encoder; i++)
        if (is_dense(c->links[i])) c->down[c->pairs++] = i;
    for (size_t i = c->encoder; i < c->count && up < c->pairs; i++)
        if (is_dense(c->links[i])) c->up[c->pairs - ++up] = i;
    return c->pairs > 0 && up == c->pairs;
}

static bool take_apart(const char *arch, chain *c) {
    *c = (chain){0};
    take_link(&arch, c->shape);
    while (*arch && c->count < MOST_LINKS) {
        if (*arch == '|') c->encoder = c->count;
        arch += 2; /* the separator and a space */
        take_link(&arch, c->links[c->count++]);
    }
    if (*arch || c->count == 0) return false;
    memcpy(c->loss, c->links[--c->count], LINK_SIZE);
    return find_pairs(c);
}

/* The links of pair i's encoder: what follows its layer without being one goes along, and for the
   outermost what stands in front of it. */
static size_t first_link(const chain *c, size_t i) {
    return i ? c->down[i] : 0;
}
static size_t end_link(const chain *c, size_t i) {
    return i + 1 < c->pairs ? c->down[i + 1] : c->encoder;
}

/* Pair i as a chain of its own over codes of `values`, or over images. */
static void spell_pair(const chain *c, size_t i, uint32_t values, char *arch) {
    char shape[LINK_SIZE];
    snprintf(shape, sizeof shape, "1x1x%u", values);
    size_t n = (size_t)snprintf(arch, ARCH_SIZE, "%s", i ? shape : c->shape);
    for (size_t k = first_link(c, i); k < end_link(c, i) && n < ARCH_SIZE; k++)
        n += (size_t)snprintf(arch + n, ARCH_SIZE - n, " > %s", c->links[k]);
    if (n < ARCH_SIZE)
        snprintf(arch + n, ARCH_SIZE - n, " | %s > %s", c->links[c->up[i]], i ? "mse" : c->loss);
}

/* ---- one pair ---- */

typedef struct pretraining {
    lk_train_options how;
    lk_model *whole;
    chain chain;
    progress progress;
} pretraining;

/* Says what an epoch came to. */
static int run_epoch(pretraining *p, lk_trainer *trainer, uint32_t epoch, size_t images,
                     double *loss, fault *f) {
    const double start = clock_seconds();
    const uint64_t steps = lk_trainer_steps_per_epoch(trainer);
    double sum = 0, done = 0;
    for (uint64_t s = 0; s < steps; s++) {
        lk_progress now;
        if (interrupt_pending()) {
            progress_say(&p->progress, "interrupted: of layers by themselves nothing is saved");
            return EXIT_INTERRUPTED;
        }
        if (lk_trainer_step(trainer, &now, &f->error)) return f->error.status;
        const double left = (double)images - done;
        const double batch = left < p->how.batch ? left : p->how.batch;
        sum += now.loss * batch;
        done += batch;
        const double rate = done / (clock_seconds() - start);
        const double share = (epoch - 1 + done / (double)images) / p->how.epochs;
        progress_update(&p->progress, epoch, share, sum / done, rate,
                        (1 - share) * p->how.epochs * (double)images / rate);
    }
    *loss = sum / done;
    const double seconds = clock_seconds() - start;
    progress_epoch(&p->progress, epoch, (lk_progress){*loss, NAN}, (lk_progress){NAN, NAN},
                   done / seconds, seconds);
    return LK_OK;
}

static int train_pair(pretraining *p, size_t i, lk_model *pair, const lk_dataset *images,
                      double *loss, fault *f) {
    lk_train_options how = p->how;
    if (i > 0) how.augment = (lk_augmentation){0}; /* codes are no pictures */
    progress_start(&p->progress, how.epochs);
    snprintf(p->progress.stage, sizeof p->progress.stage, "layer %zu/%zu, ", i + 1, p->chain.pairs);
    lk_trainer *trainer = lk_trainer_create(pair, images, &how, &f->error);
    int code = trainer ? LK_OK : (int)f->error.status;
    for (uint32_t epoch = 1; epoch <= how.epochs && !code; epoch++)
        code = run_epoch(p, trainer, epoch, images->count, loss, f);
    lk_trainer_free(trainer);
    return code;
}

/* The data set in place of `codes`: what the pair's encoder makes of it. */
static lk_status encode(const pretraining *p, const lk_model *pair, const lk_dataset *images,
                        lk_dataset *codes, fault *f) {
    const uint32_t values = lk_model_latent(pair);
    if (images->count > SIZE_MAX / sizeof(lk_real) / values) return fail_memory(f);
    lk_dataset made = {.shape = {1, 1, values}, .count = images->count};
    made.values = lk_alloc(images->count * values * sizeof *made.values);
    if (!made.values) return fail_memory(f);
    const lk_status status =
        lk_dataset_encode(images, pair, p->how.threads, p->how.simd, made.values, &f->error);
    lk_free(codes->values);
    *codes = made;
    return status;
}

/* Pair i begins with the weights that the whole chain has, and gives it its own. */
static int do_pair(pretraining *p, size_t i, const lk_dataset *images, lk_dataset *codes,
                   json_t *report, fault *f) {
    char arch[ARCH_SIZE];
    const chain *c = &p->chain;
    const size_t decoder = end_link(c, i) - first_link(c, i);
    const double start = clock_seconds();
    const lk_dataset *input = i ? codes : images;
    spell_pair(c, i, codes->shape.width, arch);
    lk_model *pair = lk_model_create(arch, &f->error);
    if (!pair) return f->error.status;
    lk_model_adopt(pair, 0, p->whole, c->down[i], 1);
    lk_model_adopt(pair, decoder, p->whole, c->up[i], 1);
    double loss = NAN;
    int code = train_pair(p, i, pair, input, &loss, f);
    if (!code) {
        lk_model_adopt(p->whole, c->down[i], pair, 0, 1);
        lk_model_adopt(p->whole, c->up[i], pair, decoder, 1);
        json_array_append_new(report,
                              json_pack("{s:i,s:o,s:f}", "layer", (int)i + 1, "loss",
                                        output_number(loss), "seconds", clock_seconds() - start));
        if (i + 1 < c->pairs) code = encode(p, pair, input, codes, f);
    }
    lk_model_free(pair);
    return code;
}

int pretrain(const options *o, const lk_train_options *how, lk_model *model,
             const lk_dataset *images, json_t **report, fault *f) {
    static pretraining p; /* large */
    p = (pretraining){.how = *how, .whole = model};
    *report = json_array();
    if (!take_apart(lk_model_arch(model), &p.chain))
        return fail(f, LK_USAGE, NULL, "a network without pairs of layers cannot be stacked");
    p.how.epochs = o->pretrain_epochs ? o->pretrain_epochs : o->epochs / (uint32_t)p.chain.pairs;
    if (p.how.epochs == 0) p.how.epochs = 1;
    lk_dataset codes = {0};
    int code = LK_OK;
    for (size_t i = 0; i < p.chain.pairs && !code; i++)
        code = do_pair(&p, i, images, &codes, *report, f);
    lk_free(codes.values);
    return code;
}
