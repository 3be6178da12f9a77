#include "base.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

const char *lk_status_name(lk_status status) {
    switch (status) {
    case LK_OK: return "ok";
    case LK_USAGE: return "usage";
    case LK_DATA: return "data";
    case LK_MODEL: return "model";
    case LK_IO: return "io";
    case LK_MEMORY: return "memory";
    case LK_NONFINITE: return "non-finite";
    }
    return "unknown";
}

/* Appends a number in decimal; `at` and the result count bytes of message. */
static size_t put_number(char *message, size_t at, size_t size, unsigned long long number) {
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (n > 0 && at + 1 < size) message[at++] = digits[--n];
    return at;
}

static void format_message(lk_error *error, const char *format, va_list arguments) {
    char *message = error->message;
    const size_t size = sizeof error->message;
    size_t at = 0;
    for (const char *f = format; *f && at + 1 < size; f++) {
        if (f[0] == '%' && f[1] == 's') {
            const char *text = va_arg(arguments, const char *);
            while (*text && at + 1 < size) message[at++] = *text++;
            f++;
        } else if (f[0] == '%' && f[1] == 'u') {
            at = put_number(message, at, size, va_arg(arguments, unsigned long long));
            f++;
        } else {
            message[at++] = *f;
        }
    }
    message[at] = 0;
}

lk_status lk_fail(lk_error *error, lk_status status, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        error->offset = LK_NO_OFFSET;
        format_message(error, format, arguments);
        va_end(arguments);
    }
    return status;
}

lk_status lk_fail_at(lk_error *error, lk_status status, uint64_t offset, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        error->offset = offset;
        format_message(error, format, arguments);
        va_end(arguments);
    }
    return status;
}

bool lk_decimal(const char *text, double *number) {
    double digits = 0, unit = 1;
    size_t count = 0;
    bool point = false;
    for (; *text; text++) {
        if (*text == '.' && !point) {
            point = true;
        } else if (*text >= '0' && *text <= '9' && count < 15) {
            digits = digits * 10 + (*text - '0');
            unit = point ? unit * 10 : 1;
            count++;
        } else {
            return false;
        }
    }
    *number = digits / unit;
    return count > 0;
}

double lk_log(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
    double m; /* x = m 2^exponent, m in [sqrt(1/2), sqrt(2)) */
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    /* log m = 2 artanh s; |s| < 0.172, so eleven terms of the series reach double precision. */
    const double s = (m - 1) / (m + 1), s2 = s * s;
    double sum = 0;
    for (int k = 21; k >= 3; k -= 2) sum = (sum + 1.0 / k) * s2;
    return exponent * 0.6931471805599453 + 2 * (s + s * sum);
}

/* pi / 180 */
static const double RADIANS = 0.017453292519943295;

void lk_turn(double degrees, double *cosine, double *sine) {
    const double quarters = floor(degrees / 90 + 0.5);
    const double r = (degrees - 90 * quarters) * RADIANS; /* within pi / 4 of zero */
    double c = 1, s = 1;                                  /* Taylor's series, from their ends */
    for (int n = 16; n > 0; n -= 2) {
        c = 1 - r * r / ((n - 1) * n) * c;
        s = 1 - r * r / (n * (n + 1)) * s;
    }
    s *= r;
    const int turn = ((int)quarters + 4) % 4;
    *cosine = turn == 0 ? c : turn == 1 ? -s : turn == 2 ? -c : s;
    *sine = turn == 0 ? s : turn == 1 ? c : turn == 2 ? -s : -c;
}
