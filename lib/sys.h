/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_SYS_H
#define SEALMEM_SYS_H

/*
 * The kernel as the library sees it: one function for each system call, and the constants that the
 * system headers may be too old to have. It decides nothing.
 *
 * There are two reasons for it. Every call goes through the syscall() of the C library, one symbol that
 * a test replaces to make each call fail in turn (tests/faults/faults.c). And every call answers in one
 * way: a useful non-negative value, or a negative errno.
 */

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>

/* Debian 12 has the headers of Linux 6.1. */
#ifndef __NR_mseal
# define __NR_mseal 462
#endif
#ifndef __NR_memfd_secret
# define __NR_memfd_secret 447
#endif
#ifndef SECRETMEM_MAGIC
# define SECRETMEM_MAGIC 0x5345434d
#endif
#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
# define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
# define F_SEAL_EXEC 0x0020
#endif

/* Linux 6.11: asks a descriptor of /proc/PID/maps for the mapping that holds an address. */
struct sys_mapping {
	uint64_t size, flags, address;
	uint64_t start, end, protection, page, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name, build_id;
};
#define SYS_MAPPING_READ   0x01
#define SYS_MAPPING_WRITE  0x02
#define SYS_MAPPING_EXEC   0x04
#define SYS_MAPPING_SHARED 0x08

/* Which file it is, of all that exist. */
struct sys_file {
	uint64_t device, inode;
};

#define SYS_ABI_X32_BIT	       0x40000000u
#define SYS_AUDIT_ARCH_X86_64  (62u | 0x80000000u | 0x40000000u)
#define SYS_AUDIT_ARCH_I386    (3u | 0x40000000u)
#define SYS_AUDIT_ARCH_AARCH64 (183u | 0x80000000u | 0x40000000u)
#define SYS_AUDIT_ARCH_ARM     (40u | 0x40000000u)
#define SYS_AUDIT_ARCH_RISCV64 (243u | 0x80000000u | 0x40000000u)
#define SYS_AUDIT_ARCH_LOONG64 (258u | 0x80000000u | 0x40000000u)
#define SYS_AUDIT_ARCH_PPC64LE (21u | 0x80000000u | 0x40000000u)

#ifndef MADV_POPULATE_READ
# define MADV_POPULATE_READ 22
#endif
#ifndef MADV_DONTNEED_LOCKED
# define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
# define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
# define MADV_GUARD_INSTALL 102
#endif
#ifndef MADV_GUARD_REMOVE
# define MADV_GUARD_REMOVE 103
#endif
#ifndef SHM_REMAP
# define SHM_REMAP 040000
#endif
#ifndef SO_PASSRIGHTS
# define SO_PASSRIGHTS 83
#endif

/* The number by which the ipc(2) multiplexer of 32-bit x86 knows shmat. */
#define SYS_IPC_SHMAT 21
#define SYS_IPC_SHMDT 22

/*
 * Calls that have another name where a register has 32 bits: there, sizes of files and times have calls of their own.
 */
#if __SIZEOF_LONG__ >= 8
# define SYS_OWN_FTRUNCATE	 SYS_ftruncate
# define SYS_OWN_SENDFILE	 SYS_sendfile
# define SYS_OWN_PPOLL		 SYS_ppoll
# define SYS_OWN_SIGTIMEDWAIT	 SYS_rt_sigtimedwait
# define SYS_OWN_CLOCK_GETTIME	 SYS_clock_gettime
# define SYS_OWN_TIMERFD_SETTIME SYS_timerfd_settime
# define SYS_OWN_FSTAT		 SYS_fstat
# define SYS_OWN_LSEEK		 SYS_lseek
# define SYS_OWN_FSTATFS	 SYS_fstatfs
# define SYS_OWN_MMAP		 SYS_mmap
#else
# define SYS_OWN_FTRUNCATE	 SYS_ftruncate64
# define SYS_OWN_SENDFILE	 SYS_sendfile64
# define SYS_OWN_PPOLL		 SYS_ppoll_time64
# define SYS_OWN_SIGTIMEDWAIT	 SYS_rt_sigtimedwait_time64
# define SYS_OWN_CLOCK_GETTIME	 SYS_clock_gettime64
# define SYS_OWN_TIMERFD_SETTIME SYS_timerfd_settime64
# define SYS_OWN_FSTAT		 SYS_statx
# define SYS_OWN_LSEEK		 SYS__llseek
# define SYS_OWN_FSTATFS	 SYS_fstatfs64
# define SYS_OWN_MMAP		 SYS_mmap2
#endif

