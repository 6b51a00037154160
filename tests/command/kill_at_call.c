/* SPDX-License-Identifier: MIT */
/* Runs a program, and kills it with all its children at its N-th step. A step is a call of ptrace()
 * or pwrite() by one of them, by which `heapprof` changes another process. Steps are counted from
 *1: the odd ones are before a call, the even ones after it.
 *
 *	kill_at_call N PROGRAM [ARGUMENT...]
 *
 * Prints the number of the step, if it was reached. Otherwise prints "N steps", and ends as the
 * program did. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

enum {
	CHILDREN_MAX = 64,
	OPTIONS = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
		  PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
		  PTRACE_O_EXITKILL,
	AFTER_CALL = SIGTRAP | 0x80,
};

static pid_t children[CHILDREN_MAX];
static size_t n_children;
static long n_steps, last;

/* Lets the tracer stop this process at the calls that are steps, and at no other. */
static int filter_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {N(code), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void run(char **arguments)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP) || filter_calls())
		_exit(126);
	execvp(arguments[0], arguments);
	_exit(127);
}

static void add(pid_t child)
{
	for (size_t i = 0; i < n_children; i++)
		if (children[i] == child)
			return;
	if (n_children == CHILDREN_MAX)
		exit(126); /* they are killed by PTRACE_O_EXITKILL */
	children[n_children++] = child;
}

static void kill_all(void)
{
	for (size_t i = 0; i < n_children; i++)
		kill(children[i], SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	printf("%ld\n", n_steps);
	exit(0);
}

static void step(void)
{
	if (++n_steps == last)
		kill_all();
}

/* Looks at a stop of a child, and lets it go on. */
static void go_on(pid_t child, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_SECCOMP) {
		step();
		ptrace(PTRACE_SYSCALL, child, NULL, NULL);
		return;
	}
	if (signal == AFTER_CALL)
		step();
	ptrace(PTRACE_CONT, child, NULL,
	       event || signal == AFTER_CALL || signal == SIGSTOP ? 0 : (void *)(long)signal);
}

int main(int argc, char **argv)
{
	int status, result = 126;
	pid_t first, child;

	if (argc < 3)
		return 126;
	last = strtol(argv[1], NULL, 10);
	first = fork();
	if (first == 0)
		run(argv + 2);
	if (first < 0 || waitpid(first, &status, 0) != first || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, first, NULL, (void *)OPTIONS))
		return 126;
	add(first);
	ptrace(PTRACE_CONT, first, NULL, NULL);
	while ((child = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (child < 0)
			continue;
		add(child);
		if (WIFSTOPPED(status))
			go_on(child, status);
		else if (child == first)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	printf("%ld steps\n", n_steps);
	return result;
}
