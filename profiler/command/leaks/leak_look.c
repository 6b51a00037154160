/* SPDX-License-Identifier: MIT */
/* The child that reads the process sends a header, the groups of lost blocks, their return
 * addresses, and the text of a dump of the same moment, which has the mappings for the names. The
 * child may have been taken over by what it has read, so all of it is checked. */
#include "command/leaks/leak_look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "commands/command.h"
#include "commands/target_work.h"
#include "inspect/lost_blocks.h"
#include "readers/heap_types.h"
#include "readers/reader.h"
#include "target/snapshot.h"

#define GROUPS_MAX (1u << 24)
#define FRAMES_MAX 512 /* of a stack, as in the library */

struct header {
	uint64_t n_groups, n_addresses;
	char problem[sizeof(((struct leak_look *)NULL)->problem)];
};

/* Blocks of one stack that are lost in one way. */
struct group {
	uint64_t objects, bytes;
	uint32_t n_frames;
	uint32_t is_direct;
};

/* --- the child ----------------------------------------------------------------------------- */

struct collected {
	struct header header;
	VEC(struct group) groups;
	VEC(uint64_t) addresses;
};

/* Adds up the lost blocks of each stack into `sums`, two groups for each. */
static void add_up(const struct hp_snapshot_blocks *blocks, const struct lost_blocks *lost,
		   struct group *sums)
{
	vec_foreach (block, &lost->items) {
		struct group *sum;

		if (block->block == NODE_NO_BLOCK)
			continue;
		sum = &sums[2 * (size_t)blocks->blocks[block->block].stack + block->is_direct];
		sum->objects++;
		sum->bytes += blocks->blocks[block->block].size;
	}
}

static int put_groups(const struct hp_snapshot_blocks *blocks, const struct group *sums,
		      struct collected *out)
{
	int r = 0;

	for (size_t i = 0; !r && i < 2 * blocks->n_stacks; i++) {
		const struct hp_snapshot_stack *stack = &blocks->stacks[i / 2];
		struct group group = sums[i];

		if (!group.objects)
			continue;
		group.n_frames = stack->n_frames < FRAMES_MAX ? stack->n_frames : FRAMES_MAX;
		group.is_direct = i % 2;
		r = vec_push(&out->groups, group);
		r = r ? r
		      : vec_append(&out->addresses, &blocks->frames[stack->first_frame],
				   group.n_frames);
	}
	return r;
}

static int collect(const struct hp_snapshot_blocks *blocks, const struct heap_graph *graph,
		   struct collected *out)
{
	struct group *sums = calloc(2 * blocks->n_stacks + 1, sizeof(*sums));
	struct lost_blocks lost = {0};
	int r = sums ? lost_blocks_init(&lost, graph) : -ENOMEM;

	if (!r) {
		add_up(blocks, &lost, sums);
		r = put_groups(blocks, sums, out);
	}
	lost_blocks_deinit(&lost);
	free(sums);
	return r;
}

static int look_at_blocks(struct hp_target *target, const struct hp_snapshot_blocks *blocks,
			  void *context)
{
	struct collected *out = context;
	struct inspect_limits limits = {0};
	struct heap_graph graph;
	int r = heap_graph_init(&graph, target, blocks, &limits);

	if (!r && collect(blocks, &graph, out))
		r = hp_target_no_memory(target);
	if (!r && !graph.nodes.are_chunks)
		snprintf(out->header.problem, sizeof(out->header.problem), "%s",
			 graph.nodes.problem);
	heap_graph_deinit(&graph);
	return r;
}

static int join(struct collected *collected, const char *text, size_t text_size, char **out,
		size_t *out_size)
{
	size_t groups_size = collected->groups.n * sizeof(struct group),
	       addresses_size = collected->addresses.n * sizeof(uint64_t);
	char *at;

	collected->header.n_groups = collected->groups.n;
	collected->header.n_addresses = collected->addresses.n;
	*out_size = sizeof(struct header) + groups_size + addresses_size + text_size;
	*out = at = malloc(*out_size);
	if (!at)
		return -ENOMEM;
	at = mempcpy(at, &collected->header, sizeof(struct header));
	if (groups_size)
		at = mempcpy(at, collected->groups.items, groups_size);
	if (addresses_size)
		at = mempcpy(at, collected->addresses.items, addresses_size);
	memcpy(at, text, text_size);
	return 0;
}

static int read_target(struct hp_target *target, void *context, char **out, size_t *out_size)
{
	struct collected collected = {0};
	char *text = NULL;
	size_t size = 0;
	int r = hp_snapshot_dump_and_look(target, look_at_blocks, &collected, &text, &size);

	if (!r && join(&collected, text, size, out, out_size))
		r = hp_target_no_memory(target);
	free(text);
	vec_deinit(&collected.groups);
	vec_deinit(&collected.addresses);
	return r;
}

/* --- the parent ---------------------------------------------------------------------------- */

/* What the child has sent. */
struct answer {
	struct header header;
	const struct group *groups;
	const uint64_t *addresses;
	const char *text; /* of the dump */
	size_t text_size;
};

