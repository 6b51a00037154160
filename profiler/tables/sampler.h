/* SPDX-License-Identifier: MIT */
/* A sampler decides which allocations of a thread are recorded. Every allocated byte has the same
 * small chance of being marked, and an allocation is recorded if it covers a marked byte; see
 * sampler.c for what follows. It uses integers only: the host's floating-point flags and traps are
 * its own. Any thread that owns `s`; signal-safe: yes; may allocate: no. Takes no lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct hp_sampler { /* one per thread */
	uint64_t rng[4];
	uint64_t interval; /* R: mean number of bytes between two marks; 1: record everything */
};

/* Makes a sampler ready. Different seeds give independent sequences. */
void hp_sampler_init(struct hp_sampler *s, uint64_t interval, uint64_t seed);

/* Returns the number of bytes from here to the next marked byte, itself included: at least 1. */
uint64_t hp_sampler_next_gap(struct hp_sampler *s);

/* Returns how many bytes one recorded allocation of `size` bytes represents:
 * size / (1 - exp(-size / R)), within 1 part in 2^20 and a byte. For interval 1 it is `size`. */
uint64_t hp_sampler_weight_bytes(uint64_t size, uint64_t interval);

/* Returns the class in which a recorded size is counted. Classes are 2^(1/16) apart, so that the
 * mean size of a record misestimates it by less than 0.05 %. 0 for interval 1, where nothing is
 * estimated. */
uint32_t hp_sampler_size_class(uint64_t size, uint64_t interval);
