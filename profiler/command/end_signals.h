/* SPDX-License-Identifier: MIT */
/* End signals are those that ask a program to end: SIGINT, SIGTERM, SIGHUP and SIGQUIT. They are
 * noted, so that a command can first undo what it has done to another process. */
#pragma once
#include <stdbool.h>

/* Begins to note them, except those that are ignored; and ignores SIGPIPE, so that output that
 * nobody reads is an error of writing. Returns a descriptor that is readable after the first
 * signal, or -errno. */
int end_signals_begin(void);

/* Returns the signal that was noted, or 0. */
int end_signals_seen(void);
