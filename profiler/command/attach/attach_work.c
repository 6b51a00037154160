/* SPDX-License-Identifier: MIT */
/* An attach has six steps, and all that can be refused is refused in the first:
 *
 * 1. The entries of the allocator are found, and the patches planned. If pools are wanted, the
 *    tables of their functions are found.
 * 2. The library is loaded, unless an earlier attach has left it.
 * 3. The near page is mapped, with a slot for each entry.
 * 4. The library's session is started. Its allocator underneath are the trampolines in the slots.
 * 5. The jumps are written.
 * 6. The tables of pools are written. They are undone before the jumps.
 *
 * If this program is killed after any of them, the next attach or detach finds the near page. It
 * then undoes first what is there. */
#include "command/attach/attach_work.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "command/attach/attach_entries.h"
#include "command/attach/attach_pools.h"
#include "command/attach/attach_turn.h"
#include "inject/calls.h"
#include "inject/entry_patch.h"
#include "inject/leftovers.h"
#include "inject/patches.h"
#include "inject/refuse.h"

enum {
	CODE_MAX = 8, /* executable segments of the library */
	TURN_WAIT_MS = 30000,
};

struct job {
	const struct attach_work *work;
	struct hp_target *t;
	struct attach_answer *answer;
	struct hp_patches *patches;
	struct attach_entries entries;
	struct hp_attached_contexts contexts;      /* if pools are wanted */
	size_t functions[HP_ATTACHED_N_FUNCTIONS]; /* of the patches, in their order */
	size_t n_functions;
};

static const char *const sentences[HP_ATTACHED_N_RESULTS] = {
#define SENTENCE(enumerator, sentence) [HP_ATTACHED_##enumerator] = (sentence),
	HP_ATTACHED_RESULTS(SENTENCE)};

/* --- the target ---------------------------------------------------------------------------- */

/* Opens the process, or opens it again after its mappings have changed. */
static int open_target(struct job *job)
{
	hp_target_close(job->t);
	return hp_target_open_process(job->work->pid, &job->t);
}

/* Opens it as one that this process may change: as root, with the rights of its user. While this
 * waits for its turn, another heapprof changes what is mapped there. */
static int begin(struct job *job)
{
	bool has_turn = job->work->operation == ATTACH_LOOK ||
			attach_turn_take(job->work->pid, TURN_WAIT_MS);
	int r = open_target(job);

	if (!job->t)
		return HP_TARGET_E;
	if (!r && !has_turn)
		return hp_target_error(job->t, "is being changed by another heapprof; try again");
	if (!r && job->work->user.is_other) {
		r = hp_apart_become_tracer(&job->work->user);
		if (r)
			return hp_target_error(job->t, "can't become user %u: %s",
					       job->work->user.uid, strerror(-r));
	}
	return r;
}

/* Finds the library that an attach has loaded. */
static bool find_library(struct job *job, struct hp_image *out)
{
	uint64_t start = hp_image_find_symbol(job->t, "heapprof_attached_start");

	return start && hp_image_at(job->t, start, out);
}

/* --- calls of the library ------------------------------------------------------------------ */

/* Checks what a function of the library has returned. */
static int check_result(struct job *job, uint64_t result)
{
	uint32_t number = (uint32_t)result;

	if (number == HP_ATTACHED_OK)
		return 0;
	return hp_target_error(job->t, "%s",
			       number < HP_ATTACHED_N_RESULTS ? sentences[number]
							      : "has refused it for a reason that "
								"this heapprof does not know");
}

static int call_start(struct job *job, const struct hp_attached_request *request)
{
	struct hp_call call = {
		.name = "heapprof_attached_start",
		.data = request,
		.data_size = sizeof(*request),
		.content = -1,
	};
	int r = hp_calls_make(job->t, &call, 1);

	return r ? r : check_result(job, call.result);
}

static int call_stop(struct job *job)
{
	struct hp_call call = {.name = "heapprof_attached_stop", .content = -1};

	return hp_calls_make(job->t, &call, 1);
}

static int call_set(struct job *job)
{
	struct hp_call call = {.name = "heapprof_attached_set",
			       .arguments = {job->work->change.interval},
			       .content = -1};
	int r = hp_calls_make(job->t, &call, 1);

	return r ? r : check_result(job, call.result);
}

