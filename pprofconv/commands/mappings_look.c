/* SPDX-License-Identifier: MIT */
/* The child sends a header, the parts and the texts, each as it is in memory. It may have been
 * taken over by what it has read, so sizes and texts are checked. */
#include "commands/mappings_look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "readers/reader.h"
#include "target/proc_files.h"

struct header {
	uint64_t n_parts, n_texts;
	uint64_t has_memory_numbers;
};

typedef VEC(char) bytes_vec;

/* --- the child ----------------------------------------------------------------------------- */

static int put_all(bytes_vec *bytes, const struct mapped_memory *memory,
		   const struct repeated_texts *texts)
{
	struct repeated_text *top = calloc(MAPPINGS_TEXTS_MAX, sizeof(*top));
	struct header header = {
		.n_parts = memory->parts.n,
		.n_texts = texts && top ? repeated_texts_top(texts, top, MAPPINGS_TEXTS_MAX) : 0,
		.has_memory_numbers = memory->has_memory_numbers,
	};
	int r = top ? 0 : -ENOMEM;

	r = r ? r : vec_append(bytes, (const char *)&header, sizeof(header));
	r = r ? r
	      : vec_append(bytes, (const char *)memory->parts.items,
			   memory->parts.n * sizeof(*memory->parts.items));
	r = r ? r : vec_append(bytes, (const char *)top, header.n_texts * sizeof(*top));
	free(top);
	return r;
}

static int read_mappings(struct hp_target *target, const char *smaps, size_t smaps_size,
			 struct repeated_texts *texts, bytes_vec *bytes)
{
	struct mapped_memory memory;
	int r = mapped_memory_init(&memory, target, smaps, smaps_size, texts);

	if (!r && put_all(bytes, &memory, texts))
		r = hp_target_no_memory(target);
	mapped_memory_deinit(&memory);
	return r;
}

/* The kernel lets the first user that opens smaps read it, so this comes before the rights are
 * given up. */
static int read_look(struct hp_target *target, void *context, char **out, size_t *out_size)
{
	const bool *with_texts = context;
	_cleanup_(repeated_texts_freep) struct repeated_texts *texts =
		*with_texts ? repeated_texts_new() : NULL;
	bytes_vec bytes = {0};
	char *smaps = NULL;
	long size = 0;
	int r = 0;

	if (*with_texts && !texts)
		return hp_target_no_memory(target);
	if (target->outer_pid)
		size = hp_proc_read_thread(target->outer_pid, target->task, "smaps", &smaps);
	if (size < 0)
		r = hp_target_error(target, "its smaps can't be read: %s", strerror((int)-size));
	if (!r)
		r = read_mappings(target, smaps, (size_t)size, texts, &bytes);
	free(smaps);
	*out = bytes.items;
	*out_size = bytes.n;
	return r;
}

/* --- the parent ---------------------------------------------------------------------------- */

static bool is_valid(const struct mappings_look *look)
{
	vec_foreach (part, &look->memory.parts) {
		if (!memchr(part->kind, '\0', sizeof(part->kind)) ||
		    !memchr(part->object, '\0', sizeof(part->object)))
			return false;
		for (int i = 0; i < MAPPED_VALUES; i++)
			if (part->values[i] < 0 || part->values[i] > INT64_MAX / MAPPED_PARTS_MAX)
				return false;
	}
	for (size_t i = 0; i < look->n_texts; i++)
		if (!memchr(look->texts[i].text, '\0', sizeof(look->texts[i].text)))
			return false;
	return true;
}

static int take_all(struct mappings_look *look, const char *bytes, size_t size)
{
	struct header header;
	size_t parts_size, texts_size;
	int r;

	if (size < sizeof(header))
		return -EINVAL;
	memcpy(&header, bytes, sizeof(header));
	if (header.n_parts > 2 * MAPPED_PARTS_MAX || header.n_texts > MAPPINGS_TEXTS_MAX)
		return -EINVAL;
	parts_size = header.n_parts * sizeof(struct mapped_part);
	texts_size = header.n_texts * sizeof(struct repeated_text);
	if (size != sizeof(header) + parts_size + texts_size)
		return -EINVAL;
	look->memory.has_memory_numbers = header.has_memory_numbers != 0;
	r = vec_append(&look->memory.parts,
		       (const struct mapped_part *)(const void *)(bytes + sizeof(header)),
		       header.n_parts);
	look->texts = malloc(texts_size + 1);
	if (r || !look->texts)
		return -ENOMEM;
	memcpy(look->texts, bytes + sizeof(header) + parts_size, texts_size);
	look->n_texts = header.n_texts;
	return is_valid(look) ? 0 : -EINVAL;
}

int mappings_look_init(struct mappings_look *look, struct target_work *work, bool with_texts,
		       struct diag *diag)
{
	char *result;
	size_t size;
	int task, r;

	*look = (struct mappings_look){0};
	work->is_apart = true;
	work->waits_max = HP_APART_WAITS_MAX;
	work->read = read_look;
	work->context = &with_texts;
	r = target_work_run(work, &task, &result, &size, diag);
	if (r)
		return r;
	r = take_all(look, result, size);
	free(result);
	if (r == -EINVAL)
		return diag_error(diag, READER_E_UNSUPPORTED, "the child that reads it has failed");
	return r ? diag_errno(diag, r) : 0;
}

void mappings_look_deinit(struct mappings_look *look)
{
	mapped_memory_deinit(&look->memory);
	free(look->texts);
	*look = (struct mappings_look){0};
}
