/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "commands/diff_sides.h"

/* A profile of a side, with its value of the key. */
struct keyed {
	const char *value;
	struct profile *profile;
	char *name;
};

typedef VEC(struct keyed) keyed_vec;

static int compare_keyed(const void *left, const void *right)
{
	const struct keyed *a = left, *b = right;

	return strcmp(a->value, b->value);
}

/* Collects the profiles of a side, sorted by their values. */
static int collect(const struct inputs *inputs, const char *key, keyed_vec *out)
{
	for (size_t i = 0; i < inputs->profiles.n; i++) {
		struct keyed keyed = {
			.value = profile_metadata(inputs->profiles.items[i], key),
			.profile = inputs->profiles.items[i],
			.name = inputs->names[i],
		};

		if (!keyed.value)
			return command_error("%s: no '%s' to pair it by; the lists of "
					     "--base-files-from and --files-from can give labels",
					     keyed.name, key);
		if (vec_push(out, keyed) < 0)
			return command_error("%s", strerror(ENOMEM));
	}
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), compare_keyed);
	for (size_t i = 1; i < out->n; i++)
		if (strcmp(out->items[i - 1].value, out->items[i].value) == 0)
			return command_error("%s and %s: both have %s '%s'; give one of them",
					     out->items[i - 1].name, out->items[i].name, key,
					     out->items[i].value);
	return EXIT_DONE;
}

/* Returns whether one of the sorted values is `value`. */
static bool has_value(const keyed_vec *sorted, const char *value)
{
	struct keyed wanted = {.value = value};

	return sorted->n &&
	       bsearch(&wanted, sorted->items, sorted->n, sizeof(*sorted->items), compare_keyed);
}

/* Puts the profiles whose value `other` has first, in the order of their values; the others follow.
 * Returns the number of the first. */
static size_t put_in_order(struct inputs *inputs, const keyed_vec *own, const keyed_vec *other)
{
	size_t n = 0, end = own->n;

	for (size_t i = own->n; i > 0; i--)
		if (!has_value(other, own->items[i - 1].value))
			inputs->profiles.items[--end] = own->items[i - 1].profile;
	for (size_t i = 0; i < own->n; i++) {
		if (!has_value(other, own->items[i].value))
			continue;
		inputs->profiles.items[n] = own->items[i].profile;
		inputs->sources.items[n] = own->items[i].name;
		inputs->own_names[n++] = own->items[i].name;
	}
	inputs->names = inputs->own_names;
	return n;
}

static int order_pairs(struct inputs *inputs, const keyed_vec *own, const keyed_vec *other,
		       size_t *out_n)
{
	inputs->own_names = calloc(own->n + 1, sizeof(*inputs->own_names));
	if (!inputs->own_names)
		return command_error("%s", strerror(ENOMEM));
	*out_n = put_in_order(inputs, own, other);
	return EXIT_DONE;
}

/* Frees the profiles after the first `n`, with their values. */
static void drop_rest(struct inputs *inputs, size_t n)
{
	for (size_t i = n; i < inputs->profiles.n; i++)
		profile_free(inputs->profiles.items[i]);
	inputs->profiles.n = inputs->sources.n = n;
}

static int pair(struct diff_sides *sides, const char *key, keyed_vec keyed[2])
{
	struct inputs *base = &sides->inputs[DIFF_BASE], *new = &sides->inputs[DIFF_NEW];
	size_t n[2] = {0}, n_left_out;
	char text[256];
	int status = collect(base, key, &keyed[DIFF_BASE]);

	if (!status)
		status = collect(new, key, &keyed[DIFF_NEW]);
	if (!status)
		status = order_pairs(base, &keyed[DIFF_BASE], &keyed[DIFF_NEW], &n[DIFF_BASE]);
	if (!status)
		status = order_pairs(new, &keyed[DIFF_NEW], &keyed[DIFF_BASE], &n[DIFF_NEW]);
	if (status)
		return status;
	drop_rest(base, n[DIFF_BASE]);
	drop_rest(new, n[DIFF_NEW]);
	if (base->profiles.n < 2)
		return command_error("--paired-by: %zu values of '%.100s' are on both sides; two "
				     "are needed",
				     base->profiles.n, key);
	n_left_out = keyed[DIFF_BASE].n + keyed[DIFF_NEW].n - 2 * base->profiles.n;
	snprintf(text, sizeof(text),
		 "%zu pairs by %.100s; %zu inputs are left out, because the other side has none "
		 "with their value",
		 base->profiles.n, key, n_left_out);
	return n_left_out ? diff_sides_warn(sides, text) : EXIT_DONE;
}

int diff_sides_pair(struct diff_sides *sides, const char *key)
{
	keyed_vec keyed[2] = {0};
	int status = pair(sides, key, keyed);

	sides->is_paired = !status;
	vec_deinit(&keyed[DIFF_BASE]);
	vec_deinit(&keyed[DIFF_NEW]);
	return status;
}
