/* SPDX-License-Identifier: MIT */
/* The beginning and end of sessions, pauses, and how threads enter and leave. */
#include "answer_calls.h"
#include "process/fork_mark.h"
#include "record/session.h"
#include "test.h"
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct hp_options exact = {.sample_interval = 1, .stack_depth = 8};
static const struct hp_options sampled = {.sample_interval = 4096, .stack_depth = 8, .seed = 7};

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void begin(const struct hp_options *options)
{
	hp_session_prepare(options);
	hp_session_begin();
}

static void *enter_once(void *unused)
{
	struct hp_thread *t = hp_session_enter();

	if (t)
		hp_session_leave(t);
	return t;
}

static void *in_another_thread(void *(*function)(void *))
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, function, NULL);
	pthread_join(thread, &result);
	return result;
}

/* --- sessions ------------------------------------------------------------------------------ */

static void test_each_session_has_a_number_of_its_own(void)
{
	uint32_t first;

	CHECK(!hp_session_is_running());
	hp_session_prepare(&exact);
	CHECK(!hp_session_is_running());
	hp_session_begin();
	CHECK(hp_session_is_running());
	first = hp_session_number();
	CHECK_UINT_EQ(hp_session.first, first);
	CHECK_UINT_EQ(hp_session.own, first);
	hp_session_end();
	CHECK(!hp_session_is_running());
	begin(&exact);
	CHECK(hp_session_number() > first);
	hp_session_end();
}

static void test_options_are_taken_over(void)
{
	uint64_t drawn;

	begin(&sampled);
	CHECK_UINT_EQ(hp_session.interval, 4096);
	CHECK_UINT_EQ(hp_session.depth, 8);
	CHECK_UINT_EQ(hp_session.seed, 7);
	hp_session_end();
	begin(&exact);
	drawn = hp_session.seed;
	CHECK(drawn != 0);
	hp_session_end();
	begin(&exact);
	CHECK(hp_session.seed != drawn);
	hp_session_end();
}

/* --- how a thread enters and leaves ---------------------------------------------------------- */

static void test_a_thread_that_joins_begins_at_0(void)
{
	struct hp_thread *t;

	begin(&exact);
	t = hp_session_enter();
	hp_session_count(500);
	hp_session_join(t, hp_session_number());
	CHECK_UINT_EQ(t->session, hp_session_number());
	CHECK_UINT_EQ(hp_tls_allocated(&hp_tls), 0);
	hp_session_count(100);
	hp_session_count(23);
	CHECK_UINT_EQ(hp_tls_allocated(&hp_tls), 123);
	CHECK_PTR_EQ(hp_session_enter(), t);
	hp_session_leave(t);
	hp_session_end();
}

/* Leaves. Returns after how many bytes the hook takes the slow path again. */
static uint64_t bytes_left_after_leaving(struct hp_thread *t)
{
	hp_session_leave(t);
	return hp_tls.left;
}

static void test_the_next_checkpoint(void)
{
	const uint64_t never = UINT64_C(1) << 60;
	const struct hp_options only_mappings = {.sample_interval = 1, .only_mmap = true};
	struct hp_thread *t;

	hp_trigger_start(&sampled);
	begin(&exact);
	t = hp_session_enter();
	CHECK_UINT_EQ(bytes_left_after_leaving(t), 0); /* the thread has not joined */
	hp_session_join(hp_session_enter(), hp_session_number());
	CHECK_UINT_EQ(bytes_left_after_leaving(t), 0); /* each block is recorded */
	hp_session_end();
	t = hp_session_enter();
	CHECK(bytes_left_after_leaving(t) > never);

	begin(&sampled);
	hp_session_join(hp_session_enter(), hp_session_number());
	t->sample_at = 10;
	CHECK_UINT_EQ(bytes_left_after_leaving(t), 10);
	t->sample_at = UINT64_MAX;
	/* No sample is near: the slow path is next taken to report. */
	CHECK_UINT_EQ(bytes_left_after_leaving(hp_session_enter()), t->step);
	hp_session_end();

	begin(&only_mappings);
	hp_session_join(hp_session_enter(), hp_session_number());
	CHECK(bytes_left_after_leaving(t) > never);
	hp_session_end();
}

