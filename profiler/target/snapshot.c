/* SPDX-License-Identifier: MIT */
/* The process runs while it is read. Its lists of records only grow at their heads, unless records
 * are folded. So the heads are read first, then all chunks of the arena that they lead into, then
 * the shards' fold versions again: the copy of a shard that was not folded meanwhile is complete.
 *
 * A record is copied three times. A change writes `begun`, then the counts, then `ended`, each
 * after the one before (stacks.c); numbers of changes only grow. If `ended` in the first copy
 * equals `begun` in the third, all changes that had begun when the third was made had ended when
 * the first was made. So no change was under way during the second copy, and its counts are of one
 * moment. This holds in whatever order a copy reads its bytes, which no architecture promises for a
 * string instruction. It only needs the copies one after another: each is a copy of its own in the
 * kernel, and x86-64 does not reorder the loads of one instruction with those of the next.
 *
 * A record that was changed meanwhile is read again, alone. If it does not come to rest after many
 * reads, the thread that changes it, or the whole process, is stopped for good: the record is taken
 * as it is. */
#include "target/snapshot.h"
#include "dump/dump_text.h"
#include "process/fork_mark.h"
#include "target/view_reader.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ATTEMPTS_MAX = 12,
	READS_MAX = 100, /* without a nap, of a record that is being changed */
	NAPS_MAX = 200, /* of a millisecond, in one reading: a thread may have lost its processor */
	SHARDS_MAX = 1 << 16,
	THREADS_MAX = 1 << 20,
	CHUNK_MAX = 64 << 20,
	STRUCT_MAX = 64 << 10,
	PERMANENT_MAX = 1 << 16,
	FRAMES_MAX = 3000, /* a line of 64 KiB holds them */
	PATH_SIZE = 4096,
	CMDLINE_MAX = 1 << 16,
	PAGE_BYTES = 4096,
};

#define TABLES_MAX   ((uint64_t)2 << 30)
#define ADDRESS_BITS 47
#define COUNT_MAX    ((uint64_t)1 << 62)

/* --- what is looked up in the view ----------------------------------------------------------- */

/* Variables that are read together. */
struct heads {
	uint32_t session_number, session_own;
	uint64_t interval;
	uint8_t is_only_mappings; /* not a bool: it may have any value */
	uint32_t n_chunks, used, fork_epoch;
	uint64_t first_thread, retired_bytes;
	uint32_t threads_session;
	uint64_t triggers_allocated;
	uint64_t n_dropped, n_samples_before, n_stacks_cut_before;
	uint8_t has_mappings;
	uint64_t reserved_bytes, profiler_bytes;
	uint64_t shows_cmdline;
	uint64_t n_claimed, cmdline_size, run_id;
	int64_t start_clock[2], start_time[2];
	uint64_t fork_mark;
	int32_t known_pid;
	uint64_t n_permanent;
	uint16_t n_numbered;
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

enum {
	N_HEADS = sizeof(heads_wanted) / sizeof(heads_wanted[0])
};

/* Offsets of fields. */
struct layout {
	uint32_t fold_version, newest, n_stacks, n_records, folded; /* of a shard */
	uint32_t ended, begun, fork_epoch, counts, older, stack;    /* of a record */
	uint32_t alloc_objects, alloc_bytes, free_objects, free_bytes;
	uint32_t hash, n_frames, frames; /* of a stack */
	uint32_t next, tls, session, n_samples, n_stacks_cut;
	uint32_t left, checkpoint, version;
	uint32_t module; /* of a numbered one */
	uint32_t start, end, code_start, code_end, code_offset, build_id_size, build_id,
		code_before, is_deleted, path;
};

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
	FIELD("shard.folded", folded, 32, "stacks.shards"),
	FIELD("record.ended", ended, 4, "record"),
	FIELD("record.begun", begun, 4, "record"),
	FIELD("record.fork_epoch", fork_epoch, 4, "record"),
	FIELD("record.counts", counts, 32, "record"),
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

/* Arrays, structs and constants. */
struct tables {
	struct hp_view_row shards, chunks, record, thread, tls, permanent, pieces, numbered, grain,
		chunk, first_chunk, a_piece, mark_known, program, cmdline;
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

/* --- a reading ------------------------------------------------------------------------------- */

struct chunk {
	char *bytes;
	size_t size;   /* of the copy */
	bool *is_torn; /* for each grain: a record there has changed, or was being changed */
};

struct snapshot {
	struct hp_target *t;
	struct hp_view_reader view;
	uint64_t head_addresses[N_HEADS];
	struct layout at;
	struct tables tables;

	struct heads heads, heads_after;
	char *shards, *shards_after;
	bool is_last_attempt;
	bool is_inherited; /* the tables of a fork child that the library has not noticed yet */

	struct chunk *chunks;
	size_t n_chunks, n_chunk_bytes;
	struct hp_stacks_copy_entry *entries;
	size_t n_entries, entries_room;
	size_t n_missing, n_stacks;
	struct hp_snapshot_counts counts;

