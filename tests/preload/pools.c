/* SPDX-License-Identifier: MIT */
/* Programs with an arena of their own, which reports its objects to heapprof. */
#include "control/heapprof_pool.h"
#include "program.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the arena ------------------------------------------------------------------------------- */

enum {
	CHUNK_SIZE = 65536,
};

struct chunk {
	struct chunk *next;
	char *end;
	char data[];
};

struct arena {
	struct chunk *chunks;
	char *at, *end;
	const char *name;
};

static void *volatile sink;

static size_t describe(const void *pool, char *out, size_t size)
{
	const struct arena *a = pool;
	size_t n = strlen(a->name);

	memcpy(out, a->name, n < size ? n : size);
	return n;
}

static const struct heapprof_pool_class toys = {
	.struct_size = sizeof(toys),
	.kind = "toy",
	.describe = describe,
	.skip = 1,
};

/* As `toys`, for calls that no function of the arena makes. */
static const struct heapprof_pool_class bare = {sizeof(bare), "toy", describe, 0, NULL};

static NOINLINE struct chunk *grow(struct arena *a, size_t size)
{
	struct chunk *c = malloc(size);

	heapprof_pool_block(&toys, a, c, size);
	c->next = a->chunks;
	c->end = (char *)c + size;
	a->chunks = c;
	a->at = c->data;
	a->end = c->end;
	return c;
}

static void *take(struct arena *a, size_t size)
{
	void *p;

	size = (size + 15) & ~(size_t)15;
	if ((size_t)(a->end - a->at) < size)
		grow(a, size + sizeof(struct chunk) > CHUNK_SIZE ? size + sizeof(struct chunk)
								 : CHUNK_SIZE);
	p = a->at;
	a->at += size;
	return p;
}

static NOINLINE void *arena_alloc(struct arena *a, size_t size)
{
	void *p = take(a, size);

	heapprof_pool_alloc(&toys, a, p, size);
	sink = p;
	return p;
}

static void arena_reset(struct arena *a)
{
	heapprof_pool_reset(a);
	while (a->chunks) {
		struct chunk *c = a->chunks;

		a->chunks = c->next;
		free(c);
	}
	a->at = a->end = NULL;
}

/* --- programs -------------------------------------------------------------------------------- */

static NOINLINE void make_nodes(struct arena *a, int n)
{
	for (int i = 0; i < n; i++)
		arena_alloc(a, 100);
}

static NOINLINE void *make_text(struct arena *a)
{
	return arena_alloc(a, 1000);
}

static NOINLINE void plain(void)
{
	sink = malloc(5000);
}

/* Two arenas with the objects of one caller; one of them is reset. */
static int do_arenas(char **argv)
{
	static struct arena scene = {.name = "Top/scene"}, frame = {.name = "Top/frame"};

	make_nodes(&scene, 1000);
	make_nodes(&frame, 2000);
	make_text(&scene);
	heapprof_pool_free(make_text(&scene));
	arena_reset(&frame);
	plain();
	if (argv[0]) {
		printf("ready\n");
		fflush(stdout);
		pause();
	}
	return 0;
}

/* Code whose blocks are known by its addresses. */
__attribute__((section("pool_code"))) NOINLINE void *pool_code_grow(size_t size);

__attribute__((section("pool_code"))) NOINLINE void *pool_code_grow(size_t size)
{
	void *p = malloc(size);

	sink = p;
	return p;
}

extern const char start_of_code[] __asm__("__start_pool_code");
extern const char end_of_code[] __asm__("__stop_pool_code");

static int do_block_code(char **argv)
{
	static uintptr_t code[3];
	static struct heapprof_pool_class coded = {sizeof(coded), "coded", describe, 0, code};
	struct arena a = {.name = "Top/coded"};

	code[0] = (uintptr_t)start_of_code;
	code[1] = (uintptr_t)end_of_code;
	heapprof_pool_add_class(&coded);
	pool_code_grow(1000);
	heapprof_pool_enter(&coded, &a);
	pool_code_grow(2000);
	heapprof_pool_enter(&coded, NULL);
	pool_code_grow(4000);
	plain();
	return 0;
}

/* In a forked child objects of the parent are freed and new ones made. */
static int do_fork(char **argv)
{
	static struct arena a = {.name = "before"}, b = {.name = "after"};
	int status;

	make_nodes(&a, 10);
	if (fork() == 0) {
		arena_reset(&a);
		make_nodes(&b, 20);
		exit(0);
	}
	wait(&status);
	return status;
}

/* Programs that use the interface wrongly, or too much. */
static size_t say_too_much(const void *pool, char *out, size_t size)
{
	return SIZE_MAX;
}

static size_t say_nothing(const void *pool, char *out, size_t size)
{
	return 0;
}

static size_t number(const void *pool, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "pool %p", pool);
}

