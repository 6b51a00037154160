/* SPDX-License-Identifier: MIT */
/* The writers, each defined in its own file. registry.c lists them in a table. */
#pragma once
#include "writers/writer.h"

extern const struct writer writer_pprof;
extern const struct writer writer_folded;
extern const struct writer writer_rows;
extern const struct writer writer_text;
extern const struct writer writer_json;
extern const struct writer writer_speedscope;
extern const struct writer writer_firefox;
extern const struct writer writer_csv;
