/* SPDX-License-Identifier: MIT */
/* A heap is a sequence of chunks. Each begins with its size, whose lowest bits say whether the
 * chunk before it is in use; so a chunk is free if the next one says so. Chunks in fastbins and in
 * threads' caches look as if they were in use: they are found by the lists that lead to them. The
 * list heads of arenas are where their heaps are; those of the main arena, in the C library's data,
 * are found by the word that leads to the top of the main heap; caches by their own form. */
#include "inspect/chunks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "inspect/glibc_layout.h"
#include "inspect/memory_window.h"

#define PAGE_BYTES UINT64_C(4096)

enum {
	VERSION_BYTES_MAX = 8 << 20, /* of the C library that are searched for its version */
	DATA_BYTES_MAX = 1 << 20,    /* of its data that are searched for the main arena */
	HEAPS_MAX = 1 << 16,
	HEADERS_A_READ = 512,
	CHUNKS_A_CHECK = 1 << 16, /* of limits */
};

struct walk {
	struct chunks *chunks;
	struct hp_target *target;
	const struct glibc_layout *layout;
	struct memory_window window;
	VEC(uint64_t) arenas; /* their addresses */
	uint64_t main_top;    /* the header of the main heap's top; 0: not found */
	struct inspect_limits *limits;
	int failure; /* HP_TARGET_E: memory is out, or a limit is exceeded */
};

