#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyses.h"
#include "map.h"
#include "output.h"

typedef enum kind {
    FLAG,   /* bool */
    TEXT,   /* const char * */
    MANY,   /* strings: may be given again */
    COUNT,  /* uint32_t in [least, most] */
    SEED,   /* uint64_t */
    NUMBER, /* double in [least, most] */
    INSIDE, /* double in (least, most) */
    CHOICE, /* int: an index into choices, less `first` */
    SHAPE,  /* lk_shape */
} kind;

typedef struct row {
    const char *name;
    kind kind;
    size_t at; /* offsetof(options, ...) */
    uint32_t commands;
    double least, most;
    const char *value, *summary;
    const char *fallback;       /* the default in words, where the value itself does not say it */
    const char *const *choices; /* NULL-terminated */
    int first;                  /* what the first choice stands for */
} row;

static const char *const SIMDS[] = {"best", "scalar", "v2", "v3", "v4", NULL};
static const char *const INITS[] = {"glorot", "he", NULL};
static const char *const FALLS[] = {"linear", "cosine", NULL};
static const char *const METRICS[] = {"l2", "cosine", NULL};
static const char *const FEATURES[] = {"input", "scaled", "map", "dense", NULL};
static const char *const EDGES[] = {"nearest", "correlation", "lasso", NULL};
static const char *const PREPARATIONS[] = {"image", "ink", NULL};

enum {
    RUNS = FOR_TRAIN | FOR_EVAL | FOR_CALIBRATE | FOR_SCORE | FOR_RECONSTRUCT | FOR_ENCODE |
           FOR_NEIGHBOURS | FOR_SAMPLE | FOR_DECODE | FOR_INTERPOLATE | FOR_AUDIT | FOR_CLUSTER |
           FOR_OUTLIERS | FOR_MAP | FOR_GRAPH,
    READS = FOR_DATA | FOR_TRAIN | FOR_EVAL | FOR_CALIBRATE | FOR_SCORE | FOR_RECONSTRUCT |
            FOR_ENCODE | FOR_AUDIT | FOR_PCA | FOR_CLUSTER | FOR_OUTLIERS | FOR_MAP | FOR_GRAPH,
    EVERY = ~0,
};

