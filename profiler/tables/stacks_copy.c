/* SPDX-License-Identifier: MIT */
/* A copy takes no lock of the table. The thread that makes it may be delayed, because another
 * thread has its processor or the kernel must first find a page; threads that allocate go on
 * meanwhile. While there is a copy nothing is folded, so a shard's records stay where they are, and
 * its list of records grows at its head only. */
#include "tables/stacks_copy.h"
#include "base/memory.h"
#include "tables/stacks_table.h"
#include <string.h>

enum {
	/* How often one record is read. If it is still being changed after that, the thread that is
	 * changing it is not running. */
	N_READS = 100
};

struct start {
	bool is_readable;
	hp_handle newest; /* record */
};

/* --- copying ------------------------------------------------------------------------------- */

/* Waits until the shard is not being folded, and returns true. Returns false if the thread that
 * folds it was stopped for good, or is the one that this signal handler has interrupted. */
static bool wait_for_folding(struct shard *s)
{
	if (__atomic_load_n(&s->fold_version, __ATOMIC_SEQ_CST) % 2 == 0)
		return true;
	if (!hp_lock_acquire(&s->lock))
		return false;
	hp_lock_release(&s->lock);
	return true;
}

/* Finds where a shard's list begins. Returns the number of entries that it may have. */
static size_t begin_shard(struct hp_stacks_copy *out, struct shard *s, struct start *start)
{
	uint32_t n_records;

	start->is_readable = wait_for_folding(s);
	start->newest = __atomic_load_n(&s->newest, __ATOMIC_ACQUIRE);
	n_records = __atomic_load_n(&s->n_records, __ATOMIC_RELAXED);
	if (!start->is_readable) {
		out->n_missing += n_records;
		return 0;
	}
	out->n_stacks += __atomic_load_n(&s->n_stacks, __ATOMIC_RELAXED);
	return n_records + __builtin_popcount(s->folded_levels);
}

static struct hp_counts load_counts(const struct record *r)
{
	struct hp_counts counts = {
		.alloc_objects = __atomic_load_n(&r->counts.alloc_objects, __ATOMIC_ACQUIRE),
		.alloc_bytes = __atomic_load_n(&r->counts.alloc_bytes, __ATOMIC_ACQUIRE),
		.free_objects = __atomic_load_n(&r->counts.free_objects, __ATOMIC_ACQUIRE),
		.free_bytes = __atomic_load_n(&r->counts.free_bytes, __ATOMIC_ACQUIRE),
	};

	return counts_since_fork(counts, __atomic_load_n(&r->fork_epoch, __ATOMIC_ACQUIRE));
}

/* Reads a record under its shard's lock, where it can be read even if a change of it has not ended:
 * the change never ends if the thread that made it does not exist after a fork. The lock may
 * already be held by code that this signal handler has interrupted; then it is not acquired. */
static bool load_locked(const struct record *r, struct hp_counts *out)
{
	struct shard *s = shard_of_stack(r->stack);
	bool is_interrupted = hp_lock_is_mine(&s->lock);

	if (!is_interrupted && !hp_lock_acquire(&s->lock))
		return false;
	*out = load_counts(r);
	if (!is_interrupted)
		hp_lock_release(&s->lock);
	return true;
}

/* Reads counts that all belong to one moment. Returns false if a thread was stopped for good while
 * it changed them. */
static bool read_counts(const struct record *r, struct hp_counts *out)
{
	for (int i = 0; i < N_READS; i++) {
		uint32_t ended = __atomic_load_n(&r->ended, __ATOMIC_ACQUIRE);

		*out = load_counts(r);
		if (__atomic_load_n(&r->begun, __ATOMIC_RELAXED) == ended)
			return true;
	}
	return load_locked(r, out);
}

static void copy_record(struct hp_stacks_copy *out, const struct record *r)
{
	const struct stack *stack = stack_at(r->stack);
	struct hp_stacks_copy_entry *e = &out->entries[out->n_entries];

	if (!read_counts(r, &e->counts)) {
		out->n_missing++;
		return;
	}
	e->frames = stack->frames;
	e->n_frames = stack->n_frames;
	e->hash = stack->hash;
	e->key = r->key;
	out->n_entries++;
}

static void copy_shard(struct hp_stacks_copy *out, const struct shard *s, hp_handle newest)
{
	for (uint32_t level = 0; level < HP_N_LEVELS; level++)
		if (s->folded_levels >> level & 1)
			out->entries[out->n_entries++] = (struct hp_stacks_copy_entry){
				.counts = folded_of(s)[level],
				.key = hp_stacks_key(0, level),
			};
	for (hp_handle h = newest; h; h = record_at(h)->older)
		if (record_at(h)->stack)
			copy_record(out, record_at(h));
}

/* --- adding up stripes --------------------------------------------------------------------- */

static bool has_stripes(void)
{
	for (int i = SHARDS_A_STRIPE; i < N_SHARDS; i++)
		if (__atomic_load_n(&hp_stacks_table.shards[i].n_records, __ATOMIC_RELAXED) > 0)
			return true;
	return false;
}

/* Adds up the counts of stripes. If there is no memory for this, a stack is printed once per
 * stripe, and readers of dumps add up. */
static void merge_stripes(struct hp_stacks_copy *out)
{
	size_t n_places = out->n_entries * 2 + 1, n_read;
	uint32_t *places =
		has_stripes() ? hp_memory_map_beyond_limit(n_places * sizeof(*places)) : NULL;

	if (!places)
		return;
	n_read = out->n_entries;
	out->n_entries = hp_stacks_merge(out->entries, n_read, places, n_places);
	out->n_stacks -= n_read - out->n_entries;
	hp_memory_unmap(places, n_places * sizeof(*places));
}

bool hp_stacks_copy(struct hp_stacks_copy *out)
{
	struct start starts[N_SHARDS];
	size_t capacity = 1; /* at least 1, because a mapping can't be empty */

	memset(out, 0, sizeof(*out));
	__atomic_add_fetch(&hp_stacks_table.n_copies, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < N_SHARDS; i++)
		capacity += begin_shard(out, &hp_stacks_table.shards[i], &starts[i]);
	out->mapped_bytes = capacity * sizeof(out->entries[0]);
	out->entries = hp_memory_map_beyond_limit(out->mapped_bytes);
	if (!out->entries) {
		__atomic_sub_fetch(&hp_stacks_table.n_copies, 1, __ATOMIC_SEQ_CST);
		return false;
	}
	for (int i = 0; i < N_SHARDS; i++)
		if (starts[i].is_readable)
			copy_shard(out, &hp_stacks_table.shards[i], starts[i].newest);
	merge_stripes(out);
	return true;
}

void hp_stacks_release(struct hp_stacks_copy *copy)
{
	__atomic_sub_fetch(&hp_stacks_table.n_copies, 1, __ATOMIC_SEQ_CST);
	hp_memory_unmap(copy->entries, copy->mapped_bytes);
	memset(copy, 0, sizeof(*copy));
}
