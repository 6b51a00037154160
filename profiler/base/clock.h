/* SPDX-License-Identifier: MIT */
/* The coarse clock counts milliseconds since the machine started, as of the kernel's last tick
 * (CLOCK_MONOTONIC_COARSE, every 1 to 10 ms). It is read from the vDSO, a page that the kernel
 * shares with every process: that takes 5 ns instead of a system call's 100. */
#pragma once
#include <stdint.h>

/* Looks up the vDSO's function. Until it is called, and where there is no vDSO, the clock is read
 * by a system call. Call once, where calling the C library is safe. */
void hp_clock_init(void);

/* Returns milliseconds, or 0 if a seccomp filter refuses the clock. Any thread; signal-safe: yes;
 * may allocate: no. */
uint64_t hp_clock_coarse_ms(void);
