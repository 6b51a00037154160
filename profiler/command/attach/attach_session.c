/* SPDX-License-Identifier: MIT */
#include "command/attach/attach_session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "command/attach/attach_children.h"
#include "command/attach/attach_work.h"

enum {
	CHILDREN_LOOKS_MAX = 10, /* for children of children */
};

/* --- the child ----------------------------------------------------------------------------- */

/* Signals that would end this program, and the child with it, wait. The child ends its work also if
 * this program is killed: attach_turn.h lets the next one wait. */
static void hold_signals(sigset_t *out_before)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, out_before);
}

static void run_child(struct attach_work *work, struct attach_answer *answer)
{
	struct hp_apart apart = {
		.work = attach_work_do,
		.context = work,
		.kept = work->library.file,
		.waits_max = HP_APART_WAITS_MAX,
		.max_bytes = sizeof(*answer),
	};
	size_t size;
	char *bytes;

	*answer = (struct attach_answer){.r = HP_TARGET_E, .state = ATTACH_UNKNOWN};
	if (!hp_apart_run(&apart, &bytes, &size)) {
		snprintf(answer->message, sizeof(answer->message), "was not dealt with: %s",
			 apart.why);
		return;
	}
	if (size == sizeof(*answer))
		memcpy(answer, bytes, size);
	else
		snprintf(answer->message, sizeof(answer->message),
			 "was not dealt with: the child that does it has failed");
	answer->message[sizeof(answer->message) - 1] = '\0';
	answer->note[sizeof(answer->note) - 1] = '\0';
	answer->allocator[sizeof(answer->allocator) - 1] = '\0';
	free(bytes);
}

/* Does the work in a child. The caller has set what the operation needs. */
static void run(struct attach_work *work, const struct found_target *target,
		struct attach_answer *answer)
{
	sigset_t before;

	work->pid = target->pid;
	hp_apart_user_of_process(target->pid, &work->user);
	hold_signals(&before);
	run_child(work, answer);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (answer->r && found_target_has_ended(target))
		snprintf(answer->message, sizeof(answer->message), "has ended");
}

/* --- messages ------------------------------------------------------------------------------ */

static int fail(const struct found_target *target, const struct attach_answer *answer)
{
	char name[NAME_MAX + 32];

	found_target_name(target, name, sizeof(name));
	return command_error("%s: %s", name, answer->message);
}

static int report(const struct found_target *target, const struct attach_answer *answer,
		  bool is_quiet, const char *done)
{
	char name[NAME_MAX + 32];

	if (answer->r)
		return fail(target, answer);
	found_target_name(target, name, sizeof(name));
	if (!is_quiet)
		command_error("%s: %s", name, done);
	if (!is_quiet && *answer->allocator)
		command_error("%s: its program calls an allocator of its own, %s(); what is "
			      "allocated by the C library's malloc() is not recorded",
			      name, answer->allocator);
	if (!is_quiet && *answer->note)
		command_error("%s: %s", name, answer->note);
	return EXIT_DONE;
}

int attach_parse_pools(const char *kind, struct attach_wish *wish)
{
	wish->has_pools = kind != NULL;
	return !kind || strcmp(kind, "postgres") == 0
		       ? EXIT_DONE
		       : command_error("--pools: unknown kind '%s'; expected postgres", kind);
}

/* --- operations ---------------------------------------------------------------------------- */

static struct attach_work *new_work(enum attach_operation operation)
{
	struct attach_work *work = calloc(1, sizeof(*work));

	if (!work) {
		command_error("%s", strerror(ENOMEM));
		return NULL;
	}
	work->operation = operation;
	work->library.file = -1;
	return work;
}

int attach_begin(const struct found_target *target, const struct attach_wish *wish)
{
	_cleanup_(freep) void *memory = new_work(ATTACH_BEGIN);
	struct attach_work *work = memory;
	struct attach_answer answer;
	int status = work ? attach_library_open(&work->library) : EXIT_BAD;

	if (status)
		return status;
	work->wish = *wish;
	run(work, target, &answer);
	attach_library_close(&work->library);
	return report(target, &answer, wish->is_quiet,
		      "attached; all that it allocates from now on is recorded");
}

