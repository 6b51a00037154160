/* SPDX-License-Identifier: MIT */
/* A record with something in use is never moved or freed, so the live table may point to it. One
 * with nothing in use may be folded into its shard's `folded` counts when memory runs out: after
 * days of plugins and generated code a new leak must still find room. */
#include "stacks.h"
#include <string.h>

enum {
	SHARDS_A_STRIPE = 64,
	N_SHARDS = SHARDS_A_STRIPE * HP_STRIPES,
	FIRST_BUCKETS = 64,
	N_FOLDED_ENTRIES = N_SHARDS,
	/* All pieces are so many bytes or a multiple: what one thread counts in all the time shares
	 * no line with what another does. */
	CACHE_LINE = 64
};

struct record {
	struct hp_counts counts;
	hp_handle next; /* of the same stack */
	hp_handle stack;
	uint32_t size_class;
	uint32_t fork_epoch; /* counts.free_* of an older epoch belong to the parent's history */
} __attribute__((aligned(CACHE_LINE)));

struct stack {
	hp_handle next; /* of the same bucket */
	hp_handle records;
	uint32_t hash;
	uint16_t n_frames;
	uint16_t stripe;
	uint64_t frames[];
};

struct shard {
	struct hp_lock lock;
	uint32_t n_changes; /* what is on its way in or out: see begin_reading() */
	hp_handle *buckets;
	uint32_t n_buckets, n_stacks, n_records;
	uint32_t n_emptied; /* records whose last block was freed, since the last sweep */
	struct hp_counts folded;
} __attribute__((aligned(64)));

static struct hp_arena arena;
static struct shard shards[N_SHARDS];
static uint32_t fork_epoch;
static uint32_t n_copies; /* while there are any, nothing is folded */

static struct record *record_at(hp_handle h)
{
	return hp_arena_at(&arena, h);
}

static struct stack *stack_at(hp_handle h)
{
	return hp_arena_at(&arena, h);
}

