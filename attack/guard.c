/* SPDX-License-Identifier: MIT */

/*
 * Loads and stores that may fault. The verdict reads through the original pointer, which may point
 * nowhere by then, and the plainest attack is a store. Both end in a signal if the attack or the
 * seal has done its work, and the process has to survive that and report it.
 *
 * A handler gets no argument, so a global variable says where to continue. One thread uses it at a
 * time: no process of a trial has a second thread that touches the memory under attack by itself.
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
