/* The options of the commands, a list for each group of them that is shown together. */
#ifndef GPULET_CLI_OPTION_TABLE_H
#define GPULET_CLI_OPTION_TABLE_H

#include "cli/command.h"

extern const struct option_list filters;
extern const struct option_list search_options;
extern const struct option_list rent_options;
extern const struct option_list request_options;
extern const struct option_list host_options;
extern const struct option_list cards_options;
extern const struct option_list listings_options;
extern const struct option_list leases_options;
extern const struct option_list logs_options;
extern const struct option_list extend_options;
extern const struct option_list ledger_options;
extern const struct option_list file_options;
extern const struct option_list clear_options;
extern const struct option_list identity_options;
extern const struct option_list down_options;
extern const struct option_list testnet_up_options;
extern const struct option_list testnet_kill_options;
extern const struct option_list testnet_down_options;
extern const struct option_list help_options;
extern const struct option_list up_options;
extern const struct option_list market_options;

#endif
