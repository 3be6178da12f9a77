#include "prepared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of(lk_shape s) {
    return (size_t)s.channels * s.height * s.width;
}

/* What --corrupt says: kinds of lk_corruption, or every value times the amount. */
enum { SCALE = LK_CORRUPT_SALT + 1, KINDS };
typedef struct corruption {
    int kind;
    double amount;
} corruption;

/* "noise 0.3" and the like; false when it is anything else. */
static bool parse_corruption(const char *text, corruption *out) {
    static const struct {
        const char *name;
        double most;
    } kinds[KINDS] = {{"noise", 100}, {"mask", 1}, {"salt", 1}, {"scale", 1000}};
    const size_t length = strcspn(text, " ");
    int i = 0;
    while (i < KINDS && (strncmp(text, kinds[i].name, length) != 0 || kinds[i].name[length])) i++;
    const char *number = text + length + strspn(text + length, " ");
    if (i == KINDS || !*number || strspn(number, "0123456789.") != strlen(number)) return false;
    char *end;
    *out = (corruption){i, strtod(number, &end)};
    return *end == 0 && out->amount > 0 && out->amount <= kinds[i].most;
}

lk_status prepared_check_options(const options *o, fault *f) {
    corruption c;
    if (!o->corrupt || parse_corruption(o->corrupt, &c)) return LK_OK;
    return fail(f, LK_USAGE, NULL,
                "--corrupt wants 'noise S' with S up to 100, 'mask P' or 'salt P' with P up to 1, "
                "or 'scale X' with X up to 1000, not '%.40s'",
                o->corrupt);
}

typedef struct preparing {
    const options *o;
    prepared *p;
    bool corrupt;
    corruption how;
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
    if (c->how.kind != SCALE)
        lk_corrupt((lk_corruption)c->how.kind, c->how.amount, c->o->seed, i, size, spoilt);
    for (size_t v = 0; c->how.kind == SCALE && v < size; v++) spoilt[v] *= (lk_real)c->how.amount;
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
    c.corrupt = corrupt && o->corrupt && parse_corruption(o->corrupt, &c.how);
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
