/* SPDX-License-Identifier: MIT */
/* System calls on children of this process that compute, wait and get signals; and what becomes of
 * them if the caller is killed at any step. */
#include "inject/leftovers.h"
#include "inject/slack.h"
#include "inject/system_call.h"
#include "kill_at_step.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUNDS = 100,
	KILLS = 40, /* or $HEAPPROF_TEST_KILLS */
	PATIENCE_MS = 60000,
};

/* --- children -----------------------------------------------------------------------------------
 */

/* Fills registers, the red zone and the carry flag, counts %rcx down, and compares all. Returns 0
 * if they are the same. */
int spin_checked(uint64_t n);
__asm__("	.text\n"
	"	.globl spin_checked\n"
	"	.type spin_checked, @function\n"
	"spin_checked:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	"
	"push %r15\n"
	"	mov %rdi, %rcx\n"
	"	mov $0x1001, %rax\n	mov $0x1002, %rbx\n	mov $0x1003, %rdx\n"
	"	mov $0x1004, %rsi\n	mov $0x1005, %rdi\n	mov $0x1006, %rbp\n"
	"	mov $0x1007, %r8\n	mov $0x1008, %r9\n	mov $0x1009, %r10\n"
	"	mov $0x100a, %r11\n	mov $0x100b, %r12\n	mov $0x100c, %r13\n"
	"	mov $0x100d, %r14\n	mov $0x100e, %r15\n"
	"	movq %r15, %xmm7\n"
	"	mov %r14, -8(%rsp)\n	mov %r13, -128(%rsp)\n"
	"	stc\n"
	"1:	jnc 9f\n"
	"	lea -1(%rcx), %rcx\n"
	"	jrcxz 2f\n"
	"	jmp 1b\n"
	"2:	cmp $0x1001, %rax\n	jne 9f\n	cmp $0x1002, %rbx\n	jne 9f\n"
	"	cmp $0x1003, %rdx\n	jne 9f\n	cmp $0x1004, %rsi\n	jne 9f\n"
	"	cmp $0x1005, %rdi\n	jne 9f\n	cmp $0x1006, %rbp\n	jne 9f\n"
	"	cmp $0x1007, %r8\n	jne 9f\n	cmp $0x1008, %r9\n	jne 9f\n"
	"	cmp $0x1009, %r10\n	jne 9f\n	cmp $0x100a, %r11\n	jne 9f\n"
	"	cmp $0x100b, %r12\n	jne 9f\n	cmp $0x100c, %r13\n	jne 9f\n"
	"	cmp $0x100d, %r14\n	jne 9f\n	cmp $0x100e, %r15\n	jne 9f\n"
	"	cmp %r14, -8(%rsp)\n	jne 9f\n	cmp %r13, -128(%rsp)\n	jne 9f\n"
	"	movq %xmm7, %rax\n	cmp %r15, %rax\n	jne 9f\n"
	"	xor %eax, %eax\n"
	"	jmp 3f\n"
	"9:	mov $1, %eax\n"
	"3:	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	"
	"pop %rbx\n"
	"	ret\n"
	"	.size spin_checked, . - spin_checked\n");

struct shared { /* by the child and us */
	volatile uint64_t n_rounds, n_signals;
	volatile int result, error;
};

struct child {
	pid_t pid;
	struct shared *shared;
	int wake, report; /* pipes */
};

static struct shared *shared_of_child;

static void count_signal(int signal)
{
	shared_of_child->n_signals++;
}

typedef int child_work(int wake);

static int spin(int wake)
{
	for (;;) {
		if (spin_checked(100000))
			_exit(3);
		shared_of_child->n_rounds++;
	}
}

static int spin_with_signals(int wake)
{
	const struct itimerval often = {{0, 1000}, {0, 1000}};

	setitimer(ITIMER_REAL, &often, NULL);
	return spin(wake);
}

static int wait_in_read(int wake)
{
	char c;

	return (int)read(wake, &c, 1);
}

static int wait_in_poll(int wake)
{
	struct pollfd fd = {.fd = wake, .events = POLLIN};

	return poll(&fd, 1, -1);
}

static int wait_in_poll_with_a_limit(int wake)
{
	struct pollfd fd = {.fd = wake, .events = POLLIN};

	return poll(&fd, 1, 3600 * 1000);
}

static int wait_in_pause(int wake)
{
	return pause();
}

