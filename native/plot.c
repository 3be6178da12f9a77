#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "pictures.h"

enum { SIDE = 1000, MARGIN = 30, PLANE = SIDE * SIDE, MOST_NAMED = 40 };

/* Ten hues that are told apart by colour-blind eyes too as far as ten can be (after Tableau's);
   classes beyond take them darker. */
static const uint8_t COLOURS[10][3] = {
    {31, 119, 180}, {255, 127, 14},  {44, 160, 44},   {214, 39, 40},  {148, 103, 189},
    {140, 86, 75},  {227, 119, 194}, {127, 127, 127}, {188, 189, 34}, {23, 190, 207}};

typedef struct colour {
    uint8_t rgb[3];
} colour;

static colour colour_of(const uint32_t *labels, size_t i) {
    const uint32_t label = labels ? labels[i] : 0;
    const double light = pow(0.65, (double)(label / 10 % 4));
    colour c;
    for (int k = 0; k < 3; k++) c.rgb[k] = (uint8_t)(COLOURS[label % 10][k] * light);
    return c;
}

/* From the plane of the points to pixels: everything fits, the shape is kept, y points up. */
typedef struct view {
    double x, y, scale;
    double radius; /* of a point */
} view;

static view view_of(const plot *p) {
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < 2 * (p->count + p->placed_count); i++) {
        const bool known = i < 2 * p->count;
        const double at = (double)(known ? p->points[i] : p->placed[i - 2 * p->count]);
        low[i % 2] = fmin(low[i % 2], at);
        high[i % 2] = fmax(high[i % 2], at);
    }
    const double span = fmax(fmax(high[0] - low[0], high[1] - low[1]), 1e-30);
    const double scale = (SIDE - 2 * MARGIN) / span;
    return (view){(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, scale,
                  fmin(fmax(150 / sqrt((double)p->count), 1), 5)};
}

static void to_pixels(const view *v, const lk_real *point, double *at) {
    at[0] = SIDE / 2.0 + ((double)point[0] - v->x) * v->scale;
    at[1] = SIDE / 2.0 - ((double)point[1] - v->y) * v->scale;
}

/* ---- the middle of each class ---- */

static int compare(const void *a, const void *b) {
    const lk_real x = *(const lk_real *)a, y = *(const lk_real *)b;
    return (x > y) - (x < y);
}

/* The medians of a class's coordinates; false where it has no points. `room` holds count values. */
static bool middle_of(const plot *p, uint32_t label, lk_real *room, lk_real *middle) {
    size_t n = 0;
    for (size_t k = 0; k < 2; k++) {
        n = 0;
        for (size_t i = 0; i < p->count; i++)
            if (p->labels[i] == label) room[n++] = p->points[2 * i + k];
        if (n == 0) return false;
        qsort(room, n, sizeof *room, compare);
        middle[k] = room[n / 2];
    }
    return true;
}

static bool names_classes(const plot *p) {
    return p->labels && p->classes > 1 && p->classes <= MOST_NAMED;
}

/* ---- PNG ---- */

static void blend(lk_real *image, long x, long y, colour c, double share) {
    if (x < 0 || y < 0 || x >= SIDE || y >= SIDE || share <= 0) return;
    for (int k = 0; k < 3; k++) {
        lk_real *at = image + (size_t)k * PLANE + (size_t)y * SIDE + (size_t)x;
        *at += (lk_real)share * ((lk_real)c.rgb[k] / 255 - *at);
    }
}

static void draw_disc(lk_real *image, const double *at, double radius, colour c, double share) {
    const long reach = (long)ceil(radius) + 1;
    for (long y = (long)at[1] - reach; y <= (long)at[1] + reach; y++)
        for (long x = (long)at[0] - reach; x <= (long)at[0] + reach; x++) {
            const double off = hypot((double)x + 0.5 - at[0], (double)y + 0.5 - at[1]);
            blend(image, x, y, c, share * fmin(fmax(radius + 0.5 - off, 0), 1));
        }
}

