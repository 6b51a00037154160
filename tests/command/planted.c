/* SPDX-License-Identifier: MIT */
/* Holds blocks in each of the ways that a graph of pointers must find, and loses others. The names
 * of the functions that allocate begin with hold_ and lose_. Its blocks have a password in them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noipa))

enum {
	N = 200,
	LARGE = 300000, /* bytes: has a mapping of its own */
};

struct item {
	struct item *next;
	void *owned;
	char text[48];
};

struct item *list;
char **table;
void **large;
void **mapped;
char *pair[2]; /* two hold one block */
char *pair_too;
static pthread_key_t key;
__thread void *local;
static size_t lost_bytes, lost_blocks;

static void *fill(struct item *item)
{
	memset(item, 0, sizeof(*item));
	strcpy(item->text, "password=hunter2-Xyzzy-plugh");
	return item;
}

static void count(const void *block, size_t size)
{
	lost_bytes += block ? size : 0;
	lost_blocks += block != NULL;
}

static struct item *lost(struct item *item)
{
	count(item, sizeof(*item));
	return fill(item);
}

NOINLINE static void hold_in_list(void)
{
	for (int i = 0; i < N; i++) {
		struct item *item = fill(malloc(sizeof(*item)));

		item->next = list;
		list = item;
	}
}

NOINLINE static void hold_in_table(void)
{
	table = malloc(N * sizeof(*table));
	for (int i = 0; i < N; i++)
		table[i] = (char *)fill(malloc(sizeof(struct item))) + 16; /* to its middle */
}

NOINLINE static void hold_in_large(void)
{
	large = calloc(1, LARGE);
	for (int i = 0; i < N; i++)
		large[100 * i] = fill(malloc(sizeof(struct item)));
}

NOINLINE static void hold_in_mapped(void)
{
	mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < N; i++)
		mapped[i] = fill(malloc(sizeof(struct item)));
	mprotect(mapped, 4096, PROT_READ);
}

NOINLINE static void hold_for_two(void)
{
	pair[1] = pair_too = fill(malloc(sizeof(struct item)));
}

NOINLINE static void hold_for_thread(void **on_stack)
{
	*on_stack = fill(malloc(sizeof(struct item)));
	local = fill(malloc(sizeof(struct item)));
	pthread_setspecific(key, fill(malloc(sizeof(struct item))));
}

NOINLINE static void lose_single(void)
{
	for (int i = 0; i < N; i++)
		lost(malloc(sizeof(struct item)));
}

NOINLINE static void lose_owner(void)
{
	for (int i = 0; i < N; i++)
		lost(malloc(sizeof(struct item)))->owned = lost(malloc(sizeof(struct item)));
}

NOINLINE static void lose_list(void)
{
	struct item *first = NULL;

	for (int i = 0; i < N; i++) {
		struct item *item = lost(malloc(sizeof(*item)));

		item->next = first;
		first = item;
	}
}

NOINLINE static void lose_ring(void)
{
	for (int i = 0; i < N; i++) {
		struct item *a = lost(malloc(sizeof(*a))), *b = lost(malloc(sizeof(*b)));

		a->next = b;
		b->next = a;
	}
}

NOINLINE static void lose_large(void)
{
	for (int i = 0; i < 3; i++)
		count(malloc(LARGE), LARGE);
}

/* Freed blocks have pointers in them, and words in dead frames lead to blocks. */
NOINLINE static void make_garbage(void)
{
	struct item *items[N];

	for (int i = 0; i < N; i++) {
		items[i] = fill(malloc(sizeof(struct item)));
		items[i]->owned = list;
	}
	for (int i = 0; i < N; i++)
		free(items[i]);
}

/* Overwrites the frames of the functions above, whose words are below those of the callers. */
NOINLINE static void clear_stack(void)
{
	volatile char frame[16384];

	memset((char *)frame, 0, sizeof(frame));
}

NOINLINE static void lose_all(void)
{
	lose_single();
	lose_owner();
	lose_list();
	lose_ring();
	lose_large();
	make_garbage();
}

static void *run_thread(void *ready)
{
	void *on_stack;

	hold_for_thread(&on_stack);
	lose_all();
	clear_stack();
	pthread_barrier_wait(ready);
	for (;;)
		pause();
	return on_stack;
}

int main(void)
{
	pthread_barrier_t ready;
	pthread_t thread;
	void *on_stack;

	pthread_barrier_init(&ready, NULL, 2);
	pthread_key_create(&key, NULL);
	hold_in_list();
	hold_in_table();
	hold_in_large();
	hold_in_mapped();
	hold_for_two();
	hold_for_thread(&on_stack);
	lose_all();
	pthread_create(&thread, NULL, run_thread, &ready);
	pthread_barrier_wait(&ready);
	clear_stack();
	printf("%zu %zu\n", lost_bytes, lost_blocks);
	fflush(stdout);
	for (;;)
		pause();
	return on_stack != NULL;
}
