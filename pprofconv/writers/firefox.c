/* SPDX-License-Identifier: MIT */
/* Writes a processed profile of the Firefox Profiler, version 60 of the format, which
 * docs-developer/processed-profile-format.md in the Profiler's repository describes; the Profiler
 * itself brings older versions up to date. Tables are objects of columns of equal length, and refer
 * to each other by row. Each sample type is a thread: bytes are its native allocations, other
 * values the weights of its samples. A series has its totals as a counter of memory. */
#include <errno.h>
#include <inttypes.h>

#include "base/hash.h"
#include "base/index.h"
#include "writers/stack_sums.h"
#include "writers/writers.h"

#define FORMAT_VERSION 60
#define GECKO_VERSION  31 /* of the format in which Firefox itself wrote profiles at that time */
#define NANOS_PER_MS   1000000

struct function {              /* as the Profiler means it: without a line */
	uint32_t name, source; /* strings of the frames */
};

struct node {                   /* of the tree of stacks */
	uint32_t frame, parent; /* parent: PROFILE_NONE at a root */
};

struct firefox {
	struct stack_sums sums;
	VEC(struct function) functions;
	struct index function_index;
	VEC(uint32_t) function_of_frame;
	VEC(uint32_t) sources;          /* strings */
	VEC(bool) is_name;              /* by string */
	VEC(uint32_t) source_of_string; /* PROFILE_NONE: not a source */
	VEC(struct node) nodes;
	VEC(uint32_t) leaves; /* of the stacks: nodes, or PROFILE_NONE */
	const struct writer_moment *moments;
	size_t n_moments;
	struct output *output;
};

/* --- tables -------------------------------------------------------------------------------- */

static int add_source(struct firefox *firefox, uint32_t string)
{
	int r = 0;

	if (!string || firefox->source_of_string.items[string] != PROFILE_NONE)
		return 0;
	firefox->source_of_string.items[string] = (uint32_t)firefox->sources.n;
	r = vec_push(&firefox->sources, string);
	return r;
}

static int find_function(struct firefox *firefox, const struct frame_function *frame,
			 uint32_t *out_number)
{
	const struct function function = {frame->name, frame->source};
	uint64_t hash = hash_mix(function.name, function.source);
	struct index_walk walk = index_walk(&firefox->function_index, hash);
	int r;

	while (index_next(&walk, out_number)) {
		const struct function *known = &firefox->functions.items[*out_number];

		if (known->name == function.name && known->source == function.source)
			return 0;
	}
	*out_number = (uint32_t)firefox->functions.n;
	firefox->is_name.items[function.name] = true;
	r = add_source(firefox, function.source);
	r = r ? r : index_insert(&firefox->function_index, hash, *out_number);
	return r ? r : vec_push(&firefox->functions, function);
}

static int make_functions(struct firefox *firefox)
{
	const struct frames *frames = &firefox->sums.frames;
	uint32_t number;
	int r = 0;

	for (size_t i = 0; !r && i < strtab_count(&frames->strings); i++) {
		r = vec_push(&firefox->source_of_string, PROFILE_NONE);
		r = r ? r : vec_push(&firefox->is_name, false);
	}
	for (size_t i = 0; !r && i < frames->functions.n; i++) {
		r = find_function(firefox, &frames->functions.items[i], &number);
		r = r ? r : vec_push(&firefox->function_of_frame, number);
	}
	return r;
}

/* Adds the nodes of a stack to the tree. `path` has the nodes of the stack before it, which has
 * equal frames up to where the two first differ, since stacks are sorted. */
static int add_nodes(struct firefox *firefox, const struct stack_sum *stack, frame_vec *path)
{
	const uint32_t *frames = stack_sums_functions(&firefox->sums, stack);
	size_t n = 0;
	int r = 0;

	while (n < path->n && n < stack->n &&
	       firefox->nodes.items[path->items[n]].frame == frames[n])
		n++;
	path->n = n;
	for (; !r && n < stack->n; n++) {
		const struct node node = {frames[n], n ? path->items[n - 1] : PROFILE_NONE};

		r = vec_push(path, (uint32_t)firefox->nodes.n);
		r = r ? r : vec_push(&firefox->nodes, node);
	}
	return r ? r
		 : vec_push(&firefox->leaves, path->n ? path->items[path->n - 1] : PROFILE_NONE);
}

