/* SPDX-License-Identifier: MIT */
/* Compares the table of objects in pools with a plain array, and checks the filters' promise: they
 * never rule out an object or a pool that is in the table. */
#include "base/memory.h"
#include "tables/pool_objects.h"
#include "test.h"

enum {
	N_OBJECTS = 3000,
	N_POOLS = 50,
	N_STEPS = 60000,
	FIRST_SESSION = 7,
};

static uint64_t rng = 88172645463325252ull;

static uint64_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	return rng ^= rng << 17;
}

static struct hp_pool_object objects[N_OBJECTS];
static size_t pool_of[N_OBJECTS];
static size_t n_objects, n_seen;

static uintptr_t address_of(size_t i)
{
	return 0x7f0000000000 + i * 48 + (i % 3 ? 0 : UINT64_C(1) << 32);
}

static const void *pool_at(size_t i)
{
	return (const void *)(uintptr_t)(0x7e0000000000 + i * 40);
}

static size_t index_of(const struct hp_pool_object *o)
{
	uintptr_t offset = o->address - 0x7f0000000000;

	return (offset & 0xffffffff) / 48;
}

static void check_same(const struct hp_pool_object *a, const struct hp_pool_object *b)
{
	CHECK_HEX_EQ(a->address, b->address);
	CHECK_UINT_EQ(a->size, b->size);
	CHECK_UINT_EQ(a->record, b->record);
	CHECK_UINT_EQ(a->session, b->session);
}

static void insert_one(size_t i)
{
	size_t pool = next_random() % N_POOLS;
	struct hp_pool_object replaced, object = {
						.address = address_of(i),
						.size = next_random() >> 22,
						.record = next_random() >> 34,
						.session = FIRST_SESSION + next_random() % 200,
					};

	CHECK(hp_pool_objects_insert(pool_at(pool), &object, &replaced));
	CHECK_HEX_EQ(replaced.address, objects[i].address);
	if (replaced.address)
		check_same(&replaced, &objects[i]);
	else
		n_objects++;
	objects[i] = object;
	pool_of[i] = pool;
	CHECK(hp_pool_objects_may_hold((void *)object.address));
	CHECK(hp_pool_objects_may_hold_pool(pool_at(pool)));
}

static void take_one(size_t i)
{
	struct hp_pool_object taken;
	bool is_there = hp_pool_objects_take(address_of(i), &taken);

	CHECK(is_there == (objects[i].address != 0));
	if (!is_there)
		return;
	check_same(&taken, &objects[i]);
	objects[i].address = 0;
	n_objects--;
}

static void forget(const struct hp_pool_object *o)
{
	check_same(o, &objects[index_of(o)]);
	objects[index_of(o)].address = 0;
	n_objects--;
	n_seen++;
}

static void reset_one(size_t pool)
{
	size_t n = 0;

	for (size_t i = 0; i < N_OBJECTS; i++)
		n += objects[i].address && pool_of[i] == pool;
	n_seen = 0;
	hp_pool_objects_take_pool(pool_at(pool), forget);
	CHECK_UINT_EQ(n_seen, n);
}

static void check_all(void)
{
	CHECK_UINT_EQ(hp_pool_objects_count(), n_objects);
	for (size_t i = 0; i < N_OBJECTS; i++)
		if (objects[i].address) {
			CHECK(hp_pool_objects_may_hold((void *)objects[i].address));
			CHECK(hp_pool_objects_may_hold_pool(pool_at(pool_of[i])));
		}
}

static void empty(void)
{
	hp_pool_objects_reset(FIRST_SESSION);
	memset(objects, 0, sizeof(objects));
	n_objects = 0;
}

static void test_same_as_an_array(void)
{
	size_t before = hp_memory_mapped();

	empty();
	for (int step = 0; step < N_STEPS; step++) {
		uint64_t what = next_random() % 400;

		if (what == 0)
			reset_one(next_random() % N_POOLS);
		else if (what < 220)
			insert_one(next_random() % N_OBJECTS);
		else
			take_one(next_random() % N_OBJECTS);
		if (step % 5000 == 0)
			check_all();
	}
	CHECK(n_objects > 100);
	empty();
	CHECK_UINT_EQ(hp_memory_mapped(), before);
}

/* Pages with few objects have their bytes cleared, so that frees of others stay fast. */
static void test_filters_are_empty_in_the_end(void)
{
	empty();
	for (size_t i = 0; i < N_OBJECTS; i += 100)
		insert_one(i);
	for (size_t i = 0; i < N_OBJECTS; i += 100)
		take_one(i);
	for (size_t i = 0; i < N_OBJECTS; i++)
		CHECK(!hp_pool_objects_may_hold((void *)address_of(i)));
	for (size_t i = 0; i < N_POOLS; i++)
		CHECK(!hp_pool_objects_may_hold_pool(pool_at(i)));
}

static bool is_odd(const struct hp_pool_object *o)
{
	bool drop = index_of(o) % 2 != 0;

	if (drop)
		forget(o);
	return drop;
}

static void test_a_sweep_sees_all(void)
{
	empty();
	for (size_t i = 0; i < N_OBJECTS; i++)
		insert_one(i);
	for (int i = 0; i < 64; i++)
		hp_pool_objects_sweep(1, is_odd);
	check_all();
	CHECK_UINT_EQ(n_objects, N_OBJECTS / 2);
	insert_one(1);
	for (int i = 0; i < 64; i++)
		hp_pool_objects_sweep(1, is_odd); /* this epoch's sweep is done */
	CHECK_UINT_EQ(n_objects, N_OBJECTS / 2 + 1);
	for (int i = 0; i < 64; i++)
		hp_pool_objects_sweep(2, is_odd);
	CHECK_UINT_EQ(n_objects, N_OBJECTS / 2);
}

static void test_what_has_no_room(void)
{
	struct hp_pool_object replaced, object = {.address = UINT64_C(1) << 48, .size = 1};

	empty();
	CHECK(!hp_pool_objects_insert(NULL, &object, &replaced));
	object.address = 4096;
	object.size = UINT64_C(1) << 42;
	CHECK(!hp_pool_objects_insert(NULL, &object, &replaced));
	object.size--;
	CHECK(!hp_pool_objects_take(4096, &replaced));
	hp_pool_objects_take_pool(NULL, forget);
	CHECK(hp_pool_objects_insert(NULL, &object, &replaced)); /* NULL is a pool, too */
	CHECK(hp_pool_objects_take(4096, &replaced));
	CHECK_UINT_EQ(replaced.size, object.size);
}

static void test_without_memory(void)
{
	struct hp_pool_object replaced, object = {.address = 4096, .size = 1, .session = 7};
	size_t limit = hp_memory_limit();

	empty();
	hp_memory_set_limit(1);
	CHECK(!hp_pool_objects_insert(pool_at(1), &object, &replaced));
	CHECK(!hp_pool_objects_may_hold_pool(pool_at(1)));
	hp_memory_set_limit(limit);
	CHECK(hp_pool_objects_insert(pool_at(1), &object, &replaced));
	empty();
}

TEST_MAIN(TEST(test_same_as_an_array), TEST(test_filters_are_empty_in_the_end),
	  TEST(test_a_sweep_sees_all), TEST(test_what_has_no_room), TEST(test_without_memory))
