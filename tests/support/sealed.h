/* Valid sealed and cosigned records of every kind, from a seed. */
#ifndef GPULET_TESTS_SUPPORT_SEALED_H
#define GPULET_TESTS_SUPPORT_SEALED_H

#include "crypto/keypair.h"
#include "protocol/bytes.h"
#include "protocol/envelope.h"
#include "protocol/limits.h"
#include "tests/support/sample.h"

enum { SEALED_NOW_S = 1700000000 };

/* Memory of one record under construction. */
struct sealed_record {
    uint8_t body[RECORD_BODY_MAX];
    uint8_t bytes[COSIGNED_BYTES_MAX];
    struct buffer sealed;
};

/* The key pair of a name, the same in all tests. */
struct keypair sealed_keypair(const char *name);

/* A test network's id. */
struct network_id sealed_network(const char *name);

/* An envelope with life and detail as its kind wants; the body is the caller's. */
struct envelope sealed_envelope(uint8_t kind, const struct keypair *author, struct bytes body);

/* Encodes the body by its kind's schema and seals it on sealed_network("test"). Asserts success. */
void sealed_body(struct sealed_record *record, uint8_t kind, const struct keypair *author,
                 const void *body);

/* The same with a random body that fits the kind. */
void sealed_random(struct sealed_record *record, uint8_t kind, const struct keypair *author,
                   struct sample *sample);

/* Appends the second signature. */
void sealed_cosign(struct sealed_record *record, const struct keypair *cosigner);

struct bytes sealed_bytes(const struct sealed_record *record);

#endif
