/* SPDX-License-Identifier: MIT */
/* The jump has 5 bytes and reaches 2 GiB. An instruction is moved as it is, with two exceptions:
 * the distance to memory that it addresses relative to its own address changes, and so does the one
 * of a branch, which is written in its long form. So each instruction is moved to one instruction,
 * and a thread that is at the first byte of one can be moved with it. */
#include "inject/entry_patch.h"
#include <Zydis/Zydis.h>
#include <string.h>

enum {
	JUMP_SIZE = 5,        /* e9 and 32 bits */
	BRANCH_SIZE = 6,      /* 0f 8x and 32 bits */
	LANDING_PAD_SIZE = 4, /* endbr64 */
};

static const uint8_t landing_pad[LANDING_PAD_SIZE] = {0xf3, 0x0f, 0x1e, 0xfa};

struct planner {
	struct hp_entry_patch *patch;
	const struct hp_entry_code *function;
	ZydisDecoder decoder;
	size_t at;   /* of the instruction, in the function */
	size_t used; /* of the slot */
	bool ends;   /* the last instruction does not lead to the next */
};

static void put(struct planner *p, const void *bytes, size_t size)
{
	memcpy(p->patch->code + p->used, bytes, size);
	p->used += size;
}

/* Sets *out to the distance from the end of an instruction, which is `size` bytes long. Returns
 * false if 32 bits don't hold it. */
static bool distance(uint64_t from, size_t size, uint64_t to, int32_t *out)
{
	int64_t d = (int64_t)(to - (from + size));

	*out = (int32_t)d;
	return d >= INT32_MIN && d <= INT32_MAX;
}

/* Appends an instruction whose last 32 bits are the distance to `to`. */
static bool put_branch(struct planner *p, const uint8_t *opcode, size_t opcode_size, uint64_t to)
{
	int32_t d;

	if (!distance(p->patch->slot + p->used, opcode_size + sizeof(d), to, &d))
		return false;
	put(p, opcode, opcode_size);
	put(p, &d, sizeof(d));
	return true;
}

/* A jump to any address: ff 25 00000000, then the address. */
static void put_far_jump(struct planner *p, uint64_t to)
{
	static const uint8_t opcode[] = {0xff, 0x25, 0, 0, 0, 0};

	put(p, opcode, sizeof(opcode));
	put(p, &to, sizeof(to));
}

static bool decode(struct planner *p, ZydisDecodedInstruction *out)
{
	return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
		&p->decoder, NULL, p->function->bytes + p->at, p->function->size - p->at, out));
}

static bool is_branch(const ZydisDecodedInstruction *i)
{
	return i->raw.imm[0].size > 0 && i->raw.imm[0].is_relative;
}

static uint64_t branch_target(const struct planner *p, const ZydisDecodedInstruction *i)
{
	return p->function->address + p->at + i->length + (uint64_t)i->raw.imm[0].value.s;
}

/* --- moving an instruction -------------------------------------------------------------------- */

static enum hp_entry_refusal move_branch(struct planner *p, const ZydisDecodedInstruction *i)
{
	const uint8_t jump[] = {0xe9}, branch[] = {0x0f, 0x80 | (i->opcode & 0x0f)};
	uint64_t to = branch_target(p, i);
	bool is_near;

	if (i->meta.category == ZYDIS_CATEGORY_UNCOND_BR && i->mnemonic == ZYDIS_MNEMONIC_JMP) {
		is_near = put_branch(p, jump, sizeof(jump), to);
		p->ends = true;
	} else if (i->meta.category != ZYDIS_CATEGORY_COND_BR ||
		   i->mnemonic == ZYDIS_MNEMONIC_XBEGIN) {
		return HP_ENTRY_UNMOVABLE;
	} else if ((i->opcode & 0xf0) == (i->opcode_map == ZYDIS_OPCODE_MAP_0F ? 0x80 : 0x70)) {
		is_near = put_branch(p, branch, sizeof(branch), to);
	} else {
		return HP_ENTRY_LOOP;
	}
	return is_near ? HP_ENTRY_PLANNED : HP_ENTRY_TOO_FAR;
}

static enum hp_entry_refusal move_relative(struct planner *p, const ZydisDecodedInstruction *i)
{
	uint64_t to = p->function->address + p->at + i->length + (uint64_t)i->raw.disp.value;
	size_t start = p->used;
	int32_t d;

	if (i->raw.disp.size != 32)
		return HP_ENTRY_UNMOVABLE;
	if (!distance(p->patch->slot + p->used, i->length, to, &d))
		return HP_ENTRY_TOO_FAR;
	put(p, p->function->bytes + p->at, i->length);
	memcpy(p->patch->code + start + i->raw.disp.offset, &d, sizeof(d));
	return HP_ENTRY_PLANNED;
}

