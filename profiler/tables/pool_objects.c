/* SPDX-License-Identifier: MIT */
/* Objects are found by their addresses in chains, and are in doubly linked lists, one for each
 * pool. All links are handles of one arena, so an object takes 32 bytes. There is one lock: sampled
 * objects are rare, and a reset needs the chains of objects with all kinds of addresses. */
#include "tables/pool_objects.h"
#include "base/memory.h"
#include <string.h>

enum {
	FIRST_BUCKETS = 1024, /* a page */
	FILTER_FULL = UINT8_MAX,
	SWEEP_PARTS = 64,
};

struct object {
	uint64_t address : 48;
	uint64_t session : 8; /* counted from the table's first session */
	uint64_t size_high : 8;
	uint64_t record : 30;
	uint64_t size_low : 34;
	hp_handle chain;          /* the next object of the same bucket */
	hp_handle next, previous; /* of the same pool; 0: none */
	hp_handle pool;
};

struct pool {
	uintptr_t address;
	hp_handle chain;
	hp_handle first;
};

struct buckets {
	hp_handle *heads;
	uint32_t n, n_used; /* buckets, a power of two; items in them */
};

_Static_assert(sizeof(struct object) == 32, "bytes an object");
_Static_assert((uint64_t)HP_ARENA_CHUNKS_MAX *HP_ARENA_CHUNK_GRAINS == 1 << 30, "bits of a handle");

uint8_t hp_pool_object_filter[HP_POOL_OBJECT_FILTER] __attribute__((aligned(4096)));
uint8_t hp_pool_filter[HP_POOL_FILTER] __attribute__((aligned(4096)));

static struct hp_lock lock;
static struct hp_arena arena;
static struct buckets objects, pools;
static uint32_t first_session;
static uint32_t sweep_epoch, n_swept; /* parts of the table that this epoch's calls have swept */

static struct object *object_at(hp_handle h)
{
	return hp_arena_at(&arena, h);
}

static struct pool *pool_at(hp_handle h)
{
	return hp_arena_at(&arena, h);
}

/* --- filters ------------------------------------------------------------------------------- */

/* A byte counts the items there. One that has reached its highest value keeps it. */
static uint8_t *object_byte(uintptr_t address)
{
	return &hp_pool_object_filter[address >> HP_POOL_OBJECT_SHIFT &
				      (HP_POOL_OBJECT_FILTER - 1)];
}

static uint8_t *pool_byte(uintptr_t address)
{
	return &hp_pool_filter[address >> HP_POOL_SHIFT & (HP_POOL_FILTER - 1)];
}

static void add_to_byte(uint8_t *byte, int n)
{
	if (*byte < FILTER_FULL)
		__atomic_store_n(byte, (uint8_t)(*byte + n), __ATOMIC_RELAXED);
}

bool hp_pool_objects_may_hold(const void *object)
{
	return __atomic_load_n(object_byte((uintptr_t)object), __ATOMIC_RELAXED) != 0;
}

bool hp_pool_objects_may_hold_pool(const void *pool)
{
	return __atomic_load_n(pool_byte((uintptr_t)pool), __ATOMIC_RELAXED) != 0;
}

/* --- buckets ------------------------------------------------------------------------------- */

static hp_handle *bucket_of(const struct buckets *b, uintptr_t address)
{
	uint64_t hash = (address >> 3) * 0x9e3779b97f4a7c15ull;

	return &b->heads[(hash ^ hash >> 29) >> 16 & (b->n - 1)];
}

/* Returns the link to the object with this address, or to nothing. There must be buckets. */
static hp_handle *find_object(uintptr_t address)
{
	hp_handle *link = bucket_of(&objects, address);

	while (*link && object_at(*link)->address != address)
		link = &object_at(*link)->chain;
	return link;
}

static hp_handle *find_pool(uintptr_t address)
{
	hp_handle *link = bucket_of(&pools, address);

	while (*link && pool_at(*link)->address != address)
		link = &pool_at(*link)->chain;
	return link;
}

static hp_handle *chain_of_object(hp_handle h, uintptr_t *out_address)
{
	*out_address = object_at(h)->address;
	return &object_at(h)->chain;
}

static hp_handle *chain_of_pool(hp_handle h, uintptr_t *out_address)
{
	*out_address = pool_at(h)->address;
	return &pool_at(h)->chain;
}

/* In this order, because a fork may happen here, and the child unmaps what it finds. A sweep begins
 * anew, because its position means nothing in the new buckets. */
