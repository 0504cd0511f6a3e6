/* SPDX-License-Identifier: MIT */
/*
 * A 32-bit program: with an argument it waits for a signal, without one it exits with 0, to show that the kernel runs it.
 */

	.section .note.GNU-stack, "", @progbits
	.text
	.globl _start
_start:
	movl	(%esp), %ebx
	cmpl	$1, %ebx
	jne	wait
	movl	$1, %eax
	xorl	%ebx, %ebx
	int	$0x80
wait:
	movl	$29, %eax
	int	$0x80
	jmp	wait
