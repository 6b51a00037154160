/* SPDX-License-Identifier: MIT */
/* A filter that makes the kernel answer some system calls without executing them. */
#pragma once
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Installs a filter that answers the system calls `numbers`, a list that ends with -1, with
 * `answer`, one of SECCOMP_RET_*. It is valid for the calling thread and for all threads and
 * processes that this thread makes from then on, and can't be removed. Returns true, or false if
 * the machine has no such filters. */
static inline bool answer_calls(const int *numbers, uint32_t answer)
{
	struct sock_filter code[64];
	struct sock_fprog filter = {.filter = code};
	size_t n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (; *numbers >= 0; numbers++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, *numbers, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter.len = n;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}
