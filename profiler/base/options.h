/* SPDX-License-Identifier: MIT */
/* The options are the profiler's settings from the environment, read once into one struct. The
 * names of their variables are in one place only, the table in options.c: the parser and the man
 * page are both made from that table. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hp_unwinder {
	HP_UNWINDER_LIBUNWIND,
	HP_UNWINDER_FRAME_POINTER
};
enum hp_verbose {
	HP_VERBOSE_NO,
	HP_VERBOSE_YES,
	HP_VERBOSE_AUTO
};

enum {
	HP_SAMPLE_INTERVAL_AUTO = 0
};

enum hp_keep {
	HP_KEEP_NEWEST,
	HP_KEEP_SPREAD
};

enum {
	HP_SPREAD_MAX = 256, /* the number of dumps that are kept with HP_KEEP_SPREAD, at most */
	HP_STACK_DEPTH_MAX = 512,
	HP_OPTION_TEXT_SIZE = 1024 /* including the NUL */
};

struct hp_options {
	uint64_t sample_interval; /* bytes; 1: every allocation; or HP_SAMPLE_INTERVAL_AUTO */
	uint64_t allocation_interval, deallocation_interval, inuse_interval; /* bytes; 0: off */
	uint64_t rss_interval;                                               /* bytes; 0: off */
	uint64_t time_interval;                                              /* seconds; 0: off */
	uint64_t dump_signal;                                                /* 0: none */
	uint64_t exit_dump;
	uint64_t max_dumps; /* 0: keep all */
	uint64_t keep;      /* enum hp_keep */
	uint64_t cleanup;
	uint64_t stack_depth;
	uint64_t unwinder; /* enum hp_unwinder */
	uint64_t record_mmap, only_mmap;
	uint64_t memory_limit;
	uint64_t seed; /* 0: random */
	uint64_t cmdline;
	uint64_t verbose;                  /* enum hp_verbose */
	char program[HP_OPTION_TEXT_SIZE]; /* patterns of the programs that record; empty: all */
	bool is_left_out;      /* `program` does not match this program: no error is reported, and
				  `prefix` stays empty */
	char prefix[PATH_MAX]; /* HEAPPROFILE, unchanged; empty if unset */
};

enum hp_option_kind {
	HP_OPTION_SIZE, /* bytes, with an optional K, M or G; or one of `choices` */
	HP_OPTION_NUMBER,
	HP_OPTION_BOOLEAN, /* 0 or 1, also no/yes, false/true, off/on */
	HP_OPTION_SIGNAL,  /* a number, or a name with or without SIG; also RTMIN+n */
	HP_OPTION_CHOICE,  /* one of `choices` */
	HP_OPTION_TEXT,    /* anything that fits into HP_OPTION_TEXT_SIZE */
};

struct hp_option {
	const char *name;
	enum hp_option_kind kind;
	uint16_t offset; /* of its uint64_t in struct hp_options, or of the array of a text */
	uint64_t default_value, min, max;
	const char *default_text;   /* as a user would write it */
	const char *const *choices; /* NULL-terminated; the index is the value */
	const char *meaning;        /* for the man page */
};

extern const struct hp_option hp_option_table[];
extern const size_t hp_n_options;

/* Fills `out` from the environment. A value that is invalid or out of range is reported, and the
 * option's default is used. `get` is getenv(), or a replacement in tests. `is_called` returns true
 * if a pattern in `list`, the value of HEAP_PROFILE_PROGRAM, matches this program's name. Not
 * thread-safe; may allocate: no. */
void hp_options_read(struct hp_options *out, const char *(*get)(const char *name),
		     bool (*is_called)(const char *list));

/* Turns all dumps off that the process would write by itself, for a session without files. */
void hp_options_leave_out_dumps(struct hp_options *options);