	size_t n_naps;

	uint64_t n_samples, n_stacks_cut, allocated_bytes;
	struct hp_module *permanent, *numbered;
	size_t n_permanent, n_numbered;
	char *program, *cmdline;
	char note[512];
};

static uint64_t read_number(const char *bytes, uint32_t offset, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes + offset, size);
	return value;
}

/* Bytes could not be read. They may have been unmapped meanwhile: all is read again, unless this is
 * the last attempt. */
static int unreadable(struct snapshot *s)
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

static int find_all(struct snapshot *s)
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

static size_t shards_size(const struct snapshot *s)
{
	return (size_t)s->tables.shards.count * s->tables.shards.size;
}

/* Reads the shards first: the records that they lead to are in the part of the arena that is in use
 * when `used` is read after them. */
static int read_heads(struct snapshot *s, struct heads *heads, char *shards)
{
	struct hp_target_piece pieces[N_HEADS + 1] = {
		{(uintptr_t)s->tables.shards.address, shards, shards_size(s)}};

	for (size_t i = 0; i < N_HEADS; i++)
		pieces[i + 1] = (struct hp_target_piece){s->head_addresses[i],
							 (char *)heads + heads_wanted[i].place,
							 heads_wanted[i].size};
	return hp_target_read_pieces(s->t, pieces, N_HEADS + 1) ? 0 : unreadable(s);
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
		return unreadable(s);
	s->is_inherited = mark != s->tables.mark_known.size;
	if (!s->is_inherited)
		return check_vfork(s);
	if (mark != HP_FORK_MARK_WIPED && !s->is_last_attempt && !s->t->is_frozen)
		return HP_TARGET_E_MOVED;
	snprintf(s->note, sizeof(s->note),
		 "a fork child that has not allocated yet: the memory that it inherited is shown");
	return 0;
}

static int check_heads(struct snapshot *s)
{
	const struct heads *h = &s->heads;

	if (h->session_number == 0)
		return hp_target_error(s->t,
				       "heapprof %s is in it, but does not record: start it with "
				       "HEAPPROFILE set and a HEAP_PROFILE_PROGRAM, if any, that "
				       "matches its name; or let it call HeapProfilerStart()",
				       s->view.release);
	if (h->n_chunks > s->tables.chunks.count || h->used > s->tables.chunk.size ||
	    h->n_permanent > s->tables.permanent.count || h->interval == 0 ||
	    h->n_numbered > (uint64_t)s->tables.pieces.count * s->tables.a_piece.size)
		return hp_target_error(
			s->t,
			"heapprof's variables are damaged: %u chunks of stacks, %" PRIu64
			" libraries, interval %" PRIu64,
			h->n_chunks, h->n_permanent, h->interval);
	return check_owner(s);
}

/* --- chunks ---------------------------------------------------------------------------------- */

static void free_chunks(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_chunks; i++)
		free(s->chunks[i].bytes);
	for (size_t i = 0; i < s->n_chunks; i++)
		free(s->chunks[i].is_torn);
	free(s->chunks);
	s->chunks = NULL;
	s->n_chunks = s->n_chunk_bytes = 0;
}

/* Returns how much of a chunk was handed out. */
static size_t chunk_size(const struct snapshot *s, size_t i)
{
	size_t size = i == 0 ? s->tables.first_chunk.size : s->tables.chunk.size;

	return i + 1 == s->heads.n_chunks && s->heads.used < size ? s->heads.used : size;
}

/* Compares `ended` in the first copy with `begun` in the third. Records are at some of the grains;
 * it does not matter what is found at the others. */
static void mark_torn(const struct snapshot *s, struct chunk *c, const char *first,
		      const char *third)
{
	size_t record = s->tables.record.size, grain = s->tables.grain.size;

	for (size_t at = 0; record <= c->size && at <= c->size - record; at += grain)
		c->is_torn[at / grain] = read_number(first + at, s->at.ended, 4) !=
					 read_number(third + at, s->at.begun, 4);
}

/* Fills c->bytes and c->is_torn. `first` and `third` have room for the other two copies. */
static int copy_thrice(struct snapshot *s, struct chunk *c, uint64_t address, char *first,
		       char *third)
{
	if (s->t->is_frozen) {
		if (!hp_target_read(s->t, address, c->bytes, c->size))
			return unreadable(s);
		mark_torn(s, c, c->bytes, c->bytes);
		return 0;
	}
	if (!hp_target_read(s->t, address, first, c->size) ||
	    !hp_target_read(s->t, address, c->bytes, c->size) ||
	    !hp_target_read(s->t, address, third, c->size))
		return unreadable(s);
	mark_torn(s, c, first, third);
	return 0;
}

