/* SPDX-License-Identifier: MIT */
#include "inspect/nodes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAGE_BITS = 12,
	GRANULE_BITS = 21,
	PAGES_A_GRANULE = 1 << (GRANULE_BITS - PAGE_BITS),
	GRANULES_MAX = 1 << 17, /* 256 GiB of nodes */
	NODE_ALIGNMENT = 8,     /* at least: jemalloc's and tcmalloc's smallest blocks */
};

/* --- which nodes --------------------------------------------------------------------------- */

static uint64_t size_of(const struct hp_snapshot_block *block)
{
	return block->size ? block->size : 1; /* malloc(0) is a block, too */
}

static int add_node(struct nodes *nodes, uint64_t start, uint64_t size, uint32_t block)
{
	if (nodes->items.n >= NODE_NO_BLOCK - 1)
		return -ENOMEM;
	return vec_push(&nodes->items, (struct node){start, size, block});
}

/* Adds a chunk, as the block that is recorded in it if there is one. *next is the number of the
 * first block that does not begin before the chunk. */
static int add_chunk(struct nodes *nodes, const struct chunk *chunk,
		     const struct hp_snapshot_blocks *blocks, size_t *next)
{
	uint64_t end = chunk->start + chunk->size;
	size_t i = *next;

	if (!blocks || i == blocks->n_blocks || blocks->blocks[i].address >= end)
		return chunk->state == CHUNK_IN_USE
			       ? add_node(nodes, chunk->start, chunk->size, NODE_NO_BLOCK)
			       : 0;
	if (chunk->state != CHUNK_IN_USE)
		return 0; /* the block is left, and counted as one that is in no chunk */
	++*next;
	uint64_t start = blocks->blocks[i].address, size = size_of(&blocks->blocks[i]);

	return add_node(nodes, start, size < end - start ? size : end - start, (uint32_t)i);
}

/* A shard that was being changed may have an entry twice, or one too many. */
static size_t tolerated(const struct hp_snapshot_blocks *blocks)
{
	return 2 * blocks->n_changing;
}

static int add_chunks(struct nodes *nodes, const struct chunks *chunks,
		      const struct hp_snapshot_blocks *blocks)
{
	size_t next = 0, n_without = 0;
	int r = 0;

	vec_foreach (chunk, &chunks->items) {
		while (blocks && next < blocks->n_blocks &&
		       blocks->blocks[next].address < chunk->start) {
			n_without++;
			next++;
		}
		r = r ? r : add_chunk(nodes, chunk, blocks, &next);
	}
	if (blocks)
		n_without += blocks->n_blocks - next;
	nodes->are_chunks = !blocks || n_without <= tolerated(blocks);
	if (!nodes->are_chunks)
		snprintf(nodes->problem, sizeof(nodes->problem),
			 "%zu of %zu recorded blocks are in no chunk of glibc's malloc that is in "
			 "use: the program has another allocator",
			 n_without, blocks->n_blocks);
	return r;
}

static int add_blocks(struct nodes *nodes, const struct hp_snapshot_blocks *blocks)
{
	int r = 0;

	nodes->items.n = 0;
	for (size_t i = 0; !r && blocks && i < blocks->n_blocks; i++) {
		const struct hp_snapshot_block *block = &blocks->blocks[i];
		uint64_t size = size_of(block);

		if (i + 1 < blocks->n_blocks && size > block[1].address - block->address)
			size = block[1].address - block->address;
		if (size)
			r = add_node(nodes, block->address, size, (uint32_t)i);
	}
	return r;
}

/* --- the index ----------------------------------------------------------------------------- */

