/* SPDX-License-Identifier: MIT */
/* A clock that costs nothing: milliseconds since the machine started, as of the kernel's last tick
 * (CLOCK_MONOTONIC_COARSE, every 1 to 10 ms). It is read from the page that the kernel shares with
 * every process, the vDSO: 5 ns instead of a system call's 100. */
#pragma once
#include <stdint.h>

/* Finds the function of the vDSO. Until it is called, and where there is no vDSO, the clock is read
 * by a system call. Call once, where calling the C library is safe. */
void hp_clock_init(void);

/* Milliseconds; 0 if a filter of system calls refuses the clock. Any thread; signal-safe: yes. */
uint64_t hp_clock_coarse_ms(void);
