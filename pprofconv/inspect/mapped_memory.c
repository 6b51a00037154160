/* SPDX-License-Identifier: MIT */
#include "inspect/mapped_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readers/memory_rows.h"

#define KIB 1024

/* Memory is read in pieces of this size. If there is more than the second number, only each n-th
 * piece is read. */
#define PIECE_BYTES (256 << 10)
#define READ_MAX    (INT64_C(1) << 30)

/* The values of a row, as many as it has room for. */
enum {
	ROW_SIZE,
	ROW_RESIDENT,
	ROW_DIRTY,
	ROW_SWAPPED,
	ROW_HUGE,
};

struct reader {
	struct hp_target *target;
	struct memory_rows rows;
	struct mapped_memory *memory;
	struct repeated_texts *texts; /* or NULL */
	char *piece;
	int64_t read_every; /* pieces */
	int64_t n_pieces;
};

/* --- smaps --------------------------------------------------------------------------------- */

static const struct {
	const char *key;
	int value;
} keys[] = {
	{"Rss:", ROW_RESIDENT},       {"Shared_Dirty:", ROW_DIRTY},  {"Private_Dirty:", ROW_DIRTY},
	{"Swap:", ROW_SWAPPED},       {"AnonHugePages:", ROW_HUGE},  {"ShmemPmdMapped:", ROW_HUGE},
	{"FilePmdMapped:", ROW_HUGE}, {"Shared_Hugetlb:", ROW_HUGE}, {"Private_Hugetlb:", ROW_HUGE},
};

static void add_bounded(int64_t *sum, int64_t number)
{
	if (__builtin_add_overflow(*sum, number, sum))
		*sum = INT64_MAX;
}

static void take_value(struct cursor line, struct memory_row *row)
{
	struct cursor word = cursor_take_word(&line);
	int64_t number;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!cursor_equals(&word, keys[i].key))
			continue;
		cursor_skip_spaces(&line);
		number = cursor_take_signed(&line);
		if (line.failed || number < 0 || number > INT64_MAX / KIB)
			return;
		add_bounded(&row->values[keys[i].value], number * KIB);
		if (strstr(keys[i].key, "Hugetlb")) /* Rss leaves these pages out */
			add_bounded(&row->values[ROW_RESIDENT], number * KIB);
	}
}

static struct cursor take_line(struct cursor *text)
{
	const char *end = memchr(text->at, '\n', cursor_left(text));
	struct cursor line = cursor_make(text->at, (size_t)((end ? end : text->end) - text->at));

	text->at = end ? end + 1 : text->end;
	return line;
}

static int add_row(struct memory_rows *rows, const struct memory_row *row, struct cursor path)
{
	return row->start < row->end ? memory_rows_add(rows, row, path) : 0;
}

static int parse_smaps(struct memory_rows *rows, const char *text, size_t size)
{
	struct cursor all = cursor_make(text, size), path = {0}, new_path;
	struct memory_row row = {0};
	int r = 0;

	while (!r && !cursor_at_end(&all)) {
		struct cursor line = take_line(&all);
		struct memory_row new_row = {0};

		if (!memory_rows_take_mapping(line, &new_row, &new_path)) {
			take_value(line, &row);
			continue;
		}
		r = add_row(rows, &row, path);
		new_row.values[ROW_SIZE] = (int64_t)((new_row.end - new_row.start) & INT64_MAX);
		row = new_row;
		path = new_path;
	}
	return r ? r : add_row(rows, &row, path);
}

/* --- a core -------------------------------------------------------------------------------- */

static int64_t present_bytes(struct hp_target *target, uint64_t start, uint64_t end)
{
	struct hp_target_range range = {start, end};
	int64_t sum = 0;

	while (hp_target_next_pages(target, &range, true)) {
		sum += (int64_t)(range.end - range.start);
		range = (struct hp_target_range){range.end, end};
	}
	return sum;
}

