/* SPDX-License-Identifier: MIT */
/* Drives the real sampler, recorder and tables over many seeds, with made-up addresses instead of
 * blocks. Prints a line per run: the true counts, then the raw counts of each record. scripts/truth
 * judges them.
 *
 *	simulate MIX INTERVAL FIRST-SEED N-SEEDS */
#include "mixes.h"
#include "record/recorder.h"
#include "tables/stacks_copy.h"
#include "unwind/frame_rule.h"
#include <stdio.h>
#include <stdlib.h>

static void ignore(void)
{
}

static __attribute__((noinline)) void allocate(void *p, size_t size)
{
	struct hp_site site = HP_SITE_OF_CALLER();

	if (hp_recorder_count(size))
		hp_recorder_allocated(p, size, &site);
}

static void release(void *p)
{
	if (hp_recorder_may_know(p))
		hp_recorder_freeing(p);
}

static struct truth run(const struct mix *mix, size_t interval)
{
	struct truth t = {0};
	uint64_t random = 88172645463325252u;
	uintptr_t address = UINT64_C(1) << 40;

	for (size_t i = 0; i < mix->n_blocks(interval); i++) {
		size_t size = mix->size(i, interval, mix_random(&random));
		void *p = (void *)address;

		address += (size + 31) & ~(size_t)15;
		allocate(p, size);
		truth_add(&t, size, interval, mix_is_freed(i));
		if (mix_is_freed(i))
			release(p);
	}
	return t;
}

static void print(const struct truth *t)
{
	struct hp_stacks_copy copy;

	truth_print(t, stdout);
	if (!hp_stacks_copy(&copy))
		exit(1);
	for (size_t i = 0; i < copy.n_entries; i++) {
		const struct hp_counts *c = &copy.entries[i].counts;

		printf(" %ju:%ju:%ju:%ju", c->alloc_objects - c->free_objects,
		       c->alloc_bytes - c->free_bytes, c->alloc_objects, c->alloc_bytes);
	}
	printf("\n");
	hp_stacks_release(&copy);
}

int main(int argc, char **argv)
{
	const struct mix *mix = argc == 5 ? mix_by_name(argv[1]) : NULL;
	struct hp_options options = {.stack_depth = 64, .memory_limit = 1 << 28};

	if (!mix) {
		fprintf(stderr, "usage: simulate MIX INTERVAL FIRST-SEED N-SEEDS\n");
		return 2;
	}
	options.sample_interval = strtoull(argv[2], NULL, 0);
	hp_recorder_on_report = ignore;
	hp_thread_init();
	if (!hp_frame_rule_init(true))
		return 1;
	for (uint64_t i = 0; i < strtoull(argv[4], NULL, 0); i++) {
		/* Consecutive seeds are mixed, so that they are as far apart as those of
		 * getrandom(). */
		options.seed = (strtoull(argv[3], NULL, 0) + i) * 0xd1342543de82ef95u;
		hp_recorder_start(&options);
		struct truth t = run(mix, options.sample_interval);

		print(&t);
		hp_recorder_stop(true /* may free */);
	}
	return 0;
}
