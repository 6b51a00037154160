/* SPDX-License-Identifier: MIT */
/* Compares the walker with the C library's backtrace(), and walks memory that is not a stack. */
#include "base/arena.h"
#include "process/modules.h"
#include "record/thread.h"
#include "test.h"
#include "unwind/frame_rule.h"
#include <alloca.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline))

enum {
	MAX = 128
};

static uint64_t frames[MAX];
static size_t n_frames;
static void *expected[MAX];
static int n_expected;
static volatile int sink;

static size_t walk(const struct hp_site *site, size_t max)
{
	struct hp_thread *t = hp_thread_enter();
	size_t n = hp_unwind(&t->walker, site, max);

	memcpy(frames, t->walker.frames, n * sizeof(frames[0]));
	hp_thread_leave(t);
	return n;
}

/* Takes the caller's stack both ways. backtrace() begins in take_stack() itself, or in a
 * sanitizer's version of backtrace(), so these frames are removed. */
static NOINLINE void take_stack(void)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	int n_inner = 0;

	n_expected = backtrace(expected, MAX);
	while (n_inner < n_expected && (uintptr_t)expected[n_inner] != site.pc)
		n_inner++;
	n_expected -= n_inner;
	memmove(expected, expected + n_inner, (size_t)n_expected * sizeof(expected[0]));
	n_frames = walk(&site, MAX);
}

static void check_against_backtrace(void)
{
	CHECK_INT_EQ(n_frames, n_expected);
	for (size_t i = 0; i < n_frames; i++)
		CHECK_HEX_EQ(hp_frame_pc(frames[i]), (uintptr_t)expected[i]);
	CHECK(n_frames > 3);
}

static NOINLINE void recurse(int depth)
{
	if (depth == 0)
		take_stack();
	else
		recurse(depth - 1);
	sink = depth;
}

static void test_plain_frames(void)
{
	recurse(0);
	check_against_backtrace();
	recurse(30);
	check_against_backtrace();
	recurse(30); /* from the cache this time */
	check_against_backtrace();
}

static NOINLINE void with_room_of(size_t size)
{
	char *room = alloca(size);

	memset(room, 1, size);
	recurse(2);
	sink = room[size / 2];
}

static void test_frames_of_variable_size(void)
{
	for (size_t size = 1; size < 100000; size = size * 3 + 1) {
		with_room_of(size);
		check_against_backtrace();
	}
}

static NOINLINE void realigned(int depth)
{
	char room[64] __attribute__((aligned(256)));

	room[0] = (char)depth;
	if (depth > 0)
		with_room_of((size_t)depth * 100);
	sink = *(volatile char *)room;
}

static void test_realigned_frames(void)
{
	for (int i = 1; i < 10; i++) {
		realigned(i);
		check_against_backtrace();
	}
}

static int compare_ints(const void *a, const void *b)
{
	if (n_frames == 0)
		recurse(1);
	return *(const int *)a - *(const int *)b;
}

static void test_through_the_c_library(void)
{
	int numbers[] = {3, 1, 2};

	n_frames = 0;
	qsort(numbers, 3, sizeof(numbers[0]), compare_ints);
	check_against_backtrace();
}

static void handle(int signal)
{
	take_stack();
	sink = signal;
}

/* Checks a walk from a signal handler. The frame after the handler's is that of the interrupted
 * instruction itself, which the walker stores as its address + 1. */
static void check_interrupted(void)
{
	size_t i = 0;

	while (i < n_frames && hp_frame_pc(frames[i]) == (uintptr_t)expected[i])
		i++;
	CHECK_HEX_EQ(hp_frame_pc(frames[i]), (uintptr_t)expected[i] + 1);
	for (i++; i < n_frames; i++)
		CHECK_HEX_EQ(hp_frame_pc(frames[i]), (uintptr_t)expected[i]);
	CHECK_INT_EQ(n_frames, n_expected);
}

static void test_signal_handler(void)
{
	struct sigaction action = {.sa_handler = handle}, old;

	sigaction(SIGUSR1, &action, &old);
	raise(SIGUSR1);
	check_interrupted();
	sigaction(SIGUSR1, &old, NULL);
}

static void test_signal_handler_on_another_stack(void)
{
	static char memory[1 << 16];
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK}, old;
	stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};

	CHECK_INT_EQ(sigaltstack(&stack, NULL), 0);
	sigaction(SIGUSR1, &action, &old);
	raise(SIGUSR1);
	check_interrupted();
	sigaction(SIGUSR1, &old, NULL);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
}

static void test_depth_is_a_limit(void)
{
	struct hp_site site = HP_SITE_OF_CALLER();

	for (size_t max = 1; max <= 3; max++)
		CHECK_UINT_EQ(walk(&site, max), max);
}

/* --- memory that is not a stack -------------------------------------------------------------- */

static const uintptr_t wild[] = {
	0,
	1,
	8,
	4096,
	0x7fffffffffff,
	0x7ffffffffff8,
	0x800000000000,
	0xffff800000000000,
	UINTPTR_MAX - 16,
	UINTPTR_MAX - 7,
	UINTPTR_MAX,
};

