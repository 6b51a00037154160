/* SPDX-License-Identifier: MIT */
/* A reader of .eh_frame that needs nothing but the C library, takes no lock and opens nothing. It
 * executes the call frame instructions of one entry (DWARF 5, 6.4; Linux Standard Base, 10.6) for
 * the three registers that a rule is about: the CFA, the return address and bp. It computes from
 * symbolic registers (symbolic.h), as libunwind does in unwind_table_libunwind.c; the unit test
 * compares both on all code of the libraries at hand. */
#include "unwind/symbolic.h"
#include "unwind/unwind_rows.h"
#include "unwind/unwind_table.h"
#include <string.h>

enum {
	STATES_MAX = 8,           /* remembered at a time */
	VALUES_MAX = 16,          /* on the stack of an expression */
	INSTRUCTIONS_MAX = 20000, /* of one entry, and operations of one expression */
};

/* --- bytes --------------------------------------------------------------------------------- */

/* A cursor reads bytes of the image from `at` up to `end`. After a failure it reads zeroes. */
struct cursor {
	struct hp_image_memory *image;
	uintptr_t at, end;
	bool has_failed;
};

static void read_bytes(struct cursor *c, void *out, size_t size)
{
	memset(out, 0, size);
	if (c->has_failed || c->at > c->end || size > c->end - c->at ||
	    !hp_image_memory_read(c->image, c->at, out, size))
		c->has_failed = true;
	else
		c->at += size;
}

static uint64_t read_number(struct cursor *c, size_t size)
{
	uint64_t value = 0;

	read_bytes(c, &value, size);
	return value;
}

static int64_t sign_extend(uint64_t value, size_t size)
{
	unsigned shift = 64 - 8 * size;

	return (int64_t)(value << shift) >> shift;
}

static int64_t read_signed(struct cursor *c, size_t size)
{
	return sign_extend(read_number(c, size), size);
}

/* Reads a LEB128 number. Sets *out_shift to the number of its bits. */
static uint64_t read_leb(struct cursor *c, unsigned *out_shift, bool *out_is_negative)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = read_number(c, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !c->has_failed);
	*out_shift = shift;
	*out_is_negative = byte & 0x40;
	return value;
}

static uint64_t read_uleb(struct cursor *c)
{
	unsigned shift;
	bool is_negative;

	return read_leb(c, &shift, &is_negative);
}

static int64_t read_sleb(struct cursor *c)
{
	unsigned shift;
	bool is_negative;
	uint64_t value = read_leb(c, &shift, &is_negative);

	return (int64_t)(is_negative && shift < 64 ? value | -(UINT64_C(1) << shift) : value);
}

/* Encodings of pointers: the low four bits are the size and the sign, the next three what it is
 * relative to (Linux Standard Base, 10.5.1). */
enum {
	ENCODING_SIZE = 0x0f,
	ENCODING_BASE = 0x70,
	PCREL = 0x10,
};

/* Reads a number of this encoding, without its base. */
static uint64_t read_encoded_number(struct cursor *c, uint8_t encoding)
{
	switch (encoding & ENCODING_SIZE) {
	case 0x00: /* absptr */
	case 0x04: /* udata8 */
	case 0x0c: /* sdata8 */
		return read_number(c, 8);
	case 0x01: /* uleb128 */
		return read_uleb(c);
	case 0x02: /* udata2 */
		return read_number(c, 2);
	case 0x03: /* udata4 */
		return read_number(c, 4);
	case 0x09: /* sleb128 */
		return (uint64_t)read_sleb(c);
	case 0x0a: /* sdata2 */
		return (uint64_t)read_signed(c, 2);
	case 0x0b: /* sdata4 */
		return (uint64_t)read_signed(c, 4);
	default:
		c->has_failed = true;
		return 0;
	}
}

static uint64_t read_pointer(struct cursor *c, uint8_t encoding)
{
	uint64_t base = (encoding & ENCODING_BASE) == PCREL ? c->at : 0;

	if ((encoding & ~ENCODING_SIZE) != PCREL && (encoding & ~ENCODING_SIZE) != 0)
		c->has_failed = true;
	return base + read_encoded_number(c, encoding);
}

/* --- the entry ------------------------------------------------------------------------------ */

/* Returns the address of the entry for `ip`, or 0. */
static uintptr_t find_entry(struct hp_image_memory *image, uintptr_t ip)
{
	struct hp_unwind_row row;
	uintptr_t at;

	if (!hp_unwind_rows_find(image, ip, &at) ||
	    !hp_image_memory_read(image, at, &row, sizeof(row)))
		return 0;
	return image->object.eh_frame_hdr + (intptr_t)row.entry;
}

