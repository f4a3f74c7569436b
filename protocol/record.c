#include "protocol/record.h"

#include <string.h>

#include "protocol/envelope.h"
#include "protocol/limits.h"

/* Bounds of what a machine can have: far above any of today, low enough that products fit. */
#define VRAM_MIB_MAX 1048576u    /* 1 TiB */
#define GFLOPS_MAX 100000000u    /* 100 PFLOPS */
#define MB_PER_S_MAX 100000000u  /* 100 TB/s */
#define MBIT_PER_S_MAX 10000000u /* 10 Tbit/s */
#define RAM_MIB_MAX 16777216u    /* 16 TiB */
#define DISK_MIB_MAX 1073741824u /* 1 PiB */
#define CPU_THREADS_MAX 4096u
#define LEASE_S_MAX 31536000u /* a year */
#define NOTICE_S_MAX 86400u
#define INTERVAL_S_MAX 86400u
#define METER_S_MAX 3600u
#define OWED_INTERVALS_MAX 1440u
#define HOLD_MS_MAX 60000u /* twice what a gang needs */
#define START_S_MAX 3600u
#define REQUEST_HOSTS_MAX 4096u
#define SLOT_GROUP_MAX 255u
#define CLASS_NUMBER_MAX (8u * CLASS_SET_BYTES - 1)
#define BASIS_POINTS_MAX 10000u
#define ADDRESS_BYTES_MAX 128u
#define NAME_BYTES_MAX 64u
#define DRIVER_BYTES_MAX 32u
#define IMAGE_BYTES_MAX 71u /* "sha256:" and 64 hex digits */

static const char *const work_texts[] = {"infer", "train", "finetune", "render"};
static const char *const isolation_texts[] = {"none", "process", "container", "gvisor", "vm"};
static const char *const region_texts[] = {"unknown", "eu",      "na",    "sa",
                                           "asia",    "oceania", "africa"};
static const char *const image_policy_texts[] = {"none", "listed", "any"};
static const char *const listing_flag_texts[] = {"ecc",       "fp8",     "bf16",       "behind_nat",
                                                 "simulated", "network", "limits_lack"};
static const char *const vendor_texts[] = {"nvidia", "amd", "intel"};
static const char *const end_reason_texts[] = {
    "none",   "job_exited",   "renter", "host",        "reclaimed",  "duration",
    "unpaid", "host_failure", "limit",  "not_started", "host_silent"};

#define TABLE_OF(texts)                                                                            \
    {                                                                                              \
        (texts), sizeof(texts) / sizeof((texts)[0])                                                \
    }

const struct name_table work_names = TABLE_OF(work_texts);
const struct name_table isolation_names = TABLE_OF(isolation_texts);
const struct name_table region_names = TABLE_OF(region_texts);
const struct name_table image_policy_names = TABLE_OF(image_policy_texts);
const struct name_table listing_flag_names = TABLE_OF(listing_flag_texts);
const struct name_table vendor_names = TABLE_OF(vendor_texts);
const struct name_table end_reason_names = TABLE_OF(end_reason_texts);

static const struct field node_record_fields[] = {
    FIXED_FIELD(struct node_record, channel_key,
                "X25519 public key of the node's CURVE sockets; a connection with another key is "
                "not this node."),
    NUMBER_FIELD(struct node_record, boot_nonce, 0, UINT64_MAX, UNIT_NONE,
                 "Random, new at each start: another one means that the identity runs elsewhere."),
    TEXT_FIELD(struct node_record, address, ADDRESS_BYTES_MAX,
               "Where peers dial it, like tcp://127.1.2.3:7700; empty when it cannot be dialled."),
    TEXT_FIELD(struct node_record, stream_address, ADDRESS_BYTES_MAX,
               "Where the streams of leases are dialled; empty when they cannot be."),
    TEXT_FIELD(struct node_record, software, NAME_BYTES_MAX, "Program and version."),
    TEXT_FIELD(struct node_record, label, NAME_BYTES_MAX, "A name for people; proves nothing."),
};

