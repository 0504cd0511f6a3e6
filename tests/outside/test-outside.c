/* SPDX-License-Identifier: MIT */

/*
 * Processes that are sealed from outside. Each test starts one, seals it as `sealmem seal` does, and looks at it from
 * inside: what an intruder could do before is refused afterwards, and it does its work as before. A process that is
 * refused is as it was: it works, and the acts succeed.
 */

#include "tests/outside/per-cpu.h"
#include "tests/outside/victim.h"

#include "include/sealmem.h"
#include "outside/leave.h"
#include "outside/outside.h"
#include "outside/prepare.h"
#include "outside/stop.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
# define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

/* A machine without mseal seals nothing, and a process of another user is none of ours. */
static void require_sealing(void)
{
	require_mseal();
	require_own_address_space();
}

static void seal_with(const struct victim *victim, unsigned flags)
{
	struct outside sealed;

	outside_seal(&sealed, victim->pid, flags);
	ck_assert_msg(sealed.refusal == REFUSAL_NONE, "refused: %s",
		      refusal_rows[sealed.refusal].text);
	ck_assert_int_eq(sealed.state, OUTSIDE_SEALED);
	outside_free(&sealed);
}

static void assert_refused(const struct victim *victim, unsigned flags, enum refusal refusal)
{
	struct outside sealed;

	outside_seal(&sealed, victim->pid, flags);
	ck_assert_msg(sealed.refusal == refusal, "%s",
		      sealed.refusal != REFUSAL_NONE ? refusal_rows[sealed.refusal].text
						     : "it was not refused");
	ck_assert_int_eq(sealed.state, OUTSIDE_UNTOUCHED);
	outside_free(&sealed);
}

/* Some kernels write through /proc/PID/mem only where the process may write itself: then that act shows nothing. */
static bool forces_writes(void)
{
	char *page = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CLEANUP(close_fd_at) int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	bool forces = pwrite(fd, "x", 1, (off_t)(uintptr_t)page) == 1;

	(void)munmap(page, page_size());
	return forces;
}

/* Only the bytes of code and constants can still be written, unless the seal is deep. */
static bool is_open(enum part part, enum act act, bool deep)
{
	return part != PART_RELRO && act == ACT_WRITE && !deep && forces_writes();
}

static void assert_sealed_as(const struct victim *victim, bool deep)
{
	for (int part = 0; part < PARTS; part++)
		for (int act = 0; act < ACTS; act++) {
			struct outcome outcome = victim_try(victim, (enum part)part, (enum act)act);
			bool open = is_open((enum part)part, (enum act)act, deep);
			int expected = open ? 0 : act == ACT_WRITE ? EIO : EPERM;

			/* A mapping that can never be written is refused so. */
			if (outcome.err == EACCES && act == ACT_PROTECT)
				expected = EACCES;
			ck_assert_msg(outcome.err == expected && (open || outcome.intact),
				      "%s of %s: %s, %s", act_names[act], part_names[part],
				      strerror(outcome.err), outcome.intact ? "intact" : "changed");
		}
}

static void assert_open(const struct victim *victim)
{
	for (int part = 0; part < PARTS; part++)
		for (int act = 0; act < ACTS; act++)
			if (act != ACT_WRITE || forces_writes())
				ck_assert_int_eq(
					victim_try(victim, (enum part)part, (enum act)act).err, 0);
}

START_TEST(what_an_intruder_does_before_the_seal_is_refused_after_it)
{
	struct victim victim = victim_start(NULL, NULL);
	unsigned long answer = victim_answer(&victim);

	require_sealing();
	assert_open(&victim);
	seal_with(&victim, 0);
	assert_sealed_as(&victim, false);
	ck_assert_uint_eq(victim_answer(&victim), answer);
	victim_end(&victim);
}
END_TEST

START_TEST(a_deep_seal_refuses_to_write_code_and_constants_too)
{
	struct victim victim = victim_start(NULL, NULL);
	unsigned long answer = victim_answer(&victim);

	require_sealing();
	seal_with(&victim, OUTSIDE_DEEP);
	assert_sealed_as(&victim, true);
	ck_assert_uint_eq(victim_answer(&victim), answer);
	victim_end(&victim);
}
END_TEST

START_TEST(one_thread_that_is_held_is_enough)
{
	struct victim victim = victim_start(NULL, NULL);

	require_sealing();
	seal_with(&victim, OUTSIDE_ONE_THREAD);
	assert_sealed_as(&victim, false);
	victim_end(&victim);
}
END_TEST

START_TEST(a_second_call_confirms_what_the_first_has_done)
{
	struct victim victim = victim_start(NULL, NULL);

	require_sealing();
	seal_with(&victim, 0);
	seal_with(&victim, 0);
	assert_sealed_as(&victim, false);
	victim_end(&victim);
}
END_TEST

