/* SPDX-License-Identifier: MIT */
#include "inject/entry_patch.h"

static const char *const sentences[HP_ENTRY_N_REFUSALS] = {
	[HP_ENTRY_PLANNED] = "can be patched",
	[HP_ENTRY_TOO_SHORT] = "is shorter than a jump",
	[HP_ENTRY_ENDS] = "ends within its first bytes, where a jump would be",
	[HP_ENTRY_UNKNOWN] = "has bytes that are not a known instruction",
	[HP_ENTRY_BREAKPOINT] =
		"has a breakpoint on its first bytes; a debugger or a uprobe has set it",
	[HP_ENTRY_CALL] = "calls a function within its first bytes, where a jump would be",
	[HP_ENTRY_LOOP] =
		"has a loop or jrcxz instruction among its first bytes; it can't be moved",
	[HP_ENTRY_UNMOVABLE] = "has an instruction among its first bytes that can't be moved",
	[HP_ENTRY_BRANCH_INTO] = "has a branch back into its first bytes, where a jump would be",
	[HP_ENTRY_TOO_FAR] = "refers to memory too far from any free memory near it",
};

const char *hp_entry_patch_sentence(enum hp_entry_refusal refusal)
{
	return sentences[refusal];
}

const char *hp_entry_patch_conflict(const struct hp_entry_patch *p)
{
	if (p->has_landing_pad)
		return NULL;
	return "does not begin with endbr64: a uprobe that is set on it meanwhile ends the process";
}

bool hp_entry_patch_is_inside(const struct hp_entry_patch *p, uint64_t address)
{
	return address > p->at && address - p->at < p->size;
}

uint64_t hp_entry_patch_pc_in(const struct hp_entry_patch *p, uint64_t pc)
{
	for (size_t i = 1; i + 1 < p->n_places; i++)
		if (pc == p->at + p->places[i].original)
			return p->slot + p->places[i].moved;
	return pc;
}

uint64_t hp_entry_patch_pc_back(const struct hp_entry_patch *p, uint64_t pc)
{
	if (pc - p->slot >= HP_ENTRY_SLOT_SIZE)
		return pc;
	for (size_t i = 0; i < p->n_places; i++)
		if (pc == p->slot + p->places[i].moved)
			return p->at + p->places[i].original;
	return p->at; /* of the jump to the hook, or of the trampoline's landing pad */
}
