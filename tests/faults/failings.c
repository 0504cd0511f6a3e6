/* SPDX-License-Identifier: MIT */

/*
 * What the kernel can answer. From the manual pages, as far as the library's use of a call can meet it:
 * a path that the library makes up is not too long, a descriptor that it has just opened is open.
 */

#include "tests/faults/failings.h"

#include "lib/sys.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* A sandbox can answer these to any call. */
#define SANDBOX EPERM, ENOSYS

/*
 * The first ones stand for the rest; what does not fit into a line has another one. Without errors: cannot
 * fail. Not among them: ENXIO of lseek(2), which is no failure but the answer that there is no data.
 */
static const struct {
	struct call call;
	const char *name;
	int errors[8];
} errors[] = {
	{ { MALLOC, 0 }, "malloc", { ENOMEM } },
	{ { CALLOC, 0 }, "calloc", { ENOMEM } },
	{ { SYS_OWN_FSTAT, 0 }, "fstat", { ENOMEM, SANDBOX, EOVERFLOW } },
	{ { SYS_openat, 0 }, "openat", { EMFILE, SANDBOX, ENFILE, ENOENT, ENOTDIR, EACCES } },
	{ { SYS_openat, 0 }, "openat", { EINTR, ELOOP, ENODEV, ENOMEM, ENXIO, EAGAIN } },
	{ { SYS_ioctl, 0 }, "ioctl", { ENOTTY, SANDBOX, EINTR, EFAULT, ESRCH } },
	{ { SYS_close, 0 }, "close", { EINTR, SANDBOX, EIO, ENOSPC, EDQUOT } },
	{ { SYS_read, 0 }, "read", { EFAULT, SANDBOX, EINTR, EAGAIN, EIO, EINVAL } },
	{ { SYS_pread64, 0 }, "pread64", { EFAULT, SANDBOX, EINTR, EAGAIN, EIO, EINVAL } },
	{ { SYS_OWN_SENDFILE, 0 },
	  "sendfile",
	  { EINVAL, SANDBOX, EINTR, EIO, ENOMEM, ENOSPC, EFBIG } },
	{ { SYS_write, 0 }, "write", { EAGAIN, SANDBOX, EINTR, EFAULT, EIO, EPIPE } },
	{ { SYS_pwrite64, 0 }, "pwrite64", { ENOSPC, SANDBOX, EINTR, EFBIG, EIO, EFAULT } },
	{ { SYS_pwrite64, 0 }, "pwrite64", { ENOMEM, EDQUOT } },
	{ { SYS_pwritev, 0 }, "pwritev", { ENOSPC, SANDBOX, EINTR, EFBIG, EIO } },
	{ { SYS_pwritev, 0 }, "pwritev", { ENOMEM, EDQUOT } },
	{ { SYS_pipe2, 0 }, "pipe2", { EMFILE, SANDBOX, ENFILE, ENOMEM } },
	{ { SYS_splice, 0 }, "splice", { EAGAIN, SANDBOX, EINVAL, ENOMEM, EINTR, ENOSPC, EFBIG } },
	{ { SYS_dup3, 0 }, "dup3", { EMFILE, SANDBOX, EBUSY, EINTR, EBADF } },
	{ { SYS_fcntl, F_GETFL }, "fcntl(F_GETFL)", { EBADF, SANDBOX } },
	{ { SYS_fcntl, F_SETFL }, "fcntl(F_SETFL)", { EINVAL, SANDBOX } },
	{ { SYS_fcntl, F_DUPFD_CLOEXEC }, "fcntl(F_DUPFD)", { EMFILE, SANDBOX, EINVAL } },
	{ { SYS_fcntl, F_SETPIPE_SZ }, "fcntl(F_SETPIPE_SZ)", { EPERM, ENOSYS, ENOMEM, EBUSY } },
	{ { SYS_fcntl, F_ADD_SEALS }, "fcntl(F_ADD_SEALS)", { EBUSY, SANDBOX, EINVAL, ENOMEM } },
	{ { SYS_fcntl, F_GET_SEALS }, "fcntl(F_GET_SEALS)", { EINVAL, SANDBOX } },
	{ { SYS_OWN_FTRUNCATE, 0 }, "ftruncate", { ENOMEM, SANDBOX, EINTR, EFBIG, EINVAL, EIO } },
	{ { SYS_fallocate, 0 }, "fallocate", { ENOSPC, SANDBOX, EINTR, EFBIG, EINVAL, EIO } },
	{ { SYS_fallocate, 0 }, "fallocate", { ENODEV, EOPNOTSUPP, ENOMEM } },
	{ { SYS_OWN_LSEEK, 0 }, "lseek", { EINVAL, SANDBOX, EOVERFLOW, ESPIPE } },
	{ { SYS_memfd_create, 0 }, "memfd_create", { EMFILE, SANDBOX, ENFILE, EACCES, ENOMEM } },
	{ { SYS_memfd_create, 0 }, "memfd_create", { EINVAL } },
	{ { __NR_memfd_secret, 0 }, "memfd_secret", { EMFILE, SANDBOX, ENFILE, ENOMEM } },
	{ { SYS_OWN_MMAP, 0 },
	  "mmap",
	  { ENOMEM, SANDBOX, EACCES, EAGAIN, EINVAL, ENFILE, ENODEV } },
	{ { SYS_OWN_MMAP, 0 }, "mmap", { EOVERFLOW } },
	{ { SYS_OWN_MMAP, MMAP_TRY }, "mmap(try)", { EPERM, ENOSYS, ENOMEM, EACCES } },
	{ { SYS_munmap, 0 }, "munmap", { ENOMEM, SANDBOX, EINVAL } },
	{ { SYS_mprotect, 0 }, "mprotect", { ENOMEM, SANDBOX, EACCES, EINVAL } },
	{ { SYS_mprotect, MPROTECT_TRY }, "mprotect(try)", { ENOMEM, SANDBOX, EACCES, EINVAL } },
	{ { SYS_madvise, 0 }, "madvise", { ENOMEM, SANDBOX, EINVAL, EACCES, EAGAIN, EIO } },
	{ { SYS_madvise, MADVISE_NOTHING }, "madvise(nothing)", { EPERM } },
	{ { SYS_madvise, MADVISE_POPULATE },
	  "madvise(populate)",
	  { EINVAL, SANDBOX, ENOMEM, EFAULT, EAGAIN } },
	{ { SYS_mlock, 0 }, "mlock", { ENOMEM, SANDBOX, EAGAIN, EINVAL } },
	{ { SYS_mlock2, 0 }, "mlock2", { ENOMEM, SANDBOX, EAGAIN, EINVAL } },
	{ { SYS_munlock, 0 }, "munlock", { ENOMEM, SANDBOX, EINVAL } },
	{ { SYS_mremap, 0 }, "mremap", { ENOMEM, SANDBOX, EFAULT, EAGAIN, EINVAL } },
	{ { __NR_mseal, 0 }, "mseal", { ENOMEM, SANDBOX, EINVAL } },
	{ { SYS_pkey_alloc, 0 }, "pkey_alloc", { ENOSPC, SANDBOX, EINVAL } },
	{ { SYS_pkey_free, 0 }, "pkey_free", { EINVAL, SANDBOX } },
	{ { SYS_pkey_mprotect, 0 }, "pkey_mprotect", { ENOMEM, SANDBOX, EACCES, EINVAL } },
	{ { SYS_msync, 0 }, "msync", { ENOMEM, SANDBOX, EBUSY, EINVAL } },
	{ { SYS_OWN_LIMIT, 0 }, "getrlimit", { EINVAL, SANDBOX, EFAULT } },
	{ { SYS_sysinfo, 0 }, "sysinfo", { EFAULT, SANDBOX } },
	{ { SYS_seccomp, SECCOMP_GET_ACTION_AVAIL }, "seccomp(AVAIL)", { EINVAL, SANDBOX } },
	{ { SYS_seccomp, SECCOMP_SET_MODE_FILTER }, "seccomp", { ENOMEM, SANDBOX, EINVAL } },
	{ { SYS_seccomp, SECCOMP_SET_MODE_FILTER }, "seccomp", { EACCES, EBUSY, ESRCH } },
	{ { SYS_getrandom, 0 }, "getrandom", { EAGAIN, SANDBOX, EINTR, EINVAL } },
	{ { SYS_prctl, PR_SET_NO_NEW_PRIVS }, "prctl(NO_NEW_PRIVS)", { EINVAL, SANDBOX } },
	{ { SYS_prctl, PR_GET_SECCOMP }, "prctl(GET_SECCOMP)", { EINVAL, SANDBOX } },
	{ { SYS_prctl, PR_GET_DUMPABLE }, "prctl(GET_DUMPABLE)", { EPERM, ENOSYS } },
	{ { SYS_prctl, PR_SET_DUMPABLE }, "prctl(SET_DUMPABLE, 0)", { EPERM, ENOSYS } },
	{ { SYS_prctl, PRCTL_DUMPABLE_AGAIN }, "prctl(SET_DUMPABLE, 1)", { EPERM, ENOSYS } },
	{ { SYS_OWN_FSTATFS, 0 }, "fstatfs", { ENOMEM, SANDBOX, EIO, EOVERFLOW } },
	{ { SYS_epoll_create1, 0 }, "epoll_create1", { EMFILE, SANDBOX, ENFILE, ENOMEM } },
	{ { SYS_epoll_ctl, 0 }, "epoll_ctl", { ENOMEM, SANDBOX, ENOSPC } },
	{ { SYS_epoll_pwait, 0 }, "epoll_pwait", { EINTR, SANDBOX, EINVAL } },
	{ { SYS_timerfd_create, 0 },
	  "timerfd_create",
	  { EMFILE, SANDBOX, ENFILE, ENOMEM, ENODEV } },
	{ { SYS_OWN_TIMERFD_SETTIME, 0 }, "timerfd_settime", { ECANCELED, SANDBOX, EINVAL } },
	{ { SYS_accept4, 0 }, "accept4", { EMFILE, SANDBOX, EAGAIN, ECONNABORTED, EINTR, ENFILE } },
	{ { SYS_accept4, 0 }, "accept4", { ENOMEM, EINVAL, ENOBUFS } },
	{ { SYS_shutdown, 0 }, "shutdown", { ENOTCONN, SANDBOX } },
	{ { SYS_getsockopt, 0 }, "getsockopt", { ENOTSOCK, SANDBOX, EBADF } },
	{ { SYS_setsockopt, 0 }, "setsockopt", { ENOTSOCK, SANDBOX } },
	{ { SYS_sendmsg, 0 }, "sendmsg", { EAGAIN, SANDBOX, EINTR, EPIPE, ENOBUFS, ENOMEM } },
	{ { SYS_sendmsg, 0 }, "sendmsg", { ECONNRESET, ENOTCONN, ETOOMANYREFS } },
	{ { SYS_recvmsg, 0 }, "recvmsg", { EAGAIN, SANDBOX, EINTR, ECONNREFUSED, ENOMEM } },
	{ { SYS_rt_sigprocmask, 0 }, "rt_sigprocmask", { EFAULT, SANDBOX, EINVAL } },
	{ { SYS_rt_sigpending, 0 }, "rt_sigpending", { EFAULT, SANDBOX, EINVAL } },
	{ { SYS_OWN_SIGTIMEDWAIT, 0 }, "rt_sigtimedwait", { EAGAIN, SANDBOX, EINVAL } },
	{ { SYS_OWN_PPOLL, 0 }, "ppoll", { ENOMEM, SANDBOX, EINTR, EINVAL } },
	{ { SYS_OWN_CLOCK_GETTIME, 0 }, "clock_gettime", { EINVAL, SANDBOX } },
	{ { SYS_clone, 0 }, "clone", { EAGAIN, SANDBOX, ENOMEM, EINVAL, ENOSPC, EUSERS } },
	{ { SYS_waitid, 0 }, "waitid", { ECHILD, SANDBOX, EINTR, EINVAL } },
	{ { SYS_rt_sigaction, 0 }, "rt_sigaction", { EINVAL, SANDBOX, EFAULT } },
	{ { SYS_exit_group, 0 }, "exit_group", { 0 } },
	{ { SYS_getpid, 0 }, "getpid", { 0 } },
	{ { SYS_gettid, 0 }, "gettid", { 0 } },
	{ { SYS_brk, 0 }, "brk", { 0 } },
	{ { SYS_sched_getaffinity, 0 }, "sched_getaffinity", { EINVAL, SANDBOX } },
	{ { SYS_futex, 0 }, "futex", { EAGAIN, SANDBOX } },
	{ { SYS_sched_yield, 0 }, "sched_yield", { 0 } },
};

