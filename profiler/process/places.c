/* SPDX-License-Identifier: MIT */
#include "process/places.h"
#include "process/modules.h"

enum {
	PLACES_MAX = HP_PLACE_UNKNOWN - 1,
	PLACES_A_PIECE = 512,
	N_PIECES = (PLACES_MAX + PLACES_A_PIECE) / PLACES_A_PIECE,
	GENERATION = 4095 /* the low bits of a word, which are 0 in the address of a page */
};

/* Both words contain a generation, the number of times that the place was written. A reader that
 * finds different generations has read during a write, and must not use the words. */
struct place {
	uint64_t start; /* number of the library, address, generation */
	uint64_t end;   /* address, generation */
	uint32_t epoch; /* the epoch in which the place was last given to a range */
	uint16_t next;  /* the next place in the list of its library; 0: none */
};

_Static_assert(PLACES_A_PIECE * sizeof(struct place) <= HP_ARENA_PIECE_MAX, "a piece fits");

static struct place *pieces[N_PIECES]; /* place i is entry i; place 0 is never used */
static uint32_t n_places = 1;

/* Returns the place with this number, or NULL if its piece does not exist or is not visible to this
 * thread yet. */
static struct place *place_at(uint16_t place)
{
	struct place *piece = __atomic_load_n(&pieces[place / PLACES_A_PIECE], __ATOMIC_ACQUIRE);

	return piece ? &piece[place % PLACES_A_PIECE] : NULL;
}

/* Sets *out to the place's range. Returns false if a write was under way, or was interrupted by a
 * fork and never finished. */
static bool read_range(const struct place *p, struct hp_range *out)
{
	uint64_t start = __atomic_load_n(&p->start, __ATOMIC_RELAXED);
	uint64_t end = __atomic_load_n(&p->end, __ATOMIC_RELAXED);

	out->number = hp_frame_module(start);
	out->start = hp_frame_pc(start) & ~(uintptr_t)GENERATION;
	out->end = end & ~(uintptr_t)GENERATION;
	return ((start ^ end) & GENERATION) == 0;
}

bool hp_places_frame(uint16_t place, uintptr_t ip, uint64_t *out_frame)
{
	const struct place *p;
	struct hp_range range;

	if (place == HP_PLACE_FIXED || place == HP_PLACE_UNKNOWN) {
		*out_frame = hp_frame_make(ip + 1, place ? HP_MODULE_UNKNOWN : HP_MODULE_PERMANENT);
		return true;
	}
	p = place_at(place);
	if (!p || !read_range(p, &range) || ip < range.start || ip >= range.end)
		return false;
	*out_frame = hp_frame_make(ip + 1 - range.start, range.number);
	return true;
}

static void write_range(struct place *p, const struct hp_range *range)
{
	uint64_t generation = (p->start + 1) & GENERATION;

	__atomic_store_n(&p->start, hp_frame_make(range->start, range->number) | generation,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&p->end, range->end | generation, __ATOMIC_RELAXED);
}

/* Allocates a place and puts it first in `list`. Returns its number, or 0 if there is no memory or
 * no number is left. */
static uint16_t add_place(struct hp_arena *arena, uint16_t *list)
{
	hp_handle piece;
	uint16_t made;

	if (n_places > PLACES_MAX)
		return 0;
	if (!place_at(n_places)) {
		piece = hp_arena_alloc(arena, PLACES_A_PIECE * sizeof(struct place));
		if (!piece)
			return 0;
		__atomic_store_n(&pieces[n_places / PLACES_A_PIECE], hp_arena_at(arena, piece),
				 __ATOMIC_RELEASE);
	}
	made = n_places++; /* before the place is linked: a fork may happen at any line, and the
			      child goes on with what is stored */
	place_at(made)->next = *list;
	__atomic_store_n(list, made, __ATOMIC_RELEASE);
	return made;
}

uint16_t hp_places_take(struct hp_arena *arena, uint16_t *list, const struct hp_range *range,
			uint32_t epoch)
{
	uint16_t found = 0;
	struct hp_range r;

	for (uint16_t i = *list; i != 0; i = place_at(i)->next) {
		bool is_whole = read_range(place_at(i), &r); /* false: a fork interrupted a write */

		if (is_whole && r.start == range->start && r.end == range->end) {
			place_at(i)->epoch = epoch;
			return i;
		}
		if (!is_whole || place_at(i)->epoch != epoch)
			found = i;
	}
	if (!found)
		found = add_place(arena, list);
	if (!found)
		return HP_PLACE_UNKNOWN;
	write_range(place_at(found), range);
	place_at(found)->epoch = epoch;
	return found;
}

bool hp_places_has(uint16_t list, uintptr_t start, uint32_t epoch)
{
	struct hp_range r;

	for (uint16_t i = list; i != 0; i = place_at(i)->next)
		if (read_range(place_at(i), &r) && r.start == start &&
		    (epoch == 0 || place_at(i)->epoch == epoch))
			return true;
	return false;
}
