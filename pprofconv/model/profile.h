/* SPDX-License-Identifier: MIT */
/* A profile is the converter's model of one pprof protobuf. One object owns everything. Items refer
 * to each other by number. Equal samples, stacks, label sets, functions and strings are stored
 * once.
 *
 * Any field may be read. Only the functions below change fields, unless a comment says otherwise.
 *
 * Failure is sticky. When memory runs out or a count exceeds its limit, the function returns a
 * number that means nothing but may be passed to other functions. Later calls do nothing, and
 * profile_status() returns the failure. A caller that builds a profile checks profile_status()
 * once, at the end, and before it reads any items. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/index.h"
#include "base/number_map.h"
#include "base/strtab.h"
#include "base/vec.h"

#define PROFILE_NONE       UINT32_MAX /* in place of a number: no such item */
#define SAMPLE_TYPES_MAX   64         /* no profile that pprof knows has more than a handful */
#define LOCATION_LINES_MAX 1024       /* no compiler inlines that deep */

struct profile_value_type {
	uint32_t type; /* string, such as inuse_space */
	uint32_t unit; /* string, such as bytes */
};

/* A mapping is a range of the address space that a file was mapped to. Mapping 0 is taken for the
 * program itself, as in pprof. */
struct profile_mapping {
	uint64_t start;
	uint64_t limit;    /* the first address after it */
	uint64_t offset;   /* where `start` is in the file */
	uint32_t file;     /* string, "" if not known; without " (deleted)" */
	uint32_t build_id; /* string, lower-case hexadecimal, "" if not known */
	uint32_t unknown;  /* in profile.unknown_fields: fields unknown to us, or 0 */
	bool was_deleted;  /* the file was already deleted when the profile was made; not written */
	/* These say what is known about the locations in the mapping. pprof does not symbolize a
	 * mapping in which any of the first three is set. A symbolizer may write them. */
	bool has_functions;
	bool has_filenames;
	bool has_line_numbers;
	bool has_inline_frames;
};

struct profile_function {
	uint32_t name;        /* string, for people: demangled */
	uint32_t system_name; /* string, as in the symbol table: mangled; "" if not known */
	uint32_t filename;    /* string */
	uint32_t unknown;
	int64_t start_line; /* 0: not known */
};

struct profile_line {
	uint32_t function; /* number, or PROFILE_NONE */
	uint32_t unknown;
	int64_t line;   /* 0: not known */
	int64_t column; /* 0: not known */
};

/* A location is a place in the code. profile_lines() returns its lines. Several lines mean that
 * functions were inlined: the first line is in the innermost callee, the last in the function that
 * contains the code. */
struct profile_location {
	uint64_t address; /* of the call: the return address minus 1 */
	uint32_t mapping; /* number, or PROFILE_NONE */
	uint32_t first_line;
	uint32_t n_lines : 31;
	uint32_t is_folded : 1; /* several functions share the code; it is unknown which ran */
	uint32_t unknown;
};

/* A stack is a call chain: locations, the leaf first. See profile_stack(). */
struct profile_stack {
	uint32_t first_frame;
	uint32_t n_frames;
	uint32_t first_sample; /* number of the first sample with this stack, or PROFILE_NONE */
};

/* A label has a key, and a value that is either a string or a number with its unit. */
struct profile_label {
	uint32_t key;
	uint32_t text; /* string; "" if the label is a number */
	uint32_t unit; /* string, of the number; may be "" */
	uint32_t unknown;
	int64_t number;
};

struct profile_label_set {
	uint32_t first_label;
	uint32_t n_labels;
};

/* profile_values() returns a sample's values. No two samples of a profile agree in all three
 * fields. */
struct profile_sample {
	uint32_t stack;
	uint32_t labels; /* a label set; 0 is the empty one */
	uint32_t unknown;
};

