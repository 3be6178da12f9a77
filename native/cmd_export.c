/* export: a model as something that opens without this program. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "file.h"
#include "model_file.h"
#include "output.h"

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

/* The bytes of a model that is whole, and of its gallery if that is wanted. */
static lk_status read_model(const char *path, bool with_gallery, lk_bytes *model, lk_bytes *gallery,
                            fault *f) {
    lk_model *loaded = model_read(path, f);
    if (!loaded) return f->error.status;
    lk_status status = LK_OK;
    if (lk_model_save(loaded, model, &f->error)) status = blame(f, path);
    lk_gallery *images = !status && with_gallery ? gallery_read(loaded, path, f) : NULL;
    if (!status && with_gallery && !images) status = f->error.status;
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

static lk_status report(const options *o, size_t size, bool with_gallery, fault *f) {
    const char *model = o->arguments.items[0];
    if (o->json)
        return output_json(json_pack("{s:o,s:o,s:I,s:b}", "html", output_text(o->html), "model",
                                     output_text(model), "bytes", (json_int_t)size, "gallery",
                                     with_gallery),
                           f);
    printf("%s: a page of %.1f MB with %s%s\n", o->html, (double)size / 1e6, model,
           with_gallery ? " and its gallery" : "");
    return LK_OK;
}

int cmd_export(const options *o, fault *f) {
    if (!o->html) return fail(f, LK_USAGE, NULL, "--html FILE is needed");
    const char *path = o->arguments.items[0];
    if (file_same(o->html, path)) return fail(f, LK_USAGE, NULL, "--html is the model");
    lk_bytes page = {0}, model = {0}, gallery = {0}, out = {0};
    char page_path[PATH_MAX], name[100];
    name_of(path, name, sizeof name);
    lk_status status = file_check_output(o->html, f);
    if (!status) status = read_model(path, o->with_gallery, &model, &gallery, f);
    if (!status) status = read_page(page_path, &page, f);
    if (!status) status = fill_page(&page, page_path, name, &model, &gallery, &out, f);
    if (!status) status = file_write(o->html, out.data, out.size, f);
    if (!status) status = report(o, out.size, o->with_gallery, f);
    lk_bytes_free(&model);
    lk_bytes_free(&gallery);
    lk_free(page.data);
    lk_free(out.data);
    return status;
}
