/* SPDX-License-Identifier: MIT */
/*
 * A 32-bit program, of which x86-64 kernels run many and Debian's compiler for 64 bits builds one
 * without its C library being installed: as long as no library is needed.
 */

	.section .note.GNU-stack, "", @progbits
	.text
	.globl _start
_start:
	movl	$4, %eax
	movl	$1, %ebx
	movl	$text, %ecx
	movl	$text_end - text, %edx
	int	$0x80
	movl	$1, %eax
	xorl	%ebx, %ebx
	int	$0x80

	.data
text:
	.ascii	"hello\n"
text_end:
