/* The bodies of the signed records: what the market says. */
#ifndef GPULET_PROTOCOL_RECORD_H
#define GPULET_PROTOCOL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/bytes.h"
#include "protocol/id.h"
#include "protocol/schema.h"

enum { WEEK_HOURS = 168, WEEK_HOURS_BYTES = 21, CLASS_SET_BYTES = 32 };

enum work { WORK_INFER, WORK_TRAIN, WORK_FINETUNE, WORK_RENDER, WORK_COUNT };
enum isolation {
    ISOLATION_NONE,
    ISOLATION_PROCESS,
    ISOLATION_CONTAINER,
    ISOLATION_GVISOR,
    ISOLATION_VM,
    ISOLATION_COUNT
};
enum region {
    REGION_UNKNOWN,
    REGION_EU,
    REGION_NA,
    REGION_SA,
    REGION_ASIA,
    REGION_OCEANIA,
    REGION_AFRICA,
    REGION_COUNT
};
enum image_policy { IMAGES_NONE, IMAGES_LISTED, IMAGES_ANY, IMAGE_POLICY_COUNT };

/* Bits of listing.flags and request.flags_required. */
enum listing_flag {
    LISTING_ECC = 1,
    LISTING_FP8 = 2,
    LISTING_BF16 = 4,
    LISTING_BEHIND_NAT = 8,
    LISTING_SIMULATED = 16,  /* no real card; refused outside test networks */
    LISTING_NETWORK = 32,    /* jobs have network */
    LISTING_LIMITS_LACK = 64 /* the host cannot enforce every limit (see doctor) */
};

/* Bits of vendor sets: 1 << enum gpu_vendor of protocol/gpu_class.h. */
enum vendor_flag { VENDOR_SET_NVIDIA = 1, VENDOR_SET_AMD = 2, VENDOR_SET_INTEL = 4 };

extern const struct name_table work_names;
extern const struct name_table isolation_names;
extern const struct name_table region_names;
extern const struct name_table image_policy_names;
extern const struct name_table listing_flag_names;
extern const struct name_table vendor_names;

/* Says where a node is reached and binds its channel key to its identity. detail 0. */
struct node_record {
    struct channel_key channel_key;
    uint64_t boot_nonce;  /* another one under the same identity: it runs elsewhere */
    struct bytes address; /* "tcp://127.1.2.3:7700"; empty when it cannot be dialled */
    struct bytes stream_address;
    struct bytes software; /* "gpulet 0.1.0" */
    struct bytes label;    /* a name for people, "host-1"; proves nothing */
};

/* One slot group of one host: what is offered, at what price, under what terms. detail = slot_group. */
struct listing {
    uint16_t slot_group;
    uint16_t slots_total;
    uint16_t gpu_class;      /* 0: not in the table */
    uint8_t class_table[8];  /* first bytes of the class table's digest */
    struct bytes gpu_name;   /* as the driver says */
    uint32_t vram_mib;       /* of one GPU */
    uint32_t fp16_gflops;    /* measured, else the class's */
    uint32_t bandwidth_mb_s; /* of the GPU's memory */
    struct bytes driver;
    uint16_t cuda;       /* 12.4 is 1204; 0: none */
    uint16_t capability; /* 8.9 is 809; an AMD card's gfx number */
    uint32_t pcie_mb_s;
    uint32_t nvlink_mb_s;
    uint64_t fabric; /* equal id: same fast network; 0: none */
    uint32_t fabric_mbit_s;
    uint32_t up_mbit_s;
    uint32_t down_mbit_s;
    uint8_t region;                                /* enum region */
    uint16_t cpu_threads;                          /* for one slot */
    uint32_t ram_mib;                              /* for one slot */
    uint32_t disk_mib;                             /* for one slot */
    struct amount ask_uusd_per_hour;               /* of one GPU */
    struct amount interruptible_ask_uusd_per_hour; /* 0: not offered */
    uint32_t lease_min_s;
    uint32_t lease_max_s;
    uint32_t notice_s;      /* between RECLAIM and the end */
    uint32_t minimum_run_s; /* the owner does not reclaim before */
    uint16_t reclaims_per_day;
    uint16_t
        reclaim_owed_intervals; /* whole intervals before a reclaim that are not charged, beside the one in progress */
    uint32_t interval_s; /* of one voucher */
    uint32_t meter_s;    /* between two METERs */
    uint8_t week_hours[WEEK_HOURS_BYTES];
    uint64_t valid_from_s;
    uint64_t valid_until_s;      /* 0: as long as the record lives */
    uint32_t works;              /* set of 1 << enum work */
    uint16_t reliability_min_bp; /* of a renter */
    uint8_t image_policy;        /* enum image_policy */
    uint8_t isolation;           /* enum isolation */
    uint32_t flags;              /* enum listing_flag */
};