static void set_problem(struct walk *walk, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void set_problem(struct walk *walk, const char *format, ...)
{
	va_list arguments;

	if (walk->chunks->problem[0])
		return;
	va_start(arguments, format);
	vsnprintf(walk->chunks->problem, sizeof(walk->chunks->problem), format, arguments);
	va_end(arguments);
}

static void check_limits(struct walk *walk)
{
	size_t bytes = walk->chunks->items.capacity * sizeof(*walk->chunks->items.items);

	walk->failure = inspect_limits_check_time(walk->limits, walk->target);
	if (!walk->failure)
		walk->failure = inspect_limits_check_memory(walk->limits, walk->target, bytes);
}

static void add_chunk(struct walk *walk, uint64_t header, uint64_t size, enum chunk_state state)
{
	struct chunk chunk = {
		.start = header + GLIBC_HEADER,
		.size = size,
		.state = state,
	};

	if (walk->chunks->items.n >= CHUNKS_MAX)
		set_problem(walk, "there are more than %d chunks", CHUNKS_MAX);
	else if (vec_push(&walk->chunks->items, chunk))
		walk->failure = hp_target_no_memory(walk->target);
	else if (walk->chunks->items.n % CHUNKS_A_CHECK == 0)
		check_limits(walk);
}

static void add_heap(struct walk *walk, uint64_t start, uint64_t end)
{
	if (walk->chunks->heaps.n >= HEAPS_MAX)
		set_problem(walk, "there are more than %d heaps", HEAPS_MAX);
	else if (vec_push(&walk->chunks->heaps, (struct hp_target_range){start, end}))
		walk->failure = hp_target_no_memory(walk->target);
}

/* --- one heap ------------------------------------------------------------------------------ */

/* The place of a chunk for a message, which must not have an address. */
struct place {
	const char *heap;
	size_t number;
};

static bool is_size(uint64_t size, uint64_t header, uint64_t end)
{
	return size >= GLIBC_CHUNK_MIN && size % GLIBC_HEADER == 0 && size <= end - header;
}

/* Walks the chunks from `header` to the end of the heap, where its top ends or, in a heap that is
 * no longer the last of its arena, where two fences are: a chunk of 16 bytes and one of 0. Returns
 * the header of the top, or 0 if there is none or the chunks don't add up. */
static uint64_t walk_heap(struct walk *walk, uint64_t header, uint64_t end, const char *heap)
{
	uint64_t word, next;

	if (!memory_window_word(&walk->window, header + 8, &word)) {
		set_problem(walk, "the first chunk of %s can't be read", heap);
		return 0;
	}
	for (size_t n = 1; !walk->chunks->problem[0] && !walk->failure; n++) {
		uint64_t size = word & ~(uint64_t)GLIBC_BITS;

		if (size <= GLIBC_HEADER && end - header <= 4 * GLIBC_HEADER)
			return 0; /* a fence */
		if (!is_size(size, header, end)) {
			set_problem(walk,
				    "chunk %zu of %s has an impossible size, %" PRIu64
				    ", with %" PRIu64 " bytes to the heap's end",
				    n, heap, size, end - header);
			return 0;
		}
		if (size == end - header) {
			add_chunk(walk, header, size - GLIBC_HEADER, CHUNK_FREE);
			return header;
		}
		if (!memory_window_word(&walk->window, header + size + 8, &next)) {
			set_problem(walk, "the chunk after chunk %zu of %s can't be read", n, heap);
			return 0;
		}
		/* A chunk in use has the first word of the next one, too. */
		add_chunk(walk, header, size - 8,
			  next & GLIBC_PREVIOUS_IN_USE ? CHUNK_IN_USE : CHUNK_FREE);
		header += size;
		word = next;
	}
	return 0;
}

/* --- the main heap ------------------------------------------------------------------------- */

static bool has_name(const struct hp_target_mapping *m, const char *name)
{
	return m->path && m->path_size == strlen(name) && memcmp(m->path, name, m->path_size) == 0;
}

static bool is_anonymous(const struct hp_target_mapping *m)
{
	return m->is_private && m->is_readable && m->is_writable && !m->is_executable &&
	       (!m->path || (m->path_size > 6 && memcmp(m->path, "[anon:", 6) == 0));
}

/* Returns whether the first chunk may be the first that the main arena makes: the cache of the
 * first thread. A core does not say which mapping is the heap. */
static bool begins_like_heap(struct walk *walk, uint64_t start)
{
	uint64_t words[2];

	return memory_window_read(&walk->window, start, words, sizeof(words)) && words[0] == 0 &&
	       words[1] == (GLIBC_CACHE_BYTES + GLIBC_HEADER) + GLIBC_PREVIOUS_IN_USE;
}

/* Sets *out to the main heap. Returns false if there is none. */
static bool find_main_heap(struct walk *walk, struct hp_target_range *out)
{
	const struct hp_target *t = walk->target;
	bool is_found = false;

	for (size_t i = 0; i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];

		if (!has_name(m, "[heap]"))
			continue;
		if (!is_found)
			out->start = m->start;
		is_found = true;
		out->end = m->end;
	}
	for (size_t i = 0; !is_found && t->outer_pid == 0 && i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];

		if (!is_anonymous(m) || !begins_like_heap(walk, m->start))
			continue;
		*out = (struct hp_target_range){m->start, m->end};
		is_found = true;
	}
	return is_found;
}

static void walk_main_heap(struct walk *walk)
{
	struct hp_target_range heap;
	uint64_t header;

	if (!find_main_heap(walk, &heap))
		return; /* small programs have none */
	header = (heap.start + GLIBC_HEADER - 1) & ~(uint64_t)(GLIBC_HEADER - 1);
	walk->main_top = walk_heap(walk, header, heap.end, "the main heap");
	if (!walk->main_top)
		set_problem(walk, "the main heap has no top: others have called sbrk()");
	add_heap(walk, heap.start, heap.end);
}

/* --- heaps of arenas ----------------------------------------------------------------------- */

struct heap_info {
	uint64_t arena, previous, size, writable_size;
};

static bool is_heap_info(const struct heap_info *info, uint64_t start, uint64_t mapping_end)
{
	return info->arena % 8 == 0 && info->arena > GLIBC_HEAP_BYTES &&
	       info->previous % GLIBC_HEAP_BYTES == 0 && info->size >= PAGE_BYTES &&
	       info->size % PAGE_BYTES == 0 && info->size <= GLIBC_HEAP_BYTES &&
	       info->writable_size >= info->size && info->writable_size <= GLIBC_HEAP_BYTES &&
	       info->size <= mapping_end - start;
}

