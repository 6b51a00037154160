/* SPDX-License-Identifier: MIT */
#include "readers/memcheck_record.h"

#include <errno.h>

#include "readers/heap_types.h"

const char *const leak_kind_names[LEAK_KINDS] = {
	[LEAK_DEFINITE] = "definitely lost",
	[LEAK_INDIRECT] = "indirectly lost",
	[LEAK_POSSIBLE] = "possibly lost",
	[LEAK_REACHABLE] = "still reachable",
};

static const char *const labels[LEAK_KINDS] = {
	[LEAK_DEFINITE] = "definite",
	[LEAK_INDIRECT] = "indirect",
	[LEAK_POSSIBLE] = "possible",
	[LEAK_REACHABLE] = "reachable",
};

/* --- text ---------------------------------------------------------------------------------- */

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* change = " (" ("+"|"-") digits ")" */
static bool skip_change(struct cursor *text)
{
	struct cursor at = *text;

	if (!cursor_accept_text(&at, " (+") && !cursor_accept_text(&at, " (-"))
		return false;
	while (is_digit(cursor_peek(&at)) || cursor_peek(&at) == ',')
		at.at++;
	if (!cursor_accept(&at, ')'))
		return false;
	*text = at;
	return true;
}

int64_t memcheck_take_amount(struct cursor *text, bool *out_is_change)
{
	int64_t value = 0;

	if (!is_digit(cursor_peek(text)))
		text->failed = true;
	for (int c = cursor_peek(text); is_digit(c) || c == ','; c = cursor_peek(text)) {
		text->at++;
		if (c != ',' && (__builtin_mul_overflow(value, 10, &value) ||
				 __builtin_add_overflow(value, c - '0', &value)))
			text->failed = true;
	}
	if (skip_change(text) && out_is_change)
		*out_is_change = true;
	return value;
}

static void expect_text(struct cursor *text, const char *expected)
{
	if (!cursor_accept_text(text, expected))
		text->failed = true;
}

/* [ " (" amount " direct, " amount " indirect)" ] */
static void take_parts(struct cursor *text, struct loss_record *record)
{
	int64_t indirect, sum;

	record->direct.bytes = record->bytes;
	if (!cursor_accept_text(text, " ("))
		return;
	record->direct.bytes = memcheck_take_amount(text, NULL);
	expect_text(text, " direct, ");
	indirect = memcheck_take_amount(text, NULL);
	expect_text(text, " indirect)");
	if (__builtin_add_overflow(record->direct.bytes, indirect, &sum) || sum != record->bytes)
		text->failed = true;
}

static bool take_kind(struct cursor *text, enum leak_kind *out_kind)
{
	for (int i = 0; i < LEAK_KINDS; i++)
		if (cursor_accept_text(text, leak_kind_names[i])) {
			*out_kind = (enum leak_kind)i;
			return true;
		}
	return false;
}

bool memcheck_take_record(struct cursor text, struct loss_record *out_record)
{
	struct loss_record record = {.bytes = memcheck_take_amount(&text, NULL)};

	take_parts(&text, &record);
	expect_text(&text, " bytes in ");
	record.direct.blocks = memcheck_take_amount(&text, NULL);
	expect_text(&text, " blocks are ");
	if (text.failed || !take_kind(&text, &record.kind))
		return false;
	expect_text(&text, " in ");
	cursor_accept_text(&text, "new ");
	expect_text(&text, "loss record ");
	record.number = (uint64_t)memcheck_take_amount(&text, NULL);
	expect_text(&text, " of ");
	memcheck_take_amount(&text, NULL);
	if (text.failed)
		return false;
	*out_record = record;
	return true;
}

/* --- a search ------------------------------------------------------------------------------ */

void leak_search_init(struct leak_search *search, struct profile *profile)
{
	*search = (struct leak_search){.profile = profile};
	named_stack_init(&search->stack, profile);
	heap_types_add(profile, "inuse");
	heap_types_set_exact(profile);
	profile->tool = "valgrind's memcheck";
}

void leak_search_deinit(struct leak_search *search)
{
	named_stack_deinit(&search->stack);
}

void leak_search_add(struct leak_search *search, const struct loss_record *record)
{
	struct profile *profile = search->profile;
	struct leak_counts *shown = &search->shown[record->kind];
	struct profile_label label = {
		.key = profile_intern(profile, "leak"),
		.text = profile_intern(profile, labels[record->kind]),
	};
	struct profile_sample key = {
		.stack = named_stack_take(&search->stack),
		.labels = profile_add_labels(profile, &label, 1),
	};

	search->n_records++;
	if (__builtin_add_overflow(shown->bytes, record->direct.bytes, &shown->bytes) ||
	    __builtin_add_overflow(shown->blocks, record->direct.blocks, &shown->blocks))
		profile_fail(profile, -EOVERFLOW);
	profile_add_sample(profile, key, (int64_t[]){record->direct.blocks, record->direct.bytes});
}
