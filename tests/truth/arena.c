/* SPDX-License-Identifier: MIT */
/* Arenas whose objects are those of one mix. Prints a line for each run, as simulate.c does: the
 *true counts and the records of objects. Run it under the library, with the sample interval
 *INTERVAL. Each run is a thread with arenas of its own, because each thread has random numbers of
 *its own.
 *
 *	arena MIX INTERVAL 1 N_RUNS */
#include "control/heapprof_pool.h"
#include "mixes.h"
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	RUNS_MAX = 4000, /* names of pools are limited */
};

struct run {
	const struct mix *mix;
	size_t interval;
	unsigned number;
	struct truth truth;
	FILE *records; /* writes into the text */
	char *text;
	size_t size;
};

struct arena {
	unsigned run;
	char *at;
};

static struct run runs[RUNS_MAX];
static unsigned run_of_pool[RUNS_MAX + 100];

static size_t describe(const void *pool, char *name, size_t size)
{
	return (size_t)snprintf(name, size, "%u", ((const struct arena *)pool)->run);
}

static const struct heapprof_pool_class arenas = {sizeof(arenas), "toy", describe, 0, NULL};

static void *arena_alloc(struct arena *a, size_t size)
{
	void *p = a->at;

	a->at += (size + 15) & ~(size_t)15;
	heapprof_pool_alloc(&arenas, a, p, size);
	return p;
}

/* Makes the objects of a run, at addresses without memory, since nobody reads them. Half of those
 * that end are freed; the others are in an arena of their own, which is reset. */
static void *make_objects(void *argument)
{
	struct run *run = argument;
	char *start = (char *)((UINT64_C(1) << 44) + ((uint64_t)run->number << 33));
	struct arena kept = {run->number, start};
	struct arena ending = {run->number, start + (UINT64_C(1) << 32)};
	uint64_t random = 88172645463325252u;

	for (size_t i = 0; i < run->mix->n_blocks(run->interval); i++) {
		size_t size = run->mix->size(i, run->interval, mix_random(&random));
		void *p = arena_alloc(i % 6 == 3 ? &ending : &kept, size);

		truth_add(&run->truth, size, run->interval, mix_is_freed(i));
		if (i % 6 == 0)
			heapprof_pool_free(p);
	}
	heapprof_pool_reset(&ending);
	return NULL;
}

/* pools  = "# pools: " ID " toy " RUN
 * record = "# object: " n ": " bytes " [" n ": " bytes "] @" ... EOL "# pool: " ID */
static void read_line(const char *line)
{
	static uint64_t n[4];
	unsigned id, run;

	if (sscanf(line, "# pools: %u toy %u", &id, &run) == 2 && id < RUNS_MAX + 100)
		run_of_pool[id] = run;
	sscanf(line, "# object: %" SCNu64 ": %" SCNu64 " [%" SCNu64 ": %" SCNu64 "]", &n[0], &n[1],
	       &n[2], &n[3]);
	if (sscanf(line, "# pool: %u", &id) == 1 && id < RUNS_MAX + 100)
		fprintf(runs[run_of_pool[id]].records,
			" %" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64, n[0], n[1], n[2], n[3]);
}

static void read_dump(char *text)
{
	char *rest, *line = strtok_r(text, "\n", &rest);

	for (; line; line = strtok_r(NULL, "\n", &rest))
		read_line(line);
}

int main(int argc, char **argv)
{
	const struct mix *mix = argc == 5 ? mix_by_name(argv[1]) : NULL;
	size_t interval = argc == 5 ? strtoull(argv[2], NULL, 0) : 0;
	unsigned n_runs = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
	void (*start)(const char *prefix);
	void (*stop)(void);
	char *(*get)(void);

	*(void **)&start = dlsym(RTLD_DEFAULT, "HeapProfilerStart");
	*(void **)&stop = dlsym(RTLD_DEFAULT, "HeapProfilerStop");
	*(void **)&get = dlsym(RTLD_DEFAULT, "GetHeapProfile");
	if (!mix || !start || !stop || !get || n_runs > RUNS_MAX)
		return 2;
	start("/dev/null/none"); /* nothing is written there */
	for (unsigned i = 0; i < n_runs; i++) {
		struct run *run = &runs[i];
		pthread_t thread;

		*run = (struct run){.mix = mix, .interval = interval, .number = i};
		run->records = open_memstream(&run->text, &run->size);
		if (!run->records || pthread_create(&thread, NULL, make_objects, run) != 0)
			return 2;
		pthread_join(thread, NULL);
	}
	read_dump(get());
	stop();
	for (unsigned i = 0; i < n_runs; i++) {
		truth_print(&runs[i].truth, stdout);
		fclose(runs[i].records);
		puts(runs[i].text);
	}
	return 0;
}