static int wait_in_sigsuspend(int wake)
{
	sigset_t none;

	sigemptyset(&none);
	return sigsuspend(&none);
}

static int wait_in_nanosleep(int wake)
{
	const struct timespec hour = {.tv_sec = 3600};

	return nanosleep(&hour, NULL);
}

static void run_child(struct child *c, child_work *work, const int wake[2], const int report[2])
{
	struct sigaction action = {.sa_handler = count_signal}; /* no SA_RESTART */
	sigset_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(wake[1]);
	close(report[0]);
	shared_of_child = c->shared;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	(void)!write(report[1], "r", 1);
	c->shared->result = work(wake[0]);
	c->shared->error = errno;
	(void)!write(report[1], "d", 1);
	pause();
	_exit(0);
}

static void await_report(const struct child *c)
{
	struct pollfd fd = {.fd = c->report, .events = POLLIN};
	char byte;

	CHECK_INT_EQ(poll(&fd, 1, PATIENCE_MS), 1);
	CHECK(fd.revents & POLLIN && read(c->report, &byte, 1) == 1);
}

static struct child make_child(child_work *work)
{
	struct child c;
	int wake[2], report[2];

	c.shared = mmap(NULL, sizeof(*c.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (c.shared == MAP_FAILED || pipe(wake) || pipe(report))
		abort();
	fflush(stdout);
	c.pid = fork();
	if (c.pid == 0)
		run_child(&c, work, wake, report);
	close(wake[0]);
	close(report[1]);
	c.wake = wake[1];
	c.report = report[0];
	await_report(&c);
	return c;
}

static void end_child(struct child *c)
{
	int status;

	CHECK_INT_EQ(waitpid(c->pid, &status, WNOHANG), 0); /* it is alive */
	kill(c->pid, SIGKILL);
	waitpid(c->pid, &status, 0);
	close(c->wake);
	close(c->report);
	munmap(c->shared, sizeof(*c->shared));
}

/* --- what /proc says of a child ------------------------------------------------------------------
 */

static void nap(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

static void status_value(pid_t pid, const char *key, char *out, size_t size)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	*out = '\0';
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			snprintf(out, size, "%s", line + strlen(key) + 2);
	if (file)
		fclose(file);
	out[strcspn(out, "\n")] = '\0';
}

static void check_mask(pid_t pid)
{
	char mask[64];

	status_value(pid, "SigBlk", mask, sizeof(mask));
	CHECK_STR_EQ(mask, "0000000000000800"); /* SIGUSR2 */
}

/* Waits until the state is one of these letters. */
static void await_state(pid_t pid, const char *states)
{
	char state[64];

	for (int i = 0; i < PATIENCE_MS; i++) {
		status_value(pid, "State", state, sizeof(state));
		if (state[0] && strchr(states, state[0]))
			return;
		nap();
	}
	TEST_FAIL("the state is %s", state);
}

static void await_rounds(const struct child *c, uint64_t n)
{
	uint64_t end = c->shared->n_rounds + n;
	int i;

	for (i = 0; i < PATIENCE_MS && c->shared->n_rounds < end; i++)
		nap();
	CHECK_INT_LT(i, PATIENCE_MS);
}

/* --- calls ------------------------------------------------------------------------------------ */

/* Stops the child. A signal that is to be delivered first is delivered. */
static bool stop(pid_t pid)
{
	int status = 0;

	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || waitpid(pid, &status, __WALL) != pid)
		return false;
	while (WIFSTOPPED(status) && status >> 16 == 0) {
		ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)WSTOPSIG(status));
		if (waitpid(pid, &status, __WALL) != pid)
			return false;
	}
	return status >> 16 == PTRACE_EVENT_STOP;
}

/* Makes calls on the stopped child that leave nothing. Returns false if one failed. */
static bool make_calls(struct hp_target *t, pid_t pid)
{
	const struct hp_stub_call get_pid = {.number = SYS_getpid};
	const struct hp_stub_call map = {
		.number = SYS_mmap,
		.arguments = {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0}};
	struct hp_stub_call unmap = {.number = SYS_munmap, .arguments = {0, 4096}};
	struct hp_system_call_host *host;
	int64_t result = 0;
	bool is_right;

	if (hp_system_call_begin(t, pid, &host))
		return false;
	is_right = !hp_system_call(host, &get_pid, &result) && result == pid &&
		   !hp_system_call(host, &map, &result) && result > 0;
	unmap.arguments[0] = (uint64_t)result;
	is_right = is_right && !hp_system_call(host, &unmap, &result) && result == 0 &&
		   !hp_system_call(host, &unmap, &result) && result == 0;
	unmap.arguments[0] = 1;
	is_right = is_right && !hp_system_call(host, &unmap, &result) && result == -EINVAL;
	hp_system_call_end(host);
	return is_right;
}

