/* SPDX-License-Identifier: MIT */
/* Places alone, without libraries. test_modules.c tests the places of libraries that come and go.
 */
#include "process/modules.h"
#include "process/places.h"
#include "test.h"
#include <pthread.h>

enum {
	N_THREADS = 2
};

static void test_places_that_do_not_exist(void)
{
	uint64_t frame;

	CHECK(hp_places_frame(HP_PLACE_FIXED, 0x1234, &frame));
	CHECK_HEX_EQ(frame, hp_frame_make(0x1235, HP_MODULE_PERMANENT));
	CHECK(hp_places_frame(HP_PLACE_UNKNOWN, 0x1234, &frame));
	CHECK_HEX_EQ(frame, hp_frame_make(0x1235, HP_MODULE_UNKNOWN));
	CHECK(!hp_places_frame(HP_PLACE_UNKNOWN - 1, 0x1234, &frame));
}

static struct hp_arena arena;

static struct hp_range range_of(uintptr_t start, uint16_t number)
{
	return (struct hp_range){start, start + 8192, number};
}

static void test_places_of_an_earlier_epoch_are_taken(void)
{
	uint16_t list = 0;
	struct hp_range a = range_of(0x10000, 7), b = range_of(0x20000, 7),
			c = range_of(0x30000, 7);
	uint16_t first = hp_places_take(&arena, &list, &a, 1);
	uint16_t second = hp_places_take(&arena, &list, &b, 1);

	CHECK(first != second);
	CHECK_UINT_EQ(hp_places_take(&arena, &list, &a, 2), first);
	/* `a` is of epoch 2 now, so `b`'s place is reused. */
	CHECK_UINT_EQ(hp_places_take(&arena, &list, &c, 2), second);
	CHECK(hp_places_has(list, 0x10000, 2) && hp_places_has(list, 0x30000, 0));
	CHECK(!hp_places_has(list, 0x20000, 0) && !hp_places_has(list, 0x10000, 1));
	CHECK(hp_places_take(&arena, &list, &b, 2) != first);
}

struct race {
	uint16_t place;
	int is_over;
	unsigned long n_wrong, n_right;
};

/* Reads a place while it changes between two ranges. Each read must see one range as a whole: an
 * address in range N has the frame of library N, and an address just above a range is in neither.
 */
static void *read_frames(void *context)
{
	struct race *r = context;
	uint64_t frame;

	while (!__atomic_load_n(&r->is_over, __ATOMIC_RELAXED))
		for (uintptr_t number = 1; number <= 2; number++) {
			if (hp_places_frame(r->place, (number << 16) + 8192 + 4, &frame))
				__atomic_add_fetch(&r->n_wrong, 1, __ATOMIC_RELAXED);
			if (!hp_places_frame(r->place, (number << 16) + 4, &frame))
				continue;
			bool is_right = frame == hp_frame_make(5, number);

			__atomic_add_fetch(is_right ? &r->n_right : &r->n_wrong, 1,
					   __ATOMIC_RELAXED);
		}
	return NULL;
}

static void test_place_read_while_written(void)
{
	uint16_t list = 0;
	struct hp_range a = range_of(1 << 16, 1), b = range_of(2 << 16, 2);
	struct race race = {.place = hp_places_take(&arena, &list, &a, 1)};
	pthread_t threads[N_THREADS];
	uint32_t epoch = 2;

	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, read_frames, &race);
	for (; epoch < 300000 || __atomic_load_n(&race.n_right, __ATOMIC_RELAXED) == 0; epoch++)
		CHECK_UINT_EQ(hp_places_take(&arena, &list, epoch % 2 ? &a : &b, epoch),
			      race.place);
	__atomic_store_n(&race.is_over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_UINT_EQ(race.n_wrong, 0);
}

TEST_MAIN(TEST(test_places_that_do_not_exist), TEST(test_places_of_an_earlier_epoch_are_taken),
	  TEST(test_place_read_while_written))