START_TEST(after_a_seal_a_deep_one_is_refused_and_the_seal_stays)
{
	struct victim victim = victim_start(NULL, NULL);

	require_sealing();
	seal_with(&victim, 0);
	assert_refused(&victim, OUTSIDE_DEEP, REFUSAL_SEALED_BEFORE);
	assert_sealed_as(&victim, false);
	victim_end(&victim);
}
END_TEST

START_TEST(a_plan_changes_nothing)
{
	struct victim victim = victim_start(NULL, NULL);
	struct outside planned;

	require_sealing();
	outside_seal(&planned, victim.pid, OUTSIDE_DRY_RUN);
	ck_assert_int_eq(planned.refusal, REFUSAL_NONE);
	ck_assert_int_eq(planned.state, OUTSIDE_UNTOUCHED);
	ck_assert_uint_ge(planned.plan.count, 2);
	outside_free(&planned);
	assert_open(&victim);
	victim_end(&victim);
}
END_TEST

static void assert_bytes_sealed(const struct victim *victim, enum part part)
{
	ck_assert_int_ne(victim_try(victim, part, ACT_PROTECT).err, 0);
	ck_assert_int_ne(victim_try(victim, part, ACT_WRITE).err, 0);
	ck_assert(victim_try(victim, part, ACT_WRITE).intact);
}

/* Also where the kernel seals addresses, because nobody asks for that. */
START_TEST(bytes_alone_are_sealed_on_every_kernel)
{
	struct victim victim = victim_start(NULL, NULL);
	unsigned long answer = victim_answer(&victim);

	require_own_address_space();
	assert_open(&victim);
	seal_with(&victim, OUTSIDE_CONTENT_ONLY);
	assert_bytes_sealed(&victim, PART_RELRO);
	ck_assert_int_eq(victim_try(&victim, PART_RELRO, ACT_UNMAP).err, 0);
	ck_assert_int_eq(victim_try(&victim, PART_TEXT, ACT_PROTECT).err, 0);
	ck_assert_uint_eq(victim_answer(&victim), answer);
	victim_end(&victim);
}
END_TEST

START_TEST(bytes_of_code_alone_are_sealed_on_every_kernel)
{
	struct victim victim = victim_start(NULL, NULL);
	unsigned long answer = victim_answer(&victim);

	require_own_address_space();
	seal_with(&victim, OUTSIDE_CONTENT_ONLY | OUTSIDE_DEEP);
	for (int part = 0; part < PARTS; part++) {
		assert_bytes_sealed(&victim, (enum part)part);
		ck_assert_int_eq(victim_try(&victim, (enum part)part, ACT_UNMAP).err, 0);
	}
	ck_assert_uint_eq(victim_answer(&victim), answer);
	victim_end(&victim);
}
END_TEST

static long count_threads(void)
{
	return sys_threads();
}

static long count_descriptors(void)
{
	long count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static long count_of_mappings(void)
{
	struct maps maps;
	struct maps_span span;
	long count = 0;

	if (maps_open(&maps) < 0)
		return -1;
	while (maps_next_span(&maps, &span) > 0)
		count++;
	maps_close(&maps);
	return count;
}

START_TEST(nothing_of_ours_stays_in_the_process)
{
	struct victim victim = victim_start(NULL, NULL);
	long threads = victim_run(&victim, count_threads);
	long descriptors = victim_run(&victim, count_descriptors);
	long mappings = victim_run(&victim, count_of_mappings);

	require_sealing();
	seal_with(&victim, 0);
	ck_assert_int_eq(victim_run(&victim, count_threads), threads);
	ck_assert_int_eq(victim_run(&victim, count_descriptors), descriptors);
	ck_assert_int_eq(victim_run(&victim, count_of_mappings), mappings);
	victim_end(&victim);
}
END_TEST

START_TEST(a_stopped_process_is_refused_and_stays_stopped)
{
	struct victim victim = victim_start(NULL, NULL);
	int status;

	require_sealing();
	ck_assert_int_eq(kill(victim.pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(victim.pid, &status, WUNTRACED), victim.pid);
	assert_refused(&victim, 0, REFUSAL_STOPPED);
	ck_assert_int_eq(waitpid(victim.pid, &status, WUNTRACED | WNOHANG), 0);
	ck_assert_int_eq(kill(victim.pid, SIGCONT), 0);
	assert_open(&victim);
	victim_end(&victim);
}
END_TEST

static void trace_and_wait(void *argument)
{
	const struct victim *victim = argument;

	if (ptrace(PTRACE_SEIZE, victim->pid, NULL, NULL) < 0)
		_exit(1);
}

START_TEST(a_process_that_is_traced_already_is_refused)
{
	struct victim victim = victim_start(NULL, NULL);
	struct victim tracer = victim_start(trace_and_wait, &victim);

	require_sealing();
	assert_refused(&victim, 0, REFUSAL_TRACED);
	victim_end(&tracer);
	assert_open(&victim);
	victim_end(&victim);
}
END_TEST

/* Allows what the victim does. */
static void install_filter(void *argument)
{
	const unsigned action = *(const unsigned *)argument;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mseal, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(1);
}

START_TEST(root_seals_a_process_whose_filter_would_kill_it)
{
	unsigned action = SECCOMP_RET_KILL_PROCESS;
	struct victim victim = victim_start(install_filter, &action);

	require_sealing();
	require_root();
	seal_with(&victim, 0);
	assert_sealed_as(&victim, false);
	victim_end(&victim);
}
END_TEST

static void become_nobody(void *argument)
{
	if (argument != NULL)
		install_filter(argument);
	if (getuid() != 0)
		return;
	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1) < 0)
		_exit(1);
}