int attach_end(const struct found_target *target, bool is_quiet)
{
	_cleanup_(freep) void *memory = new_work(ATTACH_END);
	struct attach_answer answer;

	if (!memory)
		return EXIT_BAD;
	run(memory, target, &answer);
	return report(target, &answer, is_quiet, "detached");
}

/* Detaches from a child. Sets *out_was_attached if there was something to undo. */
static int end_child(const struct attach_parent *parent, pid_t pid, bool is_quiet,
		     bool *out_was_attached)
{
	_cleanup_(freep) void *facts = malloc(sizeof(struct process_facts));
	struct attach_answer answer;
	struct found_target target;
	int status = EXIT_BAD;

	*out_was_attached = false;
	if (!facts)
		return command_error("%s", strerror(ENOMEM));
	if (target_open(pid, &target, facts))
		return EXIT_DONE; /* it has ended */
	_cleanup_(freep) void *work = new_work(ATTACH_END);

	if (work) {
		run(work, &target, &answer);
		*out_was_attached =
			!answer.was_absent && (!answer.r || attach_children_has(parent, pid));
		status = *out_was_attached ? report(&target, &answer, is_quiet, "detached")
					   : EXIT_DONE;
	}
	found_target_deinit(&target);
	return status;
}

/* Detaches from all children that there are now. Sets *out_has_more if one of them was attached: it
 * may have forked meanwhile. */
static int end_children(const struct attach_parent *parent, pid_t parent_pid, bool is_quiet,
			bool *out_has_more)
{
	process_vec children = {0};
	int r = attach_children_find(parent, parent_pid, &children);
	int status = r ? command_error("/proc: %s", strerror(-r)) : EXIT_DONE;

	*out_has_more = false;
	vec_foreach (pid, &children) {
		bool was_attached;

		if (end_child(parent, *pid, is_quiet, &was_attached))
			status = EXIT_BAD;
		*out_has_more = *out_has_more || was_attached;
	}
	vec_deinit(&children);
	return status;
}

int attach_end_all(const struct found_target *target, bool is_quiet)
{
	struct attach_parent parent;
	bool has_more = true;
	int status;

	attach_parent_init(&parent, target->pid);
	status = attach_end(target, is_quiet);
	for (int i = 0; i < CHILDREN_LOOKS_MAX && has_more; i++) {
		int children_status = end_children(&parent, target->pid, is_quiet, &has_more);

		status = status ? status : children_status;
		has_more = has_more && !children_status;
	}
	return status;
}

static const char *const changes[] = {
	[ATTACH_CHANGE_OFF] = "does not record any more; what was recorded can be read",
	[ATTACH_CHANGE_ON] = "records anew; what it holds from before is not shown",
	[ATTACH_CHANGE_INTERVAL] =
		"has the new sample interval, and rises from it; what was recorded stays",
};

int attach_change(const struct found_target *target, const struct attach_change *change,
		  bool is_quiet)
{
	_cleanup_(freep) void *memory = new_work(ATTACH_CHANGE);
	struct attach_work *work = memory;
	struct attach_answer answer;

	if (!work)
		return EXIT_BAD;
	work->change = *change;
	run(work, target, &answer);
	return report(target, &answer, is_quiet, changes[change->kind]);
}

enum attach_state attach_check(const struct found_target *target, char *out, size_t size)
{
	_cleanup_(freep) void *memory = new_work(ATTACH_LOOK);
	struct attach_answer answer;

	snprintf(out, size, "%s", strerror(ENOMEM));
	if (!memory)
		return ATTACH_UNKNOWN;
	run(memory, target, &answer);
	snprintf(out, size, "%s", answer.message);
	return (enum attach_state)answer.state;
}
