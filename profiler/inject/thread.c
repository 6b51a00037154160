/* SPDX-License-Identifier: MIT */
/* The area:
 *
 *     code            a page that can be executed; ends with the mark
 *     stack           grows down to the code, where a write is a fault
 *     TLS             each module's block, below the thread pointer
 *     thread block    at the thread pointer
 *     dtv             the vector of the modules' blocks; large, so that nobody reallocates it
 *     calls, texts
 *
 * What the layout says of the C library's structs is checked on a thread of the process. */
#include "inject/thread.h"
#include "inject/gap.h"
#include "inject/host.h"
#include "inject/image.h"
#include "inject/near_page.h"
#include "inject/thread_code.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PAGE_BYTES = 4096,
	STACK_BYTES = 256 << 10,
	TLS_BYTES = 128 << 10,
	BLOCK_BYTES = HP_THREAD_BLOCK_MAX,
	DTV_SLOTS = 1000,
	DTV_BYTES = (DTV_SLOTS + 2) * 16,
	CALLS_BYTES = 1024,
	STACK_AT = PAGE_BYTES,
	TLS_AT = STACK_AT + STACK_BYTES,
	BLOCK_AT = TLS_AT + TLS_BYTES,
	DTV_AT = BLOCK_AT + BLOCK_BYTES,
	CALLS_AT = DTV_AT + (DTV_BYTES + 63) / 64 * 64,
	TEXTS_AT = CALLS_AT + CALLS_BYTES,
	AREA_BYTES = (TEXTS_AT + HP_THREAD_TEXT_MAX + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES,
	MARK_SIZE = 16,
	MARK_AT = PAGE_BYTES - MARK_SIZE,
	LIBRARIES_MAX = 4096,
};

static const char mark[MARK_SIZE] = "heapprof area 1";

struct dtv_slot {
	uint64_t value, to_free;
};

struct hp_thread {
	struct hp_target *t;
	struct hp_thread_layout layout;
	uint64_t area;
	uint64_t model; /* the thread block of the process after which its own was made */
	uint32_t is_model_multiple;
	size_t texts_used;
	int id; /* 0: it does not run */
	int crash_signal;
};

static uint64_t pointer_at(const struct hp_thread *thread)
{
	return thread->area + BLOCK_AT;
}

/* --- a thread of the process ---------------------------------------------------------------------
 */

static int inner_id(const struct hp_target *t, int id)
{
	char path[64], line[256];
	int inner = id;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", t->outer_pid, id);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const char *last = strrchr(line, '\t');

		if (strncmp(line, "NSpid:", 6) == 0 && last)
			inner = (int)strtol(last, NULL, 10);
	}
	if (file)
		fclose(file);
	return inner;
}

/* Reads the thread block of a thread, if it is as expected. Without libpthread, the C library of
 * before glibc 2.34 has not written the thread's ID. */
static bool read_block(struct hp_target *t, const struct hp_thread_layout *layout, int id,
		       struct hp_thread_code_block *out)
{
	struct user_regs_struct registers;
	uint32_t own_id;

	return ptrace(PTRACE_GETREGS, id, NULL, &registers) == 0 &&
	       hp_target_read(t, registers.fs_base, out, sizeof(*out)) &&
	       out->self == registers.fs_base && out->self_too == registers.fs_base &&
	       hp_target_read(t, registers.fs_base + layout->thread_id, &own_id, sizeof(own_id)) &&
	       ((int)own_id == inner_id(t, id) || (own_id == 0 && !layout->keys));
}

static int find_block(struct hp_target *t, struct hp_stop *stop,
		      const struct hp_thread_layout *layout, struct hp_thread_code_block *out)
{
	struct hp_stop_thread thread;

	for (size_t i = 0; hp_stop_thread_at(stop, i, &thread); i++)
		if (read_block(t, layout, thread.id, out))
			return 0;
	return hp_target_error(t, "no thread can be made in it: none of its threads has the data "
				  "that its C library describes");
}

/* --- the area ------------------------------------------------------------------------------------
 */

static int unmap(struct hp_target *t, struct hp_system_call_host *host, uint64_t area)
{
	const struct hp_stub_call call = {.number = SYS_munmap, .arguments = {area, AREA_BYTES}};
	int64_t result;

	return hp_host_call(t, host, "munmap", &call, &result);
}

