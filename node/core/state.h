/* Inside of the core: what one node knows, in memory taken once. Only node/core includes it. */
#ifndef GPULET_NODE_CORE_STATE_H
#define GPULET_NODE_CORE_STATE_H

#include "node/core/core.h"
#include "node/market/book.h"
#include "protocol/lease_state.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/record.h"
#include "protocol/row.h"

enum {
    LEASES_MAX = LEASES_OPEN_MAX + LEASES_CLOSED_MAX,
    SEQUENCES_MAX = 512,
    BALANCES_MAX = 16384,
    PEERS_MAX = 1024,
    AVOIDED_MAX = 512,
    OCCUPANCY_MAX = 1024,
    REPUTATIONS_MAX = 512,
    RENTS_MAX = CONTROL_CLIENTS_MAX + REQUESTS_STANDING_MAX,
    GANGS_MAX = 16,
    LABEL_SIZE = 65,
    ADDRESS_SIZE = 129,
    SHELF_SLOT_BYTES = 1024
};

/* A connection, and who is at its other end once HELLO was good. */
struct link_state {
    struct link link;
    bool used;
    bool outbound;
    bool introduced;
    bool subscribed; /* has asked for records: gets what is new */
    struct channel_key key;
    struct peer_id peer;
    char address[ADDRESS_SIZE];
    struct boot up_at;
    struct boot heard_at;
    struct boot pinged_at;
    uint64_t hello_nonce;
    uint64_t own_nonce;
    uint64_t arrival_sent; /* shelf arrivals up to here were pushed */
    int64_t inbound_bytes; /* a leaky bucket */
    struct boot inbound_at;
    int64_t outbound_bytes; /* the same, of what we push */
    struct boot outbound_at;
    uint32_t pull_token; /* the page that we wait for; 0: none */
    struct boot pull_at;
    uint32_t past_token;  /* one that we asked for, and then asked anew */
    uint64_t pull_from_s; /* what comes must be after this */
    struct record_id pull_after;
    uint64_t pulled_bytes; /* since the first page */
    bool page_wanted;      /* it waits for a page of ours */
    uint32_t wanted_token;
    uint64_t wanted_from_s;
    struct record_id wanted_after;
    int64_t page_bytes; /* a leaky bucket of the pages that we send */
    struct boot page_at;
    uint32_t records;
    int64_t wall_over_boot_ms; /* its wall clock less our boot clock, at HELLO */
};

/* Where a public record stands; a withdrawal stands in its victim's place. */
struct shelf_slot {
    struct peer_id author;
    uint8_t kind;
    uint32_t detail;
};

/* A public record, or only the guard that outlives it (length 0). */
struct shelf_entry {
    struct peer_id author;
    uint8_t kind;        /* of the slot; a withdrawal stands in its victim's */
    uint8_t record_kind; /* of the record itself */
    uint32_t detail;
    uint64_t seq;
    struct record_id id;
    uint64_t issued_at_s;
    uint64_t expires_at_s;
    uint64_t guard_until_s;
    uint64_t arrival; /* grows; 0: guard only */
    struct link from;
    struct boot changes_until; /* a listing's changes so far fill its share up to then */
    uint16_t length;
};

/* Where in the entries a slot is found; `tag` spares most looks at those of other authors. */
struct shelf_place {
    uint32_t number; /* of the entry, plus one; 0: free */
    uint32_t tag;    /* from the author alone */
};

/* Entries and their bytes lie side by side, in no order: memory is touched as records come, and a
 * record costs its own size rather than a page. */
struct shelf {
    size_t capacity; /* entries, a power of two; at most 3/4 used */
    uint64_t secret; /* of the hash: keys that meet in one place cannot be made */
    size_t used;
    size_t records;
    struct shelf_place *places;  /* `capacity` of them, open addressing by (author, kind, detail) */
    struct shelf_entry *entries; /* the first `used` ones */
    uint8_t *bytes;              /* SHELF_SLOT_BYTES for each entry */
    struct shelf_slot *ring;     /* who arrived as number n, at n modulo capacity */
    uint64_t arrivals;
    uint64_t next_expiry_s;
};

