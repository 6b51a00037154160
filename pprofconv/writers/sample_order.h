/* SPDX-License-Identifier: MIT */
/* A sample order lists the samples of a profile by the size of one of their values, the largest
 * first. */
#pragma once
#include "base/vec.h"
#include "model/profile.h"

struct sample_order_item {
	uint64_t size; /* the sample's value without its sign */
	uint32_t sample;
};

typedef VEC(struct sample_order_item) sample_order;

/* Appends all samples to *order, by the sample type with the index `value`; equal ones as they are
 * in the profile. Returns 0 or -ENOMEM; the caller frees the vector. */
int sample_order_make(const struct profile *profile, size_t value, sample_order *order);
