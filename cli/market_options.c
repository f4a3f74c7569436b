#include "cli/command.h"
#include "cli/commands.h"

static const struct option market_table[] = {
    {.name = "scenario",
     .help = "clear what twelve buyers wanted in August 2023 over N generated listings of gamers, "
             "without a gpuletd"},
    {.name = "seed",
     .kind = VALUE_NUMBER,
     .help = "same seed: same listings and bids",
     .fallback = "1"},
    {.name = "cards",
     .kind = VALUE_NAME,
     .shown = "2023-08|2026-04",
     .help = "month of the survey of gamers' cards",
     .fallback = "2023-08"},
    {.name = "cloud-price",
     .kind = VALUE_PRICE,
     .help = "price of a cloud's H100, which bids are shares of",
     .fallback = "4.40/h"},
};
const struct option_list market_options = {"Options", market_table,
                                           sizeof market_table / sizeof market_table[0]};