struct part { /* of the area */
	uint64_t at;
	size_t size;
	int rights, flags;
};

static int map(struct hp_thread *thread, struct hp_system_call_host *host, const struct part *part,
	       int64_t *out)
{
	const struct hp_stub_call call = {
		.number = SYS_mmap,
		.arguments = {part->at, part->size, (uint64_t)part->rights,
			      (uint64_t)part->flags | MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1,
			      0}};
	int r = hp_system_call(host, &call, out);

	if (r)
		return r;
	return *out < 0 && *out > -PAGE_BYTES ? hp_near_page_explain(thread->t, *out) : 0;
}

/* Nobody but us maps zeroes that can be executed: so the area is known to be ours before it has its
 * mark. Its code is mapped as it stays, and so also where memory must never become executable later
 * (PR_SET_MDWE). */
static int map_code(struct hp_thread *thread, struct hp_system_call_host *host)
{
	const struct part all = {.at = hp_gap_find(thread->t, NULL, 0, AREA_BYTES),
				 .size = AREA_BYTES,
				 .rights = PROT_READ | PROT_EXEC};
	int64_t at;
	int r = map(thread, host, &all, &at);

	if (!r)
		thread->area = (uint64_t)at;
	return r;
}

static int write_code(struct hp_thread *thread, struct hp_system_call_host *host)
{
	uint8_t page[PAGE_BYTES] = {0};

	memcpy(page, hp_thread_code, hp_thread_code_size);
	memcpy(page + MARK_AT, mark, sizeof(mark));
	return hp_system_call_write(host, thread->area, page, sizeof(page));
}

static int map_data(struct hp_thread *thread, struct hp_system_call_host *host)
{
	const struct part data = {.at = thread->area + PAGE_BYTES,
				  .size = AREA_BYTES - PAGE_BYTES,
				  .rights = PROT_READ | PROT_WRITE,
				  .flags = MAP_FIXED};
	int64_t at;

	return map(thread, host, &data, &at);
}

static int map_area(struct hp_thread *thread, struct hp_system_call_host *host)
{
	int r = map_code(thread, host);

	if (r)
		return r;
	r = write_code(thread, host);
	if (!r)
		r = map_data(thread, host);
	if (r)
		unmap(thread->t, host, thread->area);
	return r;
}

/* --- thread-local storage --------------------------------------------------------------------- */

struct library { /* the start of struct link_map */
	uint64_t bias, name, dynamic, next, before;
};

/* Copies the initial contents of a module's block. */
static int copy_block(struct hp_thread *thread, struct hp_system_call_host *host,
		      const struct library *library, uint64_t to)
{
	static uint8_t bytes[TLS_BYTES];
	const ElfW(Phdr) * segment;
	struct hp_image image;

	if (!hp_image_at(thread->t, library->dynamic, &image))
		return 0;
	segment = hp_image_segment(&image, PT_TLS);
	if (!segment || segment->p_filesz == 0)
		return 0;
	if (segment->p_filesz > pointer_at(thread) - to ||
	    !hp_target_read(thread->t, image.bias + segment->p_vaddr, bytes, segment->p_filesz))
		return hp_target_error(thread->t, "no thread can be made in it: the thread-local "
						  "data of a library can't be read");
	return hp_system_call_write(host, to, bytes, segment->p_filesz);
}

/* Fills the block of one library, if it has one at a fixed distance from the thread pointer. */
static int fill_block(struct hp_thread *thread, struct hp_system_call_host *host,
		      const struct library *library, uint64_t offset, uint64_t number,
		      struct dtv_slot *dtv)
{
	if (number == 0 || offset == 0 || (int64_t)offset < 0)
		return 0;
	if (number >= DTV_SLOTS || offset > TLS_BYTES)
		return hp_target_error(thread->t,
				       "no thread can be made in it: its libraries have "
				       "more thread-local data than %d KiB",
				       TLS_BYTES >> 10);
	dtv[number + 1].value = pointer_at(thread) - offset;
	return copy_block(thread, host, library, pointer_at(thread) - offset);
}

static int fill_blocks(struct hp_thread *thread, struct hp_system_call_host *host,
		       struct dtv_slot *dtv)
{
	uint64_t at = thread->layout.libraries;