static uint64_t first_gap(void)
{
	struct hp_thread *t = hp_session_enter();
	uint64_t gap;

	hp_session_join(t, hp_session_number());
	gap = t->sample_at;
	hp_session_leave(t);
	return gap;
}

/* With the same seed, a run can be repeated. The threads of one run still draw different numbers.
 */
static void test_the_seed_decides_what_is_sampled(void)
{
	uint64_t first, second;

	begin(&sampled);
	first = first_gap();
	second = first_gap();
	hp_session_end();
	CHECK(first != second);
	begin(&sampled);
	CHECK_UINT_EQ(first_gap(), first);
	CHECK_UINT_EQ(first_gap(), second);
	hp_session_end();
}

static void test_bytes_are_reported_once(void)
{
	struct hp_thread *t;

	hp_trigger_start(&exact);
	begin(&exact);
	t = hp_session_enter();
	hp_session_join(t, hp_session_number());
	hp_session_count(300);
	hp_session_report(t);
	CHECK_UINT_EQ(hp_trigger_totals().allocated, 300);
	hp_session_report(t);
	CHECK_UINT_EQ(hp_trigger_totals().allocated, 300);
	hp_session_count(45);
	hp_session_report(t);
	CHECK_UINT_EQ(hp_trigger_totals().allocated, 345);
	hp_session_leave(t);
	hp_session_end();
}

static uint32_t may_count, is_counting, n_counted;

/* Counts one byte per session, as a thread does whose destructors run: its count is added to the
 * sum of the others each time it leaves. */
