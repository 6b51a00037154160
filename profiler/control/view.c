/* SPDX-License-Identifier: MIT */
/* Collects the rows of all modules in one object. */
#include "base/view.h"
#include "base/memory.h"
#include "control/lifecycle.h"
#include "dump/dumper.h"
#include "dump/names.h"
#include "process/fork_mark.h"
#include "process/modules.h"
#include "process/process.h"
#include "record/level.h"
#include "record/recorder.h"
#include "record/session.h"
#include "record/thread.h"
#include "record/trigger.h"
#include "tables/live.h"
#include "tables/pool_names.h"
#include "tables/spaces.h"
#include "tables/stacks.h"

#define PART(rows)                                       \
	{                                                \
		(rows), sizeof(rows) / sizeof((rows)[0]) \
	}

/* The object has relocations, so it is in a part of the image to which the loader writes, and
 * cores contain such parts. `retain` keeps it in a program that is linked with the archive and
 * --gc-sections, since nothing refers to it there. */
__attribute__((visibility("default"), used, retain)) const struct heapprof_view heapprof_view = {
	.magic = HP_VIEW_MAGIC,
	.self = &heapprof_view,
	.version = HP_VIEW_VERSION,
	.size = sizeof(struct heapprof_view),
	.row_size = sizeof(struct hp_view_row),
	.n_parts = 15,
	.release = HEAPPROF_VERSION,
	.parts =
		{
			PART(hp_memory_view),
			PART(hp_process_view),
			PART(hp_fork_mark_view),
			PART(hp_modules_view),
			PART(hp_stacks_view),
			PART(hp_live_view),
			PART(hp_spaces_view),
			PART(hp_pool_names_view),
			PART(hp_thread_view),
			PART(hp_session_view),
			PART(hp_level_view),
			PART(hp_trigger_view),
			PART(hp_recorder_view),
			PART(hp_names_view),
			PART(hp_dumper_view),
			PART(hp_lifecycle_view),
		},
};