#define AT(field) offsetof(options, field)
static const row ROWS[] = {
    {"data", TEXT, AT(data), READS & ~FOR_DATA, .value = "SPEC",
     .summary =
         "mnist or fashion, :train or :test; an IDX or .npy file; a folder class/*.png|jpg; "
         "rows of numbers: .csv, with a column of labels :label=NAME, or .npy; texts: .jsonl, "
         "a JSON object with \"text\" and perhaps \"label\" a line, :train or :test by its "
         "\"split\"; of any of them :only=3 or :without=3,5 chooses classes; A+B joins sets, each "
         "a "
         "class"},
    {"limit", COUNT, AT(limit), READS, 1, UINT32_MAX - 1, .value = "N",
     .summary = "take the first N images, of sets that are joined of each", .fallback = "all"},
    {"shape", SHAPE, AT(shape), FOR_TRAIN | FOR_DATA | FOR_PCA | FOR_CLUSTER, .value = "CxHxW",
     .summary = "bring every image to this shape; of texts 1x1xN: count N words",
     .fallback = "its own; of a folder 32 x 32, or that of small squares, grey or in colour"},
    {"out", TEXT, AT(out),
     FOR_TRAIN | FOR_CALIBRATE | FOR_RECONSTRUCT | FOR_ENCODE | FOR_SAMPLE | FOR_DECODE |
         FOR_INTERPOLATE | FOR_PCA | FOR_CLUSTER | FOR_OUTLIERS | FOR_MAP | FOR_GRAPH,
     .value = "FILE", .summary = "where the result goes"},
    {"arch", TEXT, AT(arch), FOR_TRAIN, .value = "LINE",
     .summary = "an own architecture in place of a family"},
    {"latent", COUNT, AT(latent), FOR_TRAIN, 1, 1 << 20, .value = "N",
     .summary = "values in a code", .fallback = "the family's"},
    {"epochs", COUNT, AT(epochs), FOR_TRAIN, 1, 1000000, .value = "N",
     .summary = "times over the images", .fallback = "10, or the family's"},
    {"batch", COUNT, AT(batch), FOR_TRAIN, 1, 65536, .value = "N", .summary = "images in a step",
     .fallback = "64, or the family's"},
    {"lr", INSIDE, AT(learning_rate), FOR_TRAIN, 0, 10, .value = "RATE",
     .summary = "Adam's learning rate"},
    {"warmup", NUMBER, AT(warmup), FOR_TRAIN, 0, 1, .value = "SHARE",
     .summary = "share of the epochs, at the start, in which the rate rises from 0"},
    {"decay", NUMBER, AT(decay), FOR_TRAIN, 0, 1, .value = "SHARE",
     .summary = "share of the epochs, at the end, in which the rate falls to 0",
     .fallback = "0, or the family's"},
    {"fall", CHOICE, AT(fall), FOR_TRAIN, .value = "NAME", .summary = "how it falls",
     .choices = FALLS},
    {"weight-decay", NUMBER, AT(weight_decay), FOR_TRAIN, 0, 1, .value = "X",
     .summary = "how fast weights shrink, times the rate (AdamW)"},
    {"augment", TEXT, AT(augment), FOR_TRAIN, .value = "TEXT",
     .summary = "change images anew in each epoch: 'shift 2, rotate 10, scale 0.1, flip 0.5, "
                "erase 0.5, stroke 1', any of these; 'shift 0': not at all",
     .fallback = "none, or the family's"},
    {"drawings", TEXT, AT(drawings), FOR_TRAIN, .value = "SPEC",
     .summary =
         "learn from these images too, of any size, redrawn as ink is, and judge ink: labels as in "
         "--data, and one more for images of none of these (gate-classes, gate-wide)"},
    {"noise", TEXT, AT(noise), FOR_TRAIN, .value = "LINK",
     .summary = "spoil what a family's network gets: 'noise 0.3', 'mask 0.5' or 'salt 0.1'"},
    {"binarise", INSIDE, AT(binarise), FOR_TRAIN | FOR_EVAL, 0, 1, .value = "T",
     .summary = "make pixels at or over T of white 1, all others 0 (train: no verdict then)",
     .fallback = "as they are"},
    {"draw", COUNT, AT(draw), FOR_TRAIN, 1, UINT32_MAX - 1, .value = "N",
     .summary = "train on N images alone, as many of each class", .fallback = "all"},
    {"from", TEXT, AT(from), FOR_TRAIN, .value = "MODEL",
     .summary = "start from the layers of another model, from the front on, as far as they fit"},
    {"pretrain-epochs", COUNT, AT(pretrain_epochs), FOR_TRAIN, 1, 1000000, .value = "N",
     .summary = "of each layer by itself in family stacked", .fallback = "its share of --epochs"},
    {"patience", COUNT, AT(patience), FOR_TRAIN, 1, 1000000, .value = "N",
     .summary = "stop after N epochs without a better validation loss, and keep the best weights",
     .fallback = "all epochs are run"},
    {"validation", COUNT, AT(validation), FOR_TRAIN, 0, UINT32_MAX - 1, .value = "N",
     .summary = "images kept from training for the validation loss; 0: it is that of the held out",
     .fallback = "0; with --patience a tenth, at most 5000"},
    {"init", CHOICE, AT(init), FOR_TRAIN, .value = "NAME", .summary = "first weights",
     .choices = INITS, .fallback = "glorot, or the family's"},
    {"seed", SEED, AT(seed),
     FOR_TRAIN | FOR_CALIBRATE | FOR_EVAL | FOR_SAMPLE | FOR_CLUSTER | FOR_MAP | FOR_GRAPH,
     .value = "N", .summary = "the same seed gives the same bits"},
    {"holdout", COUNT, AT(holdout), FOR_TRAIN, 0, UINT32_MAX - 1, .value = "N",
     .summary = "images kept from training, to calibrate on", .fallback = "a sixth, at most 10000"},
    {"references", COUNT, AT(references), FOR_TRAIN, 1, 1000000, .value = "N",
     .summary = "images kept in the model, as codes, for the neighbour evidence"},
    {"gallery", COUNT, AT(gallery), FOR_TRAIN, 0, 10000000, .value = "N",
     .summary = "images in the gallery beside the model; 0 makes none"},
    {"title", TEXT, AT(title), FOR_TRAIN, .value = "TEXT", .summary = "what the images are",
     .fallback = "by the data"},
    {"no-calibrate", FLAG, AT(no_calibrate), FOR_TRAIN, .summary = "leave the verdict out"},
    {"half", FLAG, AT(half), FOR_TRAIN,
     .summary = "round weights to 16 bits in the end: half the file; families made for verdicts "
                "do so"},
    {"checkpoint-every", COUNT, AT(checkpoint_every), FOR_TRAIN, 0, 1000000, .value = "N",
     .summary = "epochs between checkpoints; 0: only when interrupted"},
    {"resume", FLAG, AT(resume), FOR_TRAIN,
     .summary = "go on from FILE.checkpoint, to the same bits"},
    {"log-jsonl", TEXT, AT(log), FOR_TRAIN, .value = "FILE",
     .summary = "one line of JSON an epoch"},
    {"ood", MANY, AT(ood), FOR_EVAL | FOR_AUDIT | FOR_OUTLIERS, .value = "NAME=SPEC",
     .summary = "images of another kind, to be told apart; may be given again"},
    {"in", MANY, AT(inside), FOR_AUDIT, .value = "NAME=SPEC",
     .summary = "images of the same kind, from elsewhere, that should pass; may be given again"},
    {"train", TEXT, AT(known), FOR_EVAL | FOR_AUDIT | FOR_NEIGHBOURS, .value = "SPEC",
     .summary = "compare with all of these images (audit: two plain methods, with 10,000 of them; "
                "neighbours: of rows of numbers and texts search these)",
     .fallback = "the gallery; audit: none"},
    {"ablation", FLAG, AT(ablation), FOR_AUDIT,
     .summary = "also what each piece of evidence tells alone, and the others without it"},
    {"seeds", FLAG, AT(seeds), FOR_AUDIT,
     .summary = "in place of a MODEL: measure anew what the notes that this grew from claim, each "
                "with networks trained for it; prints claimed, measured here, why"},
    {"only", TEXT, AT(only), FOR_AUDIT, .value = "NAME,...", .summary = "seeds: these claims",
     .fallback = "all"},
    {"list", FLAG, AT(list), FOR_AUDIT,
     .summary = "seeds: only say which claims, by which commands, in how many seconds"},
    {"out", TEXT, AT(out), FOR_AUDIT, .value = "FOLDER",
     .summary = "seeds: where networks and figures stay, and from where a run is gone on with",
     .fallback = "seeds"},
    {"data-dir", TEXT, AT(data_dir), FOR_AUDIT, .value = "FOLDER",
     .summary = "seeds: where sets are that are no part of the product",
     .fallback = "../shared/data"},
    {"corrupt", TEXT, AT(corrupt), FOR_EVAL, .value = "HOW",
     .summary = "spoil the images first: 'noise 0.3', 'mask 0.5', 'salt 0.1' or, every value times "
                "so much, 'scale 255'; no loss then"},
    {"count", COUNT, AT(images), FOR_SAMPLE, 1, 10000, .value = "N", .summary = "images to make"},
    {"steps", COUNT, AT(steps), FOR_INTERPOLATE, 2, 1000, .value = "N",
     .summary = "images from A to B, both of them among these"},
    {"label", TEXT, AT(label), FOR_SAMPLE | FOR_DECODE | FOR_INTERPOLATE | FOR_RECONSTRUCT,
     .value = "CLASS",
     .summary = "decode as of this class, its name or number, where the model asks for one",
     .fallback = "the mean of all"},
    {"preparation", CHOICE, AT(preparation), FOR_CALIBRATE, .value = "NAME",
     .summary = "what to calibrate: pictures as they are, or drawn ink", .choices = PREPARATIONS},
    {"ink", FLAG, AT(ink),
     FOR_TRAIN | FOR_EVAL | FOR_SCORE | FOR_RECONSTRUCT | FOR_ENCODE | FOR_NEIGHBOURS |
         FOR_INTERPOLATE | FOR_AUDIT | FOR_OUTLIERS,
     .summary = "images are drawn ink (train: calibrate for it too)"},
    {"alpha", INSIDE, AT(alpha), FOR_EVAL | FOR_SCORE | FOR_CALIBRATE, 0, 1, .value = "SHARE",
     .summary = "false alarms that are accepted; calibrate keeps them in the model",
     .fallback = "the model's own, else 0.01"},
    {"explain", TEXT, AT(explain), FOR_SCORE, .value = "FILE.png",
     .summary = "say why, and show what the model saw, made of it and knows that is like it"},
    {"classifier", TEXT, AT(classifier), FOR_SCORE, .value = "MODEL",
     .summary = "ask a model that tells classes apart as well"},
    {"fail-on-ood", FLAG, AT(fail_on_ood), FOR_SCORE,
     .summary = "exit with 10 when any image is not 'in'"},
    {"html", TEXT, AT(html), FOR_EXPORT | FOR_AUDIT, .value = "FILE.html",
     .summary =
         "a page in a single file that opens from any disk: with the model, or of the audit"},
    {"c-header", TEXT, AT(c_header), FOR_EXPORT, .value = "FILE.h",
     .summary = "the model's bytes as an array in C, to be built into a program"},
    {"onnx", TEXT, AT(onnx), FOR_EXPORT, .value = "FILE.onnx",
     .summary =
         "the network as an ONNX graph, for other programs: codes and what it makes of them, "
         "no verdict"},
    {"with-gallery", FLAG, AT(with_gallery), FOR_EXPORT,
     .summary = "its gallery, too, for samples, neighbours and the map"},
    {"k", COUNT, AT(k), FOR_NEIGHBOURS | FOR_EVAL | FOR_MAP | FOR_GRAPH, 1, LK_MAX_NEIGHBOURS,
     .value = "N", .summary = "how many neighbours",
     .fallback = "8; in eval, where they vote, 5; in map 10"},
    {"metric", CHOICE, AT(metric), FOR_NEIGHBOURS, .value = "NAME",
     .summary = "distance between codes", .choices = METRICS},
    {"k", COUNT, AT(clusters), FOR_CLUSTER, 1, 1000, .value = "N", .summary = "how many clusters",
     .fallback = "none: it is to be given"},
    {"pixels", FLAG, AT(pixels), FOR_CLUSTER | FOR_MAP, .summary = "take pixels, without a model"},
    {"by", TEXT, AT(by), FOR_CLUSTER, .value = "HOW",
     .summary = "cluster 'codes', their 'pca:P' first components, or their 'umap:N' by N nearest "
                "neighbours, of as many dimensions as clusters; 'axes', of two clusters: which of "
                "the first two components is larger; 'graph:N', by communities of the graph of "
                "N nearest neighbours, in place of k-means",
     .fallback = "codes"},
    {"gaussians", FLAG, AT(gaussians), FOR_CLUSTER,
     .summary = "go on from k-means to a mixture of Gaussians: clusters of any width and tilt"},
    {"restarts", COUNT, AT(restarts), FOR_CLUSTER, 1, 1000, .value = "N",
     .summary = "starts of k-means, or of communities, of which the best is kept"},
    {"centres", TEXT, AT(centres), FOR_CLUSTER, .value = "FILE.png",
     .summary = "an image of each cluster: of the mean code of its members"},
    {"threshold", INSIDE, AT(threshold), FOR_OUTLIERS, 0, 1000, .value = "X",
     .summary = "also tell what is flagged over this error", .fallback = "none"},
    {"worst", TEXT, AT(worst), FOR_OUTLIERS, .value = "FILE.png",
     .summary = "the ten images that are reconstructed worst, above what is made of them"},
    {"components", COUNT, AT(components), FOR_PCA, 1, 4096, .value = "K",
     .summary = "how many components"},
    {"reconstruct", TEXT, AT(reconstruct), FOR_PCA, .value = "FILE.png",
     .summary = "the images beside what the components make of them"},
    {"method", CHOICE, AT(method), FOR_MAP, .value = "NAME",
     .summary = "how points are found; code: the codes themselves, of 2 values",
     .choices = MAP_METHODS},
    {"perplexity", NUMBER, AT(perplexity), FOR_MAP, 2, LK_MOST_PERPLEXITY, .value = "X",
     .summary = "tsne: about how many neighbours count as near"},
    {"place", TEXT, AT(place), FOR_MAP, .value = "SPEC",
     .summary = "put these images too on the map, which stays as it is", .fallback = "none"},
    {"map", TEXT, AT(map), FOR_MAP, .value = "FILE.json",
     .summary = "take the points of --data from a map that --out has written",
     .fallback = "they are found"},
    {"feature", CHOICE, AT(feature), FOR_GRAPH, .value = "NAME",
     .summary = "what of an image: its pixels, these of mean 0 and deviation 1, the model's last "
                "feature map, or its code",
     .choices = FEATURES, .fallback = "each in turn"},
    {"edges", CHOICE, AT(edges), FOR_GRAPH, .value = "NAME",
     .summary = "who is joined: the nearest, the most correlated, or who is made of whom",
     .choices = EDGES, .fallback = "each in turn"},
    {"threshold", NUMBER, AT(threshold), FOR_GRAPH, 0, 1, .value = "R",
     .summary = "correlation: of the k most correlated join those with at least R"},
    {"lambda", INSIDE, AT(lambda), FOR_GRAPH, 0, 1, .value = "SHARE",
     .summary = "lasso, of at most 20,000 images: how sparse, as a part of what leaves nothing"},
    {"threads", COUNT, AT(threads), (RUNS | FOR_PCA) & ~(FOR_SAMPLE | FOR_DECODE), 1, 256,
     .value = "N", .summary = "threads; they never change a result"},
    {"simd", CHOICE, AT(simd), RUNS, .value = "LEVEL",
     .summary = "instruction set; it never changes a result", .choices = SIMDS,
     .first = LK_SIMD_BEST},
    {"json", FLAG, AT(json), EVERY, .summary = "results as one line of JSON"},
    {"help", FLAG, AT(help), EVERY, .summary = "this text"},
};
enum { ROW_COUNT = sizeof ROWS / sizeof ROWS[0] };

