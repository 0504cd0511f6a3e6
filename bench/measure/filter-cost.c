/* SPDX-License-Identifier: MIT */

/*
 * Measures what the emulation of mseal(2) adds to each system call. A filter cannot be removed, so each way
 * of sealing has a process of its own. All processes share one processor and take turns, so that other work
 * on the machine affects them equally. Each is compared with a process without a filter, and with one whose
 * filter allows everything. The least of many short runs counts, because a disturbance only makes a run
 * longer.
 *
 *	filter-cost [--json]
 */

#include "bench/measure/clock.h"
#include "lib/filter.h"
#include "lib/placement.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ROUNDS 300
#define CALLS  200
#define STRIDE (UINT64_C(1) << 20)
#define MOST   500

/* Memory above all sealed ranges, where libraries and stacks lie, and memory between them, where the search
 * has to run to its end. */
static char *elsewhere, *between;

__attribute__((noreturn)) static void give_up(const char *what)
{
	(void)fprintf(stderr, "filter-cost: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void call_getppid(void)
{
	(void)syscall(SYS_getppid);
}

static void protect(char *at, int protection)
{
	if (mprotect(at, page_size(), protection) < 0)
		give_up("mprotect");
}

/* The least work for the kernel: the pages already have this protection. */
static void call_mprotect_elsewhere(void)
{
	protect(elsewhere, PROT_READ | PROT_WRITE);
}

static void call_mprotect_between(void)
{
	protect(between, PROT_READ | PROT_WRITE);
}

static void call_mprotect_in_use(void)
{
	static int protection = PROT_READ | PROT_WRITE;

	protection ^= PROT_WRITE;
	protect(elsewhere, protection);
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {
	{ "getppid", call_getppid },
	{ "mprotect elsewhere, nothing to change", call_mprotect_elsewhere },
	{ "mprotect between, nothing to change", call_mprotect_between },
	{ "mprotect elsewhere, of a page in use", call_mprotect_in_use },
};

#define KINDS (sizeof(calls) / sizeof(*calls))

static void install(const struct sock_filter *text, int length)
{
	struct sock_filter copy[BPF_MAXINSNS];
	struct sock_fprog program = { (unsigned short)length, copy };

	errno = length < 0 ? -length : 0;
	if (length < 0)
		give_up("filter");
	memcpy(copy, text, (size_t)length * sizeof(*text));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		give_up("seccomp");
}

static void enforce(const struct filter_range *ranges, size_t count, unsigned scope)
{
	const struct filter_target machine = filter_this_machine();
	struct sock_filter text[BPF_MAXINSNS];

	install(text, filter_build(&machine, text, BPF_MAXINSNS, ranges, count, scope));
}

static struct filter_range window(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	for (size_t i = 0; i < PLACEMENT_WINDOWS; i++) {
		void *start = (void *)(uintptr_t)placement_windows[i].range.start;

		if (mmap(start, page_size(), PROT_NONE, flags, -1, 0) == start) {
			(void)munmap(start, page_size());
			return placement_windows[i].range;
		}
	}
	give_up("no window");
}

static struct filter_range range(size_t i)
{
	uint64_t start = window().start + page_size() + i * STRIDE;

	return (struct filter_range){ start, start + page_size() };
}

static void seal_nothing(size_t count)
{
	(void)count;
}

static void allow_everything(size_t count)
{
	const struct sock_filter text = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

	(void)count;
	install(&text, 1);
}

/* As the library does it: one program with the common part, then a short program for each region. */
static void seal_regions(size_t count)
{
	struct filter_range place = window();

	enforce(NULL, 0, FILTER_PROCESS);
	enforce(&place, 1, FILTER_RARE);
	for (size_t i = 0; i < count; i++) {
		struct filter_range region = range(i);

		enforce(&region, 1, FILTER_PLAIN);
	}
}

/* As the library does it for regions from a buffer: they are mapped where everything is sealed. */
static void seal_final(size_t count)
{
	struct filter_range all = window(), half = { range(2 * MOST).start, all.end };

	(void)count;
	enforce(NULL, 0, FILTER_PROCESS);
	enforce(&all, 1, FILTER_RARE);
	enforce(&half, 1, FILTER_PLAIN);
}

/*
 * What no program for each seal can go below. The kernel skips a program that it knows to allow a call, so this one
 * looks at an argument of mprotect(2).
 */
static void look_at_an_argument(size_t count)
{
	static const struct sock_filter text[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	for (size_t i = 0; i < count; i++)
		install(text, 4);
}

#define BLOCK 64

/*
 * If a program could know of seals that come later, so that one is enough for a block of regions. It could if a call had
 * to bring a number that is forgotten with the seal.
 */
static void seal_blocks(size_t count)
{
	struct filter_range place = window(), block[BLOCK];

	enforce(NULL, 0, FILTER_PROCESS);
	enforce(&place, 1, FILTER_RARE);
	for (size_t i = 0; i < count; i += BLOCK) {
		for (size_t n = 0; n < BLOCK; n++)
			block[n] = range(i + n);
		enforce(block, BLOCK, FILTER_PLAIN);
	}
}

static size_t helpers_seals;

/* Not before the other process has its filters, or it would have them as well. */
static int be_helper(void *ready)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < helpers_seals; i++) {
		struct filter_range region = range(i);

		enforce(&region, 1, FILTER_PLAIN);
	}
	if (write(*(int *)ready, "", 1) != 1)
		give_up("write");
	for (;;)
		(void)pause();
}

/*
 * If another process that shares the memory did what has to be done to regions that are not sealed yet. It takes the
 * programs for the seals, and this one is refused everything there.
 */
static void seal_by_helper(size_t count)
{
	static char stack[1 << 20] __attribute__((aligned(16)));
	int ready[2];
	char done;

	helpers_seals = count;
	if (pipe(ready) < 0)
		give_up("pipe");
	enforce(NULL, 0, FILTER_PROCESS);
	if (clone(be_helper, stack + sizeof(stack), CLONE_VM, &ready[1]) < 0)
		give_up("clone");
	if (read(ready[0], &done, 1) != 1)
		give_up("read");
	seal_final(count);
}

/* sealmem_mseal_many() on other memory. */
static void seal_extents(size_t count)
{
	struct filter_range extents[SEALMEM_EXTENTS_MAX];

	for (size_t i = 0; i < count; i++)
		extents[i] = range(i);
	enforce(NULL, 0, FILTER_PROCESS);
	enforce(extents, count, FILTER_PLAIN | FILTER_RARE);
}

static const struct way {
	const char *name;
	void (*seal)(size_t count);
	size_t count;
} ways[] = {
	{ "no filter", seal_nothing, 0 },
	{ "a bare filter: allow all", allow_everything, 0 },
	{ "1 region", seal_regions, 1 },
	{ "10 regions, one by one", seal_regions, 10 },
	{ "100 regions, one by one", seal_regions, 100 },
	{ "500 regions, one by one", seal_regions, MOST },
	{ "500 regions from a buffer", seal_final, MOST },
	{ "500 programs, the least", look_at_an_argument, MOST },
	{ "500 regions, 64 to a program", seal_blocks, MOST },
	{ "500 regions, by a helper", seal_by_helper, MOST },
	{ "1 extent", seal_extents, 1 },
	{ "8 extents at once", seal_extents, 8 },
	{ "32 extents at once", seal_extents, 32 },
	{ "128 extents at once", seal_extents, SEALMEM_EXTENTS_MAX },
};

#define WAYS (sizeof(ways) / sizeof(*ways))

#define NO_FILTER 0
#define BARE	  1

struct result {
	double took[KINDS];
};

struct process {
	int socket;
	struct result best;
};

static struct result measure(void)
{
	struct result result;

	for (size_t kind = 0; kind < KINDS; kind++) {
		double begin = now();

		for (int i = 0; i < CALLS; i++)
			calls[kind].call();
		result.took[kind] = (now() - begin) / CALLS;
	}
	return result;
}

static char *map(uint64_t at)
{
	void *wanted = (void *)(uintptr_t)at;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *found = mmap(wanted, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0);

	if (found == MAP_FAILED || (at != 0 && found != wanted))
		give_up("mmap");
	*found = 1;
	return found;
}

/* Measures once for each byte that it receives. */
__attribute__((noreturn)) static void take_turns(const struct way *way, int socket)
{
	char go;

	elsewhere = map(0);
	between = map(window().start + (way->count / 2) * STRIDE + STRIDE / 2);
	way->seal(way->count);
	while (read(socket, &go, 1) == 1) {
		struct result result = measure();

		if (write(socket, &result, sizeof(result)) != sizeof(result))
			give_up("write");
	}
	exit(0);
}

static void start(struct process *process, const struct way *way)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		give_up("socketpair");
	switch (fork()) {
	case -1:
		give_up("fork");
		break;
	case 0:
		close(ends[0]);
		take_turns(way, ends[1]);
	default:
		close(ends[1]);
		process->socket = ends[0];
		for (size_t kind = 0; kind < KINDS; kind++)
			process->best.took[kind] = 1e18;
	}
}

static void take_turn(struct process *process)
{
	struct result result;

	if (write(process->socket, "", 1) != 1 ||
	    read(process->socket, &result, sizeof(result)) != sizeof(result))
		give_up("a process has ended");
	for (size_t kind = 0; kind < KINDS; kind++)
		if (result.took[kind] < process->best.took[kind])
			process->best.took[kind] = result.took[kind];
}

/* The first processor that this process may use. */
static void stay_on_one_processor(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return;
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set)) {
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			break;
		}
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static double ratio(const struct process *processes, size_t way, size_t to, size_t kind)
{
	return processes[way].best.took[kind] / processes[to].best.took[kind];
}

