/* SPDX-License-Identifier: MIT */

/*
 * A secret has to be in its own pages and nowhere else. memcpy(3) moves it through vector registers and
 * leaves the last of them as they are. From there the bytes reach the stack: a signal's frame, a core
 * dump and the loader's resolver of lazily bound symbols all save the vector registers to memory.
 *
 * So a secret is copied by instructions that use no vector register. Where other people's code has
 * touched a secret, the vector registers are cleared afterwards.
 */

#include "lib/wipe.h"

#include <stdint.h>
#include <sys/auxv.h>

#if defined(__x86_64__)

/* The registers of this instruction hold addresses and a count, never the bytes. */
void wipe_copy(void *to, const void *from, size_t size)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

/*
 * Nor do those of these. They stop at a difference and are started again, so that the time does not depend on where
 * the bytes differ. Without a count they leave the flags as they are.
 */
static bool words_differ(const void **a, const void **b, size_t count)
{
	bool differ = false, stopped;

	do {
		__asm__ volatile("cmp %%rcx, %%rcx\n\trepe cmpsq"
				 : "+D"(*a), "+S"(*b), "+c"(count), "=@ccne"(stopped)
				 :
				 : "memory");
		differ |= stopped;
	} while (count > 0);
	return differ;
}

static bool bytes_differ(const void **a, const void **b, size_t count)
{
	bool differ = false, stopped;

	do {
		__asm__ volatile("cmp %%rcx, %%rcx\n\trepe cmpsb"
				 : "+D"(*a), "+S"(*b), "+c"(count), "=@ccne"(stopped)
				 :
				 : "memory");
		differ |= stopped;
	} while (count > 0);
	return differ;
}

bool wipe_equal(const void *a, const void *b, size_t size)
{
	bool words = words_differ(&a, &b, size / sizeof(uint64_t));
	bool rest = bytes_differ(&a, &b, size % sizeof(uint64_t));

	return !words && !rest;
}

