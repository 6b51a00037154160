/* SPDX-License-Identifier: MIT */
/* Sessions of the recorder, and what one session leaves to the next. */
#include "base/memory.h"
#include "process/fork_mark.h"
#include "process/modules.h"
#include "record/recorder.h"
#include "tables/stacks_copy.h"
#include "test.h"
#include "unwind/frame_rule.h"
#include <math.h>
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

/* --- an automatic interval ------------------------------------------------------------------- */

enum {
	N_BLOCKS = 400000,
	BLOCK_SIZE = 512,
	N_KEPT = N_BLOCKS / 4 /* every fourth block is not freed at once */
};

static void *fake_block(size_t i)
{
	return (void *)((UINT64_C(1) << 40) + i * BLOCK_SIZE);
}

static void release(void *p)
{
	if (hp_recorder_may_know(p))
		hp_recorder_freeing(p);
}

static __attribute__((noinline)) void allocate_many(void)
{
	for (size_t i = 0; i < N_BLOCKS; i++) {
		struct hp_site site = HP_SITE_OF_CALLER();

		if (hp_recorder_count(BLOCK_SIZE))
			hp_recorder_allocated(fake_block(i), BLOCK_SIZE, &site);
		if (i % 4 != 0)
			release(fake_block(i));
	}
}

/* Adds up the counts of records that are shown, and of those that are no longer shown. */
static void sum_levels(struct hp_counts *out_shown, struct hp_counts *out_hidden)
{
	struct hp_stacks_copy copy;

	*out_shown = *out_hidden = (struct hp_counts){0};
	CHECK(hp_stacks_copy(&copy));
	for (size_t i = 0; i < copy.n_entries; i++) {
		const struct hp_stacks_copy_entry *e = &copy.entries[i];
		struct hp_counts *sum =
			hp_stacks_key_level(e->key) >= hp_level_now() ? out_shown : out_hidden;

		sum->alloc_objects += e->counts.alloc_objects;
		sum->free_objects += e->counts.free_objects;
	}
	hp_stacks_release(&copy);
}

/* Checks that an estimate from n samples is near the truth: of the blocks, each sample represents
 * 1/p, and the error of their number is below the square root of n. */
static void check_estimate(double estimate, double truth, double n_samples)
{
	CHECK_NEAR(estimate / truth, 1, 5 / sqrt(n_samples));
}

static const struct hp_options automatic = {
	.sample_interval = HP_SAMPLE_INTERVAL_AUTO,
	.stack_depth = 8,
	.seed = 11,
};

/* The interval grows until few of the blocks are sampled. The estimates are right, the filter lets
 * few addresses through, and hidden samples have left the tables. */
static void test_automatic_interval(void)
{
	struct hp_counts shown, hidden;
	uint64_t inuse, freed, n_let_through = 0;

	CHECK(hp_recorder_start(&automatic));
	CHECK_UINT_EQ(hp_session_interval(), 1);
	allocate_many();
	CHECK(hp_level_now() > HP_LEVEL_SWEPT && hp_level_now() < HP_LEVEL_MAX);
	CHECK_UINT_EQ(hp_session_interval(), UINT64_C(1) << hp_level_now());
	CHECK_UINT_EQ(hp_tls.thread->sampler.interval, hp_session_interval());

	double p = -expm1(-(double)BLOCK_SIZE / (double)hp_session_interval());

	sum_levels(&shown, &hidden);
	uint64_t n_live = shown.alloc_objects - shown.free_objects;

	CHECK_INT_LE(HP_LEVEL_SAMPLES / 3, shown.alloc_objects);
	CHECK_INT_LE(shown.alloc_objects, HP_LEVEL_SAMPLES);
	check_estimate((double)shown.alloc_objects / p, N_BLOCKS, (double)shown.alloc_objects);
	check_estimate((double)n_live / p, N_KEPT, (double)n_live);
	hp_recorder_estimate(&inuse, &freed);
	check_estimate((double)inuse, (double)N_KEPT * BLOCK_SIZE, (double)n_live);
	for (size_t i = 1; i < N_BLOCKS; i += 4)
		n_let_through += hp_live_may_hold(fake_block(i));
	CHECK_INT_LT(n_let_through * 2, N_KEPT);
	CHECK(hidden.alloc_objects > 0);
	CHECK_UINT_EQ(hp_live_count(), n_live + hidden.alloc_objects - hidden.free_objects);
	CHECK_INT_LE(hp_live_count(), n_live + HP_LIVE_SHARDS);

	for (size_t i = 0; i < N_BLOCKS; i += 4)
		release(fake_block(i));
	CHECK_UINT_EQ(hp_live_count(), 0);
	sum_levels(&shown, &hidden);
	CHECK_UINT_EQ(shown.free_objects, shown.alloc_objects);
	CHECK_UINT_EQ(hidden.free_objects, hidden.alloc_objects);
	hp_recorder_stop(true);
}

