/* SPDX-License-Identifier: MIT */

/*
 * Loads and stores that may fault. The verdict reads through the original pointer, which may point
 * nowhere by then, and the plainest attack is a store. Both end in a signal if the attack or the
 * seal has done its work, and the process has to survive that and report it.
 *
 * A handler gets no argument, so a global variable says where to continue. One thread uses it at a
 * time: no process of a trial has a second thread that touches the memory under attack by itself.
 *
 * A handler starts without the right to memory under a protection key. It is left by a jump, so the thread gets back here
 * what it had.
 */

#include "attack/guard.h"

#include "lib/key.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

#ifdef __x86_64__
# include <cpuid.h>
#endif

/* Volatile, because an act that is inlined stores nothing that a handler seems to need. */
static sigjmp_buf *volatile way_out;

static void leave(int signal)
{
	(void)signal;
	siglongjmp(*way_out, 1);
}

bool keys_exist(void)
{
#ifdef __x86_64__
	const unsigned leaf = 7, ospke = 1u << 4;
	unsigned a, b, c, d;

	return __get_cpuid_count(leaf, 0, &a, &b, &c, &d) && c & ospke;
#else
	return false;
#endif
}

/* Whether it came to its end. */
static bool carry_out(void (*act)(void *argument), void *argument)
{
	sigjmp_buf here, *const outer = way_out;
	volatile bool ended = false;

	if (sigsetjmp(here, 1) == 0) {
		way_out = &here;
		act(argument);
		ended = true;
	}
	way_out = outer;
	return ended;
}

int guarded(void (*act)(void *argument), void *argument)
{
	struct sigaction action = { .sa_handler = leave }, segv, bus;
	const bool keys = keys_exist();
	const uint32_t rights = keys ? key_rights() : 0;
	bool ended;

	(void)sigaction(SIGSEGV, &action, &segv);
	(void)sigaction(SIGBUS, &action, &bus);
	ended = carry_out(act, argument);
	(void)sigaction(SIGSEGV, &segv, NULL);
	(void)sigaction(SIGBUS, &bus, NULL);
	if (keys && !ended)
		key_set_rights(rights);
	return ended ? 0 : -EFAULT;
}