/* Lets the library prepare for pools. */
static int call_contexts(struct job *job)
{
	struct hp_call call = {
		.name = "heapprof_attached_contexts",
		.data = &job->contexts,
		.data_size = sizeof(job->contexts),
		.content = -1,
	};
	int r = hp_calls_make(job->t, &call, 1);

	return r ? r : check_result(job, call.result);
}

/* --- detaching ----------------------------------------------------------------------------- */

/* A process with one thread may have no moment for a call. Without jumps nothing reaches the
 * session, and the next attach ends it first. */
static void note_unstopped(struct job *job)
{
	snprintf(job->answer->note, sizeof(job->answer->note),
		 "its recording was not ended (%.300s); nothing is recorded any more, and what was "
		 "recorded can be read",
		 job->t->message);
	job->t->message[0] = '\0';
}

/* Adds a range without what it has of another one. */
static size_t add_code(struct hp_code_range *code, size_t n, uint64_t start, uint64_t end,
		       const struct hp_code_range *without)
{
	bool is_within =
		without->start >= start && without->start < without->end && without->end <= end;

	code[n++] = (struct hp_code_range){start, is_within ? without->start : end};
	if (is_within)
		code[n++] = (struct hp_code_range){without->end, end};
	return n;
}

/* Finds the code in which no thread must be when the session ends. */
static size_t find_code(struct job *job, const struct hp_image *image,
			struct hp_code_range code[2 * CODE_MAX])
{
	struct hp_code_range pools;
	size_t n = 0;

	attach_pools_code(job->t, image, &pools);
	for (size_t i = 0; i < image->n_headers && n < CODE_MAX; i++) {
		const ElfW(Phdr) *h = &image->headers[i];
		uint64_t start = image->bias + h->p_vaddr;

		if (h->p_type == PT_LOAD && h->p_flags & PF_X)
			n = add_code(code, n, start, start + h->p_memsz, &pools);
	}
	return n;
}

/* Undoes the tables of pools and the patches that were found, also those of a killed tool, and ends
 * the session. */
static int undo(struct job *job)
{
	struct hp_code_range code[2 * CODE_MAX];
	struct hp_image library;
	size_t n = 0;
	int r = 0;

	if (find_library(job, &library)) {
		n = find_code(job, &library, code);
		r = attach_pools_write(job->t, &library, false /* the server's */);
	}
	if (!r)
		r = hp_patches_undo(job->t, job->patches, code, n);
	if (r == HP_PATCHES_BUSY)
		return hp_target_error(job->t, "is detached, but one of its threads waits in a "
					       "function that was called by ours, so a page of "
					       "ours stays; detach again later to remove it");
	if (r)
		return r;
	if (n && call_stop(job))
		note_unstopped(job);
	return hp_patches_remove(job->t, job->patches);
}

/* A tool that was killed before the first jump may have started a session, which nothing reaches.
 */
static int remove_leftovers(struct job *job)
{
	struct hp_image library;

	if (find_library(job, &library) && call_stop(job))
		note_unstopped(job);
	return hp_leftovers_remove(job->t);
}

static int end(struct job *job)
{
	int r = hp_patches_find(job->t, &job->patches);

	if (r)
		return r;
	if (!job->patches && !hp_leftovers_exist(job->t)) {
		job->answer->was_absent = true;
		return hp_target_error(job->t, "is not attached; nothing to undo");
	}
	if (job->patches)
		r = undo(job);
	if (!r && hp_leftovers_exist(job->t))
		r = remove_leftovers(job);
	return r;
}

/* --- the plan ------------------------------------------------------------------------------ */

/* Plans the patch of one function, to see whether that can be done. */
static int try_function(struct job *job, size_t function)
{
	const struct hp_patches_entry entry = {attach_entry_name(function),
					       job->entries.at[function],
					       job->entries.size[function]};
	struct hp_patches *alone;
	int r = hp_patches_plan(job->t, &entry, 1, &alone);

	hp_patches_free(alone);
	return r;
}