/* In a child that is no root either. */
static long seal_argument(pid_t pid)
{
	struct outside sealed;
	long refusal;

	outside_seal(&sealed, pid, 0);
	refusal = (long)sealed.refusal;
	outside_free(&sealed);
	return refusal;
}

static pid_t asked_for;

static long seal_asked_for(void)
{
	return seal_argument(asked_for);
}

static enum refusal seal_as_nobody(const struct victim *victim)
{
	struct victim sealer;
	enum refusal refusal;

	asked_for = victim->pid;
	sealer = victim_start(become_nobody, NULL);
	refusal = (enum refusal)victim_run(&sealer, seal_asked_for);
	victim_end(&sealer);
	return refusal;
}

START_TEST(a_process_with_a_filter_is_refused_if_other_threads_run)
{
	unsigned action = SECCOMP_RET_KILL_PROCESS;
	struct victim victim = victim_start(install_filter, &action);

	require_sealing();
	assert_refused(&victim, OUTSIDE_ONE_THREAD, REFUSAL_FILTERED_ONE);
	assert_open(&victim);
	victim_end(&victim);
}
END_TEST

START_TEST(a_process_with_a_filter_is_refused_without_privileges)
{
	unsigned action = SECCOMP_RET_KILL_PROCESS;
	struct victim victim = victim_start(become_nobody, &action);

	require_sealing();
	ck_assert_int_eq(seal_as_nobody(&victim), REFUSAL_FILTERED);
	assert_open(&victim);
	victim_end(&victim);
}
END_TEST

START_TEST(a_user_seals_their_own_process)
{
	struct victim victim = victim_start(become_nobody, NULL);

	require_sealing();
	ck_assert_int_eq(seal_as_nobody(&victim), REFUSAL_NONE);
	assert_sealed_as(&victim, false);
	victim_end(&victim);
}
END_TEST

START_TEST(a_process_of_another_user_is_refused)
{
	struct victim victim = victim_start(NULL, NULL);

	require_sealing();
	require_root();
	ck_assert_int_eq(seal_as_nobody(&victim), REFUSAL_DENIED);
	assert_open(&victim);
	victim_end(&victim);
}
END_TEST

static int wait_a_while(void *argument)
{
	(void)argument;
	for (;;)
		(void)pause();
	return 0;
}

static void share_memory(void *argument)
{
	static char stack[1 << 16] __attribute__((aligned(16)));
	/* Without an exit signal, and gone with its parent. */
	pid_t pid = clone(wait_a_while, stack + sizeof(stack), CLONE_VM, NULL);

	(void)argument;
	if (pid < 0)
		_exit(1);
}

static long end_sharer(void)
{
	int status;

	(void)kill(0, 0);
	for (pid_t pid = getpid() + 1; pid < getpid() + 100; pid++)
		if (waitpid(pid, &status, __WALL | WNOHANG) == 0) {
			(void)kill(pid, SIGKILL);
			return waitpid(pid, &status, __WALL) == pid;
		}
	return 0;
}

START_TEST(a_process_whose_memory_another_one_shares_is_refused)
{
	struct victim victim = victim_start(share_memory, NULL);

	require_sealing();
	assert_refused(&victim, 0, REFUSAL_SHARED);
	ck_assert_int_eq(victim_run(&victim, end_sharer), 1);
	assert_open(&victim);
	victim_end(&victim);
}
END_TEST

static void *wait_in_vfork(void *argument)
{
	(void)argument;
	if (vfork() == 0) {
		const struct timespec time = { .tv_sec = 1 };

		(void)nanosleep(&time, NULL);
		_exit(0);
	}
	return NULL;
}

static void start_vfork(void *argument)
{
	pthread_t thread;

	(void)argument;
	if (pthread_create(&thread, NULL, wait_in_vfork, NULL) != 0)
		_exit(1);
	(void)usleep(100000);
}

