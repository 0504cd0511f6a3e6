/* SPDX-License-Identifier: MIT */

/*
 * The order of the steps. The plan is made, and the bytes are copied, while the process runs: so a process which cannot be
 * sealed is not stopped for that, and the others are not stopped for long. Once the process stands still, both are
 * compared with it, and made again if they are out of date: the plan at once, and the bytes while the kernel starts the
 * helper, which is time that somebody would wait for.
 *
 * Everything happens in a thread of its own. The kernel detaches what a thread traces when that thread exits, so nothing
 * stays held, not even a thread that had not stopped in time.
 *
 * tests/models/outside.pml is a model of this, which Spin goes through in all orders.
 */

#include "outside/outside.h"

#include "outside/change.h"
#include "outside/enter.h"
#include "outside/kernel.h"
#include "outside/leave.h"
#include "outside/prepare.h"
#include "outside/stop.h"
#include "outside/target.h"
#include "outside/verify.h"

#include "lib/util.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

/* How often, and after which pause, a process that is changing is tried again. */
#define ATTEMPTS 200
#define PAUSE	 5000000

struct work {
	struct outside *ret;
	unsigned flags;
	struct procfs procfs;
	struct target target;
	struct mappings mappings;
	struct prepared prepared;
	struct change change;
};

bool outside_supported(void)
{
	return sys_mseal(NULL, 0, 0) == 0;
}

/* A debugger could never take its breakpoints out again. What the loader wrote to code is none of a debugger. */
static enum refusal check_breakpoints(const struct work *work)
{
	const struct plan *plan = &work->ret->plan;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->ranges[i].kind == RANGE_TEXT && plan->ranges[i].replaced &&
		    work->flags & OUTSIDE_DEEP &&
		    !plan->objects[plan->ranges[i].object].relocated_text &&
		    target_was_written(&work->target, &plan->ranges[i]))
			return REFUSAL_BREAKPOINTS;
	return REFUSAL_NONE;
}

static enum refusal make_plan(struct work *work)
{
	enum refusal refusal = target_plan(&work->target, &work->procfs,
					   work->flags & (PLAN_DEEP | PLAN_CONTENT_ONLY),
					   &work->mappings, &work->ret->plan);

	return refusal == REFUSAL_NONE ? check_breakpoints(work) : refusal;
}

/* A plan that is out of date is made again, while nothing moves. */
static enum refusal renew_plan(struct work *work)
{
	enum refusal refusal = target_confirm_plan(&work->target, &work->procfs, &work->mappings,
						   &work->ret->plan);

	if (refusal != REFUSAL_CHANGED)
		return refusal;
	prepared_free(&work->prepared);
	plan_free(&work->ret->plan);
	mappings_free(&work->mappings);
	return make_plan(work);
}

static void let_go(const struct work *work, struct stopped *stopped)
{
	if (stopped->count == 0)
		return;
	work->ret->threads = stopped->count;
	leave(stopped);
	work->ret->nanoseconds += stopped->ended - stopped->begun;
}

/* What has other bytes now is no longer prepared. The thread that is lent meanwhile writes to none of them: it makes one
 * call, and comes back to where it was. */
static void compare(void *data)
{
	struct work *work = data;

	if (!prepared_holds(&work->prepared, &work->target, &work->ret->plan))
		prepared_free(&work->prepared);
}

/* If the others run, so can the one that was lent. But a process with one thread never has to see a second one. */
static enum refusal change_with(struct work *work, struct stopped *stopped)
{
	const struct errand comparison = { compare, work };
	struct helper helper;
	enum refusal refusal =
		enter(&helper, stopped, &work->ret->plan, stopped->others_run ? NULL : &comparison);

	if (stopped->others_run && stopped->others)
		let_go(work, stopped);
	change_free(&work->change);
	work->change = (struct change){ .file = -1 };
	if (refusal != REFUSAL_NONE)
		return refusal;
	return change_make(&work->change, &helper, &work->target, &work->ret->plan,
			   work->prepared.file >= 0 ? &work->prepared : NULL);
}

static enum refusal stop(const struct work *work, struct stopped *ret)
{
	return work->flags & OUTSIDE_ONE_THREAD ? stop_one(ret, &work->target)
						: stop_all(ret, &work->target);
}

/* With what was prepared; or, if that is out of date or does not get there, by a copy that is made now. */
static enum refusal change(struct work *work, struct stopped *stopped)
{
	enum refusal refusal = change_with(work, stopped);

	if (!work->change.not_passed)
		return refusal;
	prepared_free(&work->prepared);
	refusal = stopped->count == 0 ? stop(work, stopped) : REFUSAL_NONE;
	return refusal == REFUSAL_NONE ? change_with(work, stopped) : refusal;
}

static enum refusal change_stopped(struct work *work)
{
	const bool one = work->flags & OUTSIDE_ONE_THREAD;
	const int nice_before = kernel_nice(0);
	struct stopped stopped = { 0 };
	enum refusal refusal = REFUSAL_NONE;

