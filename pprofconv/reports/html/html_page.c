/* SPDX-License-Identifier: MIT */
#include "reports/html/html_page.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/estimate.h"
#include "base/path.h"
#include "base/short_name.h"
#include "base/std_names.h"
#include "reports/format.h"
#include "reports/html/html_json.h"

#define FACTS_MAX      3 /* values of one kind that a merged profile may have */
#define TREND_ROWS_MAX 1000

/* Metadata that the page shows. */
static const char *const facts[] = {
	"program",
	"pid",
	"run",
	"dump",
	"reason",
	"samples",
	"samples_dropped",
	"allocated_bytes",
	"rss_bytes",
	"anonymous_bytes",
	"reserved_bytes",
	"profiler_bytes",
};

static void write_fact(const struct profile *profile, const char *key, struct output *output)
{
	size_t n = 0;

	vec_foreach (comment, &profile->comments) {
		const char *value = profile_comment_value(profile, *comment, key);

		if (!value || n == FACTS_MAX)
			continue;
		if (!n++)
			output_printf(output, ",\"%s\":[", key);
		else
			output_text(output, ",");
		html_json_text(output, value);
	}
	if (n)
		output_text(output, "]");
}

static void write_dump(const struct html_page *page, size_t number, struct output *output)
{
	const struct profile *profile = page->model->dumps[number];
	struct sampling sampling = {0};

	if (profile->sample_types.n)
		sampling_init(&sampling, profile, 0);
	output_text(output, "{\"name\":");
	html_json_text(output, page->names[number]);
	output_text(output, ",\"format\":");
	html_json_text(output, profile->format ? profile->format : "");
	output_text(output, ",\"time\":");
	html_json_integer(output, profile->time_nanos / 1000000);
	output_text(output, ",\"interval\":");
	format_json_number(output, sampling.interval);
	output_text(output, ",\"period\":");
	html_json_integer(output, profile_bytes_period(profile));
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		write_fact(profile, facts[i], output);
	output_text(output, "}");
}

static void write_dumps(const struct html_page *page, struct output *output)
{
	output_text(output, ",\n\"dumps\":[");
	for (size_t i = 0; i < page->model->n_dumps; i++) {
		output_text(output, i ? ",\n" : "");
		write_dump(page, i, output);
	}
	output_text(output, "]");
}

static void write_types(const struct html_model *model, struct output *output)
{
	output_text(output, ",\n\"types\":[");
	for (size_t i = 0; i < model->types.n; i++) {
		const struct html_type *type = &model->types.items[i];

		output_text(output, i ? ",{\"type\":" : "{\"type\":");
		html_json_text(output, type->type);
		output_text(output, ",\"unit\":");
		html_json_text(output, type->unit);
		output_printf(output, ",\"bytes\":%d,\"objects\":%d,\"isBytes\":%s}", type->bytes,
			      type->objects, type->is_bytes ? "true" : "false");
	}
	output_text(output, "]");
}

static void write_strings(const struct html_model *model, struct output *output)
{
	output_text(output, ",\n\"strings\":[");
	for (uint32_t i = 0; i < strtab_count(&model->strings); i++) {
		output_text(output, i ? "," : "");
		html_json_text(output, strtab_text(&model->strings, i));
	}
	output_text(output, "]");
}

/* Writes the short names of functions that have one, as pairs with the number of the name. */
static void write_short_names(const struct html_model *model, struct output *output)
{
	const char *comma = "";

	output_text(output, ",\n\"short\":[");
	vec_foreach (function, &model->functions) {
		char *text = short_name(strtab_text(&model->strings, function->name));

		if (text) {
			output_printf(output, "%s[%u,", comma, function->name);
			html_json_text(output, text);
			output_text(output, "]");
			comma = ",";
		}
		free(text);
	}
	output_text(output, "]");
}

/* Writes a member of the object whose value is an array. Call write_number() for each number, then
 * end_numbers(). */
static void begin_numbers(struct output *output, const char *name)
{
	output_printf(output, ",\n\"%s\":[", name);
}

static void write_number(struct output *output, bool is_first, int64_t number)
{
	output_text(output, is_first ? "" : ",");
	html_json_integer(output, number);
}

static void end_numbers(struct output *output)
{
	output_text(output, "]");
}

