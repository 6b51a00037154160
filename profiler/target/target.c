/* SPDX-License-Identifier: MIT */
#include "target/target.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/user.h>

void hp_target_note_error(struct hp_target *t, const char *format, ...)
{
	va_list arguments;

	if (t->message[0])
		return;
	va_start(arguments, format);
	vsnprintf(t->message, sizeof(t->message), format, arguments);
	va_end(arguments);
}

int hp_target_stop(struct hp_target *t)
{
	return t->ops->stop && !t->is_stopped ? t->ops->stop(t) : 0;
}

void hp_target_let_go(struct hp_target *t)
{
	if (t->is_stopped)
		t->ops->let_go(t);
	t->is_stopped = false;
}

int hp_target_keep_open(struct hp_target *t)
{
	return t->ops->keep_open ? t->ops->keep_open(t) : 0;
}

void hp_target_close(struct hp_target *t)
{
	if (!t)
		return;
	hp_target_let_go(t);
	if (t->ops && t->ops->close)
		t->ops->close(t);
	free(t->mappings);
	free(t->maps);
	free(t->program);
	free(t);
}

bool hp_target_read_pieces(struct hp_target *t, const struct hp_target_piece *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++)
		t->n_bytes_read += pieces[i].size;
	return t->ops->read(t, pieces, n);
}

bool hp_target_read(struct hp_target *t, uint64_t address, void *to, size_t size)
{
	const struct hp_target_piece piece = {address, to, size};

	return hp_target_read_pieces(t, &piece, 1);
}

bool hp_target_next_pages(struct hp_target *t, struct hp_target_range *range, bool with_swapped)
{
	return range->start < range->end && t->ops->next_pages(t, range, with_swapped);
}

/* --- threads ------------------------------------------------------------------------------- */

int hp_target_read_threads(struct hp_target *t, struct hp_target_threads *out)
{
	*out = (struct hp_target_threads){.items = NULL};
	return t->ops->read_threads(t, out);
}

void hp_target_free_threads(struct hp_target_threads *threads)
{
	for (size_t i = 0; i < threads->n; i++)
		free(threads->items[i].words);
	free(threads->items);
	*threads = (struct hp_target_threads){.items = NULL};
}

int hp_target_add_words(struct hp_target *t, struct hp_target_threads *threads, const void *words,
			size_t size)
{
	struct hp_target_thread *thread = &threads->items[threads->n - 1];
	size_t n = size / sizeof(uint64_t);
	uint64_t *grown = realloc(thread->words, (thread->n_words + n + 1) * sizeof(*grown));

	if (!grown)
		return hp_target_no_memory(t);
	memcpy(grown + thread->n_words, words, n * sizeof(*grown));
	thread->words = grown;
	thread->n_words += n;
	return 0;
}

int hp_target_add_thread(struct hp_target *t, struct hp_target_threads *threads, int id,
			 const void *registers, size_t size)
{
	struct user_regs_struct regs = {.rsp = 0};
	struct hp_target_thread *grown = realloc(threads->items, (threads->n + 1) * sizeof(*grown));

	if (!grown)
		return hp_target_no_memory(t);
	threads->items = grown;
	memcpy(&regs, registers, size < sizeof(regs) ? size : sizeof(regs));
	grown[threads->n++] = (struct hp_target_thread){
		.id = id,
		.stack_pointer = regs.rsp,
		.fs_base = regs.fs_base,
	};
	return hp_target_add_words(t, threads, &regs, sizeof(regs));
}

/* --- mappings ------------------------------------------------------------------------------ */

const struct hp_target_mapping *hp_target_mapping_at(const struct hp_target *t, uint64_t address)
{
	size_t low = 0, high = t->n_mappings;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->mappings[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == t->n_mappings || t->mappings[low].start > address)
		return NULL;
	return &t->mappings[low];
}

/* --- maps ---------------------------------------------------------------------------------- */

static bool take_hex(const char **p, const char *end, uint64_t *out)
{
	const char *start = *p;

	*out = 0;
	for (; *p < end; ++*p) {
		char c = **p;

		if (c >= '0' && c <= '9')
			*out = *out << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*out = *out << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	return *p > start && *p - start <= 16;
}

static bool take_char(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	++*p;
	return true;
}

static void skip_fields(const char **p, const char *end, int n)
{
	while (n-- > 0) {
		while (*p < end && **p != ' ')
			++*p;
		while (*p < end && **p == ' ')
			++*p;
	}
}

/* line = start "-" end " " permissions " " offset " " device " " inode [ " "+ path ] */
static bool parse_line(const char *line, size_t size, struct hp_target_mapping *out)
{
	const char *p = line, *end = line + size, *permissions;

	*out = (struct hp_target_mapping){.line = line, .line_size = size};
	if (!take_hex(&p, end, &out->start) || !take_char(&p, end, '-') ||
	    !take_hex(&p, end, &out->end) || !take_char(&p, end, ' ') || end - p < 5 ||
	    out->start >= out->end)
		return false;
	permissions = p;
	p += 5;
	if (!take_hex(&p, end, &out->offset))
		return false;
	out->is_readable = permissions[0] == 'r';
	out->is_writable = permissions[1] == 'w';
	out->is_executable = permissions[2] == 'x';
	out->is_private = permissions[3] == 'p';
	skip_fields(&p, end, 3);
	if (p < end) {
		out->path = p;
		out->path_size = (size_t)(end - p);
	}
	return true;
}

static size_t count_lines(const char *text, size_t size)
{
	size_t n = 0;

	for (const char *p = text; (p = memchr(p, '\n', size - (size_t)(p - text))) != NULL; p++)
		n++;
	return n;
}

int hp_target_parse_maps(struct hp_target *t, char *text, size_t size)
{
	const char *line = text, *end;
	uint64_t last = 0;

	free(t->maps);
	free(t->mappings);
	t->maps = text;
	t->n_mappings = 0;
	t->mappings = calloc(count_lines(text, size) + 1, sizeof(*t->mappings));
	if (!t->mappings)
		return hp_target_no_memory(t);
	while ((end = memchr(line, '\n', size - (size_t)(line - text))) != NULL) {
		struct hp_target_mapping *m = &t->mappings[t->n_mappings];

		if (parse_line(line, (size_t)(end - line), m) && m->start >= last) {
			last = m->end;
			t->n_mappings++;
		}
		line = end + 1;
	}
	return 0;
}
