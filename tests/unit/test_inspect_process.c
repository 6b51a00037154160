/* SPDX-License-Identifier: MIT */
#include "command/inspect_process.h"
#include "test.h"
#include <errno.h>
#include <unistd.h>

static void test_status(void)
{
	struct process_status status;

	process_parse_status("Name:\tState:\tX\nState:\tT (stopped)\nTgid:\t12\nPid:\t13\n"
			     "TracerPid:\t99\nUid:\t1000\t1001\t1002\t1003\nVmSize:\t  100 kB\n"
			     "Seccomp:\t2\nSeccomp_filters:\t1\n",
			     &status);
	CHECK_INT_EQ(status.state, 'T');
	CHECK_INT_EQ(status.group, 12);
	CHECK_INT_EQ(status.tracer, 99);
	CHECK_INT_EQ(status.uid, 1000);
	CHECK_INT_EQ(status.seccomp, 2);
	CHECK(status.has_memory);
}

static void test_status_without_lines(void)
{
	static const char *const texts[] = {"",    "\n", "State", "State:", "Name:\tVmSize:\t1\n",
					    "\n\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct process_status status;

		process_parse_status(texts[i], &status);
		CHECK_INT_EQ(status.state, '\0');
		CHECK_INT_EQ(status.group, 0);
		CHECK(!status.has_memory);
	}
}

static void test_maps(void)
{
	CHECK(process_maps_have_library("1-2 r-xp 0 0:0 1 /usr/bin/app\n"
					"3-4 r-xp 0 0:0 2   /usr/lib/libheapprof.so.0.1.0\n"));
	CHECK(process_maps_have_library("3-4 r-xp 0 0:0 2 /a/libheapprof.so"));
	CHECK(!process_maps_have_library("1-2 r-xp 0 0:0 1 /libheapprof.so.d/app\n"));
	CHECK(!process_maps_have_library("1-2 r-xp 0 0:0 1 /lib/libheapprof_parts.so\n"));
	CHECK(!process_maps_have_library("1-2 rw-p 0 0:0 0\n\n[heap]\n"));
	CHECK(!process_maps_have_library(""));
}

static void test_itself(void)
{
	static struct process_facts facts;

	CHECK_INT_EQ(process_inspect(getpid(), &facts), 0);
	CHECK_INT_EQ(facts.status.group, getpid());
	CHECK_INT_EQ(facts.status.uid, getuid());
	CHECK_STR_EQ(program_base_name(facts.program), "test_inspect_process");
	CHECK_INT_EQ(facts.executable.kind, PROGRAM_CAN_BE_PROFILED);
	CHECK(!facts.has_library);
	CHECK_INT_EQ(process_inspect(INT_MAX, &facts), -ESRCH);
}

TEST_MAIN(TEST(test_status), TEST(test_status_without_lines), TEST(test_maps), TEST(test_itself))
