/* Likeness: a small autoencoder learns what some images look like, then judges new ones.

       lk_error error;
       lk_model *model = lk_model_load(bytes, size, &error);        // one .safetensors file
       lk_run *run = lk_run_create(model, 1, LK_SIMD_BEST, &error); // one thread's workspace
       lk_result result;
       if (lk_check(run, LK_PREPARE_INK, picture, 0.01, &result, &error) == LK_OK)
           puts(lk_verdict_name(result.verdict));                   // "in", "out" or "empty"
       lk_run_free(run);
       lk_model_free(model);

   A model is read-only in use and may be shared by threads; a run belongs to one thread. Nothing is
   allocated after a run is made. Whatever can fail returns lk_status (or NULL) and fills the
   caller's lk_error. The core never prints, exits or touches a file. All images are
   channels x height x width, values in [0, 1]; all floats are IEEE singles with the same bits on
   every machine, thread count and instruction set. */
#ifndef LIKENESS_H
#define LIKENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* float; the gradient checks build the core a second time with double. */
#ifndef LK_REAL
#define LK_REAL float
#endif
typedef LK_REAL lk_real;

/* ---- errors; each status is also the program's exit code ---- */

typedef enum lk_status {
    LK_OK = 0,
    LK_USAGE = 2,
    LK_DATA = 3,
    LK_MODEL = 4,
    LK_IO = 5,
    LK_MEMORY = 6,
    LK_NONFINITE = 7,
} lk_status;

#define LK_NO_OFFSET UINT64_MAX
typedef struct lk_error {
    lk_status status;
    uint64_t offset; /* byte at which the input is wrong, or LK_NO_OFFSET */
    char message[160];
} lk_error;

const char *lk_status_name(lk_status status);

/* ---- memory ---- */

/* `size` bytes, 64-byte aligned and zeroed, or NULL; released by lk_free. Every block that the
   core takes comes from here, so that tests can make each one fail. */
void *lk_alloc(size_t size);
void lk_free(void *block);

/* ---- images ---- */

typedef struct lk_shape {
    uint32_t channels, height, width;
} lk_shape;

/* Decoded pixels, rows top down, channels interleaved: 1 grey, 3 RGB, 4 RGBA (not premultiplied).
 */
typedef struct lk_picture {
    const uint8_t *pixels; /* borrowed: height x width x channels */
    uint32_t width, height, channels;
} lk_picture;

typedef enum lk_preparation { LK_PREPARE_IMAGE, LK_PREPARE_INK } lk_preparation;
enum { LK_PREPARATIONS = 2 };
const char *lk_preparation_name(lk_preparation preparation); /* "image", "ink" */

/* Makes a model's input x[channels x height x width] of any picture.
   LK_PREPARE_IMAGE: a picture of the input's own size is used unchanged; others are scaled with
   their shape kept, area-averaged when shrinking and bilinear when growing, and centred on the
   background. LK_PREPARE_INK: a line drawing, whatever its place, size, pen and polarity, is drawn
   anew: the middle lines of its strokes (T. Y. Zhang and C. Y. Suen 1984), 2.5/28 of the side wide,
   light on black, the longer side of the whole 20/28 of the side and the shorter somewhat closer to
   it, the centre of mass in the middle. Ink that is no line drawing, being filled or scribbled all
   over, is put there as it is. Transparent pixels stand on white under dark ink and on black under
   light ink. *empty tells that there is nothing to judge; x is then all zero.
   LK_DATA: no pixels, or a side over 8192. LK_MODEL: shape.channels is neither 1 nor 3. */
lk_status lk_prepare(lk_preparation preparation, lk_picture picture, lk_shape shape, lk_real *x,
                     bool *empty, lk_error *error);

/* ---- data sets ---- */

typedef struct lk_dataset {
    lk_shape shape;
    size_t count;
    uint8_t *pixels;  /* count x channels x height x width */
    uint32_t *labels; /* count, or NULL */
    uint32_t classes; /* 1 + the largest label, or 0 */
    lk_real *values;  /* count x channels x height x width in place of pixels, or NULL */
} lk_dataset;

