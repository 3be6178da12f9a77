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
    fprintf(stderr, "[%s] %sepoch %u/%u  loss %.5f  %.0f images/s  ETA %.0f:%02.0f", bar, p->stage,
            epoch, p->epochs, loss, rate, floor(seconds_left / 60), floor(fmod(seconds_left, 60)));
}

static void print_measured(const char *name, lk_progress measured) {
    if (isfinite(measured.loss)) fprintf(stderr, "  %s %.5f", name, measured.loss);
    if (isfinite(measured.accuracy)) fprintf(stderr, ", %.2f %% right", 100 * measured.accuracy);
}

void progress_epoch(progress *p, uint32_t epoch, lk_progress trained, lk_progress validated,
                    double rate, double seconds) {
    clear(p);
    fprintf(stderr, "%sepoch %u/%u", p->stage, epoch, p->epochs);
    print_measured("loss", trained);
    print_measured("validation", validated);
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