static void write_frames(const struct html_model *model, struct output *output)
{
	begin_numbers(output, "functions");
	for (size_t i = 0; i < model->functions.n; i++) {
		write_number(output, i == 0, model->functions.items[i].name);
		write_number(output, false, model->functions.items[i].file);
	}
	end_numbers(output);
	begin_numbers(output, "frames");
	for (size_t i = 0; i < model->frames.n; i++) {
		const struct html_frame *frame = &model->frames.items[i];

		write_number(output, i == 0, frame->is_small ? -1 : (int64_t)frame->function);
		write_number(output, false, frame->line);
		write_number(output, false, frame->library);
		write_number(output, false, frame->is_inlined);
	}
	end_numbers(output);
}

static void write_labels(const struct html_model *model, struct output *output)
{
	output_text(output, ",\n\"labels\":[");
	for (size_t i = 0; i < model->label_sets.n; i++) {
		const struct html_label_set *set = &model->label_sets.items[i];

		output_text(output, i ? ",[" : "[");
		for (size_t j = set->first; j < set->first + set->n; j++) {
			write_number(output, j == set->first, model->labels.items[j].key);
			write_number(output, false, model->labels.items[j].value);
		}
		output_text(output, "]");
	}
	output_text(output, "]");
}

/* Writes the nodes: for each, its number less its parent's, and its frame. */
static void write_nodes(const struct html_model *model, struct output *output)
{
	const struct html_tree *tree = &model->tree;

	begin_numbers(output, "nodes");
	for (size_t i = 1; i < tree->nodes.n; i++) {
		write_number(output, i == 1, (int64_t)i - tree->nodes.items[i].parent);
		write_number(output, false, tree->nodes.items[i].frame);
	}
	end_numbers(output);
	begin_numbers(output, "merged");
	for (size_t i = 0, n = 0; i < model->n_merged_to.n; i++)
		if (model->n_merged_to.items[i]) {
			write_number(output, n++ == 0, (int64_t)i);
			write_number(output, false, model->n_merged_to.items[i]);
		}
	end_numbers(output);
}

/* Writes the numbers of records in columns, each a string. A number is the difference from that of
 * the dump before; a difference of 0 is empty. `order` may be NULL. */
static void write_columns(const struct html_model *model, const int64_t *values,
			  const uint32_t *order, size_t n_records, struct output *output)
{
	size_t n_columns = html_model_n_columns(model), n_numbers = model->tree.n_numbers;

	output_text(output, ",\"columns\":[");
	for (size_t column = 0; column < n_columns; column++) {
		output_text(output, column ? ",\"" : "\"");
		for (size_t i = 0; i < n_records; i++) {
			const int64_t *own_values = values + (order ? order[i] : i) * n_numbers;
			uint64_t before = 0;

			for (size_t at = column; at < n_numbers; at += n_columns) {
				uint64_t own = (uint64_t)own_values[at];

				output_text(output, i || at != column ? "," : "");
				if (own != before)
					html_json_integer(output, (int64_t)(own - before));
				before = own;
			}
		}
		output_text(output, "\"");
	}
	output_text(output, "]");
}

