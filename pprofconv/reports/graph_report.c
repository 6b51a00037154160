/* SPDX-License-Identifier: MIT */
#include "reports/graph_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"
#include "reports/table.h"

#define KIND_CHUNK UINT32_C(0x80000000) /* the other bits are its size */

enum {
	SHOWN_COLUMNS_MAX =
		4, /* bytes, their error if they are estimates, objects, and another one */
	NAME_MAX_BYTES = 1000,
	SHARES_MAX = 2, /* paths that are shown of one label */
};

#define SHARE_LEAST                                                                   \
	0.05 /* of a label's bytes: a path with less is shown only if it is the first \
	      */

/* Names of rows, which a table does not copy. */
typedef VEC(char *) name_vec;

struct writing {
	const struct graph_report *report;
	struct output *output;
	struct table table;
	struct table_column columns[SHOWN_COLUMNS_MAX];
	name_vec names;
};

uint32_t graph_report_kind(const struct heap_node *node, const struct stack_labels *labels)
{
	if (node->stack != HEAP_RECORD_NONE)
		return labels->function[node->stack];
	return KIND_CHUNK | (node->size < KIND_CHUNK ? (uint32_t)node->size : KIND_CHUNK - 1);
}

/* --- names --------------------------------------------------------------------------------- */

static const char *label_text(const struct graph_report *report, uint32_t label)
{
	return strtab_text(&report->labels->texts, label);
}

static void append_step(const struct graph_report *report, const struct holder_path *path,
			char *text, size_t size)
{
	size_t n = strlen(text);

	if (path->before == HEAP_RECORD_NONE)
		snprintf(text + n, size - n, "%s", report->groups[path->step]);
	else if (path->step & KIND_CHUNK)
		snprintf(text + n, size - n, " -> chunk of %" PRIu32 " B",
			 path->step & ~KIND_CHUNK);
	else
		snprintf(text + n, size - n, " -> [%s]", label_text(report, path->step));
	n = strlen(text);
	if (path->is_repeated)
		snprintf(text + n, size - n, " -> ..");
}

void graph_report_path(const struct graph_report *report, uint32_t path, char *out_text,
		       size_t size)
{
	const struct holder_path *steps[HOLDER_STEPS_MAX];
	size_t n = 0;

	for (; path != HEAP_RECORD_NONE && n < HOLDER_STEPS_MAX; path = steps[n - 1]->before)
		steps[n++] = &report->holders->paths.items[path];
	snprintf(out_text, size, "%s", n ? "" : "lost");
	if (!n)
		return;
	while (n > 0)
		append_step(report, steps[--n], out_text, size - strlen(" -> *"));
	n = strlen(out_text);
	snprintf(out_text + n, size - n, " -> *");
}

/* --- tables -------------------------------------------------------------------------------- */

/* Adds a row, of which the caller sets the cells. Returns NULL if memory is out. */
static struct table_row *add_row(struct writing *w, const char *name)
{
	char *copy = strdup(name);

	if (!copy || vec_push(&w->names, copy)) {
		free(copy);
		return NULL;
	}
	return table_add(&w->table, copy, "");
}

static int add_sum(struct writing *w, const struct graph_sum *sum, const char *name)
{
	struct table_row *row = add_row(w, name);
	size_t n = 0;

	if (!row)
		return -ENOMEM;
	table_set(row, n++, format_compact(sum->bytes.value).text);
	if (sampling_is_sampled(&w->report->sums->sampling))
		table_set(row, n++, format_compact(graph_sums_error(w->report->sums, sum)).text);
	table_set(row, n, format_value(sum->objects.value, false).text);
	return 0;
}

static int add_more(struct writing *w, size_t n_all)
{
	char text[64];

	if (!w->report->n_lines || n_all <= w->report->n_lines)
		return 0;
	snprintf(text, sizeof(text), "... %zu more; see --lines", n_all - w->report->n_lines);
	return add_row(w, text) ? 0 : -ENOMEM;
}

static size_t n_shown(const struct writing *w, size_t n)
{
	return w->report->n_lines && n > w->report->n_lines ? w->report->n_lines : n;
}

/* Begins a table. `last` is the title of its last column; NULL: it has none. */
static void begin(struct writing *w, const char *title, const char *names_title, const char *last)
{
	size_t n = 0;

	output_printf(w->output, "\n%s%s%s\n", display_begin(&w->report->display, DISPLAY_BOLD),
		      title, display_end(&w->report->display, DISPLAY_BOLD));
	w->columns[n++] = (struct table_column){"bytes", 8, TABLE_ALWAYS};
	if (sampling_is_sampled(&w->report->sums->sampling))
		w->columns[n++] = (struct table_column){"+-", 7, 5};
	w->columns[n++] = (struct table_column){"objects", 9, 4};
	if (last)
		w->columns[n++] = (struct table_column){last, 8, 6};
	w->table = (struct table){
		.display = &w->report->display,
		.names_title = names_title,
		.full_names = true, /* they are short already */
		.columns = w->columns,
		.n_columns = n,
	};
}

