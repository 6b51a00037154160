/* SPDX-License-Identifier: MIT */
#include "dump/dumper.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/outfile.h"
#include "base/report.h"
#include "base/scratch.h"
#include "dump/due.h"
#include "dump/dump.h"
#include "dump/names.h"
#include "dump/prefix.h"
#include "process/fork_mark.h"
#include "process/namespaces.h"
#include "record/recorder.h"
#include <string.h>

enum {
	OUTPUT_BUFFER = 64 * 1024,
	NAME_ATTEMPTS_MAX = 100,
	MEMORY_STEP = 1 << 20
};

static struct hp_options options;
static struct hp_lock dump_lock;
static uint32_t progress; /* increases while a dump is written, so that others wait longer for a
			     slow disk */
static bool is_failure_reported, is_namespace_reported;

/* --- a dump in a file ---------------------------------------------------------------------- */

struct dumping {
	const char *reason;
	struct hp_outfile file;
	struct hp_name name;
	struct hp_dump_summary summary;
	int error;
	char buffer[OUTPUT_BUFFER];
};

static struct dumping *in_progress; /* the dump that is being written; NULL: none */

static void note_progress(void)
{
	__atomic_add_fetch(&progress, 1, __ATOMIC_RELAXED);
}

static bool acquire_dump_lock(void)
{
	return hp_lock_acquire_while(&dump_lock, &progress);
}

static void flush_to_file(struct hp_text *t)
{
	struct dumping *d = t->context;

	hp_outfile_write(&d->file, t->buffer, t->used);
	t->used = 0;
	note_progress();
}

static int print_to_file(struct dumping *d)
{
	struct hp_text t = {
		.buffer = d->buffer,
		.size = sizeof(d->buffer),
		.flush = flush_to_file,
		.context = d,
	};
	struct hp_dump_request request = {
		.options = &options,
		.reason = d->reason,
		.number = hp_names_n_claimed() + 1,
	};

	if (!hp_dump_print(&t, &request, &d->summary))
		return -ENOMEM;
	flush_to_file(&t);
	return d->file.error;
}

/* If there are too many dumps, removes every second one and doubles the intervals. */
static void thin_out(void)
{
	struct hp_name expired;

	if (!hp_names_note_claimed_spread(options.max_dumps))
		return;
	while (hp_names_thin(&expired)) {
		hp_sys_unlink(expired.path);
		note_progress();
	}
	hp_due_widen();
}

static void remove_expired(void)
{
	struct hp_name expired;

	if (options.keep == HP_KEEP_SPREAD && options.max_dumps != 1)
		thin_out();
	else if (hp_names_note_claimed(options.max_dumps, &expired))
		hp_sys_unlink(expired.path);
}

static int claim_name(struct dumping *d)
{
	int error = hp_outfile_claim(&d->file, d->name.path);

	for (int i = 0; error == -EEXIST && i < NAME_ATTEMPTS_MAX; i++) {
		hp_names_collided();
		if (!hp_names_next(&d->name))
			return -ENAMETOOLONG;
		error = hp_outfile_claim(&d->file, d->name.path);
	}
	if (!error)
		remove_expired();
	return error;
}

static int write_whole(struct dumping *d)
{
	int error;

	if (!hp_names_next(&d->name))
		return -ENAMETOOLONG;
	error = hp_outfile_create(&d->file, d->name.path);
	if (error)
		return error;
	note_progress();
	error = print_to_file(d);
	if (!error)
		error = claim_name(d);
	note_progress();
	if (error)
		hp_outfile_discard(&d->file);
	return error;
}

/* Writes the dump with all signals blocked. So no handler can fork while its own thread writes a
 * dump, which the child would take for another thread's dump. */
static void write_on_scratch_stack(void *argument)
{
	struct dumping *d = argument;

	in_progress = d;
	d->error = write_whole(d);
	in_progress = NULL;
}

static bool is_verbose(void)
{
	return options.verbose == HP_VERBOSE_YES ||
	       (options.verbose == HP_VERBOSE_AUTO && hp_report_is_terminal());
}

/* Appends a path. A very long path is cut, so that the rest of the message fits into the line. */
static void put_path(struct hp_text *line, const char *path)
{
	const size_t shown_max = 700;
	size_t size = strlen(path);

	hp_text_bytes(line, path, size < shown_max ? size : shown_max);
	if (size > shown_max)
		hp_text_string(line, "...");
}

static void report_success(const struct dumping *d)
{
	HP_TEXT_LOCAL(line, 1024);

	if (!is_verbose())
		return;
	put_path(&line, d->name.path);
	hp_text_string(&line, " (");
	hp_text_string(&line, d->reason);
	hp_text_char(&line, ')');
	if (hp_dump_is_without_sample(&d->summary)) {
		hp_text_string(&line, ": ");
		hp_dump_print_why_empty(&line, &d->summary);
	}
	hp_report_text(&line);
}

/* Reports a failure once, and then not again until a dump succeeds: otherwise a full disk would
 * fill the log too. */
static void report_failure(const char *path, int error)
{
	HP_TEXT_LOCAL(line, 1024);

	if (is_failure_reported)
		return;
	is_failure_reported = true;
	hp_text_string(&line, "can't write ");
	put_path(&line, path[0] ? path : hp_prefix_pattern());
	hp_text_string(&line, ": ");
	hp_text_error(&line, -error);
	hp_report_text(&line);
}

/* Reports that there is no dump because another thread's dump does not end: it waits for a disk
 * that does not answer, or the thread is stopped. */
