/* SPDX-License-Identifier: MIT */
/* Work apart is work in a child process, whose result is the bytes that it writes to a pipe. When
 * the child ends, the kernel undoes what it did to other processes: so they are stopped in a child.
 * A child can also give up rights: whatever parses what another user's process wrote runs with that
 * user's rights, not with root's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct hp_apart_user {
	bool is_other; /* false: the child keeps the rights of its parent */
	uid_t uid;
	gid_t gid;
};

/* Sets *out to the user whose rights suffice to parse what a process, or the owner of a file,
 * wrote. That is another one only if the caller is root. For a process of root with fewer rights
 * than ours, as in a container, and for files of root that `is_any_writer` says are written on
 * behalf of others, it is the user 65534 (nobody). */
void hp_apart_user_of_process(int pid, struct hp_apart_user *out);
void hp_apart_user_of_file(uid_t uid, gid_t gid, struct hp_apart_user *out);

enum {
	HP_APART_KEPT = 4, /* the descriptor in the child that `kept` leads to */
};

/* Runs in the child; `out` is the pipe. Anything except 0 is a failure. The descriptors 0 to 2 lead
 * to /dev/null, and all others except `kept` are closed. */
typedef int hp_apart_work(int out, void *context);

#define HP_APART_WAITS_MAX 20

struct hp_apart {
	hp_apart_work *work;
	void *context;
	int kept;         /* a descriptor that the child has as HP_APART_KEPT; -1: none */
	int waits_max;    /* seconds that the child may wait without working; 0: no limit */
	size_t max_bytes; /* of the result */
	char why[128];    /* the reason of a failure */
};

/* Runs the work in a child and waits for it. Returns true, and sets *out to the bytes, which the
 * caller frees; or returns false, and sets `why`. */
bool hp_apart_run(struct hp_apart *apart, char **out, size_t *out_size);

/* For the child: gives up all rights except those of the user, for good, and sets limits to time,
 * memory and files. Open descriptors keep their rights. Returns 0 or -errno. */
int hp_apart_become(const struct hp_apart_user *user);

/* For the child: does the same, but keeps the right to trace, CAP_SYS_PTRACE: in order to change a
 * process of that user. A file in that process's memory may be written, too. */
int hp_apart_become_tracer(const struct hp_apart_user *user);

/* For the child: writes to the pipe. Returns false on failure. */
bool hp_apart_write(int out, const void *bytes, size_t size);
