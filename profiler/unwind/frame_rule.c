/* SPDX-License-Identifier: MIT */
/* An object is found by a function that takes no lock (loaded.h), and dl_iterate_phdr() is never
 * called, so a walk never waits for the loader's lock or for a callback of the host. */
#include "unwind/frame_rule.h"
#include "base/scratch.h"
#include "base/sys.h"
#include "process/modules.h"
#include "unwind/rule_cache.h"
#include "unwind/unwind_table.h"
#include <errno.h>

static bool has_tables;  /* unwind tables can be read */
static bool uses_tables; /* false: only hp_frame_rule_from_table() reads tables */

/* --- calls --------------------------------------------------------------------------------- */

enum {
	CALL_REL32 = 0xe8,
	CALL_REL32_SIZE = 5,
	GROUP_5 = 0xff, /* an indirect call if the middle of its ModRM byte is 2 */
	INDIRECT_SIZE_MAX = 7
};

/* Returns the size of an instruction that has a one-byte opcode, ModRM, an optional SIB and a
 * displacement (Intel's manual, volume 2, 2.1). */
static size_t size_with_operand(uint8_t modrm, uint8_t sib)
{
	unsigned mod = modrm >> 6, rm = modrm & 7;
	bool has_sib = mod != 3 && rm == 4;
	bool has_no_base = mod == 0 && (rm == 5 || (has_sib && (sib & 7) == 5));

	return 2 + has_sib + (mod == 1 ? 1 : mod == 2 || has_no_base ? 4 : 0);
}

static bool is_indirect_call(const uint8_t *code, size_t size)
{
	return code[0] == GROUP_5 && (code[1] >> 3 & 7) == 2 &&
	       size_with_operand(code[1], size > 2 ? code[2] : 0) == size;
}

/* Returns true if the byte at `ip` may be the last byte of a call instruction. */
static bool ends_call(struct hp_image_memory *image, uintptr_t ip)
{
	uint8_t code[8];
	const uint8_t *end = code + sizeof(code);

	if (!hp_image_memory_read(image, ip + 1 - sizeof(code), code, sizeof(code)))
		return false;
	bool is_call = end[-CALL_REL32_SIZE] == CALL_REL32;

	for (size_t size = 2; size <= INDIRECT_SIZE_MAX && !is_call; size++)
		is_call = is_indirect_call(end - size, size);
	return is_call;
}

/* --- from an address to a rule ------------------------------------------------------------- */

struct lesson {
	uintptr_t ip;
	struct hp_image_memory image;
	bool is_from_table;
	struct hp_frame_rule rule;
	uint64_t frame;
};

static void learn(void *argument)
{
	struct lesson *l = argument;
	int saved_errno = errno;

	if (!hp_loaded_find(l->ip, &l->image.object)) {
		bool is_readable = hp_sys_is_readable((void *)(l->ip & ~(uintptr_t)7));

		l->rule.kind = is_readable ? HP_RULE_ALIEN : HP_RULE_NOT_CODE;
	} else {
		l->rule.place = hp_modules_identify(&l->image.object, l->ip, &l->frame);
		l->image.is_permanent = l->rule.place == HP_PLACE_FIXED;
		l->rule.is_call = ends_call(&l->image, l->ip);
		if (has_tables && l->is_from_table)
			hp_unwind_table_rule(&l->image, l->ip, &l->rule);
	}
	errno = saved_errno;
}

/* The key of a rule is its address. This bit is added to the key of a rule that
 * hp_frame_rule_from_table() reads, if hp_frame_rule_for() does not read tables too. */
#define FROM_TABLE (UINT64_C(1) << 63)

/* Returns the epoch in which the rule is valid. The rule of a permanent module never expires. An
 * address outside of all modules may belong to a library later, so its rule does. */
static uint32_t epoch_of(const struct lesson *l, uint32_t now)
{
	return l->image.is_permanent ? HP_RULE_FOREVER : now;
}

static __attribute__((noinline, cold)) void learn_rule(uint64_t key, uint32_t epoch,
						       struct hp_frame_rule *out)
{
	struct lesson l = {
		.ip = key & ~FROM_TABLE,
		.is_from_table = uses_tables || (key & FROM_TABLE),
	};
	bool has_learned = hp_scratch_call(learn, &l);
	uint32_t valid_in = epoch_of(&l, epoch);

	if (has_learned && (l.image.is_permanent || (epoch != 0 && hp_modules_epoch() == epoch)))
		hp_rule_cache_put(key, valid_in, epoch, &l.rule);
	*out = l.rule;
}

/* The rule is stored in `out` and not returned. If it were returned in registers, it would be
 * stored field by field and then loaded in larger words, for which the processor has to wait; that
 * took half of the time of a recorded malloc. */
void hp_frame_rule_for(uintptr_t ip, struct hp_frame_rule *out)
{
	uint32_t epoch = hp_modules_epoch();

	if (__builtin_expect(!hp_rule_cache_find(ip, epoch, out), false))
		learn_rule(ip, epoch, out);
}

void hp_frame_rule_from_table(uintptr_t ip, struct hp_frame_rule *out)
{
	hp_frame_rule_for(uses_tables ? ip : ip | FROM_TABLE, out);
}

/* Identifies the frame again, if its rule's place has been given to another range because a library
 * was closed after the walk got the rule. */
static __attribute__((noinline, cold)) uint64_t identify_frame(uintptr_t ip)
{
	struct lesson l = {
		.ip = ip,
		.frame = hp_frame_make(ip + 1, HP_MODULE_UNKNOWN),
	};

	hp_scratch_call(learn, &l);
	return l.frame;
}

uint64_t hp_frame_rule_frame_in_place(uintptr_t ip, uint16_t place)
{
	uint64_t frame;

	return hp_places_frame(place, ip, &frame) ? frame : identify_frame(ip);
}

bool hp_frame_rule_init(bool use_tables)
{
	bool has_cache = hp_rule_cache_init();

	has_tables = hp_unwind_table_init();
	uses_tables = use_tables;
	return has_cache && (has_tables || !use_tables);
}

void hp_frame_rule_after_fork(bool is_clean)
{
	hp_unwind_table_after_fork(is_clean);
}
