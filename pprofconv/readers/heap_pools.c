/* SPDX-License-Identifier: MIT */
#include "readers/heap_pools.h"

#include <errno.h>

enum {
	POOLS_MAX = 4096,
	WORD_MAX = 31,
	N_VALUES = 4, /* of a view */
	INUSE_BYTES = 3,
	LABELS_MAX = 5,
};

/* --- names --------------------------------------------------------------------------------- */

static void begin(struct heap_pools *pools, struct profile *profile)
{
	profile_add_sample_type(profile, "malloc_alloc_objects", "count");
	profile_add_sample_type(profile, "malloc_alloc_space", "bytes");
	profile_add_sample_type(profile, "malloc_inuse_objects", "count");
	profile_add_sample_type(profile, "malloc_inuse_space", "bytes");
	pools->memory_key = profile_intern(profile, POOL_LABEL_MEMORY);
	pools->pool_key = profile_intern(profile, POOL_LABEL_NAME);
	pools->path_key = profile_intern(profile, POOL_LABEL_PATH);
}

static struct heap_pool make_pool(struct profile *profile, uint64_t id, struct cursor path)
{
	const char *name = path.end;

	while (name > path.at && name[-1] != '/')
		name--;
	if (cursor_at_end(&path))
		return (struct heap_pool){id, profile_intern(profile, "(unnamed)"),
					  profile_intern(profile, "(unnamed)")};
	return (struct heap_pool){
		.id = id,
		.name = profile_intern_bytes(profile, name, (size_t)(path.end - name)),
		.path = profile_intern_bytes(profile, path.at, cursor_left(&path)),
	};
}

/* pools = id " " kind [ " " path ] */
const char *heap_pools_add(struct heap_pools *pools, struct heap_builder *builder,
			   struct cursor text)
{
	struct profile *profile = builder->profile;
	uint64_t id = cursor_take_decimal(&text);
	struct cursor kind;

	cursor_skip_spaces(&text);
	kind = cursor_take_word(&text);
	cursor_skip_spaces(&text);
	if (text.failed || cursor_at_end(&kind) || cursor_left(&kind) > WORD_MAX)
		return "expected the ID, the kind and the path of a pool";
	if (profile->samples.n > 0)
		return "expected all pools before the first record";
	if (pools->pools.n == POOLS_MAX)
		return "there are more than 4096 pools";
	if (pools->pools.n > 0 && pools->pools.items[pools->pools.n - 1].id >= id)
		return "the IDs of pools must rise";
	if (pools->pools.n == 0)
		begin(pools, profile);
	if (vec_push(&pools->pools, make_pool(profile, id, text)) < 0)
		profile_fail(profile, -ENOMEM);
	return NULL;
}

const struct heap_pool *heap_pools_find(const struct heap_pools *pools, uint64_t id)
{
	size_t low = 0, high = pools->pools.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pools->pools.items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == pools->pools.n || pools->pools.items[low].id != id)
		return NULL;
	return &pools->pools.items[low];
}

void heap_pools_deinit(struct heap_pools *pools)
{
	vec_deinit(&pools->pools);
}

/* --- records ------------------------------------------------------------------------------- */

static bool add_slack(struct heap_pools *pools, enum heap_memory memory, const int64_t *values)
{
	if (memory == HEAP_POOL_BLOCK)
		return !__builtin_add_overflow(pools->slack, values[INUSE_BYTES], &pools->slack);
	if (memory == HEAP_POOL_OBJECT)
		return !__builtin_sub_overflow(pools->slack, values[INUSE_BYTES], &pools->slack);
	return true;
}

/* Puts the four values of a record into the views that show it. */
static void fill_views(int64_t *values, enum heap_memory memory)
{
	for (int i = 0; i < N_VALUES; i++) {
		values[N_VALUES + i] = memory == HEAP_POOL_OBJECT ? 0 : values[i];
		values[i] = memory == HEAP_POOL_BLOCK ? 0 : values[i];
	}
}

static uint32_t add_labels(struct heap_pools *pools, struct heap_builder *builder,
			   const struct heap_counts *counts, const struct profile_label *label,
			   enum heap_memory memory, const struct heap_pool *pool)
{
	static const char *const words[] = {POOL_MEMORY_MALLOC, POOL_MEMORY_BLOCK,
					    POOL_MEMORY_OBJECT};
	struct profile_label labels[LABELS_MAX];
	size_t n = 0;

	if (label)
		labels[n++] = *label;
	labels[n++] = (struct profile_label){
		.key = pools->memory_key,
		.text = profile_intern(builder->profile, words[memory]),
	};
	if (pool) {
		labels[n++] = (struct profile_label){.key = pools->pool_key, .text = pool->name};
		labels[n++] = (struct profile_label){.key = pools->path_key, .text = pool->path};
	}
	return heap_builder_labels(builder, counts, labels, n);
}

void heap_pools_add_record(struct heap_pools *pools, struct heap_builder *builder,
			   const struct heap_counts *counts, const struct profile_label *label,
			   enum heap_memory memory, const struct heap_pool *pool)
{
	int64_t values[2 * N_VALUES] = {0};

	if (pools->pools.n == 0) {
		heap_builder_add(builder, counts, label);
		return;
	}
	heap_builder_estimate(builder, counts, values);
	if (!add_slack(pools, memory, values))
		profile_fail(builder->profile, -EOVERFLOW);
	fill_views(values, memory);
	profile_add_sample(
		builder->profile,
		(struct profile_sample){
			.stack = builder->stack,
			.labels = add_labels(pools, builder, counts, label, memory, pool),
		},
		values);
}

/* --- slack --------------------------------------------------------------------------------- */

/* The one location has a function, and no address. */
static uint32_t add_slack_stack(struct profile *profile)
{
	const struct profile_function function = {
		.name = profile_intern(profile, POOL_SLACK_FUNCTION),
	};
	const struct profile_line line = {.function = profile_add_function(profile, &function)};
	const struct profile_location at = {.mapping = PROFILE_NONE};
	uint32_t location = profile_add_location(profile, &at, &line, 1);

	return profile_add_stack(profile, &location, 1);
}

void heap_pools_finish(struct heap_pools *pools, struct heap_builder *builder)
{
	struct profile *profile = builder->profile;
	int64_t values[2 * N_VALUES] = {[INUSE_BYTES] = pools->slack};
	struct profile_label label = {.key = pools->memory_key};

	if (pools->pools.n == 0)
		return;
	label.text = profile_intern(profile, POOL_MEMORY_SLACK);
	profile_add_sample(profile,
			   (struct profile_sample){
				   .stack = add_slack_stack(profile),
				   .labels = profile_add_labels(profile, &label, 1),
			   },
			   values);
}
