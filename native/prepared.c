#include "prepared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of(lk_shape s) {
    return (size_t)s.channels * s.height * s.width;
}

/* "noise 0.3" and the like; false when it is anything else. */
static bool parse_corruption(const char *text, lk_corruption *kind, double *amount) {
    static const char *const names[] = {"noise", "mask", "salt"};
    const size_t length = strcspn(text, " ");
    size_t i = 0;
    while (i < 3 && (strncmp(text, names[i], length) != 0 || names[i][length])) i++;
    const char *number = text + length + strspn(text + length, " ");
    if (i == 3 || !*number || strspn(number, "0123456789.") != strlen(number)) return false;
    char *end;
    *kind = (lk_corruption)i;
    *amount = strtod(number, &end);
    return *end == 0 && *amount > 0 && *amount <= (*kind == LK_CORRUPT_NOISE ? 100 : 1);
}

lk_status prepared_check_options(const options *o, fault *f) {
    lk_corruption kind;
    double amount;
    if (!o->corrupt || parse_corruption(o->corrupt, &kind, &amount)) return LK_OK;
    return fail(f, LK_USAGE, NULL,
                "--corrupt wants 'noise S' with S up to 100, or 'mask P' or 'salt P' with P up to "
                "1, not '%.40s'",
                o->corrupt);
}

typedef struct preparing {
    const options *o;
    prepared *p;
    bool corrupt;
    lk_corruption kind;
    double amount;
} preparing;

static lk_status prepare_one(void *context, lk_run *run, size_t i, lk_picture picture,
                             lk_error *error) {
    const preparing *c = context;
    const lk_shape shape = lk_model_shape(lk_run_model(run));
    const size_t size = size_of(shape);
    lk_real *x = c->p->clean + i * size;
    const lk_status status = lk_prepare(c->o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE, picture,
                                        shape, x, &c->p->empty[i], error);
    if (status) return status;
    for (size_t v = 0; c->o->binarise > 0 && v < size; v++)
        x[v] = x[v] >= (lk_real)c->o->binarise ? 1 : 0;
    if (!c->corrupt) return LK_OK;
    lk_real *spoilt = c->p->set.values + i * size;
    memcpy(spoilt, x, size * sizeof *x);
    lk_corrupt(c->kind, c->amount, c->o->seed, i, size, spoilt);
    c->p->empty[i] = false; /* corruption is to be seen */
    return LK_OK;
}

/* Rows of numbers are prepared already. */
static lk_status take_rows(preparing *c, const lk_model *model, fault *f) {
    prepared *p = c->p;
    if (c->o->ink || c->o->corrupt || c->o->binarise > 0)
        return fail(f, LK_USAGE, NULL, "--ink, --corrupt and --binarise are for images");
    p->empty = lk_alloc(p->in.count * sizeof *p->empty);
    if (!p->empty) return fail_memory(f);
    p->set.values = p->clean = p->in.data.set.values;
    p->in.data.set.values = NULL;
    for (size_t i = 0; i < p->in.count; i++)
        p->empty[i] = data_is_empty_text(model, p->clean + i * size_of(p->set.shape));
    return LK_OK;
}

static lk_status prepare_all(preparing *c, const lk_model *model, fault *f) {
    prepared *p = c->p;
    if (p->in.data.set.values) return take_rows(c, model, f);
    const size_t bytes = p->in.count * size_of(p->set.shape) * sizeof *p->clean;
    p->clean = lk_alloc(bytes);
    p->empty = lk_alloc(p->in.count * sizeof *p->empty);
    p->set.values = c->corrupt ? lk_alloc(bytes) : p->clean;
    if (!p->clean || !p->empty || !p->set.values) return fail_memory(f);
    return inputs_visit(&p->in, model, c->o, prepare_one, c, f);
}

lk_status prepared_open(const char *spec, data_part part, uint32_t limit, bool corrupt,
                        const lk_model *model, const options *o, prepared *out, fault *f) {
    *out = (prepared){0};
    preparing c = {.o = o, .p = out};
    c.corrupt = corrupt && o->corrupt && parse_corruption(o->corrupt, &c.kind, &c.amount);
    lk_status status = inputs_open_data(spec, part, limit, model, &out->in, f);
    if (status) return status;
    const lk_dataset *set = &out->in.data.set;
    out->set = (lk_dataset){.shape = lk_model_shape(model),
                            .count = out->in.count,
                            .labels = set->labels,
                            .classes = set->classes};
    status = prepare_all(&c, model, f);
    lk_free(out->in.data.set.pixels);
    out->in.data.set.pixels = NULL;
    if (status) prepared_free(out);
    return status;
}

void prepared_free(prepared *p) {
    if (p->set.values != p->clean) lk_free(p->set.values);
    lk_free(p->clean);
    lk_free(p->empty);
    inputs_free(&p->in);
    *p = (prepared){0};
}