static void replace_buckets(struct buckets *b, const struct buckets *new)
{
	struct buckets old = *b;

	__atomic_store_n(&b->heads, new->heads, __ATOMIC_RELEASE);
	__atomic_store_n(&b->n, new->n, __ATOMIC_RELEASE);
	__atomic_store_n(&n_swept, 0, __ATOMIC_RELAXED);
	hp_memory_unmap(old.heads, old.n * sizeof(hp_handle));
}

/* Maps twice as many buckets, if there are as many items as buckets. Without memory for them, the
 * chains get longer. The first ones are mapped beyond the limit, as live.c does. Returns false if
 * there are none. */
static bool has_buckets(struct buckets *b, hp_handle *(*chain_of)(hp_handle, uintptr_t *))
{
	struct buckets grown = {.n = b->n ? b->n * 2 : FIRST_BUCKETS, .n_used = b->n_used};
	size_t size = grown.n * sizeof(hp_handle);

	if (b->n_used < b->n)
		return true;
	grown.heads = b->n ? hp_memory_map(size) : hp_memory_map_beyond_limit(size);
	if (!grown.heads)
		return b->n > 0;
	for (uint32_t i = 0; i < b->n; i++)
		for (hp_handle h = b->heads[i], next; h; h = next) {
			uintptr_t address;
			hp_handle *chain = chain_of(h, &address);
			hp_handle *bucket = bucket_of(&grown, address);

			next = *chain;
			*chain = *bucket;
			*bucket = h;
		}
	replace_buckets(b, &grown);
	return true;
}

static void set_n_used(struct buckets *b, uint32_t n)
{
	__atomic_store_n(&b->n_used, n, __ATOMIC_RELAXED);
}

/* --- objects ------------------------------------------------------------------------------- */

bool hp_pool_objects_can_hold(uintptr_t address, uint64_t size)
{
	return address != 0 && address < UINT64_C(1) << 48 && size < UINT64_C(1) << 42;
}

static struct hp_pool_object unpack(const struct object *o)
{
	return (struct hp_pool_object){
		.address = o->address,
		.size = (uint64_t)o->size_high << 34 | o->size_low,
		.record = o->record,
		.session = first_session + o->session,
	};
}

static void pack(struct object *to, const struct hp_pool_object *o)
{
	uint32_t session = o->session - first_session;

	to->address = o->address;
	to->session = session < UINT8_MAX ? session : UINT8_MAX;
	to->size_high = o->size >> 34;
	to->size_low = o->size;
	to->record = o->record;
}

static void drop_pool(hp_handle *link)
{
	hp_handle h = *link;
	struct pool *pool = pool_at(h);

	*link = pool->chain;
	add_to_byte(pool_byte(pool->address), -1);
	set_n_used(&pools, pools.n_used - 1);
	hp_arena_free(&arena, h, sizeof(*pool));
}

/* Removes an object from its chain, and frees it. Its pool's list is not changed. */
static void drop_object(hp_handle *link)
{
	hp_handle h = *link;
	struct object *o = object_at(h);

	*link = o->chain;
	add_to_byte(object_byte(o->address), -1);
	set_n_used(&objects, objects.n_used - 1);
	hp_arena_free(&arena, h, sizeof(*o));
}

static void unlink_from_pool(const struct object *o)
{
	struct pool *pool = pool_at(o->pool);

	if (o->previous)
		object_at(o->previous)->next = o->next;
	else
		pool->first = o->next;
	if (o->next)
		object_at(o->next)->previous = o->previous;
	if (!pool->first)
		drop_pool(find_pool(pool->address));
}

static void remove_object(hp_handle *link)
{
	unlink_from_pool(object_at(*link));
	drop_object(link);
}

/* Returns the pool, which is added if it is not there, or 0 if there is no memory. */
static hp_handle pool_of(uintptr_t address)
{
	hp_handle *link = find_pool(address);

	hp_handle h = *link;

	if (h)
		return h;
	h = hp_arena_alloc(&arena, sizeof(struct pool));
	if (!h)
		return 0;
	pool_at(h)->address = address;
	*link = h;
	add_to_byte(pool_byte(address), 1);
	set_n_used(&pools, pools.n_used + 1);
	return h;
}

static void link_object(hp_handle h, hp_handle pool, const struct hp_pool_object *object)
{
	struct object *o = object_at(h);
	hp_handle *bucket = bucket_of(&objects, object->address);

	pack(o, object);
	o->pool = pool;
	o->next = pool_at(pool)->first;
	if (o->next)
		object_at(o->next)->previous = h;
	pool_at(pool)->first = h;
	o->chain = *bucket;
	*bucket = h;
	add_to_byte(object_byte(object->address), 1);
	set_n_used(&objects, objects.n_used + 1);
}

