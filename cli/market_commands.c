#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/market_columns.h"
#include "cli/overview.h"
#include "cli/request_options.h"
#include "cli/talk.h"
#include "protocol/codec.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

enum { REQUEST_SIZE = 2048 };

const struct column listing_columns[] = {
    {"listing", "LISTING", NULL},
    {"host", "HOST", "host_label"},
    {"model", "MODEL", NULL},
    {"slots_total", "CARDS", NULL},
    {"vram_mib", "VRAM", NULL},
    {"ask_uusd_per_hour", "ASK", NULL},
    {"interruptible_ask_uusd_per_hour", "INTERRUPTIBLE", NULL},
    {"region", "REGION", NULL},
    {"reliability_bp", "RELIABILITY", NULL},
    {"notice_s", "NOTICE", NULL},
    {"lease_max_s", "LONGEST", NULL},
    {"flags", "FLAGS", NULL},
};
const size_t listing_column_count = COUNT_OF(listing_columns);

static const struct column offer_columns[] = {
    {"rank", "RANK", NULL},
    {"listing", "LISTING", NULL},
    {"host", "HOST", "host_label"},
    {"model", "MODEL", NULL},
    {"slots", "CARDS", NULL},
    {"vram_mib", "VRAM", NULL},
    {"ask_uusd_per_hour", "ASK", NULL},
    {"unit_uusd_per_hour", "PER H100E", NULL},
    {"total_uusd", "TOTAL", NULL},
    {"region", "REGION", NULL},
    {"reliability_bp", "RELIABILITY", NULL},
    {"pick", "PICK", NULL},
};

static const struct column reject_columns[] = {
    {"clause", "WHY NOT", NULL},
    {"rejected", "LISTINGS", NULL},
    {"only_this", "ONLY THIS", NULL},
    {"nearest", "NEAREST", NULL},
};

/* A listing's place in the book: what it costs for what it can do, as the matcher ranks. */
struct ranked {
    struct kept_row row;
    uint64_t cost;
};

static uint64_t
cost_of(const struct kept_row *row)
{
    union row_view view;
    struct kept_row copy = *row;
    const struct answer single = {&copy, 1, 1};
    if (answer_row(&single, ROW_LISTING, 0, &view) != STATUS_OK) {
        return UINT64_MAX;
    }
    const struct gpu_class *class = gpu_class_by_number(view.listing.gpu_class);
    const uint32_t unit =
        class == NULL ? 1 : gpu_unit(WORK_INFER, class->fp16_gflops, class->bandwidth_mb_s);
    return price_effective(amount_micro(view.listing.ask_uusd_per_hour), unit,
                           view.listing.reliability_bp);
}

static int
compare_ranked(const void *a, const void *b)
{
    const struct ranked *first = a;
    const struct ranked *second = b;
    if (first->cost != second->cost) {
        return first->cost < second->cost ? -1 : 1;
    }
    return bytes_compare(first->row.value, second->row.value);
}

/* Best first. Without memory for it they stay as they came. */
static void
rank_listings(struct answer *answer)
{
    struct ranked *ranked = calloc(answer->count + 1, sizeof *ranked);
    if (ranked == NULL) {
        return;
    }
    for (size_t i = 0; i < answer->count; i++) {
        ranked[i] = (struct ranked){answer->rows[i], cost_of(&answer->rows[i])};
    }
    qsort(ranked, answer->count, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < answer->count; i++) {
        answer->rows[i] = ranked[i].row;
    }
    free(ranked);
}

int
run_listings(const struct invocation *invocation)
{
    struct answer answer = {NULL, 0, 0};
    const struct control_listings question = {option_is_given(invocation, "mine")};
    int code = talk_once(invocation, CONTROL_LISTINGS, &question, &answer);
    if (code == EXIT_DONE) {
        rank_listings(&answer);
        code = talk_list(invocation, &answer, ROW_LISTING, listing_columns, listing_column_count);
    }
    answer_clear(&answer);
    return code;
}

void
rejects_print(FILE *file, const struct answer *answer)
{
    if (answer_count(answer, ROW_REJECT) > 0) {
        output_table(file, answer, ROW_REJECT, reject_columns, COUNT_OF(reject_columns));
    }
}

/* Offers and, with --explain or without any offer, why others do not fit: one document. */
int
offers_print(const struct invocation *invocation, const struct answer *answer)
{
    const size_t offers = answer_count(answer, ROW_OFFER);
    const bool explains = offers == 0 || option_is_given(invocation, "explain");
    if (option_is_given(invocation, "json")) {
        json_t *document = json_object();
        json_object_set_new(document, "offers", output_array(answer, ROW_OFFER));
        if (explains) {
            json_object_set_new(document, "rejects", output_array(answer, ROW_REJECT));
        }
        return talk_document(document);
    }
    if (offers == 0) {
        talk_say("no offer fits");
    }
    output_table(stdout, answer, ROW_OFFER, offer_columns, COUNT_OF(offer_columns));
    if (explains) {
        fputs(offers > 0 && answer_count(answer, ROW_REJECT) > 0 ? "\n" : "", stdout);
        rejects_print(stdout, answer);
    }
    return talk_flush();
}

static int
ask_search(const struct invocation *invocation, bool quote, struct answer *answer)
{
    struct request request;
    uint8_t encoded[REQUEST_SIZE];
    char memory[CELL_SIZE];
    struct buffer why;
    struct buffer bytes;
    buffer_init(&why, memory, sizeof memory);
    buffer_init(&bytes, encoded, sizeof encoded);
    if (request_of_options(invocation, &request, &why) != STATUS_OK) {
        return talk_refuse(EXIT_USAGE, &why);
    }
    if (codec_encode(&request_schema, &request, &bytes) != STATUS_OK) {
        talk_say("a filter is outside its limits");
        return EXIT_USAGE;
    }
    const struct control_search question = {
        .request = buffer_bytes(&bytes),
        .limit = quote ? 0 : (uint16_t)option_count(invocation, "limit", 0),
        .explain = option_is_given(invocation, "explain"),
        .quote = quote,
    };
    return quote ? overview_ask(invocation, CONTROL_SEARCH, &question, answer)
                 : talk_once(invocation, CONTROL_SEARCH, &question, answer);
}

int
run_search(const struct invocation *invocation)
{
    struct answer answer = {NULL, 0, 0};
    int code = ask_search(invocation, false, &answer);
    if (code == EXIT_DONE) {
        code = offers_print(invocation, &answer);
    }
    answer_clear(&answer);
    return code;
}

int
run_quote(const struct invocation *invocation)
{
    struct answer answer = {NULL, 0, 0};
    int code = ask_search(invocation, true, &answer);
    if (code == EXIT_DONE) {
        code = quote_print(invocation, &answer);
    }
    answer_clear(&answer);
    return code;
}
