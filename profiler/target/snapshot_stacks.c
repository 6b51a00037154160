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
#include "tables/sampler.h"
#include "target/snapshot_parts.h"
#include <stdlib.h>
#include <time.h>

enum {
	NAPS_MAX = 200, /* of a millisecond, in one reading: a thread may have lost its processor */
	FRAMES_MAX = 3000, /* a line of 64 KiB holds them */
};

#define TABLES_MAX ((uint64_t)2 << 30)
#define COUNT_MAX  ((uint64_t)1 << 62)

/* --- chunks ---------------------------------------------------------------------------------- */

void hp_snapshot_free_chunks(struct snapshot *s)
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
			return hp_snapshot_unreadable(s);
		mark_torn(s, c, c->bytes, c->bytes);
		return 0;
	}
	if (!hp_target_read(s->t, address, first, c->size) ||
	    !hp_target_read(s->t, address, c->bytes, c->size) ||
	    !hp_target_read(s->t, address, third, c->size))
		return hp_snapshot_unreadable(s);
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
		r = hp_snapshot_unreadable(s);
	for (uint32_t i = 0; !r && i < n; i++)
		r = copy_chunk(s, addresses[i], chunk_size(s, i));
	free(addresses);
	return r;
}

/* Returns the copy of a piece, or NULL if the copy does not contain all of it. */
char *hp_snapshot_piece_at(const struct snapshot *s, uint32_t handle, size_t size)
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

/* Returns what mark_torn() found. The handle is one that hp_snapshot_piece_at() accepts. */
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
		return hp_snapshot_unreadable(s);
	*out += (uint64_t)(handle % grains) * s->tables.grain.size;
	return 0;
}

/* Sleeps for a millisecond. Returns false if no nap is left. */
bool hp_snapshot_nap(struct snapshot *s)
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
				r = hp_snapshot_unreadable(s);
		}
	} while (!r && ended != begun && hp_snapshot_nap(s));
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
	stack = hp_snapshot_piece_at(s, stack_handle, s->at.frames);
	if (!stack)
		return damaged(s, "no stack", stack_handle);
	e.key = (uint32_t)read_number(record, s->at.key, 4);
	if (hp_stacks_key_level(e.key) >= HP_N_LEVELS)
		return damaged(s, "an impossible level in record", handle);
	e.hash = (uint32_t)read_number(stack, s->at.hash, 4);
	e.n_frames = read_number(stack, s->at.n_frames, 2);
	if (e.n_frames > FRAMES_MAX ||
	    !hp_snapshot_piece_at(s, stack_handle, s->at.frames + e.n_frames * sizeof(uint64_t)))
		return damaged(s, "too many frames in stack", stack_handle);
	e.frames = (const uint64_t *)(const void *)(stack + s->at.frames);
	r = copy_counts(s, handle, record, &e.counts);
	return r ? r : add_entry(s, &e);
}

/* Reads what was folded, if there is any. */
static int read_folded(struct snapshot *s)
{
	size_t size = (size_t)s->tables.folded.count * s->tables.folded.size;
	uint32_t levels = 0;

	free(s->folded);
	s->folded = NULL;
	for (size_t at = 0; at < hp_snapshot_shards_size(s); at += s->tables.shards.size)
		levels |= read_number(s->shards + at, s->at.folded_levels, 4);
	if (levels == 0)
		return 0;
	s->folded = malloc(size);
	if (!s->folded)
		return hp_target_no_memory(s->t);
	return hp_target_read(s->t, (uintptr_t)s->tables.folded.address, s->folded, size)
		       ? 0
		       : hp_snapshot_unreadable(s);
}

static int copy_folded_level(struct snapshot *s, const char *counts, uint32_t level)
{
	struct hp_stacks_copy_entry e = {
		.counts = counts_at(s, counts),
		.key = hp_stacks_key(0, level),
	};

	if (e.counts.alloc_objects == 0)
		return 0;
	if (!is_sane(&e.counts))
		return hp_target_error(s->t, "heapprof's stacks are damaged: impossible counts of "
					     "what was folded");
	return add_entry(s, &e);
}

