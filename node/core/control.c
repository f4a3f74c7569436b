#include "node/core/control.h"
#include "node/core/ask.h"

#include <string.h>

#include "node/core/ask.h"
#include "node/core/auction.h"
#include "node/core/gang.h"
#include "node/core/gossip.h"
#include "node/core/host.h"
#include "node/core/ledger.h"
#include "node/core/listing.h"
#include "node/core/occupancy.h"
#include "node/core/quote.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/search.h"
#include "node/core/standing.h"
#include "protocol/codec.h"
#include "protocol/peer_address.h"
#include "protocol/version.h"

static uint32_t
count_leases(const struct core *core, bool is_host)
{
    uint32_t count = 0;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &core->leases[i];
        count +=
            lease->used && lease->row.is_host == is_host && lease_state_is_open(lease_state(lease));
    }
    return count;
}

static void
say_status(struct core *core, struct client client)
{
    static const char *const spaces[] = {
        [DISK_NORMAL] = "normal", [DISK_LOW] = "low", [DISK_FULL] = "full"};
    const struct core_options *options = &core->options;
    const struct balance_row sum = ledger_sum(core);
    const int64_t error_ms = links_clock_error_ms(core);
    struct status_view view = {
        .identity = options->keypair.identity,
        .channel_key = options->keypair.channel_key,
        .label = say_cut(bytes_of_text(options->label), sizeof options->label),
        .version = bytes_of_text(GPULET_VERSION),
        .network = say_cut(bytes_of_text(options->network_name), sizeof options->network_name),
        .test_network = options->is_test_network,
        .listen = bytes_of_text(options->address),
        .stream_listen = bytes_of_text(options->stream_address),
        .control = say_cut(bytes_of_text(options->control_path), sizeof options->control_path),
        .data_dir = say_cut(bytes_of_text(options->data_dir), sizeof options->data_dir),
        .pid = options->pid,
        .started_at_ms = (uint64_t)core->started_at.ms,
        .peers = links_peer_count(core),
        .listings = book_count(core->book),
        .leases_hosted = count_leases(core, true),
        .leases_rented = count_leases(core, false),
        .spendable_uusd = ledger_spendable(core),
        .paused = core->paused,
        .space = bytes_of_text(spaces[core->space]),
        .records_refused = core->records_refused,
        .clock_is_off = error_ms > 30000 || error_ms < -30000,
    };
    for (size_t i = 0; i < SLOT_GROUPS_MAX; i++) {
        view.listings_own += core->offers[i].used && core->offers[i].published;
    }
    if (amount_add(sum.issuer_uusd, sum.receivable_uusd, &view.balance_uusd) != STATUS_OK ||
        amount_add(view.balance_uusd, sum.payable_uusd, &view.balance_uusd) != STATUS_OK) {
        view.balance_uusd = amount_zero();
    }
    say_row(core, client, ROW_STATUS, &view);
    if (core->has_twin) {
        say_note(core, client, NOTE_WARNING,
                 "this identity runs elsewhere, too: no holds are taken here; stop one of the two, "
                 "and start this one again");
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

static const char *
gpu_state(struct core *core, const struct gpu *gpu)
{
    const uint64_t bit = UINT64_C(1) << gpu->number;
    const struct offer_state *offer = listing_offer(core, gpu->slot_group);
    const uint64_t taken = lease_slots_taken(core, gpu->slot_group);
    if ((core->owner_mask & bit) != 0) {
        return "busy: owner";
    }
    if ((listing_gpu_mask(core, gpu->slot_group, taken) & bit) != 0) {
        return "leased";
    }
    if (core->paused || (core->pause_mask & bit) != 0) {
        return "paused";
    }
    return offer != NULL && (offer->row.gpu_mask & bit) != 0 ? "offered" : "idle";
}

static void
say_gpus(struct core *core, struct client client)
{
    for (size_t i = 0; i < core->gpu_count; i++) {
        const struct gpu *gpu = &core->gpus[i];
        const struct gpu_view view = {
            .gpu = gpu->number,
            .slot_group = gpu->slot_group,
            .model = say_cut(bytes_of_text(gpu->model), sizeof gpu->model),
            .gpu_class = gpu->gpu_class,
            .vram_mib = gpu->vram_mib,
            .driver = say_cut(bytes_of_text(gpu->driver), sizeof gpu->driver),
            .simulated = gpu->simulated,
            .state = bytes_of_text(gpu_state(core, gpu)),
            .suggested_ask_uusd_per_hour = ask_suggested(core, gpu->gpu_class),
        };
        say_row(core, client, ROW_GPU, &view);
    }
    if (core->gpu_count == 0) {
        say_note(core, client, NOTE_TALK,
                 "no card that gpulet can let was found; real cards are not supported yet. On a "
                 "test network gpuletd --simulate rtx4090 shows how it works");
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

static void
store_setting(struct core *core, enum setting_number number, uint64_t value)
{
    const struct row_key key = row_key_of_number(number);
    const struct setting_row row = {.value = value};
    say_store(core, TABLE_SETTINGS, &key, &setting_row_schema, &row);
}

static void
pause_or_resume(struct core *core, struct client client, const struct control_cards *cards,
                bool pause)
{
    if (cards->dry_run) {
        say_done(core, client, STATUS_OK, "%s", "");
        return;
    }
    if (cards->gpu_mask == 0) {
        core->paused = pause;
        listing_set_paused(core, pause ? core->pause_mask : 0);
        store_setting(core, SETTING_PAUSED, pause ? 1 : 0);
    } else if (pause) {
        listing_set_paused(core, core->pause_mask | cards->gpu_mask);
    } else {
        listing_set_paused(core, core->pause_mask & ~cards->gpu_mask);
    }
    listing_refresh_all(core);
    listing_tick(core);
    say_done(core, client, STATUS_OK, "%s", "");
}

static void
reclaim(struct core *core, struct client client, const struct control_cards *cards)
{
    const uint64_t mask = cards->gpu_mask == 0 ? UINT64_MAX : cards->gpu_mask;
    char why[320];
    if (!host_may_reclaim(core, mask, why, sizeof why)) {
        say_done(core, client, STATUS_REFUSED, "%s", why);
        return;
    }
    if (cards->dry_run) {
        say_done(core, client, STATUS_OK, "%s", "");
        return;
    }
    const uint32_t count = host_reclaim(core, mask);
    if (cards->gpu_mask == 0) {
        core->paused = true;
        store_setting(core, SETTING_PAUSED, 1);
    } else {
        listing_set_paused(core, core->pause_mask | mask);
    }
    listing_refresh_all(core);
    listing_tick(core);
    say_note(core, client, NOTE_TALK,
             "%u lease%s ended; the cards are paused until `gpulet resume`", count,
             count == 1 ? " is" : "s are");
    say_done(core, client, STATUS_OK, "%s", "");
}

static void
say_lease(struct core *core, struct client client, const struct lease *lease)
{
    const struct lease_row *row = &lease->row;
    const bool is_over = row->state == LEASE_CLOSED || row->state == LEASE_VOID;
    const bool is_member = !record_id_is_zero(&lease->gang);
    const struct lease_view view = {
        .lease = record_id_is_zero(&row->lease) ? row->hold : row->lease,
        .role = bytes_of_text(row->is_host ? "host" : "renter"),
        .peer = row->peer,
        .peer_label = gossip_label_of(core, &row->peer),
        .model = row->label,
        .state = row->state,
        .slots = row->slots,
        .slot_mask = row->slot_mask,
        .ask_uusd_per_hour = row->ask_uusd_per_hour,
        .charged_uusd = is_over ? row->final_uusd : row->posted_uusd,
        .paid_until_uusd = row->voucher_uusd,
        .run_ms = row->run_ms,
        .created_at_ms = row->created_at_ms,
        .started_at_ms = row->started_at_ms,
        .ended_at_ms = row->ended_at_ms,
        .end_at_ms = row->end_at_ms,
        .reason = row->reason,
        .exit_code = row->exit_code,
        .exit_signal = row->exit_signal,
        .gang = lease->gang,
        .rank = is_member && !row->is_host ? lease->gang_rank : UINT16_MAX,
    };
    say_row(core, client, ROW_LEASE, &view);
}

static bool
is_asked_for(const struct core *core, const struct lease *lease, const struct control_leases *ask)
{
    enum { DAY_MS = 86400000 };
    const struct record_id *id =
        record_id_is_zero(&lease->row.lease) ? &lease->row.hold : &lease->row.lease;
    if (ask->prefix.length > 0) {
        return id_has_prefix(id->bytes, (const char *)ask->prefix.data, ask->prefix.length);
    }
    const bool is_recent = lease_state_is_open(lease_state(lease)) ||
                           lease->row.ended_at_ms + DAY_MS > (uint64_t)core->now.wall.ms;
    return ask->all || (is_recent && lease->row.state != LEASE_VOID);
}

/* The newest first. */
static void
say_leases(struct core *core, struct client client, const struct control_leases *ask)
{
    struct lease **list = effects_take(core->effects, LEASES_MAX * sizeof(struct lease *));
    size_t count = 0;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (!lease->used || !is_asked_for(core, lease, ask)) {
            continue;
        }
        size_t at = count;
        while (at > 0 && list[at - 1]->row.created_at_ms < lease->row.created_at_ms) {
            list[at] = list[at - 1];
            at--;
        }
        list[at] = lease;
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        say_lease(core, client, list[i]);
    }
    if (count == 1 && ask->prefix.length > 0 && !list[0]->row.is_host &&
        list[0]->row.started_at_ms != 0) {
        hire_reach_streams(core, list[0]); /* who asks for one may want to read its output */
    }
    if (count == 0 && ask->prefix.length > 0) {
        say_done(core, client, STATUS_NOT_FOUND,
                 "no lease begins with that; `gpulet leases --all` lists them");
        return;
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

static struct lease *
named_lease(struct core *core, struct client client, struct bytes prefix)
{
    struct lease *lease = NULL;
    const enum status status = lease_by_prefix(core, prefix, &lease);
    if (status == STATUS_AMBIGUOUS) {
        say_done(core, client, status, "several leases begin with that; give more digits");
    } else if (status != STATUS_OK) {
        say_done(core, client, status,
                 "no lease begins with that; `gpulet leases --all` lists them");
    }
    return status == STATUS_OK ? lease : NULL;
}

static void
end_lease(struct core *core, struct client client, const struct control_lease_end *ask)
{
    struct lease *lease = NULL;
    if (lease_by_prefix(core, ask->prefix, &lease) == STATUS_NOT_FOUND &&
        gang_end(core, ask->prefix) == STATUS_OK) {
        say_done(core, client, STATUS_OK, "%s", "");
        return;
    }
    lease = named_lease(core, client, ask->prefix);
    if (lease == NULL) {
        return;
    }
    if (!lease_state_is_open(lease_state(lease)) || lease->row.state == LEASE_SETTLING) {
        say_done(core, client, STATUS_NOT_NOW, "it is over already");
        return;
    }
    if (lease->row.is_host) {
        host_end(core, lease, END_HOST, LEASE_ACTOR_HOST);
    } else {
        renter_end(core, lease);
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

static void
say_money(struct core *core, struct client client)
{
    enum { SHOWN_MAX = 1000 };
    const size_t count = core->balance_count < SHOWN_MAX ? core->balance_count : SHOWN_MAX;
    if (count < core->balance_count) {
        say_note(core, client, NOTE_WARNING,
                 "only %zu of %zu peers are shown; `gpulet ledger` has all", count,
                 core->balance_count);
    }
    for (size_t i = 0; i < count; i++) {
        const struct balance_row *row = &core->balances[i];
        const bool is_issuer =
            core->options.has_issuer && peer_id_equal(&row->peer, &core->options.issuer);
        /* Income and debts have negative balances in the books; people read them the other way. */
        const struct money_view view = {
            .peer = row->peer,
            .peer_label = is_issuer ? bytes_of_text("issuer") : gossip_label_of(core, &row->peer),
            .receivable_uusd = row->receivable_uusd,
            .payable_uusd = amount_negated(row->payable_uusd),
            .earned_uusd = amount_negated(row->earned_uusd),
            .spent_uusd = row->spent_uusd,
            .granted_uusd = amount_negated(row->granted_uusd),
            .leases = row->leases,
        };
        say_row(core, client, ROW_MONEY, &view);
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

static void
say_receipts(struct core *core, struct client client, const struct control_receipt *ask)
{
    if (ask->prefix.length > 0) {
        const struct lease *lease = named_lease(core, client, ask->prefix);
        if (lease == NULL) {
            return;
        }
        if (lease->row.state != LEASE_CLOSED) {
            say_done(core, client, STATUS_NOT_NOW,
                     "there is no receipt before the lease is closed");
            return;
        }
        struct effect *effect = effects_add(core->effects, EFFECT_ANSWER_RECEIPT);
        effect->as.stored.client = client;
        effect->as.stored.hold = lease->row.hold;
        return;
    }
    const struct peer_id *self = &core->options.keypair.identity;
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &core->leases[i];
        if (!lease->used || lease->row.state != LEASE_CLOSED) {
            continue;
        }
        const struct receipt_view view = {
            .lease = lease_id_of(lease),
            .host = lease->row.is_host ? *self : lease->row.peer,
            .renter = lease->row.is_host ? lease->row.peer : *self,
            .amount_uusd = lease->row.final_uusd,
            .run_ms = lease->row.run_ms,
            .reason = lease->row.reason,
            .ended_at_s = lease->row.ended_at_ms / 1000,
        };
        say_row(core, client, ROW_RECEIPT, &view);
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

static void
say_peers(struct core *core, struct client client)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        const struct peer_state *peer = &core->peers[i];
        if (!peer->used) {
            continue;
        }
        const struct link_state *link = links_to_peer(core, &peer->row.peer);
        const struct peer_view view = {
            .peer = peer->row.peer,
            .label = gossip_label_of(core, &peer->row.peer),
            .address = peer->row.address,
            .connected = link != NULL,
            .outbound = link != NULL && link->outbound,
            .last_seen_s =
                link != NULL ? (uint64_t)core->now.wall.ms / 1000 : peer->row.last_seen_s,
            .records = link != NULL ? link->records : 0,
            .standing = peer->row.standing,
        };
        say_row(core, client, ROW_PEER, &view);
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

static void
add_peer(struct core *core, struct client client, const struct control_peer_add *ask)
{
    struct peer_address address;
    if (peer_address_parse(ask->address, &address, NULL) != STATUS_OK) {
        say_done(core, client, STATUS_BAD_INPUT,
                 "an address looks like ID@HOST:PORT#KEY; `gpulet identity show` prints the other "
                 "node's");
        return;
    }
    char *text = effects_take(core->effects, ADDRESS_SIZE);
    struct buffer endpoint;
    buffer_init(&endpoint, text, ADDRESS_SIZE - 1);
    peer_address_endpoint(&address, &endpoint);
    struct effect *effect = effects_add(core->effects, EFFECT_DIAL);
    effect->as.dial.address = buffer_bytes(&endpoint);
    effect->as.dial.key = address.channel_key;
    struct peer_state *peer = address.has_id ? peers_note(core, &address.peer_id) : NULL;
    if (peer != NULL) {
        memcpy(peer->address_text, text, endpoint.length);
        peer->row.address = bytes_of(peer->address_text, endpoint.length);
        peer->row.channel_key = address.channel_key;
        peer->row.kept = true;
        peers_store(core, peer);
    }
    say_done(core, client, STATUS_OK, "%s", "");
}

static void
set_standing(struct core *core, struct client client, const struct control_standing *ask)
{
    char hex[ID_HEX_SIZE] = "";
    struct peer_id id;
    if (ask->peer.length == ID_HEX_SIZE - 1) {
        memcpy(hex, ask->peer.data, ask->peer.length);
    }
    if (id_from_hex(hex, id.bytes) != STATUS_OK) {
        say_done(core, client, STATUS_BAD_INPUT,
                 "a peer is named by its 64 hex digits; `gpulet peers` lists them");
        return;
    }
    struct peer_state *peer = peers_note(core, &id);
    if (peer == NULL) {
        say_done(core, client, STATUS_LIMIT, "too many peers are kept already");
        return;
    }
    peer->row.standing = ask->standing;
    peers_store(core, peer);
    say_done(core, client, STATUS_OK, "%s", "");
}

static void
answer_ledger(struct core *core, struct client client, const struct control_ledger *ask)
{
    struct effect *effect = effects_add(core->effects, EFFECT_ANSWER_LEDGER);
    effect->as.stored.client = client;
    effect->as.stored.after_number = ask->after_number;
    effect->as.stored.limit = ask->limit == 0 ? 200 : ask->limit;
}

static void
extend(struct core *core, struct client client, const struct control_lease_extend *ask)
{
    struct lease *lease = named_lease(core, client, ask->prefix);
    if (lease != NULL) {
        renter_extend(core, client, lease, ask->by_s, ask->dry_run);
    }
}

/* One of each: only the one of the frame's type is used. */
union question {
    struct control_plain plain;
    struct control_host host;
    struct control_cards cards;
    struct control_listings listings;
    struct control_search search;
    struct control_rent rent;
    struct control_leases leases;
    struct control_lease_end end;
    struct control_lease_extend extend;
    struct control_ledger ledger;
    struct control_receipt receipt;
    struct control_clearing clearing;
    struct control_peer_add peer_add;
    struct control_market market;
    struct control_setting setting;
    struct control_standing standing;
};

static void
answer_market(struct core *core, struct client client, uint8_t type, const union question *body)
{
    switch (type) {
    case CONTROL_LISTINGS:
        search_listings(core, client, &body->listings);
        break;
    case CONTROL_SEARCH:
        search_question(core, client, &body->search);
        break;
    case CONTROL_RENT:
        rent_begin(core, client, &body->rent);
        break;
    case CONTROL_REQUEST:
        standing_begin(core, client, &body->rent);
        break;
    case CONTROL_REQUESTS:
        standing_list(core, client);
        break;
    case CONTROL_REQUEST_CANCEL:
        standing_cancel(core, client, &body->end);
        break;
    case CONTROL_LEASES:
        say_leases(core, client, &body->leases);
        break;
    case CONTROL_LEASE_END:
        end_lease(core, client, &body->end);
        break;
    case CONTROL_LEASE_EXTEND:
        extend(core, client, &body->extend);
        break;
    case CONTROL_CLEARING:
        auction_answer(core, client, &body->clearing);
        break;
    case CONTROL_MARKET:
        quote_market(core, client, &body->market);
        break;
    default:
        say_done(core, client, STATUS_UNAVAILABLE, "this gpuletd does not know that question yet");
        break;
    }
}

static void
answer(struct core *core, struct client client, uint8_t type, const union question *body)
{
    switch (type) {
    case CONTROL_STATUS:
        say_status(core, client);
        break;
    case CONTROL_GPUS:
        say_gpus(core, client);
        break;
    case CONTROL_HOST:
        listing_host(core, client, &body->host);
        break;
    case CONTROL_UNHOST:
        listing_unhost(core, client, &body->cards);
        break;
    case CONTROL_PAUSE:
    case CONTROL_RESUME:
        pause_or_resume(core, client, &body->cards, type == CONTROL_PAUSE);
        break;
    case CONTROL_RECLAIM:
        reclaim(core, client, &body->cards);
        break;
    case CONTROL_LEDGER:
        answer_ledger(core, client, &body->ledger);
        break;
    case CONTROL_MONEY:
        say_money(core, client);
        break;
    case CONTROL_RECEIPT:
        say_receipts(core, client, &body->receipt);
        break;
    case CONTROL_PEERS:
        say_peers(core, client);
        break;
    case CONTROL_PEER_ADD:
        add_peer(core, client, &body->peer_add);
        break;
    case CONTROL_STANDING:
        set_standing(core, client, &body->standing);
        break;
    case CONTROL_PING:
        break;
    case CONTROL_OCCUPANCY:
        say_done(core, client, STATUS_OK, "%u", occupancy_ask(core));
        break;
    case CONTROL_STOP:
        say_done(core, client, STATUS_OK, "%s", "");
        effects_add(core->effects, EFFECT_STOP);
        break;
    default:
        answer_market(core, client, type, body);
        break;
    }
}

void
control_question(struct core *core, struct client client, struct bytes bytes)
{
    union question body;
    uint8_t type;
    const struct schema *schema =
        message_type(bytes, &type) == STATUS_OK ? control_schema(type) : NULL;
    if (schema == NULL || schema->struct_size > sizeof body || type >= CONTROL_ROW ||
        message_decode(schema, bytes, &body) != STATUS_OK) {
        say_done(core, client, STATUS_BAD_INPUT,
                 "the question cannot be read; are gpulet and gpuletd of one version?");
        return;
    }
    answer(core, client, type, &body);
}
