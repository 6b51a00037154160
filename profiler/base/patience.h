/* SPDX-License-Identifier: MIT */
/* Patience is the time, in ns, that a wait has left, so that every wait ends. The awaited event may
 * never happen: a thread of the host may be stopped for good, a signal handler may interrupt every
 * sleep, and a seccomp filter may refuse the clock or the sleep itself. Any thread; signal-safe:
 * yes; may allocate: no. */
#pragma once
#include <stdint.h>

#define HP_PATIENCE_OF_MS(ms) ((ms)*INT64_C(1000000))

/* Sleeps for `ns`, at most 10 ms, while `*word` is `value`, and subtracts the time it took from
 * `*patience`; 0 or less means that none is left. At most 10 ms are subtracted, because time goes
 * on while the process as a whole is stopped. Where there is no clock, the time asked for is
 * subtracted. */
void hp_patience_sleep(int64_t *patience, const uint32_t *word, uint32_t value, long ns);
