#include "node/core/lease.h"

#include <assert.h>
#include <string.h>

#include "node/core/host.h"
#include "node/core/reputation.h"
#include "node/core/say.h"
#include "protocol/codec.h"
#include "protocol/price.h"

enum lease_state
lease_state(const struct lease *lease)
{
    return (enum lease_state)lease->row.state;
}

struct lease_id
lease_id_of(const struct lease *lease)
{
    return lease_id_of_record(&lease->row.lease);
}

struct lease *
lease_by_hold(struct core *core, const struct record_id *hold)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        if (core->leases[i].used && record_id_equal(&core->leases[i].row.hold, hold)) {
            return &core->leases[i];
        }
    }
    return NULL;
}

struct lease *
lease_by_id(struct core *core, const struct lease_id *id)
{
    const struct record_id wanted = record_id_of_lease(id);
    if (record_id_is_zero(&wanted)) {
        return NULL;
    }
    for (size_t i = 0; i < LEASES_MAX; i++) {
        if (core->leases[i].used && record_id_equal(&core->leases[i].row.lease, &wanted)) {
            return &core->leases[i];
        }
    }
    return NULL;
}

enum status
lease_by_prefix(struct core *core, struct bytes prefix, struct lease **ret_lease)
{
    struct lease *found = NULL;
    const char *text = (const char *)prefix.data;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (!lease->used || record_id_is_zero(&lease->row.lease) ||
            !id_has_prefix(lease->row.lease.bytes, text, prefix.length)) {
            continue;
        }
        if (found != NULL) {
            return STATUS_AMBIGUOUS;
        }
        found = lease;
    }
    if (found == NULL) {
        return STATUS_NOT_FOUND;
    }
    *ret_lease = found;
    return STATUS_OK;
}

/* Nothing runs for us any more, and only the other side can bring it to an end, which may be never. */
static bool
only_waits(const struct lease *lease)
{
    return lease->row.state == (lease->row.is_host ? LEASE_SETTLING : LEASE_ENDING);
}

/* A free place, else the one of the lease that is over for longest, else of the one that waits for
 * longest; its row stays on disk. */
static struct lease *
place_for_lease(struct core *core)
{
    struct lease *oldest[2] = {NULL, NULL};
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (!lease->used) {
            return lease;
        }
        const bool is_open = lease_state_is_open(lease_state(lease));
        struct lease **place = &oldest[is_open];
        if ((!is_open || only_waits(lease)) &&
            (*place == NULL || lease->row.created_at_ms < (*place)->row.created_at_ms)) {
            *place = lease;
        }
    }
    return oldest[0] != NULL ? oldest[0] : oldest[1];
}

/* Only the used parts: the rest was never touched, and need not become resident memory. */
static void
papers_drop(struct lease *lease)
{
    struct papers *papers = lease->papers;
    if (papers == NULL) {
        return;
    }
    memset(papers->start, 0, papers->start_length);
    papers->terms_length = papers->held_length = papers->lease_length = 0;
    papers->final_length = papers->voucher_length = papers->reclaim_length = 0;
    papers->start_length = 0;
    papers->used = false;
    lease->papers = NULL;
}

static struct papers *
free_papers(struct core *core)
{
    for (size_t i = 0; i < LEASES_OPEN_MAX; i++) {
        if (!core->papers[i].used) {
            return &core->papers[i];
        }
    }
    return NULL;
}

/* Free ones, else those of the lease that waits for longest: its final stands on disk, and whoever never
 * signs one must not keep others from leasing. */
static struct papers *
need_papers(struct core *core)
{
    struct papers *papers = free_papers(core);
    struct lease *oldest = NULL;
    for (size_t i = 0; i < LEASES_MAX && papers == NULL; i++) {
        struct lease *lease = &core->leases[i];
        if (lease->used && lease->papers != NULL && only_waits(lease) &&
            (oldest == NULL || lease->row.created_at_ms < oldest->row.created_at_ms)) {
            oldest = lease;
        }
    }
    if (oldest != NULL) {
        papers_drop(oldest);
        papers = free_papers(core);
    }
    return papers;
}

