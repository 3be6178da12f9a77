/* likeness-graph: images as a network, and whether those in the middle of it are the ones that a
   classifier gets wrong. A program of its own, since it alone needs igraph. */
#include <igraph.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "inputs.h"
#include "links.h"
#include "model_file.h"
#include "output.h"
#include "plot.h"
#include "program.h"
#include "progress.h"

static const char *const FEATURE_NAMES[] = {"input", "scaled", "map", "dense"};
static const char *const KIND_NAMES[] = {"nearest", "correlation", "lasso"};
enum { FEATURES = 4, KINDS = 3, MOST_FORCED = 1000, LEAST = 3 };

typedef struct study {
    const options *o;
    const lk_model *model; /* or NULL */
    data images;
    bool *wrong; /* [count]: what the model takes for another class; or NULL */
    size_t wrong_count;
} study;

/* What one network says of its images. */
typedef struct network {
    igraph_t graph;
    igraph_vector_t betweenness;
    igraph_vector_int_t degree, community;
    igraph_integer_t components;
    igraph_real_t modularity;
    links links;
} network;

/* ---- measures ---- */

static lk_status check(igraph_error_t code, fault *f) {
    if (code == IGRAPH_SUCCESS) return LK_OK;
    return code == IGRAPH_ENOMEM ? fail_memory(f)
                                 : fail(f, LK_DATA, NULL, "igraph: %s", igraph_strerror(code));
}

static lk_status build(const links *l, size_t count, igraph_t *graph, fault *f) {
    igraph_vector_int_t ends;
    lk_status status = check(igraph_vector_int_init(&ends, (igraph_integer_t)(2 * l->count)), f);
    if (status) return status;
    for (size_t i = 0; i < 2 * l->count; i++) VECTOR(ends)[i] = l->pairs[i / 2][i % 2];
    status = check(igraph_create(graph, &ends, (igraph_integer_t)count, IGRAPH_UNDIRECTED), f);
    igraph_vector_int_destroy(&ends);
    return status;
}

/* Communities by Louvain's method (V. D. Blondel et al. 2008), which `seed` fixes. */
static lk_status measure(const study *s, network *n, fault *f) {
    igraph_rng_seed(igraph_rng_default(), (igraph_uint_t)s->o->seed);
    lk_status status = check(
        igraph_degree(&n->graph, &n->degree, igraph_vss_all(), IGRAPH_ALL, IGRAPH_NO_LOOPS), f);
    if (!status)
        status = check(igraph_betweenness(&n->graph, &n->betweenness, igraph_vss_all(),
                                          IGRAPH_UNDIRECTED, NULL),
                       f);
    if (!status)
        status =
            check(igraph_community_multilevel(&n->graph, NULL, 1, &n->community, NULL, NULL), f);
    if (!status)
        status = check(
            igraph_modularity(&n->graph, &n->community, NULL, 1, IGRAPH_UNDIRECTED, &n->modularity),
            f);
    if (!status)
        status = check(
            igraph_connected_components(&n->graph, NULL, NULL, &n->components, IGRAPH_WEAK), f);
    return status;
}

static void network_free(network *n) {
    igraph_destroy(&n->graph);
    igraph_vector_destroy(&n->betweenness);
    igraph_vector_int_destroy(&n->degree);
    igraph_vector_int_destroy(&n->community);
    lk_free(n->links.pairs);
}

static lk_status network_make(const study *s, links_kind kind, const lk_real *values, size_t size,
                              network *n, fault *f) {
    links found;
    lk_status status = links_find(s->o, kind, values, s->images.set.count, size, &found, f);
    if (status) return status;
    *n = (network){.links = found};
    status = build(&n->links, s->images.set.count, &n->graph, f);
    if (status) {
        lk_free(n->links.pairs);
        return status;
    }
    if (igraph_vector_init(&n->betweenness, 0) || igraph_vector_int_init(&n->degree, 0) ||
        igraph_vector_int_init(&n->community, 0)) {
        igraph_destroy(&n->graph); /* what little has been made is lost with the program */
        lk_free(n->links.pairs);
        return fail_memory(f);
    }
    status = measure(s, n, f);
    if (status) network_free(n);
    return status;
}