/* x[n x channels x height x width] = the n images from `first` on: v / 255, or values as they are.
 */
void lk_dataset_images(const lk_dataset *data, size_t first, size_t n, lk_real *x);

/* order[0..n) = a permutation of 0..n-1 that depends on the seed alone; for splits. */
void lk_permutation(uint64_t seed, uint32_t *order, size_t n);

/* ---- kernel variants ---- */

typedef enum lk_simd {
    LK_SIMD_BEST = -1,
    LK_SIMD_SCALAR,
    LK_SIMD_V2,
    LK_SIMD_V3,
    LK_SIMD_V4,
    LK_SIMD_WASM,
    LK_SIMD_COUNT
} lk_simd;
const char *lk_simd_name(lk_simd simd); /* "scalar", "v2", ... */
bool lk_simd_available(lk_simd simd);   /* built in, and this CPU can run it */
lk_simd lk_simd_best(void);

/* ---- models ---- */

typedef struct lk_model lk_model;
typedef struct lk_run lk_run;

/* What a model makes of an image behind its code. */
typedef enum lk_output {
    LK_OUTPUT_IMAGE,   /* the image again */
    LK_OUTPUT_CLASSES, /* a class */
    LK_OUTPUT_CODE,    /* nothing: the code is all */
} lk_output;

typedef enum lk_method {
    LK_TRAINED,
    LK_SOLVED,  /* PCA: weights are computed */
    LK_STACKED, /* each layer is trained as an autoencoder of its own first */
} lk_method;

typedef enum lk_init { LK_INIT_GLOROT, LK_INIT_HE } lk_init;

/* One named architecture: a row of zoo.c. */
typedef struct lk_family {
    const char *name;
    /* Behind the input's shape. {z} is the latent size, {x} an image's values, {k} the classes;
       {c}, {h} and {w} its channels and sides, which may be multiplied and divided: {32hw/16}. */
    const char *arch;
    uint32_t latent; /* latent size unless another is asked for */
    lk_method method;
    lk_shape shape;      /* of the images it is made for */
    const char *summary; /* one line for people */
    /* How it is trained unless it is told otherwise; what is 0 or NULL is as for any network. */
    struct {
        uint32_t batch, steps; /* epochs enough for so many steps, however few the images are */
        double decay;
        lk_init init;
        const char *augment;
        bool half; /* lk_model_halve when it is trained */
    } training;
} lk_family;
const lk_family *lk_families(size_t *count);
const lk_family *lk_family_find(const char *name);

/* The family's architecture for images of this shape and labels below `classes`, into text[size],
   1,024 being enough for any; latent 0 means the family's own, the only one where {z} is not spoken
   of, classes 0 that there are no labels. LK_USAGE if it cannot be. */
lk_status lk_family_arch(const lk_family *family, lk_shape shape, uint32_t latent, uint32_t classes,
                         char *text, size_t size, lk_error *error);

/* A model from its one-line architecture; weights are zero. Owned by the caller. */
lk_model *lk_model_create(const char *arch, lk_error *error);
void lk_model_free(lk_model *model);

/* Normal weights by Glorot and Bengio (2010) or He et al. (2015), biases zero. */
void lk_model_init(lk_model *model, lk_init init, uint64_t seed);

/* Takes over the parameters of up to `count` layers of `from`, from its layer `first` on, into
   those of `model` from its layer `at` on; layers without parameters are passed over on both sides.
   Ends at the first pair that differs in operator, window or shapes. Returns how many were taken.
 */
size_t lk_model_adopt(lk_model *model, size_t at, const lk_model *from, size_t first, size_t count);

const char *lk_model_arch(const lk_model *model); /* canonical spelling */
lk_shape lk_model_shape(const lk_model *model);
uint32_t lk_model_latent(const lk_model *model); /* values in a code */
lk_output lk_model_output(const lk_model *model);
uint32_t lk_model_classes(const lk_model *model); /* that it tells apart, or 0 */
/* The classes that it tells in each of eight poses, for verdicts, or 0. In training this label, one
   beyond the last, is of images that are of none of them. */
