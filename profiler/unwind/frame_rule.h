/* SPDX-License-Identifier: MIT */
/* A frame rule says how to get from a frame to its caller's. There is one for each address:
 * libunwind works it out once, from the unwind tables, and a cache of our own keeps it. */
#pragma once
#include "process/modules.h"
#include "process/places.h"

enum hp_rule_kind {
	HP_RULE_NONE,     /* no unwind data: hand-written assembly, or none was read */
	HP_RULE_ALIEN,    /* in no library: generated code, or not code at all but readable */
	HP_RULE_NOT_CODE, /* nothing is mapped there */
	HP_RULE_END,      /* the outermost frame: the start of a thread or of the program */
	HP_RULE_SP,       /* CFA = sp + cfa_offset */
	HP_RULE_BP,       /* CFA = bp + cfa_offset */
	HP_RULE_DEREF_BP, /* CFA = *(bp + cfa_offset), bp saved relative to bp: realigned frames */
	HP_RULE_SIGNAL,   /* a signal handler's return trampoline; offsets are the kernel's */
};

enum {
	HP_BP_UNCHANGED = INT32_MIN
};

struct hp_frame_rule {
	int32_t cfa_offset;
	int32_t bp_offset; /* where the caller's bp is saved, from the CFA, or HP_BP_UNCHANGED */
	uint8_t kind;      /* enum hp_rule_kind */
	bool is_call;   /* the address is in a library, at the last byte of a call instruction: what
			   follows may be a return address */
	uint16_t place; /* see places.h */
};

/* Offsets from sp in a frame of kind HP_RULE_SIGNAL: Linux' struct rt_sigframe. */
enum {
	HP_SIGNAL_BP = 120,
	HP_SIGNAL_SP = 160,
	HP_SIGNAL_PC = 168
};

/* Sets up libunwind and the cache. Call once at start, where calling malloc is safe. If
 * `use_tables` is false, hp_frame_rule_for() reads no unwind table: every rule of a library's code
 * is HP_RULE_NONE. Returns false if there is no memory. */
bool hp_frame_rule_init(bool use_tables);

/* Stores the rule for the instruction at `ip`; for a return address, that is the address less 1.
 * The code must be on the calling thread's stack. Takes no lock if the cache has the rule;
 * otherwise uses a scratch stack. Leaves errno alone. Any thread, from within a hook. */
void hp_frame_rule_for(uintptr_t ip, struct hp_frame_rule *out);

/* Same, but from the unwind tables in any case. */
void hp_frame_rule_from_table(uintptr_t ip, struct hp_frame_rule *out);

/* The rare part of hp_frame_rule_frame(); see there. */
uint64_t hp_frame_rule_frame_in_place(uintptr_t ip, uint16_t place);

/* Returns the frame (see hp_frame_make) of the instruction at `ip`, which has that rule. The code
 * must be on the calling thread's stack. Any thread, from within a hook. */
static inline uint64_t hp_frame_rule_frame(uintptr_t ip, const struct hp_frame_rule *rule)
{
	return __builtin_expect(rule->place == HP_PLACE_FIXED, true)
		       ? hp_frame_make(ip + 1, HP_MODULE_PERMANENT)
		       : hp_frame_rule_frame_in_place(ip, rule->place);
}

/* In a fork child. If `is_clean` is false, some thread was inside libunwind when the process was
 * forked: its locks may be held for ever, so it is not called again. */
void hp_frame_rule_after_fork(bool is_clean);
