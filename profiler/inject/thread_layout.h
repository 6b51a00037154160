/* SPDX-License-Identifier: MIT */
/* A thread layout says where the C library of a process keeps, in its structs, what a new thread
 * needs. */
#pragma once
#include "target/target.h"

enum {
	HP_THREAD_BLOCK_MAX = 8192, /* bytes of a thread block, glibc's struct pthread */
};

struct hp_thread_layout {
	uint64_t tls_offset, tls_number; /* fields of a library */
	uint64_t thread_id;              /* a field of a thread block */
	int64_t rseq;            /* its distance from the thread pointer; 0: there is none */
	uint64_t keys, specific; /* of thread-specific data: all keys, and a field of a thread
				    block; 0 keys: the process has none */
	uint64_t libraries;      /* the first one */
};

/* Reads the layout. The threads may run. Returns 0 or HP_TARGET_E. */
int hp_thread_read_layout(struct hp_target *t, struct hp_thread_layout *out);

/* The fields of a thread block in glibc 2.31 to 2.33, and the first address that a function there
 * computes, or 0. Defined in thread_layout_MACHINE.c. */
extern const uint64_t hp_thread_layout_old_id, hp_thread_layout_old_specific;
uint64_t hp_thread_layout_first_address(struct hp_target *t, uint64_t function);
