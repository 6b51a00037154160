/* SPDX-License-Identifier: MIT */
/* Whole inputs that are one JSON text. */
#pragma once
#include <jansson.h>

#include "base/diag.h"
#include "base/input.h"
#include "readers/reader.h"

/* Parses the whole input. Returns 0 and sets *out_root, which the caller gives to json_decref(); or
 * an error as reader.read() does. */
int json_text_read(struct input *input, json_t **out_root, struct diag *diag);

/* Answers a probe: whether `head` begins with these tokens, with white space between them or not.
 * `tokens` ends with NULL. */
enum probe json_text_begins(struct cursor head, const char *const *tokens);

/* Returns the text of a member, or "" if there is none. It belongs to the object. */
struct cursor json_text_string(const json_t *object, const char *key);
