/* SPDX-License-Identifier: MIT */
/* Reads the trace that glibc's mtrace() writes: a line for each call of the allocator.
 *
 *	line  = "@ " place " " event | "= Start" | "= End"
 *	place = file ":" [ "(" symbol "+" offset ")" ] "[" address "]"       or an address alone
 *	event = "+ " block size | "- " block | "< " block | "> " block size | "! " block size
 *
 * "<" and ">" are the two sides of a realloc(), "!" is one that failed. Events are replayed: a
 * block that is still in use at the end counts for the place that allocated it. Places have one
 * frame. Addresses count from the start of the file where mtrace knows the file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/number_map.h"
#include "base/path.h"
#include "readers/heap_types.h"
#include "readers/named_stack.h"
#include "readers/reader.h"
#include "readers/readers.h"

struct place {
	uint32_t stack;
	int64_t n_made, n_live;
	int64_t made_bytes, live_bytes;
};

struct block {
	int64_t size; /* -1: not in use */
	uint32_t place;
};

struct mtrace {
	struct profile *profile;
	struct input *input;
	struct diag *diag;
	struct named_stack stack;
	struct strtab names;        /* of places */
	VEC(struct place) places;   /* by the number of the name minus 1 */
	struct number_map block_of; /* by address */
	VEC(struct block) blocks;
	int64_t n_unknown; /* blocks that were freed and not allocated here */
	bool has_end;
};

static int corrupt(struct mtrace *mtrace, const char *what)
{
	return diag_error_line(mtrace->diag, READER_E_CORRUPT, input_line_number(mtrace->input),
			       "%s", what);
}

static int no_memory(struct mtrace *mtrace)
{
	return diag_errno(mtrace->diag, -ENOMEM);
}

static uint64_t take_hex(struct cursor *text)
{
	if (cursor_accept_text(text, "(nil)"))
		return 0;
	if (!cursor_accept_text(text, "0x"))
		text->failed = true;
	return cursor_take_hex(text);
}

/* --- places -------------------------------------------------------------------------------- */

/* Adds the only frame of a place: the symbol, or the file and the address in it. */
static void push_frame(struct mtrace *mtrace, struct cursor file, struct cursor symbol,
		       struct cursor address)
{
	struct named_frame frame = {.file = cursor_make("", 0), .mapping = PROFILE_NONE};
	VEC(char) name = {0};
	const char *slash = memrchr(file.at, '/', cursor_left(&file));
	int r;

	if (slash)
		file.at = slash + 1;
	if (!cursor_at_end(&symbol)) {
		r = vec_append(&name, symbol.at, cursor_left(&symbol));
	} else {
		r = vec_append(&name, file.at, cursor_left(&file));
		r = r || cursor_at_end(&file) ? r : vec_append(&name, "+", 1);
		r = r ? r : vec_append(&name, address.at, cursor_left(&address));
	}
	if (r)
		profile_fail(mtrace->profile, r);
	frame.name = cursor_make(name.items ? name.items : "", name.n);
	named_stack_push(&mtrace->stack, &frame);
	free(name.items);
}

/* Splits a place into its parts and makes a stack of it. Sets `failed` of `text` if it is none. */
static uint32_t make_stack(struct mtrace *mtrace, struct cursor *text)
{
	const char *bracket = memrchr(text->at, '[', cursor_left(text));
	struct cursor file = *text, symbol = cursor_make("", 0), address, number;

	if (!bracket || text->end[-1] != ']') {
		text->failed = true;
		return 0;
	}
	address = cursor_make(bracket + 1, (size_t)(text->end - bracket - 2));
	number = address;
	take_hex(&number);
	if (number.failed || !cursor_at_end(&number))
		text->failed = true;
	file.end = bracket;
	if (!cursor_at_end(&file) && file.end[-1] == ')') {
		const char *open = memrchr(file.at, '(', cursor_left(&file));
		const char *plus = open ? memrchr(open, '+', (size_t)(file.end - open)) : NULL;

		if (plus)
			symbol = cursor_make(open + 1, (size_t)(plus - open - 1));
		if (open)
			file.end = open;
	}
	if (!cursor_at_end(&file) && file.end[-1] == ':')
		file.end--;
	push_frame(mtrace, file, symbol, address);
	return named_stack_take(&mtrace->stack);
}

/* Sets *out to the number of a place, which is added if it is new. */
static int find_place(struct mtrace *mtrace, struct cursor text, uint32_t *out)
{
	uint32_t name;
	struct place place = {0};
	int r;

	if (cursor_at_end(&text))
		return corrupt(mtrace, "expected a place, such as app:[0x11e7]");
	r = strtab_intern(&mtrace->names, text.at, cursor_left(&text), &name);
	if (r || name > mtrace->places.n + 1)
		return no_memory(mtrace);
	*out = name - 1;
	if (name <= mtrace->places.n)
		return 0;
	place.stack = make_stack(mtrace, &text);
	if (text.failed)
		return corrupt(mtrace, "expected a place, such as app:[0x11e7]");
	return vec_push(&mtrace->places, place) < 0 ? no_memory(mtrace) : 0;
}

/* --- events -------------------------------------------------------------------------------- */

