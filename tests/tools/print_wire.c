/* Prints docs/wire.md: all that another program must know to take part, in any language. */
#include <stdio.h>
#include <string.h>

#include "protocol/envelope.h"
#include "protocol/message.h"
#include "protocol/record.h"
#include "tests/support/print_schema.h"

static const char head[] =
    "# The wire\n"
    "\n"
    "Printed by `make docs` from the field tables in `protocol/`; do not edit. With this page, "
    "[lease.md](lease.md) (when which\n"
    "message is sent) and [gpu_classes.md](gpu_classes.md) (numbers of GPU models) a node can be "
    "written in any language.\n"
    "`tests/vectors/*.json` holds keys, values, exact bytes, ids and signatures to check it "
    "against.\n"
    "\n"
    "## Values\n"
    "\n"
    "Everything is [MessagePack](https://github.com/msgpack/msgpack/blob/master/spec.md), cut down "
    "so that a value has exactly\n"
    "one encoding. A record's id is the digest of its bytes, so bytes that say the same in another "
    "form are refused.\n"
    "\n"
    "- A struct is an **array** of its fields in the order of its table: fields have positions, "
    "not "
    "names. All are there.\n"
    "- **uint** and **int**: the shortest form (fixint, uint 8 to 64; int 8 to 64 for negative "
    "numbers only). A number that\n"
    "  is not negative always has an unsigned form.\n"
    "- **bool**: true or false.\n"
    "- **bin**, **str**, **array**: the shortest length header (str: fixstr, str 8, 16, 32; array: "
    "fixarray, array 16, 32).\n"
    "- **str** is UTF-8 by RFC 3629 (no overlong forms, no surrogates) and holds no U+0000. It may "
    "hold control characters:\n"
    "  whoever prints it replaces them.\n"
    "- nil, floats, maps and ext types do not occur.\n"
    "- Bytes after the last field are refused, and so is a value outside the limits of its "
    "table.\n"
    "- An enum is the number of its name; a set has bit n (value 2^n) for name n. Unknown numbers "
    "and bits are refused.\n"
    "- Money is a whole number of uUSD (millionths of a US dollar), at most 2^53 - 1.\n"
    "- Week hours are 168 bits in 21 bytes: bit 0 is Monday 00:00 to 01:00 UTC, bit n is bit n mod "
    "8 (lowest first) of byte\n"
    "  n div 8.\n"
    "- GPU class sets are 256 bits in 32 bytes, in the same order; bit n is class number n.\n"
    "\n"
    "A reader must not trust announced counts: `dd ff ff ff ff` announces four billion elements in "
    "five bytes. Each element\n"
    "takes at least one byte, so a count above the bytes that are left is refused before anything "
    "is allocated.\n"
    "\n"
    "## Digests, keys, ids\n"
    "\n"
    "`digest(label, bytes)` is BLAKE2b with 32 bytes of output (RFC 7693), keyed with the ASCII "
    "label, without a NUL.\n"
    "\n"
    "| label | over | gives |\n"
    "|---|---|---|\n"
    "| `gpulet record id` | the encoded envelope | the id of a record; a lease's id is its lease "
    "record's |\n"
    "| `gpulet network 1` | one byte (1 test, 0 live), issuer's key (32 zeros: none), the name | "
    "the id of a network |\n"
    "| `gpulet class table 1` | the class table (see gpu_classes.md) | its first 8 bytes stand in "
    "listings |\n"
    "| `gpulet test name 1` | a test node's name | half of the input of the next |\n"
    "| `gpulet test key 1` | the test network's seed (8 bytes, lowest first), the digest of the "
    "name | a test node's seed |\n"
    "\n"
    "An identity is one seed of 32 bytes. Sub-keys are libsodium's `crypto_kdf_derive_from_key` "
    "with context `gpuletid`:\n"
    "BLAKE2b-256 of nothing, keyed with the seed, salt the sub-key's number (8 bytes, lowest "
    "first, "
    "then 8 zeros), personal\n"
    "the context (then 8 zeros). Sub-key 1 is the seed of an Ed25519 pair (RFC 8032): the public "
    "key is the node's id.\n"
    "Sub-key 2 is an X25519 secret key (RFC 7748) for CURVE; 3, 4 ... follow it when the channel "
    "key is changed.\n"
    "\n"
    "## Records\n"
    "\n"
    "A **record** is an envelope, in which the body is a bin that holds the encoded fields of the "
    "record's kind. A **sealed\n"
    "record** is the encoded envelope followed by 64 bytes of signature; a **cosigned record** is "
    "a "
    "sealed record followed by\n"
    "64 bytes of a second party's signature. Neither signature is wrapped in MessagePack, nor does "
    "the id cover it.\n"
    "\n"
    "Both are Ed25519 signatures over these 80 bytes:\n"
    "\n"
    "| bytes | what |\n"
    "|---|---|\n"
    "| 15 | `gpulet record 1` (the author's) or `gpulet cosign 1` (the second party's) |\n"
    "| 32 | the envelope's network |\n"
    "| 1 | the envelope's kind |\n"
    "| 32 | the record's id |\n"
    "\n"
    "Bytes that came signed are kept and passed on as they came, never encoded again.\n"
    "\n"
    "### Envelope\n"
    "\n";

