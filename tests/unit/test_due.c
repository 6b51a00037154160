/* SPDX-License-Identifier: MIT */
/* Dumps that are requested by a signal, wherever in the program the signal arrives. */
#include "control/lifecycle.h"
#include "control/startup.h"
#include "dump/due.h"
#include "dump/dumper.h"
#include "dump/names.h"
#include "folder.h"
#include "record/session.h"
#include <errno.h>
#include <signal.h>

#define ASKED SIGUSR2

static void test_at_once(void)
{
	uint64_t before = hp_names_n_claimed();

	errno = 4711;
	raise(ASKED);
	CHECK_INT_EQ(errno, 4711);
	CHECK_UINT_EQ(hp_names_n_claimed() - before, 1);
	CHECK(!hp_due_has_signal());
}

/* Two signals that arrive within a hook cause one dump at the hook's end: it serves both requests.
 */
static void test_within_the_profiler(void)
{
	uint64_t before = hp_names_n_claimed();

	hp_tls.in_hook = 1;
	raise(ASKED);
	raise(ASKED);
	hp_tls.in_hook = 0;
	CHECK_UINT_EQ(hp_names_n_claimed() - before, 0);
	CHECK(hp_due_has_signal());
	errno = 4711;
	hp_due_settle();
	CHECK_INT_EQ(errno, 4711);
	CHECK_UINT_EQ(hp_names_n_claimed() - before, 1);
	CHECK(!hp_due_has_signal());
}

/* The signal handler does not wait for the dump in progress. The request is kept. */
static void test_while_a_dump_is_in_progress(void)
{
	uint64_t before = hp_names_n_claimed();

	CHECK(hp_dumper_try());
	raise(ASKED);
	CHECK_UINT_EQ(hp_names_n_claimed() - before, 0);
	CHECK(hp_due_has_signal());
	hp_dumper_go_on();
	hp_due_settle();
	CHECK_UINT_EQ(hp_names_n_claimed() - before, 1);
}

static void test_given_back(void)
{
	struct sigaction present;

	hp_lifecycle_stop();
	CHECK_INT_EQ(sigaction(ASKED, NULL, &present), 0);
	CHECK(present.sa_handler == SIG_DFL);
}

/* Runs after the constructor in folder.h, which makes the folder. */
static __attribute__((constructor)) void start(void)
{
	setenv("HEAPPROFILESIGNAL", "USR2", true);
	setenv("HEAP_PROFILE_VERBOSE", "0", true);
	hp_startup_init();
	hp_tls.in_hook = 1;
	if (!hp_lifecycle_start(in_folder("p")))
		exit(1);
	hp_tls.in_hook = 0;
}

TEST_MAIN(TEST(test_at_once), TEST(test_within_the_profiler),
	  TEST(test_while_a_dump_is_in_progress), TEST(test_given_back))
