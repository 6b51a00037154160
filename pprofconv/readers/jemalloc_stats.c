/* SPDX-License-Identifier: MIT */
/* Reads the statistics of jemalloc as JSON. Each arena has the number of regions in use in each bin
 * (curregs), the number of extents in use of each larger size (curlextents), and memory that it
 * holds beyond these. A stack has two frames: the size of the blocks, or what the memory is, called
 * by the arena. The sizes of bins and extents are in the lists arenas.bin and arenas.lextent.
 *
 * Blocks in thread caches count as in use, as they do for jemalloc. */
#include <inttypes.h>
#include <stdio.h>

#include "readers/heap_types.h"
#include "readers/json_text.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"

enum { /* indices of the values */
	VALUE_OBJECTS,
	VALUE_SPACE,
	VALUE_HELD, /* not in use by the program */
	VALUES,
};

struct stats {
	struct profile *profile;
	struct diag *diag;
	struct named_stack stack;
	const json_t *bin_sizes, *extent_sizes;
	int64_t page;
	int64_t total; /* bytes in use */
};

static int corrupt(struct stats *stats, const char *what)
{
	return diag_error(stats->diag, READER_E_CORRUPT, "%s", what);
}

/* Returns a member that is a count; 0 if it is not there. */
static int64_t count_of(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? value : 0;
}

static void add_sample(struct stats *stats, const char *what, const char *arena,
		       const int64_t *values)
{
	const char *const names[] = {what, arena};
	struct profile_sample key = {0};

	for (int i = 0; i < 2; i++)
		named_stack_push(&stats->stack,
				 &(struct named_frame){
					 .name = cursor_make(names[i], strlen(names[i])),
					 .file = cursor_make("", 0),
					 .mapping = PROFILE_NONE,
				 });
	key.stack = named_stack_take(&stats->stack);
	profile_add_sample(stats->profile, key, values);
}

/* Adds the blocks of a list of an arena, bins or lextents, whose sizes are in another list. */
static int add_blocks(struct stats *stats, const char *arena, const json_t *list,
		      const json_t *sizes, const char *key)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) > json_array_size(sizes))
		return corrupt(stats, "an arena has more sizes of blocks than jemalloc");
	json_array_foreach(list, i, item)
	{
		int64_t size = count_of(json_array_get(sizes, i), "size");
		int64_t values[VALUES] = {count_of(item, key)};
		char name[64];

		snprintf(name, sizeof(name), "blocks of %" PRId64 " bytes", size);
		if (__builtin_mul_overflow(values[VALUE_OBJECTS], size, &values[VALUE_SPACE]) ||
		    __builtin_add_overflow(stats->total, values[VALUE_SPACE], &stats->total))
			return corrupt(stats, "the blocks add up to more than 64 bits hold");
		if (values[VALUE_OBJECTS])
			add_sample(stats, name, arena, values);
	}
	return 0;
}

static void add_held(struct stats *stats, const char *arena, const char *what, int64_t bytes)
{
	if (bytes > 0)
		add_sample(stats, what, arena, (int64_t[VALUES]){0, 0, bytes});
}

/* Adds what an arena holds beyond blocks in use. Sums of counts that are too large for 64 bits are
 * left out: they are made up. */
static void add_arena_held(struct stats *stats, const char *arena, const json_t *object)
{
	int64_t small = count_of(json_object_get(object, "small"), "allocated");
	int64_t large = count_of(json_object_get(object, "large"), "allocated");
	int64_t active, dirty, muzzy, slack;

	if (!__builtin_mul_overflow(count_of(object, "pactive"), stats->page, &active) &&
	    !__builtin_sub_overflow(active, small, &slack) &&
	    !__builtin_sub_overflow(slack, large, &slack))
		add_held(stats, arena, "(free in pages in use)", slack);
	if (!__builtin_mul_overflow(count_of(object, "pdirty"), stats->page, &dirty))
		add_held(stats, arena, "(dirty pages)", dirty);
	if (!__builtin_mul_overflow(count_of(object, "pmuzzy"), stats->page, &muzzy))
		add_held(stats, arena, "(muzzy pages)", muzzy);
	add_held(stats, arena, "(retained, not resident)", count_of(object, "retained"));
	add_held(stats, arena, "(metadata: base)", count_of(object, "base"));
	add_held(stats, arena, "(metadata: internal)", count_of(object, "internal"));
}

