/* SPDX-License-Identifier: MIT */

/*
 * When a program that starts is sealed depends on who relocates it:
 *
 * - its loader: when it reaches the first instruction of the program. A register of the processor stops it there, because an
 *   instruction that does so would make a copy of a page of the code. The loader and the constructors of libraries have run.
 * - nobody, as for a static program without RELRO (Go): before its first instruction.
 * - its own start-up code, in glibc: the code before its first instruction, and RELRO when it has made it read-only. Only
 *   constructors and main() come after that. A program of glibc is known by the note that its linker leaves.
 * - its own start-up code, in others (musl): the same, but these leave their RELRO writable. It is made read-only for them,
 *   at the first system call that is not one of their start-up code.
 *
 * With deep, code and RELRO are sealed together, because a page is replaced before its address is sealed.
 */

#include "outside/start.h"

#include "outside/change.h"
#include "outside/enter.h"
#include "outside/kernel.h"
#include "outside/leave.h"
#include "outside/stop.h"
#include "outside/target.h"
#include "outside/verify.h"

#include "audit/lines.h"
#include "lib/util.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct start {
	struct outside *ret;
	unsigned flags;
	struct procfs procfs;
	struct target target;
	struct mappings mappings;
	struct stopped stopped;
	struct change change;
	uint64_t entry;				/* where it is to stop; 0 if nowhere */
	bool written;				/* the breakpoint is an instruction */
	unsigned char before[sizeof(uint64_t)]; /* what was there */
	bool trap_blocked, trap_ignored;	/* SIGTRAP, which a breakpoint changes */
	bool again;				/* it has executed another program */
	bool planned;				/* and has not run since the plan was made */
};

static unsigned long options_of(unsigned flags)
{
	return PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC |
	       (flags & OUTSIDE_END_TOGETHER ? (unsigned long)PTRACE_O_EXITKILL : 0);
}

long outside_start_seize(pid_t pid, unsigned flags)
{
	return kernel_seize(pid, options_of(flags));
}

/* However long it takes. */
static struct stop_event wait_for(pid_t pid)
{
	struct stop_event event;

	do
		event = stop_wait(pid);
	while (event.kind == STOP_TIMEOUT);
	return event;
}

/* From what it was stopped by to the next event. A process that was stopped by a signal stays so until it is continued. */
static struct stop_event resume(pid_t pid, int request, struct stop_event from)
{
	int signal = from.kind == STOP_SIGNAL ? from.signal : 0;

	if (kernel_resume(pid, from.kind == STOP_GROUP ? PTRACE_LISTEN : request, signal) < 0)
		return (struct stop_event){ STOP_GONE, 0 };
	return wait_for(pid);
}

bool outside_start_await(pid_t pid)
{
	struct stop_event event = wait_for(pid);

	while (event.kind != STOP_EXEC && event.kind != STOP_GONE)
		event = resume(pid, PTRACE_CONT, event);
	return event.kind == STOP_EXEC;
}

static bool is_at_breakpoint(const struct start *start, struct stop_event event)
{
	struct registers registers = { 0 };
	uint64_t at = start->entry + (start->written ? arch_trap_step : 0);

	return event.kind == STOP_SIGNAL && event.signal == SIGTRAP && start->entry != 0 &&
	       kernel_registers(start->ret->pid, &registers.all, sizeof(registers.all)) >= 0 &&
	       arch_instruction(&registers) == at;
}

/* Until it comes to the breakpoint, to a system call if `request` asks for that, to another program or to its end. */
static struct stop_event go_on(const struct start *start, int request)
{
	struct stop_event event = { STOP_HELD, 0 };

	do
		event = resume(start->ret->pid, request, event);
	while ((event.kind == STOP_SIGNAL && !is_at_breakpoint(start, event)) ||
	       event.kind == STOP_GROUP || event.kind == STOP_HELD);
	return event;
}

