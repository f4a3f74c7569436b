#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/talk.h"
#include "cli/testnet.h"
#include "protocol/gpu_class.h"
#include "protocol/quantity.h"

enum { LINE_SIZE = 4096, FIELDS_MAX = 64, CARDS_MAX = 16, OFFERS_MAX = 4096, ASK_USD_MAX = 20 };

/* The columns that are looked at, in the header's own words. */
enum column_of_offer {
    COLUMN_GPU,
    COLUMN_COUNT_OF_GPUS,
    COLUMN_PRICE,
    COLUMN_VRAM,
    COLUMN_UP,
    COLUMN_DOWN,
    COLUMN_MACHINE,
    COLUMN_COUNT
};
static const char *const column_names[COLUMN_COUNT] = {
    "GPU", "NumGPUs", "PricePerHour", "VRAM_GB", "InetUp", "InetDown", "MachineID"};

enum { MACHINE_SIZE = 32 };

/* A line that makes a host. A marketplace lists slices of a machine as rows of their own: the largest one
 * stands for all. */
struct offer {
    struct network_node node;
    const struct gpu_class *gpu_class;
    uint32_t cards;
    size_t line;
    char machine[MACHINE_SIZE]; /* "" when the file does not say */
};

struct offers_file {
    FILE *file;
    size_t line;
    size_t places[COLUMN_COUNT]; /* FIELDS_MAX: not there */
    char text[LINE_SIZE];
    char *fields[FIELDS_MAX];
    size_t field_count;
};