static int add_arena(struct stats *stats, const char *number, const json_t *object)
{
	char arena[64];
	int r;

	snprintf(arena, sizeof(arena), "arena %.40s", number);
	r = add_blocks(stats, arena, json_object_get(object, "bins"), stats->bin_sizes, "curregs");
	r = r ? r
	      : add_blocks(stats, arena, json_object_get(object, "lextents"), stats->extent_sizes,
			   "curlextents");
	if (!r)
		add_arena_held(stats, arena, object);
	return r;
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* Adds the arenas that have numbers, or the sum of all if there is only that. */
static int add_arenas(struct stats *stats, json_t *arenas)
{
	const char *key;
	json_t *arena;
	bool has_numbers = false;
	int r = 0;

	json_object_foreach(arenas, key, arena) has_numbers |= is_number(key);
	json_object_foreach(arenas, key, arena)
	{
		if (has_numbers ? !is_number(key) : strcmp(key, "merged") != 0)
			continue;
		r = add_arena(stats, key, arena);
		if (r)
			break;
	}
	return r;
}

static int read_root(struct stats *stats, const json_t *root)
{
	const json_t *jemalloc = json_object_get(root, "jemalloc");
	const json_t *arenas = json_object_get(jemalloc, "arenas");
	json_t *per_arena = json_object_get(jemalloc, "stats.arenas");
	int64_t allocated = count_of(json_object_get(jemalloc, "stats"), "allocated");
	int r;

	stats->bin_sizes = json_object_get(arenas, "bin");
	stats->extent_sizes = json_object_get(arenas, "lextent");
	stats->page = count_of(arenas, "page");
	if (!json_is_array(stats->bin_sizes) || !json_is_array(stats->extent_sizes) ||
	    !json_is_object(per_arena))
		return diag_error(stats->diag, READER_E_UNSUPPORTED,
				  "the arenas, their bins or their large extents are left out; "
				  "leave out 'a', 'b' and 'l' in stats_print_opts");
	r = add_arenas(stats, per_arena);
	if (r)
		return r;
	if (stats->total != allocated)
		return diag_error(stats->diag, READER_E_CORRUPT,
				  "the arenas have %" PRId64
				  " bytes in use, but stats.allocated is %" PRId64,
				  stats->total, allocated);
	return 0;
}

static int read_jemalloc_stats(struct profile *profile, struct input *input, struct diag *diag)
{
	struct stats stats = {.profile = profile, .diag = diag};
	json_t *root = NULL;
	int r = json_text_read(input, &root, diag);

	if (r)
		return r;
	heap_types_add(profile, "inuse");
	profile_add_sample_type(profile, "held_space", "bytes");
	profile->default_sample_type = profile_intern(profile, "inuse_space");
	profile->tool = "jemalloc";
	named_stack_init(&stats.stack, profile);
	r = read_root(&stats, root);
	named_stack_deinit(&stats.stack);
	json_decref(root);
	return r;
}

static enum probe probe_jemalloc_stats(struct cursor head)
{
	return json_text_begins(head, (const char *const[]){"{", "\"jemalloc\"", ":", "{", NULL});
}

const struct reader reader_jemalloc_stats = {
	.name = "jemalloc-stats",
	.summary = "jemalloc's statistics as JSON: sizes of blocks, and what arenas hold beyond",
	.group = READER_PROFILERS,
	.made_by = "MALLOC_CONF=stats_print:true,stats_print_opts:J PROGRAM 2>FILE",
	.probe = probe_jemalloc_stats,
	.read = read_jemalloc_stats,
};