static void end(struct writing *w)
{
	table_write(&w->table, w->output);
	table_deinit(&w->table);
	vec_foreach (name, &w->names)
		free(*name);
	vec_deinit(&w->names);
}

/* --- the parts ----------------------------------------------------------------------------- */

static void write_title(const struct graph_report *report, struct output *output)
{
	const struct heap_header *h = &report->record->header;
	const struct graph_sums *sums = report->sums;

	output_text(output, display_begin(&report->display, DISPLAY_BOLD));
	output_plain(output, report->name);
	output_printf(output, ": %" PRIu64 " %s for %s in use", sums->n_blocks,
		      h->interval > 1 ? "samples stand" : "recorded blocks stand",
		      format_value(sums->all.bytes.value, true).text);
	if (h->has_graph)
		output_printf(output, "; %" PRIu64 " %s, %" PRIu64 " pointers between them",
			      h->n_nodes, h->are_chunks ? "blocks of malloc" : "blocks looked at",
			      h->n_edges);
	if (!report->is_of_core)
		output_printf(output, "; stopped %.2f s", (double)h->stop_ms / 1000);
	output_printf(output, "%s\n", display_end(&report->display, DISPLAY_BOLD));
	if (!h->has_graph)
		output_printf(output, "Without the graph: %s.\n", h->problem);
	else if (h->problem[0])
		output_printf(output,
			      "Only recorded blocks are looked at, and pointers in others count "
			      "for nothing: %s.\n",
			      h->problem);
	if (h->n_unreadable)
		output_printf(output, "%" PRIu64 " parts of its memory could not be read.\n",
			      h->n_unreadable);
}

static int write_lost(struct writing *w)
{
	const struct graph_sums *sums = w->report->sums;
	size_t n = n_shown(w, sums->lost_by_label.n);
	int r;

	begin(w, "LOST: no path from any root leads to it; at least", "allocated in", NULL);
	r = add_sum(w, &sums->lost, "all that is lost");
	for (size_t i = 0; !r && i < n; i++)
		r = add_sum(w, &sums->lost_by_label.items[i],
			    label_text(w->report, sums->lost_by_label.items[i].key));
	r = r ? r : add_more(w, sums->lost_by_label.n);
	end(w);
	return r;
}

static int add_group(struct writing *w, const struct graph_held *held)
{
	int r = add_sum(w, &held->alone, w->report->groups[held->group]);

	if (!r)
		table_set(vec_from(&w->table.rows, w->table.rows.n - 1), w->table.n_columns - 1,
			  format_compact(held->first.bytes.value).text);
	return r;
}

static int write_retained(struct writing *w)
{
	const struct graph_sums *sums = w->report->sums;
	size_t n = n_shown(w, sums->by_group.n);
	int r = 0;

	begin(w,
	      "RETAINED: without this root it would be lost; shared: others hold it, too, on no "
	      "shorter path",
	      "root", "shared");
	for (size_t i = 0; !r && i < n; i++)
		r = add_group(w, &sums->by_group.items[i]);
	r = r ? r : add_more(w, sums->by_group.n);
	end(w);
	return r;
}

static int add_share(struct writing *w, const struct graph_share *share, double all)
{
	char text[NAME_MAX_BYTES] = "  ", cell[32];
	struct table_row *row;

	graph_report_path(w->report, share->path, text + 2, sizeof(text) - 2);
	row = add_row(w, text);
	if (!row)
		return -ENOMEM;
	snprintf(cell, sizeof(cell), "%.0f %%", 100 * share->bytes / all);
	table_set(row, w->table.n_columns - 1, cell);
	return 0;
}

/* `*at` is the label's first share. */
static int add_label(struct writing *w, const struct graph_sum *sum, size_t *at)
{
	const struct graph_sums *sums = w->report->sums;
	size_t first = *at;
	int r = add_sum(w, sum, label_text(w->report, sum->key));

	for (; *at < sums->shares.n && sums->shares.items[*at].label == sum->key; ++*at) {
		const struct graph_share *share = &sums->shares.items[*at];

		if (r || *at - first >= SHARES_MAX ||
		    (*at > first && share->bytes < SHARE_LEAST * sum->bytes.value))
			continue;
		r = add_share(w, share, sum->bytes.value);
	}
	return r;
}

static int write_stacks(struct writing *w)
{
	const struct graph_sums *sums = w->report->sums;
	size_t n = n_shown(w, sums->by_label.n), at = 0;
	int r = 0;

	begin(w,
	      w->report->holders
		      ? "STACKS, and what holds most of their bytes; * is the block itself"
		      : "STACKS",
	      "allocated in", w->report->holders ? "share" : NULL);
	for (size_t i = 0; !r && i < n; i++)
		r = add_label(w, &sums->by_label.items[i], &at);
	r = r ? r : add_more(w, sums->by_label.n);
	end(w);
	return r;
}

int graph_report_text(const struct graph_report *report, struct output *output)
{
	struct writing w = {.report = report, .output = output};
	int r = 0;

	write_title(report, output);
	if (report->holders) {
		r = write_lost(&w);
		r = r ? r : write_retained(&w);
	}
	return r ? r : write_stacks(&w);
}
