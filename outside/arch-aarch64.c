/* SPDX-License-Identifier: MIT */

/*
 * arm64. When a thread stops, the kernel has already put an interrupted call back: the thread is at the instruction that
 * enters the kernel, with its arguments. So nobody can tell from the registers whether it is in a call, and a call that
 * has ended with EINTR has lost its first argument: it cannot be made again.
 */

#ifdef __aarch64__

# include "outside/arch.h"

# include "outside/kernel.h"
# include "lib/sys.h"

# include <elf.h>
# include <string.h>

/* In pstate: the thread runs code of 32 bits. */
# define MODE_32 0x10u

bool arch_is_native(const struct registers *registers)
{
	return (registers->all.pstate & MODE_32) == 0;
}

bool arch_hide_interruption(struct registers *registers)
{
	(void)registers;
	return false;
}

bool arch_is_in_call(const struct registers *registers)
{
	(void)registers;
	return false;
}

uint64_t arch_instruction(const struct registers *registers)
{
	return registers->all.pc;
}

void arch_set_instruction(struct registers *registers, uint64_t address)
{
	registers->all.pc = address;
}

void arch_set_call(struct registers *registers, uint64_t address, long number,
		   const uint64_t arguments[6])
{
	registers->all.pc = address;
	registers->all.regs[8] = (uint64_t)number;
	for (size_t i = 0; i < 6; i++)
		registers->all.regs[i] = arguments[i];
}

long arch_result(const struct registers *registers)
{
	return (long)registers->all.regs[0];
}

/* The number is not among the general registers. */
long arch_skip_call(pid_t thread, const struct registers *registers)
{
	const int none = SYS_getpid;

	(void)registers;
	return kernel_set_register_set(thread, NT_ARM_SYSTEM_CALL, &none, sizeof(none));
}

# define CALL_SIZE 4

void arch_repeat_call(struct registers *registers)
{
	registers->all.pc -= CALL_SIZE;
}

/* For all four bytes of an instruction, of a program and not of the kernel. */
# define ALL_BYTES     (0xfu << 5)
# define OF_PROGRAM    (2u << 1)
# define BREAKPOINT_ON 1u

/* What the kernel calls struct user_hwdebug_state, with one of its entries. */
struct breakpoint_state {
	uint32_t information, padding;
	uint64_t address;
	uint32_t control, end;
};

long arch_set_breakpoint(pid_t thread, uint64_t address)
{
	const struct breakpoint_state state = {
		.address = address,
		.control = ALL_BYTES | OF_PROGRAM | (address != 0 ? BREAKPOINT_ON : 0),
	};

	return kernel_set_register_set(thread, NT_ARM_HW_BREAK, &state, sizeof(state));
}

const unsigned char arch_trap[] = { 0x00, 0x00, 0x20, 0xd4 }; /* brk #0 */
const size_t arch_trap_size = sizeof(arch_trap), arch_trap_step = 0;

void arch_code(struct code *ret, const struct registers *registers)
{
	static const uint32_t code[] = {
		0xd4000001, /* svc #0 */
		0xb4000060, /* cbz x0, to the first mov */
		0xd4200000, /* brk #0: this thread cannot be taken back by the code */
		0xd4000001, /* svc #0 */
		0xd2800000, /* mov x0, #0 */
		0xd2800ba8, /* mov x8, #SYS_exit */
		0xd4000001, /* svc #0 */
		0x17fffffd, /* b, to the first mov */
	};

	(void)registers;
	*ret = (struct code){ .size = sizeof(code), .call = 3 * sizeof(*code) };
	memcpy(ret->bytes, code, sizeof(code));
}

void arch_clone_arguments(uint64_t ret[6], uint64_t flags)
{
	memset(ret, 0, 6 * sizeof(*ret));
	ret[0] = flags;
}

#endif
