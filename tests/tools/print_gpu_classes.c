/* Prints docs/gpu_classes.md: the numbers of GPU models, and what a class table's digest is made of. */
#include <stdio.h>

#include "crypto/digest.h"
#include "protocol/gpu_class.h"

static const char head[] =
    "# GPU classes\n"
    "\n"
    "Printed by `make docs` from `protocol/gpu_class_table.c`; do not edit.\n"
    "\n"
    "A class is a model of GPU, with the figures of its data sheet. Listings and requests name it "
    "by its number, which is never\n"
    "reused; 0 is no class. What a host measures counts up to its class's figure, not beyond. "
    "Names "
    "are for people: the command\n"
    "line takes them with or without dashes, blanks and makers' words.\n"
    "\n"
    "A listing holds the first 8 bytes of the table's digest, so that a newer table is noticed. "
    "The "
    "digest is\n"
    "`digest(\"gpulet class table 1\", bytes)` (see [wire.md](wire.md)). All numbers in the bytes "
    "have 4 bytes, highest first: the\n"
    "count of classes, then for each class in the order below the number, vendor (0 nvidia, 1 amd, "
    "2 intel), capability, VRAM\n"
    "(MiB), bandwidth (MB/s), fp16 and fp8 (GFLOPS), link (MB/s), PCIe generation, flags, the "
    "length of the name in bytes and the\n"
    "name.\n"
    "\n"
    "Capability is 809 for NVIDIA's 8.9, 2314 (0x90a) for AMD's gfx90a. Flags: 1 bf16, 2 fp8, 4 "
    "ECC, 8 MIG. Speeds are dense.\n"
    "Link is NVLink, Infinity Fabric or Xe Link, both directions.\n"
    "\n";

int
main(void)
{
    uint8_t digest[ID_LENGTH];
    char hex[ID_HEX_SIZE];
    class_table_digest(digest);
    id_to_hex(digest, hex);
    (void)fputs(head, stdout);
    (void)printf("This table's digest: `%s`\n\n", hex);
    (void)puts(
        "| # | name | title | vendor | capability | VRAM MiB | MB/s | fp16 GFLOPS | fp8 "
        "GFLOPS | link MB/s | PCIe | flags |\n|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *class = gpu_class_at(i);
        (void)printf(
            "| %u | %s | %s | %s | %u | %u | %u | %u | %u | %u | %u | %u |\n",
            (unsigned)class->number, class->name, class->title, gpu_vendor_name(class->vendor),
            (unsigned)class->capability, (unsigned)class->vram_mib, (unsigned)class->bandwidth_mb_s,
            (unsigned)class->fp16_gflops, (unsigned)class->fp8_gflops, (unsigned)class->nvlink_mb_s,
            (unsigned)class->pcie_gen, (unsigned)class->flags);
    }
    return 0;
}
