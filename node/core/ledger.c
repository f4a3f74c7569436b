#include "node/core/ledger.h"

#include <assert.h>
#include <string.h>

#include "node/core/lease.h"
#include "node/core/say.h"
#include "protocol/codec.h"

enum { DAY_MS = 86400000 };

static struct balance_row *
find_balance(const struct core *core, const struct peer_id *peer)
{
    for (size_t i = 0; i < core->balance_count; i++) {
        if (peer_id_equal(&core->balances[i].peer, peer)) {
            return &core->balances[i];
        }
    }
    return NULL;
}

const struct balance_row *
ledger_balance(const struct core *core, const struct peer_id *peer)
{
    return find_balance(core, peer);
}

bool
ledger_has_room(const struct core *core, const struct peer_id *peer)
{
    /* Each open lease may bring a new peer, and the issuer is one. */
    return core->balance_count + LEASES_OPEN_MAX + 1 < BALANCES_MAX ||
           find_balance(core, peer) != NULL;
}

static struct balance_row *
balance_of(struct core *core, const struct peer_id *peer)
{
    struct balance_row *balance = find_balance(core, peer);
    if (balance == NULL) {
        assert(core->balance_count < BALANCES_MAX);
        balance = &core->balances[core->balance_count];
        core->balance_count++;
        *balance = (struct balance_row){.peer = *peer};
    }
    return balance;
}

static struct amount *
account_of(struct balance_row *balance, enum account account)
{
    switch (account) {
    case ACCOUNT_RECEIVABLE:
        return &balance->receivable_uusd;
    case ACCOUNT_PAYABLE:
        return &balance->payable_uusd;
    case ACCOUNT_EARNED:
        return &balance->earned_uusd;
    case ACCOUNT_SPENT:
        return &balance->spent_uusd;
    case ACCOUNT_ISSUER:
        return &balance->issuer_uusd;
    case ACCOUNT_GRANTED:
        return &balance->granted_uusd;
    case ACCOUNT_COUNT:
        break;
    }
    assert(false && "no such account");
    return NULL;
}

static void
store_balance(struct core *core, const struct balance_row *balance)
{
    const struct row_key key = row_key_of_id(balance->peer.bytes, 0);
    say_store(core, TABLE_BALANCES, &key, &balance_row_schema, balance);
}

/* One transaction: the same amount into one account and out of another. */
static void
enter(struct core *core, struct ledger_row *row)
{
    struct balance_row *balance = balance_of(core, &row->peer);
    struct amount *debit = account_of(balance, (enum account)row->debit);
    struct amount *credit = account_of(balance, (enum account)row->credit);
    enum status status = amount_add(*debit, row->amount_uusd, debit);
    assert(status == STATUS_OK);
    status = amount_subtract(*credit, row->amount_uusd, credit);
    assert(status == STATUS_OK);
    core->ledger_number++;
    row->number = core->ledger_number;
    row->at_ms = (uint64_t)core->now.wall.ms;
    const struct row_key key = row_key_of_number(row->number);
    say_store(core, TABLE_LEDGER, &key, &ledger_row_schema, row);
    store_balance(core, balance);
}

static void
count_spending(struct core *core, struct amount amount)
{
    const uint64_t day = (uint64_t)core->now.wall.ms / DAY_MS;
    if (day != core->spent_day) {
        core->spent_day = day;
        core->spent_today = amount_zero();
    }
    struct amount sum;
    if (amount_add(core->spent_today, amount, &sum) == STATUS_OK) {
        core->spent_today = sum;
    }
}

void
ledger_post(struct core *core, struct lease *lease, struct amount total,
            const struct record_id *evidence)
{
    struct amount change;
    const enum status status = amount_subtract(total, lease->row.posted_uusd, &change);
    assert(status == STATUS_OK);
    if (amount_is_zero(change)) {
        return;
    }
    const bool grows = !amount_is_negative(change);
    const enum account debit = lease->row.is_host ? ACCOUNT_RECEIVABLE : ACCOUNT_SPENT;
    const enum account credit = lease->row.is_host ? ACCOUNT_EARNED : ACCOUNT_PAYABLE;
    struct ledger_row row = {
        .debit = (uint8_t)(grows ? debit : credit),
        .credit = (uint8_t)(grows ? credit : debit),
        .amount_uusd = grows ? change : amount_negated(change),
        .peer = lease->row.peer,
        .lease = lease->row.lease,
        .evidence = *evidence,
    };
    enter(core, &row);
    lease->row.posted_uusd = total;
    if (!lease->row.is_host) {
        count_spending(core, change);
    }
}

void
ledger_grant(struct core *core, const struct verified_record *record)
{
    struct grant grant;
    const struct peer_id *issuer = &verified_envelope(record)->author;
    if (!core->options.has_issuer || !peer_id_equal(issuer, &core->options.issuer) ||
        verified_body(record, RECORD_GRANT, &grant) != STATUS_OK ||
        !peer_id_equal(&grant.key, &core->options.keypair.identity)) {
        say_log(core, LOG_WARNING, "a grant that is not for us, or not by the issuer, is ignored");
        return;
    }
    const struct balance_row *balance = find_balance(core, issuer);
    const struct amount known = balance == NULL ? amount_zero() : balance->issuer_uusd;
    struct amount more;
    if (amount_subtract(grant.amount_uusd, known, &more) != STATUS_OK || amount_is_negative(more) ||
        amount_is_zero(more)) {
        return;
    }
    struct ledger_row row = {.debit = ACCOUNT_ISSUER,
                             .credit = ACCOUNT_GRANTED,
                             .amount_uusd = more,
                             .peer = *issuer,
                             .evidence = *verified_id(record)};
    enter(core, &row);
    say_store_evidence(core, verified_id(record), EVIDENCE_GRANT, record);
}

