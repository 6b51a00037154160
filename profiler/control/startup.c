/* SPDX-License-Identifier: MIT */
#include "control/startup.h"
#include "base/clock.h"
#include "base/variables.h"
#include "control/company.h"
#include "control/fatal_signals.h"
#include "control/last_look.h"
#include "control/lifecycle.h"
#include "control/own_work.h"
#include "dump/due.h"
#include "dump/names.h"
#include "process/process.h"
#include "process/symbols.h"
#include "record/session.h"
#include "unwind/frame_rule.h"
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

enum state {
	NOT_READY,
	PREPARING,
	READY
};

static uint32_t state;
static bool is_prefix_misspelt;

bool hp_startup_is_ready(void)
{
	return __atomic_load_n(&state, __ATOMIC_ACQUIRE) == READY;
}

/* Returns the value of a variable. Returns NULL in a set-user-ID program, because its caller must
 * not choose where it writes. */
static const char *get_from_environment(const char *name)
{
	return getauxval(AT_SECURE) ? NULL : getenv(name);
}

/* Reports a misspelt HEAPPROFILE; otherwise nothing would explain why there are no dumps. Only the
 * first process does this, once. */
static void look_for_prefix(void)
{
	if (!getauxval(AT_SECURE) && !getenv("HEAPPROFILE") && !hp_names_is_environment_marked())
		is_prefix_misspelt = hp_variables_report_misspelt_prefix(environ);
}

static void prepare(void)
{
	struct hp_options *options = hp_lifecycle_options();

	hp_lifecycle_prepare(false /* late */);
	hp_options_read(options, get_from_environment, hp_process_is_called);
	if (!options->is_left_out)
		hp_last_look_init(get_from_environment(HP_LAST_LOOK_VARIABLE));
	if (!options->prefix[0] && hp_last_look_is_wanted())
		hp_options_leave_out_dumps(options);
	if (!options->prefix[0] && !hp_last_look_is_wanted())
		look_for_prefix();
	else if (!hp_company_must_step_aside())
		hp_lifecycle_begin(options->prefix, true /* by environment */);
}

void hp_startup_register(void)
{
	const struct hp_options *options = hp_lifecycle_options();
	int saved_errno = hp_own_work_begin();

	hp_names_mark_environment(is_prefix_misspelt);
	hp_lifecycle_watch();
	/* Now, because no other thread opens descriptors yet that could be confused with
	 * libunwind's. */
	hp_frame_rule_init(options->unwinder == HP_UNWINDER_LIBUNWIND);
	hp_clock_init();
	/* Only now, after tcmalloc's constructor, which ends the process if its signal is not
	 * free. */
	if (hp_session_is_running())
		hp_due_take_signal(options);
	if (hp_session_is_running() && hp_last_look_is_wanted())
		hp_fatal_signals_take();
	hp_own_work_end(saved_errno);
}

void hp_startup_init(void)
{
	uint32_t expected = NOT_READY;

	/* Before the C library is ready, the environment can't be read. */
	if (!hp_symbols_is_c_library_ready() ||
	    !__atomic_compare_exchange_n(&state, &expected, PREPARING, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return;
	int saved_errno = hp_own_work_begin();

	prepare();
	hp_own_work_end(saved_errno);
	__atomic_store_n(&state, READY, __ATOMIC_RELEASE);
}