static void print_text(const struct process *processes)
{
	for (size_t kind = 0; kind < KINDS; kind++) {
		printf("%-38s        of no filter   of a bare one\n", calls[kind].name);
		for (size_t way = 0; way < WAYS; way++)
			printf("  %-28s %8.0f ns %15.2f %15.2f\n", ways[way].name,
			       processes[way].best.took[kind],
			       ratio(processes, way, NO_FILTER, kind),
			       ratio(processes, way, BARE, kind));
	}
}

static void print_json(const struct process *processes)
{
	const char *comma = "";

	printf("{\"version\":1,\"benchmark\":\"filter-cost\",\"results\":[");
	for (size_t kind = 0; kind < KINDS; kind++)
		for (size_t way = 0; way < WAYS; way++) {
			printf("%s\n{\"call\":\"%s\",\"sealed\":\"%s\",\"ns\":%.1f,"
			       "\"of_no_filter\":%.3f,\"of_bare_filter\":%.3f}",
			       comma, calls[kind].name, ways[way].name,
			       processes[way].best.took[kind],
			       ratio(processes, way, NO_FILTER, kind),
			       ratio(processes, way, BARE, kind));
			comma = ",";
		}
	printf("\n]}\n");
}

int main(int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct process processes[WAYS];

	if (argc > 1 && !json) {
		(void)fprintf(stderr, "usage: filter-cost [--json]\n");
		return 2;
	}
	stay_on_one_processor();
	for (size_t way = 0; way < WAYS; way++)
		start(&processes[way], &ways[way]);
	for (int round = 0; round < ROUNDS; round++)
		for (size_t way = 0; way < WAYS; way++)
			take_turn(&processes[way]);
	(json ? print_json : print_text)(processes);
	return 0;
}
