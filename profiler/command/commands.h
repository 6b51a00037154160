/* SPDX-License-Identifier: MIT */
/* The commands of `heapprof`, each defined in its cmd_*.c, for the table in main.c; and the man
 * page. */
#pragma once
#include "cli/command.h"

extern const struct command command_attach;
extern const struct command command_check;
extern const struct command command_detach;
extern const struct command command_dump;
extern const struct command command_inspect_process;
extern const struct command command_leaks;
extern const struct command command_list;
extern const struct command command_process;
extern const struct command command_run;
extern const struct command command_serve;
extern const struct command command_set;
extern const struct command command_top;
extern const struct command command_watch;

extern const char heapprof_man_rest[]; /* its sections after the commands */
