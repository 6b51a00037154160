/* SPDX-License-Identifier: MIT */
/* A series is converted to one file, in formats that show memory over time. */
#pragma once
#include "commands/command.h"
#include "writers/writer.h"

/* Converts the inputs, which must be in the order of their times, to one file at `path`, which has
 * the samples of the last one and the totals of all. `writer` has write_series(). Prints an error
 * if it fails; returns the exit status. */
int convert_series(const struct settings *settings, const struct writer *writer, const char *path);
