/* SPDX-License-Identifier: MIT */
/* A sampler decides which allocations of a thread are recorded. Every allocated byte has the same
 * small chance of being marked, and an allocation is recorded if it contains a marked byte;
 * sampler.c has the mathematics. It uses integers only, because the floating-point flags and traps
 * belong to the host. Any thread that owns `s`; signal-safe: yes; may allocate: no. Takes no
 * lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct hp_sampler { /* one per thread */
	uint64_t rng[4];
	uint64_t interval; /* R, the mean number of bytes between two marks; 1: record everything */
};

/* Makes a sampler ready. Different seeds give independent sequences. */
void hp_sampler_init(struct hp_sampler *s, uint64_t interval, uint64_t seed);

/* Returns the number of bytes up to the next marked byte, which is counted too: at least 1. */
uint64_t hp_sampler_next_gap(struct hp_sampler *s);

/* Returns how many bytes one recorded allocation of `size` bytes represents: size / (1 - exp(-size
 * / R)), with an error of at most 1 part in 2^20 and a byte. If the interval is 1, that is
 * `size`. */
uint64_t hp_sampler_weight_bytes(uint64_t size, uint64_t interval);

/* Returns the class in which a recorded size is counted. The ends of classes are a factor of
 * 2^(1/16) apart, so using the mean size of a record misestimates it by less than 0.05 %. If the
 * interval is 1, nothing is estimated, and the class is always 0. */
uint32_t hp_sampler_size_class(uint64_t size, uint64_t interval);
