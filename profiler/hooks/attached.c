/* SPDX-License-Identifier: MIT */
/* What control/attached.h promises. It is in this room, because it gives the hooks their
 * trampolines. */
#include "control/attached.h"
#include "base/clock.h"
#include "control/lifecycle.h"
#include "control/own_work.h"
#include "dump/dumper.h"
#include "hooks/trampolines.h"
#include "process/modules.h"
#include "process/process.h"
#include "record/level.h"
#include "record/session.h"
#include "unwind/frame_rule.h"
#include <string.h>

#define PUBLIC __attribute__((visibility("default")))

static bool is_prepared, is_recording, has_tables;
static bool is_unload_unseen; /* dlclose is not patched */

static bool is_valid(const struct hp_attached_request *r)
{
	return r->version == HP_ATTACHED_VERSION && r->size == sizeof(*r) &&
	       memchr(r->prefix, '\0', sizeof(r->prefix));
}

static bool prepare(void)
{
	if (!is_prepared) {
		hp_lifecycle_prepare(true /* late */);
		hp_lifecycle_watch();
		hp_clock_init();
	}
	is_prepared = true;
	return hp_frame_rule_init(true /* uses tables */);
}

/* Nothing is taken from the environment, which was not made for this session. */
static const char *get_nothing(const char *name)
{
	return NULL;
}

static void set_options(const struct hp_attached_request *r)
{
	struct hp_options *options = hp_lifecycle_options();

	hp_options_read(options, get_nothing, hp_process_is_called);
	options->sample_interval = r->interval;
	if (!r->prefix[0])
		hp_options_leave_out_dumps(options);
}

/* Forgets what is known of code that may have gone. If dlclose is not patched, nothing is kept from
 * now on: a library is always being closed. */
static void begin_epoch(const struct hp_attached_request *r)
{
	if (!is_unload_unseen)
		hp_modules_unload_begin();
	is_unload_unseen = !r->next[HP_ATTACHED_DLCLOSE];
	if (!is_unload_unseen)
		hp_modules_unload_end();
}

static int start(const struct hp_attached_request *r)
{
	if (!is_valid(r))
		return HP_ATTACHED_E_REQUEST;
	if (is_recording)
		return HP_ATTACHED_E_RUNNING;
	if (!hp_trampolines_are_enough(r->next))
		return HP_ATTACHED_E_NO_MALLOC;
	if (r->prefix[0] && r->prefix[0] != '/')
		return HP_ATTACHED_E_PREFIX;
	if (!prepare())
		return HP_ATTACHED_E_MEMORY;
	if (has_tables)
		hp_lifecycle_stop();
	has_tables = false;
	hp_trampolines_set(r->next);
	begin_epoch(r);
	set_options(r);
	if (!hp_lifecycle_start(r->prefix))
		return HP_ATTACHED_E_BUSY;
	is_recording = has_tables = true;
	return HP_ATTACHED_OK;
}

PUBLIC int heapprof_attached_start(const struct hp_attached_request *request)
{
	int saved_errno = hp_own_work_begin();
	int result = start(request);

	hp_own_work_end(saved_errno);
	return result;
}

PUBLIC void heapprof_attached_stop(void)
{
	int saved_errno = hp_own_work_begin();

	if (is_recording)
		hp_lifecycle_detach();
	is_recording = false;
	hp_own_work_end(saved_errno);
}

/* Returns the lowest level whose interval is at least this one. */
static uint32_t level_of(uint64_t interval)
{
	uint32_t level = 0;

	while (level < HP_LEVEL_MAX && UINT64_C(1) << level < interval)
		level++;
	return level;
}

PUBLIC int heapprof_attached_set(uint64_t interval)
{
	if (!is_recording)
		return HP_ATTACHED_E_NOT_RUNNING;
	if (!hp_session_is_auto())
		return interval == hp_session_interval() ? HP_ATTACHED_OK : HP_ATTACHED_E_FIXED;
	if (interval == 0)
		return HP_ATTACHED_OK;
	return hp_level_raise(level_of(interval)) ? HP_ATTACHED_OK : HP_ATTACHED_E_FINER;
}