/* Takes back the author's record (kind, detail) of that seq or older; stands in its slot. */
struct withdrawal {
    uint8_t victim_kind;
    uint32_t victim_detail;
    uint64_t victim_seq;
};

/* What a renter wants; also what filters compile to. 0 and empty sets mean "any". */
struct request {
    uint8_t classes[CLASS_SET_BYTES]; /* bit n: class number n is wanted */
    uint32_t vendors;                 /* enum vendor_flag */
    uint32_t vram_min_mib;
    uint32_t fp16_min_gflops;
    uint32_t bandwidth_min_mb_s;
    uint16_t cuda_min;
    uint16_t capability_min;
    uint32_t nvlink_min_mb_s;
    uint32_t pcie_min_mb_s;
    uint32_t up_min_mbit_s;
    uint32_t down_min_mbit_s;
    uint16_t cpu_threads_min; /* a GPU */
    uint32_t ram_min_mib;     /* a GPU */
    uint32_t disk_min_mib;    /* a GPU */
    uint16_t count;           /* GPUs a host, at least 1 */
    uint16_t hosts;           /* at least 1 */
    uint16_t gang_min;        /* hosts */
    uint16_t spares;          /* hosts */
    bool same_fabric;
    uint8_t work;                         /* enum work */
    struct amount ask_max_uusd_per_hour;  /* of one GPU; 0: any */
    struct amount unit_max_uusd_per_hour; /* of one H100e; 0: any */
    struct amount total_max_uusd;         /* 0: any */
    uint64_t start_from_s;
    uint64_t start_until_s;
    uint32_t duration_s;
    uint32_t duration_min_s;
    bool interruptible;
    uint32_t notice_min_s;
    uint32_t minimum_run_min_s;
    uint16_t reclaims_max_per_day; /* 65535: any */
    uint64_t guaranteed_until_s;
    uint16_t reliability_min_bp;
    uint32_t regions;        /* set of 1 << enum region */
    uint32_t flags_required; /* enum listing_flag */
    uint8_t isolation_min;   /* enum isolation */
    struct bytes image;      /* empty, or "sha256:..." */
};

/* The renter asks a host to keep slots for it. By the renter. */
struct hold {
    struct peer_id host;
    struct record_id listing;
    struct record_id request; /* a gang (longer than HOLD_TTL_MS) or clearing; zeros: neither */
    uint16_t slots;
    uint32_t duration_s;
    struct amount ask_max_uusd_per_hour;
    bool interruptible;
    uint8_t work;
    uint32_t ttl_ms;
};

/* What both sides sign: the body of a lease record, and inside HELD. */
struct lease_terms {
    struct peer_id host;
    struct peer_id renter;
    struct record_id hold;
    struct bytes listing;    /* the sealed listing */
    uint64_t slot_mask;      /* bit n: slot n of the group */
    uint64_t slot_seq;       /* grows; fences old messages */
    uint32_t duration_s;     /* from the start of the job */
    uint32_t latest_start_s; /* after LEASE */
    uint32_t interval_s;
    uint32_t meter_s;
    struct amount ask_uusd_per_hour; /* of one slot */
    bool interruptible;
    uint8_t work;
};

/* The host's promise: confirm within time_left_ms, and the lease is yours. By the host. */
struct held {
    struct record_id hold;
    uint32_t time_left_ms;
    struct bytes terms; /* encoded struct lease_terms */
};

/* A longer lease: the new whole duration. By the renter, cosigned by the host. */
struct extension {
    struct lease_id lease;
    uint32_t duration_s;
};

