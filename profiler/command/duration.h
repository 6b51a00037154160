/* SPDX-License-Identifier: MIT */
/* A duration is a time as people type it: 90, 90s, 5m, 2h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Stores the seconds. Returns false if the text is not a duration of at least a second. */
bool duration_parse(const char *text, uint64_t *out_seconds);
