/* Where things are: data directories, the local socket, the programs, what a test network left. */
#ifndef GPULET_CLI_PLACE_H
#define GPULET_CLI_PLACE_H

#include <stddef.h>

#include "cli/command.h"
#include "protocol/bytes.h"
#include "protocol/status.h"

enum { PLACE_SIZE = 4096 };

/* The data directory that the options mean: of --node, --data, else the user's own. A C string.
 * STATUS_NOT_FOUND (no such node), STATUS_BAD_INPUT, STATUS_OUT_OF_RANGE with a sentence in `why`. */
enum status place_data(const struct invocation *invocation, char ret_path[PLACE_SIZE],
                       struct buffer *why) MUST_USE;

/* The data directory without any option. */
enum status place_data_default(char ret_path[PLACE_SIZE]) MUST_USE;

/* The daemon's local socket: <data>/run/control, or the path that the file <data>/control holds. */
enum status place_socket(const char *data, char ret_path[PLACE_SIZE]) MUST_USE;

/* gpuletd: beside this program, else the first one in PATH. STATUS_NOT_FOUND. */
enum status place_daemon(char ret_path[PLACE_SIZE]) MUST_USE;

/* The user's directory for small notes between commands, made 0700. STATUS_PERMISSION when somebody
 * else owns it. */
enum status place_notes(char ret_path[PLACE_SIZE]) MUST_USE;

/* The directory of the test network: --dir, else the one started last. STATUS_NOT_FOUND. */
enum status place_testnet(const struct invocation *invocation, char ret_path[PLACE_SIZE],
                          struct buffer *why) MUST_USE;

/* Remembers the test network started last, or forgets it when it is the one of `path`. */
enum status place_testnet_remember(const char *path) MUST_USE;
void place_testnet_forget(const char *path);

/* Writes a C string into memory of PLACE_SIZE; STATUS_OUT_OF_RANGE. */
enum status place_format(char ret_path[PLACE_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3))) MUST_USE;

/* Reads a small file into memory and ends it with a NUL; STATUS_NOT_FOUND, STATUS_SYSTEM,
 * STATUS_OUT_OF_RANGE when it is larger. */
enum status place_read(const char *path, char *memory, size_t size) MUST_USE;

/* Reads a whole file of any bytes, or standard input for "-". STATUS_NOT_FOUND, STATUS_SYSTEM;
 * STATUS_OUT_OF_RANGE when it fills the memory. */
enum status place_read_bytes(const char *path, uint8_t *memory, size_t size, size_t *ret_length)
    MUST_USE;

/* Writes a small file (0600) anew, whole or not at all. */
enum status place_write(const char *path, struct bytes content) MUST_USE;

/* Makes a directory and those above it, 0700. */
enum status place_make(const char *path) MUST_USE;

#endif
