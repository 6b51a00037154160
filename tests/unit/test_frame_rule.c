/* SPDX-License-Identifier: MIT */
/* The rules of functions that are written in assembly, so that each instruction's rule is known.
 * Nothing here is called: only rules are asked for. Each test runs in a child, since libunwind and
 * the cache of rules can't be set up again in one process. */
#include "process/modules.h"
#include "record/thread.h"
#include "test.h"
#include "unwind/frame_rule.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern const char framed_entry[], framed_pushed[], framed_moved[], framed_called[];
extern const char outermost[], without_table[], wide_frame[], realigned[];

/* clang-format off */
__asm__(".text\n"
	"framed_entry:\n"
	"	.cfi_startproc\n"
	"	push %rbp\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbp, -16\n"
	"framed_pushed:\n"
	"	mov %rsp, %rbp\n"
	"	.cfi_def_cfa_register %rbp\n"
	"framed_moved:\n"
	"	call *8(%rax)\n"
	"framed_called:\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined %rip\n"
	"outermost:\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	/* As gcc describes a realigned frame: CFA = *(bp - 8), and the caller's bp is at bp. */
	"	.cfi_startproc\n"
	"	.cfi_escape 0x0f, 3, 0x76, 0x78, 0x06\n"
	"	.cfi_escape 0x10, 6, 2, 0x76, 0\n"
	"realigned:\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	/* No rule has room for this offset. */
	"	.cfi_startproc\n"
	"	.cfi_escape 0x0e, 0x80, 0x80, 0x80, 0x80, 0x10\n"
	"wide_frame:\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	"	ud2\n"
	"without_table:\n"
	"	ud2\n");
/* clang-format on */

static void in_child(bool use_tables, void (*check)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		test_failures = 0;
		hp_thread_init();
		hp_modules_init(false /* late */);
		CHECK(hp_frame_rule_init(use_tables));
		check();
		fflush(stdout);
		_exit(test_failures != 0);
	}
	CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
	CHECK_HEX_EQ(status, 0);
}

/* Asks twice: the second rule comes from the cache. */
static struct hp_frame_rule rule_of(uintptr_t ip)
{
	struct hp_frame_rule rule, again;

	hp_frame_rule_for(ip, &rule);
	hp_frame_rule_for(ip, &again);
	CHECK_INT_EQ(again.kind, rule.kind);
	CHECK_INT_EQ(again.cfa_offset, rule.cfa_offset);
	CHECK_INT_EQ(again.bp_offset, rule.bp_offset);
	CHECK_INT_EQ(again.is_call, rule.is_call);
	CHECK_INT_EQ(again.place, rule.place);
	return rule;
}

static void check_rule(struct hp_frame_rule rule, enum hp_rule_kind kind, int cfa_offset,
		       int bp_offset)
{
	CHECK_INT_EQ(rule.kind, kind);
	CHECK_INT_EQ(rule.cfa_offset, cfa_offset);
	CHECK_INT_EQ(rule.bp_offset, bp_offset);
}

static void check_frames(void)
{
	check_rule(rule_of((uintptr_t)framed_entry), HP_RULE_SP, 8, HP_BP_UNCHANGED);
	check_rule(rule_of((uintptr_t)framed_pushed), HP_RULE_SP, 16, -16);
	check_rule(rule_of((uintptr_t)framed_moved), HP_RULE_BP, 16, -16);
	check_rule(rule_of((uintptr_t)realigned), HP_RULE_DEREF_BP, -8, 0);
	CHECK_INT_EQ(rule_of((uintptr_t)outermost).kind, HP_RULE_END);
}

static void test_frames(void)
{
	in_child(true, check_frames);
}

static void check_no_rule(void)
{
	CHECK_INT_EQ(rule_of((uintptr_t)without_table).kind, HP_RULE_NONE);
	CHECK_INT_EQ(rule_of((uintptr_t)wide_frame).kind, HP_RULE_NONE);
}

static void test_no_rule(void)
{
	in_child(true, check_no_rule);
}

static void check_outside_of_libraries(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	errno = 77;
	CHECK_INT_EQ(rule_of((uintptr_t)page + 100).kind, HP_RULE_ALIEN);
	CHECK(!rule_of((uintptr_t)page + 100).is_call);
	mprotect(page, 4096, PROT_NONE);
	errno = 77;
	CHECK_INT_EQ(rule_of((uintptr_t)page + 200).kind, HP_RULE_NOT_CODE);
	CHECK_INT_EQ(errno, 77);
	CHECK_INT_EQ(rule_of(16).kind, HP_RULE_NOT_CODE);
}

static void test_outside_of_libraries(void)
{
	in_child(true, check_outside_of_libraries);
}

static void check_calls(void)
{
	struct hp_frame_rule rule = rule_of((uintptr_t)framed_called - 1);

	CHECK(rule.is_call);
	check_rule(rule, HP_RULE_BP, 16, -16);
	CHECK(!rule_of((uintptr_t)framed_called - 2).is_call);
	CHECK(!rule_of((uintptr_t)framed_called).is_call);
	CHECK_INT_EQ(rule.place, HP_PLACE_FIXED);
	CHECK_HEX_EQ(hp_frame_rule_frame((uintptr_t)framed_called - 1, &rule),
		     hp_frame_make((uintptr_t)framed_called, HP_MODULE_PERMANENT));
}

static void test_calls(void)
{
	in_child(true, check_calls);
}

static volatile uintptr_t trampoline;

static __attribute__((noinline)) void handle(int signal)
{
	trampoline = (uintptr_t)__builtin_return_address(0);
}

static void check_trampoline(void)
{
	signal(SIGUSR1, handle);
	raise(SIGUSR1);
	CHECK_INT_EQ(rule_of(trampoline).kind, HP_RULE_SIGNAL);
}

static void test_signal_handler(void)
{
	in_child(true, check_trampoline);
}

/* The rule from a table does not replace the rule that is used otherwise. */
static void check_without_tables(void)
{
	struct hp_frame_rule rule;

	CHECK_INT_EQ(rule_of((uintptr_t)framed_pushed).kind, HP_RULE_NONE);
	hp_frame_rule_from_table((uintptr_t)framed_pushed, &rule);
	check_rule(rule, HP_RULE_SP, 16, -16);
	CHECK_INT_EQ(rule_of((uintptr_t)framed_pushed).kind, HP_RULE_NONE);
	CHECK(rule_of((uintptr_t)framed_called - 1).is_call);
	hp_frame_rule_from_table((uintptr_t)framed_pushed, &rule);
	check_rule(rule, HP_RULE_SP, 16, -16);
}

static void test_without_tables(void)
{
	in_child(false, check_without_tables);
}

/* After a fork that left libunwind's locks held, known rules are all that there is. */
static void check_after_forks(void)
{
	hp_frame_rule_after_fork(true);
	check_rule(rule_of((uintptr_t)framed_entry), HP_RULE_SP, 8, HP_BP_UNCHANGED);
	hp_frame_rule_after_fork(false);
	hp_frame_rule_after_fork(true); /* a later fork does not release the locks */
	check_rule(rule_of((uintptr_t)framed_entry), HP_RULE_SP, 8, HP_BP_UNCHANGED);
	CHECK_INT_EQ(rule_of((uintptr_t)framed_moved).kind, HP_RULE_NONE);
}

static void test_forks(void)
{
	in_child(true, check_after_forks);
}

TEST_MAIN(TEST(test_frames), TEST(test_no_rule), TEST(test_outside_of_libraries), TEST(test_calls),
	  TEST(test_signal_handler), TEST(test_without_tables), TEST(test_forks))
