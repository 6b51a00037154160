/* SPDX-License-Identifier: MIT */
#include "process/namespaces.h"
#include <link.h>

/* The loader's list of namespaces. A closed namespace stays in it. The list exists if the version
 * is 2 or higher, which the loader of glibc 2.35 and newer sets when it makes a second namespace.
 * If the program has a copy of this variable, it is a copy of the struct's older part, whose
 * version stays 1: then no namespace is ever seen. <link.h> declares the variable with that older
 * type. */
struct list {
	struct r_debug base;
	struct list *next;
};

extern struct list loaders_list __asm__("_r_debug");

bool hp_namespaces_are_open(void)
{
	return __atomic_load_n(&loaders_list.base.r_version, __ATOMIC_ACQUIRE) >= 2 &&
	       __atomic_load_n(&loaders_list.next, __ATOMIC_ACQUIRE);
}
