/* SPDX-License-Identifier: MIT */
/* Drives the real sampler, recorder and tables with an automatic sample interval over many seeds,
 * with made-up addresses instead of blocks. At checkpoints, and just before and after each doubling
 * of the interval, prints a line for each of two stacks, one of which is rare:
 *
 *	WHEN BLOCKS LEVEL STACK INTERVAL (TRUTH:ESTIMATE:VARIANCE:SKEWNESS:SAMPLES){4}
 *
 * with the number of blocks so far and the quantities objects in use, bytes in use, objects
 * allocated, bytes allocated. A line "end" follows each seed. scripts/auto-truth judges them.
 *
 * Several threads are simulated in one: each has a copy of the words in thread-local storage. The
 * last of them allocates one block in a hundred, so it is always late.
 *
 *	simulate_auto MIX N-THREADS FORKS FIRST-SEED N-SEEDS [LEVEL AFTER BEFORE]
 *
 * With a LEVEL the interval is always that of the level: what it prints at the checkpoints shows
 * how good estimates are then. It prints more lines when it has made AFTER and BEFORE blocks, as if
 * the interval had just reached the level there, and were about to leave it. */
#include "mixes.h"
#include "record/recorder.h"
#include "tables/stacks_copy.h"
#include "unwind/frame_rule.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
	THREADS_MAX = 8,
	N_CHECKPOINTS = 6,
	RARE = 50,         /* one block in so many has the rare stack */
	N_SITES = 1 << 13, /* how many common stacks a mix with many has */
	N_QUANTITIES = 4
};

static size_t size_of_tiny(uint64_t random)
{
	return 1 + random % 4;
}

static size_t size_of_16_bytes(uint64_t random)
{
	return 16;
}

static size_t size_of_any(uint64_t random)
{
	return (size_t)exp2(20.0 * (double)(random >> 11) / 9007199254740992.0);
}

static size_t size_of_small(uint64_t random)
{
	return (size_t)exp2(12.0 * (double)(random >> 11) / 9007199254740992.0);
}

static size_t size_of_small_and_large(uint64_t random)
{
	return random % 10000 == 0 ? 10 << 20 : 100;
}

static const struct {
	const char *name;
	size_t n_blocks;
	size_t (*size)(uint64_t random);
	bool has_many_stacks; /* so many that most samples have a new one */
} auto_mixes[] = {
	{"1-4B", 150000, size_of_tiny, false},
	{"16B", 150000, size_of_16_bytes, false},
	{"1B-1M", 100000, size_of_any, false},
	{"100B+10M", 150000, size_of_small_and_large, false},
	{"stacks", 40000, size_of_small, true},
};

struct sums {
	uint64_t inuse_objects, inuse_bytes, alloc_objects, alloc_bytes;
};

static struct sums truth[2]; /* of the common and the rare stack */
static uint64_t rare_frame;
static uintptr_t sites;      /* made-up addresses of code that calls malloc */
static size_t n_made;        /* blocks so far */
static uint32_t fixed_level; /* of a simulation whose interval is not automatic; else 0 */
static size_t fixed_after, fixed_before;

/* --- threads --------------------------------------------------------------------------------- */

static struct hp_tls saved[THREADS_MAX];
static size_t n_threads, current;

static void switch_to(size_t thread)
{
	saved[current] = hp_tls;
	current = thread;
	hp_tls = saved[current];
}

static void begin_threads(void)
{
	memset(saved, 0, sizeof(saved));
	memset(&hp_tls, 0, sizeof(hp_tls));
	current = 0;
}

static void switch_at_random(uint64_t random)
{
	bool is_late = random % 100 == 0;

	if (n_threads > 1)
		switch_to(is_late ? n_threads - 1 : random % (n_threads - 1));
}

/* What a fork child does when no other thread was in the tables. */
static void become_a_child(void)
{
	hp_session_after_fork(true);
	hp_thread_after_fork(hp_session_number());
	hp_live_after_fork();
	hp_stacks_after_fork();
	hp_recorder_after_fork(true);
	hp_trigger_after_fork();
	n_threads = 1;
	for (int i = 0; i < 2; i++) {
		truth[i].alloc_objects = truth[i].inuse_objects;
		truth[i].alloc_bytes = truth[i].inuse_bytes;
	}
}

/* --- estimates ------------------------------------------------------------------------------- */

