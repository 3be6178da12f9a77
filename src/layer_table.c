/* table: in front of a chain that is for rows of numbers, each in a unit of its own. It passes on
   what it gets. Its tensors say how a row is prepared before it comes here: by the means and the
   deviations of the values that were learnt from (see table.c). */
#include "layer.h"

#include <string.h>

enum { MEAN, DEVIATION, TENSORS };

static size_t values(const lk_layer *l) {
    return lk_shape_size(l->in);
}

static lk_status plan_table(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    (void)numbers;
    if (l->index != 0) return lk_fail(error, LK_MODEL, "table stands in front of a chain");
    l->out = l->in;
    l->out_stride = l->in_stride;
    l->stored = TENSORS * values(l);
    l->packed = TENSORS * l->in_stride;
    return LK_OK;
}

static void table_init(const lk_layer *l, lk_init how, lk_rng rng, lk_real *parameters) {
    (void)how, (void)rng;
    memset(parameters, 0, l->packed * sizeof *parameters);
    for (size_t i = 0; i < values(l); i++) parameters[DEVIATION * l->in_stride + i] = 1;
}

static lk_tensor_shape table_tensor(const lk_layer *l, size_t which) {
    static const char *const names[TENSORS] = {"mean", "deviation"};
    return (lk_tensor_shape){names[which], 1, {values(l)}, values(l)};
}

static void table_pack(const lk_layer *l, size_t which, const lk_real *plain, lk_real *parameters) {
    memcpy(parameters + which * l->in_stride, plain, values(l) * sizeof *plain);
}
static void table_unpack(const lk_layer *l, size_t which, const lk_real *parameters,
                         lk_real *plain) {
    memcpy(plain, parameters + which * l->in_stride, values(l) * sizeof *plain);
}

const lk_op lk_op_table = {.name = "table",
                           .view = true,
                           .plan = plan_table,
                           .init = table_init,
                           .tensors = TENSORS,
                           .tensor = table_tensor,
                           .pack = table_pack,
                           .unpack = table_unpack};
