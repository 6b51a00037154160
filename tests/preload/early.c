/* SPDX-License-Identifier: MIT */
/* A library whose constructor does something before any other code allocates. EARLY_KEYS,
 * EARLY_SETENV, EARLY_CLEARENV or EARLY_FORK selects what it does. */
#include <pthread.h>
#include <stdlib.h>

int early_is_linked(void);

__attribute__((visibility("default"))) int early_is_linked(void)
{
	return 1;
}

#ifdef EARLY_FORK
/* The functions that the fork handlers below call, before a fork, then in the parent and in the
 * child. The handlers are registered before all others; the program sets the functions later. */
__attribute__((visibility("default"))) void (*early_handlers[3])(void);

static void prepare(void)
{
	if (early_handlers[0])
		early_handlers[0]();
}

static void in_parent(void)
{
	if (early_handlers[1])
		early_handlers[1]();
}

static void in_child(void)
{
	if (early_handlers[2])
		early_handlers[2]();
}
#endif

static __attribute__((constructor)) void begin(void)
{
#ifdef EARLY_FORK
	pthread_atfork(prepare, in_parent, in_child);
#elif defined(EARLY_KEYS)
	pthread_key_t key;

	for (int i = 0; i < 40; i++)
		pthread_key_create(&key, NULL);
#elif defined(EARLY_CLEARENV)
	clearenv();
#else
	setenv("EARLY", "set by a constructor", 1);
#endif
}
