#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

/* The name as it is kept, into out[NAME_SIZE]; false when out of memory. */
static bool clean(const char *name, char *out) {
    json_t *text = output_text(name);
    if (!text) return false;
    text_printable(json_string_value(text), out, NAME_SIZE);
    size_t length = strlen(out);
    if (length + 5 >= NAME_SIZE) { /* what is cut is cut in front of a letter */
        while (length > 0 && (out[length - 1] & 0xc0) == 0x80) length--;
        if (length > 0 && (out[length - 1] & 0x80)) length--;
        out[length] = 0;
    }
    json_decref(text);
    return true;
}

lk_status names_keep(const strings *classes, size_t count, lk_model *model, fault *f) {
    if (count > classes->count) count = classes->count;
    char *text = lk_alloc(count * NAME_SIZE + 1), *at = text;
    if (!text) return fail_memory(f);
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        if (i > 0) *at++ = '\n';
        ok = clean(classes->items[i], at);
        at += strlen(at);
    }
    lk_status status = ok ? LK_OK : fail_memory(f);
    if (ok && lk_model_set_text(model, LK_TEXT_CLASSES, text, &f->error))
        status = f->error.status == LK_USAGE ? LK_OK : f->error.status;
    lk_free(text);
    return status;
}

lk_status names_of(const lk_model *model, strings *names, fault *f) {
    const char *at = lk_model_text(model, LK_TEXT_CLASSES);
    *names = (strings){0};
    while (*at) {
        const size_t length = strcspn(at, "\n");
        char line[NAME_SIZE], name[NAME_SIZE];
        snprintf(line, sizeof line, "%.*s", (int)length, at);
        if (!clean(line, name) || !strings_add(names, name)) {
            strings_free(names);
            return fail_memory(f);
        }
        at += length;
        if (*at) at++;
    }
    return LK_OK;
}

const char *names_label(const strings *names, uint32_t label, char *out) {
    const bool named = label < names->count && *names->items[label];
    if (!named || !clean(names->items[label], out)) snprintf(out, NAME_SIZE, "%u", label);
    return out;
}

void names_add(const strings *names, uint32_t label, json_t *row) {
    char name[NAME_SIZE];
    if (label < names->count && *names->items[label])
        json_object_set_new(row, "name", json_string(names_label(names, label, name)));
}

/* The place of the name among the first `count`, or `count`. */
static size_t find(const strings *names, size_t count, const char *name) {
    size_t i = 0;
    while (i < count && strcmp(names->items[i], name) != 0) i++;
    return i;
}

bool names_find(const strings *names, const char *word, uint32_t *label) {
    char number[16];
    *label = (uint32_t)find(names, names->count, word);
    if (*label < names->count) return true;
    *label = (uint32_t)strtoul(word, NULL, 10);
    snprintf(number, sizeof number, "%u", *label);
    return strcmp(number, word) == 0;
}

lk_status names_match(const strings *names, data *d, fault *f) {
    const size_t known = names->count, count = d->classes.count;
    if (known == 0 || count < d->set.classes || !d->set.labels) return LK_OK;
    strings all = {0};
    char name[NAME_SIZE];
    bool ok = true, any = false;
    uint32_t *label = lk_alloc(count * sizeof *label);
    for (size_t i = 0; i < known && ok; i++)
        ok = clean(names->items[i], name) && strings_add(&all, name);
    for (size_t c = 0; label && c < count && ok; c++) {
        ok = clean(d->classes.items[c], name);
        label[c] = (uint32_t)find(&all, known, name);
        any = any || label[c] < known;
        if (label[c] < known) continue;
        label[c] = (uint32_t)all.count;
        ok = ok && strings_add(&all, name);
    }
    ok = ok && label;
    if (ok && any) {
        for (size_t i = 0; i < d->set.count; i++) d->set.labels[i] = label[d->set.labels[i]];
        data_set_count_classes(&d->set);
        const strings before = d->classes;
        d->classes = all;
        all = before;
    }
    strings_free(&all);
    lk_free(label);
    return ok ? LK_OK : fail_memory(f);
}
