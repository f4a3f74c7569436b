/* The class table: every card that a gamer or a data centre is likely to have, in integers. */
#ifndef GPULET_PROTOCOL_GPU_CLASS_H
#define GPULET_PROTOCOL_GPU_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/record.h"
#include "protocol/status.h"

enum gpu_vendor { GPU_VENDOR_NVIDIA, GPU_VENDOR_AMD, GPU_VENDOR_INTEL, GPU_VENDOR_COUNT };
enum gpu_segment {
    GPU_SEGMENT_GAMING,
    GPU_SEGMENT_WORKSTATION,
    GPU_SEGMENT_DATACENTER,
    GPU_SEGMENT_COUNT
};

/* X(NAME, name for people) */
#define GPU_ARCH_TABLE(X)                                                                          \
    X(KEPLER, "Kepler")                                                                            \
    X(MAXWELL, "Maxwell")                                                                          \
    X(PASCAL, "Pascal")                                                                            \
    X(VOLTA, "Volta")                                                                              \
    X(TURING, "Turing")                                                                            \
    X(AMPERE, "Ampere")                                                                            \
    X(ADA, "Ada")                                                                                  \
    X(HOPPER, "Hopper")                                                                            \
    X(BLACKWELL, "Blackwell")                                                                      \
    X(GCN4, "GCN 4")                                                                               \
    X(VEGA, "Vega")                                                                                \
    X(RDNA1, "RDNA")                                                                               \
    X(RDNA2, "RDNA 2")                                                                             \
    X(RDNA3, "RDNA 3")                                                                             \
    X(RDNA4, "RDNA 4")                                                                             \
    X(CDNA1, "CDNA")                                                                               \
    X(CDNA2, "CDNA 2")                                                                             \
    X(CDNA3, "CDNA 3")                                                                             \
    X(CDNA4, "CDNA 4")                                                                             \
    X(XEHPG, "Xe-HPG")                                                                             \
    X(XEHPC, "Xe-HPC")                                                                             \
    X(XE2, "Xe2")

enum gpu_arch {
#define GPU_ARCH_ENUM(name, text) GPU_ARCH_##name,
    GPU_ARCH_TABLE(GPU_ARCH_ENUM)
#undef GPU_ARCH_ENUM
        GPU_ARCH_COUNT
};

enum gpu_flag { GPU_BF16 = 1, GPU_FP8 = 2, GPU_ECC = 4, GPU_MIG = 8 };

/* Class numbers are bits of request.classes. */
enum { GPU_CLASS_NUMBER_MAX = 8 * CLASS_SET_BYTES - 1 };

/* Figures are a data sheet's; what a host measures is capped by them. */
struct gpu_class {
    uint16_t number;   /* on the wire; 1 to GPU_CLASS_NUMBER_MAX, never reused */
    const char *name;  /* as people type it: "rtx4090", "h100-sxm" */
    const char *title; /* as people read it: "RTX 4090" */
    enum gpu_vendor vendor;
    enum gpu_segment segment;
    enum gpu_arch arch;
    uint16_t
        capability; /* NVIDIA 8.9: 809; AMD gfx90a: 0x90a; Intel graphics version 12.55: 1255 */
    uint32_t vram_mib;
    uint32_t bandwidth_mb_s; /* of the memory */
    uint32_t fp16_gflops;    /* dense, 32-bit sums, by tensor or matrix units where there are any */
    uint32_t fp8_gflops;     /* dense; 0: none */
    uint32_t nvlink_mb_s;    /* NVLink, Infinity Fabric or Xe Link, both directions; 0: none */
    uint8_t pcie_gen;
    uint8_t flags;              /* enum gpu_flag */
    uint16_t watts;             /* of the whole board */
    uint32_t ask_uusd_per_hour; /* a typical ask, for simulated networks and as a first guess */
    uint16_t gamer_share;       /* weight among gamers' cards, in 1/10,000; 0: no gamer's card */
    const char *aliases;        /* more names, folded, between semicolons */
};

size_t gpu_class_count(void);

/* The class at a position of the table, 0 .. count - 1; for going through all. */
const struct gpu_class *gpu_class_at(size_t position);

/* NULL when there is no such number; 0 is no class. */
const struct gpu_class *gpu_class_by_number(uint16_t number);

/* The class meant by a name, title, alias or driver's name. Case, spaces, dashes and makers' words
 * are ignored: "NVIDIA GeForce RTX 4090", "RTX_4090" and "4090" are one. STATUS_NOT_FOUND;
 * STATUS_AMBIGUOUS when a short form ("h100") fits several classes and none exactly. */
enum status gpu_class_find(struct bytes text, const struct gpu_class **ret_class) MUST_USE;

/* The class of a card as its driver names it; of classes that differ only in memory, the one
 * nearest to vram_mib. STATUS_NOT_FOUND, STATUS_AMBIGUOUS. */
enum status gpu_class_of_device(struct bytes driver_name, uint32_t vram_mib,
                                const struct gpu_class **ret_class) MUST_USE;

/* Adds to `classes` (bit n of the set: class number n) the class of that name and its variants in
 * memory or socket, never a laptop's card under a desktop card's name: "h100" is every H100,
 * "rtx4060ti" both memory sizes, "rtx3080-12gb" one. STATUS_NOT_FOUND. */
enum status gpu_class_find_family(struct bytes text, uint8_t classes[CLASS_SET_BYTES]) MUST_USE;

bool gpu_class_set_has(const uint8_t classes[CLASS_SET_BYTES], uint16_t number);
void gpu_class_set_add(uint8_t classes[CLASS_SET_BYTES], uint16_t number);

/* The name that was meant by a text without a class, or NULL. */
const char *gpu_class_nearest(struct bytes text);

const char *gpu_vendor_name(enum gpu_vendor vendor);    /* "nvidia" */
const char *gpu_segment_name(enum gpu_segment segment); /* "gaming" */
const char *gpu_arch_name(enum gpu_arch arch);          /* "Ada" */

/* Room enough for gpu_class_table_bytes. */
enum { GPU_CLASS_TABLE_BYTES_MAX = 32768 };

/* Appends what makes the table what it is (numbers, names, vendors and figures of the cards, not
 * the guesses about asks and shares), one fixed form for hashing. */
void gpu_class_table_bytes(struct buffer *out);

/* Worth of a GPU for a kind of work in 1/65536 of an H100 SXM (989.4 fp16 TFLOPS, 3350 GB/s):
 * by memory bandwidth for inference, by fp16 for training, fine-tuning and rendering. Floored, at
 * least 1. */
uint32_t gpu_unit(enum work work, uint32_t fp16_gflops, uint32_t bandwidth_mb_s);

/* The smaller of a measured figure and the class's, so that no host is worth more than its card can
 * do; the other one when either is 0 (not measured, no class). */
uint32_t gpu_class_capped(uint32_t measured, uint32_t of_class);

#endif
