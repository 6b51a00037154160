/* SPDX-License-Identifier: MIT */
/* Here libunwind reads unwind tables; it does not walk stacks.
 *
 * libunwind's own ways of walking are not fit for a host process. Its per-thread trace cache is
 * never flushed, so it crashes once plugins are closed; its global cache holds a lock across
 * dl_iterate_phdr(); at a pc without unwind data it probes addresses through a private pipe, whose
 * descriptors may by then be the host's files. So we use libunwind as a debugger would, through
 * unw_init_remote() with accessors of our own. We let it make one step, only to learn what the step
 * does: it sees names instead of the registers' numbers. Register r reads as tag(r) + 0; memory at
 * tag(t) + n reads as tag(t + DEREFERENCED) + n. After the step, the caller's sp, pc and bp show
 * how they were computed: if sp is tag(sp) + 40, the rule is CFA = sp + 40.
 *
 * We ask the loader through _dl_find_object(), which takes no lock. dl_iterate_phdr() is never
 * called, so a walk never waits for the loader's lock or for a callback of the host. */
#include "unwind/frame_rule.h"
#include "base/scratch.h"
#include "base/sys.h"
#include "process/modules.h"
#include "unwind/image_memory.h"
#include "unwind/rule_cache.h"
#include <dlfcn.h>
#include <errno.h>
#include <libunwind.h>
#include <string.h>

#define TAG_SHIFT 40
#define TAG_ZERO  (UINT64_C(1) << (TAG_SHIFT - 1)) /* offsets from -2^39 to 2^39 are possible */

enum {
	TAG_REGISTERS = 1,
	DEREFERENCED = 64,
	TAG_SP = 8,
	TAG_BP = 7
};

static uint64_t tagged(unsigned tag)
{
	return ((uint64_t)tag << TAG_SHIFT) + TAG_ZERO;
}

static unsigned tag_of(uint64_t value)
{
	return value >> TAG_SHIFT;
}

static int64_t offset_of(uint64_t value)
{
	return (int64_t)(value & ((UINT64_C(1) << TAG_SHIFT) - 1)) - (int64_t)TAG_ZERO;
}

/* A view is what libunwind can see during one step. */
struct view {
	uintptr_t ip;
	struct hp_image_memory image;
	bool has_no_entry;
};

/* --- accessors ----------------------------------------------------------------------------- */

/* Returns true if memory at addresses with this tag is on the stack. That is so for what a register
 * points to, and for what a realigned frame's saved CFA points to, which is *(bp + n). */
static bool is_readable_tag(unsigned tag)
{
	return (tag >= TAG_REGISTERS && tag < DEREFERENCED) || tag == TAG_BP + DEREFERENCED;
}

static int access_mem(unw_addr_space_t as, unw_word_t address, unw_word_t *value, int is_write,
		      void *context)
{
	struct view *v = context;
	unsigned tag = tag_of(address);

	if (is_write)
		return -UNW_EINVAL;
	/* Look in the image first: the addresses of programs and libraries look like tags of
	 * registers that do not exist. */
	if (hp_image_memory_read_word(&v->image, address, value))
		return 0;
	if (!is_readable_tag(tag))
		return -UNW_EINVAL;
	*value = address + ((uint64_t)DEREFERENCED << TAG_SHIFT);
	return 0;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *value, int is_write,
		      void *context)
{
	struct view *v = context;

	if (is_write || reg < 0 || reg > UNW_X86_64_RIP)
		return -UNW_EINVAL;
	*value = reg == UNW_X86_64_RIP ? v->ip : tagged(TAG_REGISTERS + reg);
	return 0;
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *value, int is_write,
			void *context)
{
	return -UNW_EBADREG;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *context)
{
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t as, unw_word_t ip, char *out, size_t size,
			 unw_word_t *offset, void *context)
{
	return -UNW_ENOINFO;
}

static int get_dyn_info_list_addr(unw_addr_space_t as, unw_word_t *out, void *context)
{
	return -UNW_ENOINFO;
}

/* libunwind exports this function for debuggers, but no header declares it. */
int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip, unw_dyn_info_t *table,
				       unw_proc_info_t *out, int need_unwind_info, void *context);

