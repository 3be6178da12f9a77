/* Models and galleries in files. */
#ifndef MODEL_FILE_H
#define MODEL_FILE_H

#include "file.h"
#include "options.h"

/* The caller owns what they return; NULL when they fail. */
lk_model *model_read(const char *path, fault *f);
lk_status model_write(const lk_model *model, const char *path, fault *f);
lk_status model_stage(const lk_model *model, const char *path, file_set *set, fault *f);

/* --alpha, or else the model's own. */
double model_alpha(const lk_model *model, const options *o);
/* Says on standard error when no image can be flagged: no p-value is as small as alpha. */
void model_note_alpha(const lk_model *model, const char *path, lk_preparation preparation,
                      double alpha);

/* "X.safetensors" -> "X.gallery.safetensors" into out[PATH_MAX]. */
void gallery_path(const char *model_path, char *out);
/* "X.report.json": what train --json printed. */
void report_path(const char *model_path, char *out);
/* Whether the file at `path` is the gallery or the report of the model. */
bool model_is_beside(const char *model_path, const char *path);
lk_gallery *gallery_read(const lk_model *model, const char *model_path, fault *f);
lk_status gallery_stage(const lk_gallery *gallery, const char *model_path, file_set *set, fault *f);

#endif