START_TEST(a_process_in_vfork_is_refused_and_sealed_later)
{
	struct victim victim = victim_start(start_vfork, NULL);

	require_sealing();
	assert_refused(&victim, 0, REFUSAL_SHARED);
	ck_assert_uint_ne(victim_answer(&victim), 0);
	(void)sleep(2);
	seal_with(&victim, 0);
	assert_sealed_as(&victim, false);
	victim_end(&victim);
}
END_TEST

static void limit(int resource, rlim_t value)
{
	const struct rlimit both = { value, value };

	if (setrlimit((__rlimit_resource_t)resource, &both) < 0)
		_exit(1);
}

static void limit_files(void *argument)
{
	(void)argument;
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, 0);
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_CORE, 0);
}

START_TEST(limits_of_the_process_do_not_count)
{
	struct victim victim = victim_start(limit_files, NULL);
	struct outside sealed;

	require_sealing();
	outside_seal(&sealed, victim.pid, 0);
	/* With room for no descriptor at all there can be none in the copy either. */
	ck_assert_int_eq(sealed.refusal, REFUSAL_OUT_OF_DESCRIPTORS);
	ck_assert_int_eq(sealed.state, OUTSIDE_UNTOUCHED);
	outside_free(&sealed);
	ck_assert_uint_ne(victim_answer(&victim), 0);
	victim_end(&victim);
}
END_TEST

/* Uses up all descriptors that it may have. */
static void use_descriptors(void *argument)
{
	(void)argument;
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, 32);
	while (open("/dev/null", O_RDONLY) >= 0)
		;
}

START_TEST(a_process_without_a_free_descriptor_is_sealed)
{
	struct victim victim = victim_start(use_descriptors, NULL);
	long descriptors = victim_run(&victim, count_descriptors);

	require_sealing();
	ck_assert_int_ge(descriptors, 32);
	seal_with(&victim, 0);
	ck_assert_int_eq(victim_run(&victim, count_descriptors), descriptors);
	victim_end(&victim);
}
END_TEST

static long allow_descriptors(rlim_t count)
{
	struct rlimit both;

	(void)getrlimit(RLIMIT_NOFILE, &both);
	both.rlim_cur = count;
	return setrlimit(RLIMIT_NOFILE, &both);
}

/* Too few for what passes a file on, which was made before. */
static void allow_one_descriptor(void *argument)
{
	(void)argument;
	if (allow_descriptors(1) < 0)
		_exit(1);
}

static long allow_many_descriptors(void)
{
	return allow_descriptors(64);
}

START_TEST(a_process_that_may_have_one_descriptor_is_sealed)
{
	struct victim victim = victim_start(allow_one_descriptor, NULL);
	long descriptors = victim_run(&victim, count_descriptors);

	require_sealing();
	seal_with(&victim, OUTSIDE_DEEP);
	ck_assert_int_eq(victim_run(&victim, count_descriptors), descriptors);
	ck_assert_int_eq(victim_run(&victim, allow_many_descriptors), 0);
	assert_sealed_as(&victim, true);
	victim_end(&victim);
}
END_TEST

/* Constants that somebody writes to, and what was written last. */
static const long written[1 << 13] __attribute__((aligned(1 << 16))) = { 1 };
static atomic_long last_written;
static pthread_t writer;

/* With an argument: so many microseconds apart. */
static void *write_on(void *argument)
{
	const off_t at = (off_t)(uintptr_t)written;
	const useconds_t *pause = argument;
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	for (long next = 2; pwrite(fd, &next, sizeof(next), at) == sizeof(next); next++) {
		atomic_store(&last_written, next);
		if (pause != NULL)
			(void)usleep(*pause);
	}
	(void)close(fd);
	return argument;
}

static void start_writing(void *argument)
{
	if (pthread_create(&writer, NULL, write_on, argument) != 0)
		_exit(1);
	while (atomic_load(&last_written) < (argument != NULL ? 2 : 100))
		(void)usleep(100);
}

static long is_last_written(void)
{
	/* It is refused now, and ends. */
	(void)pthread_join(writer, NULL);
	return *(const volatile long *)written == atomic_load(&last_written);
}

static void seal_what_is_written(unsigned rounds, useconds_t *pause)
{
	require_sealing();
	if (!forces_writes())
		skip_test("this kernel writes to read-only pages for nobody");
	for (unsigned i = 0; i < rounds; i++) {
		struct victim victim = victim_start(start_writing, pause);

		seal_with(&victim, OUTSIDE_DEEP);
		assert_sealed_as(&victim, true);
		ck_assert_int_eq(victim_run(&victim, is_last_written), 1);
		victim_end(&victim);
	}
}

