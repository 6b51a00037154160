/* SPDX-License-Identifier: MIT */
/* A run reader reads the program of `heapprof run` and the processes under it, as their ancestor:
 * every TIME for a dump, and for other programs that ask its relay. */
#pragma once
#include "command/run/child.h"
#include "command/run/run_settings.h"

struct run_reader;

/* Makes a reader for a run. It does what it can: without a folder for the relay's socket there is
 * none. Returns NULL, with errno set, if it can't be made. The plan must outlive it. */
struct run_reader *run_reader_new(const struct run_plan *plan);

/* Takes NULL. */
void run_reader_free(struct run_reader *reader);

/* Returns what the reader does while the program runs. */
struct child_events run_reader_events(struct run_reader *reader);