static int add_mappings(struct memory_rows *rows, struct hp_target *target)
{
	int r = 0;

	for (size_t i = 0; !r && i < target->n_mappings; i++) {
		const struct hp_target_mapping *m = &target->mappings[i];
		struct memory_row row = {.start = m->start, .end = m->end};

		snprintf(row.permissions, sizeof(row.permissions), "%c%c%c%c",
			 m->is_readable ? 'r' : '-', m->is_writable ? 'w' : '-',
			 m->is_executable ? 'x' : '-', m->is_private ? 'p' : 's');
		row.values[ROW_SIZE] = (int64_t)((m->end - m->start) & INT64_MAX);
		row.values[ROW_RESIDENT] = present_bytes(target, m->start, m->end);
		r = memory_rows_add(rows, &row, cursor_make(m->path, m->path_size));
	}
	return r;
}

/* --- parts --------------------------------------------------------------------------------- */

/* Names some kinds that a profile of mappings has as objects. */
static void set_kind(const struct memory_row *row, struct memory_place *place)
{
	static const struct {
		const char *object, *kind;
	} kinds[] = {
		{"malloc arena?", "malloc arenas"},
		{"Go heap?", "Go heap"},
		{"thread stack?", "stack"},
		{"no access", "reserved"},
	};

	if (strncmp(place->file, "/anon_hugepage", strlen("/anon_hugepage")) == 0 ||
	    strncmp(place->file, "/dev/hugepages/", strlen("/dev/hugepages/")) == 0)
		place->kind = "huge pages";
	if (strcmp(place->kind, "anonymous") != 0)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(place->object, kinds[i].object) == 0)
			place->kind = kinds[i].kind;
	if (row->permissions[2] == 'x')
		place->kind = "generated code";
}

static struct mapped_part *find_part(const struct mapped_memory *memory, const char *kind,
				     const char *object)
{
	vec_foreach (part, &memory->parts)
		if (strcmp(part->kind, kind) == 0 && strcmp(part->object, object) == 0)
			return part;
	return NULL;
}

const struct mapped_part *mapped_memory_find(const struct mapped_memory *memory, const char *kind,
					     const char *object)
{
	return find_part(memory, kind, object);
}

/* Sets *out to the part of that place, a new one if there is none. Returns 0 or -ENOMEM. */
static int part_of(struct mapped_memory *memory, const struct memory_place *place,
		   struct mapped_part **out)
{
	struct mapped_part new = {0};
	int r;

	snprintf(new.kind, sizeof(new.kind), "%s", place->kind);
	snprintf(new.object, sizeof(new.object), "%.*s", (int)sizeof(new.object) - 1,
		 place->object);
	*out = find_part(memory, new.kind, new.object);
	if (!*out && memory->parts.n >= MAPPED_PARTS_MAX) {
		snprintf(new.object, sizeof(new.object), "(others)");
		*out = find_part(memory, new.kind, new.object);
	}
	if (*out)
		return 0;
	r = vec_push(&memory->parts, new);
	*out = r ? NULL : &memory->parts.items[memory->parts.n - 1];
	return r;
}

/* --- contents ------------------------------------------------------------------------------ */

static bool is_read(const struct memory_row *row, const char *kind)
{
	return row->permissions[0] == 'r' && strcmp(kind, "device") != 0 &&
	       strcmp(kind, "vdso") != 0 &&
	       (row->permissions[1] == 'w' || strcmp(kind, "file") != 0);
}

/* Counts the zero bytes of a word: a byte of `used` has its high bit set if that of `word` is not
 * 0. */
static int zeros_of(uint64_t word)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t used = ((word & low) + low) | word;

	return word ? __builtin_popcountll(~used & ~low) : (int)sizeof(word);
}

static int64_t count_zeros(const char *bytes, size_t size)
{
	uint64_t word;
	int64_t n = 0;

	for (; size >= sizeof(word); bytes += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		n += zeros_of(word);
	}
	for (size_t i = 0; i < size; i++)
		n += bytes[i] == 0;
	return n;
}

