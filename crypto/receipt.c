#include "crypto/receipt.h"

#include "crypto/record.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/price.h"
#include "protocol/record.h"

/* Everything read so far; filled from the front. */
struct proof {
    struct network_id network;
    struct lease_id lease_id;
    struct lease_terms terms;
    struct record_id final_id;
    struct final final;
    struct voucher voucher;
    bool has_voucher;
    size_t meters;
    bool has_last_meter;
    const char *why;
};

static enum status
fail(struct proof *proof, enum status status, const char *why)
{
    proof->why = why;
    return status;
}

/* One sentence for each way in which a signed record is none. */
static enum status
fail_opening(struct proof *proof, enum status status, const char *damaged, const char *unsigned_by)
{
    if (status == STATUS_BAD_SIGNATURE) {
        return fail(proof, status, unsigned_by);
    }
    if (status == STATUS_WRONG_NETWORK) {
        return fail(proof, status, "a record in it belongs to another network");
    }
    return fail(proof, STATUS_BAD_INPUT, damaged);
}

static enum status
lease_read(struct proof *proof, struct bytes cosigned)
{
    static const char damaged[] = "the lease in it is damaged";
    struct record_view view;
    struct verified_record lease;
    enum status status = record_parse_cosigned(cosigned, &proof->network, &view);
    if (status == STATUS_OK && view.envelope.kind != RECORD_LEASE) {
        status = STATUS_WRONG_TYPE;
    }
    if (status != STATUS_OK) {
        return fail_opening(proof, status, damaged, damaged);
    }
    /* Who must have signed stands in the terms themselves. */
    status = codec_decode(&lease_terms_schema, view.envelope.body, &proof->terms);
    if (status == STATUS_OK) {
        status = record_open_cosigned(cosigned, &proof->network, &proof->terms.host, &lease);
    }
    if (status != STATUS_OK) {
        return fail_opening(proof, status, damaged,
                            "the lease is not signed by the renter and the host it names");
    }
    if (!peer_id_equal(&view.envelope.author, &proof->terms.renter)) {
        return fail(proof, STATUS_REFUSED, "the lease is signed by another key than its renter's");
    }
    proof->lease_id = lease_id_of_record(verified_id(&lease));
    return STATUS_OK;
}

static enum status
final_read(struct proof *proof, struct bytes cosigned)
{
    static const char damaged[] = "the final record in it is damaged";
    struct verified_record record;
    enum status status =
        record_open_cosigned(cosigned, &proof->network, &proof->terms.renter, &record);
    if (status == STATUS_OK) {
        status = verified_body(&record, RECORD_FINAL, &proof->final);
    }
    if (status != STATUS_OK) {
        return fail_opening(proof, status, damaged,
                            "the final record is not signed by the host and the lease's renter");
    }
    if (!peer_id_equal(&verified_envelope(&record)->author, &proof->terms.host)) {
        return fail(proof, STATUS_REFUSED, "the final record is by another host than the lease");
    }
    if (!lease_id_equal(&proof->final.lease, &proof->lease_id)) {
        return fail(proof, STATUS_REFUSED, "the final record is of another lease");
    }
    proof->final_id = *verified_id(&record);
    return STATUS_OK;
}

static enum status
voucher_read(struct proof *proof, struct bytes sealed)
{
    struct verified_record record;
    enum status status = record_open(sealed, &proof->network, &record);
    if (status == STATUS_OK) {
        status = verified_body(&record, RECORD_VOUCHER, &proof->voucher);
    }
    if (status != STATUS_OK) {
        return fail_opening(proof, status, "the voucher in it is damaged",
                            "the voucher's signature is wrong");
    }
    if (!peer_id_equal(&verified_envelope(&record)->author, &proof->terms.renter)) {
        return fail(proof, STATUS_REFUSED, "the voucher is by another key than the renter's");
    }
    if (!lease_id_equal(&proof->voucher.lease, &proof->lease_id)) {
        return fail(proof, STATUS_REFUSED, "the voucher is of another lease");
    }
    if (amount_compare(proof->final.amount_uusd, proof->voucher.amount_uusd) > 0) {
        return fail(proof, STATUS_UNPAID, "the amount is higher than the renter's last voucher");
    }
    proof->has_voucher = true;
    return STATUS_OK;
}

/* A meter that final record or voucher know by its number must be the one they know by its id: a host
 * that shows two is caught by either. */
