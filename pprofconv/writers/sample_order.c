/* SPDX-License-Identifier: MIT */
#include "writers/sample_order.h"

#include <errno.h>

static int compare(const void *left, const void *right)
{
	const struct sample_order_item *a = left, *b = right;

	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return a->sample < b->sample ? -1 : a->sample > b->sample;
}

int sample_order_make(const struct profile *profile, size_t value, sample_order *order)
{
	if (vec_reserve(order, profile->samples.n) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < profile->samples.n; i++) {
		int64_t held = profile_values(profile, i)[value];

		order->items[order->n++] = (struct sample_order_item){
			.size = held < 0 ? -(uint64_t)held : (uint64_t)held,
			.sample = i,
		};
	}
	if (order->n)
		qsort(order->items, order->n, sizeof(*order->items), compare);
	return 0;
}