static const struct field listing_fields[] = {
    NUMBER_FIELD(struct listing, slot_group, 0, SLOT_GROUP_MAX, UNIT_NONE,
                 "Which group of equal GPUs of the host; equal to the envelope's detail."),
    NUMBER_FIELD(struct listing, slots_total, 1, SLOTS_PER_GROUP_MAX, UNIT_NONE,
                 "GPUs in the group, free or not."),
    NUMBER_FIELD(struct listing, gpu_class, 0, CLASS_NUMBER_MAX, UNIT_GPU_CLASS,
                 "Number of the GPU's model in the class table; 0: not in the table."),
    FIXED_FIELD(struct listing, class_table, "First 8 bytes of the class table's digest."),
    {FIELD_MEMBER(struct listing, gpu_name), .type = FIELD_TEXT, .minimum = 1,
     .maximum = NAME_BYTES_MAX, .help = "The GPU's name as its driver says it."},
    NUMBER_FIELD(struct listing, vram_mib, 0, VRAM_MIB_MAX, UNIT_MIB, "Memory of one GPU."),
    NUMBER_FIELD(struct listing, fp16_gflops, 0, GFLOPS_MAX, UNIT_GFLOPS,
                 "Dense fp16 speed of one GPU, measured, else the class's."),
    NUMBER_FIELD(struct listing, bandwidth_mb_s, 0, MB_PER_S_MAX, UNIT_MB_PER_S,
                 "Bandwidth of one GPU's memory."),
    TEXT_FIELD(struct listing, driver, DRIVER_BYTES_MAX, "Version of the driver."),
    NUMBER_FIELD(struct listing, cuda, 0, UINT16_MAX, UNIT_VERSION,
                 "Newest CUDA or ROCm version the driver serves; 0: none."),
    NUMBER_FIELD(struct listing, capability, 0, UINT16_MAX, UNIT_VERSION,
                 "Compute capability (8.9 is 809), or an AMD card's gfx number."),
    NUMBER_FIELD(struct listing, pcie_mb_s, 0, MB_PER_S_MAX, UNIT_MB_PER_S,
                 "Bandwidth between one GPU and the host's memory."),
    NUMBER_FIELD(struct listing, nvlink_mb_s, 0, MB_PER_S_MAX, UNIT_MB_PER_S,
                 "Bandwidth between the group's GPUs; 0: only by PCIe."),
    NUMBER_FIELD(struct listing, fabric, 0, COUNT_MAX, UNIT_NONE,
                 "Hosts with an equal number share a fast network; 0: none."),
    NUMBER_FIELD(struct listing, fabric_mbit_s, 0, MBIT_PER_S_MAX, UNIT_MBIT_PER_S,
                 "Speed of that network."),
    NUMBER_FIELD(struct listing, up_mbit_s, 0, MBIT_PER_S_MAX, UNIT_MBIT_PER_S,
                 "From the host to the internet."),
    NUMBER_FIELD(struct listing, down_mbit_s, 0, MBIT_PER_S_MAX, UNIT_MBIT_PER_S,
                 "From the internet to the host."),
    ENUM_FIELD(struct listing, region, &region_names, "Where the host stands."),
    NUMBER_FIELD(struct listing, cpu_threads, 0, CPU_THREADS_MAX, UNIT_NONE,
                 "CPU threads for one slot."),
    NUMBER_FIELD(struct listing, ram_mib, 0, RAM_MIB_MAX, UNIT_MIB, "Main memory for one slot."),
    NUMBER_FIELD(struct listing, disk_mib, 0, DISK_MIB_MAX, UNIT_MIB, "Disk space for one slot."),
    AMOUNT_FIELD(struct listing, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "Price of one GPU; 0: not offered without interruption."),
    AMOUNT_FIELD(struct listing, interruptible_ask_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "Price of one GPU for work that may be interrupted; 0: not offered."),
    NUMBER_FIELD(struct listing, lease_min_s, 1, LEASE_S_MAX, UNIT_SECONDS, "Shortest lease."),
    NUMBER_FIELD(struct listing, lease_max_s, 1, LEASE_S_MAX, UNIT_SECONDS, "Longest lease."),
    NUMBER_FIELD(struct listing, notice_s, 0, NOTICE_S_MAX, UNIT_SECONDS,
                 "Between the owner's reclaim and the end of the job."),
    NUMBER_FIELD(struct listing, minimum_run_s, 0, LEASE_S_MAX, UNIT_SECONDS,
                 "The owner does not reclaim a job that ran shorter."),
    NUMBER_FIELD(struct listing, reclaims_per_day, 0, UINT16_MAX, UNIT_NONE,
                 "Most reclaims in any 24 hours."),
    NUMBER_FIELD(struct listing, reclaim_owed_intervals, 0, OWED_INTERVALS_MAX, UNIT_NONE,
                 "Whole intervals before a reclaim that are not charged, beside the one in "
                 "progress."),
    NUMBER_FIELD(struct listing, interval_s, 1, INTERVAL_S_MAX, UNIT_SECONDS,
                 "Run time that one voucher pays."),
    NUMBER_FIELD(struct listing, meter_s, 1, METER_S_MAX, UNIT_SECONDS,
                 "Between two meter records."),
    {FIELD_MEMBER(struct listing, week_hours), .type = FIELD_FIXED, .unit = UNIT_WEEK_HOURS,
     .help = "When a lease may run; an hour counts only when it lies wholly inside."},
    NUMBER_FIELD(struct listing, valid_from_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "No lease starts before; 0: now."),
    NUMBER_FIELD(struct listing, valid_until_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "No lease runs beyond; 0: no such end."),
    SET_FIELD(struct listing, works, &work_names, "Kinds of work the host takes."),
    NUMBER_FIELD(struct listing, reliability_min_bp, 0, BASIS_POINTS_MAX, UNIT_BASIS_POINTS,
                 "Reliability that a renter must have."),
    ENUM_FIELD(struct listing, image_policy, &image_policy_names, "Images the host runs."),
    ENUM_FIELD(struct listing, isolation, &isolation_names, "How strangers' jobs are kept apart."),
    SET_FIELD(struct listing, flags, &listing_flag_names, "What else is true of the slots."),
};

