/* SPDX-License-Identifier: MIT */
/* Only one dump is written at a time, to a file or to memory. */
#include "base/memory.h"
#include "control/lifecycle.h"
#include "control/startup.h"
#include "dump/dumper.h"
#include "dump/names.h"
#include "folder.h"
#include "record/session.h"
#include <pthread.h>
#include <sys/wait.h>

/* Returns true if the dump of that number exists and names that reason. */
static bool is_there(uint64_t number, const char *reason)
{
	char name[64], line[64];

	snprintf(name, sizeof(name), "dumps/p.%04" PRIu64 ".heap", number);
	snprintf(line, sizeof(line), "\n# reason: %s\n", reason);
	return strstr(read_file(in_folder(name)), line);
}

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_a_dump_has_a_number_and_a_reason(void)
{
	uint64_t n = hp_names_n_claimed();

	CHECK(hp_dumper_dump("one"));
	CHECK(hp_dumper_dump("two"));
	CHECK_UINT_EQ(hp_names_n_claimed(), n + 2);
	CHECK(is_there(n + 1, "one"));
	CHECK(is_there(n + 2, "two"));
	CHECK(!hp_dumper_has_failed());
}

static void test_one_at_a_time(void)
{
	uint64_t n = hp_names_n_claimed();

	CHECK(hp_dumper_try());
	CHECK(!hp_dumper_try());
	hp_dumper_dump_or_skip("skipped");
	CHECK_UINT_EQ(hp_names_n_claimed(), n);
	hp_dumper_dump_held("held");
	CHECK(is_there(n + 1, "held"));
	hp_dumper_go_on();
	hp_dumper_dump_or_skip("not skipped");
	CHECK(is_there(n + 2, "not skipped"));
	CHECK(hp_dumper_wait());
	CHECK(!hp_dumper_try());
	hp_dumper_go_on();
	CHECK(hp_dumper_try());
	hp_dumper_go_on();
}

static void *dump(void *unused)
{
	hp_tls.in_hook = 1;
	return hp_dumper_dump("after another one") ? &hp_tls : NULL;
}

static void test_a_dump_waits_for_another_one(void)
{
	uint64_t n = hp_names_n_claimed();
	pthread_t thread;
	void *is_written;

	CHECK(hp_dumper_wait());
	pthread_create(&thread, NULL, dump, NULL);
	hp_dumper_dump_held("first");
	hp_dumper_go_on();
	pthread_join(thread, &is_written);
	CHECK(is_written);
	CHECK(is_there(n + 1, "first"));
	CHECK(is_there(n + 2, "after another one"));
}

static void test_a_failure_lasts_until_a_dump_succeeds(void)
{
	uint64_t n = hp_names_n_claimed();

	CHECK_INT_EQ(rename(in_folder("dumps"), in_folder("moved")), 0);
	CHECK(!hp_dumper_dump("nowhere to go"));
	CHECK(hp_dumper_has_failed());
	CHECK_UINT_EQ(hp_names_n_claimed(), n);
	CHECK_INT_EQ(rename(in_folder("moved"), in_folder("dumps")), 0);
	CHECK(hp_dumper_dump("back again"));
	CHECK(!hp_dumper_has_failed());
	CHECK(is_there(n + 1, "back again"));
}

static void test_a_dump_in_memory_takes_no_name(void)
{
	uint64_t n = hp_names_n_claimed();
	size_t size = 0, mapped = 0, before = hp_memory_mapped();
	char *text = hp_dumper_dump_to_memory(&size, &mapped);

	CHECK(text && size > 0 && size <= mapped);
	if (!text)
		return;
	CHECK_INT_EQ(strncmp(text, "heap profile: ", 14), 0);
	CHECK_INT_EQ(strncmp(text + size - 7, "\n# end\n", 7), 0);
	CHECK_UINT_EQ(hp_memory_mapped() - before, mapped);
	hp_memory_unmap(text, mapped);
	CHECK_UINT_EQ(hp_names_n_claimed(), n);
}

/* Exits with status 0 if the lock that the parent's dump holds is free in the child. */
static void be_child_of_a_dump(void)
{
	hp_dumper_after_fork();
	if (!hp_dumper_try())
		_exit(1);
	hp_dumper_go_on();
	_exit(0);
}

static void test_a_fork_child_does_not_wait_for_its_parents_dump(void)
{
	pid_t pid;

	CHECK(hp_dumper_wait());
	pid = _Fork();
	if (pid == 0)
		be_child_of_a_dump();
	CHECK_INT_EQ(status_of(pid), 0);
	CHECK(!hp_dumper_try());
	hp_dumper_go_on();
}

static void test_a_vfork_child_writes_none(void)
{
	uint64_t n = hp_names_n_claimed();
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	if (pid == 0)
		_exit(hp_dumper_dump("of a vfork child"));
	CHECK_INT_EQ(status_of(pid), 0);
	CHECK_UINT_EQ(hp_names_n_claimed(), n);
}

static void test_no_session_no_dump(void)
{
	uint64_t n = hp_names_n_claimed();
	size_t size, mapped;

	hp_lifecycle_stop();
	CHECK(!hp_dumper_dump("too late"));
	CHECK(!hp_dumper_dump_to_memory(&size, &mapped));
	hp_dumper_dump_or_skip("too late");
	CHECK_UINT_EQ(hp_names_n_claimed(), n);
	CHECK(!hp_dumper_has_failed());
	CHECK(hp_lifecycle_start(in_folder("dumps/p")));
}

/* Runs after the constructor in folder.h, which makes the folder. */
static __attribute__((constructor)) void start(void)
{
	mkdir(in_folder("dumps"), 0700);
	setenv("HEAP_PROFILE_VERBOSE", "0", true);
	hp_startup_init();
	hp_tls.in_hook = 1;
	if (!hp_lifecycle_start(in_folder("dumps/p")))
		exit(1);
}

TEST_MAIN(TEST(test_a_dump_has_a_number_and_a_reason), TEST(test_one_at_a_time),
	  TEST(test_a_dump_waits_for_another_one), TEST(test_a_failure_lasts_until_a_dump_succeeds),
	  TEST(test_a_dump_in_memory_takes_no_name),
	  TEST(test_a_fork_child_does_not_wait_for_its_parents_dump),
	  TEST(test_a_vfork_child_writes_none), TEST(test_no_session_no_dump))