/* Returns where the chunks of the heap begin. In its first heap, the arena comes before them. */
static uint64_t first_chunk(const struct walk *walk, uint64_t start, bool is_first)
{
	uint64_t at = start + walk->layout->heap_header + (is_first ? GLIBC_ARENA_BYTES : 0);

	return (at + GLIBC_HEADER - 1) & ~(uint64_t)(GLIBC_HEADER - 1);
}

static bool is_arena(const struct walk *walk, uint64_t address)
{
	vec_foreach (arena, &walk->arenas)
		if (*arena == address)
			return true;
	return false;
}

/* Walks the heap that begins there, if one does. `only_first`: if it is the first of its arena.
 * Returns where it ends, or `start`. */
static uint64_t walk_arena_heap(struct walk *walk, uint64_t start, uint64_t mapping_end,
				bool only_first)
{
	struct heap_info info;
	bool is_first;
	char name[32];

	if (!memory_window_read(&walk->window, start, &info, sizeof(info)) ||
	    !is_heap_info(&info, start, mapping_end))
		return start;
	is_first = info.arena == start + walk->layout->heap_header;
	if (is_first != only_first || (!is_first && !is_arena(walk, info.arena)))
		return start;
	if (is_first && vec_push(&walk->arenas, info.arena))
		walk->failure = hp_target_no_memory(walk->target);
	snprintf(name, sizeof(name), "heap %zu", walk->chunks->heaps.n + 1);
	walk_heap(walk, first_chunk(walk, start, is_first), start + info.size, name);
	add_heap(walk, start, start + info.size);
	return start + info.size;
}

static void walk_arenas(struct walk *walk, bool only_first)
{
	const struct hp_target *t = walk->target;

	for (size_t i = 0; i < t->n_mappings && !walk->chunks->problem[0]; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];
		uint64_t at = (m->start + GLIBC_HEAP_BYTES - 1) & ~((uint64_t)GLIBC_HEAP_BYTES - 1);

		if (!is_anonymous(m) || at < m->start)
			continue;
		for (; at < m->end && m->end - at >= PAGE_BYTES; at += GLIBC_HEAP_BYTES)
			walk_arena_heap(walk, at, m->end, only_first);
	}
}

/* --- chunks with a mapping of their own ---------------------------------------------------- */

/* Returns the heap that contains the address or is the next one, or NULL. */
static const struct hp_target_range *heap_from(const struct chunks *chunks, uint64_t address)
{
	size_t low = 0, high = chunks->heaps.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (chunks->heaps.items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < chunks->heaps.n ? &chunks->heaps.items[low] : NULL;
}

bool chunks_is_heap(const struct chunks *chunks, uint64_t address)
{
	const struct hp_target_range *heap = heap_from(chunks, address);

	return heap && heap->start <= address;
}

/* A chunk begins at a page. Where a block is aligned to more, a second header is within it. */
static bool is_mapped_chunk(const uint64_t *words, uint64_t at, uint64_t mapping_end)
{
	uint64_t size = words[1] & ~(uint64_t)GLIBC_BITS;

	return words[0] == 0 && (words[1] & GLIBC_BITS) == GLIBC_IS_MAPPED && size >= PAGE_BYTES &&
	       size % PAGE_BYTES == 0 && size <= mapping_end - at;
}

/* Looks at the first words of pages from `at` to `end`. Returns where it ended: after a chunk, or
 * after some pages. */
static uint64_t look_for_mapped(struct walk *walk, uint64_t at, uint64_t end, uint64_t mapping_end)
{
	struct hp_target_piece pieces[HEADERS_A_READ];
	uint64_t words[HEADERS_A_READ][2] = {{0}};
	size_t n = 0;

	do {
		uint64_t page = at + n * PAGE_BYTES;

		pieces[n] = (struct hp_target_piece){page, words[n], sizeof(words[n])};
		n++;
	} while (n < HEADERS_A_READ && end - at > n * PAGE_BYTES);
	if (!hp_target_read_pieces(walk->target, pieces, n))
		return at + n * PAGE_BYTES;
	for (size_t i = 0; i < n; i++, at += PAGE_BYTES) {
		uint64_t size = words[i][1] & ~(uint64_t)GLIBC_BITS;

		if (!is_mapped_chunk(words[i], at, mapping_end))
			continue;
		add_chunk(walk, at, size - GLIBC_HEADER, CHUNK_IN_USE);
		return at + size;
	}
	return at;
}

static void find_mapped_in(struct walk *walk, uint64_t start, uint64_t end)
{
	struct hp_target_range range = {start, end};

	while (!walk->failure && hp_target_next_pages(walk->target, &range, true)) {
		uint64_t at = (range.start + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1),
			 run_end = range.end;

		while (at < run_end && !walk->failure)
			at = look_for_mapped(walk, at, run_end, end);
		range = (struct hp_target_range){at > run_end ? at : run_end, end};
	}
}

static void find_mapped(struct walk *walk)
{
	const struct hp_target *t = walk->target;

	for (size_t i = 0; i < t->n_mappings && !walk->chunks->problem[0]; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];
		uint64_t at = m->start;

		while (is_anonymous(m) && at < m->end) {
			const struct hp_target_range *heap = heap_from(walk->chunks, at);
			uint64_t end = heap && heap->start < m->end ? heap->start : m->end;

			if (at < end)
				find_mapped_in(walk, at, end);
			at = end < m->end ? heap->end : m->end;
		}
	}
}