static enum hp_entry_refusal move(struct planner *p, const ZydisDecodedInstruction *i)
{
	switch (i->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return HP_ENTRY_CALL;
	case ZYDIS_CATEGORY_INTERRUPT:
		return i->mnemonic == ZYDIS_MNEMONIC_INT3 ? HP_ENTRY_BREAKPOINT
							  : HP_ENTRY_UNMOVABLE;
	case ZYDIS_CATEGORY_SYSCALL:
		return HP_ENTRY_UNMOVABLE;
	default:
		break;
	}
	if (is_branch(i))
		return move_branch(p, i);
	if (i->attributes & ZYDIS_ATTRIB_IS_RELATIVE)
		return move_relative(p, i);
	put(p, p->function->bytes + p->at, i->length);
	p->ends = i->meta.category == ZYDIS_CATEGORY_RET ||
		  i->meta.category == ZYDIS_CATEGORY_UNCOND_BR;
	return HP_ENTRY_PLANNED;
}

static void note_place(struct planner *p, size_t start)
{
	struct hp_entry_patch *patch = p->patch;

	patch->places[patch->n_places++] =
		(struct hp_entry_place){(uint8_t)(p->at - start), (uint8_t)p->used};
}

/* --- the parts of a plan ---------------------------------------------------------------------- */

/* Moves the instructions that the jump overwrites, from `start` on. */
static enum hp_entry_refusal move_first(struct planner *p, size_t start)
{
	ZydisDecodedInstruction i;

	for (p->at = start; p->at < start + JUMP_SIZE; p->at += i.length) {
		enum hp_entry_refusal refusal;

		if (p->ends)
			return HP_ENTRY_ENDS;
		if (!decode(p, &i))
			return HP_ENTRY_UNKNOWN;
		note_place(p, start);
		refusal = move(p, &i);
		if (refusal != HP_ENTRY_PLANNED)
			return refusal;
	}
	if (p->ends)
		note_place(p, start);
	return HP_ENTRY_PLANNED;
}

/* Looks at all branches of the function. One to the jump's first byte is refused, too: the
 * registers and the stack may be other than at a call. */
static enum hp_entry_refusal find_branches_into(struct planner *p, size_t start)
{
	uint64_t end = p->function->address + start + JUMP_SIZE;
	ZydisDecodedInstruction i;

	for (p->at = start; p->at < p->function->size; p->at += i.length) {
		if (!decode(p, &i))
			return HP_ENTRY_UNKNOWN;
		if (is_branch(&i) && i.meta.category != ZYDIS_CATEGORY_CALL &&
		    branch_target(p, &i) >= p->function->address && branch_target(p, &i) < end)
			return HP_ENTRY_BRANCH_INTO;
	}
	return HP_ENTRY_PLANNED;
}

/* The jump from the trampoline to the rest of the function. */
static bool put_jump_back(struct planner *p, size_t start)
{
	static const uint8_t jump[] = {0xe9};
	size_t end = p->at;

	if (p->ends)
		return true;
	note_place(p, start);
	return put_branch(p, jump, sizeof(jump), p->function->address + end);
}

static bool plan_jump(struct planner *p, size_t start)
{
	struct hp_entry_patch *patch = p->patch;
	int32_t d;

	if (!distance(patch->at, JUMP_SIZE, patch->slot, &d))
		return false;
	patch->size = JUMP_SIZE;
	memcpy(patch->before, p->function->bytes + start, JUMP_SIZE);
	patch->after[0] = 0xe9;
	memcpy(patch->after + 1, &d, sizeof(d));
	return true;
}

enum hp_entry_refusal hp_entry_patch_plan(struct hp_entry_patch *out,
					  const struct hp_entry_code *function, uint64_t slot,
					  uint64_t hook)
{
	struct planner p = {.patch = out, .function = function};
	bool has_pad = function->size >= LANDING_PAD_SIZE &&
		       memcmp(function->bytes, landing_pad, LANDING_PAD_SIZE) == 0;
	size_t start = has_pad ? LANDING_PAD_SIZE : 0;
	enum hp_entry_refusal refusal;

	if (function->size < start + JUMP_SIZE)
		return HP_ENTRY_TOO_SHORT;
	*out = (struct hp_entry_patch){.entry = function->address,
				       .at = function->address + start,
				       .slot = slot,
				       .has_landing_pad = has_pad};
	memset(out->code, 0xcc, sizeof(out->code));
	ZydisDecoderInit(&p.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	put_far_jump(&p, hook);
	p.used = HP_ENTRY_TRAMPOLINE;
	put(&p, landing_pad, sizeof(landing_pad)); /* a hook calls the trampoline by a pointer */
	refusal = move_first(&p, start);
	if (refusal != HP_ENTRY_PLANNED)
		return refusal;
	if (!put_jump_back(&p, start) || !plan_jump(&p, start))
		return HP_ENTRY_TOO_FAR;
	return find_branches_into(&p, start);
}
