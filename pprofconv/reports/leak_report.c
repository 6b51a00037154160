/* SPDX-License-Identifier: MIT */
#include "reports/leak_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/utf8.h"
#include "transform/filter.h"

struct leak {
	uint32_t sample, stack;
	bool is_direct;
	int64_t objects, bytes;
};

typedef VEC(struct leak) leak_vec;

static bool is_direct(const struct profile *profile, uint32_t labels)
{
	size_t n;
	const struct profile_label *set = profile_label_set(profile, labels, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(profile_string(profile, set[i].key), "leak") == 0)
			return strcmp(profile_string(profile, set[i].text), "direct") == 0;
	return false;
}

static int compare_leaks(const void *a, const void *b)
{
	const struct leak *x = a, *y = b;

	if (x->is_direct != y->is_direct)
		return x->is_direct ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->sample < y->sample ? -1 : 1;
}

/* Sorts the leaks that are not suppressed into *out, and adds up both kinds. */
static int choose(const struct leak_report *report, const struct filter *filter, leak_vec *out,
		  struct leak_sums *sums)
{
	const struct profile *profile = report->profile;

	for (uint32_t i = 0; i < profile->samples.n; i++) {
		const struct profile_sample *sample = &profile->samples.items[i];
		const int64_t *values = profile_values(profile, i);
		bool is_kept = filter_judge(filter, i) == FILTER_KEPT;
		struct leak leak = {i, sample->stack, is_direct(profile, sample->labels), values[0],
				    values[1]};

		*(is_kept ? &sums->objects : &sums->suppressed_objects) += leak.objects;
		*(is_kept ? &sums->bytes : &sums->suppressed_bytes) += leak.bytes;
		if (is_kept && vec_push(out, leak))
			return -ENOMEM;
	}
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), compare_leaks);
	return 0;
}

/* --- printing ------------------------------------------------------------------------------ */

static void print_module(const struct profile *profile, const struct profile_location *location,
			 FILE *stream)
{
	const struct profile_mapping *mapping;

	if (location->mapping == PROFILE_NONE)
		return;
	mapping = &profile->mappings.items[location->mapping];
	if (!*profile_string(profile, mapping->file))
		return;
	fputs(" (", stream);
	utf8_print(profile_string(profile, mapping->file), stream);
	fprintf(stream, "+0x%" PRIx64 ")", location->address - mapping->start + mapping->offset);
}

static void print_place(const struct profile *profile, const struct profile_function *function,
			const struct profile_line *line, FILE *stream)
{
	putc(' ', stream);
	utf8_print(profile_string(profile, function->filename), stream);
	if (line->line > 0)
		fprintf(stream, ":%" PRIi64, line->line);
	if (line->line > 0 && line->column > 0)
		fprintf(stream, ":%" PRIi64, line->column);
}

/* frame = "#" number " 0x" address [ " in " name ] ( " " place | " (" module ")" ) */
static void print_frame(const struct profile *profile, const struct profile_location *location,
			const struct profile_line *line, int number, FILE *stream)
{
	const struct profile_function *function =
		line && line->function != PROFILE_NONE ? &profile->functions.items[line->function]
						       : NULL;

	fprintf(stream, "    #%d 0x%012" PRIx64, number, location->address);
	if (function) {
		fputs(" in ", stream);
		utf8_print(profile_string(profile, function->name), stream);
	}
	if (function && *profile_string(profile, function->filename))
		print_place(profile, function, line, stream);
	else
		print_module(profile, location, stream);
	putc('\n', stream);
}

/* Returns whether the frame is the profiler's own: it calls main when there is to be a last look.
 */
static bool is_ours(const struct profile *profile, const struct profile_location *location)
{
	const char *file;

	if (location->mapping == PROFILE_NONE)
		return false;
	file = profile_string(profile, profile->mappings.items[location->mapping].file);
	return strncmp(path_last_part(file), "libheapprof.so", strlen("libheapprof.so")) == 0;
}

static void print_stack(const struct profile *profile, uint32_t stack, FILE *stream)
{
	size_t n;
	const uint32_t *frames = profile_stack(profile, stack, &n);
	int number = 0;

	for (size_t i = 0; i < n; i++) {
		const struct profile_location *location = &profile->locations.items[frames[i]];
		const struct profile_line *lines = profile_lines(profile, location);

		if (is_ours(profile, location))
			continue;
		if (!location->n_lines)
			print_frame(profile, location, NULL, number++, stream);
		for (uint32_t k = 0; k < location->n_lines; k++)
			print_frame(profile, location, &lines[k], number++, stream);
	}
	if (!number)
		fputs("    <empty stack>\n", stream);
}

static void print_leaks(const struct leak_report *report, const leak_vec *leaks,
			const struct leak_sums *sums, FILE *stream)
{
	fprintf(stream,
		"\n=================================================================\n"
		"==%d==ERROR: heapprof: detected memory leaks\n",
		report->process);
	if (report->note) {
		utf8_print(report->note, stream);
		putc('\n', stream);
	}
	vec_foreach (leak, leaks) {
		fprintf(stream,
			"\n%s leak of %" PRIi64 " byte(s) in %" PRIi64
			" object(s) allocated from:\n",
			leak->is_direct ? "Direct" : "Indirect", leak->bytes, leak->objects);
		print_stack(report->profile, leak->stack, stream);
	}
	if (sums->suppressed_objects)
		fprintf(stream, "\nSuppressed: %" PRIi64 " byte(s) in %" PRIi64 " object(s)\n",
			sums->suppressed_bytes, sums->suppressed_objects);
	fprintf(stream,
		"\nSUMMARY: heapprof: %" PRIi64 " byte(s) leaked in %" PRIi64 " allocation(s).\n",
		sums->bytes, sums->objects);
}

int leak_report_print(const struct leak_report *report, FILE *stream, struct leak_sums *out)
{
	const struct filter_rules rules = {.suppressions = report->suppressions};
	leak_vec leaks = {0};
	struct filter filter;
	int r;

	*out = (struct leak_sums){0};
	r = filter_init(&filter, &rules, report->profile);
	r = r ? r : choose(report, &filter, &leaks, out);
	if (!r && leaks.n)
		print_leaks(report, &leaks, out, stream);
	filter_deinit(&filter);
	vec_deinit(&leaks);
	return r;
}
