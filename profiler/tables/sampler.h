/* SPDX-License-Identifier: MIT */
/* A sampler decides which allocations of a thread are recorded. Every allocated byte has the same
 * small chance of being marked, and an allocation is recorded if it contains a marked byte;
 * sampler.c has the mathematics. It uses integers only, because the floating-point flags and traps
 * belong to the host. Any thread that owns `s`; signal-safe: yes; may allocate: no. Takes no
 * lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
	/* Levels are those of the sample intervals 2^0 to 2^HP_LEVEL_MAX, 512 KiB. */
	HP_LEVEL_MAX = 19,
	HP_N_LEVELS
};

struct hp_sampler { /* one per thread */
	uint64_t rng[4];
	uint64_t interval; /* R, the mean number of bytes between two marks; 1: record everything */
	uint64_t rest;     /* how far the last gap was rounded up, in units of 2^-58 bytes */
};

/* Makes a sampler ready. Different seeds give independent sequences. */
void hp_sampler_init(struct hp_sampler *s, uint64_t interval, uint64_t seed);

/* Returns the number of bytes up to the next marked byte, which is counted too: at least 1. */
uint64_t hp_sampler_next_gap(struct hp_sampler *s);

/* Returns the level of a sample, the last one at which it would still be one: at the sample
 * interval 2^L and not at 2^(L + 1). HP_LEVEL_MAX means that one or any later. `gap` is the
 * position of the block's first mark, from 1 to `size`, as the last hp_sampler_next_gap() gave it;
 * without a meaning if the interval is 1. The interval must be a power of two. */
uint32_t hp_sampler_level(struct hp_sampler *s, uint64_t size, uint64_t gap);

/* Returns how many bytes one recorded allocation of `size` bytes represents: size / (1 - exp(-size
 * / R)), with an error of at most 1 part in 2^20 and a byte. If the interval is 1, that is
 * `size`. */
uint64_t hp_sampler_weight_bytes(uint64_t size, uint64_t interval);

/* Returns the class in which a recorded size is counted. The ends of classes are a factor of
 * 2^(1/16) apart, so using the mean size of a record misestimates it by less than 0.05 %. If the
 * interval is 1, nothing is estimated, and the class is always 0. */
uint32_t hp_sampler_size_class(uint64_t size, uint64_t interval);
