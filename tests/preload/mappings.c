/* SPDX-License-Identifier: MIT */
/* A program that maps memory itself. argv[1] names the command. */
#include "program.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static void *volatile sink;
static int stop;

static NOINLINE void *map(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static NOINLINE void *remap(void *p, size_t from, size_t to)
{
	return mremap(p, from, to, MREMAP_MAYMOVE);
}

static NOINLINE void move_break(void)
{
	sink = sbrk(16384);
	sink = sbrk(-4096);
}

static NOINLINE void allocate_large(void)
{
	sink = malloc(8 * MIB);
}

static int do_map(char **argv)
{
	char *kept = map(4 * MIB), *cut = map(4 * MIB), *gone = map(2 * MIB);

	munmap(gone, 2 * MIB);
	munmap(cut + MIB, MIB);
	sink = remap(kept, 4 * MIB, 6 * MIB);
	sink = mmap(NULL, (size_t)-1 / 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0); /* this call fails, and so do the next two */
	sink = remap(cut, MIB, (size_t)-1 / 2);
	sink = (void *)(intptr_t)munmap(cut, (size_t)-1 / 2);
	move_break();
	allocate_large(); /* the allocator maps this block */
	return 0;
}

enum {
	N_TRIMMED = 4000
};

/* Maps more than needed and unmaps a part, as programs do that need an aligned mapping. */
static NOINLINE void map_and_trim(void)
{
	for (int i = 0; i < N_TRIMMED; i++) {
		char *p = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(p + 32768, 32768);
	}
}

static int do_trim(char **argv)
{
	map_and_trim();
	return 0;
}

static void *unmap(void *p)
{
	munmap(p, MIB);
	return NULL;
}

/* Unmaps in a thread that never uses the heap. */
static int do_unmap_in_thread(char **argv)
{
	void *p = map(MIB);
	pthread_t thread;

	pthread_create(&thread, NULL, unmap, p);
	pthread_join(thread, NULL);
	return 0;
}

enum {
	KEPT = 1 << 16,
	N_KEPT = 20000
};

/* Moves one mapping after another to the same place. Each move leaves a hole where the mapping was;
 * another thread may map there before the profiler has recorded the move. */
static void *move_away(void *unused)
{
	char *to = map(KEPT);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		mremap(map(KEPT), KEPT, KEPT, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	return NULL;
}

static NOINLINE void *map_and_keep(void)
{
	return mmap(NULL, KEPT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int do_move_in_threads(char **argv)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, move_away, NULL);
	for (int i = 0; i < N_KEPT; i++)
		sink = map_and_keep();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/* --- reservations -------------------------------------------------------------------------- */

static NOINLINE char *reserve(size_t size)
{
	return mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static NOINLINE void commit(char *p, size_t size)
{
	mprotect(p, size, PROT_READ | PROT_WRITE);
}

static NOINLINE void commit_by_key(char *p, size_t size)
{
	if (pkey_mprotect(p, size, PROT_READ | PROT_WRITE, -1) != 0)
		_Exit(97);
}

static NOINLINE void map_over(char *p, size_t size)
{
	sink = mmap(p, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		    0);
}

/* Each part of a reservation counts once, when it becomes usable. */
static int do_reserve(char **argv)
{
	char *p = reserve(1024 * MIB);

	commit(p, 2 * MIB);
	commit(p + MIB, 2 * MIB);        /* only the second MiB is new */
	mprotect(p, 3 * MIB, PROT_READ); /* stays usable */
	mprotect(p, 3 * MIB, PROT_READ | PROT_EXEC);
	commit_by_key(p + 8 * MIB, MIB);
	map_over(p + 16 * MIB, 4 * MIB);
	commit(p + 20 * MIB, MIB);
	munmap(p + 20 * MIB, 2 * MIB);          /* one usable MiB and one reserved MiB */
	mprotect(p, (size_t)-1 / 2, PROT_READ); /* fails */
	return 0;
}

/* Memory that is given back counts as freed. It counts again when it is used again. */
static int do_decommit(char **argv)
{
	char *p = reserve(64 * MIB), *whole = map(8 * MIB);

	for (int i = 0; i < 3; i++) {
		commit(p, 4 * MIB);
		mprotect(p, 4 * MIB, PROT_NONE);
	}
	for (int i = 0; i < 3; i++) {
		map_over(p + 8 * MIB, 4 * MIB);
		sink = mmap(p + 8 * MIB, 4 * MIB, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	}
	mprotect(whole, MIB, PROT_NONE);
	return 0;
}

static NOINLINE void *map_noreserve(size_t size, int flags)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

static int do_noreserve(char **argv)
{
	char *p = map_noreserve(1024 * MIB, 0);

	sink = map_noreserve(4 * MIB, 0);
	sink = map_noreserve(64 * MIB, MAP_POPULATE);
	commit(p, 2 * MIB);
	sink = mmap(p + 512 * MIB, 128 * MIB, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	return 0;
}

/* Grows a buffer by a page at a time: in place while there is room, then by moving it. */
static int do_grow(char **argv)
{
	char *p = map(4 * MIB);

	sink = mmap(p + MIB, 3 * MIB, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	munmap(p + MIB, 3 * MIB); /* now there is room to grow in place */
	for (size_t size = MIB; size < 8 * MIB; size += 4096)
		p = remap(p, size, size + 4096);
	return 0;
}

static NOINLINE void *duplicate(void *p, size_t from, size_t to, int flags)
{
	return mremap(p, from, to, MREMAP_MAYMOVE | flags, NULL);
}

static NOINLINE void *map_shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static NOINLINE char *map_target(void)
{
	return mmap(NULL, 5 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int do_remap(char **argv)
{
	char *p = map(8 * MIB), *target = map_target(), *r = reserve(64 * MIB);

	remap(p, 8 * MIB, 5 * MIB); /* shrinks */
	mremap(p, 5 * MIB, 5 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	remap(target, 2 * MIB, 3 * MIB); /* a part of the target, which must move */
	sink = duplicate(map_shared(2 * MIB), 0, 2 * MIB, 0);
	sink = duplicate(map(MIB), MIB, MIB, MREMAP_DONTUNMAP);
	sink = remap(r, 64 * MIB, 128 * MIB); /* all of it stays reserved */
	return 0;
}

static int do_fork_and_commit(char **argv)
{
	char *p = reserve(64 * MIB);

	commit(p, MIB);
	pid_t pid = fork();

	if (pid == 0) {
		commit(p, 3 * MIB);
		exit(0);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : 96;
}

/* Makes reserved memory usable, 1 MiB at a time, until a dump interval is used up. */
static int do_commit_much(char **argv)
{
	char *p = reserve(1024 * MIB);

	for (int i = 0; i < 10; i++)
		commit(p + i * MIB, MIB);
	return 0;
}

const struct command commands[] = {
	{"map", do_map},
	{"trim", do_trim},
	{"unmap-in-thread", do_unmap_in_thread},
	{"move-in-threads", do_move_in_threads},
	{"reserve", do_reserve},
	{"decommit", do_decommit},
	{"noreserve", do_noreserve},
	{"grow", do_grow},
	{"remap", do_remap},
	{"fork-and-commit", do_fork_and_commit},
	{"commit-much", do_commit_much},
	{NULL, NULL},
};
