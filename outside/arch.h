/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_OUTSIDE_ARCH_H
#define SEALMEM_OUTSIDE_ARCH_H

/*
 * What differs between architectures when one process makes system calls in another: registers, the code that makes the
 * calls, and how the kernel makes an interrupted call again. arch-NAME.c has it, for the architecture of this program.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct registers {
#if defined(__x86_64__) || defined(__aarch64__)
	struct user_regs_struct all;
#else
	unsigned long all[1];
#endif
};

/* False in arch-other.c, which has no other answer than a refusal. */
extern const bool arch_is_ported;

/* Whether the thread runs code of the word size of this program. */
bool arch_is_native(const struct registers *registers);

/* Whether the thread is in a system call that was interrupted, and that the kernel will make again. */
bool arch_is_in_call(const struct registers *registers);

/* Of a thread that was stopped: if its system call ended with EINTR for no other reason, has the kernel make it again.
 * Returns whether it changed the registers. */
bool arch_hide_interruption(struct registers *registers);

uint64_t arch_instruction(const struct registers *registers);
void arch_set_instruction(struct registers *registers, uint64_t address);

/* Makes the thread begin a system call with the code at `address`. */
void arch_set_call(struct registers *registers, uint64_t address, long number,
		   const uint64_t arguments[6]);

long arch_result(const struct registers *registers);

/* The most that the code takes. */
#define ARCH_CODE_SIZE 192

/* Of a thread that is about to enter a system call: it makes one that does nothing in its place, which any filter allows. */
long arch_skip_call(pid_t thread, const struct registers *registers);
/* With the registers from before that, the thread makes the call again. */
void arch_repeat_call(struct registers *registers);

/* Has the thread stop with SIGTRAP before the instruction at `address`, by a register of the processor; 0: no more. */
long arch_set_breakpoint(pid_t thread, uint64_t address);

/* An instruction that does the same, where there is no such register; and how far the thread is past it then. */
extern const unsigned char arch_trap[];
extern const size_t arch_trap_size, arch_trap_step;

struct code {
	unsigned char bytes[ARCH_CODE_SIZE];
	size_t size;
	size_t clone; /* where a thread of the process begins, to start the helper */
	size_t call;  /* where the helper begins each call */
	size_t batch; /* where it begins a list of calls */
};

/*
 * The code that a thread with these registers can start the helper with, and that the helper makes its calls with. After
 * each of its calls, and after a list of them, the helper exits, unless somebody stops it: so nothing has to live for it
 * to go away. If the thread is in a call, the code also takes it back there by itself.
 */
void arch_code(struct code *ret, const struct registers *registers);

/* A call of a list, in the memory of the process. After a failure the list goes on at `on_error`, which is an address. */
struct listed_call {
	int64_t number; /* ARCH_LIST_END: the list ends here */
	uint64_t arguments[6];
	uint64_t on_error;
};

#define ARCH_LIST_END (-1)

/* Makes the helper begin a list with the code at `address`. In the end it unmaps the memory that the list is in. */
void arch_set_list(struct registers *registers, uint64_t address, uint64_t first, uint64_t memory,
		   uint64_t size);

/* What came of a list. */
struct list_result {
	uint64_t at;	 /* the call that it came to, or its end */
	uint64_t failed; /* the first call that failed; 0 if none did */
	long error;	 /* of that */
};

struct list_result arch_list_result(const struct registers *registers);

/* The arguments of clone(2), which are in another order on each architecture. The new thread has the stack of the old
 * one, and does not use it. */
void arch_clone_arguments(uint64_t ret[6], uint64_t flags);

#endif
