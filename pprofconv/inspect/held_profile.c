/* SPDX-License-Identifier: MIT */
#include "inspect/held_profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/sample_labels.h"
#include "model/unsample.h"
#include "transform/copy_between.h"

enum {
	HELD_BY_MAX = 400,
};

/* Blocks that differ in nothing. */
struct kind {
	uint32_t stack;
	uint32_t
		holder; /* group; or KIND_SHARED and the first of several groups; or a lost state */
	uint64_t size;
};

#define KIND_SHARED UINT32_C(0x80000000)
#define KIND_LOST   UINT32_C(0xc0000000) /* the other bits are the state */

struct making {
	struct copy_between copy;
	const struct heap_record *record;
	const struct stack_labels *labels;
	const char *const *groups;
	struct unsampler unsampler;
	VEC(struct kind) kinds;
};

/* --- all but the samples ------------------------------------------------------------------- */

static uint32_t copy_mapping(struct copy_between *c, uint32_t number)
{
	struct profile_mapping mapping = c->from->mappings.items[number];

	mapping.file = copy_between_string(c, mapping.file);
	mapping.build_id = copy_between_string(c, mapping.build_id);
	mapping.unknown = 0;
	return profile_add_mapping(c->to, &mapping);
}

static int copy_location(struct copy_between *c, uint32_t number)
{
	struct profile_location location = c->from->locations.items[number];
	int r = copy_between_lines(c, &location);

	if (r)
		return r;
	if (location.mapping != PROFILE_NONE)
		location.mapping = c->mappings.items[location.mapping];
	location.unknown = 0;
	return vec_push(&c->locations,
			profile_add_location(c->to, &location, c->lines.items, c->lines.n));
}

static void copy_head(struct copy_between *c)
{
	const struct profile *from = c->from;
	struct profile *to = c->to;

	profile_add_sample_type(to, "inuse_objects", "count");
	profile_add_sample_type(to, "inuse_space", "bytes");
	to->period_type.type = copy_between_string(c, from->period_type.type);
	to->period_type.unit = copy_between_string(c, from->period_type.unit);
	to->period = from->period;
	to->time_nanos = from->time_nanos;
	to->drop_frames = copy_between_string(c, from->drop_frames);
	to->keep_frames = copy_between_string(c, from->keep_frames);
	vec_foreach (comment, &from->comments)
		profile_add_comment(to, profile_string(from, *comment),
				    strlen(profile_string(from, *comment)));
}

static int copy_names(struct copy_between *c)
{
	int r = 0;

	copy_head(c);
	for (uint32_t i = 0; !r && i < c->from->mappings.n; i++)
		r = vec_push(&c->mappings, copy_mapping(c, i));
	for (uint32_t i = 0; !r && i < c->from->functions.n; i++)
		r = vec_push(&c->functions, copy_between_function(c, i));
	for (uint32_t i = 0; !r && i < c->from->locations.n; i++)
		r = copy_location(c, i);
	return r ? r : profile_status(c->to);
}

/* --- the samples --------------------------------------------------------------------------- */

static uint32_t holder_of(const struct holders *holders, uint32_t node)
{
	if (holders->states[node] != LOST_NOT)
		return KIND_LOST | holders->states[node];
	if (holders->group[node] == HEAP_RECORD_NONE)
		return KIND_SHARED | holders_first(holders, node);
	return holders->group[node];
}

static int compare_kinds(const void *left, const void *right)
{
	const struct kind *a = left, *b = right;

	if (a->stack != b->stack)
		return a->stack < b->stack ? -1 : 1;
	if (a->holder != b->holder)
		return a->holder < b->holder ? -1 : 1;
	return a->size < b->size ? -1 : a->size > b->size;
}

static struct profile_label label_of(const struct making *m, const struct kind *kind)
{
	struct profile *to = m->copy.to;
	char text[HELD_BY_MAX];
	bool is_lost = kind->holder >= KIND_LOST;

	if (is_lost)
		snprintf(text, sizeof(text), "%s",
			 (kind->holder & ~KIND_LOST) == LOST_DIRECTLY ? "directly" : "indirectly");
	else
		snprintf(text, sizeof(text), "%s%s", m->groups[kind->holder & ~KIND_SHARED],
			 kind->holder & KIND_SHARED ? " and others" : "");
	return (struct profile_label){
		.key = profile_intern(to, is_lost ? "lost" : "held_by"),
		.text = profile_intern(to, text),
	};
}

static uint32_t stack_of(struct making *m, uint32_t stack)
{
	size_t n;
	const uint32_t *frames = profile_stack(m->copy.from, m->labels->stack[stack], &n);

	if (vec_reserve(&m->copy.frames, n + 1)) {
		profile_fail(m->copy.to, -ENOMEM);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		m->copy.frames.items[i] = m->copy.locations.items[frames[i]];
	return profile_add_stack(m->copy.to, m->copy.frames.items, n);
}

static int add_sample(struct making *m, const struct kind *kind, int64_t n)
{
	struct profile *to = m->copy.to;
	const struct profile_label labels[] = {
		label_of(m, kind),
		{.key = profile_intern(to, SAMPLE_LABEL_SIZE), .number = (int64_t)kind->size},
	};
	int64_t values[] = {n, 0};
	int r = __builtin_mul_overflow(n, (int64_t)kind->size, &values[1]) ? -EOVERFLOW : 0;

	r = r ? r
	      : unsample(&m->unsampler, (int64_t)m->record->header.interval, &values[0],
			 &values[1]);
	if (!r)
		profile_add_sample(to,
				   (struct profile_sample){
					   .stack = stack_of(m, kind->stack),
					   .labels = profile_add_labels(to, labels, 2),
				   },
				   values);
	return r ? r : profile_status(to);
}

static int add_samples(struct making *m, const struct holders *holders)
{
	const struct heap_record *record = m->record;
	int r = 0;

	for (uint32_t i = 0; !r && i < record->header.n_nodes; i++)
		if (record->nodes[i].stack != HEAP_RECORD_NONE)
			r = vec_push(&m->kinds,
				     (struct kind){record->nodes[i].stack, holder_of(holders, i),
						   record->nodes[i].size});
	if (m->kinds.n)
		qsort(m->kinds.items, m->kinds.n, sizeof(*m->kinds.items), compare_kinds);
	for (size_t i = 0, end; !r && i < m->kinds.n; i = end) {
		for (end = i + 1; end < m->kinds.n; end++)
			if (compare_kinds(&m->kinds.items[i], &m->kinds.items[end]) != 0)
				break;
		r = add_sample(m, &m->kinds.items[i], (int64_t)(end - i));
	}
	return r;
}

int held_profile_new(struct profile **out, const struct profile *from,
		     const struct heap_record *record, const struct holders *holders,
		     const struct stack_labels *labels, const char *const *groups)
{
	struct making m = {.record = record, .labels = labels, .groups = groups};
	int r;

	*out = profile_new();
	if (!*out)
		return -ENOMEM;
	r = copy_between_init(&m.copy, from, *out);
	r = r ? r : copy_names(&m.copy);
	r = r ? r : add_samples(&m, holders);
	if (!r)
		profile_complete(*out);
	copy_between_deinit(&m.copy);
	vec_deinit(&m.kinds);
	return r ? r : profile_status(*out);
}