	for (int i = 0; at && i < LIBRARIES_MAX; i++) {
		struct library library = {0};
		uint64_t offset, number;
		int r;

		if (!hp_target_read(thread->t, at, &library, sizeof(library)) ||
		    !hp_target_read(thread->t, at + thread->layout.tls_offset, &offset,
				    sizeof(offset)) ||
		    !hp_target_read(thread->t, at + thread->layout.tls_number, &number,
				    sizeof(number)))
			return hp_target_error(thread->t,
					       "no thread can be made in it: its list of "
					       "libraries can't be read");
		r = fill_block(thread, host, &library, offset, number, dtv);
		if (r)
			return r;
		at = library.next;
	}
	return 0;
}

/* The first slot has the number of slots, the second the generation. A block that is not there is
 * made by the loader at its first use. */
static int write_dtv(struct hp_thread *thread, struct hp_system_call_host *host,
		     const struct hp_thread_code_block *other)
{
	struct dtv_slot *dtv = calloc(DTV_SLOTS + 2, sizeof(*dtv));
	int r = dtv ? 0 : hp_target_no_memory(thread->t);

	for (size_t i = 2; !r && i < DTV_SLOTS + 2; i++)
		dtv[i].value = ~(uint64_t)0;
	if (!r && !hp_target_read(thread->t, other->dtv, &dtv[1].value, sizeof(dtv[1].value)))
		r = hp_target_error(thread->t, "no thread can be made in it: a thread's modules "
					       "can't be read");
	if (!r) {
		dtv[0].value = DTV_SLOTS;
		r = fill_blocks(thread, host, dtv);
	}
	if (!r)
		r = hp_system_call_write(host, thread->area + DTV_AT, dtv, DTV_BYTES);
	free(dtv);
	return r;
}

static int write_block(struct hp_thread *thread, struct hp_system_call_host *host,
		       const struct hp_thread_code_block *other)
{
	struct hp_thread_code_block block = *other;
	const int32_t no_processor = -1; /* RSEQ_CPU_ID_UNINITIALIZED */
	int r;

	block.self = block.self_too = pointer_at(thread);
	block.dtv = thread->area + DTV_AT + sizeof(struct dtv_slot);
	block.is_multiple = true;
	block.unused = 0;
	r = hp_system_call_write(host, pointer_at(thread), &block, sizeof(block));
	if (!r && thread->layout.rseq)
		r = hp_system_call_write(host,
					 pointer_at(thread) + (uint64_t)thread->layout.rseq + 4,
					 &no_processor, sizeof(no_processor));
	return r;
}

/* The first block of thread-specific data is in the thread block itself, at the same place in all
 * threads. */
static int write_specific(struct hp_thread *thread, struct hp_system_call_host *host,
			  const struct hp_thread_code_block *other)
{
	uint64_t first;

	if (!thread->layout.keys)
		return 0;
	if (!hp_target_read(thread->t, other->self + thread->layout.specific, &first,
			    sizeof(first)) ||
	    first - other->self >= BLOCK_BYTES / 2)
		return hp_target_error(thread->t, "no thread can be made in it: a thread's data "
						  "is not where its C library says");
	first += pointer_at(thread) - other->self;
	return hp_system_call_write(host, pointer_at(thread) + thread->layout.specific, &first,
				    sizeof(first));
}

/* --- leftovers -------------------------------------------------------------------------------- */

/* Returns true if one of the threads is ours, of an earlier tool. */
static bool is_inhabited(struct hp_stop *stop, uint64_t area)
{
	struct hp_stop_thread thread;

	for (size_t i = 0; hp_stop_thread_at(stop, i, &thread); i++) {
		struct user_regs_struct registers;

		if (ptrace(PTRACE_GETREGS, thread.id, NULL, &registers) ||
		    registers.fs_base == area + BLOCK_AT)
			return true;
	}
	return false;
}

static bool is_marked(struct hp_target *t, const struct hp_target_mapping *m)
{
	char found[MARK_SIZE];

	return hp_target_read(t, m->start + MARK_AT, found, sizeof(found)) &&
	       memcmp(found, mark, sizeof(mark)) == 0;
}

