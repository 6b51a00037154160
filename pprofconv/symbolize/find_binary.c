/* SPDX-License-Identifier: MIT */
#include "symbolize/find_binary.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"

/* Returns whether `file` is the name of a file, and not a name that the kernel or a reader gives to
 * memory without a file. */
static bool is_file_name(const char *file)
{
	return file[0] && file[0] != '[' && strncmp(file, "//", 2) != 0 &&
	       strncmp(file, "/dev/", 5) != 0 && strncmp(file, "/memfd:", 7) != 0 &&
	       strncmp(file, "/SYSV", 5) != 0 && strncmp(file, "anon_inode:", 11) != 0;
}

static bool has_wanted_id(const struct object *object, const struct find_binary_wanted *wanted)
{
	return !wanted->build_id[0] || strcmp(object->build_id, wanted->build_id) == 0;
}

/* Opens one candidate, below `root` if that is not NULL, and sets *out_result to the outcome. */
static int try_file(const char *root, const char *path, const struct find_binary_wanted *wanted,
		    struct find_binary_result *out_result, struct object **out_object)
{
	_cleanup_(object_closep) struct object *object = NULL;
	int r = object_open_in(root, path, &object);

	*out_result = (struct find_binary_result){.outcome = FIND_BINARY_FOUND};
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT || r == -ENOTDIR) {
		out_result->outcome = FIND_BINARY_NOT_FOUND;
	} else if (r < 0) {
		out_result->outcome = FIND_BINARY_UNREADABLE;
		out_result->error = -r;
	} else if (r > 0) {
		out_result->outcome = FIND_BINARY_NOT_ELF;
	} else if (!has_wanted_id(object, wanted)) {
		out_result->outcome = FIND_BINARY_OTHER_ID;
		memcpy(out_result->other_id, object->build_id, sizeof(out_result->other_id));
	} else {
		*out_object = object;
		object = NULL;
	}
	return 0;
}

static bool has_name_of(const char *binary, const struct find_binary_wanted *wanted)
{
	return strcmp(path_last_part(binary), path_last_part(wanted->file)) == 0;
}

/* Tries the files that the user named. If a build ID is wanted, a file with this build ID is
 * accepted. Otherwise a file is accepted if it has the wanted name, or if the program is wanted and
 * the user named only one file. */
static int try_binaries(const struct find_binary_wanted *wanted,
			const struct find_binary_options *options,
			struct find_binary_result *out_result, struct object **out_object)
{
	struct find_binary_result result;

	out_result->outcome = FIND_BINARY_NOT_FOUND;
	for (size_t i = 0; i < options->n_binaries; i++) {
		const char *binary = options->binaries[i];
		bool is_named = has_name_of(binary, wanted);
		bool is_only = wanted->is_program && options->n_binaries == 1;
		int r;

		if (!wanted->build_id[0] && !is_named && !is_only)
			continue;
		r = try_file(NULL, binary, wanted, &result, out_object);
		if (r)
			return r;
		if (result.outcome == FIND_BINARY_FOUND || is_named || is_only)
			*out_result = result;
		if (result.outcome != FIND_BINARY_FOUND)
			continue;
		if (options->was_used)
			options->was_used[i] = true;
		return 0;
	}
	return 0;
}

/* The kernel shows a newline in a path as "\012", and every other character as it is. */
static bool decode_newlines(char *path)
{
	static const char code[] = "\\012";
	bool has_any = false;

	while ((path = strstr(path, code))) {
		*path++ = '\n';
		memmove(path, path + strlen(code) - 1, strlen(path + strlen(code) - 1) + 1);
		has_any = true;
	}
	return has_any;
}

/* Opens the file through the process that has mapped it. This works even if the file was deleted,
 * or if its path leads elsewhere for us. On failure *out_result stays: the outcome for the path
 * says more. */
static int try_mapped(const struct find_binary_wanted *wanted,
		      const struct find_binary_options *options,
		      struct find_binary_result *out_result, struct object **out_object)
{
	struct find_binary_result result;
	char path[96];
	int r;

	if (wanted->is_program)
		snprintf(path, sizeof(path), "/proc/%d/exe", options->process);
	else
		snprintf(path, sizeof(path), "/proc/%d/map_files/%jx-%jx", options->process,
			 (uintmax_t)wanted->start, (uintmax_t)wanted->limit);
	r = try_file(NULL, path, wanted, &result, out_object);
	if (!r && result.outcome == FIND_BINARY_FOUND)
		*out_result = result;
	return r;
}

static int try_own_path(const struct find_binary_wanted *wanted,
			const struct find_binary_options *options,
			struct find_binary_result *out_result, struct object **out_object)
{
	char *path;
	int r;

	if (wanted->file[0] != '/' || !is_file_name(wanted->file))
		return 0;
	if (wanted->was_deleted && !wanted->build_id[0]) {
		out_result->outcome = FIND_BINARY_REPLACED;
		return 0;
	}
	path = strdup(wanted->file);
	if (!path)
		return -ENOMEM;
	r = try_file(options->paths.sysroot, path, wanted, out_result, out_object);
	if (!r && out_result->outcome == FIND_BINARY_NOT_FOUND && decode_newlines(path))
		r = try_file(options->paths.sysroot, path, wanted, out_result, out_object);
	free(path);
	return r;
}

static int try_build_id(const struct find_binary_wanted *wanted,
			const struct find_binary_options *options,
			struct find_binary_result *out_result, struct object **out_object)
{
	int r;

	if (!wanted->build_id[0])
		return 0;
	r = debugfile_find_program(wanted->build_id, &options->paths, out_object);
	if (!r)
		*out_result = (struct find_binary_result){.outcome = FIND_BINARY_FOUND};
	return r < 0 ? r : 0;
}

/* If no file fits, *out_result is the outcome for the file that the user named, if that file
 * exists, rather than the outcome for another place: it tells the user more. */
int find_binary(const struct find_binary_wanted *wanted, const struct find_binary_options *options,
		struct find_binary_result *out_result, struct object **out_object)
{
	struct find_binary_result result = {.outcome = FIND_BINARY_NOT_FOUND};
	struct find_binary_result named;
	int r = try_binaries(wanted, options, &named, out_object);

	*out_result = named;
	if (r || named.outcome == FIND_BINARY_FOUND)
		return r;
	r = try_own_path(wanted, options, &result, out_object);
	if (!r && result.outcome != FIND_BINARY_FOUND && options->process &&
	    is_file_name(wanted->file))
		r = try_mapped(wanted, options, &result, out_object);
	if (!r && result.outcome != FIND_BINARY_FOUND)
		r = try_build_id(wanted, options, &result, out_object);
	if (named.outcome == FIND_BINARY_NOT_FOUND || result.outcome == FIND_BINARY_FOUND)
		*out_result = result;
	if (out_result->outcome == FIND_BINARY_NOT_FOUND && !is_file_name(wanted->file))
		out_result->outcome = FIND_BINARY_NO_FILE;
	return r;
}