/* All patches share one near page, and an allocator in the program may be far from the C library.
 */
static bool is_near(const struct attach_entries *entries, size_t function)
{
	uint64_t a = entries->at[function], b = entries->at[HP_ATTACHED_MALLOC];

	return (a > b ? a - b : b - a) < HP_ENTRY_NEAR;
}

/* Chooses the functions. Those that every allocator has must be patched; others are left out if
 * they can't be. */
static int choose_functions(struct job *job)
{
	for (size_t i = 0; i < HP_ATTACHED_N_FUNCTIONS; i++) {
		if (!job->entries.at[i] || !is_near(&job->entries, i))
			continue;
		if (i > HP_ATTACHED_REALLOC && try_function(job, i)) {
			job->t->message[0] = '\0';
			continue;
		}
		job->functions[job->n_functions++] = i;
	}
	return 0;
}

static int plan(struct job *job)
{
	struct hp_patches_entry entries[HP_ATTACHED_N_FUNCTIONS];
	int r = attach_entries_find(job->t, &job->entries);

	if (job->entries.has_library)
		job->answer->state = ATTACH_HAS_LIBRARY;
	if (!r)
		r = choose_functions(job);
	if (r)
		return r;
	for (size_t i = 0; i < job->n_functions; i++) {
		size_t function = job->functions[i];

		entries[i] = (struct hp_patches_entry){attach_entry_name(function),
						       job->entries.at[function],
						       job->entries.size[function]};
	}
	return hp_patches_plan(job->t, entries, job->n_functions, &job->patches);
}

/* --- attaching ----------------------------------------------------------------------------- */

static int load_library(struct job *job)
{
	const struct attach_library *library = &job->work->library;
	uint64_t handle = 0;
	int r = 0;

	if (attach_library_is_in(library, job->t))
		r = hp_calls_open_library(job->t, library->path, -1, &handle);
	if (!r && !handle)
		r = hp_calls_open_library(job->t, NULL, library->file, &handle);
	if (r)
		return r;
	if (!handle)
		return hp_target_error(job->t, "its loader has refused the library %s",
				       library->path);
	return open_target(job);
}

static int set_hooks(struct job *job, const struct hp_image *library)
{
	for (size_t i = 0; i < job->n_functions; i++) {
		const char *name = attach_entry_name(job->functions[i]);
		uint64_t hook = hp_image_symbol(job->t, library, name, NULL);

		if (!hook)
			return hp_target_error(job->t,
					       "the library of heapprof in it has no %s, so it is "
					       "of another version; restart the process",
					       name);
		hp_patches_set_hook(job->patches, i, hook);
	}
	return 0;
}

static int start(struct job *job)
{
	static struct hp_attached_request request;
	int r;

	request = (struct hp_attached_request){
		.version = HP_ATTACHED_VERSION,
		.size = sizeof(request),
		.interval = job->work->wish.interval,
	};
	memcpy(request.prefix, job->work->wish.prefix, sizeof(request.prefix));
	for (size_t i = 0; i < job->n_functions; i++)
		request.next[job->functions[i]] = hp_patches_trampoline(job->patches, i);
	r = call_stop(job); /* of a session that a killed tool has left */
	return r ? r : call_start(job, &request);
}

/* Undoes what a killed tool has left; refuses a process that is attached. */
static int tidy(struct job *job)
{
	int r = hp_patches_find(job->t, &job->patches);

	if (r || !job->patches)
		return r;
	if (hp_patches_state(job->patches) == HP_PATCHES_WRITTEN) {
		job->answer->state = ATTACH_DONE;
		return hp_target_error(job->t, "is attached already");
	}
	r = undo(job);
	hp_patches_free(job->patches);
	job->patches = NULL;
	return r ? r : open_target(job);
}

/* Says what other tools must not do while the process is attached. */
static void note_conflicts(struct job *job)
{
	for (size_t i = 0; i < job->n_functions; i++) {
		const char *conflict = hp_patches_conflict(job->patches, i);

		if (!conflict)
			continue;
		snprintf(job->answer->note, sizeof(job->answer->note), "%s %s",
			 attach_entry_name(job->functions[i]), conflict);
		return;
	}
}

