/* SPDX-License-Identifier: MIT */
#include "commands/inspect.h"

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

	if (settings->mappings == settings->graph)
		return command_error(settings->graph ? "--mappings and --graph are two reports; "
						       "give one of them"
						     : "nothing to inspect; give --mappings or "
						       "--graph");
	if (settings->graph && settings->show_content)
		return command_error("--show-content needs --mappings");
	if (settings->mappings && strcmp(settings->format, "pprof") == 0)
		return command_error("--format: --mappings has text and json only");
	if (!is_json(settings) && strcmp(settings->format, "text") != 0 &&
	    strcmp(settings->format, "pprof") != 0)
		return command_error("--format: unknown format '%s'; expected text, json or pprof",
				     settings->format);
	if (is_json(settings) && settings->show_content)
		return command_error("--show-content is for text, which no program stores; leave "
				     "it out with --format=json");
	return compare_find_display(&settings->common, NULL, &display);
}

static int write_text(const void *report, struct output *output)
{
	return mappings_report_text(report, output);
}

static int write_json(const void *report, struct output *output)
{
	return mappings_report_json(report, output);
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
	return command_print(is_json(settings) ? write_json : write_text, &report);
}
