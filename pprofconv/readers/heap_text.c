/* SPDX-License-Identifier: MIT */
#include "readers/heap_text.h"

#define TITLE "heap profile:"

/* pair = integer ":" integer */
static bool take_pair(struct cursor *line, int64_t *objects, int64_t *bytes)
{
	cursor_skip_spaces(line);
	*objects = cursor_take_signed(line);
	cursor_expect(line, ':');
	cursor_skip_spaces(line);
	*bytes = cursor_take_signed(line);
	cursor_skip_spaces(line);
	return !line->failed;
}

/* Rejects INT64_MIN: it can't be negated, so dividing or subtracting it could overflow. */
static const char *check_range(int64_t objects, int64_t bytes)
{
	return objects == INT64_MIN || bytes == INT64_MIN ? "a count exceeds 64 bits" : NULL;
}

/* Rejects bytes without objects, and objects and bytes with opposite signs. Both may be
 * negative. */
static const char *check_signs(int64_t objects, int64_t bytes)
{
	if (objects == 0 && bytes != 0)
		return "bytes without objects";
	if ((objects < 0 && bytes > 0) || (objects > 0 && bytes < 0))
		return "objects and bytes have opposite signs";
	return NULL;
}

/* pairs = pair "[" pair "]" */
static const char *take_pairs(struct cursor *line, bool any_inuse, struct heap_counts *out)
{
	const char *wrong;

	if (!take_pair(line, &out->inuse_objects, &out->inuse_bytes))
		return "expected in-use objects and bytes, as in '3: 4096'";
	if (!cursor_accept(line, '['))
		return "expected '[' after the in-use counts";
	if (!take_pair(line, &out->alloc_objects, &out->alloc_bytes))
		return "expected allocated objects and bytes, as in '[3: 4096]'";
	if (!cursor_accept(line, ']'))
		return "expected ']' after the allocated counts";
	if (out->alloc_objects < 0 || out->alloc_bytes < 0)
		return "a negative number of allocations";
	wrong = check_range(out->inuse_objects, out->inuse_bytes);
	if (!wrong)
		wrong = check_range(out->alloc_objects, out->alloc_bytes);
	if (!wrong && !any_inuse)
		wrong = check_signs(out->inuse_objects, out->inuse_bytes);
	return wrong ? wrong : check_signs(out->alloc_objects, out->alloc_bytes);
}

const char *heap_text_pairs(struct cursor *line, struct heap_counts *out)
{
	return take_pairs(line, false, out);
}

/* counts = pairs "@" */
const char *heap_text_counts(struct cursor *line, bool any_inuse, struct heap_counts *out)
{
	const char *wrong = take_pairs(line, any_inuse, out);

	cursor_skip_spaces(line);
	if (!wrong && !cursor_accept(line, '@'))
		wrong = "expected '@' after the counts";
	return wrong;
}

static bool is_kind_char(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* kind = { letter | digit | "_" } */
static struct cursor take_kind(struct cursor *line)
{
	struct cursor kind = *line;

	while (is_kind_char(cursor_peek(line)))
		line->at++;
	kind.end = line->at;
	return kind;
}

/* header = "heap profile:" counts [ kind [ "/" [ period ] ] ] */
const char *heap_text_header(struct cursor line, bool any_inuse, struct heap_header *out)
{
	const char *wrong;

	if (!cursor_find(&line, TITLE))
		return "expected '" TITLE "'";
	cursor_accept_text(&line, TITLE);
	wrong = heap_text_counts(&line, any_inuse, &out->totals);
	if (wrong)
		return wrong;
	if (out->totals.inuse_objects < 0 && !any_inuse)
		return "a negative number of objects in use";
	cursor_skip_spaces(&line);
	out->kind = take_kind(&line);
	out->period = 0;
	if (cursor_accept(&line, '/') && !cursor_at_end(&line))
		out->period = cursor_take_signed(&line);
	cursor_skip_spaces(&line);
	if (line.failed || out->period < 0)
		return "expected a sampling period, a number below 2^63, after '/'";
	return cursor_at_end(&line) ? NULL : "unexpected text at the end of the header";
}

bool heap_text_probe(struct cursor head)
{
	const char *end = memchr(head.at, '\n', cursor_left(&head));

	if (end)
		head.end = end;
	return cursor_find(&head, TITLE);
}

bool heap_text_next_line(struct cursor *head, struct cursor *out_line)
{
	const char *end = memchr(head->at, '\n', cursor_left(head));

	if (!end)
		return false;
	*out_line = *head;
	out_line->end = end;
	head->at = end + 1;
	return true;
}

/* address = "0x" hexadecimal */
bool heap_text_address(struct cursor *line, uint64_t *out_address)
{

	cursor_skip_spaces(line);
	if (cursor_at_end(line))
		return false;
	if (cursor_left(line) < 3 || line->at[0] != '0' || line->at[1] != 'x') {
		line->failed = true;
		return false;
	}
	line->at += 2;
	*out_address = cursor_take_hex(line);
	if (!cursor_at_end(line) && !cursor_is_space((unsigned char)*line->at))
		line->failed = true;
	return !line->failed;
}

bool heap_text_is_comment(struct cursor line)
{
	cursor_skip_spaces(&line);
	return cursor_at_end(&line) || *line.at == '#';
}

bool heap_text_is_map_title(struct cursor line)
{
	struct cursor other = line;
	int first;

	cursor_skip_spaces(&line);
	first = cursor_peek(&line);
	if ((first >= '0' && first <= '9') || first == '@') /* a record, as nearly all lines are */
		return false;
	return cursor_find(&line, "MAPPED_LIBRARIES:") ||
	       cursor_find(&other, "--- Memory map: ---");
}
