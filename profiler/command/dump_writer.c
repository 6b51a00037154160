/* SPDX-License-Identifier: MIT */
#include "command/dump_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

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

int dump_write_numbered(const char *prefix, uint64_t *number, const char *text, size_t size,
			char out_path[PATH_MAX])
{
	struct diag diag = {0};
	int r = -EEXIST;

	for (uint64_t next = *number + 1; r == -EEXIST; next++) {
		if (snprintf(out_path, PATH_MAX, "%s.%04" PRIu64 ".heap", prefix, next) >= PATH_MAX)
			return command_error("%s: the path is too long", prefix);
		*number = next;
		if (access(out_path, F_OK) == 0)
			continue;
		diag_deinit(&diag);
		r = write_to(out_path, true, text, size, &diag);
	}
	diag_print(&diag, program_name(), true, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}
