#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "node/core/gang_state.h"
#include "node/core/gossip.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "protocol/codec.h"

/* The ports that torchrun and Ray use when nobody says another one. */
enum { MASTER_PORT = 29500, RAY_PORT = 6379, ENTRY_MAX = 64, PEERS_MAX_BYTES = 8192 };

/* Ranks are reached by names that stay when a spare takes a place over. */
#define RANK_NAME "rank-%u.gpulet"

/* What the person sets goes before what we would. */
static bool
is_given(const struct bytes_list *environment, const char *entry)
{
    const size_t length = (size_t)(strchr(entry, '=') - entry) + 1;
    for (size_t i = 0; i < environment->count; i++) {
        const struct bytes given = environment->items[i];
        if (given.length >= length && memcmp(given.data, entry, length) == 0) {
            return true;
        }
    }
    return false;
}

static void add(struct core *core, struct bytes_list *environment, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
add(struct core *core, struct bytes_list *environment, const char *format, ...)
{
    char *entry = effects_take(core->effects, ENTRY_MAX);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(entry, ENTRY_MAX, format, arguments);
    va_end(arguments);
    if (environment->count < LIST_ITEMS_MAX && !is_given(environment, entry)) {
        environment->items[environment->count++] = bytes_of_text(entry);
    }
}

/* One process a host: rank and number of hosts are those of the processes, as torch.distributed's env://
 * (torchrun), Open MPI, PMI and Ray name them. */
static void
add_known_names(struct core *core, struct bytes_list *environment, unsigned rank, unsigned world)
{
    add(core, environment, "MASTER_ADDR=" RANK_NAME, 0u);
    add(core, environment, "MASTER_PORT=%u", MASTER_PORT);
    add(core, environment, "RANK=%u", rank);
    add(core, environment, "WORLD_SIZE=%u", world);
    add(core, environment, "LOCAL_RANK=0");
    add(core, environment, "LOCAL_WORLD_SIZE=1");
    add(core, environment, "NODE_RANK=%u", rank);
    add(core, environment, "NNODES=%u", world);
    add(core, environment, "GROUP_RANK=%u", rank);
    add(core, environment, "GROUP_WORLD_SIZE=%u", world);
    add(core, environment, "OMPI_COMM_WORLD_RANK=%u", rank);
    add(core, environment, "OMPI_COMM_WORLD_SIZE=%u", world);
    add(core, environment, "OMPI_COMM_WORLD_LOCAL_RANK=0");
    add(core, environment, "OMPI_COMM_WORLD_LOCAL_SIZE=1");
    add(core, environment, "OMPI_COMM_WORLD_NODE_RANK=0");
    add(core, environment, "PMI_RANK=%u", rank);
    add(core, environment, "PMI_SIZE=%u", world);
    add(core, environment, "RAY_ADDRESS=" RANK_NAME ":%u", 0u, RAY_PORT);
}

/* The host that has, or had last, that rank. */
static const struct peer_id *
host_of_rank(const struct gang *gang, unsigned rank)
{
    const struct peer_id *host = NULL;
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        const struct seat *seat = &gang->seats[i];
        const bool is_there = seat->phase >= SEAT_READY && seat->rank == rank;
        if (is_there && (host == NULL || !seat->is_lost)) {
            host = &seat->host;
        }
    }
    return host;
}

static void
add_peers(struct core *core, struct bytes_list *environment, const struct gang *gang)
{
    struct buffer names;
    struct buffer ids;
    buffer_init(&names, effects_take(core->effects, PEERS_MAX_BYTES), PEERS_MAX_BYTES);
    buffer_init(&ids, effects_take(core->effects, PEERS_MAX_BYTES), PEERS_MAX_BYTES);
    buffer_append_format(&names, "GPULET_GANG_PEERS=");
    buffer_append_format(&ids, "GPULET_GANG_PEER_IDS=");
    for (unsigned rank = 0; rank < gang->world; rank++) {
        char hex[ID_HEX_SIZE] = "";
        const struct peer_id *host = host_of_rank(gang, rank);
        if (host != NULL) {
            id_to_hex(host->bytes, hex);
        }
        buffer_append_format(&names, "%s" RANK_NAME, rank == 0 ? "" : ",", rank);
        buffer_append_format(&ids, "%s%s", rank == 0 ? "" : ",", hex);
    }
    if (environment->count + 2 <= LIST_ITEMS_MAX && !names.overflowed && !ids.overflowed) {
        environment->items[environment->count++] = buffer_bytes(&names);
        environment->items[environment->count++] = buffer_bytes(&ids);
    }
}

static void
add_own_names(struct core *core, struct bytes_list *environment, const struct gang *gang,
              const struct seat *seat)
{
    char hex[ID_HEX_SIZE];
    id_to_hex(gang->id.bytes, hex);
    add(core, environment, "GPULET_GANG_ID=%.32s", hex);
    add(core, environment, "GPULET_GANG_RANK=%u", seat->rank);
    add(core, environment, "GPULET_GANG_SIZE=%u", gang->world);
    add(core, environment, "GPULET_GANG_MIN=%u", gang->least);
    add(core, environment, "GPULET_GANG_GPUS=%u", gang->request.count);
    add(core, environment, "GPULET_GANG_GENERATION=%u", gang->generation);
    add_peers(core, environment, gang);
}

static void
say_member(struct core *core, const struct gang *gang, const struct lease *lease)
{
    const struct member_view view = {
        .gang = gang->id,
        .rank = lease->gang_rank,
        .ranks = gang->world,
        .generation = gang->generation,
        .lease = lease_id_of(lease),
        .host = lease->row.peer,
        .host_label = gossip_label_of(core, &lease->row.peer),
        .model = lease->row.label,
        .slots = lease->row.slots,
        .ask_uusd_per_hour = lease->row.ask_uusd_per_hour,
        .total_uusd = lease_charge(lease, lease->row.duration_s * 1000ull),
        .duration_s = lease->row.duration_s,
    };
    say_row(core, gang->client, ROW_MEMBER, &view);
}

void
gang_start_seat(struct core *core, struct gang *gang, struct seat *seat)
{
    struct control_rent ask;
    struct request request;
    struct lease *lease = gang_lease(core, seat);
    seat->phase = SEAT_STARTED;
    seat->heard_at = core->now.boot;
    if (lease == NULL || lease->papers == NULL || !gang_read_question(gang, &ask, &request)) {
        return; /* cannot be: it is ready; as a lost one it is replaced */
    }
    struct start_message start = {.attached = gang->attached,
                                  .memory_mib = ask.memory_mib,
                                  .arguments = ask.arguments,
                                  .environment = ask.environment};
    add_own_names(core, &start.environment, gang, seat);
    add_known_names(core, &start.environment, seat->rank, gang->world);
    lease->gang_rank = seat->rank;
    lease->prepay_s = ask.prepay_s;
    lease->row.attached = gang->attached;
    if (!hire_make_start(core, lease, &start)) {
        say_log(core, LOG_ERROR, "the start of a gang's member cannot be said");
        renter_end(core, lease);
        return;
    }
    lease_apply(core, lease, LEASE_EVENT_START, LEASE_ACTOR_RENTER);
    lease_set_deadline(core, lease, duration_of_s(LATEST_START_S));
    lease_store(core, lease);
    say_member(core, gang, lease);
    hire_repeat(core, lease, links_to_peer(core, &lease->row.peer));
}
