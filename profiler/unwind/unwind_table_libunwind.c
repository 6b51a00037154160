/* SPDX-License-Identifier: MIT */
/* Here libunwind reads unwind tables; it does not walk stacks.
 *
 * libunwind's own ways of walking are not fit for a host process. Its per-thread trace cache is
 * never flushed, so it crashes once plugins are closed; its global cache holds a lock across
 * dl_iterate_phdr(); at a pc without unwind data it probes addresses through a private pipe, whose
 * descriptors may by then be the host's files. So we use libunwind as a debugger would, through
 * unw_init_remote() with accessors of our own. We let it make one step from symbolic registers
 * (symbolic.h), only to learn what the step does. */
#include "base/sys.h"
#include "unwind/symbolic.h"
#include "unwind/unwind_rows.h"
#include "unwind/unwind_table.h"
#include <libunwind.h>
#include <string.h>

/* A view is what libunwind can see during one step. */
struct view {
	uintptr_t ip;
	struct hp_image_memory *image;
	bool has_no_entry;
};

static unw_addr_space_t address_space; /* NULL: unwind tables can't be read */
static bool is_libunwind_lost; /* in a fork child: a thread that does not exist there may hold
				  libunwind's locks */

/* --- accessors ----------------------------------------------------------------------------- */

static int access_mem(unw_addr_space_t as, unw_word_t address, unw_word_t *value, int is_write,
		      void *context)
{
	struct view *v = context;

	if (is_write)
		return -UNW_EINVAL;
	/* Look in the image first: the addresses of programs and libraries look like tags of
	 * registers that do not exist. */
	if (hp_image_memory_read_word(v->image, address, value) ||
	    hp_symbolic_memory(address, value))
		return 0;
	return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *value, int is_write,
		      void *context)
{
	struct view *v = context;

	if (is_write || reg < 0 || reg > UNW_X86_64_RIP)
		return -UNW_EINVAL;
	*value = reg == UNW_X86_64_RIP ? v->ip : hp_symbolic_register(reg);
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

/* Describes a table of one row, that of v->ip. libunwind would find the row too, but it would look
 * at the table through access_mem(): that takes ten times as many instructions. */
static bool describe_table(struct view *v, unw_dyn_info_t *out)
{
	const struct hp_loaded *object = &v->image->object;
	uintptr_t row;

	memset(out, 0, sizeof(*out));
	if (!hp_unwind_rows_find(v->image, v->ip, &row))
		return false;
	out->format = UNW_INFO_FORMAT_REMOTE_TABLE;
	out->start_ip = object->start;
	out->end_ip = object->end;
	out->u.rti.segbase = object->eh_frame_hdr;
	out->u.rti.table_data = row;
	out->u.rti.table_len = sizeof(struct hp_unwind_row) / sizeof(unw_word_t);
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

void hp_unwind_table_rule(struct hp_image_memory *image, uintptr_t ip, struct hp_frame_rule *rule)
{
	struct view v = {.ip = ip, .image = image};
	unw_cursor_t cursor;
	unw_word_t cfa = 0, pc = 0, bp = 0;

	if (!address_space || is_libunwind_lost || unw_init_remote(&cursor, address_space, &v) != 0)
		return;
	int result = unw_step(&cursor);

	if (v.has_no_entry || result < 0)
		return;
	unw_get_reg(&cursor, UNW_X86_64_RSP, &cfa);
	unw_get_reg(&cursor, UNW_X86_64_RIP, &pc);
	unw_get_reg(&cursor, UNW_X86_64_RBP, &bp);
	if (result == 0 || pc == 0)
		rule->kind = HP_RULE_END;
	else
		hp_symbolic_rule(rule, cfa, pc, bp);
}

/* --- start and fork ------------------------------------------------------------------------ */

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
	struct hp_image_memory image = {0};
	struct view nowhere = {.image = &image};
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

bool hp_unwind_table_init(void)
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

	if (!address_space)
		initialize_libunwind(&accessors);
	return address_space;
}

void hp_unwind_table_after_fork(bool is_clean)
{
	if (!is_clean)
		is_libunwind_lost = true;
}
