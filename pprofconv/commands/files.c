/* SPDX-License-Identifier: MIT */
#include "commands/files.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/outside.h"

static int compare_ids(const void *left, const void *right)
{
	const struct files_id *a = left, *b = right;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static bool identify(const char *path, struct files_id *out_id)
{
	struct stat status;
	int r = outside_pid(path)        ? -1
		: strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &status)
					 : stat(path, &status);

	*out_id = (struct files_id){.device = status.st_dev, .inode = status.st_ino, .name = path};
	return r == 0 && S_ISREG(status.st_mode);
}

static int add_paths(struct files *files, const char *const *paths, size_t n)
{
	struct files_id id;
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		if (identify(paths[i], &id))
			r = vec_push(&files->ids, id);
	if (files->ids.n)
		qsort(files->ids.items, files->ids.n, sizeof(*files->ids.items), compare_ids);
	return r ? command_error("%s", strerror(-r)) : EXIT_DONE;
}

static int add_texts(struct files *files, const struct texts *paths)
{
	return add_paths(files, paths->items, paths->n);
}

int files_init(struct files *files, const struct settings *settings)
{
	int status =
		add_paths(files, (const char *const *)settings->inputs, (size_t)settings->n_inputs);

	return status ? status : add_texts(files, &settings->binaries);
}

int files_add(struct files *files, const char *path)
{
	return add_paths(files, &path, 1);
}

void files_deinit(struct files *files)
{
	vec_deinit(&files->ids);
}

int files_check_output(const struct files *files, const char *path)
{
	struct files_id id, *found = NULL;

	if (files->ids.n && strcmp(path, "-") != 0 && identify(path, &id))
		found = bsearch(&id, files->ids.items, files->ids.n, sizeof(id), compare_ids);
	if (found)
		return command_error("%s: input and output are the same file", found->name);
	return EXIT_DONE;
}

int files_check(const struct settings *settings, const struct texts *const *more,
		const char *output)
{
	struct files files = {0};
	int status = files_init(&files, settings);

	for (; !status && more && *more; more++)
		status = add_texts(&files, *more);
	if (!status && output)
		status = files_check_output(&files, output);
	files_deinit(&files);
	return status;
}

int files_check_inputs(const struct settings *settings)
{
	for (int i = 0; i < settings->n_inputs; i++) {
		const char *input = settings->inputs[i];

		if (outside_is_wrong_pid(input))
			return command_error("%s: " OUTSIDE_WRONG_PID, input, input);
		if (strcmp(input, "-") != 0 && !outside_pid(input) && access(input, R_OK) < 0)
			return command_error("%s: %s", input, strerror(errno));
	}
	return EXIT_DONE;
}
