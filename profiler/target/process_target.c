/* SPDX-License-Identifier: MIT */
/* A process is identified by a pidfd and its start time: a process ID alone may belong to another
 * process by the time that the memory has been read. */
#include "target/proc_files.h"
#include "target/stop.h"
#include "target/target.h"
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

enum {
	PIECES_A_CALL = 512, /* the kernel takes 1,024 */
	PAGE_BYTES = 4096,
	PAGES_A_READ = 8192, /* of pagemap: 64 KiB for 32 MiB */
};

/* Bits of an entry of pagemap. */
#define PAGE_IS_PRESENT (UINT64_C(1) << 63)
#define PAGE_IS_SWAPPED (UINT64_C(1) << 62)

struct process {
	struct hp_target target;
	int pidfd, memory_fd;
	uint64_t start_ticks;
	char *vector; /* /proc/PID/auxv: its addresses are random, and new after an exec */
	long vector_size;
	struct hp_stop *stop; /* NULL: it runs */
	bool is_read_by_file; /* the caller may lack the rights for other ways */
	int pages_fd;         /* of pagemap; -1: not open */
	bool has_no_pages;    /* pagemap can't be read */
	uint64_t *pages;      /* a part of it, from the page `first_page` on */
	uint64_t first_page, n_pages;
};

static struct process *process_of(struct hp_target *t)
{
	return (struct process *)t;
}

/* --- files of /proc ------------------------------------------------------------------------- */

/* Returns the start time, or 0 if there is no such process. It is field 22. The name, field 2, may
 * contain any characters and ends at the last ")". */
