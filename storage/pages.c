#include "storage/pages.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(size_t) == 8, "LMDB's page numbers are size_t in the file");

enum {
    PAGE_BYTES_MIN = 512,
    PAGE_BYTES_LARGEST = 65536,
    PAGE_HEADER = 16,
    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,
    NODE_HEADER = 8,
    NODE_BIG = 0x01,  /* the value lies on overflow pages */
    NODE_TREE = 0x02, /* the value is the root of a named tree */
    ROOT_BYTES = 48,
    TREE_FLAGS_FREE = 0x08, /* integer keys */
    KEY_BYTES_MAX = 511,
    DEPTH_MAX = 32,
    NAMED_TREES_MAX = 64,
    UNWRITTEN_MAX =
        1 << 17 /* pages of one commit (MDB_IDL_UM_MAX): taken and freed in it, never written */
};

#define META_MAGIC UINT32_C(0xBEEFC0DE)
#define META_VERSION UINT32_C(1)
#define NO_PAGE UINT64_MAX

/* Where things stand in a meta page. */
enum {
    META_MAGIC_AT = PAGE_HEADER,
    META_VERSION_AT = PAGE_HEADER + 4,
    META_FREE_ROOT_AT = PAGE_HEADER + 24,
    META_NAMES_ROOT_AT = META_FREE_ROOT_AT + ROOT_BYTES,
    META_LAST_PAGE_AT = META_NAMES_ROOT_AT + ROOT_BYTES,
    META_COMMIT_AT = META_LAST_PAGE_AT + 8,
    META_END = META_COMMIT_AT + 8
};

/* What a tree consists of. */
struct tally {
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
};

struct root {
    uint32_t pad; /* of the free tree: the page size */
    uint16_t flags;
    uint16_t depth;
    struct tally tally;
    uint64_t page; /* NO_PAGE: empty */
};

struct file {
    const uint8_t *map;
    uint64_t bytes;
    size_t page_bytes;
    uint64_t pages;     /* up to the last one of the newest commit */
    uint64_t written;   /* that the file has: free pages at the end may never have been written */
    uint64_t commit;    /* number of the newest commit */
    struct tally tally; /* of the tree under view */
    uint8_t *taken;     /* a bit for each page */
    uint8_t *occupied;  /* a byte for each two of the page under view */
    struct root named[NAMED_TREES_MAX];
    size_t named_count;
};

enum tree_type { TREE_OF_FREE_PAGES, TREE_OF_NAMES, TREE_NAMED };

struct node {
    const uint8_t *key;
    size_t key_length;
    const uint8_t *value;
    uint64_t value_length;
    uint16_t flags;
    uint64_t child; /* of a branch */
};

