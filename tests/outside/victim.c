/* SPDX-License-Identifier: MIT */

#include "tests/outside/victim.h"

#include "lib/util.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const part_names[PARTS] = { "RELRO", "text", "constants" };
const char *const act_names[ACTS] = { "mprotect", "mmap over", "munmap", "mremap",
				      "write to /proc/self/mem" };

/* The largest page that there is. */
#define ALONE __attribute__((aligned(1 << 16)))
#define SIZE  (1 << 16)

typedef unsigned long function(unsigned long);

static unsigned long add(unsigned long x)
{
	return x + 0x1234567;
}

static unsigned long turn(unsigned long x)
{
	return x << 7 | x >> 57;
}

/* Relocated, because it has addresses. */
static function *const table[SIZE / sizeof(function *)] ALONE = { add, turn, add, turn };

static const unsigned char constants[SIZE] ALONE = { 1, 2, 3 };

/* Nothing calls it, so that it can be taken away. */
ALONE __attribute__((noinline, used)) static void code(void)
{
	__asm__ volatile(".skip 65536, 0x90");
}

static char *start_of(enum part part)
{
	const void *starts[PARTS] = { [PART_RELRO] = table,
				      [PART_TEXT] = (const void *)(uintptr_t)code,
				      [PART_CONSTANTS] = constants };

	return (char *)(uintptr_t)starts[part];
}

static int protect(char *at)
{
	return mprotect(at, page_size(), PROT_READ | PROT_WRITE) == 0 ? 0 : errno;
}

static int map_over(char *at)
{
	void *found = mmap(at, page_size(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return found != MAP_FAILED ? 0 : errno;
}

static int unmap(char *at)
{
	return munmap(at, page_size()) == 0 ? 0 : errno;
}

static int move(char *at)
{
	void *other = mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *moved = mremap(at, page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_FIXED, other);

	return moved != MAP_FAILED ? 0 : errno;
}

static int write_through_proc(char *at)
{
	const char other = (char)~*at;
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ssize_t written = pwrite(fd, &other, 1, (off_t)(uintptr_t)at);

	return written == 1 ? 0 : errno;
}

/* The exit status of the child that tries it: the errno, and whether the byte is another one. */
#define CHANGED 0x80

static int try(enum part part, enum act act)
{
	static int (*const acts[ACTS])(char *at) = { protect, map_over, unmap, move,
						     write_through_proc };
	char *at = start_of(part);
	const char before = *at;
	int err = acts[act](at);

	/* What is gone was changed. */
	if (err == 0 && act != ACT_WRITE)
		return 0;
	return err | (*at != before ? CHANGED : 0);
}

struct attempt {
	enum part part;
	enum act act;
};

static int try_this(void *argument)
{
	const struct attempt *attempt = argument;

	return try(attempt->part, attempt->act);
}

/* Without a signal when the child exits: that would interrupt calls of other threads. */
static int try_in_child(enum part part, enum act act)
{
	struct attempt attempt = { part, act };
	int status = sys_in_child(try_this, &attempt);

	return status >= 0 ? status : 0xff;
}

static unsigned long compute(void)
{
	unsigned long x = constants[1];

	for (size_t i = 0; i < 1000; i++)
		x = table[i % 4](x);
	return x;
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
	return compute();
}

static void serve(int from, int to)
{
	struct order order;
	unsigned long answer;
	ssize_t got;

	for (;;) {
		while ((got = read(from, &order, sizeof(order))) < 0 && errno == EINTR)
			;
		if (got != sizeof(order))
			_exit(0);
		answer = obey(&order);
		if (write(to, &answer, sizeof(answer)) != sizeof(answer))
			_exit(1);
	}
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
	return (struct outcome){ (int)(answer & ~(unsigned long)CHANGED), !(answer & CHANGED) };
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
