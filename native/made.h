/* Images that a model makes, on their way into a file. */
#ifndef MADE_H
#define MADE_H

#include "options.h"

/* Whether the model makes images at all, and under --label if that is given. */
lk_status made_check_model(const options *o, const lk_model *model, fault *f);
/* --label, by number or by what the model calls the class; NOT_GIVEN: of all classes the mean. */
lk_status made_label(const options *o, const lk_model *model, uint32_t *label, fault *f);
/* Whether --out can hold `count` of them, `columns` to a row of a PNG. `input` is a file that must
   not be written over, beside the model's. */
lk_status made_check_output(const options *o, const lk_model *model, size_t count, size_t columns,
                            fault *f);

/* x_hat[n x input] of codes z[n x latent], under --label. */
lk_status made_decode(const options *o, const lk_model *model, const lk_real *z, size_t n,
                      lk_real *x_hat, fault *f);

/* Whether so many images, `columns` to a row, make a PNG of sides that can be written. */
bool made_fits(size_t count, size_t columns, lk_shape shape);
/* All of x[count x input] in one PNG, row after row; what is left of the last row is black. */
lk_status made_write_sheet(const char *path, const lk_real *x, size_t count, size_t columns,
                           lk_shape shape, fault *f);

/* Writes --out: .npy, or all images in one PNG; says so. */
lk_status made_write(const options *o, const lk_real *x_hat, size_t count, size_t columns,
                     lk_shape shape, fault *f);

#endif
