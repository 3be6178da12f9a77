#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "likeness.h"

bool strings_add(strings *list, const char *text) {
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 64;
        char **items = lk_alloc(room * sizeof *items);
        if (!items) return false;
        if (list->count) memcpy(items, list->items, list->count * sizeof *items);
        lk_free(list->items);
        list->items = items;
        list->room = room;
    }
    const size_t size = strlen(text) + 1;
    char *copy = lk_alloc(size);
    if (!copy) return false;
    memcpy(copy, text, size);
    list->items[list->count++] = copy;
    return true;
}

void strings_free(strings *list) {
    for (size_t i = 0; i < list->count; i++) lk_free(list->items[i]);
    lk_free(list->items);
    *list = (strings){0};
}

void strings_cut(strings *list, size_t count) {
    while (list->count > count) lk_free(list->items[--list->count]);
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strings_sort(strings *list) {
    if (list->count) qsort(list->items, list->count, sizeof *list->items, compare);
}

char *text_printable(const char *text, char *out, size_t size) {
    size_t at = 0;
    for (const unsigned char *t = (const unsigned char *)text; *t && at + 5 < size; t++) {
        /* C2 80 .. C2 9F are control characters too: a terminal may obey them. */
        const bool second = t > (const unsigned char *)text && t[-1] == 0xc2 && *t < 0xa0;
        if (*t == '\n') {
            at += (size_t)snprintf(out + at, size - at, "\\n");
        } else if (*t < 0x20 || *t == 0x7f || (second && *t >= 0x80)) {
            at += (size_t)snprintf(out + at, size - at, "\\x%02x", *t);
        } else {
            out[at++] = (char)*t;
        }
    }
    out[at] = 0;
    return out;
}

char *text_count(size_t count, const char *noun, char *out) {
    const bool y = count != 1 && text_ends_with(noun, "y");
    const char *ending = count == 1 ? "" : y ? "ies" : text_ends_with(noun, "s") ? "es" : "s";
    snprintf(out, COUNTED, "%zu %.*s%s", count, (int)strlen(noun) - y, noun, ending);
    return out;
}

void text_print_wrapped(const char *text, size_t column, size_t indent) {
    enum { WIDE = 80 };
    while (*text) {
        const size_t length = strcspn(text, " ");
        if (column > indent && column + length > WIDE) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        }
        printf("%.*s", (int)length, text);
        column += length + 1;
        text += length;
        if (*text == ' ') text++;
        if (*text && column + strcspn(text, " ") <= WIDE) putchar(' ');
    }
    putchar('\n');
}

enum { LONGEST = 32 };

/* Edits (insert, drop, change, swap two neighbours) that turn a into b; both at most LONGEST. */
static size_t distance(const char *a, const char *b) {
    const size_t n = strlen(a), m = strlen(b);
    size_t d[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= n; i++) d[i][0] = i;
    for (size_t j = 0; j <= m; j++) d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[n][m];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count) {
    if (strlen(word) < 2 || strlen(word) > LONGEST) return NULL;
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 2; /* more edits than this are another word */
    for (size_t i = 0; i < count; i++) {
        if (strlen(candidates[i]) > LONGEST) continue;
        const size_t edits = distance(word, candidates[i]);
        if (edits < least && edits < strlen(candidates[i])) {
            least = edits;
            best = candidates[i];
        }
    }
    return best;
}

size_t text_quoted(const char *text, char *out) {
    char *at = out;
    *at++ = '"';
    for (; *text; text++) {
        if (*text == '"') *at++ = '"';
        *at++ = *text;
    }
    *at++ = '"';
    *at = 0;
    return (size_t)(at - out);
}

bool text_ends_with(const char *text, const char *ending) {
    const size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcasecmp(text + n - m, ending) == 0;
}
