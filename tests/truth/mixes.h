/* SPDX-License-Identifier: MIT */
/* Mixes of block sizes on which the estimates are tested. The simulation and the program use the
 * same mixes. A third of the blocks is freed again. */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct mix {
	const char *name;
	size_t (*n_blocks)(size_t interval);
	size_t (*size)(size_t i, size_t interval, uint64_t random);
};

static inline uint64_t mix_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline bool mix_is_freed(size_t i)
{
	return i % 3 == 0;
}

/* Returns the number of blocks that gives about 30 samples. */
static inline size_t n_of_16_bytes(size_t interval)
{
	return 30 * interval / 16;
}

static inline size_t size_16_bytes(size_t i, size_t interval, uint64_t random)
{
	return 16;
}

static inline size_t n_log_uniform(size_t interval)
{
	return 1000;
}

/* Returns a size from 1 byte to 1 MiB. */
static inline size_t size_log_uniform(size_t i, size_t interval, uint64_t random)
{
	return (size_t)exp2(20.0 * (double)(random >> 11) / 9007199254740992.0);
}

static inline size_t n_small_and_large(size_t interval)
{
	return 100010;
}

static inline size_t size_small_and_large(size_t i, size_t interval, uint64_t random)
{
	return i % 10001 == 5000 ? 10 << 20 : 100;
}

static inline size_t n_of_interval(size_t interval)
{
	return 300;
}

static inline size_t size_interval(size_t i, size_t interval, uint64_t random)
{
	return interval;
}

static const struct mix mixes[] = {
	{"16B", n_of_16_bytes, size_16_bytes},
	{"1B-1M", n_log_uniform, size_log_uniform},
	{"100B+10M", n_small_and_large, size_small_and_large},
	{"R", n_of_interval, size_interval},
};

/* The true counts of a run, and the variances of their estimates. A block of s bytes is sampled
 * with the probability p = 1 - exp(-s/R). Its value v (s or 1) then counts as v/p, whose variance
 * is (1-p)/p v^2. */
struct truth {
	uint64_t inuse_objects, inuse_bytes, alloc_objects, alloc_bytes;
	double inuse_objects_var, inuse_bytes_var, alloc_objects_var, alloc_bytes_var;
};

static inline void truth_add(struct truth *t, size_t size, size_t interval, bool is_freed)
{
	double p = -expm1(-(double)size / (double)interval), var = (1 - p) / p;
	double bytes_var = var * (double)size * (double)size;

	t->alloc_objects++;
	t->alloc_bytes += size;
	t->alloc_objects_var += var;
	t->alloc_bytes_var += bytes_var;
	if (is_freed)
		return;
	t->inuse_objects++;
	t->inuse_bytes += size;
	t->inuse_objects_var += var;
	t->inuse_bytes_var += bytes_var;
}

static inline void truth_print(const struct truth *t, FILE *out)
{
	fprintf(out, "%ju:%g %ju:%g %ju:%g %ju:%g", t->inuse_objects, t->inuse_objects_var,
		t->inuse_bytes, t->inuse_bytes_var, t->alloc_objects, t->alloc_objects_var,
		t->alloc_bytes, t->alloc_bytes_var);
}

static inline const struct mix *mix_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++)
		if (strcmp(mixes[i].name, name) == 0)
			return &mixes[i];
	return NULL;
}
