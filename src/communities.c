/* Communities of the graph of nearest neighbours: as much as can be of the weight of its edges is
   within them, beyond what there would be if edges fell by chance on ends of the same weights:
   their modularity (M. E. J. Newman and M. Girvan 2004). As in V. D. Blondel et al. (2008) each
   vector goes where that gains most, and then those that are together go as one, until nothing
   gains. Of the communities that leaves, the lightest is given away until there are no more than
   are wanted. Then back all the way: what went as one at a step may part, each going where it gains
   most (R. Rotta and A. Noack 2011). */
#include <string.h>

#include "analyses.h"
#include "arena.h"
#include "fuzzy.h"
#include "rng.h"

enum { LEVELS = 32, SWEEPS = 30 };
static const double NO_LINK = 1e-9; /* parts that nothing joins: to the lightest */

/* Nodes: the vectors, or what went as one at the level below. */
typedef struct level {
    size_t n;
    size_t *first; /* [n + 1]: edges to others, both ways */
    uint32_t *to;
    double *weight;
    double *ends;   /* [n]: the weights of all ends of edges at a node, with those within it */
    uint32_t *part; /* [n] */
} level;

typedef struct search {
    size_t n, clusters;
    double total; /* of all ends */
    level levels[LEVELS];
    double *ends;      /* [n] of each part */
    uint32_t *members; /* [n] nodes of each part */
    double *link;      /* [n] to each part, of one node or part; 0 between uses */
    uint32_t *linked;  /* [n] the parts to which there is one */
    uint32_t *order;   /* [n] */
} search;

/* ---- one level ---- */

/* Adds a node's edges to link[part]; `count` parts are in linked[] so far. Returns how many are. */
static size_t add_links(search *s, const level *l, size_t node, size_t count) {
    for (size_t e = l->first[node]; e < l->first[node + 1]; e++) {
        const uint32_t part = l->part[l->to[e]];
        if (!(s->link[part] > 0)) s->linked[count++] = part;
        s->link[part] += l->weight[e];
    }
    return count;
}

static void clear_links(search *s, size_t count) {
    for (size_t k = 0; k < count; k++) s->link[s->linked[k]] = 0;
}

/* What ends of this weight gain by being in a part, to which their edges have this link. */
static double gain(const search *s, double link, double ends, double part) {
    return link - ends * part / s->total;
}

/* Every node to the part where it gains most, until none moves; the wanted number stays. */
static void settle(search *s, const level *l, lk_rng rng) {
    size_t parts = 0, moved = 1;
    memset(s->ends, 0, s->n * sizeof *s->ends);
    memset(s->members, 0, s->n * sizeof *s->members);
    for (size_t i = 0; i < l->n; i++) {
        s->ends[l->part[i]] += l->ends[i];
        parts += s->members[l->part[i]]++ == 0;
        s->order[i] = (uint32_t)i;
    }
    lk_rng_shuffle(rng, s->order, l->n);
    for (int sweep = 0; sweep < SWEEPS && moved > 0; sweep++) {
        moved = 0;
        for (size_t k = 0; k < l->n; k++) {
            const size_t i = s->order[k];
            const uint32_t old = l->part[i];
            if (s->members[old] == 1 && parts == s->clusters) continue;
            const size_t count = add_links(s, l, i, 0);
            s->ends[old] -= l->ends[i];
            uint32_t best = old;
            double most = gain(s, s->link[old], l->ends[i], s->ends[old]);
            for (size_t c = 0; c < count; c++) {
                const uint32_t part = s->linked[c];
                const double gained = gain(s, s->link[part], l->ends[i], s->ends[part]);
                if (!(gained > most)) continue;
                most = gained;
                best = part;
            }
            clear_links(s, count);
            s->ends[best] += l->ends[i];
            if (best == old) continue;
            parts -= --s->members[old] == 0;
            s->members[best]++;
            l->part[i] = best;
            moved++;
        }
    }
}

/* Numbers parts in the order of their first nodes; returns how many there are. */
static size_t number(search *s, const level *l) {
    size_t parts = 0;
    memset(s->linked, 0xff, s->n * sizeof *s->linked);
    for (size_t i = 0; i < l->n; i++) {
        uint32_t *as = s->linked + l->part[i];
        if (*as == UINT32_MAX) *as = (uint32_t)parts++;
        l->part[i] = *as;
    }
    return parts;
}

