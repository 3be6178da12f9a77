#include "pictures.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include "file.h"
#include "text.h"

enum { MAX_SIDE = 8192, MAX_SCANS = 200 };
#define MAX_PICTURE_FILE (256ull << 20)

/* One decoding under way. What setjmp may return past lives here, not in registers. */
typedef struct decoding {
    const char *path;
    lk_bytes file;
    size_t at; /* bytes that libpng has taken */
    uint8_t *pixels;
    uint32_t width, height, channels;
    uint32_t orientation; /* Exif's: 1 to 8 */
    jmp_buf failed;
    fault *f;
} decoding;

/* Checks the sides and makes room for the pixels; jumps out of the decoder when it cannot. */
static void make_room(decoding *d, uint32_t width, uint32_t height, uint32_t channels) {
    if (width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE) {
        fail(d->f, LK_DATA, d->path, "%u x %u pixels; sides must be 1 to %d", width, height,
             MAX_SIDE);
        longjmp(d->failed, 1);
    }
    d->width = width;
    d->height = height;
    d->channels = channels;
    d->pixels = lk_alloc((size_t)width * height * channels);
    if (!d->pixels) {
        fail_memory(d->f);
        longjmp(d->failed, 1);
    }
}

/* ---- which way up ---- */

/* A number of one to four bytes of TIFF data, in their order. */
static uint32_t tiff_number(const uint8_t *at, size_t bytes, bool little) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) value = value << 8 | at[little ? bytes - 1 - i : i];
    return value;
}

/* Which way up the camera was held, as browsers read it: the first entry of the first directory
   that tells it soundly. 1, upright, where none does: damaged Exif data spoil no picture. */
static uint32_t read_orientation(const uint8_t *tiff, size_t size) {
    enum { HEADER = 8, ENTRY = 12, ORIENTATION = 0x0112, SHORT = 3 };
    if (size < HEADER) return 1;
    const bool little = memcmp(tiff, "II*\0", 4) == 0;
    if (!little && memcmp(tiff, "MM\0*", 4) != 0) return 1;
    const size_t directory = tiff_number(tiff + 4, 4, little);
    if (directory > size - 2) return 1;
    const size_t count = tiff_number(tiff + directory, 2, little);
    for (size_t i = 0, at = directory + 2; i < count && at + ENTRY <= size; i++, at += ENTRY) {
        const uint32_t value = tiff_number(tiff + at + 8, 2, little);
        if (tiff_number(tiff + at, 2, little) == ORIENTATION &&
            tiff_number(tiff + at + 2, 2, little) == SHORT &&
            tiff_number(tiff + at + 4, 4, little) == 1 && value >= 1 && value <= 8)
            return value;
    }
    return 1;
}

/* Turns and mirrors the pixels so that the picture is upright. */
static lk_status make_upright(decoding *d) {
    const uint32_t o = d->orientation, width = d->width, height = d->height;
    const size_t channels = d->channels;
    if (o <= 1) return LK_OK;
    const bool lies = o >= 5, mirrored = o == 2 || o == 3 || o >= 7;
    const bool inverted = o == 3 || o == 4 || o == 6 || o == 7;
    uint8_t *upright = lk_alloc((size_t)width * height * channels), *to = upright;
    if (!upright) return fail_memory(d->f);
    d->width = lies ? height : width;
    d->height = lies ? width : height;
    for (uint32_t v = 0; v < d->height; v++)
        for (uint32_t u = 0; u < d->width; u++, to += channels) {
            const size_t x = lies ? v : u, y = lies ? u : v;
            const size_t row = inverted ? height - 1 - y : y;
            const size_t column = mirrored ? width - 1 - x : x;
            memcpy(to, d->pixels + (row * width + column) * channels, channels);
        }
    lk_free(d->pixels);
    d->pixels = upright;
    return LK_OK;
}

/* ---- PNG ---- */

static void png_failed(png_structp png, png_const_charp message) {
    decoding *d = png_get_error_ptr(png);
    fail_at(d->f, LK_DATA, d->path, d->at, "broken PNG: %s", message);
    longjmp(d->failed, 1);
}