static void report_busy(const char *reason)
{
	HP_TEXT_LOCAL(line, 1024);

	if (is_failure_reported)
		return;
	is_failure_reported = true;
	hp_text_string(&line, "no dump (");
	hp_text_string(&line, reason);
	hp_text_string(&line, "): another dump has not finished");
	hp_report_text(&line);
}

static void report_namespace(void)
{
	if (is_namespace_reported || !hp_namespaces_are_open())
		return;
	is_namespace_reported = true;
	hp_report("dlmopen() has opened libraries with a C library of their own; "
		  "their allocations are not recorded");
}

/* A second namespace of the loader that exists at start belongs to an auditing library, not to the
 * program, so it is never reported. */
void hp_dumper_init(void)
{
	is_namespace_reported = hp_namespaces_are_open();
}

static bool dump_locked(const char *reason)
{
	/* The struct is mapped, because it is too large for the host's stack and for a scratch
	 * stack. */
	struct dumping *d = hp_memory_map_beyond_limit(sizeof(*d));

	if (!d) {
		report_failure("", -ENOMEM);
		return false;
	}
	d->reason = reason;
	d->error = -ENOMEM;
	hp_scratch_call(write_on_scratch_stack, d);
	if (d->error) {
		report_failure(d->name.path, d->error);
	} else {
		is_failure_reported = false;
		report_success(d);
		report_namespace();
	}
	bool is_written = d->error == 0;

	hp_memory_unmap(d, sizeof(*d));
	return is_written;
}

/* Returns true if there is a session. It does not end as long as the lock of dumps is held. */
static bool may_dump(void)
{
	if (hp_fork_mark_is_new_process() && !hp_session_on_raw_fork())
		return false;
	return hp_session_is_running() && !hp_fork_mark_is_vfork_child();
}

bool hp_dumper_dump(const char *reason)
{
	bool is_written;

	if (!may_dump())
		return false;
	if (!acquire_dump_lock()) {
		report_busy(reason);
		return false;
	}
	is_written = may_dump() && dump_locked(reason);
	hp_lock_release(&dump_lock);
	return is_written;
}

void hp_dumper_dump_held(const char *reason)
{
	if (may_dump())
		dump_locked(reason);
}

void hp_dumper_dump_or_skip(const char *reason)
{
	if (!may_dump() || !hp_dumper_try())
		return;
	hp_dumper_dump_held(reason);
	hp_dumper_go_on();
}

/* --- a dump in memory ---------------------------------------------------------------------- */

struct memory_dump {
	struct hp_text text;
	bool is_complete;
};

static void grow_text(struct hp_text *t)
{
	size_t size = t->size ? t->size * 2 : MEMORY_STEP;
	char *bigger = hp_memory_map_beyond_limit(size);

	if (!bigger) {
		t->cut = true;
		t->used = 0; /* what follows overwrites the text, which is of no use any more */
		return;
	}
	memcpy(bigger, t->buffer, t->used);
	hp_memory_unmap(t->buffer, t->size);
	t->buffer = bigger;
	t->size = size;
	note_progress();
}

static void print_to_memory(void *argument)
{
	struct memory_dump *d = argument;
	struct hp_dump_request request = {&options, "GetHeapProfile", hp_names_n_claimed() + 1};
	struct hp_dump_summary summary;

	d->is_complete = hp_dump_print(&d->text, &request, &summary) && !d->text.cut;
}

static char *dump_to_memory_locked(size_t *out_size, size_t *out_mapped)
{
	struct memory_dump d = {.text.flush = grow_text, .text.size = MEMORY_STEP};

	d.text.buffer = hp_memory_map_beyond_limit(d.text.size);
	if (d.text.buffer && hp_scratch_call(print_to_memory, &d) && d.is_complete) {
		*out_size = d.text.used;
		*out_mapped = d.text.size;
		return d.text.buffer;
	}
	hp_memory_unmap(d.text.buffer, d.text.size);
	return NULL;
}

char *hp_dumper_dump_to_memory(size_t *out_size, size_t *out_mapped)
{
	char *text = NULL;

	if (!may_dump() || !acquire_dump_lock())
		return NULL;
	if (may_dump())
		text = dump_to_memory_locked(out_size, out_mapped);
	hp_lock_release(&dump_lock);
	return text;
}

/* --- sessions ------------------------------------------------------------------------------ */

void hp_dumper_start(const struct hp_options *session_options)
{
	options = *session_options;
	is_failure_reported = false;
}

bool hp_dumper_has_failed(void)
{
	return is_failure_reported;
}

bool hp_dumper_wait(void)
{
	return acquire_dump_lock();
}

bool hp_dumper_try(void)
{
	return hp_lock_try(&dump_lock);
}

void hp_dumper_go_on(void)
{
	hp_lock_release(&dump_lock);
}

/* Forgets a dump that another thread of the parent was writing at the fork; the parent goes on with
 * it. The child closes its copy of the descriptor and frees its copy of the memory. */
static void forget_dump_of_parent(void)
{
	struct dumping *d = in_progress;

	in_progress = NULL;
	if (!d)
		return;
	hp_outfile_abandon(&d->file);
	hp_memory_unmap(d, sizeof(*d));
}

void hp_dumper_after_fork(void)
{
	hp_lock_release(&dump_lock);
	forget_dump_of_parent();
	is_failure_reported = false;
}

const struct hp_view_row hp_dumper_view[] = {
	HP_VIEW_VARIABLE("dumper.shows_cmdline", options.cmdline),
};
