/* SPDX-License-Identifier: MIT */
/* Children of this process in states in which no call is made in them, and programs that are read
 * from a buffer. */
#include "inject/image.h"
#include "inject/refuse.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- processes
 * ------------------------------------------------------------------------------------ */

struct child {
	pid_t pid;
	int hold; /* it ends when this is closed */
};

static void filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = {1, &allow};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void be_strict(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}

static void do_nothing(void)
{
}

static int wait_in_shared_memory(void *context)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pause();
	return 0;
}

static void share_memory(void)
{
	static char stack[64 << 10];

	if (clone(wait_in_shared_memory, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) < 0)
		abort();
}

/* Makes a child that calls `prepare`, and waits until it has. */
static struct child make_child(void (*prepare)(void))
{
	int hold[2], ready[2];
	struct child c;
	char byte;

	if (pipe2(hold, O_CLOEXEC) || pipe2(ready, O_CLOEXEC))
		abort();
	fflush(stdout);
	c.pid = fork();
	if (c.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(hold[1]);
		prepare();
		(void)!write(ready[1], "r", 1);
		(void)!read(hold[0], &byte, 1);
		_exit(0);
	}
	close(hold[0]);
	close(ready[1]);
	CHECK_INT_EQ(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	c.hold = hold[1];
	return c;
}

static void end_child(struct child *c)
{
	close(c->hold);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
}

/* Checks the refusal's beginning; "" stands for none. */
static void check_refusal(pid_t pid, const char *expected)
{
	struct hp_target *t;
	int r;

	CHECK_INT_EQ(hp_target_open_process(pid, &t), 0);
	r = hp_refuse(t);
	CHECK_INT_EQ(r, *expected ? HP_TARGET_E : 0);
	if (*expected ? strncmp(t->message, expected, strlen(expected)) != 0 : t->message[0])
		CHECK_STR_EQ(t->message, expected);
	hp_target_close(t);
}

/* In a container all processes may have a filter. */
static bool has_filter(void)
{
	return prctl(PR_GET_SECCOMP) > 0;
}

static void check_child(void (*prepare)(void), const char *expected)
{
	struct child c = make_child(prepare);

	check_refusal(c.pid, expected);
	end_child(&c);
}

static void test_processes(void)
{
	if (!has_filter())
		check_child(do_nothing, "");
	check_child(filter, "has a seccomp filter: a system call of ours might end it; ");
	check_child(be_strict, "is in seccomp's strict mode: ");
	if (!has_filter())
		check_child(share_memory, "shares its memory with process ");
}

static void test_a_stopped_process(void)
{
	struct child c = make_child(do_nothing);
	char expected[128];
	int status;

	kill(c.pid, SIGSTOP);
	CHECK_INT_EQ(waitpid(c.pid, &status, WUNTRACED), c.pid);
	snprintf(expected, sizeof(expected), "is stopped; continue it first (kill -CONT %d)",
		 c.pid);
	check_refusal(c.pid, expected);
	kill(c.pid, SIGCONT);
	CHECK_INT_EQ(waitpid(c.pid, &status, WCONTINUED), c.pid);
	if (!has_filter())
		check_refusal(c.pid, "");
	end_child(&c);
}

static void test_a_traced_process(void)
{
	struct child c = make_child(do_nothing);
	char expected[128];

	CHECK_INT_EQ(ptrace(PTRACE_SEIZE, c.pid, NULL, NULL), 0);
	snprintf(expected, sizeof(expected),
		 "is traced by process %d, as by a debugger; end that first", (int)getpid());
	check_refusal(c.pid, expected);
	end_child(&c);
}

/* --- programs
 * --------------------------------------------------------------------------------------- */

static struct {
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[2];
	char interpreter[64];
	char more[4 << 20]; /* so that sizes, not the memory's end, must be checked */
} program;

static bool read_program(struct hp_target *t, const struct hp_target_piece *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t at = pieces[i].address - 0x400000;

		if (at > sizeof(program) || pieces[i].size > sizeof(program) - at)
			return false;
		memcpy(pieces[i].to, (const char *)&program + at, pieces[i].size);
	}
	return true;
}

