/* SPDX-License-Identifier: MIT */
/* The dumper writes dumps under their names, one at a time, and reports the results.
 *
 * Any thread, with hp_tls.in_hook set; signal-safe: yes, as for a handler that calls _exit(). A
 * handler that has interrupted a dump of its own thread gets none. init and start are for
 * lifecycle.c. */
#pragma once
#include "base/options.h"
#include "base/view.h"

/* Notes which namespaces are open before the program runs. Once, at start. */
void hp_dumper_init(void);

/* Takes over the options of a session that begins. */
void hp_dumper_start(const struct hp_options *options);

/* Writes a dump now, after one that is in progress. Returns false with a message if the dump can't
 * be written; false without one if there is no session, or the process is a vfork child. */
bool hp_dumper_dump(const char *reason);

/* The same for a thread that happened to use an interval up. If a dump is in progress, the thread
 * neither waits nor writes a second one. */
void hp_dumper_dump_or_skip(const char *reason);

/* The same for the caller of hp_dumper_wait() or hp_dumper_try(). */
void hp_dumper_dump_held(const char *reason);

/* Returns the text of a dump, or NULL if there is no session or no memory. The text is in memory of
 * the profiler's own; the caller unmaps `*out_mapped` bytes. */
char *hp_dumper_dump_to_memory(size_t *out_size, size_t *out_mapped);

/* Returns true if the last dump could not be written, and this was reported. */
bool hp_dumper_has_failed(void);

/* Waits for a dump in progress and holds off the next, until hp_dumper_go_on(). Returns false, with
 * nothing held, if the wait takes too long. */
bool hp_dumper_wait(void);
void hp_dumper_go_on(void);

/* The same without waiting: returns false if a dump is in progress or held off. */
bool hp_dumper_try(void);

void hp_dumper_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_dumper_view[1];
