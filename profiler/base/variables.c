/* SPDX-License-Identifier: MIT */
#include "base/variables.h"
#include "base/options.h"
#include "base/report.h"
#include <string.h>

#define PREFIX_NAME "HEAPPROFILE"

enum {
	REPORTED_MAX = 5,
	NAME_MAX_COMPARED = 64,
	NAME_MAX_SHOWN = 64,
	EDITS_MAX = 3,
	CHARACTERS_PER_EDIT = 5 /* one edit is allowed for each 5 characters of the right name */
};

/* Names that are known but are not options: our own, and gperftools' names for features without
 * which a dump lacks nothing. */
static const char *const further_names[] = {PREFIX_NAME, "HEAPPROF_OWNER", "HEAPPROF_LEAKS",
					    "HEAP_PROFILE_MMAP_LOG"};

enum {
	N_SUGGESTED = 1, /* only the first of further_names is suggested */
	N_FURTHER = sizeof(further_names) / sizeof(further_names[0])
};

static const char *name_at(size_t i)
{
	return i < N_FURTHER ? further_names[i] : hp_option_table[i - N_FURTHER].name;
}

static bool is_known(const char *name, size_t size)
{
	for (size_t i = 0; i < N_FURTHER + hp_n_options; i++)
		if (strlen(name_at(i)) == size && memcmp(name_at(i), name, size) == 0)
			return true;
	return false;
}

/* --- the nearest name ---------------------------------------------------------------------- */

/* Copies the name without its underscores, whose positions people remember least. Returns its
 * length. */
static size_t drop_underscores(const char *name, size_t size, char out[NAME_MAX_COMPARED])
{
	size_t n = 0;

	for (size_t i = 0; i < size && n < NAME_MAX_COMPARED; i++)
		if (name[i] != '_')
			out[n++] = name[i];
	return n;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Returns the Levenshtein distance: how many characters must be inserted, deleted or replaced to
 * turn `a` into `b`. row[j] is the distance between the part of `a` that was read so far and the
 * first j characters of `b`. */
static size_t count_edits(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t row[NAME_MAX_COMPARED + 1];

	for (size_t j = 0; j <= b_size; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			size_t replaced = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_size];
}

/* Returns the known name that is nearest to `name`, or NULL if no name is near enough. */
static const char *find_nearest(const char *name, size_t size)
{
	char given[NAME_MAX_COMPARED], known[NAME_MAX_COMPARED];
	size_t given_size = drop_underscores(name, size, given);
	size_t fewest = EDITS_MAX + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < N_FURTHER + hp_n_options; i++) {
		if (i >= N_SUGGESTED && i < N_FURTHER)
			continue;
		size_t known_size = drop_underscores(name_at(i), strlen(name_at(i)), known);
		size_t n = count_edits(given, given_size, known, known_size);

		if (n < fewest && n * CHARACTERS_PER_EDIT <= known_size) {
			fewest = n;
			nearest = name_at(i);
		}
	}
	return size <= NAME_MAX_COMPARED ? nearest : NULL;
}

/* --- the environment ----------------------------------------------------------------------- */

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Returns true if an unknown variable is to be reported. Other names that begin with HEAPPROF may
 * belong to other software, as HEAPPROF_BUILD does; such a name is reported only if one of ours is
 * near. */
static bool is_suspect(const char *name, const char *nearest)
{
	return begins_with(name, "HEAP_PROFILE") || begins_with(name, "HEAPPROFILE") || nearest;
}

/* Reports the variable if it is unknown, and returns true if it did. If `wanted` is not NULL, the
 * variable is reported only if `wanted` is the nearest name. */
static bool report_if_unknown(const char *variable, const char *wanted)
{
	size_t size = strcspn(variable, "=");
	HP_TEXT_LOCAL(line, 512);

	if (is_known(variable, size))
		return false;
	const char *nearest = find_nearest(variable, size);

	if (!is_suspect(variable, nearest) || (wanted && nearest != wanted))
		return false;
	hp_text_escaped(&line, variable, size, NAME_MAX_SHOWN);
	hp_text_string(&line, ": no such variable; ");
	hp_text_string(&line, nearest ? "did you mean " : "see libheapprof(3)");
	if (nearest) {
		hp_text_string(&line, nearest);
		hp_text_char(&line, '?');
	}
	hp_report_text(&line);
	return true;
}

static int report_unknown(char *const *environment, const char *wanted)
{
	int n_reported = 0;

	for (; environment && *environment && n_reported < REPORTED_MAX; environment++)
		if (begins_with(*environment, "HEAP_PROFILE") ||
		    begins_with(*environment, "HEAPPROF"))
			n_reported += report_if_unknown(*environment, wanted);
	return n_reported;
}

void hp_variables_report_unknown(char *const *environment)
{
	report_unknown(environment, NULL);
}

bool hp_variables_report_misspelt_prefix(char *const *environment)
{
	return report_unknown(environment, name_at(0)) > 0;
}
