/* SPDX-License-Identifier: MIT */

#include "tests/outside/victim.h"

#include "lib/util.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct attempt {
	enum part part;
	enum act act;
};

static int try_this(void *argument)
{
	const struct attempt *attempt = argument;

	return act_try(attempt->part, attempt->act);
}

/* Without a signal when the child exits: that would interrupt calls of other threads. */
static int try_in_child(enum part part, enum act act)
{
	struct attempt attempt = { part, act };
	int status = sys_in_child(try_this, &attempt);

	return status >= 0 ? status : 0xff;
}

struct order {
	enum { ORDER_TRY, ORDER_ANSWER, ORDER_RUN } kind;
	enum part part;
	enum act act;
	long (*run)(void);
};

static unsigned long obey(const struct order *order)
{
	if (order->kind == ORDER_TRY)
		return (unsigned long)try_in_child(order->part, order->act);
	if (order->kind == ORDER_RUN)
		return (unsigned long)order->run();
	return act_compute();
}

void (*victim_meanwhile)(void);

static bool receive(int from, struct order *ret)
{
	ssize_t got;

	while ((got = read(from, ret, sizeof(*ret))) < 0 && (errno == EINTR || errno == EAGAIN))
		if (victim_meanwhile != NULL)
			victim_meanwhile();
	return got == sizeof(*ret);
}

static void serve(int from, int to)
{
	struct order order;
	unsigned long answer;

	if (victim_meanwhile != NULL)
		(void)fcntl(from, F_SETFL, O_NONBLOCK);
	while (receive(from, &order)) {
		answer = obey(&order);
		if (write(to, &answer, sizeof(answer)) != sizeof(answer))
			_exit(1);
	}
	_exit(0);
}

struct victim victim_start(void (*begin)(void *argument), void *argument)
{
	int there[2], back[2];
	char ready = 0;
	pid_t pid;

	ck_assert(pipe2(there, O_CLOEXEC) == 0 && pipe2(back, O_CLOEXEC) == 0);
	pid = fork();
	ck_assert(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(there[1]);
		(void)close(back[0]);
		if (begin != NULL)
			begin(argument);
		(void)!write(back[1], &ready, 1);
		serve(there[0], back[1]);
	}
	(void)close(there[0]);
	(void)close(back[1]);
	ck_assert_int_eq(read(back[0], &ready, 1), 1);
	return (struct victim){ pid, there[1], back[0] };
}

static unsigned long order(const struct victim *victim, struct order wanted)
{
	unsigned long answer = 0;

	ck_assert_int_eq(write(victim->to, &wanted, sizeof(wanted)), sizeof(wanted));
	ck_assert_int_eq(read(victim->from, &answer, sizeof(answer)), sizeof(answer));
	return answer;
}

struct outcome victim_try(const struct victim *victim, enum part part, enum act act)
{
	unsigned long answer =
		order(victim, (struct order){ .kind = ORDER_TRY, .part = part, .act = act });

	ck_assert_uint_ne(answer, 0xff);
	return (struct outcome){ (int)(answer & ~(unsigned long)ACT_CHANGED),
				 !(answer & ACT_CHANGED) };
}

unsigned long victim_answer(const struct victim *victim)
{
	return order(victim, (struct order){ .kind = ORDER_ANSWER });
}

long victim_run(const struct victim *victim, long (*act)(void))
{
	return (long)order(victim, (struct order){ .kind = ORDER_RUN, .run = act });
}

void victim_end(const struct victim *victim)
{
	int status;

	(void)close(victim->to);
	(void)close(victim->from);
	ck_assert_int_eq(waitpid(victim->pid, &status, 0), victim->pid);
	ck_assert_int_eq(status, 0);
}