/* Writes one field of all records; nothing if it is 0 in all of them. */
#define WRITE_FIELD(tree, output, field)                                                   \
	do {                                                                               \
		bool has_any = false;                                                      \
		vec_foreach (record, &(tree)->records)                                     \
			has_any |= record->field != 0;                                     \
		begin_numbers(output, #field);                                             \
		for (size_t i = 0; has_any && i < (tree)->order.n; i++)                    \
			write_number(output, i == 0,                                       \
				     (tree)->records.items[(tree)->order.items[i]].field); \
		end_numbers(output);                                                       \
	} while (0)

/* Writes the records by node; of a node the difference from that of the record before. */
static void write_records(const struct html_model *model, struct output *output)
{
	const struct html_tree *tree = &model->tree;
	uint32_t before = 0;

	output_text(output, ",\n\"records\":{\"nodes\":[");
	for (size_t i = 0; i < tree->order.n; i++) {
		uint32_t node = tree->records.items[tree->order.items[i]].node;

		write_number(output, i == 0, node - before);
		before = node;
	}
	end_numbers(output);
	WRITE_FIELD(tree, output, labels);
	WRITE_FIELD(tree, output, interval);
	write_columns(model, tree->values.items, tree->order.items, tree->order.n, output);
	output_text(output, "}");
}

/* The page has -1 for what is small. */
static int64_t number_of_function(uint32_t function)
{
	return function == HTML_FUNCTION_SMALL ? -1 : (int64_t)function;
}

static void write_rest(const struct html_model *model, const char *name,
		       const struct html_rest *rest, struct output *output)
{
	output_printf(output, ",\n\"%s\":{\"functions\":[", name);
	for (size_t i = 0; i < rest->functions.n; i++)
		write_number(output, i == 0, number_of_function(rest->functions.items[i]));
	end_numbers(output);
	write_columns(model, rest->values.items, NULL, rest->functions.n, output);
	output_text(output, "}");
}

/* Writes a row of a series. `name` is NULL for the total. */
static void write_trend_row(const struct dump_series *series, const struct dump_series_row *row,
			    const char *name, struct output *output)
{
	output_text(output, "{\"name\":");
	html_json_text(output, name ? name : "");
	output_text(output, ",\"file\":");
	html_json_text(output, strtab_text(&series->strings, row->file));
	output_printf(output,
		      ",\"verdict\":\"%s\",\"slope\":", trend_verdict_name(row->trend.verdict));
	format_json_number(output, row->trend.slope);
	output_printf(output, ",\"judged\":%zu}", row->n_judged);
}

static void write_trend(const struct dump_series *series, struct output *output)
{
	output_text(output, ",\n\"trend\":{\"type\":");
	html_json_text(output, series->type);
	output_printf(output, ",\"hasTime\":%s,\"total\":", series->has_time ? "true" : "false");
	write_trend_row(series, &series->total, NULL, output);
	output_text(output, ",\"rows\":[");
	for (size_t i = 0; i < series->rows.n && i < TREND_ROWS_MAX; i++) {
		const struct dump_series_row *row = &series->rows.items[i];

		output_text(output, i ? ",\n" : "\n");
		write_trend_row(series, row, strtab_text(&series->strings, row->name), output);
	}
	output_text(output, "]}");
}

static void write_warnings(const struct html_page *page, struct output *output)
{
	output_text(output, ",\n\"warnings\":[");
	for (size_t i = 0; i < page->n_warnings; i++) {
		output_text(output, i ? "," : "");
		html_json_text(output, page->warnings[i]);
	}
	output_text(output, "]");
}

static void write_data(const struct html_page *page, struct output *output)
{
	const struct html_model *model = page->model;

	output_text(output, "{\"version\":1,\"made\":");
	html_json_text(output, "pprofconv " PROGRAM_VERSION);
	output_text(output, ",\"type\":");
	html_json_text(output, page->type);
	output_text(output, ",\"confidence\":");
	format_json_number(output, page->confidence);
	output_text(output, ",\"threshold\":");
	format_json_number(output, model->threshold);
	output_printf(output, ",\"small\":%zu,\"smallFunctions\":%zu,\"functionThreshold\":",
		      model->n_merged, model->n_small_functions);
	format_json_number(output, model->function_threshold);
	output_printf(output, ",\"isSeries\":%s", page->is_series ? "true" : "false");
	output_printf(output, ",\"fullNames\":%s", page->full_names ? "true" : "false");
	if (!page->std_is_hidden) {
		output_text(output, ",\"stdNames\":");
		html_json_text(output, STD_NAMES);
	}
	write_warnings(page, output);
	write_dumps(page, output);
	write_types(model, output);
	write_strings(model, output);
	write_short_names(model, output);
	write_frames(model, output);
	write_labels(model, output);
	write_nodes(model, output);
	write_records(model, output);
	write_rest(model, "restFlat", &model->rest_flat, output);
	write_rest(model, "restCumulative", &model->rest_cumulative, output);
	if (page->series)
		write_trend(page->series, output);
	output_text(output, "}");
}

static void write_title(const struct html_page *page, struct output *output)
{
	const struct html_model *model = page->model;
	const char *program = profile_metadata(model->dumps[model->n_dumps - 1], "program");

	html_json_markup(output,
			 path_last_part(program ? program : page->names[model->n_dumps - 1]));
	output_text(output, " - heapprof");
}

void html_page_write(const struct html_page *page, struct output *output)
{
	output_text(output, html_before_title);
	write_title(page, output);
	output_text(output, html_before_data);
	write_data(page, output);
	output_text(output, html_after_data);
}