static int do_wrong(char **argv)
{
	static char memory[1 << 16];
	static struct arena control = {.name = "a\nb\033[31m\xff/c\\"};
	static struct arena block = {.name = "block"};
	static char long_name[10 << 10];
	static struct arena longest = {.name = long_name};
	static const struct heapprof_pool_class lies = {sizeof(lies), "l i\ne", say_too_much, 0,
							NULL};
	static const struct heapprof_pool_class silent = {sizeof(silent), NULL, say_nothing, 9999,
							  NULL};
	static const struct heapprof_pool_class old = {.struct_size = sizeof(size_t)};
	void *p = malloc(100);

	memset(long_name, 'x', sizeof(long_name) - 1);
	heapprof_pool_free(memory);
	heapprof_pool_free(NULL);
	heapprof_pool_free((void *)UINTPTR_MAX);
	heapprof_pool_reset(memory);
	heapprof_pool_reset(NULL);
	heapprof_pool_alloc(&bare, &control, NULL, 10);
	heapprof_pool_alloc(&bare, &control, (void *)(UINTPTR_MAX - 7), 10);
	heapprof_pool_alloc(&bare, &control, memory, 10);
	heapprof_pool_alloc(&bare, &control, memory, 11); /* in place of the first */
	heapprof_pool_alloc(&bare, &longest, memory + 16, 12);
	heapprof_pool_alloc(&lies, memory, memory + 32, 13);
	heapprof_pool_alloc(&silent, NULL, memory + 48, 14);
	heapprof_pool_alloc(&old, memory, memory + 64, 15);
	heapprof_pool_alloc(&bare, &control, memory + 80, SIZE_MAX);
	heapprof_pool_alloc(&bare, &control, memory + 96, 0);
	heapprof_pool_block(&bare, &control, memory, 10);
	heapprof_pool_alloc(&bare, &block, p, 100); /* as large as its block */
	heapprof_pool_block(&bare, &block, p, 100);
	free(p); /* the object stays: its end was not reported */
	return 0;
}

/* `n` pools with an object each; their classes are more than there is room for. */
static int do_many(char **argv)
{
	static const struct heapprof_pool_class numbered = {sizeof(numbered), "numbered", number, 0,
							    NULL};
	static struct heapprof_pool_class classes[40];
	char *memory = malloc(1 << 20);
	long n = atol(argv[0]);

	for (long i = 0; i < n; i++)
		heapprof_pool_alloc(&numbered, (char *)(uintptr_t)UINT64_C(0x100000000) + i * 64,
				    (char *)(uintptr_t)UINT64_C(0x200000000) + i * 32, 24);
	for (int i = 0; i < 40; i++) {
		classes[i] =
			(struct heapprof_pool_class){sizeof(classes[0]), "many", NULL, 0, NULL};
		heapprof_pool_alloc(&classes[i], memory, memory + i * 16, 16);
	}
	return 0;
}

/* Threads that allocate, free and reset, each with arenas of its own, and one that all share. */
static struct arena shared = {.name = "shared"};

static void *churn(void *argument)
{
	struct arena own = {.name = "own"};
	char *memory = malloc(1 << 16);

	for (int i = 0; i < 20000; i++) {
		arena_alloc(&own, 50 + i % 100);
		heapprof_pool_alloc(&bare, &shared, memory + i % 1000 * 64, 64);
		if (i % 3 == 0)
			heapprof_pool_free(memory + i % 500 * 64);
		if (i % 1000 == 999)
			arena_reset(&own);
	}
	for (int i = 0; i < 1000; i++)
		heapprof_pool_free(memory + i * 64);
	arena_reset(&own);
	free(memory);
	return argument;
}

static int do_threads(char **argv)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, churn, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/* Objects until the interval has grown; half of them are freed. */
static int do_growth(char **argv)
{
	static struct arena a = {.name = "growing"};
	int n = atoi(argv[0]);

	for (int i = 0; i < n; i++) {
		void *p = arena_alloc(&a, (size_t)(16 + i % 50 * 8));

		if (i % 2)
			heapprof_pool_free(p);
	}
	return 0;
}

__attribute__((visibility("default"))) const struct command *get_commands(void);

const struct command *get_commands(void)
{
	return commands;
}

/* Runs another command, of the library at argv[0], which is this program too. */
static int do_late(char **argv)
{
	const struct command *(*get)(void);
	const struct command *command;

	*(void **)&get = dlsym(dlopen(argv[0], RTLD_NOW | RTLD_LOCAL), "get_commands");
	require(get != NULL, dlerror());
	command = get();
	for (; command->name; command++)
		if (strcmp(command->name, argv[1]) == 0)
			return command->run(argv + 2);
	return UNKNOWN_COMMAND;
}

const struct command commands[] = {
	{"arenas", do_arenas}, {"block_code", do_block_code},
	{"fork", do_fork},     {"wrong", do_wrong},
	{"many", do_many},     {"threads", do_threads},
	{"growth", do_growth}, {"late", do_late},
	{NULL, NULL},
};
