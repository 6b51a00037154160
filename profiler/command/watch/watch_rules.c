/* SPDX-License-Identifier: MIT */
#include "command/watch/watch_rules.h"

/* The cgroup's memory must fall below this part of the share before the share counts anew, so that
 * memory that goes up and down around the share asks for one dump. */
#define REARM_PART 0.9

void watch_marks_init(struct watch_marks *marks, const struct watch_rules *rules,
		      const struct watch_sight *sight)
{
	*marks = (struct watch_marks){
		.has_first = rules->has_first,
		.next_ms = sight->now_ms + (rules->is_due_at_once ? 0 : rules->every_ms),
		.rss_bytes = sight->rss_bytes,
		.memory_share = rules->memory_share,
	};
}

enum watch_reason watch_rules_judge(const struct watch_rules *rules, struct watch_marks *marks,
				    const struct watch_sight *sight)
{
	if (sight->memory_share < rules->memory_share * REARM_PART)
		marks->memory_share = rules->memory_share;
	if (marks->has_first)
		return WATCH_FIRST;
	if (rules->memory_share > 0 && sight->memory_share >= marks->memory_share)
		return WATCH_MEMORY_MAX;
	if (rules->rss_bytes && sight->rss_bytes > marks->rss_bytes &&
	    sight->rss_bytes - marks->rss_bytes >= rules->rss_bytes)
		return WATCH_RSS;
	if (rules->every_ms && sight->now_ms >= marks->next_ms)
		return WATCH_TIME;
	return WATCH_NOTHING;
}

/* Returns the next multiple of the interval that is still to come. */
static uint64_t next_time(const struct watch_rules *rules, uint64_t next_ms, uint64_t now_ms)
{
	if (!rules->every_ms || now_ms < next_ms)
		return next_ms;
	return next_ms + (1 + (now_ms - next_ms) / rules->every_ms) * rules->every_ms;
}

void watch_rules_note_dump(const struct watch_rules *rules, struct watch_marks *marks,
			   const struct watch_sight *sight)
{
	marks->has_first = false;
	marks->next_ms = next_time(rules, marks->next_ms, sight->now_ms);
	marks->rss_bytes = sight->rss_bytes;
	if (sight->memory_share >= marks->memory_share)
		marks->memory_share = sight->memory_share + (1 - sight->memory_share) / 2;
}

const char *watch_reason_text(enum watch_reason reason)
{
	static const char *const texts[] = {
		[WATCH_NOTHING] = "outside",
		[WATCH_FIRST] = "outside: first",
		[WATCH_TIME] = "outside: time",
		[WATCH_RSS] = "outside: rss",
		[WATCH_MEMORY_MAX] = "outside: memory.max",
	};

	return texts[reason];
}
