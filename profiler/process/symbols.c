/* SPDX-License-Identifier: MIT */
#include "process/symbols.h"
#include "process/loaded.h"
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

static const void *allocator;

/* The C library's first constructor sets both variables. Both are checked because a program may
 * remove its environment (clearenv()) before anything has allocated, but hardly its own name. If
 * the program refers to that name's variable, it has a copy of the variable, which is used in place
 * of the C library's and is NULL until the program is relocated. */
bool hp_symbols_is_c_library_ready(void)
{
	return environ || (program_invocation_name && program_invocation_name[0]);
}

void *hp_symbol_next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

void hp_symbols_set_allocator(const void *function)
{
	__atomic_store_n(&allocator, function, __ATOMIC_RELEASE);
}

bool hp_symbols_is_allocators_code(uintptr_t pc)
{
	static uintptr_t start, end;
	const void *function = __atomic_load_n(&allocator, __ATOMIC_ACQUIRE);
	struct hp_loaded object;

	if (function && !__atomic_load_n(&end, __ATOMIC_ACQUIRE) &&
	    hp_loaded_find((uintptr_t)function, &object)) {
		start = object.start;
		__atomic_store_n(&end, object.end, __ATOMIC_RELEASE);
	}
	return pc >= start && pc < end;
}