static int copy_chunk(struct snapshot *s, uint64_t address, size_t size)
{
	struct chunk *c = &s->chunks[s->n_chunks++];
	char *first, *third;
	int r;

	s->n_chunk_bytes += size;
	if (s->n_chunk_bytes > TABLES_MAX)
		return hp_target_error(s->t, "heapprof's stacks take more than 2 GiB");
	c->size = size;
	c->bytes = malloc(size + 1);
	c->is_torn = calloc(size / s->tables.grain.size + 1, sizeof(*c->is_torn));
	first = malloc(size + 1);
	third = malloc(size + 1);
	if (c->bytes && c->is_torn && first && third)
		r = copy_thrice(s, c, address, first, third);
	else
		r = hp_target_no_memory(s->t);
	free(first);
	free(third);
	return r;
}

static int copy_chunks(struct snapshot *s)
{
	uint32_t n = s->heads.n_chunks;
	uint64_t *addresses = calloc(n + 1, sizeof(*addresses));
	int r = 0;

	s->chunks = calloc(n + 1, sizeof(*s->chunks));
	if (!addresses || !s->chunks)
		r = hp_target_no_memory(s->t);
	if (!r && n > 0 &&
	    !hp_target_read(s->t, (uintptr_t)s->tables.chunks.address, addresses,
			    n * sizeof(*addresses)))
		r = unreadable(s);
	for (uint32_t i = 0; !r && i < n; i++)
		r = copy_chunk(s, addresses[i], chunk_size(s, i));
	free(addresses);
	return r;
}

/* Returns the copy of a piece, or NULL if the copy does not contain all of it. */
static char *piece_at(const struct snapshot *s, uint32_t handle, size_t size)
{
	uint32_t grains = s->tables.chunk.size / s->tables.grain.size;
	size_t chunk = handle / grains, offset = (size_t)(handle % grains) * s->tables.grain.size;

	if (handle == 0 || chunk >= s->n_chunks || offset > s->chunks[chunk].size ||
	    size > s->chunks[chunk].size - offset)
		return NULL;
	return s->chunks[chunk].bytes + offset;
}

/* Inconsistent data may have been read at two moments: reads it again, unless this is the last
 * attempt. */
static int damaged(struct snapshot *s, const char *what, uint32_t handle)
{
	if (!s->is_last_attempt && !s->t->is_frozen)
		return HP_TARGET_E_MOVED;
	return hp_target_error(s->t, "heapprof's stacks are damaged: %s %#x", what, handle);
}

/* --- records --------------------------------------------------------------------------------- */

static struct hp_counts counts_at(const struct snapshot *s, const char *bytes)
{
	return (struct hp_counts){
		.alloc_objects = read_number(bytes, s->at.alloc_objects, 8),
		.alloc_bytes = read_number(bytes, s->at.alloc_bytes, 8),
		.free_objects = read_number(bytes, s->at.free_objects, 8),
		.free_bytes = read_number(bytes, s->at.free_bytes, 8),
	};
}

/* Returns what mark_torn() found. The handle is one that piece_at() accepts. */
static bool is_torn(const struct snapshot *s, uint32_t handle)
{
	uint32_t grains = s->tables.chunk.size / s->tables.grain.size;

	return s->chunks[handle / grains].is_torn[handle % grains];
}

/* Sets *out to the address of a piece in the target. */
static int address_of(struct snapshot *s, uint32_t handle, uint64_t *out)
{
	uint32_t grains = s->tables.chunk.size / s->tables.grain.size;
	uint64_t at = (uintptr_t)s->tables.chunks.address + handle / grains * sizeof(uint64_t);

	if (!hp_target_read(s->t, at, out, sizeof(*out)))
		return unreadable(s);
	*out += (uint64_t)(handle % grains) * s->tables.grain.size;
	return 0;
}

/* Sleeps for a millisecond. Returns false if no nap is left. */
static bool nap(struct snapshot *s)
{
	const struct timespec ms = {.tv_nsec = 1000 * 1000};

	if (s->n_naps == NAPS_MAX)
		return false;
	s->n_naps++;
	nanosleep(&ms, NULL);
	return true;
}

/* Reads the record until its counts are of one moment: `ended` first, then all of it, then `begun`.
 * Sets *out_torn to true if it has waited long enough and they still are not. */
static int read_again(struct snapshot *s, uint32_t handle, char *record, bool *out_torn)
{
	uint64_t address = 0;
	uint32_t ended = 0, begun = 1;
	int r = address_of(s, handle, &address);

	s->counts.n_read_again++;
	do {
		for (int i = 0; !r && i < READS_MAX && ended != begun; i++) {
			const struct hp_target_piece pieces[] = {
				{address + s->at.ended, &ended, sizeof(ended)},
				{address, record, s->tables.record.size},
				{address + s->at.begun, &begun, sizeof(begun)},
			};

			if (!hp_target_read_pieces(s->t, pieces, 3))
				r = unreadable(s);
		}
	} while (!r && ended != begun && nap(s));
	*out_torn = ended != begun;
	return r;
}

