/* SPDX-License-Identifier: MIT */
/* A session is the time during which allocations are recorded, from HeapProfilerStart to
 * HeapProfilerStop; between sessions the hooks only forward calls. This module begins and ends
 * sessions, and lets each thread into the recorder and out of it. It can pause a session, as for a
 * fork: no thread gets in then. */
#pragma once
#include "base/options.h"
#include "base/view.h"
#include "record/thread.h"

struct hp_session {
	uint32_t number; /* of the running session; 0: none runs */
	/* A fork child continues the session under a new number. Its entries carry the numbers from
	 * `first` to `own`; those below `own` were inherited. */
	uint32_t first, own;
	uint64_t interval, depth, seed; /* see struct hp_options; `seed` as it was drawn */
	bool is_only_mappings;          /* the heap is not recorded */
};

extern struct hp_session hp_session; /* written by session.c alone */

static inline uint32_t hp_session_number(void)
{
	return __atomic_load_n(&hp_session.number, __ATOMIC_SEQ_CST);
}

static inline bool hp_session_is_running(void)
{
	return hp_session_number() != 0;
}

/* Copies the options and gives the session its number. No session may be running. */
void hp_session_prepare(const struct hp_options *options);

/* Begins the session that was prepared. All tables must be ready. */
void hp_session_begin(void);

void hp_session_end(void);

/* Called when the process turns out to be a fork child for which no fork handler has run. Makes it
 * ready, or waits for the thread that noticed first. Returns false if that thread takes too long.
 */
extern bool (*hp_session_on_raw_fork)(void);

/* --- a thread's way in and out --------------------------------------------------------------
 *
 * Each hp_session_enter() that succeeds is followed by one hp_session_leave() or, if the thread has
 * neither joined a session nor counted allocated bytes, one hp_session_leave_unchanged(). Both come
 * within the same call of recorder.h: a thread is never inside while it runs the allocator or the
 * kernel's part of a hook. A hook that works before and after that (realloc, munmap, mremap) enters
 * twice; what it took out of a table the first time it carries in a struct to the second.
 *
 * Any thread, from within a hook. */

/* Returns the calling thread's struct, which is its own until it leaves; or NULL if there is no
 * memory, or a pause takes too long. Sessions may end and begin meanwhile, but the tables keep what
 * they have. */
struct hp_thread *hp_session_enter(void);

/* Leaves, and sets when the thread takes its next slow path. A borrowed struct's counts are
 * reported first: the struct is another thread's next. */
void hp_session_leave(struct hp_thread *thread);

/* Leaves, and keeps the next slow path as it was set before. */
static inline void hp_session_leave_unchanged(struct hp_thread *thread)
{
	hp_thread_leave(thread);
}

/* Makes the thread one of that session's: its count of allocated bytes starts at 0. */
void hp_session_join(struct hp_thread *thread, uint32_t number);

/* Counts `size` bytes of the calling thread that the hook did not count. */
void hp_session_count(size_t size);

/* Reports to the triggers what the thread has counted since its last report. */
void hp_session_report(struct hp_thread *thread);

/* --- pauses -------------------------------------------------------------------------------- */

/* Keeps all other threads out until hp_session_resume(). A thread that wants to enter waits for
 * half a second, then gives up. Returns false if some thread did not leave within that time; the
 * caller resumes in this case too. Pauses may be nested. */
bool hp_session_pause(void);
void hp_session_resume(void);

/* In a fork child, in place of hp_session_resume(). The session gets a new number and a new seed;
 * unless `is_clean`, what was recorded before it does not belong to it. */
void hp_session_after_fork(bool is_clean);

/* Rows of the view. */
extern const struct hp_view_row hp_session_view[4];
