/* SPDX-License-Identifier: MIT */
/* The table of pool objects maps the address of each sampled object in a pool to its record and
 * size, and the address of each pool to the list of its objects, so that a reset finds them. An
 * object may have the same address as a block that malloc returned, so this is not a part of
 * live.h's table. Two filters let free() and reset() rule out most objects and pools with one load.
 *
 * Any thread, from within a hook; may allocate: no. */
#pragma once
#include "base/arena.h"
#include <stdbool.h>

enum {
	/* heapprof_pool.h has these numbers in its functions: they are part of the interface. */
	HP_POOL_OBJECT_FILTER = 1 << 18, /* bytes, one for each page */
	HP_POOL_OBJECT_SHIFT = 12,
	HP_POOL_FILTER = 1 << 16, /* bytes, one for each 64 bytes */
	HP_POOL_SHIFT = 6,
};

extern uint8_t hp_pool_object_filter[HP_POOL_OBJECT_FILTER] __attribute__((visibility("hidden")));
extern uint8_t hp_pool_filter[HP_POOL_FILTER] __attribute__((visibility("hidden")));

struct hp_pool_object {
	uintptr_t address; /* 0: no object */
	uint64_t size;
	hp_handle record; /* see stacks.h */
	uint32_t session;
};

/* Empties the table. Objects are of the session `first_session` or a later one; see
 * hp_live_reset(). No other thread may be using the table. */
void hp_pool_objects_reset(uint32_t first_session);

/* Returns false if no object of the table has this address. */
bool hp_pool_objects_may_hold(const void *object);

/* Returns false if no object of the table is in this pool. */
bool hp_pool_objects_may_hold_pool(const void *pool);

/* Returns false if the address is 0, or exceeds 48 bits, or the size 42 bits. */
bool hp_pool_objects_can_hold(uintptr_t address, uint64_t size);

/* Adds an object of a pool. If its address is in the table, replaces that object and stores it in
 * `out_replaced`; otherwise sets out_replaced->address to 0. Returns false if there is no memory,
 * if the lock was not acquired, or if hp_pool_objects_can_hold() returns false. */
bool hp_pool_objects_insert(const void *pool, const struct hp_pool_object *object,
			    struct hp_pool_object *out_replaced);

/* Removes an object, and stores it in `out`. Returns false if the address is not in the table, or
 * if the lock was not acquired. */
bool hp_pool_objects_take(uintptr_t address, struct hp_pool_object *out);

/* Removes all objects of a pool, and calls `each` with every one of them, with the lock held. */
void hp_pool_objects_take_pool(const void *pool, void (*each)(const struct hp_pool_object *object));

/* Removes the objects for which `drop` returns true from a part of the table. `drop` is called with
 * the lock held. 64 calls with one `epoch` see the whole table, and further calls do nothing. */
void hp_pool_objects_sweep(uint32_t epoch, bool (*drop)(const struct hp_pool_object *object));

/* Returns the number of objects. Takes no lock. */
size_t hp_pool_objects_count(void);

void hp_pool_objects_after_fork(void);