struct profile {
	VEC(struct profile_value_type) sample_types;
	VEC(struct profile_sample) samples;
	VEC(int64_t) values; /* of all samples, sample_types.n each */
	VEC(struct profile_stack) stacks;
	VEC(uint32_t) frames; /* of all stacks */
	VEC(struct profile_label_set) label_sets;
	VEC(struct profile_label) labels; /* of all label sets */
	VEC(struct profile_location) locations;
	VEC(struct profile_line) lines; /* of all locations */
	VEC(struct profile_function) functions;
	VEC(struct profile_mapping) mappings;
	VEC(uint32_t) comments; /* strings */
	struct strtab strings;
	struct strtab unknown_fields; /* of the input, in its encoding */

	/* Any caller may write these. */
	const char *format; /* constant text: the format that the profile was read from, or NULL */
	const char *tool;   /* constant text: what wrote the input, or NULL if not known */
	bool keeps_names;   /* pprof files made of it have whole names, not short ones */
	int process;     /* the process that it was read from, whose root has its files; 0: none */
	bool is_of_data; /* its locations are places in data, to be named by variables */
	bool is_of_core; /* it was read from a core, which belongs to: */
	uint32_t core_uid, core_gid;
	struct profile_value_type period_type;
	int64_t period;     /* 1: every event was recorded */
	int64_t time_nanos; /* since the epoch; 0: not known */
	int64_t duration_nanos;
	uint64_t wanted_report;       /* a reader takes this report of a log, from 1; 0: the last */
	uint64_t n_reports;           /* of the input; 0: its format has one */
	bool keeps_samples;           /* counts of a sampled dump are not scaled to estimates */
	int64_t kept_interval;        /* the sample interval if counts were not scaled; else 0 */
	uint32_t drop_frames;         /* string, regular expression */
	uint32_t keep_frames;         /* string, regular expression */
	uint32_t default_sample_type; /* string */
	uint32_t doc_url;             /* string */
	uint32_t unknown;

	/* Private: the tables that find equal items, and the first failure. sample_index holds all
	 * samples except the first sample of each stack, which the stack's first_sample gives. */
	struct index sample_index, stack_index, label_index, function_index;
	struct number_map address_map;
	int status;
};

/* Returns an empty profile, or NULL if memory is out. */
struct profile *profile_new(void);

/* Frees the profile and everything that it owns. Takes NULL. */
void profile_free(struct profile *profile);
DEFINE_CLEANUP(struct profile *, profile_free)

/* Returns 0, or the first failure: -ENOMEM; or -EOVERFLOW if a sum of values exceeds 64 bits or if
 * there are too many items of one kind. */
int profile_status(const struct profile *profile);

/* Records a caller's failure, as if one of the functions here had failed with `code`, a negative
 * errno. */
void profile_fail(struct profile *profile, int code);

/* profile_intern() and profile_intern_bytes() copy a text and return the number of the string.
 * profile_string() returns the text of a string, which is valid as long as the profile. */
uint32_t profile_intern(struct profile *profile, const char *text);
uint32_t profile_intern_bytes(struct profile *profile, const char *text, size_t size);
const char *profile_string(const struct profile *profile, uint32_t string);

/* Adds a sample type and returns its index in the values of each sample. All sample types must be
 * added before the first sample. More than SAMPLE_TYPES_MAX fail with -EOVERFLOW. */
size_t profile_add_sample_type(struct profile *profile, const char *type, const char *unit);

/* Returns the index of the sample type `type` in the values of each sample, or -1 if there is
 * none. */
int profile_find_sample_type(const struct profile *profile, const char *type);

/* Adds `values`, one per sample type, to the sample whose fields equal `key`; if there is none,
 * adds this sample. Returns the number of the sample. */
uint32_t profile_add_sample(struct profile *profile, struct profile_sample key,
			    const int64_t *values);

/* Returns the number of the stack with these locations, the leaf first, and adds it if it is new.
 * `n` may be 0. */
uint32_t profile_add_stack(struct profile *profile, const uint32_t *locations, size_t n);

/* Returns the number of the label set with these labels in this order, and adds it if it is new. If
 * `n` is 0, returns 0. */
uint32_t profile_add_labels(struct profile *profile, const struct profile_label *labels, size_t n);

/* Returns the location that an earlier call made for this address; if there is none, adds a
 * location without a mapping and without lines. */
uint32_t profile_location_at(struct profile *profile, uint64_t address);

