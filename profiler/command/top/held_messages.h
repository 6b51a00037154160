/* SPDX-License-Identifier: MIT */
/* While messages are held, text on standard error does not reach the terminal, where it would
 * spoil a screen. */
#pragma once
#include <stddef.h>

/* Begins to hold messages. Returns 0 or a negative errno. */
int held_messages_begin(void);

/* Moves the last line that was printed to `out`, without the program's name, and drops what was
 * printed before it. Sets `out` to "" if nothing was printed. */
void held_messages_take(char *out, size_t size);

/* Ends it, and prints what was not taken, the last 16 KiB of it. May be called without a begin. */
void held_messages_end(void);
