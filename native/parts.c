/* Data sets in parts: what is trained on, compared with, calibrated on. */
#include <string.h>

#include "data.h"

static size_t image_size(const lk_dataset *set) {
    return (size_t)set->shape.channels * set->shape.height * set->shape.width;
}

void data_binarise(lk_dataset *set, double threshold) {
    for (size_t i = 0; set->pixels && i < set->count * image_size(set); i++)
        set->pixels[i] = set->pixels[i] >= threshold * 255 ? 255 : 0;
}

/* quota[classes]: one of each class in turn, while it has some, until there are `count`. */
static void share_out(const lk_dataset *set, size_t count, size_t *quota, size_t *members) {
    for (size_t i = 0; i < set->count; i++) members[set->labels[i]]++;
    while (count > 0)
        for (uint32_t c = 0; c < set->classes && count > 0; c++)
            if (quota[c] < members[c]) {
                quota[c]++;
                count--;
            }
}

/* Brings to the front of order[set->count] what the classes' shares allow. */
static lk_status balance(const lk_dataset *set, size_t count, uint32_t *order, fault *f) {
    size_t *quota = lk_alloc(2 * (size_t)set->classes * sizeof *quota);
    if (!quota) return fail_memory(f);
    share_out(set, count, quota, quota + set->classes);
    for (size_t i = 0, n = 0; i < set->count; i++)
        if (quota[set->labels[order[i]]] > 0) {
            quota[set->labels[order[i]]]--;
            order[n++] = order[i];
        }
    lk_free(quota);
    return LK_OK;
}

static void copy_image(const lk_dataset *from, size_t i, lk_dataset *to, size_t j) {
    const size_t size = image_size(from);
    if (from->values)
        memmove(to->values + j * size, from->values + i * size, size * sizeof *to->values);
    else
        memmove(to->pixels + j * size, from->pixels + i * size, size);
    if (from->labels) to->labels[j] = from->labels[i];
}

/* Moves the images order[0..part->count) over; `taken` has room for a mark of each image. */
static void move(lk_dataset *set, const uint32_t *order, uint32_t *taken, lk_dataset *part) {
    for (size_t i = 0; i < part->count; i++) {
        copy_image(set, order[i], part, i);
        taken[order[i]] = 1;
    }
    size_t left = 0;
    for (size_t i = 0; i < set->count; i++)
        if (!taken[i]) copy_image(set, i, set, left++);
    set->count = left;
    data_set_count_classes(set);
    data_set_count_classes(part);
}

/* In place of pixels. */
static bool make_values(lk_dataset *set) {
    lk_free(set->pixels);
    set->pixels = NULL;
    set->values = lk_alloc(set->count * image_size(set) * sizeof *set->values);
    return set->values != NULL;
}

lk_status data_take(lk_dataset *set, size_t count, uint64_t seed, bool balanced, lk_dataset *part,
                    fault *f) {
    lk_status status = data_set_make(part, set->shape, count, set->labels != NULL, NULL, f);
    if (!status && set->values && !make_values(part)) status = fail_memory(f);
    uint32_t *order = lk_alloc(2 * set->count * sizeof *order); /* and the marks, zero */
    if (!status && !order) status = fail_memory(f);
    if (!status) {
        lk_permutation(seed, order, set->count);
        if (balanced && set->labels) status = balance(set, count, order, f);
    }
    if (!status) move(set, order, order + set->count, part);
    lk_free(order);
    return status;
}
