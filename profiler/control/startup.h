/* SPDX-License-Identifier: MIT */
/* The startup takes a library that is in the process from its start, by LD_PRELOAD or linked, from
 * the first allocation to a session, if the environment asks for one.
 *
 * Any thread; may call the C library. */
#pragma once
#include <stdbool.h>

/* Makes everything ready, and starts a session if HEAPPROFILE asks for one. The first allocation
 * after the C library is ready calls it, or the library's constructor if that runs before. Does
 * nothing the second time. */
void hp_startup_init(void);
bool hp_startup_is_ready(void);

/* Marks the environment for the processes under this one, registers handlers for forks and for the
 * end of the process, and installs the handler of HEAPPROFILESIGNAL. Only the library's constructor
 * may call it: an allocation may come from within setenv() or atexit(), whose locks this takes. */
void hp_startup_register(void);
