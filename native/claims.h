/* What the notes that this product grew from claim, and the commands that measure each anew. */
#ifndef CLAIMS_H
#define CLAIMS_H

#include <stddef.h>

/* One run of a program. A network's step has the network's name. */
typedef struct step {
    const char *name;
    const char *command; /* words, in "" what has blanks; @NAME is the file of a network, % the
                            folder of sets that are no part of the product; behind -graph those of
                            likeness-graph */
    unsigned seconds;    /* on two quiet cores */
} step;

/* What a figure is, and so what its 95 % interval is made of: of `over` in the same JSON. */
typedef enum measure {
    NUMBER,    /* as it is: none */
    SHARE,     /* of so many: E. B. Wilson's interval (1927); a list of counts is added up */
    MEAN,      /* of images: 1.96 times its standard error, which `over` is */
    SEPARATION /* an AUROC: [low, high], found by resampling */
} measure;

typedef struct figure {
    const char *what;
    const char *step, *path; /* where it stands in what the step printed: keys and places by dots */
    measure measure;
    const char *over;
} figure;

enum { CLAIM_STEPS = 10, CLAIM_FIGURES = 8 };

typedef struct claim {
    const char *name, *claim, *claimed, *why;
    const char *steps[CLAIM_STEPS]; /* in order; NULL behind the last */
    figure figures[CLAIM_FIGURES];  /* the first is the one that is claimed; then {0} */
    const char *needs[3];           /* files in that folder */
} claim;

const claim *claims_all(size_t *count);
const step *claims_step(const char *name);

#endif