static int copy_folded(struct snapshot *s, const char *shard)
{
	size_t number = (size_t)(shard - s->shards) / s->tables.shards.size;
	uint32_t levels = (uint32_t)read_number(shard, s->at.folded_levels, 4);
	int r = 0;

	if (s->is_inherited || !s->folded)
		return 0;
	for (uint32_t level = 0; !r && level < HP_N_LEVELS; level++)
		if (levels >> level & 1)
			r = copy_folded_level(s,
					      s->folded + number * s->tables.folded.size +
						      level * sizeof(struct hp_counts),
					      level);
	return r;
}

/* A list of more records than the chunks have room for is a ring. */
static int copy_shard(struct snapshot *s, const char *shard)
{
	uint32_t handle = (uint32_t)read_number(shard, s->at.newest, 4);
	int r = copy_folded(s, shard);

	s->n_stacks += read_number(shard, s->at.n_stacks, 4);
	while (!r && handle) {
		char *record = hp_snapshot_piece_at(s, handle, s->tables.record.size);

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

	for (size_t at = 0; may_wait && at < hp_snapshot_shards_size(s);
	     at += s->tables.shards.size)
		if (!is_shard_whole(s, at))
			return HP_TARGET_E_MOVED;
	for (size_t at = 0; !r && at < hp_snapshot_shards_size(s); at += s->tables.shards.size) {
		if (is_shard_whole(s, at))
			r = copy_shard(s, s->shards + at);
		else
			s->n_missing += read_number(s->shards + at, s->at.n_records, 4);
	}
	return r;
}

int hp_snapshot_check_sums(struct snapshot *s)
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
int hp_snapshot_merge_stripes(struct snapshot *s)
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

/* Reads the level after the records, of which some were read again: a thread may have counted in
 * them at the interval of a level that was reached meanwhile. */
static int read_level(struct snapshot *s)
{
	if (!hp_target_read(s->t, (uintptr_t)s->tables.level.address, &s->level, sizeof(s->level)))
		return hp_snapshot_unreadable(s);
	if (s->level >= HP_N_LEVELS || (s->level > 0 && s->heads.interval != 0))
		return hp_target_error(s->t, "heapprof's variables are damaged: level %u",
				       s->level);
	s->since_ms = -1;
	return 0;
}

/* Reads since when the process has this level. A release that does not say it has no such row. */
static int read_since(struct snapshot *s)
{
	const struct hp_view_row *row = hp_view_reader_find(&s->view, "level.since_ms");
	uint64_t since;

	if (!row || row->size != sizeof(since))
		return 0;
	if (!hp_target_read(s->t, (uintptr_t)row->address, &since, sizeof(since)))
		return hp_snapshot_unreadable(s);
	if (since <= INT64_MAX)
		s->since_ms = (int64_t)since;
	return 0;
}

int hp_snapshot_read_stacks(struct snapshot *s)
{
	int r;

	hp_snapshot_free_chunks(s);
	s->n_entries = s->n_missing = s->n_stacks = 0;
	s->counts = (struct hp_snapshot_counts){.n_attempts = s->counts.n_attempts + 1};
	s->note[0] = '\0';
	r = hp_snapshot_read_heads(s, &s->heads, s->shards);
	if (!r)
		r = hp_snapshot_check_heads(s);
	if (!r)
		r = copy_chunks(s);
	if (!r)
		r = read_folded(s);
	if (!r)
		r = hp_snapshot_read_heads(s, &s->heads_after, s->shards_after);
	if (!r && has_moved(s) && !s->t->is_frozen)
		return s->is_last_attempt
			       ? hp_target_error(s->t,
						 "heapprof starts and stops in it faster than "
						 "it can be read")
			       : HP_TARGET_E_MOVED;
	if (!r)
		r = copy_shards(s);
	if (!r)
		r = read_level(s);
	return r ? r : read_since(s);
}