struct lease *
lease_new(struct core *core, bool is_host, const struct record_id *hold)
{
    struct papers *papers = need_papers(core);
    struct lease *lease = papers == NULL ? NULL : place_for_lease(core);
    if (lease == NULL) {
        return NULL;
    }
    host_forbid_streams(core, lease);
    papers_drop(lease);
    memset(lease, 0, sizeof *lease);
    papers->used = true;
    lease->used = true;
    lease->papers = papers;
    lease->row.hold = *hold;
    lease->row.is_host = is_host;
    lease->row.state = LEASE_ASKED;
    lease->row.boot_id = core->boot_id;
    lease->row.created_at_ms = (uint64_t)core->now.wall.ms;
    lease->row.label = bytes_of(lease->label_text, 0);
    return lease;
}

enum lease_action
lease_apply(struct core *core, struct lease *lease, enum lease_event event, enum lease_actor actor)
{
    (void)core;
    const struct lease_step step = lease_step(lease_state(lease), event, actor);
    lease->row.state = (uint8_t)step.next;
    return step.action;
}

void
lease_forget(struct core *core, struct lease *lease)
{
    (void)core;
    papers_drop(lease);
    lease->used = false;
}

static void
delete_evidence(struct core *core, const struct record_id *hold, enum evidence what)
{
    struct effect *effect = effects_add(core->effects, EFFECT_DELETE_EVIDENCE);
    effect->as.evidence.hold = *hold;
    effect->as.evidence.what = (uint8_t)what;
}

void
lease_store(struct core *core, struct lease *lease)
{
    const struct row_key key = row_key_of_id(lease->row.hold.bytes, 0);
    const bool is_over = !lease_state_is_open(lease_state(lease));
    if (lease->row.state == LEASE_VOID && record_id_is_zero(&lease->row.lease)) {
        /* A hold that became nothing: nobody will ask for it. */
        say_delete(core, TABLE_LEASES, &key);
        delete_evidence(core, &lease->row.hold, EVIDENCE_HELD);
        papers_drop(lease);
        return;
    }
    say_store(core, TABLE_LEASES, &key, &lease_row_schema, &lease->row);
    if (is_over) {
        delete_evidence(core, &lease->row.hold, EVIDENCE_HELD);
        papers_drop(lease);
        reputation_note(core, lease);
    }
}

void
lease_recover(struct core *core, const struct row *row)
{
    struct lease_row stored;
    if (codec_decode(&lease_row_schema, row->value, &stored) != STATUS_OK) {
        say_log(core, LOG_ERROR, "a stored lease cannot be read; it is left alone");
        return;
    }
    const bool is_open = lease_state_is_open((enum lease_state)stored.state);
    const bool waits = only_waits(&(struct lease){.row = stored});
    struct papers *papers = !is_open ? NULL : waits ? free_papers(core) : need_papers(core);
    struct lease *lease = is_open && !waits && papers == NULL ? NULL : place_for_lease(core);
    if (lease == NULL) {
        say_log(core, LOG_ERROR, "too many open leases are stored");
        return;
    }
    core->unread_papers += waits && papers == NULL;
    papers_drop(lease);
    memset(lease, 0, sizeof *lease);
    lease->used = true;
    lease->row = stored;
    const size_t length = stored.label.length < LABEL_SIZE ? stored.label.length : LABEL_SIZE - 1;
    memcpy(lease->label_text, stored.label.data, length);
    lease->row.label = bytes_of(lease->label_text, length);
    if (papers != NULL) {
        papers->used = true;
        lease->papers = papers;
    }
    reputation_note(core, lease);
}

void
paper_put(uint8_t *paper, size_t size, struct bytes bytes, uint16_t *ret_length)
{
    assert(bytes.length <= size && bytes.length <= UINT16_MAX);
    memcpy(paper, bytes.data, bytes.length);
    *ret_length = (uint16_t)bytes.length;
}