static const struct field withdrawal_fields[] = {
    NUMBER_FIELD(struct withdrawal, victim_kind, 1, RECORD_KIND_COUNT - 1, UNIT_NONE,
                 "Kind of the record that is taken back."),
    NUMBER_FIELD(struct withdrawal, victim_detail, 0, UINT32_MAX, UNIT_NONE,
                 "Its detail; equal to the withdrawal's own."),
    NUMBER_FIELD(struct withdrawal, victim_seq, 1, UINT64_MAX, UNIT_NONE,
                 "Its seq; older ones are taken back too."),
};

static const struct field request_fields[] = {
    FIXED_FIELD(struct request, classes,
                "Wanted GPU classes: bit n, lowest first, is class n; all zero: any."),
    SET_FIELD(struct request, vendors, &vendor_names, "Wanted vendors; none named: any."),
    NUMBER_FIELD(struct request, vram_min_mib, 0, VRAM_MIB_MAX, UNIT_MIB, "Memory of one GPU."),
    NUMBER_FIELD(struct request, fp16_min_gflops, 0, GFLOPS_MAX, UNIT_GFLOPS,
                 "Dense fp16 speed of one GPU."),
    NUMBER_FIELD(struct request, bandwidth_min_mb_s, 0, MB_PER_S_MAX, UNIT_MB_PER_S,
                 "Bandwidth of one GPU's memory."),
    NUMBER_FIELD(struct request, cuda_min, 0, UINT16_MAX, UNIT_VERSION, "CUDA or ROCm version."),
    NUMBER_FIELD(struct request, capability_min, 0, UINT16_MAX, UNIT_VERSION,
                 "Compute capability or gfx number."),
    NUMBER_FIELD(struct request, nvlink_min_mb_s, 0, MB_PER_S_MAX, UNIT_MB_PER_S,
                 "Bandwidth between the GPUs of one host."),
    NUMBER_FIELD(struct request, pcie_min_mb_s, 0, MB_PER_S_MAX, UNIT_MB_PER_S,
                 "Bandwidth between one GPU and the host's memory."),
    NUMBER_FIELD(struct request, up_min_mbit_s, 0, MBIT_PER_S_MAX, UNIT_MBIT_PER_S,
                 "From the host to the internet."),
    NUMBER_FIELD(struct request, down_min_mbit_s, 0, MBIT_PER_S_MAX, UNIT_MBIT_PER_S,
                 "From the internet to the host."),
    NUMBER_FIELD(struct request, cpu_threads_min, 0, CPU_THREADS_MAX, UNIT_NONE,
                 "CPU threads for one GPU."),
    NUMBER_FIELD(struct request, ram_min_mib, 0, RAM_MIB_MAX, UNIT_MIB, "Memory for one GPU."),
    NUMBER_FIELD(struct request, disk_min_mib, 0, DISK_MIB_MAX, UNIT_MIB,
                 "Disk space for one GPU."),
    NUMBER_FIELD(struct request, count, 1, SLOTS_PER_GROUP_MAX, UNIT_NONE, "GPUs of each host."),
    NUMBER_FIELD(struct request, hosts, 1, REQUEST_HOSTS_MAX, UNIT_NONE, "Hosts of the job."),
    NUMBER_FIELD(struct request, gang_min, 0, REQUEST_HOSTS_MAX, UNIT_NONE,
                 "Fewest hosts the job can do with; 0: all of them."),
    NUMBER_FIELD(struct request, spares, 0, REQUEST_HOSTS_MAX, UNIT_NONE,
                 "Hosts held beside, to step in for lost ones."),
    FLAG_FIELD(struct request, same_fabric, "All hosts share one fast network."),
    ENUM_FIELD(struct request, work, &work_names, "Kind of work; says which speed counts."),
    AMOUNT_FIELD(struct request, ask_max_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "Highest price of one GPU; 0: any."),
    AMOUNT_FIELD(struct request, unit_max_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "Highest price of the speed of one H100 SXM; 0: any."),
    AMOUNT_FIELD(struct request, total_max_uusd, UNIT_UUSD, "Highest cost of all; 0: any."),
    NUMBER_FIELD(struct request, start_from_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "Earliest start; 0: now."),
    NUMBER_FIELD(struct request, start_until_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "Latest start; 0: any."),
    NUMBER_FIELD(struct request, duration_s, 1, LEASE_S_MAX, UNIT_SECONDS, "Wanted run time."),
    NUMBER_FIELD(struct request, duration_min_s, 0, LEASE_S_MAX, UNIT_SECONDS,
                 "Shortest run time of use; 0: the wanted one."),
    FLAG_FIELD(struct request, interruptible, "The work may be interrupted."),
    NUMBER_FIELD(struct request, notice_min_s, 0, NOTICE_S_MAX, UNIT_SECONDS,
                 "Notice before a reclaim."),
    NUMBER_FIELD(struct request, minimum_run_min_s, 0, LEASE_S_MAX, UNIT_SECONDS,
                 "Run time without reclaim."),
    NUMBER_FIELD(struct request, reclaims_max_per_day, 0, UINT16_MAX, UNIT_NONE,
                 "Most reclaims in any 24 hours; 65535: any."),
    NUMBER_FIELD(struct request, guaranteed_until_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "The listing's hours and end reach at least to here; 0: any."),
    NUMBER_FIELD(struct request, reliability_min_bp, 0, BASIS_POINTS_MAX, UNIT_BASIS_POINTS,
                 "Reliability of the host."),
    SET_FIELD(struct request, regions, &region_names, "Wanted regions; none named: any."),
    SET_FIELD(struct request, flags_required, &listing_flag_names, "What must be true."),
    ENUM_FIELD(struct request, isolation_min, &isolation_names, "Isolation, or a stronger one."),
    TEXT_FIELD(struct request, image, IMAGE_BYTES_MAX,
               "sha256: and 64 hex digits; empty: no image."),
};

