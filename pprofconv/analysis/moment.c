/* SPDX-License-Identifier: MIT */
#include "analysis/moment.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_SHARE 0.95

bool moment_parse(const char *name, enum moment *out)
{
	static const char *const names[] = {
		[MOMENT_LEVEL] = "level",
		[MOMENT_PEAK] = "peak",
		[MOMENT_LAST_INTERVAL] = "last-interval",
		[MOMENT_EXIT] = "exit",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum moment)i;
			return true;
		}
	return false;
}

static int compare_inuse(const void *left, const void *right)
{
	const struct moment_dump *const *a = left, *const *b = right;

	if ((*a)->inuse != (*b)->inuse)
		return (*a)->inuse < (*b)->inuse ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

static int choose_level(const struct moment_dump *dumps, size_t n, size_t *out)
{
	const struct moment_dump *exit = dumps[n - 1].is_exit ? &dumps[n - 1] : NULL;
	size_t n_work = n - (exit != NULL), first = n_work / 2, n_late = n_work - first;
	const struct moment_dump **late = calloc(n, sizeof(const struct moment_dump *));

	if (!late)
		return -ENOMEM;
	for (size_t i = 0; i < n_late; i++)
		late[i] = &dumps[first + i];
	qsort(late, n_late, sizeof(const struct moment_dump *), compare_inuse);
	*out = n_late ? (size_t)(late[(size_t)ceil(LEVEL_SHARE * (double)n_late) - 1] - dumps) : 0;
	if (exit && exit->inuse >= dumps[*out].inuse)
		*out = n - 1;
	free(late);
	return 0;
}

static size_t find_peak(const struct moment_dump *dumps, size_t n)
{
	size_t peak = 0;

	for (size_t i = 1; i < n; i++)
		if (dumps[i].inuse >= dumps[peak].inuse)
			peak = i;
	return peak;
}

int moment_choose(enum moment moment, const struct moment_dump *dumps, size_t n, size_t *out)
{
	if (moment == MOMENT_LEVEL)
		return choose_level(dumps, n, out);
	*out = moment == MOMENT_PEAK ? find_peak(dumps, n) : n - 1;
	while (moment == MOMENT_LAST_INTERVAL && dumps[*out].is_exit && *out > 0)
		--*out;
	return 0;
}
