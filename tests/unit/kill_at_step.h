/* SPDX-License-Identifier: MIT */
/* Kills this process before or after its N-th step, a call of ptrace() or pwrite(). Link with
 * -Wl,--wrap=ptrace,--wrap=pwrite. */
#pragma once
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/types.h>

enum {
	NO_CALL = 1 << 30,
};

static int n_steps, kill_before = NO_CALL, kill_after = NO_CALL;
static bool is_pwrite_refused;

static void step(void)
{
	if (++n_steps == kill_before)
		raise(SIGKILL);
}

static void stepped(void)
{
	if (n_steps == kill_after)
		raise(SIGKILL);
}

long __real_ptrace(int request, ...);
long __wrap_ptrace(int request, ...);
ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t at);

long __wrap_ptrace(int request, ...)
{
	va_list arguments;
	long r;

	va_start(arguments, request);
	pid_t pid = va_arg(arguments, pid_t);
	void *address = va_arg(arguments, void *);
	void *data = va_arg(arguments, void *);

	va_end(arguments);
	step();
	r = __real_ptrace(request, pid, address, data);
	stepped();
	return r;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	ssize_t r;

	if (is_pwrite_refused) {
		errno = EIO;
		return -1;
	}
	step();
	r = __real_pwrite(fd, bytes, size, at);
	stepped();
	return r;
}
