/* SPDX-License-Identifier: MIT */

/*
 * Service managers put services under a filter that kills at a system call that is not in its list, and a
 * list is older than the newest calls. The caller of such a call gets no errno. So a child makes the call
 * first, with arguments that change nothing, and its death is an answer like EPERM.
 *
 * A process without a filter is asked again at each time, because it may get one. One that has a filter is
 * asked once: a second filter that kills is not noticed.
 */

#include "lib/trial.h"

#include "lib/fork-gate.h"
#include "lib/util.h"

#include <linux/seccomp.h>
#include <stdatomic.h>

static void call_mseal(void)
{
	(void)sys_mseal(NULL, 0, 0);
}

static void call_memfd_secret(void)
{
	(void)sys_memfd_secret();
}

static void call_seccomp(void)
{
	(void)sys_seccomp_can_refuse();
}

static const struct row {
	enum trial_call call;
	void (*make)(void);
} rows[] = {
	{ TRIAL_MSEAL, call_mseal },
	{ TRIAL_MEMFD_SECRET, call_memfd_secret },
	{ TRIAL_SECCOMP, call_seccomp },
};

/* Bits of the calls. */
static atomic_uint learned, fatal;

/* A process that a filter kills dumps core. The child has the secrets of its parent. */
static int make_call(void *argument)
{
	const struct row *row = argument;

	if (sys_set_dumpable(0) < 0)
		return 1;
	row->make();
	return 0;
}

/* A program without the gate hides nothing from children: it is linked statically and has no regions, or is about
 * to be sealed by a preloaded object. */
#pragma weak fork_gate_in_child

static void learn(struct row row)
{
	int answer = fork_gate_in_child != NULL ? fork_gate_in_child(make_call, &row)
						: sys_in_child(make_call, &row);

	if (answer == -ECHILD)
		atomic_fetch_or(&fatal, row.call);
	if (answer == -ECHILD || answer == 0)
		atomic_fetch_or(&learned, row.call);
}

void trial_learn(enum trial_call call)
{
	if (atomic_load(&learned) & call || sys_seccomp_mode() != SECCOMP_MODE_FILTER)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].call == call)
			learn(rows[i]);
}

int trial_refused(enum trial_call call)
{
	return atomic_load(&fatal) & call ? -EPERM : 0;
}

int trial_mseal(void *addr, size_t size, unsigned long flags)
{
	int err = trial_refused(TRIAL_MSEAL);

	return err < 0 ? err : sys_mseal(addr, size, flags);
}

int trial_memfd_secret(void)
{
	int err = trial_refused(TRIAL_MEMFD_SECRET);

	return err < 0 ? err : sys_memfd_secret();
}

int trial_seccomp_can_refuse(void)
{
	int err = trial_refused(TRIAL_SECCOMP);

	return err < 0 ? err : sys_seccomp_can_refuse();
}