/* Corrects counts that were changed halfway, so that they can be printed. */
static void mend(struct hp_counts *c)
{
	if (c->free_objects > c->alloc_objects)
		c->free_objects = c->alloc_objects;
	if (c->free_bytes > c->alloc_bytes || c->free_objects == c->alloc_objects)
		c->free_bytes = c->alloc_bytes;
}

static bool is_sane(const struct hp_counts *c)
{
	return c->alloc_objects < COUNT_MAX && c->alloc_bytes < COUNT_MAX &&
	       c->free_objects <= c->alloc_objects && c->free_bytes <= c->alloc_bytes &&
	       (c->free_objects < c->alloc_objects || c->free_bytes == c->alloc_bytes);
}

static struct hp_counts without_history(struct hp_counts c)
{
	return (struct hp_counts){
		.alloc_objects = c.alloc_objects - c.free_objects,
		.alloc_bytes = c.alloc_bytes - c.free_bytes,
	};
}

static int add_entry(struct snapshot *s, const struct hp_stacks_copy_entry *e)
{
	if (s->n_entries == s->entries_room) {
		size_t room = s->entries_room ? s->entries_room * 2 : 1024;
		void *grown = realloc(s->entries, room * sizeof(*s->entries));

		if (!grown)
			return hp_target_no_memory(s->t);
		s->entries = grown;
		s->entries_room = room;
	}
	s->entries[s->n_entries++] = *e;
	return 0;
}

static int copy_counts(struct snapshot *s, uint32_t handle, char *record, struct hp_counts *out)
{
	bool is_half_changed = is_torn(s, handle);
	int r = 0;

	if (is_half_changed && !s->t->is_frozen)
		r = read_again(s, handle, record, &is_half_changed);
	if (r)
		return r;
	*out = counts_at(s, record + s->at.counts);
	if (is_half_changed) {
		s->counts.n_taken_as_they_were++;
		mend(out);
	}
	if (!is_sane(out))
		return damaged(s, "impossible counts in record", handle);
	if (s->is_inherited || read_number(record, s->at.fork_epoch, 4) != s->heads.fork_epoch)
		*out = without_history(*out);
	return 0;
}

static int copy_record(struct snapshot *s, uint32_t handle, char *record)
{
	struct hp_stacks_copy_entry e = {.frames = NULL};
	uint32_t stack_handle = (uint32_t)read_number(record, s->at.stack, 4);
	const char *stack;
	int r;

	if (stack_handle == 0)
		return 0;
	stack = piece_at(s, stack_handle, s->at.frames);
	if (!stack)
		return damaged(s, "no stack", stack_handle);
	e.hash = (uint32_t)read_number(stack, s->at.hash, 4);
	e.n_frames = read_number(stack, s->at.n_frames, 2);
	if (e.n_frames > FRAMES_MAX ||
	    !piece_at(s, stack_handle, s->at.frames + e.n_frames * sizeof(uint64_t)))
		return damaged(s, "too many frames in stack", stack_handle);
	e.frames = (const uint64_t *)(const void *)(stack + s->at.frames);
	r = copy_counts(s, handle, record, &e.counts);
	return r ? r : add_entry(s, &e);
}

static int copy_folded(struct snapshot *s, const char *shard)
{
	struct hp_stacks_copy_entry e = {.counts = counts_at(s, shard + s->at.folded)};

	if (e.counts.alloc_objects == 0 || s->is_inherited)
		return 0;
	if (!is_sane(&e.counts))
		return hp_target_error(s->t, "heapprof's stacks are damaged: impossible counts of "
					     "what was folded");
	return add_entry(s, &e);
}

/* A list of more records than the chunks have room for is a ring. */
static int copy_shard(struct snapshot *s, const char *shard)
{
	uint32_t handle = (uint32_t)read_number(shard, s->at.newest, 4);
	int r = copy_folded(s, shard);

	s->n_stacks += read_number(shard, s->at.n_stacks, 4);
	while (!r && handle) {
		char *record = piece_at(s, handle, s->tables.record.size);

		if (!record)
			return damaged(s, "no record", handle);
		if (++s->counts.n_records > s->n_chunk_bytes / s->tables.record.size)
			return damaged(s, "a list without end, at record", handle);
		r = copy_record(s, handle, record);
		handle = (uint32_t)read_number(record, s->at.older, 4);
	}
	return r;
}

/* Returns true if no record was removed from the shard while it was copied. */
static bool is_shard_whole(const struct snapshot *s, size_t at)
{
	uint64_t before = read_number(s->shards + at, s->at.fold_version, 4);
	uint64_t after = read_number(s->shards_after + at, s->at.fold_version, 4);

	return before % 2 == 0 && before == after;
}

