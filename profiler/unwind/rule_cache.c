/* SPDX-License-Identifier: MIT */
#include "unwind/rule_cache.h"
#include "base/arena.h"
#include "base/memory.h"
#include "base/sys.h"

enum {
	FIRST_BITS = 14, /* 384 KiB */
	LAST_BITS = 18,
	BITS_A_GROWTH = 2,
	WAYS = 4,
	SHIFT_MASK = 63,
	IS_CALL_BIT = 24,
	LIMIT_SHARE = 8 /* a table takes at most 1 / LIMIT_SHARE of the memory limit */
};

/* `check` is the key xored with the other words, so an entry that is half-written does not match
 * its key (Hyatt and Mann, "A lock-less transposition table"). */
struct entry {
	uint64_t check;
	uint64_t offsets; /* cfa_offset in the upper half, bp_offset in the lower */
	uint64_t rest;    /* from the highest bits: epoch, is_call, place, kind */
};

/* The address of the entries, which is the beginning of a page. Its lowest bits, SHIFT_MASK, are
 * the number of bits by which a hash is shifted right to give the number of an entry. Address and
 * shift are in one word so that a thread always reads two that belong together. */
static uintptr_t table;
static uint32_t n_evicted; /* valid entries that were evicted since the table last grew */

static unsigned bits_of_table(uintptr_t t)
{
	return 64 - (t & SHIFT_MASK);
}

static struct entry *entries_of(uintptr_t t)
{
	return (struct entry *)(t & ~(uintptr_t)SHIFT_MASK);
}

static uint64_t hash_of_key(uint64_t key)
{
	return key * 0x9e3779b97f4a7c15ull;
}

static struct entry *bucket_of_key(uintptr_t t, uint64_t key)
{
	return &entries_of(t)[hash_of_key(key) >> (t & SHIFT_MASK) & ~(uint64_t)(WAYS - 1)];
}

static struct entry load_entry(const struct entry *e)
{
	return (struct entry){
		.check = __atomic_load_n(&e->check, __ATOMIC_RELAXED),
		.offsets = __atomic_load_n(&e->offsets, __ATOMIC_RELAXED),
		.rest = __atomic_load_n(&e->rest, __ATOMIC_RELAXED),
	};
}

static uint64_t key_of(struct entry e)
{
	return e.check ^ e.offsets ^ e.rest;
}

static bool is_valid(struct entry e, uint32_t epoch)
{
	uint32_t valid_in = e.rest >> 32;

	return e.check && (valid_in == HP_RULE_FOREVER || valid_in == epoch);
}

bool hp_rule_cache_find(uint64_t key, uint32_t epoch, struct hp_frame_rule *out)
{
	const struct entry *bucket = bucket_of_key(__atomic_load_n(&table, __ATOMIC_ACQUIRE), key);

	for (int i = 0; i < WAYS; i++) {
		struct entry e = load_entry(&bucket[i]);

		if (key_of(e) != key || !is_valid(e, epoch))
			continue;
		out->cfa_offset = e.offsets >> 32;
		out->bp_offset = (uint32_t)e.offsets;
		out->place = e.rest >> 8;
		out->is_call = e.rest >> IS_CALL_BIT & 1;
		out->kind = e.rest;
		return true;
	}
	return false;
}

static bool is_free_for(struct entry e, uint64_t key, uint32_t epoch)
{
	return key_of(e) == key || !is_valid(e, epoch);
}

/* Puts a rule into its bucket. Returns true if it has replaced another rule that is still valid.
 * The key decides which one it replaces. So if five rules share a bucket of four, two of them keep
 * replacing each other, and the other three stay. */
static bool put_entry(uintptr_t t, struct entry new, uint32_t epoch)
{
	uint64_t key = key_of(new);
	struct entry *bucket = bucket_of_key(t, key);
	int i = 0;

	while (i < WAYS && !is_free_for(load_entry(&bucket[i]), key, epoch))
		i++;
	struct entry *e = &bucket[i < WAYS ? (uint64_t)i : hash_of_key(key) / 256 % WAYS];

	__atomic_store_n(&e->check, new.check, __ATOMIC_RELAXED);
	__atomic_store_n(&e->offsets, new.offsets, __ATOMIC_RELAXED);
	__atomic_store_n(&e->rest, new.rest, __ATOMIC_RELAXED);
	return i == WAYS;
}

/* --- growing ------------------------------------------------------------------------------- */

static size_t size_of(unsigned bits)
{
	return sizeof(struct entry) << bits;
}

/* Returns a new, empty table, or 0 if there is no memory. */
static uintptr_t map_table(unsigned bits)
{
	uintptr_t entries = (uintptr_t)hp_memory_map(size_of(bits));

	return entries ? entries | (64 - bits) : 0;
}

/* Copies the valid entries. An entry that is just being written may look like one with another key,
 * but hardly like one whose key belongs in the same bucket; so the bucket is checked. */
static void copy_valid(uintptr_t to, uintptr_t from, uint32_t epoch)
{
	for (size_t i = 0; i < (size_t)1 << bits_of_table(from); i++) {
		struct entry *bucket = &entries_of(from)[i & ~(size_t)(WAYS - 1)];
		struct entry e = load_entry(&entries_of(from)[i]);

		if (is_valid(e, epoch) && bucket_of_key(from, key_of(e)) == bucket)
			put_entry(to, e, epoch);
	}
}

/* Other threads may be reading the old table, or writing to it. So it stays mapped, but its pages
 * are given back, and read as zeroes. All old tables together are a third of the new one. */
static void replace_table(uintptr_t old, uintptr_t new, uint32_t epoch)
{
	copy_valid(new, old, epoch);
	if (__atomic_compare_exchange_n(&table, &old, new, false, __ATOMIC_RELEASE,
					__ATOMIC_RELAXED))
		hp_sys_madvise(entries_of(old), size_of(bits_of_table(old)), MADV_DONTNEED);
	else
		hp_memory_unmap(entries_of(new), size_of(bits_of_table(new)));
}

static void grow_table(uintptr_t old, uint32_t epoch)
{
	unsigned bits = bits_of_table(old) + BITS_A_GROWTH;
	bool may_grow = bits <= LAST_BITS && size_of(bits) <= hp_memory_limit() / LIMIT_SHARE;
	uintptr_t new = may_grow ? map_table(bits) : 0;

	__atomic_store_n(&n_evicted, 0, __ATOMIC_RELAXED);
	if (new)
		replace_table(old, new, epoch);
}

void hp_rule_cache_put(uint64_t key, uint32_t valid_in, uint32_t epoch,
		       const struct hp_frame_rule *rule)
{
	uintptr_t t = __atomic_load_n(&table, __ATOMIC_ACQUIRE);
	struct entry e = {
		.offsets = (uint64_t)(uint32_t)rule->cfa_offset << 32 | (uint32_t)rule->bp_offset,
		.rest = (uint64_t)valid_in << 32 | (uint64_t)rule->is_call << IS_CALL_BIT |
			(uint64_t)rule->place << 8 | rule->kind,
	};

	e.check = key ^ e.offsets ^ e.rest;
	if (put_entry(t, e, epoch) &&
	    __atomic_add_fetch(&n_evicted, 1, __ATOMIC_RELAXED) > 1u << bits_of_table(t) >> 4)
		grow_table(t, epoch);
}

bool hp_rule_cache_init(void)
{
	if (!table)
		table = map_table(FIRST_BITS);
	return table;
}
