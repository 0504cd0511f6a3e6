/* SPDX-License-Identifier: MIT */

/*
 * Architectures that nobody ported: the room is there, so that the command can be built, and refuses every process
 * before it looks at it.
 */

#include "outside/arch.h"

#if !defined(__x86_64__) && !defined(__aarch64__)

const bool arch_is_ported = false;

const unsigned char arch_trap[1] = { 0 };
const size_t arch_trap_size = 0, arch_trap_step = 0;

bool arch_is_native(const struct registers *registers)
{
	(void)registers;
	return false;
}

bool arch_is_in_call(const struct registers *registers)
{
	(void)registers;
	return false;
}

bool arch_hide_interruption(struct registers *registers)
{
	(void)registers;
	return false;
}

uint64_t arch_instruction(const struct registers *registers)
{
	(void)registers;
	return 0;
}

void arch_set_instruction(struct registers *registers, uint64_t address)
{
	(void)registers;
	(void)address;
}

void arch_set_call(struct registers *registers, uint64_t address, long number,
		   const uint64_t arguments[6])
{
	(void)registers;
	(void)address;
	(void)number;
	(void)arguments;
}

long arch_result(const struct registers *registers)
{
	(void)registers;
	return -1;
}

long arch_skip_call(pid_t thread, const struct registers *registers)
{
	(void)thread;
	(void)registers;
	return -1;
}

void arch_repeat_call(struct registers *registers)
{
	(void)registers;
}

long arch_set_breakpoint(pid_t thread, uint64_t address)
{
	(void)thread;
	(void)address;
	return -1;
}

void arch_code(struct code *ret, const struct registers *registers)
{
	(void)registers;
	*ret = (struct code){ .size = 0 };
}

void arch_set_list(struct registers *registers, uint64_t address, uint64_t first, uint64_t memory,
		   uint64_t size)
{
	(void)registers;
	(void)address;
	(void)first;
	(void)memory;
	(void)size;
}

struct list_result arch_list_result(const struct registers *registers)
{
	(void)registers;
	return (struct list_result){ .error = -1 };
}

void arch_clone_arguments(uint64_t ret[6], uint64_t flags)
{
	(void)ret;
	(void)flags;
}

#endif
