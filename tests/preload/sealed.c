/* SPDX-License-Identifier: MIT */
/* Runs a program as if the kernel lacked something. argv: a list, separated by commas, of
 * "no-tmpfile" (no files without a name), "no-proc" (a file without a name can't be given one) and
 * "die" (the first write to a dump kills the process); then the program and its arguments. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field)               BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value)             BPF_STMT(BPF_RET | BPF_K, value)
#define SKIP_UNLESS(op, value, n) BPF_JUMP(BPF_JMP | op | BPF_K, value, 0, n)

enum {
	OWN_DESCRIPTORS = 64 /* the library uses descriptors from here on */
};

static const struct sock_filter no_tmpfile[] = {
	LOAD(nr),
	SKIP_UNLESS(BPF_JEQ, SYS_openat, 3),
	LOAD(args[2]),
	SKIP_UNLESS(BPF_JSET, O_TMPFILE & ~O_DIRECTORY, 1),
	RETURN(SECCOMP_RET_ERRNO | EOPNOTSUPP),
	RETURN(SECCOMP_RET_ALLOW),
};

static const struct sock_filter no_proc[] = {
	LOAD(nr),
	SKIP_UNLESS(BPF_JEQ, SYS_linkat, 1),
	RETURN(SECCOMP_RET_ERRNO | ENOENT),
	RETURN(SECCOMP_RET_ALLOW),
};

static const struct sock_filter die[] = {
	LOAD(nr),
	SKIP_UNLESS(BPF_JEQ, SYS_write, 3),
	LOAD(args[0]),
	SKIP_UNLESS(BPF_JGE, OWN_DESCRIPTORS, 1),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	RETURN(SECCOMP_RET_ALLOW),
};

static const struct {
	const char *name;
	const struct sock_filter *filter;
	size_t size;
} seals[] = {
	{"no-tmpfile", no_tmpfile, sizeof(no_tmpfile)},
	{"no-proc", no_proc, sizeof(no_proc)},
	{"die", die, sizeof(die)},
};

static int seal(const char *name)
{
	for (size_t i = 0; i < sizeof(seals) / sizeof(seals[0]); i++) {
		struct sock_fprog program = {seals[i].size / sizeof(struct sock_filter),
					     (struct sock_filter *)seals[i].filter};

		if (strcmp(seals[i].name, name) == 0)
			return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	}
	return -1;
}

int main(int argc, char **argv)
{
	if (argc < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 98;
	for (char *name = strtok(argv[1], ","); name; name = strtok(NULL, ","))
		if (seal(name) != 0) {
			perror(name);
			return 97;
		}
	execv(argv[2], argv + 2);
	return 99;
}