/* Blocks that were recorded at a smaller interval are freed before any sweep: those that are no
 * longer shown count for nothing, and the others for as much as they represent now. */
static void test_estimate_of_what_was_recorded_before(void)
{
	const size_t n = 5 * HP_LEVEL_SAMPLES;
	uint64_t inuse, freed;
	struct hp_counts shown, hidden;

	CHECK(hp_recorder_start(&automatic));
	for (size_t i = 0; i < n; i++) {
		struct hp_site site = HP_SITE_OF_CALLER();

		if (hp_recorder_count(4))
			hp_recorder_allocated(fake_block(i), 4, &site);
	}
	CHECK(hp_level_now() > 2 && hp_level_now() < HP_LEVEL_SWEPT);
	for (size_t i = 0; i < n; i++)
		release(fake_block(i));
	sum_levels(&shown, &hidden);
	hp_recorder_estimate(&inuse, &freed);
	check_estimate((double)freed, (double)n * 4, (double)shown.alloc_objects);
	hp_recorder_stop(true);
}

/* Allocates and frees a block in code that is at `pc`, as far as the recorder can see. */
static void allocate_at(const char *pc)
{
	struct hp_site site = HP_SITE_OF_CALLER();

	site.pc = (uintptr_t)pc;
	if (hp_recorder_count(BLOCK_SIZE))
		hp_recorder_allocated(fake_block(0), BLOCK_SIZE, &site);
	release(fake_block(0));
}

/* A program whose stacks are all new is exact until they have cost what is allowed, and no longer;
 * a stack that is known costs less. */
static void test_new_stacks_make_the_interval_grow(void)
{
	enum {
		N = HP_LEVEL_FIRST_COST / HP_LEVEL_COST_OF_STACK
	};
	static char code[N];

	CHECK(hp_recorder_start(&automatic));
	for (int i = 0; i < 2 * N; i++)
		allocate_at(code);
	CHECK_UINT_EQ(hp_level_now(), 0);
	hp_recorder_stop(true);

	CHECK(hp_recorder_start(&automatic));
	for (int i = 0; i < N - 1; i++)
		allocate_at(code + i);
	CHECK_UINT_EQ(hp_level_now(), 0);
	allocate_at(code + N - 1);
	CHECK(hp_level_now() > 0);
	hp_recorder_stop(true);
}

/* A thread takes over the session's interval at its next slow path, even if it takes no sample. */
static void test_a_late_thread_follows(void)
{
	struct hp_sampler *sampler;
	uint64_t before;

	CHECK(hp_recorder_start(&automatic));
	allocate_many();
	sampler = &hp_tls.thread->sampler;
	before = sampler->interval;
	for (int i = 0; i < HP_LEVEL_SAMPLES; i++)
		hp_level_count(HP_LEVEL_MAX - 1, false /* new stack */);
	CHECK_UINT_EQ(sampler->interval, before);
	hp_tls.thread->sample_at += 1000;
	allocate(0, 1);
	CHECK_UINT_EQ(sampler->interval, UINT64_C(1) << HP_LEVEL_MAX);
	hp_recorder_stop(true);
}

/* A new session is exact again, and so is a fork child whose tables had to be emptied. */
static void test_automatic_interval_begins_anew(void)
{
	CHECK(hp_recorder_start(&automatic));
	allocate_many();
	hp_recorder_stop(true);
	CHECK(hp_recorder_start(&automatic));
	CHECK_UINT_EQ(hp_session_interval(), 1);
	for (int i = 0; i < 3; i++)
		allocate(i, 10);
	CHECK_UINT_EQ(objects_recorded(), 3);
	allocate_many();
	CHECK(hp_session_interval() > 1);
	hp_recorder_after_fork(false /* is not clean */);
	CHECK_UINT_EQ(hp_session_interval(), 1);
	CHECK_UINT_EQ(objects_recorded(), 0);
	hp_recorder_stop(true);
}

static __attribute__((constructor)) void prepare(void)
{
	hp_fork_mark_init();
	hp_thread_init();
	hp_modules_init(false /* late */);
	if (!hp_frame_rule_init(true))
		exit(1);
	hp_tls.in_hook = 1;
	hp_memory_set_limit(64 << 20);
}

TEST_MAIN(TEST(test_sessions_are_apart), TEST(test_session_that_a_dump_still_reads),
	  TEST(test_session_that_a_thread_has_not_left), TEST(test_automatic_interval),
	  TEST(test_estimate_of_what_was_recorded_before), TEST(test_a_late_thread_follows),
	  TEST(test_new_stacks_make_the_interval_grow), TEST(test_automatic_interval_begins_anew))