START_TEST(bytes_that_change_until_the_stop_are_taken_as_they_are_then)
{
	seal_what_is_written(scaled(20), NULL);
}
END_TEST

/* These often stay as they are while they are copied, and change between that and the stop. */
START_TEST(bytes_that_change_now_and_then_are_taken_as_they_are_at_the_stop)
{
	static useconds_t pause = 15000;

	seal_what_is_written(scaled(100), &pause);
}
END_TEST

/* A part of the program's file, where another part of it is for a while. */
static const volatile char covered[1 << 16] __attribute__((aligned(1 << 16))) = { 1, 2 };
static off_t place_of_covered;

static long map_at_covered(off_t place)
{
	CLEANUP(close_fd_at) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return mmap((void *)(uintptr_t)covered, sizeof(covered), PROT_READ, MAP_PRIVATE | MAP_FIXED,
		    fd, place) == MAP_FAILED;
}

static long cover(void)
{
	return map_at_covered(0) != 0 || covered[1] != 'E';
}

static long uncover(void)
{
	return map_at_covered(place_of_covered) != 0 || covered[1] != 2;
}

static void open_target(struct target *ret, struct procfs *ret_procfs, const struct victim *victim)
{
	ck_assert_int_eq(procfs_open_without_mounts(ret_procfs), 0);
	ck_assert_int_eq(target_open(ret, ret_procfs, victim->pid), REFUSAL_NONE);
}

static void close_target(struct target *target, struct procfs *procfs)
{
	target_close(target);
	procfs_close(procfs);
}

/* Whether the copy that is made then is taken for the bytes that are there at the stop. */
static bool copy_holds(const struct victim *victim, long (*while_it_is_copied)(void))
{
	struct mappings mappings = { 0 };
	struct prepared prepared;
	struct procfs procfs;
	struct target target;
	struct plan plan;
	bool holds;

	open_target(&target, &procfs, victim);
	ck_assert_int_eq(target_plan(&target, &procfs, PLAN_DEEP, &mappings, &plan), REFUSAL_NONE);
	ck_assert_int_eq(victim_run(victim, while_it_is_copied), 0);
	prepare(&prepared, &target, &mappings, &plan);
	ck_assert_int_ge(prepared.file, 0);
	ck_assert_int_eq(victim_run(victim, uncover), 0);
	ck_assert_int_eq(target_confirm_plan(&target, &procfs, &mappings, &plan), REFUSAL_NONE);
	holds = prepared_holds(&prepared, &target, &plan);
	prepared_free(&prepared);
	plan_free(&plan);
	mappings_free(&mappings);
	close_target(&target, &procfs);
	return holds;
}

/* As where a library gives way to another one, and comes back. */
START_TEST(bytes_of_another_file_that_were_there_for_a_while_are_not_taken)
{
	struct maps_entry entry;
	struct victim victim;

	require_sealing();
	ck_assert(find_mapping((const void *)(uintptr_t)covered, &entry));
	place_of_covered = (off_t)(entry.offset + ((uintptr_t)covered - entry.start));
	victim = victim_start(NULL, NULL);
	/* From then on it is a mapping of its own. */
	ck_assert_int_eq(victim_run(&victim, uncover), 0);
	ck_assert(!copy_holds(&victim, cover));
	ck_assert(copy_holds(&victim, uncover));
	victim_end(&victim);
}
END_TEST

START_TEST(a_process_that_has_exited_is_refused)
{
	struct victim victim = victim_start(NULL, NULL);

	require_sealing();
	victim_end(&victim);
	assert_refused(&victim, 0, REFUSAL_GONE);
}
END_TEST

/* A group of threads that do all that a stop could disturb. */
#define WORKERS 6

static struct {
	atomic_bool over;
	atomic_ulong rounds, wrong, interrupted;
	pthread_t threads[WORKERS];
} load;

static void note(bool wrong, bool interrupted)
{
	atomic_fetch_add(&load.rounds, 1);
	atomic_fetch_add(&load.wrong, wrong);
	atomic_fetch_add(&load.interrupted, interrupted);
}

static void *wait_in_epoll(void *argument)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;

	(void)argument;
	while (!atomic_load(&load.over)) {
		int count = epoll_wait(epoll, &event, 1, 5);

		note(count > 0, count < 0 && errno == EINTR);
	}
	return NULL;
}

static void *wait_for_signals(void *argument)
{
	const struct timespec time = { .tv_nsec = 3000000 };
	sigset_t set;

	(void)argument;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR2);
	while (!atomic_load(&load.over)) {
		int got = sigtimedwait(&set, NULL, &time);

		note(got > 0, got < 0 && errno == EINTR);
	}
	return NULL;
}

