/* SPDX-License-Identifier: MIT */
/* A library whose constructor does something before anybody has allocated: EARLY_KEYS or
 * EARLY_SETENV. */
#include <pthread.h>
#include <stdlib.h>

int early_is_linked(void);

__attribute__((visibility("default"))) int early_is_linked(void)
{
	return 1;
}

static __attribute__((constructor)) void begin(void)
{
#ifdef EARLY_KEYS
	pthread_key_t key;

	for (int i = 0; i < 40; i++)
		pthread_key_create(&key, NULL);
#else
	setenv("EARLY", "set by a constructor", 1);
#endif
}
