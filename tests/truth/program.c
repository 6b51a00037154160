/* SPDX-License-Identifier: MIT */
/* Allocates the blocks of one mix, prints the true counts, and ends. Run it under the profiler.
 *
 *	program MIX INTERVAL */
#include "mixes.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const struct mix *mix = argc == 3 ? mix_by_name(argv[1]) : NULL;
	size_t interval = argc == 3 ? strtoull(argv[2], NULL, 0) : 0;
	uint64_t random = 88172645463325252u;
	struct truth t = {0};

	if (!mix)
		return 2;
	for (size_t i = 0; i < mix->n_blocks(interval); i++) {
		size_t size = mix->size(i, interval, mix_random(&random));
		void *volatile p = malloc(size);

		truth_add(&t, size, interval, mix_is_freed(i));
		if (mix_is_freed(i))
			free(p);
	}
	truth_print(&t, stderr);
	return 0;
}
