#ifndef CLOCK_H
#define CLOCK_H

#include <stddef.h>

double clock_seconds(void); /* monotonic */

/* Sorts values[n] and returns the middle one, or the mean of the two; 0 when there are none. */
double median(double *values, size_t n);

#endif
