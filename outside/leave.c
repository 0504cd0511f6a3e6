/* SPDX-License-Identifier: MIT */

/*
 * Lets the threads of a process go on. A stop must not be seen by the program: some calls end with EINTR when a thread is
 * stopped, though no signal came. The kernel makes such a call again if it finds another result, so that is put there.
 */

#include "outside/leave.h"

#include "outside/kernel.h"

#include "lib/util.h"

#include <stdlib.h>

/* A thread that has not stopped is let go when the thread of this program that holds it exits. */
static void let_go(pid_t thread)
{
	struct registers registers = { 0 };

	if (kernel_registers(thread, &registers.all, sizeof(registers.all)) >= 0 &&
	    arch_hide_interruption(&registers))
		(void)kernel_set_registers(thread, &registers.all, sizeof(registers.all));
	(void)kernel_resume(thread, PTRACE_DETACH, 0);
}

void leave(struct stopped *stopped)
{
	for (size_t i = 0; i < stopped->count; i++)
		if (!stopped->threads[i].gone)
			let_go(stopped->threads[i].id);
	(void)sys_now(&stopped->ended);
	free(stopped->threads);
	stopped->threads = NULL;
	stopped->count = stopped->room = 0;
}
