#include "arch.h"

#include <string.h>

/* A reader over the text: words are runs of anything but space and separators. */
typedef struct reader {
    const char *text;
    size_t at;
    const char *word; /* the word last read: `length` bytes, not terminated */
    size_t length;
    lk_error *error;
} reader;

static bool is_separator(char c) {
    return c == '>' || c == '|';
}

static void skip_space(reader *r) {
    while (r->text[r->at] == ' ' || r->text[r->at] == '\t') r->at++;
}

/* Reads the next word, if there is one before the next separator or the end. */
static bool next_word(reader *r) {
    skip_space(r);
    r->word = r->text + r->at;
    r->length = 0;
    for (char c; (c = r->text[r->at]) && !is_separator(c) && c != ' ' && c != '\t'; r->at++)
        r->length++;
    return r->length > 0;
}

static bool word_is(const reader *r, const char *name) {
    return strlen(name) == r->length && memcmp(name, r->word, r->length) == 0;
}

/* Fails at the word last read, quoting it (cut to a readable length) after `what`. */
static lk_status fail_word(const reader *r, const char *what) {
    char word[40];
    const size_t n = LK_MIN(r->length, sizeof word - 1);
    memcpy(word, r->word, n);
    word[n] = 0;
    return lk_fail_at(r->error, LK_MODEL, (uint64_t)(r->word - r->text), "architecture: %s '%s'",
                      what, word);
}

/* A number from text[0..length), at most about 2^30, spelled in the one canonical way; false when
   it is anything else. */
static bool parse_number(const char *text, size_t length, uint32_t *number) {
    uint32_t value = 0;
    if (length == 0 || length > 10 || (length > 1 && text[0] == '0')) return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || value > (1u << 30) / 10) return false;
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    *number = value;
    return true;
}

/* A decimal number below 2^30 with at most six decimals, none of them idle: 3, 0.25; not .5, 1.0.
 */
static bool parse_decimal(const char *text, size_t length, lk_real *number) {
    const char *point = memchr(text, '.', length);
    const size_t decimals = point ? (size_t)(text + length - point) - 1 : 0;
    uint32_t whole, fraction = 0;
    double unit = 1;
    if (decimals > 6 || (point && (decimals == 0 || text[length - 1] == '0')) ||
        !parse_number(text, point ? (size_t)(point - text) : length, &whole))
        return false;
    for (size_t i = 0; i < decimals; i++, unit *= 10) {
        if (point[1 + i] < '0' || point[1 + i] > '9') return false;
        fraction = fraction * 10 + (uint32_t)(point[1 + i] - '0');
    }
    *number = (lk_real)((whole * unit + fraction) / unit);
    return true;
}

static lk_status parse_shape(reader *r, lk_shape *shape) {
    uint32_t numbers[3];
    if (!next_word(r)) return fail_word(r, "expected the input's shape, such as 1x28x28, not");
    const char *at = r->word, *end = r->word + r->length;
    for (int i = 0; i < 3; i++) {
        const char *stop = i < 2 ? memchr(at, 'x', (size_t)(end - at)) : end;
        if (!stop || !parse_number(at, (size_t)(stop - at), &numbers[i]))
            return fail_word(r, "expected the input's shape, such as 1x28x28, not");
        at = stop + 1;
    }
    *shape = (lk_shape){numbers[0], numbers[1], numbers[2]};
    size_t size;
    if (!lk_mul_size(numbers[0], numbers[1], &size) || !lk_mul_size(size, numbers[2], &size) ||
        size == 0 || size > LK_MAX_UNITS)
        return fail_word(r, "no images have the shape");
    return LK_OK;
}