static uint16_t
read_16(const uint8_t *at)
{
    uint16_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static uint32_t
read_32(const uint8_t *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static uint64_t
read_64(const uint8_t *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static struct root
root_read(const uint8_t *at)
{
    return (struct root){.pad = read_32(at),
                         .flags = read_16(at + 4),
                         .depth = read_16(at + 6),
                         .tally = {.branch_pages = read_64(at + 8),
                                   .leaf_pages = read_64(at + 16),
                                   .overflow_pages = read_64(at + 24),
                                   .entries = read_64(at + 32)},
                         .page = read_64(at + 40)};
}

static const uint8_t *
page_at(const struct file *file, uint64_t page)
{
    return file->map + page * file->page_bytes;
}

/* Takes `count` pages; false when one is outside the file or taken already. */
static bool
pages_take(struct file *file, uint64_t first, uint64_t count)
{
    if (first < 2 || first >= file->pages || count > file->pages - first) {
        return false;
    }
    for (uint64_t page = first; page < first + count; page++) {
        const uint8_t bit = (uint8_t)(1U << (page % CHAR_BIT));
        if ((file->taken[page / CHAR_BIT] & bit) != 0) {
            return false;
        }
        file->taken[page / CHAR_BIT] |= bit;
    }
    return true;
}

static size_t
node_count(const uint8_t *page)
{
    return (size_t)(read_16(page + 12) - PAGE_HEADER) / 2;
}

/* The header of a tree's page, which is taken by this. */
static bool
page_enter(struct file *file, uint64_t number, uint16_t kind, size_t nodes_min)
{
    if (number >= file->written || !pages_take(file, number, 1)) {
        return false;
    }
    const uint8_t *page = page_at(file, number);
    const size_t lower = read_16(page + 12);
    const size_t upper = read_16(page + 14);
    return read_64(page) == number && read_16(page + 10) == kind && lower >= PAGE_HEADER &&
           lower % 2 == 0 && upper % 2 == 0 && lower <= upper && upper <= file->page_bytes &&
           node_count(page) >= nodes_min;
}

/* Claims the node's bytes; false when they leave the page or meet another node's. */
static bool
span_claim(struct file *file, size_t offset, uint64_t length)
{
    if (length > file->page_bytes - offset) {
        return false;
    }
    for (size_t i = offset / 2; i < (offset + length + 1) / 2; i++) {
        if (file->occupied[i] != 0) {
            return false;
        }
        file->occupied[i] = 1;
    }
    return true;
}

/* A value on overflow pages of its own; a shorter value that took the place of a longer one keeps the
 * longer one's pages. */
static bool
big_value_read(struct file *file, struct node *node)
{
    const uint64_t first = read_64(node->value);
    const uint64_t needed = (PAGE_HEADER - 1 + node->value_length) / file->page_bytes + 1;
    if (first >= file->written) {
        return false;
    }
    const uint8_t *page = page_at(file, first);
    const uint64_t pages = read_32(page + 12);
    file->tally.overflow_pages += pages;
    node->value = page + PAGE_HEADER;
    return read_64(page) == first && read_16(page + 10) == PAGE_OVERFLOW && pages >= needed &&
           needed <= file->written - first && pages_take(file, first, pages);
}

static bool
leaf_node_read(struct file *file, const uint8_t *page, size_t offset, struct node *ret_node)
{
    const uint8_t *at = page + offset;
    struct node node = {.key = at + NODE_HEADER,
                        .key_length = read_16(at + 6),
                        .flags = read_16(at + 4),
                        .value_length = read_16(at) | (uint64_t)read_16(at + 2) << 16};
    const uint64_t inside = node.flags == NODE_BIG ? sizeof(uint64_t) : node.value_length;
    if (node.key_length == 0 || node.key_length > KEY_BYTES_MAX ||
        !span_claim(file, offset, NODE_HEADER + node.key_length + inside)) {
        return false;
    }
    node.value = node.key + node.key_length;
    if (node.flags == NODE_BIG && !big_value_read(file, &node)) {
        return false;
    }
    *ret_node = node;
    return true;
}

static bool
branch_node_read(struct file *file, const uint8_t *page, size_t offset, struct node *ret_node)
{
    const uint8_t *at = page + offset;
    const struct node node = {.key = at + NODE_HEADER,
                              .key_length = read_16(at + 6),
                              .child = read_16(at) | (uint64_t)read_16(at + 2) << 16 |
                                       (uint64_t)read_16(at + 4) << 32};
    if (node.key_length > KEY_BYTES_MAX ||
        !span_claim(file, offset, NODE_HEADER + node.key_length)) {
        return false;
    }
    *ret_node = node;
    return true;
}

/* A node of a page that was entered. */
static bool
node_read(struct file *file, const uint8_t *page, size_t index, struct node *ret_node)
{
    const size_t offset = read_16(page + PAGE_HEADER + 2 * index);
    if (offset % 2 != 0 || offset < read_16(page + 14) || offset > file->page_bytes - NODE_HEADER) {
        return false;
    }
    return read_16(page + 10) == PAGE_LEAF ? leaf_node_read(file, page, offset, ret_node)
                                           : branch_node_read(file, page, offset, ret_node);
}

/* An entry of the free tree: a commit's number, and the pages it left: how many, and their numbers, falling. */
static bool
free_entry_look(struct file *file, const struct node *node)
{
    if (node->key_length != sizeof(uint64_t) || read_64(node->key) > file->commit ||
        node->value_length < sizeof(uint64_t) || node->value_length % sizeof(uint64_t) != 0) {
        return false;
    }
    const uint64_t count = read_64(node->value);
    if (count > node->value_length / sizeof(uint64_t) - 1) {
        return false;
    }
    uint64_t last = NO_PAGE;
    for (uint64_t i = 1; i <= count; i++) {
        const uint64_t page = read_64(node->value + i * sizeof(uint64_t));
        if (page >= last || !pages_take(file, page, 1)) {
            return false;
        }
        last = page;
    }
    return true;
}

static bool
leaf_node_look(struct file *file, enum tree_type type, const struct node *node)
{
    if (type == TREE_OF_FREE_PAGES) {
        return (node->flags == 0 || node->flags == NODE_BIG) && free_entry_look(file, node);
    }
    if (type == TREE_NAMED) {
        return node->flags == 0 || node->flags == NODE_BIG;
    }
    if (node->flags != NODE_TREE || node->value_length != ROOT_BYTES ||
        file->named_count == NAMED_TREES_MAX) {
        return false;
    }
    const struct root root = root_read(node->value);
    file->named[file->named_count++] = root;
    return root.flags == 0 && root.pad == 0;
}

static bool
leaf_look(struct file *file, enum tree_type type, const uint8_t *page)
{
    memset(file->occupied, 0, file->page_bytes / 2);
    const size_t count = node_count(page);
    for (size_t i = 0; i < count; i++) {
        struct node node;
        if (!node_read(file, page, i, &node) || !leaf_node_look(file, type, &node)) {
            return false;
        }
    }
    return true;
}

/* Its nodes lie inside and apart; the pages below are entered one by one later. */
static bool
branch_look(struct file *file, const uint8_t *page)
{
    memset(file->occupied, 0, file->page_bytes / 2);
    const size_t count = node_count(page);
    for (size_t i = 0; i < count; i++) {
        struct node node;
        if (!node_read(file, page, i, &node)) {
            return false;
        }
    }
    return true;
}

struct level {
    const uint8_t *page;
    size_t next; /* node to go down by */
};

/* Enters a page of a tree and looks at its nodes. */
static bool
level_enter(struct file *file, enum tree_type type, uint64_t number, bool is_leaf)
{
    /* LMDB may leave a branch of the free tree with one node. */
    const size_t nodes_min = is_leaf || type == TREE_OF_FREE_PAGES ? 1 : 2;
    if (!page_enter(file, number, is_leaf ? PAGE_LEAF : PAGE_BRANCH, nodes_min)) {
        return false;
    }
    const uint8_t *page = page_at(file, number);
    if (!is_leaf) {
        file->tally.branch_pages++;
        return branch_look(file, page);
    }
    file->tally.leaf_pages++;
    file->tally.entries += node_count(page);
    return leaf_look(file, type, page);
}

static uint64_t
child_of(const uint8_t *page, size_t index)
{
    const uint8_t *at = page + read_16(page + PAGE_HEADER + 2 * index);
    return read_16(at) | (uint64_t)read_16(at + 2) << 16 | (uint64_t)read_16(at + 4) << 32;
}

/* LMDB trusts its tallies, and so does our quota. */
static bool
tally_fits(const struct tally *a, const struct tally *b)
{
    return a->branch_pages == b->branch_pages && a->leaf_pages == b->leaf_pages &&
           a->overflow_pages == b->overflow_pages && a->entries == b->entries;
}

static bool
tree_look(struct file *file, enum tree_type type, const struct root *root)
{
    file->tally = (struct tally){.entries = 0};
    if (root->page == NO_PAGE) {
        return root->depth == 0 && tally_fits(&root->tally, &file->tally);
    }
    if (root->depth == 0 || root->depth > DEPTH_MAX ||
        !level_enter(file, type, root->page, root->depth == 1)) {
        return false;
    }
    struct level levels[DEPTH_MAX] = {{.page = page_at(file, root->page)}};
    size_t depth = root->depth == 1 ? 0 : 1; /* branches on the way to where we are */
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        if (level->next == node_count(level->page)) {
            depth--;
            continue;
        }
        const uint64_t child = child_of(level->page, level->next++);
        const bool is_leaf = depth + 1 == root->depth;
        if (!level_enter(file, type, child, is_leaf)) {
            return false;
        }
        if (!is_leaf) {
            levels[depth++] = (struct level){.page = page_at(file, child)};
        }
    }
    return tally_fits(&root->tally, &file->tally);
}

/* The meta pages are written in turns, so they hold the last two commits; a new file has none. */
static bool
metas_look(struct file *file, const uint8_t **ret_meta)
{
    uint64_t commits[2];
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *meta = page_at(file, i);
        if (read_64(meta) != i || read_16(meta + 10) != PAGE_META ||
            read_32(meta + META_MAGIC_AT) != META_MAGIC ||
            read_32(meta + META_VERSION_AT) != META_VERSION ||
            root_read(meta + META_FREE_ROOT_AT).pad != file->page_bytes) {
            return false;
        }
        commits[i] = read_64(meta + META_COMMIT_AT);
    }
    const size_t newest = commits[0] < commits[1] ? 1 : 0;
    const bool is_new = commits[0] == 0 && commits[1] == 0;
    if (!is_new && (commits[newest] != commits[1 - newest] + 1 || commits[newest] % 2 != newest)) {
        return false;
    }
    file->commit = commits[newest];
    *ret_meta = page_at(file, newest);
    return true;
}

static bool
trees_look(struct file *file, const uint8_t *meta)
{
    const struct root free_root = root_read(meta + META_FREE_ROOT_AT);
    const struct root names_root = root_read(meta + META_NAMES_ROOT_AT);
    if (free_root.flags != TREE_FLAGS_FREE || names_root.flags != 0 ||
        !tree_look(file, TREE_OF_FREE_PAGES, &free_root) ||
        !tree_look(file, TREE_OF_NAMES, &names_root)) {
        return false;
    }
    for (size_t i = 0; i < file->named_count; i++) {
        if (!tree_look(file, TREE_NAMED, &file->named[i])) {
            return false;
        }
    }
    return true;
}

static enum status
file_look(struct file *file)
{
    if (file->bytes < META_END) {
        return STATUS_CORRUPT;
    }
    const size_t page_bytes = root_read(file->map + META_FREE_ROOT_AT).pad;
    if (page_bytes < PAGE_BYTES_MIN || page_bytes > PAGE_BYTES_LARGEST ||
        (page_bytes & (page_bytes - 1)) != 0 || file->bytes < 2 * page_bytes) {
        return STATUS_CORRUPT;
    }
    file->page_bytes = page_bytes;
    const uint8_t *meta = NULL;
    if (!metas_look(file, &meta)) {
        return STATUS_CORRUPT;
    }
    const uint64_t last_page = read_64(meta + META_LAST_PAGE_AT);
    file->written = file->bytes / page_bytes;
    if (last_page == 0 || last_page > file->written + UNWRITTEN_MAX) {
        return STATUS_CORRUPT;
    }
    file->pages = last_page + 1;
    file->taken = calloc(file->pages / CHAR_BIT + 1, 1);
    file->occupied = calloc(page_bytes / 2, 1);
    if (file->taken == NULL || file->occupied == NULL) {
        return STATUS_NO_MEMORY;
    }
    return trees_look(file, meta) ? STATUS_OK : STATUS_CORRUPT;
}

enum status
pages_judge(struct bytes bytes)
{
    struct file file = {.map = bytes.data, .bytes = bytes.length};
    const enum status status = file_look(&file);
    free(file.taken);
    free(file.occupied);
    return status;
}

enum status
pages_look(const char *path)
{
    enum status status = STATUS_SYSTEM;
    struct stat found;
    void *map = MAP_FAILED;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0 && fstat(descriptor, &found) == 0 && found.st_size > 0) {
        map = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
    }
    if (map != MAP_FAILED) {
        status = pages_judge(bytes_of(map, (size_t)found.st_size));
        (void)munmap(map, (size_t)found.st_size);
    }
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return status;
}
