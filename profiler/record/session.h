/* SPDX-License-Identifier: MIT */
/* When is recorded: a session is the time from HeapProfilerStart to HeapProfilerStop; between
 * sessions the hooks only forward. And each thread's way into what records, and out of it: a pause
 * of a session, as for a fork, lets nobody in. */
#pragma once
#include "base/options.h"
#include "base/view.h"
#include "record/thread.h"

struct hp_session {
	uint32_t number; /* 0: none runs */
	/* A fork child goes on under a number of its own: what its entries have is from first to
	 * own, and those below own were inherited. */
	uint32_t first, own;
	uint64_t interval, depth, seed; /* see struct hp_options; the seed as it was drawn */
	bool is_only_mappings;          /* the heap is left alone */
};

extern struct hp_session hp_session; /* read it; session.c alone writes it */

static inline uint32_t hp_session_number(void)
{
	return __atomic_load_n(&hp_session.number, __ATOMIC_SEQ_CST);
}

static inline bool hp_session_is_running(void)
{
	return hp_session_number() != 0;
}

/* Takes over the options, and gives the session its number; then, with all tables ready, begins. No
 * session may run. */
void hp_session_prepare(const struct hp_options *options);
void hp_session_begin(void);
void hp_session_end(void);

/* Called when the process turns out to be a fork child that no fork handler has seen. False if
 * another thread was first, and does not come to an end with it. */
extern bool (*hp_session_on_raw_fork)(void);

/* The calling thread's struct, until hp_session_leave(). Sessions may end and begin meanwhile, but
 * what they recorded stays. NULL: no memory, or a pause that takes too long. Any thread, from
 * within a hook. */
struct hp_thread *hp_session_enter(void);
void hp_session_leave(struct hp_thread *thread);

/* Makes it one of the session's threads: what it has allocated begins at 0. */
void hp_session_join(struct hp_thread *thread, uint32_t number);

/* Counts bytes of the calling thread that the hook did not count. */
void hp_session_count(size_t size);

/* Tells the triggers what the thread has counted since it told them last. */
void hp_session_report(struct hp_thread *thread);

/* Until resume, no thread but the one that pauses gets in; one that wants to waits a little, and
 * then goes without. False if some thread did not get out in time. Pauses may be nested. */
bool hp_session_pause(void);
void hp_session_resume(void);

/* In the child, instead of resume. Unless it `is_clean`, what was recorded before is not its own.
 */
void hp_session_after_fork(bool is_clean);

/* Rows of the view. */
extern const struct hp_view_row hp_session_view[4];
