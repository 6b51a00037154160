/* SPDX-License-Identifier: MIT */
/* The lifecycle functions take the profiler through its process, from start to end: they start and
 * stop sessions, follow forks, and write the last dump. startup.h and attached.h say when they
 * begin.
 *
 * Any thread; signal-safe: only the hp_lifecycle_exit
 * functions; may call the C library. */
#pragma once
#include "base/options.h"
#include "base/view.h"

/* Makes everything ready but the options. Call it once. `is_late` is true if the library was opened
 * while the program ran. */
void hp_lifecycle_prepare(bool is_late);

/* Returns the options of the next session, which the caller may change between sessions. */
struct hp_options *hp_lifecycle_options(void);

/* Starts a session by the options. Its dumps have this prefix; if it is empty, there are none.
 * Returns false if a session is already running, if the prefix can't be used, if there is no
 * memory, or if a thread is still busy with the last session. No dump may be in progress. */
bool hp_lifecycle_begin(const char *prefix, bool by_environment);

/* Registers handlers for forks and for the end of the process. Call it once. */
void hp_lifecycle_watch(void);

/* Same as hp_lifecycle_begin(), but waits until no dump is in progress, and takes the signal of the
 * options. Returns false also if a dump is still busy with the last session. Must not be called
 * from within a hook. */
bool hp_lifecycle_start(const char *prefix);
void hp_lifecycle_stop(void);

/* Ends a session whose hooks are no longer called: writes a last dump if it writes dumps. Its
 * records stay for tools that read them, until hp_lifecycle_stop(). */
void hp_lifecycle_detach(void);

/* Call it when the program is about to end but its destructors have not run, for the last look. */
void hp_lifecycle_exit_begins(void);

/* Does the same in the handler of a signal that ends the process: no destructor will run. */
void hp_lifecycle_exit_by_signal(void);

/* Writes the last dump, or reports why there is no file. Does nothing the second time. */
void hp_lifecycle_exit(void);

/* Sets the sample interval, in bytes, of the next sessions. If it is 0, changes nothing. */
void hp_lifecycle_set_sample_interval(uint64_t bytes);
uint64_t hp_lifecycle_sample_interval(void);

/* Rows of the view. */
extern const struct hp_view_row hp_lifecycle_view[1];
