/* SPDX-License-Identifier: MIT */
/* What each writer's file gives to the table. */
#pragma once
#include "writers/writer.h"

extern const struct writer writer_pprof;
extern const struct writer writer_folded;
extern const struct writer writer_text;
extern const struct writer writer_json;
