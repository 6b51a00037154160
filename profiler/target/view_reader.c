/* SPDX-License-Identifier: MIT */
/* To look the view up in a symbol table would need the library's file, which may be deleted,
 * replaced, or on another system. So the memory itself is searched for the view's magic, first
 * where the library's and the program's relocated data is. */
#include "target/view_reader.h"
#include <stdlib.h>
#include <string.h>

enum {
	PIECE = 1 << 20,
	ROWS_MAX = 4096,
	VIEWS_MAX = 16,
	ROW_SIZE_MAX = 512,
};

#define SEARCHED_MAX ((uint64_t)1 << 30) /* bytes, of each kind of mapping */

/* --- which mappings ------------------------------------------------------------------------- */

enum kind {
	OF_THE_LIBRARY,
	OF_THE_PROGRAM,
	OF_A_FILE,
	ANONYMOUS,
	N_KINDS,
	NOT_SEARCHED = N_KINDS,
};

static bool is_library(const struct hp_target_mapping *m)
{
	static const char name[] = "libheapprof";
	const char *slash = memrchr(m->path, '/', m->path_size);
	const char *last = slash ? slash + 1 : m->path;
	size_t size = (size_t)(m->path + m->path_size - last);

	return size >= sizeof(name) - 1 && memcmp(last, name, sizeof(name) - 1) == 0;
}

static enum kind kind_of(const struct hp_target *t, const struct hp_target_mapping *m)
{
	if (!m->is_readable || !m->is_private || m->is_executable)
		return NOT_SEARCHED;
	if (!m->path || m->path[0] != '/')
		return ANONYMOUS;
	if (is_library(m))
		return OF_THE_LIBRARY;
	if (t->program && strlen(t->program) == m->path_size &&
	    memcmp(m->path, t->program, m->path_size) == 0)
		return OF_THE_PROGRAM;
	return OF_A_FILE;
}

/* --- views ---------------------------------------------------------------------------------- */

static void copy_release(char *to, const char *from, size_t size)
{
	size_t i = 0;

	for (; i + 1 < size && from[i] > ' ' && from[i] < 0x7f; i++)
		to[i] = from[i];
	to[i] = '\0';
}

static bool is_magic(const uint8_t *p)
{
	static const uint8_t masked[HP_VIEW_MAGIC_SIZE] = HP_VIEW_MAGIC_MASKED;

	for (int i = 0; i < HP_VIEW_MAGIC_SIZE; i++)
		if (p[i] != (masked[i] ^ HP_VIEW_MASK))
			return false;
	return true;
}

static int compare_rows(const void *left, const void *right)
{
	return strcmp(((const struct hp_view_row *)left)->name,
		      ((const struct hp_view_row *)right)->name);
}

const struct hp_view_row *hp_view_reader_find(const struct hp_view_reader *view, const char *name)
{
	struct hp_view_row wanted = {.name = ""};

	size_t size = strlen(name) + 1;

	if (size > sizeof(wanted.name) || view->n_rows == 0)
		return NULL;
	memcpy(wanted.name, name, size);
	return bsearch(&wanted, view->rows, view->n_rows, sizeof(wanted), compare_rows);
}

void hp_view_reader_deinit(struct hp_view_reader *view)
{
	free(view->rows);
	*view = (struct hp_view_reader){0};
}

static int check_header(struct hp_target *t, const struct heapprof_view *v, const char *release)
{
	if (v->version != HP_VIEW_VERSION)
		return hp_target_error(
			t,
			"heapprof %s is in it, whose tables are described in version "
			"%u: this program reads version %d; use the one that came "
			"with that heapprof",
			release, v->version, HP_VIEW_VERSION);
	if (v->size < offsetof(struct heapprof_view, parts) ||
	    v->row_size < sizeof(struct hp_view_row) || v->row_size > ROW_SIZE_MAX ||
	    v->n_parts > HP_VIEW_PARTS_MAX ||
	    v->size < offsetof(struct heapprof_view, parts) +
			      v->n_parts * sizeof(struct hp_view_part))
		return hp_target_error(t,
				       "the view of heapprof %s at %#jx is damaged: %u bytes, %u "
				       "parts, rows of %u bytes",
				       release, (uintmax_t)(uintptr_t)v->self, v->size, v->n_parts,
				       v->row_size);
	return 0;
}

