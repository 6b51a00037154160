/* SPDX-License-Identifier: MIT */
#include "inject/calls.h"
#include "inject/host.h"
#include "inject/image.h"
#include "inject/memory_file.h"
#include "inject/safe_point.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	NAP_NS = 200000,
	CALL_MS = 10000,
	HELD_MS = 3000, /* the same, while the process does not run */
};

#define INNER_DLOPEN UINT64_C(0x80000000) /* glibc's __RTLD_DLOPEN */

struct work {
	struct hp_target *t;
	struct hp_call *calls;
	size_t n;
	struct hp_thread_layout layout;
	struct hp_safe_point_code *code;
	uint64_t is_single_at; /* the C library's flag; 0: it has none */
	bool is_single;
	struct hp_stop *stop;
	struct hp_system_call_host *host;
	struct hp_thread *thread;
	struct hp_thread_call made[HP_THREAD_CALLS_MAX];
	size_t n_made, first; /* the number of `made`, and which is the first of `calls` */
	int64_t file;         /* in the target; -1: none */
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap(long ns)
{
	const struct timespec time = {.tv_nsec = ns};

	nanosleep(&time, NULL);
}

/* --- before the stop ----------------------------------------------------------------------------
 */

/* What the C library calls at the start and at the end of a thread: the first sets thread-local
 * pointers to tables of characters, the second calls destructors of thread-local objects. */
static void add_calls_of_a_thread(struct work *w)
{
	uint64_t start = hp_image_find_symbol(w->t, "__ctype_init");
	uint64_t end = hp_image_find_symbol(w->t, "__call_tls_dtors");

	if (start)
		w->made[w->first++].function = start;
	w->n_made = w->first + w->n;
	if (end)
		w->made[w->n_made++].function = end;
}

static int find_functions(struct work *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!w->calls[i].function)
			w->calls[i].function = hp_image_find_symbol(w->t, w->calls[i].name);
		if (!w->calls[i].function)
			return hp_target_error(w->t, "has no function %s", w->calls[i].name);
	}
	return 0;
}

/* The flag by which the C library's own code knows whether there is one thread. A program may have
 * a copy of it. */
static uint64_t find_single_flag(struct hp_target *t)
{
	struct hp_image image;
	size_t position = 0;

	while (hp_image_next(t, &position, &image))
		if (hp_image_symbol(t, &image, "__libc_start_main", NULL))
			return hp_image_symbol(t, &image, "__libc_single_threaded", NULL);
	return 0;
}

static int prepare(struct work *w)
{
	int r = hp_thread_read_layout(w->t, &w->layout);

	if (!r)
		r = find_functions(w);
	if (r)
		return r;
	add_calls_of_a_thread(w);
	w->is_single_at = find_single_flag(w->t);
	w->code = malloc(sizeof(*w->code));
	if (!w->code)
		return hp_target_no_memory(w->t);
	return hp_safe_point_find_code(w->t, w->code);
}

/* --- a moment at which a call can be made --------------------------------------------------------
 */

static bool is_single(const struct work *w)
{
	struct hp_stop_thread second;
	uint8_t flag = 0;

	if (!w->is_single_at)
		return !hp_stop_thread_at(w->stop, 1, &second);
	return !hp_target_read(w->t, w->is_single_at, &flag, sizeof(flag)) || flag;
}

static bool are_all_safe(const struct work *w)
{
	struct hp_stop_thread thread;

	for (size_t i = 0; hp_stop_thread_at(w->stop, i, &thread); i++)
		if (!hp_safe_point_is(w->t, w->code, thread.id))
			return false;
	return true;
}

/* Returns true if this is a moment to start calls: nobody of an earlier tool is there, and the
 * process has more threads than one, or is at a safe point. */
static bool is_moment(void *context)
{
	struct work *w = context;

	w->is_single = is_single(w);
	return !w->is_single || are_all_safe(w);
}

static int stop_to_start(struct work *w)
{
	static const char failure[] = "no moment was found at which its only thread is outside the "
				      "allocator; try again";
	int r = hp_host_begin(w->t, &w->stop, is_moment, w, failure, &w->host);

	return r ? r : hp_thread_check_absent(w->t, w->stop);
}

static int stop_to_end(struct work *w)
{
	static const char failure[] = "no moment was found at which one of its threads can make a "
				      "system call; try again";

	return hp_host_begin(w->t, &w->stop, NULL, NULL, failure, &w->host);
}

/* --- the calls -------------------------------------------------------------------------------- */

static int open_file(struct work *w, int content)
{
	uint64_t name;
	int r = hp_thread_put_text(w->thread, w->host, HP_MEMORY_FILE_NAME, &name);

	return r ? r : hp_memory_file_open(w->t, w->host, name, content, &w->file);
}

static int take_arguments(struct work *w)
{
	int r = 0;

	for (size_t i = 0; !r && i < w->n; i++) {
		struct hp_thread_call *made = &w->made[w->first + i];
		struct hp_call *call = &w->calls[i];
		char path[64];

		made->function = call->function;
		memcpy(made->arguments, call->arguments, sizeof(call->arguments));
		if (call->content >= 0) {
			r = open_file(w, call->content);
			snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)w->file);
			if (!r)
				r = hp_thread_put_text(w->thread, w->host, path,
						       &made->arguments[0]);
		} else if (call->text) {
			r = hp_thread_put_text(w->thread, w->host, call->text, &made->arguments[0]);
		} else if (call->data) {
			r = hp_thread_put_bytes(w->thread, w->host, call->data, call->data_size,
						&made->arguments[0]);
		}
	}
	return r;
}

