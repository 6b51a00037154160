/* SPDX-License-Identifier: MIT */
/* The state of a key must follow from the states of any two groups of the dumps, so that the result
 * does not depend on the grouping. This holds for a set up to a size, beyond which it is just
 * "more"; for the lowest and the highest value; and for sums. It does not hold for the number of
 * different values beyond that size. Runs are an exception, since no two dumps of a merge should be
 * of one run: their number is a sum. */
#include "model/merged_metadata.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/cursor.h"

#define RUN     "run"
#define DROPPED "samples_dropped"
#define TO      " to "
#define N_END   " different"
#define MANY    "more than "

/* --- the forms of a value ------------------------------------------------------------------ */

static bool is_number(struct cursor text)
{
	cursor_take_decimal(&text);
	return !text.failed && cursor_at_end(&text);
}

/* time = YYYY-MM-DDThh:mm:ss, with a fraction or without, "Z" */
static bool is_time(struct cursor text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";

	for (const char *at = form; *at; at++) {
		int c = cursor_peek(&text);

		if (*at == 'd' ? c < '0' || c > '9' : c != *at)
			return false;
		text.at++;
	}
	if (cursor_accept(&text, '.'))
		cursor_take_decimal(&text);
	return !text.failed && cursor_accept(&text, 'Z') && cursor_at_end(&text);
}

static enum merged_metadata_kind kind_of(struct cursor text)
{
	if (is_number(text))
		return MERGED_METADATA_NUMBERS;
	return is_time(text) ? MERGED_METADATA_TIMES : MERGED_METADATA_TEXTS;
}

/* many = "more than " number " different" [ " comments" ] */
static bool is_many(struct cursor text)
{
	if (!cursor_accept_text(&text, MANY))
		return false;
	cursor_take_decimal(&text);
	return cursor_accept_text(&text, N_END) && !text.failed;
}

/* count = number " different". Sets *out to the number. */
static bool is_count(struct cursor text, uint64_t *out)
{
	*out = cursor_take_decimal(&text);
	return cursor_equals(&text, N_END) && !text.failed;
}

/* range = low " to " high, of which both are numbers or both are times */
static bool is_range(struct cursor text, struct cursor *out_low, struct cursor *out_high)
{
	struct cursor at = text;

	if (!cursor_find(&at, TO))
		return false;
	*out_low = (struct cursor){.at = text.at, .end = at.at};
	*out_high = (struct cursor){.at = at.at + strlen(TO), .end = text.end};
	return kind_of(*out_low) != MERGED_METADATA_TEXTS &&
	       kind_of(*out_low) == kind_of(*out_high);
}

static struct cursor cursor_of(const char *text)
{
	return cursor_make(text, strlen(text));
}

bool merged_metadata_is_folded(const char *value)
{
	struct cursor text = cursor_of(value), low, high;
	uint64_t n;

	return is_many(text) || is_count(text, &n) || is_range(text, &low, &high);
}

/* Returns how many runs the value of the key run stands for. */
static uint64_t count_runs(struct cursor value)
{
	uint64_t n;

	return is_count(value, &n) ? n : 1;
}

