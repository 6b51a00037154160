/* SPDX-License-Identifier: MIT */
/* The rows of the table, each defined in its format's file. */
#pragma once
#include "reports/report.h"

extern const struct report_format report_text;
extern const struct report_format report_markdown;
extern const struct report_format report_json;
extern const struct report_format report_pprof;
extern const struct report_format report_folded;
