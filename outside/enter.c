/* SPDX-License-Identifier: MIT */

/*
 * Brings a thread of ours into another process. A thread of the process is lent for one call, clone(2), and nothing else:
 * if this program dies while a thread of the process makes its calls, that thread never comes back to what it did.
 *
 * The new thread has no stack, takes no signal, and its code exits after each call. Its copy of the table of descriptors is
 * its own, so no descriptor of ours is ever seen in the process. The code has to be somewhere that nobody has to unmap in
 * the end: nothing could, but the code itself. So it goes into the last page of the vDSO, which is filled with zeroes after
 * its end. That page is a copy of this process alone from then on. When all is done the zeroes come back.
 *
 * The lent thread is best one that waits in a system call that the kernel makes again: such a thread goes back there
 * by the code alone, also if nobody tells it to.
 */

#include "outside/enter.h"

#include "outside/kernel.h"

#include "lib/util.h"

#include <sched.h>
#include <string.h>

/* Code, and then a text; and then a list, if there is room for one. */
#define LEAST (ARCH_CODE_SIZE + HELPER_TEXT_SIZE)
#define MOST  (LEAST + HELPER_ROOM_SIZE)

#define OPTIONS ((unsigned long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE))

/* The thread shares what threads do, but the table of descriptors. */
#define CLONE_WHAT (CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

/* What a lent thread has to get back. */
struct loan {
	pid_t id;
	struct registers registers;
	struct code code;
	uint64_t at;	       /* where the code goes */
	size_t size;	       /* that there is for it */
	unsigned long options; /* that it has besides ours */
	bool same_filters;
	const struct errand *errand;
};