/* ---- the claim: who is in the middle is taken for another ---- */

static const float *sorted_by; /* for ranks alone */
static int by_score(const void *a, const void *b) {
    const float x = sorted_by[*(const uint32_t *)a], y = sorted_by[*(const uint32_t *)b];
    return (x > y) - (x < y);
}

/* Scores become their ranks, equal ones their mean. */
static void rank(float *scores, size_t count, uint32_t *order, float *ranks) {
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    sorted_by = scores;
    qsort(order, count, sizeof *order, by_score);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && scores[order[end]] == scores[order[first]];) end++;
        for (size_t i = first; i < end; i++) ranks[order[i]] = (float)(first + end - 1) / 2;
    }
}

/* How well the score tells the images that are taken for another from the others. */
static lk_status add_auroc(const study *s, const float *scores, const char *name, json_t *claim,
                           fault *f) {
    const size_t count = s->images.set.count;
    float *parts = lk_alloc(count * sizeof *parts);
    if (!parts) return fail_memory(f);
    size_t right = 0, wrong = 0;
    for (size_t i = 0; i < count; i++) {
        if (s->wrong[i])
            parts[count - ++wrong] = scores[i];
        else
            parts[right++] = scores[i];
    }
    lk_separation separation;
    double low, high;
    lk_status status = lk_separate(parts, right, parts + right, wrong, &separation, &f->error);
    if (!status)
        status = lk_separation_interval(parts, right, parts + right, wrong, s->o->seed, &low, &high,
                                        &f->error);
    if (!status)
        json_object_set_new(
            claim, name,
            json_pack("{s:f,s:[f,f]}", "auroc", separation.auroc, "interval", low, high));
    lk_free(parts);
    return status;
}

static lk_status add_claim(const study *s, const network *n, json_t *report, fault *f) {
    const size_t count = s->images.set.count;
    float *degree = lk_alloc(count * sizeof *degree), *between = lk_alloc(count * sizeof *between);
    float *both = lk_alloc(2 * count * sizeof *both);
    uint32_t *order = lk_alloc(count * sizeof *order);
    json_t *claim = json_object();
    lk_status status = degree && between && both && order ? LK_OK : fail_memory(f);
    for (size_t i = 0; !status && i < count; i++) {
        degree[i] = (float)VECTOR(n->degree)[i];
        between[i] = (float)VECTOR(n->betweenness)[i];
    }
    if (!status) {
        rank(degree, count, order, both);
        rank(between, count, order, both + count);
        for (size_t i = 0; i < count; i++) both[i] += both[count + i];
        status = add_auroc(s, between, "betweenness", claim, f);
    }
    if (!status) status = add_auroc(s, degree, "degree", claim, f);
    if (!status) status = add_auroc(s, both, "both", claim, f);
    json_object_set_new(report, "claim", claim);
    lk_free(degree);
    lk_free(between);
    lk_free(both);
    lk_free(order);
    return status;
}

/* ---- the report ---- */

/* The share of edges that join images of one class. */
static double alike(const study *s, const network *n) {
    const uint32_t *labels = s->images.set.labels;
    size_t same = 0;
    for (size_t i = 0; i < n->links.count; i++)
        same += labels[n->links.pairs[i][0]] == labels[n->links.pairs[i][1]];
    return n->links.count ? (double)same / (double)n->links.count : 0;
}