static bool take_answer(struct answer *answer, const char *bytes, size_t size)
{
	struct header *header = &answer->header;
	size_t groups_size, addresses_size;
	uint64_t n_frames = 0;

	if (size < sizeof(*header))
		return false;
	memcpy(header, bytes, sizeof(*header));
	if (header->n_groups > GROUPS_MAX || header->n_addresses > header->n_groups * FRAMES_MAX)
		return false;
	groups_size = header->n_groups * sizeof(struct group);
	addresses_size = header->n_addresses * sizeof(uint64_t);
	if (size - sizeof(*header) < groups_size + addresses_size)
		return false;
	answer->groups = (const void *)(bytes + sizeof(*header));
	answer->addresses = (const void *)(bytes + sizeof(*header) + groups_size);
	answer->text = bytes + sizeof(*header) + groups_size + addresses_size;
	answer->text_size = size - sizeof(*header) - groups_size - addresses_size;
	for (size_t i = 0; i < header->n_groups; i++) {
		const struct group *group = &answer->groups[i];

		n_frames += group->n_frames;
		if (group->n_frames > FRAMES_MAX || group->bytes > INT64_MAX / GROUPS_MAX ||
		    group->objects > INT64_MAX / GROUPS_MAX)
			return false;
	}
	return n_frames == header->n_addresses &&
	       memchr(header->problem, '\0', sizeof(header->problem));
}

static void add_group(struct profile *profile, const struct group *group, const uint64_t *addresses)
{
	const int64_t values[] = {(int64_t)group->objects, (int64_t)group->bytes};
	const struct profile_label label = {
		.key = profile_intern(profile, "leak"),
		.text = profile_intern(profile, group->is_direct ? "direct" : "indirect"),
	};
	uint32_t locations[FRAMES_MAX];
	struct profile_sample key = {0};

	for (uint32_t i = 0; i < group->n_frames; i++)
		locations[i] = profile_location_at(profile, addresses[i] - 1 /* in the call */);
	key.stack = profile_add_stack(profile, locations, group->n_frames);
	key.labels = profile_add_labels(profile, &label, 1);
	profile_add_sample(profile, key, values);
}

static void copy_mappings(const struct profile *from, struct profile *to)
{
	vec_foreach (mapping, &from->mappings) {
		struct profile_mapping copy = *mapping;

		copy.file = profile_intern(to, profile_string(from, mapping->file));
		copy.build_id = profile_intern(to, profile_string(from, mapping->build_id));
		copy.unknown = 0;
		profile_add_mapping(to, &copy);
	}
}

/* Returns the profile of the lost blocks, or NULL. `dump` has the mappings. */
static struct profile *make_profile(const struct answer *answer, const struct profile *dump)
{
	struct profile *profile = profile_new();
	const uint64_t *addresses = answer->addresses;

	if (!profile)
		return NULL;
	heap_types_add(profile, "leaked");
	heap_types_set_exact(profile);
	profile->process = dump->process;
	for (size_t i = 0; i < answer->header.n_groups; i++) {
		add_group(profile, &answer->groups[i], addresses);
		addresses += answer->groups[i].n_frames;
	}
	copy_mappings(dump, profile);
	profile_settle_mappings(profile, profile_program(dump));
	if (!profile_status(profile))
		return profile;
	profile_free(profile);
	return NULL;
}

static int parse(struct leak_look *look, pid_t pid, int task, const struct settings *settings,
		 const struct answer *answer, struct diag *diag)
{
	_cleanup_(profile_freep) struct profile *dump = NULL;
	char name[32];

	snprintf(name, sizeof(name), "%d", pid);
	dump = command_load_text(settings, name, answer->text, answer->text_size);
	if (!dump)
		return diag_error(diag, READER_E_UNSUPPORTED, "its tables can't be parsed");
	dump->process = task;
	look->profile = make_profile(answer, dump);
	if (!look->profile)
		return diag_errno(diag, -ENOMEM);
	memcpy(look->problem, answer->header.problem, sizeof(look->problem));
	if (command_symbolize(settings, 1, look->profile))
		return diag_error(diag, READER_E_UNSUPPORTED, "its names can't be looked up");
	return 0;
}

int leak_look_init(struct leak_look *look, pid_t pid, const struct settings *settings,
		   struct diag *diag)
{
	struct target_work work = {
		.pid = pid,
		.fd = -1,
		.is_apart = true,
		.is_stopped = true,
		.waits_max = HP_APART_WAITS_MAX,
		.read = read_target,
	};
	struct answer answer;
	char *bytes;
	size_t size;
	int task, r;

	*look = (struct leak_look){0};
	hp_apart_user_of_process(pid, &work.user);
	r = target_work_run(&work, &task, &bytes, &size, diag);
	if (r)
		return r;
	if (take_answer(&answer, bytes, size))
		r = parse(look, pid, task, settings, &answer, diag);
	else
		r = diag_error(diag, READER_E_UNSUPPORTED, "the child that reads it has failed");
	free(bytes);
	return r;
}

void leak_look_deinit(struct leak_look *look)
{
	profile_free(look->profile);
	look->profile = NULL;
}