static void draw_line(lk_real *image, const double *a, const double *b, colour c, double share) {
    const double length = hypot(b[0] - a[0], b[1] - a[1]);
    for (double t = 0; t <= length; t++) {
        const double part = length > 0 ? t / length : 0;
        blend(image, (long)(a[0] + part * (b[0] - a[0])), (long)(a[1] + part * (b[1] - a[1])), c,
              share);
    }
}

/* Digits of 3 x 5 pixels, rows from the top, three bits each. */
static const uint16_t DIGITS[10] = {0x7b6f, 0x2c97, 0x73e7, 0x73cf, 0x5bc9,
                                    0x79cf, 0x79ef, 0x7249, 0x7bef, 0x7bcf};

static void draw_number(lk_real *image, const double *at, uint32_t number) {
    enum { DOT = 5 };
    static const colour INK = {{0, 0, 0}}, PAPER = {{255, 255, 255}};
    char text[12];
    const int length = snprintf(text, sizeof text, "%u", number);
    const long left = (long)at[0] - length * 2 * DOT, top = (long)at[1] - 5 * DOT / 2;
    for (int halo = 1; halo >= 0; halo--)
        for (int i = 0; i < length; i++)
            for (int dot = 0; dot < 15; dot++) {
                if (!(DIGITS[text[i] - '0'] >> (14 - dot) & 1)) continue;
                const long x = left + (4 * i + dot % 3) * DOT, y = top + dot / 3 * DOT;
                for (long v = -2 * halo; v < DOT + 2 * halo; v++)
                    for (long u = -2 * halo; u < DOT + 2 * halo; u++)
                        blend(image, x + u, y + v, halo ? PAPER : INK, 1);
            }
}

static void draw(const plot *p, const view *v, lk_real *room, lk_real *image) {
    static const colour EDGE = {{120, 120, 120}}, RING = {{0, 0, 0}};
    double at[2], to[2];
    for (size_t i = 0; i < 3 * (size_t)PLANE; i++) image[i] = 1;
    for (size_t i = 0; i < p->edge_count; i++) {
        to_pixels(v, p->points + 2 * (size_t)p->edges[i][0], at);
        to_pixels(v, p->points + 2 * (size_t)p->edges[i][1], to);
        draw_line(image, at, to, EDGE, 0.15);
    }
    for (size_t i = 0; i < p->count; i++) {
        to_pixels(v, p->points + 2 * i, at);
        draw_disc(image, at, v->radius, colour_of(p->labels, i), 0.7);
    }
    for (size_t i = 0; i < p->placed_count; i++) {
        to_pixels(v, p->placed + 2 * i, at);
        draw_disc(image, at, v->radius + 2, RING, 1);
        draw_disc(image, at, v->radius + 1, colour_of(p->placed_labels, i), 1);
    }
    lk_real middle[2];
    for (uint32_t c = 0; names_classes(p) && c < p->classes; c++)
        if (middle_of(p, c, room, middle)) {
            to_pixels(v, middle, at);
            draw_number(image, at, c);
        }
}

static lk_status write_png(const char *path, const plot *p, const view *v, lk_real *room,
                           fault *f) {
    const lk_shape shape = {3, SIDE, SIDE};
    lk_real *image = lk_alloc(3 * (size_t)PLANE * sizeof *image);
    if (!image) return fail_memory(f);
    draw(p, v, room, image);
    const lk_status status = picture_write(path, image, shape, f);
    lk_free(image);
    return status;
}

/* ---- SVG ---- */

/* Text that grows; `failed` once there was no memory for it. */
typedef struct page {
    char *text;
    size_t length, room;
    bool failed;
} page;

static void put(page *g, const char *text) {
    const size_t more = strlen(text);
    if (g->length + more >= g->room && !g->failed) {
        const size_t room = 2 * (g->length + more) + 4096;
        char *grown = lk_alloc(room);
        if (grown && g->length) memcpy(grown, g->text, g->length);
        lk_free(g->text);
        g->text = grown;
        g->room = room;
        g->failed = !grown;
    }
    if (g->failed) return;
    memcpy(g->text + g->length, text, more);
    g->length += more;
}

