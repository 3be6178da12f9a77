#include "spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"

static volatile sig_atomic_t child;

static void pass_on(int number) {
    if (child > 0) kill(child, number);
}

/* In the child: never returns. It is of a group of its own, so that Ctrl-C reaches it once, and
   ends when its parent is gone. */
static void become(const char *program, char **words, int output) {
    static const int ends[] = {SIGINT, SIGTERM};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (size_t i = 0; i < 2; i++) signal(ends[i], SIG_DFL);
    if (dup2(output, STDOUT_FILENO) >= 0) execv(program, words);
    _exit(127);
}

static int wait_for(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return LK_IO;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    const int number = WTERMSIG(status);
    return number == SIGINT || number == SIGTERM ? EXIT_INTERRUPTED : LK_IO;
}

static int run(const char *program, char **words, json_t **result, fault *f) {
    int ends[2];
    if (pipe(ends) != 0) return fail_errno(f, program, "cannot make a pipe for");
    fflush(stdout);
    struct sigaction old[2], action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &old[0]);
    sigaction(SIGTERM, &action, &old[1]);
    const pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        become(program, words, ends[1]);
    }
    child = pid;
    close(ends[1]);
    FILE *said = pid > 0 ? fdopen(ends[0], "r") : NULL;
    if (said) {
        *result = json_loadf(said, 0, NULL);
        fclose(said);
    } else {
        close(ends[0]);
    }
    const int code = pid > 0 ? wait_for(pid) : (int)fail_errno(f, program, "cannot start");
    child = 0;
    sigaction(SIGINT, &old[0], NULL);
    sigaction(SIGTERM, &old[1], NULL);
    if (code == LK_OK && !*result)
        return fail(f, LK_IO, program, "%s printed no JSON", words[1] ? words[1] : "it");
    if (code == 127) return fail(f, LK_IO, program, "cannot be run");
    return code;
}

int spawn_json(const char *program, const strings *words, json_t **result, fault *f) {
    *result = NULL;
    char **argv = lk_alloc((words->count + 1) * sizeof *argv);
    if (!argv) return fail_memory(f);
    memcpy(argv, words->items, words->count * sizeof *argv);
    argv[words->count] = NULL;
    const int code = run(program, argv, result, f);
    lk_free(argv);
    return code;
}
