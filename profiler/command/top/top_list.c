/* SPDX-License-Identifier: MIT */
/* Rows are summed from all records for each list, marked where they changed by more than the error,
 * and sorted. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/statistics.h"
#include "command/top/top_values.h"

/* --- sums ---------------------------------------------------------------------------------- */

struct listing { /* rows that are being made */
	const struct top_model *model;
	const struct top_choice *choice;
	top_row_vec *rows;
	uint32_t *row_of; /* by function or chain: its row, or PROFILE_NONE */
	size_t n_row_of;
};

static int listing_init(struct listing *listing, const struct top_model *model,
			const struct top_choice *choice, top_row_vec *rows)
{
	size_t n = model->names.functions.n > model->names.chains.items.n
			   ? model->names.functions.n
			   : model->names.chains.items.n;

	*listing = (struct listing){.model = model, .choice = choice, .rows = rows};
	listing->n_row_of = n + 1; /* the last: no function */
	listing->row_of = malloc(listing->n_row_of * sizeof(uint32_t));
	if (!listing->row_of)
		return -ENOMEM;
	memset(listing->row_of, 0xff, listing->n_row_of * sizeof(uint32_t));
	return 0;
}

/* Adds a record to a row, which is made from `row` if there is none yet. */
static int add_to_row(struct listing *listing, const struct top_record *record, struct top_row row)
{
	uint32_t key = row.kind == TOP_FUNCTION ? row.function : row.chain;
	uint32_t *number = &listing->row_of[key == PROFILE_NONE ? listing->n_row_of - 1 : key];

	if (*number == PROFILE_NONE) {
		*number = (uint32_t)listing->rows->n;
		top_values_begin(listing->model, &row.values);
		if (vec_push(listing->rows, row))
			return -ENOMEM;
	}
	top_values_add(listing->model, &listing->rows->items[*number].values, record);
	return 0;
}

static int add_to_function(struct listing *listing, const struct top_record *record,
			   uint32_t function)
{
	return add_to_row(listing, record,
			  (struct top_row){.function = function, .chain = PROFILE_NONE});
}

/* Returns whether a function comes a second time in its chain. */
static bool is_repeated(const uint32_t *functions, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (functions[i] == functions[at])
			return true;
	return false;
}

static int add_to_functions(struct listing *listing, const struct top_record *record)
{
	size_t n;
	const uint32_t *functions =
		top_chain_functions(&listing->model->names,
				    top_record_chain(listing->model, listing->choice, record), &n);
	int r = 0;

	if (!n)
		return add_to_function(listing, record, PROFILE_NONE);
	for (size_t i = 0; !r && i < (listing->choice->cumulative ? n : 1); i++)
		if (!is_repeated(functions, i))
			r = add_to_function(listing, record, functions[i]);
	return r;
}

static int add_to_stack(struct listing *listing, const struct top_record *record, uint32_t function)
{
	return add_to_row(
		listing, record,
		(struct top_row){
			.kind = TOP_STACK,
			.function = function,
			.chain = top_record_chain(listing->model, listing->choice, record),
		});
}

/* --- which of them grew -------------------------------------------------------------------- */

static bool has_samples(const struct top_values *values)
{
	return values->change.base.n > 0 || values->change.new.n > 0 ||
	       values->change.base.value != 0 || values->change.new.value != 0;
}

/* Returns the probability that chance shows such a change, as `pprofconv diff` does. */
static double two_sided(const struct top_values *values)
{
	double p;

	if (estimated_change_difference(&values->change) == 0)
		return 1;
	p = estimated_change_p_value(&values->change, 1 /* factor */, 0 /* limit */);
	return fmin(1, 2 * fmin(p, 1 - p));
}

static int mark_tested(struct top_row *rows, size_t n, double *p, double *adjusted)
{
	size_t n_tested = 0, at = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		if (has_samples(&rows[i].values))
			p[n_tested++] = two_sided(&rows[i].values);
	r = statistics_benjamini_hochberg(p, n_tested, adjusted);
	for (size_t i = 0; !r && i < n; i++)
		if (has_samples(&rows[i].values))
			rows[i].is_beyond_error = adjusted[at++] < 1 - TOP_CONFIDENCE;
	return r;
}

/* Marks the rows that changed by more than the sampling error. Of many rows some would do so by
 * chance, so the probabilities are adjusted for their number. */
