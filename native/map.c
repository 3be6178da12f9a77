#include "map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "output.h"
#include "plot.h"

#define MAX_MAP_FILE (1ull << 30)

const char *const MAP_METHODS[MAP_METHOD_COUNT + 1] = {"pca", "tsne", "code", "umap", NULL};
/* What a map read from a file says of how it was made. */
static const char *const MADE[] = {"seed", "perplexity", "neighbours", "steps", "divergence"};

void map_side_free(map_side *side) {
    data_free(&side->data);
    lk_free(side->vectors);
    lk_free(side->points);
    *side = (map_side){0};
}

/* ---- .json ---- */

static json_t *list_points(const map_side *side) {
    json_t *list = json_array();
    for (size_t i = 0; i < side->count; i++)
        json_array_append_new(
            list, json_pack("[f,f]", (double)side->points[2 * i], (double)side->points[2 * i + 1]));
    return list;
}

static json_t *list_labels(const map_side *side) {
    if (!side->data.set.labels) return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < side->count; i++)
        json_array_append_new(list, json_integer(side->data.set.labels[i]));
    return list;
}

static lk_status write_json(const char *path, const map *m, fault *f) {
    json_t *all = json_copy(m->report);
    json_object_set_new(all, "points", list_points(&m->known));
    json_object_set_new(all, "labels", list_labels(&m->known));
    if (m->placed.count) {
        json_object_set_new(all, "placed_points", list_points(&m->placed));
        json_object_set_new(all, "placed_labels", list_labels(&m->placed));
    }
    /* Nine digits tell all singles apart. */
    char *text = json_dumps(all, JSON_REAL_PRECISION(9) | JSON_COMPACT);
    json_decref(all);
    if (!text) return fail_memory(f);
    const lk_status status = file_write(path, text, strlen(text), f);
    free(text);
    return status;
}

static lk_status take_points(const char *path, const json_t *points, map_side *side, fault *f) {
    if (json_array_size(points) != side->count)
        return fail(f, LK_DATA, path, "a map of %s, not of these %zu",
                    COUNT_OF(json_array_size(points), "image"), side->count);
    for (size_t i = 0; i < 2 * side->count; i++) {
        const json_t *point = json_array_get(points, i / 2), *value = json_array_get(point, i % 2);
        side->points[i] = (lk_real)json_number_value(value);
        if (json_array_size(point) != 2 || !json_is_number(value) || !isfinite(side->points[i]))
            return fail(f, LK_DATA, path, "point %zu is not two finite numbers", i / 2);
    }
    return LK_OK;
}

static lk_status take(const char *path, const json_t *all, map *m, fault *f) {
    const char *method = json_string_value(json_object_get(all, "method"));
    const char *hash = json_string_value(json_object_get(all, "vectors_sha256"));
    size_t which = 0;
    while (MAP_METHODS[which] && (!method || strcmp(method, MAP_METHODS[which]) != 0)) which++;
    const json_t *points = json_object_get(all, "points");
    if (!MAP_METHODS[which] || !hash || !json_is_array(points))
        return fail(f, LK_DATA, path, "not a map: method, vectors_sha256 and points are needed");
    m->method = (map_method)which;
    const lk_status status = take_points(path, points, &m->known, f);
    if (status) return status;
    if (strcmp(hash, json_string_value(json_object_get(m->report, "vectors_sha256"))) != 0)
        return fail(f, LK_DATA, path, "a map of other images, or by another model");
    for (size_t i = 0; i < sizeof MADE / sizeof MADE[0]; i++) {
        json_t *value = json_object_get(all, MADE[i]);
        if (json_is_number(value)) json_object_set(m->report, MADE[i], value);
    }
    return LK_OK;
}

lk_status map_read(const char *path, map *m, fault *f) {
    lk_bytes file;
    json_error_t wrong;
    lk_status status = file_read(path, MAX_MAP_FILE, LK_DATA, &file, f);
    if (status) return status;
    json_t *all = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, &wrong);
    lk_free(file.data);
    if (!all)
        return fail_at(f, LK_DATA, path, (uint64_t)(wrong.position < 0 ? 0 : wrong.position),
                       "broken JSON: %s", wrong.text);
    status = take(path, all, m, f);
    json_decref(all);
    return status;
}

/* ---- .csv ---- */

static size_t put_rows(const map_side *side, const char *part, bool files, char *text) {
    char *at = text;
    const uint32_t *labels = side->data.set.labels;
    for (size_t i = 0; i < side->count; i++) {
        at += sprintf(at, "%zu,%s,", i, part);
        if (labels) at += sprintf(at, "%u", labels[i]);
        at +=
            sprintf(at, ",%.9g,%.9g", (double)side->points[2 * i], (double)side->points[2 * i + 1]);
        const size_t named = data_file_field(&side->data, i, at);
        at += named;
        if (files && !named) *at++ = ',';
        *at++ = '\n';
    }
    return (size_t)(at - text);
}

static lk_status write_csv(const char *path, const map *m, fault *f) {
    enum { ROW = 96 }; /* more than the longest */
    const size_t room = data_files_room(&m->known.data) + data_files_room(&m->placed.data);
    char *text = lk_alloc((1 + m->known.count + m->placed.count) * ROW + room);
    if (!text) return fail_memory(f);
    size_t length = (size_t)sprintf(text, "index,part,label,x,y%s\n", room ? ",file" : "");
    length += put_rows(&m->known, "map", room > 0, text + length);
    length += put_rows(&m->placed, "placed", room > 0, text + length);
    const lk_status status = file_write(path, text, length, f);
    lk_free(text);
    return status;
}

/* ---- pictures ---- */

static lk_status write_picture(const char *path, const map *m, fault *f) {
    const lk_dataset *known = &m->known.data.set, *placed = &m->placed.data.set;
    const plot p = {.points = m->known.points,
                    .count = m->known.count,
                    .labels = known->labels,
                    .classes = known->classes > placed->classes ? known->classes : placed->classes,
                    .names = &m->known.data.classes,
                    .placed = m->placed.points,
                    .placed_count = m->placed.count,
                    .placed_labels = placed->labels};
    return plot_write(path, &p, f);
}

lk_status map_write(const char *path, const map *m, fault *f) {
    if (text_ends_with(path, ".json")) return write_json(path, m, f);
    return (text_ends_with(path, ".csv") ? write_csv : write_picture)(path, m, f);
}