static void *wait_for_semaphore(void *argument)
{
	const struct timespec time = { .tv_nsec = 3000000 };
	struct sembuf down = { 0, -1, 0 };
	int semaphore = semget(IPC_PRIVATE, 1, 0600);

	(void)argument;
	while (!atomic_load(&load.over)) {
		int err = semtimedop(semaphore, &down, 1, &time);

		note(err == 0, err < 0 && errno == EINTR);
	}
	(void)semctl(semaphore, 0, IPC_RMID);
	return NULL;
}

static void *sleep_and_poll(void *argument)
{
	const struct timespec time = { .tv_nsec = 2000000 };
	int ends[2];
	char byte = 1, got = 0;

	(void)argument;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	while (!atomic_load(&load.over)) {
		struct pollfd file = { ends[0], POLLIN, 0 };
		int slept = nanosleep(&time, NULL), ready = poll(&file, 1, 2);

		note(ready > 0 || write(ends[1], &byte, 1) != 1 || read(ends[0], &got, 1) != 1,
		     slept < 0 || (ready < 0 && errno == EINTR));
	}
	return NULL;
}

static void *do_nothing(void *argument)
{
	return argument;
}

static void *start_threads(void *argument)
{
	void *result;

	while (!atomic_load(&load.over)) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, do_nothing, &load) != 0)
			continue;
		(void)pthread_join(thread, &result);
		note(result != &load, false);
	}
	return argument;
}

static void *compute_always(void *argument)
{
	double sum = 0;

	while (!atomic_load(&load.over)) {
		double before = sum;

		for (int i = 1; i < 1000; i++)
			sum += 1.0 / i;
		note(!(sum > before), false);
	}
	return argument;
}

static void start_load(void *argument)
{
	static void *(*const workers[WORKERS])(void *) = { wait_in_epoll,      wait_for_signals,
							   wait_for_semaphore, sleep_and_poll,
							   start_threads,      compute_always };

	(void)argument;
	for (int i = 0; i < WORKERS; i++)
		if (pthread_create(&load.threads[i], NULL, workers[i], NULL) != 0)
			_exit(1);
}

static long stop_load(void)
{
	atomic_store(&load.over, true);
	for (int i = 0; i < WORKERS; i++)
		(void)pthread_join(load.threads[i], NULL);
	return (long)(atomic_load(&load.wrong) + atomic_load(&load.interrupted));
}

static long interruptions(void)
{
	return (long)atomic_load(&load.interrupted);
}

static void seal_under_load(unsigned flags)
{
	struct victim victim = victim_start(start_load, NULL);

	for (unsigned i = 0; i < scaled(20); i++) {
		seal_with(&victim, flags);
#ifdef __x86_64__
		ck_assert_int_eq(victim_run(&victim, interruptions), 0);
#endif
	}
	assert_sealed_as(&victim, flags & OUTSIDE_DEEP);
#ifdef __x86_64__
	ck_assert_int_eq(victim_run(&victim, stop_load), 0);
#else
	(void)victim_run(&victim, stop_load);
	(void)interruptions;
#endif
	victim_end(&victim);
}

START_TEST(threads_under_load_see_no_interruption)
{
	require_sealing();
	seal_under_load(0);
}
END_TEST

START_TEST(threads_that_run_on_see_no_interruption)
{
	require_sealing();
	seal_under_load(OUTSIDE_ONE_THREAD);
}
END_TEST

static atomic_ulong added;

static void *add_always(void *argument)
{
	unsigned long own = 0;

	for (; !atomic_load(&load.over); own++)
		per_cpu_add();
	atomic_fetch_add(&added, own);
	return argument;
}

static void add_a_while(void)
{
	for (int i = 0; i < 1000; i++)
		per_cpu_add();
	atomic_fetch_add(&added, 1000);
}

/* No thread of it waits, so one that counts has to be lent. */
static void start_counting(void *argument)
{
	(void)argument;
	victim_meanwhile = add_a_while;
	for (int i = 0; i < WORKERS; i++)
		if (pthread_create(&load.threads[i], NULL, add_always, NULL) != 0)
			_exit(1);
}

static long lost_additions(void)
{
	(void)stop_load();
	return (long)(atomic_load(&added) - per_cpu_sum());
}

START_TEST(no_addition_in_a_restartable_sequence_is_lost)
{
	struct victim victim = victim_start(start_counting, NULL);

	require_sealing();
	if (!per_cpu_supported())
		skip_test("there are no restartable sequences here, or none for a test");
	for (unsigned i = 0; i < scaled(200); i++)
		seal_with(&victim, i % 2 == 0 ? 0 : OUTSIDE_ONE_THREAD);
	ck_assert_int_eq(victim_run(&victim, lost_additions), 0);
	victim_end(&victim);
}
END_TEST

static atomic_ulong signals;

static void count_signal(int signal)
{
	(void)signal;
	atomic_fetch_add(&signals, 1);
}

