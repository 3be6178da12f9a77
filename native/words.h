/* Texts as rows of numbers: how often words are in them. */
#ifndef WORDS_H
#define WORDS_H

#include "data.h"

enum { WORDS_USUAL = 2000 }; /* words that are counted unless it is said how many */

/* The words that are counted, and how much an appearance of each is worth. {0}: none. */
typedef struct words {
    strings list;
    lk_real *weights; /* [list.count], owned: the rarer the more */
} words;
void words_free(words *w);

/* The text's words alone, in its place, with a blank between any two: runs of two letters or more,
   A to Z made small. What stands beyond ASCII and is neither a sign nor punctuation is a letter. */
void words_spell(char *text);

/* Of the words in the texts, as words_spell leaves them, the `most` most frequent: without those in
   more than a tenth of the texts, and in more than ten, which tell nothing of a text; of equally
   frequent ones the first by the alphabet. */
lk_status words_choose(const data *d, size_t most, words *out, fault *f);

/* Puts the words into a model that begins with `table` and has as many values, and takes them back
   out of it: none where it is no model of texts. */
lk_status words_keep(const words *w, lk_model *model, fault *f);
lk_status words_of(const lk_model *model, words *out, fault *f);

/* Rows of numbers in place of the texts: of each word log(1 + its appearances) by its weight, a row
   of one length throughout; zeros where none of the words appears. */
lk_status words_count(data *d, const words *w, fault *f);

#endif
