/* SPDX-License-Identifier: MIT */
/* A stop holds all threads of a process by ptrace, so that its memory does not change. System calls
 * that the stop interrupts are made again, so the process sees no EINTR.
 *
 * The kernel lets the threads go when the calling process ends, however it ends. Some stay traced
 * until then: so a stop belongs into a process that ends soon, a child of apart.h. A signal for
 * such a thread is delivered at that end. SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGTSTP are blocked
 * only while threads are being stopped or let go. A process may make several stops of a target, one
 * after the other. */
#pragma once
#include "target/target.h"

struct hp_stop;

/* Stops all threads of the target, a process. Returns 0, or HP_TARGET_E after all threads that had
 * stopped were let go. *out is NULL after a failure. */
int hp_stop_begin(struct hp_target *t, struct hp_stop **out);

/* Lets the threads go, and frees the stop; takes NULL. Signals that arrived meanwhile are
 * delivered, and a process that had been stopped by a signal stays stopped. */
void hp_stop_end(struct hp_stop *stop);

/* Lets the threads go, but keeps the stop, so that hp_stop_again() can stop them once more. */
void hp_stop_let_go(struct hp_stop *stop);

/* Stops all threads again. Returns 0, or HP_TARGET_E after all threads that had stopped were let
 * go. */
int hp_stop_again(struct hp_stop *stop);

/* Lets threads that are still traced go on, if a signal has stopped them. A caller that waits
 * between hp_stop_let_go() and hp_stop_again() calls it every few milliseconds. */
void hp_stop_keep_going(struct hp_stop *stop);

/* A stopped thread. */
struct hp_stop_thread {
	int id;
	bool can_go_on; /* no signal is being delivered to it, and none has stopped its process */
};

/* Sets *out to one of the threads, numbered from 0. Returns false after the last one. */
bool hp_stop_thread_at(const struct hp_stop *stop, size_t i, struct hp_stop_thread *out);
