/* SPDX-License-Identifier: MIT */
#include "commands/inspect.h"

#include <errno.h>
#include <string.h>

#include "commands/compare.h"
#include "reports/mappings_report.h"

static bool is_json(const struct inspect_settings *settings)
{
	return strcmp(settings->format, "json") == 0;
}

int inspect_check(const struct inspect_settings *settings)
{
	struct display display;

	if (!settings->mappings)
		return command_error("nothing to inspect; give --mappings");
	if (!is_json(settings) && strcmp(settings->format, "text") != 0)
		return command_error("--format: unknown format '%s'; expected text or json",
				     settings->format);
	if (is_json(settings) && settings->show_content)
		return command_error("--show-content is for text, which no program stores; leave "
				     "it out with --format=json");
	return compare_find_display(&settings->common, NULL, &display);
}

static int print_report(const struct mappings_report *report, bool as_json)
{
	_cleanup_(output_freep) struct output *output = NULL;
	struct diag diag = {0};
	int r = output_open(&output, "-", &diag);

	if (!r)
		r = as_json ? mappings_report_json(report, output)
			    : mappings_report_text(report, output);
	if (r == -ENOMEM)
		diag_errno(&diag, r);
	if (!r)
		r = output_commit(output, &diag);
	diag_print(&diag, program_name(), true /* warnings */, stderr);
	diag_deinit(&diag);
	return r ? EXIT_BAD : EXIT_DONE;
}

int inspect_print_mappings(const struct inspect_settings *settings, const char *name,
			   const struct mappings_look *look, const struct mappings_look *first)
{
	struct mappings_report report = {
		.name = name,
		.memory = &look->memory,
		.first = first ? &first->memory : NULL,
		.texts = look->texts,
		.n_texts = look->n_texts,
		.n_lines = settings->n_lines,
	};

	if (compare_find_display(&settings->common, NULL, &report.display))
		return EXIT_BAD;
	return print_report(&report, is_json(settings));
}