static enum status
meter_compare(struct proof *proof, const struct meter *meter, const struct record_id *id)
{
    if (meter->number == proof->final.meter_number) {
        if (!record_id_equal(id, &proof->final.meter)) {
            return fail(proof, STATUS_REFUSED, "the final record names another meter");
        }
        proof->has_last_meter = true;
    }
    if (meter->number > proof->final.meter_number) {
        return fail(proof, STATUS_REFUSED, "there is a later meter than the final record's");
    }
    if (proof->has_voucher && meter->number == proof->voucher.meter_number &&
        !record_id_equal(id, &proof->voucher.meter)) {
        return fail(proof, STATUS_REFUSED, "the voucher names another meter");
    }
    return STATUS_OK;
}

static enum status
meter_read(struct proof *proof, struct bytes sealed)
{
    struct verified_record record;
    struct meter meter;
    enum status status = record_open(sealed, &proof->network, &record);
    if (status == STATUS_OK) {
        status = verified_body(&record, RECORD_METER, &meter);
    }
    if (status != STATUS_OK) {
        return fail_opening(proof, status, "a meter in it is damaged",
                            "a meter's signature is wrong");
    }
    if (!peer_id_equal(&verified_envelope(&record)->author, &proof->terms.host)) {
        return fail(proof, STATUS_REFUSED, "a meter is by another key than the host's");
    }
    if (!lease_id_equal(&meter.lease, &proof->lease_id)) {
        return fail(proof, STATUS_REFUSED, "a meter is of another lease");
    }
    proof->meters++;
    return meter_compare(proof, &meter, verified_id(&record));
}

static uint32_t
slots_of(uint64_t mask)
{
    uint32_t slots = 0;
    for (; mask != 0; mask &= mask - 1) {
        slots++;
    }
    return slots;
}

static enum status
price_check(struct proof *proof, struct amount *ret_charge)
{
    const struct final *final = &proof->final;
    const bool never_ran = final->started_at_s == 0 || final->reason == END_NOT_STARTED;
    if (never_ran && (final->run_ms != 0 || !amount_is_zero(final->amount_uusd))) {
        return fail(proof, STATUS_REFUSED, "it charges for a job that never started");
    }
    if (price_charge(proof->terms.ask_uusd_per_hour, slots_of(proof->terms.slot_mask),
                     final->run_ms, ret_charge) != STATUS_OK) {
        return fail(proof, STATUS_REFUSED, "its run time has no price: it is too long");
    }
    if (amount_compare(final->amount_uusd, *ret_charge) > 0) {
        return fail(proof, STATUS_REFUSED,
                    "the amount is higher than the agreed price for the "
                    "time that ran");
    }
    return STATUS_OK;
}

static struct receipt_facts
facts_of(const struct proof *proof, struct amount charge)
{
    return (struct receipt_facts){
        .network = proof->network,
        .lease = proof->lease_id,
        .final = proof->final_id,
        .host = proof->terms.host,
        .renter = proof->terms.renter,
        .ask_uusd_per_hour = proof->terms.ask_uusd_per_hour,
        .slots = slots_of(proof->terms.slot_mask),
        .run_ms = proof->final.run_ms,
        .amount_uusd = proof->final.amount_uusd,
        .charge_uusd = charge,
        .started_at_s = proof->final.started_at_s,
        .ended_at_s = proof->final.ended_at_s,
        .reason = proof->final.reason,
        .has_voucher = proof->has_voucher,
        .voucher_uusd = proof->has_voucher ? proof->voucher.amount_uusd : amount_zero(),
        .meters = proof->meters,
        .has_last_meter = proof->has_last_meter,
    };
}

static enum status
bundle_verify(struct proof *proof, struct bytes file, struct amount *ret_charge)
{
    struct receipt_bundle bundle;
    if (codec_decode(&receipt_bundle_schema, file, &bundle) != STATUS_OK) {
        return fail(proof, STATUS_BAD_INPUT, "this is not a receipt file of gpulet");
    }
    proof->network = bundle.network;
    enum status status = lease_read(proof, bundle.lease);
    if (status == STATUS_OK) {
        status = final_read(proof, bundle.receipt);
    }
    if (status == STATUS_OK) {
        status = price_check(proof, ret_charge);
    }
    if (status == STATUS_OK && bundle.voucher.length > 0) {
        status = voucher_read(proof, bundle.voucher);
    }
    for (size_t i = 0; status == STATUS_OK && i < bundle.meters.count; i++) {
        status = meter_read(proof, bundle.meters.items[i]);
    }
    return status;
}

enum status
receipt_verify(struct bytes file, struct receipt_facts *ret_facts, const char **ret_why)
{
    struct proof proof = {.why = NULL};
    struct amount charge = amount_zero();
    const enum status status = bundle_verify(&proof, file, &charge);
    if (status == STATUS_OK) {
        *ret_facts = facts_of(&proof, charge);
    } else if (ret_why != NULL) {
        *ret_why = proof.why;
    }
    return status;
}
