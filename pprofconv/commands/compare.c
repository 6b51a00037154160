/* SPDX-License-Identifier: MIT */
#include "commands/compare.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/std_names.h"

#define PARENTHESES_MAX 250

int compare_check_dropped(const struct compare_settings *settings, uint64_t n, bool has_gates,
			  char *text)
{
	*text = '\0';
	if (n == 0)
		return EXIT_DONE;
	if (has_gates && !settings->allow_dropped)
		return command_error(
			"%" PRIu64
			" samples were dropped, so no gate can be trusted; use --allow-dropped to "
			"go on",
			n);
	snprintf(text, WARNING_MAX, "%" PRIu64 " samples were dropped: values are too low", n);
	return EXIT_DONE;
}

/* --- options ------------------------------------------------------------------------------- */

int compare_parse_by(const char *by, enum frames_by *out_by)
{
	static const char *const names[] = {
		[FRAMES_BY_FUNCTION] = "function", [FRAMES_BY_FILE] = "file",
		[FRAMES_BY_LINE] = "line",         [FRAMES_BY_MAPPING] = "mapping",
		[FRAMES_BY_POOL] = "pool",         [FRAMES_BY_POOL_FUNCTION] = "pool-function",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(by, names[i]) == 0) {
			*out_by = (enum frames_by)i;
			return EXIT_DONE;
		}
	return command_error("--by: unknown value '%s'; expected function, file, line, mapping, "
			     "pool or pool-function",
			     by);
}

int compare_parse_confidence(const struct compare_settings *settings, double *out_confidence)
{
	char *end;
	double confidence = strtod(settings->confidence, &end);

	if (end == settings->confidence || *end || !(confidence >= 0.5 && confidence < 1))
		return command_error(
			"--confidence: invalid number '%s'; expected 0.5 or more, and less than 1",
			settings->confidence);
	*out_confidence = confidence;
	return EXIT_DONE;
}

int compare_read_suppressions(const struct settings *common, const struct texts *files,
			      struct suppressions *out)
{
	int r = 0;

	for (size_t i = 0; !r && i < files->n; i++) {
		_cleanup_(input_freep) struct input *input = NULL;
		struct diag diag = {0};

		r = input_open(&input, files->items[i], common->max_input_bytes, &diag);
		if (!r)
			r = suppressions_read(out, input, &diag);
		diag_print(&diag, program_name(), !common->quiet, stderr);
		diag_deinit(&diag);
	}
	return r ? EXIT_BAD : EXIT_DONE;
}

/* Returns whether a regular expression has so many open parentheses that the stack may overflow:
 * the C library's regcomp() calls itself for each of them. */
static bool is_too_deep(const char *pattern)
{
	size_t depth = 0;

	for (; *pattern && depth <= PARENTHESES_MAX; pattern++) {
		if (*pattern == '\\' && pattern[1])
			pattern++;
		else if (*pattern == '(')
			depth++;
		else if (*pattern == ')' && depth)
			depth--;
	}
	return depth > PARENTHESES_MAX;
}

int compare_compile(const char *option, const char *pattern, regex_t *regex,
		    const regex_t **out_regex)
{
	char text[256];
	int r;

	*out_regex = NULL;
	if (!pattern)
		return EXIT_DONE;
	if (is_too_deep(pattern))
		return command_error("--%s: parentheses are nested too deeply", option);
	r = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (r) {
		regerror(r, regex, text, sizeof(text));
		return command_error("--%s: '%s': %s", option, pattern, text);
	}
	*out_regex = regex;
	return EXIT_DONE;
}

static int parse_tag(const char *text, filter_tag_vec *out)
{
	const char *equals = strchr(text, '=');
	struct filter_tag tag = {0};
	const regex_t *regex;

	if (!equals || equals == text)
		return command_error("--tag: invalid tag '%s'; expected KEY=REGEX, such as "
				     "pool=Cache",
				     text);
	if (compare_compile("tag", equals + 1, &tag.regex, &regex))
		return EXIT_BAD;
	if (vec_push(out, tag)) {
		regfree(&tag.regex);
		return command_error("%s", strerror(ENOMEM));
	}
	out->items[out->n - 1].key = strndup(text, (size_t)(equals - text));
	return out->items[out->n - 1].key ? EXIT_DONE : command_error("%s", strerror(ENOMEM));
}

int compare_parse_tags(const struct texts *texts, filter_tag_vec *out)
{
	int status = EXIT_DONE;

	for (size_t i = 0; !status && i < texts->n; i++)
		status = parse_tag(texts->items[i], out);
	return status;
}

void compare_free_tags(filter_tag_vec *tags)
{
	vec_foreach (tag, tags) {
		free(tag->key);
		regfree(&tag->regex);
	}
	vec_deinit(tags);
}

int compare_compile_hide(const struct settings *settings, const char *hide, regex_t *regex,
			 const regex_t **out_regex)
{
	char *both;
	int r;

	if (!settings->hide_std)
		return compare_compile("hide", hide, regex, out_regex);
	if (!hide)
		return compare_compile("hide-std", STD_NAMES, regex, out_regex);
	if (asprintf(&both, "(%s)|%s", hide, STD_NAMES) < 0)
		return command_error("%s", strerror(ENOMEM));
	r = compare_compile("hide", both, regex, out_regex);
	free(both);
	return r;
}

int compare_find_display(const struct settings *settings, const char *path, struct display *out)
{
	bool is_known = display_init(out, settings->color);

	if (!is_known)
		return command_error("--color: unknown word '%s'; expected auto, always or never",
				     settings->color);
	if (path && strcmp(path, "-") != 0)
		*out = display_none;
	return EXIT_DONE;
}
