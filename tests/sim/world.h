/* A seeded virtual world around real cores: clocks, links, disks, cards, jobs, people and liars.
 *
 * Time is in virtual microseconds. Whatever happens is an item of one queue, ordered by time and then by the
 * order of planning, so that the same seed gives the same run to the last bit. */
#ifndef GPULET_TESTS_SIM_WORLD_H
#define GPULET_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/keypair.h"
#include "node/core/core.h"
#include "protocol/control.h"
#include "protocol/row.h"
#include "tests/support/memory_store.h"

enum {
    MACHINES_MAX = 32,
    MACHINE_GPUS = 4,
    DIALS_MAX = 40,
    WIRES_MAX = 1024,
    GANG_WATCHES_MAX = 32,
    GANG_HOLDS_WATCHED = 32,
    INBOX_MAX = 8192,
    CLIENTS_MAX = 512,
    STANDINGS_MAX = 8192,
    RING_LINES = 128,
    EVENT_TYPES = EVENT_DECIDED + 1,
    EFFECT_TYPES = EFFECT_STOP + 1,
    MS = 1000,
    SECOND = 1000000
};

enum plant { PLANT_NONE, PLANT_WRITE_AHEAD, PLANT_DOUBLE_SLOT, PLANT_LOST_ROW, PLANT_MONEY };

enum item_kind {
    ITEM_WAKE,     /* a machine may have something to do */
    ITEM_PARCEL,   /* an event reaches a machine's inbox */
    ITEM_WIRE_END, /* one end of a connection learns that it is gone */
    ITEM_DIAL,
    ITEM_JOB,
    ITEM_START,  /* a daemon starts */
    ITEM_RESUME, /* a sleeping machine wakes up */
    ITEM_FAULT,
    ITEM_PERSON,
    ITEM_LIAR,
    ITEM_CALM /* once a second while the world is calm */
};

/* An event on its way, with the memory that its views need. */
struct parcel {
    struct event event;
    uint8_t *memory;
};

struct item {
    int64_t at_us;
    uint64_t serial;
    enum item_kind kind;
    unsigned machine;
    uint64_t number; /* wire, dial, job or run of the daemon, by kind */
    struct parcel *parcel;
};

/* What a machine's last events and effects were, for the report of a failure. */
struct line {
    int64_t at_us;
    uint64_t step;
    const char *text; /* static */
    uint8_t type;
    uint8_t detail; /* message, control or table number, or lease state */
    bool is_effect;
    uint8_t id[4];
    char words[120];
};

/* A supervisor with its job: lives through crashes of the daemon, and dies with the machine. */
struct job {
    struct lease_id lease;
    uint64_t gpu_mask;
    bool running; /* exec was done, no exit yet */
    bool ended;
    bool failed; /* could not be started */
    bool removed;
    bool frozen_by_daemon;
    bool attached;
    int64_t exec_at_us; /* planned or done */
    int64_t counted_at_us;
    int64_t run_us;
    int64_t natural_run_us; /* ends by itself when it has run so long */
    int64_t kill_at_us;     /* 0: nobody has asked */
    uint64_t paid_run_ms;
    uint64_t end_at_boot_ms;
    uint32_t duration_s;
    uint64_t started_at_ms;
    uint8_t exit_code;
    uint8_t exit_signal;
    uint8_t reason;
    int64_t told_at_us;
    int64_t planned_us;   /* of the item that looks at it next */
    int64_t closed_at_us; /* the host's books say closed or void since; 0: not */
    int64_t ended_at_us;
};

/* A lease as a machine's durable rows say, watched over crashes. */
struct watch {
    bool used;
    struct lease_row row;
    bool job_started;     /* EFFECT_JOB_START was carried out */
    uint64_t most_run_ms; /* that the supervisor counted */
    bool deleted;
    int64_t seen_us;       /* first row with a lease */
    uint32_t meter_number; /* of the last meter that was sent, and which it was */
    struct record_id meter;
    struct record_id final;
};

