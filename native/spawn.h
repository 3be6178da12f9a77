/* Running a program of one's own for its JSON. */
#ifndef SPAWN_H
#define SPAWN_H

#include <jansson.h>

#include "fault.h"
#include "text.h"

/* Runs `program` with these words, the first of which is its name, and waits. *result is what it
   printed, owned by the caller, or NULL. Returns its exit code, or what failed. Signals to end are
   passed on, and waited for. */
int spawn_json(const char *program, const strings *words, json_t **result, fault *f);

#endif
