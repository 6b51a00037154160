/* SPDX-License-Identifier: MIT */
/* What each writer's file gives to the table. */
#pragma once
#include "writers/writer.h"

extern const struct writer writer_pprof;
