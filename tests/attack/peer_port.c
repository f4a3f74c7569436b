/* Hostile input for a node's peer port: peer_port MODE ENDPOINT KEY NETWORK SEED COUNT.
 *
 * random       so many TCP connections that send random bytes
 * garbage      so many frames of garbage over a valid CURVE connection that never said HELLO
 * introduced   the same after a good HELLO: cut, bent and random messages of every type
 * oversized    frames of a megabyte
 * parts        one message of so many parts, whose last one never comes
 * stranger     the same over a valid CURVE connection that never said HELLO
 * silent       so many connections that say nothing
 * listings     a peer that answers pulls with so many good listings, until it was asked for all
 *
 * ENDPOINT and KEY are what `gpulet status --json` calls listen and channel_key; the network's issuer
 * follows from SEED, as `gpulet testnet` makes it. Ends with 0 when the attack was carried out, whatever
 * the node made of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "node/io/curve.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "tests/support/sample.h"
#include "tests/support/schemas.h"
#include "tests/support/test_peer.h"

#include <stdalign.h>

#include "protocol/codec.h"

enum {
    WAIT_MS = 5000,
    SILENT_S = 20,
    RANDOM_BYTES = 4096,
    OVERSIZED_BYTES = 1 << 20,
    SEED_OF_ATTACK = 77
};

struct attack {
    struct test_peer_options options;
    uint64_t seed;
    uint32_t count;
    struct sample random;
    uint8_t memory[65536];
};

static int
connect_plain(const char *endpoint)
{
    uint32_t ip;
    uint16_t port;
    if (!endpoint_is_numeric(bytes_of_text(endpoint), &ip, &port)) {
        return -1;
    }
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip)};
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static struct bytes
random_bytes(struct attack *attack, uint8_t *memory, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        memory[i] = (uint8_t)sample_next(&attack->random);
    }
    return bytes_of(memory, length);
}

static int
attack_random(struct attack *attack)
{
    uint32_t connected = 0;
    for (uint32_t i = 0; i < attack->count; i++) {
        const int fd = connect_plain(attack->options.endpoint);
        if (fd < 0) {
            continue;
        }
        connected++;
        uint8_t bytes[RANDOM_BYTES];
        const size_t length = 1 + (size_t)sample_below(&attack->random, sizeof bytes);
        random_bytes(attack, bytes, length);
        if (i % 2 == 1 && length > 10) { /* a ZMTP greeting's first bytes, then nonsense */
            memcpy(bytes, "\xff\0\0\0\0\0\0\0\x01\x7f", 10);
        }
        if (send(fd, bytes, length, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET) {
            perror("send");
        }
        close(fd);
    }
    printf("%u connections with random bytes\n", connected);
    return connected > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A message of a random type, bent somewhere; or plain random bytes. */
static struct bytes
bent_message(struct attack *attack, uint8_t *frame, size_t capacity)
{
    alignas(max_align_t) static uint8_t value[SCHEMA_STRUCT_BYTES_MAX];
    const uint8_t type = (uint8_t)(1 + sample_below(&attack->random, 75));
    const struct schema *schema = message_schema(type);
    struct buffer buffer;
    buffer_init(&buffer, frame, capacity);
    sample_reuse(&attack->random);
    if (schema == NULL || schema->struct_size > sizeof value) {
        return random_bytes(attack, frame, 1 + (size_t)sample_below(&attack->random, 400));
    }
    sample_value(&attack->random, schema, value);
    if (message_encode(schema, value, &buffer) != STATUS_OK || buffer.length == 0) {
        return random_bytes(attack, frame, 1 + (size_t)sample_below(&attack->random, 400));
    }
    switch (sample_below(&attack->random, 4)) {
    case 0: /* cut short */
        buffer.length = (size_t)sample_below(&attack->random, buffer.length);
        break;
    case 1: /* one byte bent */
        frame[sample_below(&attack->random, buffer.length)] ^=
            (uint8_t)(1 + sample_below(&attack->random, 255));
        break;
    case 2: /* something behind it */
        buffer_append_byte(&buffer, 0xC0);
        break;
    default: /* well formed, and still nobody asked for it */
        break;
    }
    return buffer_bytes(&buffer);
}

