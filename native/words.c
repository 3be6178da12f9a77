#include "words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 60, COMMON = 10 }; /* bytes of a word; texts that any word may be in */
/* Of every row: its values are then tenths, as those of pixels are. */
static const double LENGTH = 3;

void words_free(words *w) {
    strings_free(&w->list);
    lk_free(w->weights);
    *w = (words){0};
}

/* ---- letters ---- */

/* The character at `text`, which is UTF-8, and how many bytes it takes. */
static uint32_t read_character(const char *text, size_t *bytes) {
    const unsigned char *t = (const unsigned char *)text;
    *bytes = t[0] < 0x80 ? 1 : t[0] < 0xe0 ? 2 : t[0] < 0xf0 ? 3 : 4;
    uint32_t character = *bytes == 1 ? t[0] : t[0] & (0xffu >> (*bytes + 1));
    for (size_t i = 1; i < *bytes; i++) character = character << 6 | (t[i] & 0x3f);
    return character;
}

static bool is_letter(uint32_t c) {
    if (c < 0xc0) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return c != 0xd7 && c != 0xf7 && !(c >= 0x2000 && c < 0x2c00) && !(c >= 0x3000 && c < 0x3040) &&
           c < 0xe000;
}

void words_spell(char *text) {
    char *to = text, *start = text; /* of the word under way */
    size_t letters = 0, bytes;
    for (const char *at = text;; at += bytes) {
        const uint32_t c = read_character(at, &bytes);
        if (is_letter(c)) {
            memmove(to, at, bytes);
            if (c < 0x80) *to |= 0x20;
            to += bytes;
            letters++;
            continue;
        }
        if (letters < 2 || to - start > LONGEST)
            to = start;
        else
            *to++ = ' ';
        start = to;
        letters = 0;
        if (c == 0) break;
    }
    if (to > text) to--;
    *to = 0;
}

/* ---- a table of words ---- */

typedef struct entry {
    const char *word; /* in a text, `length` bytes; NULL: free */
    size_t length;
    uint32_t number; /* in the order in which they came */
    uint32_t total, texts, last;
} entry;

typedef struct lexicon {
    entry *entries;
    size_t count, room; /* room is a power of two */
} lexicon;

/* The word's entry, or the free one where it would stand. */
static entry *find(const lexicon *x, const char *word, size_t length) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)word[i]) * 1099511628211u;
    for (size_t at = (size_t)(hash ^ hash >> 32);; at++) {
        entry *e = &x->entries[at & (x->room - 1)];
        if (!e->word || (e->length == length && memcmp(e->word, word, length) == 0)) return e;
    }
}

static bool grow(lexicon *x) {
    const lexicon old = *x;
    const size_t room = old.room ? 2 * old.room : 1024;
    entry *entries = lk_alloc(room * sizeof *entries);
    if (!entries) return false;
    *x = (lexicon){entries, old.count, room};
    for (size_t i = 0; i < old.room; i++)
        if (old.entries[i].word)
            *find(x, old.entries[i].word, old.entries[i].length) = old.entries[i];
    lk_free(old.entries);
    return true;
}

/* The word's entry, made if need be; NULL when out of memory. */
static entry *put(lexicon *x, const char *word, size_t length) {
    if (2 * x->count >= x->room && !grow(x)) return NULL;
    entry *e = find(x, word, length);
    if (!e->word) *e = (entry){.word = word, .length = length, .number = (uint32_t)x->count++};
    return e;
}

/* The next word of a text; NULL at its end. */
static const char *next_word(const char **at, size_t *length) {
    while (**at == ' ') ++*at;
    const char *word = *at;
    *length = strcspn(word, " ");
    *at += *length;
    return *length ? word : NULL;
}

/* ---- the choice ---- */