static void take_signals(void *argument)
{
	const struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };

	(void)argument;
	if (sigaction(SIGRTMIN, &action, NULL) < 0)
		_exit(1);
}

static long signals_so_far(void)
{
	return (long)atomic_load(&signals);
}

static const struct victim *signalled;
static atomic_bool enough;
static unsigned long sent;

static void *send_signals(void *argument)
{
	const union sigval value = { 0 };

	while (!atomic_load(&enough)) {
		sent += sigqueue(signalled->pid, SIGRTMIN, value) == 0;
		(void)usleep(50);
	}
	return argument;
}

START_TEST(no_signal_is_lost)
{
	struct victim victim = victim_start(take_signals, NULL);
	pthread_t thread;

	require_sealing();
	signalled = &victim;
	ck_assert_int_eq(pthread_create(&thread, NULL, send_signals, NULL), 0);
	for (unsigned i = 0; i < scaled(50); i++)
		seal_with(&victim, i % 2 == 0 ? 0 : OUTSIDE_ONE_THREAD);
	atomic_store(&enough, true);
	(void)pthread_join(thread, NULL);
	for (int i = 0; i < 100 && victim_run(&victim, signals_so_far) != (long)sent; i++)
		(void)usleep(10000);
	ck_assert_int_eq(victim_run(&victim, signals_so_far), (long)sent);
	assert_sealed_as(&victim, false);
	victim_end(&victim);
}
END_TEST

static void dispatch_calls(void *argument)
{
	static volatile char selector = 0; /* SYSCALL_DISPATCH_FILTER_ALLOW */

	(void)argument;
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0L, 0L, &selector) < 0)
		_exit(77);
}

START_TEST(a_process_that_dispatches_its_own_calls_is_refused)
{
#ifdef __x86_64__
	struct victim victim;

	require_sealing();
	victim = victim_start(dispatch_calls, NULL);
	assert_refused(&victim, 0, REFUSAL_NO_THREAD);
	assert_open(&victim);
	victim_end(&victim);
#else
	(void)dispatch_calls;
	skip_test("there is no syscall user dispatch on this architecture");
#endif
}
END_TEST

/* What programs do that changes threads, memory and processes; each until it is told to end. */
static void *fork_always(void *argument)
{
	while (!atomic_load(&load.over)) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0)
			_exit(act_compute() != 0 ? 42 : 1);
		note(pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
			     WEXITSTATUS(status) != 42,
		     false);
	}
	return argument;
}

/* Libraries that nothing else here needs. */
static void *load_always(void *argument)
{
	static const char *const names[] = { "libanl.so.1", "libthread_db.so.1",
					     "libBrokenLocale.so.1" };

	for (size_t i = 0; !atomic_load(&load.over); i++) {
		void *library = dlopen(names[i % 3], RTLD_NOW);

		note(library != NULL && dlclose(library) != 0, false);
	}
	return argument;
}

static void *signal_always(void *argument)
{
	unsigned long before = atomic_load(&signals), own = 0;

	for (; !atomic_load(&load.over); own++)
		note(pthread_kill(pthread_self(), SIGRTMIN) != 0, false);
	note(atomic_load(&signals) - before != own, false);
	return argument;
}

static void start_all_kinds(void *argument)
{
	static void *(*const workers[])(void *) = { fork_always, load_always, signal_always,
						    start_threads };
	const bool loads = argument != NULL;

	take_signals(NULL);
	for (size_t i = 0; i < sizeof(workers) / sizeof(*workers); i++)
		if (pthread_create(&load.threads[i], NULL,
				   workers[i] == load_always && !loads ? start_threads : workers[i],
				   NULL) != 0)
			_exit(1);
	while (atomic_load(&load.rounds) < 20)
		(void)usleep(100);
}

static long stop_all_kinds(void)
{
	atomic_store(&load.over, true);
	for (int i = 0; i < 4; i++)
		(void)pthread_join(load.threads[i], NULL);
	return (long)atomic_load(&load.wrong);
}

static bool is_held(pid_t pid, pid_t thread)
{
	char path[64], status[PROCFS_STATUS_SIZE];

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)thread);
	return procfs_read(AT_FDCWD, path, status, sizeof(status)) < 0 ||
	       strstr(status, "\nState:\tt") != NULL || strstr(status, "\nState:\tX") != NULL;
}

static bool all_are_held(const struct target *target)
{
	pid_t *threads = NULL;
	ssize_t count = procfs_list_threads(target->directory, &threads);
	bool held = count > 0;

	for (ssize_t i = 0; i < count; i++)
		held &= is_held(target->pid, threads[i]);
	free(threads);
	return held;
}