uint32_t lk_model_posed(const lk_model *model);
enum { LK_MOST_POSED = 100 }; /* the most classes that families for verdicts can tell */
bool lk_model_labelled(const lk_model *model);     /* it cannot learn without labels */
size_t lk_model_codes(const lk_model *model);      /* vectors of a codebook in a code (vq), or 0 */
uint32_t lk_model_codebook(const lk_model *model); /* vectors in the codebook, or 0 */
size_t lk_model_parameters(const lk_model *model); /* weights and biases */
double lk_model_flops(const lk_model *model);      /* one image, forward */

/* Its codes are the means of Gaussians that learning keeps near the standard normal one. */
bool lk_model_gaussian(const lk_model *model);
/* vector[latent] (or NULL) = what the model multiplies codes by under this label (embed); false
   where it does not, or knows no such label. */
bool lk_model_embedding(const lk_model *model, uint32_t label, lk_real *vector);

/* What a model says of itself; strings owned by the model, "" where unset. */
typedef enum lk_text {
    LK_TEXT_FAMILY,  /* "ae" */
    LK_TEXT_TITLE,   /* what its images are, for sentences: "digits" */
    LK_TEXT_DATA,    /* what it was trained on */
    LK_TEXT_WEIGHTS, /* SHA-256 of its weights, 64 hex digits: ties a gallery to it */
    LK_TEXT_ALPHA,   /* the share of false alarms it is to be judged by, in decimals: "0.05" */
    LK_TEXT_WORDS,   /* of a model of texts: what its values count, a blank between any two */
    LK_TEXT_CLASSES, /* what its data's classes are called, in the order of their labels: a line
                        each */
    LK_TEXTS
} lk_text;
const char *lk_model_text(const lk_model *model, lk_text which);
lk_status lk_model_set_text(lk_model *model, lk_text which, const char *text, lk_error *error);

/* Workspace for up to max_batch images at a time. The model must outlive it. */
lk_run *lk_run_create(const lk_model *model, size_t max_batch, lk_simd simd, lk_error *error);
void lk_run_free(lk_run *run);
const lk_model *lk_run_model(const lk_run *run);
size_t lk_run_max_batch(const lk_run *run);

/* x[n x input], z[n x latent], x_hat[n x input]; n at most max_batch. A code holds no places of
   maxima: where `unpool` undoes a `maxpool` before the code, decoding puts values first in their
   windows, reconstruction back where they stood; of a model of shares (loss multinomial) the
   decoded come to 1, the reconstructed to what x comes to. Where a model makes no images
   (lk_model_output), x_hat is left alone. */
void lk_encode(lk_run *run, const lk_real *x, size_t n, lk_real *z);
void lk_decode(lk_run *run, const lk_real *z, size_t n, lk_real *x_hat);
void lk_reconstruct(lk_run *run, const lk_real *x, size_t n, lk_real *z, lk_real *x_hat);

/* Which vectors of the codebook make the code of image `row` of the last call that encoded or
   reconstructed: indices[lk_model_codes]; nothing where there is no codebook. */
void lk_run_codes(const lk_run *run, size_t row, uint32_t *indices);

/* How many values the last layer on the way to the code has that still makes an image, 0 where none
   does; and features[lk_model_features] of image `row` of the last call that encoded, each pixel's
   channels side by side. */
size_t lk_model_features(const lk_model *model);
void lk_run_features(const lk_run *run, size_t row, lk_real *features);

/* probabilities[n x lk_model_classes]; nothing where there are none. */
void lk_classify(lk_run *run, const lk_real *x, size_t n, lk_real *probabilities);

/* For models that take a label (embed): which one the images that follow are coded and decoded
   under. One past the classes stands for none, as at first: then the mean of all. */
void lk_run_set_label(lk_run *run, uint32_t label);

