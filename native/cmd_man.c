/* man: the manual page, made of the tables that parse the command line. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

/* Text as roff takes it literally: no escapes, no hyphens for minus signs, no requests. */
static void put(FILE *out, const char *text) {
    if (*text == '.' || *text == '\'') fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void put_option(FILE *out, const json_t *option) {
    const char *value = text_of(option, "value"), *fallback = text_of(option, "default");
    const json_t *choices = json_object_get(option, "choices"), *choice;
    size_t i;
    fputs(".TP\n\\fB\\-\\-", out);
    put(out, text_of(option, "option"));
    fputs("\\fR", out);
    if (*value) {
        fputs(" \\fI", out);
        put(out, value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    put(out, text_of(option, "summary"));
    json_array_foreach(choices, i, choice) {
        fputs(i ? ", " : ": ", out);
        put(out, json_string_value(choice));
    }
    if (*fallback) {
        fputs(" (default: ", out);
        put(out, fallback);
        fputc(')', out);
    }
    fputc('\n', out);
}

/* What every command has is told once. */
static bool is_common(const json_t *option) {
    const char *name = text_of(option, "option");
    return strcmp(name, "json") == 0 || strcmp(name, "help") == 0;
}

static void put_command(FILE *out, const json_t *about) {
    size_t i;
    const json_t *option;
    fputs(".SS likeness ", out);
    put(out, text_of(about, "command"));
    if (*text_of(about, "usage")) fputc(' ', out);
    put(out, text_of(about, "usage"));
    fputc('\n', out);
    put(out, text_of(about, "summary"));
    fputc('\n', out);
    json_array_foreach(json_object_get(about, "options"), i, option) if (!is_common(option))
        put_option(out, option);
}

static void put_families(FILE *out) {
    size_t count;
    const lk_family *families = lk_families(&count);
    fputs(".SH FAMILIES\nWhat \\fBlikeness train\\fR knows by name:\n", out);
    for (size_t i = 0; i < count; i++) {
        fputs(".TP\n\\fB", out);
        put(out, families[i].name);
        fputs("\\fR\n", out);
        put(out, families[i].summary);
        fputc('\n', out);
    }
}

static void put_page(FILE *out, const json_t *commands) {
    static const struct {
        int code;
        const char *means;
    } ends[] = {{0, "all is well"},
                {LK_USAGE, "the command line is wrong"},
                {LK_DATA, "images or other data are"},
                {LK_MODEL, "a model file is"},
                {LK_IO, "a file cannot be read or written"},
                {LK_MEMORY, "memory is out"},
                {LK_NONFINITE, "a value is not finite"},
                {EXIT_OUT_OF_DISTRIBUTION, "an image is none of those known (score --fail-on-ood)"},
                {EXIT_INTERRUPTED, "interrupted, after a checkpoint was saved"}};
    size_t i;
    const json_t *each;
    fputs(".TH LIKENESS 1 \"\" \"likeness " LIKENESS_VERSION "\" \"User Commands\"\n"
          ".SH NAME\nlikeness \\- learns what images look like and judges new ones\n"
          ".SH SYNOPSIS\n\\fBlikeness\\fR \\fICOMMAND\\fR [options]\n.SH COMMANDS\n",
          out);
    json_array_foreach(commands, i, each) put_command(out, each);
    fputs(".SH COMMON OPTIONS\n", out);
    json_array_foreach(json_object_get(json_array_get(commands, 0), "options"), i,
                       each) if (is_common(each)) put_option(out, each);
    put_families(out);
    fputs(".SH EXIT STATUS\n", out);
    for (i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        fprintf(out, ".TP\n\\fB%d\\fR\n", ends[i].code);
        put(out, ends[i].means);
        fputc('\n', out);
    }
    fputs(".SH ENVIRONMENT\n.TP\n\\fBLIKENESS_DATA\\fR\n"
          "the folder that holds mnist/ and fashion/\n"
          ".TP\n\\fBNO_COLOR\\fR\nno colours on a terminal\n",
          out);
}

int cmd_man(const options *o, fault *f) {
    return commands_document(o, "man", put_page, f);
}