/* .eh_frame_hdr = version eh-frame-pointer-encoding count-encoding table-encoding
 *	eh-frame-pointer count { address entry }*	(Linux Standard Base, 10.6.2) */
struct eh_frame_hdr {
	uint8_t version, pointer_encoding, count_encoding, table_encoding;
	int32_t pointer;
	uint32_t count;
};

enum {
	PCREL_SDATA4 = 0x1b,
	UDATA4 = 0x03,
	DATAREL_SDATA4 = 0x3b
};

/* A row of the table: where a function begins, and where its unwind data are, both counted from the
 * header. */
struct row {
	int32_t ip, entry;
};

static bool read_row(struct view *v, uintptr_t table, size_t i, struct row *out)
{
	uint64_t word;
	bool is_read = hp_image_memory_read_word(&v->image, table + i * sizeof(word), &word);

	memcpy(out, &word, sizeof(*out));
	return is_read;
}

/* Sets *out to the address of the last row whose function begins at v->ip or before it. Returns
 * false if there is none. libunwind would find the row too, but it would look at the table through
 * access_mem(): that takes ten times as many instructions. */
static bool find_row(struct view *v, uintptr_t header, size_t n_rows, uintptr_t *out)
{
	uintptr_t table = header + sizeof(struct eh_frame_hdr);
	int64_t wanted = (int64_t)(v->ip - header);
	size_t low = 0, high = n_rows;
	struct row row;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (!read_row(v, table, middle, &row))
			return false;
		if (row.ip <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	*out = table + (low - 1) * sizeof(row);
	return low > 0;
}

/* Describes a table of one row, that of v->ip. */
static bool describe_table(struct view *v, unw_dyn_info_t *out)
{
	const struct dl_find_object *object = &v->image.object;
	struct eh_frame_hdr header;
	uintptr_t at = (uintptr_t)object->dlfo_eh_frame, row;

	memset(out, 0, sizeof(*out));
	if (!at || !hp_image_memory_read(&v->image, at, &header, sizeof(header)) ||
	    header.version != 1 || header.pointer_encoding != PCREL_SDATA4 ||
	    header.count_encoding != UDATA4 || header.table_encoding != DATAREL_SDATA4 ||
	    !find_row(v, at, header.count, &row))
		return false;
	out->format = UNW_INFO_FORMAT_REMOTE_TABLE;
	out->start_ip = (uintptr_t)object->dlfo_map_start;
	out->end_ip = (uintptr_t)object->dlfo_map_end;
	out->u.rti.segbase = at;
	out->u.rti.table_data = row;
	out->u.rti.table_len = sizeof(struct row) / sizeof(unw_word_t);
	return true;
}

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *out,
			  int need_unwind_info, void *context)
{
	struct view *v = context;
	unw_dyn_info_t table;

	v->has_no_entry = !describe_table(v, &table) ||
			  UNW_OBJ(dwarf_search_unwind_table)(as, ip, &table, out, need_unwind_info,
							     context) < 0;
	return v->has_no_entry ? -UNW_ENOINFO : 0;
}

/* Frees nothing: when this is called, libunwind has already freed its description of the entry. */
static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *info, void *context)
{
}

/* --- from a step to a rule ----------------------------------------------------------------- */

static unw_addr_space_t address_space; /* NULL: unwind tables can't be read */
static bool is_libunwind_lost; /* in a fork child: a thread that does not exist there may hold
				  libunwind's locks */
static bool uses_tables;       /* false: only hp_frame_rule_from_table() reads tables */

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

static void learn_from_step(struct hp_frame_rule *rule, struct view *v)
{
	unw_cursor_t cursor;
	unw_word_t cfa = 0, pc = 0, bp = 0;

	if (unw_init_remote(&cursor, address_space, v) != 0)
		return;
	int result = unw_step(&cursor);

	if (v->has_no_entry || result < 0)
		return;
	unw_get_reg(&cursor, UNW_X86_64_RSP, &cfa);
	unw_get_reg(&cursor, UNW_X86_64_RIP, &pc);
	unw_get_reg(&cursor, UNW_X86_64_RBP, &bp);
	if (result == 0 || pc == 0)
		rule->kind = HP_RULE_END;
	else if (tag_of(cfa) == TAG_SP || tag_of(cfa) == TAG_BP)
		set_plain_rule(rule, cfa, pc, bp);
	else if (tag_of(cfa) == TAG_SP + DEREFERENCED || tag_of(cfa) == TAG_BP + DEREFERENCED)
		set_dereferenced_rule(rule, cfa, pc, bp);
}

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
static bool ends_call(struct view *v, uintptr_t ip)
{
	uint8_t code[8];
	const uint8_t *end = code + sizeof(code);

	if (!hp_image_memory_read(&v->image, ip + 1 - sizeof(code), code, sizeof(code)))
		return false;
	bool is_call = end[-CALL_REL32_SIZE] == CALL_REL32;

	for (size_t size = 2; size <= INDIRECT_SIZE_MAX && !is_call; size++)
		is_call = is_indirect_call(end - size, size);
	return is_call;
}

