#include "seeds.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claims.h"
#include "clock.h"
#include "commands.h"
#include "file.h"
#include "output.h"
#include "progress.h"
#include "spawn.h"

#define MAX_RECORD (64ull << 20)
enum { LEAST_LIMIT = 2000 }; /* so that images can be held out, and labels of each class be drawn */

typedef struct audit {
    const options *o;
    const char *folder, *data; /* --out, --data-dir */
    char graph[PATH_MAX];      /* the program likeness-graph */
    progress progress;
    json_t *records; /* {step: {"command", "seconds", "result"}} */
} audit;

/* ---- commands ---- */

/* One word of a step's command, with the names of files in it; *from moves to the next. */
static bool read_word(const audit *a, const char **from, strings *words) {
    char *word = NULL;
    size_t size;
    FILE *out = open_memstream(&word, &size);
    if (!out) return false;
    const bool network = **from == '@';
    bool quoted = false;
    if (network) fprintf(out, "%s/", a->folder);
    for (*from += network; **from && (quoted || **from != ' '); ++*from) {
        if (**from == '"')
            quoted = !quoted;
        else if (**from == '%')
            fputs(a->data, out);
        else
            fputc(**from, out);
    }
    if (network) fputs(".safetensors", out);
    const bool ok = fclose(out) == 0 && strings_add(words, word);
    free(word);
    while (**from == ' ') ++*from;
    return ok;
}

static bool is_graph(const step *s) {
    return *s->command == '-';
}

/* The words as a user would give them, the program called as it was now. */
static bool find_words(const audit *a, const step *s, strings *words) {
    char text[PATH_MAX];
    const char *at = s->command + (is_graph(s) ? strlen("-graph ") : 0);
    snprintf(text, sizeof text, "%s%s", program_invocation_name, is_graph(s) ? "-graph" : "");
    bool ok = strings_add(words, text);
    while (*at && ok) ok = read_word(a, &at, words);
    snprintf(text, sizeof text, "%u", a->o->limit);
    if (ok && a->o->limit)
        ok = strings_add(words, "--limit") && strings_add(words, text);
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
static bool put_step(const audit *a, const step *s, size_t first, FILE *out) {
    strings words = {0};
    const bool ok = find_words(a, s, &words);
    for (size_t i = first; ok && i < words.count; i++) {
        if (i > first) fputc(' ', out);
        put_word(out, words.items[i]);
    }
    strings_free(&words);
    return ok;
}

/* What a step does, whatever the program is called; or the command lines of a claim, one after
   another: what a user can paste. NULL when out of memory. */
static json_t *line_of(const audit *a, const step *s, const claim *c) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    bool ok = true;
    if (s) {
        ok = put_step(a, s, 1, out);
    } else {
        fputs("mkdir -p ", out);
        put_word(out, a->folder);
        for (size_t i = 0; ok && c->steps[i]; i++) {
            fputs(" && ", out);
            ok = put_step(a, claims_step(c->steps[i]), 0, out);
        }
    }
    ok = fclose(out) == 0 && ok;
    json_t *line = ok ? output_text(text) : NULL;
    free(text);
    return line;
}

/* ---- steps ---- */

static lk_status find_record(const audit *a, const step *s, char *path, fault *f) {
    char name[64];
    snprintf(name, sizeof name, "%s.json", s->name);
    return file_join(a->folder, name, path, f);
}

static lk_status find_network(const audit *a, const step *s, const char *ending, char *path,
                              fault *f) {
    char name[64];
    snprintf(name, sizeof name, "%s.safetensors%s", s->name, ending);
    return file_join(a->folder, name, path, f);
}

/* What an earlier run has left, if it was of this very command; *record is NULL if not. */
static lk_status read_record(const audit *a, const step *s, const json_t *line, json_t **record,
                             fault *f) {
    char path[PATH_MAX], network[PATH_MAX];
    lk_bytes bytes;
    lk_status status = find_record(a, s, path, f);
    if (!status) status = find_network(a, s, "", network, f);
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

static lk_status write_record(const audit *a, const step *s, const json_t *record, fault *f) {
    char path[PATH_MAX], *text = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!text) return fail_memory(f);
    lk_status status = find_record(a, s, path, f);
    if (!status) status = file_write(path, text, strlen(text), f);
    free(text);
    return status;
}