/* A gang as its renter's durable rows say. */
struct gang_watch {
    struct record_id id;
    uint64_t serial; /* 0: unused */
    bool has_run;
    size_t hold_count;
    struct record_id holds[GANG_HOLDS_WATCHED];
};

/* Two gangs that want the same hosts, again and again. */
struct duel {
    uint64_t rounds_wanted; /* 0: there is none */
    uint64_t rounds;
    uint64_t won; /* at least one of the two was admitted */
    bool is_on;
    bool is_over;
    int64_t asked_at_us;
    uint64_t admitted_before;
    uint64_t done_before;
};

struct dial {
    bool used;
    char address[64];
    struct channel_key key;
    uint64_t wire; /* 0: not connected */
    int64_t pause_us;
};

/* One end of a connection. */
struct wire_end {
    unsigned machine;
    struct link link;
    bool told_up; /* LINK_UP is planned or done, LINK_DOWN is not */
    bool down_planned;
};

struct wire {
    bool used;
    uint64_t number;
    bool alive;              /* frames pass */
    struct wire_end ends[2]; /* 0 has dialled */
    int64_t latest_us[2];    /* arrival of the last frame towards each end */
    int64_t latency_us;
};

enum crash_point { CRASH_NONE, CRASH_BEFORE_COMMIT, CRASH_AFTER_COMMIT, CRASH_MIDWAY };

struct client_model {
    bool used;
    unsigned machine;
    unsigned run;
    uint64_t number;
    uint8_t asked; /* enum control_type */
    bool attached;
    bool gone;
    unsigned dones;
    int64_t asked_at_us;
    bool has_lease;
    struct lease_id lease;
};

/* The ledger's rows so far, summed by peer and account. */
struct sums {
    bool used;
    struct peer_id peer;
    int64_t account[ACCOUNT_COUNT];
};

struct liar;

struct machine {
    unsigned index;
    bool is_host;
    bool is_renter;
    struct liar *liar; /* no core: hand-made frames */
    struct core_options options;
    struct core *core; /* NULL: the daemon does not run */
    struct effects *effects;
    struct memory_store *store;
    struct gpu gpus[MACHINE_GPUS];
    size_t gpu_count;
    unsigned lost_card; /* one more than its place; 0: none */
    unsigned run;       /* counts starts of the daemon */
    int64_t run_since_us;
    int64_t boot_at_us;
    uint64_t boot_id;
    int64_t wall_ahead_ms;
    int64_t jumped_at_us;
    bool asleep;
    bool disk_full;
    bool off; /* switched off: no restart is planned */
    enum crash_point crash_point;
    bool crash_at_lease; /* only a batch that stores a lease is cut off */
    struct parcel **inbox;
    size_t inbox_first;
    size_t inbox_count;
    int64_t wake_planned_us;
    int64_t checks_until_us; /* results of signature checks keep their order */
    struct dial dials[DIALS_MAX];
    struct job *jobs;
    size_t job_count;
    struct watch *watches;
    size_t watch_capacity;
    size_t watch_count;
    uint64_t slot_seq[16]; /* highest ever promised, by slot group */
    struct sums sums[MACHINES_MAX + 1];
    uint64_t ledger_last;
    struct gang_watch gangs[GANG_WATCHES_MAX];
    uint64_t gang_serial;
    struct amount granted;
    struct line ring[RING_LINES];
    size_t ring_count;
    int64_t refused_until_us[MACHINES_MAX]; /* peers that were dropped may not come back before */
};

