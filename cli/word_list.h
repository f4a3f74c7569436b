/* The arguments of a program to be started, owned, ended by NULL. */
#ifndef GPULET_CLI_WORD_LIST_H
#define GPULET_CLI_WORD_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/status.h"

enum { WORDS_MAX = 768 };

/* Starts as {.count = 0}; a word that did not fit is remembered until word_list_status. */
struct word_list {
    char *words[WORDS_MAX + 1];
    size_t count;
    bool failed;
};

void word_list_append(struct word_list *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* STATUS_NO_MEMORY or STATUS_LIMIT when a word was lost. */
enum status word_list_status(const struct word_list *list) MUST_USE;

void word_list_clear(struct word_list *list);

#endif
