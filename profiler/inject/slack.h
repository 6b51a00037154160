/* SPDX-License-Identifier: MIT */
/* Slack is memory between the end of a library's code and the end of its last page. It is mapped
 * with the code, and nothing is in it. The best is that of the kernel's own library, the vDSO. A
 * stub is written there, so that a first system call can be made in a process in which no memory is
 * ours.
 *
 * The slack begins with a mark while it is in use. A tool that is killed leaves it: the next one
 * that finds the mark clears the slack, if no thread is there any more. */
#pragma once
#include "inject/stub.h"
#include "target/target.h"

enum {
	HP_SLACK_MARK_SIZE = 16,
	HP_SLACK_SIZE = HP_SLACK_MARK_SIZE + HP_STUB_SIZE,
};

extern const char hp_slack_mark[HP_SLACK_MARK_SIZE];

/* Finds slack that can be used. All threads of the process are stopped, or else slack with a mark
 * is taken to be in use. Returns 0, or HP_TARGET_E with a message. */
int hp_slack_find(struct hp_target *t, uint64_t *out);

/* Finds the next slack that begins with the mark; *position is 0 at first. Returns false at the
 * end. */
bool hp_slack_next_left(struct hp_target *t, size_t *position, uint64_t *out);

/* Returns true if a thread is in the slack, or if that is not known because it runs. */
bool hp_slack_is_in_use(const struct hp_target *t, uint64_t slack);