static const char *last_name(const struct work *w)
{
	return w->calls[w->n - 1].name;
}

static int wait_for_calls(struct work *w)
{
	long limit = w->is_single ? HELD_MS : CALL_MS, end = now_ms() + limit;

	for (;;) {
		switch (hp_thread_look(w->thread, w->made, w->n_made)) {
		case HP_THREAD_DONE:
			return 0;
		case HP_THREAD_CRASHED:
			return hp_target_error(w->t,
					       "%s crashed in it; the thread that called it "
					       "was ended, the process goes on",
					       last_name(w));
		case HP_THREAD_GONE:
			return hp_target_error(w->t, "the process ended meanwhile");
		case HP_THREAD_RUNS:
			break;
		}
		if (now_ms() >= end)
			return hp_target_error(w->t,
					       "%s has not returned in it after %ld seconds; "
					       "the thread that called it goes on",
					       last_name(w), limit / 1000);
		if (!w->is_single)
			hp_stop_keep_going(w->stop);
		nap(NAP_NS / 2);
	}
}

static void end_host(struct work *w)
{
	hp_system_call_end(w->host);
	w->host = NULL;
}

/* Says to the C library whether there is one thread. If this tool is killed while the only thread
 * is held, that goes on next to ours: then both must take locks. The flag is as after any program's
 * first thread then: false for good. */
static int set_single(struct work *w, bool is_one)
{
	const uint8_t flag = is_one;
	int r = w->is_single ? hp_thread_set_multiple(w->thread, w->host, !is_one) : 0;

	if (!r && w->is_single && w->is_single_at)
		r = hp_system_call_write(w->host, w->is_single_at, &flag, sizeof(flag));
	return r;
}

/* All threads are stopped, and the new one is ready. */
static int run(struct work *w)
{
	int r = set_single(w, false);

	if (!r)
		r = hp_thread_start(w->thread, w->host, w->made, w->n_made);
	if (r)
		return r;
	if (!w->is_single) {
		end_host(w);
		hp_stop_let_go(w->stop);
	}
	r = wait_for_calls(w);
	if (w->is_single && !hp_thread_is_running(w->thread)) {
		int r_single = set_single(w, true);

		r = r ? r : r_single;
	}
	if (!w->is_single && !hp_thread_is_running(w->thread)) {
		int r_stop = stop_to_end(w);

		r = r ? r : r_stop;
	}
	return r;
}

static int tidy(struct work *w)
{
	int r = w->file < 0 ? 0 : hp_memory_file_close(w->host, w->file);

	w->file = -1;
	return r ? r : hp_thread_unmap(w->thread, w->host);
}

static int make_calls(struct work *w)
{
	int r = prepare(w), r_tidy;

	if (!r)
		r = stop_to_start(w);
	if (!r)
		r = hp_thread_clean(w->t, w->stop, w->host);
	if (!r)
		r = hp_memory_file_clean(w->t, w->host);
	if (!r)
		r = hp_thread_prepare(w->t, w->stop, w->host, &w->layout, &w->thread);
	if (r)
		return r;
	r = take_arguments(w);
	if (!r)
		r = run(w);
	if (!w->host || hp_thread_is_running(w->thread))
		return r;
	r_tidy = tidy(w);
	return r ? r : r_tidy;
}

int hp_calls_make(struct hp_target *t, struct hp_call *calls, size_t n)
{
	struct work w = {.t = t, .calls = calls, .n = n, .file = -1};
	int r;

	if (n == 0 || n > HP_THREAD_CALLS_MAX - 2)
		return hp_target_error(t, "too many calls");
	r = make_calls(&w);
	end_host(&w);
	hp_stop_end(w.stop);
	hp_thread_free(w.thread);
	free(w.code);
	for (size_t i = 0; !r && i < n; i++)
		calls[i].result = w.made[w.first + i].result;
	return r;
}

/* --- libraries -------------------------------------------------------------------------------- */

/* Before glibc 2.34, dlopen() is in libdl, which not all programs have. What the C library itself
 * opens libraries with wants to see a flag of its own. */
static bool has_only_inner_dlopen(struct hp_target *t)
{
	return !hp_image_find_symbol(t, "dlopen") && hp_image_find_symbol(t, "__libc_dlopen_mode");
}

int hp_calls_open_library(struct hp_target *t, const char *path, int content, uint64_t *out_handle)
{
	struct hp_call call = {
		.name = "dlopen", .arguments = {0, RTLD_NOW}, .text = path, .content = content};
	int r;

	if (has_only_inner_dlopen(t)) {
		call.name = "__libc_dlopen_mode";
		call.arguments[1] |= INNER_DLOPEN;
	}
	r = hp_calls_make(t, &call, 1);
	if (!r)
		*out_handle = call.result;
	return r;
}

int hp_calls_close_library(struct hp_target *t, uint64_t handle)
{
	struct hp_call call = {.name = has_only_inner_dlopen(t) ? "__libc_dlclose" : "dlclose",
			       .arguments = {handle},
			       .content = -1};

	return hp_calls_make(t, &call, 1);
}
