/* SPDX-License-Identifier: MIT */
/* The rows of the table, each defined in its writer's file. */
#pragma once
#include "writers/writer.h"

extern const struct writer writer_pprof;
extern const struct writer writer_folded;
extern const struct writer writer_text;
extern const struct writer writer_json;