/* The name of a class as XML; what is neither ASCII nor printable is left out. */
static void put_name(page *g, const plot *p, uint32_t label) {
    char number[12];
    snprintf(number, sizeof number, "%u", label);
    const bool named = p->names && label < p->names->count;
    for (const char *at = named ? p->names->items[label] : number; *at; at++) {
        const char one[2] = {*at, 0};
        if (*at == '<' || *at == '&')
            put(g, *at == '<' ? "&lt;" : "&amp;");
        else if (*at >= ' ' && *at <= '~')
            put(g, one);
    }
}

/* All points of a class as one path of lines without length, whose round ends are seen. */
static void put_points(page *g, const plot *p, const view *v, uint32_t label, bool placed) {
    const lk_real *points = placed ? p->placed : p->points;
    const uint32_t *labels = placed ? p->placed_labels : p->labels;
    const size_t count = placed ? p->placed_count : p->count;
    char text[160];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        double at[2];
        if (labels ? labels[i] != label : label != 0) continue;
        if (found++ == 0) {
            const colour c = colour_of(labels, i);
            snprintf(text, sizeof text,
                     "<path stroke=\"#%02x%02x%02x\" stroke-width=\"%.1f\" stroke-opacity=\"%s\" "
                     "d=\"",
                     c.rgb[0], c.rgb[1], c.rgb[2], 2 * v->radius + (placed ? 3 : 0),
                     placed ? "1" : "0.7");
            put(g, text);
        }
        to_pixels(v, points + 2 * i, at);
        snprintf(text, sizeof text, "M%.1f %.1fh0", at[0], at[1]);
        put(g, text);
    }
    if (found) put(g, "\"/>\n");
}

static void put_edges(page *g, const plot *p, const view *v) {
    char text[100];
    put(g, "<path stroke=\"#777\" stroke-width=\"0.7\" stroke-opacity=\"0.25\" d=\"");
    for (size_t i = 0; i < p->edge_count; i++) {
        double a[2], b[2];
        to_pixels(v, p->points + 2 * (size_t)p->edges[i][0], a);
        to_pixels(v, p->points + 2 * (size_t)p->edges[i][1], b);
        snprintf(text, sizeof text, "M%.1f %.1fL%.1f %.1f", a[0], a[1], b[0], b[1]);
        put(g, text);
    }
    put(g, "\"/>\n");
}

static void put_all(page *g, const plot *p, const view *v, lk_real *room) {
    char text[200];
    snprintf(text, sizeof text,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" fill=\"none\" "
             "stroke-linecap=\"round\" font-family=\"sans-serif\" font-size=\"22\">\n"
             "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
             SIDE, SIDE, SIDE, SIDE);
    put(g, text);
    if (p->edge_count) put_edges(g, p, v);
    const uint32_t classes = p->classes ? p->classes : 1;
    for (uint32_t c = 0; c < classes; c++) put_points(g, p, v, c, false);
    for (uint32_t c = 0; c < classes && p->placed_count; c++) put_points(g, p, v, c, true);
    lk_real middle[2];
    for (uint32_t c = 0; names_classes(p) && c < p->classes; c++) {
        double at[2];
        if (!middle_of(p, c, room, middle)) continue;
        to_pixels(v, middle, at);
        snprintf(text, sizeof text,
                 "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" fill=\"#000\" stroke=\"#fff\" "
                 "stroke-width=\"4\" paint-order=\"stroke\">",
                 at[0], at[1] + 8);
        put(g, text);
        put_name(g, p, c);
        put(g, "</text>\n");
    }
    put(g, "</svg>\n");
}

static lk_status write_svg(const char *path, const plot *p, const view *v, lk_real *room,
                           fault *f) {
    page g = {0};
    put_all(&g, p, v, room);
    const lk_status status = g.failed ? fail_memory(f) : file_write(path, g.text, g.length, f);
    lk_free(g.text);
    return status;
}

lk_status plot_write(const char *path, const plot *p, fault *f) {
    const view v = view_of(p);
    lk_real *room = lk_alloc(p->count * sizeof *room);
    if (!room) return fail_memory(f);
    const bool svg = text_ends_with(path, ".svg");
    const lk_status status = (svg ? write_svg : write_png)(path, p, &v, room, f);
    lk_free(room);
    return status;
}
