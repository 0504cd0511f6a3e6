/* SPDX-License-Identifier: MIT */

/*
 * Some calls raise a signal in this thread together with their error. The default action of these signals ends
 * the process, and the caller of a library expects an errno and no more.
 */

#include "lib/quiet.h"

#include "lib/util.h"

/* Of this thread. No handler runs meanwhile that could leave it as it is by a jump. */
static __thread struct {
	bool held;
	uint64_t before;
} all;

int quiet_hold_all(void)
{
	uint64_t before = 0;
	int err = sys_block_signals(SYS_OTHER_SIGNALS, &before);

	all.held = err == 0;
	all.before = before;
	return err;
}

void quiet_release_all(void)
{
	if (!all.held)
		return;
	all.held = false;
	(void)sys_set_blocked(all.before);
}

int quiet_begin(struct quiet *ret, uint64_t signals)
{
	bool held = all.held && (signals & ~SYS_OTHER_SIGNALS) == 0;
	uint64_t before = all.before;
	int err = held ? 0 : sys_block_signals(signals, &before);

	*ret = (struct quiet){
		.signals = err < 0 ? 0 : signals,
		.before = before,
		.held = held,
	};
	/* A signal that is not blocked does not stay pending. */
	if (err == 0 && before & signals)
		(void)sys_pending(&ret->pending);
	return err;
}

static uint64_t raised_with(ssize_t error)
{
	if (error == -EPIPE)
		return SYS_SIGNAL(SIGPIPE);
	return error == -EFBIG ? SYS_SIGNAL(SIGXFSZ) : 0;
}

/* A signal that was pending before is the program's, and absorbed ours. */
ssize_t quiet_end(const struct quiet *quiet, ssize_t result)
{
	uint64_t raised = raised_with(result) & quiet->signals & ~quiet->pending;

	if (raised != 0)
		(void)sys_take_signal(raised);
	if (quiet->signals != 0 && !quiet->held)
		(void)sys_set_blocked(quiet->before);
	return result;
}