static bool has_zeroes(struct hp_target *t, const struct hp_target_mapping *m)
{
	static const uint8_t zeroes[PAGE_BYTES];
	uint8_t page[PAGE_BYTES];

	for (uint64_t at = m->start; at < m->end; at += PAGE_BYTES)
		if (!hp_target_read(t, at, page, sizeof(page)) ||
		    memcmp(page, zeroes, sizeof(page)) != 0)
			return false;
	return true;
}

/* An area that is not complete can be executed as a whole, and is empty or has its mark. */
static bool is_area(struct hp_target *t, const struct hp_target_mapping *m)
{
	if (m->path || !m->is_executable || m->is_writable || !m->is_readable || !m->is_private)
		return false;
	switch (m->end - m->start) {
	case PAGE_BYTES:
		return is_marked(t, m);
	case AREA_BYTES:
		return is_marked(t, m) || has_zeroes(t, m);
	default:
		return false;
	}
}

bool hp_thread_has_left(struct hp_target *t)
{
	for (size_t i = 0; i < t->n_mappings; i++)
		if (is_area(t, &t->mappings[i]))
			return true;
	return false;
}

int hp_thread_check_absent(struct hp_target *t, struct hp_stop *stop)
{
	for (size_t i = 0; i < t->n_mappings; i++)
		if (is_area(t, &t->mappings[i]) && is_inhabited(stop, t->mappings[i].start))
			return hp_target_error(t, "a call that an earlier heapprof has made in it "
						  "has not returned; try again later");
	return 0;
}

int hp_thread_clean(struct hp_target *t, struct hp_stop *stop, struct hp_system_call_host *host)
{
	int r = hp_thread_check_absent(t, stop);

	for (size_t i = 0; !r && i < t->n_mappings; i++)
		if (is_area(t, &t->mappings[i]))
			r = unmap(t, host, t->mappings[i].start);
	return r;
}

/* --- the thread ------------------------------------------------------------------------------- */

int hp_thread_prepare(struct hp_target *t, struct hp_stop *stop, struct hp_system_call_host *host,
		      const struct hp_thread_layout *layout, struct hp_thread **out)
{
	struct hp_thread *thread = calloc(1, sizeof(*thread));
	struct hp_thread_code_block other;
	int r;

	*out = NULL;
	if (!thread)
		return hp_target_no_memory(t);
	thread->t = t;
	thread->layout = *layout;
	r = find_block(t, stop, layout, &other);
	if (!r)
		r = map_area(thread, host);
	thread->model = other.self;
	thread->is_model_multiple = other.is_multiple;
	if (r) {
		hp_thread_free(thread);
		return r;
	}
	r = write_dtv(thread, host, &other);
	if (!r)
		r = write_block(thread, host, &other);
	if (!r)
		r = write_specific(thread, host, &other);
	if (r) {
		unmap(t, host, thread->area);
		hp_thread_free(thread);
		return r;
	}
	*out = thread;
	return 0;
}

int hp_thread_set_multiple(struct hp_thread *thread, struct hp_system_call_host *host, bool is_set)
{
	const uint32_t value = is_set ? true : thread->is_model_multiple;

	return hp_system_call_write(
		host, thread->model + offsetof(struct hp_thread_code_block, is_multiple), &value,
		sizeof(value));
}

int hp_thread_put_bytes(struct hp_thread *thread, struct hp_system_call_host *host,
			const void *bytes, size_t size, uint64_t *out)
{
	size_t at = (thread->texts_used + 7) / 8 * 8;

	if (at > HP_THREAD_TEXT_MAX || size > HP_THREAD_TEXT_MAX - at)
		return hp_target_error(thread->t, "a path is too long");
	*out = thread->area + TEXTS_AT + at;
	thread->texts_used = at + size;
	return hp_system_call_write(host, *out, bytes, size);
}

int hp_thread_put_text(struct hp_thread *thread, struct hp_system_call_host *host, const char *text,
		       uint64_t *out)
{
	return hp_thread_put_bytes(thread, host, text, strlen(text) + 1, out);
}

/* The new thread is traced, and in a stop within the stub, which is to be cleared. So it is led to
 * its code at once. */
