/* SPDX-License-Identifier: MIT */
/* The tables may be anything: the number of words that libunwind reads is limited, so that it comes
 * to an end. It reads nothing by itself, but asks for each word. */
#include "inject/frames.h"
#include "inject/image.h"
#include <libunwind.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>

enum {
	READS_MAX = 1 << 18,
	TABLE_AT = 12, /* in .eh_frame_hdr, after the version, the encodings, a pointer, a number */
	ROW_SIZE = 8,
};

/* The version, and the encodings of the pointer, of the number and of the rows, as all linkers
 * write them. */
static const uint8_t usual_header[4] = {1, 0x1b, 0x03, 0x3b};

/* libunwind exports it for readers of other processes, but no header declares it. */
#define search_table UNW_OBJ(dwarf_search_unwind_table)
int search_table(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *table, unw_proc_info_t *out,
		 int needs_rules, void *context);

struct walk {
	struct hp_target *t;
	struct user_regs_struct registers;
	int n_reads;
};

/* --- what libunwind asks for ------------------------------------------------------------------ */

static int read_word(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int is_write,
		     void *context)
{
	struct walk *w = context;

	if (is_write || ++w->n_reads > READS_MAX ||
	    !hp_target_read(w->t, address, value, sizeof(*value)))
		return -UNW_EINVAL;
	return 0;
}

static int read_register(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value,
			 int is_write, void *context)
{
	const struct user_regs_struct *r = &((struct walk *)context)->registers;
	const unsigned long long values[] = {
		[UNW_X86_64_RAX] = r->rax, [UNW_X86_64_RDX] = r->rdx, [UNW_X86_64_RCX] = r->rcx,
		[UNW_X86_64_RBX] = r->rbx, [UNW_X86_64_RSI] = r->rsi, [UNW_X86_64_RDI] = r->rdi,
		[UNW_X86_64_RBP] = r->rbp, [UNW_X86_64_RSP] = r->rsp, [UNW_X86_64_R8] = r->r8,
		[UNW_X86_64_R9] = r->r9,   [UNW_X86_64_R10] = r->r10, [UNW_X86_64_R11] = r->r11,
		[UNW_X86_64_R12] = r->r12, [UNW_X86_64_R13] = r->r13, [UNW_X86_64_R14] = r->r14,
		[UNW_X86_64_R15] = r->r15, [UNW_X86_64_RIP] = r->rip,
	};

	if (is_write || number < 0 || (size_t)number >= sizeof(values) / sizeof(values[0]))
		return -UNW_EBADREG;
	*value = values[number];
	return 0;
}

/* Describes the table of an image to libunwind. */
static bool find_table(struct hp_target *t, const struct hp_image *image, unw_dyn_info_t *out)
{
	const ElfW(Phdr) *segment = hp_image_segment(image, PT_GNU_EH_FRAME);
	uint64_t address = segment ? image->bias + segment->p_vaddr : 0;
	struct {
		uint8_t encodings[4];
		uint32_t pointer, n;
	} header;

	if (!address || !hp_target_read(t, address, &header, sizeof(header)) ||
	    memcmp(header.encodings, usual_header, sizeof(usual_header)) != 0 ||
	    header.n > segment->p_memsz / ROW_SIZE)
		return false;
	out->format = UNW_INFO_FORMAT_REMOTE_TABLE;
	out->u.rti.segbase = address;
	out->u.rti.table_data = address + TABLE_AT;
	out->u.rti.table_len = (unw_word_t)header.n * ROW_SIZE / sizeof(unw_word_t);
	return true;
}

static int find_function(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *out,
			 int needs_rules, void *context)
{
	struct walk *w = context;
	unw_dyn_info_t table = {.start_ip = 0, .end_ip = UINT64_MAX};
	struct hp_image image;

	if (!hp_image_at(w->t, ip, &image) || !find_table(w->t, &image, &table))
		return -UNW_ENOINFO;
	return search_table(space, ip, &table, out, needs_rules, context);
}

static void put_function(unw_addr_space_t space, unw_proc_info_t *function, void *context)
{
}

static int find_dynamic(unw_addr_space_t space, unw_word_t *out, void *context)
{
	return -UNW_ENOINFO;
}

static int read_float(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int is_write,
		      void *context)
{
	return -UNW_EBADREG;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *context)
{
	return -UNW_EINVAL;
}

static int find_name(unw_addr_space_t space, unw_word_t ip, char *name, size_t size,
		     unw_word_t *offset, void *context)
{
	return -UNW_EINVAL;
}

/* --- walking ---------------------------------------------------------------------------------- */

static bool has_rules(unw_cursor_t *cursor)
{
	unw_proc_info_t function;

	return unw_get_proc_info(cursor, &function) == 0;
}

static bool walk(unw_cursor_t *cursor, struct hp_frame *out, size_t *out_n)
{
	bool is_return = false;

	for (size_t n = 0; n < HP_FRAMES_MAX; n++) {
		unw_word_t pc, sp;
		int r;

		if (unw_get_reg(cursor, UNW_REG_IP, &pc) || unw_get_reg(cursor, UNW_REG_SP, &sp))
			return false;
		if (pc == 0)
			return true;
		out[n] = (struct hp_frame){pc, sp, is_return};
		*out_n = n + 1;
		if (!has_rules(cursor))
			return false;
		is_return = unw_is_signal_frame(cursor) <= 0;
		r = unw_step(cursor);
		if (r <= 0)
			return r == 0;
	}
	return false;
}

bool hp_frames_read(struct hp_target *t, int thread, struct hp_frame *out, size_t *out_n)
{
	unw_accessors_t accessors = {
		.find_proc_info = find_function,
		.put_unwind_info = put_function,
		.get_dyn_info_list_addr = find_dynamic,
		.access_mem = read_word,
		.access_reg = read_register,
		.access_fpreg = read_float,
		.resume = resume,
		.get_proc_name = find_name,
	};
	struct walk w = {.t = t};
	unw_addr_space_t space;
	unw_cursor_t cursor;
	bool is_complete = false;

	*out_n = 0;
	if (ptrace(PTRACE_GETREGS, thread, NULL, &w.registers))
		return false;
	space = unw_create_addr_space(&accessors, 0);
	if (!space)
		return false;
	if (unw_init_remote(&cursor, space, &w) == 0)
		is_complete = walk(&cursor, out, out_n);
	unw_destroy_addr_space(space);
	return is_complete;
}