/* sN and valid, where the operator has windows. Leaves the reader at the first other word. */
static lk_status parse_window(reader *r, lk_layer *layer, bool *more) {
    bool stepped = false;
    layer->step = 1;
    for (*more = next_word(r); *more && layer->op->windows; *more = next_word(r)) {
        if (word_is(r, "valid")) {
            if (layer->valid) return fail_word(r, "said twice:");
            layer->valid = true;
        } else if (r->word[0] == 's' && r->length > 1 && r->word[1] >= '0' && r->word[1] <= '9') {
            if (stepped) return fail_word(r, "a second step:");
            stepped = true;
            if (!parse_number(r->word + 1, r->length - 1, &layer->step))
                return fail_word(r, "expected a step, such as s2, not");
        } else {
            break;
        }
    }
    return LK_OK;
}

static lk_status parse_activation(reader *r, lk_layer *layer) {
    int f = 0;
    while (f < LK_ACTIVATIONS && !word_is(r, lk_activation_name((lk_activation)f))) f++;
    if (f == LK_ACTIVATIONS) return fail_word(r, "unknown activation");
    if (!layer->op->activates) return fail_word(r, "this operator has no activation, but here is");
    layer->activation = (lk_activation)f;
    if (next_word(r)) return fail_word(r, "expected '>' or '|', not");
    return LK_OK;
}

/* Finds the partner of the newest layer: the last of its kind that has none yet. Both their shapes
   must be the same the other way round, and with them their windows: places lie in windows. */
static lk_status find_partner(reader *r, lk_arch *arch) {
    lk_layer *layer = &arch->layers[arch->count];
    for (size_t i = arch->count; i-- > 0;) {
        const lk_layer *other = &arch->layers[i];
        bool taken = other->op != layer->op->partner;
        for (size_t k = i + 1; k < arch->count && !taken; k++)
            taken = arch->layers[k].op->partner && arch->layers[k].partner == i;
        if (taken) continue;
        layer->partner = i;
        if (memcmp(&other->in, &layer->out, sizeof layer->out) == 0 &&
            memcmp(&other->out, &layer->in, sizeof layer->in) == 0)
            return LK_OK;
        break;
    }
    return lk_fail(r->error, LK_MODEL,
                   "architecture: %s needs a %s of its shape and window before it", layer->op->name,
                   layer->op->partner->name);
}

/* Makes room for a planned layer in the model's blocks. */
static lk_status place_layer(reader *r, lk_arch *arch) {
    lk_layer *layer = &arch->layers[arch->count++];
    layer->offset = arch->packed;
    layer->transposed_offset = arch->transposed;
    /* No overflow: each layer's are at most sixteen times the limit on parameters. */
    arch->parameters += layer->parameters;
    arch->stored += layer->stored;
    arch->packed += layer->packed;
    arch->transposed += layer->transposed;
    arch->scratch = LK_MAX(arch->scratch, layer->scratch);
    arch->flops += layer->flops;
    arch->labelled = arch->labelled || layer->op->labelled || layer->posed > 1;
    if (layer->classes && arch->classes && layer->classes != arch->classes)
        return lk_fail(r->error, LK_MODEL, "architecture: %u classes here, %u before",
                       (unsigned long long)layer->classes, (unsigned long long)arch->classes);
    if (layer->classes) arch->classes = layer->classes;
    if (arch->packed > LK_MAX_PACKED || arch->transposed > LK_MAX_PACKED)
        return lk_fail(r->error, LK_MODEL,
                       "architecture: its layers are too narrow for their size");
    return lk_layer_check((double)arch->parameters, arch->flops, r->error);
}

