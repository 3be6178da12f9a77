/* cluster: groups of images by k-means on their codes or pixels, on the components of these, or on
   their UMAP; or by communities of the graph of nearest neighbours. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyses.h"
#include "commands.h"
#include "data.h"
#include "file.h"
#include "inputs.h"
#include "made.h"
#include "model_file.h"
#include "names.h"
#include "output.h"

enum { NEIGHBOURS = 20, COLUMNS = 10 };

/* What --by says. */
typedef enum space { AS_THEY_ARE, COMPONENTS, UMAP, AXES, GRAPH, SPACES } space;

typedef struct clustering {
    const options *o;
    const lk_model *model; /* NULL: of pixels */
    lk_dataset set;        /* borrowed */
    const data *data;      /* borrowed: its set, which is above, and names */
    space space;
    size_t number;      /* of components, or of neighbours */
    size_t d;           /* values of a code */
    lk_real *codes;     /* [n][d] */
    size_t width;       /* of what is clustered */
    lk_real *vectors;   /* [n][width]: the codes themselves, or owned */
    lk_real *centres;   /* [k][width] */
    uint32_t *cluster;  /* [n] */
    uint32_t *class_of; /* [k] */
    double inertia, likelihood, modularity;
} clustering;

/* ---- the command line ---- */

static lk_status parse_space(const options *o, space *which, size_t *number, fault *f) {
    static const char *const names[SPACES] = {"codes", "pca", "umap", "axes", "graph"};
    static const size_t least[SPACES] = {0, 1, 1, 0, 1};
    static const size_t most[SPACES] = {0, 4096, LK_MAX_NEIGHBOURS - 1, 0, LK_MAX_NEIGHBOURS - 1};
    const size_t length = strcspn(o->by, ":");
    const char *text = o->by + length + (o->by[length] == ':');
    for (int i = 0; i < SPACES; i++) {
        if (strlen(names[i]) != length || strncmp(o->by, names[i], length) != 0) continue;
        *which = i;
        const bool neighbours = i == UMAP || i == GRAPH;
        *number = neighbours && !o->by[length] ? NEIGHBOURS : strtoul(text, NULL, 10);
        const bool digits = strspn(text, "0123456789") == strlen(text) && strlen(text) < 6;
        const bool plain = !o->by[length] || most[i] > 0;
        if (digits && plain && *number >= least[i] && *number <= most[i]) return LK_OK;
    }
    return fail(
        f, LK_USAGE, NULL,
        "--by wants codes, axes, pca:P with P from 1 to 4096, umap:N or graph:N with N from "
        "1 to %d, not '%.40s'",
        LK_MAX_NEIGHBOURS - 1, o->by);
}

static lk_status check_file(const options *o, const char *path, const char *option,
                            const char *endings[2], fault *f) {
    if (!text_ends_with(path, endings[0]) && !text_ends_with(path, endings[1]))
        return fail(f, LK_USAGE, NULL, "--%s wants a name ending in %s", option, endings[0]);
    return inputs_check_output(o, option, path, f);
}

static lk_status check_options(const options *o, space *which, size_t *number, fault *f) {
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    if (!o->clusters) return fail(f, LK_USAGE, NULL, "--k N is needed");
    if (o->pixels == (o->arguments.count > 0))
        return fail(f, LK_USAGE, NULL, "give a MODEL or --pixels, one of them");
    if (o->shape.channels && !o->pixels)
        return fail(f, LK_USAGE, NULL, "--shape is for --pixels: a model has its own");
    lk_status status = parse_space(o, which, number, f);
    if (!status && *which == AXES && (o->clusters != 2 || o->gaussians))
        status = fail(f, LK_USAGE, NULL, "--by axes wants --k 2, and no --gaussians");
    if (!status && *which == GRAPH && o->gaussians)
        status = fail(f, LK_USAGE, NULL, "--by graph wants no --gaussians");
    if (!status && o->out)
        status = check_file(o, o->out, "out", (const char *[]){".csv", ".npy"}, f);
    if (!status && o->centres)
        status = check_file(o, o->centres, "centres", (const char *[]){".png", ".png"}, f);
    if (!status && o->out && o->centres && strcmp(o->out, o->centres) == 0)
        status = fail(f, LK_USAGE, NULL, "--out and --centres are the same file");
    return status;
}

