/* SPDX-License-Identifier: MIT */
/* A target with a heap of glibc's main arena, data, and the stack of a thread, which are arrays. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/heap_graph.h"

#define FAKE_HEAP  UINT64_C(0x500000000000)
#define FAKE_DATA  UINT64_C(0x400000000000)
#define FAKE_STACK UINT64_C(0x600000000000)

enum {
	FAKE_HEAP_WORDS = 8192,
	FAKE_WORDS = 512, /* of data, and of a stack */
	FAKE_ARENA = 64,  /* in the data: the words of the main arena */
	FAKE_STACK_LIVE = 256,
};

struct fake_heap {
	struct hp_target target;
	struct hp_target_mapping mappings[3];
	uint64_t heap[FAKE_HEAP_WORDS], data[FAKE_WORDS], stack[FAKE_WORDS];
	uint64_t registers[2];
	size_t n; /* words of the heap that are in chunks */
};

static inline uint64_t *fake_word(struct fake_heap *f, uint64_t address)
{
	if (address - FAKE_HEAP < sizeof(f->heap))
		return &f->heap[(address - FAKE_HEAP) / 8];
	if (address - FAKE_DATA < sizeof(f->data))
		return &f->data[(address - FAKE_DATA) / 8];
	if (address - FAKE_STACK < sizeof(f->stack))
		return &f->stack[(address - FAKE_STACK) / 8];
	return NULL;
}

static inline bool fake_read(struct hp_target *t, const struct hp_target_piece *pieces, size_t n)
{
	struct fake_heap *f = (struct fake_heap *)t;

	for (size_t i = 0; i < n; i++) {
		if (pieces[i].size == 0)
			continue;
		if (!fake_word(f, pieces[i].address) ||
		    fake_word(f, pieces[i].address + pieces[i].size - 1) !=
			    fake_word(f, pieces[i].address) + (pieces[i].size - 1) / 8)
			return false;
		memcpy(pieces[i].to, fake_word(f, pieces[i].address), pieces[i].size);
	}
	return true;
}

static inline bool fake_pages(struct hp_target *t, struct hp_target_range *range, bool with_swapped)
{
	const struct hp_target_mapping *m = hp_target_mapping_at(t, range->start);

	if (!m)
		return false;
	range->end = range->end < m->end ? range->end : m->end;
	return true;
}

static inline int fake_threads(struct hp_target *t, struct hp_target_threads *threads)
{
	struct fake_heap *f = (struct fake_heap *)t;
	struct {
		uint64_t words[27]; /* struct user_regs_struct */
	} registers = {.words = {f->registers[0], f->registers[1]}};

	registers.words[19] = FAKE_STACK + 8 * FAKE_STACK_LIVE + 128; /* rsp, above the red zone */
	return hp_target_add_thread(t, threads, 1, &registers, sizeof(registers));
}

static const struct hp_target_ops fake_ops = {
	.read = fake_read, .next_pages = fake_pages, .read_threads = fake_threads};

static inline struct hp_target_mapping fake_mapping(uint64_t start, size_t size, const char *path)
{
	return (struct hp_target_mapping){
		.start = start,
		.end = start + size,
		.is_readable = true,
		.is_writable = true,
		.is_private = true,
		.path = path,
		.path_size = strlen(path),
	};
}

/* Adds a chunk for a block of that size. Returns the block's address. */
static inline uint64_t fake_block(struct fake_heap *f, size_t size)
{
	size_t words = (size + 8 + 15) / 16 * 2;

	if (words < 4)
		words = 4;
	f->heap[f->n + 1] = words * 8 | 1;
	f->n += words;
	return FAKE_HEAP + (f->n - words + 2) * 8;
}

/* Marks a block free as a list of chunks does: the next one says so. Call it before the next one is
 * added, then add that one by fake_block_after_free(). */
static inline uint64_t fake_block_after_free(struct fake_heap *f, size_t size)
{
	uint64_t block = fake_block(f, size);

	*fake_word(f, block - 8) &= ~UINT64_C(1);
	return block;
}

static inline void fake_init(struct fake_heap *f)
{
	memset(f, 0, sizeof(*f));
	f->mappings[0] = fake_mapping(FAKE_DATA, sizeof(f->data), "/usr/lib/libc.so.6");
	f->mappings[1] = fake_mapping(FAKE_HEAP, sizeof(f->heap), "[heap]");
	f->mappings[2] = fake_mapping(FAKE_STACK, sizeof(f->stack), "[stack]");
	f->target.ops = &fake_ops;
	f->target.mappings = f->mappings;
	f->target.n_mappings = 3;
	f->target.outer_pid = 1;
}

/* Makes the rest of the heap its top. */
static inline void fake_finish(struct fake_heap *f)
{
	uint64_t top = FAKE_HEAP + f->n * 8;

	f->heap[f->n + 1] = (FAKE_HEAP_WORDS - f->n) * 8 | 1;
	f->data[FAKE_ARENA + 12] = top;
	f->data[FAKE_ARENA + 14] = FAKE_DATA + (FAKE_ARENA + 12) * 8; /* an empty list */
}
