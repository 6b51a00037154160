/* SPDX-License-Identifier: MIT */
#include "readers/refused.h"

#include <stdbool.h>

/* Files that are recognized by their first bytes. */
static const struct {
	const char *beginning;
	size_t size;
	struct refused refused;
} kinds[] = {
#define KIND(beginning, kind, help)               \
	{                                         \
		beginning, sizeof(beginning) - 1, \
		{                                 \
			kind, help                \
		}                                 \
	}
	KIND("\x7f"
	     "ELF",
	     "a program", "give it as --binary"),
	KIND("PERFILE2", "perf.data", NULL),
	KIND("#-----------\nsnapshot=", "massif's form as heaptrack_print -M writes it",
	     "its trees don't add up; give heaptrack's data file"),
	KIND("reading file \"", "heaptrack_print's text",
	     "its numbers are rounded; give heaptrack's data file, .zst or .gz"),
	KIND("{\"snapshot\":{\"meta\"", "V8's heap snapshot", "give a sampling .heapprofile"),
	KIND("___ Begin jemalloc statistics ___", "jemalloc's statistics as text",
	     "ask for JSON: MALLOC_CONF=stats_print:true,stats_print_opts:J"),
	KIND("{\"info\":{\"duration\"", "jemalloc's prof_log",
	     "it has freed blocks only; give a heap profile"),
	KIND("memray", "memray's own format", "convert it: memray transform csv"),
	KIND("\x80\x04", "a pickle of Python", "give memray's CSV, or folded stacks"),
	KIND("\x80\x05", "a pickle of Python", "give memray's CSV, or folded stacks"),
	KIND("------------------------------------------------\nMALLOC:", "tcmalloc's statistics",
	     NULL),
	KIND("--- heapz", "Java's heapz text",
	     "convert it: go tool pprof -proto -output=OUT.pb.gz FILE"),
	KIND("--- contention", "a contention profile", NULL),
	KIND("--- threadz", "a thread profile", NULL),
	KIND("goroutine profile:", "a goroutine profile", NULL),
	KIND("\xff\xfe\0\0", "UTF-32 text", "convert it: iconv -f UTF-32 -t UTF-8"),
	KIND("\xff\xfe", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
	KIND("\xfe\xff", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
	KIND("\xfd"
	     "7zXZ",
	     "xz data", "unpack it: xz -d"),
	KIND("BZh", "bzip2 data", "unpack it: bzip2 -d"),
#undef KIND
};

/* event = command pid [ "/" tid ] [ "[" cpu "]" ] time ":" ...: the first line of perf script's
 * output. The time is the first word after the second that is two numbers with a point between them
 * and a colon at the end. */
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

/* smaps_rollup has one mapping with a name of its own. */
static bool is_rollup(struct cursor head)
{
	const char *end = memchr(head.at, '\n', cursor_left(&head));

	if (end)
		head.end = end;
	return cursor_find(&head, " [rollup]");
}

/* Returns whether this is text with two bytes per character and no byte order mark. Its first
 * characters are ASCII, so one of the two bytes is 0, always the first or always the second. */
static bool is_unmarked_utf16(struct cursor head)
{
	enum {
		N_LOOKED_AT = 16
	};
	bool is_little = cursor_left(&head) > 1 && head.at[1] == '\0';

	if (cursor_left(&head) < N_LOOKED_AT)
		return false;
	for (int i = 0; i < N_LOOKED_AT; i++) {
		unsigned char c = (unsigned char)head.at[i];

		if ((i % 2 == is_little) ? c != 0 : c < '\t' || c > '~')
			return false;
	}
	return true;
}

const struct refused *refused_find(struct cursor head)
{
	static const struct refused utf16 = {"UTF-16 text",
					     "convert it: iconv -f UTF-16LE -t UTF-8, or UTF-16BE"};
	static const struct refused perf_script = {"perf script's output",
						   "it lists events, not bytes; fold them with "
						   "stackcollapse-perf.pl"};

	static const struct refused rollup = {"smaps_rollup", "give /proc/PID/smaps"};
	static const struct refused other_error = {"an error of AddressSanitizer other than a leak",
						   NULL};

	cursor_accept_text(&head, "\xef\xbb\xbf");
	if (is_unmarked_utf16(head))
		return &utf16;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (cursor_left(&head) >= kinds[i].size &&
		    memcmp(head.at, kinds[i].beginning, kinds[i].size) == 0)
			return &kinds[i].refused;
	if (is_rollup(head))
		return &rollup;
	if (cursor_find(&head, "ERROR: AddressSanitizer: "))
		return &other_error;
	return is_perf_script(head) ? &perf_script : NULL;
}
