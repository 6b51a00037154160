/* SPDX-License-Identifier: MIT */
#include "unwind/symbolic.h"

#define TAG_SHIFT 40
#define TAG_ZERO  (UINT64_C(1) << (TAG_SHIFT - 1)) /* offsets from -2^39 to 2^39 are possible */

enum {
	TAG_REGISTERS = 1,
	DEREFERENCED = 64,
	TAG_SP = TAG_REGISTERS + HP_SYMBOLIC_SP,
	TAG_BP = TAG_REGISTERS + HP_SYMBOLIC_BP
};

uint64_t hp_symbolic_register(unsigned reg)
{
	return ((uint64_t)(TAG_REGISTERS + reg) << TAG_SHIFT) + TAG_ZERO;
}

static unsigned tag_of(uint64_t value)
{
	return value >> TAG_SHIFT;
}

static int64_t offset_of(uint64_t value)
{
	return (int64_t)(value & ((UINT64_C(1) << TAG_SHIFT) - 1)) - (int64_t)TAG_ZERO;
}

/* Memory at addresses with this tag is on the stack, if a register points to it, or if a realigned
 * frame's saved CFA points to it, which is *(bp + n). */
static bool is_readable_tag(unsigned tag)
{
	return (tag >= TAG_REGISTERS && tag < DEREFERENCED) || tag == TAG_BP + DEREFERENCED;
}

bool hp_symbolic_memory(uint64_t address, uint64_t *out)
{
	if (!is_readable_tag(tag_of(address)))
		return false;
	*out = address + ((uint64_t)DEREFERENCED << TAG_SHIFT);
	return true;
}

/* Returns true if a rule has room for the offset. If not, the address is treated as one without an
 * unwind table entry. */
static bool fits_in_rule(int64_t offset)
{
	return offset > INT32_MIN && offset <= INT32_MAX;
}

static bool is_value(uint64_t value, unsigned tag, int64_t offset)
{
	return tag_of(value) == tag && offset_of(value) == offset;
}

static void set_plain_rule(struct hp_frame_rule *rule, uint64_t cfa, uint64_t pc, uint64_t bp)
{
	unsigned tag = tag_of(cfa);
	int64_t offset = offset_of(cfa);

	if (!fits_in_rule(offset) || !is_value(pc, tag + DEREFERENCED, offset - 8))
		return;
	if (is_value(bp, TAG_BP, 0))
		rule->bp_offset = HP_BP_UNCHANGED;
	else if (tag_of(bp) == tag + DEREFERENCED && fits_in_rule(offset_of(bp) - offset))
		rule->bp_offset = offset_of(bp) - offset;
	else
		return;
	rule->cfa_offset = offset;
	rule->kind = tag == TAG_SP ? HP_RULE_SP : HP_RULE_BP;
}

static void set_dereferenced_rule(struct hp_frame_rule *rule, uint64_t cfa, uint64_t pc,
				  uint64_t bp)
{
	int64_t offset = offset_of(cfa);

	if (tag_of(cfa) == TAG_SP + DEREFERENCED) {
		if (offset == HP_SIGNAL_SP && is_value(pc, TAG_SP + DEREFERENCED, HP_SIGNAL_PC) &&
		    is_value(bp, TAG_SP + DEREFERENCED, HP_SIGNAL_BP))
			rule->kind = HP_RULE_SIGNAL;
		return;
	}
	/* In a realigned frame, gcc saves the CFA below bp: CFA = *(bp - 8), bp = *(bp) */
	if (!fits_in_rule(offset) || !is_value(pc, tag_of(cfa) + DEREFERENCED, offset - 8) ||
	    tag_of(bp) != TAG_BP + DEREFERENCED || !fits_in_rule(offset_of(bp)))
		return;
	rule->cfa_offset = offset;
	rule->bp_offset = offset_of(bp);
	rule->kind = HP_RULE_DEREF_BP;
}

void hp_symbolic_rule(struct hp_frame_rule *rule, uint64_t cfa, uint64_t pc, uint64_t bp)
{
	if (tag_of(cfa) == TAG_SP || tag_of(cfa) == TAG_BP)
		set_plain_rule(rule, cfa, pc, bp);
	else if (tag_of(cfa) == TAG_SP + DEREFERENCED || tag_of(cfa) == TAG_BP + DEREFERENCED)
		set_dereferenced_rule(rule, cfa, pc, bp);
}