/* Reads one link into the next layer. */
static lk_status parse_layer(reader *r, lk_arch *arch) {
    size_t ops;
    const lk_op *const *table = lk_ops(&ops), *op = NULL;
    for (size_t i = 0; i < ops && !op; i++)
        if (word_is(r, table[i]->name)) op = table[i];
    if (!op) return fail_word(r, "unknown operator");
    if (arch->count == LK_MAX_LAYERS) return fail_word(r, "too many layers at");

    lk_layer *layer = &arch->layers[arch->count];
    *layer = (lk_layer){.op = op, .index = arch->count};
    layer->in = arch->count ? layer[-1].out : arch->input;
    layer->in_stride = lk_round_up(lk_shape_size(layer->in), LK_LANES);
    uint32_t numbers[4] = {0};
    for (size_t i = 0; i < op->arguments; i++)
        if (!next_word(r) || !parse_number(r->word, r->length, &numbers[i]))
            return fail_word(r, "expected a number, not");
    if (op->decimal && (!next_word(r) || !parse_decimal(r->word, r->length, &layer->amount)))
        return fail_word(r, "expected a number such as 0.25, not");
    bool more;
    lk_status status = parse_window(r, layer, &more);
    if (status == LK_OK && more) status = parse_activation(r, layer);
    if (status == LK_OK) status = op->plan(layer, numbers, r->error);
    if (status == LK_OK && op->partner) status = find_partner(r, arch);
    return status == LK_OK ? place_layer(r, arch) : status;
}

/* The loss's own number, where it stands. */
static lk_status parse_option(reader *r, lk_arch *arch) {
    arch->option = arch->loss->fallback;
    if (!next_word(r)) return LK_OK;
    if (!arch->loss->option || !word_is(r, arch->loss->option))
        return fail_word(r, "nothing may follow the loss, but here is");
    if (!next_word(r) || !parse_decimal(r->word, r->length, &arch->option))
        return fail_word(r, "expected a number such as 0.25, not");
    return next_word(r) ? fail_word(r, "nothing may follow the loss, but here is") : LK_OK;
}

static lk_status parse_loss(reader *r, lk_arch *arch) {
    size_t count;
    const lk_loss *losses = lk_losses(&count);
    for (size_t i = 0; i < count; i++)
        if (word_is(r, losses[i].name)) arch->loss = &losses[i];
    if (!arch->loss) return LK_OK; /* not a loss: the caller tries an operator */
    const lk_status status = parse_option(r, arch);
    if (status == LK_OK && r->text[r->at])
        return lk_fail_at(r->error, LK_MODEL, r->at, "architecture: nothing may follow the loss");
    return status;
}

/* What tells poses apart is shown images in all of them, and copies those that are upright. */
static lk_status check_pose(reader *r, lk_arch *arch) {
    size_t count = 0;
    arch->pose = arch->count;
    for (size_t i = arch->count; i-- > 0;)
        if (arch->layers[i].op == &lk_op_pose) {
            arch->pose = i;
            arch->posed = arch->layers[i].posed;
            count++;
        }
    if (count == 0) return LK_OK;
    if (count > 1) return lk_fail(r->error, LK_MODEL, "architecture: a second pose");
    if (arch->loss->output != LK_OUTPUT_IMAGE)
        return lk_fail(r->error, LK_MODEL, "architecture: pose needs the loss of an autoencoder");
    return LK_OK;
}

/* The last layer must make what the loss compares. */
static lk_status check_output(reader *r, lk_arch *arch) {
    const size_t input = lk_shape_size(arch->input);
    const size_t values = lk_shape_size(arch->layers[arch->count - 1].out);
    arch->loss_values = 1;
    if (arch->loss->output == LK_OUTPUT_IMAGE) {
        arch->loss_values = input;
        if (values == input) return LK_OK;
        return lk_fail(r->error, LK_MODEL,
                       "architecture: the last layer makes %u values, the input has %u",
                       (unsigned long long)values, (unsigned long long)input);
    }
    if (arch->loss->output == LK_OUTPUT_CODE) return LK_OK;
    if (values < 2 || (arch->classes && arch->classes != values))
        return lk_fail(r->error, LK_MODEL, "architecture: the last layer makes %u classes",
                       (unsigned long long)values);
    arch->classes = (uint32_t)values;
    return LK_OK;
}