/* As PTRACE_INTERRUPT does. */
static enum refusal hold(const struct start *start)
{
	pid_t pid = start->ret->pid;
	enum refusal refusal = stop_hold(pid, 0);
	const struct stop_event stopped = { STOP_GROUP, 0 };
	struct stop_event event;

	if (refusal != REFUSAL_STOPPED)
		return refusal;
	do
		event = resume(pid, PTRACE_CONT, stopped);
	while (event.kind == STOP_GROUP);
	return event.kind == STOP_HELD ? REFUSAL_NONE : REFUSAL_GONE;
}

static enum refusal make_plan(struct start *start)
{
	plan_free(&start->ret->plan);
	mappings_free(&start->mappings);
	return target_plan(&start->target, &start->procfs, start->flags & PLAN_DEEP,
			   &start->mappings, &start->ret->plan);
}

/* The pages that the start-up code has left writable. */
static enum refusal protect(struct start *start, struct helper *helper)
{
	const struct extent relro = start->ret->plan.program.relro;
	long result =
		HELPER_CALL(helper, SYS_mprotect, relro.start, relro.end - relro.start, PROT_READ);

	return result < 0 ? refusal_of(result) : make_plan(start);
}

/* A breakpoint is a signal that nobody can block or ignore: the kernel has changed what the process says about it. */
static void restore_trap(const struct start *start, struct helper *helper)
{
	const char ignore[] = { (char)(uintptr_t)SIG_IGN, 0 };

	if (start->trap_ignored && helper_set_text(helper, ignore))
		(void)HELPER_CALL(helper, SYS_rt_sigaction, SIGTRAP, helper->text, 0,
				  sizeof(uint64_t));
}

static enum refusal change(struct start *start, bool protects)
{
	struct helper helper;
	enum refusal refusal = enter(&helper, &start->stopped, &start->ret->plan, NULL);

	if (refusal != REFUSAL_NONE)
		return refusal;
	if (protects)
		refusal = protect(start, &helper);
	if (refusal != REFUSAL_NONE) {
		helper_end(&helper);
		return refusal;
	}
	restore_trap(start, &helper);
	return change_make(&start->change, &helper, &start->target, &start->ret->plan, NULL);
}

/* What was sealed earlier is in the last plan as well; but only now somebody has the file open that holds its bytes. */
static enum refusal confirm(struct start *start, bool last)
{
	enum refusal refusal = REFUSAL_NONE;

	if (last || start->ret->plan.size > 0)
		refusal = verify(&start->ret->plan, &start->procfs, start->target.pid,
				 &start->change);
	start->ret->state = last && refusal == REFUSAL_NONE ? OUTSIDE_SEALED : OUTSIDE_PARTLY;
	return refusal;
}

/* While it is held. */
static enum refusal seal(struct start *start, bool protects, bool last)
{
	struct outside *ret = start->ret;
	enum refusal refusal;

	free(start->stopped.threads);
	refusal = stop_others(&start->stopped, &start->target, options_of(start->flags));
	start->stopped.same_filters = start->flags & OUTSIDE_SAME_FILTERS;
	if (refusal == REFUSAL_NONE && !start->planned)
		refusal = make_plan(start);
	if (refusal == REFUSAL_NONE && !ret->plan.program_known)
		refusal = REFUSAL_NO_HEADERS;
	if (refusal == REFUSAL_NONE)
		refusal = change(start, protects);
	ret->threads = start->stopped.count;
	if (refusal == REFUSAL_NONE)
		refusal = confirm(start, last);
	else if (start->change.sealed)
		ret->state = OUTSIDE_PARTLY;
	change_free(&start->change);
	start->change = (struct change){ .file = -1 };
	return refusal;
}

/* Where the processor has no register for it, or does not give it away. */
static enum refusal write_breakpoint(struct start *start)
{
	unsigned char bytes[sizeof(uint64_t)];
	uint64_t word;

	if (target_read(&start->target, start->before, sizeof(start->before), start->entry) < 0)
		return REFUSAL_NO_HEADERS;
	memcpy(bytes, start->before, sizeof(bytes));
	memcpy(bytes, arch_trap, arch_trap_size);
	memcpy(&word, bytes, sizeof(word));
	start->written = true;
	return kernel_poke(start->ret->pid, start->entry, word) < 0 ? REFUSAL_GONE : REFUSAL_NONE;
}

