#include "steps.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "output.h"
#include "spawn.h"

#define MAX_RECORD (64ull << 20)

/* ---- commands ---- */

/* One word of a step's command, with the names of files in it; *from moves to the next. */
static bool read_word(const steps *all, const char **from, strings *words) {
    char *word = NULL;
    size_t size;
    FILE *out = open_memstream(&word, &size);
    if (!out) return false;
    const bool network = **from == '@';
    bool quoted = false;
    if (network) fprintf(out, "%s/", all->folder);
    for (*from += network; **from && (quoted || **from != ' '); ++*from) {
        if (**from == '"')
            quoted = !quoted;
        else if (**from == '%')
            fputs(all->data, out);
        else
            fputc(**from, out);
    }
    if (network) fputs(".safetensors", out);
    const bool ok = fclose(out) == 0 && strings_add(words, word);
    free(word);
    while (**from == ' ') ++*from;
    return ok;
}

bool steps_want_graph(const step *s) {
    return *s->command == '-';
}

/* The words as a user would give them, the program called as it was now. */
static bool find_words(const steps *all, const step *s, strings *words) {
    char text[PATH_MAX];
    const char *at = s->command + (steps_want_graph(s) ? strlen("-graph ") : 0);
    snprintf(text, sizeof text, "%s%s", program_invocation_name,
             steps_want_graph(s) ? "-graph" : "");
    bool ok = strings_add(words, text);
    while (*at && ok) ok = read_word(all, &at, words);
    snprintf(text, sizeof text, "%u", all->o->limit);
    if (ok && all->o->limit) ok = strings_add(words, "--limit") && strings_add(words, text);
    return ok;
}

/* The word as a shell reads it. */
static void put_word(FILE *out, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:=+,@%";
    if (*word && strspn(word, plain) == strlen(word)) {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++) fputs(*word == '\'' ? "'\\''" : (char[]){*word, 0}, out);
    fputc('\'', out);
}

/* A step's words from the first'th on. */
static bool put_step(const steps *all, const step *s, size_t first, FILE *out) {
    strings words = {0};
    const bool ok = find_words(all, s, &words);
    for (size_t i = first; ok && i < words.count; i++) {
        if (i > first) fputc(' ', out);
        put_word(out, words.items[i]);
    }
    strings_free(&words);
    return ok;
}

/* What a step does, whatever the program is called; or all command lines of a claim. */
static json_t *line_of(const steps *all, const step *s, const claim *c) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    bool ok = true;
    if (s) {
        ok = put_step(all, s, 1, out);
    } else {
        fputs("mkdir -p ", out);
        put_word(out, all->folder);
        for (size_t i = 0; ok && c->steps[i]; i++) {
            fputs(" && ", out);
            ok = put_step(all, claims_step(c->steps[i]), 0, out);
        }
    }
    ok = fclose(out) == 0 && ok;
    json_t *line = ok ? output_text(text) : NULL;
    free(text);
    return line;
}

json_t *steps_line(const steps *all, const claim *c) {
    return line_of(all, NULL, c);
}

/* ---- records ---- */

lk_status steps_record(const steps *all, const step *s, char *path, fault *f) {
    char name[64];
    snprintf(name, sizeof name, "%s.json", s->name);
    return file_join(all->folder, name, path, f);
}

static lk_status find_network(const steps *all, const step *s, const char *ending, char *path,
                              fault *f) {
    char name[64];
    snprintf(name, sizeof name, "%s.safetensors%s", s->name, ending);
    return file_join(all->folder, name, path, f);
}