/* getrlimit(2) takes a third of the time of prlimit(2), which looks up the process and locks its credentials. Not every
 * architecture has it. */
#if defined(__x86_64__) || defined(__aarch64__)
# define SYS_HAS_GETRLIMIT 1
# define SYS_OWN_LIMIT	   SYS_getrlimit
#else
# define SYS_HAS_GETRLIMIT 0
# define SYS_OWN_LIMIT	   SYS_prlimit64
#endif

int sys_open(const char *path, int flags);
int sys_close(int fd);
ssize_t sys_read(int fd, void *buffer, size_t size);
ssize_t sys_pread(int fd, void *buffer, size_t size, off_t offset);
ssize_t sys_write(int fd, const void *bytes, size_t size);
ssize_t sys_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t sys_pwritev(int fd, const struct iovec *pieces, size_t count, off_t offset);
int sys_pipe(int ret[2]);
int sys_set_pipe_size(int pipe, size_t size);
/* Moves references to the pages of a file into a pipe, and does not wait where that is full: -EAGAIN. */
ssize_t sys_splice(int file, size_t offset, int pipe, size_t size);
/* The bytes of a pipe go to a place in a file. It waits for the first of them, unless the pipe does not wait. */
ssize_t sys_splice_from_pipe(int pipe, int file, size_t offset, size_t size);
/* From a place in one file to where the other is positioned. */
ssize_t sys_sendfile(int to, int from, off_t *offset, size_t size);
int sys_dup_over(int fd, int number);
/* The same, and the descriptor stays open in a program that is executed. */
int sys_dup_for_program(int fd, int number);
int sys_fcntl(int fd, int command, long argument);
int sys_ftruncate(int fd, off_t size);
int sys_fallocate(int fd, off_t offset, off_t size);
int sys_punch_hole(int fd, off_t offset, off_t size);
/* The size of a regular file (a memfd is one); -EINVAL for another kind. */
int sys_file_size(int fd, off_t *ret);
/* What kind of file it is, and its size if that kind has one. */
int sys_file_kind(int fd, mode_t *ret_mode, off_t *ret_size);

int sys_file_identity(int fd, struct sys_file *ret);
/* How many threads this process has: each has a directory in /proc/self/task, which is a link. */
int sys_threads(void);
/* -ENOENT if there is no such mapping, -ENOTTY before Linux 6.11. */
int sys_mapping_of(int maps, uint64_t address, struct sys_mapping *ret);

int sys_seek_hole_or_data(int fd, off_t offset, int whence, off_t *ret);

int sys_filesystem(int fd, struct statfs *ret);
int sys_socket_option(int socket, int option, int *ret);
/* SO_RCVTIMEO or SO_SNDTIMEO; 0 means none. */
int sys_socket_limit(int socket, int option, struct timeval *ret);
int sys_set_linger(int socket, const struct linger *linger);
/* How many bytes may be on their way, as far as the kernel allows. */
int sys_set_send_buffer(int socket, int size);
/* Who connected, as they were then. */
int sys_socket_peer(int socket, struct ucred *ret);
/* The kernel takes no descriptors for this socket and those that are accepted from it. Linux 6.16. */
int sys_refuse_descriptors(int socket);
/* The next connection, of which no call waits. */
int sys_accept(int listening_socket);
int sys_shutdown(int socket);
ssize_t sys_sendmsg(int socket, const struct msghdr *message, int flags);
ssize_t sys_recvmsg(int socket, struct msghdr *message, int flags);

int sys_memfd_create(const char *name, unsigned flags);
int sys_memfd_secret(void);
int sys_mmap(void **ret, void *addr, size_t size, int protection, int flags, int fd);
int sys_mmap_part(void **ret, void *addr, size_t size, int protection, int flags, int fd,
		  off_t offset);
int sys_munmap(void *addr, size_t size);
int sys_mprotect(void *addr, size_t size, int protection);
int sys_madvise(void *addr, size_t size, int advice);
int sys_mlock(void *addr, size_t size);
int sys_mlock_on_fault(void *addr, size_t size);
int sys_munlock(void *addr, size_t size);
int sys_mremap_in_place(void *addr, size_t old_size, size_t new_size);
int sys_mseal(void *addr, size_t size, unsigned long flags);

/* Protection keys of a thread, which decide about pages without a system call. Linux 4.9. */
int sys_pkey_alloc(void);
int sys_pkey_free(int key);
int sys_pkey_mprotect(void *addr, size_t size, int protection, int key);

