/* SPDX-License-Identifier: MIT */
/* The recorded blocks are in shards of slots (see tables/live.c). They are read from a target that
 * is stopped, or from a core. */
#include "process/frame.h"
#include "target/snapshot_parts.h"
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SHARDS_MAX = 1 << 12,
	SLOT_BYTES = 16,
	FRAMES_MAX = 1 << 12, /* of a stack */
	SEGMENTS_MAX = 64,
};

#define SLOTS_MAX    ((uint64_t)1 << 28) /* of all shards: 4 GiB */
#define LIBRARY_MAX  ((uint64_t)1 << 30)
#define PAGE_BYTES   UINT64_C(4096)
#define ADDRESS_MASK (((uint64_t)1 << 48) - 1)

/* Offsets of the fields of a shard. */
struct shard_layout {
	struct hp_view_row shards, n_slots, n_used, slots, version;
};

/* --- rows of the view ------------------------------------------------------------------------ */

static int find_row(struct snapshot *s, const char *name, size_t size, struct hp_view_row *out)
{
	const struct hp_view_row *row = hp_view_reader_find(&s->view, name);

	if (!row || (size && row->size != size))
		return hp_target_error(s->t,
				       "heapprof %s is in it, whose '%s' is not known: use the "
				       "program that came with that heapprof",
				       s->view.release, name);
	*out = *row;
	return 0;
}

static int find_layout(struct snapshot *s, struct shard_layout *at)
{
	struct hp_view_row slot;
	int r = find_row(s, "live.shards", 0, &at->shards);

	r = r ? r : find_row(s, "live_shard.n_slots", 4, &at->n_slots);
	r = r ? r : find_row(s, "live_shard.n_used", 4, &at->n_used);
	r = r ? r : find_row(s, "live_shard.slots", 8, &at->slots);
	r = r ? r : find_row(s, "live_shard.version", 4, &at->version);
	r = r ? r : find_row(s, "live_slot", SLOT_BYTES, &slot);
	if (!r &&
	    (at->shards.count > SHARDS_MAX || at->shards.size > STRUCT_MAX ||
	     at->n_slots.offset + 4 > at->shards.size || at->n_used.offset + 4 > at->shards.size ||
	     at->slots.offset + 8 > at->shards.size || at->version.offset + 4 > at->shards.size))
		r = hp_target_error(s->t, "heapprof's view is damaged: 'live.shards'");
	return r;
}

/* --- stacks ---------------------------------------------------------------------------------- */

/* Stacks by their handles. Several records may have one stack. */
struct handles {
	uint32_t *handles, *numbers; /* 0: an empty place */
	size_t n_places;             /* a power of 2 */
};

static int grow_handles(struct snapshot *s, struct handles *h, size_t n)
{
	struct handles old = *h;

	if (2 * n < h->n_places)
		return 0;
	h->n_places = old.n_places ? 2 * old.n_places : 4096;
	h->handles = calloc(h->n_places, sizeof(*h->handles));
	h->numbers = calloc(h->n_places, sizeof(*h->numbers));
	if (!h->handles || !h->numbers) {
		free(h->handles);
		free(h->numbers);
		*h = old;
		return hp_target_no_memory(s->t);
	}
	for (size_t i = 0; i < old.n_places; i++) {
		size_t at = old.handles[i] * 0x9e3779b1u & (h->n_places - 1);

		while (old.handles[i] && h->handles[at])
			at = (at + 1) & (h->n_places - 1);
		if (old.handles[i]) {
			h->handles[at] = old.handles[i];
			h->numbers[at] = old.numbers[i];
		}
	}
	free(old.handles);
	free(old.numbers);
	return 0;
}

/* Makes room for one more item in an array that grows by doubling. */
static int make_room(struct snapshot *s, void *array, size_t n, size_t item)
{
	void **items = array, *grown;

	if (n & (n - 1) || (n > 0 && n < 64))
		return 0;
	grown = realloc(*items, (n ? 2 * n : 64) * item);
	if (!grown)
		return hp_target_no_memory(s->t);
	*items = grown;
	return 0;
}

static int add_frames(struct snapshot *s, struct hp_snapshot_blocks *out, const char *frames,
		      size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		uint64_t frame = read_number(frames + i * sizeof(frame), 0, sizeof(frame));

		if (hp_frame_is_pool(frame))
			break; /* a mark comes last */
		r = make_room(s, &out->frames, out->n_frames, sizeof(*out->frames));
		if (!r)
			out->frames[out->n_frames++] = frame;
	}
	return r;
}