/* ---- from one level to the next ---- */

static void each_alone(const level *l) {
    for (size_t i = 0; i < l->n; i++) l->part[i] = (uint32_t)i;
}

static void take(level *l, lk_arena *arena, size_t edges) {
    l->first = lk_arena_take(arena, l->n + 1, sizeof *l->first);
    l->to = lk_arena_take(arena, edges, sizeof *l->to);
    l->weight = lk_arena_take(arena, edges, sizeof *l->weight);
    l->ends = lk_arena_take(arena, l->n, sizeof *l->ends);
    l->part = lk_arena_take(arena, l->n, sizeof *l->part);
}

static bool make_room(level *l, size_t n, size_t edges) {
    lk_arena arena = {0};
    *l = (level){.n = n};
    take(l, &arena, edges);
    if (!lk_arena_commit(&arena)) return false;
    take(l, &arena, edges);
    return true;
}

/* The parts of a level, `n` of them, as the nodes of the one above. */
static bool lift(search *s, const level *l, level *above, size_t n) {
    /* order[]: nodes by their parts, that of part p from members[p] on. */
    memset(s->members, 0, s->n * sizeof *s->members);
    for (size_t i = 0; i < l->n; i++) s->members[l->part[i]]++;
    for (uint32_t p = 0, at = 0; p < n; p++) {
        const uint32_t count = s->members[p];
        s->members[p] = at;
        at += count;
    }
    for (size_t i = 0; i < l->n; i++) s->order[s->members[l->part[i]]++] = (uint32_t)i;
    size_t edges = 0;
    for (int write = 0; write < 2; write++) {
        if (write && !make_room(above, n, edges)) return false;
        edges = 0;
        for (size_t p = 0, k = 0; p < n; p++) {
            size_t count = 0;
            for (; k < s->members[p]; k++) {
                count = add_links(s, l, s->order[k], count);
                if (write) above->ends[p] += l->ends[s->order[k]];
            }
            for (size_t c = 0; c < count; c++) {
                const uint32_t other = s->linked[c];
                if (other == p) continue;
                if (write) {
                    above->to[edges] = other;
                    above->weight[edges] = s->link[other];
                }
                edges++;
            }
            if (write) above->first[p + 1] = edges;
            clear_links(s, count);
        }
    }
    each_alone(above);
    return true;
}

/* The lightest part joins the one to which it has the most edges for that one's weight, until there
   are as many as are wanted. What would be gained is no guide here: to join costs more the heavier
   both are, so that halves of what hangs together would sooner join others that are light. */
static void join(search *s, const level *l, size_t parts) {
    memset(s->ends, 0, s->n * sizeof *s->ends);
    for (size_t i = 0; i < l->n; i++) s->ends[l->part[i]] += l->ends[i];
    for (; parts > s->clusters; parts--) {
        size_t least = l->n, best = l->n, count = 0;
        for (size_t p = 0; p < l->n; p++)
            if (s->ends[p] > 0 && (least == l->n || s->ends[p] < s->ends[least])) least = p;
        for (size_t i = 0; i < l->n; i++)
            if (l->part[i] == least) count = add_links(s, l, i, count);
        double most = 0;
        for (size_t p = 0; p < l->n; p++) {
            if (p == least || !(s->ends[p] > 0)) continue;
            const double link = (s->link[p] + NO_LINK) / s->ends[p];
            if (!(link > most)) continue;
            most = link;
            best = p;
        }
        clear_links(s, count);
        for (size_t i = 0; i < l->n; i++)
            if (l->part[i] == least) l->part[i] = (uint32_t)best;
        s->ends[best] += s->ends[least];
        s->ends[least] = 0;
    }
}

/* ---- all of it ---- */

static double modularity(search *s, const level *l) {
    double sum = 0;
    memset(s->ends, 0, s->n * sizeof *s->ends);
    for (size_t i = 0; i < l->n; i++) {
        s->ends[l->part[i]] += l->ends[i];
        for (size_t e = l->first[i]; e < l->first[i + 1]; e++)
            if (l->part[l->to[e]] == l->part[i]) sum += l->weight[e] / s->total;
    }
    for (size_t p = 0; p < s->clusters; p++) sum -= s->ends[p] / s->total * (s->ends[p] / s->total);
    return sum;
}