static const char after_envelope[] =
    "A record is refused unless:\n"
    "\n"
    "- it has at most RECORD_BYTES_MAX bytes (a listing LISTING_BYTES_MAX, a cosigned record 64 "
    "more), and is encoded as above;\n"
    "- its version is 1, its kind is known, its network is ours;\n"
    "- `ttl_s` is 0 for a private kind; for a public one it is 1 to RECORD_TTL_S_MAX (a request: "
    "REQUEST_TTL_S);\n"
    "- its body fits the kind's table;\n"
    "- a node record's `detail` is 0; a listing's is its `slot_group`; a withdrawal's is its "
    "`victim_detail`, its `victim_kind`\n"
    "  is node, listing or request (nodes keep withdrawals of listings and requests only), and its "
    "`seq` is above its\n"
    "  `victim_seq`;\n"
    "- the signature is the author's.\n"
    "\n"
    "A public record is kept unless it is issued more than RECORD_FUTURE_S_MAX s ahead of our "
    "clock, `issued_at_s + ttl_s` has\n"
    "passed, or `seq` is more than RECORD_SEQ_AHEAD_MS_MAX over `issued_at_s * 1000`. A node keeps "
    "one record a **slot**\n"
    "(author, kind, detail): the one with the higher `seq`, of equal ones the one with the lower "
    "id. A withdrawal stands in the\n"
    "slot of its victim: (author, `victim_kind`, `victim_detail`). What has expired stays as a "
    "guard (the slot and its `seq`)\n"
    "until SEQ_GUARD_S after its issue, so that no older version comes back. A key has at most "
    "RECORDS_PER_AUTHOR_MAX slots,\n"
    "guards included.\n"
    "\n"
    "Beside its table, a listing must have a price (one of its two asks), `lease_min_s` not above "
    "`lease_max_s`, an end after\n"
    "its beginning (or none), at least one hour in its week, at least one kind of work, and "
    "`meter_s` not above `interval_s`.\n"
    "A request must have `duration_min_s` not above `duration_s`, `gang_min` not above `hosts`, "
    "`start_until_s` (unless 0) not\n"
    "before `start_from_s`, and an empty image or `sha256:` with 64 lower-case hex digits.\n"
    "\n"
    "## Kinds of records\n"
    "\n";