/* Adds the stack at that handle; without a handle, an empty stack. */
static int add_stack(struct snapshot *s, struct hp_snapshot_blocks *out, uint32_t handle)
{
	const char *stack = handle ? hp_snapshot_piece_at(s, handle, s->at.frames) : NULL;
	size_t n = stack ? read_number(stack, s->at.n_frames, 2) : 0;
	struct hp_snapshot_stack *added;
	int r = make_room(s, &out->stacks, out->n_stacks, sizeof(*out->stacks));

	if (r)
		return r;
	if (n > FRAMES_MAX || !hp_snapshot_piece_at(s, handle, s->at.frames + n * sizeof(uint64_t)))
		n = 0;
	added = &out->stacks[out->n_stacks++];
	*added = (struct hp_snapshot_stack){.first_frame = out->n_frames};
	r = add_frames(s, out, stack ? stack + s->at.frames : NULL, n);
	added->n_frames = (uint32_t)(out->n_frames - added->first_frame);
	return r;
}

static int stack_number(struct snapshot *s, struct hp_snapshot_blocks *out, struct handles *h,
			uint32_t handle, uint32_t *number)
{
	int r = grow_handles(s, h, out->n_stacks);
	size_t at = handle * 0x9e3779b1u & (h->n_places - 1);

	*number = 0; /* the empty stack */
	if (r || handle == 0)
		return r;
	while (h->handles[at] && h->handles[at] != handle)
		at = (at + 1) & (h->n_places - 1);
	if (!h->handles[at]) {
		h->handles[at] = handle;
		h->numbers[at] = (uint32_t)out->n_stacks;
		r = add_stack(s, out, handle);
	}
	*number = h->numbers[at];
	return r;
}

/* --- slots ----------------------------------------------------------------------------------- */

/* slot = address:48 session:8 size-high:8, record:30 size-low:34 */
static int add_block(struct snapshot *s, struct hp_snapshot_blocks *out, struct handles *h,
		     const char *slot)
{
	uint64_t first = read_number(slot, 0, 8), second = read_number(slot, 8, 8);
	uint32_t handle = (uint32_t)(second & ((1u << 30) - 1));
	const char *record = hp_snapshot_piece_at(s, handle, s->tables.record.size);
	struct hp_snapshot_block block = {
		.address = first & ADDRESS_MASK,
		.size = first >> 56 << 34 | second >> 30,
	};
	int r;

	if (block.address == 0)
		return 0;
	if (record && hp_stacks_key_level((uint32_t)read_number(record, s->at.key, 4)) < s->level)
		return 0; /* hidden */
	r = stack_number(s, out, h, record ? (uint32_t)read_number(record, s->at.stack, 4) : 0,
			 &block.stack);
	if (!r)
		r = make_room(s, &out->blocks, out->n_blocks, sizeof(*out->blocks));
	if (!r)
		out->blocks[out->n_blocks++] = block;
	return r;
}

static int read_slots(struct snapshot *s, struct hp_snapshot_blocks *out, struct handles *h,
		      uint64_t address, uint64_t n)
{
	char *slots = malloc(n * SLOT_BYTES + 1);
	int r = 0;

	if (!slots)
		return hp_target_no_memory(s->t);
	if (!hp_target_read(s->t, address, slots, n * SLOT_BYTES))
		r = hp_target_explain(s->t);
	for (uint64_t i = 0; !r && i < n; i++)
		r = add_block(s, out, h, slots + i * SLOT_BYTES);
	free(slots);
	return r;
}

static int read_shards(struct snapshot *s, struct hp_snapshot_blocks *out, struct handles *h)
{
	struct shard_layout at;
	uint64_t n_slots, n_all = 0;
	char *shards;
	int r = find_layout(s, &at);

	if (r)
		return r;
	shards = malloc((size_t)at.shards.count * at.shards.size + 1);
	if (!shards)
		return hp_target_no_memory(s->t);
	if (!hp_target_read(s->t, (uintptr_t)at.shards.address, shards,
			    (size_t)at.shards.count * at.shards.size))
		r = hp_target_explain(s->t);
	for (uint32_t i = 0; !r && i < at.shards.count; i++) {
		const char *shard = shards + (size_t)i * at.shards.size;

		n_slots = read_number(shard, at.n_slots.offset, 4);
		n_all += n_slots;
		out->n_changing += read_number(shard, at.version.offset, 4) & 1;
		if (n_all > SLOTS_MAX)
			r = hp_target_error(s->t, "heapprof's tables are damaged: %ju live blocks",
					    (uintmax_t)n_all);
		else if (n_slots)
			r = read_slots(s, out, h, read_number(shard, at.slots.offset, 8), n_slots);
	}
	free(shards);
	return r;
}

