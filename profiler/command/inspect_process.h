/* SPDX-License-Identifier: MIT */
/* A process is inspected through its files in /proc alone; it is neither stopped nor written to.
 * These files are not trusted: texts are bounded, and opening a file does not wait. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"
#include "command/inspect_program.h"

#define PREFIX_MAX 4096

struct process_status { /* of /proc/PID/status */
	char state;     /* R, S, D, T, t, Z, X; 0 if it is not known */
	pid_t group;    /* the process that a thread belongs to; a process itself */
	pid_t tracer;   /* 0 if there is none */
	uid_t uid;
	int seccomp;     /* 0 off, 1 strict, 2 filter */
	bool has_memory; /* kernel threads and zombies have none */
};

struct process_facts {
	pid_t pid;
	pid_t thread; /* whose files in /proc are read: the main one or, if it has ended, another */
	struct process_status status;
	char program[PATH_MAX]; /* path of the executable; empty if it can't be read */
	struct program_facts executable;
	int maps_error; /* why the maps can't be read, or 0 */
	bool has_library;
	bool is_environment_known;
	char prefix[PREFIX_MAX]; /* HEAPPROFILE when it was started; empty if it was unset */
	bool is_left_out;        /* by HEAP_PROFILE_PROGRAM when it was started */
	pid_t owner;             /* the process that had the prefix when it was started; 0: none */
};

/* Parses the text of /proc/PID/status. Lines that are missing leave zeroes. */
void process_parse_status(const char *text, struct process_status *out);

/* Returns whether the text of /proc/PID/maps names libheapprof.so as a mapped file. */
bool process_maps_have_library(const char *maps);

/* Reads the facts about a process. Returns 0, or -ESRCH if there is no such process. */
int process_inspect(pid_t pid, struct process_facts *out);

/* Returns when a process started, in clock ticks since boot; 0 if that is not known. */
uint64_t process_start_ticks(pid_t pid);

typedef VEC(pid_t) process_vec;

/* Appends the processes whose executable has that name, or is the file that the command of that
 * name in $PATH leads to; all processes if it is NULL. They are sorted by ID: for root those of all
 * users, else those of the caller's user. The calling process is left out. The name that a process
 * has given itself does not count, because it can be anything. Returns 0 or a negative errno. */
int process_find(const char *name, process_vec *out);

/* Appends the processes that record and whose HEAPPROFILE was that prefix when they started, sorted
 * by ID. Processes that are older than the calling one are left out, and those whose files in /proc
 * can't be read. Returns 0 or a negative errno. */
int process_find_recording(const char *prefix, process_vec *out);
