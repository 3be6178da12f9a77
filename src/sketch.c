#include "sketch.h"

#include <math.h>
#include <string.h>

enum { SIDE = LK_SKETCH_SIDE, CELLS = SIDE * SIDE, SMOOTHINGS = 8 };

/* A line drawing's strokes are at most so wide, and so long, relative to the box. */
static const double WIDEST = 0.4, LONGEST = 6;
/* What is drawn small is enlarged no more than this; a short side no more than this beyond it. */
static const double MOST_ZOOM = 3, MOST_STRETCH = 1.6;

/* ---- thinning (T. Y. Zhang and C. Y. Suen 1984) ---- */

/* The neighbours of a cell, clockwise from the one above, as offsets; bit i of a neighbourhood is
   the cell at AROUND[i]. */
static const int AROUND[8] = {-SIDE, 1 - SIDE, 1, SIDE + 1, SIDE, SIDE - 1, -1, -SIDE - 1};

static unsigned neighbourhood(const uint8_t *cell) {
    unsigned bits = 0;
    for (int i = 0; i < 8; i++) bits |= (unsigned)(cell[AROUND[i]] != 0) << i;
    return bits;
}

/* Whether a cell may go in the first (0) or second (1) half of a round: an edge cell, no end of a
   line and no link between two, that lies on the half's side. */
static bool may_go(unsigned bits, int half) {
    int count = 0, rises = 0;
    for (int i = 0; i < 8; i++) {
        const unsigned here = bits >> i & 1, next = bits >> (i + 1) % 8 & 1;
        count += (int)here;
        rises += !here && next;
    }
    if (count < 2 || count > 6 || rises != 1) return false;
    const unsigned up = bits & 1, right = bits >> 2 & 1, down = bits >> 4 & 1, left = bits >> 6 & 1;
    return half == 0 ? !(up && right && down) && !(right && down && left)
                     : !(up && right && left) && !(up && down && left);
}

/* Thins cells in place; at[] lists those that are ink, *count of them, and then what is left.
   Returns the rounds that it took: about half the width of the widest stroke. */
static int thin(uint8_t *cells, uint16_t *at, size_t *count) {
    bool goes[2][256];
    for (unsigned bits = 0; bits < 256; bits++)
        for (int half = 0; half < 2; half++) goes[half][bits] = may_go(bits, half);
    int rounds = 0;
    for (bool changed = true; changed; rounds++) {
        changed = false;
        for (int half = 0; half < 2; half++) {
            size_t left = 0;
            for (size_t i = 0; i < *count; i++)
                if (goes[half][neighbourhood(cells + at[i])]) cells[at[i]] = 2;
            for (size_t i = 0; i < *count; i++) {
                if (cells[at[i]] == 2)
                    cells[at[i]] = 0;
                else
                    at[left++] = at[i];
            }
            changed = changed || left < *count;
            *count = left;
        }
    }
    return rounds - 1;
}

/* ---- from cells to points ---- */

static double length_of(const lk_sketch *s, size_t link) {
    const double dx = (double)s->x[s->to[link]] - (double)s->x[s->from[link]];
    const double dy = (double)s->y[s->to[link]] - (double)s->y[s->from[link]];
    return sqrt(dx * dx + dy * dy);
}

/* Joins a point to those of its neighbours that come after it, across a corner only where no
   neighbour of both joins them anyway. */
static void join(lk_sketch *s, const uint8_t *cells, const uint16_t *number, size_t at) {
    static const int BEHIND[4] = {1, SIDE - 1, SIDE, SIDE + 1};
    for (int i = 0; i < 4; i++) {
        const size_t other = at + (size_t)BEHIND[i];
        if (!cells[other]) continue;
        if (i == 1 && (cells[at - 1] || cells[at + SIDE])) continue;
        if (i == 3 && (cells[at + 1] || cells[at + SIDE])) continue;
        if (s->links == LK_SKETCH_POINTS) return;
        s->from[s->links] = number[at];
        s->to[s->links++] = number[other];
    }
}

/* Moves each point that lies between two others a part of the way to their middle: the steps of the
   grid are no part of the drawing. */
static void smooth(lk_sketch *s) {
    float x[LK_SKETCH_POINTS] = {0}, y[LK_SKETCH_POINTS] = {0};
    uint8_t degree[LK_SKETCH_POINTS] = {0};
    for (size_t i = 0; i < s->links; i++) {
        const size_t a = s->from[i], b = s->to[i];
        x[a] += s->x[b];
        y[a] += s->y[b];
        x[b] += s->x[a];
        y[b] += s->y[a];
        degree[a]++;
        degree[b]++;
    }
    for (size_t i = 0; i < s->points; i++) {
        if (degree[i] != 2) continue;
        s->x[i] = 0.5f * s->x[i] + 0.25f * x[i];
        s->y[i] = 0.5f * s->y[i] + 0.25f * y[i];
    }
}