static int let_run(struct hp_thread *thread)
{
	struct user_regs_struct registers;
	int status;

	while (waitpid(thread->id, &status, __WALL) < 0)
		if (errno != EINTR)
			return hp_target_error(thread->t, "the process ended meanwhile");
	ptrace(PTRACE_SETOPTIONS, thread->id, NULL, NULL);
	if (!ptrace(PTRACE_GETREGS, thread->id, NULL, &registers)) {
		registers.rip = thread->area;
		registers.orig_rax = (unsigned long long)-1;
		if (!ptrace(PTRACE_SETREGS, thread->id, NULL, &registers) &&
		    !ptrace(PTRACE_CONT, thread->id, NULL, NULL))
			return 0;
	}
	return hp_target_error(thread->t, "the process ended meanwhile");
}

int hp_thread_start(struct hp_thread *thread, struct hp_system_call_host *host,
		    const struct hp_thread_call *calls, size_t n)
{
	struct hp_thread_code_calls list = {.n = n,
					    .keys = thread->layout.keys,
					    .specific =
						    pointer_at(thread) + thread->layout.specific};
	struct hp_stub_call clone = {.number = SYS_clone, .child_start = thread->area};
	int64_t result;
	int r;

	for (size_t i = 0; i < n; i++) {
		list.calls[i].function = calls[i].function;
		memcpy(list.calls[i].arguments, calls[i].arguments, sizeof(calls[i].arguments));
	}
	r = hp_system_call_write(host, thread->area + CALLS_AT, &list, sizeof(list));
	if (r)
		return r;
	hp_thread_code_clone(clone.arguments, thread->area + TLS_AT, pointer_at(thread),
			     pointer_at(thread) + thread->layout.thread_id);
	clone.arguments[HP_THREAD_CODE_ARGUMENT] = thread->area + CALLS_AT;
	r = hp_host_call(thread->t, host, "clone", &clone, &result);
	if (r)
		return r;
	thread->id = hp_system_call_child(host);
	return let_run(thread);
}

static bool read_results(struct hp_thread *thread, struct hp_thread_call *calls, size_t n)
{
	struct hp_thread_code_calls list = {0};
	bool is_complete = true;

	if (!hp_target_read(thread->t, thread->area + CALLS_AT, &list, sizeof(list)))
		return false;
	for (size_t i = 0; i < n; i++) {
		calls[i].result = list.calls[i].result;
		is_complete = is_complete && list.calls[i].is_made;
	}
	return is_complete;
}

/* Ends the thread, which is to get a signal of a crash. */
static void end_crashed(struct hp_thread *thread, int signal)
{
	struct user_regs_struct registers;

	thread->crash_signal = signal;
	if (ptrace(PTRACE_GETREGS, thread->id, NULL, &registers))
		return;
	registers.rip = thread->area + hp_thread_code_exit;
	registers.orig_rax = (unsigned long long)-1;
	ptrace(PTRACE_SETREGS, thread->id, NULL, &registers);
	ptrace(PTRACE_CONT, thread->id, NULL, NULL);
}

enum hp_thread_state hp_thread_look(struct hp_thread *thread, struct hp_thread_call *calls,
				    size_t n)
{
	int status, got = waitpid(thread->id, &status, __WALL | WNOHANG);

	if (got == 0 || (got < 0 && errno == EINTR))
		return HP_THREAD_RUNS;
	if (got == thread->id && WIFSTOPPED(status)) {
		if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP)
			end_crashed(thread, WSTOPSIG(status));
		else
			ptrace(PTRACE_CONT, thread->id, NULL, NULL);
		return HP_THREAD_RUNS;
	}
	thread->id = 0;
	if (thread->crash_signal)
		return HP_THREAD_CRASHED;
	return read_results(thread, calls, n) ? HP_THREAD_DONE : HP_THREAD_GONE;
}

bool hp_thread_is_running(const struct hp_thread *thread)
{
	return thread->id != 0;
}

int hp_thread_unmap(struct hp_thread *thread, struct hp_system_call_host *host)
{
	static const char none[MARK_SIZE];

	if (thread->crash_signal)
		return hp_system_call_write(host, thread->area + MARK_AT, none, sizeof(none));
	return unmap(thread->t, host, thread->area);
}

void hp_thread_free(struct hp_thread *thread)
{
	free(thread);
}