/* --- the profiler's own memory ---------------------------------------------------------------- */

static int compare_ranges(const void *left, const void *right)
{
	const struct hp_target_range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static int add_own(struct snapshot *s, struct hp_snapshot_blocks *out, uint64_t start, uint64_t end)
{
	int r = start < end ? make_room(s, &out->own, out->n_own, sizeof(*out->own)) : 0;

	if (!r && start < end)
		out->own[out->n_own++] = (struct hp_target_range){start, end};
	return r;
}

/* Returns true if the mapping is of the library that contains the view. A program that is linked
 * with the archive contains the view itself, and is not left out. */
static bool is_of_library(const struct hp_target_mapping *m, const struct hp_target_mapping *view)
{
	return view && view->path && m->path && m->path_size == view->path_size &&
	       memcmp(m->path, view->path, m->path_size) == 0 &&
	       memmem(m->path, m->path_size, "libheapprof", strlen("libheapprof"));
}

/* Returns where the library that is mapped at `start` ends, with its .bss, by its program headers;
 * or `start` if these can't be read. */
static uint64_t library_end(struct snapshot *s, uint64_t start)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	uint64_t end = start;

	if (!hp_target_read(s->t, start, &header, sizeof(header)) ||
	    header.e_phentsize != sizeof(segment))
		return start;
	for (size_t i = 0; i < header.e_phnum && i < SEGMENTS_MAX; i++) {
		uint64_t limit;

		if (!hp_target_read(s->t, start + header.e_phoff + i * sizeof(segment), &segment,
				    sizeof(segment)))
			return start;
		limit = start + segment.p_vaddr + segment.p_memsz;
		if (segment.p_type == PT_LOAD && limit > end && limit - start < LIBRARY_MAX)
			end = limit;
	}
	return (end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

/* The library's mappings, and its .bss after them: not what else is in the .bss's mapping. */
static int add_library(struct snapshot *s, struct hp_snapshot_blocks *out)
{
	const struct hp_target_mapping *view = hp_target_mapping_at(s->t, s->view.address);
	uint64_t start = 0, end = 0;
	int r = 0;

	for (size_t i = 0; !r && i < s->t->n_mappings; i++) {
		const struct hp_target_mapping *m = &s->t->mappings[i];

		if (!is_of_library(m, view))
			continue;
		if (!start)
			start = m->start;
		end = m->end;
		r = add_own(s, out, m->start, m->end);
	}
	return r || !start ? r : add_own(s, out, end, library_end(s, start));
}

static int add_listed(struct snapshot *s, struct hp_snapshot_blocks *out)
{
	const struct hp_view_row *row = hp_view_reader_find(&s->view, "memory.ranges");
	size_t size;
	char *ranges;
	int r = 0;

	if (!row || row->size != 2 * sizeof(uint64_t) || row->count > STRUCT_MAX)
		return 0;
	size = (size_t)row->count * row->size;
	ranges = malloc(size + 1);
	if (!ranges)
		return hp_target_no_memory(s->t);
	if (!hp_target_read(s->t, (uintptr_t)row->address, ranges, size))
		r = hp_target_explain(s->t);
	for (size_t i = 0; !r && i < size; i += row->size)
		r = add_own(s, out, read_number(ranges + i, 0, 8), read_number(ranges + i, 8, 8));
	free(ranges);
	return r;
}

static int compare_blocks(const void *left, const void *right)
{
	const struct hp_snapshot_block *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

int hp_snapshot_read_blocks(struct snapshot *s, struct hp_snapshot_blocks *out)
{
	struct handles h = {.handles = NULL};
	int r;

	*out = (struct hp_snapshot_blocks){.blocks = NULL};
	r = add_stack(s, out, 0);
	r = r ? r : read_shards(s, out, &h);
	r = r ? r : add_listed(s, out);
	r = r ? r : add_library(s, out);
	free(h.handles);
	free(h.numbers);
	if (r)
		return r;
	if (out->n_blocks)
		qsort(out->blocks, out->n_blocks, sizeof(*out->blocks), compare_blocks);
	if (out->n_own)
		qsort(out->own, out->n_own, sizeof(*out->own), compare_ranges);
	return 0;
}

void hp_snapshot_free_blocks(struct hp_snapshot_blocks *blocks)
{
	free(blocks->blocks);
	free(blocks->stacks);
	free(blocks->frames);
	free(blocks->own);
}