static int allocate(struct mtrace *mtrace, uint32_t place, uint64_t address, int64_t size)
{
	struct place *made = &mtrace->places.items[place];
	uint32_t number = number_map_find(&mtrace->block_of, address);

	if (number == NUMBER_MAP_NONE) {
		number = (uint32_t)mtrace->blocks.n;
		if (number == NUMBER_MAP_NONE || vec_push(&mtrace->blocks, (struct block){0}) < 0 ||
		    number_map_insert(&mtrace->block_of, address, number) < 0)
			return no_memory(mtrace);
	} else if (mtrace->blocks.items[number].size >= 0) {
		return corrupt(mtrace, "a block is allocated that is in use");
	}
	mtrace->blocks.items[number] = (struct block){size, place};
	made->n_made++;
	made->n_live++;
	if (__builtin_add_overflow(made->made_bytes, size, &made->made_bytes))
		return corrupt(mtrace, "the sizes add up to more than 64 bits hold");
	made->live_bytes += size; /* at most made_bytes */
	return 0;
}

static void release(struct mtrace *mtrace, uint64_t address)
{
	uint32_t number = number_map_find(&mtrace->block_of, address);
	struct block *block = number == NUMBER_MAP_NONE ? NULL : &mtrace->blocks.items[number];
	struct place *made;

	if (!block || block->size < 0) {
		mtrace->n_unknown += address != 0;
		return;
	}
	made = &mtrace->places.items[block->place];
	made->n_live--;
	made->live_bytes -= block->size;
	block->size = -1;
}

/* Takes the last word of a line. */
static struct cursor take_last_word(struct cursor *line)
{
	const char *at = memrchr(line->at, ' ', cursor_left(line));
	struct cursor word = *line;

	if (!at) {
		line->failed = true;
		return cursor_make("", 0);
	}
	word.at = at + 1;
	line->end = at;
	return word;
}

static uint64_t take_last_hex(struct cursor *line)
{
	struct cursor word = take_last_word(line);
	uint64_t value = take_hex(&word);

	if (word.failed || !cursor_at_end(&word))
		line->failed = true;
	return value;
}

/* Reads a line from its end, since a file may have spaces in its name. */
static int read_event(struct mtrace *mtrace, struct cursor line)
{
	uint64_t last = take_last_hex(&line), size = 0;
	struct cursor kind = take_last_word(&line);
	uint32_t place = 0;
	int r;

	if (cursor_left(&kind) > 1) { /* a block before the size */
		size = last;
		last = take_hex(&kind);
		if (kind.failed || !cursor_at_end(&kind))
			line.failed = true;
		kind = take_last_word(&line);
	}
	if (line.failed || cursor_left(&kind) != 1 || size > INT64_MAX)
		return corrupt(mtrace, "expected an event, such as + 0x12a0 0x64");
	r = find_place(mtrace, line, &place);
	if (r)
		return r;
	switch (*kind.at) {
	case '+':
	case '>':
		return allocate(mtrace, place, last, (int64_t)size);
	case '-':
	case '<':
		release(mtrace, last);
		return 0;
	case '!':
		return 0;
	default:
		return corrupt(mtrace, "expected an event: one of + - < > !");
	}
}

static int read_lines(struct mtrace *mtrace)
{
	struct cursor line;
	int r = 0;

	while (!r && input_next_line(mtrace->input, &line)) {
		if (input_line_is_cut(mtrace->input))
			return corrupt(mtrace, "truncated: the last line has no newline");
		cursor_trim_end(&line);
		if (cursor_accept_text(&line, "@ "))
			r = read_event(mtrace, line);
		else if (cursor_equals(&line, "= End"))
			mtrace->has_end = true;
		else if (!cursor_at_end(&line) && !cursor_equals(&line, "= Start"))
			r = corrupt(mtrace, "expected a line of mtrace, which begins with @ or =");
	}
	return r ? r : input_status(mtrace->input);
}

static void add_samples(struct mtrace *mtrace)
{
	vec_foreach (place, &mtrace->places)
		if (place->n_made)
			profile_add_sample(mtrace->profile,
					   (struct profile_sample){.stack = place->stack},
					   (int64_t[]){place->n_made, place->made_bytes,
						       place->n_live, place->live_bytes});
}

static void warn(const struct mtrace *mtrace, struct diag *diag)
{
	if (!mtrace->has_end)
		diag_warn(diag, "the trace has no end; the program was killed, or did not call "
				"muntrace()");
	if (mtrace->n_unknown)
		diag_warn(diag,
			  "%" PRId64 " blocks were freed that had been allocated before the trace",
			  mtrace->n_unknown);
}

static int read_mtrace(struct profile *profile, struct input *input, struct diag *diag)
{
	struct mtrace mtrace = {.profile = profile, .input = input, .diag = diag};
	int r;

	heap_types_add(profile, "alloc");
	heap_types_add(profile, "inuse");
	heap_types_set_exact(profile);
	profile->tool = "mtrace";
	named_stack_init(&mtrace.stack, profile);
	r = read_lines(&mtrace);
	if (!r && !profile_status(profile)) {
		add_samples(&mtrace);
		warn(&mtrace, diag);
	}
	named_stack_deinit(&mtrace.stack);
	strtab_deinit(&mtrace.names);
	vec_deinit(&mtrace.places);
	number_map_deinit(&mtrace.block_of);
	vec_deinit(&mtrace.blocks);
	return r;
}

static enum probe probe_mtrace(struct cursor head)
{
	return cursor_starts_with(&head, "= Start\n@ ") || cursor_starts_with(&head, "= Start\n= ")
		       ? PROBE_YES
		       : PROBE_NO;
}

const struct reader reader_mtrace = {
	.name = "mtrace",
	.summary = "the trace of glibc's mtrace(), with the place of each call",
	.group = READER_LEAKS,
	.made_by = "MALLOC_TRACE=FILE LD_PRELOAD=libc_malloc_debug.so.0 PROGRAM",
	.probe = probe_mtrace,
	.read = read_mtrace,
};