static const struct field hold_fields[] = {
    FIXED_FIELD(struct hold, host, "The host that is asked."),
    FIXED_FIELD(struct hold, listing, "Id of its listing."),
    FIXED_FIELD(
        struct hold, request,
        "Id of the gang that it is for (with a ttl over 10 s), or of the clearing whose price it "
        "pays as ask_max; zeros: neither."),
    NUMBER_FIELD(struct hold, slots, 1, SLOTS_PER_GROUP_MAX, UNIT_NONE, "GPUs."),
    NUMBER_FIELD(struct hold, duration_s, 1, LEASE_S_MAX, UNIT_SECONDS, "Wanted run time."),
    AMOUNT_FIELD(struct hold, ask_max_uusd_per_hour, UNIT_UUSD_PER_HOUR,
                 "Highest price of one GPU that the renter still takes."),
    FLAG_FIELD(struct hold, interruptible, "At the interruptible ask."),
    ENUM_FIELD(struct hold, work, &work_names, "Kind of work."),
    NUMBER_FIELD(struct hold, ttl_ms, 1, HOLD_MS_MAX, UNIT_MILLISECONDS,
                 "How long the slots should be kept."),
};

static const struct field lease_terms_fields[] = {
    FIXED_FIELD(struct lease_terms, host, "Who lets."),
    FIXED_FIELD(struct lease_terms, renter, "Who rents."),
    FIXED_FIELD(struct lease_terms, hold, "Id of the hold that the terms answer."),
    BYTES_FIELD(struct lease_terms, listing, 1, LISTING_BYTES_MAX,
                "The sealed listing: its terms are the lease's."),
    NUMBER_FIELD(struct lease_terms, slot_mask, 1, UINT64_MAX, UNIT_NONE,
                 "Bit n: slot n of the group."),
    NUMBER_FIELD(struct lease_terms, slot_seq, 1, UINT64_MAX, UNIT_NONE,
                 "max(last + 1, unix milliseconds) of the slots: fences old messages."),
    NUMBER_FIELD(struct lease_terms, duration_s, 1, LEASE_S_MAX, UNIT_SECONDS,
                 "Run time, from the start of the job."),
    NUMBER_FIELD(struct lease_terms, latest_start_s, 1, START_S_MAX, UNIT_SECONDS,
                 "Without a start so long after the lease it is void and owes nothing."),
    NUMBER_FIELD(struct lease_terms, interval_s, 1, INTERVAL_S_MAX, UNIT_SECONDS,
                 "Run time that one voucher pays."),
    NUMBER_FIELD(struct lease_terms, meter_s, 1, METER_S_MAX, UNIT_SECONDS,
                 "Between two meter records."),
    AMOUNT_FIELD(struct lease_terms, ask_uusd_per_hour, UNIT_UUSD_PER_HOUR, "Price of one slot."),
    FLAG_FIELD(struct lease_terms, interruptible, "At the interruptible ask."),
    ENUM_FIELD(struct lease_terms, work, &work_names, "Kind of work."),
};

