/* SPDX-License-Identifier: MIT */
/* The libraries of the target, its program and its command line. */
#include "target/snapshot_parts.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PATH_SIZE = 4096,
	CMDLINE_MAX = 1 << 16,
	PAGE_BYTES = 4096,
};

#define ADDRESS_BITS 47

/* --- libraries ------------------------------------------------------------------------------- */

/* Returns a copy of a string of the target, of at most `max` bytes with its NUL, or NULL on
 * failure. */
static char *read_text(struct snapshot *s, uint64_t address, size_t max)
{
	char *text = malloc(max);
	size_t n = 0;

	while (text && n < max) {
		size_t page = PAGE_BYTES - (address + n) % PAGE_BYTES;
		size_t some = page < max - n ? page : max - n;

		some = some < 256 ? some : 256;
		if (!hp_target_read(s->t, address + n, text + n, some))
			break;
		if (memchr(text + n, '\0', some))
			return text;
		n += some;
	}
	if (!text)
		hp_target_no_memory(s->t);
	else if (n >= max)
		hp_target_note_error(
			s->t, "heapprof's tables are damaged: a path at %#" PRIx64 " has no end",
			address);
	else
		hp_target_explain(s->t);
	free(text);
	return NULL;
}

static int make_module(struct snapshot *s, const char *bytes, struct hp_module *m)
{
	const uint64_t address_max = UINT64_C(1) << ADDRESS_BITS;

	*m = (struct hp_module){
		.start = read_number(bytes, s->at.start, 8),
		.end = read_number(bytes, s->at.end, 8),
		.code_start = read_number(bytes, s->at.code_start, 8),
		.code_end = read_number(bytes, s->at.code_end, 8),
		.code_offset = read_number(bytes, s->at.code_offset, 8),
		.build_id_size = read_number(bytes, s->at.build_id_size, 8),
		.code_before = read_number(bytes, s->at.code_before, 8),
		.is_deleted = read_number(bytes, s->at.is_deleted, 1) != 0,
	};
	memcpy(m->build_id, bytes + s->at.build_id, sizeof(m->build_id));
	if (m->start > m->end || m->end > address_max + PAGE_BYTES || m->code_start > m->code_end ||
	    m->code_end > address_max + PAGE_BYTES || m->build_id_size > HP_BUILD_ID_MAX ||
	    m->code_before > address_max)
		return hp_target_error(s->t, "heapprof's table of libraries is damaged");
	m->path = read_text(s, read_number(bytes, s->at.path, 8), PATH_SIZE);
	return m->path ? 0 : HP_TARGET_E;
}

int hp_snapshot_read_permanent(struct snapshot *s)
{
	size_t n = s->heads.n_permanent, size = s->tables.permanent.size;
	char *bytes = malloc(n * size + 1);
	int r = 0;

	s->permanent = calloc(n + 1, sizeof(*s->permanent));
	if (!bytes || !s->permanent)
		r = hp_target_no_memory(s->t);
	else if (n > 0 &&
		 !hp_target_read(s->t, (uintptr_t)s->tables.permanent.address, bytes, n * size))
		r = hp_target_explain(s->t);
	for (size_t i = 0; !r && i < n; i++) {
		r = make_module(s, bytes + i * size, &s->permanent[i]);
		s->n_permanent += !r;
	}
	free(bytes);
	return r;
}

/* Reads the module of that number into `bytes`. */
static int read_numbered_at(struct snapshot *s, size_t number, char *bytes)
{
	uint32_t a_piece = s->tables.a_piece.size;
	uint64_t piece;

	if (hp_target_read(s->t,
			   (uintptr_t)s->tables.pieces.address + number / a_piece * sizeof(piece),
			   &piece, sizeof(piece)) &&
	    hp_target_read(s->t, piece + number % a_piece * s->tables.numbered.size, bytes,
			   s->tables.numbered.size))
		return 0;
	return hp_target_explain(s->t);
}

int hp_snapshot_read_numbered(struct snapshot *s)
{
	size_t n = s->heads_after.n_numbered;
	char *bytes = malloc(s->tables.numbered.size);
	int r = 0;

	if (n < s->heads.n_numbered ||
	    n >= (uint64_t)s->tables.pieces.count * s->tables.a_piece.size)
		n = s->heads.n_numbered;
	s->numbered = calloc(n + 1, sizeof(*s->numbered));
	if (!bytes || !s->numbered)
		r = hp_target_no_memory(s->t);
	for (size_t i = 1; !r && i <= n; i++) {
		r = read_numbered_at(s, i, bytes);
		if (!r)
			r = make_module(s, bytes + s->at.module, &s->numbered[i - 1]);
		s->n_numbered += !r;
	}
	free(bytes);
	return r;
}

/* Does what hp_modules_note_deleted() does: marks a module without a build ID whose file is
 * deleted. */
void hp_snapshot_note_deleted(struct snapshot *s, struct hp_module *m)
{
	static const char suffix[] = " (deleted)";
	size_t n = m->path ? strlen(m->path) : 0;

	if (m->build_id_size > 0 || n == 0)
		return;
	for (size_t i = 0; i < s->t->n_mappings; i++) {
		const struct hp_target_mapping *found = &s->t->mappings[i];

		if (found->is_executable && found->path &&
		    found->path_size == n + sizeof(suffix) - 1 &&
		    memcmp(found->path, m->path, n) == 0 &&
		    memcmp(found->path + n, suffix, sizeof(suffix) - 1) == 0 &&
		    found->offset == m->code_offset)
			m->is_deleted = true;
	}
}

/* --- texts ----------------------------------------------------------------------------------- */

int hp_snapshot_read_texts(struct snapshot *s)
{
	uint32_t max =
		s->tables.cmdline.count < CMDLINE_MAX ? s->tables.cmdline.count : CMDLINE_MAX;

	s->program = read_text(s, (uintptr_t)s->tables.program.address, s->tables.program.count);
	if (!s->program)
		return HP_TARGET_E;
	if (!s->heads.shows_cmdline)
		return 0;
	if (s->heads.cmdline_size > max)
		return hp_target_error(s->t, "heapprof's copy of the command line is damaged");
	s->cmdline = calloc(1, s->heads.cmdline_size + 1);
	if (!s->cmdline)
		return hp_target_no_memory(s->t);
	if (!hp_target_read(s->t, (uintptr_t)s->tables.cmdline.address, s->cmdline,
			    s->heads.cmdline_size))
		return hp_target_explain(s->t);
	return 0;
}

void hp_snapshot_free_modules(struct hp_module *modules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)modules[i].path);
	free(modules);
}
