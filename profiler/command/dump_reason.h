/* SPDX-License-Identifier: MIT */
/* The reason of a dump is a line of its metadata. A dump from outside has the reason "outside". */
#pragma once
#include <stddef.h>

/* Replaces that reason in the text of a dump, which was allocated by malloc(). A text without the
 * line is left alone. Returns 0 or -ENOMEM; then the text is unchanged. */
int dump_reason_set(char **text, size_t *size, const char *reason);
