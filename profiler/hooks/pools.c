/* SPDX-License-Identifier: MIT */
/* The hooks that pools call: what heapprof_pool.h finds in this library. */
#define HEAPPROF_POOL_FIND_LATER /* this is what it finds */
#include "hooks/pools.h"
#include "base/options.h"
#include "hooks/hooks.h"
#include "record/pool_recorder.h"
#include "tables/pool_objects.h"
#include <string.h>

/* The header has these numbers in its functions. */
_Static_assert(HP_POOL_OBJECT_SHIFT == 12 && HP_POOL_OBJECT_FILTER == 1 << 18, "the interface");
_Static_assert(HP_POOL_SHIFT == 6 && HP_POOL_FILTER == 1 << 16, "the interface");

typedef const struct heapprof_pool_class pool_class;

/* Fields of a class are read only as far as the program knows them. */
static void make_kind(pool_class *class, struct hp_pool_kind *kind)
{
	pool_class known = {0};

	memcpy((void *)&known, class,
	       class->struct_size < sizeof(known) ? class->struct_size : sizeof(known));
	*kind = (struct hp_pool_kind){
		.class = class,
		.describe = known.describe,
		.skip = known.skip < HP_STACK_DEPTH_MAX ? known.skip : 0,
	};
	if (known.kind)
		strncpy(kind->word, known.kind, sizeof(kind->word) - 1);
	for (const uintptr_t *range = known.block_code;
	     range && range[0] && kind->n_ranges < HP_POOL_RANGES_MAX; range += 2) {
		kind->ranges[kind->n_ranges].start = range[0];
		kind->ranges[kind->n_ranges++].end = range[1];
	}
}

/* Returns the kind of a class, which is added if it is not known; NULL if there is no room. */
static const struct hp_pool_kind *kind_of(pool_class *class)
{
	const struct hp_pool_kind *known = hp_pool_names_kind_of(class);
	struct hp_pool_kind kind;

	if (known)
		return known;
	make_kind(class, &kind);
	hp_pool_names_add_kind(&kind);
	return hp_pool_names_kind_of(class);
}

static void add_class(pool_class *class)
{
	struct hp_pool_kind kind;

	if (!hook_begin())
		return;
	make_kind(class, &kind);
	hp_pool_names_add_kind(&kind);
	hook_end();
}

SLOW void on_alloc_slow(pool_class *class, const void *pool, void *object, size_t size)
{
	struct hp_site site = HP_SITE_OF_CALLER();
	const struct hp_pool_kind *kind;

	if (!hook_begin())
		return;
	kind = kind_of(class);
	if (kind && object)
		hp_pool_recorder_allocated(kind, pool, object, size, &site);
	else if (object)
		hp_recorder_drop_sample();
	hook_end();
}

HP_HOOK_CODE static void on_alloc(pool_class *class, const void *pool, void *object, size_t size)
{
	if (likely(!hp_pool_recorder_count(size)))
		return;
	on_alloc_slow(class, pool, object, size);
}

HP_HOOK_CODE static void on_free(void *object)
{
	if (likely(!hp_pool_objects_may_hold(object)) || !hook_begin())
		return;
	hp_pool_recorder_freeing(object);
	hook_end();
}

HP_HOOK_CODE static void on_reset(const void *pool)
{
	if (likely(!hp_pool_objects_may_hold_pool(pool)) || !hook_begin())
		return;
	hp_pool_recorder_resetting(pool);
	hook_end();
}

HP_HOOK_CODE static void on_block(pool_class *class, const void *pool, void *p, size_t size)
{
	const struct hp_pool_kind *kind;

	if (likely(!hp_live_may_hold_block(p)) || !hook_begin())
		return;
	kind = kind_of(class);
	if (kind)
		hp_pool_recorder_block(kind, pool, p);
	hook_end();
}

HP_HOOK_CODE static void on_enter(pool_class *class, const void *pool)
{
	hp_tls.pool_class = class;
	hp_tls.pool = pool;
}

static const struct heapprof_pools pools = {
	.struct_size = sizeof(pools),
	.add_class = add_class,
	.on_alloc = on_alloc,
	.on_free = on_free,
	.on_reset = on_reset,
	.on_block = on_block,
	.on_enter = on_enter,
	.object_filter = hp_pool_object_filter,
	.pool_filter = hp_pool_filter,
};

__attribute__((visibility("default"))) const struct heapprof_pools *heapprof_pools(void)
{
	return &pools;
}