enum {
	N_WILD = sizeof(wild) / sizeof(wild[0])
};

static void test_wild_registers(void)
{
	struct hp_site here = HP_SITE_OF_CALLER();
	size_t n = 0;

	for (size_t i = 0; i < N_WILD; i++)
		for (size_t j = 0; j < N_WILD; j++) {
			struct hp_site a = {here.pc, wild[i], wild[j]};
			struct hp_site b = {wild[i], here.sp, wild[j]};
			struct hp_site c = {wild[i], wild[j], here.bp};

			n += walk(&a, MAX) + walk(&b, MAX) + walk(&c, MAX);
		}
	CHECK(n > 0);
}

static void test_pc_that_is_no_code(void)
{
	struct hp_site here = HP_SITE_OF_CALLER();
	/* The last walk starts at an address in the middle of this array, so that what it reads
	 * around that address is within the array, and a sanitizer reports nothing. */
	static uint64_t data[64];
	struct hp_site site = {0, here.sp, here.bp};

	CHECK_UINT_EQ(walk(&site, MAX), 0);
	site.pc = 1;
	CHECK_UINT_EQ(walk(&site, MAX), 0);
	site.pc = (uintptr_t)1 << 47;
	CHECK_UINT_EQ(walk(&site, MAX), 0);
	site.pc = (uintptr_t)&data[32];
	CHECK(walk(&site, MAX) <= MAX);
}

/* Fills pages with addresses of code and of the pages themselves. The pages around them can't be
 * read. A walk may go anywhere within the pages, must not leave them, and must end. */
static void test_random_stacks(void)
{
	enum {
		N_WORDS = 4 * 4096 / 8
	};
	uint64_t rng = 42;
	char *memory =
		mmap(NULL, 6 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *words = (uint64_t *)(memory + 4096);

	mprotect(memory, 4096, PROT_NONE);
	mprotect(memory + 5 * 4096, 4096, PROT_NONE);
	recurse(5);
	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < N_WORDS; i++) {
			rng = rng * 6364136223846793005ull + 1442695040888963407ull;
			uint64_t choice = rng >> 60, value = rng >> 30;

			if (choice < 6)
				words[i] = (uint64_t)expected[value % (uint64_t)n_expected];
			else if (choice < 12)
				words[i] = (uint64_t)&words[value % N_WORDS];
			else
				words[i] = wild[value % N_WILD];
		}
		struct hp_site site = {
			.pc = (uintptr_t)expected[round % n_expected],
			.sp = (uintptr_t)&words[(rng >> 20) % N_WORDS],
			.bp = (uintptr_t)&words[(rng >> 40) % N_WORDS],
		};

		CHECK(walk(&site, MAX) <= MAX);
	}
	munmap(memory, 6 * 4096);
}

/* --- coroutines --------------------------------------------------------------------------------
 */

static ucontext_t main_context, coroutine;

static void run_coroutine(void)
{
	recurse(3);
	swapcontext(&coroutine, &main_context);
}

/* Walks on a coroutine's stack, and at the same addresses after that stack is unmapped. */
static void test_coroutine_stacks_come_and_go(void)
{
	for (int i = 0; i < 3; i++) {
		char *stack = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		getcontext(&coroutine);
		coroutine.uc_stack.ss_sp = stack;
		coroutine.uc_stack.ss_size = 1 << 16;
		coroutine.uc_link = NULL;
		makecontext(&coroutine, run_coroutine, 0);
		swapcontext(&main_context, &coroutine);
		CHECK(n_frames >= 5);
		for (size_t j = 0; j < 5; j++)
			CHECK_HEX_EQ(hp_frame_pc(frames[j]), (uintptr_t)expected[j]);
		munmap(stack, 1 << 16);
		struct hp_site gone = {
			(uintptr_t)expected[0],
			(uintptr_t)stack + 60000 / 8 * 8,
			(uintptr_t)stack + 61000 / 8 * 8,
		};

		CHECK(walk(&gone, MAX) <= MAX);
	}
}

/* The thread's stack ends in the middle of a page. The saved bp leads beyond that end, to a frame
 * whose second half is on a page that is not mapped. */
static void test_end_of_stack_within_a_page(void)
{
	enum {
		PAGE = 4096
	};
	struct hp_thread *t = hp_thread_enter();
	struct hp_thread saved = *t;
	char *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t *bp = (uintptr_t *)(page + 1024);
	struct hp_site site = {(uintptr_t)page + 8, (uintptr_t)bp, (uintptr_t)bp};

	munmap(page + PAGE, PAGE);
	t->walker.memory.home = (uintptr_t)page;
	t->walker.memory.top = (uintptr_t)page + 2048;
	bp[0] = (uintptr_t)page + PAGE - 8; /* the caller's frame */
	bp[1] = (uintptr_t)page + 16;       /* an address in the caller's code */
	CHECK_UINT_EQ(hp_unwind(&t->walker, &site, MAX), 2);
	t->walker.memory.home = saved.walker.memory.home;
	t->walker.memory.top = saved.walker.memory.top;
	hp_thread_leave(t);
	munmap(page, PAGE);
}