static int copy_shards(struct snapshot *s)
{
	bool may_wait = !s->is_last_attempt && !s->t->is_frozen;
	int r = 0;

	for (size_t at = 0; may_wait && at < shards_size(s); at += s->tables.shards.size)
		if (!is_shard_whole(s, at))
			return HP_TARGET_E_MOVED;
	for (size_t at = 0; !r && at < shards_size(s); at += s->tables.shards.size) {
		if (is_shard_whole(s, at))
			r = copy_shard(s, s->shards + at);
		else
			s->n_missing += read_number(s->shards + at, s->at.n_records, 4);
	}
	return r;
}

static int check_sums(struct snapshot *s)
{
	uint64_t objects = 0, bytes = 0;

	for (size_t i = 0; i < s->n_entries; i++)
		if (__builtin_add_overflow(objects, s->entries[i].counts.alloc_objects, &objects) ||
		    __builtin_add_overflow(bytes, s->entries[i].counts.alloc_bytes, &bytes) ||
		    objects > INT64_MAX || bytes > INT64_MAX)
			return hp_target_error(s->t,
					       "heapprof's stacks are damaged: their counts add "
					       "up to more than 64 bits hold");
	return 0;
}

/* Adds up the stripes. There are several only if every allocation is recorded. */
static int merge_stripes(struct snapshot *s)
{
	if (s->heads.interval != 1)
		return 0;
	size_t n_places = s->n_entries * 2 + 1, n_before = s->n_entries;
	uint32_t *places = calloc(n_places, sizeof(*places));

	if (!places)
		return hp_target_no_memory(s->t);
	s->n_entries = hp_stacks_merge(s->entries, n_before, places, n_places);
	s->n_stacks -=
		n_before - s->n_entries < s->n_stacks ? n_before - s->n_entries : s->n_stacks;
	free(places);
	return 0;
}

/* Returns true if the tables were reset or released while they were read. */
static bool has_moved(const struct snapshot *s)
{
	const struct heads *a = &s->heads, *b = &s->heads_after;

	return a->session_number != b->session_number || a->session_own != b->session_own ||
	       a->fork_epoch != b->fork_epoch || b->n_chunks < a->n_chunks;
}

static int read_stacks(struct snapshot *s)
{
	int r;

	free_chunks(s);
	s->n_entries = s->n_missing = s->n_stacks = 0;
	s->counts = (struct hp_snapshot_counts){.n_attempts = s->counts.n_attempts + 1};
	s->note[0] = '\0';
	r = read_heads(s, &s->heads, s->shards);
	if (!r)
		r = check_heads(s);
	if (!r)
		r = copy_chunks(s);
	if (!r)
		r = read_heads(s, &s->heads_after, s->shards_after);
	if (!r && has_moved(s) && !s->t->is_frozen)
		return s->is_last_attempt
			       ? hp_target_error(s->t,
						 "heapprof starts and stops in it faster than "
						 "it can be read")
			       : HP_TARGET_E_MOVED;
	return r ? r : copy_shards(s);
}

/* --- threads --------------------------------------------------------------------------------- */

/* See read_allocated() in thread.c. Returns 0 if the thread has ended: its bytes are then among the
 * retired ones. */
static uint64_t allocated_by(struct snapshot *s, uint64_t tls, char *bytes)
{
	uint64_t allocated = 0;
	uint32_t before = 0;

	for (int i = 0; i < READS_MAX; i++) {
		uint32_t version;
		const struct hp_target_piece pieces[] = {
			{tls + s->at.version, &before, sizeof(before)},
			{tls, bytes, s->tables.tls.size},
			{tls + s->at.version, &version, sizeof(version)},
		};

		if (!hp_target_read_pieces(s->t, pieces, 3))
			return 0;
		uint64_t left = read_number(bytes, s->at.left, 8);
		uint64_t checkpoint = read_number(bytes, s->at.checkpoint, 8);

		allocated = checkpoint - (left <= checkpoint ? left : 0);
		if (s->t->is_frozen || (before % 2 == 0 && before == version))
			break;
		if (i == READS_MAX - 1 && nap(s))
			i = 0;
	}
	return allocated;
}

static void add_thread(struct snapshot *s, const char *thread, char *tls_bytes)
{
	uint64_t tls = read_number(thread, s->at.tls, 8);

	s->n_samples += read_number(thread, s->at.n_samples, 8);
	s->n_stacks_cut += read_number(thread, s->at.n_stacks_cut, 8);
	if (tls && read_number(thread, s->at.session, 4) == s->heads.threads_session)
		s->allocated_bytes += allocated_by(s, tls, tls_bytes);
}

/* `thread` and `tls` are buffers for one thread and for its words in thread-local storage. */
static int add_threads(struct snapshot *s, char *thread, char *tls)
{
	uint64_t at = s->heads.first_thread;

	for (size_t n = 0; at; n++) {
		if (n == THREADS_MAX)
			return hp_target_error(s->t, "heapprof's list of threads has no end");
		if (!hp_target_read(s->t, at, thread, s->tables.thread.size))
			return hp_target_explain(s->t);
		add_thread(s, thread, tls);
		at = read_number(thread, s->at.next, 8);
	}
	return 0;
}

