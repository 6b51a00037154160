/* SPDX-License-Identifier: MIT */
/* A test double of Yama's kernel.yama.ptrace_scope, to be preloaded. It has the value of
 * $YAMA_SCOPE, and refuses what the kernel refuses then to a process that is not an ancestor. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int scope(void)
{
	return atoi(getenv("YAMA_SCOPE"));
}

static int is_refused(void)
{
	return scope() == 3 || (scope() > 0 && geteuid() != 0);
}

static int open_scope(void)
{
	const char *value = getenv("YAMA_SCOPE");
	int fd = memfd_create("scope", MFD_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0 || write(fd, "\n", 1) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		abort();
	return fd;
}

static int open_file(const char *name, const char *path, int flags, mode_t mode)
{
	int (*next)(const char *, int, ...) =
		(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
	const char *last = strrchr(path, '/');

	if (strcmp(path, "/proc/sys/kernel/yama/ptrace_scope") == 0)
		return open_scope();
	if (strncmp(path, "/proc/", 6) == 0 && strcmp(last, "/mem") == 0 && is_refused()) {
		errno = EACCES;
		return -1;
	}
	return next(path, flags, mode);
}

#define OPEN(name)                                          \
	int name(const char *path, int flags, ...)          \
	{                                                   \
		va_list arguments;                          \
		mode_t mode;                                \
                                                            \
		va_start(arguments, flags);                 \
		mode = va_arg(arguments, mode_t);           \
		va_end(arguments);                          \
		return open_file(#name, path, flags, mode); \
	}

OPEN(open)
OPEN(open64)

ssize_t process_vm_readv(pid_t pid, const struct iovec *to, unsigned long n_to,
			 const struct iovec *from, unsigned long n_from, unsigned long flags)
{
	ssize_t (*next)(pid_t, const struct iovec *, unsigned long, const struct iovec *,
			unsigned long, unsigned long) =
		(ssize_t(*)(pid_t, const struct iovec *, unsigned long, const struct iovec *,
			    unsigned long, unsigned long))dlsym(RTLD_NEXT, "process_vm_readv");

	if (!is_refused())
		return next(pid, to, n_to, from, n_from, flags);
	errno = EPERM;
	return -1;
}