struct estimate {
	double total, variance, third;
	uint64_t n_samples;
};

/* Adds a record of n samples. A block of s bytes is sampled with p = 1 - exp(-s/R), or always where
 * R = 1, and counts for v/p, where v is s or 1. */
static void add_record(struct estimate *e, uint64_t n, uint64_t bytes, uint64_t interval,
		       bool of_bytes)
{
	double size = n > 0 ? (double)bytes / (double)n : 0;
	double p = interval == 1 ? 1 : -expm1(-size / (double)interval), v = of_bytes ? size : 1;

	if (n == 0 || p <= 0)
		return;
	e->total += (double)n * v / p;
	e->variance += (double)n * (1 - p) / (p * p) * v * v;
	e->third += (double)n * (1 - p) * (1 - 2 * p) / (p * p * p) * v * v * v;
	e->n_samples += n;
}

static void add_entry(struct estimate e[N_QUANTITIES], const struct hp_counts *c, uint64_t interval)
{
	for (int i = 0; i < N_QUANTITIES; i++) {
		uint64_t n = c->alloc_objects - (i < 2 ? c->free_objects : 0);
		uint64_t bytes = c->alloc_bytes - (i < 2 ? c->free_bytes : 0);

		add_record(&e[i], n, bytes, interval, i % 2);
	}
}

static void print_stack(const char *when, uint32_t level, int stack,
			const struct estimate e[N_QUANTITIES])
{
	const struct sums *t = &truth[stack];
	uint64_t values[N_QUANTITIES] = {t->inuse_objects, t->inuse_bytes, t->alloc_objects,
					 t->alloc_bytes};

	printf("%s %zu %u %s %ju", when, n_made, level, stack ? "rare" : "common",
	       (uintmax_t)1 << level);
	for (int i = 0; i < N_QUANTITIES; i++)
		printf(" %ju:%.17g:%.17g:%.17g:%ju", values[i], e[i].total, e[i].variance,
		       e[i].variance > 0 ? e[i].third / e[i].variance : 0, e[i].n_samples);
	printf("\n");
}

/* Prints what a dump of this level would show, of a copy of all records. */
static void print_copy(const struct hp_stacks_copy *copy, const char *when, uint32_t level)
{
	struct estimate e[2][N_QUANTITIES] = {0};

	for (size_t i = 0; i < copy->n_entries; i++) {
		const struct hp_stacks_copy_entry *entry = &copy->entries[i];

		if (fixed_level || hp_stacks_key_level(entry->key) >= level)
			add_entry(e[entry->frames[0] == rare_frame], &entry->counts,
				  UINT64_C(1) << level);
	}
	for (int i = 0; i < 2; i++)
		print_stack(when, level, i, e[i]);
}

static void copy_records(struct hp_stacks_copy *copy)
{
	if (!hp_stacks_copy(copy))
		exit(1);
}

static void print_now(const char *when)
{
	struct hp_stacks_copy copy;

	copy_records(&copy);
	print_copy(&copy, when, fixed_level ? fixed_level : hp_level_now());
	hp_stacks_release(&copy);
}

/* The records of the old level show what a dump just before the doubling would have shown, as long
 * as no sweep has begun. */
static void print_doubling(uint32_t before, uint32_t after)
{
	struct hp_stacks_copy copy;

	copy_records(&copy);
	print_copy(&copy, "before", before);
	print_copy(&copy, "after", after);
	hp_stacks_release(&copy);
}

/* --- runs ------------------------------------------------------------------------------------ */

static __attribute__((noinline)) void allocate(void *p, size_t size, uintptr_t pc)
{
	struct hp_site site = HP_SITE_OF_CALLER();

	if (pc)
		site.pc = pc;
	if (hp_recorder_count(size))
		hp_recorder_allocated(p, size, &site);
}

static __attribute__((noinline)) void allocate_rare(void *p, size_t size)
{
	allocate(p, size, 0 /* the caller's */);
	__asm__ volatile(""); /* no tail call */
}

static void release(void *p)
{
	if (hp_recorder_may_know(p))
		hp_recorder_freeing(p);
}

