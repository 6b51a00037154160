/* SPDX-License-Identifier: MIT */
#include "process/places.h"
#include "process/modules.h"

enum {
	PLACES_MAX = HP_PLACE_UNKNOWN - 1,
	PLACES_A_PIECE = 512,
	N_PIECES = (PLACES_MAX + PLACES_A_PIECE) / PLACES_A_PIECE,
	GENERATION = 4095 /* the bits that the address of a page does not need */
};

/* Both words contain the number of times that the place was written. So if they were read during a
 * write, a reader sees that they do not belong together. */
struct place {
	uint64_t start; /* number of the library, address, generation */
	uint64_t end;   /* address, generation */
	uint32_t epoch; /* in which it was last taken */
	uint16_t next;  /* the next in the list of its library; 0: none */
};

_Static_assert(PLACES_A_PIECE * sizeof(struct place) <= HP_ARENA_PIECE_MAX, "a piece fits");

static struct place *pieces[N_PIECES]; /* place i is entry i; place 0 is never used */
static uint32_t n_places = 1;

/* Returns NULL if the piece does not exist, or is not visible yet. */
static struct place *place_at(uint16_t place)
{
	struct place *piece = __atomic_load_n(&pieces[place / PLACES_A_PIECE], __ATOMIC_ACQUIRE);

	return piece ? &piece[place % PLACES_A_PIECE] : NULL;
}

/* Returns false if a write was under way, or was never finished. */
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

/* Returns 0 if there is no memory, or no number left. */
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
	made = n_places++; /* first, because a fork child may continue from any line */
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
		bool is_whole = read_range(place_at(i), &r); /* else a fork interrupted it */

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