static enum refusal set_breakpoint(struct start *start)
{
	start->entry = start->ret->plan.entry;
	start->written = false;
	if (arch_set_breakpoint(start->ret->pid, start->entry) >= 0)
		return REFUSAL_NONE;
	return write_breakpoint(start);
}

static long take_out_written(const struct start *start)
{
	struct registers registers = { 0 };
	uint64_t word;
	long err = kernel_registers(start->ret->pid, &registers.all, sizeof(registers.all));

	memcpy(&word, start->before, sizeof(word));
	if (err >= 0)
		err = kernel_poke(start->ret->pid, start->entry, word);
	arch_set_instruction(&registers, start->entry);
	if (err >= 0)
		err = kernel_set_registers(start->ret->pid, &registers.all, sizeof(registers.all));
	return err;
}

static enum refusal take_out_breakpoint(struct start *start)
{
	pid_t pid = start->ret->pid;
	uint64_t mask;
	long err = start->written ? take_out_written(start) : arch_set_breakpoint(pid, 0);

	start->entry = 0;
	if (err >= 0 && start->trap_blocked)
		err = kernel_signal_mask(pid, &mask);
	if (err >= 0 && start->trap_blocked)
		err = kernel_set_signal_mask(pid, mask | SYS_SIGNAL(SIGTRAP));
	return err < 0 ? REFUSAL_GONE : REFUSAL_NONE;
}

static enum refusal note_end(struct start *start, struct stop_event event)
{
	start->again = event.kind == STOP_EXEC;
	return REFUSAL_GONE;
}

static void note_trap(struct start *start)
{
	char status[PROCFS_STATUS_SIZE];
	const char *ignored;
	uint64_t mask = 0;

	(void)kernel_signal_mask(start->ret->pid, &mask);
	start->trap_blocked = mask & SYS_SIGNAL(SIGTRAP);
	if (procfs_read(start->target.directory, "status", status, sizeof(status)) < 0)
		return;
	ignored = find_value(status, "SigIgn");
	start->trap_ignored = ignored != NULL && strtoull(ignored, NULL, 16) & SYS_SIGNAL(SIGTRAP);
}

/* A constructor can have started a thread, or a process that shares the memory. */
static enum refusal seal_with_loader(struct start *start)
{
	enum refusal refusal;
	struct stop_event event;

	note_trap(start);
	refusal = set_breakpoint(start);
	if (refusal != REFUSAL_NONE)
		return refusal;
	start->planned = false;
	event = go_on(start, PTRACE_CONT);
	if (event.kind != STOP_SIGNAL)
		return note_end(start, event);
	refusal = take_out_breakpoint(start);
	if (refusal == REFUSAL_NONE)
		refusal = hold(start);
	if (refusal == REFUSAL_NONE && target_shares_memory(&start->target, &start->procfs))
		refusal = REFUSAL_SHARED;
	return refusal == REFUSAL_NONE ? seal(start, false, true) : refusal;
}

static bool is_among(uint64_t number, const long *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((uint64_t)numbers[i] == number)
			return true;
	return false;
}

/* Calls of the start-up code of a static program, other than glibc's. */
static bool is_early(uint64_t number)
{
	static const long numbers[] = {
		SYS_set_tid_address,
		SYS_set_robust_list,
		SYS_OWN_MMAP,
		SYS_munmap,
		SYS_mprotect,
		SYS_brk,
		SYS_getrandom,
		SYS_ppoll,
#ifdef SYS_arch_prctl
		SYS_arch_prctl,
#endif
#ifdef SYS_poll
		SYS_poll,
#endif
	};

	return is_among(number, numbers, sizeof(numbers) / sizeof(*numbers));
}

