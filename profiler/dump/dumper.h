/* SPDX-License-Identifier: MIT */
/* Writes dumps under their names, one at a time, and tells what came of it. From any thread with
 * hp_tls.in_hook set, from a signal handler too, as one that calls _exit(): if it has interrupted a
 * dump of its own thread there is none. */
#pragma once
#include "base/options.h"
#include "base/view.h"

/* Looks at what was there before the program. Once, at start. */
void hp_dumper_init(void);

/* Takes the options of a session that begins. */
void hp_dumper_start(const struct hp_options *options);

/* Writes a dump now, after one that is in progress. False, with a message, if it can't be written;
 * false without one if there is no session, or the process is a vfork child. */
bool hp_dumper_dump(const char *reason);

/* The same for a thread that happened to use an interval up: if a dump is in progress it does not
 * wait, and there is no second one. */
void hp_dumper_dump_or_skip(const char *reason);

/* The same for the caller of hp_dumper_wait() or hp_dumper_try(). */
void hp_dumper_dump_held(const char *reason);

/* The text of a dump in memory of the profiler's own, to be unmapped by the caller; NULL without
 * session or memory. */
char *hp_dumper_dump_to_memory(size_t *out_size, size_t *out_mapped);

/* True if the last dump could not be written, and that was said. */
bool hp_dumper_has_failed(void);

/* Waits for a dump in progress and holds off the next, until hp_dumper_go_on(). False, and nothing
 * held, if it takes too long. */
bool hp_dumper_wait(void);
void hp_dumper_go_on(void);

/* The same without waiting: false if a dump is in progress, or is held off. */
bool hp_dumper_try(void);

void hp_dumper_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_dumper_view[1];