static const struct field held_fields[] = {
    FIXED_FIELD(struct held, hold, "Id of the hold."),
    NUMBER_FIELD(struct held, time_left_ms, 1, HOLD_MS_MAX, UNIT_MILLISECONDS,
                 "From sending: confirmed by then, the lease is the renter's."),
    BYTES_FIELD(struct held, terms, 1, TERMS_BYTES_MAX, "The encoded body of the lease record."),
};

static const struct field extension_fields[] = {
    FIXED_FIELD(struct extension, lease, "The lease."),
    NUMBER_FIELD(struct extension, duration_s, 1, LEASE_S_MAX, UNIT_SECONDS,
                 "The new whole run time."),
};

static const struct field meter_fields[] = {
    FIXED_FIELD(struct meter, lease, "The lease."),
    NUMBER_FIELD(struct meter, number, 1, UINT32_MAX, UNIT_NONE, "1, 2, 3 ..."),
    NUMBER_FIELD(struct meter, run_ms, 0, COUNT_MAX, UNIT_MILLISECONDS,
                 "From the job's start to now, less frozen and slept time."),
    NUMBER_FIELD(struct meter, disk_gib_s, 0, COUNT_MAX, UNIT_NONE,
                 "Disk space used, in GiB times seconds."),
    NUMBER_FIELD(struct meter, bytes_in, 0, COUNT_MAX, UNIT_BYTES, "Received by the job."),
    NUMBER_FIELD(struct meter, bytes_out, 0, COUNT_MAX, UNIT_BYTES, "Sent by the job."),
    FIXED_FIELD(struct meter, previous, "Id of the meter before; zeros for the first."),
};

static const struct field voucher_fields[] = {
    FIXED_FIELD(struct voucher, lease, "The lease."),
    NUMBER_FIELD(struct voucher, number, 1, UINT32_MAX, UNIT_NONE, "1, 2, 3 ..."),
    AMOUNT_FIELD(struct voucher, amount_uusd, UNIT_UUSD, "Owed for the lease in all."),
    NUMBER_FIELD(struct voucher, covers_run_ms, 0, COUNT_MAX, UNIT_MILLISECONDS,
                 "Run time that this amount pays."),
    NUMBER_FIELD(struct voucher, meter_number, 0, UINT32_MAX, UNIT_NONE,
                 "Number of the last meter seen; 0: none."),
    FIXED_FIELD(struct voucher, meter, "Its id; zeros: none."),
};

