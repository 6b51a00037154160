/* SPDX-License-Identifier: MIT */
/* The commands, each defined in its cmd_*.c, for the table in main.c; and the man page. */
#pragma once
#include "commands/command.h"

extern const struct command command_convert;
extern const struct command command_diff;
extern const struct command command_html;
extern const struct command command_inspect;
extern const struct command command_merge;
extern const struct command command_top;
extern const struct command command_trend;
extern const struct command command_info;
extern const struct command command_formats;

extern const char man_page_rest[]; /* its sections after the commands */
