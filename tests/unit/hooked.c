/* SPDX-License-Identifier: MIT */
/* A library with hooks that count, and that call the patched functions by their trampolines. It
 * uses no thread-local data, which the first use in a thread would allocate. */
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

enum {
	MALLOC,
	FREE,
	CALLOC,
	REALLOC,
	MEMALIGN,
	ALIGNED_ALLOC,
	POSIX_MEMALIGN,
	MALLOC_USABLE_SIZE,
	N_FUNCTIONS,
};

EXPORT extern void *hooked_next[N_FUNCTIONS];
EXPORT extern uint64_t hooked_n[N_FUNCTIONS];

void *hooked_next[N_FUNCTIONS];
uint64_t hooked_n[N_FUNCTIONS];

static void *next(int function)
{
	__atomic_fetch_add(&hooked_n[function], 1, __ATOMIC_RELAXED);
	return __atomic_load_n(&hooked_next[function], __ATOMIC_ACQUIRE);
}

EXPORT void hooked_set(int function, void *trampoline);
EXPORT void *hooked_malloc(size_t size);
EXPORT void hooked_free(void *block);
EXPORT void *hooked_calloc(size_t n, size_t size);
EXPORT void *hooked_realloc(void *block, size_t size);
EXPORT void *hooked_memalign(size_t alignment, size_t size);
EXPORT void *hooked_aligned_alloc(size_t alignment, size_t size);
EXPORT int hooked_posix_memalign(void **out, size_t alignment, size_t size);
EXPORT size_t hooked_malloc_usable_size(void *block);

void hooked_set(int function, void *trampoline)
{
	__atomic_store_n(&hooked_next[function], trampoline, __ATOMIC_RELEASE);
}

void *hooked_malloc(size_t size)
{
	return ((void *(*)(size_t))next(MALLOC))(size);
}

void hooked_free(void *block)
{
	((void (*)(void *))next(FREE))(block);
}

void *hooked_calloc(size_t n, size_t size)
{
	return ((void *(*)(size_t, size_t))next(CALLOC))(n, size);
}

void *hooked_realloc(void *block, size_t size)
{
	return ((void *(*)(void *, size_t))next(REALLOC))(block, size);
}

void *hooked_memalign(size_t alignment, size_t size)
{
	return ((void *(*)(size_t, size_t))next(MEMALIGN))(alignment, size);
}

void *hooked_aligned_alloc(size_t alignment, size_t size)
{
	return ((void *(*)(size_t, size_t))next(ALIGNED_ALLOC))(alignment, size);
}

int hooked_posix_memalign(void **out, size_t alignment, size_t size)
{
	return ((int (*)(void **, size_t, size_t))next(POSIX_MEMALIGN))(out, alignment, size);
}

size_t hooked_malloc_usable_size(void *block)
{
	return ((size_t(*)(void *))next(MALLOC_USABLE_SIZE))(block);
}
