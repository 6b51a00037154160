/* SPDX-License-Identifier: MIT */
/* Functions within an allocator have no symbols here, so it counts as a whole, except where it is a
 * part of the C library or of the program: there a return into malloc(), free() or another of its
 * public functions shows it. Such a function may have jumped to an inner one, which returns to the
 * caller; but that makes no system call that waits, and calls nothing that does. So nothing else
 * needs to be known, unless a signal has interrupted it.
 *
 * Where the frames are not known, as in generated code, each word of the stack counts. */
#include "inject/safe_point.h"
#include "inject/frames.h"
#include "inject/image.h"
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

static const char *const functions[] = {
	"malloc",         "free",        "calloc",
	"realloc",        "memalign",    "aligned_alloc",
	"posix_memalign", "valloc",      "pvalloc",
	"reallocarray",   "malloc_trim", "malloc_usable_size",
	"malloc_info",    "mallinfo",    "mallinfo2",
	"malloc_stats",   "mallopt",     "__libc_memalign",
	"__libc_malloc",  "__libc_free", "_Znwm",
	"_Znam",          "_ZdlPv",      "_ZdaPv",
};

static int add(struct hp_target *t, struct hp_code_range *ranges, size_t *n, uint64_t start,
	       uint64_t end)
{
	if (*n == HP_SAFE_POINT_RANGES_MAX)
		return hp_target_error(t, "it has too many allocators");
	ranges[(*n)++] = (struct hp_code_range){start, end};
	return 0;
}

static int add_image(struct hp_target *t, struct hp_code_range *ranges, size_t *n,
		     const struct hp_image *image)
{
	int r = 0;

	for (size_t i = 0; !r && i < image->n_headers; i++) {
		const ElfW(Phdr) *h = &image->headers[i];
		uint64_t start = image->bias + h->p_vaddr;

		if (h->p_type == PT_LOAD && h->p_flags & PF_X)
			r = add(t, ranges, n, start, start + h->p_memsz);
	}
	return r;
}

/* A return address is after the function's first byte. It may be its end. */
static int add_functions(struct hp_target *t, struct hp_code_range *ranges, size_t *n,
			 const struct hp_image *image)
{
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(functions) / sizeof(functions[0]); i++) {
		uint64_t size = 0;
		uint64_t address = hp_image_symbol(t, image, functions[i], &size);

		if (address)
			r = add(t, ranges, n, address + 1, address + size + 1);
	}
	return r;
}

static bool is_program(const struct hp_target *t, const struct hp_image *image)
{
	const struct hp_target_mapping *m = hp_target_mapping_at(t, image->start);

	return m && m->path && t->program && strlen(t->program) == m->path_size &&
	       memcmp(t->program, m->path, m->path_size) == 0;
}

static int add_allocator(struct hp_target *t, struct hp_safe_point_code *code,
			 const struct hp_image *image)
{
	bool is_own = is_program(t, image);
	int r;

	if (!is_own && !hp_image_symbol(t, image, "__libc_start_main", NULL)) {
		r = add_image(t, code->returns, &code->n_returns, image);
		return r ? r : add_image(t, code->at, &code->n_at, image);
	}
	r = add_functions(t, code->returns, &code->n_returns, image);
	if (r)
		return r;
	return is_own ? add_functions(t, code->at, &code->n_at, image)
		      : add_image(t, code->at, &code->n_at, image);
}

int hp_safe_point_find_code(struct hp_target *t, struct hp_safe_point_code *out)
{
	struct hp_image image;
	size_t position = 0;
	int r = 0;

	out->n_at = out->n_returns = 0;
	while (!r && hp_image_next(t, &position, &image)) {
		if (hp_image_symbol(t, &image, "_dl_debug_state", NULL)) {
			r = add_image(t, out->at, &out->n_at, &image);
			if (!r)
				r = add_image(t, out->returns, &out->n_returns, &image);
		} else if (hp_image_symbol(t, &image, "malloc", NULL)) {
			r = add_allocator(t, out, &image);
		}
	}
	return r;
}

/* --- a thread --------------------------------------------------------------------------------- */

/* Calls that change memory, or in which the allocator waits. */
static bool is_call_of_allocator(unsigned long long call)
{
	switch (call) {
	case SYS_mmap:
	case SYS_munmap:
	case SYS_mremap:
	case SYS_brk:
	case SYS_madvise:
	case SYS_mprotect:
	case SYS_futex:
	case SYS_clone:
	case SYS_vfork:
	case SYS_fork:
		return true;
	default:
		return false;
	}
}

static bool is_after_system_call(struct hp_target *t, uint64_t pc)
{
	static const uint8_t call[] = {0x0f, 0x05};
	uint8_t code[sizeof(call)];

	return hp_target_read(t, pc - sizeof(code), code, sizeof(code)) &&
	       memcmp(code, call, sizeof(call)) == 0;
}

/* A frame other than the innermost one. */
static bool is_frame_safe(struct hp_target *t, const struct hp_safe_point_code *code,
			  const struct hp_frame *frame)
{
	if (hp_code_range_has(code->returns, code->n_returns, frame->pc))
		return false;
	return frame->is_return || !hp_code_range_has(code->at, code->n_at, frame->pc) ||
	       is_after_system_call(t, frame->pc);
}

static bool is_stack_safe(struct hp_target *t, const struct hp_safe_point_code *code, int thread)
{
	struct hp_frame frames[HP_FRAMES_MAX];
	size_t n;
	bool is_complete = hp_frames_read(t, thread, frames, &n);

	if (n == 0)
		return false;
	if (hp_code_range_has(code->returns, code->n_returns, frames[0].pc))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_frame_safe(t, code, &frames[i]))
			return false;
	return is_complete ||
	       !hp_stack_words_from(t, frames[n - 1].sp, code->returns, code->n_returns);
}

bool hp_safe_point_is(struct hp_target *t, const struct hp_safe_point_code *code, int thread)
{
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, thread, NULL, &registers))
		return false;
	if ((long long)registers.orig_rax >= 0
		    ? is_call_of_allocator(registers.orig_rax)
		    : hp_code_range_has(code->at, code->n_at, registers.rip))
		return false;
	return is_stack_safe(t, code, thread);
}