/* The parts of an entry, an FDE, and of the CIE that it shares with others. */
struct entry {
	uintptr_t start, end; /* the code that it is about */
	uint64_t code_factor;
	int64_t data_factor;
	uint8_t pointer_encoding;
	bool has_augmentation_size;
	struct cursor of_cie, of_fde; /* instructions */
};

/* record = length body; a length of 0xffffffff would announce a longer one, which no x86 linker
 * writes into .eh_frame. */
static struct cursor record_at(struct hp_image_memory *image, uintptr_t address)
{
	struct cursor c = {.image = image, .at = address, .end = address + 4};
	uint32_t length = read_number(&c, 4);

	c.end = c.at + length;
	c.has_failed = c.has_failed || length == 0 || length == UINT32_MAX;
	return c;
}

/* augmentation = "z" { "L" | "P" | "R" | "S" | "B" }* ; their data follow in the same order */
static void read_augmentation(struct cursor *c, const char *letters, struct entry *out)
{
	uintptr_t end = read_uleb(c);

	end += c->at;
	for (letters++; *letters; letters++)
		if (*letters == 'R')
			out->pointer_encoding = read_number(c, 1);
		else if (*letters == 'L')
			read_number(c, 1);
		else if (*letters == 'P')
			read_encoded_number(c, read_number(c, 1));
		else if (*letters != 'S')
			break; /* its data are skipped */
	c->at = end;
}

/* cie = length 0 version augmentation code-factor data-factor return-register data instructions */
static bool read_cie(struct hp_image_memory *image, uintptr_t address, struct entry *out)
{
	struct cursor c = record_at(image, address);
	char letters[16];
	size_t n = 0;

	if (read_number(&c, 4) != 0)
		return false;
	uint8_t version = read_number(&c, 1);

	for (; n < sizeof(letters); n++) {
		letters[n] = (char)read_number(&c, 1);
		if (!letters[n])
			break;
	}
	if (c.has_failed || n == sizeof(letters) || (version != 1 && version != 3))
		return false;
	out->code_factor = read_uleb(&c);
	out->data_factor = read_sleb(&c);
	if ((version == 1 ? read_number(&c, 1) : read_uleb(&c)) != HP_SYMBOLIC_PC)
		return false;
	out->has_augmentation_size = letters[0] == 'z';
	if (out->has_augmentation_size)
		read_augmentation(&c, letters, out);
	else if (letters[0])
		return false;
	out->of_cie = c;
	return !c.has_failed && c.at <= c.end;
}

/* fde = length distance-to-cie start size [ data ] instructions */
static bool read_entry(struct hp_image_memory *image, uintptr_t ip, struct entry *out)
{
	uintptr_t at = find_entry(image, ip);
	struct cursor c = record_at(image, at);
	uintptr_t distance_at = c.at;
	uint32_t distance = read_number(&c, 4);

	memset(out, 0, sizeof(*out));
	if (!at || c.has_failed || distance == 0 || !read_cie(image, distance_at - distance, out))
		return false;
	out->start = read_pointer(&c, out->pointer_encoding);
	out->end = out->start + read_encoded_number(&c, out->pointer_encoding);
	if (out->has_augmentation_size) {
		uint64_t size = read_uleb(&c);

		c.at += size;
	}
	out->of_fde = c;
	return !c.has_failed && c.at <= c.end && ip >= out->start && ip < out->end;
}

/* --- instructions --------------------------------------------------------------------------- */

enum how {
	UNDEFINED,
	SAME,          /* as in the caller */
	AT_OFFSET,     /* in memory, at CFA + number */
	IS_OFFSET,     /* CFA + number */
	REGISTER,      /* in register `number` */
	AT_RESULT,     /* in memory, at the expression's result */
	IS_RESULT,     /* the expression's result */
	FROM_REGISTER, /* of the CFA alone: register `reg` + number */
};

struct location {
	enum how how;
	unsigned reg;
	int64_t number;
	struct cursor expression;
};

struct state {
	struct location cfa, pc, bp;
};

struct machine {
	const struct entry *entry;
	uintptr_t ip, at; /* what we look for, and how far the instructions have come */
	struct state now, initial, remembered[STATES_MAX];
	size_t n_remembered;
	struct location ignored; /* of registers that no rule is about */
};