static const struct field final_fields[] = {
    FIXED_FIELD(struct final, lease, "The lease."),
    AMOUNT_FIELD(struct final, amount_uusd, UNIT_UUSD, "Owed for the lease in all."),
    NUMBER_FIELD(struct final, run_ms, 0, COUNT_MAX, UNIT_MILLISECONDS, "Run time in all."),
    NUMBER_FIELD(struct final, started_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS,
                 "Start of the job; 0: never started."),
    NUMBER_FIELD(struct final, ended_at_s, 0, TIME_S_MAX, UNIT_UNIX_SECONDS, "End of the job."),
    ENUM_FIELD(struct final, reason, &end_reason_names, "Why it ended."),
    NUMBER_FIELD(struct final, exit_code, 0, UINT8_MAX, UNIT_NONE, "The job's exit code."),
    NUMBER_FIELD(struct final, exit_signal, 0, UINT8_MAX, UNIT_NONE,
                 "Signal that ended the job; 0: none."),
    NUMBER_FIELD(struct final, meter_number, 0, UINT32_MAX, UNIT_NONE,
                 "Number of the last meter; 0: none."),
    FIXED_FIELD(struct final, meter, "Its id; zeros: none."),
};

static const struct field reclaim_fields[] = {
    FIXED_FIELD(struct reclaim, lease, "The lease."),
    NUMBER_FIELD(struct reclaim, notice_s, 0, NOTICE_S_MAX, UNIT_SECONDS,
                 "Until the job is ended."),
    NUMBER_FIELD(struct reclaim, at_ms, 0, TIME_MS_MAX, UNIT_UNIX_MILLISECONDS,
                 "When the owner wanted the card: nothing after it is charged."),
};

static const struct field gang_certificate_fields[] = {
    FIXED_FIELD(struct gang_certificate, gang, "Id of the gang, as its holds name it."),
    NUMBER_FIELD(struct gang_certificate, count, 1, GANG_LEAVES_MAX, UNIT_NONE,
                 "Members under the root."),
    NUMBER_FIELD(struct gang_certificate, gang_min, 1, GANG_HOSTS_MAX, UNIT_NONE,
                 "With fewer there is no gang."),
    NUMBER_FIELD(struct gang_certificate, generation, 1, UINT16_MAX, UNIT_NONE,
                 "1 at admission; grows when lost members are replaced."),
    FIXED_FIELD(struct gang_certificate, root,
                "Root of the Merkle tree (RFC 9162) over the ids of the members' held records."),
};

static const struct field grant_fields[] = {
    FIXED_FIELD(struct grant, key, "Who has it."),
    AMOUNT_FIELD(struct grant, amount_uusd, UNIT_UUSD, "Granted in all, not in addition."),
};

static const struct field hello_fields[] = {
    FIXED_FIELD(struct hello, sender_key, "CURVE public key of the sender's end."),
    FIXED_FIELD(struct hello, receiver_key, "CURVE public key of the receiver's end."),
    NUMBER_FIELD(struct hello, protocol_min, 1, UINT16_MAX, UNIT_NONE,
                 "Oldest version of the protocol that the sender speaks."),
    NUMBER_FIELD(struct hello, protocol_max, 1, UINT16_MAX, UNIT_NONE, "Newest version."),
    NUMBER_FIELD(struct hello, features, 0, UINT64_MAX, UNIT_NONE,
                 "A bit each; an unknown even bit means disconnect, an unknown odd one nothing."),
    NUMBER_FIELD(struct hello, nonce, 0, UINT64_MAX, UNIT_NONE, "Random."),
    NUMBER_FIELD(struct hello, time_ms, 0, TIME_MS_MAX, UNIT_UNIX_MILLISECONDS,
                 "The sender's clock."),
};

const struct schema node_record_schema =
    SCHEMA(struct node_record, "node", RECORD_NODE, node_record_fields,
           "Says where a node is reached, and binds its channel key to its identity.");
const struct schema listing_schema =
    SCHEMA(struct listing, "listing", RECORD_LISTING, listing_fields,
           "What a host offers: one group of equal GPUs, at what price, under what terms.");
const struct schema withdrawal_schema =
    SCHEMA(struct withdrawal, "withdrawal", RECORD_WITHDRAWAL, withdrawal_fields,
           "Takes back the author's own record.");
const struct schema request_schema =
    SCHEMA(struct request, "request", RECORD_REQUEST, request_fields, "What a renter wants.");
const struct schema hello_schema = SCHEMA(struct hello, "hello", RECORD_HELLO, hello_fields,
                                          "Says who is at the other end of a connection.");
const struct schema hold_schema = SCHEMA(struct hold, "hold", RECORD_HOLD, hold_fields,
                                         "The renter asks a host to keep slots for it.");
