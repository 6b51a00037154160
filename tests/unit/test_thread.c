/* SPDX-License-Identifier: MIT */
/* The structs of threads, and sums over all threads. */
#include "record/thread.h"
#include "test.h"
#include <pthread.h>

enum {
	NO_PATIENCE = 0,
	SOME_PATIENCE_MS = 60 * 1000
};

/* A thread that performs one task at a time, on command. */
struct other {
	pthread_t thread;
	pthread_barrier_t turn;
	void (*task)(struct other *); /* NULL ends the thread */
	struct hp_thread *struct_of;
	uint64_t left; /* what is left of its countdown */
};

static void *work(void *argument)
{
	struct other *other = argument;

	for (;;) {
		pthread_barrier_wait(&other->turn);
		if (!other->task)
			return NULL;
		other->task(other);
		pthread_barrier_wait(&other->turn);
	}
}

static void begin_other(struct other *other)
{
	*other = (struct other){0};
	pthread_barrier_init(&other->turn, NULL, 2);
	pthread_create(&other->thread, NULL, work, other);
}

static void let_it(struct other *other, void (*task)(struct other *))
{
	other->task = task;
	pthread_barrier_wait(&other->turn);
	pthread_barrier_wait(&other->turn);
}

static void end_other(struct other *other)
{
	other->task = NULL;
	pthread_barrier_wait(&other->turn);
	pthread_join(other->thread, NULL);
	pthread_barrier_destroy(&other->turn);
}

static void enter(struct other *other)
{
	other->struct_of = hp_thread_enter();
}

static void leave(struct other *other)
{
	hp_thread_leave(other->struct_of);
}

static void enter_and_leave(struct other *other)
{
	enter(other);
	leave(other);
}

/* Counts 1,000 bytes in session 1, as a thread that has joined it. */
static void count_in_session_1(struct other *other)
{
	enter(other);
	other->struct_of->session = 1;
	hp_tls_set(&hp_tls, 1000, 5000);
	leave(other);
}

static void look_at_countdown(struct other *other)
{
	other->left = hp_tls.left;
}

static struct hp_thread *own_struct(void)
{
	struct hp_thread *t = hp_thread_enter();

	hp_thread_leave(t);
	return t;
}

/* --- structs ------------------------------------------------------------------------------- */

static void test_a_thread_keeps_its_struct(void)
{
	struct hp_thread *t = hp_thread_enter();

	CHECK(t && t->is_busy && t->walker.frames && t->walker.steps);
	CHECK_PTR_EQ(hp_tls.thread, t);
	CHECK_INT_EQ(hp_tls.state, HP_TLS_KNOWN);
	hp_thread_leave(t);
	CHECK(!t->is_busy);
	CHECK_PTR_EQ(own_struct(), t);
}

static void test_threads_at_a_time_have_different_structs(void)
{
	struct other a, b;

	begin_other(&a);
	begin_other(&b);
	let_it(&a, enter_and_leave);
	let_it(&b, enter_and_leave);
	CHECK(a.struct_of != b.struct_of && a.struct_of != own_struct());
	CHECK(a.struct_of->number != b.struct_of->number);
	end_other(&a);
	end_other(&b);
}

static void test_the_struct_of_a_dead_thread_is_used_again(void)
{
	struct other a, b;

	begin_other(&a);
	let_it(&a, enter_and_leave);
	a.struct_of->session = 7;
	a.struct_of->accounted = 100;
	end_other(&a);
	CHECK(!a.struct_of->tls);
	begin_other(&b);
	let_it(&b, enter_and_leave);
	CHECK_PTR_EQ(b.struct_of, a.struct_of);
	CHECK_UINT_EQ(b.struct_of->session, 0);
	CHECK_UINT_EQ(b.struct_of->accounted, 0);
	end_other(&b);
}

static uint32_t n_exits, was_in_hook;
static struct hp_thread *had_struct;

static void note_exit(void)
{
	n_exits++;
	was_in_hook = hp_tls.in_hook;
	had_struct = hp_tls.thread;
}

static void test_the_end_of_a_thread_is_announced(void)
{
	struct other known, stranger;

	hp_thread_on_exit = note_exit;
	n_exits = 0;
	begin_other(&stranger);
	end_other(&stranger);
	CHECK_UINT_EQ(n_exits, 0); /* the thread had no struct */
	begin_other(&known);
	let_it(&known, enter_and_leave);
	end_other(&known);
	CHECK_UINT_EQ(n_exits, 1);
	CHECK_UINT_EQ(was_in_hook, 1);
	CHECK_PTR_EQ(had_struct, known.struct_of);
	hp_thread_on_exit = NULL;
}

static void borrow(struct other *other)
{
	hp_tls.state = HP_TLS_GONE;
	enter(other);
	other->struct_of->session = 1;
	hp_tls_set(&hp_tls, 300, 300);
	leave(other);
	other->left = hp_tls.left + hp_tls.checkpoint;
}

/* The thread allocates in destructors that run after ours, which has given up its struct. */
static void test_a_thread_that_is_going_borrows_a_struct(void)
{
	struct other other;

	hp_thread_begin_session(1);
	begin_other(&other);
	let_it(&other, borrow);
	CHECK(!other.struct_of->tls && !other.struct_of->is_taken);
	CHECK_UINT_EQ(other.left, 0);
	CHECK_UINT_EQ(hp_thread_allocated_total(), 300);
	end_other(&other);
	hp_thread_begin_session(0);
}

