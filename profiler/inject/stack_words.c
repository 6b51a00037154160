/* SPDX-License-Identifier: MIT */
/* A handler on a stack of its own is known by the frame that the kernel has made for it: a struct
 * ucontext that has the bounds of this stack, the code segment, and a stack pointer elsewhere. */
#include "inject/stack_words.h"
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>

enum {
	WORD = sizeof(uint64_t),
	STACK_MAX = 16 << 20, /* bytes that are looked at: a stack may be in a larger mapping */
	STACKS_MAX = 4,
	CODE_64 = 0x33,
	/* Words of struct ucontext. */
	STACK_START = 2,
	STACK_SIZE = 4,
	STACK_POINTER = 20,
	SEGMENTS = 23,
	CONTEXT_WORDS,
};

bool hp_code_range_has(const struct hp_code_range *ranges, size_t n, uint64_t address)
{
	for (size_t i = 0; i < n; i++)
		if (address >= ranges[i].start && address < ranges[i].end)
			return true;
	return false;
}

/* Returns the other stack's pointer if there is such a frame at the words, which are at `address`;
 * or 0. */
static uint64_t interrupted_stack(const uint64_t *words, size_t n, uint64_t address)
{
	if (n < CONTEXT_WORDS || (words[SEGMENTS] & 0xffff) != CODE_64 || words[STACK_SIZE] == 0 ||
	    address - words[STACK_START] >= words[STACK_SIZE] ||
	    words[STACK_POINTER] - words[STACK_START] < words[STACK_SIZE])
		return 0;
	return words[STACK_POINTER];
}

static size_t stack_size(const struct hp_target *t, uint64_t sp)
{
	const struct hp_target_mapping *m = hp_target_mapping_at(t, sp);
	uint64_t size = m && m->is_readable && m->is_writable ? m->end - sp : 0;

	return (size < STACK_MAX ? size : STACK_MAX) & ~(uint64_t)(WORD - 1);
}

/* Looks at one stack. Sets *next to another one that a handler has left, or 0. */
static bool is_in(struct hp_target *t, uint64_t sp, const struct hp_code_range *ranges, size_t n,
		  uint64_t *next)
{
	size_t size = stack_size(t, sp);
	uint64_t *words = size ? malloc(size) : NULL;
	bool is_found = !words || !hp_target_read(t, sp, words, size);

	*next = 0;
	for (size_t i = 0; !is_found && i < size / WORD; i++) {
		is_found = hp_code_range_has(ranges, n, words[i]);
		if (!*next)
			*next = interrupted_stack(words + i, size / WORD - i, sp + i * WORD);
	}
	free(words);
	return is_found;
}

bool hp_stack_words_from(struct hp_target *t, uint64_t sp, const struct hp_code_range *ranges,
			 size_t n)
{
	for (int i = 0; sp && i < STACKS_MAX; i++)
		if (is_in(t, sp & ~(uint64_t)(WORD - 1), ranges, n, &sp))
			return true;
	return sp != 0;
}

bool hp_stack_words_are_in(struct hp_target *t, int thread, const struct hp_code_range *ranges,
			   size_t n)
{
	struct user_regs_struct registers;

	return ptrace(PTRACE_GETREGS, thread, NULL, &registers) ||
	       hp_stack_words_from(t, registers.rsp, ranges, n);
}