static void clear_sse(void)
{
	__asm__ volatile("xorps %%xmm0, %%xmm0\n\txorps %%xmm1, %%xmm1\n\t"
			 "xorps %%xmm2, %%xmm2\n\txorps %%xmm3, %%xmm3\n\t"
			 "xorps %%xmm4, %%xmm4\n\txorps %%xmm5, %%xmm5\n\t"
			 "xorps %%xmm6, %%xmm6\n\txorps %%xmm7, %%xmm7\n\t"
			 "xorps %%xmm8, %%xmm8\n\txorps %%xmm9, %%xmm9\n\t"
			 "xorps %%xmm10, %%xmm10\n\txorps %%xmm11, %%xmm11\n\t"
			 "xorps %%xmm12, %%xmm12\n\txorps %%xmm13, %%xmm13\n\t"
			 "xorps %%xmm14, %%xmm14\n\txorps %%xmm15, %%xmm15"
			 :
			 :
			 : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
			   "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* vzeroall does not reach these. No compiler without AVX-512 keeps anything in them. */
static void clear_upper_zmm(void)
{
	__asm__ volatile("vpxorq %zmm16, %zmm16, %zmm16\n\tvpxorq %zmm17, %zmm17, %zmm17\n\t"
			 "vpxorq %zmm18, %zmm18, %zmm18\n\tvpxorq %zmm19, %zmm19, %zmm19\n\t"
			 "vpxorq %zmm20, %zmm20, %zmm20\n\tvpxorq %zmm21, %zmm21, %zmm21\n\t"
			 "vpxorq %zmm22, %zmm22, %zmm22\n\tvpxorq %zmm23, %zmm23, %zmm23\n\t"
			 "vpxorq %zmm24, %zmm24, %zmm24\n\tvpxorq %zmm25, %zmm25, %zmm25\n\t"
			 "vpxorq %zmm26, %zmm26, %zmm26\n\tvpxorq %zmm27, %zmm27, %zmm27\n\t"
			 "vpxorq %zmm28, %zmm28, %zmm28\n\tvpxorq %zmm29, %zmm29, %zmm29\n\t"
			 "vpxorq %zmm30, %zmm30, %zmm30\n\tvpxorq %zmm31, %zmm31, %zmm31");
}

/* A function of its own, so that the compiler keeps nothing in registers that a call may change. */
__attribute__((noinline)) void wipe_registers(void)
{
	clear_sse();
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroall" : : : "memory");
	if (__builtin_cpu_supports("avx512f"))
		clear_upper_zmm();
}

#elif defined(__aarch64__)

void wipe_copy(void *to, const void *from, size_t size)
{
	__asm__ volatile("cbz %2, 3f\n"
			 "1:	cmp %2, #8\n"
			 "	b.lo 2f\n"
			 "	ldr x9, [%1], #8\n"
			 "	str x9, [%0], #8\n"
			 "	subs %2, %2, #8\n"
			 "	b.ne 1b\n"
			 "	b 3f\n"
			 "2:	ldrb w9, [%1], #1\n"
			 "	strb w9, [%0], #1\n"
			 "	subs %2, %2, #1\n"
			 "	b.ne 2b\n"
			 "3:	mov x9, xzr"
			 : "+r"(to), "+r"(from), "+r"(size)
			 :
			 : "memory", "cc", "x9");
}

bool wipe_equal(const void *a, const void *b, size_t size)
{
	uint64_t difference = 0;

	__asm__ volatile("cbz %2, 3f\n"
			 "1:	cmp %2, #8\n"
			 "	b.lo 2f\n"
			 "	ldr x9, [%0], #8\n"
			 "	ldr x10, [%1], #8\n"
			 "	eor x9, x9, x10\n"
			 "	orr %3, %3, x9\n"
			 "	subs %2, %2, #8\n"
			 "	b.ne 1b\n"
			 "	b 3f\n"
			 "2:	ldrb w9, [%0], #1\n"
			 "	ldrb w10, [%1], #1\n"
			 "	eor w9, w9, w10\n"
			 "	orr %3, %3, x9\n"
			 "	subs %2, %2, #1\n"
			 "	b.ne 2b\n"
			 "3:	mov x9, xzr\n"
			 "	mov x10, xzr\n"
			 "	cmp %3, #0\n"
			 "	cset %3, ne"
			 : "+r"(a), "+r"(b), "+r"(size), "+r"(difference)
			 :
			 : "memory", "cc", "x9", "x10");
	return difference == 0;
}

/* Scalable vectors overlay these; an instruction that writes the low part clears the rest. */
__attribute__((noinline)) void wipe_registers(void)
{
	__asm__ volatile(
		"movi v0.2d, #0\n\tmovi v1.2d, #0\n\tmovi v2.2d, #0\n\tmovi v3.2d, #0\n\t"
		"movi v4.2d, #0\n\tmovi v5.2d, #0\n\tmovi v6.2d, #0\n\tmovi v7.2d, #0\n\t"
		"movi v16.2d, #0\n\tmovi v17.2d, #0\n\tmovi v18.2d, #0\n\tmovi v19.2d, #0\n\t"
		"movi v20.2d, #0\n\tmovi v21.2d, #0\n\tmovi v22.2d, #0\n\tmovi v23.2d, #0\n\t"
		"movi v24.2d, #0\n\tmovi v25.2d, #0\n\tmovi v26.2d, #0\n\tmovi v27.2d, #0\n\t"
		"movi v28.2d, #0\n\tmovi v29.2d, #0\n\tmovi v30.2d, #0\n\tmovi v31.2d, #0"
		:
		:
		: "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18",
		  "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
		  "v30", "v31");
}

#else

/* A byte at a time: no more than one of them is in a register at the end. */
void wipe_copy(void *to, const void *from, size_t size)
{
	volatile unsigned char *t = to;
	const volatile unsigned char *f = from;

	while (size-- > 0)
		*t++ = *f++;
}

bool wipe_equal(const void *a, const void *b, size_t size)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned difference = 0;

	while (size-- > 0)
		difference |= (unsigned)*x++ ^ *y++;
	return difference == 0;
}

/*
 * Those that a function may use without giving them back as they were. The others have what the caller had in them.
 * Where an architecture has vector registers on some machines only, the assembler is told that it may use them.
 */
# if defined(__powerpc64__)

__attribute__((noinline)) void wipe_registers(void)
{
	__asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,"
			 "32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51\n\t"
			 "xxlxor \\n, \\n, \\n\n\t"
			 ".endr"
			 :
			 :
			 : "memory");
}

# elif defined(__riscv)

__attribute__((noinline)) void wipe_registers(void)
{
	if (getauxval(AT_HWCAP) & 1ul << ('V' - 'A'))
		__asm__ volatile(
			".option push\n\t.option arch, +v\n\t"
			"vsetvli t0, zero, e8, m8, ta, ma\n\t"
			"vmv.v.i v0, 0\n\tvmv.v.i v8, 0\n\tvmv.v.i v16, 0\n\tvmv.v.i v24, 0\n\t"
			".option pop"
			:
			:
			: "memory", "t0");
}

# elif defined(__s390x__)

#  define WIPE_HWCAP_VECTOR (1ul << 11)

__attribute__((noinline)) void wipe_registers(void)
{
	if (getauxval(AT_HWCAP) & WIPE_HWCAP_VECTOR)
		__asm__ volatile(
			".machine push\n\t.machine z13\n\t"
			".irp n, 0,1,2,3,4,5,6,7,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
			"vzero %%v\\n\n\t"
			".endr\n\t"
			".machine pop"
			:
			:
			: "memory", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7");
}

# else

void wipe_registers(void)
{
}

# endif
#endif
