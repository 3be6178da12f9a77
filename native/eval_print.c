/* eval's report for people. */
#include <stdio.h>
#include <string.h>

#include "eval.h"
#include "output.h"

enum { MOST_COLUMNS = 20 }; /* wider matrices are for --json */

static void print_number(const char *key, const json_t *value) {
    if (json_is_integer(value))
        printf("  %-18s %lld\n", key, (long long)json_integer_value(value));
    else if (json_is_real(value))
        printf("  %-18s %.5f\n", key, json_number_value(value));
}

static void print_group(const json_t *report, const char *name) {
    json_t *group = json_object_get(report, name);
    const char *key;
    json_t *value;
    if (group) printf("%s\n", name);
    json_object_foreach(group, key, value) {
        char line[512];
        print_number(text_printable(key, line, sizeof line), value);
    }
}

static int digits(json_int_t value) {
    char text[24];
    return snprintf(text, sizeof text, "%lld", (long long)value);
}

/* A row for each class, a column for what it was taken for. */
static void print_matrix(const json_t *report, const char *name, const char *title) {
    const json_t *matrix = json_object_get(report, name),
                 *names = json_object_get(report, "classes");
    const size_t classes = json_array_size(matrix);
    if (classes == 0) return;
    if (classes > MOST_COLUMNS) {
        printf("%s: %zu classes, see --json\n", title, classes);
        return;
    }
    int width = 3;
    for (size_t i = 0; i < classes * classes; i++) {
        const json_t *row = json_array_get(matrix, i / classes);
        const int w = digits(json_integer_value(json_array_get(row, i % classes)));
        if (w > width) width = w;
    }
    printf("%s: true classes down, what they were taken for across\n    ", title);
    for (size_t j = 0; j < classes; j++) printf(" %*zu", width, j);
    for (size_t i = 0; i < classes; i++) {
        printf("\n  %2zu", i);
        for (size_t j = 0; j < classes; j++) {
            const json_t *row = json_array_get(matrix, i);
            printf(" %*lld", width, (long long)json_integer_value(json_array_get(row, j)));
        }
        if (i < json_array_size(names)) printf("  %s", json_string_value(json_array_get(names, i)));
    }
    putchar('\n');
}

/* Codes beside pixels. */
static void print_search(const json_t *report) {
    const char *name, *key;
    json_t *precision, *value;
    if (json_object_get(report, "search")) puts("search: share of the nearest with the label");
    json_object_foreach(json_object_get(report, "search"), name, precision) {
        printf("  %-18s", name);
        json_object_foreach(precision, key, value)
            printf(" %s %.4f", key, json_number_value(value));
        putchar('\n');
    }
}

/* Texts found by texts: recall across, a way to find them a row. */
static void print_retrieval(const json_t *report) {
    const char *name;
    json_t *row, *value;
    size_t i;
    if (json_object_get(report, "retrieval")) puts("retrieval: precision at levels of recall");
    json_object_foreach(json_object_get(report, "retrieval"), name, row) {
        if (!json_is_array(row)) continue;
        printf("  %-8s", name);
        json_array_foreach(row, i, value) printf(" %6.3f", json_number_value(value));
        putchar('\n');
    }
}

static void print_ood(const json_t *report) {
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(report, "ood"), i, row) {
        char name[512];
        printf("  against %s: AUROC %.4f, AUPR %.4f, FPR at 95 %% %.4f\n",
               text_printable(json_string_value(json_object_get(row, "name")), name, sizeof name),
               json_number_value(json_object_get(row, "auroc")),
               json_number_value(json_object_get(row, "aupr")),
               json_number_value(json_object_get(row, "fpr95")));
    }
}

void eval_print(const json_t *report) {
    static const char *const numbers[] = {"loss", "negative_elbo", "accuracy"};
    puts(COUNT_OF(json_integer_value(json_object_get(report, "images")), "image"));
    for (size_t i = 0; i < 3; i++) print_number(numbers[i], json_object_get(report, numbers[i]));
    print_group(report, "corrupted");
    print_group(report, "reconstruction");
    print_group(report, "codebook");
    print_group(report, "recall");
    print_matrix(report, "confusion", "confusion");
    print_group(report, "neighbours");
    print_search(report);
    print_retrieval(report);
    print_matrix(report, "neighbour_confusion", "confusion of cosine_1nn");
    print_group(report, "conditioning");
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(report, "false_alarms"), i, row) printf(
        "  flagged at %4.0f %%: %.2f %%\n", 100 * json_number_value(json_object_get(row, "alpha")),
        100 * json_number_value(json_object_get(row, "rate")));
    print_ood(report);
}
