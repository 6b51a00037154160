/* SPDX-License-Identifier: MIT */
/* A few buckets of each shard, then a few more of each: a lock is held for some microseconds, and
 * not taken again before whoever waits for it has woken up and had it. */
#include "stacks_copy.h"
#include "stacks_table.h"
#include <string.h>

enum {
	N_BUCKETS_AT_ONCE = 64,
	PAGE = 4096,
	TOUCHED_AHEAD = 16 * PAGE, /* more than so many buckets hold, but for the oddest stacks */
	N_FOLDED_ENTRIES = N_SHARDS
};

struct copying {
	struct hp_stacks_copy *out;
	size_t capacity;
	size_t touched_bytes;         /* of out->entries */
	uint32_t n_buckets[N_SHARDS]; /* when it was begun; 0: empty, or given up */
};

static void copy_entry(struct copying *c, const struct hp_counts *counts, const struct stack *stack)
{
	struct hp_stacks_copy *out = c->out;

	if (out->n_entries == c->capacity) {
		out->n_missing++;
		return;
	}
	out->entries[out->n_entries++] = (struct hp_stacks_copy_entry){
		.counts = *counts,
		.frames = stack ? stack->frames : NULL,
		.n_frames = stack ? stack->n_frames : 0,
		.hash = stack ? stack->hash : 0,
	};
}

/* Where a signal handler has interrupted its own thread in a shard, nobody else changes it until
 * the handler returns, and it can be read as it is: unless something was being put in or out. */
static bool begin_reading(struct shard *s, bool *out_is_interrupted)
{
	*out_is_interrupted = hp_lock_is_mine(&s->lock);
	return *out_is_interrupted ? s->n_changes == 0 : hp_lock_acquire(&s->lock);
}

static void end_reading(struct shard *s, bool is_interrupted)
{
	if (!is_interrupted)
		hp_lock_release(&s->lock);
}

static void begin_shard(struct copying *c, int i)
{
	struct shard *s = &hp_stacks_table.shards[i];
	bool is_interrupted;

	if (!begin_reading(s, &is_interrupted)) {
		c->out->n_missing += __atomic_load_n(&s->n_records, __ATOMIC_RELAXED);
		return;
	}
	c->n_buckets[i] = s->n_buckets;
	if (s->folded.alloc_objects > 0)
		copy_entry(c, &s->folded, NULL);
	c->out->n_stacks += s->n_stacks;
	end_reading(s, is_interrupted);
}

static void copy_bucket(struct copying *c, hp_handle stack)
{
	for (hp_handle h = stack; h; h = stack_at(h)->next)
		for (hp_handle r = stack_at(h)->records; r; r = record_at(r)->next)
			copy_entry(c, &current_record(r)->counts, stack_at(h));
}

/* What was bucket `i` of `n_buckets`. By now the table may have doubled, perhaps more than once:
 * then that is every bucket whose number is i modulo n_buckets. */
static void copy_split_bucket(struct copying *c, const struct shard *s, uint32_t i,
			      uint32_t n_buckets)
{
	for (; i < s->n_buckets; i += n_buckets)
		copy_bucket(c, s->buckets[i]);
}

/* The first write to a page takes the kernel a microsecond, in some virtual machines half a
 * millisecond: not while others wait for a lock. What already holds entries is let alone. */
static void touch_ahead(struct copying *c)
{
	struct hp_stacks_copy *out = c->out;
	size_t used = out->n_entries * sizeof(out->entries[0]), end = used + TOUCHED_AHEAD;

	if (c->touched_bytes < used)
		c->touched_bytes = (used + PAGE - 1) / PAGE * PAGE;
	for (; c->touched_bytes < end && c->touched_bytes < out->mapped_bytes;
	     c->touched_bytes += PAGE)
		*((volatile char *)out->entries + c->touched_bytes) = 0;
}

static void copy_buckets(struct copying *c, int i, uint32_t first)
{
	struct shard *s = &hp_stacks_table.shards[i];
	uint32_t n = c->n_buckets[i];
	bool is_interrupted;

	touch_ahead(c);
	if (!begin_reading(s, &is_interrupted)) {
		c->out->n_missing += (uint64_t)s->n_records * (n - first) / n;
		c->n_buckets[i] = 0;
		return;
	}
	for (uint32_t end = first + N_BUCKETS_AT_ONCE; first < n && first < end; first++)
		copy_split_bucket(c, s, first, n);
	end_reading(s, is_interrupted);
}

