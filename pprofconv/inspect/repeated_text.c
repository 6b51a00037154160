/* SPDX-License-Identifier: MIT */
#include "inspect/repeated_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/hash.h"

enum {
	N_SLOTS = 1 << 17, /* 88 bytes each: 12 MB */
	FULL = N_SLOTS / 4 * 3,
};

struct repeated_texts {
	struct repeated_text slots[N_SLOTS];
	size_t n;
	uint64_t dropped; /* strings that occurred so often, or less, were dropped */
};

struct repeated_texts *repeated_texts_new(void)
{
	return calloc(1, sizeof(struct repeated_texts));
}

void repeated_texts_free(struct repeated_texts *texts)
{
	free(texts);
}

/* Returns the slot of the string, or the empty slot where it would go. */
static struct repeated_text *find_slot(struct repeated_texts *texts, uint64_t hash)
{
	size_t i = hash % N_SLOTS;

	while (texts->slots[i].count && texts->slots[i].hash != hash)
		i = (i + 1) % N_SLOTS;
	return &texts->slots[i];
}

/* Moves the strings from the slots after a gap that would not be found any more. */
static void close_gap(struct repeated_texts *texts, size_t gap)
{
	for (size_t i = (gap + 1) % N_SLOTS; texts->slots[i].count; i = (i + 1) % N_SLOTS) {
		struct repeated_text moved = texts->slots[i];

		texts->slots[i].count = 0;
		*find_slot(texts, moved.hash) = moved;
	}
}

/* Drops the strings that have occurred least, until the table is at most half full. */
static void make_room(struct repeated_texts *texts)
{
	while (texts->n > N_SLOTS / 2) {
		texts->dropped = 2 * texts->dropped + 1;
		for (size_t i = 0; i < N_SLOTS; i++)
			while (texts->slots[i].count && texts->slots[i].count <= texts->dropped) {
				texts->slots[i].count = 0;
				texts->n--;
				close_gap(texts, i);
			}
	}
}

static void add_text(struct repeated_texts *texts, const char *text, size_t size)
{
	uint64_t hash = hash_bytes(0, text, size);
	struct repeated_text *slot = find_slot(texts, hash);
	size_t shown = size < REPEATED_TEXT_SHOWN ? size : REPEATED_TEXT_SHOWN;

	if (slot->count) {
		slot->count++;
		return;
	}
	*slot = (struct repeated_text){.hash = hash, .count = 1, .size = size};
	memcpy(slot->text, text, shown);
	if (++texts->n >= FULL)
		make_room(texts);
}

static bool is_printable(unsigned char c)
{
	return c >= 0x20 && c < 0x7f;
}

void repeated_texts_add(struct repeated_texts *texts, const char *bytes, size_t size)
{
	size_t start = 0;

	for (size_t i = 0; i <= size; i++) {
		if (i < size && is_printable((unsigned char)bytes[i]))
			continue;
		if (i - start >= REPEATED_TEXT_MIN)
			add_text(texts, bytes + start, i - start);
		start = i + 1;
	}
}

static int compare(const void *left, const void *right)
{
	const struct repeated_text *a = left, *b = right;
	uint64_t first = a->count * a->size, second = b->count * b->size;

	if (first != second)
		return first > second ? -1 : 1;
	return strcmp(a->text, b->text);
}

size_t repeated_texts_top(const struct repeated_texts *texts, struct repeated_text *out, size_t max)
{
	struct repeated_text *all = malloc((texts->n + 1) * sizeof(*all));
	size_t n = 0;

	if (!all)
		return 0;
	for (size_t i = 0; i < N_SLOTS; i++)
		if (texts->slots[i].count > 1)
			all[n++] = texts->slots[i];
	qsort(all, n, sizeof(*all), compare);
	n = n < max ? n : max;
	memcpy(out, all, n * sizeof(*all));
	free(all);
	return n;
}
