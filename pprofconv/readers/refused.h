/* SPDX-License-Identifier: MIT */
/* What is often taken for a heap profile, or is one of a kind that is not read: refused by name. */
#pragma once
#include "base/cursor.h"

/* What input that begins so is, in words that go before "is not read"; NULL if it is nothing of
 * that. */
const char *refused_kind(struct cursor head);
