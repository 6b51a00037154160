/* SPDX-License-Identifier: MIT */
/* A snapshot is read in parts, each a file of its own: the rows of the view and the variables that
 * are read together (snapshot_view.c), the stacks (snapshot_stacks.c), and the libraries and texts
 * (snapshot_libraries.c), the names of pools (snapshot_pools.c), and the recorded blocks
 * (snapshot_blocks.c). snapshot.c puts them together.
 * This header is for these files only. */
#pragma once
#include "dump/dump_text.h"
#include "tables/pool_names.h"
#include "target/snapshot.h"
#include "target/view_reader.h"
#include <string.h>

enum {
	READS_MAX = 100,       /* without a nap, of what is being changed */
	STRUCT_MAX = 64 << 10, /* bytes of a struct, or elements of an array, in a view */
	N_HEADS = 27,
};

/* Variables that are read together. */
struct heads {
	uint32_t session_number, session_own;
	uint64_t interval;        /* 0: automatic */
	uint8_t is_only_mappings; /* not a bool: it may have any value */
	uint32_t n_chunks, used, fork_epoch;
	uint64_t first_thread, retired_bytes;
	uint32_t threads_session;
	uint64_t triggers_allocated;
	uint64_t n_dropped, n_samples_before, n_stacks_cut_before;
	uint8_t has_mappings;
	uint64_t reserved_bytes, profiler_bytes;
	uint64_t shows_cmdline;
	uint64_t n_claimed, cmdline_size, run_id;
	int64_t start_clock[2], start_time[2];
	uint64_t fork_mark;
	int32_t known_pid;
	uint64_t n_permanent;
	uint16_t n_numbered;
};

/* Offsets of fields. */
struct layout {
	uint32_t fold_version, newest, n_stacks, n_records, folded_levels; /* of a shard */
	uint32_t ended, begun, fork_epoch, counts, key, older, stack;      /* of a record */
	uint32_t alloc_objects, alloc_bytes, free_objects, free_bytes;
	uint32_t hash, n_frames, frames; /* of a stack */
	uint32_t next, tls, session, n_samples, n_stacks_cut;
	uint32_t left, checkpoint, version;
	uint32_t module; /* of a numbered one */
	uint32_t start, end, code_start, code_end, code_offset, build_id_size, build_id,
		code_before, is_deleted, path;
};

/* Arrays, structs and constants. */
struct tables {
	struct hp_view_row shards, folded, level, chunks, record, thread, tls, permanent, pieces,
		numbered, grain, chunk, first_chunk, a_piece, mark_known, program, cmdline;
};

struct chunk {
	char *bytes;
	size_t size;   /* of the copy */
	bool *is_torn; /* for each grain: a record there has changed, or was being changed */
};

struct hp_snapshot_pool {
	char kind[32]; /* a word, ended by a NUL */
	char path[HP_POOL_PATH_MAX];
	size_t path_size;
};

struct snapshot {
	struct hp_target *t;
	struct hp_view_reader view;
	uint64_t head_addresses[N_HEADS];
	struct layout at;
	struct tables tables;

	struct heads heads, heads_after;
	char *shards, *shards_after;
	char *folded; /* a row for each shard; NULL if nothing was folded */
	uint32_t level;
	int64_t since_ms; /* as in struct hp_dump_content */
	bool is_last_attempt;
	bool is_inherited; /* the tables of a fork child that the library has not noticed yet */

	struct chunk *chunks;
	size_t n_chunks, n_chunk_bytes;
	struct hp_stacks_copy_entry *entries;
	size_t n_entries, entries_room;
	size_t n_missing, n_stacks;
	struct hp_snapshot_counts counts;

	size_t n_naps;

	uint64_t n_samples, n_stacks_cut, allocated_bytes;
	struct hp_module *permanent, *numbered;
	size_t n_permanent, n_numbered;
	struct hp_snapshot_pool *pools; /* by the numbers of their names */
	size_t n_pools;
	char *program, *cmdline;
	char note[512];
};

static inline uint64_t read_number(const char *bytes, uint32_t offset, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes + offset, size);
	return value;
}

/* These functions return 0; HP_TARGET_E_MOVED if all is to be read again; or HP_TARGET_E, with a
 * message in the target. */

/* Bytes could not be read. They may have been unmapped meanwhile: all is read again, unless this is
 * the last attempt. */
int hp_snapshot_unreadable(struct snapshot *s);

/* Looks up all rows of the view that are needed. */
int hp_snapshot_find_all(struct snapshot *s);

/* Returns the number of bytes of all shards. */
size_t hp_snapshot_shards_size(const struct snapshot *s);

/* Reads the shards and the heads, then says whether they can be those of a session. */
int hp_snapshot_read_heads(struct snapshot *s, struct heads *heads, char *shards);
int hp_snapshot_check_heads(struct snapshot *s);

/* Copies the stacks with their counts, adds up the stripes, checks the sums. */
int hp_snapshot_read_stacks(struct snapshot *s);
int hp_snapshot_merge_stripes(struct snapshot *s);
int hp_snapshot_check_sums(struct snapshot *s);
void hp_snapshot_free_chunks(struct snapshot *s);

/* Sleeps for a millisecond. Returns false if no nap is left. */
bool hp_snapshot_nap(struct snapshot *s);

/* Reads the recorded blocks and their stacks, with frames as they are in the tables. The caller
 * calls hp_snapshot_free_blocks() on failure, too. */
int hp_snapshot_read_blocks(struct snapshot *s, struct hp_snapshot_blocks *out);
void hp_snapshot_free_blocks(struct hp_snapshot_blocks *blocks);

/* Returns the copy of a piece of the stacks' arena, or NULL if the copy does not contain all of
 * it. */
char *hp_snapshot_piece_at(const struct snapshot *s, uint32_t handle, size_t size);

/* Reads the names of pools. */
int hp_snapshot_read_pools(struct snapshot *s);

/* Reads the libraries, and the program's path and command line. */
int hp_snapshot_read_permanent(struct snapshot *s);
int hp_snapshot_read_numbered(struct snapshot *s);
int hp_snapshot_read_texts(struct snapshot *s);
void hp_snapshot_note_deleted(struct snapshot *s, struct hp_module *m);
void hp_snapshot_free_modules(struct hp_module *modules, size_t n);
