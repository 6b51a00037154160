/* SPDX-License-Identifier: MIT */
/* A turn is the time in which one heapprof, and no other, changes a process. It is a lock on the
 * process's folder of descriptors in /proc, which only those can open who may change the process.
 * The kernel ends the turn with the process that has taken it, however that ends. */
#pragma once
#include <stdbool.h>

/* Takes the turn until this process ends. Returns false if another one has had it for `wait_ms`
 * milliseconds. Returns true, without a turn, if the folder can't be opened: what follows is then
 * refused for the same reason. */
bool attach_turn_take(int pid, int wait_ms);