static int mark_rows(struct top_row *rows, size_t n)
{
	double *p = calloc(2 * n + 1, sizeof(*p));
	int r = p ? mark_tested(rows, n, p, p + n) : -ENOMEM;

	free(p);
	return r;
}

/* --- order --------------------------------------------------------------------------------- */

static double order_value(const struct top_row *row, enum top_order order)
{
	double growth = estimated_change_difference(&row->values.change);

	switch (order) {
	case TOP_BY_GROWTH:
		return row->is_beyond_error && growth > 0 ? growth : 0;
	case TOP_BY_RATE:
		return row->values.rate;
	case TOP_BY_INUSE:
		break;
	}
	return row->values.change.new.value;
}

struct ordering {
	const struct top_names *names;
	enum top_order order;
};

static const char *first_name(const struct top_names *names, const struct top_row *row)
{
	size_t n = 0;
	const uint32_t *functions =
		row->chain == PROFILE_NONE ? NULL : top_chain_functions(names, row->chain, &n);
	uint32_t function = n ? functions[0] : row->function;

	return function == PROFILE_NONE ? PROFILE_NO_STACK : top_function_name(names, function);
}

static int compare_rows(const void *left, const void *right, void *context)
{
	const struct top_row *a = left, *b = right;
	const struct ordering *ordering = context;
	double difference = order_value(b, ordering->order) - order_value(a, ordering->order);
	int order;

	if (difference == 0)
		difference = b->values.change.new.value - a->values.change.new.value;
	if (difference == 0)
		difference = b->values.rate - a->values.rate;
	if (difference != 0)
		return difference > 0 ? 1 : -1;
	order = strcmp(first_name(ordering->names, a), first_name(ordering->names, b));
	if (order)
		return order;
	return a->chain == b->chain ? (a->function > b->function) - (a->function < b->function)
				    : (a->chain > b->chain) - (a->chain < b->chain);
}

static int finish_rows(const struct top_model *model, const struct top_choice *choice,
		       struct top_row *rows, size_t n)
{
	struct ordering ordering = {&model->names, choice->order};
	int r = mark_rows(rows, n);

	if (n)
		qsort_r(rows, n, sizeof(*rows), compare_rows, &ordering);
	return r;
}

/* --- the list ------------------------------------------------------------------------------ */

static bool function_matches(const struct top_model *model, const regex_t *filter,
			     uint32_t function)
{
	if (function == PROFILE_NONE)
		return regexec(filter, PROFILE_NO_STACK, 0, NULL, 0) == 0;
	return regexec(filter, top_function_name(&model->names, function), 0, NULL, 0) == 0 ||
	       regexec(filter, top_function_file(&model->names, function), 0, NULL, 0) == 0;
}

static bool is_wanted(const struct top_model *model, const struct top_choice *choice,
		      const struct top_row *row)
{
	const uint32_t *functions;
	size_t n;

	if (!choice->filter)
		return true;
	if (row->kind == TOP_FUNCTION)
		return function_matches(model, choice->filter, row->function);
	functions = top_chain_functions(&model->names, row->chain, &n);
	for (size_t i = 0; i < n; i++)
		if (function_matches(model, choice->filter, functions[i]))
			return true;
	return false;
}

static bool is_empty(const struct top_row *row)
{
	const struct top_values *values = &row->values;

	return values->change.new.value == 0 && values->change.base.value == 0 && values->rate == 0;
}

/* Sums all records, by function or by stack. */
static int sum_records(struct top_model *model, const struct top_choice *choice, top_row_vec *rows)
{
	struct listing listing;
	int r = listing_init(&listing, model, choice, rows);

	top_values_begin(model, &model->total);
	for (size_t i = 0; !r && i < model->records.n; i++) {
		const struct top_record *record = &model->records.items[i];

		top_values_add(model, &model->total, record);
		r = choice->stacks ? add_to_stack(&listing, record, PROFILE_NONE)
				   : add_to_functions(&listing, record);
	}
	free(listing.row_of);
	model->is_total_beyond_error = two_sided(&model->total) < 1 - TOP_CONFIDENCE;
	return r ? r : finish_rows(model, choice, rows->items, rows->n);
}

