/* SPDX-License-Identifier: MIT */
/* An entry is the first instruction of a function. An entry patch is a jump that is written over
 * the entry, so that all calls of the function reach a hook. The instructions that the jump
 * overwrites are moved into a trampoline; a hook calls the function by it.
 *
 * A patch is only planned here: bytes and addresses in, bytes out. Nothing is read or written. What
 * depends on the machine is in entry_patch_MACHINE.c.
 *
 * The code of a patch has a slot of its own, in memory near the function:
 *
 *     slot                            a jump to the hook, which may be anywhere
 *     slot + HP_ENTRY_TRAMPOLINE      the moved instructions, then a jump to the rest
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HP_ENTRY_SLOT_SIZE = 128,
	HP_ENTRY_TRAMPOLINE = 16,
	HP_ENTRY_JUMP_MAX = 8, /* bytes of the jump */
	HP_ENTRY_PLACES_MAX = 8,
	HP_ENTRY_NEAR = 1 << 30, /* no slot further from its function than this */
};

/* Why an entry can't be patched. */
enum hp_entry_refusal {
	HP_ENTRY_PLANNED, /* it can */
	HP_ENTRY_TOO_SHORT,
	HP_ENTRY_ENDS,
	HP_ENTRY_UNKNOWN,
	HP_ENTRY_BREAKPOINT,
	HP_ENTRY_CALL,
	HP_ENTRY_LOOP,
	HP_ENTRY_UNMOVABLE,
	HP_ENTRY_BRANCH_INTO,
	HP_ENTRY_TOO_FAR,
	HP_ENTRY_N_REFUSALS,
};

struct hp_entry_code { /* of a function */
	uint64_t address;
	const uint8_t *bytes;
	size_t size; /* as its symbol says */
};

struct hp_entry_place {   /* the first byte of an instruction, or the end of the moved ones */
	uint8_t original; /* from `at` */
	uint8_t moved;    /* from the start of the slot */
};

struct hp_entry_patch {
	uint64_t entry; /* where calls arrive */
	uint64_t at;    /* where the jump is: after the landing pad, if there is one */
	uint64_t slot;
	size_t size;                       /* of the jump */
	uint8_t before[HP_ENTRY_JUMP_MAX]; /* the bytes at `at` */
	uint8_t after[HP_ENTRY_JUMP_MAX];  /* the jump */
	uint8_t code[HP_ENTRY_SLOT_SIZE];  /* of the slot */
	size_t n_places;                   /* in order; the last one is the end */
	struct hp_entry_place places[HP_ENTRY_PLACES_MAX];
	bool has_landing_pad; /* the function begins with an instruction for indirect calls */
};

/* Plans a patch by which calls reach the hook, with its code at `slot`. `out` holds nothing of use
 * unless the result is HP_ENTRY_PLANNED.
 *
 * The patch is refused if a branch in the function leads back into the bytes of the jump. Parts of
 * the function that the compiler has placed elsewhere, as with .cold, are not looked at. */
enum hp_entry_refusal hp_entry_patch_plan(struct hp_entry_patch *out,
					  const struct hp_entry_code *function, uint64_t slot,
					  uint64_t hook);

/* Returns the reason in words that follow the function's name: "has ...". */
const char *hp_entry_patch_sentence(enum hp_entry_refusal refusal);

/* Returns in words that follow the function's name what another tool must not do while the function
 * is patched; or NULL if there is nothing.
 *
 * A uprobe executes the first instruction of the file. After it, execution goes on at the second:
 * with a landing pad that is the jump; without one it is in the middle of the jump. */
const char *hp_entry_patch_conflict(const struct hp_entry_patch *p);

/* Returns the address of the trampoline, by which a hook calls the function. */
static inline uint64_t hp_entry_patch_trampoline(const struct hp_entry_patch *p)
{
	return p->slot + HP_ENTRY_TRAMPOLINE;
}

/* Returns true if the address is within the jump, but is not its first byte. A thread that is there
 * when the patch is written, or that will return there, would execute a part of the jump. */
bool hp_entry_patch_is_inside(const struct hp_entry_patch *p, uint64_t address);

/* Moves a thread's program counter from the original instructions into the trampoline, as the patch
 * is written. Returns it unchanged if it may stay. */
uint64_t hp_entry_patch_pc_in(const struct hp_entry_patch *p, uint64_t pc);

/* Moves a program counter out of the slot, as the patch is undone. Returns it unchanged if it is
 * not in the slot. */
uint64_t hp_entry_patch_pc_back(const struct hp_entry_patch *p, uint64_t pc);
