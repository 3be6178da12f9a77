/* export: a model as something that opens without this program. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "file.h"
#include "inputs.h"
#include "model_file.h"
#include "output.h"

/* ---- a page ---- */

/* The page in a single file, all but the model (web/single.mjs), lies beside the program. */
#define PAGE "single.html"
#define MARK "<!-- the model -->"
enum { MAX_PAGE = 64 << 20 };

static size_t base64_size(size_t size) {
    return (size + 2) / 3 * 4;
}

static char *put_base64(char *out, const uint8_t *bytes, size_t size) {
    static const char LETTERS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t three = (uint32_t)bytes[i] << 16 |
                               (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (left > 2 ? (uint32_t)bytes[i + 2] : 0);
        *out++ = LETTERS[three >> 18];
        *out++ = LETTERS[three >> 12 & 63];
        *out++ = left > 1 ? LETTERS[three >> 6 & 63] : '=';
        *out++ = left > 2 ? LETTERS[three & 63] : '=';
    }
    return out;
}

static char *put(char *out, const char *text, size_t size) {
    memcpy(out, text, size);
    return out + size;
}

/* "folder/X.safetensors" -> X, with what means something in HTML left out. */
static void name_of(const char *path, char *out, size_t size) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const size_t ending = strlen(".safetensors");
    size_t length = strlen(name), at = 0;
    if (length > ending && text_ends_with(name, ".safetensors")) length -= ending;
    for (size_t i = 0; i < length && at + 1 < size; i++)
        if (!strchr("&<>\"'", name[i]) && (unsigned char)name[i] >= ' ') out[at++] = name[i];
    out[at] = 0;
    if (at == 0) snprintf(out, size, "model");
}

/* Data that the page reads and nothing runs. */
#define HOLDER                                                                                     \
    "<script type=\"application/octet-stream;base64\" id=\"embedded-%s\" data-name=\"%s\">"
#define HOLDER_END "</script>\n"
enum { MAX_HOLDER = 256 };

static char *put_holder(char *out, const char *what, const char *name, const lk_bytes *bytes) {
    if (bytes->size == 0) return out;
    out += snprintf(out, MAX_HOLDER, HOLDER, what, name);
    out = put_base64(out, bytes->data, bytes->size);
    return put(out, HOLDER_END, strlen(HOLDER_END));
}

/* The page with the model and its gallery, if there is one, in the mark's place. */
static lk_status fill_page(const lk_bytes *page, const char *page_path, const char *name,
                           const lk_bytes *model, const lk_bytes *gallery, lk_bytes *out,
                           fault *f) {
    const char *text = (const char *)page->data;
    const char *mark = memmem(text, page->size, MARK, strlen(MARK));
    if (!mark) return fail(f, LK_DATA, page_path, "no page for a model; build it anew");
    const size_t before = (size_t)(mark - text), after = page->size - before - strlen(MARK);
    char *at = lk_alloc(page->size + base64_size(model->size) + base64_size(gallery->size) +
                        2 * (MAX_HOLDER + strlen(HOLDER_END)));
    if (!at) return fail_memory(f);
    out->data = (uint8_t *)at;
    at = put(at, text, before);
    at = put_holder(at, "model", name, model);
    at = put_holder(at, "gallery", name, gallery);
    at = put(at, mark + strlen(MARK), after);
    out->size = (size_t)(at - (char *)out->data);
    return LK_OK;
}

/* The bytes of a model that is whole, as they are wanted, and of its gallery if that is. */
static lk_status read_model(const options *o, lk_bytes *model, lk_bytes *gallery, fault *f) {
    const char *path = o->arguments.items[0];
    lk_model *loaded = model_read(path, f);
    if (!loaded) return f->error.status;
    lk_status status = LK_OK;
    if (o->html && lk_model_is_table(loaded))
        status = fail(f, LK_MODEL, path, "is of rows of numbers, not of images, as the page is");
    else if ((o->onnx ? lk_model_onnx : lk_model_save)(loaded, model, &f->error))
        status = blame(f, path);
    lk_gallery *images = !status && o->with_gallery ? gallery_read(loaded, path, f) : NULL;
    if (!status && o->with_gallery && !images) status = f->error.status;
    if (images && lk_gallery_save(images, gallery, &f->error)) status = blame(f, path);
    lk_gallery_free(images);
    lk_model_free(loaded);
    return status;
}

static lk_status read_page(char *path, lk_bytes *page, fault *f) {
    char folder[PATH_MAX];
    if (!file_program_folder(folder))
        return fail(f, LK_IO, NULL, "cannot tell where this program is");
    const lk_status status = file_join(folder, PAGE, path, f);
    if (status) return status;
    if (file_kind_of(path) == FILE_ABSENT)
        return fail(f, LK_IO, path, "the page is not built; sh web/demo.sh --no-serve builds it");
    return file_read(path, MAX_PAGE, LK_DATA, page, f);
}