/* --- from an address to a rule ------------------------------------------------------------- */

struct lesson {
	struct view view;
	bool is_from_table;
	struct hp_frame_rule rule;
	uint64_t frame;
};

static void learn(void *argument)
{
	struct lesson *l = argument;
	struct view *v = &l->view;
	int saved_errno = errno;

	if (_dl_find_object((void *)v->ip, &v->image.object) != 0) {
		bool is_readable = hp_sys_is_readable((void *)(v->ip & ~(uintptr_t)7));

		l->rule.kind = is_readable ? HP_RULE_ALIEN : HP_RULE_NOT_CODE;
	} else {
		l->rule.place = hp_modules_identify(&v->image.object, v->ip, &l->frame);
		v->image.is_permanent = l->rule.place == HP_PLACE_FIXED;
		l->rule.is_call = ends_call(v, v->ip);
		if (address_space && !is_libunwind_lost && l->is_from_table)
			learn_from_step(&l->rule, v);
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
	return l->view.image.is_permanent ? HP_RULE_FOREVER : now;
}

static __attribute__((noinline, cold)) void learn_rule(uint64_t key, uint32_t epoch,
						       struct hp_frame_rule *out)
{
	struct lesson l = {
		.view.ip = key & ~FROM_TABLE,
		.is_from_table = uses_tables || (key & FROM_TABLE),
	};
	bool has_learned = hp_scratch_call(learn, &l);
	uint32_t valid_in = epoch_of(&l, epoch);

	if (has_learned &&
	    (valid_in == HP_RULE_FOREVER || (epoch != 0 && hp_modules_epoch() == epoch)))
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
		.view.ip = ip,
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

/* Closes the pipe that libunwind opens on its first use, to probe addresses, at the lowest free
 * descriptors. It is never needed here, and the host expects to get these numbers. `ends` are the
 * numbers that a pipe got before; they are closed only if both are ends of one pipe, which have the
 * same inode. */
static void close_pipe_of_libunwind(const int ends[2])
{
	struct stat a, b;

	if (hp_sys_fstat(ends[0], &a) == 0 && hp_sys_fstat(ends[1], &b) == 0 &&
	    S_ISFIFO(a.st_mode) && S_ISFIFO(b.st_mode) && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino) {
		hp_sys_close(ends[0]);
		hp_sys_close(ends[1]);
	}
}

static void initialize_libunwind(unw_accessors_t *accessors)
{
	struct view nowhere = {0};
	unw_cursor_t cursor;
	int ends[2];
	bool has_ends = hp_sys_pipe(ends) == 0; /* if this fails, libunwind gets no pipe either */

	if (has_ends) {
		hp_sys_close(ends[0]);
		hp_sys_close(ends[1]);
	}
	address_space = unw_create_addr_space(accessors, 0 /* native byte order */);
	if (!address_space)
		return;
	unw_set_caching_policy(address_space, UNW_CACHE_NONE);
	unw_init_remote(&cursor, address_space, &nowhere);
	if (has_ends)
		close_pipe_of_libunwind(ends);
}

bool hp_frame_rule_init(bool use_tables)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = get_dyn_info_list_addr,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
		.get_proc_name = get_proc_name,
	};

	bool has_cache = hp_rule_cache_init();

	if (!address_space)
		initialize_libunwind(&accessors);
	uses_tables = use_tables;
	return has_cache && (address_space || !use_tables);
}

void hp_frame_rule_after_fork(bool is_clean)
{
	if (!is_clean)
		is_libunwind_lost = true;
}