struct tally {
    uint64_t steps;
    uint64_t recovery_steps;
    uint64_t events[EVENT_TYPES];
    uint64_t effects[EFFECT_TYPES];
    uint64_t commits;
    uint64_t commits_refused;
    uint64_t crashes;
    uint64_t reboots;
    uint64_t wires_broken;
    uint64_t frames;
    uint64_t frames_repeated;
    uint64_t clock_jumps;
    uint64_t sleeps;
    uint64_t partitions;
    uint64_t lies;
    uint64_t holds;
    uint64_t leases;
    uint64_t jobs;
    uint64_t ends[END_REASON_COUNT];
    uint64_t rents;
    uint64_t rents_ok;
    uint64_t rents_refused;
    uint64_t standings_served;
    uint64_t gangs_asked;
    uint64_t gangs_certified;
    uint64_t gangs_admitted;
    uint64_t offers; /* to standing requests */
    uint64_t calms;
    uint64_t drops;
    int64_t virtual_us;
};

struct world {
    uint64_t seed;
    uint64_t random;
    int64_t now_us;
    uint64_t serial;
    enum plant plant;
    bool verbose;
    struct item *queue;
    size_t queue_count;
    size_t queue_capacity;
    struct machine machines[MACHINES_MAX];
    unsigned machine_count;
    struct keypair issuer;
    struct network_id network;
    struct wire wires[WIRES_MAX];
    uint64_t wire_serial;
    uint64_t link_serial;
    struct client_model clients[CLIENTS_MAX];
    uint64_t client_serial;
    uint32_t partition; /* machines on one side; 0: none */
    bool faults;        /* things go wrong */
    bool calm;          /* nobody asks for anything new */
    int64_t calm_since_us;
    int64_t quiet_since_us;
    uint64_t quiet_steps; /* the count of steps at that time */
    uint64_t trace;       /* hash of every event and effect so far */
    unsigned standings_asked;
    uint64_t standing_started[STANDINGS_MAX]; /* whose job a host has started for it; 0: none */
    uint64_t step_limit;
    bool failed;
    struct tally tally;
    uint64_t check_trace_at; /* the hash after so many steps is kept in */
    uint64_t trace_kept;
    struct duel duel;
    uint32_t becomes[16]; /* lease states that can follow each other */
};

/* world.c */
struct world *world_new(uint64_t seed, enum plant plant);
void world_free(struct world *world);

/* The world of duel_prepare, for so many rounds. */
struct world *world_new_duel(uint64_t seed, uint64_t rounds);

/* Runs until the core steps are used up and the last calm is over; false when a check failed. */
bool world_run(struct world *world, uint64_t steps);

void world_plan(struct world *world, int64_t at_us, struct item item);
uint64_t world_random(struct world *world);
uint64_t world_below(struct world *world, uint64_t limit);
int64_t world_between(struct world *world, int64_t least, int64_t most);
bool world_chance(struct world *world, unsigned per_thousand);

