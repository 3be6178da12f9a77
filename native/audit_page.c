#include "audit_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "text.h"

static const char STYLE[] =
    ":root{color-scheme:light dark;--ink:#16181d;--soft:#5d6472;--line:#d9dce3;--in:#0b7a5c;"
    "--plain:#8a90a0;--paper:#fff}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8eaf0;--soft:#a0a7b6;--line:#343944;"
    "--in:#4cc9a0;--plain:#8a90a0;--paper:#15171c}}"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);"
    "max-width:64rem;margin:2.5rem auto;padding:0 1.25rem}"
    "h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2.5rem}p,figcaption{color:var(--soft)}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{padding:.3rem .8rem;text-align:right;border-bottom:1px solid var(--line);"
    "white-space:nowrap}th:first-child,td:first-child{text-align:left}th{font-weight:600}"
    ".curves{display:flex;flex-wrap:wrap;gap:1.25rem}figure{margin:0;width:9rem}"
    "svg{display:block}.frame{fill:none;stroke:var(--line)}"
    ".curve{fill:none;stroke:var(--in);stroke-width:2}.chance{stroke:var(--line)}"
    ".range{stroke:var(--in);stroke-width:6}.plain{stroke:var(--plain);stroke-width:2}";

static double number(const json_t *row, const char *key) {
    return json_number_value(json_object_get(row, key));
}

/* Text as it may stand in a page: markup is no markup. */
static void put_text(FILE *page, const char *text) {
    char line[256];
    for (const char *c = text_printable(text, line, sizeof line); *c; c++) switch (*c) {
        case '<': fputs("&lt;", page); break;
        case '>': fputs("&gt;", page); break;
        case '&': fputs("&amp;", page); break;
        case '"': fputs("&quot;", page); break;
        default: fputc(*c, page);
        }
}

static void put_name(FILE *page, const json_t *row) {
    put_text(page, json_string_value(json_object_get(row, "name")));
}

static bool wanted(const json_t *row, const char *what) {
    return strcmp(json_string_value(json_object_get(row, "wanted")), what) == 0;
}

/* Cells of the shares at each alpha. */
static void put_rates(FILE *page, const json_t *list) {
    for (size_t k = 0; k < json_array_size(list); k++)
        fprintf(page, "<td>%.2f</td>", 100 * number(json_array_get(list, k), "rate"));
}

/* An AUROC from a half to one: its interval, and the plain methods as strokes. */
static void put_bar(FILE *page, const json_t *row) {
    enum { WIDTH = 160 };
    const char *key;
    json_t *plain;
    fprintf(page, "<td><svg width=%d height=16 role=img aria-label=\"%.4f to %.4f\">", WIDTH + 4,
            number(row, "auroc_low"), number(row, "auroc_high"));
    fprintf(page, "<line class=chance x1=2 y1=8 x2=%d y2=8 />", WIDTH + 2);
    json_object_foreach(json_object_get(row, "baselines"), key, plain) {
        const double x = 2 + WIDTH * (2 * number(plain, "auroc") - 1);
        if (x >= 2) fprintf(page, "<line class=plain x1=%.1f y1=3 x2=%.1f y2=13 />", x, x);
    }
    double low = 2 + WIDTH * (2 * number(row, "auroc_low") - 1);
    const double high = 2 + WIDTH * (2 * number(row, "auroc_high") - 1);
    if (high - low < 2) low = high - 2; /* to be seen at all */
    fprintf(page, "<line class=range x1=%.1f y1=8 x2=%.1f y2=8 /></svg></td>", low > 2 ? low : 2,
            high > 4 ? high : 4);
}

static void put_unusual(FILE *page, const json_t *rows) {
    size_t i;
    json_t *row;
    fputs("<h2>Images of another kind</h2><p>The share of pairs in which the unusual image has the "
          "larger score (AUROC), from 0.5 to 1: the thick stroke is the interval of 95 %, thin "
          "ones are the nearest pixels and principal components, where they were asked for.</p>"
          "<div class=wide><table><tr><th>images<th>number<th>0.5 to 1<th>AUROC<th>AUPR"
          "<th>FPR at 95 %<th>flagged at 1 %<th>5 %<th>10 %</tr>\n",
          page);
    json_array_foreach(rows, i, row) {
        if (!wanted(row, "out")) continue;
        fputs("<tr><td>", page);
        put_name(page, row);
        fprintf(page, "</td><td>%.0f</td>", number(row, "images"));
        put_bar(page, row);
        fprintf(page, "<td>%.4f</td><td>%.4f</td><td>%.4f</td>", number(row, "auroc"),
                number(row, "aupr"), number(row, "fpr95"));
        put_rates(page, json_object_get(row, "flagged"));
        fputs("</tr>\n", page);
    }
    fputs("</table></div>\n", page);
}

