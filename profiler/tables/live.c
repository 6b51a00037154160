/* SPDX-License-Identifier: MIT */
/* The table has open addressing with linear probing, in 64 shards. The home slot of an entry is
 * hash * n_slots / 2^32, which keeps the order of hashes in tables of any size. So a table grows by
 * a quarter and not by doubling: 16 bytes per slot at a load between 0.52 and 0.65 are 25 to 31
 * bytes per block. Four slots share a cache line, and none crosses two: at that load most searches,
 * which end at the first empty slot, see one line. Removal closes the gap (Knuth 6.4, Algorithm R),
 * so there are no tombstones.
 *
 * With few samples entries are hashed by their byte of the filter: a removal finds the other
 * entries of that byte next to the removed one, and clears the byte after the last. The byte is
 * written under the lock of the one shard that contains all its blocks. So each shard goes over to
 * the filter on its own, when it is swept. */
#include "tables/live.h"
#include "base/memory.h"
#include "base/sys.h"
#include <string.h>

enum {
	N_SHARDS = HP_LIVE_SHARDS,
	PAGES_A_REGION = 16,
	N_REGIONS = HP_FILTER_PAGES / PAGES_A_REGION,
	REGIONS_A_SHARD = N_REGIONS / N_SHARDS,
	REGION_FACTOR = 0x9e37,
	REGION_FACTOR_INVERSE = 0x7787, /* modulo N_REGIONS */
	FIRST_SLOTS = 256,              /* a page */
	SMALL_SLOTS = 2048
};

/* An entry, packed. */
struct slot {
	uint64_t address : 48; /* 0: empty */
	uint64_t session : 8;  /* counted from the table's first session */
	uint64_t size_high : 8;
	uint64_t record : 30; /* as many bits as an arena's handles have */
	uint64_t size_low : 34;
};

/* Values of the filter's bytes. From 1 to N_TAGS they are the tag of the only block there, or of
 * all blocks there. */
enum {
	NO_BLOCK = 0,
	N_TAGS = 253,
	SOME_BLOCKS, /* blocks with different tags */
	ALL_BLOCKS   /* pinned: may be any block, for good */
};

struct shard {
	struct hp_lock lock;
	uint32_t n_slots, n_used;
	uint32_t version; /* odd while slots are being changed, for readers from outside */
	bool is_by_page;  /* hashes by page, and uses the filter */
	struct slot *slots;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct slot) == 16, "bytes a slot");
_Static_assert((uint32_t)REGION_FACTOR *REGION_FACTOR_INVERSE % N_REGIONS == 1, "an inverse");
_Static_assert((uint64_t)HP_ARENA_CHUNKS_MAX *HP_ARENA_CHUNK_GRAINS == 1 << 30, "bits of a handle");

uint8_t hp_live_filter[HP_FILTER_PAGES] __attribute__((aligned(4096)));

static struct shard shards[N_SHARDS];
static uint32_t first_session;
static uintptr_t pinned_start, pinned_end;

/* --- the filter ---------------------------------------------------------------------------- */

static size_t page_of(uintptr_t address)
{
	return address / 4096 % HP_FILTER_PAGES;
}

static uint8_t tag_of_address(uintptr_t address)
{
	return 1 + ((address >> 4) * 0x9e3779b97f4a7c15ull >> 32) % N_TAGS;
}

static uint8_t filter_of(uintptr_t address)
{
	return __atomic_load_n(&hp_live_filter[page_of(address)], __ATOMIC_RELAXED);
}

static void set_filter(uintptr_t address, uint8_t value)
{
	if (filter_of(address) != ALL_BLOCKS)
		__atomic_store_n(&hp_live_filter[page_of(address)], value, __ATOMIC_RELAXED);
}

/* Returns the filter's new value for a page that gets a block at `address`. `value` is the value
 * for the page's other blocks. */