static lk_status check_ends(reader *r, lk_arch *arch) {
    const bool code = arch->loss->output == LK_OUTPUT_CODE;
    if (arch->encoder == 0)
        return lk_fail(r->error, LK_MODEL,
                       "architecture: needs '|' behind the layer whose output is the code");
    if ((arch->encoder == arch->count) != code)
        return lk_fail(r->error, LK_MODEL, "architecture: the loss %s needs %s behind '|'",
                       arch->loss->name, code ? "no layer" : "a layer");
    lk_layer *last = &arch->layers[arch->count - 1];
    lk_status status = check_output(r, arch);
    if (status == LK_OK) status = check_pose(r, arch);
    if (status != LK_OK) return status;
    arch->classifier = arch->loss->output == LK_OUTPUT_CLASSES ? arch->count - 1 : 0;
    while (arch->loss->output != LK_OUTPUT_CLASSES && arch->classifier < arch->count &&
           arch->layers[arch->classifier].op != &lk_op_classify)
        arch->classifier++;
    while (arch->trained < arch->count && !arch->layers[arch->trained].slices) arch->trained++;
    arch->labelled = arch->labelled || arch->loss->labelled;
    arch->head = LK_LINEAR;
    if (arch->loss->head == LK_ACTIVATIONS) return LK_OK;
    if (last->activation != arch->loss->head || (arch->loss->head && !last->op->activates))
        return lk_fail(r->error, LK_MODEL, "architecture: the loss %s needs %s in front of it",
                       arch->loss->name, lk_activation_name(arch->loss->head));
    arch->head = last->activation;
    last->activation = LK_LINEAR;
    return LK_OK;
}

/* The canonical text: words parted by one space, linear activations left out. */
static void spell(const char *text, char *out) {
    size_t n = 0;
    for (size_t i = 0; text[i];) {
        size_t length = 0;
        while (text[i] == ' ' || text[i] == '\t') i++;
        if (is_separator(text[i]))
            length = 1;
        else
            while (text[i + length] && text[i + length] != ' ' && text[i + length] != '\t' &&
                   !is_separator(text[i + length]))
                length++;
        const bool implied = length == 6 && memcmp(text + i, "linear", 6) == 0;
        if (length && !implied) {
            if (n) out[n++] = ' ';
            memcpy(out + n, text + i, length);
            n += length;
        }
        i += length;
    }
    out[n] = 0;
}

/* Half the room there is, since the canonical spelling may add a space beside each separator. */
static lk_status check_length(const char *text, lk_error *error) {
    if (strlen(text) < LK_MAX_ARCH / 2) return LK_OK;
    return lk_fail(error, LK_MODEL, "architecture: longer than %u bytes",
                   (unsigned long long)LK_MAX_ARCH / 2);
}

lk_status lk_arch_parse(const char *text, lk_arch *arch, lk_error *error) {
    memset(arch, 0, sizeof *arch);
    reader r = {.text = text, .error = error};
    lk_status status = check_length(text, error);
    if (status != LK_OK) return status;
    status = parse_shape(&r, &arch->input);
    if (status != LK_OK) return status;
    if (next_word(&r)) return fail_word(&r, "expected '>', not");
    while (!arch->loss) {
        const char separator = r.text[r.at];
        if (!separator)
            return lk_fail_at(error, LK_MODEL, r.at, "architecture: ends without a loss");
        if (separator == '|') {
            if (arch->encoder || !arch->count)
                return lk_fail_at(error, LK_MODEL, r.at, "architecture: misplaced '|'");
            arch->encoder = arch->count;
        }
        r.at++;
        if (!next_word(&r))
            return lk_fail_at(error, LK_MODEL, r.at, "architecture: expected an operator");
        status = arch->count || separator == '>' ? parse_loss(&r, arch) : LK_OK;
        if (status == LK_OK && !arch->loss) status = parse_layer(&r, arch);
        if (status != LK_OK) return status;
    }
    status = check_ends(&r, arch);
    if (status != LK_OK) return status;
    spell(text, arch->text);
    return check_length(arch->text, error); /* so that the canonical spelling can be read back */
}

size_t lk_view_stride(const lk_arch *arch) {
    return arch->posed ? lk_round_up(lk_pose_answers(&arch->layers[arch->pose]), LK_LANES) : 0;
}
