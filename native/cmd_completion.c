/* completion: what a shell completes the command line by, made of the tables that parse it. */
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "output.h"

/* `    PATTERN) words='WORDS' ;;`, where WORDS are `ahead` and each item of the list. */
static void print_case(FILE *out, const char *pattern, const char *ahead, const json_t *list) {
    size_t i;
    json_t *item;
    fprintf(out, "    %s) words='", pattern);
    json_array_foreach(list, i, item) {
        const json_t *option = json_object_get(item, "option");
        fprintf(out, "%s%s%s", i ? " " : "", ahead, json_string_value(option ? option : item));
    }
    fputs("' ;;\n", out);
}

/* Of every option with a choice, whatever the command. */
static void print_choices(FILE *out, const json_t *commands) {
    json_t *seen = json_object(), *each, *option;
    size_t i, k;
    json_array_foreach(commands, i, each) {
        json_array_foreach(json_object_get(each, "options"), k, option) {
            const char *name = json_string_value(json_object_get(option, "option"));
            json_t *choices = json_object_get(option, "choices");
            char pattern[64];
            if (!choices || json_object_get(seen, name)) continue;
            json_object_set(seen, name, choices);
            snprintf(pattern, sizeof pattern, "*' --%s '*", name);
            print_case(out, pattern, "", choices);
        }
    }
    json_decref(seen);
}

static void print_script(FILE *out, const json_t *commands) {
    json_t *names = json_array(), *families = json_array(), *each;
    size_t i, count;
    json_array_foreach(commands, i, each)
        json_array_append(names, json_object_get(each, "command"));
    const lk_family *family = lk_families(&count);
    for (size_t k = 0; k < count; k++) json_array_append_new(families, json_string(family[k].name));

    fputs("# For bash: source <(likeness completion)\n"
          "_likeness() {\n"
          "    local word=\"${COMP_WORDS[COMP_CWORD]}\" words=''\n"
          "    local before=\"${COMP_WORDS[COMP_CWORD - 1]}\" command=\"${COMP_WORDS[1]}\"\n"
          "    [ \"$COMP_CWORD\" = 1 ] && command=\n"
          "    case \"$command $before $word\" in\n",
          out);
    print_choices(out, commands);
    print_case(out, "' '*", "", names);
    json_array_foreach(commands, i, each) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "'%s '*' -'*",
                 json_string_value(json_object_get(each, "command")));
        print_case(out, pattern, "--", json_object_get(each, "options"));
    }
    print_case(out, "'train train '*", "", families);
    print_case(out, "'help help '*", "", names);
    fputs("    'data data '*) words='list info verify' ;;\n", out);
    fputs("    esac\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) # else the name of a file\n"
          "}\n"
          "complete -o default -F _likeness likeness\n",
          out);
    json_decref(names);
    json_decref(families);
}

int commands_document(const options *o, const char *key,
                      void (*print)(FILE *out, const json_t *commands), fault *f) {
    json_t *commands = commands_describe();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out) print(out, commands);
    json_decref(commands);
    if (!out || fclose(out) != 0) return fail_memory(f);
    lk_status status = LK_OK;
    if (o->json)
        status = output_json(json_pack("{s:s}", key, text), f);
    else
        fputs(text, stdout);
    free(text);
    return status;
}

int cmd_completion(const options *o, fault *f) {
    return commands_document(o, "bash", print_script, f);
}
