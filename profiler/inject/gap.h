/* SPDX-License-Identifier: MIT */
/* A gap is a range of addresses in a target at which nothing is mapped. */
#pragma once
#include "target/target.h"

/* Finds a place for a mapping of so many bytes in a gap, as near to the first address as possible
 * and so near to all of them that jumps reach it; without addresses, a high place. A page stays
 * free on either side, since the kernel would merge the mapping with another one of its kind, and
 * nobody could tell whose it is. Returns 0 if there is no such gap. */
uint64_t hp_gap_find(const struct hp_target *t, const uint64_t *addresses, size_t n, size_t size);