/* Codes z[n x latent] drawn at random: standard normal ones of a model with a Gaussian latent, else
   from the Gaussians that lk_score_fit has fitted to its training images. LK_MODEL when it has
   neither, or a codebook, of which it is not known what goes together. */
lk_status lk_model_sample(const lk_model *model, uint64_t seed, size_t n, lk_real *z,
                          lk_error *error);

/* ---- rows of numbers ---- */

/* A model whose chain begins with `table` is for rows of numbers, of 1x1xN, each column in a unit
   of its own: it takes them prepared, about the means of the columns and in their deviations, which
   it holds. */
bool lk_model_is_table(const lk_model *model);
/* Sets these to those of the values of `data`. LK_NONFINITE: they are too large. */
lk_status lk_table_fit(lk_model *model, const lk_dataset *data, lk_error *error);
/* Sets them to those given; deviations are over 0. */
void lk_table_set(lk_model *model, const lk_real *means, const lk_real *deviations);
/* x[n x N] = rows[n x N] prepared; x may be rows. */
void lk_table_prepare(const lk_model *model, const lk_real *rows, size_t n, lk_real *x);

/* ---- corruption ---- */

/* What the links noise, mask and salt do. */
typedef enum lk_corruption {
    LK_CORRUPT_NOISE, /* adds normal noise of this deviation */
    LK_CORRUPT_MASK,  /* sets this share of the values to 0 */
    LK_CORRUPT_SALT,  /* sets this share to 0 or 1 */
} lk_corruption;
/* Corrupts the n values of an image; which ones and how depends on seed and number alone. */
void lk_corrupt(lk_corruption kind, double amount, uint64_t seed, uint64_t number, size_t n,
                lk_real *x);

/* ---- metrics ---- */

/* Means over all values (mae, mse, bce) and over images (sse); psnr in dB for a peak of 1. */
typedef struct lk_errors {
    double mae, mse, bce, sse_per_image, psnr;
} lk_errors;
/* Sums in order over n images of `size` values each. bce clamps x_hat's logarithms at -100. */
void lk_errors_measure(const lk_real *x, const lk_real *x_hat, size_t n, size_t size,
                       lk_errors *out);

/* counts[classes x classes]: how many images of each label (row) were taken for which (column). All
   labels and guesses are below `classes`. */
void lk_confuse(const uint32_t *labels, const uint32_t *guesses, size_t n, uint32_t classes,
                uint32_t *counts);
/* The label that most of the k >= 1 have; of equals the one that comes first. */
uint32_t lk_vote(const uint32_t *labels, size_t k);

typedef struct lk_separation {
    double auroc, aupr, fpr95;
} lk_separation;
/* How well `unusual` is told from `usual` by scores that rise with unusualness; ties count half.
   aupr: average precision with `unusual` as the positives. fpr95: share of `usual` that is flagged
   at the threshold which flags 95 % of `unusual`. LK_DATA: a set is empty. LK_NONFINITE: a score is
   NaN. */
lk_status lk_separate(const float *usual, size_t n_usual, const float *unusual, size_t n_unusual,
                      lk_separation *out, lk_error *error);

/* The middle 95 % of the AUROCs of 1,000 sets drawn from both with repetition (B. Efron 1979). */
lk_status lk_separation_interval(const float *usual, size_t n_usual, const float *unusual,
                                 size_t n_unusual, uint64_t seed, double *low, double *high,
                                 lk_error *error);

/* ---- nearest neighbours ---- */

typedef enum lk_metric { LK_METRIC_L2, LK_METRIC_COSINE } lk_metric;
typedef struct lk_neighbour {
    uint32_t index;
    float distance; /* Euclidean, or 1 - cosine */
} lk_neighbour;

typedef struct lk_index lk_index;
/* An exact index over vectors[n x d] (copied), which are finite. Owned by the caller. */
lk_index *lk_index_create(const lk_real *vectors, size_t n, size_t d, lk_metric metric,
                          lk_error *error);