static struct location *location_of(struct machine *m, uint64_t reg)
{
	return reg == HP_SYMBOLIC_PC   ? &m->now.pc
	       : reg == HP_SYMBOLIC_BP ? &m->now.bp
				       : &m->ignored;
}

static struct cursor read_block(struct cursor *c)
{
	uint64_t size = read_uleb(c);
	struct cursor block = *c;

	if (size > c->end - c->at)
		c->has_failed = true;
	else
		block.end = c->at += size;
	return block;
}

static void set_number(struct machine *m, uint64_t reg, enum how how, int64_t number)
{
	*location_of(m, reg) = (struct location){.how = how, .number = number};
}

static void set_expression(struct machine *m, struct cursor *c, enum how how)
{
	struct location *location = location_of(m, read_uleb(c));

	*location = (struct location){.how = how, .expression = read_block(c)};
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t number)
{
	m->now.cfa = (struct location){.how = FROM_REGISTER, .reg = reg, .number = number};
}

static void restore(struct machine *m, uint64_t reg)
{
	if (reg == HP_SYMBOLIC_PC)
		m->now.pc = m->initial.pc;
	else if (reg == HP_SYMBOLIC_BP)
		m->now.bp = m->initial.bp;
}

/* The numbers of the instructions are DWARF's. An instruction of the first three kinds has an
 * operand in its lower six bits. */
enum {
	ADVANCE_LOC = 0x40,
	OFFSET = 0x80,
	RESTORE = 0xc0,
	KINDS = 0xc0,
};

static void advance(struct machine *m, uint64_t n)
{
	m->at += n * m->entry->code_factor;
}

static void remember_state(struct machine *m, struct cursor *c)
{
	if (m->n_remembered < STATES_MAX)
		m->remembered[m->n_remembered++] = m->now;
	else
		c->has_failed = true;
}

static void restore_state(struct machine *m, struct cursor *c)
{
	if (m->n_remembered > 0)
		m->now = m->remembered[--m->n_remembered];
	else
		c->has_failed = true;
}

/* Executes an instruction about the CFA. Returns false if it is about something else. */
static bool execute_of_cfa(struct machine *m, struct cursor *c, uint8_t code)
{
	int64_t factor = m->entry->data_factor;
	uint64_t reg;

	switch (code) {
	case 0x0c: /* def_cfa */
		reg = read_uleb(c);
		set_cfa(m, reg, (int64_t)read_uleb(c));
		return true;
	case 0x0d: /* def_cfa_register */
		set_cfa(m, read_uleb(c), m->now.cfa.number);
		return true;
	case 0x0e: /* def_cfa_offset */
		m->now.cfa.number = (int64_t)read_uleb(c);
		return true;
	case 0x0f: /* def_cfa_expression */
		m->now.cfa = (struct location){.how = IS_RESULT, .expression = read_block(c)};
		return true;
	case 0x12: /* def_cfa_sf */
		reg = read_uleb(c);
		set_cfa(m, reg, read_sleb(c) * factor);
		return true;
	case 0x13: /* def_cfa_offset_sf */
		m->now.cfa.number = read_sleb(c) * factor;
		return true;
	default:
		return false;
	}
}

/* Executes an instruction about a register. Returns false if it is about something else. */
static bool execute_of_register(struct machine *m, struct cursor *c, uint8_t code)
{
	int64_t factor = m->entry->data_factor;
	uint64_t reg;

	if (code == 0x10 || code == 0x16) { /* expression, val_expression */
		set_expression(m, c, code == 0x10 ? AT_RESULT : IS_RESULT);
		return true;
	}
	if (code < 0x05 ||
	    (code > 0x09 && code != 0x11 && code != 0x14 && code != 0x15 && code != 0x2f))
		return false;
	reg = read_uleb(c);
	if (code == 0x05) /* offset_extended */
		set_number(m, reg, AT_OFFSET, (int64_t)read_uleb(c) * factor);
	else if (code == 0x06) /* restore_extended */
		restore(m, reg);
	else if (code == 0x07) /* undefined */
		set_number(m, reg, UNDEFINED, 0);
	else if (code == 0x08) /* same_value */
		set_number(m, reg, SAME, 0);
	else if (code == 0x09) /* register */
		set_number(m, reg, REGISTER, (int64_t)read_uleb(c));
	else if (code == 0x11) /* offset_extended_sf */
		set_number(m, reg, AT_OFFSET, read_sleb(c) * factor);
	else if (code == 0x14) /* val_offset */
		set_number(m, reg, IS_OFFSET, (int64_t)read_uleb(c) * factor);
	else if (code == 0x15) /* val_offset_sf */
		set_number(m, reg, IS_OFFSET, read_sleb(c) * factor);
	else /* GNU_negative_offset_extended */
		set_number(m, reg, AT_OFFSET, -(int64_t)read_uleb(c) * factor);
	return true;
}