/* Notes that a rule is broken, prints it with the last events of the machines; the run ends. */
void world_fail(struct world *world, const struct machine *a, const struct machine *b,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* machine.c */
void machine_init(struct world *world, unsigned index);
void machine_clear(struct machine *machine);
struct moment machine_now(const struct world *world, const struct machine *machine);
int64_t machine_boot_to_us(const struct machine *machine, uint64_t boot_ms);
void machine_start(struct world *world, struct machine *machine);
void machine_crash(struct world *world, struct machine *machine, bool reboot);

/* Puts an event into the inbox; takes the parcel. */
void machine_take(struct world *world, struct machine *machine, struct parcel *parcel);
void machine_post(struct world *world, struct machine *machine, const struct event *event);

/* What cards there are, as an event for the inbox. */
void machine_tell_gpus(struct world *world, struct machine *machine);
size_t machine_gpus(const struct machine *machine, struct gpu ret_list[MACHINE_GPUS]);

/* Steps through some of the inbox, commits, carries out. */
void machine_wake(struct world *world, struct machine *machine);
struct machine *machine_of_peer(struct world *world, const struct peer_id *peer);

/* An event with a copy of `bytes`, which the caller then points its views at. */
struct parcel *parcel_new(const struct event *event, struct bytes bytes);
void parcel_free(struct parcel *parcel);

/* replay.c: gives a new core everything that its store holds. */
void machine_replay(struct world *world, struct machine *machine);
void machine_step(struct world *world, struct machine *machine, const struct event *event);

/* carry_out.c: commits the batch and carries out what follows; false when the daemon is gone. */
bool machine_carry_out(struct world *world, struct machine *machine);

/* net.c */
void net_dial(struct world *world, struct machine *machine, struct bytes address,
              const struct channel_key *key);
void net_attempt(struct world *world, struct machine *machine, uint64_t dial);
void net_send(struct world *world, struct machine *machine, struct link link, struct bytes bytes);
void net_drop(struct world *world, struct machine *machine, struct link link, const char *why);
void net_announce(struct world *world, struct machine *machine);
void net_machine_gone(struct world *world, struct machine *machine);
void net_break(struct world *world, struct wire *wire);
void net_wire_end(struct world *world, uint64_t number, unsigned machine);
struct wire *net_wire_of(struct world *world, unsigned machine, struct link link,
                         unsigned *ret_end);
bool net_can_reach(const struct world *world, unsigned a, unsigned b);
struct bytes net_address(unsigned machine, char ret_text[64]);

/* jobs.c */
void job_effect(struct world *world, struct machine *machine, const struct effect *effect);
void job_happens(struct world *world, struct machine *machine, uint64_t number);
void jobs_adopt(struct world *world, struct machine *machine);
void jobs_die(struct world *world, struct machine *machine);
void jobs_sleep(struct world *world, struct machine *machine);
void jobs_resume(struct world *world, struct machine *machine);
struct job *job_of_lease(struct machine *machine, const struct lease_id *lease);

/* people.c: what people type. */
void people_act(struct world *world, struct machine *machine);
void people_answer(struct world *world, struct machine *machine, struct client client,
                   struct bytes bytes);
void people_done(struct world *world, struct machine *machine, struct client client);
void people_machine_gone(struct world *world, struct machine *machine);
void people_prepare(struct world *world, struct machine *machine);
void people_leave(struct world *world, struct client_model *client);
void people_cancel_request(struct world *world, struct machine *machine);

void people_ask(struct world *world, struct machine *machine, uint8_t type, const void *question);

/* gangs.c */
struct control_rent gang_question(const struct request *request, struct buffer *memory);
void check_gang_row(struct world *world, struct machine *machine, const struct row *stored);
void check_gang_deleted(struct world *world, struct machine *machine, const struct row *row);
void check_standing(struct world *world, struct machine *machine, const struct effect_job *order);
void duel_prepare(struct world *world, uint64_t rounds);
void duel_act(struct world *world, struct machine *machine);
void duel_offer(struct world *world, struct machine *machine);

/* faults.c */
void faults_act(struct world *world);
void faults_stop(struct world *world);

/* liar.c */
struct liar *liar_new(struct world *world, unsigned index);
void liar_free(struct liar *liar);
void liar_take(struct world *world, struct machine *machine, const struct event *event);
void liar_act(struct world *world, struct machine *machine);

/* check.c: the rules that must never be broken. */
void check_prepare(struct world *world);
void check_commit(struct world *world, struct machine *machine);
void check_job_start(struct world *world, struct machine *machine, const struct effect_job *order);
void check_jobs(struct world *world, struct machine *machine);
bool check_is_quiet(struct world *world);
void check_books(struct world *world);
void check_send(struct world *world, struct machine *machine, struct bytes bytes);

/* Says what is still open, when it should not be. */
void check_print_open(struct world *world);
struct watch *watch_find(struct machine *machine, const struct record_id *hold);
struct watch *watch_of_lease(struct machine *machine, const struct lease_id *lease, bool is_host);

/* trace.c */
void trace_event(struct world *world, struct machine *machine, const struct event *event);
void trace_effect(struct world *world, struct machine *machine, const struct effect *effect);
void trace_print(const struct world *world, const struct machine *machine);
const char *trace_event_name(unsigned type);
const char *trace_effect_name(unsigned type);

#endif
