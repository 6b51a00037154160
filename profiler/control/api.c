/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "base/memory.h"
#include "control/company.h"
#include "control/heapprof.h"
#include "control/lifecycle.h"
#include "control/startup.h"
#include "dump/due.h"
#include "dump/dumper.h"
#include "process/symbols.h"
#include "record/recorder.h"
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MAX (UINT64_C(1) << 40) /* the upper limit of HEAP_PROFILE_SAMPLE_INTERVAL */

#define PUBLIC __attribute__((visibility("default")))

/* Until leave_api(), the thread's allocations count as the profiler's, not the program's. */
static void enter_api(void)
{
	hp_startup_init();
	hp_tls.in_hook++;
}

static void leave_api(void)
{
	hp_tls.in_hook--;
	if (hp_tls.in_hook == 0 && hp_due_has_signal())
		hp_due_settle();
}

/* Returns true if libtcmalloc is the caller; then the call is ignored. If HEAPPROFILE is set,
 * libtcmalloc calls these functions, to start its own profiler and to write a last dump. But its
 * profiler does not run; ours starts by itself and writes its own last dump, unless it is not to
 * record this program. If the allocator underneath has no profiler, it never calls these functions.
 * That allocator may be the C library: a call that returns into it then comes from a handler or a
 * thread of the program, and is not ignored. */
static bool is_of_tcmalloc(const void *caller)
{
	return hp_symbols_is_allocators_code((uintptr_t)caller) &&
	       hp_symbols_is_allocators_code((uintptr_t)hp_symbol_next("HeapProfilerDump"));
}

PUBLIC void HeapProfilerStart(const char *prefix)
{
	const void *caller = __builtin_return_address(0);

	if (!prefix || !*prefix)
		return;
	enter_api();
	if (!is_of_tcmalloc(caller) && !hp_session_is_running() && !hp_company_must_step_aside())
		hp_lifecycle_start(prefix);
	hp_company_check();
	leave_api();
}

PUBLIC int IsHeapProfilerRunning(void)
{
	return hp_session_is_running();
}

PUBLIC void HeapProfilerStop(void)
{
	enter_api();
	if (hp_session_is_running())
		hp_lifecycle_stop();
	leave_api();
}

PUBLIC void HeapProfilerDump(const char *reason)
{
	const void *caller = __builtin_return_address(0);

	enter_api();
	if (!is_of_tcmalloc(caller))
		hp_dumper_dump(reason && *reason ? reason : "HeapProfilerDump");
	leave_api();
}

PUBLIC char *GetHeapProfile(void)
{
	size_t size = 0, mapped = 0;

	enter_api();
	bool is_running = hp_session_is_running();
	char *text = hp_dumper_dump_to_memory(&size, &mapped);
	/* The session may have ended during the call. */
	is_running = is_running && hp_session_is_running();
	char *copy = text || !is_running ? malloc(size + 1) : NULL;

	if (copy) {
		if (text)
			memcpy(copy, text, size);
		copy[size] = '\0';
	}
	hp_memory_unmap(text, mapped);
	leave_api();
	return copy;
}

PUBLIC const char *heapprof_version(void)
{
	return HEAPPROF_VERSION;
}

PUBLIC uint64_t heapprof_sample_interval(void)
{
	hp_startup_init();
	return hp_lifecycle_sample_interval();
}

PUBLIC void heapprof_set_sample_interval(uint64_t bytes)
{
	hp_startup_init();
	if (bytes > 0)
		hp_lifecycle_set_sample_interval(bytes < INTERVAL_MAX ? bytes : INTERVAL_MAX);
}

PUBLIC void heapprof_get_statistics(struct heapprof_statistics *out, size_t size)
{
	struct heapprof_statistics now = {
		.allocated_bytes = hp_recorder_allocated_bytes(),
		.samples = hp_recorder_n_samples(),
		.samples_dropped = hp_recorder_n_dropped(),
		.profiler_bytes = hp_memory_mapped(),
	};

	hp_recorder_estimate(&now.inuse_bytes, &now.freed_bytes);
	memcpy(out, &now, size < sizeof(now) ? size : sizeof(now));
}
