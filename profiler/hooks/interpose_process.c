/* SPDX-License-Identifier: MIT */
/* The hook for dlclose, and the constructor, in a library that is there from the start. */
#include "control/company.h"
#include "hooks/hooks.h"
#include "hooks/interpose_cxx.h"
#include "process/modules.h"
#include "process/symbols.h"
#include <dlfcn.h>

const char hp_hooks_of_process;

/* Facts about a library's code are no longer valid once the library may be unmapped: see modules.h.
 */
HOOK int dlclose(void *handle)
{
	static int (*next)(void *);
	int result;

	if (!next)
		next = (int (*)(void *))hp_symbol_next("dlclose");
	hp_modules_unload_begin();
	result = next(handle);
	hp_modules_unload_end();
	return result;
}

static __attribute__((constructor)) void start_with_program(void)
{
	hp_startup_init();
	hp_interpose_cxx_decide();
	hp_startup_register();
	hp_company_check();
}
