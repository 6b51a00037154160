/* SPDX-License-Identifier: MIT */
/* Counts the instructions that the first thread of a process executes from here to its next output,
 * step by step. Other programs on the machine do not affect the number.
 *
 *	count_instructions PID
 *
 * Prints a line when it counts, and then the number. */
#include "bench.h"
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void await_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		exit(1);
}

/* Returns true if the next instruction writes to standard output. */
static bool is_before_output(pid_t pid)
{
	static const uint8_t call[] = {0x0f, 0x05};
	struct user_regs_struct registers;
	uint8_t code[sizeof(call)];
	struct iovec to = {code, sizeof(code)}, from = {NULL, sizeof(code)};

	if (ptrace(PTRACE_GETREGS, pid, NULL, &registers))
		exit(1);
	if (registers.rax != SYS_write || registers.rdi != STDOUT_FILENO)
		return false;
	from.iov_base = (void *)(uintptr_t)registers.rip;
	return process_vm_readv(pid, &to, 1, &from, 1, 0) == sizeof(code) &&
	       memcmp(code, call, sizeof(call)) == 0;
}

int main(int argc, char **argv)
{
	pid_t pid = argc > 1 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
	long n = 0;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
		return 1;
	await_stop(pid);
	puts("counts");
	fflush(stdout);
	do {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			return 1;
		await_stop(pid);
		n++;
	} while (!is_before_output(pid));
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	printf("%ld\n", n);
	return 0;
}
