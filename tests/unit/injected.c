/* SPDX-License-Identifier: MIT */
/* A library that is loaded into other processes. It uses what a thread has: its stack, thread-local
 * data, tables of characters, the allocator and locks. */
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/single_threaded.h>

__attribute__((visibility("default"))) int injected_double(int n);
__attribute__((visibility("default"))) void injected_crash(void);

__attribute__((visibility("default"))) int injected_ends(void);
int __cxa_thread_atexit_impl(void (*function)(void *), void *object, void *library);

enum {
	N_KEYS = 40, /* more than the first block of thread-specific data holds */
};

static pthread_key_t keys[N_KEYS];
static int n_ends;
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

/* The number of destructors that the thread which has loaded the library has called at its end. */
int injected_ends(void)
{
	return n_ends;
}

static void count_end(void *object)
{
	n_ends++;
}

static void want_ends(void)
{
	for (int i = 0; i < N_KEYS; i++)
		if (pthread_key_create(&keys[i], count_end) ||
		    pthread_setspecific(keys[i], &keys[i]))
			abort();
	__cxa_thread_atexit_impl(count_end, NULL, keys); /* an address in this library */
}

__attribute__((constructor)) static void start(void)
{
	volatile char room[100000];

	room[0] = room[sizeof(room) - 1] = 'a';
	pthread_mutex_lock(&mutex);
	kept = malloc(1000);
	if (__libc_single_threaded || per_thread != 20 || !kept ||
	    !isalpha(room[sizeof(room) - 1]) || toupper('x') != 'X')
		abort();
	memset(kept, per_thread, 1000);
	pthread_mutex_unlock(&mutex);
	want_ends();
}

__attribute__((destructor)) static void end(void)
{
	if (kept[999] != 20)
		abort();
	free(kept);
	for (int i = 0; i < N_KEYS; i++)
		pthread_key_delete(keys[i]);
}
