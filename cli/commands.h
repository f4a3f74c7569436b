/* What each command does; each function is named in the table of cli/command_table.c. */
#ifndef GPULET_CLI_COMMANDS_H
#define GPULET_CLI_COMMANDS_H

#include "cli/command.h"

/* The node itself: cli/node_commands.c, cli/launch.c. All answer with an exit code. */
int run_up(const struct invocation *invocation);
int run_down(const struct invocation *invocation);
int run_status(const struct invocation *invocation);
int run_version(const struct invocation *invocation);
int run_doctor(const struct invocation *invocation);
int run_gpus(const struct invocation *invocation);
int run_peers(const struct invocation *invocation);
int run_peer_add(const struct invocation *invocation);
int run_allow(const struct invocation *invocation);
int run_deny(const struct invocation *invocation);
int run_config_show(const struct invocation *invocation);
int run_config_get(const struct invocation *invocation);
int run_config_set(const struct invocation *invocation);
int run_config_explain(const struct invocation *invocation);

/* cli/host_commands.c */
int run_host(const struct invocation *invocation);
int run_unhost(const struct invocation *invocation);
int run_pause(const struct invocation *invocation);
int run_resume(const struct invocation *invocation);
int run_reclaim(const struct invocation *invocation);

/* cli/market_commands.c */
int run_listings(const struct invocation *invocation);
int run_search(const struct invocation *invocation);
int run_quote(const struct invocation *invocation);

/* cli/overview.c */
int run_market(const struct invocation *invocation);

/* cli/rent.c, cli/logs.c, cli/lease_commands.c */
int run_rent(const struct invocation *invocation);
int run_request(const struct invocation *invocation);
int run_requests(const struct invocation *invocation);
int run_cancel(const struct invocation *invocation);
int run_leases(const struct invocation *invocation);
int run_lease_show(const struct invocation *invocation);
int run_lease_logs(const struct invocation *invocation);
int run_lease_extend(const struct invocation *invocation);
int run_lease_end(const struct invocation *invocation);

/* cli/money_commands.c, cli/receipt.c */
int run_earnings(const struct invocation *invocation);
int run_spending(const struct invocation *invocation);
int run_ledger(const struct invocation *invocation);
int run_clear(const struct invocation *invocation);
int run_receipts(const struct invocation *invocation);
int run_receipts_show(const struct invocation *invocation);
int run_receipts_export(const struct invocation *invocation);
int run_receipts_verify(const struct invocation *invocation);

/* cli/identity.c */
int run_identity_show(const struct invocation *invocation);
int run_identity_backup(const struct invocation *invocation);
int run_identity_restore(const struct invocation *invocation);

/* cli/testnet.c */
int run_testnet_up(const struct invocation *invocation);
int run_testnet_ps(const struct invocation *invocation);
int run_testnet_logs(const struct invocation *invocation);
int run_testnet_kill(const struct invocation *invocation);
int run_testnet_restart(const struct invocation *invocation);
int run_testnet_down(const struct invocation *invocation);

/* cli/help.c */
int run_help(const struct invocation *invocation);

#endif