static int read_threads(struct snapshot *s)
{
	char *thread = malloc(s->tables.thread.size), *tls = malloc(s->tables.tls.size);
	int r = HP_TARGET_E;

	s->n_samples = s->n_stacks_cut = 0;
	s->allocated_bytes = s->heads.retired_bytes;
	if (thread && tls)
		r = add_threads(s, thread, tls);
	else
		hp_target_no_memory(s->t);
	free(thread);
	free(tls);
	s->n_samples -= s->heads.n_samples_before;
	s->n_stacks_cut -= s->heads.n_stacks_cut_before;
	if (s->heads.is_only_mappings)
		s->allocated_bytes = s->heads.triggers_allocated;
	if (s->is_inherited)
		s->n_samples = s->n_stacks_cut = s->allocated_bytes = s->heads.n_dropped = 0;
	return r;
}

/* --- libraries ------------------------------------------------------------------------------- */

/* Returns a copy of a string of the target, of at most `max` bytes with its NUL, or NULL on
 * failure. */
static char *read_text(struct snapshot *s, uint64_t address, size_t max)
{
	char *text = malloc(max);
	size_t n = 0;

	while (text && n < max) {
		size_t page = PAGE_BYTES - (address + n) % PAGE_BYTES;
		size_t some = page < max - n ? page : max - n;

		some = some < 256 ? some : 256;
		if (!hp_target_read(s->t, address + n, text + n, some))
			break;
		if (memchr(text + n, '\0', some))
			return text;
		n += some;
	}
	if (!text)
		hp_target_no_memory(s->t);
	else if (n >= max)
		hp_target_note_error(
			s->t, "heapprof's tables are damaged: a path at %#" PRIx64 " has no end",
			address);
	else
		hp_target_explain(s->t);
	free(text);
	return NULL;
}

static int make_module(struct snapshot *s, const char *bytes, struct hp_module *m)
{
	const uint64_t address_max = UINT64_C(1) << ADDRESS_BITS;

	*m = (struct hp_module){
		.start = read_number(bytes, s->at.start, 8),
		.end = read_number(bytes, s->at.end, 8),
		.code_start = read_number(bytes, s->at.code_start, 8),
		.code_end = read_number(bytes, s->at.code_end, 8),
		.code_offset = read_number(bytes, s->at.code_offset, 8),
		.build_id_size = read_number(bytes, s->at.build_id_size, 8),
		.code_before = read_number(bytes, s->at.code_before, 8),
		.is_deleted = read_number(bytes, s->at.is_deleted, 1) != 0,
	};
	memcpy(m->build_id, bytes + s->at.build_id, sizeof(m->build_id));
	if (m->start > m->end || m->end > address_max + PAGE_BYTES || m->code_start > m->code_end ||
	    m->code_end > address_max + PAGE_BYTES || m->build_id_size > HP_BUILD_ID_MAX ||
	    m->code_before > address_max)
		return hp_target_error(s->t, "heapprof's table of libraries is damaged");
	m->path = read_text(s, read_number(bytes, s->at.path, 8), PATH_SIZE);
	return m->path ? 0 : HP_TARGET_E;
}

static int read_permanent(struct snapshot *s)
{
	size_t n = s->heads.n_permanent, size = s->tables.permanent.size;
	char *bytes = malloc(n * size + 1);
	int r = 0;

	s->permanent = calloc(n + 1, sizeof(*s->permanent));
	if (!bytes || !s->permanent)
		r = hp_target_no_memory(s->t);
	else if (n > 0 &&
		 !hp_target_read(s->t, (uintptr_t)s->tables.permanent.address, bytes, n * size))
		r = hp_target_explain(s->t);
	for (size_t i = 0; !r && i < n; i++) {
		r = make_module(s, bytes + i * size, &s->permanent[i]);
		s->n_permanent += !r;
	}
	free(bytes);
	return r;
}

/* Reads the module of that number into `bytes`. */
static int read_numbered_at(struct snapshot *s, size_t number, char *bytes)
{
	uint32_t a_piece = s->tables.a_piece.size;
	uint64_t piece;

	if (hp_target_read(s->t,
			   (uintptr_t)s->tables.pieces.address + number / a_piece * sizeof(piece),
			   &piece, sizeof(piece)) &&
	    hp_target_read(s->t, piece + number % a_piece * s->tables.numbered.size, bytes,
			   s->tables.numbered.size))
		return 0;
	return hp_target_explain(s->t);
}

