/* SPDX-License-Identifier: MIT */
#include "lifecycle.h"
#include "arena.h"
#include "dump.h"
#include "file.h"
#include "fork_mark.h"
#include "frame_rule.h"
#include "modules.h"
#include "names.h"
#include "process.h"
#include "recorder.h"
#include "report.h"
#include "scratch.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

enum {
	OUTPUT_BUFFER = 64 * 1024,
	NAME_ATTEMPTS_MAX = 100,
	MEMORY_STEP = 1 << 20
};

enum state {
	NOT_READY,
	PREPARING,
	READY
};

static uint32_t state;
static struct hp_options options;
static struct hp_lock dump_lock;
static uint64_t next_interval; /* of the sampler, from the next session on */
static bool is_failure_told, has_exited;
static bool is_fork_clean;

bool hp_lifecycle_is_ready(void)
{
	return __atomic_load_n(&state, __ATOMIC_ACQUIRE) == READY;
}

/* --- dumps --------------------------------------------------------------------------------------
 */

struct dumping {
	const char *reason;
	struct hp_outfile file;
	struct hp_name name;
	struct hp_dump_summary summary;
	int error;
	char buffer[OUTPUT_BUFFER];
};

static void flush_to_file(struct hp_text *t)
{
	struct dumping *d = t->context;

	hp_outfile_write(&d->file, t->buffer, t->used);
	t->used = 0;
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

static void remove_expired(void)
{
	struct hp_name expired;

	if (hp_names_claimed(options.max_dumps, &expired))
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
	error = print_to_file(d);
	if (!error)
		error = claim_name(d);
	if (error)
		hp_outfile_discard(&d->file);
	return error;
}

static void write_on_scratch_stack(void *argument)
{
	struct dumping *d = argument;

	d->error = write_whole(d);
}

static bool is_verbose(void)
{
	return options.verbose == HP_VERBOSE_YES ||
	       (options.verbose == HP_VERBOSE_AUTO && hp_report_is_terminal());
}

static void tell_success(const struct dumping *d)
{
	HP_TEXT_LOCAL(line, 1024);

	if (!is_verbose())
		return;
	hp_text_string(&line, d->name.path);
	hp_text_string(&line, " (");
	hp_text_string(&line, d->reason);
	hp_text_char(&line, ')');
	if (d->summary.alloc_objects == 0 && options.sample_interval > 1) {
		hp_text_string(&line, ": no sample, sample interval ");
		hp_text_size(&line, options.sample_interval);
		hp_text_string(&line, ": set HEAP_PROFILE_SAMPLE_INTERVAL=1 to record every "
				      "allocation");
	}
	hp_report_text(&line);
}

/* Once, until a dump succeeds again: a full disk would fill the log as well. */
static void tell_failure(const char *path, int error)
{
	HP_TEXT_LOCAL(line, 1024);

	if (is_failure_told)
		return;
	is_failure_told = true;
	hp_text_string(&line, "can't write ");
	hp_text_string(&line, path[0] ? path : options.prefix);
	hp_text_string(&line, ": ");
	hp_text_string(&line, strerrordesc_np(-error));
	hp_report_text(&line);
}

static bool dump_locked(const char *reason)
{
	/* From mmap: neither the host's stack nor the scratch stack has room to spare for it. */
	struct dumping *d = hp_memory_map(sizeof(*d));

	if (!d) {
		tell_failure("", -ENOMEM);
		return false;
	}
	d->reason = reason;
	d->error = -ENOMEM;
	hp_scratch_call(write_on_scratch_stack, d);
	if (d->error) {
		tell_failure(d->name.path, d->error);
	} else {
		is_failure_told = false;
		tell_success(d);
	}
	bool is_written = d->error == 0;

	hp_memory_unmap(d, sizeof(*d));
	return is_written;
}

bool hp_lifecycle_dump(const char *reason)
{
	bool is_written;

	if (!hp_recorder_is_running() || hp_fork_mark_is_vfork_child() ||
	    !hp_lock_acquire(&dump_lock))
		return false;
	is_written = dump_locked(reason);
	hp_lock_release(&dump_lock);
	return is_written;
}

/* Of several threads that find an interval used up while a dump is being written, none waits. */
static void dump_when_due(const char *reason)
{
	if (hp_fork_mark_is_vfork_child() || !hp_lock_try(&dump_lock))
		return;
	dump_locked(reason);
	hp_lock_release(&dump_lock);
}

/* --- a dump in memory ---------------------------------------------------------------------------
 */

struct memory_dump {
	struct hp_text text;
	bool is_complete;
};

static void grow_text(struct hp_text *t)
{
	size_t size = t->size ? t->size * 2 : MEMORY_STEP;
	char *bigger = hp_memory_map(size);

	if (!bigger) {
		t->cut = true;
		t->used = 0; /* goes on over what is given up */
		return;
	}
	memcpy(bigger, t->buffer, t->used);
	hp_memory_unmap(t->buffer, t->size);
	t->buffer = bigger;
	t->size = size;
}

static void print_to_memory(void *argument)
{
	struct memory_dump *d = argument;
	struct hp_dump_request request = {&options, "GetHeapProfile", hp_names_n_claimed() + 1};
	struct hp_dump_summary summary;

	d->is_complete = hp_dump_print(&d->text, &request, &summary) && !d->text.cut;
}

char *hp_lifecycle_dump_to_memory(size_t *out_size, size_t *out_mapped)
{
	struct memory_dump d = {.text.flush = grow_text, .text.size = MEMORY_STEP};

	if (!hp_recorder_is_running())
		return NULL;
	d.text.buffer = hp_memory_map(d.text.size);
	if (d.text.buffer && hp_scratch_call(print_to_memory, &d) && d.is_complete) {
		*out_size = d.text.used;
		*out_mapped = d.text.size;
		return d.text.buffer;
	}
	hp_memory_unmap(d.text.buffer, d.text.size);
	return NULL;
}

/* --- sessions -----------------------------------------------------------------------------------
 */

static bool start(const char *prefix, bool as_owner_of_environment)
{
	if (hp_recorder_is_running())
		return false;
	if (next_interval)
		options.sample_interval = next_interval;
	hp_memory_set_limit(options.memory_limit);
	if (!hp_names_start(prefix, as_owner_of_environment)) {
		hp_report("the prefix of the dumps is longer than a path can be: not profiling");
		return false;
	}
	if (!hp_frame_rule_init(options.unwinder == HP_UNWINDER_LIBUNWIND)) {
		hp_report("no memory: not profiling");
		return false;
	}
	if (options.cleanup && hp_names_is_owner())
		hp_names_remove_earlier();
	is_failure_told = false;
	hp_recorder_start(&options);
	return true;
}

bool hp_lifecycle_start(const char *prefix)
{
	return start(prefix, false /* as owner: the environment is not ours to mark any more */);
}

void hp_lifecycle_stop(void)
{
	bool is_locked = hp_lock_acquire(&dump_lock); /* a dump in progress is finished first */

	hp_recorder_stop();
	if (is_locked)
		hp_lock_release(&dump_lock);
}

void hp_lifecycle_set_sample_interval(uint64_t bytes)
{
	next_interval = bytes;
}

uint64_t hp_lifecycle_sample_interval(void)
{
	return hp_recorder_is_running() || !next_interval ? options.sample_interval : next_interval;
}

/* --- fork ---------------------------------------------------------------------------------------
 */

static void before_fork(void)
{
	is_fork_clean = hp_recorder_pause();
}

static void after_fork_in_parent(void)
{
	hp_recorder_resume();
}

static void begin_in_child(bool is_clean)
{
	hp_fork_mark_set();
	hp_lock_reset(&dump_lock);
	hp_process_after_fork();
	hp_names_after_fork();
	hp_recorder_after_fork(is_clean);
	is_failure_told = false;
	has_exited = false;
}

static void after_fork_in_child(void)
{
	begin_in_child(is_fork_clean);
}

static void after_raw_fork(void)
{
	begin_in_child(hp_thread_wait_idle(0 /* ms: nobody else is here */));
}

/* --- start and end -------------------------------------------------------------------------------
 */

static void tell_why_no_file(void)
{
	HP_TEXT_LOCAL(line, 256);

	hp_text_string(&line, "no dump written: allocated ");
	hp_text_size(&line, hp_thread_allocated_total());
	hp_text_string(&line, " in all, no interval reached, HEAP_PROFILE_EXIT_DUMP=0");
	hp_report_text(&line);
}

void hp_lifecycle_exit(void)
{
	if (has_exited || !hp_recorder_is_running() || hp_fork_mark_is_vfork_child())
		return;
	has_exited = true;
	hp_tls.in_hook++;
	if (options.exit_dump)
		hp_lifecycle_dump("exit");
	else if (hp_names_n_claimed() == 0 && hp_names_is_owner() && !is_failure_told)
		tell_why_no_file();
	hp_tls.in_hook--;
}

static void at_exit(void *unused)
{
	hp_lifecycle_exit();
}

int __cxa_atexit(void (*function)(void *), void *argument, void *dso);

/* Set-user-ID programs are not to be told by their caller where to write. */
static const char *get_from_environment(const char *name)
{
	return getauxval(AT_SECURE) ? NULL : getenv(name);
}

static void prepare(void)
{
	hp_report_init();
	hp_fork_mark_init();
	hp_thread_init();
	hp_process_init();
	hp_modules_init();
	hp_recorder_on_due = dump_when_due;
	hp_recorder_on_raw_fork = after_raw_fork;
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
	/* Handlers run in reverse order. Registered now, before the program's own start registers
	 * the running of all destructors, and for no library, ours runs after those. */
	__cxa_atexit(at_exit, NULL, NULL);
	hp_options_read(&options, get_from_environment);
	if (options.prefix[0])
		start(options.prefix, true /* as owner of the environment */);
}

void hp_lifecycle_init(void)
{
	uint32_t expected = NOT_READY;

	/* Before the C library has run its own constructor there is no environment yet. */
	if (!environ || !__atomic_compare_exchange_n(&state, &expected, PREPARING, false,
						     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	hp_tls.in_hook++;
	prepare();
	hp_tls.in_hook--;
	__atomic_store_n(&state, READY, __ATOMIC_RELEASE);
}
