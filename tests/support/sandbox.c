/* SPDX-License-Identifier: MIT */

/*
 * The filters are written in the kernel's own instructions: the tests run in places that have no library
 * for it, and ten instructions need none.
 */

#include "tests/support/sandbox.h"

#include "tests/support/support.h"

#include "lib/filter.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The leak checker makes a thread, stops the others by ptrace and reads /proc: it gives up, loudly, in a
 * process from which any of that was taken. Such a process goes without.
 */
int __lsan_is_turned_off(void);

static int leak_check_off;

int __lsan_is_turned_off(void)
{
	return leak_check_off;
}

void leave_objects_behind(void)
{
	leak_check_off = 1;
}

static struct sock_filter statement(unsigned code, uint32_t value)
{
	return (struct sock_filter)BPF_STMT((uint16_t)code, value);
}

/* Goes on if the accumulator is `value`, or else jumps over `rest` instructions. */
static struct sock_filter go_on_if(uint32_t value, size_t rest)
{
	return (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)rest);
}

/* Of the lower half of an argument. */
static uint32_t offset_of_argument(unsigned argument)
{
	const uint32_t lower = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(uint32_t) : 0;

	return (uint32_t)offsetof(struct seccomp_data, args) + 8 * argument + lower;
}

/* On s390x, those of mmap(2) lie in memory. */
static void require_visible_arguments(long number, size_t conditions)
{
#if defined(__s390x__)
	if (number == SYS_OWN_MMAP && conditions > 0)
		skip_test("a filter does not see the arguments of mmap(2) on this architecture");
#endif
	(void)number;
	(void)conditions;
}

static void answer_where(long number, uint32_t answer, const struct condition *conditions,
			 size_t count)
{
	struct sock_filter code[32];
	struct sock_fprog program = { .filter = code };
	size_t at = 0, end = 3 + 3 * count;

	if (under_valgrind())
		skip_test("valgrind makes system calls of its own");
	require_visible_arguments(number, count);
	code[at++] = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	code[at] = go_on_if((uint32_t)number, end - at - 1);
	at++;
	for (size_t i = 0; i < count; i++) {
		code[at++] = statement(BPF_LD | BPF_W | BPF_ABS,
				       offset_of_argument(conditions[i].argument));
		code[at++] = statement(BPF_ALU | BPF_AND | BPF_K, conditions[i].mask);
		code[at] = go_on_if(conditions[i].value, end - at - 1);
		at++;
	}
	code[at++] = statement(BPF_RET | BPF_K, answer);
	code[at++] = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)at;
	leak_check_off = 1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		skip_test("this kernel has no seccomp filters");
}

void forbid_where(long number, int error, const struct condition *conditions, size_t count)
{
	answer_where(number, SECCOMP_RET_ERRNO | (uint32_t)error, conditions, count);
}

void forbid_fatally(long number)
{
	answer_where(number, SECCOMP_RET_KILL_PROCESS, NULL, 0);
}

void forbid(long number, int error)
{
	forbid_where(number, error, NULL, 0);
}

struct limit set_limit(unsigned resource, rlim_t value)
{
	struct limit limit = { .resource = resource };
	struct rlimit lowered;

	ck_assert_int_eq(getrlimit(resource, &limit.before), 0);
	lowered = limit.before;
	lowered.rlim_cur = value;
	/* An assertion writes to a file, which this very limit may forbid. */
	if (setrlimit(resource, &lowered) < 0)
		ck_abort_msg("the limit cannot be set");
	return limit;
}

struct limit unchanged_limit(unsigned resource)
{
	struct rlimit now;

	ck_assert_int_eq(getrlimit(resource, &now), 0);
	return set_limit(resource, now.rlim_cur);
}

void lift_limit(const struct limit *limit)
{
	(void)setrlimit(limit->resource, &limit->before);
}

struct shortage leave_descriptors(int free)
{
	struct shortage shortage = { .limit = set_limit(RLIMIT_NOFILE, 64) };
	int fd;

	while ((fd = dup(STDERR_FILENO)) >= 0)
		shortage.taken[shortage.count++] = fd;
	ck_assert_int_ge((int)shortage.count, free);
	while (free-- > 0)
		close(shortage.taken[--shortage.count]);
	return shortage;
}

void end_shortage(const struct shortage *shortage)
{
	lift_limit(&shortage->limit);
	for (size_t i = 0; i < shortage->count; i++)
		close(shortage->taken[i]);
}

/* Dumpable again, or the kernel would keep the process from its own files in /proc. */
void become_plain_user(void)
{
	const uid_t user = 65534;

	if (geteuid() != 0)
		return;
	leak_check_off = 1;
	if (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 ||
	    setresuid(user, user, user) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		skip_test("this process may not change its user");
}

static bool own_mounts(void)
{
	leak_check_off = 1;
	return unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

void hide_proc(void)
{
	(void)take_census();
	(void)under_valgrind();
	if (!own_mounts() || mount("none", "/proc", "tmpfs", 0, NULL) < 0)
		skip_test("this user may not hide /proc");
	ck_assert_int_lt(access("/proc/self", F_OK), 0);
}

void pretend_file(const char *path, const char *text)
{
	CLEANUP(close_fd_at) int fd = -1;
	char name[] = "/tmp/sealmem-pretended-XXXXXX";
	bool done;

	if (!own_mounts())
		skip_test("this user may not mount over a file");
	fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
	       mount(name, path, NULL, MS_BIND, NULL) == 0;
	ck_assert_int_eq(unlink(name), 0);
	if (!done)
		skip_test("this user may not mount over a file");
}

void own_memfd_noexec(void)
{
	if (access("/proc/sys/vm/memfd_noexec", W_OK) < 0)
		skip_test("this user may not set vm.memfd_noexec, or this kernel has none");
	leak_check_off = 1;
	if (unshare(CLONE_NEWPID) < 0)
		skip_test("this user may not make a namespace");
}

void require_filter(void)
{
	if (filter_this_machine().abi == FILTER_ABIS)
		skip_test("no filter is known for this architecture");
}

void emulate_mseal(void)
{
	require_filter();
	/* The sanitizers' and valgrind's own mappings would be refused what they are used to. */
	require_own_address_space();
	if (sys_mseal(NULL, 0, 0) == 0)
		forbid(__NR_mseal, ENOSYS);
	ck_assert_int_eq(sealmem_allow_emulation(), 0);
}
