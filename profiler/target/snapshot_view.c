/* SPDX-License-Identifier: MIT */
/* The rows of the view that a snapshot needs, and the variables that are read together. */
#include "process/fork_mark.h"
#include "tables/sampler.h"
#include "target/snapshot_parts.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SHARDS_MAX = 1 << 16,
	CHUNK_MAX = 64 << 20,
	PERMANENT_MAX = 1 << 16,
};

#define HEAD(name, field)                                                               \
	{                                                                               \
		name, offsetof(struct heads, field), sizeof(((struct heads *)0)->field) \
	}

static const struct {
	const char *name;
	size_t place, size;
} heads_wanted[] = {
	HEAD("session.number", session_number),
	HEAD("session.own", session_own),
	HEAD("session.interval", interval),
	HEAD("session.is_only_mappings", is_only_mappings),
	HEAD("stacks.used", used),
	HEAD("stacks.n_chunks", n_chunks),
	HEAD("stacks.fork_epoch", fork_epoch),
	HEAD("threads.first", first_thread),
	HEAD("threads.retired_bytes", retired_bytes),
	HEAD("threads.session", threads_session),
	HEAD("trigger.allocated", triggers_allocated),
	HEAD("recorder.n_dropped", n_dropped),
	HEAD("recorder.n_samples_before", n_samples_before),
	HEAD("recorder.n_stacks_cut_before", n_stacks_cut_before),
	HEAD("recorder.has_mappings", has_mappings),
	HEAD("spaces.reserved_bytes", reserved_bytes),
	HEAD("memory.mapped_bytes", profiler_bytes),
	HEAD("dumper.shows_cmdline", shows_cmdline),
	HEAD("names.n_claimed", n_claimed),
	HEAD("process.cmdline_size", cmdline_size),
	HEAD("process.run_id", run_id),
	HEAD("process.start_clock", start_clock),
	HEAD("process.start_time", start_time),
	HEAD("fork_mark.page", fork_mark),
	HEAD("fork_mark.known_pid", known_pid),
	HEAD("modules.n_permanent", n_permanent),
	HEAD("modules.n_numbered", n_numbered),
};

_Static_assert(sizeof(heads_wanted) / sizeof(heads_wanted[0]) == N_HEADS, "a row per head");

#define FIELD(name, field, size, of)                           \
	{                                                      \
		name, offsetof(struct layout, field), size, of \
	}

static const struct {
	const char *name;
	size_t place, size;
	const char *of; /* the row of the struct that contains it, or NULL */
} fields_wanted[] = {
	FIELD("shard.fold_version", fold_version, 4, "stacks.shards"),
	FIELD("shard.newest", newest, 4, "stacks.shards"),
	FIELD("shard.n_stacks", n_stacks, 4, "stacks.shards"),
	FIELD("shard.n_records", n_records, 4, "stacks.shards"),
	FIELD("shard.folded_levels", folded_levels, 4, "stacks.shards"),
	FIELD("record.ended", ended, 4, "record"),
	FIELD("record.begun", begun, 4, "record"),
	FIELD("record.fork_epoch", fork_epoch, 4, "record"),
	FIELD("record.counts", counts, 32, "record"),
	FIELD("record.key", key, 4, "record"),
	FIELD("record.older", older, 4, "record"),
	FIELD("record.stack", stack, 4, "record"),
	FIELD("counts.alloc_objects", alloc_objects, 8, "record.counts"),
	FIELD("counts.alloc_bytes", alloc_bytes, 8, "record.counts"),
	FIELD("counts.free_objects", free_objects, 8, "record.counts"),
	FIELD("counts.free_bytes", free_bytes, 8, "record.counts"),
	FIELD("stack.hash", hash, 4, NULL),
	FIELD("stack.n_frames", n_frames, 2, NULL),
	FIELD("stack.frames", frames, 8, NULL),
	FIELD("thread.next", next, 8, "thread"),
	FIELD("thread.tls", tls, 8, "thread"),
	FIELD("thread.session", session, 4, "thread"),
	FIELD("thread.n_samples", n_samples, 8, "thread"),
	FIELD("thread.n_stacks_cut", n_stacks_cut, 8, "thread"),
	FIELD("tls.left", left, 8, "tls"),
	FIELD("tls.checkpoint", checkpoint, 8, "tls"),
	FIELD("tls.version", version, 4, "tls"),
	FIELD("numbered.module", module, 0 /* of any size */, "numbered"),
	FIELD("module.start", start, 8, "modules.permanent"),
	FIELD("module.end", end, 8, "modules.permanent"),
	FIELD("module.code_start", code_start, 8, "modules.permanent"),
	FIELD("module.code_end", code_end, 8, "modules.permanent"),
	FIELD("module.code_offset", code_offset, 8, "modules.permanent"),
	FIELD("module.build_id_size", build_id_size, 8, "modules.permanent"),
	FIELD("module.build_id", build_id, HP_BUILD_ID_MAX, "modules.permanent"),
	FIELD("module.code_before", code_before, 8, "modules.permanent"),
	FIELD("module.is_deleted", is_deleted, 1, "modules.permanent"),
	FIELD("module.path", path, 8, "modules.permanent"),
};