static bool is_zero(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* The last zeroes of the vDSO. What a helper left that nobody could clean up is passed by. */
static uint64_t find_zeroes(const struct target *target, const struct plan *plan, size_t size)
{
	uint64_t at = plan->vdso_end, page_start;
	unsigned char bytes[MOST];

	if (plan->vdso_end - plan->vdso < page_size())
		return 0;
	page_start = plan->vdso_end - page_size();
	while (at - page_start >= size) {
		at -= size;
		if (target_read(target, bytes, size, at) < 0)
			return 0;
		if (is_zero(bytes, size))
			return at;
	}
	return 0;
}

static void find_room(struct loan *loan, const struct target *target, const struct plan *plan)
{
	loan->size = MOST;
	loan->at = find_zeroes(target, plan, loan->size);
	if (loan->at != 0)
		return;
	loan->size = LEAST;
	loan->at = find_zeroes(target, plan, loan->size);
}

/* At once; or in whole words, where the kernel does not let even who traces a process write so. */
static long write_code_bytes(const struct target *target, pid_t thread, uint64_t at,
			     const unsigned char *bytes, size_t size)
{
	uint64_t word;
	long err = sys_pwrite(target->memory, bytes, size, (off_t)at) == (ssize_t)size ? 0 : -EIO;

	if (err == 0)
		return 0;
	err = 0;
	for (size_t i = 0; i < size && err >= 0; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		err = kernel_poke(thread, at + i, word);
	}
	return err;
}

static long write_code(const struct target *target, const struct loan *loan)
{
	unsigned char bytes[LEAST] = { 0 };

	memcpy(bytes, loan->code.bytes, loan->code.size);
	memcpy(bytes + ARCH_CODE_SIZE, HELPER_FILE_NAME, sizeof(HELPER_FILE_NAME));
	return write_code_bytes(target, loan->id, loan->at, bytes, sizeof(bytes));
}

static void clear_code(const struct target *target, pid_t thread, uint64_t at, size_t size)
{
	const unsigned char zeroes[MOST] = { 0 };

	(void)write_code_bytes(target, thread, at, zeroes, size);
}

/*
 * A thread in a restartable sequence (rseq(2)) relies on the kernel to take it to the end of the sequence when it loses
 * the processor. The kernel looks where the thread is, and a lent thread is elsewhere. So this does it.
 */
static void leave_sequence(const struct target *target, struct loan *loan)
{
	struct {
		uint32_t version, flags;
		uint64_t start, length, abort;
	} sequence;
	uint64_t area, at = 0, place = arch_instruction(&loan->registers);
	const uint64_t field = 8; /* where struct rseq has the address of the sequence */

	if (kernel_rseq(loan->id, &area) < 0 || area == 0 ||
	    target_read(target, &at, sizeof(at), area + field) < 0 || at == 0 ||
	    target_read(target, &sequence, sizeof(sequence), at) < 0)
		return;
	if (place - sequence.start < sequence.length)
		arch_set_instruction(&loan->registers, sequence.abort);
}

static long try_options(struct helper *helper, const struct loan *loan, unsigned long more)
{
	helper->options = OPTIONS | loan->options | more;
	return kernel_set_options(loan->id, helper->options);
}

/*
 * Seccomp filters would see the calls of the helper, and kill what they do not expect. Who may suspend them need not know
 * whether there are any. But where other threads run, they could write to the code of the helper, which no filter watches.
 */
static enum refusal set_options(struct helper *helper, const struct stopped *stopped,
				const struct loan *loan)
{
	bool filtered;

	if (!stopped->others_run && try_options(helper, loan, PTRACE_O_SUSPEND_SECCOMP) >= 0)
		return REFUSAL_NONE;
	filtered = target_thread_number(stopped->target, loan->id, "Seccomp") > 0;
	if (filtered && stopped->others_run)
		return REFUSAL_FILTERED_ONE;
	if (filtered && !loan->same_filters)
		return REFUSAL_FILTERED;
	return try_options(helper, loan, 0) >= 0 ? REFUSAL_NONE : REFUSAL_GONE;
}

/* Back to where it was. */
static enum refusal give_back(const struct loan *loan, int signal)
{
	enum refusal refusal = stop_hold(loan->id, signal);

	(void)kernel_set_options(loan->id, loan->options);
	if (refusal == REFUSAL_GONE)
		return refusal;
	if (kernel_set_registers(loan->id, &loan->registers.all, sizeof(loan->registers.all)) < 0)
		return REFUSAL_GONE;
	return refusal;
}

/* A signal came before the thread could make our call: it goes on with its own first, and gets the signal there. */
static enum refusal let_signal_come(const struct loan *loan, int signal)
{
	if (kernel_set_registers(loan->id, &loan->registers.all, sizeof(loan->registers.all)) < 0)
		return REFUSAL_GONE;
	(void)kernel_set_options(loan->id, loan->options);
	return stop_hold(loan->id, signal);
}

static struct stop_event go_on(pid_t thread)
{
	if (kernel_resume(thread, PTRACE_SYSCALL, 0) < 0)
		return (struct stop_event){ STOP_GONE, 0 };
	return stop_wait(thread);
}

/* The number of the new thread comes from the kernel: the process may be in another PID namespace. */
static enum refusal clone_helper(struct helper *helper, const struct loan *loan, bool *ret_again)
{
	struct stop_event event = { STOP_GONE, 0 };
	struct registers after = { 0 };
	unsigned long id = 0;

	if (kernel_resume(loan->id, PTRACE_SYSCALL, 0) >= 0) {
		if (loan->errand != NULL)
			loan->errand->run(loan->errand->data);
		event = stop_wait(loan->id);
	}
	if (event.kind == STOP_CLONE && kernel_event_message(loan->id, &id) >= 0) {
		helper->id = (pid_t)id;
		return REFUSAL_NONE;
	}
	if (event.kind != STOP_CALL)
		return event.kind == STOP_TIMEOUT ? REFUSAL_NO_ANSWER : REFUSAL_GONE;
	if (kernel_registers(loan->id, &after.all, sizeof(after.all)) < 0)
		return REFUSAL_GONE;
	/* A signal is pending. The thread gets it before it is lent again. */
	*ret_again = arch_result(&after) == -KERNEL_ERESTARTNOINTR;
	if (*ret_again)
		return REFUSAL_NONE;
	return arch_result(&after) == -EAGAIN ? REFUSAL_THREAD_LIMIT
					      : refusal_of(arch_result(&after));
}

/* All signals but those that nobody can block. One that the kernel has chosen it for meanwhile goes to another thread when
 * it exits, see helper_end(). */
static enum refusal take_over(struct helper *helper)
{
	struct stop_event event = stop_wait(helper->id);

	if (event.kind != STOP_HELD && event.kind != STOP_GROUP)
		return event.kind == STOP_TIMEOUT ? REFUSAL_NO_ANSWER : REFUSAL_GONE;
	if (kernel_signal_mask(helper->id, &helper->mask) < 0 ||
	    kernel_set_signal_mask(helper->id, UINT64_MAX) < 0 ||
	    kernel_registers(helper->id, &helper->registers.all, sizeof(helper->registers.all)) < 0)
		return REFUSAL_GONE;
	(void)kernel_set_nice(helper->id, STOP_NICE);
	(void)kernel_set_processor(helper->id, kernel_processor());
	return REFUSAL_NONE;
}

static enum refusal begin_call(const struct loan *loan, bool *ret_again)
{
	struct registers registers = loan->registers;
	uint64_t arguments[6];
	struct stop_event event;

	arch_clone_arguments(arguments, CLONE_WHAT);
	arch_set_call(&registers, loan->at + loan->code.clone, SYS_clone, arguments);
	if (kernel_set_registers(loan->id, &registers.all, sizeof(registers.all)) < 0)
		return REFUSAL_GONE;
	event = go_on(loan->id);
	*ret_again = event.kind == STOP_SIGNAL;
	if (event.kind == STOP_CALL)
		return REFUSAL_NONE;
	if (event.kind == STOP_SIGNAL)
		return let_signal_come(loan, event.signal);
	return event.kind == STOP_TIMEOUT ? REFUSAL_NO_ANSWER : REFUSAL_GONE;
}

static enum refusal lend(struct helper *helper, const struct stopped *stopped, struct loan *loan,
			 bool *ret_again)
{
	enum refusal refusal, after;

	*ret_again = false;
	leave_sequence(stopped->target, loan);
	arch_code(&loan->code, &loan->registers);
	if (write_code(stopped->target, loan) < 0)
		return REFUSAL_NO_ROOM;
	refusal = set_options(helper, stopped, loan);
	if (refusal == REFUSAL_NONE)
		refusal = begin_call(loan, ret_again);
	if (refusal != REFUSAL_NONE || *ret_again)
		return refusal;
	refusal = clone_helper(helper, loan, ret_again);
	after = give_back(loan, 0);
	if (refusal == REFUSAL_NONE && !*ret_again)
		refusal = take_over(helper);
	helper->code = loan->at;
	helper->call = loan->at + loan->code.call;
	helper->list = loan->at + loan->code.batch;
	helper->text = loan->at + ARCH_CODE_SIZE;
	helper->room = loan->at + LEAST;
	helper->room_size = loan->size - LEAST;
	return refusal == REFUSAL_NONE ? after : refusal;
}

/* Whether the thread can be lent, and its registers. */
static bool may_lend(struct loan *loan, const struct stopped_thread *thread)
{
	loan->id = thread->id;
	return !thread->gone &&
	       kernel_registers(thread->id, &loan->registers.all, sizeof(loan->registers.all)) >=
		       0 &&
	       arch_is_native(&loan->registers) && kernel_dispatches(thread->id) == 0;
}

/* The first that waits in a call; or the first, if none does. */
static bool choose(struct loan *loan, const struct stopped *stopped)
{
	struct loan first = { 0 };

	for (size_t i = 0; i < stopped->count; i++) {
		if (!may_lend(loan, &stopped->threads[i]))
			continue;
		if (arch_is_in_call(&loan->registers))
			return true;
		if (first.id == 0)
			first = *loan;
	}
	if (first.id != 0)
		*loan = first;
	return first.id != 0;
}

/* As often as a signal may come in between. */
#define ATTEMPTS 16

enum refusal enter(struct helper *ret, const struct stopped *stopped, const struct plan *plan,
		   const struct errand *errand)
{
	struct loan loan = {
		.options = stopped->options,
		.same_filters = stopped->same_filters,
		.errand = errand,
	};
	enum refusal refusal = REFUSAL_NO_THREAD;
	bool again = true;

	*ret = (struct helper){ .target = stopped->target };
	find_room(&loan, stopped->target, plan);
	if (loan.at == 0)
		return REFUSAL_NO_ROOM;
	for (int i = 0; i < ATTEMPTS && again; i++) {
		if (!choose(&loan, stopped))
			return REFUSAL_NO_THREAD;
		refusal = lend(ret, stopped, &loan, &again);
	}
	if (again && refusal == REFUSAL_NONE)
		refusal = REFUSAL_NO_THREAD;
	if (refusal != REFUSAL_NONE && ret->id != 0)
		helper_end(ret);
	else if (refusal != REFUSAL_NONE)
		clear_code(stopped->target, loan.id, loan.at, loan.size);
	return refusal;
}

/* Until it enters a call, or leaves it. The one signal that may come stops the whole process: the helper goes on. */
static bool reach_call(struct helper *helper)
{
	struct stop_event event = { STOP_HELD, 0 };

	while (event.kind != STOP_CALL && !helper->lost) {
		int signal = event.kind == STOP_SIGNAL ? event.signal : 0;

		if (kernel_resume(helper->id, PTRACE_SYSCALL, signal) < 0)
			event.kind = STOP_GONE;
		else
			event = stop_wait(helper->id);
		helper->lost = event.kind == STOP_GONE || event.kind == STOP_TIMEOUT;
	}
	return !helper->lost;
}

static bool begin(struct helper *helper, long number, const uint64_t arguments[6])
{
	struct registers registers = helper->registers;

	if (helper->lost)
		return false;
	arch_set_call(&registers, helper->call, number, arguments);
	helper->lost = kernel_set_registers(helper->id, &registers.all, sizeof(registers.all)) < 0;
	return reach_call(helper);
}

long helper_call(struct helper *helper, long number, const uint64_t arguments[6])
{
	struct registers after = { 0 };

	if (!begin(helper, number, arguments) || !reach_call(helper) ||
	    kernel_registers(helper->id, &after.all, sizeof(after.all)) < 0)
		return -ESRCH;
	return arch_result(&after);
}

bool helper_set_text(struct helper *helper, const char *text)
{
	unsigned char bytes[HELPER_TEXT_SIZE] = { 0 };

	memcpy(bytes, text, strnlen(text, sizeof(bytes) - 1));
	return write_code_bytes(helper->target, helper->id, helper->text, bytes, sizeof(bytes)) >=
	       0;
}

bool helper_fill_room(struct helper *helper, const void *bytes, size_t size)
{
	return size <= helper->room_size &&
	       write_code_bytes(helper->target, helper->id, helper->room, bytes, size) >= 0;
}

bool helper_begin_list(struct helper *helper, uint64_t first, uint64_t memory, uint64_t size)
{
	struct registers registers = helper->registers;

	if (helper->lost)
		return false;
	arch_set_list(&registers, helper->list, first, memory, size);
	helper->lost =
		kernel_set_options(helper->id, helper->options | PTRACE_O_TRACEEXIT) < 0 ||
		kernel_set_registers(helper->id, &registers.all, sizeof(registers.all)) < 0 ||
		kernel_resume(helper->id, PTRACE_CONT, 0) < 0;
	return !helper->lost;
}

/* So many seconds for a list: what takes long in it is to map what may be 1 GiB. */
#define LIST_PATIENCE 30

static bool reach_exit(struct helper *helper)
{
	struct stop_event event = stop_wait(helper->id);

	for (int waits = 0; event.kind != STOP_EXIT && !helper->lost;) {
		int signal = event.kind == STOP_SIGNAL ? event.signal : 0;

		waits += event.kind == STOP_TIMEOUT;
		helper->lost = event.kind == STOP_GONE || waits == LIST_PATIENCE ||
			       (event.kind != STOP_TIMEOUT &&
				kernel_resume(helper->id, PTRACE_CONT, signal) < 0);
		if (!helper->lost)
			event = stop_wait(helper->id);
	}
	return !helper->lost;
}

bool helper_finish_list(struct helper *helper, struct list_result *ret)
{
	struct registers registers = { 0 };

	helper->exits = reach_exit(helper);
	if (!helper->exits ||
	    kernel_registers(helper->id, &registers.all, sizeof(registers.all)) < 0)
		return false;
	*ret = arch_list_result(&registers);
	return true;
}

/* It exits while it is in the kernel, so that the code can go before. */
void helper_end(struct helper *helper)
{
	const uint64_t none[6] = { 0 };

	if (helper->id == 0)
		return;
	if (helper->exits || begin(helper, SYS_exit, none)) {
		clear_code(helper->target, helper->id, helper->code, LEAST + helper->room_size);
		(void)kernel_set_signal_mask(helper->id, helper->mask);
		(void)kernel_resume(helper->id, PTRACE_CONT, 0);
		(void)stop_wait(helper->id);
	}
	helper->id = 0;
}
