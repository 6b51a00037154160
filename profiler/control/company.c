/* SPDX-License-Identifier: MIT */
#include "control/company.h"
#include "base/report.h"
#include "control/own_work.h"
#include "process/objects.h"
#include "process/symbols.h"
#include "record/session.h"
#include <dlfcn.h>

static bool is_company_reported;

/* Returns the malloc that the program calls. Returns NULL if that is ours, or if it can't be known
 * because the program's PLT has a stub for malloc. */
static void *malloc_before_us(void)
{
	void *first = dlsym(RTLD_DEFAULT, "malloc");

	return first && !hp_object_has_both(first, hp_company_check) && !hp_object_is_stub(first)
		       ? first
		       : NULL;
}

/* Returns true if `their_malloc` is AddressSanitizer's. It comes before ours if clang has linked it
 * into the program, or if it is preloaded. GCC's library comes after ours. */
static bool is_of_address_sanitizer(void *their_malloc)
{
	void *init = dlsym(RTLD_DEFAULT, "__asan_init");

	return init && hp_object_has_both(init, their_malloc);
}

static void report_malloc_before_us(void *their_malloc)
{
	HP_TEXT_LOCAL(line, 512);

	if (is_company_reported)
		return;
	is_company_reported = true;
	hp_text_string(&line, hp_object_name(their_malloc));
	if (hp_object_has_heapprof(their_malloc)) {
		hp_text_string(&line,
			       ": has its own copy of heapprof; that one records, not this one");
	} else {
		hp_text_string(&line, ": its malloc");
		if (is_of_address_sanitizer(their_malloc))
			hp_text_string(&line, " is AddressSanitizer's and");
		hp_text_string(&line, " comes before ours; its allocations are not recorded");
	}
	hp_report_text(&line);
}

bool hp_company_must_step_aside(void)
{
	void *first = malloc_before_us();

	if (!first || !hp_object_has_heapprof(first))
		return false;
	report_malloc_before_us(first);
	return true;
}

static void stop_tcmallocs_profiler(void)
{
	int (*is_running)(void) = (int (*)(void))hp_symbol_next("IsHeapProfilerRunning");
	void (*stop)(void) = (void (*)(void))hp_symbol_next("HeapProfilerStop");

	if (!is_running || !stop || !is_running())
		return;
	stop();
	hp_report("libtcmalloc: stopped its heap profiler, which HEAPPROFILE had started too");
}

void hp_company_check(void)
{
	void *first;

	if (!hp_session_is_running())
		return;
	int saved_errno = hp_own_work_begin();

	first = malloc_before_us();
	if (first)
		report_malloc_before_us(first);
	stop_tcmallocs_profiler();
	hp_own_work_end(saved_errno);
}
