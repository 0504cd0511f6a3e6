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

#if defined(__x86_64__)

__asm__(".pushsection .text\n"
	".globl tracer_call_site\n"
	".hidden tracer_call_site\n"
	"tracer_call_site:\n"
	"	syscall\n"
	"	int3\n"
	".popsection\n");

static void set_call(struct user_regs_struct *r, long number, const unsigned long a[6])
{
	extern const char tracer_call_site[];

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

static long call_result(const struct user_regs_struct *r)
{
	return (long)r->rax;
}

#elif defined(__aarch64__)

__asm__(".pushsection .text\n"
	".globl tracer_call_site\n"
	".hidden tracer_call_site\n"
	"tracer_call_site:\n"
	"	svc #0\n"
	"	brk #0\n"
	".popsection\n");

static void set_call(struct user_regs_struct *r, long number, const unsigned long a[6])
{
	extern const char tracer_call_site[];

	r->pc = (unsigned long)tracer_call_site;
	r->regs[8] = (unsigned long)number;
	for (unsigned i = 0; i < 6; i++)
		r->regs[i] = a[i];
}

static long call_result(const struct user_regs_struct *r)
{
	return (long)r->regs[0];
}

#endif

static long registers(int request, const struct scene *scene, struct user_regs_struct *r)
{
	struct iovec all = { r, sizeof(*r) };

	return trace(request, scene, (void *)NT_PRSTATUS, &all);
}

/* The trap after the call stops it. */
static long carry_out(struct scene *scene, struct user_regs_struct *r)
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
	struct user_regs_struct saved, r;
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
