/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/top.h"
#include "base/input.h"
#include "base/utf8.h"
#include "commands/commands.h"
#include "commands/compare.h"
#include "commands/empty.h"
#include "reports/format.h"
#include "reports/table.h"

struct top_settings {
	struct settings common;
	uint64_t n_lines;
	bool by_cumulative;
	const char *hide, *by;
	struct texts tags;
};

/* Returns a percentage as pprof shows it: of the sum of absolute values, without a sign. */
static double percent(int64_t value, int64_t absolute)
{
	return absolute ? fabs(100 * (double)value / (double)absolute) : 0;
}

enum {
	FLAT,
	FLAT_ERROR,
	FLAT_PERCENT,
	SUM_PERCENT,
	CUMULATIVE,
	CUMULATIVE_ERROR,
	CUMULATIVE_PERCENT,
	N_COLUMNS,
};

/* A list to print. Only the values by which it is sorted have their errors next to them. */
struct list {
	const struct top_settings *settings;
	const struct frames *frames;
	const struct top *top;
	const char *type, *unit;
	bool is_bytes, is_sampled;
	struct display display;
};

static const char *plus_minus(const struct list *list)
{
	return list->display.text.is_utf8 ? "\u00b1" : "+-";
}

/* Returns the columns of a list, in their order. Sets *out_n to their number. */
static void choose_columns(const struct list *list, struct table_column *out, uint8_t *out_cells,
			   size_t *out_n)
{
	bool by_cumulative = list->settings->by_cumulative;
	const struct table_column columns[N_COLUMNS] = {
		[FLAT] = {"flat", 12, by_cumulative ? 3 : TABLE_ALWAYS},
		[FLAT_ERROR] = {plus_minus(list), 8, 6},
		[FLAT_PERCENT] = {"flat%", 7, by_cumulative ? 1 : 4},
		[SUM_PERCENT] = {"sum%", 7, 0},
		[CUMULATIVE] = {"cum", 12, by_cumulative ? TABLE_ALWAYS : 3},
		[CUMULATIVE_ERROR] = {plus_minus(list), 8, 6},
		[CUMULATIVE_PERCENT] = {"cum%", 7, by_cumulative ? 4 : 1},
	};
	uint8_t without = by_cumulative ? FLAT_ERROR : CUMULATIVE_ERROR;

	*out_n = 0;
	for (unsigned i = 0; i < N_COLUMNS; i++) {
		bool is_error = i == FLAT_ERROR || i == CUMULATIVE_ERROR;

		if (is_error && (!list->is_sampled || i == without))
			continue;
		out_cells[*out_n] = (uint8_t)i;
		out[(*out_n)++] = columns[i];
	}
}

static struct formatted format_error(const struct list *list, const struct estimate *estimate)
{
	double error = sampling_error(&list->top->sampling, estimate);
	struct formatted text;

	snprintf(text.text, sizeof(text.text), "%s%.32s", plus_minus(list),
		 list->is_bytes ? format_compact(error).text : format_value(error, false).text);
	return text;
}

static struct formatted format_percent(const struct list *list, int64_t value)
{
	struct formatted text;

	snprintf(text.text, sizeof(text.text), "%.2f%%", percent(value, list->top->absolute));
	return text;
}

static struct formatted format_cell(const struct list *list, const struct top_row *row,
				    uint8_t cell, int64_t flat_sum)
{
	switch (cell) {
	case FLAT:
		return format_value((double)row->flat, list->is_bytes);
	case FLAT_ERROR:
		return format_error(list, &row->flat_estimate);
	case FLAT_PERCENT:
		return format_percent(list, row->flat);
	case SUM_PERCENT:
		return format_percent(list, flat_sum);
	case CUMULATIVE:
		return format_value((double)row->cumulative, list->is_bytes);
	case CUMULATIVE_ERROR:
		return format_error(list, &row->cumulative_estimate);
	default:
		return format_percent(list, row->cumulative);
	}
}

static size_t n_shown(const struct list *list)
{
	uint64_t n = list->settings->n_lines;

	return n && n < list->top->rows.n ? (size_t)n : list->top->rows.n;
}

