/* SPDX-License-Identifier: MIT */
/* The names of pools (see tables/pool_names.h). A library that was made before there were pools has
 * no rows for them, and no pools. */
#include "tables/pool_names.h"
#include "target/snapshot_parts.h"
#include <stdlib.h>

struct rows {
	struct hp_view_row n, pieces, a_piece, kinds, word, name, kind, size, path;
};

#define ROW(name, field)                           \
	{                                          \
		name, offsetof(struct rows, field) \
	}

static const struct {
	const char *name;
	size_t place;
} rows_wanted[] = {
	ROW("pool_names.n", n),
	ROW("pool_names.pieces", pieces),
	ROW("pool_names.a_piece", a_piece),
	ROW("pool_names.kinds", kinds),
	ROW("pool_kind.word", word),
	ROW("pool_name", name),
	ROW("pool_name.kind", kind),
	ROW("pool_name.size", size),
	ROW("pool_name.path", path),
};

static bool is_in(const struct hp_view_row *field, uint32_t size)
{
	return field->size <= size && field->offset <= size - field->size;
}

static bool are_rows_sound(const struct rows *r)
{
	return r->n.size == 4 && r->pieces.size == 8 && r->pieces.count <= HP_POOL_NAMES_MAX &&
	       r->a_piece.size > 0 && r->a_piece.size <= HP_POOL_NAMES_MAX &&
	       r->kinds.size <= STRUCT_MAX && r->kinds.count <= UINT8_MAX + 1 && r->name.size > 0 &&
	       r->name.size <= STRUCT_MAX && r->kind.size == 1 && r->size.size == 2 &&
	       r->word.size > 0 && is_in(&r->word, r->kinds.size) &&
	       is_in(&r->kind, r->name.size) && is_in(&r->size, r->name.size) &&
	       is_in(&r->path, r->name.size);
}

/* Returns false if the view has no rows of pools. */
static bool find_rows(const struct snapshot *s, struct rows *rows)
{
	for (size_t i = 0; i < sizeof(rows_wanted) / sizeof(rows_wanted[0]); i++) {
		const struct hp_view_row *row = hp_view_reader_find(&s->view, rows_wanted[i].name);

		if (!row)
			return false;
		memcpy((char *)rows + rows_wanted[i].place, row, sizeof(*row));
	}
	return true;
}

static bool is_of_a_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

/* Copies the word of a kind, with "_" in place of other characters; "_" if there is none. */
static void copy_word(const struct rows *rows, const char *kinds, uint8_t kind,
		      struct hp_snapshot_pool *pool)
{
	const char *word = kinds + (size_t)kind * rows->kinds.size + rows->word.offset;
	size_t n = kind < rows->kinds.count ? strnlen(word, rows->word.size) : 0;

	for (size_t i = 0; i < n && i < sizeof(pool->kind) - 1; i++)
		pool->kind[i] = is_of_a_word(word[i]) ? word[i] : '_';
	if (n == 0)
		pool->kind[0] = '_';
}

static void make_pool(const struct rows *rows, const char *kinds, const char *name,
		      struct hp_snapshot_pool *pool)
{
	size_t size = read_number(name, rows->size.offset, 2);

	size = size < rows->path.size ? size : rows->path.size;
	pool->path_size = size < sizeof(pool->path) ? size : sizeof(pool->path);
	memcpy(pool->path, name + rows->path.offset, pool->path_size);
	copy_word(rows, kinds, (uint8_t)read_number(name, rows->kind.offset, 1), pool);
}

/* Reads `n` names with these buffers: for all kinds, and for one name. */
static int read_names(struct snapshot *s, const struct rows *rows, uint32_t n, char *kinds,
		      char *name)
{
	if (!hp_target_read(s->t, (uintptr_t)rows->kinds.address, kinds,
			    (size_t)rows->kinds.count * rows->kinds.size))
		return hp_target_explain(s->t);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t piece;

		if (!hp_target_read(s->t,
				    (uintptr_t)rows->pieces.address +
					    i / rows->a_piece.size * sizeof(piece),
				    &piece, sizeof(piece)) ||
		    !hp_target_read(s->t, piece + i % rows->a_piece.size * rows->name.size, name,
				    rows->name.size))
			return hp_target_explain(s->t);
		make_pool(rows, kinds, name, &s->pools[i]);
		s->n_pools = i + 1;
	}
	return 0;
}

int hp_snapshot_read_pools(struct snapshot *s)
{
	struct rows rows;
	uint32_t n;

	if (!find_rows(s, &rows))
		return 0;
	if (!are_rows_sound(&rows))
		return hp_target_error(s->t, "heapprof's view is damaged: its rows of pools");
	if (!hp_target_read(s->t, (uintptr_t)rows.n.address, &n, sizeof(n)))
		return hp_target_explain(s->t);
	if (n > HP_POOL_NAMES_MAX || n > (uint64_t)rows.pieces.count * rows.a_piece.size)
		return hp_target_error(s->t, "heapprof's table of pools is damaged");
	if (n == 0)
		return 0;
	char *kinds = malloc((size_t)rows.kinds.count * rows.kinds.size + 1);
	char *name = malloc(rows.name.size);
	int r;

	s->pools = calloc(n, sizeof(*s->pools));
	if (kinds && name && s->pools)
		r = read_names(s, &rows, n, kinds, name);
	else
		r = hp_target_no_memory(s->t);
	free(kinds);
	free(name);
	return r;
}