static size_t place_of(const struct nodes *nodes, uint64_t granule)
{
	size_t at = (granule * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (nodes->n_places - 1);

	while (nodes->granules[at] && nodes->granules[at] != granule + 1)
		at = (at + 1) & (nodes->n_places - 1);
	return at;
}

static size_t count_granules(const struct nodes *nodes)
{
	uint64_t last = UINT64_MAX;
	size_t n = 0;

	vec_foreach (node, &nodes->items) {
		uint64_t first = node->start >> GRANULE_BITS;
		uint64_t end = (node->start + node->size - 1) >> GRANULE_BITS;

		n += (size_t)(end - first + (first != last));
		last = end;
	}
	return n;
}

static void index_node(struct nodes *nodes, uint32_t number)
{
	const struct node *node = &nodes->items.items[number];
	uint64_t end = (node->start + node->size - 1) >> PAGE_BITS;

	for (uint64_t page = node->start >> PAGE_BITS; page <= end; page++) {
		uint64_t granule = page / PAGES_A_GRANULE;
		size_t at = place_of(nodes, granule);
		uint32_t *first = &nodes->firsts[at * PAGES_A_GRANULE + page % PAGES_A_GRANULE];

		nodes->granules[at] = granule + 1;
		nodes->filter[granule % sizeof(nodes->filter)] = 1;
		if (!*first)
			*first = number + 1;
	}
}

static int make_index(struct nodes *nodes)
{
	nodes->n_granules = count_granules(nodes);
	if (nodes->n_granules > GRANULES_MAX)
		return -ENOMEM;
	nodes->n_places = 64;
	while (nodes->n_places < 2 * nodes->n_granules)
		nodes->n_places *= 2;
	nodes->granules = calloc(nodes->n_places, sizeof(*nodes->granules));
	nodes->firsts = calloc(nodes->n_places, PAGES_A_GRANULE * sizeof(*nodes->firsts));
	if (!nodes->granules || !nodes->firsts)
		return -ENOMEM;
	for (size_t i = 0; i < nodes->items.n; i++)
		index_node(nodes, (uint32_t)i);
	return 0;
}

/* Returns the number of the first node that ends after the start of the page, or the number of
 * nodes if there is none in the page. */
static uint32_t first_in_page(const struct nodes *nodes, uint64_t page)
{
	uint64_t granule = page / PAGES_A_GRANULE;
	uint32_t first = 0;
	size_t at;

	if (!nodes->filter[granule % sizeof(nodes->filter)])
		return (uint32_t)nodes->items.n;
	at = place_of(nodes, granule);
	if (nodes->granules[at])
		first = nodes->firsts[at * PAGES_A_GRANULE + page % PAGES_A_GRANULE];
	return first ? first - 1 : (uint32_t)nodes->items.n;
}

uint32_t nodes_find(const struct nodes *nodes, uint64_t address)
{
	const struct node *items = nodes->items.items;
	uint32_t low = first_in_page(nodes, address >> PAGE_BITS), high;

	if (low == nodes->items.n || items[low].start > address)
		return NODE_NO_BLOCK;
	/* Nodes are 8 bytes apart or more, so the one that contains the address is one of these. */
	high = low + (1 << PAGE_BITS) / NODE_ALIGNMENT + 1;
	if (high > nodes->items.n)
		high = (uint32_t)nodes->items.n;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (items[middle].start <= address)
			low = middle;
		else
			high = middle;
	}
	return address - items[low].start < items[low].size ? low : NODE_NO_BLOCK;
}

/* --- all of it ----------------------------------------------------------------------------- */

int nodes_init(struct nodes *nodes, const struct chunks *chunks,
	       const struct hp_snapshot_blocks *blocks)
{
	int r = 0;

	memset(nodes, 0, sizeof(*nodes));
	snprintf(nodes->problem, sizeof(nodes->problem), "%s", chunks->problem);
	if (!nodes->problem[0])
		r = add_chunks(nodes, chunks, blocks);
	if (!r && nodes->problem[0])
		r = add_blocks(nodes, blocks);
	return r ? r : make_index(nodes);
}

void nodes_deinit(struct nodes *nodes)
{
	vec_deinit(&nodes->items);
	free(nodes->granules);
	free(nodes->firsts);
}