static int write_total(const struct list *list, struct output *output)
{
	const struct top *top = list->top;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return -ENOMEM;
	fprintf(stream, "%s: total %" PRId64 " %s", list->type, top->total, list->unit);
	if (list->is_bytes)
		fprintf(stream, " (%s)", format_value((double)top->total, true /* bytes */).text);
	if (list->is_sampled && top->rows.n)
		fprintf(stream, " %s", format_error(list, &top->total_estimate).text);
	if (top->absolute != top->total)
		fprintf(stream, "; percentages are of the sum of absolute values, %s",
			format_value((double)top->absolute, list->is_bytes).text);
	if (fclose(stream) != 0)
		return -ENOMEM;
	table_write_line(&list->display, DISPLAY_BOLD, text, output);
	free(text);
	return 0;
}

static int write_list(const void *what, struct output *output)
{
	const struct list *list = what;
	struct table_column columns[N_COLUMNS];
	uint8_t cells[N_COLUMNS];
	struct table table = {.display = &list->display,
			      .names_title = list->settings->by,
			      .full_names = list->settings->common.full_names,
			      .columns = columns};
	int64_t flat_sum = 0;
	int r = write_total(list, output);

	choose_columns(list, columns, cells, &table.n_columns);
	for (size_t i = 0; !r && i < n_shown(list); i++) {
		const struct top_row *row = &list->top->rows.items[i];
		struct table_row *added =
			table_add(&table, top_name(list->frames, row), top_file(list->frames, row));

		flat_sum += row->flat;
		for (size_t j = 0; added && j < table.n_columns; j++)
			table_set(added, j, format_cell(list, row, cells[j], flat_sum).text);
		r = added ? 0 : -ENOMEM;
	}
	if (!r)
		table_write(&table, output);
	if (!r && n_shown(list) < list->top->rows.n)
		output_printf(output, "%12s (%zu more; --lines=0 shows all)\n", "...",
			      list->top->rows.n - n_shown(list));
	if (!r)
		table_write_hint(&table, output);
	table_deinit(&table);
	return r;
}

static int print_rows(const struct top_settings *settings, const struct frames *frames,
		      const struct top *top, size_t value)
{
	const struct profile *profile = frames->profile;
	const struct profile_value_type *type = &profile->sample_types.items[value];
	struct list list = {
		.settings = settings,
		.frames = frames,
		.top = top,
		.type = profile_string(profile, type->type),
		.unit = profile_string(profile, type->unit),
		.is_bytes = strcmp(profile_string(profile, type->unit), "bytes") == 0,
		.is_sampled = sampling_is_sampled(&top->sampling),
	};

	return compare_find_display(&settings->common, NULL, &list.display) ||
			       command_print(write_list, &list)
		       ? EXIT_BAD
		       : EXIT_DONE;
}

/* Prints why a table would have no rows. This line is printed with --quiet too, because it is the
 * whole answer. */
static void print_why_empty(const struct top_settings *settings, const struct profile *profile,
			    size_t value)
{
	if (!profile->samples.n) {
		puts(empty_describe(profile, 0 /* no bound */).text);
		return;
	}
	printf("no sample has any ");
	utf8_print(profile_string(profile, profile->sample_types.items[value].type), stdout);
	puts(settings->tags.n ? " and matches --tag" : "; --sample-type shows other values");
}

/* What the options say about samples and rows. */
struct chosen {
	struct frames_view view;
	regex_t hide;
	filter_tag_vec tags;
	struct filter_rules rules;
};

static int parse_options(const struct top_settings *settings, struct chosen *chosen)
{
	int status = compare_parse_by(settings->by, &chosen->view.by);

	if (!status)
		status = compare_parse_tags(&settings->tags, &chosen->tags);
	chosen->rules.tags = chosen->tags.n ? &chosen->tags : NULL;
	return status ? status
		      : compare_compile_hide(&settings->common, settings->hide, &chosen->hide,
					     &chosen->view.hide);
}

static void chosen_deinit(struct chosen *chosen)
{
	compare_free_tags(&chosen->tags);
	if (chosen->view.hide)
		regfree(&chosen->hide);
}