static const char connection[] =
    "## Connections\n"
    "\n"
    "ZeroMQ (ZMTP 3.0 or later) over TCP with the CURVE mechanism. Each node binds one ROUTER as "
    "CURVE server and dials with one\n"
    "DEALER for each remote node, as CURVE client; a connection is used in both directions. No "
    "routing ids are set. A message\n"
    "is one frame of at most FRAME_BYTES_MAX bytes. Streams of jobs use a second bound socket, "
    "whose "
    "address stands in the\n"
    "node record; only keys of live leases may connect to it.\n"
    "\n"
    "A node is dialled by its address and its channel key, both from its node record or told by a "
    "person.\n"
    "\n"
    "Each side sends `hello` as its first message; anything before it is dropped, and a side that "
    "is silent for 5 s is\n"
    "disconnected. It holds two sealed records of one author: a hello record and the node record. "
    "They are accepted when\n"
    "\n"
    "- both signatures hold and both authors are the same, and not ourselves;\n"
    "- `sender_key` and the node record's `channel_key` are the key that CURVE proved for the "
    "other "
    "end;\n"
    "- `receiver_key` is our own channel key: a hello for somebody else cannot be passed on to "
    "us;\n"
    "- the range of protocol versions holds 1;\n"
    "- no even bit (0, 2, 4 ...) of `features` is set that we do not know. Odd bits may be "
    "ignored.\n"
    "\n"
    "`time_ms` says how far the clocks are apart: above RECORD_FUTURE_S_MAX s a node does not "
    "publish.\n"
    "\n"
    "Afterwards each side pulls the other's public records: `pull` with `from_s` 0 and zeros, then "
    "again with the two `next_`\n"
    "fields while `more` is true. Pages are ordered by (`issued_at_s`, id). New public records are "
    "pushed with `records` to every\n"
    "neighbour but the one they came from. `ping` is answered with `pong` and the same token.\n"
    "\n"
    "Bytes that break the rules of this page and signatures that do not hold end the connection; "
    "records that are stale, expired\n"
    "or too many do not.\n"
    "\n"
    "### Leases\n"
    "\n"
    "| step | from | message | record in it |\n"
    "|---|---|---|---|\n"
    "| ask | renter | `signed` | hold |\n"
    "| promise | host | `signed`, or `busy`, `refused` | held, with the terms that both will sign "
    "|\n"
    "| confirm | renter | `signed` | lease: its body is the terms, byte for byte |\n"
    "| agree | host | `cosigned`, or `refused` | the same lease, with the host's signature |\n"
    "| start | renter | `start`, answered by `started` | the first voucher |\n"
    "| measure | host | `signed` | meter |\n"
    "| pay | renter | `signed` | voucher |\n"
    "| extend | renter | `signed`, answered by `cosigned` | extension |\n"
    "| reclaim | host | `signed` | reclaim |\n"
    "| end | either | `end` | |\n"
    "| settle | host | `signed` | final |\n"
    "| receipt | renter | `cosigned` | the same final, with the renter's signature |\n"
    "\n"
    "A repeated message is answered with the stored answer. `lease_query` asks for the host's view "
    "after a connection was lost.\n"
    "A charge is floor(`ask_uusd_per_hour` * slots * `run_ms` / 3600000), computed from the whole "
    "run time, never summed.\n"
    "\n"
    "### Streams\n"
    "\n"
    "Stream 0 is the job's input, 1 its output, 2 its errors. Offsets count the stream's bytes "
    "from "
    "0. The renter opens with\n"
    "`stream_open`, then reads each output stream with `stream_read`: everything before `offset` "
    "may be forgotten, and\n"
    "`stream_data` may come up to `limit`. After a lost connection it asks again from where it "
    "stands. For input the host gives\n"
    "credit with `stream_credit`. `stream_end` closes a stream, `stream_exit` comes after all "
    "output.\n"
    "\n"
    "## Messages\n"
    "\n"
    "A message is an array of its type and its fields. Types 1 to 63 go over the sockets of nodes, "
    "64 to 95 over the sockets of\n"
    "streams; an unknown type ends the connection.\n"
    "\n";

static void
print_records(void)
{
    (void)puts("| kind | name | public |\n|---|---|---|");
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        (void)printf("| %u | [%s](#%u-%s) | %s |\n", (unsigned)kind, record_kind_name(kind),
                     (unsigned)kind, record_kind_name(kind),
                     record_kind_is_public(kind) ? "yes" : "no");
    }
    (void)puts("\nPublic records travel by gossip; private ones go to one other node only.\n");
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        (void)printf("### %u %s\n\n", (unsigned)kind, record_kind_name(kind));
        print_schema(stdout, record_schema(kind), 0);
    }
}

static void
print_messages(void)
{
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        const struct schema *schema = message_schema((uint8_t)type);
        if (schema != NULL) {
            (void)printf("### %u %s message\n\n", type, schema->name);
            print_schema(stdout, schema, 1);
        }
    }
}

/* The limits come from the header itself, whose comments are the reasons. */
static void
print_limit(char *line)
{
    static const char word[] = "#define ";
    char *name = line + sizeof word - 1;
    char *value = strchr(name, ' ');
    if (strncmp(line, word, sizeof word - 1) != 0 || value == NULL) {
        return;
    }
    *value++ = '\0';
    char *reason = strstr(value, "/*");
    char *end = reason == NULL ? NULL : strstr(reason, "*/");
    const size_t digits = strspn(value, "0123456789");
    if (digits == 0) {
        return; /* the guard of the header */
    }
    (void)printf("| %s | %.*s | ", name, (int)digits, value);
    if (end != NULL && end > reason + 3) {
        (void)printf("%.*s", (int)(end - reason - 4), reason + 3);
    }
    (void)puts(" |");
}

static int
print_limits(void)
{
    char line[512];
    FILE *file = fopen("protocol/limits.h", "r");
    if (file == NULL) {
        perror("protocol/limits.h");
        return 1;
    }
    (void)puts("## Limits\n\nFrom `protocol/limits.h`: sizes in bytes, times in the unit of the "
               "name. A node may be stricter where it\nserves others, never laxer in what it "
               "accepts as a record.\n\n| limit | value | why |\n|---|---|---|");
    while (fgets(line, sizeof line, file) != NULL) {
        print_limit(line);
    }
    (void)fclose(file);
    return 0;
}

int
main(void)
{
    (void)fputs(head, stdout);
    print_schema(stdout, &envelope_schema, 0);
    (void)fputs(after_envelope, stdout);
    print_records();
    (void)fputs(connection, stdout);
    print_messages();
    return print_limits();
}
