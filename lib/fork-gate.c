/* SPDX-License-Identifier: MIT */

/*
 * No system call makes a mapping that a child does not inherit: MADV_DONTFORK comes after mmap(2), and a
 * child that is forked between the two keeps the bytes. Nor is there a descriptor that a child does not get.
 * So the forks of other threads wait for those moments. The C library calls us before and after each fork(2).
 *
 * The gate is a count of the threads inside, with a bit for a fork. A thread that enters adds one, and a fork
 * sets the bit. Neither makes a system call, unless it has to wait. While the bit is set no thread enters, so
 * that a fork does not wait for long.
 */

#include "lib/fork-gate.h"

#include "lib/quiet.h"
#include "lib/reason.h"
#include "lib/util.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define FORKING (1u << 31)

static struct {
	atomic_uint state;   /* FORKING, and the number of threads inside */
	atomic_uint waiting; /* for state to change */
} gate;

/*
 * How often this thread is inside, its forks included: the handler of another library may fork while its thread forks,
 * and cannot wait for its own thread. Signal handlers do not run inside, because one that forks could not wait
 * either, and the child would get what the thread is about to hide. Only a fault inside, such as SIGSEGV, has its
 * handler called at once.
 */
static __thread unsigned depth;

/* 1 for the outermost. */
static int begin(void)
{
	int err = depth == 0 ? quiet_hold_all() : 0;

	return ++depth == 1 ? (err < 0 ? err : 1) : 0;
}

static void end(void)
{
	if (--depth == 0)
		quiet_release_all();
}

static unsigned wait_while(unsigned state)
{
	(void)atomic_fetch_add(&gate.waiting, 1);
	/* Where a sandbox forbids to wait, ask again later. */
	if (sys_wait_while(&gate.state, state) < 0)
		sys_yield();
	(void)atomic_fetch_sub(&gate.waiting, 1);
	return atomic_load(&gate.state);
}

static void wake(void)
{
	if (atomic_load(&gate.waiting) > 0)
		(void)sys_wake_all(&gate.state);
}

static void add(unsigned share)
{
	unsigned now = atomic_load(&gate.state);

	for (;;) {
		if (now & FORKING)
			now = wait_while(now);
		else if (atomic_compare_exchange_weak(&gate.state, &now, now + share))
			return;
	}
}

int fork_gate_enter(void)
{
	int outermost = begin();

	if (outermost < 0) {
		end();
		return outermost;
	}
	if (outermost)
		add(1);
	return 0;
}

/* In the child of a handler that forked inside, the gate is empty, and stays so. */
static void remove_one(void)
{
	unsigned now = atomic_load(&gate.state);

	while ((now & ~FORKING) > 0 && !atomic_compare_exchange_weak(&gate.state, &now, now - 1))
		;
	if (now == (FORKING | 1))
		wake();
}

void fork_gate_leave(void)
{
	if (depth == 1)
		remove_one();
	end();
}

void fork_gate_enter_blocked(void)
{
	if (++depth == 1)
		add(1);
}

void fork_gate_leave_blocked(void)
{
	if (depth == 1)
		remove_one();
	depth--;
}

/* It is never outermost again: it does nothing of this a second time. */
void fork_gate_forsake(void)
{
	const unsigned forsaken = 1u << 16;

	if (depth == 0 || depth >= forsaken)
		return;
	remove_one();
	depth += forsaken;
}

void fork_gate_close(void)
{
	/* A fork cannot be refused. */
	if (begin() == 0)
		return;
	add(FORKING);
	for (unsigned now = atomic_load(&gate.state); now != FORKING;)
		now = wait_while(now);
}

void fork_gate_open(void)
{
	if (depth == 1) {
		atomic_store(&gate.state, 0);
		wake();
	}
	end();
}

int fork_gate_in_child(int (*run)(void *argument), void *argument)
{
	int answer;

	fork_gate_close();
	answer = sys_in_child(run, argument);
	fork_gate_open();
	return answer;
}

int fork_gate_start_holder(void)
{
	int holder;

	fork_gate_close();
	holder = sys_start_holder();
	fork_gate_open();
	return holder;
}

/* The other threads are not in the child, wherever they were. */
static void open_in_child(void)
{
	atomic_store(&gate.state, 0);
	atomic_store(&gate.waiting, 0);
	end();
}

/* Two threads that install it at the same time install it twice, which does no harm: it nests. */
int fork_gate_install(void)
{
	static atomic_bool installed;

	if (atomic_load(&installed))
		return 0;
	if (pthread_atfork(fork_gate_close, fork_gate_open, open_in_child) != 0)
		return fail_for(REASON_HANDLERS);
	atomic_store(&installed, true);
	return 0;
}

/* A fork that is under way when the handlers are installed knows nothing of them. So they are installed, if
 * possible, before there are threads. */
__attribute__((constructor)) static void install_early(void)
{
	(void)fork_gate_install();
}