int options_default_threads(void) {
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
    const int count = CPU_COUNT(&cores);
    return count < 1 ? 1 : count > 256 ? 256 : count;
}

static void set_defaults(options *o) {
    const lk_train_options train = lk_train_defaults();
    *o = (options){.holdout = NOT_GIVEN,
                   .validation = NOT_GIVEN,
                   .references = 10000,
                   .gallery = 10000,
                   .seed = train.seed,
                   .threads = (uint32_t)options_default_threads(),
                   .simd = LK_SIMD_BEST,
                   .decay = -1, /* these are settled when the family is known */
                   .init = -1,
                   .learning_rate = train.learning_rate,
                   .warmup = train.warmup,
                   .fall = train.fall,
                   .weight_decay = train.weight_decay,
                   .metric = LK_METRIC_COSINE,
                   .images = 64,
                   .steps = 8,
                   .components = 16,
                   .restarts = 10,
                   .by = "codes",
                   .method = MAP_TSNE,
                   .perplexity = 30,
                   .feature = -1,
                   .edges = -1,
                   .lambda = 0.5};
}

/* ---- strict values ---- */

static lk_status wants(const row *r, const char *what, const char *text, fault *f) {
    if (!*text) return fail(f, LK_USAGE, NULL, "--%s wants %s, not an empty text", r->name, what);
    return fail(f, LK_USAGE, NULL, "--%s wants %s, not '%.40s'", r->name, what, text);
}