static int print_chosen(const struct top_settings *settings, const struct profile *profile,
			const struct chosen *chosen)
{
	int value = command_sample_type(&settings->common, profile);
	struct frames frames = {0};
	struct filter filter = {0};
	struct top top = {0};
	int r, status = EXIT_DONE;

	if (value < 0)
		return EXIT_BAD;
	if (!profile->sample_types.n)
		return command_error("the profile has no values");
	r = frames_init_view(&frames, profile, &chosen->view);
	if (!r && chosen->rules.tags)
		r = filter_init(&filter, &chosen->rules, profile);
	if (!r)
		r = top_init(&top, &frames, &filter, (size_t)value, settings->by_cumulative);
	if (!r)
		status = print_rows(settings, &frames, &top, (size_t)value);
	if (!r && !status && !top.rows.n)
		print_why_empty(settings, profile, (size_t)value);
	top_deinit(&top);
	filter_deinit(&filter);
	frames_deinit(&frames);
	if (r == -EOVERFLOW)
		return command_error("%s: values add up to more than 64 bits hold",
				     settings->common.inputs[0]);
	return r ? command_error("%s", strerror(-r)) : status;
}

static int print_top(const struct top_settings *settings, const struct profile *profile)
{
	struct chosen chosen = {0};
	int status = parse_options(settings, &chosen);

	if (!status)
		status = print_chosen(settings, profile, &chosen);
	chosen_deinit(&chosen);
	return status;
}

/* Returns whether an input is a number and not a file: it is probably a process ID. */
static bool is_process_id(const char *input)
{
	return *input && !input[strspn(input, "0123456789")] && access(input, F_OK) != 0;
}

static int run_top(const struct settings *settings)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;

	if (settings->n_inputs != 1)
		return command_error("expected one input; see '" PROGRAM " top --help'");
	if (is_process_id(settings->inputs[0]))
		return command_error("no file '%s'; to watch that process, type 'heapprof top %s', "
				     "or give pid:%s",
				     settings->inputs[0], settings->inputs[0], settings->inputs[0]);
	profile = command_load(settings, settings->inputs[0]);
	if (!profile || command_symbolize(settings, 1, profile))
		return EXIT_BAD;
	return print_top(SETTINGS_OF(struct top_settings, settings), profile);
}

static const struct option_row options[] = {
	{"lines", 'l', OPTION_COUNT, offsetof(struct top_settings, n_lines), "N",
	 "Shows the first N functions; 0 shows all. The default is 30."},
	{"cum", 'c', OPTION_FLAG, offsetof(struct top_settings, by_cumulative), NULL,
	 "Sorts by what a function holds together with everything it called, instead of by "
	 "itself."},
	{"by", 0, OPTION_TEXT, offsetof(struct top_settings, by), "WHAT",
	 "What a row is: function, which is the default, file, line, mapping, pool, or "
	 "pool-function, a function in a pool."},
	OPTION_ROW_TAG(offsetof(struct top_settings, tags)),
	OPTION_ROW_HIDE(offsetof(struct top_settings, hide)),
	OPTION_ROW_HIDE_STD,
	OPTION_ROW_SAMPLE_TYPE,
	OPTION_ROW_FROM,
	OPTION_ROW_FULL_NAMES,
	OPTION_ROW_NTH,
	OPTION_ROW_COLOR,
	OPTION_ROWS_SYMBOLS,
	OPTION_ROW_MAX_INPUT,
	OPTION_ROW_STOP,
	OPTION_ROW_QUIET,
	OPTION_ROW_VERBOSE,
	OPTION_ROW_HELP,
	{0},
};

static const struct top_settings defaults = {
	.common.max_input_bytes = INPUT_BYTES_LIMIT,
	.n_lines = 30,
	.by = "function",
};

const struct command command_top = {
	.name = "top",
	.arguments = "INPUT",
	.summary = "show the functions that hold the most",
	.description =
		"Flat is what a function allocated itself; cum includes everything it called. The "
		"allocators' own functions are left out, and their callers get what they hold. The "
		"rows farthest from 0 come first. Percentages are of the sum of all samples; if "
		"some are negative, of the sum of their absolute values. Samples without a stack "
		"are the row (no stack). If there is nothing to show, a line says why.",
	.options = options,
	.defaults = &defaults.common,
	.settings_size = sizeof(defaults),
	.run = run_top,
};