static uint64_t read_start_ticks(int pid)
{
	char *text, *p;
	uint64_t ticks = 0;

	if (hp_proc_read_process(pid, "stat", &text) < 0)
		return 0;
	p = strrchr(text, ')');
	for (int i = 2; p && i < 22; i++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (p)
		ticks = strtoull(p, NULL, 10);
	free(text);
	return ticks;
}

static int is_number(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Reads a file of the first thread that has memory: after a pthread_exit() in main, the file of the
 * process is empty, or the kernel says ESRCH. Sets `task`. Returns the size, or -errno. */
static long read_of_any(struct process *p, const char *name, char **out)
{
	struct dirent **tasks = NULL;
	char path[64];
	long size;
	int n;

	*out = NULL;
	p->target.task = p->target.outer_pid;
	size = hp_proc_read_thread(p->target.outer_pid, p->target.task, name, out);
	if (size != 0 && size != -ESRCH)
		return size;
	snprintf(path, sizeof(path), "/proc/%d/task", p->target.outer_pid);
	n = scandir(path, &tasks, is_number, alphasort);
	for (int i = 0; i < n; i++) {
		if (size <= 0) {
			free(*out);
			*out = NULL;
			p->target.task = (int)strtol(tasks[i]->d_name, NULL, 10);
			size = hp_proc_read_thread(p->target.outer_pid, p->target.task, name, out);
		}
		free(tasks[i]);
	}
	free(tasks);
	return size;
}

/* --- what went wrong ------------------------------------------------------------------------ */

static int yama_scope(void)
{
	char *text;
	int scope = 0;

	if (hp_proc_read("/proc/sys/kernel/yama/ptrace_scope", &text) < 0)
		return 0;
	scope = (int)hp_proc_first_number(text);
	free(text);
	return scope;
}

static int explain_rights(struct hp_target *t)
{
	char path[64];
	struct stat status;
	int scope = yama_scope();

	t->is_refused = true;
	snprintf(path, sizeof(path), "/proc/%d/task", t->outer_pid);
	if (geteuid() != 0 && stat(path, &status) == 0 && status.st_uid != geteuid() &&
	    status.st_uid != 0)
		return hp_target_error(
			t,
			"no right to read its memory: it belongs to user %u; run this "
			"as that user, or as root",
			status.st_uid);
	if (geteuid() != 0 && scope == 1)
		return hp_target_error(
			t, "no right to read its memory: kernel.yama.ptrace_scope is 1, which lets "
			   "only its ancestors; start it by 'heapprof run', run this as root, or "
			   "set it to 0");
	if (scope > 1)
		return hp_target_error(
			t,
			"no right to read its memory: kernel.yama.ptrace_scope is %d; "
			"%s",
			scope, scope == 2 ? "run this as root" : "nobody may until the next boot");
	if (geteuid() != 0)
		return hp_target_error(t, "no right to read its memory: it runs as root, or with "
					  "rights of its own; run this as root");
	return hp_target_error(t,
			       "no right to read its memory: root lacks CAP_SYS_PTRACE here, as in "
			       "a container; give it that, or run this outside");
}

/* The pidfd tells it. A state of Z does not: that is of the first thread, and others may live. */
static bool has_ended(const struct process *p)
{
	struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

/* An exec keeps the process ID and the start time. The open file of the memory stays that of the
 * program before: it reads as empty once that is gone. */
static bool has_executed(struct process *p)
{
	uint64_t at = p->target.n_mappings > 0 ? p->target.mappings[0].start : 0;
	char *vector, byte;
	long size = read_of_any(p, "auxv", &vector);
	bool is_new = size > 0 && p->vector_size > 0 &&
		      (size != p->vector_size || memcmp(vector, p->vector, (size_t)size) != 0);

	free(vector);
	return is_new || (p->is_read_by_file && pread(p->memory_fd, &byte, 1, (off_t)at) == 0);
}

static int check(struct hp_target *t)
{
	struct process *p = process_of(t);

	if (has_ended(p) ||
	    (!p->is_read_by_file && read_start_ticks(t->outer_pid) != p->start_ticks))
		return hp_target_error(t, "the process ended while it was read");
	if (has_executed(p))
		return hp_target_error(t,
				       "the process executed another program meanwhile; try again");
	return 0;
}

static void explain(struct hp_target *t, uint64_t address)
{
	if (!check(t))
		hp_target_note_error(t, "no memory can be read at %#jx", (uintmax_t)address);
}

/* --- memory --------------------------------------------------------------------------------- */

static void open_memory(struct process *p)
{
	char path[96];

	if (p->memory_fd >= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", p->target.outer_pid, p->target.task);
	p->memory_fd = open(path, O_RDONLY | O_CLOEXEC);
}

static bool read_by_file(struct process *p, struct hp_target_piece piece)
{
	open_memory(p);
	while (p->memory_fd >= 0 && piece.size > 0) {
		ssize_t n = piece.address > INT64_MAX ? -1
						      : pread(p->memory_fd, piece.to, piece.size,
							      (off_t)piece.address);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		piece.address += (uint64_t)n;
		piece.to = (char *)piece.to + n;
		piece.size -= (size_t)n;
	}
	p->target.failed_at = piece.address;
	return piece.size == 0;
}

static bool read_some(struct process *p, const struct hp_target_piece *pieces, size_t n)
{
	struct iovec local[PIECES_A_CALL], remote[PIECES_A_CALL];
	size_t done, size = 0;
	ssize_t got;

	for (size_t i = 0; i < n; i++) {
		local[i] = (struct iovec){pieces[i].to, pieces[i].size};
		remote[i] = (struct iovec){(void *)(uintptr_t)pieces[i].address, pieces[i].size};
		size += pieces[i].size;
	}
	got = p->is_read_by_file ? -1 : process_vm_readv(p->target.task, local, n, remote, n, 0);
	if (got >= 0 && (size_t)got == size)
		return true;
	/* The rest: the call stopped short, or a filter of system calls refused it. */
	done = got > 0 ? (size_t)got : 0;
	for (size_t i = 0; i < n; i++) {
		size_t had = done < pieces[i].size ? done : pieces[i].size;
		const struct hp_target_piece rest = {
			pieces[i].address + had, (char *)pieces[i].to + had, pieces[i].size - had};

		done -= had;
		if (rest.size > 0 && !read_by_file(p, rest))
			return false;
	}
	return true;
}

static bool read_pieces(struct hp_target *t, const struct hp_target_piece *pieces, size_t n)
{
	while (n > 0) {
		size_t some = n < PIECES_A_CALL ? n : PIECES_A_CALL;

		if (!read_some(process_of(t), pieces, some))
			return false;
		pieces += some;
		n -= some;
	}
	return true;
}

/* --- which pages there are ------------------------------------------------------------------- */

static void open_pages(struct process *p)
{
	char path[96];

	if (p->pages_fd >= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/pagemap", p->target.outer_pid,
		 p->target.task);
	p->pages_fd = open(path, O_RDONLY | O_CLOEXEC);
}

/* Reads the entries of the pages from that one on. A process that changes has others a moment
 * later: what was read is used only for the next pages in order. */
static bool read_entries(struct process *p, uint64_t page)
{
	ssize_t n;

	if (page >= p->first_page && page - p->first_page < p->n_pages)
		return true;
	open_pages(p);
	if (!p->pages)
		p->pages = malloc(PAGES_A_READ * sizeof(*p->pages));
	if (p->pages_fd < 0 || !p->pages)
		return false;
	do
		n = pread(p->pages_fd, p->pages, PAGES_A_READ * sizeof(*p->pages),
			  (off_t)(page * sizeof(*p->pages)));
	while (n < 0 && errno == EINTR);
	p->first_page = page;
	p->n_pages = n > 0 ? (uint64_t)n / sizeof(*p->pages) : 0;
	return p->n_pages > 0;
}

/* Returns where the run of pages that are there, or that are not, ends: a page number up to `end`.
 */
static uint64_t skip_pages(struct process *p, uint64_t page, uint64_t end, uint64_t bits,
			   bool are_there)
{
	while (page < end && !p->has_no_pages) {
		if (!read_entries(p, page)) {
			p->has_no_pages = true;
			break;
		}
		if (((p->pages[page - p->first_page] & bits) != 0) != are_there)
			break;
		page++;
	}
	return page;
}

static bool next_pages(struct hp_target *t, struct hp_target_range *range, bool with_swapped)
{
	struct process *p = process_of(t);
	uint64_t bits = PAGE_IS_PRESENT | (with_swapped ? PAGE_IS_SWAPPED : 0);
	uint64_t end = (range->end + PAGE_BYTES - 1) / PAGE_BYTES;
	uint64_t first = skip_pages(p, range->start / PAGE_BYTES, end, bits, false);
	uint64_t last = skip_pages(p, first, end, bits, true);

	if (p->has_no_pages)
		return true;
	if (first == last)
		return false;
	range->start = first * PAGE_BYTES > range->start ? first * PAGE_BYTES : range->start;
	range->end = last * PAGE_BYTES < range->end ? last * PAGE_BYTES : range->end;
	return true;
}

/* --- threads --------------------------------------------------------------------------------- */

enum {
	REGISTERS_MAX = 16 << 10, /* bytes; AVX-512 needs 2,696 */
};

/* Adds a thread with its registers. One block of a hundred is held by a vector register alone. */
static int add_thread(struct hp_target *t, int id, struct hp_target_threads *threads)
{
	char registers[REGISTERS_MAX];
	struct iovec io = {registers, sizeof(registers)};
	int r;

	if (ptrace(PTRACE_GETREGSET, id, (void *)NT_PRSTATUS, &io))
		return 0; /* it has ended */
	r = hp_target_add_thread(t, threads, id, registers, io.iov_len);
	io = (struct iovec){registers, sizeof(registers)};
	if (!r && ptrace(PTRACE_GETREGSET, id, (void *)NT_X86_XSTATE, &io) == 0)
		r = hp_target_add_words(t, threads, registers, io.iov_len);
	return r;
}

static int read_threads(struct hp_target *t, struct hp_target_threads *threads)
{
	const struct hp_stop *stop = process_of(t)->stop;
	struct hp_stop_thread thread;
	int r = stop ? 0 : hp_target_error(t, "its threads are not stopped");

	for (size_t i = 0; !r && hp_stop_thread_at(stop, i, &thread); i++)
		r = add_thread(t, thread.id, threads);
	return r;
}

static void close_process(struct hp_target *t)
{
	struct process *p = process_of(t);

	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->memory_fd >= 0)
		close(p->memory_fd);
	if (p->pages_fd >= 0)
		close(p->pages_fd);
	free(p->pages);
	free(p->vector);
}

/* --- opening -------------------------------------------------------------------------------- */

static int read_status(struct process *p)
{
	struct hp_target *t = &p->target;
	char *status;

	if (hp_proc_read_process(t->outer_pid, "status", &status) < 0)
		return hp_target_error(t, "no such process");
	long group = hp_proc_first_number(hp_proc_value(status, "Tgid"));

	t->pid = (int)hp_proc_last_number(hp_proc_value(status, "NSpid"));
	if (t->pid == 0)
		t->pid = t->outer_pid;
	t->parent = (int)hp_proc_first_number(hp_proc_value(status, "PPid"));
	free(status);
	if (group != t->outer_pid)
		return hp_target_error(t, "is a thread; its process is pid:%ld", group);
	if (t->parent > 0 && hp_proc_read_process(t->parent, "status", &status) >= 0) {
		t->parent_own = (int)hp_proc_last_number(hp_proc_value(status, "NSpid"));
		free(status);
	}
	return 0;
}

static int open_pid(struct process *p)
{
	struct hp_target *t = &p->target;

	p->pidfd = (int)syscall(SYS_pidfd_open, t->outer_pid, 0);
	if (p->pidfd < 0 && (errno == ESRCH || errno == ENOSYS || errno == EPERM)) {
		if (errno == ESRCH)
			return hp_target_error(t, "no such process");
		return hp_target_error(t, "pidfd_open: %s", strerror(errno));
	}
	if (read_status(p))
		return HP_TARGET_E;
	if (p->pidfd < 0)
		return hp_target_error(t, "no such process");
	p->start_ticks = read_start_ticks(t->outer_pid);
	if (p->start_ticks == 0)
		return hp_target_error(t, "no such process, or /proc is not mounted");
	if (has_ended(p))
		return hp_target_error(
			t, "the process has ended, and its parent has not waited for it");
	return 0;
}

static int read_maps(struct process *p)
{
	struct hp_target *t = &p->target;
	char *text;
	long size;

	free(p->vector);
	p->vector_size = read_of_any(p, "auxv", &p->vector);
	size = read_of_any(p, "maps", &text);
	if (size == -EACCES || size == -EPERM)
		return explain_rights(t);
	if (size < 0)
		return check(t) ? HP_TARGET_E
				: hp_target_error(t, "its maps can't be read: %s",
						  strerror((int)-size));
	if (size == 0) {
		free(text);
		return check(t) ? HP_TARGET_E
				: hp_target_error(t, "has no memory of its own: a thread of the "
						     "kernel, or a process that is ending");
	}
	return hp_target_parse_maps(t, text, (size_t)size);
}

static void read_memory_numbers(struct process *p)
{
	struct hp_target *t = &p->target;
	uint64_t resident, shared;
	char *text, *at;

	if (hp_proc_read_thread(t->outer_pid, t->task, "statm", &text) < 0)
		return;
	strtoull(text, &at, 10); /* of all its address space */
	resident = strtoull(at, &at, 10);
	shared = strtoull(at, &at, 10);
	if (resident > 0) {
		t->has_memory = true;
		t->rss_bytes = resident * PAGE_BYTES;
		t->anonymous_bytes = resident > shared ? (resident - shared) * PAGE_BYTES : 0;
	}
	free(text);
}

static void read_program(struct process *p)
{
	char path[96], program[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/exe", p->target.outer_pid, p->target.task);
	n = readlink(path, program, sizeof(program));
	if (n > 0)
		p->target.program = strndup(program, (size_t)n);
}

/* Reads one word, since /proc shows the maps to some users who must not read the memory. */
static int check_rights(struct process *p)
{
	struct hp_target *t = &p->target;

	for (size_t i = 0; i < t->n_mappings; i++) {
		uint64_t word;

		if (!t->mappings[i].is_readable || !t->mappings[i].is_writable ||
		    !t->mappings[i].is_private)
			continue;
		if (hp_target_read(t, t->mappings[i].start, &word, sizeof(word)))
			return 0;
		return check(t) ? HP_TARGET_E : explain_rights(t);
	}
	return 0;
}

static void let_go(struct hp_target *t)
{
	hp_stop_end(process_of(t)->stop);
	process_of(t)->stop = NULL;
	t->is_frozen = false;
}

/* Reads the maps and the numbers again, since they changed until all threads had stopped. */
static int stop(struct hp_target *t)
{
	struct process *p = process_of(t);
	int r = hp_stop_begin(t, &p->stop);

	if (r)
		return r;
	t->is_stopped = t->is_frozen = true;
	p->n_pages = 0;
	r = check(t);
	if (!r)
		r = read_maps(p);
	read_memory_numbers(p);
	clock_gettime(CLOCK_REALTIME, &t->time);
	return r;
}

static int keep_open(struct hp_target *t)
{
	struct process *p = process_of(t);

	open_memory(p);
	open_pages(p);
	p->is_read_by_file = true;
	return p->memory_fd >= 0 ? 0 : hp_target_error(t, "its memory: %s", strerror(errno));
}

static const struct hp_target_ops process_ops = {
	.read = read_pieces,
	.next_pages = next_pages,
	.read_threads = read_threads,
	.check = check,
	.explain = explain,
	.stop = stop,
	.let_go = let_go,
	.keep_open = keep_open,
	.close = close_process,
};

int hp_target_open_process(int pid, struct hp_target **out)
{
	struct process *p = calloc(1, sizeof(*p));
	int r;

	*out = NULL;
	if (!p)
		return HP_TARGET_E;
	*out = &p->target;
	p->pidfd = p->memory_fd = p->pages_fd = -1;
	p->target.ops = &process_ops;
	p->target.outer_pid = pid;
	r = open_pid(p);
	if (!r)
		r = read_maps(p);
	if (!r)
		r = check_rights(p);
	if (r)
		return r;
	read_program(p);
	read_memory_numbers(p);
	clock_gettime(CLOCK_REALTIME, &p->target.time);
	return 0;
}