/* Digits alone: no sign, blank, point or exponent. */
static bool parse_whole(const char *text, size_t length, uint64_t most, uint64_t *out) {
    uint64_t value = 0;
    if (length == 0) return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        const uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = 10 * value + digit;
    }
    *out = value;
    return value <= most;
}

static lk_status set_count(const row *r, const char *text, uint32_t *out, fault *f) {
    uint64_t value;
    if (parse_whole(text, strlen(text), (uint64_t)r->most, &value) && (double)value >= r->least) {
        *out = (uint32_t)value;
        return LK_OK;
    }
    char what[80];
    snprintf(what, sizeof what, "a whole number from %.0f to %.0f", r->least, r->most);
    return wants(r, what, text, f);
}

static lk_status set_number(const row *r, const char *text, double *out, fault *f) {
    char *end;
    const bool plain = strspn(text, "0123456789.eE+-") == strlen(text) &&
                       ((*text >= '0' && *text <= '9') || *text == '.');
    const double value = plain ? strtod(text, &end) : NAN;
    const bool inside = r->kind == INSIDE ? value > r->least && value < r->most
                                          : value >= r->least && value <= r->most;
    if (plain && *end == 0 && inside) {
        *out = value;
        return LK_OK;
    }
    char what[80];
    snprintf(what, sizeof what,
             r->kind == INSIDE ? "a number between %g and %g" : "a number from %g to %g", r->least,
             r->most);
    return wants(r, what, text, f);
}