START_TEST(threads_that_start_during_the_stop_are_held_too)
{
	struct victim victim = victim_start(start_all_kinds, NULL);
	struct procfs procfs;
	struct target target;

	require_own_address_space();
	ck_assert_int_eq(sys_block_signals(SYS_SIGNAL(SIGCHLD), NULL), 0);
	open_target(&target, &procfs, &victim);
	for (unsigned i = 0; i < scaled(1000); i++) {
		struct stopped stopped;

		ck_assert_int_eq(stop_all(&stopped, &target), REFUSAL_NONE);
		ck_assert(all_are_held(&target));
		leave(&stopped);
	}
	close_target(&target, &procfs);
	ck_assert_int_eq(victim_run(&victim, stop_all_kinds), 0);
	victim_end(&victim);
}
END_TEST

/* Where a loader is at work all the time, the seal may be refused: then all is as it was. */
static bool seal_unless_loading(const struct victim *victim, unsigned flags)
{
	struct outside sealed;
	enum refusal refusal;

	outside_seal(&sealed, victim->pid, flags);
	refusal = sealed.refusal;
	ck_assert_msg(refusal == REFUSAL_NONE || refusal == REFUSAL_LOADING, "%s",
		      refusal_rows[refusal].text);
	ck_assert_int_eq(sealed.state,
			 refusal == REFUSAL_NONE ? OUTSIDE_SEALED : OUTSIDE_UNTOUCHED);
	outside_free(&sealed);
	return refusal == REFUSAL_NONE;
}

/* Each takes a tenth of a second, and a second on an emulated processor. So small parts of all tests have fewer still. */
static unsigned fresh_processes(void)
{
	return test_scale() <= 5 ? 20 * test_scale() : scaled(10000);
}

/* Some are at work, with threads that start and end, fork, dlopen, dlclose and signals. Where others run, libraries are
 * not removed. */
START_TEST(none_of_many_fresh_processes_is_harmed)
{
	unsigned rounds = fresh_processes(), count = 0;

	require_sealing();
	for (unsigned i = 0; i < rounds; i++) {
		unsigned flags = i % 3 == 0 ? OUTSIDE_ONE_THREAD : i % 3 == 1 ? OUTSIDE_DEEP : 0;
		bool busy = i % 2 == 0;
		static bool loads;
		struct victim victim = victim_start(busy ? start_all_kinds : NULL,
						    flags & OUTSIDE_ONE_THREAD ? NULL : &loads);
		unsigned long answer = victim_answer(&victim);
		bool sealed = seal_unless_loading(&victim, flags);

		count += sealed;
		ck_assert_uint_eq(victim_answer(&victim), answer);
		ck_assert_int_eq(victim_try(&victim, PART_RELRO, ACT_PROTECT).err != 0, sealed);
		ck_assert_int_eq(busy ? victim_run(&victim, stop_all_kinds) : 0, 0);
		victim_end(&victim);
	}
	(void)printf("%u processes, %u of them sealed\n", rounds, count);
	ck_assert_uint_gt(count, rounds / 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_an_intruder_does_before_the_seal_is_refused_after_it,
		a_deep_seal_refuses_to_write_code_and_constants_too,
		bytes_alone_are_sealed_on_every_kernel,
		bytes_of_code_alone_are_sealed_on_every_kernel,
		one_thread_that_is_held_is_enough,
		a_second_call_confirms_what_the_first_has_done,
		after_a_seal_a_deep_one_is_refused_and_the_seal_stays,
		a_plan_changes_nothing,
		nothing_of_ours_stays_in_the_process,
		a_stopped_process_is_refused_and_stays_stopped,
		a_process_that_is_traced_already_is_refused,
		root_seals_a_process_whose_filter_would_kill_it,
		a_process_with_a_filter_is_refused_if_other_threads_run,
		a_process_with_a_filter_is_refused_without_privileges,
		a_user_seals_their_own_process,
		a_process_of_another_user_is_refused,
		a_process_whose_memory_another_one_shares_is_refused,
		a_process_in_vfork_is_refused_and_sealed_later,
		limits_of_the_process_do_not_count,
		a_process_without_a_free_descriptor_is_sealed,
		a_process_that_may_have_one_descriptor_is_sealed,
		bytes_that_change_until_the_stop_are_taken_as_they_are_then,
		bytes_that_change_now_and_then_are_taken_as_they_are_at_the_stop,
		bytes_of_another_file_that_were_there_for_a_while_are_not_taken,
		a_process_that_has_exited_is_refused,
		threads_under_load_see_no_interruption,
		threads_that_run_on_see_no_interruption,
		no_addition_in_a_restartable_sequence_is_lost,
		no_signal_is_lost,
		threads_that_start_during_the_stop_are_held_too,
		a_process_that_dispatches_its_own_calls_is_refused,
		none_of_many_fresh_processes_is_harmed,
	};

	return RUN_TESTS_FOR(7200, "outside", tests);
}
