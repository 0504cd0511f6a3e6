/* SPDX-License-Identifier: MIT */

/*
 * One trial: one attack on one victim, in a process group of its own. Attacks unmap memory, trace
 * processes, install filters and hang. None of that may reach the next trial or the command that
 * runs them. So a process plays the victim for each trial, with a time limit, and none of its
 * processes outlives the trial: the command adopts the orphans and kills the group, whatever the
 * trial found.
 *
 * The trial writes its findings into memory that it shares with the command, together with the
 * stage that it has reached. The exit status of a process that was killed would say too little.
 */

#include "attack/attack.h"

#include "attack/raw.h"
#include "attack/scene.h"
#include "lib/util.h"
#include "attack/witness.h"
#include "attack/victims.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define PAGES	   4
#define PLAIN_USER 65534

static void conclude(struct scene *scene, enum outcome outcome, int error, const char *reason)
{
	scene->result.outcome = outcome;
	scene->result.error = error;
	(void)snprintf(scene->result.reason, sizeof(scene->result.reason), "%s", reason);
	scene->stage = STAGE_OVER;
}

static bool is_over(const struct scene *scene)
{
	return scene->stage == STAGE_OVER;
}

/*
 * An attack by the same user has to come from a user without privileges: root might succeed for
 * other reasons. Where that user is unavailable (a user namespace with one user), the process stays
 * root. A process that changed its user may not be traced until it allows it.
 */
static void become_plain_user(void)
{
	if (geteuid() != 0 || setresgid(PLAIN_USER, PLAIN_USER, PLAIN_USER) < 0 ||
	    setresuid(PLAIN_USER, PLAIN_USER, PLAIN_USER) < 0)
		return;
	(void)prctl(PR_SET_DUMPABLE, 1);
}

/*
 * The whole trial runs on one processor. Each processor has its own list of pages that were just
 * written, and an attack that makes the kernel collect pages does not find those in the list of
 * another processor.
 */
static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	(void)sched_setaffinity(0, sizeof(here), &here);
}

/*
 * Only the seal stands between the victim and its attacker. So the victim allows everybody to trace
 * it, which the Yama module requires. It leaves no core file if the attack kills it.
 */