static void do_block(uintptr_t address, size_t size, bool is_rare, bool is_freed, uintptr_t pc)
{
	struct sums *t = &truth[is_rare];

	t->alloc_objects++;
	t->alloc_bytes += size;
	t->inuse_objects++;
	t->inuse_bytes += size;
	if (is_rare)
		allocate_rare((void *)address, size);
	else
		allocate((void *)address, size, pc);
	if (!is_freed)
		return;
	release((void *)address);
	t->inuse_objects--;
	t->inuse_bytes -= size;
}

static uint32_t printed_level; /* the level at the last look for a doubling */

void __real_hp_level_sweep(hp_live_drop *drop);
void __wrap_hp_level_sweep(hp_live_drop *drop);

/* The recorder calls this in place of hp_level_sweep(), after each sample. */
void __wrap_hp_level_sweep(hp_live_drop *drop)
{
	uint32_t level = printed_level;

	printed_level = hp_level_now();
	if (printed_level > level)
		print_doubling(level, printed_level);
	__real_hp_level_sweep(drop);
}

static void run(size_t mix, bool forks)
{
	uintptr_t address = UINT64_C(1) << 40;
	uint64_t random = 88172645463325252u;
	size_t n = auto_mixes[mix].n_blocks;

	memset(truth, 0, sizeof(truth));
	printed_level = 0;
	for (size_t i = 1; i <= n; i++) {
		size_t size = auto_mixes[mix].size(mix_random(&random));
		uintptr_t pc =
			auto_mixes[mix].has_many_stacks ? sites + mix_random(&random) % N_SITES : 0;

		if (forks && i == n / 3)
			become_a_child();
		switch_at_random(mix_random(&random));
		n_made = i;
		do_block(address, size, i % RARE == 0, i % 3 == 0, pc);
		address += (size + 31) & ~(size_t)15;
		if (i % (n / N_CHECKPOINTS) == 0)
			print_now("at");
		if (i == fixed_after)
			print_now("after");
		if (i == fixed_before)
			print_now("before");
	}
}

static void ignore(void)
{
}

/* Finds out by which frame a record of the rare stack is recognized. */
static void find_rare_frame(struct hp_options *options)
{
	struct hp_stacks_copy copy;

	begin_threads();
	hp_recorder_start(options);
	allocate_rare((void *)4096, 1);
	if (!hp_stacks_copy(&copy) || copy.n_entries != 1)
		exit(1);
	rare_frame = copy.entries[0].frames[0];
	hp_stacks_release(&copy);
	hp_recorder_stop(true /* may free */);
}

static size_t mix_of(const char *name)
{
	size_t i = 0;

	while (i < sizeof(auto_mixes) / sizeof(auto_mixes[0]) &&
	       strcmp(auto_mixes[i].name, name) != 0)
		i++;
	return i;
}

int main(int argc, char **argv)
{
	struct hp_options options = {.stack_depth = 8,
				     .memory_limit = 1 << 28,
				     .sample_interval = HP_SAMPLE_INTERVAL_AUTO};
	size_t mix = argc == 6 || argc == 9 ? mix_of(argv[1]) : SIZE_MAX;

	if (mix >= sizeof(auto_mixes) / sizeof(auto_mixes[0]) || atoi(argv[2]) < 1 ||
	    atoi(argv[2]) > THREADS_MAX) {
		fprintf(stderr, "usage: simulate_auto MIX N-THREADS FORKS FIRST-SEED N-SEEDS "
				"[LEVEL AFTER BEFORE]\n");
		return 2;
	}
	hp_recorder_on_report = ignore;
	hp_thread_init();
	sites = (uintptr_t)mmap(NULL, N_SITES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!hp_frame_rule_init(true) || sites == (uintptr_t)MAP_FAILED)
		return 1;
	find_rare_frame(&options);
	if (argc == 9) {
		fixed_level = strtoul(argv[6], NULL, 0);
		fixed_after = strtoull(argv[7], NULL, 0);
		fixed_before = strtoull(argv[8], NULL, 0);
		options.sample_interval = UINT64_C(1) << fixed_level;
	}
	for (uint64_t i = 0; i < strtoull(argv[5], NULL, 0); i++) {
		options.seed = (strtoull(argv[4], NULL, 0) + i) * 0xd1342543de82ef95u;
		n_threads = strtoull(argv[2], NULL, 0);
		begin_threads();
		hp_recorder_start(&options);
		run(mix, atoi(argv[3]));
		hp_recorder_stop(true /* may free */);
		printf("end\n");
	}
	return 0;
}