static json_t *describe(const study *s, links_kind kind, links_feature feature, const network *n) {
    const double count = (double)s->images.set.count;
    json_int_t communities = 0, most = 0;
    double between = 0;
    for (size_t i = 0; i < s->images.set.count; i++) {
        if (VECTOR(n->community)[i] >= communities) communities = VECTOR(n->community)[i] + 1;
        if (VECTOR(n->degree)[i] > most) most = VECTOR(n->degree)[i];
        between += VECTOR(n->betweenness)[i] / count;
    }
    json_t *report =
        json_pack("{s:s,s:s,s:I,s:{s:f,s:I},s:o,s:I,s:I,s:o}", "edges", KIND_NAMES[kind], "feature",
                  FEATURE_NAMES[feature], "edge_count", (json_int_t)n->links.count, "degree",
                  "mean", 2 * (double)n->links.count / count, "most", most, "mean_betweenness",
                  output_number(between), "components", (json_int_t)n->components, "communities",
                  communities, "modularity", output_number(n->modularity));
    if (report && s->images.set.labels)
        json_object_set_new(report, "same_label", json_real(alike(s, n)));
    return report;
}

/* ---- files ---- */

/* Forces between all for few, DrL (S. Martin et al. 2011) for many. */
static lk_status lay_out(const study *s, const network *n, lk_real *points, fault *f) {
    igraph_matrix_t where;
    lk_status status = check(igraph_matrix_init(&where, 0, 0), f);
    if (status) return status;
    igraph_rng_seed(igraph_rng_default(), (igraph_uint_t)s->o->seed);
    const size_t count = s->images.set.count;
    if (count <= MOST_FORCED) {
        status = check(igraph_layout_fruchterman_reingold(&n->graph, &where, false, 500,
                                                          sqrt((double)count), IGRAPH_LAYOUT_NOGRID,
                                                          NULL, NULL, NULL, NULL, NULL),
                       f);
    } else {
        igraph_layout_drl_options_t drl;
        igraph_layout_drl_options_init(&drl, IGRAPH_LAYOUT_DRL_DEFAULT);
        status = check(igraph_layout_drl(&n->graph, &where, false, &drl, NULL), f);
    }
    for (size_t i = 0; !status && i < 2 * count; i++)
        points[i] = (lk_real)MATRIX(where, i / 2, i % 2);
    igraph_matrix_destroy(&where);
    return status;
}

static lk_status write_json(const study *s, const network *n, const lk_real *points,
                            const json_t *report, fault *f) {
    json_t *all = json_copy((json_t *)report), *nodes = json_array(), *pairs = json_array();
    const lk_dataset *set = &s->images.set;
    for (size_t i = 0; i < set->count; i++) {
        json_t *node = json_pack(
            "{s:[f,f],s:I,s:f,s:I}", "point", (double)points[2 * i], (double)points[2 * i + 1],
            "degree", (json_int_t)VECTOR(n->degree)[i], "betweenness", VECTOR(n->betweenness)[i],
            "community", (json_int_t)VECTOR(n->community)[i]);
        if (set->labels) json_object_set_new(node, "label", json_integer(set->labels[i]));
        if (s->wrong) json_object_set_new(node, "wrong", json_boolean(s->wrong[i]));
        json_array_append_new(nodes, node);
    }
    for (size_t i = 0; i < n->links.count; i++)
        json_array_append_new(
            pairs, json_pack("[i,i]", (int)n->links.pairs[i][0], (int)n->links.pairs[i][1]));
    json_object_set_new(all, "nodes", nodes);
    json_object_set_new(all, "pairs", pairs);
    char *text = json_dumps(all, JSON_REAL_PRECISION(9) | JSON_COMPACT);
    json_decref(all);
    if (!text) return fail_memory(f);
    const lk_status status = file_write(s->o->out, text, strlen(text), f);
    free(text);
    return status;
}

/* Coloured by label; those that are taken for another class stand out. */
static lk_status draw(const study *s, const network *n, const lk_real *points, fault *f) {
    const lk_dataset *set = &s->images.set;
    lk_real *placed = lk_alloc((s->wrong_count + 1) * 2 * sizeof *placed);
    uint32_t *labels = lk_alloc((s->wrong_count + 1) * sizeof *labels);
    size_t at = 0;
    for (size_t i = 0; placed && labels && s->wrong && i < set->count; i++) {
        if (!s->wrong[i]) continue;
        memcpy(placed + 2 * at, points + 2 * i, 2 * sizeof *placed);
        labels[at++] = set->labels[i];
    }
    const plot p = {.points = points,
                    .count = set->count,
                    .labels = set->labels,
                    .classes = set->classes,
                    .names = &s->images.classes,
                    .edges = (const uint32_t(*)[2])n->links.pairs,
                    .edge_count = n->links.count,
                    .placed = placed,
                    .placed_count = at,
                    .placed_labels = labels};
    const lk_status status = placed && labels ? plot_write(s->o->out, &p, f) : fail_memory(f);
    lk_free(placed);
    lk_free(labels);
    return status;
}