void lk_index_free(lk_index *index);
size_t lk_index_count(const lk_index *index);
/* The k nearest of each of the queries[n x d], nearest first, lower index first among equals, into
   out[n x k]; returns how many each got: k, or fewer where the index or LK_MAX_NEIGHBOURS is
   smaller. `simd` picks the kernels; `threads` share the queries. Allocates nothing. */
enum { LK_MAX_NEIGHBOURS = 128 };
size_t lk_index_search(const lk_index *index, const lk_real *queries, size_t n, size_t k,
                       int threads, lk_simd simd, lk_neighbour *out);

/* ---- the verdict ---- */

typedef enum lk_verdict { LK_IN, LK_OUT, LK_EMPTY } lk_verdict;
const char *lk_verdict_name(lk_verdict verdict); /* "in", "out", "empty" */

/* The single pieces of evidence, see score.c. */
enum { LK_EVIDENCES = 13 };
/* "reconstruction", "mahalanobis", "neighbour", "shape", "gist", "style", "tones", "views",
   "class", "logit", "none", "pose", "texture" */
const char *lk_evidence_name(size_t which);
/* Whether the model has this piece of evidence of what is so prepared; if not, its value is 0 and
   its p is 1. */
bool lk_model_has_evidence(const lk_model *model, lk_preparation preparation, size_t which);
/* What a piece of evidence is about: what is shown; how it looks, of images reconstruction, shape,
   style, tones and views; whether it is upright, of images pose; or, texture, none of these. */
typedef enum lk_question { LK_CONTENT, LK_LOOK, LK_UPRIGHT, LK_QUESTIONS } lk_question;
lk_question lk_evidence_question(lk_preparation preparation, size_t which);

typedef struct lk_result {
    lk_verdict verdict;
    double p;    /* (1 + #{held-out at least as unusual}) / (n + 1); 0 when empty */
    float score; /* combined, rises with unusualness, continuous; +FLT_MAX when empty */
    struct {
        float value;
        double p;
        double surprise; /* what it adds to the score: -log of how common the value is; of texture,
                            which has a limit, 20 for each time that it is over */
    } evidence[LK_EVIDENCES];
} lk_result;

/* Learns what usual images look like to the network from those it was trained on: where their codes
   lie and what layers hold of them, of each class by itself where labels tell enough of each; their
   shapes; `references` of them are kept for the neighbour distance. Images are moved by up to
   `shift` whole pixels each way: what training moved is to be usual wherever it stands. With `ink`,
   for grey pixels, their shapes as drawings are learnt too. `threads` at least 1. */
lk_status lk_score_fit(lk_model *model, const lk_dataset *trained_on, uint32_t shift, bool ink,
                       size_t references, uint64_t seed, int threads, lk_simd simd,
                       lk_error *error);

/* Calibrates one preparation on held-out images (at least 20): a part of them makes the pieces of
   evidence comparable, the rest gives the p-values. Replaces that preparation's calibration. */
enum { LK_MIN_CALIBRATION = 20 };
lk_status lk_score_calibrate(lk_model *model, lk_preparation preparation,
                             const lk_dataset *held_out, int threads, lk_simd simd,
                             lk_error *error);

/* The alpha for lk_check where no other is asked for: that of LK_TEXT_ALPHA, 0.01 where it says
   nothing between 0 and 1. */
double lk_model_alpha(const lk_model *model);

bool lk_model_calibrated(const lk_model *model, lk_preparation preparation);
/* The ascending combined scores of the images that give the p-values; *count of them. */
const float *lk_model_calibration(const lk_model *model, lk_preparation preparation, size_t *count);

/* Judges a picture. LK_MODEL when the model is not calibrated for the preparation, LK_USAGE when
   alpha is not in (0, 1), LK_NONFINITE when a score is not finite (never "in"). */
lk_status lk_check(lk_run *run, lk_preparation preparation, lk_picture picture, double alpha,
                   lk_result *result, lk_error *error);
