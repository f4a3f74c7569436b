/* For scripts: reads one JSON document and prints members of its objects, a line an object, the values
 * between tabs. json_rows LIST FIELD... takes the objects of the list of that name, json_rows . FIELD...
 * the document itself. What is missing is "-"; a list shows its length. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
print_value(const json_t *value)
{
    if (json_is_string(value)) {
        printf("%s", json_string_value(value));
    } else if (json_is_integer(value)) {
        printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_boolean(value)) {
        printf("%s", json_is_true(value) ? "true" : "false");
    } else if (json_is_array(value)) {
        printf("%zu", json_array_size(value));
    } else {
        printf("-");
    }
}

static void
print_object(const json_t *object, char *const *fields, int count)
{
    for (int i = 0; i < count; i++) {
        if (i > 0) {
            putchar('\t');
        }
        print_value(json_object_get(object, fields[i]));
    }
    putchar('\n');
}

int
main(int argc, char **argv)
{
    json_error_t error;
    if (argc < 3) {
        fprintf(stderr, "usage: json_rows LIST|. FIELD...\n");
        return 2;
    }
    json_t *document = json_loadf(stdin, 0, &error);
    if (document == NULL) {
        fprintf(stderr, "no JSON document: line %d: %s\n", error.line, error.text);
        return EXIT_FAILURE;
    }
    const bool is_single = strcmp(argv[1], ".") == 0;
    const json_t *list = is_single ? NULL : json_object_get(document, argv[1]);
    if (is_single) {
        print_object(document, argv + 2, argc - 2);
    } else if (!json_is_array(list)) {
        fprintf(stderr, "the document has no list \"%s\"\n", argv[1]);
        json_decref(document);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        print_object(json_array_get(list, i), argv + 2, argc - 2);
    }
    json_decref(document);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