/* Does what profile_location_at() does for all `n` addresses of a stack, which is faster than `n`
 * calls. Sets the `n` numbers in out_locations. */
void profile_locations_at(struct profile *profile, const uint64_t *addresses, size_t n,
			  uint32_t *out_locations);

/* Adds a location, even if there is an equal location, and returns its number. The first_line and
 * n_lines of `location` are ignored; `lines` are copied. More than LOCATION_LINES_MAX lines fail
 * with -EOVERFLOW, as they do in profile_set_lines(). */
uint32_t profile_add_location(struct profile *profile, const struct profile_location *location,
			      const struct profile_line *lines, size_t n_lines);

/* Replaces the lines of a location; they are copied. */
void profile_set_lines(struct profile *profile, uint32_t location, const struct profile_line *lines,
		       size_t n_lines);

/* Returns the number of the function with these fields, and adds it if it is new. */
uint32_t profile_add_function(struct profile *profile, const struct profile_function *function);

/* Adds a mapping after all other mappings, and returns its number. */
uint32_t profile_add_mapping(struct profile *profile, const struct profile_mapping *mapping);

/* Makes the mapping end at `limit` at least. */
void profile_extend_mapping(struct profile *profile, uint32_t mapping, uint64_t limit);

/* Adds a comment, which is a line of free text. */
void profile_add_comment(struct profile *profile, const char *text, size_t size);

/* Returns the sample interval R in bytes: 1 if every allocation was recorded, 0 if the interval is
 * not known. */
int64_t profile_bytes_period(const struct profile *profile);

/* Returns VALUE if `comment`, the number of a string, is "KEY: VALUE" with the key `key`; otherwise
 * returns NULL. A merged profile may have several comments with one key: one for each different
 * value in its inputs. */
const char *profile_comment_value(const struct profile *profile, uint32_t comment, const char *key);

/* Returns the name of the program, without folders, or "" if no mapping is known. */
const char *profile_program(const struct profile *profile);

/* Returns VALUE of the first comment "KEY: VALUE" whose key is `key`, or NULL if there is none. */
const char *profile_metadata(const struct profile *profile, const char *key);

/* Same as profile_metadata(), but returns VALUE as a number, or 0 if there is no such comment. */
uint64_t profile_metadata_number(const struct profile *profile, const char *key);

/* Brings the mappings that were read from a memory map into the form that tools expect. Call it
 * after all locations and mappings of the profile have been added:
 * - neighbouring mappings that continue each other are joined;
 * - the program comes first: the mapping of the file `program` (a path or its last part; NULL or ""
 *   if it is not known), else the first mapping of a file that is not a library;
 * - each location without a mapping gets the one that holds its address; if there is none, it gets
 *   a mapping without a file that spans everything, as pprof makes it. A location whose address is
 *   0 gets none. */
void profile_settle_mappings(struct profile *profile, const char *program);

/* The name of the function that stands for a missing stack. */
#define PROFILE_NO_STACK "(no stack)"

/* Completes a profile that was read, as other tools require: a sample without a location gets a
 * location whose function is PROFILE_NO_STACK, and all locations without a mapping get one mapping
 * without a file. No stack may be added afterwards. */
void profile_complete(struct profile *profile);

static inline int64_t *profile_values(const struct profile *profile, size_t sample)
{
	return vec_from(&profile->values, sample * profile->sample_types.n);
}

/* Returns the locations of a stack, the leaf first. */
static inline const uint32_t *profile_stack(const struct profile *profile, uint32_t stack,
					    size_t *out_n)
{
	*out_n = profile->stacks.items[stack].n_frames;
	return vec_from(&profile->frames, profile->stacks.items[stack].first_frame);
}

static inline const struct profile_label *profile_label_set(const struct profile *profile,
							    uint32_t labels, size_t *out_n)
{
	*out_n = profile->label_sets.items[labels].n_labels;
	return vec_from(&profile->labels, profile->label_sets.items[labels].first_label);
}

static inline const struct profile_line *profile_lines(const struct profile *profile,
						       const struct profile_location *location)
{
	return vec_from(&profile->lines, location->first_line);
}