/* --- frame pointers ----------------------------------------------------------------------------
 */

/* Calls `callee` with `rbp` in %rbp, as code may that does not use %rbp as a frame pointer. */
void call_with_rbp(void (*callee)(void), void *rbp);
__asm__(".pushsection .text\n"
	".type call_with_rbp, @function\n"
	"call_with_rbp:\n"
	".cfi_startproc\n"
	"	push %rbp\n"
	".cfi_adjust_cfa_offset 8\n"
	".cfi_rel_offset %rbp, 0\n"
	"	mov %rsi, %rbp\n"
	"	call *%rdi\n"
	"	pop %rbp\n"
	".cfi_adjust_cfa_offset -8\n"
	".cfi_restore %rbp\n"
	"	ret\n"
	".cfi_endproc\n"
	".size call_with_rbp, . - call_with_rbp\n"
	".popsection");

static NOINLINE void take_stack_by_frame_pointers(void)
{
	take_stack();
	sink = 0;
}

/* Call instructions of all forms. They are never executed. */
__asm__(".pushsection .text\n"
	"nop; nop; nop; nop; nop; nop; nop; nop\n"
	"calls:\n"
	"call qsort@PLT\n"
	"1: call *%rax\n"
	"2: call *%r12\n"
	"3: call *(%rbx)\n"
	"4: call *(%rbx,%rcx,8)\n"
	"5: call *0x4000(,%rcx,8)\n"
	"6: call *0x18(%rbp)\n"
	"7: call *0x18(%rsp)\n"
	"8: call *0x1234(%rax)\n"
	"9: call *0x1234(%rsp)\n"
	"10: call *0x1234(%rip)\n"
	"11: mov %rax, %rbx\n"
	"12: jmp *%rax\n"
	"13: ret\n"
	".popsection\n"
	".pushsection .data.rel.ro, \"aw\"\n"
	"after_calls: .quad 1b, 2b, 3b, 4b, 5b, 6b, 7b, 8b, 9b, 10b, 11b\n"
	"after_others: .quad 12b, 13b, calls\n"
	".popsection\n");

extern const uintptr_t after_calls[11], after_others[3];

static void test_calls(void)
{
	struct hp_frame_rule rule;

	for (size_t i = 0; i < 11; i++) {
		hp_frame_rule_for(after_calls[i] - 1, &rule);
		CHECK(rule.is_call);
		hp_frame_rule_for(after_calls[i] - 1, &rule); /* from the cache */
		CHECK(rule.is_call);
	}
	for (size_t i = 0; i < 3; i++) {
		hp_frame_rule_for(after_others[i] - 1, &rule);
		CHECK(!rule.is_call);
	}
}

/* The two words look like a frame, but the code address in them does not follow a call. */
static void test_frame_pointer_leads_to_no_return_address(void)
{
	uintptr_t fake[2] = {(uintptr_t)__builtin_frame_address(0), (uintptr_t)qsort + 3};

	CHECK(hp_frame_rule_init(false /* use no tables */));
	call_with_rbp(take_stack_by_frame_pointers, fake);
	for (size_t i = 0; i < 3; i++)
		CHECK_HEX_EQ(hp_frame_pc(frames[i]), (uintptr_t)expected[i]);
	CHECK(hp_frame_rule_init(true /* use tables */));
}

/* This test must be the last one: after it, this process does not use libunwind any more. */
static void test_libunwind_is_lost_for_good(void)
{
	struct hp_frame_rule rule;

	hp_frame_rule_for((uintptr_t)qsort, &rule);
	CHECK_UINT_EQ(rule.kind, HP_RULE_SP);
	hp_frame_rule_after_fork(false /* other threads were inside */);
	CHECK(hp_frame_rule_init(true /* use tables */));
	hp_frame_rule_for((uintptr_t)qsort + 1, &rule);
	CHECK_UINT_EQ(rule.kind, HP_RULE_NONE);
}

static __attribute__((constructor)) void prepare(void)
{
	hp_thread_init();
	hp_modules_init(false /* late */);
	if (!hp_frame_rule_init(true /* use tables */))
		abort();
}

TEST_MAIN(TEST(test_plain_frames), TEST(test_frames_of_variable_size), TEST(test_realigned_frames),
	  TEST(test_through_the_c_library), TEST(test_signal_handler),
	  TEST(test_signal_handler_on_another_stack), TEST(test_depth_is_a_limit),
	  TEST(test_wild_registers), TEST(test_pc_that_is_no_code), TEST(test_random_stacks),
	  TEST(test_coroutine_stacks_come_and_go), TEST(test_end_of_stack_within_a_page),
	  TEST(test_calls), TEST(test_frame_pointer_leads_to_no_return_address),
	  TEST(test_libunwind_is_lost_for_good))
