/* The part of a data SPEC that chooses classes: SPEC:only=3, SPEC:without=3,5, and in a folder by
   their names, photos:only=cats. */
#ifndef CLASSES_H
#define CLASSES_H

#include "data.h"

typedef struct classes {
    const char *list; /* "3,5", pointing into the SPEC; NULL: all are wanted */
    bool only;        /* those of the list, or all but those */
} classes;

/* The SPEC without its choice into base[PATH_MAX], the choice into *out. What is a file or folder
   as it stands has none. */
lk_status classes_split(const char *spec, char *base, classes *out, fault *f);

/* Leaves the images of the chosen classes, under the labels they had. */
lk_status classes_choose(classes chosen, const char *spec, data *d, fault *f);

#endif
