/* Before training: what the command line says, the images in parts, the model. */
#include <stdio.h>
#include <string.h>

#include "job.h"
#include "model_file.h"
#include "names.h"
#include "words.h"

/* ---- the command line ---- */

static lk_status find_family(job *j, const char *name, fault *f) {
    j->family = lk_family_find(name);
    if (j->family) return LK_OK;
    const char *names[64];
    size_t count;
    const lk_family *families = lk_families(&count);
    if (count > 64) count = 64;
    for (size_t i = 0; i < count; i++) names[i] = families[i].name;
    const char *near = text_nearest(name, names, count);
    if (near)
        return fail(f, LK_USAGE, NULL, "unknown family '%.40s'; did you mean %s?", name, near);
    return fail(f, LK_USAGE, NULL, "unknown family '%.40s'; see likeness families", name);
}

/* What was not given is as the family has it. Epochs depend on the number of images: see
   settle_epochs. */
static void settle(job *j) {
    options *o = &j->settled;
    *o = *j->given;
    const lk_train_options usual = lk_train_family_defaults(j->family, 0);
    if (!o->batch) o->batch = usual.batch;
    if (o->decay < 0) o->decay = usual.decay;
    if (o->init < 0) o->init = j->family ? (int)j->family->training.init : LK_INIT_GLOROT;
    if (!o->augment && j->family) o->augment = j->family->training.augment;
    if (j->family && j->family->training.half) o->half = true;
}

static void settle_epochs(job *j) {
    if (!j->settled.epochs)
        j->settled.epochs = lk_train_family_defaults(j->family, j->images.count).epochs;
    j->how.epochs = j->settled.epochs;
}

/* Whether the link spoils what passes. */
static bool is_noise(const char *link) {
    return strncmp(link, "noise ", 6) == 0 || strncmp(link, "mask ", 5) == 0 ||
           strncmp(link, "salt ", 5) == 0;
}

static lk_status check_noise(const char *noise, fault *f) {
    char arch[128];
    snprintf(arch, sizeof arch, "1x1x1 > %s > dense 1 | dense 1 > mse", noise);
    if (is_noise(noise) && !strpbrk(noise, ">|")) {
        lk_model *model = lk_model_create(arch, &f->error);
        lk_model_free(model);
        if (model) return LK_OK;
        if (f->error.status == LK_MEMORY) return LK_MEMORY;
    }
    return fail(f, LK_USAGE, NULL, "--noise wants noise S, mask SHARE or salt SHARE, not '%.40s'",
                noise);
}

/* Options that some ways to make a model leave no place for. */
static lk_status check_method(const job *j, fault *f) {
    const options *o = j->o;
    const lk_method method = j->family ? j->family->method : LK_TRAINED;
    const char *unfit = NULL;
    if (method == LK_SOLVED)
        unfit = o->augment ? "augment" : o->noise ? "noise" : o->patience ? "patience" : NULL;
    if (method != LK_TRAINED) unfit = o->from ? "from" : o->drawings ? "drawings" : unfit;
    if (method != LK_STACKED && o->pretrain_epochs) unfit = "pretrain-epochs";
    if (!j->family && o->noise) unfit = "noise";
    if (!unfit) return LK_OK;
    if (!j->family) return fail(f, LK_USAGE, NULL, "--%s is for families, not for --arch", unfit);
    return fail(f, LK_USAGE, NULL, "--%s is not for family %s", unfit, j->family->name);
}

static lk_status check_training(job *j, fault *f) {
    const options *o = j->o;
    j->how = (lk_train_options){.batch = o->batch,
                                .learning_rate = o->learning_rate,
                                .warmup = o->warmup,
                                .decay = o->decay,
                                .fall = (lk_fall)o->fall,
                                .weight_decay = o->weight_decay,
                                .seed = o->seed,
                                .threads = (int)o->threads,
                                .simd = (lk_simd)o->simd};
    if (o->augment && lk_augmentation_parse(o->augment, &j->how.augment, &f->error))
        return f->error.status;
    if (o->warmup + o->decay > 1)
        return fail(f, LK_USAGE, NULL, "--warmup and --decay are shares of one whole");
    if (o->patience && o->validation == 0)
        return fail(f, LK_USAGE, NULL, "--patience needs images for validation");
    const lk_status status = check_method(j, f);
    return status || !o->noise ? status : check_noise(o->noise, f);
}

