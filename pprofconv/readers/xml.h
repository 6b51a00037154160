/* SPDX-License-Identifier: MIT */
/* Reads XML from an input, piece by piece: begins and ends of elements, and the text of elements
 * that hold nothing else. A document that declares anything of its own is refused, since what it
 * declares could grow without a limit. */
#pragma once
#include "base/cursor.h"
#include "base/diag.h"
#include "base/input.h"

/* A handler returns 0, or an error that it reported, which ends the reading. */
struct xml_handlers {
	int (*begin)(void *context, const char *element);
	/* `text` is what the element holds after its last element, without spaces at its ends. */
	int (*end)(void *context, const char *element, struct cursor text, uint64_t line);
};

/* Reads the whole input. Returns 0, or an error as reader.read() does. */
int xml_read(struct input *input, const struct xml_handlers *handlers, void *context,
	     struct diag *diag);
