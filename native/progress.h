/* How training goes, on standard error: a bar on a terminal, one plain line an epoch elsewhere. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "likeness.h"

typedef struct progress {
    bool bar;
    double drawn; /* when the bar was last drawn */
    uint32_t epochs;
    char stage[32]; /* in front of what is said of an epoch: "layer 1/3, " */
} progress;

void progress_start(progress *p, uint32_t epochs);

/* Redraws the bar now and then. `share` of all work is done; `rate` in images a second. */
void progress_update(progress *p, uint32_t epoch, double share, double loss, double rate,
                     double seconds_left);

/* An epoch is done. What is NAN of the two is left out. */
void progress_epoch(progress *p, uint32_t epoch, lk_progress trained, lk_progress validated,
                    double rate, double seconds);

/* One line, printf-like, that does not tear the bar. */
void progress_say(progress *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
