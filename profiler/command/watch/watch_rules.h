/* SPDX-License-Identifier: MIT */
/* Watch rules decide when a dump of a process is due: after a time, after a growth of its resident
 * memory, and when its cgroup has little memory left. They know no clock: the caller says what it
 * has seen, and when. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct watch_rules {
	uint64_t every_ms;   /* 0: not by time */
	uint64_t rss_bytes;  /* 0: not by resident memory */
	double memory_share; /* of the cgroup's limit, from 0 to 1; 0: not by the cgroup */
	bool has_first;      /* a dump is due as soon as the process is seen */
	bool is_due_at_once; /* the time has come when the process is seen */
};

struct watch_sight {     /* of a process at one moment */
	uint64_t now_ms; /* of a clock that never jumps */
	uint64_t rss_bytes;
	double memory_share; /* in use of the cgroup's limit; negative if there is no limit */
};

enum watch_reason {
	WATCH_NOTHING, /* no dump is due */
	WATCH_FIRST,
	WATCH_TIME,
	WATCH_RSS,
	WATCH_MEMORY_MAX,
};

struct watch_marks { /* what the next dump of a process depends on */
	bool has_first;
	uint64_t next_ms;
	uint64_t rss_bytes;  /* at the last dump, or at first sight */
	double memory_share; /* at which the next dump is due */
};

/* Sets the marks of a process that is seen for the first time. */
void watch_marks_init(struct watch_marks *marks, const struct watch_rules *rules,
		      const struct watch_sight *sight);

/* Returns why a dump is due. Call it at each sight: it also lowers the mark of the cgroup's memory
 * when that memory has been freed. */
enum watch_reason watch_rules_judge(const struct watch_rules *rules, struct watch_marks *marks,
				    const struct watch_sight *sight);

/* Moves the marks after a dump, or after an attempt that failed. Times that have passed meanwhile
 * are skipped. While the cgroup's memory stays above the share, the next dump is due when half of
 * the rest is used up. */
void watch_rules_note_dump(const struct watch_rules *rules, struct watch_marks *marks,
			   const struct watch_sight *sight);

/* Returns the reason as a dump shows it, such as "outside: time". */
const char *watch_reason_text(enum watch_reason reason);