static int make_tree(struct firefox *firefox)
{
	frame_vec path = {0};
	int r = 0;

	for (size_t i = 0; !r && i < firefox->sums.stacks.n; i++)
		r = add_nodes(firefox, &firefox->sums.stacks.items[i], &path);
	vec_deinit(&path);
	return r;
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void write_number(struct output *output, uint32_t number)
{
	if (number == PROFILE_NONE)
		output_text(output, "null");
	else
		output_printf(output, "%" PRIu32, number);
}

/* Writes a column of a table with the value `text` in each of `n` rows. */
static void write_constant(struct output *output, const char *name, const char *text, size_t n)
{
	output_printf(output, "\"%s\":[", name);
	for (size_t i = 0; i < n; i++) {
		output_text(output, i ? "," : "");
		output_text(output, text);
	}
	output_text(output, "],");
}

/* Writes a column of a table, of which `get` returns the number in a row, or PROFILE_NONE. */
static void write_column(const struct firefox *firefox, const char *name, size_t n,
			 uint32_t (*get)(const struct firefox *firefox, size_t row))
{
	output_printf(firefox->output, "\"%s\":[", name);
	for (size_t i = 0; i < n; i++) {
		output_text(firefox->output, i ? "," : "");
		write_number(firefox->output, get(firefox, i));
	}
	output_text(firefox->output, "],");
}

static void write_length(struct output *output, size_t n)
{
	output_printf(output, "\"length\":%zu}", n);
}

static uint32_t node_frame(const struct firefox *firefox, size_t row)
{
	return firefox->nodes.items[row].frame;
}

static uint32_t node_parent(const struct firefox *firefox, size_t row)
{
	return firefox->nodes.items[row].parent;
}

static void write_stack_table(const struct firefox *firefox)
{
	output_text(firefox->output, "\"stackTable\":{");
	write_column(firefox, "frame", firefox->nodes.n, node_frame);
	write_column(firefox, "prefix", firefox->nodes.n, node_parent);
	write_length(firefox->output, firefox->nodes.n);
}

static uint32_t frame_function_number(const struct firefox *firefox, size_t row)
{
	return firefox->function_of_frame.items[row];
}

static uint32_t frame_line(const struct firefox *firefox, size_t row)
{
	int64_t line = firefox->sums.frames.functions.items[row].line;

	return line > 0 && line < INT32_MAX ? (uint32_t)line : PROFILE_NONE;
}

static void write_frame_table(const struct firefox *firefox)
{
	struct output *output = firefox->output;
	size_t n = firefox->sums.frames.functions.n;

	output_text(output, ",\n\"frameTable\":{");
	write_constant(output, "address", "-1", n);
	write_constant(output, "inlineDepth", "0", n);
	write_constant(output, "category", "0", n);
	write_constant(output, "subcategory", "0", n);
	write_column(firefox, "func", n, frame_function_number);
	write_constant(output, "nativeSymbol", "null", n);
	write_constant(output, "innerWindowID", "null", n);
	write_column(firefox, "line", n, frame_line);
	write_constant(output, "column", "null", n);
	write_length(output, n);
}

static uint32_t function_name(const struct firefox *firefox, size_t row)
{
	return firefox->functions.items[row].name;
}

static uint32_t function_source(const struct firefox *firefox, size_t row)
{
	return firefox->source_of_string.items[firefox->functions.items[row].source];
}

static void write_function_table(const struct firefox *firefox)
{
	struct output *output = firefox->output;
	size_t n = firefox->functions.n;

	output_text(output, ",\n\"funcTable\":{");
	write_column(firefox, "name", n, function_name);
	write_constant(output, "isJS", "false", n);
	write_constant(output, "relevantForJS", "false", n);
	write_constant(output, "resource", "-1", n);
	write_column(firefox, "source", n, function_source);
	write_constant(output, "lineNumber", "null", n);
	write_constant(output, "columnNumber", "null", n);
	write_length(output, n);
}

static uint32_t source_name(const struct firefox *firefox, size_t row)
{
	return firefox->sources.items[row];
}

/* Writes the strings of the frames under their numbers. Those that no table refers to, such as
 * files with lines, become "". */
static void write_strings(const struct firefox *firefox)
{
	const struct strtab *strings = &firefox->sums.frames.strings;
	struct output *output = firefox->output;
	size_t n = strtab_count(strings);

	output_text(output, ",\n\"stringArray\":[");
	for (uint32_t i = 0; i < n; i++) {
		output_text(output, i ? ",\n" : "\n");
		output_json_plain(output,
				  firefox->is_name.items[i] ||
						  firefox->source_of_string.items[i] != PROFILE_NONE
					  ? strtab_text(strings, i)
					  : "");
	}
	output_text(output, "]");
}

static void write_shared(const struct firefox *firefox)
{
	struct output *output = firefox->output;

	output_text(output, ",\n\"libs\":[],\n\"shared\":{");
	write_stack_table(firefox);
	write_frame_table(firefox);
	write_function_table(firefox);
	output_text(output,
		    ",\n\"resourceTable\":{\"type\":[],\"lib\":[],\"name\":[],\"host\":[],"
		    "\"length\":0},\n\"nativeSymbols\":{\"libIndex\":[],\"address\":[],\"name\":[],"
		    "\"functionSize\":[],\"length\":0},\n\"sources\":{");
	write_constant(output, "uuid", "null", firefox->sources.n);
	write_column(firefox, "filename", firefox->sources.n, source_name);
	write_length(output, firefox->sources.n);
	write_strings(firefox);
	output_text(output, "}");
}

/* --- threads ------------------------------------------------------------------------------- */

/* Returns a time in milliseconds after the first moment. */
static double milliseconds(const struct firefox *firefox, size_t moment)
{
	return (double)(firefox->moments[moment].time_nanos - firefox->moments[0].time_nanos) /
	       NANOS_PER_MS;
}

/* Writes the columns of a table of samples or of allocations: the stacks that have values of the
 * sample type. */
static void write_values(const struct firefox *firefox, size_t type, const char *weight_type)
{
	struct output *output = firefox->output;
	const struct stack_sums *sums = &firefox->sums;
	char time[32] = "0";
	size_t n = 0;

	if (firefox->n_moments)
		snprintf(time, sizeof(time), "%.3f", milliseconds(firefox, firefox->n_moments - 1));
	output_text(output, "\"stack\":[");
	for (size_t i = 0; i < sums->stacks.n; i++)
		if (stack_sums_values(sums, &sums->stacks.items[i])[type]) {
			output_text(output, n++ ? "," : "");
			write_number(output, firefox->leaves.items[i]);
		}
	output_text(output, "],\"weight\":[");
	n = 0;
	vec_foreach (stack, &sums->stacks)
		if (stack_sums_values(sums, stack)[type])
			output_printf(output, n++ ? ",%" PRId64 : "%" PRId64,
				      stack_sums_values(sums, stack)[type]);
	output_printf(output, "],\"weightType\":\"%s\",", weight_type);
	write_constant(output, "time", time, n);
	write_length(output, n);
}

static bool is_bytes(const struct profile *profile, size_t type)
{
	return strcmp(profile_string(profile, profile->sample_types.items[type].unit), "bytes") ==
	       0;
}

static void write_thread(const struct firefox *firefox, size_t type)
{
	struct output *output = firefox->output;
	const struct profile *profile = firefox->sums.frames.profile;

	output_text(output, type ? ",\n{\"name\":" : "\n{\"name\":");
	output_json_plain(output, profile_string(profile, profile->sample_types.items[type].type));
	output_printf(output,
		      ",\"isMainThread\":%s,\"processType\":\"default\",\"pid\":\"0\",\"tid\":%zu,"
		      "\"processStartupTime\":0,\"processShutdownTime\":null,\"registerTime\":0,"
		      "\"unregisterTime\":null,\"pausedRanges\":[],\"markers\":{\"data\":[],"
		      "\"name\":[],\"startTime\":[],\"endTime\":[],\"phase\":[],\"category\":[],"
		      "\"length\":0},\n\"samples\":{",
		      type ? "false" : "true", type);
	if (!is_bytes(profile, type)) {
		write_values(firefox, type, "samples");
	} else {
		output_text(output, "\"stack\":[],\"weight\":null,\"weightType\":\"samples\","
				    "\"time\":[],\"length\":0},\n\"nativeAllocations\":{");
		write_values(firefox, type, "bytes");
	}
	output_text(output, "}");
}

static void write_threads(const struct firefox *firefox)
{
	output_text(firefox->output, ",\n\"threads\":[");
	for (size_t i = 0; i < firefox->sums.frames.profile->sample_types.n; i++)
		write_thread(firefox, i);
	output_text(firefox->output, "]");
}

/* Writes the totals of the series. A counter's sample has the change since the sample before it. */
static void write_counter(const struct firefox *firefox, size_t value)
{
	struct output *output = firefox->output;
	const struct profile *profile = firefox->sums.frames.profile;
	uint64_t before = 0;

	output_printf(output,
		      ",\n\"counters\":[{\"name\":\"malloc\",\"category\":\"%s\","
		      "\"description\":",
		      is_bytes(profile, value) ? "Memory" : "Other");
	output_json_plain(output, profile_string(profile, profile->sample_types.items[value].type));
	output_text(output, ",\"pid\":\"0\",\"mainThreadIndex\":0,\"samples\":{\"time\":[");
	for (size_t i = 0; i < firefox->n_moments; i++)
		output_printf(output, i ? ",%.3f" : "%.3f", milliseconds(firefox, i));
	output_text(output, "],\"count\":[");
	for (size_t i = 0; i < firefox->n_moments; i++) {
		uint64_t total = (uint64_t)firefox->moments[i].total;

		output_printf(output, i ? ",%" PRId64 : "%" PRId64, (int64_t)(total - before));
		before = total;
	}
	output_text(output, "],");
	write_length(output, firefox->n_moments);
	output_text(output, "}]");
}

static void write_threads_shown(struct output *output, size_t value, size_t n)
{
	output_printf(output, "\"initialSelectedThreads\":[%zu],\"initialVisibleThreads\":[",
		      value);
	for (size_t i = 0; i < n; i++)
		output_printf(output, i ? ",%zu" : "%zu", i);
	output_text(output, "]");
}

static void write_file(const struct firefox *firefox, size_t value)
{
	struct output *output = firefox->output;
	const struct profile *profile = firefox->sums.frames.profile;
	const char *program = profile_program(profile);
	int64_t start = firefox->n_moments ? firefox->moments[0].time_nanos : profile->time_nanos;

	output_text(output, "{\"meta\":{\"product\":");
	output_json_plain(output, *program ? program : "heap profile");
	output_printf(output,
		      ",\"importedFrom\":\"pprofconv\",\"version\":%d,"
		      "\"preprocessedProfileVersion\":%d,\"interval\":1,\"startTime\":%" PRId64
		      ",\"processType\":0,\"stackwalk\":0,\"debug\":false,\"symbolicated\":true,"
		      "\"symbolicationNotSupported\":true,\"keepProfileThreadOrder\":true,"
		      "\"categories\":[{\"name\":\"Other\",\"color\":\"grey\",\"subcategories\":"
		      "[\"Other\"]}],\"markerSchema\":[],",
		      GECKO_VERSION, FORMAT_VERSION, start / NANOS_PER_MS);
	write_threads_shown(output, value, profile->sample_types.n);
	output_text(output, "}");
	write_shared(firefox);
	write_threads(firefox);
	if (firefox->n_moments)
		write_counter(firefox, value);
	output_text(output, "}\n");
}

static int write_series(const struct profile *profile, size_t value,
			const struct writer_moment *moments, size_t n, struct output *output)
{
	struct firefox firefox = {.output = output, .moments = moments, .n_moments = n};
	int r = stack_sums_init(&firefox.sums, profile);

	r = r ? r : make_functions(&firefox);
	r = r ? r : make_tree(&firefox);
	if (!r)
		write_file(&firefox, value);
	stack_sums_deinit(&firefox.sums);
	vec_deinit(&firefox.functions);
	index_deinit(&firefox.function_index);
	vec_deinit(&firefox.function_of_frame);
	vec_deinit(&firefox.sources);
	vec_deinit(&firefox.is_name);
	vec_deinit(&firefox.source_of_string);
	vec_deinit(&firefox.nodes);
	vec_deinit(&firefox.leaves);
	return r;
}

static int write_firefox(const struct profile *profile, size_t value, struct output *output)
{
	return write_series(profile, value, NULL, 0, output);
}

const struct writer writer_firefox = {
	.name = "firefox",
	.summary = "a profile for the Firefox Profiler; of several inputs, with memory over time",
	.suffix = ".firefox.json",
	.write = write_firefox,
	.write_series = write_series,
};