static lk_status set_choice(const row *r, const char *text, int *out, fault *f) {
    char what[80] = "one of";
    for (int i = 0; r->choices[i]; i++) {
        if (strcmp(text, r->choices[i]) == 0) {
            *out = r->first + i;
            return LK_OK;
        }
        const size_t at = strlen(what);
        snprintf(what + at, sizeof what - at, "%s %s", i ? "," : "", r->choices[i]);
    }
    return wants(r, what, text, f);
}

static lk_status set_shape(const row *r, const char *text, lk_shape *out, fault *f) {
    uint64_t side[3] = {0};
    const char *at = text;
    bool ok = true;
    for (int i = 0; i < 3 && ok; i++) {
        const size_t length = strcspn(at, "x");
        ok = parse_whole(at, length, i ? 8192 : 3, &side[i]) && side[i] > 0 &&
             (at[length] == 'x') == (i < 2);
        at += length + 1;
    }
    if (!ok || side[0] == 2)
        return wants(r, "CxHxW with 1 or 3 channels and sides up to 8192", text, f);
    *out = (lk_shape){(uint32_t)side[0], (uint32_t)side[1], (uint32_t)side[2]};
    return LK_OK;
}

static lk_status set_seed(const row *r, const char *text, uint64_t *out, fault *f) {
    if (parse_whole(text, strlen(text), INT64_MAX, out)) return LK_OK; /* JSON has no more */
    return wants(r, "a whole number from 0 to 9223372036854775807", text, f);
}

