/* All that a training holds, from the command line to the report. */
#ifndef JOB_H
#define JOB_H

#include "data.h"
#include "file.h"
#include "training.h"

typedef struct job {
    const options *given;
    options settled;  /* as they were given; the rest is the family's own way of training */
    const options *o; /* these */
    lk_train_options how;
    const lk_family *family; /* NULL with --arch */
    lk_model *model;
    /* Disjoint: trained on, compared with after each epoch, calibrated on. */
    lk_dataset images, validation, held_out;
    lk_dataset lessons;   /* with --drawings what the network learns from: drawings_join */
    char data_sha256[65]; /* of all images, as they were loaded */
    training training;
    file_lock lock;
    size_t adopted; /* layers whose weights are those of --from */
    size_t gallery_images;
    lk_real *explained; /* of a solved family: share of the variance, for each value of a code */
    double start, solve_seconds;
    lk_progress trained, validated; /* at the end; NAN where there is nothing to measure */
    char weights_sha256[65];
    json_t *report;
    file_set files; /* what is to be put in place at the end */
} job;

/* Checks everything that the command line says, before anything is read. Without a FAMILY it is the
   one that is made for verdicts, until the data are known. */
lk_status job_check(job *j, fault *f);
/* Loads the images, makes the model, parts the images. With --arch the model says the shape of the
   images; else the images say the model's. */
lk_status job_prepare(job *j, fault *f);

/* The job's images, then these and those of --drawings redrawn as ink is, into *both. */
lk_status drawings_join(const job *j, lk_dataset *both, fault *f);

/* The report that goes beside the model; and prints it. */
lk_status job_stage_report(job *j, fault *f);
lk_status job_print_report(const job *j, fault *f);

#endif
