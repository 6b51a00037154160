/* SPDX-License-Identifier: MIT */
/* profile_settle_mappings() brings the mappings of a memory map into the order that tools expect,
 * and assigns each location to its mapping.
 *
 * The rules are pprof's, so that pprof and pprofconv read a profile in the same way. There are two
 * differences: here the caller may name the program, and the mapping of a location is found by
 * binary search, where pprof looks through all mappings. */
#include "model/profile.h"

#include <assert.h>
#include <ctype.h>

#include "base/path.h"

/* The address at which programs that are not position-independent start on x86-64. */
#define FIXED_START 0x400000

/* --- neighbours ---------------------------------------------------------------------------- */

static bool may_be_equal(uint32_t a, uint32_t b)
{
	return !a || !b || a == b;
}

/* Returns whether `next` continues `mapping`, in memory and, as far as is known, in the file. */
static bool is_continued(const struct profile_mapping *mapping, const struct profile_mapping *next)
{
	uint64_t size = mapping->limit - mapping->start;

	return mapping->limit == next->start && may_be_equal(mapping->file, next->file) &&
	       may_be_equal(mapping->build_id, next->build_id) &&
	       (!mapping->offset || !next->offset || mapping->offset + size == next->offset);
}

static void join_neighbours(struct profile *profile)
{
	size_t last = 0;

	if (!profile->mappings.n)
		return;
	for (size_t i = 1; i < profile->mappings.n; i++) {
		struct profile_mapping *into = &profile->mappings.items[last];
		const struct profile_mapping *from = &profile->mappings.items[i];

		if (is_continued(into, from)) {
			into->limit = from->limit;
			into->file = from->file ? from->file : into->file;
			into->build_id = from->build_id ? from->build_id : into->build_id;
			into->was_deleted |= from->was_deleted;
		} else {
			profile->mappings.items[++last] = *from;
		}
	}
	profile->mappings.n = last + 1;
}

/* --- the program --------------------------------------------------------------------------- */

static bool is_program(const char *file, const char *program)
{
	return strcmp(file, program) == 0 ||
	       (!strchr(program, '/') && strcmp(path_last_part(file), program) == 0);
}

/* Returns whether the name is like libc.so, libc.so.6, ld-linux-x86-64.so.2 or libfoo.so_1. */
static bool is_library(const char *file)
{
	for (const char *at = strstr(file, ".so"); at; at = strstr(at + 1, ".so"))
		if (!at[3] || ((at[3] == '.' || at[3] == '_') && isdigit((unsigned char)at[4])))
			return true;
	return false;
}

/* Returns whether the name is not the name of a file with code. Examples are [vdso], (evicted),
 * /dev/zero and /memfd:jit. */
