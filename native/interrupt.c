#include "interrupt.h"

#include <signal.h>
#include <unistd.h>

#include "commands.h"

static volatile sig_atomic_t signals;
static const char *volatile lock_file;

static void note_signal(int number) {
    (void)number;
    if (signals++ == 0) return;
    if (lock_file) unlink(lock_file);
    _exit(EXIT_INTERRUPTED);
}

static void set_handler(void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void interrupt_watch(const char *lock) {
    lock_file = lock;
    set_handler(note_signal);
}

void interrupt_release(void) {
    set_handler(SIG_DFL);
}

bool interrupt_pending(void) {
    return signals > 0;
}
