/* SPDX-License-Identifier: MIT */
#include "inject/stub.h"
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

enum {
	SYSCALL_SIZE = 2,
	MASK_SIZE = 8,
	/* The kernel's results of a call that it makes again (linux/errno.h). */
	RESTART_SYS = -512,
	RESTART_NO_INTR = -513,
	RESTART_NO_HANDLER = -514,
	RESTART_BLOCK = -516,
};

struct user_regs_struct hp_stub_way_back(const struct user_regs_struct *registers)
{
	struct user_regs_struct back = *registers;

	back.orig_rax = (unsigned long long)-1;
	if ((long long)registers->orig_rax < 0)
		return back;
	switch ((long long)registers->rax) {
	case RESTART_SYS:
	case RESTART_NO_INTR:
	case RESTART_NO_HANDLER:
		back.rax = registers->orig_rax;
		back.rip -= SYSCALL_SIZE;
		break;
	case RESTART_BLOCK:
		back.rax = SYS_restart_syscall;
		back.rip -= SYSCALL_SIZE;
		break;
	default:
		break;
	}
	return back;
}

/* --- instructions ----------------------------------------------------------------------------- */

enum prefix { /* of mov $imm64: REX.W, and REX.W with the higher half of the registers */
	LOW = 0x48,
	HIGH = 0x49,
};

struct writer {
	uint8_t *out;
	size_t n;
};

static void put(struct writer *w, const void *bytes, size_t size)
{
	memcpy(w->out + w->n, bytes, size);
	w->n += size;
}

static void put_load(struct writer *w, enum prefix prefix, uint8_t opcode, uint64_t value)
{
	const uint8_t instruction[] = {(uint8_t)prefix, opcode};

	put(w, instruction, sizeof(instruction));
	put(w, &value, sizeof(value));
}

static void put_syscall(struct writer *w)
{
	static const uint8_t instruction[] = {0x0f, 0x05};

	put(w, instruction, sizeof(instruction));
}

static void put_jump(struct writer *w, uint64_t to)
{
	static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *0(%rip) */

	put(w, jump, sizeof(jump));
	put(w, &to, sizeof(to));
}

#define RAX LOW, 0xb8
#define RCX LOW, 0xb9
#define RDX LOW, 0xba
#define RSI LOW, 0xbe
#define RDI LOW, 0xbf
#define R8  HIGH, 0xb8
#define R9  HIGH, 0xb9
#define R10 HIGH, 0xba
#define R11 HIGH, 0xbb

static void put_call(struct writer *w, const struct hp_stub_call *call)
{
	put_load(w, RAX, call->number);
	put_load(w, RDI, call->arguments[0]);
	put_load(w, RSI, call->arguments[1]);
	put_load(w, RDX, call->arguments[2]);
	put_load(w, R10, call->arguments[3]);
	put_load(w, R8, call->arguments[4]);
	put_load(w, R9, call->arguments[5]);
	put_syscall(w);
}

/* A new thread, for which a clone returns 0, jumps to its start. */
static void put_child(struct writer *w, uint64_t child_start)
{
	static const uint8_t test[] = {
		0x48, 0x89, 0xc1, /* mov %rax,%rcx */
		0xe3, 0x02,       /* jrcxz child */
		0xeb, 0x0e,       /* jmp parent; child: */
	};

	if (!child_start)
		return;
	put(w, test, sizeof(test));
	put_jump(w, child_start);
}

/* rt_sigprocmask(SIG_SETMASK, &mask, NULL, 8) */
static void put_mask(struct writer *w, uint64_t mask_address)
{
	put_load(w, RAX, SYS_rt_sigprocmask);
	put_load(w, RDI, SIG_SETMASK);
	put_load(w, RSI, mask_address);
	put_load(w, RDX, 0);
	put_load(w, R10, MASK_SIZE);
	put_syscall(w);
}

/* The registers that the stub has used. A system call changes %rcx and %r11. */
static void put_way_back(struct writer *w, const struct user_regs_struct *back)
{
	put_load(w, RAX, back->rax);
	put_load(w, RDI, back->rdi);
	put_load(w, RSI, back->rsi);
	put_load(w, RDX, back->rdx);
	put_load(w, R10, back->r10);
	put_load(w, R8, back->r8);
	put_load(w, R9, back->r9);
	put_load(w, RCX, back->rcx);
	put_load(w, R11, back->r11);
	put_jump(w, back->rip);
}

uint64_t hp_stub_write(uint8_t out[HP_STUB_SIZE], uint64_t address, const struct hp_stub_call *call,
		       const struct user_regs_struct *back, uint64_t mask)
{
	struct writer w = {.out = out};
	uint64_t after;

	memset(out, 0xcc, HP_STUB_SIZE);
	put_call(&w, call);
	after = address + w.n;
	put_child(&w, call->child_start);
	put_mask(&w, address + HP_STUB_SIZE - MASK_SIZE);
	put_way_back(&w, back);
	memcpy(out + HP_STUB_SIZE - MASK_SIZE, &mask, sizeof(mask));
	return after;
}
