/* SPDX-License-Identifier: MIT */
/* A symbolic value is a number that shows how it was computed: register r has the value tag(r) + 0,
 * and memory at tag(t) + n has the value tag(t + DEREFERENCED) + n. So if one step of an unwinder,
 * from symbolic registers, gives the caller's sp as tag(sp) + 40, the rule of the frame is CFA = sp
 * + 40. */
#pragma once
#include "unwind/frame_rule.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	HP_SYMBOLIC_BP = 6, /* registers as DWARF numbers them */
	HP_SYMBOLIC_SP = 7,
	HP_SYMBOLIC_PC = 16,
};

/* Returns the symbolic value of a register. */
uint64_t hp_symbolic_register(unsigned reg);

/* Sets *out to the value of memory at an address. Returns false if that is not on the stack. */
bool hp_symbolic_memory(uint64_t address, uint64_t *out);

/* Sets the rule's kind and offsets from the caller's registers after a step. Leaves the rule as it
 * is if no rule can express them. */
void hp_symbolic_rule(struct hp_frame_rule *rule, uint64_t cfa, uint64_t pc, uint64_t bp);
