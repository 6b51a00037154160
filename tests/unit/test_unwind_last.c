/* SPDX-License-Identifier: MIT */
/* Walks from a tree of calls that is traversed at random. Each walk is made twice: by a walker that
 * remembers its last walk, and by one that does not. */
#include "base/options.h"
#include "process/modules.h"
#include "test.h"
#include "unwind/frame_rule.h"
#include "unwind/unwind.h"
#include <alloca.h>
#include <pthread.h>

enum {
	DEPTH_MAX = 60, /* more frames than are remembered */
	N_CALLS = 40000
};

#define NOINLINE __attribute__((noinline))

struct memory {
	uint64_t frames[HP_STACK_DEPTH_MAX];
	struct hp_step steps[2][HP_STEPS_MAX];
};

/* `mindful` remembers its last walk; `forgetful` is made to forget it before each walk. */
struct walkers {
	struct hp_walker mindful, forgetful;
	struct memory memory[2];
	uint32_t random;
	int n_calls;
	size_t max;
};

static void init_thread(struct hp_walker *t, struct memory *m)
{
	t->frames = m->frames;
	t->steps = m->steps[0];
	t->spare_steps = m->steps[1];
}

static struct walkers *make_walkers(size_t max)
{
	struct walkers *w = calloc(1, sizeof(*w));

	if (!w || !hp_frame_rule_init(true))
		exit(1);
	init_thread(&w->mindful, &w->memory[0]);
	init_thread(&w->forgetful, &w->memory[1]);
	w->random = 2463534242;
	w->max = max;
	return w;
}

static uint32_t next_random(struct walkers *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return w->random;
}

/* Compares the two walks, but only in one of eight calls, so that by the next walk some remembered
 * frames are out of date, also in the middle of the stack. */
static NOINLINE void compare(struct walkers *w)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	size_t n;

	if (next_random(w) % 8 != 0)
		return;
	n = hp_unwind(&w->mindful, &site, w->max);
	w->forgetful.n_steps = 0;
	CHECK_UINT_EQ(hp_unwind(&w->forgetful, &site, w->max), n);
	CHECK(memcmp(w->mindful.frames, w->forgetful.frames, n * sizeof(uint64_t)) == 0);
	CHECK(n >= 4 || n == w->max);
}

/* --- frames of all kinds, each called from several places ---------------------------------- */

/* Comes after a call, so that the compiler neither turns the call into a jump nor merges it with
 * another one. */
#define CALL_SITE(name) __asm__ volatile("# " name ::: "memory")
#define KEEP(array)     __asm__ volatile("" ::"r"(array) : "memory")

static void call_any(struct walkers *w, int depth);

static NOINLINE void small_frame(struct walkers *w, int depth)
{
	call_any(w, depth);
	CALL_SITE("first");
	compare(w);
	call_any(w, depth);
	CALL_SITE("second");
}

static NOINLINE void large_frame(struct walkers *w, int depth)
{
	char room[300];

	KEEP(room);
	call_any(w, depth);
	CALL_SITE("large");
	compare(w);
}

static NOINLINE void growing_frame(struct walkers *w, int depth)
{
	KEEP(alloca(16 + next_random(w) % 200));
	call_any(w, depth);
	CALL_SITE("growing");
	KEEP(alloca(16 + next_random(w) % 200));
	compare(w);
	call_any(w, depth);
	CALL_SITE("grown");
}

static NOINLINE void realigned_frame(struct walkers *w, int depth)
{
	char room[64] __attribute__((aligned(64)));

	KEEP(room);
	call_any(w, depth);
	CALL_SITE("realigned");
	compare(w);
}

static NOINLINE void call_any(struct walkers *w, int depth)
{
	static void (*const callees[])(struct walkers *, int) = {small_frame, large_frame,
								 growing_frame, realigned_frame};

	compare(w);
	if (depth == DEPTH_MAX || w->n_calls++ >= N_CALLS)
		return;
	uint32_t r = next_random(w);

	/* Realigned frames are rare, because a walk can't take over the frames beyond them. */
	callees[r % 64 == 0 ? 3 : r / 64 % 3](w, depth + 1);
	CALL_SITE("any");
}

static void walk_tree(size_t max)
{
	struct walkers *w = make_walkers(max);

	call_any(w, 0);
	CHECK_INT_LE(1000, w->n_calls);
	free(w);
}

static void test_same_as_without_memory(void)
{
	walk_tree(HP_STACK_DEPTH_MAX);
}

static void test_same_with_a_limit(void)
{
	walk_tree(20);
	walk_tree(1);
}

static void *walk_tree_in_thread(void *unused)
{
	walk_tree(64);
	return unused;
}

static void test_same_in_a_thread(void)
{
	pthread_t thread;

	CHECK_INT_EQ(pthread_create(&thread, NULL, walk_tree_in_thread, NULL), 0);
	pthread_join(thread, NULL);
}

/* --- that the last walk is used at all ------------------------------------------------------- */

static NOINLINE size_t walk_from(struct walkers *w, int depth)
{
	size_t n;

	if (depth == 0) {
		struct hp_site site = HP_SITE_OF_CALLER();

		return hp_unwind(&w->mindful, &site, w->max);
	}
	n = walk_from(w, depth - 1);
	CALL_SITE("walk");
	return n;
}

#define MARK hp_frame_make(0, 0x8000)

static void walk_and_mark(struct walkers *w)
{
	walk_from(w, 3);
	if (w->mindful.n_steps > 0)
		w->mindful.steps[w->mindful.n_steps - 1].frame |= MARK;
}

/* Walks again. Returns true if the walk took over the marked frame from the last walk. */
static bool is_mark_taken_over(struct walkers *w)
{
	size_t n = walk_from(w, 5);

	return w->mindful.frames[n - 1] & MARK;
}

static void test_takes_over_outer_frames(void)
{
	struct walkers *w = make_walkers(64);

	walk_and_mark(w);
	CHECK(is_mark_taken_over(w));
	free(w);
}

static void test_forgets_when_a_library_goes(void)
{
	struct walkers *w = make_walkers(64);

	walk_and_mark(w);
	hp_modules_unload_begin();
	CHECK(!is_mark_taken_over(w));
	walk_and_mark(w);
	CHECK(!is_mark_taken_over(w));
	hp_modules_unload_end();
	walk_and_mark(w);
	hp_modules_unload_begin();
	hp_modules_unload_end();
	CHECK(!is_mark_taken_over(w));
	free(w);
}

TEST_MAIN(TEST(test_same_as_without_memory), TEST(test_same_with_a_limit),
	  TEST(test_same_in_a_thread), TEST(test_takes_over_outer_frames),
	  TEST(test_forgets_when_a_library_goes))
