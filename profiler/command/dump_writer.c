/* SPDX-License-Identifier: MIT */
#include "command/dump_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/output.h"
#include "cli/command.h"

static int write_to(const char *path, bool is_new, const char *text, size_t size, struct diag *diag)
{
	_cleanup_(output_freep) struct output *output = NULL;
	int r = output_open(&output, path, diag);

	if (r)
		return r;
	if (is_new)
		output_refuse_replacing(output);
	output_write(output, text, size);
	return output_commit(output, diag);
}

int dump_write_file(const char *path, const char *text, size_t size)
{
	struct diag diag = {0};
	int r = write_to(path, false, text, size, &diag);

	diag_print(&diag, program_name(), true, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

bool dump_numbered_path(const char *prefix, uint64_t number, char out_path[PATH_MAX])
{
	return snprintf(out_path, PATH_MAX, "%s.%04" PRIu64 ".heap", prefix, number) < PATH_MAX;
}

/* A symbolic link takes its name, wherever it leads to. */
static bool is_taken(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

int dump_write_next(const char *prefix, uint64_t *number, const char *text, size_t size,
		    char out_path[PATH_MAX], struct diag *diag)
{
	uint64_t next = *number;
	int r = -EEXIST;

	while (r == -EEXIST) {
		if (!dump_numbered_path(prefix, ++next, out_path)) {
			diag->file = prefix;
			return diag_error(diag, -ENAMETOOLONG, "the path is too long");
		}
		if (is_taken(out_path))
			continue;
		diag_deinit(diag);
		r = write_to(out_path, true, text, size, diag);
	}
	if (!r)
		*number = next;
	return r;
}

int dump_write_numbered(const char *prefix, uint64_t *number, const char *text, size_t size,
			char out_path[PATH_MAX])
{
	struct diag diag = {0};
	int r = dump_write_next(prefix, number, text, size, out_path, &diag);

	diag_print(&diag, program_name(), true, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}