/* The same for a prepared input x[channels x height x width]. */
lk_status lk_check_input(lk_run *run, lk_preparation preparation, const lk_real *x, double alpha,
                         lk_result *result, lk_error *error);

/* ---- files, as bytes ---- */

/* A growing block of bytes owned by whoever holds it; free with lk_bytes_free. */
typedef struct lk_bytes {
    uint8_t *data;
    size_t size;
} lk_bytes;
void lk_bytes_free(lk_bytes *bytes);

/* Rounds what was learnt to what 16 bits hold (IEEE 754 binary16): a file gives a tensor no more
   where they hold all of it. What is 65520 or more stays as it is. */
lk_status lk_model_halve(lk_model *model, lk_error *error);

/* A usable model or NULL: needs exactly the tensors that architecture and calibration imply, all
   finite. `bytes` may be freed afterwards. */
lk_model *lk_model_load(const void *bytes, size_t size, lk_error *error);
lk_status lk_model_save(const lk_model *model, lk_bytes *out, lk_error *error);
/* All that was learnt in the file's order, as floats, for hashing; *out is owned by the caller. */
lk_status lk_model_weights(const lk_model *model, lk_bytes *out, lk_error *error);

/* The same as an ONNX graph, without what verdicts need: `image` comes in, [N][C][H][W], `code`
   goes out, and `reconstruction` or `probabilities`. LK_MODEL: it has an operator that ONNX has
   not. */
lk_status lk_model_onnx(const lk_model *model, lk_bytes *out, lk_error *error);

/* The known images that neighbours are shown from: codes in int8, labels, thumbnails. */
typedef struct lk_gallery lk_gallery;
lk_gallery *lk_gallery_create(const lk_model *model, const lk_dataset *data, size_t count,
                              uint64_t seed, int threads, lk_simd simd, lk_error *error);
lk_gallery *lk_gallery_load(const lk_model *model, const void *bytes, size_t size, lk_error *error);
lk_status lk_gallery_save(const lk_gallery *gallery, lk_bytes *out, lk_error *error);
void lk_gallery_free(lk_gallery *gallery);
const lk_dataset *lk_gallery_images(const lk_gallery *gallery);
/* Where in the training set image `i` of the gallery stood. */
uint32_t lk_gallery_origin(const lk_gallery *gallery, size_t i);
/* Neighbours of one code z[latent] by `metric`; as lk_index_search. */
size_t lk_gallery_search(const lk_gallery *gallery, const lk_real *z, lk_metric metric, size_t k,
                         lk_simd simd, lk_neighbour *out);

/* ---- training ---- */

/* How training images are changed anew in each epoch; all zero: not at all. The amounts of an image
   depend on the seed, the epoch and its number alone. Each is uniform within its bounds; pixels
   from outside the image are background: the median of its border, channel by channel. */
typedef struct lk_augmentation {
    double shift;  /* most pixels, each way, across and down; 0 to 1000 */
    double rotate; /* most degrees, either way, about the centre; 0 to 180 */
    double scale;  /* 0.1: sides times 0.9 to 1.1; 0 to 0.5 */
    double flip;   /* share of images that are mirrored left to right */
    double erase;  /* share of which a rectangle is overwritten with noise (Z. Zhong et al. 2017) */
    double stroke; /* most pixels by which strokes get thicker or thinner; 0 to 8 */
} lk_augmentation;
/* Reads text such as "shift 2, rotate 10, scale 0.1, flip 0.5, erase 0.5, stroke 1": any of these
   in any order, each at most once; nothing: all zero. LK_USAGE, *out untouched, if it is other. */
lk_status lk_augmentation_parse(const char *text, lk_augmentation *out, lk_error *error);
bool lk_augmentation_any(const lk_augmentation *augmentation); /* something is not zero */

/* How the rate falls at the end. */
typedef enum lk_fall { LK_FALL_LINEAR, LK_FALL_COSINE } lk_fall;

