/* SPDX-License-Identifier: MIT */
/* The model of `heapprof top`: the records of a process over several readings, and rows of
 * functions or stacks with their values. A mark is the reading that growth is counted from. */
#pragma once
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "analysis/estimated_change.h"
#include "base/number_map.h"
#include "command/top/top_names.h"
#include "command/top/top_words.h"
#include "model/profile.h"

#define TOP_CONFIDENCE 0.95

enum {
	TOP_WINDOW = 8, /* readings over which the rate of allocation is a mean */
};

/* A record is the counts of one stack and size class. */
struct top_record {
	uint32_t stack;                    /* number in names->stacks */
	double size;                       /* mean block size; 0: not known */
	struct estimate base, new, shared; /* bytes in use: see struct estimated_change */
	double blocks_base, blocks;        /* in use */
	double allocated[TOP_WINDOW];      /* bytes ever allocated, at the last readings */
	float points[TOP_POINTS];          /* bytes in use since the mark, at times of the model */
};

struct top_values { /* sums over records */
	struct estimated_change change;
	double blocks_base, blocks;
	double rate; /* allocated bytes per second */
};

enum top_kind {
	TOP_FUNCTION,
	TOP_STACK, /* of a function, or of its own */
	TOP_FRAME, /* a function of a stack */
};

/* A line of the list. */
struct top_row {
	enum top_kind kind;
	uint32_t function; /* PROFILE_NONE: no function: stacks of their own, or no visible frame */
	uint32_t chain;    /* of TOP_STACK and TOP_FRAME; otherwise PROFILE_NONE */
	uint32_t frame;    /* its number in the chain, of TOP_FRAME */
	struct top_values values;
	bool is_beyond_error; /* it grew, or shrank, by more than the sampling error */
	bool is_open;
};

enum top_order {
	TOP_BY_GROWTH, /* growth beyond the error first, then by bytes in use */
	TOP_BY_INUSE,
	TOP_BY_RATE,
};

struct top_choice { /* which rows are wanted */
	enum top_order order;
	bool stacks;           /* rows are stacks, not functions */
	bool cumulative;       /* a function has also what the functions have that it called */
	bool hidden;           /* without the functions that --hide hides */
	const regex_t *filter; /* of names and files; NULL: all rows */
};

typedef VEC(struct top_row) top_row_vec;

struct top_model {
	struct top_names names;
	VEC(struct top_record) records;
	struct number_map record_map; /* from a hash of stack and size class */
	struct profile *base, *last;  /* the readings of the mark and of now; may be the same */
	struct top_values total;
	bool is_total_beyond_error;
	size_t n_readings;       /* since recording began, as far as it was watched */
	int64_t recording_nanos; /* when recording began, since the epoch */
	double interval;         /* R in bytes; 1 or less: exact */
	bool began_anew;         /* the last reading is of another recording than the one before */

	/* Times are in seconds, on the caller's clock. */
	double now, mark_time;
	double times[TOP_WINDOW]; /* of allocated[] */
	double point_times[TOP_POINTS];
	size_t n_points, n_since_mark, stride; /* each stride-th reading is a point */

	top_row_vec rows;         /* as top_model_list() left them */
	VEC(struct top_row) open; /* rows whose parts are listed */
};

/* Begins without readings. The settings and the expression must outlive the model. */
void top_model_init(struct top_model *model, const struct settings *settings, const regex_t *hide);
void top_model_deinit(struct top_model *model);

/* Adds a reading, which the model takes. The first one is the mark, and so is the first one of
 * another recording. If the sample interval has risen, the readings between the mark and this one
 * are forgotten. Prints the error; returns the exit status. */
int top_model_add(struct top_model *model, struct profile *reading, double now);

/* Makes the last reading the mark. */
void top_model_mark(struct top_model *model);

/* Lists the rows, with the parts of those that are open. Returns 0 or -ENOMEM. */
int top_model_list(struct top_model *model, const struct top_choice *choice);

/* Opens a row, or closes it; top_model_list() shows it. A frame can't be opened. Returns 0 or
 * -ENOMEM. */
int top_model_toggle(struct top_model *model, const struct top_row *row);

/* Appends the stacks by which a function grew, the one that grew most first. The others are there
 * only if each grew by more than the error. Returns 0 or -ENOMEM. */
int top_model_grown_stacks(const struct top_model *model, const struct top_choice *choice,
			   uint32_t function, top_row_vec *out);

/* Returns whether two rows are about the same function, stack or frame. */
bool top_row_is_same(const struct top_row *a, const struct top_row *b);

/* Sets *out to how a row grew since the mark. `room` is as in struct top_growth. */
void top_model_growth(const struct top_model *model, const struct top_choice *choice,
		      const struct top_row *row, double room, struct top_growth *out);

/* Returns the largest distance of the bounds from the value of bytes in use, and of growth; 0 if
 * these are exact. */
double top_inuse_error(const struct top_values *values);
double top_growth_error(const struct top_values *values);
struct bounds top_inuse_bounds(const struct top_values *values);

static inline bool top_model_is_exact(const struct top_model *model)
{
	return model->interval <= 1;
}