static void copy_all(struct copying *c)
{
	bool is_any_left = true;

	for (int i = 0; i < N_SHARDS; i++)
		begin_shard(c, i);
	for (uint32_t first = 0; is_any_left; first += N_BUCKETS_AT_ONCE) {
		is_any_left = false;
		for (int i = 0; i < N_SHARDS; i++)
			if (first < c->n_buckets[i]) {
				copy_buckets(c, i, first);
				is_any_left = true;
			}
	}
}

static size_t count_records(void)
{
	size_t n = 0;

	for (int i = 0; i < N_SHARDS; i++)
		n += __atomic_load_n(&hp_stacks_table.shards[i].n_records, __ATOMIC_RELAXED);
	return n;
}

/* --- putting stripes together -------------------------------------------------------------- */

static bool is_same_stack(const struct hp_stacks_copy_entry *a,
			  const struct hp_stacks_copy_entry *b)
{
	return a->hash == b->hash && a->n_frames == b->n_frames && a->frames && b->frames &&
	       memcmp(a->frames, b->frames, a->n_frames * sizeof(a->frames[0])) == 0;
}

static void add_counts(struct hp_counts *to, const struct hp_counts *from)
{
	to->alloc_objects += from->alloc_objects;
	to->alloc_bytes += from->alloc_bytes;
	to->free_objects += from->free_objects;
	to->free_bytes += from->free_bytes;
}

/* `places` is a hash table of numbers of entries, 1 for the first. */
static void merge_into(struct hp_stacks_copy *out, uint32_t *places, size_t n_places)
{
	size_t n_read = out->n_entries;

	out->n_entries = 0;
	for (size_t i = 0; i < n_read; i++) {
		struct hp_stacks_copy_entry e = out->entries[i];
		size_t place = e.hash % n_places;

		while (places[place] && !is_same_stack(&out->entries[places[place] - 1], &e))
			place = place + 1 == n_places ? 0 : place + 1;
		if (places[place]) {
			add_counts(&out->entries[places[place] - 1].counts, &e.counts);
			out->n_stacks--;
			continue;
		}
		out->entries[out->n_entries++] = e;
		places[place] = out->n_entries;
	}
}

static bool has_stripes(void)
{
	for (int i = SHARDS_A_STRIPE; i < N_SHARDS; i++)
		if (__atomic_load_n(&hp_stacks_table.shards[i].n_records, __ATOMIC_RELAXED) > 0)
			return true;
	return false;
}

/* Without memory a stack is printed once a stripe: readers of dumps add that up. */
static void merge_stripes(struct hp_stacks_copy *out)
{
	size_t n_places = out->n_entries * 2 + 1;
	uint32_t *places =
		has_stripes() ? hp_memory_map_for_dump(n_places * sizeof(*places)) : NULL;

	if (!places)
		return;
	merge_into(out, places, n_places);
	hp_memory_unmap(places, n_places * sizeof(*places));
}

bool hp_stacks_copy(struct hp_stacks_copy *out)
{
	size_t n = count_records();
	/* Threads go on while we copy: leave room for what comes meanwhile. */
	struct copying c = {.out = out, .capacity = n + n / 8 + N_FOLDED_ENTRIES + 1024};

	memset(out, 0, sizeof(*out));
	out->mapped_bytes = c.capacity * sizeof(out->entries[0]);
	out->entries = hp_memory_map_for_dump(out->mapped_bytes);
	if (!out->entries)
		return false;
	__atomic_add_fetch(&hp_stacks_table.n_copies, 1, __ATOMIC_SEQ_CST);
	copy_all(&c);
	merge_stripes(out);
	return true;
}

void hp_stacks_release(struct hp_stacks_copy *copy)
{
	__atomic_sub_fetch(&hp_stacks_table.n_copies, 1, __ATOMIC_SEQ_CST);
	hp_memory_unmap(copy->entries, copy->mapped_bytes);
	memset(copy, 0, sizeof(*copy));
}