static struct hp_target *open_child(pid_t pid)
{
	struct hp_target *t;

	CHECK_INT_EQ(hp_target_open_process(pid, &t), 0);
	CHECK_STR_EQ(t->message, "");
	return t;
}

static uint64_t slack_of(struct hp_target *t)
{
	uint64_t slack = 0;

	CHECK_INT_EQ(hp_slack_find(t, &slack), 0);
	return slack;
}

/* Stops the child, makes calls and lets it go, some times. */
static void check_rounds(const struct child *c, int n)
{
	struct hp_target *t = open_child(c->pid);
	uint64_t slack = slack_of(t);

	for (int i = 0; i < n; i++) {
		CHECK_INT_EQ(ptrace(PTRACE_SEIZE, c->pid, NULL, NULL), 0);
		CHECK(stop(c->pid));
		CHECK(make_calls(t, c->pid));
		CHECK_STR_EQ(t->message, "");
		ptrace(PTRACE_DETACH, c->pid, NULL, NULL);
	}
	CHECK_HEX_EQ(slack_of(t), slack); /* it is cleared */
	hp_target_close(t);
}

static void test_a_thread_that_computes(void)
{
	struct child c = make_child(spin);

	for (int i = 0; i < ROUNDS / 10; i++) {
		check_rounds(&c, 10);
		await_rounds(&c, 2);
		check_mask(c.pid);
	}
	end_child(&c);
}

static void test_a_thread_that_gets_signals(void)
{
	struct child c = make_child(spin_with_signals);
	uint64_t n;

	check_rounds(&c, ROUNDS);
	n = c.shared->n_signals;
	await_rounds(&c, 2);
	for (int i = 0; i < PATIENCE_MS && c.shared->n_signals == n; i++)
		nap();
	CHECK(c.shared->n_signals > n);
	end_child(&c);
}

/* Each wait goes on after the calls, and ends as it would have: by a byte, or by a signal. */
static void check_wait(child_work *work, bool is_ended_by_signal)
{
	struct child c = make_child(work);

	await_state(c.pid, "S");
	check_rounds(&c, 5);
	await_state(c.pid, "S");
	if (is_ended_by_signal)
		kill(c.pid, SIGUSR1);
	else
		CHECK_INT_EQ(write(c.wake, "w", 1), 1);
	await_report(&c);
	CHECK_INT_EQ(c.shared->result, is_ended_by_signal ? -1 : 1);
	if (is_ended_by_signal)
		CHECK_INT_EQ(c.shared->error, EINTR);
	CHECK_UINT_EQ(c.shared->n_signals, is_ended_by_signal);
	check_mask(c.pid);
	end_child(&c);
}

static void test_threads_that_wait(void)
{
	check_wait(wait_in_read, false);
	check_wait(wait_in_poll, false);
	check_wait(wait_in_poll_with_a_limit, false);
	check_wait(wait_in_pause, true);
	check_wait(wait_in_sigsuspend, true);
	check_wait(wait_in_nanosleep, true);
}

/* A signal that arrives while the thread is stopped ends its wait, as it would have without us. */
static void check_signal_meanwhile(child_work *work, int signal)
{
	struct child c = make_child(work);
	struct hp_target *t = open_child(c.pid);

	await_state(c.pid, "S");
	CHECK_INT_EQ(ptrace(PTRACE_SEIZE, c.pid, NULL, NULL), 0);
	CHECK(stop(c.pid));
	kill(c.pid, signal);
	CHECK(make_calls(t, c.pid));
	CHECK_UINT_EQ(c.shared->n_signals, 0); /* no handler runs in the stub */
	ptrace(PTRACE_DETACH, c.pid, NULL, NULL);
	await_report(&c);
	CHECK_UINT_EQ(c.shared->n_signals, 1);
	CHECK_INT_EQ(c.shared->result, -1);
	CHECK_INT_EQ(c.shared->error, EINTR);
	check_mask(c.pid);
	hp_target_close(t);
	end_child(&c);
}

