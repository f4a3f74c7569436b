#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "node/io/loop_state.h"
#include "protocol/codec.h"
#include "storage/transaction.h"
#include "tests/support/sealed.h"

enum { WAITING = 3 * LEASES_OPEN_MAX };

static struct loop *
open_loop(void)
{
    char why[STORE_WHY_SIZE];
    char directory[] = "/tmp/gpulet-recovery-XXXXXX";
    const struct store_options options = {0};
    struct loop *loop = calloc(1, sizeof *loop);
    cr_assert_eq(crypto_start(), STATUS_OK);
    cr_assert_not_null(loop);
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(store_open(directory, &options, &loop->world.store, why), STATUS_OK, "%s", why);
    keypair_for_test(1, bytes_of_text("recovery"), &loop->core_options.keypair);
    loop->core_options.shelf_records_max = 64;
    loop->core_options.is_test_network = true;
    loop->effects = effects_new();
    loop->inbox = malloc(INBOX_BYTES);
    cr_assert(loop->effects != NULL && loop->inbox != NULL);
    loop->boot_id = 7;
    return loop;
}

static void
put_lease(struct loop *loop, struct transaction *transaction, uint32_t number, uint8_t state)
{
    uint8_t row_memory[1024];
    uint8_t body_memory[RECORD_BODY_MAX];
    uint8_t record_memory[RECORD_BYTES_MAX];
    struct lease_row lease = {.state = state, .is_host = true, .created_at_ms = 1000 + number};
    struct buffer buffer;
    /* In order of their numbers on the disk, too. */
    lease.hold.bytes[0] = lease.lease.bytes[0] = (uint8_t)(number >> 8);
    lease.hold.bytes[1] = lease.lease.bytes[1] = (uint8_t)number;
    lease.hold.bytes[2] = lease.lease.bytes[3] = 1;
    struct row row = {.table = TABLE_LEASES};
    memcpy(row.key.id, lease.hold.bytes, ID_LENGTH);
    buffer_init(&buffer, row_memory, sizeof row_memory);
    cr_assert_eq(codec_encode(&lease_row_schema, &lease, &buffer), STATUS_OK);
    row.value = buffer_bytes(&buffer);
    transaction_put(transaction, &row);
    const struct voucher voucher = {.number = number + 1};
    buffer_init(&buffer, body_memory, sizeof body_memory);
    cr_assert_eq(codec_encode(&voucher_schema, &voucher, &buffer), STATUS_OK);
    const struct envelope envelope = {.version = RECORD_VERSION,
                                      .kind = RECORD_VOUCHER,
                                      .network = loop->world.network,
                                      .author = loop->core_options.keypair.identity,
                                      .seq = number + 1,
                                      .issued_at_s = 1760000000,
                                      .body = buffer_bytes(&buffer)};
    struct buffer sealed;
    struct verified_record record;
    buffer_init(&sealed, record_memory, sizeof record_memory);
    cr_assert_eq(record_seal(&envelope, &loop->core_options.keypair, &sealed), STATUS_OK);
    cr_assert_eq(record_open(buffer_bytes(&sealed), &loop->world.network, &record), STATUS_OK);
    struct lease_id id;
    memcpy(id.bytes, lease.hold.bytes, sizeof id.bytes);
    transaction_put_evidence(transaction, &id, EVIDENCE_VOUCHER, &record);
}

/* A host that let to many renters who never signed the end: the job that runs now stands behind them. */
Test(recovery, reads_the_papers_of_a_lease_behind_any_number_of_open_ones)
{
    struct loop *loop = open_loop();
    struct transaction *transaction = transaction_begin(loop->world.store);
    for (uint32_t i = 0; i < WAITING; i++) {
        put_lease(loop, transaction, i, LEASE_SETTLING);
    }
    put_lease(loop, transaction, WAITING, LEASE_ACTIVE);
    cr_assert_eq(transaction_commit(transaction, NULL), STATUS_OK);
    cr_assert_eq(recovery_run(loop), STATUS_OK);
    size_t used = 0;
    size_t with_papers = 0;
    bool runs = false;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &loop->core->leases[i];
        used += lease->used;
        with_papers += lease->used && lease->papers != NULL && lease->papers->voucher_length > 0;
        runs = runs || (lease->used && lease->row.state == LEASE_ACTIVE && lease->papers != NULL &&
                        lease->papers->voucher_length > 0);
    }
    cr_assert_eq(used, (size_t)WAITING + 1);
    cr_assert(runs, "the running lease has its voucher");
    cr_assert_geq(with_papers, (size_t)LEASES_OPEN_MAX - 1);
    core_free(loop->core);
    effects_free(loop->effects);
    store_close(loop->world.store);
    free(loop->inbox);
    free(loop);
}