/* Up while there are fewer parts than nodes, and down again. */
static lk_status run(search *s, uint64_t seed, size_t restart, lk_error *error) {
    lk_status status = LK_OK;
    level *levels = s->levels;
    int top = 0;
    size_t parts;
    uint64_t turn = restart * 2 * LEVELS;
    each_alone(levels);
    for (;; top++) {
        settle(s, &levels[top], lk_rng_make(seed, LK_STREAM_COMMUNITIES, turn++));
        parts = number(s, &levels[top]);
        if (parts == levels[top].n || top + 1 == LEVELS) break;
        if (!lift(s, &levels[top], &levels[top + 1], parts)) {
            status = lk_fail(error, LK_MEMORY, "out of memory");
            break;
        }
    }
    if (status == LK_OK) join(s, &levels[top], parts);
    for (int l = top; l >= 0; l--) {
        if (l < top) {
            for (size_t i = 0; i < levels[l].n; i++)
                levels[l].part[i] = levels[l + 1].part[levels[l].part[i]];
            lk_free(levels[l + 1].first);
        }
        if (status == LK_OK)
            settle(s, &levels[l], lk_rng_make(seed, LK_STREAM_COMMUNITIES, turn++));
    }
    if (status == LK_OK) number(s, levels);
    return status;
}

static void take_search(search *s, lk_arena *arena, size_t edges) {
    take(s->levels, arena, edges);
    s->ends = lk_arena_take(arena, s->n, sizeof *s->ends);
    s->members = lk_arena_take(arena, s->n, sizeof *s->members);
    s->link = lk_arena_take(arena, s->n, sizeof *s->link);
    s->linked = lk_arena_take(arena, s->n, sizeof *s->linked);
    s->order = lk_arena_take(arena, s->n, sizeof *s->order);
}

static void begin(search *s, const lk_fuzzy *graph) {
    level *l = s->levels;
    memcpy(l->first, graph->first, (s->n + 1) * sizeof *l->first);
    memcpy(l->to, graph->to, graph->first[s->n] * sizeof *l->to);
    for (size_t i = 0; i < s->n; i++)
        for (size_t e = l->first[i]; e < l->first[i + 1]; e++) {
            l->weight[e] = (double)graph->certain[e];
            l->ends[i] += l->weight[e];
            s->total += l->weight[e];
        }
}

lk_status lk_communities(const lk_real *vectors, size_t n, size_t d, size_t neighbours,
                         size_t clusters, size_t restarts, uint64_t seed, int threads, lk_simd simd,
                         uint32_t *cluster, double *best, lk_error *error) {
    if (threads < 1 || threads > 1024) return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    if (clusters == 0 || restarts == 0) return lk_fail(error, LK_USAGE, "no clusters are wanted");
    if (neighbours == 0 || neighbours >= LK_MAX_NEIGHBOURS)
        return lk_fail(error, LK_USAGE, "neighbours must be 1 to %u", LK_MAX_NEIGHBOURS - 1ull);
    if (n <= neighbours || n < clusters)
        return lk_fail(error, LK_DATA, "%u vectors are too few", (unsigned long long)n);
    lk_fuzzy graph;
    lk_status status = lk_fuzzy_make(vectors, n, d, neighbours, threads, simd, &graph, error);
    if (status != LK_OK) return status;
    search s = {.n = n, .clusters = clusters};
    lk_arena arena = {0};
    s.levels->n = n;
    take_search(&s, &arena, graph.first[n]);
    if (!lk_arena_commit(&arena)) status = lk_fail(error, LK_MEMORY, "out of memory");
    if (status == LK_OK) {
        take_search(&s, &arena, graph.first[n]);
        begin(&s, &graph);
    }
    lk_free(graph.first);
    for (size_t r = 0; r < restarts && status == LK_OK; r++) {
        status = run(&s, seed, r, error);
        const double found = status == LK_OK ? modularity(&s, s.levels) : 0;
        if (status != LK_OK || (r > 0 && !(found > *best))) continue;
        *best = found;
        memcpy(cluster, s.levels->part, n * sizeof *cluster);
    }
    lk_free(arena.base);
    return status;
}