static uint8_t with_block(uint8_t value, uintptr_t address)
{
	uint8_t tag = tag_of_address(address);

	return value == NO_BLOCK || value == tag ? tag : SOME_BLOCKS;
}

bool hp_live_may_hold_block(const void *p)
{
	uint8_t value = filter_of((uintptr_t)p);

	return value >= SOME_BLOCKS || value == tag_of_address((uintptr_t)p);
}

void hp_live_pin_range(const void *start, size_t size)
{
	pinned_start = (uintptr_t)start;
	pinned_end = pinned_start + size;
	for (uintptr_t p = pinned_start & -(uintptr_t)4096; p < pinned_end; p += 4096)
		set_filter(p, ALL_BLOCKS);
}

static bool is_pinned(size_t page)
{
	size_t n = (pinned_end - (pinned_start & -(uintptr_t)4096) + 4095) / 4096;

	return (page - page_of(pinned_start)) % HP_FILTER_PAGES < n;
}

/* Gives a part of the filter back to the kernel. The part then reads as zeroes, and takes no memory
 * until it is written again. */
static void give_back(size_t from, size_t to)
{
	if (from < to && hp_sys_madvise(&hp_live_filter[from], to - from, MADV_DONTNEED) != 0)
		memset(&hp_live_filter[from], NO_BLOCK, to - from);
}

/* Clears the filter, except pinned bytes: these keep their value throughout, because other threads
 * read them meanwhile. They are in at most two pages of the filter. */
static void clear_filter(void)
{
	enum {
		KEPT = 2 * 4096
	};
	size_t first = page_of(pinned_start) & -(size_t)4096;

	give_back(first + KEPT > HP_FILTER_PAGES ? first + KEPT - HP_FILTER_PAGES : 0, first);
	give_back(first + KEPT, HP_FILTER_PAGES);
	for (size_t i = 0; i < KEPT; i++) {
		size_t page = (first + i) % HP_FILTER_PAGES;

		if (hp_live_filter[page] != NO_BLOCK && !is_pinned(page))
			__atomic_store_n(&hp_live_filter[page], NO_BLOCK, __ATOMIC_RELAXED);
	}
}

/* --- slots --------------------------------------------------------------------------------- */

static bool fits_in_slot(const struct hp_live_entry *e)
{
	return e->address < UINT64_C(1) << 48 && e->size < UINT64_C(1) << 42;
}

static struct slot pack_slot(const struct hp_live_entry *e)
{
	uint32_t session = e->session - first_session;

	return (struct slot){
		.address = e->address,
		.session = session < UINT8_MAX ? session : UINT8_MAX,
		.size_high = e->size >> 34,
		.size_low = e->size,
		.record = e->record,
	};
}

static struct hp_live_entry unpack_slot(struct slot slot)
{
	return (struct hp_live_entry){
		.address = slot.address,
		.size = (uint64_t)slot.size_high << 34 | slot.size_low,
		.record = slot.record,
		.session = first_session + slot.session,
	};
}

static inline uint64_t hash_of_key(uint64_t key)
{
	key = (key ^ key >> 32) * 0x9e3779b97f4a7c15ull;
	return key ^ key >> 29;
}

static inline uint64_t hash_of_address(const struct shard *s, uintptr_t address)
{
	return hash_of_key(s->is_by_page ? page_of(address) : address >> 4);
}

/* Blocks that are close together are in one shard. Allocators give each thread memory of its own,
 * so threads seldom use the same shard, or take its lock from each other's cache. All blocks that
 * share a byte of the filter are in one shard, too. The number of a region is multiplied by
 * REGION_FACTOR modulo their number, and the upper bits of the product are the shard. */
static inline struct shard *shard_of_address(uintptr_t address)
{
	uint32_t region = page_of(address) / PAGES_A_REGION;

	return &shards[region * REGION_FACTOR % N_REGIONS / REGIONS_A_SHARD];
}

