/* SPDX-License-Identifier: MIT */
/* The report formats, each defined in its own file. report.c lists them in a table. */
#pragma once
#include "reports/report.h"

extern const struct report_format report_text;
extern const struct report_format report_markdown;
extern const struct report_format report_json;
extern const struct report_format report_pprof;
extern const struct report_format report_folded;
