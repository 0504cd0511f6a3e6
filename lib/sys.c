/* SPDX-License-Identifier: MIT */

/*
 * The only file that enters the kernel. It does not use the C library's own wrappers even where they
 * exist: sanitizers and preloads intercept some of them, some add behaviour (cancellation, caches), and
 * a test could not make all of them fail by replacing one symbol.
 */

#include "lib/sys.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long answer(long result)
{
	return result == -1 ? -errno : result;
}

/*
 * Where a register has 32 bits, a 64-bit offset is in two of them. On arm the first of these has an even number, so that
 * one may be left out before it.
 */
#if __SIZEOF_LONG__ >= 8
# define OFFSET(offset)	     offset
# define EVEN_OFFSET(offset) offset
#else
# define OFFSET(offset) (long)(offset), (long)((offset) >> 32)
# ifdef __arm__
#  define EVEN_OFFSET(offset) 0L, OFFSET(offset)
# else
#  define EVEN_OFFSET(offset) OFFSET(offset)
# endif
#endif

/* What the calls for times take, whatever the C library thinks of time_t. */
struct clock_value {
	int64_t seconds, nanoseconds;
};

int sys_open(const char *path, int flags)
{
	return (int)answer(syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_LARGEFILE, 0));
}

int sys_close(int fd)
{
	return (int)answer(syscall(SYS_close, fd));
}

ssize_t sys_read(int fd, void *buffer, size_t size)
{
	return answer(syscall(SYS_read, fd, buffer, size));
}

ssize_t sys_pread(int fd, void *buffer, size_t size, off_t offset)
{
	return answer(syscall(SYS_pread64, fd, buffer, size, EVEN_OFFSET(offset)));
}

ssize_t sys_write(int fd, const void *bytes, size_t size)
{
	return answer(syscall(SYS_write, fd, bytes, size));
}

ssize_t sys_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	return answer(syscall(SYS_pwrite64, fd, bytes, size, EVEN_OFFSET(offset)));
}

/* The call takes the offset in two registers everywhere. */
ssize_t sys_pwritev(int fd, const struct iovec *pieces, size_t count, off_t offset)
{
	return answer(syscall(SYS_pwritev, fd, pieces, count, OFFSET(offset), 0L));
}

int sys_pipe(int ret[2])
{
	return (int)answer(syscall(SYS_pipe2, ret, O_CLOEXEC));
}

int sys_set_pipe_size(int pipe, size_t size)
{
	return sys_fcntl(pipe, F_SETPIPE_SZ, (long)size);
}

ssize_t sys_splice(int file, size_t offset, int pipe, size_t size)
{
	loff_t from = (loff_t)offset;

	return answer(syscall(SYS_splice, file, &from, pipe, NULL, size, (long)SPLICE_F_NONBLOCK));
}

ssize_t sys_splice_from_pipe(int pipe, int file, size_t offset, size_t size)
{
	loff_t to = (loff_t)offset;

	return answer(syscall(SYS_splice, pipe, NULL, file, &to, size, 0L));
}

ssize_t sys_sendfile(int to, int from, off_t *offset, size_t size)
{
	return answer(syscall(SYS_OWN_SENDFILE, to, from, offset, size));
}

int sys_dup_over(int fd, int number)
{
	return (int)answer(syscall(SYS_dup3, fd, number, O_CLOEXEC));
}

int sys_dup_for_program(int fd, int number)
{
	return (int)answer(syscall(SYS_dup3, fd, number, 0));
}

int sys_fcntl(int fd, int command, long argument)
{
	return (int)answer(syscall(SYS_fcntl, fd, command, argument));
}

int sys_ftruncate(int fd, off_t size)
{
	return (int)answer(syscall(SYS_OWN_FTRUNCATE, fd, EVEN_OFFSET(size)));
}

int sys_fallocate(int fd, off_t offset, off_t size)
{
	return (int)answer(syscall(SYS_fallocate, fd, 0, OFFSET(offset), OFFSET(size)));
}

int sys_punch_hole(int fd, off_t offset, off_t size)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	return (int)answer(syscall(SYS_fallocate, fd, mode, OFFSET(offset), OFFSET(size)));
}

