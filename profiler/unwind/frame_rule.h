/* SPDX-License-Identifier: MIT */
/* A frame rule describes how to get from a frame to its caller's frame. There is one for each code
 * address: libunwind works the rule out once, from the unwind tables, and rule_cache.h keeps it. */
#pragma once
#include "process/modules.h"
#include "process/places.h"

enum hp_rule_kind {
	HP_RULE_NONE,     /* no unwind data, as in hand-written assembly, or none was read */
	HP_RULE_ALIEN,    /* in no library, but readable: generated code, or not code */
	HP_RULE_NOT_CODE, /* nothing readable is at the address */
	HP_RULE_END,      /* the outermost frame: the start of a thread or of the program */
	HP_RULE_SP,       /* CFA = sp + cfa_offset */
	HP_RULE_BP,       /* CFA = bp + cfa_offset */
	HP_RULE_DEREF_BP, /* realigned frames: CFA = *(bp + cfa_offset), and bp_offset counts from
			     bp */
	HP_RULE_SIGNAL,   /* a signal handler's return trampoline; offsets are the kernel's */
};

enum {
	HP_BP_UNCHANGED = INT32_MIN
};

struct hp_frame_rule {
	int32_t cfa_offset;
	int32_t bp_offset; /* the caller's bp is saved at CFA + bp_offset; or HP_BP_UNCHANGED */
	uint8_t kind;      /* enum hp_rule_kind */
	bool is_call; /* the address is in a library, and is the last byte of a call instruction: so
			 the next address may be a return address */
	uint16_t place; /* see places.h */
};

/* Offsets from sp in a frame of kind HP_RULE_SIGNAL, which is Linux's struct rt_sigframe. */
enum {
	HP_SIGNAL_BP = 120,
	HP_SIGNAL_SP = 160,
	HP_SIGNAL_PC = 168
};

/* Sets up libunwind and the cache. Call it once at start, where calling malloc is safe. If
 * `use_tables` is false, hp_frame_rule_for() reads no unwind tables: in a library, every rule is
 * HP_RULE_NONE. Returns false if there is no memory. */
bool hp_frame_rule_init(bool use_tables);

/* Sets *out to the rule for the instruction at `ip`; for a return address, pass the address minus
 * 1. The code must be on the calling thread's stack. Takes no lock if the cache has the rule;
 * otherwise uses a scratch stack. Leaves errno alone. Any thread, from within a hook. */
void hp_frame_rule_for(uintptr_t ip, struct hp_frame_rule *out);

/* Same as hp_frame_rule_for(), but reads the unwind tables even if `use_tables` was false. */
void hp_frame_rule_from_table(uintptr_t ip, struct hp_frame_rule *out);

/* The slow path of hp_frame_rule_frame(), for addresses in libraries that are not permanent. */
uint64_t hp_frame_rule_frame_in_place(uintptr_t ip, uint16_t place);

/* Returns the frame (see hp_frame_make) of the instruction at `ip`, whose rule is `rule`. The code
 * must be on the calling thread's stack. Any thread, from within a hook. */
static inline uint64_t hp_frame_rule_frame(uintptr_t ip, const struct hp_frame_rule *rule)
{
	return __builtin_expect(rule->place == HP_PLACE_FIXED, true)
		       ? hp_frame_make(ip + 1, HP_MODULE_PERMANENT)
		       : hp_frame_rule_frame_in_place(ip, rule->place);
}

/* Call it in a fork child. If `is_clean` is false, another thread was inside the recorder, and so
 * perhaps inside libunwind, when the process forked. libunwind's locks may then be held for ever in
 * the child, so it is not called again. */
void hp_frame_rule_after_fork(bool is_clean);