/* The next option is not a value that was forgotten; a file of such a name is ./--name. */
static bool is_value(const char *text) {
    return *text && strncmp(text, "--", 2) != 0;
}

static lk_status set_value(const row *r, const char *text, options *o, fault *f) {
    void *field = (char *)o + r->at;
    switch (r->kind) {
    case FLAG: *(bool *)field = true; return LK_OK;
    case COUNT: return set_count(r, text, field, f);
    case SEED: return set_seed(r, text, field, f);
    case NUMBER:
    case INSIDE: return set_number(r, text, field, f);
    case CHOICE: return set_choice(r, text, field, f);
    case SHAPE: return set_shape(r, text, field, f);
    case TEXT:
        if (!is_value(text)) return wants(r, r->value, text, f);
        *(const char **)field = text;
        return LK_OK;
    case MANY:
        if (!is_value(text)) return wants(r, r->value, text, f);
        return strings_add(field, text) ? LK_OK : fail_memory(f);
    }
    return LK_OK;
}

/* ---- parsing ---- */

/* What stands between the program's name and the command's: likeness-graph is one of its own. */
static char joint(const command *c) {
    return c->bit == FOR_GRAPH ? '-' : ' ';
}

static lk_status unknown_option(const command *c, const char *argument, fault *f) {
    const char *names[ROW_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (ROWS[i].commands & c->bit) names[count++] = ROWS[i].name;
    char word[40];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argument, "="), argument);
    const char *near = strncmp(word, "--", 2) == 0 ? text_nearest(word + 2, names, count) : NULL;
    if (near)
        return fail(f, LK_USAGE, NULL, "%s has no option '%s'; did you mean --%s?", c->name, word,
                    near);
    return fail(f, LK_USAGE, NULL, "%s has no option '%s'; see likeness%c%s --help", c->name, word,
                joint(c), c->name);
}

