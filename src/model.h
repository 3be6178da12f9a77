/* A model: a planned chain and its parameters; and a run: one thread's workspace for it. */
#ifndef LK_MODEL_H
#define LK_MODEL_H

#include "arch.h"

/* Bytes of a text, of that of the words, of the names of classes. */
enum { LK_TEXT_SIZE = 256, LK_WORDS_SIZE = 1 << 18, LK_CLASSES_SIZE = 1 << 16 };

struct lk_model {
    lk_arch arch;
    lk_real *parameters;    /* arch.packed values, padding zero */
    char *text[LK_TEXTS];   /* owned; NULL: unset */
    struct lk_score *score; /* what the verdict needs, or NULL; owned, freed by free_score */
    void (*free_score)(struct lk_score *score);
};

enum { LK_MOST_COMPONENTS = 32 }; /* of what layers hold: see aspect.h */

/* Activations of a batch: value[i] is the input of layer i, value[count] the chain's output. While
   training, delta[i] is the loss's gradient with respect to value[i] (nobody asks for those before
   the first layer with parameters). Behind a view both are those in front of it, behind an operator
   that works in place the deltas. */
struct lk_run {
    const lk_model *model;
    const lk_kernels *kernels;
    size_t max_batch;
    lk_real *value[LK_MAX_LAYERS + 1];
    lk_real *delta[LK_MAX_LAYERS + 1];
    lk_real *memory[LK_MAX_LAYERS]; /* what layer i remembers of each row */
    lk_real *shared[LK_MAX_LAYERS]; /* and of the whole batch */
    lk_real *scratch;               /* threads x arch.scratch */
    uint32_t *labels;               /* of each row; LK_NO_LABEL unless asked for */
    uint32_t *poses;                /* the same */
    lk_real *picture;               /* room for one input */
    lk_real *turned;                /* and for one in another pose */
    lk_real *views;                 /* see aspect.h; NULL while training */
    lk_real *seen;                  /* and room for those of one row */
    lk_real *place;                 /* and for a code with LK_MOST_COMPONENTS more: see score.h */
    lk_real *gradient;              /* room for one output's gradient that nobody wants */
    lk_real *penalties;             /* of each row, while batch is set */
    lk_real *pairs;                 /* see loss.h; NULL for losses that do not compare */
    const lk_batch *batch;          /* while a loss is asked for, else NULL; borrowed */
};

/* A run for a trainer's batch: with deltas, and scratch for each of its threads. */
lk_run *lk_run_create_training(const lk_model *model, size_t max_batch, int threads, lk_simd simd,
                               lk_error *error);

/* What layer i works with on rows from `row` on, in thread number `thread`. */
lk_pass lk_run_pass(const lk_run *run, size_t i, size_t row, int thread);

/* Runs layers first..last-1 on rows row..row+rows-1. Rows are independent of each other, but for
   what op->gather says: it is called for layer `last` on the way, while these rows are in the
   cache. Whoever calls this in a learning batch stops before each layer that has one, lets the
   others come there, and calls op->meet. */
void lk_run_forward(lk_run *run, size_t first, size_t last, size_t row, size_t rows, int thread);

/* From delta[last] of these rows to delta[first], with op->gather_back for layer first - 1, behind
   which to stop likewise; transposed holds arch.transposed values. */
void lk_run_backward(lk_run *run, const lk_real *transposed, size_t first, size_t last, size_t row,
                     size_t rows, int thread);

/* The batch as its loss sees it, when its rows have gone forward. */
lk_loss_pass lk_run_loss(const lk_run *run);

/* Puts n inputs into value[0] from row on; or one image's pixels into one row. */
void lk_run_load(lk_run *run, const lk_real *x, size_t row, size_t n);
void lk_run_load_pixels(lk_run *run, const uint8_t *pixels, size_t row);

/* What the chain makes of one row, where its last layer left it: the head is applied to it there.
   Shares are of the sum of x, an input as value[0] holds it; without one, of 1. */
lk_real *lk_run_output(const lk_run *run, size_t row, const lk_real *x);

/* The logits of one row's classes; NULL where the model tells none apart. */
lk_real *lk_run_logits(const lk_run *run, size_t row);

#endif
