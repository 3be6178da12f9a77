/* What classes are called: class folders, the labels of rows and texts, garments; a model keeps the
   names of those it learnt from. */
#ifndef NAMES_H
#define NAMES_H

#include "data.h"

enum { NAME_SIZE = 256 }; /* of a name as it is kept and shown: printable UTF-8, or cut to be */

/* Puts the names of its data's first `count` classes into a model; none where they are too many for
   it to hold. */
lk_status names_keep(const strings *classes, size_t count, lk_model *model, fault *f);
/* Takes them back out of it; a model may have none. */
lk_status names_of(const lk_model *model, strings *names, fault *f);

/* What a label is called, or its number where it has no name; out[NAME_SIZE]. */
const char *names_label(const strings *names, uint32_t label, char *out);
/* Puts "name" beside a label in a row of JSON, where it has one. */
void names_add(const strings *names, uint32_t label, json_t *row);

/* The label that a word stands for: of the class that is called so or, where none is, a number.
   False where it is neither. */
bool names_find(const strings *names, const char *word, uint32_t *label);

/* Gives the images of `d` the labels that go by the same names among `names`, those of other names
   labels past these: what two sets call alike is one class, however many each has. Nothing is done
   where not one name is found in both. */
lk_status names_match(const strings *names, data *d, fault *f);

#endif
