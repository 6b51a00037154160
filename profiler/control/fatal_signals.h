/* SPDX-License-Identifier: MIT */
/* Signals by which users end programs. Where there is to be a last look, the library handles those
 * that the program has left at their default action: the look comes first, then the signal ends the
 * process. */
#pragma once

/* Takes the signals. Call it once, at start, where calling the C library is safe. */
void hp_fatal_signals_take(void);