/* The long texts of an open lease. */
struct papers {
    bool used;
    uint16_t terms_length;
    uint16_t held_length;
    uint16_t lease_length;
    uint16_t final_length;
    uint16_t voucher_length;
    uint16_t reclaim_length;
    uint32_t start_length;
    uint8_t terms[TERMS_BYTES_MAX];
    uint8_t held[RECORD_BYTES_MAX];    /* sealed HELD: the answer to a repeated HOLD */
    uint8_t lease[COSIGNED_BYTES_MAX]; /* sealed by the renter; cosigned when the host has signed */
    uint8_t final[1024];
    uint8_t voucher[1024];
    uint8_t reclaim[512];           /* host: sealed */
    uint8_t start[FRAME_BYTES_MAX]; /* START, encoded; wiped when the job has started */
};

struct lease {
    bool used;
    struct lease_row row; /* label views label_text */
    char label_text[LABEL_SIZE];
    struct papers *papers; /* NULL once closed */
    struct client client;  /* renter: who wants to hear of it; 0: nobody */
    bool reader_gone;
    struct boot reader_gone_at;
    struct boot send_at;   /* when the last message is repeated */
    struct boot dial_at;   /* when its other side is looked for again */
    struct boot ending_at; /* renter: since when the host's final word is awaited */
    struct boot meter_at;
    struct boot frozen_at;
    uint16_t repeats;
    bool job_running;      /* a workload was seen in this run of the daemon */
    bool is_offer;         /* host: held unasked, for a standing request */
    bool reclaim_is_known; /* host: the renter has said so */
    bool charge_told;      /* the client has its ROW_CHARGE */
    bool streams_open;     /* host: the renter's key may be let in to the streams */
    bool streams_wanted;   /* renter: of a lease that is over; its host is told when it is back */
    uint64_t paid_run_ms;  /* host: told to the supervisor */
    uint32_t prepay_s;     /* renter: further than one interval */
    uint64_t bytes_in;
    uint64_t bytes_out;
    struct record_id gang; /* that it is a member of; zeros: of none */
    uint16_t gang_rank;    /* renter: 65535 before it is known */
};

/* A renter's key, as the host sees it: for waits after lapsed holds. */
struct renter_record {
    struct peer_id peer;
    uint32_t lapses;
    struct boot wait_until;
    bool used;
};

/* A `rent` under way: which offers were tried, and why they failed. */
struct rent {
    bool used;
    struct client client;
    struct request request;
    char image[80];
    struct boot give_up_at;
    struct boot next_try_at;
    bool waiting; /* nothing fits just now */
    bool attached;
    bool dialling;
    struct boot dial_until;
    struct record_id listing; /* the offer in hand */
    struct peer_id host;
    uint16_t tried_count;
    uint16_t second_tries; /* of offers whose host said when */
    struct record_id tried[16];
    uint64_t free_at_s; /* earliest that a BUSY told */
    uint32_t prepay_s;
    char last_why[200];
    uint64_t serial;           /* part of the request id: spreads renters */
    struct record_id clearing; /* of the batch lane, whose price is paid; zeros: the ask is */
    struct amount cleared_uusd_per_hour;
    uint8_t only_length;
    uint8_t only[64]; /* beginning of the one listing's id that is wanted, in hex */
    uint32_t start_length;
    uint8_t start[FRAME_BYTES_MAX]; /* START without lease and voucher, encoded */
};

struct offer_state {
    bool used;
    struct offer_row row;
    uint64_t listing_seq; /* of the published listing; 0: none */
    struct record_id listing;
    uint16_t listing_length;
    uint8_t listing_bytes[LISTING_BYTES_MAX];
    struct listing body; /* texts view listing_bytes */
    struct wall refresh_at;
    bool published;
    bool dirty;      /* to be published at the next chance */
    bool unlistable; /* said once why; tried again when something changes */
};

struct peer_state {
    bool used;
    struct peer_row row; /* address views address_text */
    char address_text[ADDRESS_SIZE];
    bool row_dirty;
};

/* A request that stays until it is served: a rent that nobody waits for. */
struct standing {
    bool used;
    struct record_id id;        /* of the first record that was published for it */
    struct record_id served_by; /* hold of the lease that is being started for it; zeros: none */
    uint64_t until_s;
    uint64_t published_seq;     /* 0: not in this run of the daemon */
    struct record_id published; /* the record of that seq: offers name it */
    struct wall refresh_at;
    uint32_t length;
    uint8_t question[FRAME_BYTES_MAX - 1024]; /* encoded struct control_rent */
};

/* As read back: which lease was being started for which request. */
struct served_request {
    struct record_id hold; /* zeros: no such place */
    struct record_id request;
};

/* Clients with this bit are no sockets, but standing requests. */
#define STANDING_CLIENT (UINT64_C(1) << 63)