static lk_status write_out(const study *s, const network *n, const json_t *report, fault *f) {
    lk_real *points = lk_alloc(2 * s->images.set.count * sizeof *points);
    if (!points) return fail_memory(f);
    lk_status status = lay_out(s, n, points, f);
    if (!status)
        status = text_ends_with(s->o->out, ".json") ? write_json(s, n, points, report, f)
                                                    : draw(s, n, points, f);
    lk_free(points);
    return status;
}

/* ---- all of it ---- */

static lk_status study_one(const study *s, links_kind kind, links_feature feature,
                           const lk_real *values, size_t size, json_t *list, fault *f) {
    const double started = clock_seconds();
    network n;
    lk_status status = network_make(s, kind, values, size, &n, f);
    if (status) return status;
    json_t *report = describe(s, kind, feature, &n);
    json_array_append(list, report);
    if (s->wrong_count > 0 && s->wrong_count < s->images.set.count)
        status = add_claim(s, &n, report, f);
    if (!status && s->o->out) status = write_out(s, &n, report, f);
    json_object_set_new(report, "seconds", json_real(clock_seconds() - started));
    json_decref(report);
    network_free(&n);
    return status;
}

static lk_status study_all(const study *s, json_t *list, fault *f) {
    const options *o = s->o;
    progress p;
    progress_start(&p, 1);
    for (int feature = 0; feature < (s->model ? FEATURES : FEATURE_MAP); feature++) {
        lk_real *values;
        size_t size;
        if (o->feature >= 0 && o->feature != feature) continue;
        lk_status status =
            links_features(o, s->model, &s->images.set, (links_feature)feature, &values, &size, f);
        for (int kind = 0; !status && kind < KINDS; kind++) {
            if (o->edges >= 0 && o->edges != kind) continue;
            status = study_one(s, (links_kind)kind, (links_feature)feature, values, size, list, f);
            if (!status) progress_say(&p, "%s of %s", KIND_NAMES[kind], FEATURE_NAMES[feature]);
        }
        lk_free(values);
        if (status) return status;
    }
    return LK_OK;
}

static lk_status find_wrong(study *s, fault *f) {
    const lk_dataset *set = &s->images.set;
    if (!s->model || !set->labels || lk_model_output(s->model) != LK_OUTPUT_CLASSES) return LK_OK;
    uint32_t *guesses = lk_alloc(set->count * sizeof *guesses);
    s->wrong = lk_alloc(set->count * sizeof *s->wrong);
    lk_status status = guesses && s->wrong ? LK_OK : fail_memory(f);
    if (!status) status = links_guess(s->o, s->model, set, guesses, f);
    for (size_t i = 0; !status && i < set->count; i++) {
        s->wrong[i] = guesses[i] != set->labels[i];
        s->wrong_count += s->wrong[i];
    }
    lk_free(guesses);
    return status;
}

static void print_auroc(const json_t *claim, const char *name) {
    const json_t *one = json_object_get(claim, name), *interval = json_object_get(one, "interval");
    printf("  %s %.3f (%.3f to %.3f)", name, json_number_value(json_object_get(one, "auroc")),
           json_number_value(json_array_get(interval, 0)),
           json_number_value(json_array_get(interval, 1)));
}

