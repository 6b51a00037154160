/* SPDX-License-Identifier: MIT */
#include "symbolize/binaries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPENED_MAX = 64 /* with some files each, of 1,024 descriptors */
};

static bool is_same(const struct locate_wanted *a, const struct locate_wanted *b)
{
	return strcmp(a->file, b->file) == 0 && strcmp(a->build_id, b->build_id) == 0 &&
	       a->is_program == b->is_program && a->was_deleted == b->was_deleted;
}

static void close_one(struct opened_binary *opened)
{
	free((char *)opened->wanted.file);
	free((char *)opened->wanted.build_id);
	binary_free(opened->binary);
}

static int open_one(struct opened_binary *opened, const struct locate_wanted *wanted,
		    const struct locate_options *options)
{
	struct object *object = NULL;
	int r;

	*opened = (struct opened_binary){.wanted = *wanted};
	opened->wanted.file = strdup(wanted->file);
	opened->wanted.build_id = strdup(wanted->build_id);
	if (!opened->wanted.file || !opened->wanted.build_id)
		return -ENOMEM;
	r = locate(wanted, options, &opened->located, &object);
	if (r || !object)
		return r;
	return binary_new(object, &options->paths, &opened->binary);
}

static int add(struct binaries *binaries, const struct locate_wanted *wanted,
	       const struct locate_options *options)
{
	struct opened_binary opened;
	int r = open_one(&opened, wanted, options);

	if (!r)
		r = vec_push(&binaries->opened, opened);
	if (r)
		close_one(&opened);
	return r;
}

int binaries_get(struct binaries *binaries, const struct locate_wanted *wanted,
		 const struct locate_options *options, struct locate_result *out_located,
		 struct binary **out_binary)
{
	size_t i = 0;
	int r;

	while (i < binaries->opened.n && !is_same(&binaries->opened.items[i].wanted, wanted))
		i++;
	r = i < binaries->opened.n ? 0 : add(binaries, wanted, options);
	if (r)
		return r;
	*out_located = binaries->opened.items[i].located;
	*out_binary = binaries->opened.items[i].binary;
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
}
