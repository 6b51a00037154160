/* SPDX-License-Identifier: MIT */
/* Variables are named like functions: a profile whose locations are the addresses of the roots gets
 * names. */
#include "commands/root_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/short_name.h"

enum {
	NAME_MAX_BYTES = 300,
};

struct naming {
	struct root_names *out;
	const struct graph_look *look;
	struct profile *data;
	uint32_t *mappings;  /* of `data`, for each source */
	uint32_t *locations; /* of `data`, for each root; PROFILE_NONE: it is not in data */
};

/* --- the profile --------------------------------------------------------------------------- */

/* Returns the build ID of the file, which the dump has for its code. */
static const char *build_id_of(const struct profile *profile, const char *path)
{
	vec_foreach (mapping, &profile->mappings)
		if (strcmp(profile_string(profile, mapping->file), path) == 0)
			return profile_string(profile, mapping->build_id);
	return "";
}

static uint32_t add_mapping(struct profile *data, uint64_t start, uint64_t limit, uint64_t offset,
			    const char *path, const char *build_id)
{
	const struct profile_mapping mapping = {
		.start = start,
		.limit = limit,
		.offset = offset,
		.file = profile_intern(data, path),
		.build_id = profile_intern(data, build_id),
	};

	return profile_add_mapping(data, &mapping);
}

/* The first mapping is the program's, as in each profile. */
static void add_mappings(struct naming *n)
{
	const struct profile *profile = n->look->profile;
	const struct heap_record *record = &n->look->record;
	const struct profile_mapping *program = vec_from(&profile->mappings, 0);

	if (program && profile->mappings.n > 0)
		add_mapping(n->data, program->start, program->limit, program->offset,
			    profile_string(profile, program->file),
			    profile_string(profile, program->build_id));
	for (uint64_t i = 0; i < record->header.n_sources; i++) {
		const struct heap_source *source = &record->sources[i];

		if (source->kind == HEAP_SOURCE_DATA)
			n->mappings[i] =
				add_mapping(n->data, source->start, source->end, source->offset,
					    source->path, build_id_of(profile, source->path));
	}
}

static void add_locations(struct naming *n)
{
	const struct heap_record *record = &n->look->record;
	struct profile_location location = {.address = 0};

	for (uint64_t i = 0; i < record->header.n_roots; i++) {
		const struct heap_root *root = &record->roots[i];

		n->locations[i] = PROFILE_NONE;
		if (record->sources[root->source].kind != HEAP_SOURCE_DATA)
			continue;
		location.address = root->address;
		location.mapping = n->mappings[root->source];
		n->locations[i] = profile_add_location(n->data, &location, NULL, 0);
	}
}

/* Reports of names that are missing are those of the profile of the stacks. */
static int find_variables(struct naming *n, const struct settings *settings)
{
	struct settings quiet = *settings;

	quiet.quiet = true;
	n->data->is_of_data = true;
	n->data->process = n->look->profile->process;
	n->data->is_of_core = n->look->profile->is_of_core;
	n->data->core_uid = n->look->profile->core_uid;
	n->data->core_gid = n->look->profile->core_gid;
	add_mappings(n);
	add_locations(n);
	if (profile_status(n->data))
		return command_error("%s", strerror(-profile_status(n->data)));
	return command_symbolize(&quiet, 1, n->data);
}

/* --- groups -------------------------------------------------------------------------------- */

/* Returns the variable at a root, or NULL. A name of "FILE+0x..." says less than the file's does.
 */
static const char *variable_of(const struct naming *n, uint64_t root)
{
	const struct profile_location *location;
	const struct profile_line *line;
	const struct profile_function *function;

	if (n->locations[root] == PROFILE_NONE)
		return NULL;
	location = &n->data->locations.items[n->locations[root]];
	line = location->n_lines ? profile_lines(n->data, location) : NULL;
	if (!line || line->function == PROFILE_NONE)
		return NULL;
	function = &n->data->functions.items[line->function];
	return function->system_name ? profile_string(n->data, function->name) : NULL;
}

static void print_name(const struct naming *n, uint64_t root, char *out, size_t size)
{
	const struct heap_record *record = &n->look->record;
	const struct heap_source *source = &record->sources[record->roots[root].source];
	const char *variable = variable_of(n, root);
	char *brief = variable ? short_name(variable) : NULL;

	if (source->kind == HEAP_SOURCE_THREAD)
		snprintf(out, size, "thread %d", source->thread);
	else if (variable)
		snprintf(out, size, "%s", brief ? brief : variable);
	else if (source->kind == HEAP_SOURCE_DATA)
		snprintf(out, size, "data of %s", path_last_part(source->path));
	else if (source->path[0] == '/')
		snprintf(out, size, "mapping of %s", path_last_part(source->path));
	else
		snprintf(out, size, "mapped memory");
	free(brief);
}

/* Neighbours are mostly of one group. */
static int make_groups(struct naming *n)
{
	struct root_names *out = n->out;
	uint64_t n_roots = n->look->record.header.n_roots;
	char name[NAME_MAX_BYTES];
	uint32_t id;

	for (uint64_t i = 0; i < n_roots; i++) {
		int r;

		print_name(n, i, name, sizeof(name));
		r = strtab_intern(&out->names, name, strlen(name), &id);
		if (r)
			return command_error("%s", strerror(-r));
		out->groups.of_root[i] = id - 1;
	}
	out->groups.n = (uint32_t)strtab_count(&out->names) - 1;
	return EXIT_DONE;
}

int root_names_init(struct root_names *names, const struct settings *settings,
		    const struct graph_look *look)
{
	const struct heap_header *h = &look->record.header;
	struct naming naming = {
		.out = names,
		.look = look,
		.data = profile_new(),
		.mappings = calloc(h->n_sources + 1, sizeof(*naming.mappings)),
		.locations = calloc(h->n_roots + 1, sizeof(*naming.locations)),
	};
	int status = EXIT_BAD;

	*names = (struct root_names){
		.groups.of_root = calloc(h->n_roots + 1, sizeof(*names->groups.of_root)),
	};
	if (!naming.data || !naming.mappings || !naming.locations || !names->groups.of_root)
		command_error("%s", strerror(ENOMEM));
	else if (!find_variables(&naming, settings))
		status = make_groups(&naming);
	profile_free(naming.data);
	free(naming.mappings);
	free(naming.locations);
	return status;
}

void root_names_deinit(struct root_names *names)
{
	free(names->groups.of_root);
	strtab_deinit(&names->names);
}

const char *root_names_of(const struct root_names *names, uint32_t group)
{
	return strtab_text(&names->names, group + 1);
}