static void test_a_signal_meanwhile(void)
{
	check_signal_meanwhile(wait_in_read, SIGUSR1);
	check_signal_meanwhile(wait_in_pause, SIGUSR1);
	check_signal_meanwhile(wait_in_nanosleep, SIGUSR1);
	check_signal_meanwhile(wait_in_sigsuspend, SIGUSR1);
	check_signal_meanwhile(wait_in_sigsuspend, SIGUSR2); /* blocked outside the call only */
}

static void test_a_stop_signal_meanwhile(void)
{
	struct child c = make_child(spin);
	struct hp_target *t = open_child(c.pid);

	CHECK_INT_EQ(ptrace(PTRACE_SEIZE, c.pid, NULL, NULL), 0);
	CHECK(stop(c.pid));
	kill(c.pid, SIGSTOP);
	CHECK(make_calls(t, c.pid));
	ptrace(PTRACE_DETACH, c.pid, NULL, NULL);
	await_state(c.pid, "T");
	kill(c.pid, SIGCONT);
	await_rounds(&c, 2);
	hp_target_close(t);
	end_child(&c);
}

static void test_without_writing_by_proc(void)
{
	struct child c = make_child(spin);

	is_pwrite_refused = true;
	check_rounds(&c, 5);
	is_pwrite_refused = false;
	await_rounds(&c, 2);
	end_child(&c);
}

static void test_a_process_that_is_killed_meanwhile(void)
{
	struct child c = make_child(spin);
	struct hp_target *t = open_child(c.pid);
	struct hp_system_call_host *host;
	const struct hp_stub_call get_pid = {.number = SYS_getpid};
	int64_t result;

	CHECK_INT_EQ(ptrace(PTRACE_SEIZE, c.pid, NULL, NULL), 0);
	CHECK(stop(c.pid));
	CHECK_INT_EQ(hp_system_call_begin(t, c.pid, &host), 0);
	kill(c.pid, SIGKILL);
	CHECK_INT_EQ(hp_system_call(host, &get_pid, &result), HP_TARGET_E);
	CHECK_STR_EQ(t->message, "the process ended meanwhile");
	CHECK_INT_EQ(hp_system_call(host, &get_pid, &result), HP_TARGET_E);
	hp_system_call_end(host);
	hp_target_close(t);
	waitpid(c.pid, NULL, 0);
	close(c.wake);
	close(c.report);
}

static void test_a_restartable_sequence(void)
{
	struct child c = make_child(spin);
	struct hp_target *t = open_child(c.pid);
	struct hp_system_call_host *host;
	uint64_t configuration[3] = {0}, section = 0;

	CHECK_INT_EQ(ptrace(PTRACE_SEIZE, c.pid, NULL, NULL), 0);
	CHECK(stop(c.pid));
	if (__real_ptrace(0x420f, c.pid, sizeof(configuration), configuration) < 0 ||
	    !configuration[0]) {
		printf("# no restartable sequences here\n");
	} else {
		uint64_t field = configuration[0] + 8;

		CHECK(hp_target_read(t, field, &section, sizeof(section)) && section == 0);
		CHECK(hp_system_call_can_host(t, c.pid));
		ptrace(PTRACE_POKEDATA, c.pid, (void *)(uintptr_t)field, (void *)4711);
		CHECK(!hp_system_call_can_host(t, c.pid));
		CHECK_INT_EQ(hp_system_call_begin(t, c.pid, &host), HP_TARGET_E);
		CHECK(host == NULL);
		CHECK(strstr(t->message, "restartable sequence") != NULL);
		ptrace(PTRACE_POKEDATA, c.pid, (void *)(uintptr_t)field, NULL);
		CHECK(hp_system_call_can_host(t, c.pid));
	}
	ptrace(PTRACE_DETACH, c.pid, NULL, NULL);
	hp_target_close(t);
	end_child(&c);
}

/* --- what was left ---------------------------------------------------------------------------- */