#define TABLE(name, field, size)                           \
	{                                                  \
		name, offsetof(struct tables, field), size \
	}

static const struct {
	const char *name;
	size_t place, size; /* 0: any */
} tables_wanted[] = {
	TABLE("stacks.shards", shards, 0),
	TABLE("stacks.folded", folded, 0),
	TABLE("level.now", level, 4),
	TABLE("stacks.chunks", chunks, 8),
	TABLE("record", record, 0),
	TABLE("thread", thread, 0),
	TABLE("tls", tls, 0),
	TABLE("modules.permanent", permanent, 0),
	TABLE("modules.pieces", pieces, 8),
	TABLE("numbered", numbered, 0),
	TABLE("arena.grain", grain, 0),
	TABLE("arena.chunk", chunk, 0),
	TABLE("arena.first", first_chunk, 0),
	TABLE("modules.a_piece", a_piece, 0),
	TABLE("fork_mark.known", mark_known, 0),
	TABLE("process.program", program, 1),
	TABLE("process.cmdline", cmdline, 1),
};

int hp_snapshot_unreadable(struct snapshot *s)
{
	if (!s->is_last_attempt && !s->t->is_frozen)
		return HP_TARGET_E_MOVED;
	return hp_target_explain(s->t);
}

/* --- the view's rows -------------------------------------------------------------------------- */

static int find_row(struct snapshot *s, const char *name, size_t size,
		    const struct hp_view_row **out)
{
	const struct hp_view_row *row = hp_view_reader_find(&s->view, name);

	if (!row)
		return hp_target_error(
			s->t,
			"heapprof %s is in it, which says nothing of its '%s': use the "
			"program that came with that heapprof",
			s->view.release, name);
	if (size && row->size != size)
		return hp_target_error(s->t,
				       "heapprof %s is in it, whose '%s' has %u bytes and not %zu: "
				       "use the program that came with that heapprof",
				       s->view.release, name, row->size, size);
	*out = row;
	return 0;
}

static int find_fields(struct snapshot *s)
{
	for (size_t i = 0; i < sizeof(fields_wanted) / sizeof(fields_wanted[0]); i++) {
		const struct hp_view_row *row, *of = NULL;
		int r = find_row(s, fields_wanted[i].name, fields_wanted[i].size, &row);

		if (!r && fields_wanted[i].of)
			r = find_row(s, fields_wanted[i].of, 0, &of);
		if (r)
			return r;
		if (row->offset > STRUCT_MAX || row->size > STRUCT_MAX ||
		    (of && row->offset + row->size > of->size))
			return hp_target_error(s->t, "heapprof's view is damaged: '%s' is at %u",
					       row->name, row->offset);
		memcpy((char *)&s->at + fields_wanted[i].place, &row->offset, sizeof(row->offset));
	}
	/* A stack has no size of its own: its frames come last. */
	if (s->at.hash + sizeof(uint32_t) > s->at.frames ||
	    s->at.n_frames + sizeof(uint16_t) > s->at.frames)
		return hp_target_error(s->t, "heapprof's view is damaged: 'stack.frames' is at %u",
				       s->at.frames);
	return 0;
}