/* Of this name, or none with --arch. */
static lk_status choose_family(job *j, const char *name, fault *f) {
    const lk_status status = name ? find_family(j, name, f) : LK_OK;
    if (status) return status;
    settle(j);
    return check_training(j, f);
}

/* --log-jsonl is written from the first epoch on: over nothing that is read, or made at the end. */
static lk_status check_log(const options *o, const char *report, fault *f) {
    const char *is = NULL;
    if (data_is_at(o->data, o->log))
        is = "the data";
    else if (o->drawings && data_is_at(o->drawings, o->log))
        is = "the drawings";
    else if (o->from && file_same(o->from, o->log))
        is = "the model of --from";
    else if (file_same(o->out, o->log) || model_is_beside(o->out, o->log))
        is = "the model, its gallery or its report";
    else if (strcmp(o->log, o->out) == 0)
        is = "the same file as --out";
    else if (strcmp(o->log, report) == 0)
        is = "the same file as the report";
    return is ? fail(f, LK_USAGE, NULL, "--log-jsonl is %s", is) : file_check_output(o->log, f);
}

static lk_status check_outputs(const options *o, fault *f) {
    char gallery[PATH_MAX], report[PATH_MAX];
    gallery_path(o->out, gallery);
    report_path(o->out, report);
    if (data_is_at(o->data, o->out)) return fail(f, LK_USAGE, NULL, "--out is the data");
    if (o->drawings && data_is_at(o->drawings, o->out))
        return fail(f, LK_USAGE, NULL, "--out is the drawings");
    lk_status status = file_check_output(o->out, f);
    if (!status && o->gallery) status = file_check_output(gallery, f);
    if (!status) status = file_check_output(report, f);
    if (!status && o->log) status = check_log(o, report, f);
    return status;
}

lk_status job_check(job *j, fault *f) {
    const options *o = j->o;
    if (o->arguments.count == 1 && o->arch)
        return fail(f, LK_USAGE, NULL, "train wants a FAMILY or --arch LINE, one of them");
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    if (!o->out) return fail(f, LK_USAGE, NULL, "--out FILE is needed");
    if (o->arch && (o->latent || o->shape.channels))
        return fail(f, LK_USAGE, NULL, "--arch already says the latent size and the shape");
    const char *usual = data_is_texts(o->data) ? "text" : "gate";
    const char *name = o->arguments.count == 1 ? o->arguments.items[0] : usual;
    const lk_status status = choose_family(j, o->arch ? NULL : name, f);
    return status ? status : check_outputs(o, f);
}

/* ---- the model ---- */

/* Puts the link in front of a chain, in place of one of its kind there. */
static void put_noise(const char *noise, char *arch, size_t size) {
    char rest[1024];
    const char *at = strstr(arch, "> ") + 2, *from = at;
    if (is_noise(from)) from = strstr(from, "> ") + 2;
    snprintf(rest, sizeof rest, "%s", from);
    snprintf(arch + (at - arch), size - (size_t)(at - arch), "%s > %s", noise, rest);
}

/* `set` says what the images are, where a family is asked for. */
static lk_status make_model(job *j, const lk_dataset *set, fault *f) {
    const options *o = j->o;
    char arch[2048];
    if (j->family) {
        /* Of a table half of its columns, unless it is told. */
        const uint32_t half = set->values ? (set->shape.width + 1) / 2 : 0;
        const uint32_t latent = o->latent || half > 64 ? o->latent : half;
        if (lk_family_arch(j->family, set->shape, latent, data_set_varied(set) ? set->classes : 0,
                           arch, 1024, &f->error))
            return f->error.status == LK_DATA ? blame(f, o->data) : f->error.status;
        if (o->noise) put_noise(o->noise, arch, sizeof arch);
    }
    j->model = lk_model_create(j->family ? arch : o->arch, &f->error);
    if (!j->model) {
        /* An own architecture is an option: what is wrong with it is wrong with the command. */
        if (!j->family && f->error.status == LK_MODEL) f->error.status = LK_USAGE;
        return f->error.status;
    }
    lk_model_init(j->model, (lk_init)o->init, o->seed);
    return LK_OK;
}

