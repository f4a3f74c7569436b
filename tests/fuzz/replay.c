/* Feeds every file of the directories named as arguments to a fuzz target, without libFuzzer. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The largest input that is replayed; a message on the wire is at most 64 KiB. */
#define INPUT_BYTES_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    uint8_t *memory = malloc(INPUT_BYTES_MAX);
    const size_t length = memory == NULL ? 0 : fread(memory, 1, INPUT_BYTES_MAX, file);
    int failed = memory == NULL || ferror(file) || !feof(file);
    fclose(file);
    /* A block of the exact size lets AddressSanitizer see a read behind the end. */
    uint8_t *exact = failed ? NULL : malloc(length > 0 ? length : 1);
    if (exact != NULL) {
        for (size_t i = 0; i < length; i++) {
            exact[i] = memory[i];
        }
        (void)LLVMFuzzerTestOneInput(exact, length);
    } else {
        fprintf(stderr, "%s: cannot be read whole\n", path);
        failed = 1;
    }
    free(exact);
    free(memory);
    return failed;
}

/* Adds the number of regular files that were fed to *count. */
static int
replay_directory(const char *path, size_t *count)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        perror(path);
        return 1;
    }
    int failed = 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[PATH_MAX];
        struct stat found;
        const int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof name || stat(name, &found) != 0) {
            failed = 1;
        } else if (S_ISREG(found.st_mode)) {
            failed |= replay_file(name);
            *count += 1;
        }
    }
    closedir(directory);
    return failed;
}

int
main(int argument_count, char **arguments)
{
    int failed = 0;
    size_t count = 0;
    for (int i = 1; i < argument_count; i++) {
        failed |= replay_directory(arguments[i], &count);
    }
    printf("%s: %zu inputs replayed\n", arguments[0], count);
    return failed != 0 || count == 0;
}