/* --- lists of free chunks ------------------------------------------------------------------ */

struct chunk *chunks_find(const struct chunks *chunks, uint64_t address)
{
	size_t low = 0, high = chunks->items.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct chunk *chunk = &chunks->items.items[middle];

		if (chunk->start + chunk->size <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == chunks->items.n || chunks->items.items[low].start > address)
		return NULL;
	return &chunks->items.items[low];
}

static uint64_t unmangle(const struct walk *walk, uint64_t place, uint64_t link)
{
	return walk->layout->has_mangled_links && link ? place >> 12 ^ link : link;
}

/* Follows a list whose links are in the first words of chunks. A chunk that is in it already ends
 * it, so a ring does. */
static void free_list(struct walk *walk, uint64_t start)
{
	while (start) {
		struct chunk *chunk = chunks_find(walk->chunks, start);
		uint64_t link;

		if (!chunk || chunk->start != start || chunk->state != CHUNK_IN_USE ||
		    !memory_window_word(&walk->window, start, &link))
			return;
		chunk->state = CHUNK_FREE;
		/* The end of a list is a mangled 0. */
		start = unmangle(walk, start, link);
	}
}

static void free_fastbins(struct walk *walk, uint64_t arena)
{
	uint64_t bins[GLIBC_N_FASTBINS];

	if (!memory_window_read(&walk->window, arena + GLIBC_ARENA_FASTBINS, bins, sizeof(bins)))
		return;
	for (int i = 0; i < GLIBC_N_FASTBINS; i++) {
		uint64_t header = bins[i];

		/* Links of fastbins lead to headers. */
		while (header) {
			struct chunk *chunk = chunks_find(walk->chunks, header + GLIBC_HEADER);
			uint64_t link;

			if (!chunk || chunk->start != header + GLIBC_HEADER ||
			    chunk->state != CHUNK_IN_USE ||
			    !memory_window_word(&walk->window, chunk->start, &link))
				break;
			chunk->state = CHUNK_FREE;
			header = unmangle(walk, chunk->start, link);
		}
	}
}

/* Searches the C library's data for the arena whose top is that of the main heap. */
static uint64_t find_main_arena_in(struct walk *walk, const struct hp_target_mapping *m)
{
	size_t size = m->end - m->start < DATA_BYTES_MAX ? m->end - m->start : DATA_BYTES_MAX;

	for (uint64_t at = m->start + GLIBC_ARENA_TOP; at + 24 <= m->start + size; at += 8) {
		uint64_t words[3]; /* top, last remainder, and the first link of the unsorted bin */

		if (!memory_window_read(&walk->window, at, words, sizeof(words))) {
			at = (at | (PAGE_BYTES - 1)) - 7;
			continue;
		}
		if (words[0] == walk->main_top &&
		    (words[2] == at || chunks_find(walk->chunks, words[2] + GLIBC_HEADER)))
			return at - GLIBC_ARENA_TOP;
	}
	return 0;
}

