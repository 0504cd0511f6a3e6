/* SPDX-License-Identifier: MIT */

/*
 * Counters for each processor, as allocators keep them. The kernel starts a sequence anew if it takes the processor away from
 * the thread; who moves the thread elsewhere without the kernel, and back into the sequence, makes it lose an addition of
 * another thread.
 */

#include "tests/outside/per-cpu.h"

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__has_include)
# if __has_include(<sys/rseq.h>)
#  include <sys/rseq.h>
#  define HAVE_RSEQ 1
# endif
#endif

#ifdef HAVE_RSEQ

# define PROCESSORS 512

static struct {
	unsigned long count;
	char padding[120];
} counters[PROCESSORS] __attribute__((aligned(128)));

static struct rseq *own(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

bool per_cpu_supported(void)
{
	return __rseq_size > 0 && own()->cpu_id < PROCESSORS;
}

/* The delay between load and store makes it likely that a thread is found in between. Returns whether it was done. */
static bool add_once(struct rseq *rseq)
{
	uint32_t processor = *(volatile uint32_t *)&rseq->cpu_id_start;
	unsigned long *counter = &counters[processor % PROCESSORS].count;

	__asm__ goto(".pushsection __rseq_cs, \"aw\"\n\t"
		     ".balign 32\n\t"
		     "3:\n\t"
		     ".long 0, 0\n\t"
		     ".quad 1f, 2f - 1f, 4f\n\t"
		     ".popsection\n\t"
		     "leaq 3b(%%rip), %%rax\n\t"
		     "movq %%rax, %[sequence]\n\t"
		     "1:\n\t"
		     "cmpl %[processor], %[current]\n\t"
		     "jnz 4f\n\t"
		     "movq %[counter], %%rax\n\t"
		     "movl $200, %%ecx\n\t"
		     "5: decl %%ecx\n\t"
		     "jnz 5b\n\t"
		     "incq %%rax\n\t"
		     "movq %%rax, %[counter]\n\t"
		     "2:\n\t"
		     ".pushsection __rseq_failure, \"ax\"\n\t"
		     /* An instruction that has the signature, and that nobody executes. */
		     ".byte 0x0f, 0xb9, 0x3d\n\t"
		     ".long 0x53053053\n\t"
		     "4:\n\t"
		     "jmp %l[again]\n\t"
		     ".popsection\n\t"
		     :
		     : [sequence] "m"(rseq->rseq_cs), [current] "m"(rseq->cpu_id),
		       [processor] "r"(processor), [counter] "m"(*counter)
		     : "rax", "rcx", "memory", "cc"
		     : again);
	return true;
again:
	return false;
}

void per_cpu_add(void)
{
	struct rseq *rseq = own();

	while (!add_once(rseq))
		;
}

unsigned long per_cpu_sum(void)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < PROCESSORS; i++)
		sum += counters[i].count;
	return sum;
}

#else

bool per_cpu_supported(void)
{
	return false;
}

void per_cpu_add(void)
{
}

unsigned long per_cpu_sum(void)
{
	return 0;
}

#endif
