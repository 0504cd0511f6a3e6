/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MACHINE_H
#define SEALMEM_MACHINE_H

/*
 * What a processor tells a signal handler about a fault: where the instruction lies, and whether it stored or loaded.
 * An architecture is one #elif. Where nothing is known of it, a report has no instruction, and says "access to".
 */

#include <stdint.h>
#include <string.h>
#include <ucontext.h>

enum machine_access { ACCESS_UNKNOWN, ACCESS_LOAD, ACCESS_STORE };

static inline enum machine_access machine_access_of(int is_store)
{
	return is_store ? ACCESS_STORE : ACCESS_LOAD;
}

#if defined(__x86_64__) || defined(__i386__)

# ifdef __x86_64__
#  define MACHINE_PC REG_RIP
# else
#  define MACHINE_PC REG_EIP
# endif

static inline uintptr_t machine_instruction(const ucontext_t *context)
{
	return (uintptr_t)context->uc_mcontext.gregs[MACHINE_PC];
}

static inline enum machine_access machine_access(const ucontext_t *context)
{
	return machine_access_of(context->uc_mcontext.gregs[REG_ERR] & 2);
}

#elif defined(__aarch64__)

static inline uintptr_t machine_instruction(const ucontext_t *context)
{
	return context->uc_mcontext.pc;
}

/* Records up to an empty one; the syndrome is one of them. */
static inline enum machine_access machine_access(const ucontext_t *context)
{
	const unsigned char *at = context->uc_mcontext.__reserved;
	const uint32_t esr_magic = 0x45535201, write_bit = 1u << 6;
	struct {
		uint32_t magic, size;
		uint64_t esr;
	} record;

	for (memcpy(&record, at, sizeof(record)); record.size != 0;
	     memcpy(&record, at += record.size, sizeof(record)))
		if (record.magic == esr_magic)
			return machine_access_of(!!(record.esr & write_bit));
	return ACCESS_UNKNOWN;
}

#elif defined(__arm__)

static inline uintptr_t machine_instruction(const ucontext_t *context)
{
	return context->uc_mcontext.arm_pc;
}

static inline enum machine_access machine_access(const ucontext_t *context)
{
	return machine_access_of(!!(context->uc_mcontext.error_code & 1u << 11));
}

#elif defined(__powerpc64__)

/* The registers as ptrace(2) numbers them: 32 is the instruction, 42 says why. */
static inline uintptr_t machine_instruction(const ucontext_t *context)
{
	return context->uc_mcontext.gp_regs[32];
}

static inline enum machine_access machine_access(const ucontext_t *context)
{
	return machine_access_of(!!(context->uc_mcontext.gp_regs[42] & 0x02000000));
}

#else

# if defined(__riscv)
static inline uintptr_t machine_instruction(const ucontext_t *context)
{
	return context->uc_mcontext.__gregs[REG_PC];
}
# elif defined(__s390x__)
static inline uintptr_t machine_instruction(const ucontext_t *context)
{
	return context->uc_mcontext.psw.addr;
}
# elif defined(__loongarch__)
static inline uintptr_t machine_instruction(const ucontext_t *context)
{
	return context->uc_mcontext.__pc;
}
# else
static inline uintptr_t machine_instruction(const ucontext_t *context)
{
	(void)context;
	return 0;
}
# endif

static inline enum machine_access machine_access(const ucontext_t *context)
{
	(void)context;
	return ACCESS_UNKNOWN;
}

#endif
#endif