static int read_numbered(struct snapshot *s)
{
	size_t n = s->heads_after.n_numbered;
	char *bytes = malloc(s->tables.numbered.size);
	int r = 0;

	if (n < s->heads.n_numbered ||
	    n >= (uint64_t)s->tables.pieces.count * s->tables.a_piece.size)
		n = s->heads.n_numbered;
	s->numbered = calloc(n + 1, sizeof(*s->numbered));
	if (!bytes || !s->numbered)
		r = hp_target_no_memory(s->t);
	for (size_t i = 1; !r && i <= n; i++) {
		r = read_numbered_at(s, i, bytes);
		if (!r)
			r = make_module(s, bytes + s->at.module, &s->numbered[i - 1]);
		s->n_numbered += !r;
	}
	free(bytes);
	return r;
}

/* Does what hp_modules_note_deleted() does: marks a module without a build ID whose file is
 * deleted. */
static void note_deleted(struct snapshot *s, struct hp_module *m)
{
	static const char suffix[] = " (deleted)";
	size_t n = m->path ? strlen(m->path) : 0;

	if (m->build_id_size > 0 || n == 0)
		return;
	for (size_t i = 0; i < s->t->n_mappings; i++) {
		const struct hp_target_mapping *found = &s->t->mappings[i];

		if (found->is_executable && found->path &&
		    found->path_size == n + sizeof(suffix) - 1 &&
		    memcmp(found->path, m->path, n) == 0 &&
		    memcmp(found->path + n, suffix, sizeof(suffix) - 1) == 0 &&
		    found->offset == m->code_offset)
			m->is_deleted = true;
	}
}

/* --- texts ----------------------------------------------------------------------------------- */

static int read_texts(struct snapshot *s)
{
	uint32_t max =
		s->tables.cmdline.count < CMDLINE_MAX ? s->tables.cmdline.count : CMDLINE_MAX;

	s->program = read_text(s, (uintptr_t)s->tables.program.address, s->tables.program.count);
	if (!s->program)
		return HP_TARGET_E;
	if (!s->heads.shows_cmdline)
		return 0;
	if (s->heads.cmdline_size > max)
		return hp_target_error(s->t, "heapprof's copy of the command line is damaged");
	s->cmdline = calloc(1, s->heads.cmdline_size + 1);
	if (!s->cmdline)
		return hp_target_no_memory(s->t);
	if (!hp_target_read(s->t, (uintptr_t)s->tables.cmdline.address, s->cmdline,
			    s->heads.cmdline_size))
		return hp_target_explain(s->t);
	return 0;
}

/* --- printing -------------------------------------------------------------------------------- */

struct source {
	struct hp_dump_source source;
	const struct snapshot *s;
};

static const struct snapshot *snapshot_of(const struct hp_dump_source *source)
{
	return ((const struct source *)source)->s;
}

static bool visit_maps(const struct hp_dump_source *source, hp_dump_visit *visit, void *context)
{
	const struct hp_target *t = snapshot_of(source)->t;
	bool more = true;

	for (size_t i = 0; more && i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];
		const struct hp_maps_entry entry = {
			.start = m->start,
			.end = m->end,
			.is_executable = m->is_executable,
			.line = m->line,
			.line_size = m->line_size,
			.path = m->path,
			.path_size = m->path_size,
		};

		more = visit(&entry, context);
	}
	return true;
}

static const struct hp_module *get_permanent(const struct hp_dump_source *source, size_t i)
{
	return &snapshot_of(source)->permanent[i];
}

static const struct hp_module *get_numbered(const struct hp_dump_source *source, size_t number)
{
	const struct snapshot *s = snapshot_of(source);

	return number >= 1 && number <= s->n_numbered ? &s->numbered[number - 1] : NULL;
}

static size_t count_numbered(const struct hp_dump_source *source)
{
	return snapshot_of(source)->n_numbered;
}

static uint64_t uptime_ms(const struct snapshot *s)
{
	const int64_t *start = s->t->outer_pid ? s->heads.start_clock : s->heads.start_time;
	struct timespec now = s->t->time;

	if (s->t->outer_pid)
		clock_gettime(CLOCK_MONOTONIC, &now);
	if (start[0] < 0 || start[1] < 0 || now.tv_sec < start[0] || start[1] >= 1000000000)
		return 0;
	int64_t ms = (now.tv_sec - start[0]) * 1000 + (now.tv_nsec - start[1]) / 1000000;

	return ms > 0 ? (uint64_t)ms : 0;
}

/* Returns the run ID. A fork child that has none yet gets one that differs from its parent's. */
static uint64_t run_id(const struct snapshot *s)
{
	if (!s->is_inherited)
		return s->heads.run_id;
	return (s->heads.run_id ^ (uint64_t)s->t->pid) * 0x9e3779b97f4a7c15ull;
}

static void add_note(struct snapshot *s, const char *text)
{
	size_t used = strlen(s->note);

	if (text[0])
		snprintf(s->note + used, sizeof(s->note) - used, "%s%s", used ? "; " : "", text);
}

static void note_as_they_were(struct snapshot *s)
{
	char text[160];

	add_note(s, s->t->note);
	if (!s->counts.n_taken_as_they_were)
		return;
	snprintf(text, sizeof(text),
		 "%zu records are shown as they were in the middle of a change, which does not go "
		 "on",
		 s->counts.n_taken_as_they_were);
	add_note(s, text);
}