static bool is_library(const struct hp_target_mapping *m)
{
	const char *name;
	char path[64];
	size_t size = m->path_size;

	if (!m->path || m->path[0] != '/')
		return false;
	name = m->path + size;
	while (name > m->path && name[-1] != '/')
		name--;
	size -= (size_t)(name - m->path);
	snprintf(path, sizeof(path), "%.*s", (int)(size < 60 ? size : 60), name);
	return strncmp(path, "libc.so", 7) == 0 || strncmp(path, "libc-2.", 7) == 0;
}

static uint64_t find_main_arena(struct walk *walk)
{
	const struct hp_target *t = walk->target;
	uint64_t arena = 0;

	for (size_t i = 0; !arena && walk->main_top && i < t->n_mappings; i++)
		if (t->mappings[i].is_writable && is_library(&t->mappings[i]))
			arena = find_main_arena_in(walk, &t->mappings[i]);
	return arena;
}

/* --- caches of threads --------------------------------------------------------------------- */

struct cache {
	uint16_t counts[GLIBC_N_CACHE_BINS];
	uint64_t entries[GLIBC_N_CACHE_BINS];
};

/* Returns whether a chunk in use has the form of a cache: each list that has chunks begins with one
 * of its size. */
static bool is_cache(const struct walk *walk, const struct cache *cache)
{
	bool has_list = false;

	for (int i = 0; i < GLIBC_N_CACHE_BINS; i++) {
		const struct chunk *chunk;

		if ((cache->counts[i] != 0) != (cache->entries[i] != 0))
			return false;
		if (!cache->counts[i])
			continue;
		has_list = true;
		chunk = chunks_find(walk->chunks, cache->entries[i]);
		if (!chunk || chunk->start != cache->entries[i] ||
		    chunk->size != (uint64_t)(GLIBC_CHUNK_MIN - 8) + (uint64_t)i * GLIBC_HEADER)
			return false;
	}
	return has_list;
}

static void free_caches(struct walk *walk)
{
	struct cache cache;

	for (size_t i = 0; i < walk->chunks->items.n; i++) {
		struct chunk *chunk = &walk->chunks->items.items[i];

		if (chunk->state != CHUNK_IN_USE || chunk->size != GLIBC_CACHE_BYTES + 8 ||
		    !memory_window_read(&walk->window, chunk->start, &cache, sizeof(cache)) ||
		    !is_cache(walk, &cache))
			continue;
		chunk->state = CHUNK_OWN;
		walk->chunks->n_caches++;
		for (int k = 0; k < GLIBC_N_CACHE_BINS; k++)
			free_list(walk, cache.entries[k]);
	}
}

/* --- all of it ----------------------------------------------------------------------------- */

