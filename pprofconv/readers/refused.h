/* SPDX-License-Identifier: MIT */
/* Refused input is data that users often take for a heap profile, or a heap profile of a kind that
 * is not read. It is refused by name. */
#pragma once
#include "base/cursor.h"

struct refused {
	const char *kind; /* comes before "is not supported" */
	const char *help; /* what to do, or NULL */
};

/* Returns what input with this beginning is, or NULL if it is none of these. */
const struct refused *refused_find(struct cursor head);
