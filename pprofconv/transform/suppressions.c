/* SPDX-License-Identifier: MIT */
#include "transform/suppressions.h"

#include <errno.h>
#include <string.h>

/* --- the file ------------------------------------------------------------------------------ */

static int add_pattern(struct suppressions *suppressions, struct cursor pattern)
{
	char *text = strndup(pattern.at, cursor_left(&pattern));
	int r = text ? vec_push(&suppressions->patterns, text) : -ENOMEM;

	if (r)
		free(text);
	return r;
}

/* line = [ "#" text | kind ":" pattern ]; kinds other than `leak` are for other tools and are
 * skipped */
static int read_line(struct suppressions *suppressions, struct input *input, struct cursor line,
		     struct diag *diag)
{
	int r;

	cursor_skip_spaces(&line);
	cursor_trim_end(&line);
	if (cursor_at_end(&line) || *line.at == '#')
		return 0;
	if (!memchr(line.at, ':', cursor_left(&line)))
		return diag_error_line(diag, SUPPRESSIONS_E_SYNTAX, input_line_number(input),
				       "expected a suppression, as in 'leak:cache_*'");
	if (!cursor_accept_text(&line, "leak:"))
		return 0;
	if (cursor_at_end(&line))
		return diag_error_line(diag, SUPPRESSIONS_E_SYNTAX, input_line_number(input),
				       "expected a pattern after 'leak:'");
	r = add_pattern(suppressions, line);
	return r ? diag_errno(diag, r) : 0;
}

int suppressions_read(struct suppressions *suppressions, struct input *input, struct diag *diag)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(input, &line))
		r = read_line(suppressions, input, line, diag);
	return r ? r : input_status(input);
}

void suppressions_deinit(struct suppressions *suppressions)
{
	vec_foreach (pattern, &suppressions->patterns)
		free(*pattern);
	vec_deinit(&suppressions->patterns);
}

/* --- matching ------------------------------------------------------------------------------ */

static bool is_end(const char *pattern)
{
	return pattern[0] == '\0' || (pattern[0] == '$' && pattern[1] == '\0');
}

/* Goes back only to the last `*` when a match fails, so that the time is bounded by the product of
 * the sizes of pattern and text. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = "", *resume = text;
	bool is_anchored = *pattern == '^';

	pattern += is_anchored;
	if (!is_anchored)
		star = pattern;
	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
			is_anchored = false;
		} else if (is_end(pattern) && (*pattern == '\0' || *text == '\0')) {
			return true;
		} else if (*text && *pattern == *text) {
			pattern++;
			text++;
		} else if (is_anchored || !*resume) {
			return false;
		} else {
			pattern = star;
			text = ++resume;
		}
	}
}

bool suppressions_match(const struct suppressions *suppressions, const char *text)
{
	vec_foreach (pattern, &suppressions->patterns)
		if (*text && matches(*pattern, text))
			return true;
	return false;
}