static void *count_in_sessions(void *unused)
{
	hp_tls.state = HP_TLS_GONE;
	while (__atomic_load_n(&may_count, __ATOMIC_SEQ_CST) != UINT32_MAX) {
		__atomic_store_n(&is_counting, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&may_count, __ATOMIC_SEQ_CST) == 1 && hp_session_is_running()) {
			struct hp_thread *t = hp_session_enter();

			hp_session_join(t, hp_session_number());
			hp_session_count(1);
			hp_session_leave(t);
			__atomic_add_fetch(&n_counted, 1, __ATOMIC_SEQ_CST);
		}
		__atomic_store_n(&is_counting, 0, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* Keeps taking the lock that is needed to begin a session. */
static void *add_up_all_the_time(void *unused)
{
	while (__atomic_load_n(&may_count, __ATOMIC_SEQ_CST) != UINT32_MAX)
		hp_thread_allocated_total();
	return NULL;
}

static void count_in_one_session(void)
{
	n_counted = 0;
	__atomic_store_n(&may_count, 1, __ATOMIC_SEQ_CST);
	hp_session_begin();
	while (__atomic_load_n(&n_counted, __ATOMIC_SEQ_CST) == 0)
		;
	__atomic_store_n(&may_count, 0, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&is_counting, __ATOMIC_SEQ_CST))
		;
	CHECK_UINT_EQ(hp_thread_allocated_total(), n_counted);
	hp_session_end();
}

static void test_nothing_is_lost_when_a_session_begins(void)
{
	pthread_t threads[2];

	hp_session_prepare(&exact);
	pthread_create(&threads[0], NULL, count_in_sessions, NULL);
	pthread_create(&threads[1], NULL, add_up_all_the_time, NULL);
	for (int i = 0; i < 2000 && test_failures == 0; i++)
		count_in_one_session();
	__atomic_store_n(&may_count, UINT32_MAX, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* --- pauses -------------------------------------------------------------------------------- */

static pthread_barrier_t has_entered, may_end;

static void *stay_inside(void *unused)
{
	struct hp_thread *t = hp_session_enter();

	pthread_barrier_wait(&has_entered);
	pthread_barrier_wait(&may_end);
	if (t)
		hp_session_leave(t);
	return t;
}

static void test_a_pause_keeps_others_out(void)
{
	CHECK(hp_session_pause());
	CHECK(hp_session_pause()); /* pauses may be nested */
	/* The thread that pauses may still enter, because other fork handlers may run in it. */
	CHECK(enter_once(NULL));
	hp_session_resume();
	CHECK(!in_another_thread(enter_once));
	hp_session_resume();
	CHECK(in_another_thread(enter_once));
}

static void test_a_pause_that_a_thread_does_not_leave(void)
{
	pthread_t thread;

	pthread_barrier_init(&has_entered, NULL, 2);
	pthread_barrier_init(&may_end, NULL, 2);
	pthread_create(&thread, NULL, stay_inside, NULL);
	pthread_barrier_wait(&has_entered);
	CHECK(!hp_session_pause());
	hp_session_resume();
	pthread_barrier_wait(&may_end);
	pthread_join(thread, NULL);
	CHECK(hp_session_pause());
	hp_session_resume();
}

/* Exits with status 0 if the pause gives up waiting for a thread that stays inside, and another
 * thread gives up waiting for the end of the pause. Exits with 77 if system calls can't be
 * filtered. */
static void be_without_a_clock(void)
{
	pthread_t thread;
	bool is_quiet;

	alarm(60);
	pthread_barrier_init(&has_entered, NULL, 2);
	pthread_barrier_init(&may_end, NULL, 2);
	pthread_create(&thread, NULL, stay_inside, NULL);
	pthread_barrier_wait(&has_entered);
	if (!answer_calls((const int[]){SYS_clock_gettime, -1}, SECCOMP_RET_ERRNO | EPERM))
		_exit(77);
	is_quiet = hp_session_pause();
	_exit(is_quiet || in_another_thread(enter_once));
}

static void test_a_pause_ends_without_a_clock(void)
{
	pid_t pid = _Fork();
	int status;

	if (pid == 0) {
		hp_fork_mark_begin();
		hp_session_after_fork(true);
		hp_fork_mark_set();
		be_without_a_clock();
	}
	status = status_of(pid);
	if (status == 77)
		printf("# no filters of system calls here\n");
	else
		CHECK_INT_EQ(status, 0);
}

/* --- forks --------------------------------------------------------------------------------- */

static bool refuse(void)
{
	return false;
}

static bool make_ready(void)
{
	hp_fork_mark_begin();
	hp_session_after_fork(true);
	hp_fork_mark_set();
	return true;
}

/* Exits with status 0 if a thread can enter only after the process has been made ready. */
static void be_an_unseen_child(void)
{
	hp_session_on_raw_fork = refuse;
	if (hp_session_enter())
		_exit(1);
	hp_session_on_raw_fork = make_ready;
	_exit(hp_session_enter() ? 0 : 2);
}

static void test_a_fork_child_must_be_made_ready(void)
{
	pid_t pid = _Fork();

	if (pid == 0)
		be_an_unseen_child();
	CHECK_INT_EQ(status_of(pid), 0);
}

static void test_the_session_of_a_fork_child(void)
{
	uint32_t number;

	begin(&exact);
	number = hp_session_number();
	hp_session_after_fork(true /* no other thread was inside */);
	CHECK(hp_session_number() > number);
	CHECK_UINT_EQ(hp_session.own, hp_session_number());
	CHECK_UINT_EQ(hp_session.first, number); /* inherited entries still belong to the session */
	hp_session_after_fork(false);
	CHECK_UINT_EQ(hp_session.first, hp_session_number());
	hp_session_end();
	hp_session_after_fork(true);
	CHECK(!hp_session_is_running());
}

static void test_pauses_of_the_parent_are_over_in_the_child(void)
{
	CHECK(hp_session_pause());
	hp_session_after_fork(true);
	CHECK(in_another_thread(enter_once));
	CHECK(hp_session_pause());
	hp_session_resume();
}

static __attribute__((constructor)) void prepare(void)
{
	hp_fork_mark_init();
	hp_thread_init();
	hp_tls.in_hook = 1;
}

TEST_MAIN(TEST(test_each_session_has_a_number_of_its_own), TEST(test_options_are_taken_over),
	  TEST(test_a_thread_that_joins_begins_at_0), TEST(test_the_next_checkpoint),
	  TEST(test_the_seed_decides_what_is_sampled), TEST(test_bytes_are_reported_once),
	  TEST(test_nothing_is_lost_when_a_session_begins), TEST(test_a_pause_keeps_others_out),
	  TEST(test_a_pause_that_a_thread_does_not_leave), TEST(test_a_pause_ends_without_a_clock),
	  TEST(test_a_fork_child_must_be_made_ready), TEST(test_the_session_of_a_fork_child),
	  TEST(test_pauses_of_the_parent_are_over_in_the_child))
