/* The images that a command works on: files named on the command line, or --data. */
#ifndef INPUTS_H
#define INPUTS_H

#include "data.h"
#include "options.h"

typedef struct inputs {
    data data; /* its files, if it has some, are decoded when visited; else its pixels are there, or
                  its rows of numbers, prepared */
    const char *spec; /* NULL when the files were named one by one */
    size_t count;
    lk_error *errors; /* [count], what is wrong with each image, LK_OK where nothing is: then they
                         are all visited whatever there is to one of them. NULL: inputs_bear */
} inputs;

/* MODEL's further arguments or --data, one of them. */
lk_status inputs_open(const options *o, const lk_model *model, inputs *in, fault *f);
/* `part` is what a bare name stands for; a `limit` of 0 takes all. */
lk_status inputs_open_data(const char *spec, data_part part, uint32_t limit, const lk_model *model,
                           inputs *in, fault *f);
void inputs_free(inputs *in);
const char *inputs_name(const inputs *in, size_t i, char *out); /* out[PATH_MAX] */

/* The pictures that the arguments from `first` on name: files, folders of such, or "-" for names on
   standard input. Added to `files`. */
lk_status inputs_gather(const strings *arguments, size_t first, strings *files, fault *f);

/* What --`option` writes: whether `path` can be written, and is none of the files that are read,
   nor what is beside a model that is. */
lk_status inputs_check_output(const options *o, const char *option, const char *path, fault *f);
/* And is none of these. */
lk_status inputs_check_apart(const strings *files, const char *option, const char *path, fault *f);

/* From now on an image that cannot be read or judged is noted and left out of further visits. */
lk_status inputs_bear(inputs *in, fault *f);
/* Says on standard error what was noted; returns the status of the first such image, or LK_OK. */
lk_status inputs_tell(const inputs *in);

/* Calls visit for every image, from --threads threads, each with its own run for one image, in no
   particular order. The error of the first image that has one is reported, unless errors are borne:
   then only that memory is out. */
typedef lk_status inputs_visitor(void *context, lk_run *run, size_t i, lk_picture picture,
                                 lk_error *error);
lk_status inputs_visit(const inputs *in, const lk_model *model, const options *o,
                       inputs_visitor *visit, void *context, fault *f);

#endif
