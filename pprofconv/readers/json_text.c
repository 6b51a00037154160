/* SPDX-License-Identifier: MIT */
#include "readers/json_text.h"

#include <errno.h>

int json_text_read(struct input *input, json_t **out_root, struct diag *diag)
{
	struct cursor text;
	json_error_t error;
	int r = input_take_rest(input, &text);

	if (r)
		return r;
	*out_root = json_loadb(text.at, cursor_left(&text), 0, &error);
	if (*out_root)
		return 0;
	if (json_error_code(&error) == json_error_out_of_memory)
		return diag_errno(diag, -ENOMEM);
	return diag_error_line(
		diag, READER_E_CORRUPT, error.line > 0 ? (uint64_t)error.line : 1, "%s%s",
		json_error_code(&error) == json_error_premature_end_of_input ? "truncated: " : "",
		error.text);
}

enum probe json_text_begins(struct cursor head, const char *const *tokens)
{
	for (; *tokens; tokens++) {
		cursor_skip_spaces(&head);
		if (!cursor_accept_text(&head, *tokens))
			return PROBE_NO;
	}
	return PROBE_YES;
}

struct cursor json_text_string(const json_t *object, const char *key)
{
	const json_t *text = json_object_get(object, key);

	return json_is_string(text) ? cursor_make(json_string_value(text), json_string_length(text))
				    : cursor_make("", 0);
}