/* ---- a C header ---- */

/* A name that C takes for one, of what `name` has of letters and digits. */
static void identifier_of(const char *name, char *out, size_t size) {
    size_t at = name[0] >= '0' && name[0] <= '9' ? (size_t)snprintf(out, size, "model_") : 0;
    for (; *name && at + 1 < size; name++) {
        const char c = *name;
        const bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out[at++] = plain ? c : '_';
    }
    out[at] = 0;
}

/* A line has LINE bytes, each of at most MAX_BYTE characters. */
enum { LINE = 24, MAX_BYTE = 4, MAX_FRAME = 512 };

static size_t array_size(size_t size) {
    return size * MAX_BYTE + (size / LINE + 1) * 5 + MAX_FRAME;
}

/* "static const unsigned char NAME_model[N] = {...};" */
static char *put_array(char *out, const char *name, const char *what, const lk_bytes *bytes) {
    if (bytes->size == 0) return out;
    out += snprintf(out, MAX_FRAME,
                    "\n/* For lk_%s_load. */\nstatic const unsigned char %s_%s[%zu] = {", what,
                    name, what, bytes->size);
    for (size_t i = 0; i < bytes->size; i++) {
        const uint8_t byte = bytes->data[i];
        if (i % LINE == 0) out = put(out, "\n    ", 5);
        if (byte >= 100) *out++ = (char)('0' + byte / 100);
        if (byte >= 10) *out++ = (char)('0' + byte / 10 % 10);
        *out++ = (char)('0' + byte % 10);
        *out++ = ',';
    }
    return put(out, "\n};\n", 4);
}

static lk_status fill_header(const char *name, const lk_bytes *model, const lk_bytes *gallery,
                             lk_bytes *out, fault *f) {
    char *at = lk_alloc(array_size(model->size) + array_size(gallery->size) + 2 * MAX_FRAME);
    if (!at) return fail_memory(f);
    out->data = (uint8_t *)at;
    at += snprintf(at, MAX_FRAME,
                   "/* Made by likeness export --c-header. */\n#ifndef LIKENESS_%s\n#define "
                   "LIKENESS_%s\n",
                   name, name);
    at = put_array(at, name, "model", model);
    at = put_array(at, name, "gallery", gallery);
    at = put(at, "\n#endif\n", 8);
    out->size = (size_t)(at - (char *)out->data);
    return LK_OK;
}

/* ---- any ---- */

/* What is made, of which one is asked for. */
typedef struct product {
    const char *option, *key, *noun, *file;
} product;

static lk_status choose(const options *o, product *out, fault *f) {
    const product all[] = {{"html", "html", "a page", o->html},
                           {"c-header", "c_header", "a header", o->c_header},
                           {"onnx", "onnx", "a graph", o->onnx}};
    size_t asked = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!all[i].file) continue;
        *out = all[i];
        asked++;
    }
    if (asked != 1)
        return fail(f, LK_USAGE, NULL, "give one of --html FILE, --c-header FILE and --onnx FILE");
    if (o->onnx && o->with_gallery)
        return fail(f, LK_USAGE, NULL, "--with-gallery is for pages and headers");
    return inputs_check_output(o, out->option, out->file, f);
}

static lk_status report(const options *o, const product *made, size_t size, fault *f) {
    const char *model = o->arguments.items[0];
    if (o->json)
        return output_json(json_pack("{s:o,s:o,s:I,s:b}", made->key, output_text(made->file),
                                     "model", output_text(model), "bytes", (json_int_t)size,
                                     "gallery", o->with_gallery),
                           f);
    printf("%s: %s of %.1f MB with %s%s\n", made->file, made->noun, (double)size / 1e6, model,
           o->with_gallery ? " and its gallery" : "");
    return LK_OK;
}

int cmd_export(const options *o, fault *f) {
    lk_bytes page = {0}, model = {0}, gallery = {0}, out = {0};
    char page_path[PATH_MAX], name[100], identifier[128];
    product made = {0};
    name_of(o->arguments.items[0], name, sizeof name);
    identifier_of(name, identifier, sizeof identifier);
    lk_status status = choose(o, &made, f);
    if (!status) status = read_model(o, &model, &gallery, f);
    if (!status && o->html) status = read_page(page_path, &page, f);
    if (!status && o->html) status = fill_page(&page, page_path, name, &model, &gallery, &out, f);
    if (!status && o->c_header) status = fill_header(identifier, &model, &gallery, &out, f);
    const lk_bytes *whole = o->onnx ? &model : &out;
    if (!status) status = file_write(made.file, whole->data, whole->size, f);
    if (!status) status = report(o, &made, whole->size, f);
    lk_bytes_free(&model);
    lk_bytes_free(&gallery);
    lk_free(page.data);
    lk_free(out.data);
    return status;
}
