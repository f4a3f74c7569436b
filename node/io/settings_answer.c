#include "node/io/settings_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/io/answer.h"
#include "protocol/codec.h"
#include "protocol/setting.h"

enum { LINE_SIZE = OPTION_TEXT_SIZE + 128, SENTENCE_SIZE = 400 };

static void
say_setting(struct control *control, const struct options *options, struct client client,
            size_t position)
{
    static const char *const sources[] = {
        [SOURCE_DEFAULT] = "default", [SOURCE_FILE] = "file", [SOURCE_TOLD] = "command line"};
    const struct setting *setting = setting_at(position);
    const struct setting_text *text = &options->texts[position];
    const struct setting_view view = {
        .name = bytes_of_text(setting->name),
        .value = bytes_of_text(text->source == SOURCE_DEFAULT ? setting->initial : text->text),
        .from = bytes_of_text(sources[text->source]),
        .help = bytes_of_text(setting->help),
    };
    answer_row(control, client, ROW_SETTING, &view);
}

static void
say_unknown(struct control *control, struct client client, struct bytes name)
{
    char sentence[SENTENCE_SIZE];
    const char *meant = setting_nearest(name);
    (void)snprintf(sentence, sizeof sentence, "there is no setting \"%.*s\"%s%s%s",
                   name.length < 60 ? (int)name.length : 60, (const char *)name.data,
                   meant == NULL ? "; `gpulet config show` lists them" : "; did you mean ",
                   meant == NULL ? "" : meant, meant == NULL ? "" : "?");
    answer_done(control, client, STATUS_NOT_FOUND, sentence);
}

/* True for a line "NAME = ..." of that name. */
static bool
line_is_of(const char *line, const char *name)
{
    const size_t length = strlen(name);
    const char *at = line + strspn(line, " \t");
    if (strncmp(at, name, length) != 0) {
        return false;
    }
    at += length;
    return at[strspn(at, " \t")] == '=';
}

/* All lines of the file but those of the setting; comments stay where they are. */
static bool
copy_other_lines(const char *path, const char *name, FILE *target)
{
    char line[LINE_SIZE];
    FILE *source = fopen(path, "re");
    if (source == NULL) {
        return errno == ENOENT;
    }
    while (fgets(line, sizeof line, source) != NULL) {
        if (!line_is_of(line, name)) {
            (void)fputs(line, target);
        }
    }
    const bool is_whole = ferror(source) == 0;
    (void)fclose(source);
    return is_whole;
}

/* The file with the setting's line replaced, by way of a new file: nobody ever sees half of it. */
static bool
write_setting(const char *path, const char *name, struct bytes value)
{
    char next[OPTION_PATH_SIZE + 8];
    (void)snprintf(next, sizeof next, "%s.new", path);
    FILE *target = fopen(next, "we");
    if (target == NULL) {
        return false;
    }
    bool done = copy_other_lines(path, name, target);
    done = done &&
           fprintf(target, "%s = %.*s\n", name, (int)value.length, (const char *)value.data) > 0;
    done = done && fflush(target) == 0 && fsync(fileno(target)) == 0;
    done = fclose(target) == 0 && done;
    done = done && rename(next, path) == 0;
    if (!done) {
        const int error = errno;
        (void)unlink(next);
        errno = error;
    }
    return done;
}

static void
set(struct control *control, const struct options *options, struct client client,
    const struct control_setting *ask)
{
    char sentence[SENTENCE_SIZE];
    struct buffer why;
    const struct setting *setting = setting_find(ask->name);
    buffer_init(&why, sentence, sizeof sentence - 1);
    if (setting_check(setting, ask->value, &why) != STATUS_OK) {
        sentence[why.length] = '\0';
        answer_done(control, client, STATUS_BAD_INPUT, sentence);
        return;
    }
    if (setting->may_repeat || memchr(ask->value.data, '\n', ask->value.length) != NULL) {
        answer_done(control, client, STATUS_REFUSED,
                    "a setting that may stand several times is changed in the file itself");
        return;
    }
    if (!write_setting(options->config_path, setting->name, ask->value)) {
        (void)snprintf(sentence, sizeof sentence, "cannot write %.300s: %s", options->config_path,
                       strerror(errno));
        answer_done(control, client, STATUS_SYSTEM, sentence);
        return;
    }
    answer_note(control, client, NOTE_TALK,
                "kept; it holds when gpuletd starts again: gpulet down, gpulet up");
    answer_done(control, client, STATUS_OK, "");
}

void
settings_answer(struct control *control, const struct options *options, struct client client,
                struct bytes question)
{
    struct control_setting ask;
    if (message_decode(control_schema(CONTROL_SETTING), question, &ask) != STATUS_OK) {
        answer_done(control, client, STATUS_BAD_INPUT, "the question cannot be read");
        return;
    }
    if ((ask.set || ask.name.length > 0) && setting_find(ask.name) == NULL) {
        say_unknown(control, client, ask.name);
        return;
    }
    if (ask.set) {
        set(control, options, client, &ask);
        return;
    }
    for (size_t i = 0; i < setting_count(); i++) {
        if (ask.name.length == 0 || setting_at(i) == setting_find(ask.name)) {
            say_setting(control, options, client, i);
        }
    }
    answer_done(control, client, STATUS_OK, "");
}