static size_t stack_size(size_t n_frames)
{
	size_t size = sizeof(struct stack) + n_frames * sizeof(uint64_t);

	return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

static uint64_t mix(uint64_t h, uint64_t frame)
{
	h = (h ^ frame) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

/* Two chains of multiplications at a time: one takes longer than the rest of counting does. */
static uint32_t hash_frames(const uint64_t *frames, size_t n)
{
	uint64_t even = n, odd = 0;
	size_t i = 0;

	for (; i + 1 < n; i += 2) {
		even = mix(even, frames[i]);
		odd = mix(odd, frames[i + 1]);
	}
	if (i < n)
		even = mix(even, frames[i]);
	even = mix(even, odd);
	return even ^ even >> 32;
}

static struct shard *shard_of(uint32_t hash, uint32_t stripe)
{
	return &shards[stripe * SHARDS_A_STRIPE + hash % SHARDS_A_STRIPE];
}

static struct shard *shard_of_record(hp_handle record)
{
	const struct stack *stack = stack_at(record_at(record)->stack);

	return shard_of(stack->hash, stack->stripe);
}

static hp_handle *bucket_of(struct shard *s, uint32_t hash)
{
	return &s->buckets[hash / SHARDS_A_STRIPE % s->n_buckets];
}

/* A signal handler that finds its own thread in between can't read the shard. */
static void begin_change(struct shard *s)
{
	s->n_changes++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void end_change(struct shard *s)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	s->n_changes--;
}

/* What the parent had freed before the fork is no news of the child's. */
static struct record *current_record(hp_handle h)
{
	struct record *r = record_at(h);

	if (r->fork_epoch != fork_epoch) {
		struct shard *s = shard_of_record(h);

		begin_change(s);
		r->counts.alloc_objects -= r->counts.free_objects;
		r->counts.alloc_bytes -= r->counts.free_bytes;
		r->counts.free_objects = r->counts.free_bytes = 0;
		r->fork_epoch = fork_epoch;
		end_change(s);
	}
	return r;
}

/* count_records() reads it without the lock. */
static void set_n_records(struct shard *s, uint32_t n)
{
	__atomic_store_n(&s->n_records, n, __ATOMIC_RELAXED);
}

/* --- forgetting ---------------------------------------------------------------------------- */

static void fold_record(struct shard *s, const struct record *r)
{
	s->folded.alloc_objects += r->counts.alloc_objects;
	s->folded.alloc_bytes += r->counts.alloc_bytes;
	s->folded.free_objects += r->counts.free_objects;
	s->folded.free_bytes += r->counts.free_bytes;
	set_n_records(s, s->n_records - 1);
}

static void fold_records_of(struct shard *s, struct stack *stack)
{
	hp_handle *link = &stack->records;

	while (*link) {
		hp_handle h = *link;
		struct record *r = current_record(h);

		if (r->counts.alloc_objects > r->counts.free_objects) {
			link = &r->next;
			continue;
		}
		*link = r->next;
		fold_record(s, r);
		hp_arena_free(&arena, h, sizeof(*r));
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
		s->n_stacks--;
		hp_arena_free(&arena, h, stack_size(stack->n_frames));
	}
}

/* True if there is room for something now. A sweep looks at every stack of the shard, so it is only
 * worth while when a good part of the records was emptied since the last one. */
static bool fold(struct shard *s)
{
	if (s->n_emptied * 8 < s->n_records || s->n_emptied == 0 ||
	    __atomic_load_n(&n_copies, __ATOMIC_SEQ_CST) > 0)
		return false;
	s->n_emptied = 0;
	begin_change(s);
	for (uint32_t i = 0; i < s->n_buckets; i++)
		fold_bucket(s, &s->buckets[i]);
	end_change(s);
	return true;
}

/* The caller holds the lock of `own`; of the others those are swept that can be had at once. */
static bool fold_others(const struct shard *own)
{
	bool is_any_folded = false;

	for (struct shard *s = shards; s < shards + N_SHARDS; s++) {
		if (s == own || !hp_lock_try(&s->lock))
			continue;
		is_any_folded |= fold(s);
		hp_lock_release(&s->lock);
	}
	return is_any_folded;
}

/* --- finding ------------------------------------------------------------------------------- */

static bool grow(struct shard *s)
{
	uint32_t n_new = s->n_buckets ? s->n_buckets * 2 : FIRST_BUCKETS;
	struct shard grown = *s;

	grown.n_buckets = n_new;
	grown.buckets = hp_memory_map(n_new * sizeof(hp_handle));
	if (!grown.buckets)
		return s->n_buckets > 0;
	for (uint32_t i = 0; i < s->n_buckets; i++)
		for (hp_handle h = s->buckets[i], next; h; h = next) {
			hp_handle *bucket = bucket_of(&grown, stack_at(h)->hash);

			next = stack_at(h)->next;
			stack_at(h)->next = *bucket;
			*bucket = h;
		}
	hp_memory_unmap(s->buckets, s->n_buckets * sizeof(hp_handle));
	s->buckets = grown.buckets;
	s->n_buckets = grown.n_buckets;
	return true;
}

static hp_handle find_stack(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n)
{
	for (hp_handle h = *bucket_of(s, hash); h; h = stack_at(h)->next) {
		const struct stack *stack = stack_at(h);

		if (stack->hash == hash && stack->n_frames == n &&
		    memcmp(stack->frames, frames, n * sizeof(*frames)) == 0)
			return h;
	}
	return 0;
}

static hp_handle add_stack(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n)
{
	hp_handle h = hp_arena_alloc(&arena, stack_size(n));

	if (!h)
		return 0;
	struct stack *stack = stack_at(h);
	hp_handle *bucket = bucket_of(s, hash);

	stack->hash = hash;
	stack->n_frames = n;
	stack->stripe = (s - shards) / SHARDS_A_STRIPE;
	memcpy(stack->frames, frames, n * sizeof(*frames));
	stack->next = *bucket;
	*bucket = h;
	s->n_stacks++;
	return h;
}

static hp_handle find_record(hp_handle stack, uint32_t size_class)
{
	for (hp_handle h = stack_at(stack)->records; h; h = record_at(h)->next)
		if (record_at(h)->size_class == size_class)
			return h;
	return 0;
}

static hp_handle add_record(struct shard *s, hp_handle stack, uint32_t size_class)
{
	hp_handle h = hp_arena_alloc(&arena, sizeof(struct record));

	if (!h)
		return 0;
	struct record *r = record_at(h);

	r->stack = stack;
	r->size_class = size_class;
	r->fork_epoch = fork_epoch;
	r->next = stack_at(stack)->records;
	stack_at(stack)->records = h;
	set_n_records(s, s->n_records + 1);
	return h;
}

static hp_handle add_now(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n,
			 uint32_t size_class)
{
	if (s->n_stacks >= s->n_buckets && !grow(s))
		return 0;
	hp_handle stack = find_stack(s, hash, frames, n);

	if (!stack)
		stack = add_stack(s, hash, frames, n);
	return stack ? add_record(s, stack, size_class) : 0;
}

/* 0: there is no room */
static hp_handle find_or_add_now(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n,
				 uint32_t size_class)
{
	hp_handle stack = s->n_buckets > 0 ? find_stack(s, hash, frames, n) : 0;
	hp_handle record = stack ? find_record(stack, size_class) : 0;

	if (record)
		return record;
	begin_change(s);
	record = add_now(s, hash, frames, n, size_class);
	end_change(s);
	return record;
}

/* Folding may take the stack itself away, which has nothing in use yet: what was found is looked
 * for again. */
static hp_handle find_or_add(struct shard *s, uint32_t hash, const uint64_t *frames, size_t n,
			     uint32_t size_class)
{
	hp_handle h = find_or_add_now(s, hash, frames, n, size_class);

	if (h)
		return h;
	bool is_folded = fold(s);

	if (is_folded)
		h = find_or_add_now(s, hash, frames, n, size_class);
	if (h || !(fold_others(s) || is_folded))
		return h;
	/* Sizes differ from stack to stack: what was folded serves this one if it is joined. */
	hp_arena_join_free(&arena);
	return find_or_add_now(s, hash, frames, n, size_class);
}

/* --- counting ------------------------------------------------------------------------------ */

/* In this order a signal handler never sees bytes in use that belong to no object. */
static void count_in(struct record *r, uint64_t size)
{
	r->counts.alloc_objects++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	r->counts.alloc_bytes += size;
}

static void count_out(struct record *r, uint64_t size)
{
	r->counts.free_bytes += size;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	r->counts.free_objects++;
}

hp_handle hp_stacks_count_alloc(const uint64_t *frames, size_t n_frames, uint32_t size_class,
				uint64_t size, uint32_t stripe)
{
	uint32_t hash = hash_frames(frames, n_frames);
	struct shard *s = shard_of(hash, stripe % HP_STRIPES);

	if (!hp_lock_acquire(&s->lock))
		return 0;
	hp_handle h = find_or_add(s, hash, frames, n_frames, size_class);

	if (h) {
		struct record *r = current_record(h);

		count_in(r, size);
	}
	hp_lock_release(&s->lock);
	return h;
}

/* The record to be changed, with its shard locked; NULL if the lock could not be had. */
static struct record *begin_counting(hp_handle record)
{
	return hp_lock_acquire(&shard_of_record(record)->lock) ? current_record(record) : NULL;
}

/* `is_less`: something in use has become less, perhaps the last of it. */
static void end_counting(hp_handle record, bool is_less)
{
	struct shard *s = shard_of_record(record);
	const struct hp_counts *counts = &record_at(record)->counts;

	s->n_emptied += is_less && counts->free_objects == counts->alloc_objects;
	hp_lock_release(&s->lock);
}

void hp_stacks_count_free(hp_handle record, uint64_t size)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	count_out(r, size);
	end_counting(record, true);
}

void hp_stacks_uncount_alloc(hp_handle record, uint64_t size)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	r->counts.alloc_bytes -= size;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	r->counts.alloc_objects--;
	end_counting(record, true);
}

