/* SPDX-License-Identifier: MIT */
/* Patience is the time in ns that a wait has left; it makes every wait end. The awaited event may
 * never happen: a thread of the host may be stopped for good, a signal handler may interrupt every
 * sleep, and a seccomp filter may refuse the clock or the sleep itself. Any thread; signal-safe:
 * yes; may allocate: no. */
#pragma once
#include <stdint.h>

#define HP_PATIENCE_OF_MS(ms) ((ms)*INT64_C(1000000))

/* Sleeps for `ns`, or for 10 ms if that is less. The sleep ends earlier if `*word` is not `value`,
 * if a change of `*word` is signalled, or on a signal. Subtracts the time slept from `*patience`;
 * when that is 0 or less, no time is left. At most 10 ms are subtracted, because the clock goes on
 * while the whole process is stopped. If the clock can't be read, the time that was asked for is
 * subtracted. */
void hp_patience_sleep(int64_t *patience, const uint32_t *word, uint32_t value, long ns);
