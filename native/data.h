/* Data sets by name or file. */
#ifndef DATA_H
#define DATA_H

#include <jansson.h>

#include "fault.h"
#include "text.h"

typedef struct data {
    lk_dataset set;      /* pixels or, of rows of numbers, values; and labels: all owned */
    strings files;       /* of a folder: each image's file; else empty */
    strings texts;       /* their words (words.h), until they are counted; else empty */
    strings classes;     /* names: of a folder its class folders, of a table or of texts the labels,
                            of several sets these, of garments what they are; else empty */
    const char *kind;    /* "idx", "npy", "csv", "jsonl", "folder", "joined" */
    char path[PATH_MAX]; /* the images' file or folder */
} data;

typedef enum data_part { DATA_TRAIN, DATA_TEST } data_part;

/* Opens what --data says: a data set, of all its classes those that it chooses (classes.h), or
   several, A+B, each of which is then a class (joined.c). `part` is what a
   bare name stands for; `wanted`, if not all zero, says what a row of a .npy table is; `limit` of 0
   takes all, another so many of each set. Of a folder only files and labels are gathered: no
   pixels, no shape. On failure nothing is kept. */
lk_status data_open(const char *spec, data_part part, lk_shape wanted, uint32_t limit, data *out,
                    fault *f);
/* The same with all pixels, every image brought to the shape `wanted`; if that is all zero, left as
   it is, or brought to folder_shape where it comes from a folder. */
lk_status data_load(const char *spec, data_part part, lk_shape wanted, uint32_t limit, data *out,
                    fault *f);
void data_free(data *d);
/* The same of one data set. */
lk_status data_open_one(const char *spec, data_part part, lk_shape wanted, uint32_t limit,
                        data *out, fault *f);
lk_status data_load_one(const char *spec, data_part part, lk_shape wanted, uint32_t limit,
                        data *out, fault *f);

/* Whether `path` is a file or folder that `spec` names, or a picture of such a folder. */
bool data_is_at(const char *spec, const char *path);

/* What image i is called: its file, or SPEC#i. Into out[PATH_MAX]. */
const char *data_image_name(const data *d, const char *spec, size_t i, char *out);

/* Of the pictures of a folder their files' names, as fields of a .csv file: room for all of them,
   and that of image i, with a comma before it, into out; nothing where `d` is no folder. Returns
   its length. */
size_t data_files_room(const data *d);
size_t data_file_field(const data *d, size_t i, char *out);

/* Moves `count` images, drawn by `seed`, out of `set` into `part`: with `balanced`, as many of each
   class as there are. Those left behind keep their order. */
lk_status data_take(lk_dataset *set, size_t count, uint64_t seed, bool balanced, lk_dataset *part,
                    fault *f);
/* Values at or over `threshold` of white become 1, all others 0. */
void data_binarise(lk_dataset *set, double threshold);
void data_set_free(lk_dataset *set);
bool data_same_shape(lk_shape a, lk_shape b);

/* Room for `count` images, and for their labels if they have some. */
lk_status data_set_make(lk_dataset *set, lk_shape shape, size_t count, bool labelled,
                        const char *path, fault *f);
/* Of X.csv:label=NAME the name, cut off the spec; NULL: there is none. */
char *data_cut_label(char *spec);
/* Of X.jsonl:train or :test the part, cut off likewise. */
const char *data_cut_part(char *spec);
bool data_is_texts(const char *spec);
/* labels[] of the rows, by what they are called, as numbers: the places of the names, sorted, among
   which they are. */
lk_status data_number_labels(const strings *labels, const strings *names, data *out, fault *f);
/* The rows of numbers are prepared as the model wants them, of texts by its words or, where there
   is no model, by their own. LK_DATA: the one has none, or the other wants none. Of images nothing
   is done. */
lk_status data_suit_table(data *d, const lk_model *model, fault *f);
/* Rows of numbers and texts cannot be brought to the shape that --shape asks for, if it does. */
lk_status data_check_shape(const data *d, lk_shape asked, fault *f);
/* Whether the row is that of a text in which the model knows no word. */
bool data_is_empty_text(const lk_model *model, const lk_real *row);
void data_set_count_classes(lk_dataset *set);
/* Whether its images have labels, and not all the same. */
bool data_set_varied(const lk_dataset *set);

/* What a named data set's images are called in sentences, or NULL. */
const char *data_title(const char *spec);
bool data_is_ink(const char *spec); /* drawn with a pen: may be judged as ink */

/* [{"name", "part", "found", "path"}] of every named data set; "how" where it is not found. */
json_t *data_named_list(void);
void data_print_list(const json_t *list); /* the same in lines for people */
/* Compares a named data set with the published one: "match", "differs", or NULL for own data. */
const char *data_compare_published(const char *spec, data_part part, const data *d);
/* SHA-256 of the pixels into hex[65]. */
void data_sha256(const lk_dataset *set, char *hex);

/* ---- the single formats ---- */

/* An IDX images file of rank 3 or 4 and the labels file beside it, if there is one. */
lk_status idx_load(const char *path, data *out, fault *f);
/* Rows of numbers, and their labels in the column of this heading, if it is not NULL. */
lk_status csv_load(const char *path, const char *label, data *out, fault *f);
/* Texts of this part (NULL: of all lines), and their labels under this key, or where it is NULL
   those under "label", if they have some. */
lk_status jsonl_load(const char *path, const char *part, const char *label, data *out, fault *f);
lk_status npy_load(const char *path, lk_shape wanted, data *out, fault *f);
/* Rows of `columns` finite values, as they are; *values, rows x columns, is owned by the caller. */
lk_status npy_read_rows(const char *path, size_t columns, lk_real **values, size_t *rows, fault *f);
/* Writes float32 values[n x d ...]; `rank` dimensions. */
lk_status npy_write(const char *path, const lk_real *values, const size_t *shape, size_t rank,
                    fault *f);
/* Files and labels of a folder, then its pixels, each picture brought to the shape. */
lk_status folder_open(const char *path, data *out, fault *f);
lk_status folder_read(data *d, lk_shape shape, fault *f);
/* What suits the pictures of a folder, to go by some of them: 32 x 32, or their own size where all
   are squares of one that is no larger; three channels where any has a colour, else one. */
lk_status folder_shape(const data *d, lk_shape *shape, fault *f);

#endif
