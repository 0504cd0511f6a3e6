/* SPDX-License-Identifier: MIT */

/*
 * A process that is not dumpable leaves no core dump, and another process of its user can neither attach to
 * it nor take its descriptors (pidfd_getfd(2), /proc/PID/fd). That is for the whole process, so threads count
 * who needs it, and the last one undoes it. A program that is not dumpable by its own choice stays so.
 */

#include "lib/moment.h"

#include "include/sealmem.h"
#include "lib/fork-gate.h"
#include "lib/reason.h"

#include <pthread.h>

/* These need that nobody attaches. */
#define HIDDEN (SEALMEM_SECRECY | SEALMEM_NODUMP)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned count;
static bool was_dumpable;

/* How many of them are of this thread. */
static __thread unsigned own;

static int make_undumpable(void)
{
	int dumpable = sys_dumpable();

	if (dumpable < 0)
		return dumpable;
	was_dumpable = dumpable == 1;
	return was_dumpable ? sys_set_dumpable(0) : 0;
}

static int hide(void)
{
	int err;

	(void)pthread_mutex_lock(&lock);
	err = count == 0 ? make_undumpable() : 0;
	if (err == 0) {
		count++;
		own++;
	}
	(void)pthread_mutex_unlock(&lock);
	return reason_for(not_given(err), REASON_NO_PRCTL);
}

static void show(void)
{
	(void)pthread_mutex_lock(&lock);
	own--;
	if (--count == 0 && was_dumpable)
		(void)sys_set_dumpable(1);
	(void)pthread_mutex_unlock(&lock);
}

/*
 * A fork waits until there is no moment, but the one of a handler that a fault called inside. Its child has the memory
 * that its thread is about to hide, and that of other threads, so it is undumpable. The other threads are
 * not there to end their moments.
 */
static void reset_in_child(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	count = own;
}

__attribute__((constructor)) static void install_early(void)
{
	(void)pthread_atfork(NULL, NULL, reset_in_child);
}

int moment_begin(struct moment *ret, unsigned guarantees)
{
	int err = 0;

	guarantees &= HIDDEN | SEALMEM_NOFORK;
	if (guarantees == 0)
		return 0;
	/* The gate first: no child is born undumpable, or while somebody has the lock. */
	err = fork_gate_enter();
	if (err < 0)
		return not_given(err);
	if (guarantees & HIDDEN)
		err = hide();
	if (err < 0) {
		fork_gate_leave();
		return err;
	}
	ret->guarantees = guarantees;
	return 0;
}

void moment_end(struct moment *moment)
{
	if (moment->guarantees & HIDDEN)
		show();
	if (moment->guarantees != 0)
		fork_gate_leave();
	moment->guarantees = 0;
}
