/* SPDX-License-Identifier: MIT */

/*
 * A debugger in a few lines. It stops a process, reads and writes its memory, and makes it carry
 * out a system call of ours. For that it points the process at an instruction that makes a system
 * call, and restores its registers afterwards. The instruction has the same address in both
 * processes, because one was forked from the other.
 */

#include "attack/tracer.h"

#include "attack/raw.h"

#include <elf.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <sys/user.h>
#include <sys/wait.h>

static long trace(int request, const struct scene *scene, const void *addr, const void *data)
{
	return attempt(SYS_ptrace, request, scene->pid, addr, data);
}

static int wait_for_stop(const struct scene *scene)
{
	int status = 0;
	long pid;

	do
		pid = attempt(SYS_wait4, scene->pid, &status, __WALL, NULL);
	while (pid == -EINTR);
	if (pid < 0)
		return (int)pid;
	return WIFSTOPPED(status) ? WSTOPSIG(status) : -ESRCH;
}

int tracer_attach(struct scene *scene, unsigned long options)
{
	int err = refusal(trace(PTRACE_SEIZE, scene, NULL, (void *)options));

	if (err == 0)
		err = refusal(trace(PTRACE_INTERRUPT, scene, NULL, NULL));
	return err < 0 ? err : refusal(wait_for_stop(scene));
}

void tracer_detach(struct scene *scene)
{
	(void)trace(PTRACE_DETACH, scene, NULL, NULL);
}

/*
 * A call site, for each architecture, and what goes into the registers there. After the call comes a trap.
 */
#define CALL_SITE(call)                                                                            \
 __asm__(".pushsection .text\n"                                                                    \
	 ".balign 4\n"                                                                             \
	 ".globl tracer_call_site\n"                                                               \
	 ".hidden tracer_call_site\n"                                                              \
	 "tracer_call_site:\n" call ".popsection\n")

extern const char tracer_call_site[];

#if defined(__x86_64__)

typedef struct user_regs_struct registers_t;

CALL_SITE("	syscall\n"
	  "	int3\n");

static void set_call(registers_t *r, long number, const unsigned long a[6])
{
	r->rip = (unsigned long)tracer_call_site;
	r->rax = (unsigned long)number;
	r->rdi = a[0];
	r->rsi = a[1];
	r->rdx = a[2];
	r->r10 = a[3];
	r->r8 = a[4];
	r->r9 = a[5];
	/* No longer in a system call: otherwise the kernel would restart the interrupted one. */
	r->orig_rax = (unsigned long)-1;
}

static long call_result(const registers_t *r)
{
	return (long)r->rax;
}

#elif defined(__aarch64__)

typedef struct user_regs_struct registers_t;

CALL_SITE("	svc #0\n"
	  "	brk #0\n");

static void set_call(registers_t *r, long number, const unsigned long a[6])
{
	r->pc = (unsigned long)tracer_call_site;
	r->regs[8] = (unsigned long)number;
	for (unsigned i = 0; i < 6; i++)
		r->regs[i] = a[i];
}

static long call_result(const registers_t *r)
{
	return (long)r->regs[0];
}

#elif defined(__powerpc64__)

/* As asm/ptrace.h numbers them: 32 general ones, then these. */
enum { NEXT_INSTRUCTION = 32, CONDITION = 38, TRAP = 40, REGISTERS = 48 };

typedef struct {
	unsigned long word[REGISTERS];
} registers_t;

CALL_SITE("	sc\n"
	  "	trap\n");

static void set_call(registers_t *r, long number, const unsigned long a[6])
{
	r->word[NEXT_INSTRUCTION] = (unsigned long)tracer_call_site;
	r->word[0] = (unsigned long)number;
	for (unsigned i = 0; i < 6; i++)
		r->word[3 + i] = a[i];
	/* No longer in a system call: otherwise the kernel would restart the interrupted one. */
	r->word[TRAP] = 0;
}

/* A bit of the condition says that it is an errno. */
static long call_result(const registers_t *r)
{
	long result = (long)r->word[3];

	return r->word[CONDITION] & 0x10000000 ? -result : result;
}

#elif defined(__s390x__)

/* The call that the stop interrupted is no register here. Without it the kernel would not restart that call. */
typedef struct {
	struct user_regs_struct user;
	unsigned interrupted;
} registers_t;

CALL_SITE("	svc 0\n"
	  "	.short 1\n");

static void set_call(registers_t *r, long number, const unsigned long a[6])
{
	r->user.psw.addr = (unsigned long)tracer_call_site;
	r->user.gprs[1] = (unsigned long)number;
	for (unsigned i = 0; i < 6; i++)
		r->user.gprs[2 + i] = a[i];
	r->interrupted = 0;
}

static long call_result(const registers_t *r)
{
	return (long)r->user.gprs[2];
}

