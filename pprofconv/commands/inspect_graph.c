/* SPDX-License-Identifier: MIT */
#include "commands/inspect_graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands/compare.h"
#include "commands/root_names.h"
#include "inspect/held_profile.h"
#include "reports/graph_report.h"
#include "writers/writer.h"

struct inspection {
	const struct inspect_settings *settings;
	struct graph_look look;
	struct root_names roots;
	struct stack_labels labels;
	struct holders holders;
	struct graph_sums sums;
	const char **groups; /* names */
};

static void deinit(struct inspection *i)
{
	graph_look_deinit(&i->look);
	root_names_deinit(&i->roots);
	stack_labels_deinit(&i->labels);
	holders_deinit(&i->holders);
	graph_sums_deinit(&i->sums);
	free(i->groups);
}

static int find_holders(struct inspection *i)
{
	const struct heap_record *record = &i->look.record;
	uint32_t *kinds = calloc(record->header.n_nodes + 1, sizeof(*kinds));
	int r;

	if (!kinds)
		return -ENOMEM;
	for (uint64_t n = 0; n < record->header.n_nodes; n++)
		kinds[n] = graph_report_kind(&record->nodes[n], &i->labels);
	r = holders_init(&i->holders, record, &i->roots.groups, kinds);
	free(kinds);
	return r;
}

static int name_groups(struct inspection *i)
{
	i->groups = calloc((size_t)i->roots.groups.n + 1, sizeof(*i->groups));
	for (uint32_t n = 0; i->groups && n < i->roots.groups.n; n++)
		i->groups[n] = root_names_of(&i->roots, n);
	return i->groups ? 0 : -ENOMEM;
}

static int add_up(struct inspection *i)
{
	const struct heap_record *record = &i->look.record;
	bool has_graph = record->header.has_graph;
	int r = stack_labels_init(&i->labels, i->look.profile, record);

	r = r ? r : name_groups(i);
	r = r || !has_graph ? r : find_holders(i);
	return r ? r
		 : graph_sums_init(&i->sums, record, has_graph ? &i->holders : NULL,
				   i->roots.groups.n, i->labels.label,
				   strtab_count(&i->labels.texts));
}

static int write_text(const void *report, struct output *output)
{
	return graph_report_text(report, output);
}

static int write_json(const void *report, struct output *output)
{
	graph_report_json(report, output);
	return 0;
}

static int save_profile(const struct inspection *i, const char *name)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int r;

	if (!i->look.record.header.has_graph)
		return command_error("%s: no profile without the graph: %s", name,
				     i->look.record.header.problem);
	r = held_profile_new(&profile, i->look.profile, &i->look.record, &i->holders, &i->labels,
			     i->groups);
	if (r)
		return command_error("%s", strerror(-r));
	return command_save(&i->settings->common, profile, writer_find("pprof"), "-");
}

static int print(const struct inspection *i, const char *name, bool is_of_core)
{
	const struct inspect_settings *settings = i->settings;
	struct graph_report report = {
		.name = name,
		.record = &i->look.record,
		.sums = &i->sums,
		.holders = i->look.record.header.has_graph ? &i->holders : NULL,
		.labels = &i->labels,
		.groups = i->groups,
		.is_of_core = is_of_core,
		.n_lines = settings->n_lines,
	};

	if (compare_find_display(&settings->common, NULL, &report.display))
		return EXIT_BAD;
	if (strcmp(settings->format, "pprof") == 0)
		return save_profile(i, name);
	return command_print(strcmp(settings->format, "json") == 0 ? write_json : write_text,
			     &report);
}

int inspect_graph(const struct inspect_settings *settings, struct target_work *work,
		  const char *name, const char *path)
{
	const struct graph_limits limits = {
		.stop_max_ms = settings->max_stop_ms,
		.memory_max = settings->memory_max,
	};
	struct inspection inspection = {.settings = settings};
	int status, r;

	status = graph_look_init(&inspection.look, work, &settings->common, &limits, name);
	if (!status && path)
		command_note_owner(inspection.look.profile, path);
	if (!status)
		status = command_symbolize(&settings->common, 1, inspection.look.profile);
	if (!status)
		status = root_names_init(&inspection.roots, &settings->common, &inspection.look);
	if (!status && (r = add_up(&inspection)))
		status = command_error("%s", strerror(-r));
	if (!status)
		status = print(&inspection, name, path != NULL);
	deinit(&inspection);
	command_symbolize_end();
	return status;
}
