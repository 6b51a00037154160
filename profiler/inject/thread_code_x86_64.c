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
	"	mov	%r9, %r13\n"
	"	mov	(%r13), %r12\n"
	"	lea	24(%r13), %rbx\n"
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
	/* The destructors of thread-specific data, as the C library calls them: four times, since
	 * one may set data again. %rbp is the key, %rbx its data {sequence, value}, and %r14 has
	 * all keys {sequence, destructor}. */
	"2:	mov	8(%r13), %r14\n"
	"	test	%r14, %r14\n"
	"	jz	6f\n"
	"	mov	$4, %r12d\n"
	"3:	xor	%ebp, %ebp\n"
	"4:	mov	16(%r13), %rax\n"
	"	mov	%rbp, %rcx\n"
	"	shr	$5, %rcx\n"
	"	mov	(%rax,%rcx,8), %rbx\n"
	"	test	%rbx, %rbx\n"
	"	jz	5f\n"
	"	mov	%rbp, %rcx\n"
	"	and	$31, %ecx\n"
	"	shl	$4, %rcx\n"
	"	add	%rcx, %rbx\n"
	"	mov	8(%rbx), %rdi\n"
	"	test	%rdi, %rdi\n"
	"	jz	5f\n"
	"	movq	$0, 8(%rbx)\n"
	"	mov	%rbp, %rcx\n"
	"	shl	$4, %rcx\n"
	"	mov	(%r14,%rcx), %rax\n"
	"	cmp	(%rbx), %rax\n"
	"	jne	5f\n"
	"	mov	8(%r14,%rcx), %rax\n"
	"	test	%rax, %rax\n"
	"	jz	5f\n"
	"	call	*%rax\n"
	"5:	inc	%ebp\n"
	"	cmp	$1024, %ebp\n" /* PTHREAD_KEYS_MAX */
	"	jb	4b\n"
	"	dec	%r12d\n"
	"	jnz	3b\n"
	"6:\n"
	"	mov	$60, %eax\n" /* exit, of this thread only */
	"	xor	%edi, %edi\n"
	"	syscall\n"
	"	ud2\n"
	"7:\n"
	"	.balign	8\n"
	"hp_thread_code_size:\n"
	"	.quad	7b - hp_thread_code\n"
	"hp_thread_code_exit:\n"
	"	.quad	6b - hp_thread_code\n"
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