#if __SIZEOF_LONG__ >= 8
static int file_status(int fd, struct stat *ret)
{
	return (int)answer(syscall(SYS_OWN_FSTAT, fd, ret));
}
#else
/* The C library's structure is that of no call here: its times are as wide as the program wants them. */
static int file_status(int fd, struct stat *ret)
{
	struct statx found;
	int err = (int)answer(
		syscall(SYS_OWN_FSTAT, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &found));

	if (err == 0)
		*ret = (struct stat){
			.st_dev = makedev(found.stx_dev_major, found.stx_dev_minor),
			.st_ino = found.stx_ino,
			.st_mode = found.stx_mode,
			.st_nlink = found.stx_nlink,
			.st_size = (off_t)found.stx_size,
		};
	return err;
}
#endif

int sys_file_size(int fd, off_t *ret)
{
	struct stat st;
	int err = file_status(fd, &st);

	if (err < 0)
		return err;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret = st.st_size;
	return 0;
}

int sys_file_kind(int fd, mode_t *ret_mode, off_t *ret_size)
{
	struct stat st;
	int err = file_status(fd, &st);

	if (err < 0)
		return err;
	*ret_mode = st.st_mode;
	*ret_size = st.st_size;
	return 0;
}

int sys_file_identity(int fd, struct sys_file *ret)
{
	struct stat st;
	int err = file_status(fd, &st);

	if (err == 0)
		*ret = (struct sys_file){ st.st_dev, st.st_ino };
	return err;
}

int sys_threads(void)
{
	struct stat st;
	int fd = sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY);
	int err = fd < 0 ? fd : file_status(fd, &st);

	if (fd >= 0)
		(void)sys_close(fd);
	return err < 0 ? err : (int)st.st_nlink - 2;
}

int sys_mapping_of(int maps, uint64_t address, struct sys_mapping *ret)
{
	struct sys_mapping mapping = { .size = sizeof(mapping), .address = address };
	int err =
		(int)answer(syscall(SYS_ioctl, maps, _IOWR('f', 17, struct sys_mapping), &mapping));

	if (err == 0)
		*ret = mapping;
	return err;
}

int sys_seek_hole_or_data(int fd, off_t offset, int whence, off_t *ret)
{
#if __SIZEOF_LONG__ >= 8
	off_t found = answer(syscall(SYS_OWN_LSEEK, fd, offset, whence));
	int err = found < 0 ? (int)found : 0;
#else
	int64_t found = 0;
	int err = (int)answer(
		syscall(SYS_OWN_LSEEK, fd, (long)(offset >> 32), (long)offset, &found, whence));
#endif

	if (err == 0)
		*ret = found;
	return err;
}

int sys_filesystem(int fd, struct statfs *ret)
{
#if __SIZEOF_LONG__ >= 8
	return (int)answer(syscall(SYS_OWN_FSTATFS, fd, ret));
#else
	return (int)answer(syscall(SYS_OWN_FSTATFS, fd, sizeof(*ret), ret));
#endif
}

int sys_socket_option(int socket, int option, int *ret)
{
	socklen_t size = sizeof(*ret);

	return (int)answer(syscall(SYS_getsockopt, socket, SOL_SOCKET, option, ret, &size));
}

int sys_socket_limit(int socket, int option, struct timeval *ret)
{
	socklen_t size = sizeof(*ret);

	return (int)answer(syscall(SYS_getsockopt, socket, SOL_SOCKET, option, ret, &size));
}

int sys_set_linger(int socket, const struct linger *linger)
{
	return (int)answer(
		syscall(SYS_setsockopt, socket, SOL_SOCKET, SO_LINGER, linger, sizeof(*linger)));
}