/* What depends on the images: the core says the rest. */
static lk_status check_sizes(const clustering *c, fault *f) {
    const options *o = c->o;
    if (o->clusters > c->set.count)
        return fail(f, LK_DATA, o->data, "%s of %s", COUNT_OF(o->clusters, "cluster"),
                    COUNT_OF(c->set.count, "image"));
    if (c->space == AXES && c->d < 2)
        return fail(f, LK_USAGE, NULL, "--by axes: there is only one value");
    if (c->space == COMPONENTS && c->number > c->d)
        return fail(f, LK_USAGE, NULL, "--by %s is of more than %s", o->by,
                    COUNT_OF(c->d, "value"));
    if ((c->space == UMAP || c->space == GRAPH) && c->number >= c->set.count)
        return fail(f, LK_DATA, o->data, "%s of %s", COUNT_OF(c->number, "neighbour"),
                    COUNT_OF(c->set.count, "image"));
    if (o->centres && !made_fits(o->clusters, COLUMNS, c->set.shape))
        return fail(f, LK_USAGE, NULL, "--centres: too large a picture");
    return LK_OK;
}

/* ---- what is clustered ---- */

static lk_status make_codes(clustering *c, fault *f) {
    const size_t n = c->set.count;
    c->codes = lk_alloc(n * c->d * sizeof *c->codes);
    if (!c->codes) return fail_memory(f);
    if (!c->model) {
        lk_dataset_images(&c->set, 0, n, c->codes);
        return LK_OK;
    }
    if (lk_dataset_encode(&c->set, c->model, (int)c->o->threads, (lk_simd)c->o->simd, c->codes,
                          &f->error))
        return blame(f, c->o->data);
    return LK_OK;
}

/* The components of codes; of pixels, of the pixels. */
static lk_status make_components(clustering *c, fault *f) {
    const lk_dataset codes = {
        .shape = {1, 1, (uint32_t)c->d}, .count = c->set.count, .values = c->codes};
    lk_components found;
    if (lk_components_find(c->model ? &codes : &c->set, c->width, (int)c->o->threads, &found,
                           &f->error))
        return blame(f, c->o->data);
    for (size_t i = 0; i < c->set.count; i++)
        lk_components_encode(&found, c->codes + i * c->d, c->vectors + i * c->width);
    for (size_t i = 0; i < c->set.count * c->width && c->space == AXES; i++) {
        const double variance = found.variances[i % c->width];
        c->vectors[i] = variance > 0 ? (lk_real)((double)c->vectors[i] / sqrt(variance)) : 0;
    }
    lk_components_free(&found);
    return LK_OK;
}

static lk_status make_vectors(clustering *c, fault *f) {
    const options *o = c->o;
    c->width = c->space == COMPONENTS ? c->number
               : c->space == UMAP     ? o->clusters
               : c->space == AXES     ? 2
                                      : c->d;
    c->vectors = c->codes;
    if (c->space == AS_THEY_ARE || c->space == GRAPH) return LK_OK;
    c->vectors = lk_alloc(c->set.count * c->width * sizeof *c->vectors);
    if (!c->vectors) return fail_memory(f);
    if (c->space != UMAP) return make_components(c, f);
    if (lk_umap(c->codes, c->set.count, c->d, c->number, c->width, true, o->seed, (int)o->threads,
                (lk_simd)o->simd, c->vectors, &f->error))
        return blame(f, o->data);
    return LK_OK;
}

/* Two groups: those that lie farther along the first component than along the second, in units of
   their deviations, and the others. Which way a component points says nothing: of both ways for the
   second it is the one that leaves less inertia. */
static void compare_axes(clustering *c) {
    for (int way = 0; way < 2; way++) {
        double sums[2][2] = {{0}}, members[2] = {0}, squares = 0;
        for (size_t i = 0; i < c->set.count; i++) {
            const double x = (double)c->vectors[2 * i], y = (double)c->vectors[2 * i + 1];
            const size_t group = x < (way ? -y : y);
            sums[group][0] += x;
            sums[group][1] += y;
            members[group]++;
            squares += x * x + y * y;
        }
        for (size_t g = 0; g < 2; g++)
            if (members[g] > 0)
                squares -= (sums[g][0] * sums[g][0] + sums[g][1] * sums[g][1]) / members[g];
        if (way && !(squares < c->inertia)) return;
        c->inertia = squares;
        for (size_t i = 0; i < c->set.count; i++) {
            const lk_real *v = c->vectors + 2 * i;
            c->cluster[i] = v[0] < (way ? -v[1] : v[1]);
        }
    }
}

