/* SPDX-License-Identifier: MIT */
/* A library that is loaded into other processes. It uses what a thread has: its stack, thread-local
 * data, tables of characters, the allocator and locks. */
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

__attribute__((visibility("default"))) int injected_double(int n);
__attribute__((visibility("default"))) void injected_crash(void);

static _Thread_local int per_thread = 20;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *kept;

int injected_double(int n)
{
	return 2 * n;
}

void injected_crash(void)
{
	static volatile int *volatile address;

	*address = 1;
}

__attribute__((constructor)) static void start(void)
{
	volatile char room[100000];

	room[0] = room[sizeof(room) - 1] = 'a';
	pthread_mutex_lock(&mutex);
	kept = malloc(1000);
	if (per_thread != 20 || !kept || !isalpha(room[sizeof(room) - 1]) || toupper('x') != 'X')
		abort();
	memset(kept, per_thread, 1000);
	pthread_mutex_unlock(&mutex);
}

__attribute__((destructor)) static void end(void)
{
	if (kept[999] != 20)
		abort();
	free(kept);
}
