/* SPDX-License-Identifier: MIT */
#include "readers/refused.h"

#include <stdbool.h>

/* Files that are known by how they begin. */
static const struct {
	const char *beginning;
	const char *kind;
} kinds[] = {
	{"\x7f"
	 "ELF",
	 "a program or core file"},
	{"PERFILE2", "perf.data"},
	{"desc: ", "massif's output"},
	{"{\"dhatFileVersion\"", "DHAT's output"},
	{"--- contention", "a contention profile"},
	{"--- threadz", "a thread profile"},
	{"goroutine profile:", "a goroutine profile"},
	{"\x28\xb5\x2f\xfd", "zstd data"},
	{"\xfd"
	 "7zXZ",
	 "xz data"},
	{"BZh", "bzip2 data"},
};

/* event = command pid [ "/" tid ] [ "[" cpu "]" ] time ":" ...: what perf script begins with. The
 * time is the first word with a point in it that ends in a colon. */
static bool is_perf_script(struct cursor head)
{
	const char *end = memchr(head.at, '\n', cursor_left(&head));
	int n_words = 0;

	if (!end)
		return false;
	head.end = end;
	while (!cursor_at_end(&head)) {
		struct cursor word;

		cursor_skip_spaces(&head);
		word = cursor_take_word(&head);
		if (n_words++ < 2 || cursor_left(&word) < 4 || word.end[-1] != ':')
			continue;
		cursor_take_decimal(&word);
		cursor_expect(&word, '.');
		cursor_take_decimal(&word);
		if (!word.failed && cursor_equals(&word, ":"))
			return true;
	}
	return false;
}

const char *refused_kind(struct cursor head)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (cursor_starts_with(&head, kinds[i].beginning))
			return kinds[i].kind;
	return is_perf_script(head) ? "perf script's output, a CPU profile," : NULL;
}
