/* SPDX-License-Identifier: MIT */
#include "symbolize/naming.h"

#include <errno.h>
#include <string.h>

static int make_room_for(struct naming *naming, uint32_t string)
{
	size_t missing = string < naming->names.n ? 0 : string + 1 - naming->names.n;

	if (!missing)
		return 0;
	if (vec_reserve(&naming->names, missing))
		return -ENOMEM;
	memset(naming->names.items + naming->names.n, 0, missing * sizeof(*naming->names.items));
	naming->names.n += missing;
	return 0;
}

/* Demangles each name only once, because there are many times more frames than functions. */
static int demangle_string(struct naming *naming, uint32_t symbol, uint32_t *out_name)
{
	if (make_room_for(naming, symbol))
		return -ENOMEM;
	if (!naming->names.items[symbol]) {
		char *name = demangle(profile_string(naming->profile, symbol), naming->style);

		naming->names.items[symbol] = name ? profile_intern(naming->profile, name) : symbol;
		free(name);
	}
	*out_name = naming->names.items[symbol];
	return 0;
}

static int intern_path(struct naming *naming, const struct frame *frame, uint32_t *out_path)
{
	const char *file = frame->file ? frame->file : "";
	int r = 0;

	*out_path = 0;
	if (!file[0])
		return 0;
	naming->path.n = 0;
	if (file[0] != '/' && frame->directory) {
		r = vec_append(&naming->path, frame->directory, strlen(frame->directory));
		if (!r)
			r = vec_push(&naming->path, '/');
	}
	if (!r)
		r = vec_append(&naming->path, file, strlen(file));
	if (!r)
		*out_path =
			profile_intern_bytes(naming->profile, naming->path.items, naming->path.n);
	return r;
}

int naming_line(struct naming *naming, const struct frame *frame, const char *fallback,
		struct profile_line *out_line)
{
	struct profile_function function = {.start_line = frame->start_line};
	const char *symbol = frame->linkage_name ? frame->linkage_name : frame->name;
	int r;

	function.system_name = profile_intern(naming->profile, symbol ? symbol : fallback);
	r = profile_status(naming->profile);
	if (!r && !frame->linkage_name && frame->qualified_name)
		function.name = profile_intern(naming->profile, frame->qualified_name);
	else if (!r)
		r = demangle_string(naming, function.system_name, &function.name);
	if (!r)
		r = intern_path(naming, frame, &function.filename);
	if (r)
		return r;
	*out_line = (struct profile_line){
		.function = profile_add_function(naming->profile, &function),
		.line = frame->line,
		.column = frame->column,
	};
	return profile_status(naming->profile);
}

void naming_deinit(struct naming *naming)
{
	vec_deinit(&naming->names);
	vec_deinit(&naming->path);
}