static void execute(struct machine *m, struct cursor *c, uint8_t code)
{
	uint8_t operand = code & ~KINDS;

	if ((code & KINDS) == ADVANCE_LOC)
		advance(m, operand);
	else if ((code & KINDS) == OFFSET)
		set_number(m, operand, AT_OFFSET, (int64_t)read_uleb(c) * m->entry->data_factor);
	else if ((code & KINDS) == RESTORE)
		restore(m, operand);
	else if (code == 0x01) /* set_loc */
		m->at = read_pointer(c, m->entry->pointer_encoding);
	else if (code >= 0x02 && code <= 0x04) /* advance_loc1, 2 and 4 */
		advance(m, read_number(c, (size_t)1 << (code - 2)));
	else if (code == 0x0a)
		remember_state(m, c);
	else if (code == 0x0b)
		restore_state(m, c);
	else if (code == 0x2e) /* GNU_args_size */
		read_uleb(c);
	else if (code != 0x00 && !execute_of_cfa(m, c, code) && !execute_of_register(m, c, code))
		c->has_failed = true;
}

/* Executes instructions until they are about code after m->ip. */
static bool run(struct machine *m, struct cursor c)
{
	for (int n = 0; c.at < c.end && !c.has_failed && m->at <= m->ip; n++)
		if (n == INSTRUCTIONS_MAX)
			c.has_failed = true;
		else
			execute(m, &c, read_number(&c, 1));
	return !c.has_failed;
}

static bool run_entry(struct machine *m, const struct entry *entry, uintptr_t ip)
{
	memset(m, 0, sizeof(*m));
	m->entry = entry;
	m->ip = ip;
	m->at = entry->start;
	m->now.pc.how = m->now.bp.how = SAME;
	if (!run(m, entry->of_cie))
		return false;
	m->initial = m->now;
	return run(m, entry->of_fde);
}

/* --- expressions ---------------------------------------------------------------------------- */

struct values {
	uintptr_t ip;
	uint64_t at[VALUES_MAX];
	size_t n;
	bool has_failed;
};

static void push(struct values *v, uint64_t value)
{
	if (v->n < VALUES_MAX)
		v->at[v->n++] = value;
	else
		v->has_failed = true;
}

static uint64_t pop(struct values *v)
{
	if (v->n > 0)
		return v->at[--v->n];
	v->has_failed = true;
	return 0;
}

/* Memory of the image is read first: the addresses of programs and libraries look like those of
 * registers that do not exist. */
static bool read_memory(struct hp_image_memory *image, uint64_t address, uint64_t *out)
{
	return hp_image_memory_read_word(image, address, out) || hp_symbolic_memory(address, out);
}

static uint64_t value_of_register(uintptr_t ip, uint64_t reg)
{
	return reg == HP_SYMBOLIC_PC ? ip : hp_symbolic_register(reg);
}

static bool execute_binary(struct values *v, uint8_t code)
{
	uint64_t b = pop(v), a = pop(v);

	switch (code) {
	case 0x1a: /* and */
		push(v, a & b);
		return true;
	case 0x1c: /* minus */
		push(v, a - b);
		return true;
	case 0x1e: /* mul */
		push(v, a * b);
		return true;
	case 0x21: /* or */
		push(v, a | b);
		return true;
	case 0x22: /* plus */
		push(v, a + b);
		return true;
	case 0x24: /* shl */
		push(v, b < 64 ? a << b : 0);
		return true;
	case 0x25: /* shr */
		push(v, b < 64 ? a >> b : 0);
		return true;
	case 0x29: /* eq */
		push(v, a == b);
		return true;
	case 0x2a: /* ge */
		push(v, (int64_t)a >= (int64_t)b);
		return true;
	case 0x2b: /* gt */
		push(v, (int64_t)a > (int64_t)b);
		return true;
	case 0x2c: /* le */
		push(v, (int64_t)a <= (int64_t)b);
		return true;
	case 0x2d: /* lt */
		push(v, (int64_t)a < (int64_t)b);
		return true;
	case 0x2e: /* ne */
		push(v, a != b);
		return true;
	default:
		return false;
	}
}

