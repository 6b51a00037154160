/* SPDX-License-Identifier: MIT */
/* What is often taken for a heap profile, or is one of a kind that is not read: refused by name. */
#pragma once
#include "base/cursor.h"

struct refused {
	const char *kind; /* goes before "is not read" */
	const char *help; /* what to do, or NULL */
};

/* What input that begins so is; NULL if it is nothing of that. */
const struct refused *refused_find(struct cursor head);
