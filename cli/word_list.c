#include "cli/word_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
word_list_append(struct word_list *list, const char *format, ...)
{
    char *word = NULL;
    va_list arguments;
    if (list->count == WORDS_MAX) {
        list->failed = true;
        return;
    }
    va_start(arguments, format);
    const int length = vasprintf(&word, format, arguments);
    va_end(arguments);
    if (length < 0) {
        list->failed = true;
        return;
    }
    list->words[list->count++] = word;
    list->words[list->count] = NULL;
}

enum status
word_list_status(const struct word_list *list)
{
    if (list->failed) {
        return list->count == WORDS_MAX ? STATUS_LIMIT : STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void
word_list_clear(struct word_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->words[i]);
    }
    list->count = 0;
    list->words[0] = NULL;
}