static void png_warned(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void png_take(png_structp png, png_bytep out, size_t n) {
    decoding *d = png_get_io_ptr(png);
    if (n > d->file.size - d->at) {
        d->at = d->file.size;
        png_error(png, "truncated");
    }
    memcpy(out, d->file.data + d->at, n);
    d->at += n;
}

/* 8 bits a channel; grey, RGB or RGBA. */
static void png_choose_layout(png_structp png, png_infop info) {
    const int type = png_get_color_type(png, info);
    png_set_expand(png);
    png_set_scale_16(png);
    if (png_get_valid(png, info, PNG_INFO_tRNS) || (type & PNG_COLOR_MASK_ALPHA))
        png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

static void png_decode(decoding *d, png_structp png, png_infop info) {
    png_set_read_fn(png, d, png_take);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* make_room says it better */
    png_set_chunk_malloc_max(png, 8 << 20);
    png_set_chunk_cache_max(png, 64);
    png_read_info(png, info);
    png_uint_32 size;
    png_bytep exif;
    if (png_get_eXIf_1(png, info, &size, &exif)) d->orientation = read_orientation(exif, size);
    const uint32_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    if (width <= MAX_SIDE) png_choose_layout(png, info);
    make_room(d, width, height, png_get_channels(png, info));
    for (int passes = png_set_interlace_handling(png); passes > 0; passes--)
        for (uint32_t y = 0; y < height; y++)
            png_read_row(png, d->pixels + (size_t)y * width * d->channels, NULL);
    png_read_end(png, NULL);
}

static lk_status png_read(decoding *d) {
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, png_failed, png_warned);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    lk_status status = LK_OK;
    if (!info) {
        status = fail_memory(d->f);
    } else if (setjmp(d->failed) == 0) {
        png_decode(d, png, info);
    } else {
        status = d->f->error.status;
    }
    png_destroy_read_struct(&png, &info, NULL);
    return status;
}

/* ---- JPEG ---- */

static size_t jpeg_at(j_common_ptr jpeg, const decoding *d) {
    const struct jpeg_source_mgr *source = ((j_decompress_ptr)jpeg)->src;
    return source ? d->file.size - source->bytes_in_buffer : 0;
}

static void jpeg_failed(j_common_ptr jpeg) {
    decoding *d = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    fail_at(d->f, LK_DATA, d->path, jpeg_at(jpeg, d), "broken JPEG: %s", message);
    longjmp(d->failed, 1);
}

/* A warning means that some pixels are made up: as good as an error. Level >= 0 is a trace. */
static void jpeg_warned(j_common_ptr jpeg, int level) {
    if (level < 0) jpeg_failed(jpeg);
}

/* A progressive file can ask for thousands of passes over the whole picture. */
static void jpeg_watch(j_common_ptr jpeg) {
    decoding *d = jpeg->client_data;
    if (((j_decompress_ptr)jpeg)->input_scan_number <= MAX_SCANS) return;
    fail_at(d->f, LK_DATA, d->path, jpeg_at(jpeg, d), "broken JPEG: more than %d scans", MAX_SCANS);
    longjmp(d->failed, 1);
}

/* In place, four bytes to three. Adobe's files hold inks inverted: 255 is none. */
static void cmyk_to_rgb(decoding *d, bool inverted) {
    const size_t count = (size_t)d->width * d->height;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *ink = d->pixels + 4 * i;
        const unsigned k = inverted ? ink[3] : 255u - ink[3];
        for (int c = 0; c < 3; c++) {
            const unsigned light = inverted ? ink[c] : 255u - ink[c];
            d->pixels[3 * i + (size_t)c] = (uint8_t)((light * k + 127) / 255);
        }
    }
    d->channels = 3;
}

/* By the first of the markers that holds Exif data. */
static uint32_t jpeg_orientation(const struct jpeg_decompress_struct *jpeg) {
    enum { NAME = 6 }; /* "Exif", a 0, and a byte of any value */
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next)
        if (m->data_length >= NAME && memcmp(m->data, "Exif", 5) == 0)
            return read_orientation(m->data + NAME, m->data_length - NAME);
    return 1;
}

