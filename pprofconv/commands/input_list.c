/* SPDX-License-Identifier: MIT */
#include "commands/input_list.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/input.h"
#include "commands/labels.h"

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

/* Cuts the labels off a line: what follows the first tab. Prints an error if one has a fault. */
static int cut_labels(char *line, const char *path, size_t number, const char **out_labels)
{
	char *tab = strchr(line, '\t');
	const char *at = tab ? tab + 1 : "";

	*out_labels = tab ? at : NULL;
	if (tab)
		*tab = '\0';
	while (*at) {
		size_t size = strcspn(at, "\t");
		const char *fault = label_fault(at, size);

		if (fault)
			return command_error("%s:%zu: label '%.*s': %s", path, number,
					     (int)(size < 100 ? size : 100), at, fault);
		at += size + (at[size] == '\t');
	}
	return EXIT_DONE;
}

static int add_name(struct input_list *list, char *name, const char *labels)
{
	if (vec_push(&list->names, name) < 0 || vec_push(&list->labels, labels) < 0)
		return command_error("%s", strerror(ENOMEM));
	return EXIT_DONE;
}

/* Appends the names in the list's text, which are separated by `separator`. */
static int add_names(struct input_list *list, const char *path, size_t size, char separator)
{
	char *at = list->text, *end = list->text + size;
	int status = EXIT_DONE;

	for (size_t number = 1; !status && at < end; number++) {
		char *stop = memchr(at, separator, (size_t)(end - at));
		const char *labels = NULL;

		stop = stop ? stop : end;
		*stop = '\0';
		if (separator == '\n')
			status = cut_labels(at, path, number, &labels);
		if (!status && *at)
			status = add_name(list, at, labels);
		at = stop + 1;
	}
	return status;
}

static int add_file(struct input_list *list, const char *path)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	struct diag diag = {0};
	size_t size = 0, n = list->names.n;
	int r = read_text(list, path, &size, &diag), status = r ? EXIT_BAD : EXIT_DONE;

	diag_print(&diag, program_name(), true /* warnings */, stderr);
	diag_deinit(&diag);
	if (!status)
		status = add_names(list, name, size, memchr(list->text, '\0', size) ? '\0' : '\n');
	if (!status && list->names.n == n)
		status = command_error("%s: the list names no input", name);
	return status;
}

static int check_standard_input(const struct input_list *list, const char *path)
{
	vec_foreach (name, &list->names)
		if (strcmp(path, "-") == 0 && strcmp(*name, "-") == 0)
			return command_error("standard input is the list of inputs; it can't be "
					     "an input too");
	return EXIT_DONE;
}

int input_list_read(struct input_list *list, char *const *names, size_t n, const char *path)
{
	int status = EXIT_DONE;

	*list = (struct input_list){0};
	for (size_t i = 0; !status && i < n; i++)
		status = add_name(list, names[i], NULL);
	if (!status && path)
		status = add_file(list, path);
	if (!status && path)
		status = check_standard_input(list, path);
	if (!status && list->names.n > INT_MAX)
		status = command_error("%s: too many inputs", path);
	return status;
}

void input_list_use(const struct input_list *list, struct settings *settings)
{
	settings->inputs = list->names.items;
	settings->n_inputs = (int)list->names.n;
	settings->input_labels = list->labels.items;
}

void input_list_deinit(struct input_list *list)
{
	vec_deinit(&list->names);
	vec_deinit(&list->labels);
	free(list->text);
}