/* Returns the first page of a shard's region number `i`, from 0 to REGIONS_A_SHARD - 1. */
static size_t pages_of_shard(uint32_t shard, uint32_t i)
{
	uint32_t product = shard * REGIONS_A_SHARD + i;

	return (size_t)(product * REGION_FACTOR_INVERSE % N_REGIONS) * PAGES_A_REGION;
}

static uint32_t home_of(uint32_t n_slots, uint64_t hash)
{
	return (hash >> 32) * n_slots >> 32;
}

static uint32_t next_slot(const struct shard *s, uint32_t i)
{
	return i + 1 == s->n_slots ? 0 : i + 1;
}

/* Returns the slot of `address`, or the empty slot where its entry would go. */
static inline uint32_t find_slot(const struct shard *s, uint64_t hash, uintptr_t address)
{
	uint32_t i = home_of(s->n_slots, hash);

	while (s->slots[i].address && s->slots[i].address != address)
		i = next_slot(s, i);
	return i;
}

/* A small table is kept half empty, for speed. A large one is filled to 65 %, for memory. */
static bool is_small(const struct shard *s)
{
	return s->n_slots < SMALL_SLOTS;
}

/* Maps a shard's slots. The first page of each shard is mapped even beyond the memory limit, 256
 * KiB for all shards: stacks may have used up the limit before the shard got its first block, and a
 * leak that begins then must still be seen. */
static struct slot *map_slots(const struct shard *s, size_t size)
{
	return s->n_slots == 0 ? hp_memory_map_beyond_limit(size) : hp_memory_map(size);
}

/* Copies the shard's entries to the slots of another, which has room for them. */
static void copy_slots(const struct shard *s, struct shard *to)
{
	for (uint32_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].address) {
			uintptr_t address = s->slots[i].address;

			to->slots[find_slot(to, hash_of_address(to, address), address)] =
				s->slots[i];
		}
}

/* Gives the shard the slots of `new`, and frees its own. In this order, because a fork may happen
 * here, and the child unmaps what the shard says. */
static void replace_slots(struct shard *s, const struct shard *new)
{
	struct shard old = *s;

	__atomic_store_n(&s->slots, new->slots, __ATOMIC_RELEASE);
	__atomic_store_n(&s->n_slots, new->n_slots, __ATOMIC_RELEASE);
	hp_memory_unmap(old.slots, old.n_slots * sizeof(old.slots[0]));
}

static bool grow_shard(struct shard *s)
{
	struct shard grown = {
		.n_slots = is_small(s) ? s->n_slots * 2 : s->n_slots + s->n_slots / 4,
		.is_by_page = s->is_by_page,
	};

	if (grown.n_slots == 0)
		grown.n_slots = FIRST_SLOTS;

	grown.slots = map_slots(s, grown.n_slots * sizeof(grown.slots[0]));
	if (!grown.slots)
		return s->n_used + 1 < s->n_slots; /* slower, but one slot stays empty */
	copy_slots(s, &grown);
	replace_slots(s, &grown);
	return true;
}

/* hp_live_count() reads n_used without the lock. */
static void set_n_used(struct shard *s, uint32_t n)
{
	__atomic_store_n(&s->n_used, n, __ATOMIC_RELAXED);
}

/* The lock is held. The version is made odd, not increased by 1: a fork child may have inherited an
 * odd one. */