#elif defined(__riscv)

typedef struct user_regs_struct registers_t;

CALL_SITE("	ecall\n"
	  "	ebreak\n");

static void set_call(registers_t *r, long number, const unsigned long a[6])
{
	r->pc = (unsigned long)tracer_call_site;
	r->a7 = (unsigned long)number;
	r->a0 = a[0];
	r->a1 = a[1];
	r->a2 = a[2];
	r->a3 = a[3];
	r->a4 = a[4];
	r->a5 = a[5];
}

static long call_result(const registers_t *r)
{
	return (long)r->a0;
}

#elif defined(__loongarch__)

typedef struct user_regs_struct registers_t;

CALL_SITE("	syscall 0\n"
	  "	break 0\n");

/* The kernel keeps in register 0, which is always 0 for programs, that a call is under way. Without it the kernel would
 * not restart that call. */
static void set_call(registers_t *r, long number, const unsigned long a[6])
{
	r->csr_era = (unsigned long)tracer_call_site;
	r->regs[0] = 0;
	r->regs[11] = (unsigned long)number;
	for (unsigned i = 0; i < 6; i++)
		r->regs[4 + i] = a[i];
}

static long call_result(const registers_t *r)
{
	return (long)r->regs[4];
}

#elif defined(__i386__)

typedef struct user_regs_struct registers_t;

CALL_SITE("	int $0x80\n"
	  "	int3\n");

static void set_call(registers_t *r, long number, const unsigned long a[6])
{
	r->eip = (long)tracer_call_site;
	r->eax = number;
	r->ebx = (long)a[0];
	r->ecx = (long)a[1];
	r->edx = (long)a[2];
	r->esi = (long)a[3];
	r->edi = (long)a[4];
	r->ebp = (long)a[5];
	r->orig_eax = -1;
}

static long call_result(const registers_t *r)
{
	return r->eax;
}

#elif defined(__arm__)

enum { NUMBER = 7, NEXT_INSTRUCTION = 15, STATUS, FIRST_ARGUMENT, REGISTERS };

/* Of the status: the short instructions, and how far a conditional block of these is. */
# define SHORT_INSTRUCTIONS 0x0600fc20ul

typedef struct {
	unsigned long word[REGISTERS];
} registers_t;

CALL_SITE("	.arm\n"
	  "	svc #0\n"
	  "	.inst 0xe7f001f0\n");

static void set_call(registers_t *r, long number, const unsigned long a[6])
{
	r->word[NEXT_INSTRUCTION] = (unsigned long)tracer_call_site;
	r->word[STATUS] &= ~SHORT_INSTRUCTIONS;
	r->word[FIRST_ARGUMENT] = (unsigned long)-1;
	r->word[NUMBER] = (unsigned long)number;
	for (unsigned i = 0; i < 6; i++)
		r->word[i] = a[i];
}

static long call_result(const registers_t *r)
{
	return (long)r->word[0];
}

#endif

static long register_set(int request, const struct scene *scene, unsigned long set, void *r,
			 size_t size)
{
	struct iovec all = { r, size };

	return trace(request, scene, (void *)set, &all);
}

static long registers(int request, const struct scene *scene, registers_t *r)
{
#ifdef __s390x__
	long err = register_set(request, scene, NT_S390_SYSTEM_CALL, &r->interrupted,
				sizeof(r->interrupted));

	return err < 0 ? err : register_set(request, scene, NT_PRSTATUS, &r->user, sizeof(r->user));
#else
	return register_set(request, scene, NT_PRSTATUS, r, sizeof(*r));
#endif
}

/* The trap after the call stops it. */
static long carry_out(struct scene *scene, registers_t *r)
{
	int stop = 0;
	long err = registers(PTRACE_SETREGSET, scene, r);

	if (err >= 0)
		err = trace(PTRACE_CONT, scene, NULL, NULL);
	if (err >= 0)
		err = stop = wait_for_stop(scene);
	if (err >= 0)
		err = registers(PTRACE_GETREGSET, scene, r);
	if (err >= 0 && stop != SIGTRAP)
		err = -EINTR;
	return err < 0 ? err : call_result(r);
}

long tracer_call(struct scene *scene, long number, const unsigned long arguments[6])
{
	registers_t saved, r;
	long result = registers(PTRACE_GETREGSET, scene, &saved);

	if (result < 0)
		return result;
	r = saved;
	set_call(&r, number, arguments);
	result = carry_out(scene, &r);
	(void)registers(PTRACE_SETREGSET, scene, &saved);
	return result;
}

int tracer_poke_data(struct scene *scene)
{
	int err = tracer_attach(scene, 0);

	if (err < 0)
		return err;
	err = refusal(trace(PTRACE_POKEDATA, scene, scene->data, (void *)EVIL_WORD));
	tracer_detach(scene);
	return err;
}
