/* SPDX-License-Identifier: MIT */
#include "readers/levels.h"

#include "model/sample_labels.h"

#define LEVEL_MAX 19

/* Returns the level of the dump, or -1 if R is not a power of two up to 2^19. */
static int dump_level(const struct levels *levels)
{
	for (int level = 0; level <= LEVEL_MAX; level++)
		if (levels->dump->profile->period == INT64_C(1) << level)
			return level;
	return -1;
}

static void set_level(struct levels *levels, int level)
{
	struct profile *profile = levels->dump->profile;

	levels->level = level;
	levels->is_known = true;
	if (profile->period == INT64_C(1) << LEVEL_MAX)
		return;
	levels->dump->label = (struct profile_label){
		.key = profile_intern(profile, SAMPLE_LABEL_LEVEL),
		.unit = profile_intern(profile, SAMPLE_LABEL_UNIT),
		.number = INT64_C(1) << level,
	};
}

int levels_begin(struct levels *levels)
{
	int level = dump_level(levels);

	if (level < 0)
		return heap_dump_corrupt(levels->dump, "an adaptive sample interval must be a "
						       "power of two, at most 524288");
	if (!levels->is_known)
		set_level(levels, level);
	return 0;
}

/* level = "level: " number */
int levels_read(struct levels *levels, struct cursor number)
{
	uint64_t level = cursor_take_decimal(&number);
	int r;

	if (number.failed || !cursor_at_end(&number) || level > LEVEL_MAX)
		return heap_dump_corrupt(levels->dump, "expected a level, a number from 0 to 19");
	r = levels_begin(levels);
	if (r)
		return r;
	if ((int)level < levels->level + levels->has_line)
		return heap_dump_corrupt(levels->dump,
					 "levels must rise, and not begin below the dump's own");
	levels->has_line = true;
	set_level(levels, (int)level);
	return 0;
}
