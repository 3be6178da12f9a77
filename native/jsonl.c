/* Texts: a JSON object a line, with a text, perhaps a label, perhaps the part it belongs to. */
#include <stdio.h>
#include <string.h>

#include "data.h"
#include "stream.h"
#include "words.h"

typedef struct jsonl {
    const char *path, *label; /* under which key labels are; NULL: under "label", if at all */
    const char *part;         /* which lines are wanted, by their "split"; NULL: all */
    size_t line;              /* from 1 */
    bool labelled, parted;    /* some line had one */
    strings labels, names;    /* of the lines that are wanted, and of all of them */
} jsonl;

/* A label, a word or a whole number; NULL where there is none. */
static const char *read_label(const json_t *value, char number[24]) {
    if (json_is_string(value)) return *json_string_value(value) ? json_string_value(value) : NULL;
    if (!json_is_integer(value)) return NULL;
    snprintf(number, 24, "%lld", (long long)json_integer_value(value));
    return number;
}

/* All lines have a label, or none has. */
static lk_status take_label(jsonl *j, const json_t *object, bool wanted, fault *f) {
    const char *key = j->label ? j->label : "label";
    char number[24];
    const json_t *value = json_object_get(object, key);
    const char *label = read_label(value, number);
    if (value && !label)
        return fail(f, LK_DATA, j->path, "line %zu: '%.40s' is neither a word nor a whole number",
                    j->line, key);
    if (j->line == 1) j->labelled = label != NULL;
    if ((j->labelled || j->label) && !label)
        return fail(f, LK_DATA, j->path, "line %zu: there is no label '%.40s'", j->line, key);
    if (!j->labelled && label)
        return fail(f, LK_DATA, j->path, "line %zu has a label '%.40s' and line 1 has none",
                    j->line, key);
    if (!label) return LK_OK;
    const bool ok = strings_add(&j->names, label) && (!wanted || strings_add(&j->labels, label));
    return ok ? LK_OK : fail_memory(f);
}

static lk_status take_object(jsonl *j, const json_t *object, data *out, fault *f) {
    const char *text = json_string_value(json_object_get(object, "text"));
    const char *split = json_string_value(json_object_get(object, "split"));
    if (!json_is_object(object))
        return fail(f, LK_DATA, j->path, "line %zu is no JSON object", j->line);
    if (!text) return fail(f, LK_DATA, j->path, "line %zu: there is no text 'text'", j->line);
    j->parted |= split != NULL;
    const bool wanted = !j->part || (split && strcmp(split, j->part) == 0);
    const lk_status status = take_label(j, object, wanted, f);
    if (status || !wanted) return status;
    if (!strings_add(&out->texts, text)) return fail_memory(f);
    words_spell(out->texts.items[out->texts.count - 1]);
    return LK_OK;
}

static lk_status take_line(jsonl *j, const char *line, size_t length, data *out, fault *f) {
    json_error_t wrong;
    if (length > 0 && line[length - 1] == '\r') length--;
    if (length == 0) return fail(f, LK_DATA, j->path, "line %zu is empty", j->line);
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &wrong);
    if (!object)
        return fail(f, LK_DATA, j->path, "line %zu: broken JSON: %.80s", j->line, wrong.text);
    const lk_status status = take_object(j, object, out, f);
    json_decref(object);
    return status;
}

static lk_status take_lines(jsonl *j, const lk_bytes *all, data *out, fault *f) {
    const char *at = (const char *)all->data, *end = at + all->size;
    lk_status status = LK_OK;
    if (all->size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3;
    for (j->line = 1; at < end && !status; j->line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        status = take_line(j, at, (size_t)(stop - at), out, f);
        at = stop + 1;
    }
    if (!status && j->line == 1) status = fail(f, LK_DATA, j->path, "the file is empty");
    if (!status && out->texts.count == 0)
        status = fail(f, LK_DATA, j->path, "%s with \"split\": \"%s\"",
                      j->parted ? "there is no line" : "no line says its part: none is", j->part);
    return status;
}

lk_status jsonl_load(const char *path, const char *part, const char *label, data *out, fault *f) {
    stream s;
    lk_bytes all = {0};
    jsonl j = {.path = path, .part = part, .label = label};
    lk_status status = stream_open(&s, path, f);
    if (!status) status = stream_rest(&s, &all, f);
    stream_close(&s);
    if (!status) status = take_lines(&j, &all, out, f);
    if (!status) {
        out->set = (lk_dataset){.shape = {1, 1, 0}, .count = out->texts.count};
        if (j.labelled) status = data_number_labels(&j.labels, &j.names, out, f);
    }
    strings_free(&j.labels);
    strings_free(&j.names);
    lk_bytes_free(&all);
    return status;
}
