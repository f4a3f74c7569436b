#include "node/core/ask.h"

#include <assert.h>

#include "node/core/say.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"
#include "protocol/quantity.h"

enum { WORDS_MAX = 65536, ASK_UNKNOWN_UUSD = 100000 };

size_t
ask_prices(const struct core *core, const uint8_t *classes, bool with_own,
           struct class_price *ret_prices)
{
    const struct host_key own = host_key_of(&core->options.keypair.identity);
    const struct price_wish wish = {.classes = classes, .without = with_own ? NULL : &own};
    const size_t rows = book_count(core->book);
    const size_t used = core->effects->arena_used;
    struct price_memory memory = {.count = rows < 2 ? 2 : rows < WORDS_MAX ? rows : WORDS_MAX};
    memory.words = effects_take(core->effects, memory.count * sizeof memory.words[0]);
    const size_t count = price_index(core->book, &wish, &memory, ret_prices);
    core->effects->arena_used = used; /* needed no longer */
    return count;
}

/* Where an ask comes from. */
struct basis {
    struct amount middle;  /* of others, or typical */
    uint32_t listings;     /* of others */
    struct amount current; /* what it draws; zero: not known */
};

static struct amount
amount_of(int64_t uusd)
{
    struct amount amount = amount_zero();
    const enum status status = amount_of_micro(uusd, &amount);
    assert(status == STATUS_OK);
    return amount;
}

static struct basis
basis_of(const struct core *core, uint16_t number)
{
    struct class_price prices[PRICE_CLASSES_MAX];
    uint8_t classes[CLASS_SET_BYTES] = {0};
    const struct gpu_class *gpu_class = gpu_class_by_number(number);
    struct basis basis = {.middle = amount_of(ASK_UNKNOWN_UUSD), .current = amount_zero()};
    if (gpu_class == NULL) {
        return basis;
    }
    gpu_class_set_add(classes, number);
    basis.current = price_of_current(gpu_class->watts, core->options.current_uusd_per_kwh);
    if (ask_prices(core, classes, false, prices) == 0) {
        basis.middle = amount_of((int64_t)gpu_class->ask_uusd_per_hour);
    } else {
        basis.middle = amount_of((int64_t)prices[0].ask_median_uusd);
        basis.listings = prices[0].listings;
    }
    return basis;
}

struct amount
ask_suggested(const struct core *core, uint16_t gpu_class)
{
    const struct basis basis = basis_of(core, gpu_class);
    return amount_compare(basis.current, basis.middle) > 0 ? basis.current : basis.middle;
}

void
ask_explain(struct core *core, struct client client, uint16_t number)
{
    const struct gpu_class *gpu_class = gpu_class_by_number(number);
    const struct basis basis = basis_of(core, number);
    const char *title = gpu_class == NULL ? "card of an unknown class" : gpu_class->title;
    char memory[64];
    struct buffer price;
    buffer_init(&price, memory, sizeof memory - 1);
    if (amount_compare(basis.current, basis.middle) > 0) {
        quantity_print_price(&price, basis.current);
        memory[price.length] = '\0';
        say_note(core, client, NOTE_TALK,
                 "automatic ask for %s: %s, what its current costs; others ask less", title,
                 memory);
        return;
    }
    quantity_print_price(&price, basis.middle);
    memory[price.length] = '\0';
    if (basis.listings == 0) {
        say_note(core, client, NOTE_TALK,
                 "automatic ask for %s: %s, a typical one; nobody else offers such cards", title,
                 memory);
    } else {
        say_note(core, client, NOTE_TALK,
                 "automatic ask for %s: %s, the middle of what %u other listing%s ask%s", title,
                 memory, basis.listings, basis.listings == 1 ? "" : "s",
                 basis.listings == 1 ? "s" : "");
    }
}
