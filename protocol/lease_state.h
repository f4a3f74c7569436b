/* The life of a lease as a table: (state, event, actor) -> (next state, action). docs/lease.md is printed from it. */
#ifndef GPULET_PROTOCOL_LEASE_STATE_H
#define GPULET_PROTOCOL_LEASE_STATE_H

#include <stdbool.h>

#include "protocol/schema.h"

/* Both sides use the same states. A hold that was not confirmed is no lease, but lives in this table too. */
enum lease_state {
    LEASE_ASKED,     /* renter: HOLD sent */
    LEASE_HELD,      /* slots kept until the deadline */
    LEASE_CONFIRMED, /* renter: has signed, waits for the host's signature */
    LEASE_LEASED,    /* both signatures exist; owes nothing yet */
    LEASE_STARTING,  /* START sent or accepted; the job is being started, at most once */
    LEASE_ACTIVE,    /* the job runs and the meter ticks */
    LEASE_FROZEN,    /* the job stands still: the paid time is used up */
    LEASE_DRAINING,  /* reclaimed or ended: the notice runs, the meter stands */
    LEASE_ENDING,    /* the job is being killed */
    LEASE_SETTLING,  /* nothing runs; FINAL waits for the renter's signature */
    LEASE_CLOSED,    /* both signatures under FINAL */
    LEASE_VOID,      /* never started; owes nothing */
    LEASE_STATE_COUNT
};

enum lease_event {
    LEASE_EVENT_HELD,    /* the host promised */
    LEASE_EVENT_REFUSED, /* the host refused, or is busy */
    LEASE_EVENT_CONFIRM, /* the renter signs */
    LEASE_EVENT_LEASE,   /* the host signs */
    LEASE_EVENT_CANCEL,  /* the renter no longer wants the hold */
    LEASE_EVENT_LAPSE,   /* a hold's or a start's deadline passed */
    LEASE_EVENT_START,   /* the renter orders the start */
    LEASE_EVENT_STARTED, /* the job runs */
    LEASE_EVENT_EXITED,  /* the job ended by itself, or was killed */
    LEASE_EVENT_LOST,    /* the job is gone without an exit: host failure */
    LEASE_EVENT_UNPAID,  /* the paid run time is used up */
    LEASE_EVENT_PAID,    /* a voucher covers more */
    LEASE_EVENT_END,     /* a side ends it; or time or patience is over */
    LEASE_EVENT_RECLAIM, /* the owner wants the card back, with notice */
    LEASE_EVENT_NOTICE_OVER,
    LEASE_EVENT_FINAL,   /* the host states the final amount */
    LEASE_EVENT_RECEIPT, /* the renter signs it too */
    LEASE_EVENT_SILENCE, /* renter: the final amount has not come for FINAL_WAIT_S */
    LEASE_EVENT_COUNT
};

enum lease_actor { LEASE_ACTOR_HOST, LEASE_ACTOR_RENTER, LEASE_ACTOR_CLOCK, LEASE_ACTOR_COUNT };

enum lease_action {
    LEASE_ACTION_IMPOSSIBLE, /* a mistake of the other side: answered, nothing changes */
    LEASE_ACTION_IGNORE,     /* late or repeated, and harmless: the stored answer is repeated */
    LEASE_ACTION_KEEP,       /* note it, stay */
    LEASE_ACTION_MOVE,       /* just the next state */
    LEASE_ACTION_FREE,       /* the slots become free; nothing is owed */
    LEASE_ACTION_START_JOB,
    LEASE_ACTION_FREEZE_JOB,
    LEASE_ACTION_THAW_JOB,
    LEASE_ACTION_WARN_JOB, /* SIGTERM, and the notice runs */
    LEASE_ACTION_KILL_JOB,
    LEASE_ACTION_SETTLE, /* state the final amount, free the slots */
    LEASE_ACTION_CLOSE,
    LEASE_ACTION_COUNT
};

struct lease_step {
    enum lease_state next;
    enum lease_action action;
};

/* What happens; total: every cell is defined. IMPOSSIBLE and IGNORE keep the state. */
struct lease_step lease_step(enum lease_state state, enum lease_event event,
                             enum lease_actor actor);

/* True while the lease's slots must not be given to anybody else. */
bool lease_state_holds_slots(enum lease_state state);

/* True until CLOSED or VOID. */
bool lease_state_is_open(enum lease_state state);

extern const struct name_table lease_state_names, lease_event_names, lease_actor_names,
    lease_action_names;

#endif