static int check_row(struct hp_target *t, const struct hp_view_row *row, uint64_t at)
{
	uint64_t address = (uintptr_t)row->address, size = (uint64_t)row->size * row->count;

	if (!memchr(row->name, '\0', sizeof(row->name)) || row->size == 0 || row->count == 0 ||
	    address > INT64_MAX || size > INT64_MAX - address)
		return hp_target_error(t, "a row of heapprof's view, at %#jx, is damaged",
				       (uintmax_t)at);
	return 0;
}

static int read_part(struct hp_view_reader *view, struct hp_target *t,
		     const struct hp_view_part *part, uint32_t row_size)
{
	uint64_t address = (uintptr_t)part->rows, n = part->n_rows;
	int r = 0;
	char *bytes;

	if (n > ROWS_MAX - view->n_rows || address > INT64_MAX)
		return hp_target_error(t, "heapprof's view at %#jx is damaged: a part of %ju rows",
				       (uintmax_t)view->address, (uintmax_t)n);
	bytes = malloc(n * row_size + 1);
	if (!bytes)
		return hp_target_no_memory(t);
	if (n > 0 && !hp_target_read(t, address, bytes, n * row_size))
		r = hp_target_explain(t);
	for (uint64_t i = 0; !r && i < n; i++) {
		struct hp_view_row *row = &view->rows[view->n_rows++];

		memcpy(row, bytes + i * row_size, sizeof(*row));
		r = check_row(t, row, address + i * row_size);
	}
	free(bytes);
	return r;
}

static int read_view(struct hp_view_reader *view, struct hp_target *t, uint64_t address)
{
	struct heapprof_view v = {0};
	int r = 0;

	*view = (struct hp_view_reader){.address = address};
	if (!hp_target_read(t, address, &v, offsetof(struct heapprof_view, parts)))
		return hp_target_explain(t);
	copy_release(view->release, v.release, sizeof(v.release));
	r = check_header(t, &v, view->release);
	if (!r && v.n_parts > 0 &&
	    !hp_target_read(t, address + offsetof(struct heapprof_view, parts), v.parts,
			    v.n_parts * sizeof(v.parts[0])))
		r = hp_target_explain(t);
	view->rows = calloc(ROWS_MAX, sizeof(*view->rows));
	if (!view->rows)
		return hp_target_no_memory(t);
	for (uint32_t i = 0; !r && i < v.n_parts; i++)
		r = read_part(view, t, &v.parts[i], v.row_size);
	if (!r && view->n_rows > 0)
		qsort(view->rows, view->n_rows, sizeof(*view->rows), compare_rows);
	return r;
}

static uint64_t read_word(const struct hp_view_reader *view, struct hp_target *t, const char *name)
{
	const struct hp_view_row *row = hp_view_reader_find(view, name);
	uint32_t number = 0;

	if (!row || row->size != sizeof(number) ||
	    !hp_target_read(t, (uintptr_t)row->address, &number, sizeof(number)))
		return 0;
	return number;
}

enum {
	NO_SESSION,
	NOTHING_YET, /* a session without a stack; more for one with stacks */
};

/* Returns how much the session of a view has recorded. Two copies of the library may both have a
 * session, but the hooks of only one are called. */
static uint64_t recorded(const struct hp_view_reader *view, struct hp_target *t)
{
	if (read_word(view, t, "session.number") == 0)
		return NO_SESSION;
	return NOTHING_YET +
	       (read_word(view, t, "stacks.n_chunks") << 32 | read_word(view, t, "stacks.used"));
}

/* --- searching ------------------------------------------------------------------------------ */

struct search {
	struct hp_target *t;
	uint8_t *piece;
	uint64_t found[VIEWS_MAX];
	size_t n_found;
	uint64_t n_left; /* bytes that may still be searched */
};