static const struct hp_target_ops program_ops = {.read = read_program};

static void set_program(const char *interpreter)
{
	memset(&program, 0, offsetof(__typeof__(program), more));
	memcpy(program.header.e_ident, ELFMAG, SELFMAG);
	program.header.e_ident[EI_CLASS] = ELFCLASS64;
	program.header.e_machine = EM_X86_64;
	program.header.e_phentsize = sizeof(program.segments[0]);
	program.header.e_phnum = 2;
	program.header.e_phoff = offsetof(__typeof__(program), segments);
	program.segments[0] = (ElfW(Phdr)){.p_type = PT_LOAD,
					   .p_flags = PF_X,
					   .p_vaddr = 0x400000,
					   .p_memsz = sizeof(program)};
	if (!interpreter)
		return;
	snprintf(program.interpreter, sizeof(program.interpreter), "%s", interpreter);
	program.segments[1] = (ElfW(Phdr)){
		.p_type = PT_INTERP,
		.p_vaddr = 0x400000 + offsetof(__typeof__(program), interpreter),
		.p_filesz = strlen(interpreter) + 1,
	};
}

static void check_program(const char *expected)
{
	struct hp_target t = {
		.ops = &program_ops, .outer_pid = (int)getpid(), .task = (int)getpid()};
	char *line = strdup("400000-900000 r-xp 00000000 00:00 1 /prog\n");

	t.program = strdup("/prog");
	CHECK_INT_EQ(hp_target_parse_maps(&t, line, strlen(line)), 0);
	CHECK_INT_EQ(hp_refuse(&t), *expected ? HP_TARGET_E : 0);
	CHECK_STR_EQ(t.message, expected);
	free(t.mappings);
	free(t.maps);
	free(t.program);
}

static void test_programs(void)
{
	if (has_filter()) {
		printf("# not tested: this process has a seccomp filter, too\n");
		return;
	}
	set_program("/lib64/ld-linux-x86-64.so.2");
	check_program("");
	set_program("/lib/ld-musl-x86_64.so.1");
	check_program("runs on another C library than glibc, musl; only glibc is supported");
	set_program("/lib/ld-other.so.1");
	check_program("runs on another C library than glibc, of an unknown loader; only glibc is "
		      "supported");
	set_program(NULL);
	check_program("is a static program, which can't load a library; link it dynamically");
	set_program("/lib64/ld-linux-x86-64.so.2");
	program.header.e_ident[EI_CLASS] = ELFCLASS32;
	check_program("is a 32-bit program; only 64-bit programs are supported");
	set_program("/lib64/ld-linux-x86-64.so.2");
	program.header.e_machine = EM_AARCH64;
	check_program("is a program for another machine");
}

/* Absurd headers end in a refusal. */
static void test_hostile_programs(void)
{
	if (has_filter())
		return;
	set_program("/lib64/ld-linux-x86-64.so.2");
	program.segments[1].p_filesz = 1 << 20;
	check_program("the path of its loader can't be read");
	set_program("/lib64/ld-linux-x86-64.so.2");
	program.segments[1].p_vaddr = UINT64_MAX - 8;
	check_program("the path of its loader can't be read");
	set_program("/lib64/ld-linux-x86-64.so.2");
	program.header.e_phnum = UINT16_MAX;
	check_program("its program can't be found in its memory");
	set_program("/lib64/ld-linux-x86-64.so.2");
	program.header.e_phoff = UINT64_MAX - 64;
	check_program("its program can't be found in its memory");
	memset(&program, 0xff, sizeof(program));
	check_program("its program can't be found in its memory");
}

TEST_MAIN(TEST(test_processes), TEST(test_a_stopped_process), TEST(test_a_traced_process),
	  TEST(test_programs), TEST(test_hostile_programs))
