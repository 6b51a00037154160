/* SPDX-License-Identifier: MIT */
/* The cost of walks, counted in checked pages, and which part of a stack becomes a thread's home
 * (see stack_memory.h). */
#include "base/options.h"
#include "process/modules.h"
#include "record/thread.h"
#include "test.h"
#include "unwind/frame_rule.h"
#include "unwind/stack_memory.h"
#include <alloca.h>
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline))

enum {
	PAGE = 4096,
	DEPTH = 64,
	A_WALK = 16 + 8 + DEPTH / 2, /* most checks: 16 to extend the home, and the budget */
	A_WALK_AT_HOME = 0
};

/* --- walking and counting -------------------------------------------------------------------- */

static uint64_t n_checks; /* of the last walk */
static uint64_t n_checks_max;
static size_t n_frames;
static bool is_cut;
static uint64_t outermost;
static uintptr_t home, top; /* of the thread that walked last */
static volatile int sink;

static void walk(const struct hp_site *site, size_t max)
{
	struct hp_thread *t = hp_thread_enter();
	uint64_t before = t->walker.memory.n_checks;

	n_frames = hp_unwind(&t->walker, site, max);
	n_checks = t->walker.memory.n_checks - before;
	n_checks_max = n_checks > n_checks_max ? n_checks : n_checks_max;
	is_cut = t->walker.is_cut;
	outermost = n_frames > 0 ? t->walker.frames[n_frames - 1] : 0;
	home = t->walker.memory.home;
	top = t->walker.memory.top;
	hp_thread_leave(t);
}

static NOINLINE void walk_here(void)
{
	struct hp_site site = HP_SITE_OF_CALLER();

	walk(&site, DEPTH);
}

static NOINLINE void walk_under(size_t size)
{
	volatile char *room = alloca(size);

	for (size_t i = 0; i < size; i += PAGE)
		room[i] = 1;
	walk_here();
	sink = room[size / 2];
}

static NOINLINE int walk_below(int depth, int n_walks)
{
	volatile char room[128];

	room[0] = (char)depth;
	if (depth > 0)
		return walk_below(depth - 1, n_walks) + room[0];
	n_checks_max = 0;
	for (int i = 0; i < n_walks; i++)
		walk_here();
	return room[0];
}

