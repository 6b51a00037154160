/* SPDX-License-Identifier: MIT */
/* A session is the time during which allocations are recorded, from HeapProfilerStart to
 * HeapProfilerStop; between sessions the hooks only forward calls. These functions begin and end
 * sessions, and let each thread enter and leave the recorder. They can also pause a session, as for
 * a fork: during a pause no thread can enter. */
#pragma once
#include "base/options.h"
#include "base/view.h"
#include "record/level.h"
#include "record/thread.h"

struct hp_session {
	uint32_t number; /* the running session's number; 0: no session is running */
	/* Each entry of the live table (live.h) has the number of the session that recorded it. A
	 * fork child continues its parent's session under a new number, `own`; entries with numbers
	 * from `first` to `own` - 1 are inherited from the parent. */
	uint32_t first, own;
	uint64_t interval;     /* the sample interval; 0: automatic, see hp_session_interval() */
	uint64_t depth, seed;  /* as in struct hp_options, but `seed` is never 0: it was drawn if
				  the option is unset */
	bool is_only_mappings; /* true: the heap is not recorded */
};

extern struct hp_session hp_session; /* only session.c writes it */

static inline uint32_t hp_session_number(void)
{
	return __atomic_load_n(&hp_session.number, __ATOMIC_SEQ_CST);
}

static inline bool hp_session_is_running(void)
{
	return hp_session_number() != 0;
}

/* Returns true if the running session's sample interval is automatic. It is not if mappings are
 * recorded: a mapping is unmapped in parts, and a part may have a lower level than the whole. */
static inline bool hp_session_is_auto(void)
{
	return __builtin_expect(hp_session.interval == 0, false);
}

/* Returns the present sample interval. */
static inline uint64_t hp_session_interval(void)
{
	return hp_session_is_auto() ? UINT64_C(1) << hp_level_now() : hp_session.interval;
}

/* Stores the options of the next session and gives it its number. No session may be running. */
void hp_session_prepare(const struct hp_options *options);

/* Begins the session that hp_session_prepare() has prepared. All tables must be ready. */
void hp_session_begin(void);

void hp_session_end(void);

/* Called when a thread notices that the process is a fork child in which no fork handler ran. Makes
 * the process ready, or waits for the thread that noticed it first. Returns false if that thread
 * takes too long. */
extern bool (*hp_session_on_raw_fork)(void);

/* --- a thread's way in and out --------------------------------------------------------------
 *
 * A thread calls hp_session_leave() after each hp_session_enter() that succeeds; or
 * hp_session_leave_unchanged(), if it has neither joined a session nor counted allocated bytes.
 * Both calls are made within one function of recorder.h, so no thread is inside while it runs the
 * allocator or the kernel's part of a hook. A hook that has work before and after that part
 * (realloc, munmap, mremap) enters twice; it keeps what the first part took out of a table in a
 * struct, for the second part.
 *
 * Any thread, from within a hook. */

/* Returns the calling thread's struct, which only this thread uses until it leaves. Returns NULL if
 * there is no memory, or if a pause takes too long. While a thread is inside, sessions may end and
 * begin, but no table is emptied. */
struct hp_thread *hp_session_enter(void);

/* Leaves, and sets when the thread next takes its slow path. If the struct is borrowed, its counts
 * are reported first, because another thread will use the struct next. */
void hp_session_leave(struct hp_thread *thread);

/* Leaves, and does not change when the thread next takes its slow path. */
static inline void hp_session_leave_unchanged(struct hp_thread *thread)
{
	hp_thread_leave(thread);
}

/* Makes the thread part of the session with this number. Its count of allocated bytes starts at
 * 0. */
void hp_session_join(struct hp_thread *thread, uint32_t number);

/* Counts `size` bytes of the calling thread that its hook has not counted. */
void hp_session_count(size_t size);

/* Reports to the triggers what the thread has counted since its last report. */
void hp_session_report(struct hp_thread *thread);

/* --- pauses -------------------------------------------------------------------------------- */

/* Keeps all other threads out until hp_session_resume(). A thread that wants to enter waits for
 * half a second and then gives up. Returns false if some thread inside did not leave within that
 * time; the caller must call hp_session_resume() in this case too. Pauses may be nested. */
bool hp_session_pause(void);
void hp_session_resume(void);

/* Call it in a fork child, in place of hp_session_resume(). The session gets a new number and a new
 * seed. If `is_clean` is false, what was recorded before no longer belongs to the session. */
void hp_session_after_fork(bool is_clean);

/* Rows of the view. */
extern const struct hp_view_row hp_session_view[4];
