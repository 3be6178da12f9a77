/* The commands: each prints its result and returns an exit code; what failed is in *f. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdio.h>

#include "options.h"

enum { EXIT_OUT_OF_DISTRIBUTION = 10, EXIT_INTERRUPTED = 130 };

int cmd_data(const options *o, fault *f);
int cmd_train(const options *o, fault *f);
int cmd_eval(const options *o, fault *f);
int cmd_audit(const options *o, fault *f);
int cmd_calibrate(const options *o, fault *f);
int cmd_score(const options *o, fault *f);
int cmd_reconstruct(const options *o, fault *f);
int cmd_encode(const options *o, fault *f);
int cmd_decode(const options *o, fault *f);
int cmd_sample(const options *o, fault *f);
int cmd_interpolate(const options *o, fault *f);
int cmd_neighbours(const options *o, fault *f);
int cmd_pca(const options *o, fault *f);
int cmd_cluster(const options *o, fault *f);
int cmd_outliers(const options *o, fault *f);
int cmd_map(const options *o, fault *f);
int cmd_export(const options *o, fault *f);
int cmd_families(const options *o, fault *f);
int cmd_inspect(const options *o, fault *f);
int cmd_bench(const options *o, fault *f);
int cmd_doctor(const options *o, fault *f);
int cmd_completion(const options *o, fault *f);
int cmd_man(const options *o, fault *f);
int cmd_help(const options *o, fault *f);

json_t *commands_describe(void); /* what options_describe says of each */
/* Prints a text made of that; with --json as {key: text}. */
int commands_document(const options *o, const char *key,
                      void (*print)(FILE *out, const json_t *commands), fault *f);

#endif
