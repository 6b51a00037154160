/* SPDX-License-Identifier: MIT */
/* A thread of our own in another process. It calls functions there, one after the other, and then
 * ends. It has its own stack, and all that the C library expects of a thread: a thread control
 * block, thread-local storage and a vector of its modules. So it may wait for locks that other
 * threads of the process hold, which a borrowed thread must not.
 *
 * At its end it calls the destructors of thread-specific data: allocators keep lists of their
 * threads' caches, which are in thread-local storage.
 *
 * All of it is one mapping in the target, the area. An area that a killed tool has left is removed
 * by the next one. */
#pragma once
#include "inject/system_call.h"
#include "inject/thread_layout.h"
#include "target/stop.h"

enum {
	HP_THREAD_ARGUMENTS = 3,
	HP_THREAD_CALLS_MAX = 16,
	HP_THREAD_TEXT_MAX = 8192, /* bytes of all texts and data */
};

struct hp_thread_call {
	uint64_t function;
	uint64_t arguments[HP_THREAD_ARGUMENTS];
	uint64_t result;
};

struct hp_thread;

/* The state of a thread. */
enum hp_thread_state {
	HP_THREAD_RUNS,
	HP_THREAD_DONE,    /* it has made all calls and has ended */
	HP_THREAD_CRASHED, /* a call was to get a fatal signal, and the thread was ended instead;
			      its area stays, since libraries may have kept addresses in it */
	HP_THREAD_GONE,    /* the process has ended */
};

/* Fails if a thread of ours is still there, of a tool that was killed or has given up. All threads
 * are stopped. Returns 0 or HP_TARGET_E. */
int hp_thread_check_absent(struct hp_target *t, struct hp_stop *stop);

/* Returns true if there is an area that a killed tool may have left. The threads may run. */
bool hp_thread_has_left(struct hp_target *t);

/* Removes areas that killed tools have left. All threads are stopped. Returns 0 or HP_TARGET_E.
 */
int hp_thread_clean(struct hp_target *t, struct hp_stop *stop, struct hp_system_call_host *host);

/* Maps an area and makes a thread's data in it. All threads are stopped. Returns 0 or HP_TARGET_E.
 * *out is NULL after a failure. */
int hp_thread_prepare(struct hp_target *t, struct hp_stop *stop, struct hp_system_call_host *host,
		      const struct hp_thread_layout *layout, struct hp_thread **out);

/* Sets in the block of one thread of the process that there are more, or what the block had before.
 * Up to glibc 2.35 the allocator takes locks only then. All threads are stopped. Returns 0 or
 * HP_TARGET_E. */
int hp_thread_set_multiple(struct hp_thread *thread, struct hp_system_call_host *host, bool is_set);

/* Copy bytes or a text into the area, for an argument. Set *out to their address there, a multiple
 * of 8. */
int hp_thread_put_bytes(struct hp_thread *thread, struct hp_system_call_host *host,
			const void *bytes, size_t size, uint64_t *out);
int hp_thread_put_text(struct hp_thread *thread, struct hp_system_call_host *host, const char *text,
		       uint64_t *out);

/* Starts the thread, with these calls. All threads are stopped; the new one runs at once. It can be
 * started again when it is done. */
int hp_thread_start(struct hp_thread *thread, struct hp_system_call_host *host,
		    const struct hp_thread_call *calls, size_t n);

/* Looks at the thread; does not wait. Sets the results of the calls that were made. */
enum hp_thread_state hp_thread_look(struct hp_thread *thread, struct hp_thread_call *calls,
				    size_t n);

/* Returns true from the start until hp_thread_look() has seen the end. */
bool hp_thread_is_running(const struct hp_thread *thread);

/* Unmaps the area, except after a crash. All threads are stopped, and this one is not running. */
int hp_thread_unmap(struct hp_thread *thread, struct hp_system_call_host *host);

/* Frees what is here; takes NULL. */
void hp_thread_free(struct hp_thread *thread);