static int compare_chunks(const void *left, const void *right)
{
	const struct chunk *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct hp_target_range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static void sort_heaps(struct walk *walk)
{
	size_t n = walk->chunks->heaps.n;

	if (n)
		qsort(walk->chunks->heaps.items, n, sizeof(*walk->chunks->heaps.items),
		      compare_ranges);
	for (size_t i = 1; i < n; i++)
		if (walk->chunks->heaps.items[i - 1].end > walk->chunks->heaps.items[i].start)
			set_problem(walk, "two heaps overlap");
}

static void sort_chunks(struct walk *walk)
{
	size_t n = walk->chunks->items.n;

	if (n)
		qsort(walk->chunks->items.items, n, sizeof(*walk->chunks->items.items),
		      compare_chunks);
	for (size_t i = 1; i < n; i++) {
		const struct chunk *chunk = &walk->chunks->items.items[i - 1];

		if (chunk->start + chunk->size > chunk[1].start)
			set_problem(walk, "two chunks overlap");
	}
}

static void walk_all(struct walk *walk)
{
	uint64_t main_arena;

	walk_main_heap(walk);
	walk_arenas(walk, true);
	walk_arenas(walk, false);
	sort_heaps(walk);
	if (!walk->chunks->problem[0])
		find_mapped(walk);
	sort_chunks(walk);
	if (walk->chunks->problem[0] || walk->failure)
		return;
	if (!walk->chunks->items.n)
		set_problem(
			walk,
			"there is no heap of glibc's malloc: the program has another allocator");
	main_arena = find_main_arena(walk);
	if (main_arena) {
		walk->chunks->main_arena =
			(struct hp_target_range){main_arena, main_arena + GLIBC_ARENA_BYTES};
		free_fastbins(walk, main_arena);
	}
	vec_foreach (arena, &walk->arenas)
		free_fastbins(walk, *arena);
	free_caches(walk);
	walk->chunks->n_arenas = walk->arenas.n + (walk->main_top != 0);
}

/* Finds "release version 2.N." in the C library's banner. Returns N, or 0. */
static int find_version_in(struct walk *walk, const struct hp_target_mapping *m, size_t size)
{
	static const char banner[] = "release version 2.";
	char *bytes = malloc(size + 1);
	const char *found = NULL;
	long minor = 0;

	if (bytes && hp_target_read(walk->target, m->start, bytes, size)) {
		bytes[size] = '\0';
		found = memmem(bytes, size, banner, strlen(banner));
	}
	if (found)
		minor = strtol(found + strlen(banner), NULL, 10);
	free(bytes);
	return minor > 0 && minor < 1000 ? (int)minor : 0;
}

static int find_version(struct walk *walk)
{
	const struct hp_target *t = walk->target;
	int minor = 0;

	for (size_t i = 0; !minor && i < t->n_mappings; i++) {
		const struct hp_target_mapping *m = &t->mappings[i];

		if (m->is_readable && !m->is_writable && is_library(m) &&
		    m->end - m->start <= VERSION_BYTES_MAX)
			minor = find_version_in(walk, m, m->end - m->start);
	}
	return minor;
}

static void start_over(struct walk *walk)
{
	walk->chunks->items.n = walk->chunks->heaps.n = 0;
	walk->chunks->main_arena = (struct hp_target_range){0, 0};
	walk->chunks->n_arenas = walk->chunks->n_caches = 0;
	walk->chunks->problem[0] = '\0';
	walk->arenas.n = 0;
	walk->main_top = 0;
}

/* Where the version can't be read, as in a core, the layout is the one with which all adds up. */
static void walk_by_version(struct walk *walk)
{
	int minor = find_version(walk);

	if (minor) {
		snprintf(walk->chunks->glibc, sizeof(walk->chunks->glibc), "2.%d", minor);
		walk->layout = glibc_layout_of(minor);
		if (walk->layout)
			walk_all(walk);
		else
			set_problem(walk, "the layout of glibc 2.%d's heaps is not known here",
				    minor);
		return;
	}
	for (size_t i = 0; (walk->layout = glibc_layout_at(i)) != NULL && !walk->failure; i++) {
		start_over(walk);
		walk_all(walk);
		if (!walk->chunks->problem[0])
			return;
	}
}

int chunks_init(struct chunks *chunks, struct hp_target *target, struct inspect_limits *limits)
{
	struct walk walk = {.chunks = chunks, .target = target, .limits = limits};

	*chunks = (struct chunks){.problem = ""};
	if (memory_window_init(&walk.window, target))
		return hp_target_no_memory(target);
	walk_by_version(&walk);
	memory_window_deinit(&walk.window);
	vec_deinit(&walk.arenas);
	return walk.failure;
}

void chunks_deinit(struct chunks *chunks)
{
	vec_deinit(&chunks->items);
	vec_deinit(&chunks->heaps);
}
