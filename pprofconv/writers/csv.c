/* SPDX-License-Identifier: MIT */
/* Writes comma-separated values for spreadsheets: a row for each sample, the largest first, with
 * all of its values, the function that allocated, and the stack. RFC 4180 describes the format.
 *
 * Spreadsheets take a cell for a formula if it begins with one of a few characters, even in quotes,
 * and some split lines at semicolons, even in quotes. Names come from the profile, so they could be
 * formulas. A cell of text that could be one gets an apostrophe before it, and a semicolon becomes
 * a colon. */
#include <inttypes.h>

#include "base/utf8.h"
#include "transform/frames.h"
#include "writers/sample_order.h"
#include "writers/writers.h"

/* Returns whether a spreadsheet could take a cell that begins so for a formula. The first four
 * characters have full-width forms, which count too. */
static bool is_formula(const char *text)
{
	static const char *const starts[] = {
		"=",  "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0",
		"\t", "\r"};

	while (*text == ' ' || *text == '"' || *text == '\'')
		text++;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(text, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

/* Writes text within a cell. Unprintable bytes become '?', as everywhere. */
static void write_part(struct output *output, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t n = utf8_printable(text, left), step = n ? n : 1;

		if (!n)
			output_text(output, "?");
		else if (*text == '"')
			output_text(output, "\"\"");
		else if (*text == ';')
			output_text(output, ":");
		else
			output_write(output, text, n);
		text += step;
		left -= step;
	}
}

/* Begins a cell whose text begins with `start`, which the caller writes. */
static void begin_cell(struct output *output, const char *start)
{
	output_text(output, is_formula(start) ? "\"'" : "\"");
}

static void write_cell(struct output *output, const char *text)
{
	begin_cell(output, text);
	write_part(output, text);
	output_text(output, "\"");
}

static void write_head(const struct profile *profile, struct output *output)
{
	vec_foreach (type, &profile->sample_types) {
		write_cell(output, profile_string(profile, type->type));
		output_text(output, ",");
	}
	output_text(output, "\"function\",\"file\",\"line\",\"labels\",\"stack\"\r\n");
}

static void write_labels(const struct profile *profile, uint32_t set, struct output *output)
{
	size_t n;
	const struct profile_label *labels = profile_label_set(profile, set, &n);

	for (size_t i = 0; i < n; i++) {
		const char *key = profile_string(profile, labels[i].key);

		if (i)
			output_text(output, " ");
		else
			begin_cell(output, *key ? key : "=");
		write_part(output, key);
		output_text(output, "=");
		if (labels[i].text)
			write_part(output, profile_string(profile, labels[i].text));
		else
			output_printf(output, "%" PRId64, labels[i].number);
	}
	output_text(output, n ? "\"," : ",");
}

static void write_stack(const struct frames *frames, const frame_vec *stack, struct output *output)
{
	begin_cell(output, stack->n ? frames_name(frames, stack->items[0]) : PROFILE_NO_STACK);
	for (size_t i = 0; i < stack->n; i++) {
		output_text(output, i ? " <- " : "");
		write_part(output, frames_name(frames, stack->items[i]));
	}
	output_text(output, stack->n ? "" : PROFILE_NO_STACK);
	output_text(output, "\"\r\n");
}

static void write_function(const struct frames *frames, const frame_vec *stack,
			   struct output *output)
{
	int64_t line = stack->n ? frames->functions.items[stack->items[0]].line : 0;

	write_cell(output, stack->n ? frames_name(frames, stack->items[0]) : PROFILE_NO_STACK);
	output_text(output, ",");
	write_cell(output, stack->n ? frames_source(frames, stack->items[0]) : "");
	output_text(output, ",");
	if (line)
		output_printf(output, "%" PRId64, line);
	output_text(output, ",");
}

static int write_row(const struct frames *frames, uint32_t number, frame_vec *stack,
		     struct output *output)
{
	const struct profile *profile = frames->profile;
	const struct profile_sample *sample = &profile->samples.items[number];
	int r = frames_of_stack(frames, sample->stack, stack);

	for (size_t i = 0; i < profile->sample_types.n; i++)
		output_printf(output, "%" PRId64 ",", profile_values(profile, number)[i]);
	write_function(frames, stack, output);
	write_labels(profile, sample->labels, output);
	write_stack(frames, stack, output);
	return r;
}

static int write_csv(const struct profile *profile, size_t value, struct output *output)
{
	struct frames frames;
	sample_order order = {0};
	frame_vec stack = {0};
	int r = frames_init_view(&frames, profile, &(struct frames_view){.by = FRAMES_BY_LINE});

	if (!r)
		r = sample_order_make(profile, value, &order);
	write_head(profile, output);
	for (size_t i = 0; !r && i < order.n; i++)
		r = write_row(&frames, order.items[i].sample, &stack, output);
	vec_deinit(&stack);
	vec_deinit(&order);
	frames_deinit(&frames);
	return r;
}

const struct writer writer_csv = {
	.name = "csv",
	.summary = "every stack with all its values, the largest first, for spreadsheets",
	.suffix = ".csv",
	.write = write_csv,
};
