/* SPDX-License-Identifier: MIT */
#include "dump/dump.h"
#include "base/memory.h"
#include "base/sys.h"
#include "record/recorder.h"
#include "tables/pool_names.h"

/* --- this process as the source of libraries and mappings ---------------------------------- */

struct visiting {
	hp_dump_visit *visit;
	void *context;
};

static bool note_and_visit(const struct hp_maps_entry *entry, void *context)
{
	const struct visiting *v = context;

	if (entry->is_executable && entry->path)
		hp_modules_note_deleted(entry->start, entry->path, entry->path_size);
	return v->visit(entry, v->context);
}

static bool visit_maps(const struct hp_dump_source *source, hp_dump_visit *visit, void *context)
{
	struct visiting v = {visit, context};

	return hp_maps_visit(note_and_visit, &v);
}

static const struct hp_module *get_permanent(const struct hp_dump_source *source, size_t i)
{
	return hp_modules_get_permanent(i);
}

static const struct hp_module *get_numbered(const struct hp_dump_source *source, size_t number)
{
	return hp_modules_get((uint16_t)number);
}

static size_t count_numbered(const struct hp_dump_source *source)
{
	return hp_modules_n_numbered();
}

static bool get_pool(const struct hp_dump_source *source, uint32_t number, struct hp_dump_pool *out)
{
	const struct hp_pool_name *name = hp_pool_names_get(number, &out->kind);

	if (!name)
		return false;
	out->path = name->path;
	out->path_size = name->size;
	return true;
}

static const struct hp_dump_source this_process = {
	.visit_maps = visit_maps,
	.get_permanent = get_permanent,
	.get_numbered = get_numbered,
	.count_numbered = count_numbered,
	.get_pool = get_pool,
};

/* --- contents ------------------------------------------------------------------------------ */

static void gather(struct hp_dump_content *c, const struct hp_dump_request *request,
		   const struct hp_stacks_copy *copy)
{
	const struct hp_options *options = request->options;

	c->program = hp_process_program();
	if (options->cmdline)
		c->cmdline = hp_process_cmdline(&c->cmdline_size);
	c->reason = request->reason;
	c->pid = hp_sys_getpid();
	c->run_id = hp_process_run_id();
	c->number = request->number;
	c->time = hp_sys_clock(CLOCK_REALTIME);
	c->uptime_ms = hp_process_uptime_ms();
	/* Read after the copy was made: a thread may have counted at the interval of a level that
	 * was reached meanwhile. */
	c->is_auto = hp_session_is_auto();
	c->level = hp_level_now();
	c->interval_since_ms = (int64_t)hp_level_since_ms();
	c->sample_interval = c->is_auto ? UINT64_C(1) << c->level : hp_session.interval;
	c->n_samples = hp_recorder_n_samples();
	c->n_dropped = hp_recorder_n_dropped();
	c->n_stacks = copy->n_stacks;
	c->n_stacks_cut = hp_recorder_n_stacks_cut();
	c->n_missing = copy->n_missing;
	c->allocated_bytes = hp_recorder_allocated_bytes();
	c->has_mappings = options->record_mmap || options->only_mmap;
	c->reserved_bytes = hp_spaces_reserved_bytes();
	c->has_memory = true;
	c->memory = hp_process_memory();
	c->profiler_bytes = hp_memory_mapped();
	c->entries = copy->entries;
	c->n_entries = copy->n_entries;
	c->n_permanent = hp_modules_n_permanent();
	c->source = &this_process;
}

bool hp_dump_print(struct hp_text *t, const struct hp_dump_request *request,
		   struct hp_dump_summary *out)
{
	struct hp_stacks_copy copy;
	struct hp_dump_content content = {0};

	if (!hp_stacks_copy(&copy))
		return false;
	gather(&content, request, &copy);
	hp_dump_text_print(t, &content, out);
	hp_stacks_release(&copy);
	return true;
}
