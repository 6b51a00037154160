/* SPDX-License-Identifier: MIT */
/* A record with something in use is never moved or freed, so the live table may point to it. A
 * record with nothing in use may be folded into its shard's `folded` counts when memory runs out:
 * after days of plugins and generated code a new leak must still find room. */
#include "base/memory.h"
#include "process/frame.h"
#include "tables/stacks_table.h"
#include <string.h>

enum {
	FIRST_BUCKETS = 64
};

struct hp_stacks_table hp_stacks_table;

static size_t stack_size(size_t n_frames)
{
	size_t size = sizeof(struct stack) + n_frames * sizeof(uint64_t);

	return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

static uint64_t mix_frame(uint64_t h, uint64_t frame)
{
	h = (h ^ frame) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

/* Returns a hash of the frames. It computes two chains of multiplications at the same time: one
 * chain would take longer than all the rest of counting. */
static uint32_t hash_frames(const uint64_t *frames, size_t n)
{
	uint64_t even = n, odd = 0;
	size_t i = 0;

	for (; i + 1 < n; i += 2) {
		even = mix_frame(even, frames[i]);
		odd = mix_frame(odd, frames[i + 1]);
	}
	if (i < n)
		even = mix_frame(even, frames[i]);
	even = mix_frame(even, odd);
	return even ^ even >> 32;
}

static hp_handle *bucket_of_hash(struct shard *s, uint32_t hash)
{
	return &s->buckets[hash / SHARDS_A_STRIPE & (s->n_buckets - 1)];
}

static hp_handle *bucket_of_record(struct shard *s, uint32_t hash, uint32_t key)
{
	uint32_t both = hash ^ key * 0x9e3779b1u;

	return &s->record_buckets[both / SHARDS_A_STRIPE & (s->n_record_buckets - 1)];
}

/* Sets a number that copies read without the lock. */
static void set_number(uint32_t *number, uint32_t n)
{
	__atomic_store_n(number, n, __ATOMIC_RELAXED);
}

/* --- changing a record --------------------------------------------------------------------- */

/* Begins a change of a record's counts, and returns the record. Its shard must be locked, unless no
 * other thread knows the record yet. A copy that sees a change begun and not ended, or another
 * change after reading than before, reads the counts again. `begun` is counted from `ended`,
 * because a fork child may have inherited a change that never ends. */
static struct record *begin_change(hp_handle h)
{
	struct record *r = record_at(h);

	__atomic_store_n(&r->begun, r->ended + 1, __ATOMIC_RELAXED);
	return r;
}

static void end_change(struct record *r)
{
	__atomic_store_n(&r->ended, r->begun, __ATOMIC_RELEASE);
}

/* Release stores keep the order of the program: a signal handler, too, sees the counts change in
 * that order. */
static void set_count(uint64_t *count, uint64_t n)
{
	__atomic_store_n(count, n, __ATOMIC_RELEASE);
}

static void add_to_count(uint64_t *count, uint64_t n)
{
	set_count(count, *count + n);
}

static void forget_history(struct record *r)
{
	struct hp_counts counts;

	if (r->fork_epoch == hp_stacks_table.fork_epoch)
		return;
	counts = counts_since_fork(r->counts, r->fork_epoch);
	set_count(&r->counts.alloc_objects, counts.alloc_objects);
	set_count(&r->counts.alloc_bytes, counts.alloc_bytes);
	set_count(&r->counts.free_objects, 0);
	set_count(&r->counts.free_bytes, 0);
	set_number(&r->fork_epoch, hp_stacks_table.fork_epoch);
}

/* --- forgetting ---------------------------------------------------------------------------- */

/* Returns true if the stack is that of objects in a pool. Their bytes are parts of blocks that were
 * counted already, so they are not added to what is folded. */
static bool is_of_objects(const struct stack *stack)
{
	uint64_t last = stack->n_frames ? stack->frames[stack->n_frames - 1] : 0;

	return hp_frame_is_pool(last) && !hp_frame_is_pool_block(last);
}

static void add_to_folded(struct shard *s, const struct record *r)
{
	struct hp_counts counts = counts_since_fork(r->counts, r->fork_epoch);
	uint32_t level = hp_stacks_key_level(r->key);
	struct hp_counts *folded = &folded_of(s)[level];

	folded->alloc_objects += counts.alloc_objects;
	folded->alloc_bytes += counts.alloc_bytes;
	folded->free_objects += counts.free_objects;
	folded->free_bytes += counts.free_bytes;
	s->folded_levels |= 1u << level;
}

static void fold_record(struct shard *s, struct record *r)
{
	if (!is_of_objects(stack_at(r->stack)))
		add_to_folded(s, r);
	r->stack = 0;
}

static void fold_records_of(struct shard *s, struct stack *stack)
{
	hp_handle *link = &stack->records;

	while (*link) {
		struct record *r = record_at(*link);

		if (r->counts.alloc_objects > r->counts.free_objects) {
			link = &r->next;
			continue;
		}
		set_number(link, r->next);
		fold_record(s, r);
	}
}

static void fold_bucket(struct shard *s, hp_handle *link)
{
	while (*link) {
		hp_handle h = *link;
		struct stack *stack = stack_at(h);

		fold_records_of(s, stack);
		if (stack->records) {
			link = &stack->next;
			continue;
		}
		*link = stack->next;
		set_number(&s->n_stacks, s->n_stacks - 1);
		hp_arena_free(&hp_stacks_table.arena, h, stack_size(stack->n_frames));
	}
}

static void unlink_folded_records(struct shard *s)
{
	for (uint32_t i = 0; i < s->n_record_buckets; i++)
		for (hp_handle *link = &s->record_buckets[i]; *link;) {
			struct record *r = record_at(*link);

			if (r->stack)
				link = &r->in_chain;
			else
				*link = r->in_chain;
		}
}

static void free_folded_records(struct shard *s)
{
	hp_handle *link = &s->newest;

	while (*link) {
		hp_handle h = *link;
		struct record *r = record_at(h);

		if (r->stack) {
			link = &r->older;
			continue;
		}
		*link = r->older;
		set_number(&s->n_records, s->n_records - 1);
		hp_arena_free(&hp_stacks_table.arena, h, sizeof(*r));
	}
}

/* Folds the shard's records with nothing in use. Returns true if there may be room now. A sweep
 * looks at every stack of the shard, so it is made only if a good part of the records has been
 * emptied since the last sweep. It frees what copies read. So a copy first announces itself and
 * then looks at fold_version, and a sweep first sets fold_version and then looks for copies: at
 * least one of the two sees the other. Then the copy waits, or the sweep gives up. */
static bool fold_shard(struct shard *s)
{
	bool is_any_copy;

	if (s->n_emptied * 8 < s->n_records || s->n_emptied == 0)
		return false;
	__atomic_store_n(&s->fold_version, s->fold_version + 1, __ATOMIC_SEQ_CST);
	is_any_copy = __atomic_load_n(&hp_stacks_table.n_copies, __ATOMIC_SEQ_CST) > 0;
	if (!is_any_copy) {
		s->n_emptied = 0;
		for (uint32_t i = 0; i < s->n_buckets; i++)
			fold_bucket(s, &s->buckets[i]);
		unlink_folded_records(s);
		free_folded_records(s);
	}
	__atomic_store_n(&s->fold_version, s->fold_version + 1, __ATOMIC_SEQ_CST);
	return !is_any_copy;
}

/* Folds other shards, except those whose lock is not free. The caller holds the lock of `own`. */
static bool fold_others(const struct shard *own)
{
	bool is_any_folded = false;

	for (struct shard *s = hp_stacks_table.shards; s < hp_stacks_table.shards + N_SHARDS; s++) {
		if (s == own || !hp_lock_try(&s->lock))
			continue;
		is_any_folded |= fold_shard(s);
		hp_lock_release(&s->lock);
	}
	return is_any_folded;
}

/* --- finding ------------------------------------------------------------------------------- */

/* Maps twice as many buckets, or the first ones. Returns NULL if there is no memory. */
static hp_handle *map_buckets(uint32_t n, uint32_t *out_n)
{
	*out_n = n ? n * 2 : FIRST_BUCKETS;
	return hp_memory_map(*out_n * sizeof(hp_handle));
}

/* Replaces buckets. In this order, because a fork may happen here, and the child unmaps what the
 * shard says. */
static void replace_buckets(hp_handle **buckets, uint32_t *n, hp_handle *new, uint32_t n_new)
{
	hp_handle *old = *buckets;
	uint32_t n_old = *n;

	__atomic_store_n(buckets, new, __ATOMIC_RELEASE);
	__atomic_store_n(n, n_new, __ATOMIC_RELEASE);
	hp_memory_unmap(old, n_old * sizeof(hp_handle));
}

static bool grow_buckets(struct shard *s)
{
	struct shard grown;

	grown.buckets = map_buckets(s->n_buckets, &grown.n_buckets);
	if (!grown.buckets)
		return s->n_buckets > 0;
	for (uint32_t i = 0; i < s->n_buckets; i++)
		for (hp_handle h = s->buckets[i], next; h; h = next) {
			hp_handle *bucket = bucket_of_hash(&grown, stack_at(h)->hash);

			next = stack_at(h)->next;
			stack_at(h)->next = *bucket;
			*bucket = h;
		}
	replace_buckets(&s->buckets, &s->n_buckets, grown.buckets, grown.n_buckets);
	return true;
}

static bool grow_record_buckets(struct shard *s)
{
	struct shard grown;

	grown.record_buckets = map_buckets(s->n_record_buckets, &grown.n_record_buckets);
	if (!grown.record_buckets)
		return s->n_record_buckets > 0;
	for (uint32_t i = 0; i < s->n_record_buckets; i++)
		for (hp_handle h = s->record_buckets[i], next; h; h = next) {
			struct record *r = record_at(h);
			hp_handle *bucket =
				bucket_of_record(&grown, stack_at(r->stack)->hash, r->key);

			next = r->in_chain;
			r->in_chain = *bucket;
			*bucket = h;
		}
	replace_buckets(&s->record_buckets, &s->n_record_buckets, grown.record_buckets,
			grown.n_record_buckets);
	return true;
}

static bool is_stack(const struct stack *stack, uint32_t hash, const uint64_t *frames, size_t n)
{
	return stack->hash == hash && stack->n_frames == n &&
	       memcmp(stack->frames, frames, n * sizeof(*frames)) == 0;
}

static hp_handle find_stack(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n)
{
	for (hp_handle h = *bucket_of_hash(s, hash); h; h = stack_at(h)->next)
		if (is_stack(stack_at(h), hash, frames, n))
			return h;
	return 0;
}

static hp_handle add_stack(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n)
{
	hp_handle h = hp_arena_alloc(&hp_stacks_table.arena, stack_size(n));

	if (!h)
		return 0;
	struct stack *stack = stack_at(h);
	hp_handle *bucket = bucket_of_hash(s, hash);

	stack->hash = hash;
	stack->n_frames = n;
	stack->stripe = (s - hp_stacks_table.shards) / SHARDS_A_STRIPE;
	memcpy(stack->frames, frames, n * sizeof(*frames));
	stack->next = *bucket;
	*bucket = h;
	set_number(&s->n_stacks, s->n_stacks + 1);
	return h;
}

static hp_handle find_record(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n,
			     uint32_t key)
{
	if (s->n_record_buckets == 0)
		return 0;
	for (hp_handle h = *bucket_of_record(s, hash, key); h; h = record_at(h)->in_chain) {
		const struct record *r = record_at(h);

		if (r->key == key && is_stack(stack_at(r->stack), hash, frames, n))
			return h;
	}
	return 0;
}

/* Adds a record, and returns its handle. Copies see the record from the moment when it is the
 * newest one. */
static hp_handle add_record(struct shard *s, hp_handle stack, uint32_t key)
{
	hp_handle h = hp_arena_alloc(&hp_stacks_table.arena, sizeof(struct record));

	if (!h)
		return 0;
	struct record *r = record_at(h);

	r->stack = stack;
	r->key = key;
	r->fork_epoch = hp_stacks_table.fork_epoch;
	r->next = stack_at(stack)->records;
	stack_at(stack)->records = h;
	hp_handle *bucket = bucket_of_record(s, stack_at(stack)->hash, key);

	r->in_chain = *bucket;
	*bucket = h;
	r->older = s->newest;
	set_number(&s->n_records, s->n_records + 1);
	__atomic_store_n(&s->newest, h, __ATOMIC_RELEASE);
	return h;
}

static hp_handle add_now(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n,
			 uint32_t key)
{
	if ((s->n_stacks >= s->n_buckets && !grow_buckets(s)) ||
	    (s->n_records >= s->n_record_buckets && !grow_record_buckets(s)))
		return 0;
	hp_handle stack = find_stack(s, hash, frames, n);

	if (!stack)
		stack = add_stack(s, hash, frames, n);
	return stack ? add_record(s, stack, key) : 0;
}

/* Finds or adds the record, without folding anything. Returns 0 if there is no room. */
static hp_handle find_or_add_now(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n,
				 uint32_t key)
{
	hp_handle record = find_record(s, hash, frames, n, key);

	return record ? record : add_now(s, hash, frames, n, key);
}

/* Finds or adds the record; if there is no room, folds records and tries again. The stack is looked
 * up again after folding: it has nothing in use yet, so folding may free it. */
static hp_handle find_or_add(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n,
			     uint32_t key)
{
	hp_handle h = find_or_add_now(s, hash, frames, n, key);

	if (h)
		return h;
	bool is_folded = fold_shard(s);

	if (is_folded)
		h = find_or_add_now(s, hash, frames, n, key);
	if (h || !(fold_others(s) || is_folded))
		return h;
	/* Stacks differ in size: the pieces that folding has freed may have room for this stack
	 * only once they are joined. */
	hp_arena_join_free(&hp_stacks_table.arena);
	return find_or_add_now(s, hash, frames, n, key);
}

/* --- counting ------------------------------------------------------------------------------ */

hp_handle hp_stacks_count_alloc(const uint64_t *frames, size_t n_frames, uint32_t key,
				uint64_t size, uint32_t stripe)
{
	uint32_t hash = hash_frames(frames, n_frames);
	struct shard *s = shard_of(hash, stripe % HP_STRIPES);

	if (!hp_lock_acquire(&s->lock))
		return 0;
	hp_handle h = find_or_add(s, hash, frames, n_frames, key);

	if (h) {
		struct record *r = begin_change(h);

		forget_history(r);
		add_to_count(&r->counts.alloc_objects, 1);
		add_to_count(&r->counts.alloc_bytes, size);
		end_change(r);
	}
	hp_lock_release(&s->lock);
	return h;
}

uint32_t hp_stacks_level(hp_handle record)
{
	return hp_stacks_key_level(record_at(record)->key);
}

bool hp_stacks_is_new(hp_handle record)
{
	const struct record *r = record_at(record);

	return __atomic_load_n(&r->next, __ATOMIC_RELAXED) == 0 &&
	       __atomic_load_n(&r->counts.alloc_objects, __ATOMIC_RELAXED) == 1;
}

size_t hp_stacks_read(hp_handle record, uint64_t *frames, size_t max, uint32_t *out_key)
{
	const struct record *r = record_at(record);
	const struct stack *stack = stack_at(r->stack);
	size_t n = stack->n_frames < max ? stack->n_frames : max;

	memcpy(frames, stack->frames, n * sizeof(*frames));
	*out_key = r->key;
	return n;
}

/* Returns the record to be changed, with its shard locked, or NULL if the lock was not acquired. */
static struct record *begin_counting(hp_handle record)
{
	struct record *r;

	if (!hp_lock_acquire(&shard_of_stack(record_at(record)->stack)->lock))
		return NULL;
	r = begin_change(record);
	forget_history(r);
	return r;
}

/* `is_less` is true if less is in use than before, and perhaps nothing. */
static void end_counting(struct record *r, bool is_less)
{
	struct shard *s = shard_of_stack(r->stack);

	end_change(r);
	s->n_emptied += is_less && r->counts.free_objects == r->counts.alloc_objects;
	hp_lock_release(&s->lock);
}

/* In these functions, bytes are subtracted before their object, and added after it: so a signal
 * handler that interrupts them never sees bytes in use without an object. */

void hp_stacks_count_free(hp_handle record, uint64_t size)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	add_to_count(&r->counts.free_bytes, size);
	add_to_count(&r->counts.free_objects, 1);
	end_counting(r, true);
}

void hp_stacks_uncount_alloc(hp_handle record, uint64_t size)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	add_to_count(&r->counts.alloc_bytes, -size);
	add_to_count(&r->counts.alloc_objects, -UINT64_C(1));
	end_counting(r, true);
}

