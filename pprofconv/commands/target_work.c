/* SPDX-License-Identifier: MIT */
#include "commands/target_work.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "readers/reader.h"
#include "target/core.h"

#define RESULT_BYTES_MAX ((size_t)2 << 30)

/* What a child writes, before the result. */
struct answer {
	int32_t r, task;
	bool is_refused; /* the kernel does not let us read it */
	char message[DIAG_TEXT_MAX];
};

static int open_target(const struct target_work *work, struct hp_target **out)
{
	return work->pid ? hp_target_open_process(work->pid, out)
			 : hp_target_open_core(work->fd, out);
}

/* Stops the target's threads if that is asked for, and gives up rights. */
static int prepare(const struct target_work *work, struct hp_target *target)
{
	int r = work->is_stopped ? hp_target_stop(target) : 0;

	if (r || !work->user.is_other)
		return r;
	r = hp_target_keep_open(target);
	if (!r && (r = hp_apart_become(&work->user)))
		r = hp_target_error(target, "can't become user %u: %s", work->user.uid,
				    strerror(-r));
	return r;
}

/* Sets the answer, with a message unless r is 0. */
static void do_work(const struct target_work *work, struct answer *answer, char **out,
		    size_t *out_size)
{
	struct hp_target *target;

	*answer = (struct answer){.r = open_target(work, &target)};
	if (!target) {
		snprintf(answer->message, sizeof(answer->message), "%s", strerror(ENOMEM));
		answer->r = HP_TARGET_E;
		return;
	}
	answer->task = target->task;
	if (!answer->r)
		answer->r = prepare(work, target);
	if (!answer->r)
		answer->r = work->read(target, work->context, out, out_size);
	answer->is_refused = target->is_refused;
	snprintf(answer->message, sizeof(answer->message), "%s", target->message);
	hp_target_close(target);
}

static int work_in_child(int out, void *context)
{
	struct target_work *work = context;
	struct answer answer;
	size_t size = 0;
	char *result = NULL;

	work->fd = HP_APART_KEPT;
	do_work(work, &answer, &result, &size);
	return hp_apart_write(out, &answer, sizeof(answer)) && hp_apart_write(out, result, size)
		       ? 0
		       : 1;
}

/* Sets *out to the answer and the result after it. */
static int work_apart(struct target_work *work, struct answer *answer, char **out, size_t *out_size,
		      struct diag *diag)
{
	struct hp_apart apart = {
		.work = work_in_child,
		.context = work,
		.kept = work->pid ? -1 : work->fd,
		.waits_max = work->waits_max,
		.max_bytes = RESULT_BYTES_MAX,
	};

	if (!hp_apart_run(&apart, out, out_size))
		return diag_error(diag, READER_E_UNSUPPORTED, "can't be read: %s", apart.why);
	if (*out_size < sizeof(*answer))
		return diag_error(diag, READER_E_UNSUPPORTED, "the child that reads it has failed");
	memcpy(answer, *out, sizeof(*answer));
	answer->message[sizeof(answer->message) - 1] = '\0';
	*out_size -= sizeof(*answer);
	memmove(*out, *out + sizeof(*answer), *out_size);
	return 0;
}

int target_work_run(struct target_work *work, int *out_task, char **out, size_t *out_size,
		    struct diag *diag)
{
	struct answer answer = {0};
	int r = 0;

	*out = NULL;
	*out_size = 0;
	if (work->is_apart)
		r = work_apart(work, &answer, out, out_size, diag);
	else
		do_work(work, &answer, out, out_size);
	if (work->is_apart && !work->pid)
		close(work->fd); /* the child had a copy of it */
	*out_task = answer.task;
	if (!r && answer.r) {
		free(*out);
		*out = NULL;
		r = diag_error(diag, answer.is_refused ? -EPERM : READER_E_UNSUPPORTED, "%s",
			       answer.message);
	}
	return r;
}
