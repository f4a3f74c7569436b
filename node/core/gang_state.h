/* Inside of a gang: one job on many hosts, as its renter's node leads it. Only node/core/gang_*.c and core.c include it. */
#ifndef GPULET_NODE_CORE_GANG_STATE_H
#define GPULET_NODE_CORE_GANG_STATE_H

#include "node/core/gang.h"
#include "node/core/lease.h"
#include "node/core/links.h"

enum {
    GANG_SEATS_MAX = GANG_LEAVES_MAX,
    GANG_QUESTION_MAX = 40960, /* an encoded struct control_rent */
    GANG_CERTIFICATE_MAX = 512,
    GANG_NO_RANK = UINT16_MAX /* not known yet, or a spare */
};

/* How far a gang is; the numbers stand in rows. */
enum gang_phase {
    GANG_WAITING,    /* for its turn, or before the next try */
    GANG_GATHERING,  /* holds are asked for */
    GANG_CONFIRMING, /* the certificate is signed: members report ready by signing their leases */
    GANG_RUNNING,    /* go was said */
    GANG_ENDING
};

/* A host's place in a gang. Where its lease stands is the lease's own matter. */
enum seat_phase {
    SEAT_FREE,
    SEAT_DIALLING,
    SEAT_ASKED,
    SEAT_REFUSED, /* or silent: not to be asked before `until` */
    SEAT_HELD,
    SEAT_CERTIFIED,
    SEAT_READY,
    SEAT_STARTED,
    SEAT_RELEASED, /* a spare that was given back: the first to be asked again */
    SEAT_OVER
};

struct seat {
    uint8_t phase; /* enum seat_phase */
    uint16_t rank;
    uint16_t generation; /* of the certificate that confirmed it */
    struct peer_id host;
    struct record_id listing;
    struct record_id hold;
    struct record_id held; /* id of the HELD record: its leaf */
    struct boot until;     /* of the phase */
    struct boot heard_at;  /* started: its host was there */
    struct boot lost_at;
    bool is_lost; /* ended otherwise than by its job, or silent for too long */
    bool is_told; /* the client has its charge */
};

struct gang {
    bool used;
    uint8_t phase; /* enum gang_phase */
    struct client client;
    struct record_id id;
    struct request request; /* without image */
    uint16_t least;         /* hosts: gang_min, or all */
    uint16_t world;         /* ranks, known at go */
    uint16_t generation;    /* of the last certificate */
    uint16_t tries;
    uint64_t serial; /* spreads renters over equal offers */
    uint64_t fabric; /* that all members share; 0: any */
    bool attached;
    bool has_failed; /* a member's job ended badly, or the money does not reach */
    bool is_short;   /* too few were left */
    struct boot give_up_at;
    struct boot next_try_at;
    struct boot patience_until; /* of a try, or of members to be ready */
    struct boot short_since;    /* fewer than `least` run; 0: enough */
    struct boot over_at;        /* the end began; 0: not yet */
    struct boot ticked_at;
    char last_why[160];
    struct record_id leaves[GANG_LEAVES_MAX]; /* under the last certificate */
    uint16_t leaf_count;
    uint16_t certificate_length;
    uint8_t certificate[GANG_CERTIFICATE_MAX];
    struct seat seats[GANG_SEATS_MAX];
    uint32_t question_length;
    uint8_t question[GANG_QUESTION_MAX];
};

/* gang.c */
struct gang *gang_by_id(struct core *core, const struct record_id *id);
struct lease *gang_lease(struct core *core, const struct seat *seat);
unsigned gang_count(const struct gang *gang, enum seat_phase phase);
struct seat *gang_seat_of(struct gang *gang, const struct record_id *hold);

/* A free seat, or one whose time is over; NULL when all are in use. */
struct seat *gang_seat_new(struct gang *gang, struct boot now);

/* The try came to nothing: gives every hold and lease back, and waits for another try or gives up. */
void gang_try_failed(struct core *core, struct gang *gang, const char *why);

/* Ends the leases of all seats that are not over. */
void gang_give_back(struct core *core, struct gang *gang);

/* It exists no longer; what it held was given back before. */
void gang_over(struct core *core, struct gang *gang);

/* gang_hold.c: asks up to `wanted` more hosts, from the best offer down. Returns how many were. Sets
 * has_failed when money forbids it, and says so. */
unsigned gang_ask_hosts(struct core *core, struct gang *gang, unsigned wanted);

/* Hosts that were asked or dialled and have not answered; `and_slow`: also those that take long. */
unsigned gang_count_pending(const struct core *core, const struct gang *gang, bool and_slow);

/* Looks what became of seats that are dialled or asked. */
void gang_tend_asked(struct core *core, struct gang *gang);
void gang_gather_tick(struct core *core, struct gang *gang);

/* gang_commit.c: signs for all seats that are held or stand already: the commit point. */
void gang_certify(struct core *core, struct gang *gang);

/* Which certified seats are ready, and which came to nothing. Returns how many are still awaited. */
unsigned gang_tend_certified(struct core *core, struct gang *gang);
void gang_confirm_tick(struct core *core, struct gang *gang);

/* gang_start.c: START with the rank and peers of the seat. */
void gang_start_seat(struct core *core, struct gang *gang, struct seat *seat);

/* gang_run.c */
void gang_run_tick(struct core *core, struct gang *gang);
void gang_end_tick(struct core *core, struct gang *gang);
void gang_say_charges(struct core *core, struct gang *gang, bool all);
void gang_begin_end(struct core *core, struct gang *gang, const char *why);

/* gang_row.c: makes the gang durable with this step. */
void gang_store(struct core *core, const struct gang *gang);
bool gang_read_question(const struct gang *gang, struct control_rent *ret_ask,
                        struct request *ret_request) MUST_USE;

#endif