static uint64_t add_up(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

uint64_t merged_metadata_runs(const struct profile *profile)
{
	uint64_t n = 0;

	vec_foreach (comment, &profile->comments) {
		const char *value = profile_comment_value(profile, *comment, RUN);

		if (value)
			n = add_up(n, count_runs(cursor_of(value)));
	}
	return n;
}

/* --- sets of values ------------------------------------------------------------------------ */

/* Compares numbers by their value, other texts by their bytes. */
static int compare_values(enum merged_metadata_kind kind, const char *a, const char *b)
{
	uint64_t left, right;

	if (kind == MERGED_METADATA_NUMBERS) {
		left = strtoull(a, NULL, 10);
		right = strtoull(b, NULL, 10);
		if (left != right)
			return left < right ? -1 : 1;
	}
	return strcmp(a, b);
}

/* Leaves the lowest and the highest value, or none if they have no order. */
static void fold(struct merged_metadata_key *key)
{
	size_t low = 0, high = 0;
	char *kept[2] = {NULL, NULL};

	for (size_t i = 1; i < key->values.n; i++) {
		if (compare_values(key->kind, key->values.items[i], key->values.items[low]) < 0)
			low = i;
		if (compare_values(key->kind, key->values.items[i], key->values.items[high]) > 0)
			high = i;
	}
	if (key->values.n && key->kind != MERGED_METADATA_TEXTS) {
		kept[0] = key->values.items[low];
		kept[1] = key->values.items[high];
	}
	vec_foreach (value, &key->values)
		if (*value != kept[0] && *value != kept[1])
			free(*value);
	key->values.n = 0;
	for (size_t i = 0; i < 2; i++)
		if (kept[i] && (i == 0 || kept[1] != kept[0]))
			key->values.items[key->values.n++] = kept[i];
	key->is_folded = true;
}

static bool has_value(const struct merged_metadata_key *key, struct cursor value)
{
	vec_foreach (own, &key->values)
		if (cursor_equals(&value, *own))
			return true;
	return false;
}

/* Adds a value to the set, unless it is there, and folds the set if it is larger than `most`. */
static int add_value(struct merged_metadata_key *key, struct cursor value, size_t most)
{
	enum merged_metadata_kind kind = kind_of(value);
	char *copy;

	if (has_value(key, value))
		return 0;
	if (key->kind != kind && (key->values.n || key->is_folded))
		kind = MERGED_METADATA_TEXTS;
	key->kind = kind;
	copy = strndup(value.at, cursor_left(&value));
	if (!copy || vec_push(&key->values, copy) < 0) {
		free(copy);
		return -ENOMEM;
	}
	if (key->is_folded || key->values.n > most)
		fold(key);
	return 0;
}

/* Adds a value, which may be a folded one of an earlier merge. */
static int add_any(struct merged_metadata_key *key, struct cursor value, size_t most)
{
	struct cursor low, high;
	uint64_t n;
	int r = 0;

	if (is_range(value, &low, &high)) {
		r = add_value(key, low, most);
		r = r ? r : add_value(key, high, most);
		fold(key);
	} else if (is_many(value) || is_count(value, &n)) {
		key->kind = MERGED_METADATA_TEXTS;
		fold(key);
	} else {
		r = add_value(key, value, most);
	}
	return r;
}

/* --- profiles ------------------------------------------------------------------------------ */

/* key = letter { letter | digit | "_" } ": ". A note is a sentence for people, and has no key. */
static size_t key_size(const char *text)
{
	size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (!size || text[0] < 'a' || text[0] > 'z' || strncmp(text + size, ": ", 2) != 0)
		return 0;
	return size == 4 && strncmp(text, "note", 4) == 0 ? 0 : size;
}

static bool is_name(const char *text, size_t size, const char *name)
{
	return size == strlen(name) && strncmp(text, name, size) == 0;
}

static int find_key(struct merged_metadata *merged, const char *name, size_t size,
		    struct merged_metadata_key **out)
{
	uint32_t id;
	int r = strtab_intern(&merged->names, name, size, &id);

	while (!r && merged->keys.n <= id)
		r = vec_push(&merged->keys, (struct merged_metadata_key){0});
	if (!r)
		*out = &merged->keys.items[id];
	return r;
}

static int add_comment(struct merged_metadata *merged, const char *text)
{
	size_t size = key_size(text);
	struct cursor value = cursor_of(text + (size ? size + 2 : 0));
	struct merged_metadata_key *key = NULL;
	int r = find_key(merged, text, size, &key);

	if (r)
		return r;
	if (is_name(text, size, DROPPED)) {
		key->number =
			add_up(key->number, is_number(value) ? cursor_take_decimal(&value) : 0);
		key->is_folded = true;
		return 0;
	}
	if (is_name(text, size, RUN))
		key->number = add_up(key->number, count_runs(value));
	return add_any(key, value, size ? MERGED_METADATA_MAX : MERGED_COMMENTS_MAX);
}

int merged_metadata_add(struct merged_metadata *merged, const struct profile *profile)
{
	int r = 0;

	for (size_t i = 0; !r && i < profile->comments.n; i++)
		r = add_comment(merged, profile_string(profile, profile->comments.items[i]));
	return r;
}

static void __attribute__((format(printf, 3, 4)))
add_text(struct profile *to, const char *name, const char *format, ...)
{
	va_list arguments;
	char *value = NULL, *text = NULL;
	int size;

	va_start(arguments, format);
	size = vasprintf(&value, format, arguments);
	va_end(arguments);
	if (size < 0 || asprintf(&text, "%s%s%s", name, *name ? ": " : "", value) < 0)
		profile_fail(to, -ENOMEM);
	else
		profile_add_comment(to, text, strlen(text));
	free(size < 0 ? NULL : value);
	free(text);
}

static void finish_folded(const struct merged_metadata_key *key, const char *name,
			  struct profile *to)
{
	if (strcmp(name, DROPPED) == 0)
		add_text(to, name, "%" PRIu64, key->number);
	else if (strcmp(name, RUN) == 0)
		add_text(to, name, "%" PRIu64 N_END, key->number);
	else if (key->values.n)
		add_text(to, name, "%s" TO "%s", key->values.items[0],
			 key->values.items[key->values.n - 1]);
	else if (*name)
		add_text(to, name, MANY "%d" N_END, MERGED_METADATA_MAX);
	else
		add_text(to, name, MANY "%d" N_END " comments", MERGED_COMMENTS_MAX);
}

void merged_metadata_finish(const struct merged_metadata *merged, struct profile *to)
{
	for (uint32_t id = 0; id < merged->keys.n; id++) {
		const struct merged_metadata_key *key = &merged->keys.items[id];
		const char *name = strtab_text(&merged->names, id);

		if (key->is_folded)
			finish_folded(key, name, to);
		else
			vec_foreach (value, &key->values)
				add_text(to, name, "%s", *value);
	}
}

void merged_metadata_deinit(struct merged_metadata *merged)
{
	vec_foreach (key, &merged->keys) {
		vec_foreach (value, &key->values)
			free(*value);
		vec_deinit(&key->values);
	}
	vec_deinit(&merged->keys);
	strtab_deinit(&merged->names);
}