int sys_set_send_buffer(int socket, int size)
{
	return (int)answer(
		syscall(SYS_setsockopt, socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
}

int sys_socket_peer(int socket, struct ucred *ret)
{
	socklen_t size = sizeof(*ret);

	return (int)answer(syscall(SYS_getsockopt, socket, SOL_SOCKET, SO_PEERCRED, ret, &size));
}

int sys_refuse_descriptors(int socket)
{
	const int none = 0;

	return (int)answer(
		syscall(SYS_setsockopt, socket, SOL_SOCKET, SO_PASSRIGHTS, &none, sizeof(none)));
}

int sys_accept(int listening_socket)
{
	return (int)answer(
		syscall(SYS_accept4, listening_socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

int sys_shutdown(int socket)
{
	return (int)answer(syscall(SYS_shutdown, socket, SHUT_RDWR));
}

ssize_t sys_sendmsg(int socket, const struct msghdr *message, int flags)
{
	return answer(syscall(SYS_sendmsg, socket, message, flags));
}

ssize_t sys_recvmsg(int socket, struct msghdr *message, int flags)
{
	return answer(syscall(SYS_recvmsg, socket, message, flags));
}

int sys_memfd_create(const char *name, unsigned flags)
{
	return (int)answer(syscall(SYS_memfd_create, name, flags | MFD_CLOEXEC));
}

int sys_memfd_secret(void)
{
	return (int)answer(syscall(__NR_memfd_secret, O_CLOEXEC));
}

/* On s390x the six arguments lie in memory. Where a register has 32 bits, the offset is in units of 2^12 bytes. */
static long map(void *addr, size_t size, int protection, int flags, int fd, off_t offset)
{
#if defined(__s390x__)
	const unsigned long arguments[] = {
		(uintptr_t)addr,	   size,
		(unsigned long)protection, (unsigned long)flags,
		(unsigned long)fd,	   (unsigned long)offset,
	};

	return syscall(SYS_OWN_MMAP, arguments);
#elif __SIZEOF_LONG__ == 4
	return syscall(SYS_OWN_MMAP, addr, size, protection, flags, fd, (long)(offset >> 12));
#else
	return syscall(SYS_OWN_MMAP, addr, size, protection, flags, fd, offset);
#endif
}

int sys_mmap(void **ret, void *addr, size_t size, int protection, int flags, int fd)
{
	return sys_mmap_part(ret, addr, size, protection, flags, fd, 0);
}

int sys_mmap_part(void **ret, void *addr, size_t size, int protection, int flags, int fd,
		  off_t offset)
{
	long result = map(addr, size, protection, flags, fd, offset);

	if (result == -1)
		return -errno;
	*ret = (void *)result;
	return 0;
}

int sys_munmap(void *addr, size_t size)
{
	return (int)answer(syscall(SYS_munmap, addr, size));
}

int sys_mprotect(void *addr, size_t size, int protection)
{
	return (int)answer(syscall(SYS_mprotect, addr, size, protection));
}

int sys_madvise(void *addr, size_t size, int advice)
{
	return (int)answer(syscall(SYS_madvise, addr, size, advice));
}

int sys_mlock(void *addr, size_t size)
{
	return (int)answer(syscall(SYS_mlock, addr, size));
}

int sys_mlock_on_fault(void *addr, size_t size)
{
	return (int)answer(syscall(SYS_mlock2, addr, size, MLOCK_ONFAULT));
}

int sys_munlock(void *addr, size_t size)
{
	return (int)answer(syscall(SYS_munlock, addr, size));
}

int sys_mremap_in_place(void *addr, size_t old_size, size_t new_size)
{
	long result = syscall(SYS_mremap, addr, old_size, new_size, 0L, NULL);

	return result == -1 ? -errno : 0;
}

int sys_mseal(void *addr, size_t size, unsigned long flags)
{
	return (int)answer(syscall(__NR_mseal, addr, size, flags));
}

int sys_pkey_alloc(void)
{
	return (int)answer(syscall(SYS_pkey_alloc, 0L, 0L));
}

int sys_pkey_free(int key)
{
	return (int)answer(syscall(SYS_pkey_free, key));
}

int sys_pkey_mprotect(void *addr, size_t size, int protection, int key)
{
	return (int)answer(syscall(SYS_pkey_mprotect, addr, size, protection, key));
}

/* 0 if every page is mapped, -ENOMEM if not: MS_ASYNC does nothing else. */
int sys_mapped(void *addr, size_t size)
{
	return (int)answer(syscall(SYS_msync, addr, size, MS_ASYNC));
}

/*
 * The signal mask is eight bytes that the kernel writes or reads on request, in every sandbox, without
 * a descriptor or a side effect. To store, the mask is asked for without a change. To load, it is set
 * with an operation that does not exist, which the kernel notices only after it has read the mask.
 */
int sys_touch(void *addr)
{
	return (int)answer(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, addr, SYS_TOUCHED));
}

int sys_readable(const void *addr)
{
	int err = (int)answer(syscall(SYS_rt_sigprocmask, -1, addr, NULL, SYS_TOUCHED));

	return err == -EFAULT ? err : 0;
}

/* This uses the C library's function, because a handler returns through a piece of code that only
 * the C library has. */
int sys_sigaction(int signal, const struct sigaction *action, struct sigaction *ret)
{
	return (int)answer(sigaction(signal, action, ret));
}

int sys_signal_self(int signal, siginfo_t *info)
{
	return (int)answer(
		syscall(SYS_rt_tgsigqueueinfo, sys_getpid(), syscall(SYS_gettid), signal, info));
}

int sys_block_signals(uint64_t set, uint64_t *ret_before)
{
	return (int)answer(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, ret_before, sizeof(set)));
}

int sys_set_blocked(uint64_t set)
{
	return (int)answer(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, sizeof(set)));
}

int sys_pending(uint64_t *ret)
{
	return (int)answer(syscall(SYS_rt_sigpending, ret, sizeof(*ret)));
}

int sys_take_signal(uint64_t set)
{
	const struct clock_value no_time = { 0 };

	return (int)answer(syscall(SYS_OWN_SIGTIMEDWAIT, &set, NULL, &no_time, sizeof(set)));
}

/* What is ready, 0 if nothing is. */
static int ready(int fd, short events, struct clock_value time)
{
	struct pollfd file = { .fd = fd, .events = events };
	int count = (int)answer(syscall(SYS_OWN_PPOLL, &file, 1L, &time, NULL, 0L));

	return count <= 0 ? count : file.revents;
}

int sys_writable(int fd)
{
	int events = ready(fd, POLLOUT, (struct clock_value){ 0 });

	return events < 0 ? events : (events & POLLOUT) != 0;
}

int sys_wait_ready(int fd, short events, int64_t nanoseconds)
{
	const int64_t second = 1000000000;

	return ready(fd, events,
		     (struct clock_value){ .seconds = nanoseconds / second,
					   .nanoseconds = nanoseconds % second });
}

#define SECOND INT64_C(1000000000)

static int read_clock(clockid_t clock, int64_t *ret)
{
	struct clock_value now;
	int err = (int)answer(syscall(SYS_OWN_CLOCK_GETTIME, clock, &now));

	if (err == 0)
		*ret = now.seconds * SECOND + now.nanoseconds;
	return err;
}

int sys_now(int64_t *ret)
{
	return read_clock(CLOCK_MONOTONIC, ret);
}

int sys_time_of_day(int64_t *ret)
{
	return read_clock(CLOCK_REALTIME, ret);
}

int sys_timer_new(void)
{
	return (int)answer(
		syscall(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

int sys_timer_set(int timer, int64_t nanoseconds)
{
	const struct {
		struct clock_value interval, first;
	} once = { .first = { nanoseconds / SECOND, nanoseconds % SECOND } };

	return (int)answer(syscall(SYS_OWN_TIMERFD_SETTIME, timer, 0L, &once, NULL));
}

int sys_epoll_new(void)
{
	return (int)answer(syscall(SYS_epoll_create1, EPOLL_CLOEXEC));
}

int sys_epoll_set(int epoll, int operation, int fd, uint32_t events, void *data)
{
	struct epoll_event event = { .events = events, .data.ptr = data };

	return (int)answer(syscall(SYS_epoll_ctl, epoll, operation, fd, &event));
}

int sys_epoll_ready(int epoll, struct epoll_event *ret, int count)
{
	return (int)answer(syscall(SYS_epoll_pwait, epoll, ret, count, 0L, NULL, 0L));
}

int sys_wait_while(atomic_uint *at, unsigned value)
{
	int err = (int)answer(syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, value, NULL));

	return err == -EAGAIN || err == -EINTR ? 0 : err;
}

int sys_wake_all(atomic_uint *at)
{
	return (int)answer(syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, INT_MAX));
}

int sys_dumpable(void)
{
	return (int)answer(syscall(SYS_prctl, PR_GET_DUMPABLE, 0L, 0L, 0L, 0L));
}

int sys_set_dumpable(int dumpable)
{
	return (int)answer(syscall(SYS_prctl, PR_SET_DUMPABLE, (long)dumpable, 0L, 0L, 0L));
}

pid_t sys_getpid(void)
{
	return (pid_t)syscall(SYS_getpid);
}

void sys_yield(void)
{
	(void)syscall(SYS_sched_yield);
}

int sys_seccomp_mode(void)
{
	return (int)answer(syscall(SYS_prctl, PR_GET_SECCOMP, 0L, 0L, 0L, 0L));
}

int sys_seccomp_can_refuse(void)
{
	const uint32_t action = SECCOMP_RET_ERRNO;

	return (int)answer(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

int sys_no_new_privs(void)
{
	return (int)answer(syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L));
}

int sys_seccomp_filter(const struct sock_fprog *program)
{
	return (int)answer(
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program));
}

int sys_random(uint64_t *ret)
{
	long got = answer(syscall(SYS_getrandom, ret, sizeof(*ret), GRND_NONBLOCK));

	if (got < 0)
		return (int)got;
	return got == sizeof(*ret) ? 0 : -EAGAIN;
}

uint64_t sys_heap_end(void)
{
	return (unsigned long)syscall(SYS_brk, NULL);
}

/* The call answers with the size of its set. There are kernels for 8192 processors, and none for more. */
int sys_processors(void)
{
	unsigned char set[8192 / CHAR_BIT];
	long size = answer(syscall(SYS_sched_getaffinity, 0, sizeof(set), set));

	return (int)(size < 0 ? size : size * CHAR_BIT);
}

struct limit {
	uint64_t soft, hard;
};

static long get_limit(int resource, struct limit *ret)
{
#if SYS_HAS_GETRLIMIT
	return syscall(SYS_OWN_LIMIT, resource, ret);
#else
	return syscall(SYS_OWN_LIMIT, 0, resource, NULL, ret);
#endif
}

int sys_limit(int resource, uint64_t *ret)
{
	struct limit limit;
	int result = (int)answer(get_limit(resource, &limit));

	if (result == 0)
		*ret = limit.soft;
	return result;
}

int sys_memory(uint64_t *ret)
{
	struct sysinfo info;
	int result = (int)answer(syscall(SYS_sysinfo, &info));

	if (result == 0)
		*ret = (uint64_t)info.totalram * info.mem_unit;
	return result;
}

static int wait_for(pid_t pid)
{
	siginfo_t info = { 0 };
	long result;

	do
		result = answer(syscall(SYS_waitid, P_PID, pid, &info, WEXITED | __WCLONE, NULL));
	while (result == -EINTR);
	if (result < 0)
		return (int)result;
	return info.si_code == CLD_EXITED ? info.si_status : -ECHILD;
}

/* There is no exit signal (flags 0). That hides the child from SIGCHLD and wait(). */
static long start_child(int (*run)(void *argument), void *argument)
{
	long pid = answer(syscall(SYS_clone, 0L, NULL, NULL, NULL, NULL));

	if (pid == 0)
		syscall(SYS_exit_group, run(argument));
	return pid;
}

int sys_in_child(int (*run)(void *argument), void *argument)
{
	long pid = start_child(run, argument);

	return pid < 0 ? (int)pid : wait_for((pid_t)pid);
}

/* No handler of the program runs here: only SIGKILL is not blocked. */
static int hold(void *argument)
{
	const struct clock_value minute = { .seconds = 60 };

	(void)argument;
	(void)sys_block_signals(UINT64_MAX, NULL);
	(void)syscall(SYS_prctl, PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
	(void)syscall(SYS_OWN_PPOLL, NULL, 0L, &minute, NULL, 0L);
	return 0;
}

int sys_start_holder(void)
{
	return (int)start_child(hold, NULL);
}

void sys_end_holder(pid_t holder)
{
	(void)syscall(SYS_kill, holder, SIGKILL);
	(void)wait_for(holder);
}