/* Executes a constant: const1u is 0x08, const1s 0x09, and so on to const8s. */
static void execute_constant(struct values *v, struct cursor *c, uint8_t code)
{
	size_t size = (size_t)1 << ((code - 0x08) / 2);

	push(v, code & 1 ? (uint64_t)read_signed(c, size) : read_number(c, size));
}

static void execute_operation(struct values *v, struct cursor *c, uint8_t code)
{
	uint64_t a;

	if (code >= 0x30 && code <= 0x4f) { /* lit0 to lit31 */
		push(v, code - 0x30);
	} else if (code >= 0x70 && code <= 0x8f) { /* breg0 to breg31 */
		a = value_of_register(v->ip, code - 0x70);
		push(v, a + (uint64_t)read_sleb(c));
	} else if (code >= 0x08 && code <= 0x0f) {
		execute_constant(v, c, code);
	} else if (code == 0x06) { /* deref */
		if (!read_memory(c->image, pop(v), &a))
			v->has_failed = true;
		else
			push(v, a);
	} else if (code == 0x10 || code == 0x11) { /* constu, consts */
		push(v, code == 0x10 ? read_uleb(c) : (uint64_t)read_sleb(c));
	} else if (code == 0x12) { /* dup */
		a = pop(v);
		push(v, a);
		push(v, a);
	} else if (code == 0x23) { /* plus_uconst */
		a = pop(v);
		push(v, a + read_uleb(c));
	} else if (code != 0x96 /* nop */ && !execute_binary(v, code)) {
		v->has_failed = true;
	}
}

/* Sets *out to the result of an expression, with `first` on the stack if it is not NULL. */
static bool evaluate(struct cursor c, uintptr_t ip, const uint64_t *first, uint64_t *out)
{
	struct values v = {.ip = ip};

	if (first)
		push(&v, *first);
	while (c.at < c.end && !c.has_failed && !v.has_failed)
		execute_operation(&v, &c, read_number(&c, 1));
	*out = pop(&v);
	return !c.has_failed && !v.has_failed;
}

/* --- from an entry to a rule ---------------------------------------------------------------- */

static bool find_cfa(const struct machine *m, uint64_t *out)
{
	const struct location *cfa = &m->now.cfa;

	if (cfa->how == IS_RESULT)
		return evaluate(cfa->expression, m->ip, NULL, out);
	*out = value_of_register(m->ip, cfa->reg) + (uint64_t)cfa->number;
	return cfa->how == FROM_REGISTER && cfa->reg < HP_SYMBOLIC_PC;
}

/* Sets *out to the caller's value of a register. */
static bool find_value(const struct machine *m, const struct location *l, unsigned reg,
		       uint64_t cfa, uint64_t *out)
{
	struct hp_image_memory *image = m->entry->of_fde.image;
	uint64_t address;

	switch (l->how) {
	case SAME:
		*out = value_of_register(m->ip, reg);
		return true;
	case REGISTER:
		*out = value_of_register(m->ip, (uint64_t)l->number);
		return l->number < HP_SYMBOLIC_PC;
	case AT_OFFSET:
		return read_memory(image, cfa + (uint64_t)l->number, out);
	case IS_OFFSET:
		*out = cfa + (uint64_t)l->number;
		return true;
	case AT_RESULT:
		return evaluate(l->expression, m->ip, &cfa, &address) &&
		       read_memory(image, address, out);
	case IS_RESULT:
		return evaluate(l->expression, m->ip, &cfa, out);
	default:
		return false;
	}
}

void hp_unwind_table_rule(struct hp_image_memory *image, uintptr_t ip, struct hp_frame_rule *rule)
{
	struct entry entry;
	struct machine m;
	uint64_t cfa, pc, bp;

	if (!read_entry(image, ip, &entry) || !run_entry(&m, &entry, ip))
		return;
	if (m.now.pc.how == UNDEFINED)
		rule->kind = HP_RULE_END;
	else if (find_cfa(&m, &cfa) && find_value(&m, &m.now.pc, HP_SYMBOLIC_PC, cfa, &pc) &&
		 find_value(&m, &m.now.bp, HP_SYMBOLIC_BP, cfa, &bp))
		hp_symbolic_rule(rule, cfa, pc, bp);
}

bool hp_unwind_table_init(void)
{
	return true;
}

void hp_unwind_table_after_fork(bool is_clean)
{
}