/* The object's piece is allocated first: a pool without objects would never be removed. */
static bool insert(uintptr_t pool, const struct hp_pool_object *object)
{
	hp_handle h, its_pool;

	if (!has_buckets(&objects, chain_of_object) || !has_buckets(&pools, chain_of_pool))
		return false;
	h = hp_arena_alloc(&arena, sizeof(struct object));
	its_pool = h ? pool_of(pool) : 0;
	if (its_pool)
		link_object(h, its_pool, object);
	else if (h)
		hp_arena_free(&arena, h, sizeof(struct object));
	return its_pool;
}

bool hp_pool_objects_insert(const void *pool, const struct hp_pool_object *object,
			    struct hp_pool_object *out_replaced)
{
	out_replaced->address = 0;
	if (!hp_pool_objects_can_hold(object->address, object->size) || !hp_lock_acquire(&lock))
		return false;
	hp_handle *link = objects.n ? find_object(object->address) : NULL;

	if (link && *link) {
		*out_replaced = unpack(object_at(*link));
		remove_object(link);
	}
	bool is_inserted = insert((uintptr_t)pool, object);

	hp_lock_release(&lock);
	return is_inserted;
}

bool hp_pool_objects_take(uintptr_t address, struct hp_pool_object *out)
{
	if (!hp_lock_acquire(&lock))
		return false;
	hp_handle *link = objects.n ? find_object(address) : NULL;
	bool is_found = link && *link;

	if (is_found) {
		*out = unpack(object_at(*link));
		remove_object(link);
	}
	hp_lock_release(&lock);
	return is_found;
}

void hp_pool_objects_take_pool(const void *pool, void (*each)(const struct hp_pool_object *object))
{
	if (!hp_lock_acquire(&lock))
		return;
	hp_handle *link = pools.n ? find_pool((uintptr_t)pool) : NULL;

	if (link && *link) {
		for (hp_handle h = pool_at(*link)->first, next; h; h = next) {
			struct hp_pool_object o = unpack(object_at(h));

			next = object_at(h)->next;
			drop_object(find_object(o.address));
			each(&o);
		}
		drop_pool(link);
	}
	hp_lock_release(&lock);
}

/* --- all objects --------------------------------------------------------------------------- */

static void sweep_bucket(hp_handle *link, bool (*drop)(const struct hp_pool_object *object))
{
	while (*link) {
		struct hp_pool_object o = unpack(object_at(*link));

		if (drop(&o))
			remove_object(link);
		else
			link = &object_at(*link)->chain;
	}
}

void hp_pool_objects_sweep(uint32_t epoch, bool (*drop)(const struct hp_pool_object *object))
{
	if (__atomic_load_n(&sweep_epoch, __ATOMIC_RELAXED) == epoch &&
	    __atomic_load_n(&n_swept, __ATOMIC_RELAXED) >= SWEEP_PARTS)
		return;
	if (!hp_lock_acquire(&lock))
		return;
	if (sweep_epoch != epoch)
		__atomic_store_n(&n_swept, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&sweep_epoch, epoch, __ATOMIC_RELAXED);
	if (n_swept < SWEEP_PARTS && objects.n > 0) {
		uint32_t a_part = objects.n / SWEEP_PARTS;

		for (uint32_t i = n_swept * a_part; i < (n_swept + 1) * a_part; i++)
			sweep_bucket(&objects.heads[i], drop);
		__atomic_store_n(&n_swept, n_swept + 1, __ATOMIC_RELAXED);
	}
	hp_lock_release(&lock);
}

size_t hp_pool_objects_count(void)
{
	return __atomic_load_n(&objects.n_used, __ATOMIC_RELAXED);
}

static void unmap_buckets(struct buckets *b)
{
	struct buckets old = *b;

	*b = (struct buckets){0};
	hp_memory_unmap(old.heads, old.n * sizeof(hp_handle));
}

void hp_pool_objects_reset(uint32_t first)
{
	first_session = first;
	n_swept = sweep_epoch = 0;
	if (objects.n == 0)
		return;
	unmap_buckets(&objects);
	unmap_buckets(&pools);
	hp_arena_reset(&arena);
	memset(hp_pool_object_filter, 0, sizeof(hp_pool_object_filter));
	memset(hp_pool_filter, 0, sizeof(hp_pool_filter));
}

void hp_pool_objects_after_fork(void)
{
	hp_lock_release(&lock);
	hp_lock_release(&arena.lock);
}