/* The most frequent first. */
static int by_total(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->total != y->total) return x->total < y->total ? 1 : -1;
    const size_t length = x->length < y->length ? x->length : y->length;
    const int order = memcmp(x->word, y->word, length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static lk_status gather(const data *d, lexicon *x, fault *f) {
    for (size_t i = 0; i < d->texts.count; i++) {
        const char *at = d->texts.items[i], *word;
        for (size_t length; (word = next_word(&at, &length));) {
            entry *e = put(x, word, length);
            if (!e) return fail_memory(f);
            e->total++;
            e->texts += e->last != i + 1;
            e->last = (uint32_t)(i + 1);
        }
    }
    return LK_OK;
}

static lk_status take(const data *d, const lexicon *x, size_t count, words *out, fault *f) {
    const double n = (double)d->texts.count;
    out->weights = lk_alloc(count * sizeof *out->weights);
    if (!out->weights) return fail_memory(f);
    for (size_t i = 0; i < count; i++) {
        const entry *e = &x->entries[i];
        char word[LONGEST + 1] = {0};
        memcpy(word, e->word, e->length);
        if (!strings_add(&out->list, word)) return fail_memory(f);
        out->weights[i] = (lk_real)(log((1 + n) / (1 + (double)e->texts)) + 1);
    }
    return LK_OK;
}

lk_status words_choose(const data *d, size_t most, words *out, fault *f) {
    lexicon x = {0};
    const size_t tenth = d->texts.count / 10, common = tenth > COMMON ? tenth : COMMON;
    *out = (words){0};
    lk_status status = gather(d, &x, f);
    if (!status) {
        size_t kept = 0;
        for (size_t i = 0; i < x.room; i++)
            if (x.entries[i].word && x.entries[i].texts <= common) x.entries[kept++] = x.entries[i];
        if (kept) qsort(x.entries, kept, sizeof *x.entries, by_total);
        if (kept == 0)
            status = fail(f, LK_DATA, d->path, "no word is in at most %zu of its %zu texts", common,
                          d->texts.count);
        else
            status = take(d, &x, kept < most ? kept : most, out, f);
    }
    lk_free(x.entries);
    if (status) words_free(out);
    return status;
}

/* ---- in a model ---- */

lk_status words_keep(const words *w, lk_model *model, fault *f) {
    const size_t n = w->list.count;
    size_t size = 1;
    for (size_t i = 0; i < n; i++) size += strlen(w->list.items[i]) + 1;
    char *line = lk_alloc(size), *at = line;
    lk_real *values = lk_alloc(2 * n * sizeof *values);
    lk_status status = line && values ? LK_OK : fail_memory(f);
    for (size_t i = 0; i < n && !status; i++) {
        at = stpcpy(at, w->list.items[i]);
        if (i + 1 < n) *at++ = ' ';
        values[n + i] = 1 / w->weights[i];
    }
    if (!status) {
        lk_table_set(model, values, values + n);
        status = lk_model_set_text(model, LK_TEXT_WORDS, line, &f->error);
    }
    lk_free(line);
    lk_free(values);
    return status;
}

lk_status words_of(const lk_model *model, words *out, fault *f) {
    const size_t n = lk_model_shape(model).width;
    const char *at = lk_model_text(model, LK_TEXT_WORDS), *word;
    lk_status status = LK_OK;
    *out = (words){0};
    if (!*at || !lk_model_is_table(model)) return LK_OK;
    for (size_t length; !status && (word = next_word(&at, &length));) {
        char copy[LONGEST + 1] = {0};
        if (length <= LONGEST) memcpy(copy, word, length);
        if (!strings_add(&out->list, copy)) status = fail_memory(f);
    }
    if (!status && out->list.count != n)
        status = fail(f, LK_MODEL, NULL, "the model counts %zu words and has %zu values",
                      out->list.count, n);
    /* What the table makes of one of each. */
    if (!status && !(out->weights = lk_alloc(n * sizeof *out->weights))) status = fail_memory(f);
    for (size_t i = 0; i < n && !status; i++) out->weights[i] = 1;
    if (!status)
        lk_table_prepare(model, out->weights, 1, out->weights);
    else
        words_free(out);
    return status;
}

/* ---- the rows ---- */

static void count_text(const char *text, const lexicon *x, const words *w, lk_real *row) {
    double squares = 0;
    for (size_t length; (text += strspn(text, " "), length = strcspn(text, " ")); text += length) {
        const entry *e = find(x, text, length);
        if (e->word) row[e->number]++;
    }
    for (size_t k = 0; k < w->list.count; k++) {
        if (!(row[k] > 0)) continue;
        row[k] = (lk_real)(log1p((double)row[k]) * (double)w->weights[k]);
        squares += (double)row[k] * (double)row[k];
    }
    for (size_t k = 0; squares > 0 && k < w->list.count; k++)
        row[k] = (lk_real)((double)row[k] * LENGTH / sqrt(squares));
}

lk_status words_count(data *d, const words *w, fault *f) {
    const size_t n = w->list.count;
    lexicon x = {0};
    lk_real *rows = lk_alloc(d->texts.count * n * sizeof *rows);
    lk_status status = rows ? LK_OK : fail_memory(f);
    for (size_t i = 0; i < n && !status; i++)
        if (!put(&x, w->list.items[i], strlen(w->list.items[i]))) status = fail_memory(f);
    for (size_t i = 0; i < d->texts.count && !status; i++)
        count_text(d->texts.items[i], &x, w, rows + i * n);
    lk_free(x.entries);
    if (status) {
        lk_free(rows);
        return status;
    }
    strings_free(&d->texts);
    d->set.values = rows;
    d->set.shape = (lk_shape){1, 1, (uint32_t)n};
    return LK_OK;
}
