/* SPDX-License-Identifier: MIT */
/* The environment, read once into one struct. The table in options.c is the only place that names
 * the variables: the parser and the man page are both made from it. */
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

enum hp_keep {
	HP_KEEP_NEWEST,
	HP_KEEP_SPREAD
};

enum {
	HP_SPREAD_MAX = 256, /* dumps that are kept spread */
	HP_STACK_DEPTH_MAX = 512,
	HP_OPTION_TEXT_SIZE = 1024 /* with its NUL */
};

struct hp_options {
	uint64_t sample_interval; /* bytes; 1: every allocation */
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
	char program[HP_OPTION_TEXT_SIZE]; /* names of those that record; empty: all */
	bool is_left_out; /* this program is none of them: nothing is said, and no prefix given */
	char prefix[PATH_MAX]; /* HEAPPROFILE as it was given; empty if unset */
};

enum hp_option_kind {
	HP_OPTION_SIZE, /* bytes, with K, M, G */
	HP_OPTION_NUMBER,
	HP_OPTION_BOOLEAN, /* 0 or 1, also no/yes, false/true, off/on */
	HP_OPTION_SIGNAL,  /* number, or name with or without SIG, RTMIN+n too */
	HP_OPTION_CHOICE,  /* one of `choices` */
	HP_OPTION_TEXT,    /* anything that fits into HP_OPTION_TEXT_SIZE */
};

struct hp_option {
	const char *name;
	enum hp_option_kind kind;
	uint16_t offset; /* of a uint64_t in struct hp_options; of a text its array */
	uint64_t default_value, min, max;
	const char *default_text;   /* as a user would write it */
	const char *const *choices; /* NULL-terminated; the index is the value */
	const char *meaning;        /* for the man page */
};

extern const struct hp_option hp_option_table[];
extern const size_t hp_n_options;

/* Fills `out` from the environment. A value that can't be read, or is out of range, is reported and
 * its default used. `get` is getenv(), or something like it in tests; `is_called` tells whether a
 * name on the list that HEAP_PROFILE_PROGRAM holds is this program's. Not thread-safe. */
void hp_options_read(struct hp_options *out, const char *(*get)(const char *name),
		     bool (*is_called)(const char *list));
