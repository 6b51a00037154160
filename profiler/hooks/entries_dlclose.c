/* SPDX-License-Identifier: MIT */
/* The hook for dlclose in an attached session, if its entry is patched. */
#include "hooks/hooks.h"
#include "hooks/trampolines.h"
#include "process/modules.h"
#include <dlfcn.h>

const char hp_hooks_of_process;

/* Facts about a library's code are no longer valid once the library may be unmapped: see modules.h.
 */
HOOK int dlclose(void *handle)
{
	int (*next)(void *) = (int (*)(void *))hp_trampolines[HP_ATTACHED_DLCLOSE];
	int result;

	hp_modules_unload_begin();
	result = next(handle);
	hp_modules_unload_end();
	return result;
}
