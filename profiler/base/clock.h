/* SPDX-License-Identifier: MIT */
/* The coarse clock counts milliseconds from the start of the machine to the kernel's last tick
 * (CLOCK_MONOTONIC_COARSE; a tick comes every 1 to 10 ms). The clock is read from the vDSO, a page
 * that the kernel shares with every process: this takes 5 ns, and a system call 100 ns. */
#pragma once
#include <stdint.h>

/* Looks up the vDSO's function. Before this call, and if there is no vDSO, hp_clock_coarse_ms()
 * reads the clock by a system call. Call it once, where calling the C library is safe. */
void hp_clock_init(void);

/* Returns the clock's milliseconds, or 0 if a seccomp filter refuses the clock. Any thread;
 * signal-safe: yes; may allocate: no. */
uint64_t hp_clock_coarse_ms(void);