static bool is_special(const char *file)
{
	static const char *const prefixes[] = {"[",       "(",     "/dev/",
					       "/memfd:", "/SYSV", "/anon_hugepage"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(file, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* Returns the number of the program's mapping, or PROFILE_NONE if no mapping can be it. */
static uint32_t find_program(const struct profile *profile, const char *program)
{
	uint32_t guess = PROFILE_NONE;

	for (uint32_t i = 0; i < profile->mappings.n; i++) {
		const char *file = profile_string(profile, profile->mappings.items[i].file);

		if (program && *program && is_program(file, program))
			return i;
		if (guess == PROFILE_NONE && *file && !is_library(file) && !is_special(file))
			guess = i;
	}
	return guess;
}

static void swap_mappings(struct profile *profile, uint32_t a, uint32_t b)
{
	struct profile_mapping swapped = profile->mappings.items[a];

	profile->mappings.items[a] = profile->mappings.items[b];
	profile->mappings.items[b] = swapped;
}

/* Widens the mapping of a program that is not position-independent, so that it starts where the
 * file starts. Often the memory map shows only the executable part of the program. */
static void widen_fixed_program(struct profile_mapping *program)
{
	if (program->start - program->offset == FIXED_START) {
		program->start = FIXED_START;
		program->offset = 0;
	}
}

/* Drops the mapping before mapping `number` if it is the beginning of the same file on huge pages.
 * The kernel names this piece /anon_hugepage instead of the file. Returns whether it was dropped.
 */
static bool drop_huge_page_head(struct profile *profile, uint32_t number)
{
	struct profile_mapping *head;

	if (!number || number >= profile->mappings.n)
		return false;
	head = &profile->mappings.items[number - 1];
	if (strncmp(profile_string(profile, head->file), "/anon_hugepage", 14) != 0 ||
	    head[0].limit != head[1].start)
		return false;
	memmove(head, head + 1, (profile->mappings.n - number) * sizeof(*head));
	profile->mappings.n--;
	return true;
}

/* Makes the program the first mapping. Without a program, the first mapping stays the first. */
static void put_program_first(struct profile *profile, const char *program)
{
	uint32_t number = find_program(profile, program);
	bool is_known = number != PROFILE_NONE;

	if (drop_huge_page_head(profile, is_known ? number : 1) && is_known)
		number--;
	if (is_known)
		swap_mappings(profile, 0, number);
}

/* --- locations ----------------------------------------------------------------------------- */

struct by_address {
	uint64_t start;
	uint32_t mapping;
};

typedef VEC(struct by_address) order_vec;

static int compare_starts(const void *left, const void *right)
{
	const struct by_address *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->mapping < b->mapping ? -1 : a->mapping > b->mapping;
}

static int sort_mappings(const struct profile *profile, order_vec *order)
{
	if (vec_reserve(order, profile->mappings.n) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < profile->mappings.n; i++)
		order->items[order->n++] = (struct by_address){profile->mappings.items[i].start, i};
	if (order->n)
		qsort(order->items, order->n, sizeof(*order->items), compare_starts);
	return 0;
}

/* Returns how many mappings start at or below the address. */
static size_t count_up_to(const order_vec *order, uint64_t address)
{
	size_t low = 0, high = order->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (order->items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Returns the mapping that holds the address, or PROFILE_NONE. The memory map may lack the first
 * part of a file. So if no mapping holds the address, the next higher mapping is used if the
 * address is in its file's missing first part, and is widened down to the start of the file. */
static uint32_t find_mapping(struct profile *profile, order_vec *order, uint64_t address)
{
	size_t behind = count_up_to(order, address);
	struct profile_mapping *mapping;

	if (behind > 0) {
		uint32_t id = order->items[behind - 1].mapping;

		assert(id < profile->mappings.n);
		if (address < profile->mappings.items[id].limit)
			return id;
	}
	if (behind == order->n)
		return PROFILE_NONE;
	mapping = &profile->mappings.items[order->items[behind].mapping];
	if (!mapping->offset || mapping->start - mapping->offset > address)
		return PROFILE_NONE;
	mapping->start -= mapping->offset;
	mapping->offset = 0;
	order->items[behind].start = mapping->start;
	return order->items[behind].mapping;
}

static void place_locations(struct profile *profile, order_vec *order)
{
	uint32_t everything = PROFILE_NONE;

	vec_foreach (location, &profile->locations) {
		if (location->mapping != PROFILE_NONE || !location->address)
			continue;
		location->mapping = find_mapping(profile, order, location->address);
		if (location->mapping != PROFILE_NONE)
			continue;
		if (everything == PROFILE_NONE)
			everything = profile_add_mapping(
				profile, &(struct profile_mapping){.limit = UINT64_MAX});
		location->mapping = everything;
	}
}

void profile_settle_mappings(struct profile *profile, const char *program)
{
	order_vec order = {0};

	if (profile->status)
		return;
	join_neighbours(profile);
	put_program_first(profile, program);
	if (profile->mappings.n)
		widen_fixed_program(profile->mappings.items);
	if (sort_mappings(profile, &order) < 0)
		profile->status = -ENOMEM;
	else
		place_locations(profile, &order);
	vec_deinit(&order);
}