/*
 * What is no plain refusal. HALF_DONE: close(2) gives the descriptor back whatever it says, the calls on
 * page ranges stop where they meet an obstacle, and mmap(2) over a mapping removes that first before
 * Linux 6.12. PRETENDED where the library claims to see through it; that of a write shows as EIO.
 */
static const struct fault others[] = {
	{ .call = { SYS_close, 0 }, .manner = HALF_DONE, .error = EIO },
	{ .call = { SYS_OWN_MMAP, 0 }, .manner = HALF_DONE, .error = ENOMEM },
	{ .call = { SYS_mprotect, 0 }, .manner = HALF_DONE, .error = ENOMEM },
	{ .call = { SYS_madvise, 0 }, .manner = HALF_DONE, .error = EAGAIN },
	{ .call = { SYS_mlock, 0 }, .manner = HALF_DONE, .error = ENOMEM },
	{ .call = { SYS_mlock2, 0 }, .manner = HALF_DONE, .error = ENOMEM },
	{ .call = { SYS_ioctl, 0 }, .manner = PRETENDED },
	{ .call = { SYS_read, 0 }, .manner = SHORT },
	{ .call = { SYS_pread64, 0 }, .manner = SHORT },
	{ .call = { SYS_pread64, 0 }, .manner = PRETENDED, .error = EBUSY },
	{ .call = { SYS_OWN_SENDFILE, 0 }, .manner = SHORT },
	{ .call = { SYS_OWN_SENDFILE, 0 }, .manner = PRETENDED, .error = EBUSY },
	{ .call = { SYS_splice, 0 }, .manner = SHORT },
	{ .call = { SYS_write, 0 }, .manner = SHORT },
	{ .call = { SYS_pwrite64, 0 }, .manner = SHORT },
	{ .call = { SYS_getrandom, 0 }, .manner = PRETENDED },
	{ .call = { SYS_pwrite64, 0 }, .manner = PRETENDED, .error = EIO },
	{ .call = { SYS_pwritev, 0 }, .manner = SHORT },
	{ .call = { SYS_pwritev, 0 }, .manner = PRETENDED, .error = EIO },
	{ .call = { SYS_fcntl, F_ADD_SEALS }, .manner = PRETENDED },
	{ .call = { SYS_fcntl, F_GET_SEALS }, .manner = PRETENDED },
	{ .call = { __NR_mseal, 0 }, .manner = PRETENDED },
};

