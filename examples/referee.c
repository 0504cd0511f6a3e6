/* SPDX-License-Identifier: MIT */

/*
 * A referee: it loads somebody's plug-in, times it on tasks, and keeps a log of the results that the plug-in cannot alter.
 * A judge of programming contests does this, or a benchmark of kernels that others send in. The plug-in is native code in
 * the same process, so it tries what such plug-ins have tried: to patch the GOT of the judge, to overwrite the function that
 * checks the answer, to write through /proc/self/mem, to replace the clock, to alter results that are in the log.
 *
 *     referee ./sum.so                  judges a plug-in by 8 rounds
 *     referee --rounds 32 ./sum.so
 *     referee --no-filter ./sum.so      with the seals alone
 *     referee --unprotected ./sum.so    as a judge is usually written, to compare
 *
 * A plug-in is a shared object with a function that adds up numbers:
 *
 *     int64_t solve(const int64_t *numbers, size_t count);
 *
 * What protects the referee:
 *   - Its code, its constants and its GOT are sealed before the plug-in is loaded, those of its libraries too, and their
 *     bytes as well as their addresses (SEALMEM_IMAGE_DEEP). It is linked with -z now, so that its GOT is final by then.
 *   - What it has to remember while the plug-in runs is sealed before: the task, and the time at which it began.
 *   - Each result is sealed before the plug-in runs again. The log has a place of its own in the program, so that no pointer
 *     leads to it that could be changed.
 *   - It asks the kernel for the time. The vDSO is memory of the process, and its bytes cannot be sealed.
 *   - A seccomp filter refuses every open for writing, and mprotect(2) and mmap(2) that make memory executable or give back
 *     the right to write, but from the code of the loader, until it has loaded the plug-in. The filter looks at the
 *     address of the instruction that makes the call. A jump into the loader passes it, but the seals hold there, too.
 *
 * What a plug-in can still do, because it is native code and the referee calls it:
 *   - It can exit, loop, crash, or kill the process. Then nothing is printed, or nothing to the end.
 *   - It can read all memory: the tasks, and how the answers are checked.
 *   - It can write to every descriptor that is open. A reader of the output cannot tell its lines from those of the referee.
 *     Where that matters, another process should read the log in the memory of this one, and print it.
 *   - It can alter what cannot be sealed because the referee works with it: its stack and its registers. It can jump into
 *     the referee, and so make results of rounds that are still to come; and it can alter the result of the round that it
 *     is called for, until that one is sealed. Nobody can alter what is in the log.
 *   - It can patch tables that stay writable: the GOT of libraries that were linked without -z now, as the C library of most
 *     systems is. So it can have the referee call other functions, and fool it about rounds that are still to come, or
 *     about what it prints.
 *   - It can start processes, take memory, and use the network. Other limits are for that: a container, cgroups.
 * An honest plug-in that compiles code as it runs, or calls pthread_create(3), needs --no-filter: both use mprotect(2).
 * Where addresses cannot be sealed (Linux before 6.10) it judges nothing.
 * For code that is hostile in earnest, use a process of its own as well. The referee then is the part that judges.
 *
 * Each round is a line on standard output: its number, "right" or "wrong", and nanoseconds. Exit status: 0, all answers
 * were right; 1, one was not; 2, an error. Build: cc referee.c -Wl,-z,now -rdynamic $(pkg-config --cflags --libs sealmem)
 */

#include <sealmem.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
# define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
# define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
# error "the filter does not know the system calls of this architecture"
#endif

#define ROUNDS	    8
#define MOST_ROUNDS 32
#define NUMBERS	    1000

enum { STATUS_RIGHT = 0, STATUS_WRONG = 1, STATUS_FAILED = 2 };

/* How the referee is protected. */
struct protection {
	bool seals, filter;
};

typedef int64_t solver(const int64_t *numbers, size_t count);

/* What is sealed before the plug-in runs, and what is sealed after it. */
struct SEALMEM_PAGE_ALIGNED task {
	uint64_t number, seed;
	int64_t begin; /* in nanoseconds */
};

struct SEALMEM_PAGE_ALIGNED result {
	uint64_t number, right;
	int64_t nanoseconds;
};

struct round {
	struct task task;
	struct result result;
};

/* The log, and the function that judges. A plug-in finds them in any case; the names spare the tests the search. */
extern struct round referee_log[MOST_ROUNDS];
extern bool referee_check(const struct task *task, int64_t answer);

struct round referee_log[MOST_ROUNDS];

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("referee: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	return STATUS_FAILED;
}

/* Splitmix: the numbers of a task follow from its seed. */
static int64_t number_of(uint64_t seed, size_t i)
{
	uint64_t x = seed + (i + 1) * 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (int64_t)(x >> 32);
}

__attribute__((noinline)) bool referee_check(const struct task *task, int64_t answer)
{
	int64_t sum = 0;

	for (size_t i = 0; i < NUMBERS; i++)
		sum += number_of(task->seed, i);
	return sum == answer;
}

