/* SPDX-License-Identifier: MIT */
#include "inspect/stack_labels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/short_name.h"
#include "base/std_names.h"
#include "transform/frames.h"

enum {
	LABEL_MAX = 400,
};

struct labeling {
	struct stack_labels *out;
	struct frames all, own; /* with the standard library's functions, and without */
	frame_vec functions;
};

/* --- stacks -------------------------------------------------------------------------------- */

typedef VEC(uint64_t) address_vec;

/* Addresses in the record are return addresses. */
static int add_stacks(struct stack_labels *labels, struct profile *profile,
		      const struct heap_record *record)
{
	address_vec addresses = {0};
	frame_vec locations = {0};
	int r = 0;

	for (uint64_t i = 0; !r && i < record->header.n_stacks; i++) {
		const struct hp_snapshot_stack *stack = &record->stacks[i];

		r = vec_reserve(&addresses, stack->n_frames + 1);
		r = r ? r : vec_reserve(&locations, stack->n_frames + 1);
		if (r || !addresses.items)
			break;
		for (uint32_t k = 0; k < stack->n_frames; k++) {
			uint64_t frame = record->frames[stack->first_frame + k];

			addresses.items[k] = frame ? frame - 1 : 0;
		}
		profile_locations_at(profile, addresses.items, stack->n_frames, locations.items);
		labels->stack[i] = profile_add_stack(profile, locations.items, stack->n_frames);
		r = profile_status(profile);
	}
	free(addresses.items);
	free(locations.items);
	return r;
}

/* --- texts --------------------------------------------------------------------------------- */

static int find_functions(struct labeling *l, const struct frames **out_frames, uint32_t stack)
{
	int r = frames_of_stack(&l->own, stack, &l->functions);

	*out_frames = &l->own;
	if (r || l->functions.n)
		return r;
	*out_frames = &l->all;
	return frames_of_stack(&l->all, stack, &l->functions);
}

static void append_name(char *text, size_t size, const char *name)
{
	char *brief = short_name(name);
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s", brief ? brief : name);
	free(brief);
}

static int label_stack(struct labeling *l, uint64_t i)
{
	struct stack_labels *out = l->out;
	const struct frames *frames;
	char text[LABEL_MAX] = "";
	int r = find_functions(l, &frames, out->stack[i]);

	if (r)
		return r;
	append_name(text, sizeof(text) / 2,
		    l->functions.n ? frames_name(frames, l->functions.items[0]) : PROFILE_NO_STACK);
	r = strtab_intern(&out->texts, text, strlen(text), &out->function[i]);
	if (!r && l->functions.n > 1) {
		append_name(text, sizeof(text), " < ");
		append_name(text, sizeof(text), frames_name(frames, l->functions.items[1]));
	}
	return r ? r : strtab_intern(&out->texts, text, strlen(text), &out->label[i]);
}

static int label_stacks(struct stack_labels *labels, const struct profile *profile, uint64_t n)
{
	struct labeling l = {.out = labels};
	struct frames_view view = {.hide = NULL};
	regex_t hide;
	int r = regcomp(&hide, STD_NAMES, REG_EXTENDED | REG_NOSUB) ? -ENOMEM : 0;

	if (r)
		return r;
	view.hide = &hide;
	r = frames_init(&l.all, profile);
	r = frames_init_view(&l.own, profile, &view) ? -ENOMEM : r;
	for (uint64_t i = 0; !r && i < n; i++)
		r = label_stack(&l, i);
	frames_deinit(&l.all);
	frames_deinit(&l.own);
	vec_deinit(&l.functions);
	regfree(&hide);
	return r;
}

int stack_labels_init(struct stack_labels *labels, struct profile *profile,
		      const struct heap_record *record)
{
	size_t n = record->header.n_stacks;
	int r;

	*labels = (struct stack_labels){
		.label = calloc(n + 1, sizeof(*labels->label)),
		.function = calloc(n + 1, sizeof(*labels->function)),
		.stack = calloc(n + 1, sizeof(*labels->stack)),
	};
	if (!labels->label || !labels->function || !labels->stack)
		return -ENOMEM;
	r = add_stacks(labels, profile, record);
	return r ? r : label_stacks(labels, profile, n);
}

void stack_labels_deinit(struct stack_labels *labels)
{
	strtab_deinit(&labels->texts);
	free(labels->label);
	free(labels->function);
	free(labels->stack);
}