void
ledger_count_lease(struct core *core, const struct peer_id *peer)
{
    struct balance_row *balance = balance_of(core, peer);
    balance->leases++;
    store_balance(core, balance);
}

void
ledger_recover_balance(struct core *core, const struct row *row)
{
    struct balance_row stored;
    if (codec_decode(&balance_row_schema, row->value, &stored) == STATUS_OK) {
        *balance_of(core, &stored.peer) = stored;
    }
}

void
ledger_recover_last(struct core *core, const struct row *row)
{
    struct ledger_row stored;
    if (codec_decode(&ledger_row_schema, row->value, &stored) == STATUS_OK &&
        stored.number > core->ledger_number) {
        core->ledger_number = stored.number;
    }
}

struct balance_row
ledger_sum(const struct core *core)
{
    struct balance_row sum = {.leases = 0};
    for (size_t i = 0; i < core->balance_count; i++) {
        struct balance_row balance = core->balances[i];
        for (unsigned account = 0; account < ACCOUNT_COUNT; account++) {
            struct amount *into = account_of(&sum, (enum account)account);
            const enum status status =
                amount_add(*into, *account_of(&balance, (enum account)account), into);
            assert(status == STATUS_OK);
        }
        sum.leases += balance.leases;
    }
    return sum;
}

/* What our open leases may still cost beyond what is booked. */
static struct amount
reserved(const struct core *core)
{
    struct amount sum = amount_zero();
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &core->leases[i];
        if (!lease->used || lease->row.is_host || !lease_state_is_open(lease_state(lease))) {
            continue;
        }
        /* Once nothing runs, the voucher bounds what can be asked. */
        const struct amount most =
            lease->row.state == LEASE_ENDING || lease->row.state == LEASE_SETTLING
                ? lease->row.voucher_uusd
                : lease_charge(lease, lease->row.duration_s * 1000ull);
        struct amount rest;
        if (amount_subtract(most, lease->row.posted_uusd, &rest) == STATUS_OK &&
            !amount_is_negative(rest) && amount_add(sum, rest, &rest) == STATUS_OK) {
            sum = rest;
        }
    }
    return sum;
}

struct amount
ledger_spendable(const struct core *core)
{
    struct amount left = amount_zero();
    if (!core->options.has_issuer) {
        const enum status status = amount_of_micro(AMOUNT_MICRO_MAX, &left);
        assert(status == STATUS_OK);
        return left;
    }
    const struct balance_row sum = ledger_sum(core);
    enum status status = amount_add(sum.issuer_uusd, sum.payable_uusd, &left);
    if (status == STATUS_OK) {
        status = amount_subtract(left, reserved(core), &left);
    }
    return status == STATUS_OK ? left : amount_zero();
}

enum status
ledger_may_extend(const struct core *core, struct amount total, struct amount more,
                  const char **ret_why)
{
    *ret_why = "";
    if (!amount_is_zero(core->options.spend_lease_max_uusd) &&
        amount_compare(total, core->options.spend_lease_max_uusd) > 0) {
        *ret_why = "it may cost more than spend-lease-max allows for one lease; shorten --for, or "
                   "raise the limit with `gpulet config set`";
        return STATUS_LIMIT;
    }
    /* Open leases may still cost what they reserve, today as well as later. */
    const bool is_today = (uint64_t)core->now.wall.ms / DAY_MS == core->spent_day;
    struct amount today = is_today ? core->spent_today : amount_zero();
    if (amount_add(today, reserved(core), &today) != STATUS_OK ||
        amount_add(today, more, &today) != STATUS_OK) {
        *ret_why = "the amount is too large";
        return STATUS_LIMIT;
    }
    if (!amount_is_zero(core->options.spend_day_max_uusd) &&
        amount_compare(today, core->options.spend_day_max_uusd) > 0) {
        *ret_why = "it may cost more than spend-day-max leaves for today; shorten --for, or raise "
                   "the limit with `gpulet config set`";
        return STATUS_LIMIT;
    }
    if (amount_compare(more, ledger_spendable(core)) > 0) {
        *ret_why = "the grants of this network do not cover it; `gpulet spending` shows what is "
                   "left";
        return STATUS_LIMIT;
    }
    return STATUS_OK;
}

enum status
ledger_may_spend(const struct core *core, struct amount most, const char **ret_why)
{
    return ledger_may_extend(core, most, most, ret_why);
}

void
ledger_recovered(struct core *core)
{
    const uint64_t today = (uint64_t)core->now.wall.ms / DAY_MS;
    core->spent_day = today;
    core->spent_today = amount_zero();
    for (size_t i = 0; i < LEASES_MAX; i++) {
        const struct lease *lease = &core->leases[i];
        const bool is_of_today =
            lease->row.ended_at_ms == 0 || lease->row.ended_at_ms / DAY_MS == today;
        if (lease->used && !lease->row.is_host && is_of_today) {
            count_spending(core, lease->row.posted_uusd);
        }
    }
}
