#include "cli/batch.h"

#include "cli/peer_name.h"
#include "cli/talk.h"
#include "protocol/auction.h"
#include "protocol/codec.h"
#include "protocol/price.h"
#include "protocol/quantity.h"

/* Of options that say nothing without --batch. */
static const char *const batch_options[] = {"auctioneer", "units", "units-min", "unit-price"};

/* A number of H100s, "0.5", in units; 0 when the option is not given. */
static uint64_t
units_of(const struct invocation *invocation, const char *name)
{
    const char *text = option_value(invocation, name);
    struct amount number = amount_zero();
    if (text == NULL || quantity_parse_amount(bytes_of_text(text), &number, NULL) != STATUS_OK) {
        return 0;
    }
    const uint64_t millionths = (uint64_t)amount_micro(number);
    const uint64_t whole = millionths / 1000000;
    return whole >= AUCTION_UNITS_MAX / H100E_UNIT
               ? AUCTION_UNITS_MAX
               : whole * H100E_UNIT + millionths % 1000000 * H100E_UNIT / 1000000;
}

static int
find_auctioneer(const struct invocation *invocation, struct batch_text *text)
{
    struct connection *connection;
    int code = talk_open(invocation, &connection);
    if (code == EXIT_DONE) {
        code = peer_name_find(connection, option_value(invocation, "auctioneer"), text->auctioneer);
        connection_close(connection);
    }
    return code;
}

/* The request with the bid in it. */
static int
add_bid(const struct invocation *invocation, struct control_rent *rent, struct batch_text *text)
{
    const char *price = option_value(invocation, "unit-price");
    const char *why = "the request cannot be read";
    struct request request;
    struct buffer bytes;
    enum status status = codec_decode(&request_schema, rent->request, &request);
    if (status == STATUS_OK) {
        status = quantity_parse_price(bytes_of_text(price), &request.unit_max_uusd_per_hour, NULL);
    }
    if (status == STATUS_OK) {
        status = auction_bid_check(&request, rent->units_wanted, rent->units_min, &why);
    }
    buffer_init(&bytes, text->request, sizeof text->request);
    if (status == STATUS_OK) {
        status = codec_encode(&request_schema, &request, &bytes);
    }
    if (status != STATUS_OK) {
        talk_say("no bid: %s", why);
        return EXIT_USAGE;
    }
    rent->request = buffer_bytes(&bytes);
    return EXIT_DONE;
}

int
batch_complete(const struct invocation *invocation, struct control_rent *rent,
               struct batch_text *text)
{
    const bool is_batch = option_is_given(invocation, "batch");
    for (size_t i = 0; i < sizeof batch_options / sizeof batch_options[0]; i++) {
        if (!is_batch && option_is_given(invocation, batch_options[i])) {
            talk_say("--%s says nothing without --batch", batch_options[i]);
            return EXIT_USAGE;
        }
    }
    if (!is_batch) {
        return EXIT_DONE;
    }
    if (!option_is_given(invocation, "auctioneer") || !option_is_given(invocation, "units") ||
        !option_is_given(invocation, "unit-price")) {
        talk_say("a bid needs --auctioneer PEER, --units 0.5 and --unit-price 2.00/h");
        return EXIT_USAGE;
    }
    rent->batch = true;
    rent->units_wanted = units_of(invocation, "units");
    rent->units_min = units_of(invocation, "units-min");
    int code = add_bid(invocation, rent, text);
    if (code == EXIT_DONE) {
        code = find_auctioneer(invocation, text);
        rent->auctioneer = bytes_of_text(text->auctioneer);
    }
    return code;
}
