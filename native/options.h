/* The command line: one table of options makes the parser and the help. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "text.h"

enum { NOT_GIVEN = UINT32_MAX };

typedef struct options {
    strings arguments; /* what is not an option */
    bool json, help;

    const char *data, *out, *arch, *title, *log;
    strings ood, inside; /* NAME=SPEC */
    uint32_t limit, holdout, references, gallery, latent;
    lk_shape shape; /* all zero: not given */
    uint64_t seed;
    uint32_t threads;
    int simd; /* lk_simd */

    uint32_t epochs, batch; /* 0: not given */
    double decay;           /* under 0: not given */
    int init;               /* lk_init; under 0: not given */
    const char *augment;    /* NULL: not given */
    uint32_t checkpoint_every;
    double learning_rate, warmup, weight_decay;
    int fall; /* lk_fall */
    const char *noise, *from, *drawings;
    uint32_t validation, patience, draw, pretrain_epochs;
    double binarise; /* 0: not given */
    bool resume, no_calibrate, half;

    double alpha; /* 0: not given */
    const char *explain, *classifier, *html, *c_header, *onnx;
    bool with_gallery;
    int preparation; /* lk_preparation */
    bool ink, fail_on_ood;
    uint32_t k; /* 0: not given */
    int metric; /* lk_metric */

    const char *known, *corrupt, *only, *data_dir;
    bool ablation, seeds, list;
    uint32_t images, steps;
    const char *label;

    uint32_t components, clusters, restarts; /* clusters 0: not given */
    const char *by, *centres, *reconstruct, *worst;
    double threshold; /* 0: not given */
    bool pixels, gaussians;

    int method; /* map_method */
    double perplexity;
    const char *place, *map;

    int feature, edges; /* under 0: each in turn */
    double lambda;
} options;

typedef struct command {
    const char *name, *usage, *summary;
    int (*run)(const options *o, fault *f); /* exit code; LK_OK or what *f says, 10, 130 */
    uint32_t bit;                           /* which options apply */
    uint32_t least, most;                   /* arguments */
} command;

enum {
    FOR_DATA = 1 << 0,
    FOR_TRAIN = 1 << 1,
    FOR_EVAL = 1 << 2,
    FOR_CALIBRATE = 1 << 3,
    FOR_SCORE = 1 << 4,
    FOR_RECONSTRUCT = 1 << 5,
    FOR_ENCODE = 1 << 6,
    FOR_NEIGHBOURS = 1 << 7,
    FOR_FAMILIES = 1 << 8,
    FOR_INSPECT = 1 << 9,
    FOR_BENCH = 1 << 10,
    FOR_DOCTOR = 1 << 11,
    FOR_HELP = 1 << 12,
    FOR_SAMPLE = 1 << 13,
    FOR_DECODE = 1 << 14,
    FOR_INTERPOLATE = 1 << 15,
    FOR_AUDIT = 1 << 16,
    FOR_PCA = 1 << 17,
    FOR_CLUSTER = 1 << 18,
    FOR_OUTLIERS = 1 << 19,
    FOR_MAP = 1 << 20,
    FOR_GRAPH = 1 << 21,
    FOR_EXPORT = 1 << 22,
    FOR_COMPLETION = 1 << 23,
    FOR_MAN = 1 << 24,
};

/* Fills *o from argv[first..] and the defaults; the texts in it point into argv. */
lk_status options_parse(const command *c, int argc, char **argv, int first, options *o, fault *f);
void options_free(options *o);
/* Whether all that was given for --`option` is NAME=SPEC. */
lk_status options_check_named(const strings *given, const char *option, fault *f);

/* {name: value} of the options of a command that have these names, the list ended by NULL: texts,
   also for choices and shapes, or numbers; null where none was given. */
json_t *options_values(const options *o, uint32_t bit, const char *const *names);

void options_print_help(const command *c);
json_t *options_describe(const command *c); /* the same for --json */

int options_default_threads(void); /* the cores this process may use */

#endif