/* Splits the line in place: commas part fields, quotes hold commas, two quotes are one. */
static void
split(struct offers_file *offers)
{
    char *from = offers->text;
    char *to = offers->text;
    bool is_quoted = false;
    offers->field_count = 0;
    offers->fields[offers->field_count++] = to;
    for (; *from != '\0' && *from != '\n' && *from != '\r'; from++) {
        if (*from == '"') {
            if (is_quoted && from[1] == '"') {
                *to++ = *from++;
            } else {
                is_quoted = !is_quoted;
            }
        } else if (*from == ',' && !is_quoted && offers->field_count < FIELDS_MAX) {
            *to++ = '\0';
            offers->fields[offers->field_count++] = to;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static bool
read_line(struct offers_file *offers)
{
    if (fgets(offers->text, sizeof offers->text, offers->file) == NULL) {
        return false;
    }
    offers->line++;
    split(offers);
    return true;
}

static const char *
column(const struct offers_file *offers, enum column_of_offer which)
{
    const size_t place = offers->places[which];
    return place < offers->field_count ? offers->fields[place] : "";
}

static enum status
read_header(struct offers_file *offers, const char *path, struct buffer *why)
{
    if (!read_line(offers)) {
        buffer_append_format(why, "%s is empty", path);
        return STATUS_BAD_INPUT;
    }
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        offers->places[c] = FIELDS_MAX;
        for (size_t i = 0; i < offers->field_count; i++) {
            if (strcmp(offers->fields[i], column_names[c]) == 0) {
                offers->places[c] = i;
            }
        }
        if (c <= COLUMN_PRICE && offers->places[c] == FIELDS_MAX) {
            buffer_append_format(why, "%s has no column %s", path, column_names[c]);
            return STATUS_BAD_INPUT;
        }
    }
    return STATUS_OK;
}

/* A decimal number cut to whole units; 0 when it is none. */
static uint32_t
whole(const char *text)
{
    char *end;
    const unsigned long number = strtoul(text, &end, 10);
    return end == text || number > UINT32_MAX ? 0 : (uint32_t)number;
}

/* Dollars with at most six decimals: what is finer is cut. */
static bool
read_price(const char *text, uint64_t *ret_uusd)
{
    struct amount price;
    const char *point = strchr(text, '.');
    const size_t length = strlen(text);
    const size_t most = point == NULL ? length : (size_t)(point - text) + 7;
    const struct bytes cut = bytes_of(text, length < most ? length : most);
    if (quantity_parse_amount(cut, &price, NULL) != STATUS_OK || amount_is_zero(price)) {
        return false;
    }
    *ret_uusd = (uint64_t)amount_micro(price);
    return true;
}

/* NULL when the line makes a host; else why not. */
static const char *
read_offer(const struct offers_file *offers, struct offer *ret_offer)
{
    struct network_node *node = &ret_offer->node;
    const struct gpu_class *class;
    const uint32_t count = whole(column(offers, COLUMN_COUNT_OF_GPUS));
    const uint32_t vram_gib = whole(column(offers, COLUMN_VRAM));
    enum status status =
        gpu_class_of_device(bytes_of_text(column(offers, COLUMN_GPU)), vram_gib * 1024, &class);
    if (status != STATUS_OK) {
        return status == STATUS_AMBIGUOUS ? "the card's name fits several classes"
                                          : "no such card is in the class table";
    }
    if (count < 1 || count > CARDS_MAX) {
        return "the number of cards is not 1 to 16";
    }
    if (!read_price(column(offers, COLUMN_PRICE), &node->ask_uusd_per_hour)) {
        return "the price is none";
    }
    if (node->ask_uusd_per_hour > ASK_USD_MAX * UINT64_C(1000000)) {
        return "the price is an outlier, over 20 USD an hour for one card";
    }
    /* The card's own memory is a little more than a nominal figure that was rounded down. */
    if (vram_gib != 0 && vram_gib > class->vram_mib / 1024 + 1) {
        return "more memory than such a card has: it was changed, or is another one";
    }
    node->up_mbit_s = whole(column(offers, COLUMN_UP));
    node->down_mbit_s = whole(column(offers, COLUMN_DOWN));
    snprintf(node->cards, sizeof node->cards, count > 1 ? "%sx%u" : "%s", class->name, count);
    snprintf(ret_offer->machine, sizeof ret_offer->machine, "%s", column(offers, COLUMN_MACHINE));
    ret_offer->gpu_class = class;
    ret_offer->cards = count;
    ret_offer->line = offers->line;
    return NULL;
}

/* The usable lines of a file, one a machine. */
struct usable {
    struct offer offers[OFFERS_MAX];
    size_t count;
    size_t slices;
    size_t refused;
};

static struct offer *
find_machine(struct usable *usable, const struct offer *offer)
{
    for (size_t i = 0; i < usable->count && offer->machine[0] != '\0'; i++) {
        if (usable->offers[i].gpu_class == offer->gpu_class &&
            strcmp(usable->offers[i].machine, offer->machine) == 0) {
            return &usable->offers[i];
        }
    }
    return NULL;
}

static void
take_offer(struct usable *usable, const char *path, const struct offer *offer)
{
    struct offer *same = find_machine(usable, offer);
    if (same == NULL) {
        usable->offers[usable->count++] = *offer;
        return;
    }
    const bool is_larger = offer->cards > same->cards;
    const struct offer *slice = is_larger ? same : offer;
    const struct offer *kept = is_larger ? offer : same;
    usable->slices++;
    talk_say("%s, line %zu: %s: a slice of machine %.20s, of which line %zu lists %" PRIu32
             " cards; one listing stands for both",
             path, slice->line, slice->gpu_class->title, kept->machine, kept->line, kept->cards);
    if (is_larger) {
        *same = *offer;
    }
}

/* Every usable line, up to what there is room for; the others are told, each with its reason. */
static void
take_offers(struct offers_file *offers, const char *path, struct usable *usable)
{
    while (usable->count < OFFERS_MAX && read_line(offers)) {
        struct offer offer = {.node.is_host = true};
        const char *why = read_offer(offers, &offer);
        if (why == NULL) {
            take_offer(usable, path, &offer);
        } else {
            usable->refused++;
            talk_say("%s, line %zu: %.40s: %s", path, offers->line, column(offers, COLUMN_GPU),
                     why);
        }
    }
    talk_say("%s: %zu of %zu lines can be used; %zu are slices of another line's machine", path,
             usable->count, usable->count + usable->slices + usable->refused, usable->slices);
}

/* Spread over the file, since its neighbours are often alike; the seed says where it begins. */
static void
choose(const struct usable *usable, size_t wanted, struct network *network)
{
    const size_t count = usable->count;
    const size_t taken = count < wanted ? count : wanted;
    const size_t stride = taken == 0 ? 1 : count / taken;
    const size_t begin = (size_t)(network->seed % stride);
    for (size_t i = 0; i < taken; i++) {
        network->nodes[network->count++] = usable->offers[begin + i * stride].node;
    }
}

enum status
testnet_read_offers(const char *path, size_t wanted, struct network *network, struct buffer *why)
{
    struct offers_file *offers = calloc(1, sizeof *offers);
    struct usable *usable = calloc(1, sizeof *usable);
    if (offers == NULL || usable == NULL) {
        free(usable);
        free(offers);
        return STATUS_NO_MEMORY;
    }
    enum status status = STATUS_OK;
    offers->file = fopen(path, "re");
    if (offers->file == NULL) {
        buffer_append_format(why, "cannot read %s", path);
        status = STATUS_NOT_FOUND;
    } else {
        status = read_header(offers, path, why);
        if (status == STATUS_OK) {
            take_offers(offers, path, usable);
            choose(usable, wanted, network);
        }
        fclose(offers->file);
    }
    free(usable);
    free(offers);
    return status;
}
