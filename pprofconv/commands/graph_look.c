/* SPDX-License-Identifier: MIT */
/* The child sends the record, then the text of the dump. */
#include "commands/graph_look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "readers/reader.h"
#include "target/snapshot.h"

struct graph_work {
	const struct graph_limits *limits;
	heap_record_bytes bytes;
	uint64_t start_ms;
};

/* --- the child ----------------------------------------------------------------------------- */

/* Lets the target go as soon as its graph is read. If that exceeds a limit, the recorded blocks are
 * the record. */
static int look_at_blocks(struct hp_target *target, const struct hp_snapshot_blocks *blocks,
			  void *context)
{
	struct graph_work *work = context;
	struct inspect_limits limits = {
		.deadline_ms = target->is_stopped ? work->start_ms + work->limits->stop_max_ms : 0,
		.memory_max = work->limits->memory_max,
	};
	struct heap_graph graph;
	int r = heap_graph_init(&graph, target, blocks, &limits);
	bool has_graph = r == 0;

	hp_target_let_go(target);
	if (!r || limits.exceeded[0]) {
		r = heap_record_put(&work->bytes, has_graph ? &graph : NULL, target, blocks,
				    limits.exceeded, inspect_now_ms() - work->start_ms);
		if (r)
			r = hp_target_no_memory(target);
	}
	heap_graph_deinit(&graph);
	return r;
}

static int read_look(struct hp_target *target, void *context, char **out, size_t *out_size)
{
	struct graph_work *work = context;
	size_t size = 0;
	char *text = NULL;
	int r;

	work->start_ms = inspect_now_ms();
	r = hp_snapshot_dump_and_look(target, look_at_blocks, work, &text, &size);
	if (!r && vec_append(&work->bytes, text, size))
		r = hp_target_no_memory(target);
	free(text);
	*out = work->bytes.items;
	*out_size = work->bytes.n;
	return r;
}

/* --- the parent ---------------------------------------------------------------------------- */

static int run(struct graph_look *look, struct target_work *work, struct graph_work *graph_work,
	       int *out_task, struct diag *diag)
{
	size_t size;
	int r;

	work->is_apart = true;
	work->is_stopped = work->pid != 0;
	work->waits_max = HP_APART_WAITS_MAX;
	work->read = read_look;
	work->context = graph_work;
	r = target_work_run(work, out_task, &look->bytes, &size, diag);
	if (!r && !heap_record_take(&look->record, look->bytes, size))
		r = diag_error(diag, READER_E_UNSUPPORTED, "the child that reads it has failed");
	return r;
}

int graph_look_init(struct graph_look *look, struct target_work *work,
		    const struct settings *settings, const struct graph_limits *limits,
		    const char *name)
{
	struct graph_work graph_work = {.limits = limits};
	struct diag diag = {.file = name};
	int task, r;

	*look = (struct graph_look){.bytes = NULL};
	r = run(look, work, &graph_work, &task, &diag);
	diag_print(&diag, program_name(), !settings->quiet, stderr);
	diag_deinit(&diag);
	if (r)
		return EXIT_BAD;
	look->profile =
		command_load_text(settings, name, look->record.rest, look->record.rest_size);
	if (!look->profile)
		return EXIT_BAD;
	look->profile->process = work->pid ? task : 0;
	return EXIT_DONE;
}

void graph_look_deinit(struct graph_look *look)
{
	profile_free(look->profile);
	free(look->bytes);
	*look = (struct graph_look){.bytes = NULL};
}