/* What the program is told beside: none of it changes a result. */
static lk_status add_manner(const audit *a, const step *s, strings *words, fault *f) {
    char checkpoint[PATH_MAX], threads[16];
    const lk_status status = find_network(a, s, ".checkpoint", checkpoint, f);
    if (status) return status;
    snprintf(threads, sizeof threads, "%u", a->o->threads);
    bool ok = strings_add(words, "--json");
    if (strncmp(s->command, "data ", 5) != 0)
        ok = ok && strings_add(words, "--threads") && strings_add(words, threads);
    if (file_kind_of(checkpoint) == FILE_REGULAR) ok = ok && strings_add(words, "--resume");
    return ok ? LK_OK : fail_memory(f);
}

static int run_step(audit *a, const step *s, json_t *line, json_t **record, fault *f) {
    strings words = {0};
    json_t *result = NULL;
    const double start = clock_seconds();
    progress_say(&a->progress, "%s", s->name);
    int code = find_words(a, s, &words) ? (int)add_manner(a, s, &words, f) : (int)fail_memory(f);
    if (!code) code = spawn_json(is_graph(s) ? a->graph : "/proc/self/exe", &words, &result, f);
    strings_free(&words);
    /* It has said itself what failed; for --json the object is passed on. */
    if (code && result && a->o->json) return output_json(result, f) ? (int)f->error.status : code;
    if (code) {
        json_decref(result);
        return code;
    }
    *record = json_pack("{s:O,s:f,s:o}", "command", line, "seconds", clock_seconds() - start,
                        "result", result);
    return *record ? (int)write_record(a, s, *record, f) : (int)fail_memory(f);
}

/* Sees to it that a step's record is there. Returns an exit code. */
static int obtain(audit *a, const step *s, fault *f) {
    if (json_object_get(a->records, s->name)) return LK_OK;
    json_t *line = line_of(a, s, NULL), *record = NULL;
    int code = line ? (int)read_record(a, s, line, &record, f) : (int)fail_memory(f);
    if (!code && !record) code = run_step(a, s, line, &record, f);
    json_decref(line);
    if (code) {
        json_decref(record);
        return code;
    }
    return json_object_set_new(a->records, s->name, record) == 0 ? LK_OK : (int)fail_memory(f);
}

/* ---- figures ---- */

/* What a path of keys and places leads to, or NULL. */
static const json_t *look_up(const json_t *in, const char *path) {
    char key[64];
    while (in && *path) {
        const size_t length = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)length, path);
        in = json_is_array(in) ? json_array_get(in, strtoul(key, NULL, 10))
                               : json_object_get(in, key);
        path += length + (path[length] == '.');
    }
    return in;
}

static double sum_of(const json_t *counts) {
    double sum = json_number_value(counts);
    for (size_t i = 0; i < json_array_size(counts); i++)
        sum += json_number_value(json_array_get(counts, i));
    return sum;
}

/* In percent, as the share is. */
static void wilson(double share, double n, double *low, double *high) {
    const double z = 1.959964, middle = share + z * z / (2 * n),
                 half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)),
                 whole = 1 + z * z / n;
    *low = 100 * (middle - half) / whole;
    *high = 100 * (middle + half) / whole;
}

/* {"what", "value"}, and "low", "high" and "interval" where the figure has one; NULL: it is not
   there. */
static json_t *describe_figure(const figure *g, const json_t *result) {
    static const char *const names[] = {NULL, "Wilson", "normal", "bootstrap"};
    const json_t *value = look_up(result, g->path), *over = look_up(result, g->over ? g->over : "");
    if (!json_is_number(value)) return NULL;
    double v = json_number_value(value), low = v, high = v;
    if (g->measure == SHARE) {
        if (!(sum_of(over) > 0)) return NULL;
        wilson(v, sum_of(over), &low, &high);
        v *= 100;
    } else if (g->measure == MEAN) {
        if (!json_is_number(over)) return NULL;
        low = v - 1.96 * json_number_value(over);
        high = v + 1.96 * json_number_value(over);
    } else if (g->measure == SEPARATION) {
        if (json_array_size(over) != 2) return NULL;
        low = json_number_value(json_array_get(over, 0));
        high = json_number_value(json_array_get(over, 1));
    }
    const bool interval = g->measure != NUMBER;
    return json_pack("{s:s,s:f,s:o*,s:o*,s:s*,s:s*}", "what", g->what, "value", v, "low",
                     interval ? json_real(low) : NULL, "high", interval ? json_real(high) : NULL,
                     "interval", names[g->measure], "unit", g->measure == SHARE ? "%" : NULL);
}

