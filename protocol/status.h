/* What a fallible function can answer, in every room, with one plain sentence for each answer. */
#ifndef GPULET_PROTOCOL_STATUS_H
#define GPULET_PROTOCOL_STATUS_H

/* X(name, sentence): the sentence completes "cannot do this: ...". */
#define STATUS_TABLE(X)                                                                            \
    X(OK, "done")                                                                                  \
    X(NO_SPACE, "the buffer is too small for the result")                                          \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(OVERFLOW, "the number does not fit")                                                         \
    X(TRUNCATED, "the bytes end too early")                                                        \
    X(TRAILING, "there are bytes after the end")                                                   \
    X(WRONG_TYPE, "a value has another type than the schema says")                                 \
    X(NOT_CANONICAL, "the value is not in its shortest form")                                      \
    X(OUT_OF_RANGE, "a value is outside its limits")                                               \
    X(BAD_TEXT, "a text is not valid UTF-8, or holds a NUL")                                       \
    X(UNKNOWN_KIND, "the kind of record or message is not known")                                  \
    X(BAD_VERSION, "the version is not known")                                                     \
    X(WRONG_NETWORK, "this belongs to another network")                                            \
    X(BAD_SIGNATURE, "the signature is not valid")                                                 \
    X(BAD_CHECKSUM, "the checksum does not fit")                                                   \
    X(BAD_PASSPHRASE, "the passphrase is wrong")                                                   \
    X(FROM_FUTURE, "the time of issue lies too far in the future")                                 \
    X(EXPIRED, "this has expired")                                                                 \
    X(STALE, "a newer version is known already")                                                   \
    X(DUPLICATE, "this is known already")                                                          \
    X(NOT_FOUND, "there is no such thing")                                                         \
    X(AMBIGUOUS, "the short form fits several things")                                             \
    X(EXISTS, "it exists already")                                                                 \
    X(LIMIT, "a limit is reached")                                                                 \
    X(REFUSED, "this is refused")                                                                  \
    X(BUSY, "this is in use just now")                                                             \
    X(NOT_NOW, "this is not possible in the present state")                                        \
    X(UNPAID, "the payment does not cover this")                                                   \
    X(DISK_FULL, "the disk is full")                                                               \
    X(CORRUPT, "the stored data is damaged")                                                       \
    X(NEWER_SCHEMA, "the data was written by a newer version of gpulet")                           \
    X(IN_USE, "another gpuletd uses this data directory")                                          \
    X(PERMISSION, "the permission is missing")                                                     \
    X(UNAVAILABLE, "this is not available on this machine")                                        \
    X(TIMEOUT, "it took too long")                                                                 \
    X(DISCONNECTED, "the other side is gone")                                                      \
    X(BAD_INPUT, "the input cannot be understood")                                                 \
    X(SYSTEM, "the operating system refused")

enum status {
#define STATUS_ENUM(name, sentence) STATUS_##name,
    STATUS_TABLE(STATUS_ENUM)
#undef STATUS_ENUM
        STATUS_COUNT
};

#define MUST_USE __attribute__((warn_unused_result))

/* The sentence for a status; static text, never NULL. */
const char *status_text(enum status status);

/* The name of a status as the program knows it ("BAD_SIGNATURE"); static text. */
const char *status_name(enum status status);

#endif