/* Without protection it asks the C library, as programs do, which asks the vDSO. */
static int64_t now(const struct protection *protection)
{
	struct timespec time = { 0 };

	if (protection->seals)
		(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
	else
		(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int seal(const struct protection *protection, void *page, size_t size, const char *name)
{
	if (!protection->seals)
		return 0;
	return sealmem_seal_range_named(page, size, name, SEALMEM_CONTENT | SEALMEM_ADDRESS);
}

/* A page that is not sealed may be somebody else's. */
static bool is_sealed(const struct protection *protection, void *page)
{
	char byte = *(const char *)page;

	return !protection->seals || sealmem_try_write(page, &byte, 1) == -EFAULT;
}

/* The time of the seal counts for the plug-in: what began before it can no longer be altered. */
static int begin(const struct protection *protection, struct task *task, uint64_t number)
{
	int err;

	task->number = number;
	if (getrandom(&task->seed, sizeof(task->seed), 0) != (ssize_t)sizeof(task->seed))
		return complain("no random numbers: %s", strerror(errno));
	task->begin = now(protection);
	err = seal(protection, task, sizeof(*task), "task");
	return err < 0 ? complain("cannot seal a task: %s", sealmem_strerror(err)) : 0;
}

static int play(const struct protection *protection, solver *solve, uint64_t number)
{
	static int64_t numbers[NUMBERS];
	struct round *round = &referee_log[number];
	int64_t answer, end;
	int err = begin(protection, &round->task, number);

	if (err != 0)
		return err;
	for (size_t i = 0; i < NUMBERS; i++)
		numbers[i] = number_of(round->task.seed, i);
	answer = solve(numbers, NUMBERS);
	end = now(protection);
	round->result.number = round->task.number;
	round->result.right = referee_check(&round->task, answer);
	round->result.nanoseconds = end - round->task.begin;
	err = seal(protection, &round->result, sizeof(round->result), "result");
	return err < 0 ? complain("cannot seal a result: %s", sealmem_strerror(err)) : 0;
}

static int print(const struct protection *protection, uint64_t rounds)
{
	int status = STATUS_RIGHT;

	for (uint64_t i = 0; i < rounds; i++) {
		struct round *round = &referee_log[i];
		const struct result *result = &round->result;

		if (!is_sealed(protection, &round->task) || !is_sealed(protection, &round->result))
			return complain("round %" PRIu64 " is not sealed", i);
		(void)printf("%" PRIu64 " %s %" PRId64 "\n", result->number,
			     result->right ? "right" : "wrong", result->nanoseconds);
		status = result->right ? status : STATUS_WRONG;
	}
	return fflush(stdout) == 0 ? status : complain("standard output: %s", strerror(errno));
}

/* Code that may do what the rest may not. Empty if there is none. */
struct place {
	uintptr_t start, end;
};

/* Of the loader, which maps the code of the plug-in. */
static int find_loader(struct dl_phdr_info *info, size_t size, void *data)
{
	struct place *place = data;

	(void)size;
	if (info->dlpi_addr != getauxval(AT_BASE))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD && header->p_flags & PF_X) {
			place->start = info->dlpi_addr + header->p_vaddr;
			place->end = place->start + header->p_memsz;
		}
	}
	return 1;
}

struct filter {
	struct sock_filter steps[128];
	size_t count;
};

#define REFUSE(error) (SECCOMP_RET_ERRNO | (error))

/* The lower half of a field of 64 bits comes first: both architectures are little-endian. */
#define LOW(field)  ((uint32_t)offsetof(struct seccomp_data, field))
#define HIGH(field) (LOW(field) + 4)

/* `yes` and `no`: how many steps are left out. */
static void test(struct filter *filter, unsigned how, uint32_t value, unsigned yes, unsigned no)
{
	filter->steps[filter->count++] = (struct sock_filter){ (uint16_t)(BPF_JMP | how | BPF_K),
							       (uint8_t)yes, (uint8_t)no, value };
}

static void load(struct filter *filter, uint32_t field)
{
	filter->steps[filter->count++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, field);
}

static void answer(struct filter *filter, uint32_t how)
{
	filter->steps[filter->count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, how);
}

/* The number of the system call is loaded. A rule is about one, and leaves the number loaded for the next. */
static void refuse(struct filter *filter, uint32_t call)
{
	test(filter, BPF_JEQ, call, 0, 1);
	answer(filter, REFUSE(EPERM));
}

/* With one of the bits in an argument. */
static void refuse_bits(struct filter *filter, uint32_t call, size_t argument, uint32_t bits)
{
	test(filter, BPF_JEQ, call, 0, 4);
	load(filter, LOW(args[argument]));
	test(filter, BPF_JSET, bits, 0, 1);
	answer(filter, REFUSE(EACCES));
	answer(filter, SECCOMP_RET_ALLOW);
}

/* With one of the bits in the third argument, but from the place. */
static void refuse_elsewhere(struct filter *filter, uint32_t call, uint32_t bits,
			     const struct place *place)
{
	test(filter, BPF_JEQ, call, 0, 10);
	load(filter, LOW(args[2]));
	test(filter, BPF_JSET, bits, 1, 0);
	answer(filter, SECCOMP_RET_ALLOW);
	load(filter, HIGH(instruction_pointer));
	test(filter, BPF_JEQ, (uint32_t)((uint64_t)place->start >> 32), 0, 3);
	load(filter, LOW(instruction_pointer));
	test(filter, BPF_JGE, (uint32_t)place->start, 0, 1);
	test(filter, BPF_JGE, (uint32_t)place->end, 0, 1);
	answer(filter, REFUSE(EPERM));
	answer(filter, SECCOMP_RET_ALLOW);
}

static const uint32_t refused[] = {
	SYS_ptrace,	    SYS_process_vm_writev, SYS_userfaultfd,
	SYS_io_uring_setup, SYS_pkey_mprotect,	   SYS_personality,
	SYS_openat2,	    SYS_open_by_handle_at, SYS_process_madvise,
#ifdef SYS_creat
	SYS_creat,
#endif
};

static void write_filter(struct filter *filter, const struct place *place)
{
	const uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;

	load(filter, LOW(arch));
	test(filter, BPF_JEQ, ARCHITECTURE, 1, 0);
	answer(filter, REFUSE(EPERM));
	load(filter, LOW(nr));
	/* On x86-64, the calls of x32. */
	test(filter, BPF_JGE, 0x40000000, 0, 1);
	answer(filter, REFUSE(EPERM));
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		refuse(filter, refused[i]);
	refuse_bits(filter, SYS_openat, 2, writing);
#ifdef SYS_open
	refuse_bits(filter, SYS_open, 1, writing);
#endif
	refuse_elsewhere(filter, SYS_mprotect, PROT_WRITE | PROT_EXEC, place);
	refuse_elsewhere(filter, SYS_mmap, PROT_EXEC, place);
	answer(filter, SECCOMP_RET_ALLOW);
}

/* Filters add up: the second one leaves no place. */
static int add_filter(const struct protection *protection, const struct place *place)
{
	struct filter filter = { .count = 0 };
	struct sock_fprog program = { .filter = filter.steps };

	if (!protection->filter)
		return 0;
	if ((uint64_t)place->start >> 32 != (uint64_t)place->end >> 32)
		return complain("the loader is at an address that the filter cannot name");
	write_filter(&filter, place);
	program.len = (unsigned short)filter.count;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return complain("no filter: %s", strerror(errno));
	return 0;
}

static int protect(const struct protection *protection)
{
	struct place loader = { 0 };
	int err = protection->seals
			  ? sealmem_seal_image(SEALMEM_IMAGE_DEEP | SEALMEM_IMAGE_VDSO, NULL)
			  : 0;

	if (err < 0)
		return complain("cannot seal itself: %s", sealmem_strerror(err));
	if (protection->filter)
		(void)dl_iterate_phdr(find_loader, &loader);
	return add_filter(protection, &loader);
}

/* Its constructors run in dlopen(3), so everything is sealed before. */
static int load_plugin(const struct protection *protection, const char *path, solver **ret)
{
	const struct place nowhere = { 0 };
	void *plugin = dlopen(path, RTLD_NOW);

	if (plugin == NULL)
		return complain("%s", dlerror());
	*(void **)ret = dlsym(plugin, "solve");
	if (*(void **)ret == NULL)
		return complain("%s", dlerror());
	return add_filter(protection, &nowhere);
}

static int judge(const struct protection *protection, const char *path, uint64_t rounds)
{
	int err = protect(protection);
	solver *solve = NULL;

	if (err == 0)
		err = load_plugin(protection, path, &solve);
	for (uint64_t i = 0; i < rounds && err == 0; i++)
		err = play(protection, solve, i);
	return err == 0 ? print(protection, rounds) : err;
}

static void print_usage(void)
{
	(void)puts("Usage: referee [OPTION]... PLUGIN\n"
		   "Judges a plug-in that adds up numbers, and keeps a log that it cannot alter.\n"
		   "\n"
		   "  --rounds N       from 1 to 32; by default 8\n"
		   "  --no-filter      seal, and refuse no system call\n"
		   "  --unprotected    seal nothing either, to compare\n"
		   "  --help");
}

static const struct option options[] = {
	{ "rounds", required_argument, NULL, 'r' },
	{ "no-filter", no_argument, NULL, 'f' },
	{ "unprotected", no_argument, NULL, 'u' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* 0 if it is no number of rounds. */
static uint64_t rounds_in(const char *text)
{
	char *end;
	unsigned long rounds = strtoul(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && rounds <= MOST_ROUNDS ? rounds : 0;
}

int main(int argc, char *argv[])
{
	struct protection protection = { .seals = true, .filter = true };
	uint64_t rounds = ROUNDS;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'r':
			rounds = rounds_in(optarg);
			break;
		case 'f':
			protection.filter = false;
			break;
		case 'u':
			protection = (struct protection){ false, false };
			break;
		case 'h':
			print_usage();
			return 0;
		default:
			return complain("%s: see referee --help", argv[optind - 1]);
		}
	}
	if (rounds == 0)
		return complain("--rounds takes a number from 1 to %d", MOST_ROUNDS);
	return argc - optind == 1 ? judge(&protection, argv[optind], rounds)
				  : complain("it takes one plug-in: see referee --help");
}