/* --from: begins with the weights of another model, as far as it goes. */
static lk_status adopt(job *j, fault *f) {
    if (!j->o->from) return LK_OK;
    lk_model *from = model_read(j->o->from, f);
    if (!from) return f->error.status;
    j->adopted = lk_model_adopt(j->model, 0, from, 0, SIZE_MAX);
    lk_status status = LK_OK;
    if (j->adopted == 0)
        status = fail(f, LK_MODEL, j->o->from, "not even its first layer fits this network: %.80s",
                      lk_model_arch(from));
    lk_model_free(from);
    return status;
}

/* ---- the images ---- */

/* How many images are held out of `count`. */
static lk_status choose_held_out(const options *o, size_t count, size_t *held, fault *f) {
    if (o->holdout == NOT_GIVEN) {
        *held = count / 6 < 10000 ? count / 6 : 10000;
        return LK_OK;
    }
    *held = o->holdout;
    if (*held < count) return LK_OK;
    return fail(f, LK_USAGE, NULL, "--holdout %zu leaves none of %s to train on", *held,
                COUNT_OF(count, "image"));
}

/* How many of the `count` that are left are for validation. */
static lk_status choose_validation(const options *o, size_t count, size_t *validation, fault *f) {
    const size_t tenth = (o->draw && o->draw < count ? o->draw : count) / 10;
    *validation = o->validation;
    if (o->validation == NOT_GIVEN) *validation = o->patience ? tenth < 5000 ? tenth : 5000 : 0;
    if (o->patience && *validation == 0)
        return fail(f, LK_USAGE, NULL, "--patience needs images for validation");
    if (*validation >= count)
        return fail(f, LK_USAGE, NULL, "--validation %zu leaves none of %s to train on",
                    *validation, COUNT_OF(count, "image"));
    if (o->draw > count - *validation)
        return fail(f, LK_USAGE, NULL, "--draw %u is more than %s to train on", o->draw,
                    COUNT_OF(count - *validation, "image"));
    return LK_OK;
}

/* Rows of numbers by the means and deviations of those that are trained on. */
static lk_status prepare_rows(job *j, fault *f) {
    lk_dataset *const sets[] = {&j->images, &j->validation, &j->held_out};
    if (!j->images.values) return LK_OK;
    j->settled.gallery = 0;                                    /* there is nothing to be shown */
    if (*lk_model_text(j->model, LK_TEXT_WORDS)) return LK_OK; /* texts, by all that there are */
    if (lk_table_fit(j->model, &j->images, &f->error)) return blame(f, j->o->data);
    for (size_t i = 0; i < 3; i++)
        lk_table_prepare(j->model, sets[i]->values, sets[i]->count, sets[i]->values);
    return LK_OK;
}

/* Into those held out, those for validation, and those trained on. */
static lk_status part(job *j, lk_dataset *all, fault *f) {
    const options *o = j->o;
    size_t held, validation;
    lk_status status = choose_held_out(o, all->count, &held, f);
    if (!status) status = choose_validation(o, all->count - held, &validation, f);
    if (!status) status = data_take(all, held, o->seed, false, &j->held_out, f);
    if (!status) status = data_take(all, validation, o->seed, false, &j->validation, f);
    if (status) return status;
    if (o->draw) return data_take(all, o->draw, o->seed, true, &j->images, f);
    j->images = *all;
    *all = (lk_dataset){0};
    return LK_OK;
}

