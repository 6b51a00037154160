/* SPDX-License-Identifier: MIT */
#include "analysis/gate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/power.h"
#include "analysis/statistics.h"

/* --- text ---------------------------------------------------------------------------------- */

/* number = digits [ "." digits ]. strtod() alone would also accept signs, exponents and hexadecimal
 * numbers. */
static bool take_number(const char **text, double *out)
{
	const char *end = *text + strspn(*text, "0123456789.");
	char *taken;

	*out = strtod(*text, &taken);
	if (end == *text || **text == '.' || taken != end)
		return false;
	*text = end;
	return isfinite(*out);
}

/* limit = number [ unit ] */
static bool parse_limit(struct gate *gate, const char *text)
{
	static const char units[] = "KMG";
	const char *unit;

	if (!take_number(&text, &gate->limit))
		return false;
	if (*text == '\0')
		return gate->limit < 0x1p63;
	gate->is_percent = *text == '%';
	unit = strchr(units, *text & ~0x20);
	if (gate->is_percent)
		gate->limit /= 100;
	else if (unit && *unit)
		gate->limit = ldexp(gate->limit, 10 * (int)(unit - units + 1));
	else
		return false;
	if (gate->limit >= 0x1p63) /* more than any value can be */
		return false;
	return text[1] == '\0';
}

int gate_parse(struct gate *gate, const char *text, bool per_function, struct diag *diag)
{
	const char *equals = strchr(text, '=');
	size_t size = equals ? (size_t)(equals - text) : 0;

	*gate = (struct gate){.text = text, .per_function = per_function, .each = "function"};
	if (size == 0 || size >= sizeof(gate->type) || !parse_limit(gate, equals + 1))
		return diag_error(diag, GATE_E_SYNTAX,
				  "invalid limit '%s'; expected TYPE=LIMIT, "
				  "such as inuse_space=2%% or inuse_space=10M",
				  text);
	memcpy(gate->type, text, size);
	return 0;
}

/* --- verdict ------------------------------------------------------------------------------- */

struct tests {
	VEC(uint32_t) rows;
	VEC(double) p;
	VEC(double) adjusted;
};

double gate_factor(const struct gate *gate)
{
	return gate->is_percent ? 1 + gate->limit : 1;
}

double gate_limit(const struct gate *gate)
{
	return gate->is_percent ? 0 : gate->limit;
}

static double p_value(const struct gate *gate, const struct estimated_change *change,
		      const struct gate_options *options)
{
	double factor = gate_factor(gate), limit = gate_limit(gate);

	if (options->is_strict)
		return estimated_change_excess(change, factor, limit) > 0 ? 0 : 1;
	return estimated_change_p_value(change, factor, limit);
}

static int add_test(struct tests *tests, struct gate_result *result, uint32_t row,
		    const struct diff_measure *measure, const struct gate_options *options)
{
	struct estimated_change change = diff_change(result->diff, measure);
	double p = 1;
	int r;

	if (options->is_strict || estimated_change_has_enough(&change))
		p = p_value(result->gate, &change, options);
	else
		result->n_too_few++;
	r = vec_push(&tests->rows, row);
	return r ? r : vec_push(&tests->p, p);
}

static int add_tests(struct tests *tests, struct gate_result *result,
		     const struct gate_options *options)
{
	const struct diff *diff = result->diff;
	int r = 0;

	if (!result->gate->per_function)
		return add_test(tests, result, PROFILE_NONE, &diff->total, options);
	for (uint32_t i = 0; !r && i < diff->rows.n; i++)
		if (diff_has_samples(&diff->rows.items[i].flat))
			r = add_test(tests, result, i, &diff->rows.items[i].flat, options);
	return r;
}

static int note_failures(const struct tests *tests, struct gate_result *result,
			 const struct gate_options *options)
{
	int r = 0;

	result->n_tests = tests->p.n;
	for (size_t i = 0; !r && i < tests->p.n; i++)
		if (tests->adjusted.items[i] < 1 - options->confidence)
			r = vec_push(&result->failures,
				     (struct gate_failure){tests->rows.items[i],
							   tests->adjusted.items[i]});
	return r;
}

/* --- power --------------------------------------------------------------------------------- */

#define FINER 8 /* at an eighth of the interval, growth of about a third of the size is found */

/* Returns the function in which growth is hardest to find: with `by_limit` the one with the largest
 * base, since a limit in percent is largest there, otherwise the one with the largest error. For a
 * gate on the total, returns the total. */
static const struct diff_measure *find_hardest(const struct gate_result *result, bool by_limit)
{
	const struct diff *diff = result->diff;
	const struct diff_measure *hardest = NULL;
	double most = -INFINITY;

	if (!result->gate->per_function)
		return &diff->total;
	vec_foreach (row, &diff->rows) {
		struct estimated_change change = diff_change(diff, &row->flat);
		double hard =
			by_limit ? change.base.value : change.base.variance + change.new.variance;

		if (!diff_has_samples(&row->flat) || hard <= most)
			continue;
		most = hard;
		hardest = &row->flat;
	}
	return hardest;
}

static double growth_seen(const struct gate_result *result, const struct gate_options *options,
			  double part)
{
	struct power_test test = {
		.factor = gate_factor(result->gate),
		.limit = gate_limit(result->gate),
		.level = (1 - options->confidence) / (double)result->n_tests,
	};
	double growth = 0;

	for (int by_limit = 0; by_limit < 2; by_limit++) {
		struct estimated_change change =
			diff_change(result->diff, find_hardest(result, by_limit));

		growth = fmax(growth, power_growth(&change, &test, part));
	}
	return growth;
}

/* Returns whether the error of either side comes from sampling. If only the spread among runs hides
 * growth, another interval changes nothing. */
static bool has_samples_alone(const struct diff *diff)
{
	struct estimated_change change = diff_change(diff, &diff->total);

	return isinf(change.base_freedom) || isinf(change.new_freedom);
}

static void judge_power(struct gate_result *result, const struct gate_options *options)
{
	const struct diff *diff = result->diff;
	double interval = fmax(diff->interval[DIFF_BASE], diff->interval[DIFF_NEW]);
	struct estimated_change total = diff_change(diff, &diff->total);

	if (result->failures.n || options->is_strict || !result->n_tests ||
	    estimated_change_is_exact(&total))
		return;
	result->has_power = true;
	result->power.growth = growth_seen(result, options, 1);
	if (interval <= 1 || !has_samples_alone(diff))
		return;
	result->power.fine_interval = fmax(1, floor(interval / FINER));
	result->power.fine_growth =
		growth_seen(result, options, result->power.fine_interval / interval);
}

int gate_judge(struct gate_result *result, const struct gate *gate, const struct diff *diff,
	       const struct gate_options *options)
{
	struct tests tests = {0};
	int r;

	*result = (struct gate_result){.gate = gate, .diff = diff};
	r = add_tests(&tests, result, options);
	if (!r)
		r = vec_reserve(&tests.adjusted, tests.p.n);
	if (!r)
		r = statistics_holm(tests.p.items, tests.p.n, tests.adjusted.items);
	if (!r)
		r = note_failures(&tests, result, options);
	if (!r)
		judge_power(result, options);
	vec_deinit(&tests.rows);
	vec_deinit(&tests.p);
	vec_deinit(&tests.adjusted);
	return r;
}

void gate_result_deinit(struct gate_result *result)
{
	vec_deinit(&result->failures);
}
