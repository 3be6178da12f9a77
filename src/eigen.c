#include "eigen.h"

#include <math.h>
#include <string.h>

/* Reduces a[n][n] to the diagonal d[n] and the subdiagonal e[1..n-1] beside it (e[0] = 0). Row k
   keeps the reflector v of its step from column k + 1 on, scaled so that v^T v = 2. */
static void reduce(double *a, size_t n, double *d, double *e, double *w) {
    e[0] = 0;
    /* A column this small beside the matrix is taken as zero, since its squares may vanish. */
    double largest = 0;
    for (size_t i = 0; i < n * n; i++) largest = LK_MAX(largest, fabs(a[i]));
    const double negligible = largest * 0x1p-100;
    for (size_t k = 0; k + 1 < n; k++) {
        double squares = 0;
        for (size_t i = k + 1; i < n; i++) squares += a[i * n + k] * a[i * n + k];
        const double first = a[(k + 1) * n + k];
        const double norm = squares > negligible * negligible ? sqrt(squares) : 0;
        const double alpha = first > 0 ? -norm : norm;
        e[k + 1] = alpha;
        /* |v|^2 = 2 alpha (alpha - first); nothing to reflect where the column is zero already. */
        const double length = 2 * alpha * (alpha - first);
        const double scale = length > 0 ? sqrt(2 / length) : 0;
        a[(k + 1) * n + k] = first - alpha;
        double *v = a + k * n; /* kept in the row of k, which is not needed any more */
        for (size_t i = k + 1; i < n; i++) v[i] = scale * a[i * n + k];
        if (scale == 0) continue;

        /* A <- H A H = A - v w^T - w v^T with w = A v - (v^T A v / 2) v. The matrix is kept whole
           below and right of k, so that the rows are read in order. */
        memset(w, 0, n * sizeof *w);
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = k + 1; j < n; j++) w[j] += v[i] * a[i * n + j];
        double half = 0;
        for (size_t i = k + 1; i < n; i++) half += v[i] * w[i] / 2;
        for (size_t i = k + 1; i < n; i++) w[i] -= half * v[i];
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = k + 1; j < n; j++) a[i * n + j] -= v[i] * w[j] + w[i] * v[j];
    }
    for (size_t i = 0; i < n; i++) d[i] = a[i * n + i];
}

/* Turns the reflectors left in a into the rows of Q^T, where Q^T A Q is tridiagonal. */
static void accumulate(double *a, size_t n, double *t) {
    for (size_t k = n; k-- > 0;) {
        /* The part right and below k + 1 holds the product so far; row k holds v. */
        double *v = a + k * n;
        if (k + 1 < n) {
            for (size_t i = k + 1; i < n; i++) {
                double sum = 0;
                for (size_t j = k + 1; j < n; j++) sum += a[i * n + j] * v[j];
                t[i] = sum;
            }
            for (size_t i = k + 1; i < n; i++)
                for (size_t j = k + 1; j < n; j++) a[i * n + j] -= t[i] * v[j];
        }
        for (size_t j = k + 1; j < n; j++) v[j] = a[j * n + k] = 0;
        v[k] = 1;
    }
}

/* Rows i and i + 1 of z turn by the angle with cosine c and sine s. */
static void turn(double *z, size_t n, size_t i, double c, double s) {
    double *a = z + i * n, *b = a + n;
    for (size_t k = 0; k < n; k++) {
        const double f = b[k];
        b[k] = s * a[k] + c * f;
        a[k] = c * a[k] - s * f;
    }
}

/* One implicit QL sweep on rows l..m of the tridiagonal matrix (d, e), e[i] beside d[i], d[i+1]. */
static void sweep(double *d, double *e, double *z, size_t n, size_t l, size_t m) {
    double g = (d[l + 1] - d[l]) / (2 * e[l]);
    double r = sqrt(g * g + 1);
    g = d[m] - d[l] + e[l] / (g + (g >= 0 ? r : -r));
    double s = 1, c = 1, p = 0;
    for (size_t i = m; i-- > l;) {
        const double f = s * e[i], b = c * e[i];
        r = sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == 0) { /* the matrix falls apart here: go on with the rest */
            d[i + 1] -= p;
            e[m] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        turn(z, n, i, c, s);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
}

static bool diagonalise(double *d, double *e, double *z, size_t n) {
    for (size_t i = 1; i < n; i++) e[i - 1] = e[i];
    e[n - 1] = 0;
    /* What is below the rounding of the whole matrix is zero; many rows may be zero altogether. */
    double norm = 0;
    for (size_t i = 0; i < n; i++) norm = LK_MAX(norm, fabs(d[i]) + fabs(e[i]));
    const double negligible = norm * 0x1p-53;
    for (size_t l = 0; l < n; l++) {
        for (int iteration = 0;; iteration++) {
            size_t m = l;
            while (m + 1 < n && fabs(e[m]) > negligible) m++;
            if (m == l) break;
            if (iteration == 60) return false;
            sweep(d, e, z, n, l, m);
        }
    }
    return true;
}

/* Largest first, by selection; then every vector's sign. */
static void arrange(double *values, double *z, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++)
            if (values[j] > values[best]) best = j;
        const double value = values[i];
        values[i] = values[best];
        values[best] = value;
        double *a = z + i * n, *b = z + best * n;
        for (size_t k = 0; best != i && k < n; k++) {
            const double swap = a[k];
            a[k] = b[k];
            b[k] = swap;
        }
        size_t largest = 0;
        for (size_t k = 1; k < n; k++)
            if (fabs(a[k]) > fabs(a[largest])) largest = k;
        for (size_t k = 0; a[largest] < 0 && k < n; k++)
            if (k != largest) a[k] = -a[k];
        a[largest] = fabs(a[largest]);
    }
}

bool lk_eigen_symmetric(double *a, size_t n, double *values, double *room) {
    double *e = room, *w = room + n;
    reduce(a, n, values, e, w);
    accumulate(a, n, w);
    if (!diagonalise(values, e, a, n)) return false;
    arrange(values, a, n);
    return true;
}
