/* SPDX-License-Identifier: MIT */
#include "command/serve/serve_symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/utf8.h"

#define ADDRESS_DIGITS_MAX 16

/* --- the question -------------------------------------------------------------------------- */

static bool parse_address(struct cursor *body, uint64_t *out)
{
	const char *begin;

	if (!cursor_accept_text(body, "0x"))
		cursor_accept_text(body, "0X");
	begin = body->at;
	*out = cursor_take_hex(body);
	return !body->failed && body->at - begin <= ADDRESS_DIGITS_MAX;
}

int serve_symbols_parse(const char *body, size_t size, address_vec *out)
{
	struct cursor cursor = cursor_make(body, size);
	uint64_t address;

	cursor_trim_end(&cursor);
	if (cursor_at_end(&cursor))
		return 0;
	do {
		if (!parse_address(&cursor, &address))
			return -EINVAL;
		if (vec_push(out, address))
			return -ENOMEM;
	} while (cursor_accept(&cursor, '+'));
	return cursor_at_end(&cursor) ? 0 : -EINVAL;
}

/* --- the answer ---------------------------------------------------------------------------- */

struct place {
	uint64_t address;
	uint32_t location;
};

typedef VEC(struct place) place_vec;

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

static int compare_addresses(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static int sort_places(const struct profile *profile, place_vec *out)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < profile->locations.n; i++)
		r = vec_push(out, (struct place){profile->locations.items[i].address, i});
	if (!r && out->n)
		qsort(out->items, out->n, sizeof(*out->items), compare_places);
	return r;
}

/* Returns the location whose call is at the address or returns to it, or NULL. */
static const struct profile_location *find(const struct profile *profile, const place_vec *places,
					   uint64_t address)
{
	for (int before = 0; before < 2 && places->n; before++) {
		const struct place wanted = {.address = address - (uint64_t)before};
		const struct place *place =
			bsearch(&wanted, places->items, places->n, sizeof(wanted), compare_places);

		if (place)
			return &profile->locations.items[place->location];
	}
	return NULL;
}

static void print_names(const struct profile *profile, const struct profile_location *location,
			FILE *stream)
{
	const struct profile_line *lines = profile_lines(profile, location);
	const char *gap = "";

	for (size_t i = location->n_lines; i-- > 0; gap = "--") {
		uint32_t function = lines[i].function;

		fputs(gap, stream);
		utf8_print(
			function < profile->functions.n
				? profile_string(profile, profile->functions.items[function].name)
				: "?",
			stream);
	}
}

static void print_answer(const struct profile *profile, const place_vec *places,
			 const address_vec *addresses, FILE *stream)
{
	for (size_t i = 0; i < addresses->n; i++) {
		uint64_t address = addresses->items[i];
		const struct profile_location *location;

		if (i && address == addresses->items[i - 1])
			continue;
		location = find(profile, places, address);
		if (!location || !location->n_lines)
			continue;
		fprintf(stream, "0x%016" PRIx64 "\t", address);
		print_names(profile, location, stream);
		putc('\n', stream);
	}
}

char *serve_symbols_answer(const struct profile *profile, address_vec *addresses, size_t *out_size)
{
	place_vec places = {0};
	char *text = NULL;
	FILE *stream = open_memstream(&text, out_size);
	int r = stream ? sort_places(profile, &places) : -ENOMEM;

	if (addresses->n)
		qsort(addresses->items, addresses->n, sizeof(*addresses->items), compare_addresses);
	if (!r)
		print_answer(profile, &places, addresses, stream);
	vec_deinit(&places);
	if (stream && fclose(stream) != 0)
		r = -ENOMEM;
	if (!r)
		return text;
	free(text);
	return NULL;
}
