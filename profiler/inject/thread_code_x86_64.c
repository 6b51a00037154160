/* SPDX-License-Identifier: MIT */
#include "inject/thread_code.h"
#include <linux/sched.h>
#include <string.h>

/* %r9 has the calls. The flags and the state of floating point are the host's, which may be in the
 * middle of anything: they are set to what the ABI promises a function. */
__asm__("	.section .rodata\n"
	"	.globl	hp_thread_code, hp_thread_code_size, hp_thread_code_exit\n"
	"	.hidden	hp_thread_code, hp_thread_code_size, hp_thread_code_exit\n"
	"hp_thread_code:\n"
	"	cld\n"
	"	fninit\n"
	"	pushq	$0x1f80\n"
	"	ldmxcsr	(%rsp)\n"
	"	pop	%rax\n"
	"	xor	%ebp, %ebp\n"
	"	mov	(%r9), %r12\n"
	"	lea	8(%r9), %rbx\n"
	"1:	test	%r12, %r12\n"
	"	jz	2f\n"
	"	mov	8(%rbx), %rdi\n"
	"	mov	16(%rbx), %rsi\n"
	"	mov	24(%rbx), %rdx\n"
	"	xor	%eax, %eax\n"
	"	call	*(%rbx)\n"
	"	mov	%rax, 32(%rbx)\n"
	"	movq	$1, 40(%rbx)\n"
	"	add	$48, %rbx\n"
	"	dec	%r12\n"
	"	jmp	1b\n"
	"2:\n"
	"	mov	$60, %eax\n" /* exit, of this thread only */
	"	xor	%edi, %edi\n"
	"	syscall\n"
	"	ud2\n"
	"3:\n"
	"	.balign	8\n"
	"hp_thread_code_size:\n"
	"	.quad	3b - hp_thread_code\n"
	"hp_thread_code_exit:\n"
	"	.quad	2b - hp_thread_code\n"
	"	.text\n");

void hp_thread_code_clone(uint64_t arguments[6], uint64_t stack, uint64_t thread_pointer,
			  uint64_t tid)
{
	memset(arguments, 0, 6 * sizeof(arguments[0]));
	arguments[0] = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM |
		       CLONE_THREAD | CLONE_SETTLS | CLONE_CHILD_SETTID;
	arguments[1] = stack;
	arguments[3] = tid;
	arguments[4] = thread_pointer;
}
