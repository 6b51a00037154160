/* SPDX-License-Identifier: MIT */
/* Waits that come to an end. What is waited for may never happen: a thread of the host may be
 * stopped for good, a signal handler may end every sleep, and a filter of system calls may refuse
 * the clock or the sleep itself. Any thread, signal-safe. */
#pragma once
#include <stdint.h>

#define HP_PATIENCE_OF_MS(ms) ((ms)*INT64_C(1000000))

/* Sleeps for `ns` while `*word` is `value`, at most 10 ms, and takes what it took off `*patience`,
 * in ns, which is 0 or less when it is used up. No more than these 10 ms are counted, for time goes
 * on while the process is stopped as a whole; and where there is no clock, what was asked for. */
void hp_patience_sleep(int64_t *patience, const uint32_t *word, uint32_t value, long ns);
