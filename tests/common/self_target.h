/* SPDX-License-Identifier: MIT */
/* This process as a target, with profiler's tables of its own. Bytes that are read can be changed
 * on the way, to simulate a hostile process. */
#pragma once
#include "base/view.h"
#include "process/modules.h"
#include "process/process.h"
#include "record/session.h"
#include "tables/stacks.h"
#include "target/snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	SELF_PATCHES_MAX = 64,
	SELF_PIECES_MAX = 4096,
};

struct self_patch {
	uint64_t address;
	uint8_t mask; /* of the bits that are inverted */
};

static struct self_patch self_patches[SELF_PATCHES_MAX];
static size_t self_n_patches;
static struct hp_target_piece self_pieces[SELF_PIECES_MAX]; /* that the last run has read */
static size_t self_n_pieces;

static inline bool self_read(struct hp_target *t, const struct hp_target_piece *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct iovec local = {pieces[i].to, pieces[i].size};
		struct iovec remote = {(void *)(uintptr_t)pieces[i].address, pieces[i].size};

		t->failed_at = pieces[i].address;
		if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != (ssize_t)pieces[i].size)
			return false;
		if (self_n_pieces < SELF_PIECES_MAX)
			self_pieces[self_n_pieces++] = pieces[i];
		for (size_t j = 0; j < self_n_patches; j++)
			if (self_patches[j].address - pieces[i].address < pieces[i].size)
				((uint8_t *)pieces[i]
					 .to)[self_patches[j].address - pieces[i].address] ^=
					self_patches[j].mask;
	}
	return true;
}

static inline int self_check(struct hp_target *t)
{
	return 0;
}

static inline void self_explain(struct hp_target *t, uint64_t address)
{
	hp_target_note_error(t, "no memory can be read at %#jx", (uintmax_t)address);
}

static const struct hp_target_ops self_ops = {
	.read = self_read, .check = self_check, .explain = self_explain};

/* One mapping: the pages of the view. */
static inline struct hp_target *self_target(void)
{
	struct hp_target *t = calloc(1, sizeof(*t));
	uintptr_t start = (uintptr_t)&heapprof_view & ~(uintptr_t)4095;
	char *line;

	if (!t || asprintf(&line, "%jx-%jx rw-p 00000000 00:00 0 /libheapprof.so\n",
			   (uintmax_t)start, (uintmax_t)start + 8192) < 0)
		abort();
	t->ops = &self_ops;
	t->is_frozen = true;
	t->pid = 0;
	if (hp_target_parse_maps(t, line, strlen(line)))
		abort();
	return t;
}

/* Fills the tables as in a program: stacks with counts, libraries, no thread. */
static inline void self_fill_tables(int n_stacks)
{
	hp_process_init();
	hp_modules_init(false /* late */);
	hp_session.number = hp_session.own = 1;
	hp_session.interval = 1;
	for (int i = 0; i < n_stacks; i++) {
		uint64_t frames[] = {0x400000 + (uint64_t)i, 0x500000, 0x600000};
		hp_handle record = hp_stacks_count_alloc(frames, 3, 0, 16, (uint32_t)i);

		hp_stacks_count_alloc(frames, 3, 0, 16, (uint32_t)i);
		hp_stacks_count_free(record, 16);
	}
}

/* Reads this process. Returns the result of hp_snapshot_dump(). The caller frees the text. */
static inline int self_dump(char **out_text, char *out_message, size_t size)
{
	struct hp_target *t = self_target();
	size_t text_size = 0;
	int r;

	*out_text = NULL;
	self_n_pieces = 0;
	r = hp_snapshot_dump(t, out_text, &text_size, NULL);
	if (r == 0) {
		char *ended = realloc(*out_text, text_size + 1);

		if (!ended)
			abort();
		ended[text_size] = '\0';
		*out_text = ended;
	}
	snprintf(out_message, size, "%s", t->message);
	hp_target_close(t);
	return r;
}
