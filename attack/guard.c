/* SPDX-License-Identifier: MIT */

/*
 * Loads and stores that may fault. The verdict over an attack is given by reading through the original
 * pointer, which by then may point nowhere; and the plainest attack is a store. Both end in a
 * signal if the attack or the seal did its work, and the process has to live on and say so.
 *
 * Where to go on from the handler is a global variable, for a handler is given nothing else. It is
 * used by one thread at a time: a process of the battery has no second thread that touches the memory
 * under attack by itself.
 */

#include "attack/guard.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static sigjmp_buf way_out;

static void leave(int signal)
{
	(void)signal;
	siglongjmp(way_out, 1);
}

int guarded(void (*act)(void *argument), void *argument)
{
	struct sigaction action = { .sa_handler = leave }, segv, bus;
	int err = -EFAULT;

	(void)sigaction(SIGSEGV, &action, &segv);
	(void)sigaction(SIGBUS, &action, &bus);
	if (sigsetjmp(way_out, 1) == 0) {
		act(argument);
		err = 0;
	}
	(void)sigaction(SIGSEGV, &segv, NULL);
	(void)sigaction(SIGBUS, &bus, NULL);
	return err;
}
