/* SPDX-License-Identifier: MIT */
/* Refused input is a file that users often take for a heap profile, or a heap profile of a kind
 * that is not supported. The error message names this kind. */
#pragma once
#include "base/cursor.h"

struct refused {
	const char *kind; /* comes before "is not supported" */
	const char *help; /* what to do, or NULL */
};

/* Returns the kind of refused input that begins with `head`, or NULL if it is not refused input. */
const struct refused *refused_find(struct cursor head);
