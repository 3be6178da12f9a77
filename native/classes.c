#include "classes.h"

#include <stdio.h>
#include <string.h>

#include "file.h"

static const char *const WORDS[] = {":only=", ":without="};

lk_status classes_split(const char *spec, char *base, classes *out, fault *f) {
    *out = (classes){0};
    size_t length = strlen(spec);
    for (int w = 0; w < 2 && file_kind_of(spec) == FILE_ABSENT; w++) {
        const char *at = strstr(spec, WORDS[w]);
        if (!at || (size_t)(at - spec) >= length) continue;
        length = (size_t)(at - spec);
        *out = (classes){.list = at + strlen(WORDS[w]), .only = w == 0};
    }
    if (length >= PATH_MAX) return fail(f, LK_IO, spec, "the name is too long");
    memcpy(base, spec, length);
    base[length] = 0;
    return LK_OK;
}

static bool is_word(const char *name, const char *word, size_t length) {
    return strlen(name) == length && memcmp(name, word, length) == 0;
}

/* The label that a word of the list stands for: the name of a class, or a number where that is what
   labels are. False when no image has it. */
static bool find_label(const data *d, const char *word, size_t length, uint32_t *label) {
    const bool numbered = d->classes.count == 0 || strcmp(d->kind, "idx") == 0;
    for (*label = 0; *label < d->set.classes; (*label)++) {
        char number[16];
        snprintf(number, sizeof number, "%u", *label);
        if (!(numbered && is_word(number, word, length)) &&
            !(d->classes.count > 0 && is_word(d->classes.items[*label], word, length)))
            continue;
        for (size_t i = 0; i < d->set.count; i++)
            if (d->set.labels[i] == *label) return true;
    }
    return false;
}

static lk_status mark(classes chosen, const char *spec, const data *d, bool *marked, fault *f) {
    const char *word = chosen.list;
    for (bool more = true; more;) {
        const size_t length = strcspn(word, ",");
        uint32_t label;
        if (length == 0)
            return fail(f, LK_USAGE, NULL,
                        "data set '%.60s': %s= wants classes with commas between them, such as 3,5",
                        spec, chosen.only ? "only" : "without");
        if (!find_label(d, word, length, &label))
            return fail(f, LK_DATA, spec, "has no images of class '%.*s'; see likeness data info",
                        length < 40 ? (int)length : 40, word);
        marked[label] = true;
        more = word[length] == ',';
        word += length + 1;
    }
    return LK_OK;
}

static void swap(const strings *list, size_t a, size_t b) {
    if (list->count == 0) return;
    char *one = list->items[a];
    list->items[a] = list->items[b];
    list->items[b] = one;
}

/* The images whose label is marked `wanted` move up; pixels and files may be there or not. */
static void keep(data *d, const bool *marked, bool wanted) {
    lk_dataset *set = &d->set;
    const size_t size = (size_t)set->shape.channels * set->shape.height * set->shape.width;
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (marked[set->labels[i]] != wanted) continue;
        if (set->pixels) memmove(set->pixels + kept * size, set->pixels + i * size, size);
        if (set->values)
            memmove(set->values + kept * size, set->values + i * size, size * sizeof *set->values);
        swap(&d->files, kept, i);
        swap(&d->texts, kept, i);
        set->labels[kept++] = set->labels[i];
    }
    set->count = kept;
    strings_cut(&d->files, kept);
    strings_cut(&d->texts, kept);
    data_set_count_classes(set);
}

lk_status classes_choose(classes chosen, const char *spec, data *d, fault *f) {
    if (!d->set.labels) return fail(f, LK_DATA, spec, "the images have no labels to choose by");
    bool *marked = lk_alloc(d->set.classes * sizeof *marked);
    if (!marked) return fail_memory(f);
    lk_status status = mark(chosen, spec, d, marked, f);
    if (!status) {
        keep(d, marked, chosen.only);
        if (d->set.count == 0) status = fail(f, LK_DATA, spec, "no class is left");
    }
    lk_free(marked);
    return status;
}