void
lease_recover_evidence(struct core *core, const struct event *event)
{
    struct lease *lease = lease_by_hold(core, &event->as.evidence.hold);
    if (lease == NULL || lease->papers == NULL) {
        return;
    }
    struct papers *papers = lease->papers;
    const struct verified_record *record = &event->as.evidence.record;
    const struct bytes bytes = verified_bytes(record);
    struct held held;
    struct gang_certificate certificate;
    if (event->as.evidence.what == EVIDENCE_HELD && bytes.length <= sizeof papers->held) {
        paper_put(papers->held, sizeof papers->held, bytes, &papers->held_length);
        if (verified_body(record, RECORD_HELD, &held) == STATUS_OK &&
            held.terms.length <= sizeof papers->terms) {
            paper_put(papers->terms, sizeof papers->terms, held.terms, &papers->terms_length);
        }
    } else if (event->as.evidence.what == EVIDENCE_LEASE && bytes.length <= sizeof papers->lease) {
        paper_put(papers->lease, sizeof papers->lease, bytes, &papers->lease_length);
        const struct bytes terms = verified_envelope(record)->body;
        if (terms.length <= sizeof papers->terms) {
            paper_put(papers->terms, sizeof papers->terms, terms, &papers->terms_length);
        }
    } else if (event->as.evidence.what == EVIDENCE_FINAL && bytes.length <= sizeof papers->final) {
        paper_put(papers->final, sizeof papers->final, bytes, &papers->final_length);
    } else if (event->as.evidence.what == EVIDENCE_RECLAIM &&
               bytes.length <= sizeof papers->reclaim) {
        paper_put(papers->reclaim, sizeof papers->reclaim, bytes, &papers->reclaim_length);
    } else if (event->as.evidence.what == EVIDENCE_VOUCHER &&
               bytes.length <= sizeof papers->voucher) {
        paper_put(papers->voucher, sizeof papers->voucher, bytes, &papers->voucher_length);
    } else if (event->as.evidence.what == EVIDENCE_GANG &&
               verified_body(record, RECORD_GANG, &certificate) == STATUS_OK) {
        lease->gang = certificate.gang;
        lease->gang_rank = UINT16_MAX;
    }
}

uint64_t
lease_slots_taken(const struct core *core, uint16_t slot_group)
{
    uint64_t taken = 0;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &core->leases[i];
        if (lease->used && lease->row.is_host && lease->row.slot_group == slot_group &&
            lease_state_holds_slots(lease_state(lease))) {
            taken |= lease->row.slot_mask;
        }
    }
    return taken;
}

uint64_t
lease_slots_free_at_s(const struct core *core, uint16_t slot_group)
{
    uint64_t free_at_ms = UINT64_MAX;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &core->leases[i];
        if (!lease->used || !lease->row.is_host || lease->row.slot_group != slot_group ||
            !lease_state_holds_slots(lease_state(lease))) {
            continue;
        }
        const uint64_t end_ms = lease->row.end_at_ms != 0
                                    ? lease->row.end_at_ms
                                    : (uint64_t)core->now.wall.ms + lease->row.duration_s * 1000ull;
        free_at_ms = end_ms < free_at_ms ? end_ms : free_at_ms;
    }
    return free_at_ms == UINT64_MAX ? 0 : (free_at_ms + 999) / 1000;
}

struct amount
lease_charge(const struct lease *lease, uint64_t run_ms)
{
    struct amount charge = amount_zero();
    const enum status status =
        price_charge(lease->row.ask_uusd_per_hour, lease->row.slots, run_ms, &charge);
    /* Terms whose whole price overflows are refused before they are signed. */
    assert(status == STATUS_OK);
    return charge;
}

void
lease_listing(const struct core *core, const struct lease *lease, struct listing *ret_listing)
{
    struct lease_terms terms;
    struct record_view view;
    memset(ret_listing, 0, sizeof *ret_listing);
    const struct papers *papers = lease->papers;
    if (papers == NULL ||
        codec_decode(&lease_terms_schema, bytes_of(papers->terms, papers->terms_length), &terms) !=
            STATUS_OK ||
        record_parse(terms.listing, &core->options.network, &view) != STATUS_OK ||
        codec_decode(&listing_schema, view.envelope.body, ret_listing) != STATUS_OK) {
        memset(ret_listing, 0, sizeof *ret_listing);
    }
}

bool
lease_deadline_is_ahead(const struct core *core, const struct lease *lease)
{
    return lease->row.boot_id == core->boot_id &&
           (uint64_t)core->now.boot.ms < lease->row.deadline_boot_ms;
}

void
lease_set_deadline(struct core *core, struct lease *lease, struct duration from_now)
{
    lease->row.boot_id = core->boot_id;
    lease->row.deadline_boot_ms = (uint64_t)boot_add(core->now.boot, from_now).ms;
}
