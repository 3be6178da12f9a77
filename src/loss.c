#include "loss.h"

#include <string.h>

static lk_real squared(const lk_loss_pass *p, size_t row, lk_real *gradient) {
    return p->kernels->squared_loss(p->x + row * p->x_stride, p->y + row * p->y_stride, p->n,
                                    p->scale, gradient);
}

static lk_real logistic(const lk_loss_pass *p, size_t row, lk_real *gradient) {
    return p->kernels->logistic_loss(p->x + row * p->x_stride, p->y + row * p->y_stride, p->n,
                                     p->scale, gradient);
}

/* -log of the probability of x, counts of which need not be whole, when each thing that is counted
   is drawn by the softmax of the outputs (G. Hinton and R. Salakhutdinov 2006): the cross-entropy
   of its shares, times how many there are. */
static lk_real multinomial(const lk_loss_pass *p, size_t row, lk_real *gradient) {
    const lk_real *x = p->x + row * p->x_stride, *logits = p->y + row * p->y_stride;
    const lk_real whole = p->kernels->sum(x, p->n);
    const lk_real total = p->kernels->softmax(logits, p->n, gradient);
    lk_real loss = 0;
    for (size_t i = 0; i < p->n; i++) {
        loss += x[i] * (total - logits[i]);
        gradient[i] = p->scale * (whole * gradient[i] - x[i]);
    }
    memset(gradient + p->n, 0, (p->y_stride - p->n) * sizeof *gradient);
    return loss;
}

/* -log of the probability that the softmax of the outputs gives the label. */
static lk_real cross_entropy(const lk_loss_pass *p, size_t row, lk_real *gradient) {
    const lk_real *logits = p->y + row * p->y_stride;
    const uint32_t label = p->labels[row];
    const lk_real total = p->kernels->softmax(logits, p->n, gradient);
    gradient[label] -= 1;
    for (size_t i = 0; i < p->n; i++) gradient[i] *= p->scale;
    memset(gradient + p->n, 0, (p->y_stride - p->n) * sizeof *gradient);
    return total - logits[label];
}

/* ---- triplet ----

   Anchors are to be nearer to rows of their own label, positives, than to others, negatives, by a
   margin (F. Schroff et al. 2015). Every positive of an anchor goes with the nearest negative that
   is farther than it: harder ones pull all rows into one point. An anchor's loss is the mean over
   its positives of

       max(0, |anchor - positive|^2 - |anchor - negative|^2 + margin)

   which, once negatives are chosen, is a sum over rows of squared distances with factors: row a of
   `pairs` holds those of anchor a and, in place of its distance to itself, the constant. */

static lk_real squared_distance(const lk_loss_pass *p, size_t a, size_t b) {
    return p->kernels->squared_error(p->y + a * p->y_stride, p->y + b * p->y_stride, p->n);
}

static bool is_positive(const lk_loss_pass *p, size_t anchor, size_t row) {
    return row != anchor && p->labels[row] == p->labels[anchor];
}

/* The negative for a positive at this squared distance, the first among equals; the anchor itself
   if there is none within the margin. */
static size_t find_negative(const lk_loss_pass *p, size_t anchor, const lk_real *distances,
                            lk_real positive) {
    size_t found = anchor;
    lk_real nearest = positive + p->option;
    for (size_t i = 0; i < p->batch; i++)
        if (distances[i] < nearest && distances[i] > positive &&
            p->labels[i] != p->labels[anchor]) {
            found = i;
            nearest = distances[i];
        }
    return found;
}

static void mine_triplets(const lk_loss_pass *p, size_t anchor) {
    lk_real *factors = p->pairs + anchor * p->batch;
    size_t positives = 0;
    for (size_t i = 0; i < p->batch; i++) factors[i] = squared_distance(p, anchor, i);
    /* Distances give way to factors; in between, a positive's place holds its negative's number. */
    for (size_t i = 0; i < p->batch; i++) {
        if (!is_positive(p, anchor, i)) continue;
        factors[i] = (lk_real)find_negative(p, anchor, factors, factors[i]);
        positives++;
    }
    for (size_t i = 0; i < p->batch; i++)
        if (!is_positive(p, anchor, i)) factors[i] = 0;
    for (size_t i = 0; i < p->batch; i++) {
        if (!is_positive(p, anchor, i)) continue;
        const size_t negative = (size_t)factors[i];
        const lk_real share = negative == anchor ? 0 : 1 / (lk_real)positives;
        factors[i] = share;
        factors[negative] -= share;
        factors[anchor] += share * p->option;
    }
}

/* All distances count, if by a factor of 0, so that one which is not a number is seen. */
static lk_real triplet(const lk_loss_pass *p, size_t row, lk_real *gradient) {
    const lk_real *z = p->y + row * p->y_stride, *factors = p->pairs + row * p->batch;
    lk_real loss = factors[row];
    memset(gradient, 0, p->y_stride * sizeof *gradient);
    for (size_t i = 0; i < p->batch; i++) {
        if (i == row) continue;
        loss += factors[i] * squared_distance(p, row, i);
        const lk_real *other = p->y + i * p->y_stride;
        const lk_real slope = 2 * p->scale * (factors[i] + p->pairs[i * p->batch + row]);
        for (size_t k = 0; slope != 0 && k < p->n; k++) gradient[k] += slope * (z[k] - other[k]);
    }
    return loss;
}

static const lk_loss losses[] = {
    {"mse", LK_ACTIVATIONS, LK_OUTPUT_IMAGE, false, false, "beta", 1, squared, NULL},
    {"bce", LK_SIGMOID, LK_OUTPUT_IMAGE, false, false, "beta", 1, logistic, NULL},
    {"multinomial", LK_LINEAR, LK_OUTPUT_IMAGE, false, true, "beta", 1, multinomial, NULL},
    {"ce", LK_LINEAR, LK_OUTPUT_CLASSES, true, false, NULL, 0, cross_entropy, NULL},
    {"triplet", LK_ACTIVATIONS, LK_OUTPUT_CODE, true, false, "margin", (lk_real)0.2, triplet,
     mine_triplets},
};

const lk_loss *lk_losses(size_t *count) {
    *count = LK_COUNTOF(losses);
    return losses;
}
