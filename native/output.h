/* Results on standard output, faults on standard error. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <jansson.h>

#include "fault.h"

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. NULL gives null. */
json_t *output_text(const char *text);
/* A JSON number, null when not finite. */
json_t *output_number(double value);

/* Prints one line of JSON, numbers with 17 digits, and drops the reference. */
lk_status output_json(json_t *value, fault *f);

/* Whether standard output was really written. To be asked at the end. */
lk_status output_finish(fault *f);

/* "likeness: FILE: REASON (offset N)" on standard error, with `json` also as an object on standard
   output. */
void output_fault(const fault *f, bool json);
/* The same of what is not the end of it: "likeness: note: FILE: REASON (offset N)". */
void output_note(const fault *f);
/* {"status", "code", "message", "offset"} */
json_t *output_error(const lk_error *error);

/* The text in a colour where the terminal wants one: an SGR code such as "32". Into out[64]. */
const char *output_coloured(const char *text, const char *sgr, char *out);

/* Lower-case hexadecimal SHA-256 into hex[65]. */
void output_sha256(const void *bytes, size_t size, char *hex);

#endif
