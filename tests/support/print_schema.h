/* Prints field tables as Markdown, for the documents that are made from the code. */
#ifndef GPULET_TESTS_SUPPORT_PRINT_SCHEMA_H
#define GPULET_TESTS_SUPPORT_PRINT_SCHEMA_H

#include <stdio.h>

#include "protocol/schema.h"

/* The schema's help sentence and its table; positions count from `first` (1 when a message's number
 * stands before the fields). */
void print_schema(FILE *file, const struct schema *schema, unsigned first);

/* A number with its powers of two named: "2^64 - 1". */
void print_large(FILE *file, uint64_t number);

#endif
