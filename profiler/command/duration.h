/* SPDX-License-Identifier: MIT */
/* A duration as people type it: 90, 90s, 5m, 2h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Stores the seconds. Returns false if the text is no duration, or one of less than a second. */
bool duration_parse(const char *text, uint64_t *out_seconds);
