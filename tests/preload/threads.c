/* SPDX-License-Identifier: MIT */
/* Threads with unusual lives and stacks. argv[1] names the command. */
#include "program.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* NULL if the program runs without the library. */
__attribute__((weak)) void HeapProfilerDump(const char *reason);

static __thread void *volatile sink; /* per thread, because each thread frees its own block */

/* --- thread-exit destructors --------------------------------------------------------------- */

static pthread_key_t key;

static NOINLINE void allocate_in_destructor(void)
{
	sink = malloc(111);
	sink = malloc(222);
	free(sink);
}

/* Allocates, and sets the key again, so that this destructor runs in every round of destructors. */
static void destroy(void *value)
{
	allocate_in_destructor();
	pthread_setspecific(key, value);
}

static void *set_key(void *unused)
{
	sink = malloc(10);
	pthread_setspecific(key, &key);
	return NULL;
}

static int do_destructors(char **argv)
{
	int n = atoi(argv[0]);
	pthread_t thread;

	require(pthread_key_create(&key, destroy) == 0, "key");
	for (int i = 0; i < n; i++) {
		require(pthread_create(&thread, NULL, set_key, NULL) == 0, "thread");
		pthread_join(thread, NULL);
	}
	return 0;
}

/* --- storm --------------------------------------------------------------------------------- */

static NOINLINE void *allocate_in_thread(void *unused)
{
	for (int i = 0; i < 10; i++)
		sink = malloc(100);
	return NULL;
}

static int do_storm(char **argv)
{
	int n = atoi(argv[0]);
	pthread_t threads[8];

	for (int i = 0; i < n; i += 8) {
		for (int j = 0; j < 8; j++)
			require(pthread_create(&threads[j], NULL, allocate_in_thread, NULL) == 0,
				"thread");
		for (int j = 0; j < 8; j++)
			pthread_join(threads[j], NULL);
	}
	return 0;
}

static pthread_barrier_t barrier;

static void *allocate_and_wait(void *unused)
{
	allocate_in_thread(NULL);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static int do_detached(char **argv)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_barrier_init(&barrier, NULL, 101);
	for (int i = 0; i < 100; i++)
		require(pthread_create(&thread, &attributes, allocate_and_wait, NULL) == 0,
			"thread");
	pthread_barrier_wait(&barrier);
	return 0;
}

/* --- small and unusual stacks -------------------------------------------------------------- */

static void *dump_in_thread(void *unused)
{
	allocate_in_thread(NULL);
	if (HeapProfilerDump)
		HeapProfilerDump("from a small stack");
	return NULL;
}

static int do_small_stacks(char **argv)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	require(pthread_attr_setstacksize(&attributes, 16384) == 0, "stack size");
	for (int i = 0; i < 20; i++) {
		void *(*run)(void *) = i == 19 ? dump_in_thread : allocate_in_thread;

		require(pthread_create(&thread, &attributes, run, NULL) == 0, "thread");
		pthread_join(thread, NULL);
	}
	return 0;
}

static NOINLINE void allocate_in_handler(int signal)
{
	for (int i = 0; i < 10; i++)
		sink = malloc(100);
}

static NOINLINE void raise_signal(void)
{
	raise(SIGUSR1);
	sink = NULL; /* prevents a tail call */
}

static int do_alternate_stack(char **argv)
{
	struct sigaction action = {.sa_handler = allocate_in_handler, .sa_flags = SA_ONSTACK};
	char *memory =
		mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = memory, .ss_size = 65536};

	require(sigaltstack(&stack, NULL) == 0, "sigaltstack");
	require(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
	for (int i = 0; i < 10; i++)
		raise_signal();
	stack.ss_flags = SS_DISABLE;
	require(sigaltstack(&stack, NULL) == 0, "sigaltstack");
	munmap(memory, 65536);
	allocate_in_thread(NULL);
	return 0;
}

static volatile long n_handled;

static void count_signal(int signal)
{
	n_handled++;
}

/* Signal handlers interrupt malloc itself, again and again. (The handlers do not allocate: that
 * would deadlock in glibc's malloc even without the profiler.) */
