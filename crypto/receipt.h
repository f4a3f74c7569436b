/* Checks the file of a receipt by itself: no node, no network, no memory of the lease. */
#ifndef GPULET_CRYPTO_RECEIPT_H
#define GPULET_CRYPTO_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/status.h"

/* What both sides have signed. Nothing here says whether a debt was paid. */
struct receipt_facts {
    struct network_id network; /* all records' own: the caller judges whether it is the right one */
    struct lease_id lease;
    struct record_id final;
    struct peer_id host;
    struct peer_id renter;
    struct amount ask_uusd_per_hour; /* of one slot */
    uint32_t slots;
    uint64_t run_ms;
    struct amount amount_uusd;
    struct amount charge_uusd; /* ask * slots * run time: the most that may be owed */
    uint64_t started_at_s;     /* unix seconds, by the host; 0: never started */
    uint64_t ended_at_s;
    uint8_t reason; /* enum end_reason */
    bool has_voucher;
    struct amount voucher_uusd; /* the renter's promise before the end */
    size_t meters;              /* signed meters in the file */
    bool has_last_meter;        /* the one the final record names is among them */
};

/* Checks an encoded struct receipt_bundle (protocol/control.h): that all its records are of the network
 * it names; both signatures of lease and final record; that the final is of this lease and by its
 * parties, that it asks no more than the agreed price for the time run, and nothing when nothing ran;
 * that voucher and meters are of this lease and its parties, that the voucher covers the amount, and
 * that final and voucher name these meters and no others of their numbers.
 * On failure `ret_why`, when not NULL, is a static sentence. STATUS_BAD_INPUT: not such a file.
 * STATUS_BAD_SIGNATURE. STATUS_WRONG_NETWORK: records of two networks. STATUS_UNPAID: over the
 * voucher. STATUS_REFUSED: the records contradict each other. */
enum status receipt_verify(struct bytes file, struct receipt_facts *ret_facts, const char **ret_why)
    MUST_USE;

#endif