int sys_mapped(void *addr, size_t size);

/* The kernel stores SYS_TOUCHED bytes at addr, or loads them from there. -EFAULT where a store or
 * load of our own would raise a signal. */
#define SYS_TOUCHED 8
int sys_touch(void *addr);
int sys_readable(const void *addr);

int sys_sigaction(int signal, const struct sigaction *action, struct sigaction *ret);
int sys_signal_self(int signal, siginfo_t *info);

/* Sets of signals of this thread, as the kernel has them: they take little stack, where every byte counts. */
#define SYS_SIGNAL(number) (UINT64_C(1) << ((number)-1))
int sys_block_signals(uint64_t set, uint64_t *ret_before);
int sys_set_blocked(uint64_t set);
int sys_pending(uint64_t *ret);

/* All but those that a thread raises by what it does, such as SIGSEGV. */
#define SYS_FAULTS                                                                                 \
 (SYS_SIGNAL(SIGSEGV) | SYS_SIGNAL(SIGBUS) | SYS_SIGNAL(SIGFPE) | SYS_SIGNAL(SIGILL) |             \
  SYS_SIGNAL(SIGTRAP) | SYS_SIGNAL(SIGSYS) | SYS_SIGNAL(SIGABRT))
#define SYS_OTHER_SIGNALS (~SYS_FAULTS)
/* One of these that is blocked and pending is so no longer; -EAGAIN if there is none. */
int sys_take_signal(uint64_t set);

/* 1 if a write would not wait now, 0 if it would or there is no such file. */
int sys_writable(int fd);

/* Waits for POLLIN or POLLOUT (poll(2)) for so many nanoseconds. 0 if they are over. */
int sys_wait_ready(int fd, short events, int64_t nanoseconds);

/* Nanoseconds on a clock that nobody sets. */
int sys_now(int64_t *ret);

/* Nanoseconds since 1970, on a clock that is set. */
int sys_time_of_day(int64_t *ret);

/* A descriptor that is readable from so many nanoseconds on; 0: never. */
int sys_timer_new(void);
int sys_timer_set(int timer, int64_t nanoseconds);

/* epoll(7): `data` comes back with the events of the descriptor. */
int sys_epoll_new(void);
int sys_epoll_set(int epoll, int operation, int fd, uint32_t events, void *data);
/* How many are ready now, up to `count`. */
int sys_epoll_ready(int epoll, struct epoll_event *ret, int count);

/* Waits until somebody calls sys_wake_all(), if *at is `value` now. May return before that. */
int sys_wait_while(atomic_uint *at, unsigned value);
int sys_wake_all(atomic_uint *at);

/* 1 if the process leaves core dumps and processes of its user may attach to it. */
int sys_dumpable(void);
int sys_set_dumpable(int dumpable);

pid_t sys_getpid(void);
void sys_yield(void);

/* SECCOMP_MODE_DISABLED or SECCOMP_MODE_FILTER. */
int sys_seccomp_mode(void);

/* 0 if a filter could refuse system calls with an errno. */
int sys_seccomp_can_refuse(void);
int sys_no_new_privs(void);

/* Puts a filter into force for all threads. A positive result is the id of a thread that cannot have
 * it. */
int sys_seccomp_filter(const struct sock_fprog *program);

/* A number that nobody can guess; does not wait for one. */
int sys_random(uint64_t *ret);

/* Where the heap of brk(2) ends now. */
uint64_t sys_heap_end(void);

/* How many processors the kernel has room for in its sets of them: as many as there can be, or more. */
int sys_processors(void);

/* The current soft limit; UINT64_MAX means none. */
int sys_limit(int resource, uint64_t *ret);

/* How many bytes of memory the machine has, without the swap. */
int sys_memory(uint64_t *ret);

/*
 * Runs `run(argument)` in a child, which exits with its value, 0 to 255, and returns that value, or
 * -ECHILD if a signal ended it. The child raises no SIGCHLD and an ordinary wait does not see it, so the
 * program around us does not notice it. No atfork handler runs: the child may use system calls and nothing
 * else.
 */
int sys_in_child(int (*run)(void *argument), void *argument);

/*
 * Starts such a child, which has a copy of the table of descriptors and only waits, and ends it. It goes with the
 * thread that started it, and after a minute at the latest.
 */
int sys_start_holder(void);
void sys_end_holder(pid_t holder);

#endif