static lk_status describe_figures(const audit *a, const claim *c, json_t *list, fault *f) {
    for (const figure *g = c->figures; g->what; g++) {
        const json_t *record = json_object_get(a->records, g->step);
        json_t *row = describe_figure(g, json_object_get(record, "result"));
        char path[PATH_MAX];
        if (row) {
            json_array_append_new(list, row);
            continue;
        }
        const lk_status status = find_record(a, claims_step(g->step), path, f);
        return status ? status : fail(f, LK_DATA, path, "has no figure %s", g->path);
    }
    return LK_OK;
}

/* ---- claims ---- */

/* Why a claim cannot be measured here, or "". */
static lk_status find_lack(const audit *a, const claim *c, char *lack, size_t size, fault *f) {
    *lack = 0;
    for (const char *const *needed = c->needs; *needed; needed++) {
        char path[PATH_MAX];
        const lk_status status = file_join(a->data, *needed, path, f);
        if (status) return status;
        if (file_kind_of(path) == FILE_ABSENT)
            snprintf(lack, size, "not measured: there is no %s (see --data-dir)", path);
    }
    for (const char *const *name = c->steps; *name; name++)
        if (is_graph(claims_step(*name)) && access(a->graph, X_OK) != 0)
            snprintf(lack, size, "not measured: likeness-graph was not built, for want of igraph");
    return LK_OK;
}

static json_t *describe_claim(const audit *a, const claim *c, double seconds) {
    return json_pack("{s:s,s:s,s:s,s:o,s:f}", "name", c->name, "claim", c->claim, "claimed",
                     c->claimed, "command", line_of(a, NULL, c), "seconds", seconds);
}

static json_t *plan(const audit *a, const claim *c) {
    unsigned seconds = 0;
    for (const char *const *name = c->steps; *name; name++) seconds += claims_step(*name)->seconds;
    return describe_claim(a, c, seconds);
}

/* Runs what a claim needs and adds its row. Returns an exit code. */
static int measure_claim(audit *a, const claim *c, json_t *rows, fault *f) {
    char lack[PATH_MAX + 80];
    json_t *figures = json_array(), *row = NULL;
    double seconds = 0;
    int code = find_lack(a, c, lack, sizeof lack, f);
    for (const char *const *name = c->steps; *name && !*lack && !code; name++) {
        code = obtain(a, claims_step(*name), f);
        const json_t *record = json_object_get(a->records, *name);
        seconds += json_number_value(json_object_get(record, "seconds"));
    }
    if (!code && !*lack) code = describe_figures(a, c, figures, f);
    if (!code && !(row = describe_claim(a, c, seconds))) code = fail_memory(f);
    if (row) {
        static const char *const of_row[] = {"measured", "low", "high"};
        static const char *const of_figure[] = {"value", "low", "high"};
        json_t *first = json_array_get(figures, 0);
        for (size_t i = 0; i < 3; i++) {
            json_t *value = json_object_get(first, of_figure[i]);
            json_object_set(row, of_row[i], value ? value : json_null());
        }
        json_object_set(row, "figures", figures);
        json_object_set_new(row, "why", output_text(*lack ? lack : c->why));
        json_array_append_new(rows, row);
    }
    json_decref(figures);
    return code;
}

/* ---- the table ---- */

static void print_figure(const json_t *one) {
    const double value = json_number_value(json_object_get(one, "value"));
    const double low = json_number_value(json_object_get(one, "low"));
    const double high = json_number_value(json_object_get(one, "high"));
    printf("%s ", json_string_value(json_object_get(one, "what")));
    if (json_object_get(one, "unit"))
        printf("%.2f %% (%.2f to %.2f)", value, low, high);
    else if (json_object_get(one, "low"))
        printf("%.3f (%.3f to %.3f)", value, low, high);
    else
        printf("%.4g", value);
}