/* --- sums ---------------------------------------------------------------------------------- */

static void test_bytes_of_the_dead_and_the_living_count(void)
{
	struct other dead, living;

	hp_thread_begin_session(1);
	begin_other(&dead);
	begin_other(&living);
	let_it(&dead, count_in_session_1);
	let_it(&living, count_in_session_1);
	CHECK_UINT_EQ(hp_thread_allocated_total(), 2000);
	end_other(&dead);
	CHECK_UINT_EQ(hp_thread_allocated_total(), 2000);
	hp_thread_begin_session(2); /* no thread has joined it */
	CHECK_UINT_EQ(hp_thread_allocated_total(), 0);
	end_other(&living);
	CHECK_UINT_EQ(hp_thread_allocated_total(), 0);
	hp_thread_begin_session(0);
}

static void test_samples_are_counted_over_all_sessions(void)
{
	struct hp_thread *t = own_struct();
	uint64_t n_samples = hp_thread_samples_total(), n_cut = hp_thread_stacks_cut_total();
	struct other other;

	begin_other(&other);
	let_it(&other, enter_and_leave);
	other.struct_of->n_samples += 5;
	other.struct_of->n_stacks_cut += 2;
	end_other(&other);
	t->n_samples += 10;
	t->n_stacks_cut += 1;
	hp_thread_begin_session(9);
	CHECK_UINT_EQ(hp_thread_samples_total() - n_samples, 15);
	CHECK_UINT_EQ(hp_thread_stacks_cut_total() - n_cut, 3);
	hp_thread_begin_session(0);
}

static void test_news_of_this_session_alone(void)
{
	struct hp_thread *t = own_struct();
	struct hp_trigger_news total;

	t->news = (struct hp_trigger_news){.sampled = 40, .freed = 30};
	t->session = 3;
	hp_thread_begin_session(3);
	total = hp_thread_news_total();
	CHECK_UINT_EQ(total.sampled, 40);
	CHECK_UINT_EQ(total.freed, 30);
	hp_thread_begin_session(4);
	total = hp_thread_news_total();
	CHECK_UINT_EQ(total.sampled, 0);
	CHECK_UINT_EQ(total.freed, 0);
	t->news = (struct hp_trigger_news){0};
	hp_thread_begin_session(0);
}

/* --- other threads --------------------------------------------------------------------------- */

static void test_strangers_are_recalled(void)
{
	struct other member, stranger;

	hp_thread_begin_session(1);
	begin_other(&member);
	begin_other(&stranger);
	let_it(&member, count_in_session_1);
	let_it(&stranger, count_in_session_1);
	stranger.struct_of->session = 0;
	hp_thread_recall();
	let_it(&member, look_at_countdown);
	let_it(&stranger, look_at_countdown);
	CHECK_UINT_EQ(member.left, 4000);
	CHECK_UINT_EQ(stranger.left, 0);
	end_other(&member);
	end_other(&stranger);
	hp_thread_begin_session(0);
}

static void test_waiting_for_a_busy_thread(void)
{
	struct hp_thread *own = hp_thread_enter();
	struct other other;

	CHECK(hp_thread_wait_idle(NO_PATIENCE)); /* a thread does not wait for itself */
	begin_other(&other);
	let_it(&other, enter);
	CHECK(!hp_thread_wait_idle(1 /* ms */));
	let_it(&other, leave);
	CHECK(hp_thread_wait_idle(NO_PATIENCE));
	end_other(&other);
	hp_thread_leave(own);
}

static void test_waiting_ends_with_the_busy_thread(void)
{
	struct other other;

	begin_other(&other);
	let_it(&other, enter);
	other.task = leave;
	pthread_barrier_wait(&other.turn);
	CHECK(hp_thread_wait_idle(SOME_PATIENCE_MS));
	pthread_barrier_wait(&other.turn);
	end_other(&other);
}

/* In a fork child, threads that were inside when the parent forked do not exist. */
static void test_a_fork_child_has_one_thread(void)
{
	struct hp_thread *own = own_struct();
	struct other other;

	begin_other(&other);
	let_it(&other, enter);
	hp_thread_after_fork(0 /* no session */);
	CHECK(!other.struct_of->tls && !other.struct_of->is_busy && !other.struct_of->is_taken);
	CHECK_PTR_EQ(own_struct(), own);
	CHECK(hp_thread_wait_idle(NO_PATIENCE));
	end_other(&other);
}

static __attribute__((constructor)) void prepare(void)
{
	hp_thread_init();
}

TEST_MAIN(TEST(test_a_thread_keeps_its_struct), TEST(test_threads_at_a_time_have_different_structs),
	  TEST(test_the_struct_of_a_dead_thread_is_used_again),
	  TEST(test_the_end_of_a_thread_is_announced),
	  TEST(test_a_thread_that_is_going_borrows_a_struct),
	  TEST(test_bytes_of_the_dead_and_the_living_count),
	  TEST(test_samples_are_counted_over_all_sessions), TEST(test_news_of_this_session_alone),
	  TEST(test_strangers_are_recalled), TEST(test_waiting_for_a_busy_thread),
	  TEST(test_waiting_ends_with_the_busy_thread), TEST(test_a_fork_child_has_one_thread))
