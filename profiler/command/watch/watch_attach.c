/* SPDX-License-Identifier: MIT */
#include "command/watch/watch_attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "command/attach/attach_session.h"

/* Returns the item of the process, which may be new; NULL if there is no memory. */
static struct watch_attached *find_item(struct watch_attach *attach, pid_t pid)
{
	uint64_t ticks = process_start_ticks(pid);

	vec_foreach (item, &attach->items)
		if (item->pid == pid && item->start_ticks == ticks)
			return item;
	if (vec_push(&attach->items, (struct watch_attached){.pid = pid, .start_ticks = ticks}))
		return NULL;
	return &attach->items.items[attach->items.n - 1];
}

static bool give_up(struct watch_attached *item, const struct found_target *target, const char *why)
{
	char name[NAME_MAX + 32];

	found_target_name(target, name, sizeof(name));
	command_error("%s: it is not watched: %s", name, why);
	item->is_given_up = true;
	return false;
}

static bool try_item(const struct watch_attach *attach, struct watch_attached *item,
		     const struct found_target *target, unsigned patience)
{
	const struct attach_wish wish = {.is_quiet = attach->is_quiet};
	char why[512];

	switch (attach_check(target, why, sizeof(why))) {
	case ATTACH_POSSIBLE:
		item->is_ours = attach_begin(target, &wish) == EXIT_DONE;
		item->is_given_up = !item->is_ours;
		return item->is_ours;
	case ATTACH_DONE:
	case ATTACH_HAS_LIBRARY:
		return true;
	case ATTACH_UNKNOWN:
	case ATTACH_REFUSED:
		break;
	}
	if (found_target_has_ended(target) || item->n_tries++ < patience)
		return false;
	return give_up(item, target, why);
}

bool watch_attach_to(struct watch_attach *attach, const struct found_target *target,
		     unsigned patience)
{
	struct watch_attached *item;

	if (!attach->is_asked_for)
		return true;
	item = find_item(attach, target->pid);
	if (!item) {
		command_error("%s", strerror(ENOMEM));
		return false;
	}
	return !item->is_given_up && try_item(attach, item, target, patience);
}

static void detach(const struct watch_attach *attach, const struct watch_attached *item)
{
	_cleanup_(freep) void *memory = malloc(sizeof(struct process_facts));
	struct found_target target;

	if (!memory || target_open(item->pid, &target, memory))
		return; /* it has ended */
	if (process_start_ticks(item->pid) == item->start_ticks)
		attach_end_all(&target, attach->is_quiet);
	found_target_deinit(&target);
}

void watch_attach_end(struct watch_attach *attach)
{
	vec_foreach (item, &attach->items)
		if (item->is_ours)
			detach(attach, item);
	vec_deinit(&attach->items);
}