static int do_signal_storm(char **argv)
{
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec every = {{0, 200000}, {0, 200000}};
	void *blocks[64] = {NULL};

	sigaction(SIGUSR1, &action, NULL);
	require(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer");
	require(timer_settime(timer, 0, &every, NULL) == 0, "timer");
	for (int i = 0; i < 300000; i++) {
		free(blocks[i % 64]);
		blocks[i % 64] = malloc(i % 500);
	}
	timer_delete(timer);
	require(n_handled > 10, "signals came");
	return 0;
}

static ucontext_t main_context, coroutine;

static NOINLINE void allocate_in_coroutine(void)
{
	for (int i = 0; i < 10; i++)
		sink = malloc(100);
}

static void run_coroutine(void)
{
	for (;;) {
		allocate_in_coroutine();
		swapcontext(&coroutine, &main_context);
	}
}

/* Runs a coroutine on a stack of its own, and unmaps that stack afterwards. Code that still
 * considers the stack readable then crashes. */
static NOINLINE void switch_to_coroutine(size_t size)
{
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = stack;
	coroutine.uc_stack.ss_size = size;
	coroutine.uc_link = NULL;
	makecontext(&coroutine, run_coroutine, 0);
	for (volatile int i = 0; i < 5; i++) {
		swapcontext(&main_context, &coroutine);
		allocate_in_thread(NULL);
	}
	munmap(stack, size);
}

static int do_coroutines(char **argv)
{
	for (int i = 0; i < 50; i++)
		switch_to_coroutine(16384 + 4096 * (i % 8));
	return 0;
}

static void *coroutines_in_thread(void *unused)
{
	do_coroutines(NULL);
	return NULL;
}

static int do_coroutines_in_thread(char **argv)
{
	pthread_t thread;

	require(pthread_create(&thread, NULL, coroutines_in_thread, NULL) == 0, "thread");
	pthread_join(thread, NULL);
	return 0;
}

static NOINLINE void allocate_below(size_t size)
{
	char *room = __builtin_alloca(size);

	memset(room, 1, size);
	allocate_in_thread(NULL);
	sink = room;
}

/* Allocates below frames of many sizes. The main stack grows to the largest frame and is left
 * again. */
static int do_deep_frames(char **argv)
{
	for (size_t size = 16; size < (4 << 20); size *= 3)
		allocate_below(size);
	for (size_t size = 4 << 20; size > 16; size /= 3)
		allocate_below(size);
	return 0;
}

/* The place to which jump_from() jumps, out of many frames. */
static jmp_buf environment;

static NOINLINE void jump_from(int depth)
{
	sink = malloc(100);
	if (depth > 0)
		jump_from(depth - 1);
	else if (sink)
		longjmp(environment, 1);
	sink = NULL; /* prevents a tail call */
}

static int do_longjmp(char **argv)
{
	for (volatile int i = 0; i < 100; i++)
		if (setjmp(environment) == 0)
			jump_from(i % 40);
	allocate_in_thread(NULL);
	return 0;
}

/* Allocates while %rbp holds `value`: x86-64 code need not use this register as a frame pointer. */
static NOINLINE void allocate_with_wild_frame_pointer(unsigned long value)
{
	__asm__ volatile("pushq %%rbp\n\t"
			 "movq %%rsp, %%r12\n\t"
			 "movq %[value], %%rbp\n\t"
			 "andq $-16, %%rsp\n\t"
			 "movl $100, %%edi\n\t"
			 "callq malloc@PLT\n\t"
			 "movq %%r12, %%rsp\n\t"
			 "popq %%rbp"
			 :
			 : [value] "r"(value)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
			   "memory", "cc");
}

static int do_wild_frame_pointers(char **argv)
{
	static const unsigned long values[] = {0,
					       1,
					       8,
					       4096,
					       0x7fffffffffffull,
					       0x800000000000ull,
					       0xffffffffffffffffull,
					       0xfffffffffffffff8ull,
					       0x100000000ull};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		allocate_with_wild_frame_pointer(values[i]);
	allocate_with_wild_frame_pointer((unsigned long)&values);
	allocate_with_wild_frame_pointer((unsigned long)do_wild_frame_pointers);
	return 0;
}

/* --- a thread for each request ------------------------------------------------------------- */

enum {
	REQUEST = 1 << 16
};

static NOINLINE void *leak_in_thread(void *unused)
{
	for (int i = 0; i < 16; i++)
		sink = malloc(REQUEST);
	return NULL;
}

static NOINLINE void *free_in_thread(void *unused)
{
	for (int i = 0; i < 16; i++)
		free(malloc(REQUEST));
	return NULL;
}

/* Runs one thread after another. argv: "leak" or "free", number of threads, each of which allocates
 * 1 MiB */
static int do_requests(char **argv)
{
	void *(*run)(void *) = strcmp(argv[0], "leak") == 0 ? leak_in_thread : free_in_thread;
	pthread_t thread;

	for (int i = 0; i < atoi(argv[1]); i++) {
		require(pthread_create(&thread, NULL, run, NULL) == 0, "thread");
		pthread_join(thread, NULL);
	}
	return 0;
}

/* --- one thread allocates, another frees --------------------------------------------------- */

static void *handed;
static pthread_barrier_t is_full, is_empty;

static void *consume(void *unused)
{
	for (;;) {
		pthread_barrier_wait(&is_full);
		void *p = handed;

		pthread_barrier_wait(&is_empty);
		if (!p)
			return NULL;
		free(p);
	}
}

/* argv: number of blocks of 64 KiB */
static int do_hand_over(char **argv)
{
	int n = atoi(argv[0]);
	pthread_t thread;

	pthread_barrier_init(&is_full, NULL, 2);
	pthread_barrier_init(&is_empty, NULL, 2);
	require(pthread_create(&thread, NULL, consume, NULL) == 0, "thread");
	for (int i = 0; i <= n; i++) {
		handed = i < n ? malloc(REQUEST) : NULL;
		pthread_barrier_wait(&is_full);
		pthread_barrier_wait(&is_empty);
	}
	pthread_join(thread, NULL);
	return 0;
}

const struct command commands[] = {
	{"destructors", do_destructors},
	{"storm", do_storm},
	{"detached", do_detached},
	{"small-stacks", do_small_stacks},
	{"alternate-stack", do_alternate_stack},
	{"signal-storm", do_signal_storm},
	{"coroutines", do_coroutines},
	{"coroutines-in-thread", do_coroutines_in_thread},
	{"deep-frames", do_deep_frames},
	{"longjmp", do_longjmp},
	{"requests", do_requests},
	{"hand-over", do_hand_over},
	{"wild-frame-pointers", do_wild_frame_pointers},
	{NULL, NULL},
};
