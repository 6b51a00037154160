/* SPDX-License-Identifier: MIT */
/* A preload link is a symbolic link to the library whose path LD_PRELOAD can hold: that variable is
 * a list, separated by spaces and colons. */
#pragma once
#include <limits.h>

/* Replaces the path of the library by that of a link to it, if LD_PRELOAD can't hold the path. The
 * link is in a folder of this user in /tmp, which no other user can write to or replace, and it
 * stays there: a process that outlives the run needs it for each program that it executes. Later
 * runs use it again. Prints the error; returns the exit status. */
int preload_link_replace(char library[PATH_MAX]);