static void begin_change(struct shard *s)
{
	__atomic_store_n(&s->version, s->version | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void end_change(struct shard *s)
{
	__atomic_store_n(&s->version, s->version + 1, __ATOMIC_RELEASE);
}

static bool has_room(struct shard *s)
{
	uint32_t percent = is_small(s) ? 50 : 65;

	return (uint64_t)(s->n_used + 1) * 100 <= (uint64_t)s->n_slots * percent || grow_shard(s);
}

/* Returns true if the entry at `from` stays reachable when it is moved into the gap: its home is
 * not cyclically in (gap, from]. */
static bool may_move(uint32_t home, uint32_t gap, uint32_t from)
{
	return gap <= from ? home <= gap || home > from : home <= gap && home > from;
}

static inline __attribute__((always_inline)) void remove_slot(struct shard *s, uint32_t gap)
{
	for (uint32_t i = next_slot(s, gap); s->slots[i].address; i = next_slot(s, i))
		if (may_move(home_of(s->n_slots, hash_of_address(s, s->slots[i].address)), gap,
			     i)) {
			s->slots[gap] = s->slots[i];
			gap = i;
		}
	s->slots[gap].address = 0;
	set_n_used(s, s->n_used - 1);
}

/* Returns what the filter's byte for the page of `address` must be, given the blocks in the table
 * that begin on pages with that byte. */
static uint8_t filter_of_blocks(const struct shard *s, uint64_t hash, uintptr_t address)
{
	uint8_t value = NO_BLOCK;

	for (uint32_t i = home_of(s->n_slots, hash); s->slots[i].address; i = next_slot(s, i))
		if (page_of(s->slots[i].address) == page_of(address))
			value = with_block(value, s->slots[i].address);
	return value;
}

/* Takes no lock. If the table is replaced at the same time, this only wastes time. */
void hp_live_prefetch(const void *p)
{
	const struct shard *s = shard_of_address((uintptr_t)p);
	const struct slot *slots = __atomic_load_n(&s->slots, __ATOMIC_RELAXED);
	uint32_t n_slots = __atomic_load_n(&s->n_slots, __ATOMIC_RELAXED);

	bool is_by_page = __atomic_load_n(&s->is_by_page, __ATOMIC_RELAXED);
	uint64_t key = is_by_page ? page_of((uintptr_t)p) : (uintptr_t)p >> 4;

	if (slots)
		__builtin_prefetch(&slots[home_of(n_slots, hash_of_key(key))], 1 /* to write */);
}

bool hp_live_insert(const struct hp_live_entry *entry, struct hp_live_entry *out_replaced)
{
	struct shard *s = shard_of_address(entry->address);

	out_replaced->address = 0;
	if (!fits_in_slot(entry) || !hp_lock_acquire(&s->lock))
		return false;
	begin_change(s);
	bool has = has_room(s);

	if (has) {
		struct slot *slot =
			&s->slots[find_slot(s, hash_of_address(s, entry->address), entry->address)];

		*out_replaced = unpack_slot(*slot);
		set_n_used(s, s->n_used + (slot->address == 0));
		*slot = pack_slot(entry);
		if (s->is_by_page)
			set_filter(entry->address,
				   with_block(filter_of(entry->address), entry->address));
	}
	end_change(s);
	hp_lock_release(&s->lock);
	return has;
}

static inline __attribute__((always_inline)) void take_slot(struct shard *s, uint32_t i)
{
	uintptr_t address = s->slots[i].address;

	remove_slot(s, i);
	if (s->is_by_page)
		set_filter(address, filter_of_blocks(s, hash_of_address(s, address), address));
}

bool hp_live_take(uintptr_t address, struct hp_live_entry *out)
{
	struct shard *s = shard_of_address(address);
	bool is_found = false;

	if (address == 0 || !hp_lock_acquire(&s->lock))
		return false;
	if (s->n_slots > 0) {
		uint32_t i = find_slot(s, hash_of_address(s, address), address);

		is_found = s->slots[i].address == address;
		if (is_found) {
			*out = unpack_slot(s->slots[i]);
			begin_change(s);
			take_slot(s, i);
			end_change(s);
		}
	}
	hp_lock_release(&s->lock);
	return is_found;
}

/* --- sweeps -------------------------------------------------------------------------------- */

/* Removes the entries that are dropped. A removal may move a later entry to the same slot, which is
 * then looked at again. */
static void drop_entries(struct shard *s, hp_live_drop *drop)
{
	for (uint32_t i = 0; i < s->n_slots;) {
		struct hp_live_entry entry = unpack_slot(s->slots[i]);

		if (entry.address && drop(&entry))
			take_slot(s, i);
		else
			i++;
	}
}

static void clear_region(size_t first)
{
	for (size_t page = first; page < first + PAGES_A_REGION; page++)
		if (filter_of(page * 4096) == ALL_BLOCKS && !is_pinned(page))
			__atomic_store_n(&hp_live_filter[page], NO_BLOCK, __ATOMIC_RELAXED);
}

/* Writes the filter's bytes for a shard whose blocks are hashed by page. While it does so, no byte
 * rules out a block of the table: the bytes of pages with blocks are written first, and then those
 * that still let every address through. */
static void write_filter(const struct shard *s, uint32_t number)
{
	for (uint32_t i = 0; i < s->n_slots; i++) {
		uintptr_t a = s->slots[i].address;

		if (a && !is_pinned(page_of(a)))
			__atomic_store_n(&hp_live_filter[page_of(a)],
					 filter_of_blocks(s, hash_of_address(s, a), a),
					 __ATOMIC_RELAXED);
	}
	for (uint32_t i = 0; i < REGIONS_A_SHARD; i++)
		clear_region(pages_of_shard(number, i));
}

/* Makes the shard hash by page. If there is no memory for it, the shard stays as it is. */
static void go_over_to_filter(struct shard *s, uint32_t number)
{
	struct shard by_page = {.n_slots = s->n_slots, .is_by_page = true};

	if (s->n_slots > 0) {
		by_page.slots = hp_memory_map(by_page.n_slots * sizeof(by_page.slots[0]));
		if (!by_page.slots)
			return;
		copy_slots(s, &by_page);
		replace_slots(s, &by_page);
	}
	__atomic_store_n(&s->is_by_page, true, __ATOMIC_RELAXED);
	write_filter(s, number);
}

void hp_live_sweep(uint32_t shard, hp_live_drop *drop)
{
	struct shard *s = &shards[shard];

	if (!hp_lock_acquire(&s->lock))
		return;
	begin_change(s);
	drop_entries(s, drop);
	if (!s->is_by_page)
		go_over_to_filter(s, shard);
	end_change(s);
	hp_lock_release(&s->lock);
}

/* --- all entries --------------------------------------------------------------------------- */

size_t hp_live_count(void)
{
	size_t n = 0;

	for (int i = 0; i < N_SHARDS; i++)
		n += __atomic_load_n(&shards[i].n_used, __ATOMIC_RELAXED);
	return n;
}

static void empty_table(void)
{
	for (int i = 0; i < N_SHARDS; i++) {
		struct shard old = shards[i];

		memset(&shards[i], 0, sizeof(shards[i]));
		hp_memory_unmap(old.slots, old.n_slots * sizeof(old.slots[0]));
	}
}

void hp_live_reset(bool by_page, uint32_t first)
{
	empty_table();
	for (int i = 0; i < N_SHARDS; i++)
		shards[i].is_by_page = by_page;
	first_session = first;
	if (by_page)
		clear_filter();
	else
		memset(hp_live_filter, ALL_BLOCKS, sizeof(hp_live_filter));
}

void hp_live_stop(void)
{
	hp_live_reset(true /* by page: the filter holds nothing */, 0);
}

void hp_live_after_fork(void)
{
	for (int i = 0; i < N_SHARDS; i++)
		hp_lock_release(&shards[i].lock);
}

const struct hp_view_row hp_live_view[] = {
	HP_VIEW_ARRAY("live.shards", shards),
	HP_VIEW_VARIABLE("live.first_session", first_session),
	HP_VIEW_FIELD("live_shard.is_by_page", struct shard, is_by_page),
	HP_VIEW_FIELD("live_shard.version", struct shard, version),
	HP_VIEW_FIELD("live_shard.n_slots", struct shard, n_slots),
	HP_VIEW_FIELD("live_shard.n_used", struct shard, n_used),
	HP_VIEW_FIELD("live_shard.slots", struct shard, slots),
	HP_VIEW_STRUCT("live_slot", struct slot),
};