static lk_status check_images(const job *j, const lk_dataset *set, fault *f) {
    const options *o = j->o;
    if (set->values && !lk_model_is_table(j->model))
        return fail(
            f, LK_USAGE, o->data,
            "rows of numbers want family table, or an --arch that begins with table; with --shape "
            "CxHxW the rows of a .npy file are images");
    if (!set->values && lk_model_is_table(j->model))
        return fail(f, LK_DATA, o->data, "images, and this network is for rows of numbers");
    if (set->values && lk_model_shape(j->model).width != set->shape.width)
        return fail(f, LK_DATA, o->data, "rows of %u numbers, and the network is for %u",
                    set->shape.width, lk_model_shape(j->model).width);
    if (set->values && (o->ink || o->binarise > 0 || lk_augmentation_any(&j->how.augment)))
        return fail(f, LK_USAGE, NULL, "--ink, --binarise and --augment are for images");
    if (o->ink && set->shape.channels != 1)
        return fail(f, LK_USAGE, NULL, "--ink is for grey images");
    if (lk_model_labelled(j->model) && !set->labels)
        return fail(f, LK_DATA, o->data, "the images have no labels, and this network needs them");
    if (lk_model_labelled(j->model) && set->classes < 2)
        return fail(f, LK_DATA, o->data, "the images are all of one class, which teaches nothing");
    if (lk_model_labelled(j->model) && lk_model_classes(j->model) &&
        set->classes > lk_model_classes(j->model))
        return fail(f, LK_DATA, o->data, "the images are of %u classes, the network knows %u",
                    set->classes, lk_model_classes(j->model));
    return LK_OK;
}

/* How many words of texts are counted: what --arch or --shape says. */
static lk_status choose_words(const job *j, data *d, words *w, fault *f) {
    const options *o = j->o;
    const lk_shape said = j->model ? lk_model_shape(j->model) : o->shape;
    if (said.channels && (said.channels != 1 || said.height != 1))
        return fail(f, LK_USAGE, o->data, "of texts a shape is 1x1xN, of N words");
    lk_status status = words_choose(d, said.width ? said.width : WORDS_USUAL, w, f);
    if (status) return status;
    d->set.shape = (lk_shape){1, 1, (uint32_t)w->list.count};
    if (said.width > w->list.count)
        return fail(f, LK_DATA, o->data, "%s can be counted, not %u",
                    COUNT_OF(w->list.count, "word"), said.width);
    return LK_OK;
}

/* The model knows the words from here on, and counts them in the texts. */
static lk_status keep_words(job *j, data *d, const words *w, fault *f) {
    if (!lk_model_is_table(j->model))
        return fail(f, LK_USAGE, j->o->data,
                    "texts want family text, or an --arch that begins with table");
    const lk_status status = words_keep(w, j->model, f);
    return status ? status : data_suit_table(d, j->model, f);
}

/* Where none was asked for: rows of numbers have their own, and labels are of use for verdicts on
   images. */
static lk_status suit_family(job *j, const data *d, fault *f) {
    const bool tells = d->set.pixels && data_set_varied(&d->set) && d->set.classes <= LK_MOST_POSED;
    if (tells) return choose_family(j, "gate-classes", f);
    return d->set.values ? choose_family(j, "table", f) : LK_OK;
}

lk_status job_prepare(job *j, fault *f) {
    const options *o = j->o;
    lk_status status = o->arch ? make_model(j, NULL, f) : LK_OK;
    if (status) return status;
    data d;
    words w = {0};
    status = data_load(o->data, DATA_TRAIN, o->arch ? lk_model_shape(j->model) : o->shape, o->limit,
                       &d, f);
    if (status) return status;
    if (d.texts.count)
        status = choose_words(j, &d, &w, f);
    else
        status = data_check_shape(&d, o->shape, f);
    if (!status && !o->arch && o->arguments.count == 0) status = suit_family(j, &d, f);
    if (!status && !o->arch) status = make_model(j, &d.set, f);
    if (!status && w.list.count) status = keep_words(j, &d, &w, f);
    words_free(&w);
    if (!status) status = names_keep(&d.classes, d.set.classes, j->model, f);
    if (!status) status = check_images(j, &d.set, f);
    if (!status) status = adopt(j, f);
    if (!status) data_sha256(&d.set, j->data_sha256);
    if (!status && o->binarise > 0) data_binarise(&d.set, o->binarise);
    if (!status) status = part(j, &d.set, f);
    if (!status) status = prepare_rows(j, f);
    if (!status && o->drawings) status = drawings_join(j, &j->lessons, f);
    data_free(&d);
    settle_epochs(j);
    return status;
}