enum { FIRST_VALUE = 256 }; /* getopt's values below are characters */

lk_status options_parse(const command *c, int argc, char **argv, int first, options *o, fault *f) {
    set_defaults(o);
    struct option table[ROW_COUNT + 1] = {0};
    size_t count = 0;
    for (int i = 0; i < ROW_COUNT; i++) {
        if (!(ROWS[i].commands & c->bit)) continue;
        table[count++] = (struct option){ROWS[i].name, ROWS[i].kind != FLAG, NULL, FIRST_VALUE + i};
    }
    opterr = 0;
    optind = first;
    for (;;) {
        const int before = optind;
        const int value = getopt_long(argc, argv, ":h", table, NULL);
        if (value == -1) break;
        lk_status status = LK_OK;
        if (value == 'h') {
            o->help = true;
        } else if (value == ':') {
            status = fail(f, LK_USAGE, NULL, "--%s wants a value: %s",
                          ROWS[optopt - FIRST_VALUE].name, ROWS[optopt - FIRST_VALUE].value);
        } else if (value == '?' && optopt >= FIRST_VALUE) {
            status =
                fail(f, LK_USAGE, NULL, "--%s takes no value", ROWS[optopt - FIRST_VALUE].name);
        } else if (value == '?') {
            /* After a cluster like -xy, optind has not moved on. */
            status = unknown_option(c, argv[optind > before ? optind - 1 : optind], f);
        } else {
            status = set_value(&ROWS[value - FIRST_VALUE], optarg, o, f);
        }
        if (status) return status;
    }
    for (int i = optind; i < argc; i++)
        if (!strings_add(&o->arguments, argv[i])) return fail_memory(f);
    if (o->help) return LK_OK;
    for (size_t i = 0; i < o->arguments.count; i++)
        if (!*o->arguments.items[i])
            return fail(f, LK_USAGE, NULL, "%s has an empty argument", c->name);
    if (o->simd != LK_SIMD_BEST && !lk_simd_available((lk_simd)o->simd))
        return fail(f, LK_USAGE, NULL, "--simd %s: this processor does not have it",
                    lk_simd_name((lk_simd)o->simd));
    if (o->arguments.count < c->least)
        return fail(f, LK_USAGE, NULL, "usage: likeness%c%s %s", joint(c), c->name, c->usage);
    if (o->arguments.count > c->most)
        return fail(f, LK_USAGE, NULL, "unexpected argument '%.40s'; usage: likeness%c%s %s",
                    o->arguments.items[c->most], joint(c), c->name, c->usage);
    return LK_OK;
}

void options_free(options *o) {
    strings_free(&o->arguments);
    strings_free(&o->ood);
    strings_free(&o->inside);
}

lk_status options_check_named(const strings *given, const char *option, fault *f) {
    for (size_t i = 0; i < given->count; i++) {
        const char *equals = strchr(given->items[i], '=');
        if (!equals || equals == given->items[i] || !equals[1])
            return fail(f, LK_USAGE, NULL, "--%s wants NAME=SPEC, not '%.40s'", option,
                        given->items[i]);
    }
    return LK_OK;
}

/* ---- values ---- */