void hp_stacks_count_trimmed(hp_handle record, uint64_t size)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	add_to_count(&r->counts.free_bytes, size);
	end_counting(r, false);
}

void hp_stacks_count_split(hp_handle record)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	add_to_count(&r->counts.alloc_objects, 1);
	end_counting(r, false);
}

void hp_stacks_count_joined(hp_handle record, uint64_t size)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	add_to_count(&r->counts.free_bytes, size);
	add_to_count(&r->counts.alloc_objects, -UINT64_C(1));
	end_counting(r, true);
}

static void forget_folded(struct shard *s)
{
	if (s->folded_levels)
		memset(folded_of(s), 0, HP_N_LEVELS * sizeof(struct hp_counts));
	s->folded_levels = 0;
}

void hp_stacks_reset(void)
{
	for (int i = 0; i < N_SHARDS; i++) {
		struct shard *s = &hp_stacks_table.shards[i], old = *s;

		forget_folded(s);
		memset(s, 0, sizeof(*s));
		hp_memory_unmap(old.buckets, old.n_buckets * sizeof(hp_handle));
		hp_memory_unmap(old.record_buckets, old.n_record_buckets * sizeof(hp_handle));
	}
	hp_arena_reset(&hp_stacks_table.arena);
}

void hp_stacks_after_fork(void)
{
	hp_lock_release(&hp_stacks_table.arena.lock);
	hp_stacks_table.n_copies = 0;
	hp_stacks_table.fork_epoch++;
	for (int i = 0; i < N_SHARDS; i++) {
		hp_lock_release(&hp_stacks_table.shards[i].lock);
		hp_stacks_table.shards[i].fold_version +=
			hp_stacks_table.shards[i].fold_version % 2;
		forget_folded(&hp_stacks_table.shards[i]);
	}
}