static void put_usual(FILE *page, const json_t *report) {
    size_t i;
    json_t *row;
    fputs("<h2>Images that should pass</h2><p>The share that is flagged, per cent.</p>"
          "<div class=wide><table><tr><th>images<th>at 1 %<th>5 %<th>10 %</tr>\n"
          "<tr><td>the usual ones</td>",
          page);
    put_rates(page, json_object_get(report, "false_alarms"));
    fputs("</tr>\n<tr><td>the same, calibrated on one half of them, judged on the other; mean of "
          "20</td>",
          page);
    put_rates(page, json_object_get(report, "splits"));
    fputs("</tr>\n", page);
    json_array_foreach(json_object_get(report, "sets"), i, row) {
        if (!wanted(row, "in")) continue;
        fputs("<tr><td>", page);
        put_name(page, row);
        fputs("</td>", page);
        put_rates(page, json_object_get(row, "flagged"));
        fputs("</tr>\n", page);
    }
    fputs("</table></div>\n", page);
}

static void put_curves(FILE *page, const json_t *rows) {
    enum { SIDE = 140 };
    size_t i, k;
    json_t *row, *point;
    fputs("<h2>Curves</h2><p>Upwards, how many are found; to the right, how many of the usual are "
          "flagged for it.</p><div class=curves>\n",
          page);
    json_array_foreach(rows, i, row) {
        if (!wanted(row, "out")) continue;
        fprintf(page,
                "<figure><svg width=%d height=%d role=img aria-label=\"AUROC %.4f\">"
                "<rect class=frame x=1 y=1 width=%d height=%d />"
                "<line class=chance x1=1 y1=%d x2=%d y2=1 /><polyline class=curve points=\"",
                SIDE + 2, SIDE + 2, number(row, "auroc"), SIDE, SIDE, SIDE + 1, SIDE + 1);
        json_array_foreach(json_object_get(row, "roc"), k, point)
            fprintf(page, "%.1f,%.1f ", 1 + SIDE * json_number_value(json_array_get(point, 0)),
                    1 + SIDE * (1 - json_number_value(json_array_get(point, 1))));
        fputs("\" /></svg><figcaption>", page);
        put_name(page, row);
        fputs("</figcaption></figure>\n", page);
    }
    fputs("</div>\n", page);
}

/* What each piece is worth, alone and left out, where that was asked for. */
static void put_ablation(FILE *page, const json_t *rows) {
    static const struct {
        const char *key, *title;
    } PARTS[] = {{"alone", "By one piece of evidence alone"}, {"without", "By all but one"}};
    const json_t *first = json_object_get(json_array_get(rows, 0), "ablation");
    for (int p = 0; p < 2 && first; p++) {
        const char *evidence;
        json_t *one, *row;
        size_t i;
        fprintf(page, "<h2>%s</h2><div class=wide><table><tr><th>AUROC", PARTS[p].title);
        json_object_foreach(json_object_get(first, PARTS[p].key), evidence, one)
            fprintf(page, "<th>%s", evidence);
        fputs("</tr>\n", page);
        json_array_foreach(rows, i, row) {
            fputs("<tr><td>", page);
            put_name(page, row);
            fputs("</td>", page);
            const json_t *values = json_object_get(json_object_get(row, "ablation"), PARTS[p].key);
            json_object_foreach((json_t *)(uintptr_t)values, evidence, one)
                fprintf(page, "<td>%.4f</td>", json_number_value(one));
            fputs("</tr>\n", page);
        }
        fputs("</table></div>\n", page);
    }
}

lk_status audit_page_write(const json_t *report, const options *o, fault *f) {
    char *bytes = NULL;
    size_t size = 0;
    FILE *page = open_memstream(&bytes, &size);
    if (!page) return fail_memory(f);
    const json_t *rows = json_object_get(report, "sets");
    const json_t *worst = json_object_get(report, "minimum");
    fprintf(page,
            "<!doctype html><html lang=en><meta charset=utf-8>"
            "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
            "<title>Audit</title><style>%s</style>\n<h1>Audit of ",
            STYLE);
    put_text(page, o->arguments.items[0]);
    fprintf(page, "</h1>\n<p>On %.0f usual images (", number(report, "images"));
    put_text(page, o->data);
    fputs(").", page);
    if (json_is_object(worst)) {
        fputs(" Hardest to tell from them: ", page);
        put_name(page, worst);
        fprintf(page, ", AUROC %.4f.", number(worst, "auroc"));
    }
    fputs("</p>\n", page);
    put_unusual(page, rows);
    put_usual(page, report);
    put_curves(page, rows);
    put_ablation(page, rows);
    fputs("</html>\n", page);
    const bool failed = ferror(page);
    lk_status status = fclose(page) != 0 || failed ? fail_memory(f) : LK_OK;
    if (!status) status = file_write(o->html, bytes, size, f);
    free(bytes);
    return status;
}
