/* SPDX-License-Identifier: MIT */
/* A target is another process, or a core, whose memory is read. A process is not stopped for it
 * unless hp_target_stop() is called, and nothing is written into its memory. All that is read is
 * untrusted: the target may be any program, and it may change meanwhile.
 *
 * This room is tool code: it allocates, and it is not part of libheapprof. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Functions of this room return 0; HP_TARGET_E, with a message in the target; or HP_TARGET_E_MOVED,
 * without a message, if the memory changed while it was read and must be read again. */
enum {
	HP_TARGET_E = 1,
	HP_TARGET_E_MOVED,
};

struct hp_target_mapping {
	uint64_t start, end, offset;
	bool is_readable, is_writable, is_executable, is_private;
	const char *line; /* of /proc/PID/maps, without its newline */
	size_t line_size;
	const char *path; /* within the line; NULL for anonymous memory */
	size_t path_size;
};

/* A range of the target's memory, and the place to copy it to. */
struct hp_target_piece {
	uint64_t address;
	void *to;
	size_t size;
};

struct hp_target_range {
	uint64_t start, end;
};

/* A thread, and all that is in its registers. */
struct hp_target_thread {
	int id;
	uint64_t stack_pointer, fs_base;
	uint64_t *words; /* of the registers; those for vectors may be missing */
	size_t n_words;
};

struct hp_target_threads {
	struct hp_target_thread *items;
	size_t n;
};

struct hp_target;

struct hp_target_ops {
	/* Reads all pieces, in this order, each by a copy of its own. Returns false if a part can't
	 * be read, and sets the target's `failed_at` to an address in that piece. */
	bool (*read)(struct hp_target *t, const struct hp_target_piece *pieces, size_t n);
	/* As hp_target_next_pages() does. */
	bool (*next_pages)(struct hp_target *t, struct hp_target_range *range, bool with_swapped);
	/* As hp_target_read_threads() does. */
	int (*read_threads)(struct hp_target *t, struct hp_target_threads *threads);
	/* Checks, after reading, that the target was the same all the time. Returns 0 or
	 * HP_TARGET_E. */
	int (*check)(struct hp_target *t);
	/* Notes a message with the reason why that address can't be read. */
	void (*explain)(struct hp_target *t, uint64_t address);
	int (*stop)(struct hp_target *t);    /* NULL: nothing in it runs */
	void (*let_go)(struct hp_target *t); /* the same */
	/* Opens what reading needs; NULL: it is open. */
	int (*keep_open)(struct hp_target *t);
	void (*close)(struct hp_target *t);
};

struct hp_target {
	const struct hp_target_ops *ops;
	char message[512];
	char note[256];  /* for the note of the dump, "" if there is none */
	bool is_refused; /* the kernel does not let this process read it */
	uint64_t failed_at;
	uint64_t n_bytes_read;

	bool is_frozen;       /* nothing in it runs: each read gives the same */
	bool is_stopped;      /* by hp_target_stop() */
	int pid;              /* in the target's own PID namespace; 0: not known */
	int outer_pid;        /* in our namespace; 0: there is no process */
	int task;             /* a thread that has memory: the first one may have ended, and then
				 /proc/TASK has what /proc/PID lacks */
	int parent;           /* in our namespace; 0: not known */
	int parent_own;       /* in its own namespace; 0: not known */
	char *program;        /* path of the executable; NULL: not known */
	struct timespec time; /* of the reading, or of the core; 0: not known */
	bool has_memory;
	uint64_t rss_bytes, anonymous_bytes;

	struct hp_target_mapping *mappings; /* in order of addresses */
	size_t n_mappings;
	char *maps; /* the text that contains their lines */
};

/* Opens a process. Returns 0 or HP_TARGET_E. The caller closes *out in either case; it is NULL if
 * memory was out. */
int hp_target_open_process(int pid, struct hp_target **out);

/* Stops all threads of a process until hp_target_let_go() or hp_target_close(). Does nothing to a
 * core. The caller should be a process that ends soon (see stop.h). Returns 0 or HP_TARGET_E. */
int hp_target_stop(struct hp_target *t);

/* Lets the threads of a process go. Does nothing if they are not stopped. */
void hp_target_let_go(struct hp_target *t);

/* Prepares for the caller giving up its rights (apart.h): after that, the memory is read by
 * descriptors that are open. Returns 0 or HP_TARGET_E. */
int hp_target_keep_open(struct hp_target *t);

/* Closes and frees the target; takes NULL. */
void hp_target_close(struct hp_target *t);

/* Notes a message, unless there is one already. */
void hp_target_note_error(struct hp_target *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Same as hp_target_note_error(), but an expression whose value is HP_TARGET_E. */
#define hp_target_error(...) (hp_target_note_error(__VA_ARGS__), HP_TARGET_E)

static inline int hp_target_no_memory(struct hp_target *t)
{
	return hp_target_error(t, "out of memory");
}

/* Notes why the last read failed. Returns HP_TARGET_E. */
static inline int hp_target_explain(struct hp_target *t)
{
	t->ops->explain(t, t->failed_at);
	return HP_TARGET_E;
}

/* Read bytes. Return false, with `failed_at` set, if these can't be read. */
bool hp_target_read(struct hp_target *t, uint64_t address, void *to, size_t size);
bool hp_target_read_pieces(struct hp_target *t, const struct hp_target_piece *pieces, size_t n);

/* Cuts the range to its first pages that have contents of their own: of a process those in memory
 * and, `with_swapped`, in swap space; of a core those that it contains. To read others would make a
 * process touch memory that it never has. Returns false if there are none. Where the kernel does
 * not show the pages of a process, all pages count. */
bool hp_target_next_pages(struct hp_target *t, struct hp_target_range *range, bool with_swapped);

/* Reads the registers of all threads of a stopped process, or of a core. Returns 0 or HP_TARGET_E.
 * Call hp_target_free_threads() on failure, too. */
int hp_target_read_threads(struct hp_target *t, struct hp_target_threads *out);
void hp_target_free_threads(struct hp_target_threads *threads);

/* For the implementations of targets: adds a thread whose general registers are `size` bytes at
 * `registers`, as the kernel has them in struct user_regs_struct; and words to the last thread that
 * was added. */
int hp_target_add_thread(struct hp_target *t, struct hp_target_threads *threads, int id,
			 const void *registers, size_t size);
int hp_target_add_words(struct hp_target *t, struct hp_target_threads *threads, const void *words,
			size_t size);

/* Returns the mapping that contains the address, or NULL. */
const struct hp_target_mapping *hp_target_mapping_at(const struct hp_target *t, uint64_t address);

/* Parses `size` bytes of text in the format of /proc/PID/maps; skips lines that are not. Takes
 * ownership of the text, allocated by malloc(). Returns 0 or HP_TARGET_E. */
int hp_target_parse_maps(struct hp_target *t, char *text, size_t size);
