/* SPDX-License-Identifier: MIT */
#include "commands/input_list.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/input.h"

/* Reads the file. Sets list->text to its bytes, and a NUL after them. */
static int read_text(struct input_list *list, const char *path, size_t *out_size, struct diag *diag)
{
	_cleanup_(input_freep) struct input *input = NULL;
	struct cursor rest = {0};
	int r = input_open(&input, path, INPUT_BYTES_LIMIT, diag);

	if (!r)
		r = input_take_rest(input, &rest);
	if (r)
		return r;
	*out_size = cursor_left(&rest);
	list->text = calloc(*out_size + 1, 1);
	if (!list->text)
		return diag_errno(diag, -ENOMEM);
	if (*out_size)
		memcpy(list->text, rest.at, *out_size);
	return 0;
}

/* Appends the names in the list's text, which are separated by `separator`. */
static int add_names(struct input_list *list, size_t size, char separator)
{
	char *at = list->text, *end = list->text + size;
	int r = 0;

	while (!r && at < end) {
		char *stop = memchr(at, separator, (size_t)(end - at));

		stop = stop ? stop : end;
		*stop = '\0';
		if (*at)
			r = vec_push(&list->names, at);
		at = stop + 1;
	}
	return r;
}

static int add_file(struct input_list *list, const char *path)
{
	struct diag diag = {0};
	size_t size = 0, n = list->names.n;
	int r = read_text(list, path, &size, &diag);

	if (!r) {
		r = add_names(list, size, memchr(list->text, '\0', size) ? '\0' : '\n');
		if (r)
			diag_errno(&diag, r);
		else if (list->names.n == n)
			r = diag_error(&diag, -EINVAL, "the list names no input");
	}
	diag_print(&diag, program_name(), true /* warnings */, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

static int check_standard_input(const struct input_list *list, const char *path)
{
	vec_foreach (name, &list->names)
		if (strcmp(path, "-") == 0 && strcmp(*name, "-") == 0)
			return command_error("standard input is the list of inputs; it can't be "
					     "an input too");
	return EXIT_DONE;
}

int input_list_append(struct input_list *list, const char *path, struct settings *settings)
{
	int status;

	if (!path)
		return EXIT_DONE;
	if (vec_append(&list->names, settings->inputs, (size_t)settings->n_inputs) < 0)
		return command_error("%s", strerror(ENOMEM));
	status = add_file(list, path);
	if (!status)
		status = check_standard_input(list, path);
	if (!status && list->names.n > INT_MAX)
		status = command_error("%s: too many inputs", path);
	if (status)
		return status;
	settings->inputs = list->names.items;
	settings->n_inputs = (int)list->names.n;
	return EXIT_DONE;
}

void input_list_deinit(struct input_list *list)
{
	vec_deinit(&list->names);
	free(list->text);
}
