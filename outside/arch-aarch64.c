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

const bool arch_is_ported = true;

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
		/* x19: the next call; x20, x21: the first that failed, and its result; x22, x23: the memory of the list */
		0xf9400268, /* ldr x8, [x19] */
		0xb7f801c8, /* tbnz x8, #63, to the end */
		0xa9408660, /* ldp x0, x1, [x19, #8] */
		0xa9418e62, /* ldp x2, x3, [x19, #24] */
		0xa9429664, /* ldp x4, x5, [x19, #40] */
		0xd4000001, /* svc #0 */
		0xb13ffc1f, /* cmn x0, #4095 */
		0x54000062, /* b.hs, to the failure */
		0x91010273, /* add x19, x19, #64 */
		0x17fffff7, /* b, to the first ldr */
		0xb5000074, /* cbnz x20, past the next two */
		0xaa1303f4, /* mov x20, x19 */
		0xaa0003f5, /* mov x21, x0 */
		0xf9401e73, /* ldr x19, [x19, #56] */
		0x17fffff2, /* b, to the first ldr */
		0xaa1603e0, /* mov x0, x22 */
		0xaa1703e1, /* mov x1, x23 */
		0xd2801ae8, /* mov x8, #SYS_munmap */
		0x17ffffe9, /* b, to the svc of a single call */
	};

	(void)registers;
	*ret = (struct code){ .size = sizeof(code),
			      .call = 3 * sizeof(*code),
			      .batch = 8 * sizeof(*code) };
	memcpy(ret->bytes, code, sizeof(code));
}

void arch_set_list(struct registers *registers, uint64_t address, uint64_t first, uint64_t memory,
		   uint64_t size)
{
	registers->all.pc = address;
	registers->all.regs[19] = first;
	registers->all.regs[20] = registers->all.regs[21] = 0;
	registers->all.regs[22] = memory;
	registers->all.regs[23] = size;
}

struct list_result arch_list_result(const struct registers *registers)
{
	const unsigned long long *all = registers->all.regs;

	return (struct list_result){ all[19], all[20], (long)all[21] };
}

void arch_clone_arguments(uint64_t ret[6], uint64_t flags)
{
	memset(ret, 0, 6 * sizeof(*ret));
	ret[0] = flags;
}

#endif
