/* Small things about strings. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A growing list of owned strings. {0} is an empty one. */
typedef struct strings {
    char **items;
    size_t count, room;
} strings;
bool strings_add(strings *list, const char *text); /* copies; false when out of memory */
void strings_free(strings *list);
void strings_cut(strings *list, size_t count); /* keeps at most the first `count` */
void strings_sort(strings *list);              /* bytewise */

/* The text on one line and safe for a terminal: control characters become \n, \x1b ...; cut to
   fit `size`. Returns out. */
char *text_printable(const char *text, char *out, size_t size);

/* "1 image", "2 images", "0 classes", "3 communities": a count and its noun, which is given for
   one. Into out[COUNTED]; returns out. */
enum { COUNTED = 64 };
char *text_count(size_t count, const char *noun, char *out);
/* The same into room of its own, which lasts as long as the block that it stands in. */
#define COUNT_OF(count, noun) text_count((size_t)(count), noun, (char[COUNTED]){0})

/* The candidate that `word` is most likely a slip for, or NULL. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* Prints the text, which begins at this column of its line, in lines of at most 80 columns and ends
   the last; all but the first are indented. */
void text_print_wrapped(const char *text, size_t column, size_t indent);

/* The text as a field of a .csv file, in quotes, into out[2 * strlen(text) + 3]; returns its
 * length. */
size_t text_quoted(const char *text, char *out);

bool text_ends_with(const char *text, const char *ending); /* ASCII case ignored */

#endif