static void search_piece(struct search *s, uint64_t address, size_t size)
{
	for (size_t i = 0; i + offsetof(struct heapprof_view, version) <= size;
	     i += HP_VIEW_ALIGNMENT) {
		uint64_t self;

		if (!is_magic(s->piece + i))
			continue;
		memcpy(&self, s->piece + i + offsetof(struct heapprof_view, self), sizeof(self));
		if (self == address + i && s->n_found < VIEWS_MAX)
			s->found[s->n_found++] = self;
	}
}

/* Searches page by page: a core has holes, and so has a mapping beyond the end of its file. */
static void search_pages(struct search *s, uint64_t address, size_t size)
{
	const size_t page = 4096;

	for (size_t i = 0; i < size; i += page) {
		size_t n = size - i < page ? size - i : page;

		if (hp_target_read(s->t, address + i, s->piece, n))
			search_piece(s, address + i, n);
	}
}

/* The header of a view is aligned, so it is never in two pieces. */
static void search_mapping(struct search *s, const struct hp_target_mapping *m)
{
	for (uint64_t at = m->start; at < m->end && s->n_left > 0;) {
		size_t size = m->end - at < PIECE ? (size_t)(m->end - at) : PIECE;

		if (size > s->n_left)
			size = (size_t)s->n_left;
		s->n_left -= size;
		if (hp_target_read(s->t, at, s->piece, size))
			search_piece(s, at, size);
		else
			search_pages(s, at, size);
		at += size;
	}
}

static void search_kind(struct search *s, enum kind kind)
{
	s->n_left = SEARCHED_MAX;
	for (size_t i = 0; i < s->t->n_mappings; i++)
		if (kind_of(s->t, &s->t->mappings[i]) == kind)
			search_mapping(s, &s->t->mappings[i]);
}

/* Takes the view that has recorded most; of several, the first. A message about others stays only
 * if no view can be read. */
static int choose(struct hp_view_reader *view, struct search *s, uint64_t *out_recorded)
{
	struct hp_target *t = s->t;
	bool has_one = false;

	*out_recorded = NO_SESSION;
	for (size_t i = 0; i < s->n_found; i++) {
		struct hp_view_reader found;
		int r = read_view(&found, t, s->found[i]);
		uint64_t n = r ? NO_SESSION : recorded(&found, t);

		if (r || (has_one && n <= *out_recorded)) {
			hp_view_reader_deinit(&found);
			continue;
		}
		hp_view_reader_deinit(view);
		*view = found;
		*out_recorded = n;
		has_one = true;
	}
	if (has_one)
		t->message[0] = '\0';
	return has_one ? 0 : HP_TARGET_E;
}

int hp_view_reader_init(struct hp_view_reader *view, struct hp_target *t)
{
	struct search s = {.t = t, .piece = malloc(PIECE)};
	uint64_t n_recorded = NO_SESSION;
	int r = 0;

	*view = (struct hp_view_reader){0};
	if (!s.piece)
		return hp_target_no_memory(t);
	/* Searches on if no session of the views so far has recorded anything: a library of that
	 * name may forward to a copy in the program, which records. */
	for (int kind = 0; kind < N_KINDS && !r && n_recorded <= NOTHING_YET; kind++) {
		size_t n_before = s.n_found;

		if (s.n_found > 0 && kind > OF_THE_PROGRAM)
			break;
		search_kind(&s, (enum kind)kind);
		if (s.n_found == n_before)
			continue;
		hp_view_reader_deinit(view);
		r = choose(view, &s, &n_recorded);
	}
	free(s.piece);
	if (!r && s.n_found == 0 && t->note[0])
		r = hp_target_error(t, "heapprof is not in it, as far as it can be read: %s",
				    t->note);
	if (!r && s.n_found == 0)
		r = t->ops->check(t)
			    ? HP_TARGET_E
			    : hp_target_error(t, "heapprof is not in it; start the program "
						 "with libheapprof.so in LD_PRELOAD, or "
						 "linked");
	return r;
}