static int add_refusals(const int *of, struct call call, struct fault *to)
{
	int count = 0;

	for (size_t i = 0; i < LENGTH(errors->errors) && of[i] != 0; i++)
		to[count++] = (struct fault){ .call = call, .manner = REFUSED, .error = of[i] };
	return count;
}

/* A sandbox forbids a system call for good. */
static int add_standing(const struct fault *of, int count, struct fault *to)
{
	static const int answers[] = { SANDBOX };
	int added = 0;

	for (int i = 0; i < count; i++)
		for (size_t j = 0; j < LENGTH(answers); j++)
			if (of[i].error == answers[j]) {
				to[added] = of[i];
				to[added++].standing = true;
			}
	return added;
}

static int add_others(struct call call, struct fault *to)
{
	int count = 0;

	for (size_t i = 0; i < LENGTH(others); i++)
		if (same_call(others[i].call, call))
			to[count++] = others[i];
	return count;
}

int failings_of(struct call call, struct fault ret[MAX_FAILINGS])
{
	bool known = false;
	int count = 0;

	for (size_t i = 0; i < LENGTH(errors); i++) {
		if (!same_call(errors[i].call, call))
			continue;
		known = true;
		count += add_refusals(errors[i].errors, call, ret + count);
	}
	count += add_standing(ret, count, ret + count);
	count += add_others(call, ret + count);
	return known ? count : -1;
}

const char *call_name(struct call call)
{
	for (size_t i = 0; i < LENGTH(errors); i++)
		if (same_call(errors[i].call, call))
			return errors[i].name;
	return "?";
}
