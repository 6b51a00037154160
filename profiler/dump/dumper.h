/* SPDX-License-Identifier: MIT */
/* The dumper writes dumps to files, one at a time, gives them their names, and reports the results.
 *
 * Any thread, with hp_tls.in_hook set; signal-safe: yes, as a handler may call _exit(), which
 * writes a dump; but if the handler has interrupted a dump in its own thread, it can't write
 * another one. Only lifecycle.c calls hp_dumper_init() and hp_dumper_start(). */
#pragma once
#include "base/options.h"
#include "base/view.h"

/* Notes whether the loader has a second namespace before the program runs. Call it once, at
 * start. */
void hp_dumper_init(void);

/* Copies the options of a session that begins. */
void hp_dumper_start(const struct hp_options *options);

/* Writes a dump now, or after a dump that is in progress. Returns false and reports why if the dump
 * can't be written. Returns false without a report if there is no session, or if the process is a
 * vfork child. */
bool hp_dumper_dump(const char *reason);

/* Same as hp_dumper_dump(), but for a thread that happened to use up an interval: if a dump is in
 * progress, it neither waits nor writes a second one. */
void hp_dumper_dump_or_skip(const char *reason);

/* Same as hp_dumper_dump(), but for a caller that holds dumps off by hp_dumper_wait() or
 * hp_dumper_try(). */
void hp_dumper_dump_held(const char *reason);

/* Returns the text of a dump, or NULL if there is no session or no memory, or if another dump does
 * not end. The text is in the profiler's own memory; the caller frees it with hp_memory_unmap(),
 * with *out_mapped as the size. */
char *hp_dumper_dump_to_memory(size_t *out_size, size_t *out_mapped);

/* Returns true if the last dump could not be written, and this was reported. */
bool hp_dumper_has_failed(void);

/* Waits until no dump is in progress, and holds new dumps off until hp_dumper_go_on(). If the wait
 * takes too long, returns false and holds nothing off. */
bool hp_dumper_wait(void);
void hp_dumper_go_on(void);

/* Same as hp_dumper_wait(), but does not wait: returns false if a dump is in progress or dumps are
 * held off. */
bool hp_dumper_try(void);

void hp_dumper_after_fork(void);

/* Rows of the view. */
extern const struct hp_view_row hp_dumper_view[1];