typedef struct lk_train_options {
    uint32_t batch;       /* images a step */
    double learning_rate; /* Adam's (Kingma and Ba 2015), b1 0.9, b2 0.999, eps 1e-8 */
    uint32_t epochs;      /* the schedule's length */
    double warmup;        /* share of the epochs, at the start, in which the rate rises from 0 */
    double decay;         /* share of the epochs, at the end, in which the rate falls to 0 */
    lk_fall fall;
    double weight_decay; /* decoupled (Loshchilov and Hutter 2019): of weights, not of biases */
    lk_augmentation augment;
    uint64_t seed;
    int threads; /* at least 1 */
    lk_simd simd;
} lk_train_options;
lk_train_options lk_train_defaults(void);
/* The same, and of a family (or NULL) that is trained another way that: on so many images. Its
   first weights are family->training.init. */
lk_train_options lk_train_family_defaults(const lk_family *family, size_t images);

typedef struct lk_trainer lk_trainer;
/* Trains `model` in place on `data`; both must outlive the trainer. LK_DATA where the model needs
   labels that the data have not. */
lk_trainer *lk_trainer_create(lk_model *model, const lk_dataset *data,
                              const lk_train_options *options, lk_error *error);
void lk_trainer_free(lk_trainer *trainer);

/* Mean loss of some images, by images, and the share of them whose class was right (0 where the
   model tells none apart). */
typedef struct lk_progress {
    double loss, accuracy;
} lk_progress;
/* One step of up to `batch` images, which *progress is about. LK_NONFINITE when the loss is not
   finite: the model is then of no use. */
lk_status lk_trainer_step(lk_trainer *trainer, lk_progress *progress, lk_error *error);
/* Steps done, and steps that make an epoch: the place in the schedule. */
uint64_t lk_trainer_steps(const lk_trainer *trainer);
uint64_t lk_trainer_steps_per_epoch(const lk_trainer *trainer);

/* For early stopping: keeps the present parameters, and puts the kept ones back into the model. */
void lk_trainer_keep(lk_trainer *trainer);
void lk_trainer_put_back(lk_trainer *trainer);

/* Everything needed to go on to the same bits, as a safetensors file; `note` is kept for the
   caller. Restoring checks that architecture, data size and options are the same. */
lk_status lk_trainer_save(const lk_trainer *trainer, const char *note, lk_bytes *out,
                          lk_error *error);
lk_status lk_trainer_restore(lk_trainer *trainer, const void *bytes, size_t size, lk_error *error);
/* The note of a checkpoint file, owned by the caller (lk_bytes_free), terminated by a zero. */
lk_status lk_checkpoint_note(const void *bytes, size_t size, lk_bytes *note, lk_error *error);

/* The same of a data set with no training. Noise in front of a chain and the sampling of a Gaussian
   latent are part of the loss, and depend on an image's place alone. */
lk_status lk_evaluate(const lk_model *model, const lk_dataset *data, int threads, lk_simd simd,
                      lk_progress *out, lk_error *error);

/* Solves PCA: a chain of two linear layers gets the leading components of the data's covariance.
   explained[latent] (or NULL) receives each component's share of the variance. */
lk_status lk_pca_solve(lk_model *model, const lk_dataset *data, int threads, lk_real *explained,
                       lk_error *error);

/* Calls visit(context, run, first, n, x) for blocks of at most 64 images of `data`, x being the
   inputs, from `threads` threads, each with its own run, in no particular order. Blocks are the
   same whatever the threads, so results written by index do not depend on them. The first error
   that a visit returns is reported. With ink, images are prepared as ink first. */
typedef lk_status lk_visit(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                           lk_error *error);
lk_status lk_dataset_visit(const lk_dataset *data, const lk_model *model,
                           lk_preparation preparation, int threads, lk_simd simd, lk_visit *visit,
                           void *context, lk_error *error);
/* codes[count x latent] of all images of `data`. */
lk_status lk_dataset_encode(const lk_dataset *data, const lk_model *model, int threads,
                            lk_simd simd, lk_real *codes, lk_error *error);

/* ---- principal components ---- */

