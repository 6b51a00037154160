/* SPDX-License-Identifier: MIT */
/* One line: {"process": ..., "lost": {...}, "roots": [...], "stacks": [...]}. Each sum has "bytes",
 * "error", "objects". */
#include <inttypes.h>
#include <string.h>

#include "reports/format.h"
#include "reports/graph_report.h"

enum {
	PATH_TEXT_MAX = 1000,
};

static void write_text(struct output *output, const char *key, const char *text)
{
	output_printf(output, "\"%s\":", key);
	output_json(output, text, strlen(text));
}

static void write_number(struct output *output, const char *key, double value)
{
	output_printf(output, ",\"%s\":", key);
	format_json_number(output, value);
}

static void write_sum(const struct graph_report *report, const struct graph_sum *sum,
		      struct output *output)
{
	write_number(output, "bytes", sum->bytes.value);
	write_number(output, "error", graph_sums_error(report->sums, sum));
	write_number(output, "objects", sum->objects.value);
}

static void write_head(const struct graph_report *report, struct output *output)
{
	const struct heap_header *h = &report->record->header;

	output_text(output, "{");
	write_text(output, "process", report->name);
	output_printf(output, ",\"sample_interval\":%" PRIu64 ",\"samples\":%" PRIu64, h->interval,
		      report->sums->n_blocks);
	if (!report->is_of_core)
		write_number(output, "stopped_seconds", (double)h->stop_ms / 1000);
	output_printf(output,
		      ",\"has_graph\":%s,\"nodes\":%" PRIu64 ",\"edges\":%" PRIu64
		      ",\"unreadable_parts\":%" PRIu64 ",",
		      h->has_graph ? "true" : "false", h->n_nodes, h->n_edges, h->n_unreadable);
	write_text(output, "problem", h->problem);
	output_text(output, ",\"in_use\":{\"name\":\"\"");
	write_sum(report, &report->sums->all, output);
	output_text(output, "}");
}

static void write_lost(const struct graph_report *report, struct output *output)
{
	const char *separator = "";

	output_text(output, ",\"lost\":{\"name\":\"\"");
	write_sum(report, &report->sums->lost, output);
	output_text(output, ",\"stacks\":[");
	vec_foreach (sum, &report->sums->lost_by_label) {
		output_printf(output, "%s{", separator);
		write_text(output, "name", strtab_text(&report->labels->texts, sum->key));
		write_sum(report, sum, output);
		output_text(output, "}");
		separator = ",";
	}
	output_text(output, "]}");
}

static void write_roots(const struct graph_report *report, struct output *output)
{
	const char *separator = "";

	output_text(output, ",\"roots\":[");
	vec_foreach (held, &report->sums->by_group) {
		output_printf(output, "%s{", separator);
		write_text(output, "name", report->groups[held->group]);
		write_sum(report, &held->alone, output);
		write_number(output, "shared_bytes", held->first.bytes.value);
		output_text(output, "}");
		separator = ",";
	}
	output_text(output, "]");
}

static void write_share(const struct graph_report *report, const struct graph_share *share,
			const char *separator, struct output *output)
{
	char path[PATH_TEXT_MAX];

	graph_report_path(report, share->path, path, sizeof(path));
	output_printf(output, "%s{", separator);
	write_text(output, "path", path);
	write_number(output, "bytes", share->bytes);
	output_text(output, "}");
}

static void write_stacks(const struct graph_report *report, struct output *output)
{
	const struct graph_sums *sums = report->sums;
	const char *separator = "";
	size_t at = 0;

	output_text(output, ",\"stacks\":[");
	vec_foreach (sum, &sums->by_label) {
		const char *between = "";

		output_printf(output, "%s{", separator);
		write_text(output, "name", strtab_text(&report->labels->texts, sum->key));
		write_sum(report, sum, output);
		output_text(output, ",\"held\":[");
		for (; at < sums->shares.n && sums->shares.items[at].label == sum->key; at++) {
			write_share(report, &sums->shares.items[at], between, output);
			between = ",";
		}
		output_text(output, "]}");
		separator = ",";
	}
	output_text(output, "]");
}

void graph_report_json(const struct graph_report *report, struct output *output)
{
	write_head(report, output);
	if (report->holders) {
		write_lost(report, output);
		write_roots(report, output);
	}
	write_stacks(report, output);
	output_text(output, "}\n");
}