/* What ran so far: cumulative, chained. By the host. detail 0; seq grows. */
struct meter {
    struct lease_id lease;
    uint32_t number; /* 1, 2, 3 ... */
    uint64_t run_ms; /* exec to now, less frozen and slept time */
    uint64_t disk_gib_s;
    uint64_t bytes_in;
    uint64_t bytes_out;
    struct record_id previous; /* the meter before; zeros for the first */
};

/* The renter's debt for a lease: cumulative, the highest wins. By the renter. */
struct voucher {
    struct lease_id lease;
    uint32_t number;
    struct amount amount_uusd;
    uint64_t covers_run_ms; /* the run time that this amount pays */
    uint32_t meter_number;  /* last meter seen; 0: none */
    struct record_id meter;
};

enum end_reason {
    END_NONE,
    END_JOB_EXITED,
    END_RENTER,    /* the renter ended it */
    END_HOST,      /* the host ended it */
    END_RECLAIMED, /* the owner took the card back */
    END_DURATION,  /* the time was up */
    END_UNPAID,
    END_HOST_FAILURE, /* the machine, the sandbox or the daemon failed */
    END_LIMIT,        /* the job broke a limit: memory, disk, log */
    END_NOT_STARTED,  /* no START in time: void */
    END_HOST_SILENT,  /* renter: the host's last word has not come for FINAL_WAIT_S; in no FINAL */
    END_REASON_COUNT
};
extern const struct name_table end_reason_names;

/* How a lease ended and what is owed. By the host; cosigned by the renter it is a receipt. */
struct final {
    struct lease_id lease;
    struct amount amount_uusd;
    uint64_t run_ms;
    uint64_t started_at_s; /* 0: never started */
    uint64_t ended_at_s;
    uint8_t reason; /* enum end_reason */
    uint8_t exit_code;
    uint8_t exit_signal; /* 0: none */
    uint32_t meter_number;
    struct record_id meter;
};

/* The owner wants the card back. By the host. */
struct reclaim {
    struct lease_id lease;
    uint32_t notice_s;
    uint64_t at_ms; /* unix ms of the trigger: nothing after it is charged */
};

/* One job on many hosts is on: the renter's single signature over all holds. By the renter. detail 0. */
struct gang_certificate {
    struct record_id gang;   /* what all its holds name as their request */
    uint16_t count;          /* leaves below the root: members that stand */
    uint16_t gang_min;       /* with fewer there is no gang */
    uint16_t generation;     /* 1; grows with each replacement of lost members */
    uint8_t root[ID_LENGTH]; /* of crypto/merkle.h, over the ids of the HELD records */
};

/* Test networks: the issuer owes this key so much in all. By the issuer. */
struct grant {
    struct peer_id key;
    struct amount amount_uusd;
};

/* First message on a connection. By the sender. */
struct hello {
    struct channel_key sender_key;
    struct channel_key receiver_key;
    uint16_t protocol_min;
    uint16_t protocol_max;
    uint64_t features; /* unknown even bit: disconnect; odd: ignore */
    uint64_t nonce;
    uint64_t time_ms; /* the sender's wall clock */
};

extern const struct schema node_record_schema;
extern const struct schema listing_schema;
extern const struct schema withdrawal_schema;
extern const struct schema request_schema;
extern const struct schema hold_schema;
extern const struct schema lease_terms_schema;
extern const struct schema held_schema;
extern const struct schema extension_schema;
extern const struct schema meter_schema;
extern const struct schema voucher_schema;
extern const struct schema final_schema;
extern const struct schema reclaim_schema;
extern const struct schema grant_schema;
extern const struct schema gang_certificate_schema;
extern const struct schema hello_schema;

/* Rules between fields that a table cannot say (ask or interruptible ask offered, lease_min <=
 * lease_max, ...). `listing_check` returns the first broken rule's status and, when ret_why is
 * not NULL, a static sentence. Call after codec_decode on foreign records. */
enum status listing_check(const struct listing *listing, const char **ret_why) MUST_USE;
enum status request_check(const struct request *request, const char **ret_why) MUST_USE;

/* A request that wants one GPU of any kind for one hour. */
struct request request_default(void);

#endif