const struct hp_view_row hp_stacks_view[] = {
	HP_VIEW_ARRAY("stacks.shards", hp_stacks_table.shards),
	HP_VIEW_ARRAY("stacks.chunks", hp_stacks_table.arena.chunks),
	HP_VIEW_VARIABLE("stacks.n_chunks", hp_stacks_table.arena.n_chunks),
	HP_VIEW_VARIABLE("stacks.used", hp_stacks_table.arena.used),
	HP_VIEW_VARIABLE("stacks.fork_epoch", hp_stacks_table.fork_epoch),
	HP_VIEW_CONSTANT("arena.grain", HP_ARENA_GRAIN),
	HP_VIEW_CONSTANT("arena.chunk", HP_ARENA_CHUNK),
	HP_VIEW_CONSTANT("arena.first", HP_ARENA_FIRST),
	HP_VIEW_FIELD("shard.fold_version", struct shard, fold_version),
	HP_VIEW_FIELD("shard.newest", struct shard, newest),
	HP_VIEW_FIELD("shard.n_stacks", struct shard, n_stacks),
	HP_VIEW_FIELD("shard.n_records", struct shard, n_records),
	HP_VIEW_FIELD("shard.folded_levels", struct shard, folded_levels),
	HP_VIEW_ARRAY("stacks.folded", hp_stacks_table.folded),
	HP_VIEW_STRUCT("record", struct record),
	HP_VIEW_FIELD("record.ended", struct record, ended),
	HP_VIEW_FIELD("record.begun", struct record, begun),
	HP_VIEW_FIELD("record.fork_epoch", struct record, fork_epoch),
	HP_VIEW_FIELD("record.counts", struct record, counts),
	HP_VIEW_FIELD("record.key", struct record, key),
	HP_VIEW_FIELD("record.older", struct record, older),
	HP_VIEW_FIELD("record.stack", struct record, stack),
	HP_VIEW_FIELD("counts.alloc_objects", struct hp_counts, alloc_objects),
	HP_VIEW_FIELD("counts.alloc_bytes", struct hp_counts, alloc_bytes),
	HP_VIEW_FIELD("counts.free_objects", struct hp_counts, free_objects),
	HP_VIEW_FIELD("counts.free_bytes", struct hp_counts, free_bytes),
	HP_VIEW_FIELD("stack.hash", struct stack, hash),
	HP_VIEW_FIELD("stack.n_frames", struct stack, n_frames),
	HP_VIEW_FIELD("stack.frames", struct stack, frames[0]),
};
