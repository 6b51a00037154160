/* SPDX-License-Identifier: MIT */
/* Allocates below large and realigned stack frames, at the end of deep call chains, and below code
 * that does not use %rbp as a frame pointer. This program is built without frame pointers. */
#include "program.h"

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static void *volatile sink;

static NOINLINE void allocate(int n)
{
	for (int i = 0; i < n; i++) {
		sink = malloc(24);
		free(sink);
	}
}

static NOINLINE void under_large_frame(size_t size, int n)
{
	volatile char *room = alloca(size);

	for (size_t i = 0; i < size; i += 4096)
		room[i] = 1;
	allocate(n);
	room[0] = room[size / 2];
}

/* argv: size of the frame in KiB, number of allocations */
static int do_large(char **argv)
{
	allocate(1);
	under_large_frame(strtoul(argv[0], NULL, 0) * 1024, atoi(argv[1]));
	return 0;
}

/* A frame for vectors of 32 bytes. Since it has a variable size as well, and takes an argument from
 * the stack, gcc addresses that argument by a register of its own, and saves it below %rbp. */
static NOINLINE int in_realigned_frame(int a, int b, int c, int d, int e, int f, int n)
{
	volatile char vector[32] __attribute__((aligned(32)));
	volatile char *room = alloca((size_t)n + (size_t)(a + b + c + d + e + f));

	require((size_t)vector % 32 == 0, "alignment");
	vector[0] = room[0] = 1;
	allocate(n);
	return vector[0] + room[0] + n;
}

/* The caller keeps what it needs in registers and on the stack, and has no frame pointer. */
static NOINLINE int above_realigned_frame(int n)
{
	volatile int kept[100];

	kept[n % 100] = n;
	return in_realigned_frame(1, 2, 3, 4, 5, 6, n) - kept[n % 100];
}

/* argv: number of allocations */
static int do_realigned(char **argv)
{
	int n = atoi(argv[0]);

	return above_realigned_frame(n) != 2;
}

static NOINLINE int deep(int depth, int n)
{
	volatile char kept = 1;

	if (depth == 0)
		allocate(n);
	else
		kept = (char)deep(depth - 1, n);
	return kept;
}

/* argv: depth of the calls, number of allocations */
static int do_deep(char **argv)
{
	return !deep(atoi(argv[0]), atoi(argv[1]));
}

/* --- generated code ------------------------------------------------------------------------ */

/* push %rbp; mov %rsi, %rbp; call *%rdi; pop %rbp; ret */
static const unsigned char template[] = {0x55, 0x48, 0x89, 0xf5, 0xff, 0xd7, 0x5d, 0xc3};

static ucontext_t before, coroutine;
static void (*generated)(void (*callee)(void), void *rbp);
static void *stray;
static int n_calls;

static void allocate_once(void)
{
	allocate(1);
}

static void call_generated_code(void)
{
	for (int i = 0; i < n_calls; i++)
		generated(allocate_once, stray);
}

/* Runs generated code on a stack at the beginning of a mapping, while %rbp points to the end of
 * that mapping. argv: size of the mapping in MiB, number of allocations */
static int do_stray(char **argv)
{
	size_t size = strtoul(argv[0], NULL, 0) << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	require(memory != MAP_FAILED && code != MAP_FAILED, "mmap");
	memcpy(code, template, sizeof(template));
	generated = (void (*)(void (*)(void), void *))code;
	stray = memory + size - 64;
	n_calls = atoi(argv[1]);
	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = memory;
	coroutine.uc_stack.ss_size = 65536;
	coroutine.uc_link = &before;
	makecontext(&coroutine, call_generated_code, 0);
	swapcontext(&before, &coroutine);
	return 0;
}

const struct command commands[] = {
	{"large", do_large}, {"realigned", do_realigned}, {"deep", do_deep}, {"stray", do_stray},
	{NULL, NULL},
};