/* Calls that the start-up code of glibc never makes: a program that makes one has not protected its RELRO, and will not. */
static bool is_late(uint64_t number)
{
	static const long numbers[] = {
		SYS_execve,	  SYS_execveat, SYS_clone, SYS_exit_group,
		SYS_rt_sigaction, SYS_socket,	SYS_wait4,
#ifdef SYS_fork
		SYS_fork,	  SYS_vfork,
#endif
	};

	return is_among(number, numbers, sizeof(numbers) / sizeof(*numbers));
}

static bool is_own_now(const struct start *start, const struct kernel_call *call)
{
	return start->ret->plan.program.gnu ? is_late(call->number) : !is_early(call->number);
}

static bool has_protected(const struct start *start, const struct kernel_call *entered)
{
	const struct extent *relro = &start->ret->plan.program.relro;
	uint64_t address = entered->arguments[0], size = entered->arguments[1];

	return entered->number == SYS_mprotect && !(entered->arguments[2] & PROT_WRITE) &&
	       address <= relro->start && size >= relro->end - address;
}

/* From where it enters a call to before the call. */
static enum refusal take_back(const struct start *start)
{
	const struct stop_event entry = { STOP_CALL, 0 };
	pid_t pid = start->ret->pid;
	struct registers registers = { 0 };

	if (kernel_registers(pid, &registers.all, sizeof(registers.all)) < 0 ||
	    arch_skip_call(pid, &registers) < 0 ||
	    resume(pid, PTRACE_SYSCALL, entry).kind != STOP_CALL)
		return REFUSAL_GONE;
	arch_repeat_call(&registers);
	if (kernel_set_registers(pid, &registers.all, sizeof(registers.all)) < 0)
		return REFUSAL_GONE;
	return hold(start);
}

/* Through the system calls of the start-up code, until RELRO is read-only or can be made so. */
static enum refusal follow_start_up(struct start *start, bool *ret_protects)
{
	struct kernel_call entered = { 0 }, call;

	start->planned = false;
	for (;;) {
		struct stop_event event = go_on(start, PTRACE_SYSCALL);

		if (event.kind != STOP_CALL)
			return note_end(start, event);
		if (kernel_call(start->ret->pid, &call) < 0)
			return REFUSAL_GONE;
		*ret_protects = call.enters && is_own_now(start, &call);
		if (*ret_protects)
			return take_back(start);
		if (!call.enters && !call.failed && has_protected(start, &entered))
			return hold(start);
		entered = call;
	}
}

/* A loader that is executed by its name goes on to load a program, and writes to its own RELRO meanwhile. That of musl has no
 * name of its own. */
static bool is_library(const struct headers *program)
{
	bool relocatable = program->dynamic.start < program->dynamic.end;

	return program->has_name || (relocatable && !program->pie && !program->gnu);
}

static enum refusal seal_without_loader(struct start *start)
{
	const struct extent relro = start->ret->plan.program.relro;
	bool has_relro = relro.start < relro.end, protects = false;
	enum refusal refusal = hold(start);

	if (refusal == REFUSAL_NONE && is_library(&start->ret->plan.program))
		return REFUSAL_LIBRARY;
	if (refusal == REFUSAL_NONE && !(has_relro && start->flags & OUTSIDE_DEEP))
		refusal = seal(start, false, !has_relro);
	if (refusal == REFUSAL_NONE && has_relro)
		refusal = follow_start_up(start, &protects);
	else
		return refusal;
	return refusal == REFUSAL_NONE ? seal(start, protects, true) : refusal;
}

static enum refusal open_target(struct start *start)
{
	enum refusal refusal;

	target_close(&start->target);
	refusal = target_open_traced(&start->target, &start->procfs, start->ret->pid);
	memcpy(start->ret->name, start->target.name, sizeof(start->ret->name));
	return refusal;
}

/* What was executed last. */
static enum refusal seal_program(struct start *start)
{
	enum refusal refusal = open_target(start);

