/* SPDX-License-Identifier: MIT */
/* The allocator is set once in a process, so each test that sets it does so in a child. */
#include "process/symbols.h"
#include "test.h"
#include <dlfcn.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static void in_child(void (*check)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		test_failures = 0;
		check();
		fflush(stdout);
		_exit(test_failures != 0);
	}
	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	CHECK_HEX_EQ(status, 0);
}

/* The test is not the C library, so the C library's own function comes next. */
static void test_next_definition(void)
{
	void *next = hp_symbol_next("gnu_get_libc_version");

	CHECK(next != NULL);
	CHECK_PTR_EQ(next, dlsym(RTLD_DEFAULT, "gnu_get_libc_version"));
	CHECK_PTR_EQ(hp_symbol_next("heapprof_no_such_function"), NULL);
}

static void check_ready(void)
{
	CHECK(hp_symbols_is_c_library_ready());
	clearenv();
	CHECK(hp_symbols_is_c_library_ready()); /* it still has the program's name */
	program_invocation_name = NULL;
	CHECK(!hp_symbols_is_c_library_ready());
	setenv("A", "b", 1);
	CHECK(hp_symbols_is_c_library_ready());
}

static void test_c_library_is_ready(void)
{
	in_child(check_ready);
}

static void check_code_of(const void *function, const void *other)
{
	struct dl_find_object object;

	CHECK_INT_EQ(_dl_find_object((void *)function, &object), 0);
	CHECK(!hp_symbols_is_allocators_code((uintptr_t)function)); /* not set yet */
	CHECK(!hp_symbols_is_allocators_code(0));
	hp_symbols_set_allocator(function);
	CHECK(hp_symbols_is_allocators_code((uintptr_t)function));
	CHECK(!hp_symbols_is_allocators_code((uintptr_t)other));
	CHECK(hp_symbols_is_allocators_code((uintptr_t)object.dlfo_map_start));
	CHECK(!hp_symbols_is_allocators_code((uintptr_t)object.dlfo_map_start - 1));
	CHECK(hp_symbols_is_allocators_code((uintptr_t)object.dlfo_map_end - 1));
	CHECK(!hp_symbols_is_allocators_code((uintptr_t)object.dlfo_map_end));
	CHECK(!hp_symbols_is_allocators_code(0));
}

static void check_library(void)
{
	check_code_of(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), (void *)check_library);
}

static void check_program(void)
{
	check_code_of((void *)check_program, dlsym(RTLD_DEFAULT, "gnu_get_libc_version"));
}

static void test_allocator_in_a_library(void)
{
	in_child(check_library);
}

static void test_allocator_in_the_program(void)
{
	in_child(check_program);
}

/* A function in generated code is in no library, so no address is the allocator's. */
static void check_outside(void)
{
	char here = 0;

	hp_symbols_set_allocator(&here);
	CHECK(!hp_symbols_is_allocators_code((uintptr_t)&here));
	CHECK(!hp_symbols_is_allocators_code((uintptr_t)check_outside));
}

static void test_allocator_in_no_library(void)
{
	in_child(check_outside);
}

TEST_MAIN(TEST(test_next_definition), TEST(test_c_library_is_ready),
	  TEST(test_allocator_in_a_library), TEST(test_allocator_in_the_program),
	  TEST(test_allocator_in_no_library))
