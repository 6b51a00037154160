/* SPDX-License-Identifier: MIT */
/* A thread of ours, for dumps that no allocation of the program triggers: by time, by resident
 * memory, by a signal. It exists only if one of these was asked for: a second thread takes the C
 * library off its single-threaded paths and makes unshare(CLONE_NEWUSER) fail. */
#pragma once
#include "options.h"

/* Starts the thread if `options` need one, and takes the signal if it is free. With hp_tls.in_hook
 * set, where calling the C library is safe. */
void hp_helper_start(const struct hp_options *options);

/* Lets the thread sleep, and gives the signal back. */
void hp_helper_stop(void);

/* In a fork child there is no such thread any more. It may not be made again where the C library
 * has not seen the fork (a raw clone, _Fork()): its allocator's locks, which pthread_create()
 * needs, may be held by threads that are gone. */
void hp_helper_after_fork(bool may_be_made);

/* True if a thread is wanted that isn't there; see hp_helper_revive(). Any thread, signal-safe. */
bool hp_helper_is_missing(void);

/* Makes it again. With hp_tls.in_hook set, from within a hook that the program called, not the
 * allocator, and not one of free(): the C library calls that under a lock which is needed here. A
 * child that calls exec at once never gets here. Nor does one that neither allocates nor maps
 * memory: between a fork and what a program may do in a child no call is safe that makes a thread,
 * and in a signal handler neither. Signals that came before are made good then. */
void hp_helper_revive(void);