	start->again = false;
	if (refusal == REFUSAL_NONE)
		refusal = make_plan(start);
	/* The loader has not begun. */
	if (start->ret->plan.has_loader && refusal == REFUSAL_LOADING)
		refusal = REFUSAL_NONE;
	if (refusal != REFUSAL_NONE)
		return refusal;
	start->planned = true;
	return start->ret->plan.has_loader ? seal_with_loader(start) : seal_without_loader(start);
}

/* What needs no process. */
static enum refusal get_ready(struct start *start)
{
	int err;

	if (!arch_is_ported)
		return REFUSAL_UNPORTED;
	if (!outside_supported())
		return REFUSAL_NO_MSEAL;
	err = procfs_open_without_mounts(&start->procfs);
	if (err < 0 || !start->procfs.own)
		return out_of_resources(err) ? refusal_of(err) : REFUSAL_NO_PROC;
	return REFUSAL_NONE;
}

static enum refusal seal_programs(struct start *start)
{
	enum refusal refusal;

	do
		refusal = seal_program(start);
	while (start->again);
	return refusal;
}

static void let_go(struct start *start)
{
	if (start->stopped.count > 0)
		leave(&start->stopped);
	else
		(void)kernel_resume(start->ret->pid, PTRACE_DETACH, 0);
}

static struct start begin(struct outside *ret, pid_t pid, unsigned flags)
{
	*ret = (struct outside){ .pid = pid };
	return (struct start){
		.ret = ret,
		.flags = flags,
		.procfs.directory = -1,
		.target = { .directory = -1, .memory = -1, .maps = -1 },
		.change.file = -1,
	};
}

static void end(struct start *start)
{
	if (start->ret->refusal == REFUSAL_NONE || !(start->flags & OUTSIDE_KEEP_HELD))
		let_go(start);
	free(start->stopped.threads);
	mappings_free(&start->mappings);
	target_close(&start->target);
	procfs_close(&start->procfs);
}

/* What needs no process is done while another processor executes the program. */
void outside_start_then(struct outside *ret, pid_t pid, unsigned flags,
			void (*then)(const struct outside *answer, void *data), void *data)
{
	struct start start = begin(ret, pid, flags);

	ret->refusal = get_ready(&start);
	if (!outside_start_await(pid))
		ret->refusal = REFUSAL_GONE;
	if (ret->refusal == REFUSAL_NONE)
		ret->refusal = seal_programs(&start);
	then(ret, data);
	end(&start);
}

void outside_start(struct outside *ret, pid_t pid, unsigned flags)
{
	struct start start = begin(ret, pid, flags);

	ret->refusal = get_ready(&start);
	if (ret->refusal == REFUSAL_NONE)
		ret->refusal = seal_programs(&start);
	end(&start);
}

/* A call of its own, where it stands: it does nothing else with its memory. */
static void begin_exit(pid_t pid, int status)
{
	const uint64_t arguments[6] = { (uint64_t)status };
	struct registers registers = { 0 };
	uint64_t at, word;
	struct code code;

	if (kernel_registers(pid, &registers.all, sizeof(registers.all)) < 0)
		return;
	at = arch_instruction(&registers);
	arch_code(&code, &registers);
	for (size_t i = 0; i < code.size; i += sizeof(word)) {
		memcpy(&word, code.bytes + i, sizeof(word));
		if (kernel_poke(pid, at + i, word) < 0)
			return;
	}
	arch_set_call(&registers, at + code.call, SYS_exit_group, arguments);
	if (kernel_set_signal_mask(pid, UINT64_MAX) >= 0 &&
	    kernel_set_registers(pid, &registers.all, sizeof(registers.all)) >= 0)
		(void)kernel_resume(pid, PTRACE_CONT, 0);
}

/* The kernel has yet to write the result of execve(2) to a register of a process that has just executed a program: so it is
 * held elsewhere first. */
void outside_start_end(pid_t pid, int status)
{
	if (stop_hold(pid, 0) == REFUSAL_NONE) {
		begin_exit(pid, status);
		if (stop_wait(pid).kind == STOP_GONE)
			return;
	}
	(void)kill(pid, SIGKILL);
}
