#include "progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

enum { BAR = 24 };
static const double REDRAW_SECONDS = 0.1;

void progress_start(progress *p, uint32_t epochs) {
    const char *terminal = getenv("TERM");
    *p = (progress){.epochs = epochs};
    p->bar = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

static void clear(const progress *p) {
    if (p->bar) fputs("\r\x1b[K", stderr);
}

void progress_update(progress *p, uint32_t epoch, double share, double loss, double rate,
                     double seconds_left) {
    const double now = clock_seconds();
    if (!p->bar || now - p->drawn < REDRAW_SECONDS) return;
    p->drawn = now;
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++) bar[i] = i < share * BAR ? '#' : '.';
    bar[BAR] = 0;
    clear(p);
    fprintf(stderr, "[%s] epoch %u/%u  loss %.5f  %.0f images/s  ETA %.0f:%02.0f", bar, epoch,
            p->epochs, loss, rate, floor(seconds_left / 60), floor(fmod(seconds_left, 60)));
}

void progress_epoch(progress *p, uint32_t epoch, double loss, double validation, double rate,
                    double seconds) {
    clear(p);
    fprintf(stderr, "epoch %u/%u  loss %.5f", epoch, p->epochs, loss);
    if (isfinite(validation)) fprintf(stderr, "  validation %.5f", validation);
    fprintf(stderr, "  %.0f images/s  %.2f s\n", rate, seconds);
}

void progress_say(progress *p, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    clear(p);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}