static lk_status find_clusters(clustering *c, fault *f) {
    const options *o = c->o;
    c->centres = lk_alloc(o->clusters * c->width * sizeof *c->centres);
    c->cluster = lk_alloc(c->set.count * sizeof *c->cluster);
    c->class_of = lk_alloc(o->clusters * sizeof *c->class_of);
    if (!c->centres || !c->cluster || !c->class_of) return fail_memory(f);
    if (c->space == AXES) {
        compare_axes(c);
        return LK_OK;
    }
    if (c->space == GRAPH) {
        if (lk_communities(c->vectors, c->set.count, c->width, c->number, o->clusters, o->restarts,
                           o->seed, (int)o->threads, (lk_simd)o->simd, c->cluster, &c->modularity,
                           &f->error))
            return blame(f, o->data);
        return LK_OK;
    }
    if (lk_kmeans(c->vectors, c->set.count, c->width, o->clusters, o->restarts, o->seed,
                  (int)o->threads, (lk_simd)o->simd, c->centres, c->cluster, &c->inertia,
                  &f->error))
        return blame(f, o->data);
    if (o->gaussians &&
        lk_gaussians(c->vectors, c->set.count, c->width, o->clusters, (int)o->threads,
                     (lk_simd)o->simd, c->cluster, &c->likelihood, &f->error))
        return blame(f, o->data);
    return LK_OK;
}

/* ---- what comes of it ---- */

static lk_status write_csv(const clustering *c, fault *f) {
    enum { LINE = 40 };
    const uint32_t *labels = c->set.labels;
    const size_t room = data_files_room(c->data);
    char *text = lk_alloc((c->set.count + 1) * LINE + room);
    if (!text) return fail_memory(f);
    size_t at =
        (size_t)sprintf(text, "image,cluster%s%s\n", labels ? ",label" : "", room ? ",file" : "");
    for (size_t i = 0; i < c->set.count; i++) {
        at += (size_t)sprintf(text + at, "%zu,%u", i, c->cluster[i]);
        if (labels) at += (size_t)sprintf(text + at, ",%u", labels[i]);
        at += data_file_field(c->data, i, text + at);
        text[at++] = '\n';
    }
    const lk_status status = file_write(c->o->out, text, at, f);
    lk_free(text);
    return status;
}

static lk_status write_npy(const clustering *c, fault *f) {
    const size_t n = c->set.count;
    lk_real *values = lk_alloc(n * sizeof *values);
    if (!values) return fail_memory(f);
    for (size_t i = 0; i < n; i++) values[i] = (lk_real)c->cluster[i];
    const lk_status status = npy_write(c->o->out, values, &n, 1, f);
    lk_free(values);
    return status;
}

/* means[k][d] of the members' codes. */
static lk_status find_means(const clustering *c, lk_real *means, fault *f) {
    const size_t k = c->o->clusters;
    double *sums = lk_alloc(k * (c->d + 1) * sizeof *sums);
    if (!sums) return fail_memory(f);
    double *members = sums + k * c->d;
    for (size_t i = 0; i < c->set.count; i++) {
        members[c->cluster[i]]++;
        for (size_t v = 0; v < c->d; v++)
            sums[c->cluster[i] * c->d + v] += (double)c->codes[i * c->d + v];
    }
    for (size_t i = 0; i < k * c->d; i++)
        means[i] = (lk_real)(members[i / c->d] > 0 ? sums[i] / members[i / c->d] : 0);
    lk_free(sums);
    return LK_OK;
}

static lk_status write_centres(const clustering *c, fault *f) {
    const options *o = c->o;
    const lk_shape shape = c->set.shape;
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    lk_real *means = lk_alloc(o->clusters * c->d * sizeof *means);
    lk_real *x = lk_alloc(o->clusters * size * sizeof *x);
    lk_status status = means && x ? find_means(c, means, f) : fail_memory(f);
    if (!status && c->model) status = made_decode(o, c->model, means, o->clusters, x, f);
    if (!status)
        status = made_write_sheet(o->centres, c->model ? x : means, o->clusters,
                                  o->clusters < COLUMNS ? o->clusters : COLUMNS, shape, f);
    lk_free(means);
    lk_free(x);
    return status;
}