static int find_tables(struct snapshot *s)
{
	const struct tables *tables = &s->tables;

	for (size_t i = 0; i < sizeof(tables_wanted) / sizeof(tables_wanted[0]); i++) {
		const struct hp_view_row *row;
		int r = find_row(s, tables_wanted[i].name, tables_wanted[i].size, &row);

		if (r)
			return r;
		memcpy((char *)&s->tables + tables_wanted[i].place, row, sizeof(*row));
	}
	if (tables->shards.count > SHARDS_MAX || tables->shards.size > STRUCT_MAX ||
	    tables->folded.count != tables->shards.count || tables->folded.size > STRUCT_MAX ||
	    tables->folded.size < HP_N_LEVELS * sizeof(struct hp_counts) ||
	    tables->record.size > STRUCT_MAX || tables->thread.size > STRUCT_MAX ||
	    tables->tls.size > STRUCT_MAX || tables->permanent.size > STRUCT_MAX ||
	    tables->permanent.count > PERMANENT_MAX || tables->numbered.size > STRUCT_MAX ||
	    tables->numbered.size < s->at.module + tables->permanent.size ||
	    tables->a_piece.size > STRUCT_MAX || tables->pieces.count > STRUCT_MAX ||
	    tables->chunks.count > STRUCT_MAX || tables->program.count > STRUCT_MAX ||
	    tables->cmdline.count > STRUCT_MAX || tables->chunk.size > CHUNK_MAX ||
	    tables->first_chunk.size > tables->chunk.size || tables->grain.size == 0 ||
	    tables->chunk.size < tables->grain.size || tables->grain.size % 16 != 0 ||
	    s->at.frames % sizeof(uint64_t) != 0)
		return hp_target_error(s->t,
				       "heapprof's view at %#" PRIx64 " is damaged: a table in "
				       "it is larger than any",
				       s->view.address);
	return 0;
}

int hp_snapshot_find_all(struct snapshot *s)
{
	int r = find_fields(s);

	for (size_t i = 0; !r && i < N_HEADS; i++) {
		const struct hp_view_row *row;

		r = find_row(s, heads_wanted[i].name, heads_wanted[i].size, &row);
		if (!r)
			s->head_addresses[i] = (uintptr_t)row->address;
	}
	return r ? r : find_tables(s);
}

/* --- heads ----------------------------------------------------------------------------------- */

size_t hp_snapshot_shards_size(const struct snapshot *s)
{
	return (size_t)s->tables.shards.count * s->tables.shards.size;
}

/* Reads the shards first: the records that they lead to are in the part of the arena that is in use
 * when `used` is read after them. */
int hp_snapshot_read_heads(struct snapshot *s, struct heads *heads, char *shards)
{
	struct hp_target_piece pieces[N_HEADS + 1] = {
		{(uintptr_t)s->tables.shards.address, shards, hp_snapshot_shards_size(s)}};

	for (size_t i = 0; i < N_HEADS; i++)
		pieces[i + 1] = (struct hp_target_piece){s->head_addresses[i],
							 (char *)heads + heads_wanted[i].place,
							 heads_wanted[i].size};
	return hp_target_read_pieces(s->t, pieces, N_HEADS + 1) ? 0 : hp_snapshot_unreadable(s);
}

static int check_vfork(struct snapshot *s)
{
	struct hp_target *t = s->t;
	int owner = s->heads.known_pid;

	if (t->pid == 0 || owner == t->pid)
		return 0;
	if (t->outer_pid == 0) {
		snprintf(s->note, sizeof(s->note),
			 "the memory is that of process %d, and the core says %d", owner, t->pid);
		return 0;
	}
	if (t->parent_own == owner)
		owner = t->parent;
	return hp_target_error(t,
			       "its memory is that of process %d, which made it by vfork: read "
			       "pid:%d",
			       owner, owner);
}

/* Finds out by the fork mark (fork_mark.h) whether the tables are this process's own. */
static int check_owner(struct snapshot *s)
{
	uint32_t mark;

	if (!hp_target_read(s->t, s->heads.fork_mark, &mark, sizeof(mark)))
		return hp_snapshot_unreadable(s);
	s->is_inherited = mark != s->tables.mark_known.size;
	if (!s->is_inherited)
		return check_vfork(s);
	if (mark != HP_FORK_MARK_WIPED && !s->is_last_attempt && !s->t->is_frozen)
		return HP_TARGET_E_MOVED;
	snprintf(s->note, sizeof(s->note),
		 "a fork child that has not allocated yet: the memory that it inherited is shown");
	return 0;
}

int hp_snapshot_check_heads(struct snapshot *s)
{
	const struct heads *h = &s->heads;

	if (h->session_number == 0)
		return hp_target_error(s->t,
				       "heapprof %s is in it, but does not record: start it with "
				       "HEAPPROFILE set and a HEAP_PROFILE_PROGRAM, if any, that "
				       "matches its name; or let it call HeapProfilerStart()",
				       s->view.release);
	if (h->n_chunks > s->tables.chunks.count || h->used > s->tables.chunk.size ||
	    h->n_permanent > s->tables.permanent.count ||
	    h->n_numbered > (uint64_t)s->tables.pieces.count * s->tables.a_piece.size)
		return hp_target_error(
			s->t,
			"heapprof's variables are damaged: %u chunks of stacks, %" PRIu64
			" libraries, interval %" PRIu64,
			h->n_chunks, h->n_permanent, h->interval);
	return check_owner(s);
}