	(void)kernel_set_nice(0, STOP_NICE);
	/* The helper is on the same processor, so that neither has to wake another one for the other. */
	(void)kernel_set_processor(0, kernel_processor());
	if (one) {
		refusal = renew_plan(work);
		compare(work);
	}
	if (refusal == REFUSAL_NONE)
		refusal = stop(work, &stopped);
	if (refusal == REFUSAL_NONE && !one)
		refusal = renew_plan(work);
	if (refusal == REFUSAL_NONE && work->ret->plan.count > 0)
		refusal = change(work, &stopped);
	let_go(work, &stopped);
	(void)kernel_set_nice(0, nice_before);
	return refusal;
}

static enum refusal check(const struct work *work)
{
	if (!arch_is_ported)
		return REFUSAL_UNPORTED;
	if (!(work->flags & OUTSIDE_CONTENT_ONLY) && !outside_supported())
		return REFUSAL_NO_MSEAL;
	if (target_shares_memory(&work->target, &work->procfs))
		return REFUSAL_SHARED;
	return REFUSAL_NONE;
}

static enum refusal attempt(struct work *work)
{
	enum refusal refusal;

	plan_free(&work->ret->plan);
	mappings_free(&work->mappings);
	refusal = make_plan(work);
	if (refusal != REFUSAL_NONE || work->flags & OUTSIDE_DRY_RUN)
		return refusal;
	prepare(&work->prepared, &work->target, &work->mappings, &work->ret->plan);
	refusal = change_stopped(work);
	prepared_free(&work->prepared);
	return refusal;
}

/* Its mappings change while they are read, or a loader is at work, and nothing has been done yet. */
static bool may_pass(const struct work *work, enum refusal refusal)
{
	return !work->change.sealed && (refusal == REFUSAL_LOADING || refusal == REFUSAL_CHANGED);
}

static enum refusal confirm(struct work *work)
{
	enum refusal refusal = REFUSAL_CHANGED;

	for (int i = 0; i < ATTEMPTS && refusal == REFUSAL_CHANGED; i++)
		refusal = verify(&work->ret->plan, &work->procfs, work->target.pid, &work->change);
	return refusal;
}

static enum refusal seal(struct work *work)
{
	enum refusal refusal = check(work), confirmed;

	if (refusal == REFUSAL_NONE)
		refusal = attempt(work);
	for (int i = 1; i < ATTEMPTS && may_pass(work, refusal); i++) {
		kernel_sleep(PAUSE);
		refusal = attempt(work);
	}
	if (work->flags & OUTSIDE_DRY_RUN || (refusal != REFUSAL_NONE && !work->change.sealed))
		return refusal;
	confirmed = confirm(work);
	if (refusal == REFUSAL_NONE)
		refusal = confirmed;
	work->ret->state = refusal == REFUSAL_NONE ? OUTSIDE_SEALED : OUTSIDE_PARTLY;
	return refusal;
}

static enum refusal open_procfs(struct work *work)
{
	int err = procfs_open_without_mounts(&work->procfs);

	if (err < 0)
		return out_of_resources(err) ? refusal_of(err) : REFUSAL_NO_PROC;
	return work->procfs.own ? REFUSAL_NONE : REFUSAL_NO_PROC;
}

static void *run(void *argument)
{
	struct work *work = argument;
	struct outside *ret = work->ret;

	ret->refusal = open_procfs(work);
	if (ret->refusal == REFUSAL_NONE) {
		ret->refusal = target_open(&work->target, &work->procfs, ret->pid);
		memcpy(ret->name, work->target.name, sizeof(ret->name));
	}
	if (ret->refusal == REFUSAL_NONE)
		ret->refusal = seal(work);
	change_free(&work->change);
	mappings_free(&work->mappings);
	target_close(&work->target);
	procfs_close(&work->procfs);
	return NULL;
}

/* What would end this program comes after it. SIGCHLD says that a thread has stopped, see kernel_wait_for_news(). */
static void run_in_thread(struct work *work)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	struct sigaction action;
	sigset_t all, before;
	pthread_t thread;

	(void)sigaction(SIGCHLD, &usual, &action);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, run, work) == 0)
		(void)pthread_join(thread, NULL);
	else
		work->ret->refusal = REFUSAL_OUT_OF_MEMORY;
	(void)sigaction(SIGCHLD, &action, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void outside_seal(struct outside *ret, pid_t pid, unsigned flags)
{
	struct work work = {
		.ret = ret,
		.flags = flags,
		.procfs.directory = -1,
		.target = { .directory = -1, .memory = -1, .maps = -1 },
		.prepared = PREPARED_NONE,
		.change.file = -1,
	};

	*ret = (struct outside){ .pid = pid };
	run_in_thread(&work);
}

void outside_free(struct outside *outside)
{
	plan_free(&outside->plan);
}
