/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_SYS_H
#define SEALMEM_SYS_H

/*
 * The kernel as the library sees it: one function for each system call, and the constants that the
 * system headers may be too old to have. No policy.
 *
 * Two reasons to have it. Every call goes through the C library's syscall(), one symbol that a test
 * replaces to make each call fail in turn (tests/faults/faults.c). And every call answers in one way: a
 * useful non-negative value, or a negative errno.
 */

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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
#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
# define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
# define F_SEAL_EXEC 0x0020
#endif

#define SYS_ABI_X32_BIT	       0x40000000u
#define SYS_AUDIT_ARCH_X86_64  (62u | 0x80000000u | 0x40000000u)
#define SYS_AUDIT_ARCH_I386    (3u | 0x40000000u)
#define SYS_AUDIT_ARCH_AARCH64 (183u | 0x80000000u | 0x40000000u)

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

/* The number by which the ipc(2) multiplexer of 32-bit x86 knows shmat. */
#define SYS_IPC_SHMAT 21

int sys_open(const char *path, int flags);
int sys_close(int fd);
ssize_t sys_read(int fd, void *buffer, size_t size);
ssize_t sys_pread(int fd, void *buffer, size_t size, off_t offset);
ssize_t sys_write(int fd, const void *bytes, size_t size);
ssize_t sys_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t sys_pwritev(int fd, const struct iovec *pieces, size_t count, off_t offset);
int sys_pipe(int ret[2]);
int sys_dup_over(int fd, int number);
int sys_fcntl(int fd, int command, long argument);
int sys_ftruncate(int fd, off_t size);
int sys_fallocate(int fd, off_t offset, off_t size);
/* The size of a regular file (a memfd is one); -EINVAL for another kind. */
int sys_file_size(int fd, off_t *ret);

int sys_seek_hole_or_data(int fd, off_t offset, int whence, off_t *ret);

int sys_filesystem(int fd, struct statfs *ret);
int sys_socket_option(int socket, int option, int *ret);
int sys_set_linger(int socket, const struct linger *linger);
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

int sys_mapped(void *addr, size_t size);

/* Has the kernel store SYS_TOUCHED bytes at addr, or load them from there: -EFAULT where a store or load
 * of our own would raise a signal. */
#define SYS_TOUCHED 8
int sys_touch(void *addr);
int sys_readable(const void *addr);

int sys_sigaction(int signal, const struct sigaction *action, struct sigaction *ret);
int sys_signal_self(int signal, siginfo_t *info);

pid_t sys_getpid(void);
void sys_yield(void);

/* 0 if a filter could refuse system calls with an errno. */
int sys_seccomp_can_refuse(void);
int sys_no_new_privs(void);

/* Puts a filter into force for all threads. Positive, the id of a thread, if that one cannot have it. */
int sys_seccomp_filter(const struct sock_fprog *program);

/* A number that nobody can guess; does not wait for one. */
int sys_random(uint64_t *ret);

/* Where the heap of brk(2) ends now. */
uint64_t sys_heap_end(void);

/* The present soft limit; UINT64_MAX means none. */
int sys_limit(int resource, uint64_t *ret);

/*
 * A child that runs `run(argument)` and ends with its value. It raises no SIGCHLD and an ordinary
 * wait does not see it, so the program around us does not notice. No atfork handler runs: the child
 * may use system calls and nothing else. Returns the value, 0 to 255.
 */
int sys_in_child(int (*run)(void *argument), void *argument);

#endif