void hp_stacks_count_trimmed(hp_handle record, uint64_t size)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	r->counts.free_bytes += size;
	end_counting(record, false);
}

void hp_stacks_count_split(hp_handle record)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	r->counts.alloc_objects++;
	end_counting(record, false);
}

void hp_stacks_count_joined(hp_handle record, uint64_t size)
{
	struct record *r = begin_counting(record);

	if (!r)
		return;
	r->counts.free_bytes += size;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	r->counts.alloc_objects--;
	end_counting(record, true);
}

/* --- copying ------------------------------------------------------------------------------- */

enum {
	N_BUCKETS_AT_ONCE = 64
};

struct copying {
	struct hp_stacks_copy *out;
	size_t capacity;
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
	struct shard *s = &shards[i];
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

static void copy_buckets(struct copying *c, int i, uint32_t first)
{
	struct shard *s = &shards[i];
	uint32_t n = c->n_buckets[i];
	bool is_interrupted;

	if (!begin_reading(s, &is_interrupted)) {
		c->out->n_missing += (uint64_t)s->n_records * (n - first) / n;
		c->n_buckets[i] = 0;
		return;
	}
	for (uint32_t end = first + N_BUCKETS_AT_ONCE; first < n && first < end; first++)
		copy_split_bucket(c, s, first, n);
	end_reading(s, is_interrupted);
}

/* A few buckets of each shard, then a few more of each: a lock is held for some microseconds, and
 * not taken again before whoever waits for it has woken up and had it. */
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
		n += __atomic_load_n(&shards[i].n_records, __ATOMIC_RELAXED);
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
		if (__atomic_load_n(&shards[i].n_records, __ATOMIC_RELAXED) > 0)
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
	__atomic_add_fetch(&n_copies, 1, __ATOMIC_SEQ_CST);
	copy_all(&c);
	merge_stripes(out);
	return true;
}

void hp_stacks_release(struct hp_stacks_copy *copy)
{
	__atomic_sub_fetch(&n_copies, 1, __ATOMIC_SEQ_CST);
	hp_memory_unmap(copy->entries, copy->mapped_bytes);
	memset(copy, 0, sizeof(*copy));
}

void hp_stacks_reset(void)
{
	for (int i = 0; i < N_SHARDS; i++)
		hp_memory_unmap(shards[i].buckets, shards[i].n_buckets * sizeof(hp_handle));
	memset(shards, 0, sizeof(shards));
	hp_arena_reset(&arena);
}

void hp_stacks_after_fork(void)
{
	hp_lock_reset(&arena.lock);
	n_copies = 0;
	fork_epoch++;
	for (int i = 0; i < N_SHARDS; i++) {
		hp_lock_reset(&shards[i].lock);
		shards[i].n_changes = 0;
		memset(&shards[i].folded, 0, sizeof(shards[i].folded));
	}
}