/* A host that failed a renter here, and until when it is passed over. */
struct avoided {
    struct peer_id host;
    uint8_t strikes; /* 0: this place is free */
    struct boot until;
};

/* What a host told of a slot group, on being asked or being busy. A hint with an age. */
struct occupancy_note {
    struct peer_id host;
    uint16_t slot_group;
    uint16_t slots_total;
    uint16_t slots_taken;
    uint64_t free_at_s; /* 0: not known */
    uint64_t told_at_s; /* unix seconds; 0: this place is free */
};

/* How leases with a host ended, of those that are remembered. */
struct reputation {
    struct peer_id host;
    uint32_t good;
    uint32_t failed;
};

struct pending_decision {
    bool used;
    uint64_t token;
    struct link link;
    struct peer_id peer;
    struct boot until;
    uint16_t length;
    uint8_t hold[RECORD_BYTES_MAX];
};

struct gang; /* node/core/gang_state.h */
/* A standing request of somebody else's that this host may serve. */
struct proposal {
    bool used;
    bool seen; /* still on the shelf */
    struct peer_id renter;
    uint32_t detail;
    struct boot due_at;
    unsigned tries;
};

struct core {
    struct core_options options;
    struct moment now;
    struct effects *effects; /* of the step under way */
    uint64_t random;
    uint64_t boot_id;
    uint64_t boot_nonce;
    struct boot started_boot;
    struct wall started_at;
    bool recovered;
    bool paused;
    enum disk space;
    bool node_published;
    int64_t wall_over_boot_ms; /* at the last tick: shows when the wall clock is set */
    bool cards_known;          /* EVENT_GPUS came: until then no card is known to be gone */
    bool has_twin;             /* this identity runs elsewhere, too */
    struct wall node_refresh_at;
    uint64_t records_refused;
    uint8_t class_table[ID_LENGTH];

    struct link_state links[LINKS_MAX];
    struct shelf shelf;
    struct book *book;     /* of the listings on the shelf */
    struct lease *leases;  /* LEASES_MAX */
    struct papers *papers; /* LEASES_OPEN_MAX */
    struct renter_record renters[LEASES_OPEN_MAX];
    struct rent *rents;         /* RENTS_MAX */
    struct gang *gangs;         /* GANGS_MAX */
    struct batch *batch;        /* of the batch lane */
    struct standing *standings; /* REQUESTS_STANDING_MAX */
    struct served_request served_requests[REQUESTS_STANDING_MAX];
    uint64_t request_places[REQUESTS_STANDING_MAX]; /* as read back: who stood where */
    struct offer_state offers[SLOT_GROUPS_MAX];
    struct pending_decision decisions[8];
    struct avoided avoided[AVOIDED_MAX];
    struct occupancy_note occupancy[OCCUPANCY_MAX];
    struct reputation reputations[REPUTATIONS_MAX];
    size_t reputation_count;
    struct proposal proposals[PROPOSALS_MAX];
    struct boot serve_at;             /* when the shelf is searched for requests */
    struct boot strangers_wait_until; /* no slots are offered to unknown keys before */
    unsigned stranger_lapses;
    struct peer_state *peers;     /* PEERS_MAX */
    struct balance_row *balances; /* BALANCES_MAX */
    size_t balance_count;
    uint64_t ledger_number; /* last one used */
    struct sequence_row sequences[SEQUENCES_MAX];
    size_t sequence_count;
    struct gpu gpus[GPUS_MAX];
    size_t gpu_count;
    uint64_t owner_mask; /* cards the owner uses */
    uint64_t pause_mask; /* cards not offered just now */
    size_t step_count;   /* effects, and bytes of them, before this step */
    size_t step_bytes;
    size_t unread_papers; /* open leases that only wait, and whose papers found no place */
    bool unfinished;      /* this step had no room for all that is due */
    struct boot tick_at;  /* when time itself is looked at next */
    struct boot flush_at;
    struct boot expire_at;
    struct boot resync_at;
    struct boot mesh_at;
    size_t resync_link;   /* whose turn it was */
    size_t flush_link;    /* where the next flush begins */
    int64_t upload_bytes; /* a leaky bucket of pages, for all links together */
    struct boot upload_at;
    uint64_t decision_token;
    uint64_t rent_serial;
    uint64_t spent_day; /* unix days of spent_today */
    struct amount spent_today;
};

/* True when `at` is set and reached. */
static inline bool
core_is_due(const struct core *core, struct boot at)
{
    return at.ms != 0 && at.ms <= core->now.boot.ms;
}

#endif