/* What an earlier run has left, if it was of this very command; *record is NULL if not. */
static lk_status read_record(const steps *all, const step *s, const json_t *line, json_t **record,
                             fault *f) {
    char path[PATH_MAX], network[PATH_MAX];
    lk_bytes bytes;
    lk_status status = steps_record(all, s, path, f);
    if (!status) status = find_network(all, s, "", network, f);
    if (status || file_kind_of(path) == FILE_ABSENT) return status;
    if (strstr(s->command, "--out") && file_kind_of(network) == FILE_ABSENT) return LK_OK;
    status = file_read(path, MAX_RECORD, LK_DATA, &bytes, f);
    if (status) return status;
    json_t *found = json_loadb((const char *)bytes.data, bytes.size, 0, NULL);
    lk_free(bytes.data);
    if (!json_is_object(json_object_get(found, "result")) ||
        !json_is_number(json_object_get(found, "seconds"))) {
        json_decref(found);
        return fail(f, LK_DATA, path, "not what a step has left; remove it to run that again");
    }
    if (json_equal(json_object_get(found, "command"), line))
        *record = found;
    else
        json_decref(found);
    return LK_OK;
}

static lk_status write_record(const steps *all, const step *s, const json_t *record, fault *f) {
    char path[PATH_MAX], *text = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!text) return fail_memory(f);
    lk_status status = steps_record(all, s, path, f);
    if (!status) status = file_write(path, text, strlen(text), f);
    free(text);
    return status;
}

/* What the program is told beside: none of it changes a result. */
static lk_status add_manner(const steps *all, const step *s, strings *words, fault *f) {
    char checkpoint[PATH_MAX], threads[16];
    const lk_status status = find_network(all, s, ".checkpoint", checkpoint, f);
    if (status) return status;
    snprintf(threads, sizeof threads, "%u", all->o->threads);
    bool ok = strings_add(words, "--json");
    const bool computes = strncmp(s->command, "data ", 5) != 0;
    if (computes) ok = ok && strings_add(words, "--threads") && strings_add(words, threads);
    if (computes && all->o->simd != LK_SIMD_BEST)
        ok = ok && strings_add(words, "--simd") &&
             strings_add(words, lk_simd_name((lk_simd)all->o->simd));
    if (file_kind_of(checkpoint) == FILE_REGULAR) ok = ok && strings_add(words, "--resume");
    return ok ? LK_OK : fail_memory(f);
}

/* Of a training, also what it took before it was gone on with. */
static double epochs_seconds(const json_t *result) {
    double sum = 0;
    size_t i;
    json_t *epoch;
    json_array_foreach(json_object_get(result, "epochs"), i, epoch) sum +=
        json_number_value(json_object_get(epoch, "seconds"));
    return sum;
}

static int run_step(steps *all, const step *s, json_t *line, json_t **record, fault *f) {
    strings words = {0};
    json_t *result = NULL;
    const double start = clock_seconds();
    progress_say(&all->progress, "%s", s->name);
    int code =
        find_words(all, s, &words) ? (int)add_manner(all, s, &words, f) : (int)fail_memory(f);
    if (!code)
        code = spawn_json(steps_want_graph(s) ? all->graph : "/proc/self/exe", &words, &result, f);
    strings_free(&words);
    /* It has said itself what failed; for --json the object is passed on. */
    if (code && result && all->o->json) return output_json(result, f) ? (int)f->error.status : code;
    if (code) {
        json_decref(result);
        return code;
    }
    *record = json_pack("{s:O,s:f,s:o}", "command", line, "seconds",
                        fmax(clock_seconds() - start, epochs_seconds(result)), "result", result);
    return *record ? (int)write_record(all, s, *record, f) : (int)fail_memory(f);
}

int steps_obtain(steps *all, const step *s, fault *f) {
    if (json_object_get(all->records, s->name)) return LK_OK;
    json_t *line = line_of(all, s, NULL), *record = NULL;
    int code = line ? (int)read_record(all, s, line, &record, f) : (int)fail_memory(f);
    if (!code && !record) code = run_step(all, s, line, &record, f);
    json_decref(line);
    if (code) {
        json_decref(record);
        return code;
    }
    return json_object_set_new(all->records, s->name, record) == 0 ? LK_OK : (int)fail_memory(f);
}
