/* The likeness program: finds the command, runs it, says what went wrong. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "output.h"
#include "program.h"
#include "text.h"

static const command COMMANDS[] = {
    {"data", "list | info SPEC | verify SPEC",
     "Lists, describes or checks data sets; SPEC is what train takes as --data.", cmd_data,
     FOR_DATA, 1, 2},
    {"train", "[FAMILY | --arch LINE] --data SPEC --out FILE",
     "Trains and calibrates a model: of a family made for verdicts, unless another is named.",
     cmd_train, FOR_TRAIN, 0, 1},
    {"eval", "MODEL --data SPEC", "Measures a model on images it has not seen.", cmd_eval, FOR_EVAL,
     1, 1},
    {"audit", "MODEL --data SPEC | --seeds",
     "Measures the verdict where it is hardest: on images changed, spoilt and of other kinds; or "
     "the claims of the notes that the product grew from.",
     cmd_audit, FOR_AUDIT, 0, 1},
    {"calibrate", "MODEL (--data SPEC | --alpha SHARE)",
     "Calibrates the verdict anew on other held-out images, or gives the model an alpha of its "
     "own.",
     cmd_calibrate, FOR_CALIBRATE, 1, 1},
    {"score", "MODEL IMAGE... | MODEL ROWS.csv|TEXTS.jsonl | MODEL --data SPEC",
     "Judges images, rows of numbers or texts: a verdict and a p-value for each. An IMAGE, here "
     "and in other commands, may be a folder of PNG and JPEG files, and - reads names from "
     "standard input.",
     cmd_score, FOR_SCORE, 1, UINT32_MAX},
    {"reconstruct", "MODEL (IMAGE... | --data SPEC) --out FILE.npy|FILE.png",
     "Writes what the model makes of images.", cmd_reconstruct, FOR_RECONSTRUCT, 1, UINT32_MAX},
    {"encode", "MODEL (IMAGE... | --data SPEC) --out FILE.npy",
     "Writes the codes of images, rows or texts.", cmd_encode, FOR_ENCODE, 1, UINT32_MAX},
    {"decode", "MODEL CODES.npy --out FILE.npy|FILE.png", "Makes images of codes.", cmd_decode,
     FOR_DECODE, 2, 2},
    {"sample", "MODEL --out FILE.npy|FILE.png", "Makes images of codes drawn at random.",
     cmd_sample, FOR_SAMPLE, 1, 1},
    {"interpolate", "MODEL IMAGE IMAGE --out FILE.npy|FILE.png",
     "Makes the images between two: their codes and those on the way.", cmd_interpolate,
     FOR_INTERPOLATE, 2, 3},
    {"neighbours", "MODEL IMAGE | MODEL ROWS.csv|TEXTS.jsonl --train SPEC",
     "Finds the nearest images of the model's gallery, or the nearest rows or texts of SPEC.",
     cmd_neighbours, FOR_NEIGHBOURS, 2, 2},
    {"pca", "[IMAGE...] --data SPEC [--out FILE.png|FILE.npy]",
     "Finds the principal components of images: mean, eigen-images and their shares of variance.",
     cmd_pca, FOR_PCA, 0, UINT32_MAX},
    {"cluster", "(MODEL | --pixels) --data SPEC --k N",
     "Groups images by their codes, and says how well the groups agree with labels.", cmd_cluster,
     FOR_CLUSTER, 0, 1},
    {"outliers", "MODEL --data SPEC --ood NAME=SPEC",
     "Tells images from others by the error of their reconstruction alone: both histograms.",
     cmd_outliers, FOR_OUTLIERS, 1, 1},
    {"map", "(MODEL | --pixels) --data SPEC [--place SPEC] [--out FILE.png|svg|csv|json]",
     "Draws images as points in the plane, near each other where their codes are.", cmd_map,
     FOR_MAP, 0, 1},
    {"export", "MODEL --html FILE.html | --c-header FILE.h | --onnx FILE.onnx",
     "Puts a model into a page of its own, into a header for programs in C, or into a graph for "
     "other programs.",
     cmd_export, FOR_EXPORT, 1, 1},
    {"families", "", "Lists the named architectures.", cmd_families, FOR_FAMILIES, 0, 0},
    {"inspect", "MODEL", "Says what is in a model file.", cmd_inspect, FOR_INSPECT, 1, 1},
    {"bench", "[PART OF A NAME]", "Measures the kernels on this machine.", cmd_bench, FOR_BENCH, 0,
     1},
    {"doctor", "", "Says what this machine and this program can do.", cmd_doctor, FOR_DOCTOR, 0, 0},
    {"completion", "", "Prints what bash completes commands by: source <(likeness completion).",
     cmd_completion, FOR_COMPLETION, 0, 0},
    {"man", "", "Prints the manual page: likeness man | man -l -.", cmd_man, FOR_MAN, 0, 0},
    {"help", "[COMMAND]", "Explains a command, or lists them.", cmd_help, FOR_HELP, 0, 1},
};
enum { COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0] };

static const command *find_command(const char *name, fault *f) {
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(COMMANDS[i].name, name) == 0) return &COMMANDS[i];
        names[i] = COMMANDS[i].name;
    }
    const char *near = text_nearest(name, names, COMMAND_COUNT);
    if (near)
        fail(f, LK_USAGE, NULL, "unknown command '%.40s'; did you mean %s?", name, near);
    else
        fail(f, LK_USAGE, NULL, "unknown command '%.40s'; see likeness help", name);
    return NULL;
}

json_t *commands_describe(void) {
    json_t *list = json_array();
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        json_array_append_new(list, options_describe(&COMMANDS[i]));
    return list;
}

static lk_status print_commands(bool json, fault *f) {
    if (json) return output_json(commands_describe(), f);
    printf("Likeness learns what your images look like and judges new ones.\n\n"
           "Usage: likeness COMMAND [options]\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("  %-12s ", COMMANDS[i].name);
        text_print_wrapped(COMMANDS[i].summary, 15, 15);
    }
    puts("\nlikeness help COMMAND lists a command's options and their defaults.");
    return LK_OK;
}

static lk_status print_command(const command *c, bool json, fault *f) {
    if (json) return output_json(options_describe(c), f);
    options_print_help(c);
    return LK_OK;
}

int cmd_help(const options *o, fault *f) {
    if (o->arguments.count == 0) return print_commands(o->json, f);
    const command *c = find_command(o->arguments.items[0], f);
    return c ? print_command(c, o->json, f) : LK_USAGE;
}

static int run(int argc, char **argv, fault *f) {
    if (argc < 2) return fail(f, LK_USAGE, NULL, "no command; see likeness help");
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        puts("likeness " LIKENESS_VERSION);
        return LK_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    const command *c = find_command(name, f);
    if (!c) return LK_USAGE;
    options o;
    int code = options_parse(c, argc, argv, 2, &o, f);
    if (code == LK_OK) code = o.help ? (int)print_command(c, o.json, f) : c->run(&o, f);
    options_free(&o);
    return code;
}

int main(int argc, char **argv) {
    return program_run(argc, argv, run);
}