static void jpeg_decode(decoding *d, struct jpeg_decompress_struct *jpeg) {
    jpeg_mem_src(jpeg, d->file.data, (unsigned long)d->file.size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    d->orientation = jpeg_orientation(jpeg);
    const bool cmyk = jpeg->num_components == 4;
    jpeg->out_color_space = cmyk ? JCS_CMYK : jpeg->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    make_room(d, jpeg->image_width, jpeg->image_height,
              cmyk                        ? 4
              : jpeg->num_components == 1 ? 1
                                          : 3);
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = d->pixels + (size_t)jpeg->output_scanline * d->width * d->channels;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    if (cmyk) cmyk_to_rgb(d, jpeg->saw_Adobe_marker);
}

static lk_status jpeg_read(decoding *d) {
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress = {.progress_monitor = jpeg_watch};
    struct jpeg_decompress_struct jpeg = {.err = jpeg_std_error(&errors), .client_data = d};
    errors.error_exit = jpeg_failed;
    errors.emit_message = jpeg_warned;
    lk_status status = LK_OK;
    if (setjmp(d->failed) == 0) {
        jpeg_create_decompress(&jpeg); /* clears all but `err` and `client_data` */
        jpeg.progress = &progress;
        jpeg_decode(d, &jpeg);
    } else {
        status = d->f->error.status;
    }
    jpeg_destroy_decompress(&jpeg);
    return status;
}

/* ---- either ---- */

/* Whether this is no picture but many, or rows or texts. */
static bool is_data_set(const decoding *d) {
    return (d->file.size >= 6 && memcmp(d->file.data, "\x93NUMPY", 6) == 0) ||
           (d->file.size >= 3 && memcmp(d->file.data, "\0\0\x08", 3) == 0) ||
           text_ends_with(d->path, ".csv") || text_ends_with(d->path, ".jsonl");
}

lk_status picture_read(const char *path, lk_picture *out, fault *f) {
    decoding d = {.path = path, .f = f};
    lk_status status = file_read(path, MAX_PICTURE_FILE, LK_DATA, &d.file, f);
    if (status) return status;
    if (d.file.size >= 8 && memcmp(d.file.data, "\x89PNG\r\n\x1a\n", 8) == 0) {
        status = png_read(&d);
    } else if (d.file.size >= 3 && memcmp(d.file.data, "\xff\xd8\xff", 3) == 0) {
        status = jpeg_read(&d);
    } else {
        status = fail_at(f, LK_DATA, path, 0,
                         d.file.size == 0  ? "the file is empty"
                         : is_data_set(&d) ? "neither PNG nor JPEG: a data set is named by --data"
                                           : "neither PNG nor JPEG");
    }
    lk_free(d.file.data);
    if (!status) status = make_upright(&d);
    if (status)
        lk_free(d.pixels);
    else
        *out = (lk_picture){d.pixels, d.width, d.height, d.channels};
    return status;
}

void picture_to_bytes(const lk_real *x, size_t n, uint8_t *bytes) {
    for (size_t i = 0; i < n; i++) {
        const lk_real value = x[i] < 0 ? 0 : x[i] > 1 ? 1 : x[i];
        bytes[i] = (uint8_t)(value * 255 + (lk_real)0.5);
    }
}

lk_picture picture_of(const lk_dataset *set, size_t i, uint8_t *pixels) {
    const size_t channels = set->shape.channels;
    const size_t plane = (size_t)set->shape.height * set->shape.width;
    const uint8_t *from = set->pixels + i * channels * plane;
    for (size_t p = 0; p < plane; p++)
        for (size_t c = 0; c < channels; c++) pixels[p * channels + c] = from[c * plane + p];
    return (lk_picture){pixels, set->shape.width, set->shape.height, set->shape.channels};
}

lk_status picture_write(const char *path, const lk_real *x, lk_shape shape, fault *f) {
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = shape.width,
                       .height = shape.height,
                       .format = shape.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    png_alloc_size_t room = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *planes = lk_alloc(size), *pixels = lk_alloc(size), *file = lk_alloc(room);
    lk_status status = LK_OK;
    if (!planes || !pixels || !file) {
        status = fail_memory(f);
    } else {
        picture_to_bytes(x, size, planes);
        picture_of(&(lk_dataset){.shape = shape, .count = 1, .pixels = planes}, 0, pixels);
        if (!png_image_write_to_memory(&image, file, &room, 0, pixels, 0, NULL))
            status = fail(f, LK_DATA, path, "cannot encode as PNG: %s", image.message);
        else
            status = file_write(path, file, room, f);
    }
    lk_free(planes);
    lk_free(pixels);
    lk_free(file);
    return status;
}