/* Leaves a stub in the child, as a tool does that is killed before it has cleared it. */
static uint64_t leave_stub(struct hp_target *t, pid_t pid)
{
	uint64_t slack = slack_of(t);
	struct hp_system_call_host *host;

	CHECK_INT_EQ(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	CHECK(stop(pid));
	CHECK_INT_EQ(hp_system_call_begin(t, pid, &host), 0);
	CHECK_INT_EQ(hp_system_call_write(host, slack, hp_slack_mark, sizeof(hp_slack_mark)), 0);
	hp_system_call_end(host);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return slack;
}

static void test_a_stub_that_was_left(void)
{
	static const char zeroes[HP_SLACK_MARK_SIZE];
	struct child c = make_child(spin);
	struct hp_target *t = open_child(c.pid);
	char found[HP_SLACK_MARK_SIZE] = "";
	uint64_t slack;

	CHECK(!hp_leftovers_exist(t));
	slack = leave_stub(t, c.pid);
	CHECK(hp_leftovers_exist(t));
	CHECK_INT_EQ(hp_leftovers_remove(t), 0);
	CHECK_STR_EQ(t->message, "");
	CHECK(hp_target_read(t, slack, found, sizeof(found)));
	CHECK(memcmp(found, zeroes, sizeof(found)) == 0);
	CHECK(!hp_leftovers_exist(t));
	await_rounds(&c, 2);
	hp_target_close(t);
	end_child(&c);
}

/* --- kills ------------------------------------------------------------------------------------ */

/* Makes calls on the child from a process that is killed. Returns true if it was. */
static bool call_and_die(pid_t pid)
{
	int status;
	pid_t caller;

	fflush(stdout);
	caller = fork();
	if (caller == 0) {
		struct hp_target *t;

		n_steps = 0;
		if (hp_target_open_process(pid, &t) || ptrace(PTRACE_SEIZE, pid, NULL, NULL) ||
		    !stop(pid) || !make_calls(t, pid))
			_exit(1);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		_exit(0);
	}
	waitpid(caller, &status, 0);
	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

static void check_after_kill(const struct child *c, bool is_waiting)
{
	char tracer[64];

	status_value(c->pid, "TracerPid", tracer, sizeof(tracer));
	CHECK_STR_EQ(tracer, "0");
	if (is_waiting)
		await_state(c->pid, "S");
	else
		await_rounds(c, 2);
	check_mask(c->pid);
}

/* Kills the caller before and after each of its steps. Returns the number of kills. */
static int kill_at_each_step(const struct child *c, bool is_waiting)
{
	int n_kills = 0;
	bool was_killed = true;
	struct hp_target *t = open_child(c->pid);
	uint64_t slack = slack_of(t);

	for (int i = 1; was_killed && test_failures == 0; i++) {
		kill_before = i / 2 + 1;
		kill_after = NO_CALL;
		if (i % 2) {
			kill_after = kill_before;
			kill_before = NO_CALL;
		}
		was_killed = call_and_die(c->pid);
		n_kills += was_killed;
		check_after_kill(c, is_waiting);
	}
	kill_before = kill_after = NO_CALL;
	CHECK_HEX_EQ(slack_of(t), slack); /* the last one, which was not killed, has cleared it */
	hp_target_close(t);
	return n_kills;
}

static void test_a_kill_at_each_step(void)
{
	const char *asked = getenv("HEAPPROF_TEST_KILLS");
	int n = asked ? atoi(asked) : KILLS, n_kills = 0;

	while (n_kills < n && test_failures == 0) {
		struct child computes = make_child(spin), waits = make_child(wait_in_read);
		struct child sleeps = make_child(wait_in_nanosleep);

		n_kills += kill_at_each_step(&computes, false);
		n_kills += kill_at_each_step(&waits, true);
		n_kills += kill_at_each_step(&sleeps, true);
		/* All goes on. */
		check_rounds(&computes, 1);
		CHECK_INT_EQ(write(waits.wake, "w", 1), 1);
		await_report(&waits);
		CHECK_INT_EQ(waits.shared->result, 1);
		kill(sleeps.pid, SIGUSR1);
		await_report(&sleeps);
		CHECK_INT_EQ(sleeps.shared->error, EINTR);
		end_child(&computes);
		end_child(&waits);
		end_child(&sleeps);
	}
	printf("# %d kills\n", n_kills);
	CHECK_INT_LE(n, n_kills);
}

TEST_MAIN(TEST(test_a_thread_that_computes), TEST(test_a_thread_that_gets_signals),
	  TEST(test_threads_that_wait), TEST(test_a_signal_meanwhile),
	  TEST(test_a_stop_signal_meanwhile), TEST(test_without_writing_by_proc),
	  TEST(test_a_process_that_is_killed_meanwhile), TEST(test_a_restartable_sequence),
	  TEST(test_a_stub_that_was_left), TEST(test_a_kill_at_each_step))