/* A part that is unmapped meanwhile is left out. */
static void read_piece(struct reader *reader, uint64_t address, size_t size,
		       struct mapped_part *part)
{
	if (reader->n_pieces++ % reader->read_every ||
	    !hp_target_read(reader->target, address, reader->piece, size))
		return;
	part->values[MAPPED_READ] += (int64_t)size;
	part->values[MAPPED_ZERO] += count_zeros(reader->piece, size);
	if (reader->texts)
		repeated_texts_add(reader->texts, reader->piece, size);
}

static void read_row(struct reader *reader, const struct memory_row *row, struct mapped_part *part)
{
	struct hp_target_range range = {row->start, row->end};

	while (hp_target_next_pages(reader->target, &range, false)) {
		for (uint64_t at = range.start; at < range.end; at += PIECE_BYTES) {
			uint64_t left = range.end - at;

			read_piece(reader, at, left < PIECE_BYTES ? left : PIECE_BYTES, part);
		}
		range = (struct hp_target_range){range.end, row->end};
	}
}

static int add_part(struct reader *reader, size_t i)
{
	const struct memory_row *row = &reader->rows.rows.items[i];
	bool is_private = row->permissions[3] == 'p', has_access = row->permissions[0] != '-';
	struct memory_place place;
	struct mapped_part *part;
	int64_t untouched;
	int r;

	memory_rows_place(&reader->rows, i, &place);
	set_kind(row, &place);
	r = part_of(reader->memory, &place, &part);
	if (r)
		return r;
	part->values[MAPPED_SIZE] += row->values[ROW_SIZE];
	part->values[MAPPED_RESIDENT] += row->values[ROW_RESIDENT];
	part->values[MAPPED_DIRTY] += row->values[ROW_DIRTY];
	part->values[MAPPED_SWAPPED] += row->values[ROW_SWAPPED];
	part->values[MAPPED_HUGE] += row->values[ROW_HUGE];
	part->values[MAPPED_COUNT]++;
	untouched = row->values[ROW_SIZE] - row->values[ROW_RESIDENT] - row->values[ROW_SWAPPED];
	if (reader->memory->has_memory_numbers && is_private && has_access && !*place.file &&
	    strcmp(place.kind, "vdso") != 0 && untouched > 0)
		part->values[MAPPED_UNTOUCHED] += untouched;
	if (is_read(row, place.kind))
		read_row(reader, row, part);
	return 0;
}

static int add_parts(struct reader *reader)
{
	int64_t resident = 0;
	int r = 0;

	vec_foreach (row, &reader->rows.rows)
		if (row->permissions[1] == 'w')
			resident += row->values[ROW_RESIDENT];
	reader->read_every = resident / READ_MAX + 1;
	reader->piece = malloc(PIECE_BYTES);
	if (!reader->piece)
		return -ENOMEM;
	for (size_t i = 0; !r && i < reader->rows.rows.n; i++)
		r = add_part(reader, i);
	free(reader->piece);
	return r;
}

int mapped_memory_init(struct mapped_memory *memory, struct hp_target *target, const char *smaps,
		       size_t smaps_size, struct repeated_texts *texts)
{
	struct reader reader = {.target = target, .memory = memory, .texts = texts};
	int r;

	*memory = (struct mapped_memory){.has_memory_numbers = smaps != NULL};
	r = smaps ? parse_smaps(&reader.rows, smaps, smaps_size)
		  : add_mappings(&reader.rows, target);
	if (!r)
		r = add_parts(&reader);
	memory_rows_deinit(&reader.rows);
	if (r)
		return hp_target_error(target, "%s", strerror(-r));
	return target->ops->check(target);
}

void mapped_memory_deinit(struct mapped_memory *memory)
{
	vec_deinit(&memory->parts);
}
