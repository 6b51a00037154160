/* SPDX-License-Identifier: MIT */
/* Sessions of the recorder, and what one session leaves to the next. */
#include "base/memory.h"
#include "process/fork_mark.h"
#include "process/modules.h"
#include "record/recorder.h"
#include "tables/stacks_copy.h"
#include "test.h"
#include "unwind/frame_rule.h"
#include <pthread.h>

static const struct hp_options exact = {
	.sample_interval = 1,
	.stack_depth = 8,
	.unwinder = HP_UNWINDER_LIBUNWIND,
};

static char blocks[16];

static __attribute__((noinline)) void allocate(int i, size_t size)
{
	struct hp_site site = HP_SITE_OF_CALLER();

	hp_recorder_allocated(&blocks[i], size, &site);
}

static uint64_t objects_recorded(void)
{
	struct hp_stacks_copy copy;
	uint64_t n = 0;

	CHECK(hp_stacks_copy(&copy));
	for (size_t i = 0; i < copy.n_entries; i++)
		n += copy.entries[i].counts.alloc_objects;
	hp_stacks_release(&copy);
	return n;
}

static void test_sessions_are_apart(void)
{
	for (int session = 0; session < 2; session++) {
		CHECK(hp_recorder_start(&exact));
		for (int i = 0; i < 3; i++)
			allocate(i, 10);
		CHECK_UINT_EQ(objects_recorded(), 3);
		hp_recorder_stop(true /* may free */);
		CHECK_UINT_EQ(objects_recorded(), 0);
	}
}

/* The session ends while a dump still reads the tables, as when the dump lock can't be acquired in
 * time. */
static void test_session_that_a_dump_still_reads(void)
{
	CHECK(hp_recorder_start(&exact));
	allocate(0, 10);
	hp_recorder_stop(false /* may not free */);
	CHECK_UINT_EQ(objects_recorded(), 1);
	CHECK(hp_recorder_start(&exact));
	CHECK_UINT_EQ(objects_recorded(), 0);
	allocate(1, 10);
	CHECK_UINT_EQ(objects_recorded(), 1);
	hp_recorder_stop(true);
}

static struct {
	pthread_barrier_t inside, may_leave;
} stay;

static void *stay_inside(void *unused)
{
	struct hp_thread *t;

	hp_tls.in_hook = 1;
	t = hp_thread_enter();
	pthread_barrier_wait(&stay.inside);
	pthread_barrier_wait(&stay.may_leave);
	if (t)
		hp_thread_leave(t);
	return t;
}

/* A thread was stopped while it used a table: no table may be freed, and no session may begin. */
static void test_session_that_a_thread_has_not_left(void)
{
	pthread_t thread;
	void *t;

	pthread_barrier_init(&stay.inside, NULL, 2);
	pthread_barrier_init(&stay.may_leave, NULL, 2);
	CHECK(hp_recorder_start(&exact));
	allocate(0, 10);
	pthread_create(&thread, NULL, stay_inside, NULL);
	pthread_barrier_wait(&stay.inside);
	hp_recorder_stop(true);
	CHECK_UINT_EQ(objects_recorded(), 1);
	CHECK(!hp_recorder_start(&exact));
	CHECK(!hp_session_is_running());
	pthread_barrier_wait(&stay.may_leave);
	pthread_join(thread, &t);
	CHECK(t);
	CHECK(hp_recorder_start(&exact));
	CHECK_UINT_EQ(objects_recorded(), 0);
	hp_recorder_stop(true);
}

static __attribute__((constructor)) void prepare(void)
{
	hp_fork_mark_init();
	hp_thread_init();
	hp_modules_init();
	if (!hp_frame_rule_init(true))
		exit(1);
	hp_tls.in_hook = 1;
	hp_memory_set_limit(64 << 20);
}

TEST_MAIN(TEST(test_sessions_are_apart), TEST(test_session_that_a_dump_still_reads),
	  TEST(test_session_that_a_thread_has_not_left))
