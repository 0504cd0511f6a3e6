/* SPDX-License-Identifier: MIT */

/*
 * Calls of the library go through here, and those of `sealmem serve` that others notice. A death between two of them is
 * the same to all others as one before the second of them.
 */

#include "tests/faults/death.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
ssize_t __real_sendmsg(int socket, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags);

/* What is to happen cannot be handed to the functions by their callers. */
static struct {
	bool armed;
	struct death death;
	unsigned next;
} state;

void death_arm(const struct death *death)
{
	state.death = *death;
	state.next = 0;
	state.armed = true;
}

static void pass(enum moment moment)
{
	if (!state.armed)
		return;
	if (moment == state.death.moment && state.next == state.death.at)
		(void)__real_syscall(SYS_kill, getpid(), SIGKILL);
	state.next += moment == AFTER_CALL;
}

/* Takes six arguments whatever was passed, as the kernel does; the sanitizer need not mind. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
	long args[6], result;
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	pass(BEFORE_CALL);
	result = __real_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (number == SYS_clone && result == 0)
		state.armed = false;
	pass(AFTER_CALL);
	return result;
}

ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags)
{
	ssize_t sent;

	pass(BEFORE_CALL);
	sent = __real_sendmsg(socket, message, flags);
	pass(AFTER_CALL);
	return sent;
}
