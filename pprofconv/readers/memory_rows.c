/* SPDX-License-Identifier: MIT */
#include "readers/memory_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/path.h"
#include "readers/named_stack.h"

#define ARENA_SIZE (UINT64_C(64) << 20) /* of glibc's malloc, and their alignment */
#define GO_ARENA   UINT64_C(0xc000000000)

void memory_rows_deinit(struct memory_rows *rows)
{
	vec_deinit(&rows->rows);
	strtab_deinit(&rows->names);
}

bool memory_rows_take_mapping(struct cursor line, struct memory_row *out, struct cursor *out_path)
{
	struct cursor word;

	out->start = cursor_take_hex(&line);
	cursor_expect(&line, '-');
	out->end = cursor_take_hex(&line);
	cursor_expect(&line, ' ');
	word = cursor_take_word(&line);
	if (line.failed || cursor_left(&word) != 4 || out->end < out->start)
		return false;
	memcpy(out->permissions, word.at, 4);
	for (int i = 0; i < 3; i++) {
		cursor_skip_spaces(&line);
		word = cursor_take_word(&line);
		if (cursor_at_end(&word))
			return false;
	}
	cursor_skip_spaces(&line);
	*out_path = line;
	return true;
}

int memory_rows_add(struct memory_rows *rows, const struct memory_row *row, struct cursor path)
{
	static const char deleted[] = " (deleted)";
	struct memory_row added = *row;
	size_t size;
	int r;

	cursor_trim_end(&path);
	size = cursor_left(&path);
	if (size > sizeof(deleted) - 1 &&
	    memcmp(path.end - (sizeof(deleted) - 1), deleted, sizeof(deleted) - 1) == 0)
		size -= sizeof(deleted) - 1;
	r = strtab_intern(&rows->names, path.at, size, &added.path);
	return r ? r : vec_push(&rows->rows, added);
}

static const char *name_of(const struct memory_rows *rows, const struct memory_row *row)
{
	return strtab_text(&rows->names, row->path);
}

/* --- kinds --------------------------------------------------------------------------------- */

static bool begins(const char *name, const char *start)
{
	return strncmp(name, start, strlen(start)) == 0;
}

static const char *kind_of(const char *name)
{
	static const struct {
		const char *start, *kind;
	} kinds[] = {
		{"[heap]", "heap"},
		{"[stack", "stack"},
		{"[v", "vdso"}, /* [vdso], [vvar], [vsyscall], [vectors] */
		{"[anon_shmem:", "shared memory"},
		{"[", "anonymous"},
		{"/memfd:", "memfd"},
		{"/dev/shm/", "shared memory"},
		{"/dev/zero", "shared memory"},
		{"/SYSV", "shared memory"},
		{"/dev/", "device"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (begins(name, kinds[i].start))
			return kinds[i].kind;
	return "file";
}

static bool is_file(const char *name)
{
	return *name && *name != '[';
}

/* --- mappings without a name --------------------------------------------------------------- */

/* Returns the row before `i` if that ends where `i` begins, or NULL. */
static const struct memory_row *row_below(const struct memory_rows *rows, size_t i)
{
	const struct memory_row *row = &rows->rows.items[i];

	return i && row[-1].end == row->start ? &row[-1] : NULL;
}

static bool is_accessible(const struct memory_row *row)
{
	return row->permissions[0] != '-' || row->permissions[1] != '-';
}

/* Returns whether the row is a part of 64 MiB that malloc reserved for an arena: the part in use,
 * and a rest without access. */
static bool is_arena(const struct memory_rows *rows, size_t i)
{
	const struct memory_row *row = &rows->rows.items[i];
	const struct memory_row *first = row, *below = row_below(rows, i);
	uint64_t end = row->end;

	if (!is_accessible(row) && below && !below->path)
		first = below;
	else if (i + 1 < rows->rows.n && row[1].start == row->end && !row[1].path &&
		 !is_accessible(&row[1]))
		end = row[1].end;
	return first->start % ARENA_SIZE == 0 && end - first->start == ARENA_SIZE;
}

/* Returns the name of the nearest mapping above that has one. */
static const char *name_above(const struct memory_rows *rows, size_t i)
{
	while (++i < rows->rows.n)
		if (rows->rows.items[i].path)
			return path_last_part(name_of(rows, &rows->rows.items[i]));
	return "the end";
}

static void place_nameless(const struct memory_rows *rows, size_t i, struct memory_place *out)
{
	const struct memory_row *row = &rows->rows.items[i], *below = row_below(rows, i);
	bool is_thread_stack = below && !below->path && !is_accessible(below);

	out->kind = "anonymous";
	if (below && is_file(name_of(rows, below))) {
		out->kind = "file";
		out->file = name_of(rows, below);
		snprintf(out->object, sizeof(out->object), "%s .bss", path_last_part(out->file));
	} else if (is_arena(rows, i)) {
		snprintf(out->object, sizeof(out->object), "malloc arena?");
	} else if (row->start >= GO_ARENA && row->start < GO_ARENA + (UINT64_C(1) << 36)) {
		snprintf(out->object, sizeof(out->object), "Go heap?");
	} else if (!is_accessible(row)) {
		snprintf(out->object, sizeof(out->object), "no access");
	} else if (is_thread_stack) {
		snprintf(out->object, sizeof(out->object), "thread stack?");
	} else {
		snprintf(out->object, sizeof(out->object), "below %s", name_above(rows, i));
	}
}

void memory_rows_place(const struct memory_rows *rows, size_t i, struct memory_place *out)
{
	const char *name = name_of(rows, &rows->rows.items[i]);

	*out = (struct memory_place){.file = ""};
	if (!*name) {
		place_nameless(rows, i, out);
		return;
	}
	out->kind = kind_of(name);
	out->file = is_file(name) ? name : "";
	snprintf(out->object, sizeof(out->object), "%s",
		 is_file(name) ? path_last_part(name) : name);
}

/* --- a profile ----------------------------------------------------------------------------- */

static void push(struct named_stack *stack, const char *name, const char *file)
{
	struct named_frame frame = {
		.name = cursor_make(name, strlen(name)),
		.file = cursor_make(file, strlen(file)),
		.mapping = PROFILE_NONE,
	};

	named_stack_push(stack, &frame);
}

static void add_row(struct named_stack *stack, const struct memory_rows *rows, size_t i)
{
	const struct memory_row *row = &rows->rows.items[i];
	struct profile *profile = stack->profile;
	struct profile_sample key = {0};
	struct profile_label labels[2];
	struct memory_place place;
	char start[32];

	memory_rows_place(rows, i, &place);
	push(stack, place.object, place.file);
	push(stack, place.kind, "");
	key.stack = named_stack_take(stack);
	snprintf(start, sizeof(start), "0x%" PRIx64, row->start);
	labels[0] = (struct profile_label){
		.key = profile_intern(profile, "permissions"),
		.text = profile_intern(profile, row->permissions),
	};
	labels[1] = (struct profile_label){
		.key = profile_intern(profile, "start"),
		.text = profile_intern(profile, start),
	};
	key.labels = profile_add_labels(profile, labels, 2);
	profile_add_sample(profile, key, row->values);
}

void memory_rows_finish(struct memory_rows *rows, struct profile *profile)
{
	struct named_stack stack;

	named_stack_init(&stack, profile);
	for (size_t i = 0; i < rows->rows.n && !profile_status(profile); i++)
		add_row(&stack, rows, i);
	named_stack_deinit(&stack);
	memory_rows_deinit(rows);
}