static void in_thread(void *(*run)(void *), void *stack, size_t size)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	if (stack)
		pthread_attr_setstack(&attributes, stack, size);
	else
		pthread_attr_setstacksize(&attributes, size);
	CHECK_INT_EQ(pthread_create(&thread, &attributes, run, stack), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

/* --- a thread's own stack ------------------------------------------------------------------ */

static void check_large_frames(void)
{
	uint64_t expected;

	walk_here();
	expected = outermost;
	for (size_t kib = 16; kib <= 4096; kib *= 4) {
		for (int i = 0; i < 2; i++) {
			walk_under(kib * 1024);
			CHECK_INT_LE(n_checks, A_WALK);
		}
		walk_under(kib * 1024);
		CHECK_INT_EQ(n_checks, A_WALK_AT_HOME);
		CHECK_HEX_EQ(outermost, expected);
		CHECK(!is_cut);
	}
}

static void test_a_large_frame_costs_what_a_small_one_does(void)
{
	check_large_frames();
}

static void *walk_large_frames(void *unused)
{
	check_large_frames();
	return unused;
}

static void test_a_large_frame_in_a_thread(void)
{
	in_thread(walk_large_frames, NULL, 8 << 20);
}

/* Walks far below the last walk, as after the program has read its input by recursion. */
static void check_deep_stack(void)
{
	walk_here();
	walk_below(30000, 1);
	CHECK_INT_LE(n_checks_max, A_WALK);
	CHECK(is_cut);
	walk_below(30000, 300);
	CHECK_INT_LE(n_checks_max, A_WALK);
	walk_below(30000, 300);
	CHECK_INT_EQ(n_checks, A_WALK_AT_HOME);
	CHECK_INT_EQ(n_checks_max, A_WALK_AT_HOME);
	walk_here();
	CHECK(!is_cut);
}

static void test_a_deep_stack_is_checked_once(void)
{
	check_deep_stack();
}

static void *walk_deep_stack(void *unused)
{
	check_deep_stack();
	return unused;
}

static void test_a_deep_stack_in_a_thread(void)
{
	in_thread(walk_deep_stack, NULL, 64 << 20);
}

/* --- other stacks -------------------------------------------------------------------------- */

static ucontext_t thread_context, coroutine;
static int coroutine_depth;

static void run_coroutine(void)
{
	for (int i = 0; i < 400; i++)
		walk_below(coroutine_depth, 1);
	swapcontext(&coroutine, &thread_context);
}

static void walk_in_coroutine(void *stack, size_t size)
{
	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = stack;
	coroutine.uc_stack.ss_size = size;
	coroutine.uc_link = NULL;
	makecontext(&coroutine, run_coroutine, 0);
	/* If %rbp kept the thread's value, a walk could continue on the thread's stack. */
	coroutine.uc_mcontext.gregs[REG_RBP] = 0;
	swapcontext(&thread_context, &coroutine);
}

enum {
	COROUTINE = 1 << 18,
	THREAD = 1 << 20
};

/* Runs a coroutine from a thread whose stack begins where the coroutine's stack ends. */
static void *walk_beside_a_coroutine(void *stack)
{
	walk_in_coroutine((char *)stack - COROUTINE, COROUTINE - PAGE);
	CHECK_INT_LE(n_checks_max, A_WALK);
	CHECK((uintptr_t)stack <= home);
	CHECK(home < top);
	walk_here();
	CHECK((uintptr_t)stack <= home);
	return NULL;
}

static char *map_stacks(void)
{
	return mmap(NULL, COROUTINE + THREAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
}

static void test_a_coroutine_is_not_home(void)
{
	char *stacks = map_stacks();

	coroutine_depth = 20;
	in_thread(walk_beside_a_coroutine, stacks + COROUTINE, THREAD);
	munmap(stacks, COROUTINE + THREAD);
}

static void test_a_deep_coroutine_is_not_home(void)
{
	char *stacks = map_stacks();

	mprotect(stacks + COROUTINE - PAGE, PAGE, PROT_NONE);
	coroutine_depth = 500; /* more than the depth of a walk */
	in_thread(walk_beside_a_coroutine, stacks + COROUTINE, THREAD);
	munmap(stacks, COROUTINE + THREAD);
}

/* A read below the main stack would make the kernel extend that stack. So a walk that begins on
 * another stack must not read there. */
static void test_the_main_stack_is_not_probed_from_elsewhere(void)
{
	char *stack =
		mmap(NULL, COROUTINE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	walk_here();
	uintptr_t before = home;

	coroutine_depth = 500;
	walk_in_coroutine(stack, COROUTINE);
	CHECK_HEX_EQ(home, before);
	CHECK(is_cut);
	munmap(stack, COROUTINE);
}

/* --- code without unwind data -------------------------------------------------------------- */

/* A frame that %rbp leads to, in memory that is not a stack. Its code address is any mapped
 * address. */
struct frame {
	uint64_t bp, pc;
};

static struct hp_site chain(char *memory, size_t n, size_t stride, uintptr_t pc)
{
	for (size_t i = 0; i < n; i++)
		*(struct frame *)(memory + i * stride) =
			(struct frame){(uintptr_t)memory + (i + 1) * stride, pc};
	*(struct frame *)(memory + n * stride) = (struct frame){0, 0};
	return (struct hp_site){pc, (uintptr_t)memory, (uintptr_t)memory};
}

static void test_a_stray_frame_pointer_costs_one_check(void)
{
	const size_t size = (size_t)1 << 30;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct hp_site site = {
		(uintptr_t)memory + 8,
		(uintptr_t)memory,
		(uintptr_t)memory + size - 64,
	};

	walk(&site, DEPTH);
	CHECK_INT_LE(n_checks, 1);
	CHECK_UINT_EQ(n_frames, 1);
	CHECK(!is_cut);
	munmap(memory, size);
}

static void test_pages_are_a_budget(void)
{
	enum {
		N = 1000
	};
	char *memory = mmap(NULL, (N + 1) * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct hp_site site = chain(memory, N, PAGE, (uintptr_t)memory + 64);

	walk(&site, DEPTH);
	CHECK_INT_LE(n_checks, A_WALK);
	CHECK_INT_LE(DEPTH / 2, n_frames);
	CHECK(is_cut);

	site = chain(memory, N, 64, (uintptr_t)memory + 64);
	walk(&site, DEPTH);
	CHECK_INT_LE(n_checks, 2);
	CHECK_UINT_EQ(n_frames, DEPTH);
	CHECK(is_cut);
	munmap(memory, (N + 1) * PAGE);
}

/* A walk must not take over remembered frames that were in the part of the stack which is unmapped
 * now. */
static void test_a_stack_loses_its_outer_part(void)
{
	enum {
		N = 40
	};
	char *memory =
		mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct hp_site site = chain(memory, N, 256, (uintptr_t)memory + 64);

	walk(&site, DEPTH);
	CHECK_UINT_EQ(n_frames, N + 1);
	CHECK(!is_cut);
	munmap(memory + PAGE, 2 * PAGE);
	walk(&site, DEPTH);
	CHECK_UINT_EQ(n_frames, PAGE / 256 + 1);
	munmap(memory, PAGE);
}

/* A hook without unwind data. Walks leave the frames of hooks out. */
void hook_code(void);
__asm__(".pushsection heapprof_hooks, \"ax\", @progbits\n"
	"hook_code: nop\n nop\n nop\n"
	".popsection");

static void test_steps_are_a_budget(void)
{
	enum {
		N = 10000
	};
	static char memory[(N + 1) * sizeof(struct frame)];
	struct hp_site site = chain(memory, N, sizeof(struct frame), (uintptr_t)hook_code + 2);

	walk(&site, DEPTH);
	CHECK_UINT_EQ(n_frames, 0);
	CHECK(is_cut);
	CHECK_INT_LE(n_checks, 3); /* pages */

	site = chain(memory, 20, sizeof(struct frame), (uintptr_t)hook_code + 2);
	walk(&site, DEPTH);
	CHECK(!is_cut);
}

/* --- stacks that are cut ------------------------------------------------------------------- */

static NOINLINE void walk_with_depth_of(size_t max)
{
	struct hp_site site = HP_SITE_OF_CALLER();

	walk(&site, max);
}

static void test_a_stack_is_cut_if_it_has_more_frames(void)
{
	walk_with_depth_of(HP_STACK_DEPTH_MAX);
	size_t n = n_frames;

	CHECK(!is_cut);
	CHECK_INT_LE(3, n);
	/* The second time, frames are taken over from the first walk. */
	for (int i = 0; i < 2; i++) {
		walk_with_depth_of(n - 1);
		CHECK_UINT_EQ(n_frames, n - 1);
		CHECK(is_cut);
		walk_with_depth_of(n);
		CHECK_UINT_EQ(n_frames, n);
		CHECK(!is_cut);
		walk_with_depth_of(n + 1);
		CHECK_UINT_EQ(n_frames, n);
		CHECK(!is_cut);
	}
}

/* --- frame pointers first ------------------------------------------------------------------ */

/* Calls itself `depth` times and then `last`, without touching %rbp. */
void without_frame_pointer(int depth, void (*last)(void));
__asm__(".pushsection .text\n"
	".type without_frame_pointer, @function\n"
	"without_frame_pointer:\n"
	".cfi_startproc\n"
	"	sub $8, %rsp\n"
	".cfi_adjust_cfa_offset 8\n"
	"	sub $1, %edi\n"
	"	js 1f\n"
	"	call without_frame_pointer\n"
	"	jmp 2f\n"
	"1:	call *%rsi\n"
	"2:	add $8, %rsp\n"
	".cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	".cfi_endproc\n"
	".size without_frame_pointer, . - without_frame_pointer\n"
	".popsection");

/* Walks with a frame pointer that leads beyond the stack's top, to the array of environment
 * variables. That array can be read, but leads to no code. */
static NOINLINE void walk_with_stray_frame_pointer(void)
{
	struct hp_site site = HP_SITE_OF_CALLER();

	site.bp = (uintptr_t)environ;
	walk(&site, DEPTH);
}

static void test_a_stray_frame_pointer_is_checked_once_a_walk(void)
{
	CHECK(hp_frame_rule_init(false /* use no tables */));
	for (int i = 0; i < 2; i++) {
		without_frame_pointer(2 * DEPTH, walk_with_stray_frame_pointer);
		CHECK_UINT_EQ(n_frames, DEPTH);
		CHECK(is_cut);
	}
	CHECK_INT_LE(n_checks, 2);
	CHECK(hp_frame_rule_init(true));
}

static __attribute__((constructor)) void prepare(void)
{
	hp_thread_init();
	hp_modules_init(false /* late */);
	if (!hp_frame_rule_init(true /* use tables */))
		abort();
}

TEST_MAIN(TEST(test_a_large_frame_costs_what_a_small_one_does),
	  TEST(test_a_large_frame_in_a_thread), TEST(test_a_deep_stack_is_checked_once),
	  TEST(test_a_deep_stack_in_a_thread), TEST(test_a_coroutine_is_not_home),
	  TEST(test_a_deep_coroutine_is_not_home),
	  TEST(test_the_main_stack_is_not_probed_from_elsewhere),
	  TEST(test_a_stray_frame_pointer_costs_one_check), TEST(test_pages_are_a_budget),
	  TEST(test_a_stack_loses_its_outer_part), TEST(test_steps_are_a_budget),
	  TEST(test_a_stack_is_cut_if_it_has_more_frames),
	  TEST(test_a_stray_frame_pointer_is_checked_once_a_walk))