static json_t *value_of(const row *r, const options *o) {
    const void *field = (const char *)o + r->at;
    const double number = r->kind == COUNT                         ? *(const uint32_t *)field
                          : r->kind == NUMBER || r->kind == INSIDE ? *(const double *)field
                                                                   : 0;
    const lk_shape *shape = field;
    char text[40];
    switch (r->kind) {
    case FLAG: return json_boolean(*(const bool *)field);
    case TEXT: return output_text(*(const char *const *)field);
    case SEED: return json_integer((json_int_t) * (const uint64_t *)field);
    case CHOICE: return json_string(r->choices[*(const int *)field - r->first]);
    case COUNT:
    case NUMBER:
    case INSIDE: /* what could not have been given was not */
        if (number < r->least || number > r->most || (r->kind == INSIDE && number <= r->least))
            return json_null();
        return r->kind == COUNT ? json_integer((json_int_t)number) : json_real(number);
    case SHAPE:
        snprintf(text, sizeof text, "%ux%ux%u", shape->channels, shape->height, shape->width);
        return shape->channels ? json_string(text) : json_null();
    case MANY: break;
    }
    return json_null();
}

json_t *options_values(const options *o, uint32_t bit, const char *const *names) {
    json_t *values = json_object();
    for (; *names; names++)
        for (size_t i = 0; i < ROW_COUNT; i++)
            if ((ROWS[i].commands & bit) && strcmp(ROWS[i].name, *names) == 0)
                json_object_set_new(values, *names, value_of(&ROWS[i], o));
    return values;
}

/* ---- help ---- */

enum { FALLBACK = 96 }; /* the longest default in words fits */

/* The default in words, "" where there is none. */
static void format_default(const row *r, const options *o, char *out, size_t size) {
    const void *field = (const char *)o + r->at;
    out[0] = 0;
    if (r->fallback) {
        snprintf(out, size, "%s", r->fallback);
    } else if (r->kind == COUNT) {
        snprintf(out, size, "%u", *(const uint32_t *)field);
    } else if (r->kind == SEED) {
        snprintf(out, size, "%llu", (unsigned long long)*(const uint64_t *)field);
    } else if (r->kind == NUMBER || r->kind == INSIDE) {
        snprintf(out, size, "%g", *(const double *)field);
    } else if (r->kind == CHOICE) {
        snprintf(out, size, "%s", r->choices[*(const int *)field - r->first]);
    }
}

/* What an option does: its choices and its default, too. */
static void describe(const row *r, const char *fallback, char *out, size_t size) {
    size_t at = (size_t)snprintf(out, size, "%s", r->summary);
    for (size_t j = 0; r->choices && r->choices[j] && at < size; j++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", j ? ", " : ": ", r->choices[j]);
    if (*fallback && at < size) snprintf(out + at, size - at, " (default: %s)", fallback);
}

void options_print_help(const command *c) {
    enum { LEFT = 25 };
    options defaults;
    set_defaults(&defaults);
    printf("Usage: likeness%c%s%s%s\n\n", joint(c), c->name, *c->usage ? " " : "", c->usage);
    text_print_wrapped(c->summary, 0, 0);
    puts("\nOptions:");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const row *r = &ROWS[i];
        if (!(r->commands & c->bit)) continue;
        char left[48], fallback[FALLBACK], text[1024];
        snprintf(left, sizeof left, "--%s %s", r->name, r->value ? r->value : "");
        format_default(r, &defaults, fallback, sizeof fallback);
        describe(r, fallback, text, sizeof text);
        printf("  %-*s ", LEFT - 3, left);
        text_print_wrapped(text, LEFT, LEFT);
    }
}

json_t *options_describe(const command *c) {
    options defaults;
    set_defaults(&defaults);
    json_t *list = json_array();
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const row *r = &ROWS[i];
        if (!(r->commands & c->bit)) continue;
        char fallback[FALLBACK];
        format_default(r, &defaults, fallback, sizeof fallback);
        json_t *choices = r->choices ? json_array() : NULL;
        for (size_t k = 0; choices && r->choices[k]; k++)
            json_array_append_new(choices, json_string(r->choices[k]));
        json_array_append_new(list, json_pack("{s:s,s:s*,s:s,s:s*,s:o*}", "option", r->name,
                                              "value", r->value, "summary", r->summary, "default",
                                              *fallback ? fallback : NULL, "choices", choices));
    }
    return json_pack("{s:s,s:s,s:s,s:o}", "command", c->name, "usage", c->usage, "summary",
                     c->summary, "options", list);
}
