/* SPDX-License-Identifier: MIT */
/* An allocator under the profiler in which one call never returns and holds a lock that all others
 * need: a deadlock. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BLOCKING_SIZE = 54321
};

void *__libc_malloc(size_t size); /* NOLINT(bugprone-reserved-identifier) */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	void *p;

	pthread_mutex_lock(&lock);
	while (size == BLOCKING_SIZE)
		pause();
	p = __libc_malloc(size);
	pthread_mutex_unlock(&lock);
	return p;
}