/* The directions in which some images vary most, the largest first. */
typedef struct lk_components {
    size_t count, size; /* components; values of an image */
    double total;       /* variance of all values together */
    double *mean;       /* [size] */
    double *vectors;    /* [count][size], of length 1, their largest value positive; all zero where
                           fewer images leave no more */
    double *variances;  /* [count], in which the vectors' shares of the total are told */
} lk_components;
/* Of pixels in 0..1 or of the values, on any number of threads. Exact, but where images and values
   both are more than 1,000: then to nine digits. LK_DATA: no images, or both over 20,000; LK_USAGE:
   more components than values. The caller owns *out: lk_components_free. */
lk_status lk_components_find(const lk_dataset *data, size_t count, int threads, lk_components *out,
                             lk_error *error);
void lk_components_free(lk_components *components);
/* z[count] = the components of x[size]; and back from the first `count` of them. */
void lk_components_encode(const lk_components *components, const lk_real *x, lk_real *z);
void lk_components_decode(const lk_components *components, const lk_real *z, size_t count,
                          lk_real *x_hat);

/* ---- clusters ---- */

/* k-means from `restarts` starts by k-means++, of which the one with the least inertia (the sum of
   squared distances to the centres) is kept: centres[clusters x d], cluster[n]. No cluster is empty
   where there are as many different vectors[n x d]. The same bits for any number of threads. */
lk_status lk_kmeans(const lk_real *vectors, size_t n, size_t d, size_t clusters, size_t restarts,
                    uint64_t seed, int threads, lk_simd simd, lk_real *centres, uint32_t *cluster,
                    double *inertia, lk_error *error);

/* From clusters of vectors, which it replaces, to those of a mixture of as many Gaussians with full
   covariances, fitted to the same vectors; *likelihood is the mean logarithm of their density. A
   wide cluster and a narrow one may then lie within each other. */
lk_status lk_gaussians(const lk_real *vectors, size_t n, size_t d, size_t clusters, int threads,
                       lk_simd simd, uint32_t *cluster, double *likelihood, lk_error *error);

/* out[n x dimensions]: UMAP of vectors[n x d] (umap.c), in which what is joined by a chain of near
   neighbours is brought together, however far its ends are apart, and the rest is pushed away;
   tight, as clusters want it, neighbours may come to lie on each other. */
lk_status lk_umap(const lk_real *vectors, size_t n, size_t d, size_t neighbours, size_t dimensions,
                  bool tight, uint64_t seed, int threads, lk_simd simd, lk_real *out,
                  lk_error *error);

/* How clusters agree with labels. accuracy: the share of images whose label is that of their
   cluster, under the best assignment of one class to each cluster at most. nmi: their mutual
   information by the mean of their entropies. ari: the share of pairs of images that are together,
   or apart, in both, adjusted for chance (L. Hubert and P. Arabie 1985). */
typedef struct lk_agreement {
    double accuracy, nmi, ari;
} lk_agreement;
/* labels[n] below `classes`, clusters[n] below k; class_of[k] is that assignment, UINT32_MAX where
   there are more clusters than classes. */
lk_status lk_agree(const uint32_t *labels, uint32_t classes, const uint32_t *clusters, uint32_t k,
                   size_t n, uint32_t *class_of, lk_agreement *out, lk_error *error);

/* ---- speed ---- */

/* A piece of training or search by itself; for `likeness bench`. */
typedef struct lk_kernel_bench {
    const char *name;
    double flops;   /* of one repetition, as if every sum were done as it is written */
    size_t m, k, n; /* where it is a product of matrices, [m][k] x [k][n], or comes to one */
} lk_kernel_bench;
const lk_kernel_bench *lk_kernel_benches(size_t *count);

typedef struct lk_bench_run lk_bench_run;
lk_bench_run *lk_bench_create(size_t which, lk_simd simd, lk_error *error);
void lk_bench_repeat(lk_bench_run *run, size_t times);
void lk_bench_free(lk_bench_run *run);

#endif