static int
attack_garbage(struct attack *attack, bool introduces)
{
    static uint8_t frame[FRAME_BYTES_MAX];
    uint32_t sent = 0;
    uint32_t lives = 0;
    while (sent < attack->count && lives < attack->count) {
        char name[48];
        const int length = snprintf(name, sizeof name, "%s-%ld-%u",
                                    introduces ? "known" : "stranger", (long)getpid(), lives);
        /* Whoever is cut is refused for a time: a new key each time, as an attacker has. */
        keypair_for_test(attack->seed, bytes_of(name, (size_t)length), &attack->options.keypair);
        struct test_peer *peer = test_peer_open(&attack->options);
        lives++;
        if (peer == NULL || (introduces && !test_peer_introduce(peer, WAIT_MS))) {
            test_peer_close(peer);
            fprintf(stderr, "the connection as %s was not served\n", name);
            return EXIT_FAILURE;
        }
        for (unsigned i = 0; i < 100 && sent < attack->count; i++) {
            const struct bytes bytes =
                sample_below(&attack->random, 3) == 0
                    ? random_bytes(attack, frame, (size_t)sample_below(&attack->random, 2000))
                    : bent_message(attack, frame, sizeof frame);
            struct bytes answer;
            if (!test_peer_send(peer, bytes, false, 200)) {
                break; /* it cut us */
            }
            sent++;
            while (test_peer_receive(peer, &answer, 0)) {
            }
        }
        test_peer_close(peer);
    }
    printf("%u frames of garbage over %u connections\n", sent, lives);
    return sent > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
attack_oversized(struct attack *attack)
{
    uint8_t *large = calloc(1, OVERSIZED_BYTES);
    uint32_t sent = 0;
    for (uint32_t i = 0; large != NULL && i < attack->count; i++) {
        char name[32];
        const int length = snprintf(name, sizeof name, "large-%u", i);
        keypair_for_test(attack->seed, bytes_of(name, (size_t)length), &attack->options.keypair);
        struct test_peer *peer = test_peer_open(&attack->options);
        if (peer != NULL && test_peer_introduce(peer, WAIT_MS)) {
            sent += test_peer_send(peer, bytes_of(large, OVERSIZED_BYTES), false, WAIT_MS);
            struct bytes answer;
            while (test_peer_receive(peer, &answer, 300)) {
            }
        }
        test_peer_close(peer);
    }
    free(large);
    printf("%u oversized frames\n", sent);
    return sent > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
attack_parts(struct attack *attack, bool introduces)
{
    static const uint8_t part[16] = {0x91, 0x0f};
    uint32_t sent = 0;
    struct test_peer *peer = test_peer_open(&attack->options);
    if (peer != NULL && (!introduces || test_peer_introduce(peer, WAIT_MS))) {
        while (sent < attack->count &&
               test_peer_send(peer, bytes_of(part, sizeof part), true, WAIT_MS)) {
            sent++;
        }
        /* The last part never comes: it stays in the receiver's memory for as long as it is allowed. */
        struct bytes answer;
        while (test_peer_receive(peer, &answer, 1000)) {
        }
    }
    test_peer_close(peer);
    printf("a message of %u parts\n", sent);
    return sent > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Reads what the node says to everybody; true when it has cut the connection. */
static bool
close_when_cut(int *file)
{
    char bytes[256];
    ssize_t got;
    do {
        got = recv(*file, bytes, sizeof bytes, MSG_DONTWAIT);
    } while (got > 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return false;
    }
    close(*file);
    *file = -1;
    return true;
}

static int
attack_silent(struct attack *attack)
{
    uint32_t connected = 0;
    int *files = calloc(attack->count, sizeof *files);
    const struct rlimit limit = {attack->count + 64, attack->count + 64};
    if (files == NULL || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        fprintf(stderr, "cannot open so many connections\n");
    }
    for (uint32_t i = 0; files != NULL && i < attack->count; i++) {
        files[i] = connect_plain(attack->options.endpoint);
        connected += files[i] >= 0;
    }
    const time_t start = time(NULL);
    uint32_t cut = 0;
    while (files != NULL && cut < connected && time(NULL) - start < SILENT_S) {
        usleep(100000);
        for (uint32_t i = 0; i < attack->count; i++) {
            cut += files[i] >= 0 && close_when_cut(&files[i]);
        }
    }
    printf("%u silent connections, %u of them cut within %d s\n", connected, cut,
           (int)(time(NULL) - start));
    free(files);
    return connected > 0 && cut == connected ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Fills one page from listing `next` on. Returns the number behind the last one. */
static uint32_t
fill_page(const struct buffer *listings, uint32_t next, uint32_t count, struct page_message *page)
{
    size_t length = 0;
    while (next < count && page->records.count < LIST_ITEMS_MAX &&
           length + listings[next].length <= PAGE_BYTES_MAX) {
        page->records.items[page->records.count++] = buffer_bytes(&listings[next]);
        length += listings[next].length;
        next++;
    }
    page->more = next < count;
    page->next_from_s = 1;
    memset(page->next_after.bytes, 0, sizeof page->next_after.bytes);
    page->next_after.bytes[0] = (uint8_t)(next >> 24);
    page->next_after.bytes[1] = (uint8_t)(next >> 16);
    page->next_after.bytes[2] = (uint8_t)(next >> 8);
    page->next_after.bytes[3] = (uint8_t)next;
    return next;
}

static uint32_t
cursor_of(const struct pull_message *pull)
{
    const uint8_t *at = pull->after.bytes;
    return pull->from_s == 0 ? 0
                             : (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
                                   (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static bool
serve_pulls(struct test_peer *peer, const struct buffer *listings, uint32_t count)
{
    static struct page_message page; /* large */
    struct bytes frame;
    struct pull_message pull;
    uint32_t served = 0;
    while (served < count && test_peer_await(peer, MESSAGE_PULL, &frame, WAIT_MS)) {
        if (message_decode(&pull_message_schema, frame, &pull) != STATUS_OK) {
            return false;
        }
        page = (struct page_message){.token = pull.token};
        served = fill_page(listings, cursor_of(&pull), count, &page);
        if (!test_peer_say(peer, &page_message_schema, &page, WAIT_MS)) {
            return false;
        }
    }
    return served >= count;
}

/* Its HELLO, then its pulls; test_peer_introduce would throw a pull away that comes before the HELLO,
 * which no node sends. */
static int
attack_listings(struct attack *attack)
{
    struct buffer *listings = calloc(attack->count, sizeof *listings);
    uint8_t *memory = malloc((size_t)attack->count * LISTING_BYTES_MAX);
    bool done = false;
    if (listings != NULL && memory != NULL) {
        for (uint32_t i = 0; i < attack->count; i++) {
            buffer_init(&listings[i], memory + (size_t)i * LISTING_BYTES_MAX, LISTING_BYTES_MAX);
            test_peer_listing(&attack->options.network, attack->seed, i, &listings[i]);
        }
        struct test_peer *peer = test_peer_open(&attack->options);
        done = peer != NULL && test_peer_introduce(peer, WAIT_MS) &&
               serve_pulls(peer, listings, attack->count);
        test_peer_close(peer);
    }
    free(memory);
    free(listings);
    printf("%u listings %s\n", attack->count, done ? "served" : "were not asked for");
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
carry_out(struct attack *attack, const char *mode)
{
    if (strcmp(mode, "random") == 0) {
        return attack_random(attack);
    }
    if (strcmp(mode, "garbage") == 0) {
        return attack_garbage(attack, false);
    }
    if (strcmp(mode, "introduced") == 0) {
        return attack_garbage(attack, true);
    }
    if (strcmp(mode, "oversized") == 0) {
        return attack_oversized(attack);
    }
    if (strcmp(mode, "parts") == 0) {
        return attack_parts(attack, true);
    }
    if (strcmp(mode, "stranger") == 0) {
        keypair_for_test(attack->seed, bytes_of_text("stranger"), &attack->options.keypair);
        return attack_parts(attack, false);
    }
    if (strcmp(mode, "silent") == 0) {
        return attack_silent(attack);
    }
    if (strcmp(mode, "listings") == 0) {
        return attack_listings(attack);
    }
    fprintf(stderr, "there is no attack \"%s\"\n", mode);
    return 2;
}

int
main(int argc, char **argv)
{
    static struct attack attack;
    struct keypair issuer;
    if (argc != 7 || crypto_start() != STATUS_OK ||
        id_from_hex(argv[3], attack.options.server_key.bytes) != STATUS_OK) {
        fprintf(stderr, "usage: peer_port MODE ENDPOINT KEY NETWORK SEED COUNT\n");
        return 2;
    }
    attack.options.endpoint = argv[2];
    attack.seed = strtoull(argv[5], NULL, 10);
    attack.count = (uint32_t)strtoul(argv[6], NULL, 10);
    keypair_for_test(attack.seed, bytes_of_text("issuer"), &issuer);
    network_id_make(bytes_of_text(argv[4]), true, &issuer.identity, &attack.options.network);
    keypair_for_test(attack.seed, bytes_of_text("attacker"), &attack.options.keypair);
    sample_init(&attack.random, SEED_OF_ATTACK, attack.memory, sizeof attack.memory);
    return carry_out(&attack, argv[1]);
}
