/* SPDX-License-Identifier: MIT */
/* A target is another process, or a core, whose memory is read: nobody is stopped for it, and
 * nothing is written into it. What is read is hostile: the target may be anything, and change
 * meanwhile.
 *
 * This room is tool code: it allocates, and is no part of libheapprof. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* What functions here return: 0; HP_TARGET_E with a message in the target; HP_TARGET_E_MOVED,
 * without one, if what was read changed meanwhile or went, and is to be read again. */
enum {
	HP_TARGET_E = 1,
	HP_TARGET_E_MOVED,
};

struct hp_target_mapping {
	uint64_t start, end, offset;
	bool is_readable, is_writable, is_executable, is_private;
	const char *line; /* as /proc/PID/maps has it, without its newline */
	size_t line_size;
	const char *path; /* within the line; NULL for anonymous memory */
	size_t path_size;
};

/* Some bytes of the target's memory, and where they are to go. */
struct hp_target_piece {
	uint64_t address;
	void *to;
	size_t size;
};

struct hp_target;

struct hp_target_ops {
	/* Reads all pieces, in this order. False if some of it can't be read: then the target's
	 * `failed_at` is an address in the piece. */
	bool (*read)(struct hp_target *t, const struct hp_target_piece *pieces, size_t n);
	/* After the reading: whether it was the same target all the time. 0 or HP_TARGET_E. */
	int (*check)(struct hp_target *t);
	/* Notes a message that says why that address can't be read. */
	void (*explain)(struct hp_target *t, uint64_t address);
	void (*close)(struct hp_target *t);
};

struct hp_target {
	const struct hp_target_ops *ops;
	char message[512];
	char note[256]; /* something about what was read that the reader is to know; "" if nothing
			 */
	uint64_t failed_at;
	uint64_t n_bytes_read;

	bool is_frozen;       /* nothing in it runs: reading it again would show the same */
	int pid;              /* as the target itself sees it; 0: not known */
	int outer_pid;        /* as we see it; 0: there is no process */
	int parent;           /* as we see it; 0: not known */
	int parent_own;       /* as it sees itself; 0: not known */
	char *program;        /* path of the executable; NULL: not known */
	struct timespec time; /* of the reading, or of the core; 0: not known */
	bool has_memory;
	uint64_t rss_bytes, anonymous_bytes;

	struct hp_target_mapping *mappings; /* in order of addresses */
	size_t n_mappings;
	char *maps; /* the text that their lines are in */
};

/* Opens the process; *out is to be closed, whatever is returned, unless it is NULL for want of
 * memory. */
int hp_target_open_process(int pid, struct hp_target **out);

/* Takes NULL. */
void hp_target_close(struct hp_target *t);

/* Notes the message, unless there is one. */
void hp_target_note_error(struct hp_target *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same, and is HP_TARGET_E. */
#define hp_target_error(...) (hp_target_note_error(__VA_ARGS__), HP_TARGET_E)

static inline int hp_target_no_memory(struct hp_target *t)
{
	return hp_target_error(t, "out of memory");
}

/* Notes why what was just read can't be. Returns HP_TARGET_E. */
static inline int hp_target_explain(struct hp_target *t)
{
	t->ops->explain(t, t->failed_at);
	return HP_TARGET_E;
}

/* Reads bytes; false, with `failed_at` set, if they can't be read. */
bool hp_target_read(struct hp_target *t, uint64_t address, void *to, size_t size);
bool hp_target_read_pieces(struct hp_target *t, const struct hp_target_piece *pieces, size_t n);

/* The mapping that holds the address, or NULL. */
const struct hp_target_mapping *hp_target_mapping_at(const struct hp_target *t, uint64_t address);

/* Parses the text of /proc/PID/maps, `size` bytes, which the target takes over; lines that can't be
 * are passed over. 0 or HP_TARGET_E. */
int hp_target_parse_maps(struct hp_target *t, char *text, size_t size);
