/* Judges the pages of an LMDB file by their format alone, without LMDB.
 *
 * LMDB believes what its pages say. Reading a damaged page is one thing; a later write that moves nodes by lengths from the
 * file would overwrite the process's memory. So every page that a tree reaches is held against the
 * format before LMDB may write: data version 1 of LMDB 0.9, on a machine of our own byte order and
 * 64-bit page numbers (struct MDB_page, MDB_node, MDB_db and MDB_meta in LMDB's mdb.c). */
#ifndef GPULET_STORAGE_PAGES_H
#define GPULET_STORAGE_PAGES_H

#include "protocol/bytes.h"
#include "protocol/status.h"

/* STATUS_OK: both meta pages agree; every page of every tree is where its header says, of the right
 * kind and depth, with nodes that lie inside it and apart; no page is used twice, and none is both used
 * and free. Keys and values are not judged. STATUS_CORRUPT; STATUS_NO_MEMORY. */
enum status pages_judge(struct bytes file) MUST_USE;

/* The same for a file, which nobody may cut off meanwhile. STATUS_SYSTEM when it cannot be read. */
enum status pages_look(const char *path) MUST_USE;

#endif
