#include "program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

/* Before options are parsed, since parsing them may be what fails. */
static bool wants_json(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0) return true;
    return false;
}

/* A closed descriptor 0, 1 or 2 would be given to the first file that is opened. */
static lk_status hold_standard_descriptors(fault *f) {
    bool no_output = false;
    for (int i = 0; i < 3; i++) {
        if (fcntl(i, F_GETFD) >= 0) continue;
        no_output |= i == STDOUT_FILENO;
        if (open("/dev/null", i == STDIN_FILENO ? O_RDONLY : O_WRONLY) != i)
            return fail(f, LK_IO, "/dev/null", "cannot open");
    }
    return no_output ? fail(f, LK_IO, "standard output", "is closed") : LK_OK;
}

/* What libraries read from the environment as they are loaded, and so is set for a second start.
   GCC's OpenMP waits by spinning for milliseconds, which on a machine with other work keeps the
   very thread it waits for from running: training then is ten times slower. Half as many turns as
   here, and the threads of a small network sleep at every meeting. And weights, moments and
   activations are read from one end to the other at every step: in pages of two megabytes the CPU
   looks up far fewer addresses, which makes a twentieth. */
static void set_up_libraries(char **argv) {
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return;
    setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0); /* unless others are asked for */
    if (setenv("GOMP_SPINCOUNT", "2000", 1) == 0) execv("/proc/self/exe", argv);
}

int program_run(int argc, char **argv, int (*run)(int argc, char **argv, fault *f)) {
    set_up_libraries(argv);
    static fault f; /* large */
    /* Tables are written at the end, where it is told why they cannot be. */
    static char results[1 << 16];
    setvbuf(stdout, results, _IOFBF, sizeof results);
    f.error.offset = LK_NO_OFFSET;
    const bool json = wants_json(argc, argv);
    /* A reader that went away and a file grown too large are reported as failed writes. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    int code = hold_standard_descriptors(&f);
    if (code == LK_OK) {
        code = run(argc, argv, &f);
        const bool failed = code != LK_OK && f.error.status == (lk_status)code;
        if (!failed && output_finish(&f)) code = f.error.status;
    }
    if (code != LK_OK && f.error.status == (lk_status)code) output_fault(&f, json);
    return code;
}
