/* SPDX-License-Identifier: MIT */

/*
 * The functions that the linker puts in front of the C library's. What is to happen cannot be handed to
 * them by their callers, hence the one variable of state. They stand aside unless armed: linked
 * statically, the C library itself comes through here.
 */

#include "tests/faults/inject.h"

#include "lib/sys.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

long __real_syscall(long number, ...);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
int __real_sigaction(int signal, const struct sigaction *action, struct sigaction *old);

long __wrap_syscall(long number, ...);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *memory);
int __wrap_sigaction(int signal, const struct sigaction *action, struct sigaction *old);

/* By which the library asks whether the emulation of mseal(2) refuses. */
#define NO_ADVICE INT_MAX

/* Commands of calls that have none, by what they are for. */
static int use_of_madvise(long advice)
{
	if (advice == NO_ADVICE)
		return MADVISE_NOTHING;
	return advice == MADV_POPULATE_READ ? MADVISE_POPULATE : 0;
}

static int use_of_mmap(long protection, long flags)
{
	return protection == PROT_NONE && !(flags & MAP_ANONYMOUS) ? MMAP_TRY : 0;
}

static int use_of_prctl(long option, long value)
{
	return option == PR_SET_DUMPABLE && value == 1 ? PRCTL_DUMPABLE_AGAIN : (int)option;
}

static struct {
	struct trace *trace; /* NULL: not armed */
	struct plan plan;
	struct stop *stop;
	unsigned next;
	bool in_child;
	void *allocated[8];
} state;

void inject_arm(const struct plan *plan, struct trace *trace)
{
	state.plan = *plan;
	state.next = 0;
	state.in_child = false;
	state.trace = trace;
}

void inject_stop(struct stop *stop)
{
	state.stop = stop;
}

void inject_disarm(void)
{
	state.trace = NULL;
	state.stop = NULL;
}

static void stop_if_due(void)
{
	struct trace *trace = state.trace;

	if (state.stop == NULL || state.in_child || state.stop->next++ != state.stop->index)
		return;
	state.trace = NULL;
	state.stop->act(state.stop->argument);
	state.trace = trace;
}

bool same_call(struct call a, struct call b)
{
	return a.number == b.number && a.command == b.command;
}

static bool is_due(const struct fault *fault, struct call call, unsigned index)
{
	if (fault->in_child != state.in_child)
		return false;
	return fault->standing ? index >= fault->index && same_call(fault->call, call)
			       : index == fault->index;
}

/* Counts a call; returns the fault that it is to meet. */
static const struct fault *meet(struct call call)
{
	unsigned index = state.next++;

	if (index < MAX_CALLS) {
		state.trace->calls[state.in_child][index] = call;
		state.trace->count[state.in_child] = index + 1;
	}
	for (unsigned i = 0; i < state.plan.count; i++) {
		const struct fault *fault = &state.plan.faults[i];

		if (!is_due(fault, call, index))
			continue;
		state.trace->astray |= !same_call(fault->call, call);
		state.trace->injected++;
		return fault;
	}
	return NULL;
}

static long real(long number, const long args[6])
{
	return __real_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* What is done before the kernel finds that it cannot do the rest. mmap(2): before Linux 6.12 the old
 * mapping is gone when the new one fails. */
static void do_half(long number, const long args[6])
{
	long part[6] = { args[0], sysconf(_SC_PAGESIZE), args[2], args[3] };

	if (number == SYS_close)
		(void)real(number, args);
	else if (number == SYS_OWN_MMAP && args[3] & MAP_FIXED)
		(void)__real_syscall(SYS_munmap, args[0], args[1]);
	else if (number != SYS_OWN_MMAP)
		(void)real(number, part);
}

/* Which argument says how many bytes. */
static unsigned size_argument(long number)
{
	if (number == SYS_splice)
		return 4;
	return number == SYS_OWN_SENDFILE ? 3 : 2;
}

static long fail(const struct fault *fault, long number, long args[6])
{
	long *size = &args[size_argument(number)];

	if (fault->manner == PRETENDED)
		return 0;
	if (fault->manner == SHORT) {
		*size -= *size / 2;
		return real(number, args);
	}
	if (fault->manner == HALF_DONE)
		do_half(number, args);
	errno = fault->error;
	return -1;
}

static struct call call_of(long number, const long args[6])
{
	struct call call = { number, 0 };

	if (number == SYS_fcntl)
		call.command = (int)args[1];
	else if (number == SYS_seccomp)
		call.command = (int)args[0];
	else if (number == SYS_madvise)
		call.command = use_of_madvise(args[2]);
	else if (number == SYS_OWN_MMAP)
		call.command = use_of_mmap(args[2], args[3]);
	else if (number == SYS_mprotect)
		call.command = args[2] == PROT_WRITE ? MPROTECT_TRY : 0;
	else if (number == SYS_prctl)
		call.command = use_of_prctl(args[0], args[1]);
	return call;
}

/* Takes six arguments whatever was passed, as the kernel does; the sanitizer need not mind. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
	const struct fault *fault = NULL;
	long args[6], result;
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	if (state.trace != NULL) {
		stop_if_due();
		fault = meet(call_of(number, args));
	}
	result = fault != NULL ? fail(fault, number, args) : real(number, args);
	if (state.trace != NULL && number == SYS_clone && result == 0) {
		state.in_child = true;
		state.next = 0;
	}
	return result;
}

/* Puts `now` where `before` is. */
static void note_allocation(const void *before, void *now)
{
	for (size_t i = 0; i < sizeof(state.allocated) / sizeof(*state.allocated); i++)
		if (state.allocated[i] == before) {
			state.allocated[i] = now;
			return;
		}
}

unsigned inject_allocations(void)
{
	unsigned count = 0;

	for (size_t i = 0; i < sizeof(state.allocated) / sizeof(*state.allocated); i++)
		count += state.allocated[i] != NULL;
	return count;
}

/* Whether the call of a function meets a fault, which then has set errno. */
static bool fails(long number)
{
	const struct fault *fault = NULL;

	if (state.trace != NULL)
		fault = meet((struct call){ number, 0 });
	if (fault == NULL)
		return false;
	errno = fault->error;
	return true;
}

static void *allocated(void *memory)
{
	if (state.trace != NULL && memory != NULL)
		note_allocation(NULL, memory);
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return fails(MALLOC) ? NULL : allocated(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails(CALLOC) ? NULL : allocated(__real_calloc(count, size));
}

void __wrap_free(void *memory)
{
	if (memory != NULL)
		note_allocation(memory, NULL);
	__real_free(memory);
}

int __wrap_sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
	return fails(SYS_rt_sigaction) ? -1 : __real_sigaction(signal, action, old);
}