static void prepare_process(const struct attack *attack)
{
	struct rlimit no_core;

	stay_here();
	if (attack->vantage == VANTAGE_SAME_USER)
		become_plain_user();
	/* After the change of user, which resets it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	(void)getrlimit(RLIMIT_CORE, &no_core);
	no_core.rlim_cur = 0;
	(void)setrlimit(RLIMIT_CORE, &no_core);
}

static bool is_other_process(const struct attack *attack)
{
	return attack->vantage == VANTAGE_SAME_USER || attack->vantage == VANTAGE_ROOT;
}

static void open_victim(struct scene *scene, const struct victim *victim, struct memory *memory)
{
	int err = victim->open(memory);

	scene->emulated = memory->emulated;
	scene->data = memory->data;
	if (err < 0)
		conclude(scene, OUTCOME_NOT_APPLICABLE, err, "cannot open the memory");
	else
		witness_fill(scene);
}

/* If the preparation is refused, the attack is over. The memory is sealed and read all the same. */
static int prepare_attack(struct scene *scene, const struct attack *attack)
{
	scene->stage = STAGE_PREPARING;
	return attack->before != NULL ? attack->before(scene) : 0;
}

/* What is freed is to be gone. */
static enum sight wanted(const struct victim *victim, int err)
{
	return victim->gone && err == 0 ? SIGHT_DIFFERENT : SIGHT_INTACT;
}

/* What is closed cannot be looked at before the verdict, which opens it. */
static enum sight look_after_seal(const struct scene *scene, const struct victim *victim, int err)
{
	return victim->closes && err == 0 ? SIGHT_INTACT : look_at_filled(scene);
}

static void conclude_seal(struct scene *scene, const struct victim *victim, enum sight sight,
			  int err)
{
	if (victim->gone)
		conclude(scene, OUTCOME_LEAKED, err, "it is not wiped");
	else
		conclude(scene, sight == SIGHT_DIFFERENT ? OUTCOME_CHANGED : OUTCOME_DESTROYED, err,
			 "by the seal itself");
}

/*
 * A seal has to leave the bytes as they were, also when it is refused. A refusal while an attack
 * holds the memory is a good answer. After a refusal for another reason, the seal was not tested.
 */
static void seal_victim(struct scene *scene, const struct attack *attack,
			const struct victim *victim, struct memory *memory)
{
	enum sight sight;
	int err;

	scene->stage = STAGE_SEALING;
	err = victim->seal(memory);
	scene->data = memory->data;
	sight = look_after_seal(scene, victim, err);
	if (sight != wanted(victim, err))
		conclude_seal(scene, victim, sight, err);
	else if (err < 0)
		conclude(scene, attack->before != NULL ? OUTCOME_NO_SEAL : OUTCOME_NOT_APPLICABLE,
			 err, "the seal is refused");
}

static int carry_out(struct scene *scene, const struct attack *attack,
		     const struct helper *attacker)
{
	scene->stage = STAGE_ATTACKING;
	if (is_other_process(attack))
		return helper_act(attacker, scene);
	if (attack->vantage == VANTAGE_CHILD)
		return helper_run(scene, attack->run);
	return attack->run(scene);
}

static void give_verdict(struct scene *scene, const struct attack *attack, int answer)
{
	enum outcome outcome;

	scene->stage = STAGE_READING;
	memory_reveal(scene->memory);
	outcome = witness_say(attack, scene);
	if (outcome == OUTCOME_HELD && scene->result.outcome == OUTCOME_NOT_APPLICABLE)
		scene->stage = STAGE_OVER;
	else if (outcome == OUTCOME_HELD && answer == -ENOSYS)
		conclude(scene, OUTCOME_NOT_APPLICABLE, answer,
			 "the kernel has no such system call");
	else if (outcome == OUTCOME_HELD && answer == -ECHILD)
		conclude(scene, OUTCOME_NO_VERDICT, answer, "the attacker died");
	else
		conclude(scene, outcome, outcome == OUTCOME_HELD ? answer : 0, "");
}

/* An attacker in another process starts before the memory exists. So no filter of the victim binds
 * it, and it inherits nothing. */
static void play(struct scene *scene, const struct attack *attack, const struct victim *victim)
{
	struct memory memory = { .fd = -1, .size = scene->size, .guarantees = victim->guarantees };
	struct helper attacker = { 0 };
	int err = 0;

	scene->victim = victim;
	scene->memory = &memory;
	prepare_process(attack);
	if (is_other_process(attack))
		err = helper_start(&attacker, scene, attack->run);
	if (err < 0)
		conclude(scene, OUTCOME_NO_VERDICT, err, "no process for the attacker");
	if (!is_over(scene))
		open_victim(scene, victim, &memory);
	if (!is_over(scene))
		err = prepare_attack(scene, attack);
	if (!is_over(scene))
		seal_victim(scene, attack, victim, &memory);
	if (!is_over(scene) && err == 0 && scene->result.outcome != OUTCOME_NOT_APPLICABLE)
		err = carry_out(scene, attack, &attacker);
	if (!is_over(scene))
		give_verdict(scene, attack, err);
}

static int64_t milliseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the victim reports that it is done, or until it and all that it started have exited.
 * False if that takes too long. */
static bool wait_for_end(int fd, unsigned seconds)
{
	struct pollfd end = { .fd = fd, .events = POLLIN };
	int64_t until = milliseconds() + (int64_t)seconds * 1000, left = (int64_t)seconds * 1000;
	int ready;

	do {
		ready = poll(&end, 1, (int)left);
		left = until - milliseconds();
	} while (ready < 0 && left > 0);
	return ready > 0;
}

/* Ends every process of the trial, orphans too. */
static int end_group(pid_t group)
{
	int status = 0, last = 0;
	pid_t pid;

	(void)kill(-group, SIGKILL);
	while ((pid = waitpid(-group, &last, 0)) > 0 || (pid < 0 && errno == EINTR))
		if (pid == group)
			status = last;
	return status;
}

static const char *const stages[] = {
	[STAGE_OPENING] = "while opening the memory",
	[STAGE_PREPARING] = "while preparing the attack",
	[STAGE_SEALING] = "while sealing",
	[STAGE_ATTACKING] = "during the attack",
	[STAGE_READING] = "while reading back",
};

/* The victim died or hung before it could report. */
static void explain(struct scene *scene, bool in_time, int status)
{
	char reason[sizeof(scene->result.reason)];

	if (!in_time && scene->stage == STAGE_READING) {
		conclude(scene, OUTCOME_HIDDEN, 0, "reading the memory did not end");
		return;
	}
	if (!in_time)
		(void)snprintf(reason, sizeof(reason), "it hung %s", stages[scene->stage]);
	else
		(void)snprintf(reason, sizeof(reason), "the process died %s (wait status %#x)",
			       stages[scene->stage], (unsigned)status);
	conclude(scene, OUTCOME_NO_VERDICT, 0, reason);
}

static pid_t start(struct scene *scene, const struct attack *attack, const struct victim *victim,
		   int reader)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)setpgid(0, 0);
		close_fd(reader);
		scene->pid = getpid();
		play(scene, attack, victim);
		(void)sys_write(scene->alive, "", 1);
		_exit(EXIT_SUCCESS);
	}
	/* Both processes do it, because either may come first. */
	if (pid > 0)
		(void)setpgid(pid, pid);
	return pid < 0 ? -errno : pid;
}