const struct schema held_schema = SCHEMA(struct held, "held", RECORD_HELD, held_fields,
                                         "The host's promise to keep slots for a short time.");
const struct schema lease_terms_schema =
    SCHEMA(struct lease_terms, "lease", RECORD_LEASE, lease_terms_fields,
           "What both sides sign: the renter first, the host as cosigner.");
const struct schema meter_schema = SCHEMA(struct meter, "meter", RECORD_METER, meter_fields,
                                          "What ran so far, by the host; cumulative.");
const struct schema voucher_schema =
    SCHEMA(struct voucher, "voucher", RECORD_VOUCHER, voucher_fields,
           "The renter's debt for a lease; cumulative, the highest counts.");
const struct schema final_schema =
    SCHEMA(struct final, "final", RECORD_FINAL, final_fields,
           "How a lease ended and what is owed, by the host; cosigned by the renter, a receipt.");
const struct schema reclaim_schema = SCHEMA(struct reclaim, "reclaim", RECORD_RECLAIM,
                                            reclaim_fields, "The owner wants the card back.");
const struct schema extension_schema =
    SCHEMA(struct extension, "extension", RECORD_EXTENSION, extension_fields,
           "A longer lease, by the renter; counts once the host has cosigned it.");
const struct schema gang_certificate_schema =
    SCHEMA(struct gang_certificate, "gang", RECORD_GANG, gang_certificate_fields,
           "One job on many hosts is on: one signature of the renter's for all members.");
const struct schema grant_schema = SCHEMA(struct grant, "grant", RECORD_GRANT, grant_fields,
                                          "Test networks: what the issuer owes a key in all.");

/* A rule between fields: what must not hold, and what to say when it does. */
struct broken_rule {
    bool is_broken;
    const char *why;
};

static enum status
first_broken(const struct broken_rule *rules, size_t count, const char **ret_why)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].is_broken) {
            if (ret_why != NULL) {
                *ret_why = rules[i].why;
            }
            return STATUS_OUT_OF_RANGE;
        }
    }
    return STATUS_OK;
}

static bool
is_all_zero(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

enum status
listing_check(const struct listing *listing, const char **ret_why)
{
    const struct broken_rule rules[] = {
        {amount_is_zero(listing->ask_uusd_per_hour) &&
             amount_is_zero(listing->interruptible_ask_uusd_per_hour),
         "the listing has no price"},
        {listing->lease_min_s > listing->lease_max_s,
         "the shortest lease is longer than the longest"},
        {listing->valid_until_s != 0 && listing->valid_until_s <= listing->valid_from_s,
         "the listing ends before it begins"},
        {is_all_zero(listing->week_hours, sizeof listing->week_hours),
         "the listing has no hour in the week"},
        {listing->works == 0, "the listing takes no kind of work"},
        {listing->meter_s > listing->interval_s, "an interval is shorter than the meter's"},
    };
    return first_broken(rules, sizeof rules / sizeof rules[0], ret_why);
}

/* "sha256:" and 64 lower-case hex digits: one image has one name. */
static bool
is_image_digest(struct bytes image)
{
    static const char prefix[] = "sha256:";
    const size_t prefix_length = sizeof prefix - 1;
    if (image.length != IMAGE_BYTES_MAX || memcmp(image.data, prefix, prefix_length) != 0) {
        return false;
    }
    for (size_t i = prefix_length; i < image.length; i++) {
        const uint8_t digit = image.data[i];
        if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'))) {
            return false;
        }
    }
    return true;
}

enum status
request_check(const struct request *request, const char **ret_why)
{
    const struct broken_rule rules[] = {
        {request->duration_min_s > request->duration_s,
         "the shortest run time is longer than the wanted one"},
        {request->gang_min > request->hosts, "the job's minimum is more than all its hosts"},
        {request->spares > 0 && request->hosts < 2, "spares are for a job on several hosts"},
        {request->start_until_s != 0 && request->start_until_s < request->start_from_s,
         "the latest start lies before the earliest"},
        {request->image.length != 0 && !is_image_digest(request->image),
         "the image is not sha256: and 64 hex digits"},
    };
    return first_broken(rules, sizeof rules / sizeof rules[0], ret_why);
}

struct request
request_default(void)
{
    return (struct request){
        .count = 1,
        .hosts = 1,
        .work = WORK_INFER,
        .duration_s = 3600,
        .reclaims_max_per_day = UINT16_MAX,
    };
}
