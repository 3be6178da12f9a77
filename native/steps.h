/* Running the steps of claims, or taking what an earlier run has left of them. */
#ifndef STEPS_H
#define STEPS_H

#include <jansson.h>

#include "claims.h"
#include "options.h"
#include "progress.h"

typedef struct steps {
    const options *o;
    const char *folder,
        *data;            /* of networks and records; of sets that are no part of the product */
    char graph[PATH_MAX]; /* the program likeness-graph */
    progress progress;
    json_t *records; /* {step: {"command", "seconds", "result"}} */
} steps;

/* The command lines of a claim, one after another: what a user can paste. NULL when out of
   memory. */
json_t *steps_line(const steps *all, const claim *c);

/* Sees to it that a step's record is there. Returns an exit code. */
int steps_obtain(steps *all, const step *s, fault *f);
/* The file that keeps it, into path[PATH_MAX]. */
lk_status steps_record(const steps *all, const step *s, char *path, fault *f);

bool steps_want_graph(const step *s); /* whether it is of likeness-graph */

#endif