static void fill_content(struct snapshot *s, const struct hp_dump_source *source,
			 struct hp_dump_content *c)
{
	const struct hp_target *t = s->t;

	*c = (struct hp_dump_content){
		.program = s->program,
		.cmdline = s->cmdline,
		.cmdline_size = s->heads.cmdline_size,
		.reason = "outside",
		.pid = (uint64_t)(s->is_inherited ? t->pid : s->heads.known_pid),
		.run_id = run_id(s),
		.number = s->is_inherited ? 1 : s->heads.n_claimed + 1,
		.time = t->time,
		.uptime_ms = uptime_ms(s),
		.sample_interval = s->heads.interval,
		.n_samples = s->n_samples,
		.n_dropped = s->heads.n_dropped,
		.n_stacks = s->n_stacks,
		.n_stacks_cut = s->n_stacks_cut,
		.n_missing = s->n_missing,
		.allocated_bytes = s->allocated_bytes,
		.has_mappings = s->heads.has_mappings != 0,
		.reserved_bytes = s->heads.reserved_bytes,
		.has_memory = t->has_memory,
		.memory = {t->rss_bytes, t->anonymous_bytes},
		.profiler_bytes = s->heads.profiler_bytes,
		.note = s->note[0] ? s->note : NULL,
		.entries = s->entries,
		.n_entries = s->n_entries,
		.n_permanent = s->n_permanent,
		.source = source,
	};
}

/* Without memory, starts over at the beginning of the buffer, and the text is dropped. */
static void grow(struct hp_text *text)
{
	char *grown = realloc(text->buffer, text->size * 2);

	if (grown) {
		text->buffer = grown;
		text->size *= 2;
		return;
	}
	text->cut = true;
	text->used = 0;
}

static int print(struct snapshot *s, char **out_text, size_t *out_size)
{
	const struct source source = {
		{visit_maps, get_permanent, get_numbered, count_numbered},
		s,
	};
	struct hp_text text = {.size = 1 << 16, .flush = grow};
	struct hp_dump_content content;
	struct hp_dump_summary summary;

	note_as_they_were(s);
	fill_content(s, &source.source, &content);
	text.buffer = malloc(text.size);
	if (!text.buffer)
		return hp_target_no_memory(s->t);
	hp_dump_text_print(&text, &content, &summary);
	if (text.cut) {
		free(text.buffer);
		return hp_target_no_memory(s->t);
	}
	*out_text = text.buffer;
	*out_size = text.used;
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int try_often(struct snapshot *s)
{
	const long nap_ns = 500 * 1000;
	int r = HP_TARGET_E_MOVED;

	for (int i = 1; r == HP_TARGET_E_MOVED && i <= ATTEMPTS_MAX; i++) {
		struct timespec nap = {.tv_nsec = i * nap_ns};

		s->is_last_attempt = i == ATTEMPTS_MAX;
		r = read_stacks(s);
		if (r == HP_TARGET_E_MOVED && s->t->ops->check(s->t))
			r = HP_TARGET_E;
		if (r == HP_TARGET_E_MOVED)
			nanosleep(&nap, NULL);
	}
	return r;
}

static int read_all(struct snapshot *s)
{
	int r = try_often(s);

	if (!r)
		r = merge_stripes(s);
	if (!r)
		r = check_sums(s);
	if (!r)
		r = read_threads(s);
	if (!r)
		r = read_permanent(s);
	if (!r)
		r = read_numbered(s);
	if (!r)
		r = read_texts(s);
	for (size_t i = 0; !r && i < s->n_numbered; i++)
		note_deleted(s, &s->numbered[i]);
	return r ? r : s->t->ops->check(s->t);
}

static void free_modules(struct hp_module *modules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)modules[i].path);
	free(modules);
}

static void deinit(struct snapshot *s)
{
	free_chunks(s);
	free_modules(s->permanent, s->n_permanent);
	free_modules(s->numbered, s->n_numbered);
	free(s->entries);
	free(s->shards);
	free(s->shards_after);
	free(s->program);
	free(s->cmdline);
	hp_view_reader_deinit(&s->view);
}

int hp_snapshot_dump(struct hp_target *t, char **out_text, size_t *out_size,
		     struct hp_snapshot_counts *out_counts)
{
	struct snapshot s = {.t = t};
	int r = hp_view_reader_init(&s.view, t);

	if (!r)
		r = find_all(&s);
	if (!r) {
		s.shards = calloc(1, shards_size(&s));
		s.shards_after = calloc(1, shards_size(&s));
		r = s.shards && s.shards_after ? read_all(&s) : hp_target_no_memory(t);
	}
	if (!r)
		r = print(&s, out_text, out_size);
	if (out_counts)
		*out_counts = s.counts;
	deinit(&s);
	return r;
}
