#include "seeds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "output.h"
#include "steps.h"

enum { LEAST_LIMIT = 2000 }; /* so that images can be held out, and labels of each class be drawn */

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

static lk_status describe_figures(const steps *all, const claim *c, json_t *list, fault *f) {
    for (const figure *g = c->figures; g->what; g++) {
        const json_t *record = json_object_get(all->records, g->step);
        json_t *row = describe_figure(g, json_object_get(record, "result"));
        char path[PATH_MAX];
        if (row) {
            json_array_append_new(list, row);
            continue;
        }
        const lk_status status = steps_record(all, claims_step(g->step), path, f);
        return status ? status : fail(f, LK_DATA, path, "has no figure %s", g->path);
    }
    return LK_OK;
}

/* ---- claims ---- */

/* Why a claim cannot be measured here, or "". */
static lk_status find_lack(const steps *all, const claim *c, char *lack, size_t size, fault *f) {
    *lack = 0;
    for (const char *const *needed = c->needs; *needed; needed++) {
        char path[PATH_MAX];
        const lk_status status = file_join(all->data, *needed, path, f);
        if (status) return status;
        if (file_kind_of(path) == FILE_ABSENT)
            snprintf(lack, size, "not measured: there is no %s (see --data-dir)", path);
    }
    for (const char *const *name = c->steps; *name; name++)
        if (steps_want_graph(claims_step(*name)) && access(all->graph, X_OK) != 0)
            snprintf(lack, size, "not measured: likeness-graph was not built, for want of igraph");
    return LK_OK;
}

static json_t *describe_claim(const steps *all, const claim *c, double seconds) {
    return json_pack("{s:s,s:s,s:s,s:o,s:f}", "name", c->name, "claim", c->claim, "claimed",
                     c->claimed, "command", steps_line(all, c), "seconds", seconds);
}

static json_t *plan(const steps *all, const claim *c) {
    unsigned seconds = 0;
    for (const char *const *name = c->steps; *name; name++) seconds += claims_step(*name)->seconds;
    return describe_claim(all, c, seconds);
}

/* Runs what a claim needs and adds its row. Returns an exit code. */
static int measure_claim(steps *all, const claim *c, json_t *rows, fault *f) {
    char lack[PATH_MAX + 80];
    json_t *figures = json_array(), *row = NULL;
    double seconds = 0;
    int code = find_lack(all, c, lack, sizeof lack, f);
    for (const char *const *name = c->steps; *name && !*lack && !code; name++) {
        code = steps_obtain(all, claims_step(*name), f);
        const json_t *record = json_object_get(all->records, *name);
        seconds += json_number_value(json_object_get(record, "seconds"));
    }
    if (!code && !*lack) code = describe_figures(all, c, figures, f);
    if (!code && !(row = describe_claim(all, c, seconds))) code = fail_memory(f);
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

static int collect(steps *all, const bool *chosen, json_t *rows, fault *f) {
    size_t count;
    const claim *claims = claims_all(&count);
    int code = all->o->list ? LK_OK : (int)file_make_folder(all->folder, f);
    for (size_t i = 0; i < count && !code; i++) {
        if (!chosen[i]) continue;
        if (!all->o->list)
            code = measure_claim(all, &claims[i], rows, f);
        else if (json_array_append_new(rows, plan(all, &claims[i])) != 0)
            code = fail_memory(f);
    }
    return code;
}

int seeds_audit(const options *o, fault *f) {
    static steps a; /* large */
    bool chosen[64];
    if (o->arguments.count || o->data || o->known || o->html || o->ood.count || o->inside.count ||
        o->ink || o->ablation)
        return fail(f, LK_USAGE, NULL,
                    "--seeds trains networks of its own: no MODEL, and no option about one");
    if (o->limit && o->limit < LEAST_LIMIT)
        return fail(f, LK_USAGE, NULL, "--limit %u: --seeds wants at least %d", o->limit,
                    LEAST_LIMIT);
    int code = choose(o, chosen, f);
    if (code) return code;
    a = (steps){.o = o,
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