static int push_frames(struct top_model *model, const struct top_row *stack)
{
	size_t n;
	const uint32_t *functions = top_chain_functions(&model->names, stack->chain, &n);
	int r = 0;

	for (uint32_t i = 0; !r && i < n; i++)
		r = vec_push(&model->rows, (struct top_row){
						   .kind = TOP_FRAME,
						   .function = functions[i],
						   .chain = stack->chain,
						   .frame = i,
					   });
	return r;
}

static bool is_open(const struct top_model *model, const struct top_row *row)
{
	vec_foreach (open, &model->open)
		if (top_row_is_same(open, row))
			return true;
	return false;
}

static int push_stack(struct top_model *model, struct top_row row)
{
	int r;

	row.is_open = is_open(model, &row);
	r = vec_push(&model->rows, row);
	return r || !row.is_open ? r : push_frames(model, &row);
}

/* Sums the records of a function, by stack. */
static int sum_stacks(const struct top_model *model, const struct top_choice *choice,
		      uint32_t function, top_row_vec *rows)
{
	struct listing listing;
	int r = listing_init(&listing, model, choice, rows);

	for (size_t i = 0; !r && i < model->records.n; i++)
		if (top_record_is_of(model, choice, &model->records.items[i], function))
			r = add_to_stack(&listing, &model->records.items[i], function);
	free(listing.row_of);
	return r ? r : finish_rows(model, choice, rows->items, rows->n);
}

/* Lists the stacks of a function. */
static int push_stacks(struct top_model *model, const struct top_choice *choice, uint32_t function)
{
	top_row_vec rows = {0};
	int r = sum_stacks(model, choice, function, &rows);

	for (size_t i = 0; !r && i < rows.n; i++)
		if (!is_empty(&rows.items[i]))
			r = push_stack(model, rows.items[i]);
	vec_deinit(&rows);
	return r;
}

static int push_function(struct top_model *model, const struct top_choice *choice,
			 struct top_row row)
{
	int r;

	row.is_open = is_open(model, &row);
	r = vec_push(&model->rows, row);
	return r || !row.is_open ? r : push_stacks(model, choice, row.function);
}

int top_model_list(struct top_model *model, const struct top_choice *choice)
{
	top_row_vec rows = {0};
	int r = sum_records(model, choice, &rows);

	model->rows.n = 0;
	for (size_t i = 0; !r && i < rows.n; i++) {
		if (is_empty(&rows.items[i]) || !is_wanted(model, choice, &rows.items[i]))
			continue;
		r = choice->stacks ? push_stack(model, rows.items[i])
				   : push_function(model, choice, rows.items[i]);
	}
	vec_deinit(&rows);
	return r;
}

/* --- stacks that grew ---------------------------------------------------------------------- */

static int compare_growth(const void *left, const void *right)
{
	const struct top_row *a = left, *b = right;
	double growth_a = estimated_change_difference(&a->values.change);
	double growth_b = estimated_change_difference(&b->values.change);

	if (growth_a != growth_b)
		return growth_a < growth_b ? 1 : -1;
	return (a->chain > b->chain) - (a->chain < b->chain);
}

int top_model_grown_stacks(const struct top_model *model, const struct top_choice *choice,
			   uint32_t function, top_row_vec *out)
{
	top_row_vec rows = {0};
	int r = sum_stacks(model, choice, function, &rows);

	if (!r && rows.n)
		qsort(rows.items, rows.n, sizeof(*rows.items), compare_growth);
	for (size_t i = 0; !r && i < rows.n; i++)
		if (estimated_change_difference(&rows.items[i].values.change) > 0 &&
		    (i == 0 || rows.items[i].is_beyond_error))
			r = vec_push(out, rows.items[i]);
	vec_deinit(&rows);
	return r;
}

bool top_row_is_same(const struct top_row *a, const struct top_row *b)
{
	return a->kind == b->kind && a->function == b->function && a->chain == b->chain &&
	       a->frame == b->frame;
}

int top_model_toggle(struct top_model *model, const struct top_row *row)
{
	if (row->kind == TOP_FRAME)
		return 0;
	for (size_t i = 0; i < model->open.n; i++)
		if (top_row_is_same(&model->open.items[i], row)) {
			model->open.items[i] = model->open.items[--model->open.n];
			return 0;
		}
	return vec_push(&model->open, *row);
}
