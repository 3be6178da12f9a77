/* How the programs begin and end. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "fault.h"

/* Calls `run`, which returns an exit code, and says what went wrong; for main to return. */
int program_run(int argc, char **argv, int (*run)(int argc, char **argv, fault *f));

#endif