static void print_table(const json_t *rows) {
    size_t i, k;
    json_t *row, *one;
    puts("| name | claim | claimed | measured here | why | seconds |\n|---|---|---|---|---|---|");
    json_array_foreach(rows, i, row) {
        char why[2 * PATH_MAX];
        printf("| `%s` | %s | %s | ", json_string_value(json_object_get(row, "name")),
               json_string_value(json_object_get(row, "claim")),
               json_string_value(json_object_get(row, "claimed")));
        json_array_foreach(json_object_get(row, "figures"), k, one) {
            if (k) fputs("; ", stdout);
            print_figure(one);
        }
        printf(" | %s | %.0f |\n",
               text_printable(json_string_value(json_object_get(row, "why")), why, sizeof why),
               json_number_value(json_object_get(row, "seconds")));
    }
    puts("\nShares of test images with E. B. Wilson's 95 % interval, means over them with 1.96 "
         "standard errors, AUROC with\nthe middle 95 % of 1,000 resamplings.");
}

static void print_list(const json_t *rows) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        char line[1 << 13];
        printf(
            "%s: %s: %s (%.0f s)\n    %s\n", json_string_value(json_object_get(row, "name")),
            json_string_value(json_object_get(row, "claim")),
            json_string_value(json_object_get(row, "claimed")),
            json_number_value(json_object_get(row, "seconds")),
            text_printable(json_string_value(json_object_get(row, "command")), line, sizeof line));
    }
}

/* ---- the command ---- */

/* The claims that --only names, or all. */
static lk_status choose(const options *o, bool *chosen, fault *f) {
    enum { MOST = 64 };
    const char *names[MOST];
    size_t count;
    const claim *claims = claims_all(&count);
    for (size_t i = 0; i < count; i++) {
        names[i] = claims[i].name;
        chosen[i] = !o->only;
    }
    for (const char *at = o->only; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        char name[40];
        size_t found = 0;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ","), at);
        while (found < count && strcmp(claims[found].name, name) != 0) found++;
        if (found < count) {
            chosen[found] = true;
            continue;
        }
        const char *near = text_nearest(name, names, count);
        if (near)
            return fail(f, LK_USAGE, NULL, "--only: no claim '%s'; did you mean %s?", name, near);
        return fail(f, LK_USAGE, NULL, "--only: no claim '%s'; see audit --seeds --list", name);
    }
    return LK_OK;
}

static int collect(audit *a, const bool *chosen, json_t *rows, fault *f) {
    size_t count;
    const claim *claims = claims_all(&count);
    int code = a->o->list ? LK_OK : (int)file_make_folder(a->folder, f);
    for (size_t i = 0; i < count && !code; i++) {
        if (!chosen[i]) continue;
        if (!a->o->list)
            code = measure_claim(a, &claims[i], rows, f);
        else if (json_array_append_new(rows, plan(a, &claims[i])) != 0)
            code = fail_memory(f);
    }
    return code;
}

int seeds_audit(const options *o, fault *f) {
    static audit a; /* large */
    bool chosen[64];
    if (o->arguments.count || o->data)
        return fail(f, LK_USAGE, NULL, "--seeds trains networks of its own: no MODEL, no --data");
    if (o->limit && o->limit < LEAST_LIMIT)
        return fail(f, LK_USAGE, NULL, "--limit %u: --seeds wants at least %d", o->limit,
                    LEAST_LIMIT);
    int code = choose(o, chosen, f);
    if (code) return code;
    a = (audit){.o = o,
                .folder = o->out ? o->out : "seeds",
                .data = o->data_dir ? o->data_dir : "../shared/data",
                .records = json_object()};
    char folder[PATH_MAX];
    json_t *rows = json_array();
    if (!file_program_folder(folder)) *folder = 0;
    code = file_join(folder, "likeness-graph", a.graph, f);
    progress_start(&a.progress, 1);
    if (!code) code = collect(&a, chosen, rows, f);
    if (!code && o->json)
        code = output_json(json_incref(rows), f);
    else if (!code)
        (o->list ? print_list : print_table)(rows);
    json_decref(rows);
    json_decref(a.records);
    return code;
}
