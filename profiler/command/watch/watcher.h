/* SPDX-License-Identifier: MIT */
/* A watcher writes dumps of other processes when its rules say so. The first process under a prefix
 * has the dumps PREFIX.NNNN.heap; while it lives, others under the same prefix have
 * PREFIX_PID.NNNN.heap. When it has ended, the next process goes on with its numbers. */
#pragma once
#include <poll.h>

#include "command/find_target.h"
#include "command/memory_limit.h"
#include "command/watch/watch_rules.h"
#include "command/watch/watch_series.h"

enum {
	WATCHED_MAX = 1000,   /* processes at the same time */
	WATCH_LOOK_MS = 1000, /* between two looks at the memory */
	WATCH_PATIENCE = 3,   /* attempts to read a process that may fail: it is starting */
};

enum watcher_voice {         /* what is printed on standard error */
	WATCHER_SAYS_ALL,    /* each event */
	WATCHER_SAYS_ERRORS, /* why a process can't be read, or a dump not be written */
	WATCHER_SAYS_RIGHTS, /* once that a process may not be read; and the files' errors */
};

struct watched {
	struct found_target target;
	pid_t thread;  /* whose files in /proc are read */
	size_t series; /* its number */
	struct watch_marks marks;
	bool is_seen;      /* the marks are set */
	bool is_readable;  /* it has been read */
	unsigned patience; /* attempts to read it that may still fail before that is printed */
	uint64_t retry_ms; /* when to read it again, unless it is readable */
	uint64_t n_dumps;
	char complaint[DIAG_TEXT_MAX]; /* the last one that was printed */
};

struct watcher {
	const char *pattern; /* the prefix, with expansions */
	struct watch_rules rules;
	uint64_t n_keep; /* dumps of each prefix; 0: all */
	enum watcher_voice voice;
	struct cgroup_mount cgroups;
	VEC(struct watched) processes;
	VEC(struct watch_series) series;
	uint64_t n_dumps;
	char last_path[PATH_MAX]; /* of the newest dump */
	bool has_complained;      /* of a process that may not be read */
	int file_error;           /* why no dump could be written, as -errno; 0: the last one was */
};

/* Returns the time of CLOCK_MONOTONIC. */
uint64_t watcher_now_ms(void);

/* Begins to watch a process, and owns the target from then on. `thread` is one that lives.
 * `patience` is how often it may be read in vain before that is printed: WATCH_PATIENCE, or 0.
 * `is_second` says that it is known to write PREFIX_PID itself. Returns 0 or a negative errno. */
int watcher_add(struct watcher *watcher, struct found_target *target, pid_t thread,
		unsigned patience, bool is_second);

bool watcher_has(const struct watcher *watcher, pid_t pid);

/* Drops the processes that have ended, so that others can go on with their numbers. */
void watcher_drop_ended(struct watcher *watcher);

/* Writes the dumps that are due. */
void watcher_look(struct watcher *watcher, uint64_t now_ms);

/* Returns when to look again; an end of a process comes earlier. UINT64_MAX: then only. */
uint64_t watcher_next_ms(const struct watcher *watcher, uint64_t now_ms);

/* Fills one entry for each process that is watched, which its end makes readable. Returns how
 * many. */
size_t watcher_fill_polls(const struct watcher *watcher, struct pollfd *out);

void watcher_deinit(struct watcher *watcher);
