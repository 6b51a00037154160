/* SPDX-License-Identifier: MIT */
#include "symbolize/binaries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum {
	OPENED_MAX = 64 /* the debug information of one may take hundreds of megabytes */
};

static uint64_t hash_wanted(const struct find_binary_wanted *wanted)
{
	uint64_t hash = hash_bytes(0, wanted->file, strlen(wanted->file));

	return hash_bytes(hash, wanted->build_id, strlen(wanted->build_id));
}

static bool is_same_wanted(const struct find_binary_wanted *a, const struct find_binary_wanted *b)
{
	return strcmp(a->file, b->file) == 0 && strcmp(a->build_id, b->build_id) == 0 &&
	       a->is_program == b->is_program && a->was_deleted == b->was_deleted &&
	       a->process == b->process;
}

static void close_one(struct opened_binary *opened)
{
	free((char *)opened->wanted.file);
	free((char *)opened->wanted.build_id);
	binary_free(opened->binary);
}

static int open_one(struct opened_binary *opened, const struct find_binary_wanted *wanted,
		    const struct find_binary_options *options)
{
	struct object *object = NULL;
	int r;

	*opened = (struct opened_binary){.wanted = *wanted};
	opened->wanted.file = strdup(wanted->file);
	opened->wanted.build_id = strdup(wanted->build_id);
	if (!opened->wanted.file || !opened->wanted.build_id)
		return -ENOMEM;
	r = find_binary(wanted, options, &opened->located, &object);
	if (r || !object)
		return r;
	return binary_new(object, &options->paths, &opened->binary);
}

static int add_binary(struct binaries *binaries, const struct find_binary_wanted *wanted,
		      const struct find_binary_options *options)
{
	uint32_t number = (uint32_t)binaries->opened.n;
	struct opened_binary opened;
	int r = open_one(&opened, wanted, options);

	if (!r)
		r = vec_push(&binaries->opened, opened);
	if (r)
		close_one(&opened);
	return r ? r : index_insert(&binaries->index, hash_wanted(wanted), number);
}

static const struct opened_binary *find_opened(const struct binaries *binaries,
					       const struct find_binary_wanted *wanted)
{
	struct index_walk walk = index_walk(&binaries->index, hash_wanted(wanted));
	uint32_t number;

	while (index_next(&walk, &number))
		if (is_same_wanted(&binaries->opened.items[number].wanted, wanted))
			return &binaries->opened.items[number];
	return NULL;
}

int binaries_get(struct binaries *binaries, const struct find_binary_wanted *wanted,
		 const struct find_binary_options *options, struct find_binary_result *out_located,
		 struct binary **out_binary)
{
	const struct opened_binary *opened = find_opened(binaries, wanted);
	int r = opened ? 0 : add_binary(binaries, wanted, options);

	if (r)
		return r;
	if (opened && opened->binary)
		opened->binary->is_shared = true;
	if (!opened)
		opened = &binaries->opened.items[binaries->opened.n - 1];
	*out_located = opened->located;
	*out_binary = opened->binary;
	return 0;
}

void binaries_shrink(struct binaries *binaries)
{
	if (binaries->opened.n > OPENED_MAX)
		binaries_deinit(binaries);
}

void binaries_deinit(struct binaries *binaries)
{
	vec_foreach (opened, &binaries->opened)
		close_one(opened);
	vec_deinit(&binaries->opened);
	index_deinit(&binaries->index);
}