static int attach(struct job *job)
{
	bool has_pools = job->work->wish.has_pools;
	struct hp_image library;
	int r = hp_refuse(job->t);

	if (!r)
		r = tidy(job);
	if (!r)
		r = plan(job);
	if (!r && has_pools)
		r = attach_pools_find(job->t, &job->contexts);
	if (!r && !find_library(job, &library))
		r = load_library(job);
	if (r)
		return r;
	if (!find_library(job, &library))
		return hp_target_error(job->t, "the library was loaded, but is not found in it");
	r = set_hooks(job, &library);
	if (!r && has_pools)
		r = call_contexts(job);
	if (!r)
		r = hp_patches_place(job->t, job->patches);
	if (!r)
		r = start(job);
	if (!r)
		r = hp_patches_write(job->t, job->patches);
	if (!r && has_pools)
		r = attach_pools_write(job->t, &library, true /* ours */);
	if (r)
		return r;
	note_conflicts(job);
	if (job->entries.own_prefix)
		snprintf(job->answer->allocator, sizeof(job->answer->allocator), "%smalloc",
			 job->entries.own_prefix);
	return 0;
}

/* --- looking ------------------------------------------------------------------------------- */

static int look(struct job *job)
{
	int r = hp_patches_find(job->t, &job->patches);

	job->answer->state = ATTACH_REFUSED;
	if (!r && job->patches && hp_patches_state(job->patches) == HP_PATCHES_WRITTEN) {
		job->answer->state = ATTACH_DONE;
		return 0;
	}
	if (!r)
		r = hp_refuse(job->t);
	if (!r && !job->patches) /* else attaching undoes first what a killed tool has left */
		r = plan(job);
	if (!r)
		job->answer->state = ATTACH_POSSIBLE;
	return r;
}

/* --- changes ------------------------------------------------------------------------------- */

/* Finds out which functions the patches that were found are of. */
static int find_functions(struct job *job)
{
	size_t n = hp_patches_count(job->patches);
	int r = attach_entries_find(job->t, &job->entries);

	for (size_t i = 0; !r && i < n; i++) {
		size_t function = 0;

		while (function < HP_ATTACHED_N_FUNCTIONS &&
		       job->entries.at[function] != hp_patches_entry_at(job->patches, i))
			function++;
		if (function == HP_ATTACHED_N_FUNCTIONS)
			return hp_target_error(job->t, "its patches are not those that this "
						       "heapprof would write; detach, and attach "
						       "again");
		job->functions[job->n_functions++] = function;
	}
	return r;
}

static int change(struct job *job)
{
	int r = hp_patches_find(job->t, &job->patches);

	if (!r && !job->patches)
		return hp_target_error(job->t, "is not attached; attach to it first");
	if (r)
		return r;
	switch (job->work->change.kind) {
	case ATTACH_CHANGE_INTERVAL:
		return call_set(job);
	case ATTACH_CHANGE_OFF:
		return call_stop(job);
	case ATTACH_CHANGE_ON:
		r = find_functions(job);
		return r ? r : start(job);
	}
	return HP_TARGET_E;
}

/* --- the work ------------------------------------------------------------------------------ */

static int work(struct job *job)
{
	switch (job->work->operation) {
	case ATTACH_LOOK:
		return look(job);
	case ATTACH_BEGIN:
		return attach(job);
	case ATTACH_END:
		return end(job);
	case ATTACH_CHANGE:
		return change(job);
	}
	return HP_TARGET_E;
}

int attach_work_do(int out, void *context)
{
	struct attach_answer answer = {.state = ATTACH_UNKNOWN};
	struct attach_work *own = context;
	struct job job = {.work = own, .answer = &answer};

	if (own->library.file >= 0)
		own->library.file = HP_APART_KEPT; /* its number in this child */
	answer.r = begin(&job);
	if (!answer.r)
		answer.r = work(&job);
	snprintf(answer.message, sizeof(answer.message), "%s",
		 job.t ? job.t->message : strerror(ENOMEM));
	hp_patches_free(job.patches);
	hp_target_close(job.t);
	return hp_apart_write(out, &answer, sizeof(answer)) ? 0 : 1;
}