bool lk_sketch_take(uint8_t *cells, lk_sketch *sketch) {
    uint16_t at[CELLS], number[CELLS];
    size_t count = 0;
    for (size_t i = 0; i < CELLS; i++)
        if (cells[i]) at[count++] = (uint16_t)i;
    const int rounds = thin(cells, at, &count);
    if (count == 0 || count > LK_SKETCH_POINTS || 2 * rounds > WIDEST * LK_SKETCH_BOX) return false;
    sketch->points = count;
    sketch->links = 0;
    for (size_t i = 0; i < count; i++) {
        number[at[i]] = (uint16_t)i;
        sketch->x[i] = (float)(at[i] % SIDE);
        sketch->y[i] = (float)(at[i] / SIDE);
    }
    for (size_t i = 0; i < count; i++) join(sketch, cells, number, at[i]);
    double length = 0;
    for (size_t i = 0; i < sketch->links; i++) length += length_of(sketch, i);
    for (int i = 0; i < SMOOTHINGS; i++) smooth(sketch);
    return length <= LONGEST * LK_SKETCH_BOX;
}

/* ---- from points to cells ---- */

/* Brings points to where they are to be drawn, about the middle of the grid. */
static void normalise(lk_sketch *s) {
    double least[2] = {1e30, 1e30}, most[2] = {-1e30, -1e30};
    for (size_t i = 0; i < s->points; i++) {
        const double at[2] = {(double)s->x[i], (double)s->y[i]};
        for (int k = 0; k < 2; k++) {
            least[k] = LK_MIN(least[k], at[k]);
            most[k] = LK_MAX(most[k], at[k]);
        }
    }
    const double wide = most[0] - least[0], high = most[1] - least[1];
    const double longer = LK_MAX(wide, high), shorter = LK_MIN(wide, high);
    const double side = LK_SKETCH_BOX - LK_SKETCH_PEN;
    const double zoom = longer * MOST_ZOOM > side ? side / longer : MOST_ZOOM;
    double stretch = 1;
    if (shorter > 0) {
        const double share = shorter / longer;
        double cosine, sine;
        lk_turn(90 * share, &cosine, &sine);
        stretch = LK_MIN(MOST_STRETCH, sqrt(sine) / share);
    }
    const double across = wide < high ? zoom * stretch : zoom;
    const double down = wide < high ? zoom : zoom * stretch;
    for (size_t i = 0; i < s->points; i++) {
        s->x[i] = (float)(SIDE / 2.0 + across * ((double)s->x[i] - (least[0] + most[0]) / 2));
        s->y[i] = (float)(SIDE / 2.0 + down * ((double)s->y[i] - (least[1] + most[1]) / 2));
    }
}

/* A disc as wide as the pen about (x, y), its edge as grey as it covers cells; over others what is
 * darker. */
static void stamp(double x, double y, uint8_t *cells) {
    const double radius = LK_SKETCH_PEN / 2.0;
    const int left = (int)LK_MAX(x - radius - 1, 0), right = (int)LK_MIN(x + radius + 1, SIDE - 1);
    const int top = (int)LK_MAX(y - radius - 1, 0), bottom = (int)LK_MIN(y + radius + 1, SIDE - 1);
    const double inside = (radius - 0.5) * (radius - 0.5),
                 outside = (radius + 0.5) * (radius + 0.5);
    for (int row = top; row <= bottom; row++)
        for (int column = left; column <= right; column++) {
            const double dx = column + 0.5 - x, dy = row + 0.5 - y, square = dx * dx + dy * dy;
            uint8_t *cell = &cells[row * SIDE + column];
            if (square >= outside || *cell == 255) continue;
            const double cover = square <= inside ? 1 : radius + 0.5 - sqrt(square);
            const uint8_t ink = (uint8_t)(255 * cover + 0.5);
            *cell = LK_MAX(*cell, ink);
        }
}

static void stroke(const lk_sketch *s, uint8_t *cells) {
    memset(cells, 0, CELLS);
    for (size_t i = 0; i < s->points; i++) stamp((double)s->x[i], (double)s->y[i], cells);
    for (size_t i = 0; i < s->links; i++) {
        const double x = (double)s->x[s->from[i]], y = (double)s->y[s->from[i]];
        const double dx = (double)s->x[s->to[i]] - x, dy = (double)s->y[s->to[i]] - y;
        const int steps = (int)(length_of(s, i) + 0.5); /* a cell or so from one to the next */
        for (int k = 1; k < steps; k++) stamp(x + dx * k / steps, y + dy * k / steps, cells);
    }
}

/* How far to move what has its centre of mass at `centre` towards the middle, in whole cells. */
static ptrdiff_t towards_middle(double centre) {
    const double most = (SIDE - LK_SKETCH_BOX) / 2;
    const double wanted = floor(SIDE / 2.0 - centre + 0.5);
    return (ptrdiff_t)LK_MAX(-most, LK_MIN(most, wanted));
}

void lk_sketch_centre(uint8_t *cells) {
    double mass = 0, moment_x = 0, moment_y = 0;
    for (int i = 0; i < CELLS; i++) {
        mass += cells[i];
        moment_x += cells[i] * (i % SIDE + 0.5);
        moment_y += cells[i] * (i / SIDE + 0.5);
    }
    if (mass == 0) return;
    /* All around the box there is room: what leaves a row on one side is nothing. */
    const ptrdiff_t by = towards_middle(moment_y / mass) * SIDE + towards_middle(moment_x / mass);
    const size_t far = (size_t)(by < 0 ? -by : by);
    memmove(cells + (by > 0 ? far : 0), cells + (by < 0 ? far : 0), CELLS - far);
    memset(cells + (by < 0 ? CELLS - far : 0), 0, far);
}

void lk_sketch_draw(lk_sketch *sketch, uint8_t *cells) {
    normalise(sketch);
    stroke(sketch, cells);
    lk_sketch_centre(cells);
}