static void run(struct scene *scene, const struct attack *attack, const struct victim *victim,
		unsigned limit)
{
	CLEANUP(close_fd_at) int reader = -1;
	int ends[2];
	int err = sys_pipe(ends);
	bool in_time;
	pid_t pid;

	if (err < 0) {
		conclude(scene, OUTCOME_NO_VERDICT, err, "no pipe");
		return;
	}
	reader = ends[0];
	scene->alive = ends[1];
	pid = start(scene, attack, victim, reader);
	close_fd(ends[1]);
	if (pid < 0) {
		conclude(scene, OUTCOME_NO_VERDICT, pid, "no process");
		return;
	}
	in_time = wait_for_end(reader, limit);
	err = end_group(pid);
	if (!is_over(scene))
		explain(scene, in_time, err);
}

/* We adopt processes that lose their parent, and wait for them. */
static void run_as_reaper(struct scene *scene, const struct attack *attack,
			  const struct victim *victim, unsigned limit)
{
	int was = 0;

	(void)prctl(PR_GET_CHILD_SUBREAPER, &was);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)fflush(NULL);
	run(scene, attack, victim, limit);
	(void)prctl(PR_SET_CHILD_SUBREAPER, was);
}

static void run_scene(struct scene *ret, const struct attack *attack, const struct victim *victim,
		      const struct attack_settings *settings)
{
	void *shared;
	int err = sys_mmap(&shared, NULL, sizeof(*ret), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1);

	*ret = (struct scene){ .page = page_size(), .argument = attack->argument };
	if (err < 0) {
		conclude(ret, OUTCOME_NO_VERDICT, err, "no memory");
		return;
	}
	ret->size = PAGES * ret->page;
	ret->seed = witness_seed();
	memcpy(shared, ret, sizeof(*ret));
	run_as_reaper(shared, attack, victim, settings->limit);
	memcpy(ret, shared, sizeof(*ret));
	(void)sys_munmap(shared, sizeof(*ret));
}

static int look_only(struct scene *scene)
{
	(void)scene;
	return 0;
}

static bool succeeded(const struct result *result)
{
	return result->outcome >= OUTCOME_CHANGED && result->outcome <= OUTCOME_LEAKED;
}

/* A seal that does harm by itself is no reason to leave a column out: each of its cells says so. */
void attack_try_column(struct attack_column *ret, const struct victim *victim,
		       const struct attack_settings *settings)
{
	static const struct attack nothing = { .name = "nothing", .run = look_only };
	struct scene scene;
	const struct result *result = &scene.result;

	run_scene(&scene, &nothing, victim, settings);
	*ret = (struct attack_column){ .victim = victim };
	ret->available = result->outcome == OUTCOME_HELD || succeeded(result);
	ret->emulated = scene.emulated;
	ret->error = result->error;
	memcpy(ret->reason, result->reason, sizeof(ret->reason));
}

/* What is left to do to an object that was freed. */
static bool is_about_freed(const struct attack *attack)
{
	return attack->after_free || attack->target == TARGET_SECRECY ||
	       attack->target == TARGET_ACCESS;
}

static const char *obstacle(const struct attack *attack, const struct victim *victim,
			    const struct attack_settings *settings)
{
	if (attack->objects && victim->heap == NULL)
		return "it is no object of a heap";
	if (victim->gone && !is_about_freed(attack))
		return "the object is freed: nothing is left to change";
	if ((attack->privileged || attack->vantage == VANTAGE_ROOT) && geteuid() != 0)
		return "needs root";
	if (attack->dangerous && !settings->dangerous)
		return "leaves a mark on the machine; needs --with-hwpoison";
	return NULL;
}

static void try(struct result *ret, const struct attack *attack, const struct victim *victim,
		const struct attack_settings *settings)
{
	const char *reason = obstacle(attack, victim, settings);
	struct scene scene = { 0 };

	if (reason != NULL)
		conclude(&scene, OUTCOME_NOT_APPLICABLE, 0, reason);
	else
		run_scene(&scene, attack, victim, settings);
	*ret = scene.result;
}

/* Of two failures, it keeps the one that says more. */
void attack_try_control(struct result *ret, const struct attack *attack,
			const struct attack_settings *settings)
{
	struct result private;

	try(ret, attack, &control_shared, settings);
	if (succeeded(ret))
		return;
	try(&private, attack, &control_private, settings);
	if (succeeded(&private) || ret->outcome == OUTCOME_NOT_APPLICABLE)
		*ret = private;
}

void attack_try(struct result *ret, const struct attack *attack, const struct victim *victim,
		const struct result *control, const struct attack_settings *settings)
{
	try(ret, attack, victim, settings);
	if ((ret->outcome != OUTCOME_HELD && ret->outcome != OUTCOME_FOUND) || succeeded(control))
		return;
	*ret = *control;
	ret->outcome = OUTCOME_NOT_APPLICABLE;
	if (control->outcome != OUTCOME_NOT_APPLICABLE)
		(void)snprintf(ret->reason, sizeof(ret->reason),
			       "does nothing to unsealed memory here either");
}