static void print_report(const study *s, const json_t *list) {
    size_t i;
    json_t *r;
    printf("%s", COUNT_OF(s->images.set.count, "image"));
    if (s->wrong) printf(", of which the model takes %zu for another class", s->wrong_count);
    putchar('\n');
    json_array_foreach(list, i, r) {
        printf("%s of %s: %s, %s, %s, modularity %.3f\n",
               json_string_value(json_object_get(r, "edges")),
               json_string_value(json_object_get(r, "feature")),
               COUNT_OF(json_integer_value(json_object_get(r, "edge_count")), "edge"),
               COUNT_OF(json_integer_value(json_object_get(r, "components")), "component"),
               COUNT_OF(json_integer_value(json_object_get(r, "communities")), "community"),
               json_number_value(json_object_get(r, "modularity")));
        const json_t *claim = json_object_get(r, "claim");
        if (!claim) continue;
        printf("  AUROC of the wrong ones:");
        print_auroc(claim, "betweenness");
        print_auroc(claim, "degree");
        print_auroc(claim, "both");
        putchar('\n');
    }
}

static lk_status check_options(const options *o, fault *f) {
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    if (o->feature >= FEATURE_MAP && o->arguments.count == 0)
        return fail(f, LK_USAGE, NULL, "--feature %s wants a model", FEATURE_NAMES[o->feature]);
    if (o->k == LK_MAX_NEIGHBOURS)
        return fail(f, LK_USAGE, NULL, "--k %u: under %d", o->k, LK_MAX_NEIGHBOURS);
    if (!o->out) return LK_OK;
    if (!text_ends_with(o->out, ".png") && !text_ends_with(o->out, ".svg") &&
        !text_ends_with(o->out, ".json"))
        return fail(f, LK_USAGE, NULL, "--out wants a name ending in .png, .svg or .json");
    if (o->feature < 0 || o->edges < 0)
        return fail(f, LK_USAGE, NULL, "--out holds one network: give --feature and --edges");
    return inputs_check_output(o, "out", o->out, f);
}

static lk_status report(study *s, fault *f) {
    json_t *list = json_array();
    lk_status status = find_wrong(s, f);
    if (!status) status = study_all(s, list, f);
    if (!status && s->o->json) {
        json_t *all =
            json_pack("{s:I,s:O}", "images", (json_int_t)s->images.set.count, "networks", list);
        if (s->wrong) json_object_set_new(all, "wrong", json_integer((json_int_t)s->wrong_count));
        status = output_json(all, f);
    } else if (!status) {
        print_report(s, list);
    }
    json_decref(list);
    return status;
}

static int run_graph(const options *o, fault *f) {
    int code = check_options(o, f);
    if (code) return code;
    lk_model *model = o->arguments.count ? model_read(o->arguments.items[0], f) : NULL;
    if (o->arguments.count && !model) return f->error.status;
    study s = {.o = o, .model = model};
    const lk_shape any = {0};
    code =
        data_load(o->data, DATA_TEST, model ? lk_model_shape(model) : any, o->limit, &s.images, f);
    if (!code) code = data_suit_table(&s.images, model, f);
    if (!code && s.images.set.count < LEAST)
        code = fail(f, LK_DATA, s.images.path, "a network wants at least %d images, not %zu", LEAST,
                    s.images.set.count);
    if (!code) code = report(&s, f);
    lk_free(s.wrong);
    data_free(&s.images);
    lk_model_free(model);
    return code;
}

static int run(int argc, char **argv, fault *f) {
    static const command GRAPH = {
        "graph",
        "[MODEL] --data SPEC [--feature NAME --edges NAME --out FILE.png|svg|json]",
        "Joins images to those that are like them; measures the network, and whether the images in "
        "its middle are those that a classifier gets wrong.",
        run_graph,
        FOR_GRAPH,
        0,
        1};
    igraph_set_error_handler(igraph_error_handler_ignore);
    options o;
    int code = options_parse(&GRAPH, argc, argv, 1, &o, f);
    if (code == LK_OK && o.help && o.json)
        code = output_json(options_describe(&GRAPH), f);
    else if (code == LK_OK && o.help)
        options_print_help(&GRAPH);
    else if (code == LK_OK)
        code = run_graph(&o, f);
    options_free(&o);
    return code;
}

int main(int argc, char **argv) {
    return program_run(argc, argv, run);
}