static json_t *describe_members(const clustering *c) {
    json_t *list = json_array();
    for (uint32_t k = 0; k < c->o->clusters; k++) {
        json_int_t members = 0;
        for (size_t i = 0; i < c->set.count; i++) members += c->cluster[i] == k;
        json_t *row = json_pack("{s:I,s:I}", "cluster", (json_int_t)k, "members", members);
        if (c->set.labels)
            json_object_set_new(row, "label",
                                c->class_of[k] == UINT32_MAX ? json_null()
                                                             : json_integer(c->class_of[k]));
        if (c->set.labels && c->class_of[k] != UINT32_MAX)
            names_add(&c->data->classes, c->class_of[k], row);
        json_array_append_new(list, row);
    }
    return list;
}

static lk_status report(const clustering *c, fault *f) {
    const options *o = c->o;
    const char *measure = c->space == GRAPH ? "modularity" : "inertia";
    const double value = c->space == GRAPH ? c->modularity : c->inertia;
    json_t *object = json_pack("{s:o,s:I,s:s,s:I,s:f}", "data", output_text(o->data), "images",
                               (json_int_t)c->set.count, "by", o->by, "dimensions",
                               (json_int_t)c->width, measure, value);
    if (o->gaussians) json_object_set_new(object, "likelihood", json_real(c->likelihood));
    lk_agreement agreement;
    if (c->set.labels) {
        if (lk_agree(c->set.labels, c->set.classes, c->cluster, o->clusters, c->set.count,
                     c->class_of, &agreement, &f->error)) {
            json_decref(object);
            return f->error.status;
        }
        json_object_set_new(object, "accuracy", json_real(agreement.accuracy));
        json_object_set_new(object, "nmi", json_real(agreement.nmi));
        json_object_set_new(object, "ari", json_real(agreement.ari));
    }
    json_object_set_new(object, "clusters", describe_members(c));
    if (o->json) return output_json(object, f);
    printf("%s in %s by %s, %s %.6g\n", COUNT_OF(c->set.count, "image"),
           COUNT_OF(o->clusters, "cluster"),
           !c->model && c->space == AS_THEY_ARE ? "pixels" : o->by, measure, value);
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(object, "clusters"), i, row) {
        printf("cluster %3zu  members %7lld", i,
               (long long)json_integer_value(json_object_get(row, "members")));
        char name[NAME_SIZE];
        if (json_is_integer(json_object_get(row, "label")))
            printf("  label %s", names_label(&c->data->classes, c->class_of[i], name));
        putchar('\n');
    }
    if (c->set.labels)
        printf("accuracy %.4f, NMI %.4f, ARI %.4f\n", agreement.accuracy, agreement.nmi,
               agreement.ari);
    json_decref(object);
    return LK_OK;
}

/* ---- the command ---- */

static lk_status run(clustering *c, fault *f) {
    const lk_shape s = c->set.shape;
    const options *o = c->o;
    c->d = c->model ? lk_model_latent(c->model) : (size_t)s.channels * s.height * s.width;
    lk_status status = check_sizes(c, f);
    if (!status) status = make_codes(c, f);
    if (!status) status = make_vectors(c, f);
    if (!status) status = find_clusters(c, f);
    if (!status && o->out) status = (text_ends_with(o->out, ".npy") ? write_npy : write_csv)(c, f);
    if (!status && o->centres) status = write_centres(c, f);
    if (!status) status = report(c, f);
    if (c->vectors != c->codes) lk_free(c->vectors);
    lk_free(c->codes);
    lk_free(c->centres);
    lk_free(c->cluster);
    lk_free(c->class_of);
    return status;
}

int cmd_cluster(const options *o, fault *f) {
    clustering c = {.o = o};
    lk_model *model = NULL;
    lk_status status = check_options(o, &c.space, &c.number, f);
    if (!status && !o->pixels && !(model = model_read(o->arguments.items[0], f)))
        status = f->error.status;
    if (!status && model && o->centres) status = made_check_model(o, model, f);
    data d;
    if (!status)
        status = data_load(o->data, DATA_TRAIN, model ? lk_model_shape(model) : o->shape, o->limit,
                           &d, f);
    if (!status) {
        c.model = model;
        status = data_check_shape(&d, o->shape, f);
        if (!status) status = data_suit_table(&d, model, f);
        c.set = d.set;
        c.data = &d;
        if (!status) status = run(&c, f);
        data_free(&d);
    }
    lk_model_free(model);
    return status;
}
