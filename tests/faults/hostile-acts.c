/* SPDX-License-Identifier: MIT */

/*
 * The acts. Each has the means that it would have as a thread of the process, or as another process of the same user:
 * it finds descriptors and mappings in /proc, and keeps what it got for later. None stores through a pointer itself,
 * because the kernel answers EFAULT where a store would end the process.
 */

#include "tests/faults/hostile.h"
#include "tests/support/holds.h"

#include "lib/sys.h"
#include "lib/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* What the acts of this process hold. */
static struct {
	int fds[MOST_TARGETS];
	char *maps[MOST_TARGETS];
	unsigned fd_count, map_count;
	pid_t child;
	int child_pipe;
	struct rlimit limits[RLIM_NLIMITS];
	bool limited[RLIM_NLIMITS];
} held;

static void hold_fd(int fd)
{
	if (held.fd_count < LENGTH(held.fds))
		held.fds[held.fd_count++] = fd;
	else
		close(fd);
}

static void hold_map(char *map)
{
	if (held.map_count < LENGTH(held.maps))
		held.maps[held.map_count++] = map;
}

static void order_child(void)
{
	char answer;

	if (held.child <= 0)
		return;
	(void)!write(held.child_pipe, "w", 1);
	(void)!read(held.child_pipe, &answer, 1);
}

void hostile_write_again(void)
{
	const char byte = OTHER_BYTE;

	for (unsigned i = 0; i < held.fd_count; i++)
		(void)!pwrite(held.fds[i], &byte, 1, OTHER_PLACE);
	for (unsigned i = 0; i < held.map_count; i++)
		(void)store_by_kernel(held.maps[i] + OTHER_PLACE, byte);
	order_child();
}

void hostile_undo(void)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		if (held.limited[i])
			(void)setrlimit(i, &held.limits[i]);
	memset(held.limited, 0, sizeof(held.limited));
}

void hostile_let_go(void)
{
	hostile_undo();
	for (unsigned i = 0; i < held.fd_count; i++)
		close(held.fds[i]);
	for (unsigned i = 0; i < held.map_count; i++)
		munmap(held.maps[i], page_size());
	if (held.child > 0) {
		close(held.child_pipe);
		(void)waitpid(held.child, NULL, __WALL);
	}
	held.fd_count = held.map_count = 0;
	held.child = 0;
}

/* In the process */

static bool store(const struct target *to)
{
	for (unsigned i = 0; i < to->map_count; i++)
		(void)store_by_kernel(to->maps[i].start + OTHER_PLACE, OTHER_BYTE);
	return to->map_count > 0;
}

static bool store_by_mem(pid_t process, const struct target *to)
{
	const char byte = OTHER_BYTE;
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", process);
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (unsigned i = 0; i < to->map_count; i++)
		(void)!pwrite(fd, &byte, 1, (off_t)(uintptr_t)to->maps[i].start + OTHER_PLACE);
	close(fd);
	return fd >= 0 && to->map_count > 0;
}

static bool store_by_own_mem(const struct target *to)
{
	return store_by_mem(getpid(), to);
}

static bool make_writable(const struct target *to)
{
	for (unsigned i = 0; i < to->map_count; i++)
		(void)mprotect(to->maps[i].start, to->maps[i].size, PROT_READ | PROT_WRITE);
	return store(to);
}

static bool make_inaccessible(const struct target *to)
{
	for (unsigned i = 0; i < to->map_count; i++)
		(void)mprotect(to->maps[i].start, to->maps[i].size, PROT_NONE);
	return to->map_count > 0;
}

static bool unmap(const struct target *to)
{
	for (unsigned i = 0; i < to->map_count; i++)
		(void)munmap(to->maps[i].start, to->maps[i].size);
	return to->map_count > 0;
}

static bool unmap_page(const struct target *to)
{
	for (unsigned i = 0; i < to->map_count; i++)
		(void)munmap(to->maps[i].start + to->maps[i].size - page_size(), page_size());
	return to->map_count > 0;
}

static bool map_over(const struct target *to, int flags, int fd)
{
	for (unsigned i = 0; i < to->map_count; i++) {
		char *over = mmap(to->maps[i].start, to->maps[i].size, PROT_READ | PROT_WRITE,
				  MAP_FIXED | flags, fd, 0);

		if (over != MAP_FAILED)
			memset(over, OTHER_BYTE, to->maps[i].size);
	}
	return to->map_count > 0;
}

static bool map_anonymous_over(const struct target *to)
{
	return map_over(to, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* A file of the attacker, who can write to it by its descriptor too. */
static int other_file(void)
{
	char bytes[1 << 12];
	int fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	memset(bytes, OTHER_BYTE, sizeof(bytes));
	for (int i = 0; i < 16; i++)
		(void)!write(fd, bytes, sizeof(bytes));
	return fd;
}

static bool map_file_over(const struct target *to)
{
	int fd = other_file();

	hold_fd(fd);
	return map_over(to, MAP_SHARED, fd);
}

static bool move_away(const struct target *to)
{
	for (unsigned i = 0; i < to->map_count; i++) {
		size_t size = to->maps[i].size;
		char *to_here = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *moved = mremap(to->maps[i].start, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
				     to_here);

		hold_map(moved != MAP_FAILED ? moved : to_here);
	}
	return to->map_count > 0;
}

static bool move_over(const struct target *to)
{
	for (unsigned i = 0; i < to->map_count; i++) {
		size_t size = to->maps[i].size;
		char *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);

		memset(own, OTHER_BYTE, size);
		(void)mremap(own, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to->maps[i].start);
	}
	return to->map_count > 0;
}

static bool advise(const struct target *to, int advice)
{
	for (unsigned i = 0; i < to->map_count; i++)
		(void)madvise(to->maps[i].start, to->maps[i].size, advice);
	return to->map_count > 0;
}

static bool drop(const struct target *to)
{
	return advise(to, MADV_DONTNEED);
}

static bool drop_locked(const struct target *to)
{
	return advise(to, MADV_DONTNEED_LOCKED);
}

static bool remove_pages(const struct target *to)
{
	return advise(to, MADV_REMOVE);
}

static bool let_dump(const struct target *to)
{
	return advise(to, MADV_DODUMP);
}

static bool let_fork(const struct target *to)
{
	return advise(to, MADV_DOFORK);
}

static bool unlock(const struct target *to)
{
	for (unsigned i = 0; i < to->map_count; i++)
		(void)munlock(to->maps[i].start, to->maps[i].size);
	return to->map_count > 0;
}

/* The seals make it look like a file of the library. */
static bool exchange(const struct target *to, int seals)
{
	int fd = other_file();

	(void)fcntl(fd, F_ADD_SEALS, seals);
	for (unsigned i = 0; i < to->fd_count; i++)
		(void)dup3(fd, to->fds[i], O_CLOEXEC);
	hold_fd(fd);
	return to->fd_count > 0;
}

static bool exchange_open(const struct target *to)
{
	return exchange(to, 0);
}

static bool exchange_sealed(const struct target *to)
{
	return exchange(to, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

static bool close_all(const struct target *to)
{
	for (unsigned i = 0; i < to->fd_count; i++)
		close(to->fds[i]);
	return to->fd_count > 0;
}

static bool write_to(int fd)
{
	const char byte = OTHER_BYTE;

	return pwrite(fd, &byte, 1, OTHER_PLACE) == 1;
}

static bool write_by_number(const struct target *to)
{
	for (unsigned i = 0; i < to->fd_count; i++)
		(void)write_to(to->fds[i]);
	return to->fd_count > 0;
}

static bool map_and_hold(int fd)
{
	char *map = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return false;
	hold_map(map);
	return store_by_kernel(map + OTHER_PLACE, OTHER_BYTE);
}

static bool map_by_number(const struct target *to)
{
	for (unsigned i = 0; i < to->fd_count; i++)
		(void)map_and_hold(to->fds[i]);
	return to->fd_count > 0;
}

static void store_when_told(const struct target *to, int pipe)
{
	char order;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(pipe, &order, 1) == 1) {
		(void)store(to);
		(void)!write(pipe, &order, 1);
	}
	_exit(0);
}

/* A bare clone(2): no handler of fork(2) runs. */
static bool clone_child(const struct target *to)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	held.child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (held.child == 0) {
		/* Or the attacker elsewhere would not notice that this process has ended. */
		for (int fd = 3; fd < 64; fd++)
			if (fd != ends[1])
				close(fd);
		store_when_told(to, ends[1]);
	}
	close(ends[1]);
	held.child_pipe = ends[0];
	return to->map_count > 0;
}

static bool limit(unsigned which, rlim_t most)
{
	struct rlimit lower;

	if (getrlimit(which, &held.limits[which]) < 0)
		return false;
	lower = held.limits[which];
	lower.rlim_cur = most < lower.rlim_max ? most : lower.rlim_max;
	held.limited[which] = setrlimit(which, &lower) == 0;
	return held.limited[which];
}

static bool limit_files(const struct target *to)
{
	(void)to;
	return limit(RLIMIT_FSIZE, 0);
}

static bool limit_locks(const struct target *to)
{
	(void)to;
	return limit(RLIMIT_MEMLOCK, 0);
}

static bool limit_descriptors(const struct target *to)
{
	(void)to;
	return limit(RLIMIT_NOFILE, 0);
}

static bool limit_addresses(const struct target *to)
{
	(void)to;
	return limit(RLIMIT_AS, 0);
}

/* What the caller gives */

static bool change_buffer(const struct target *to)
{
	for (size_t i = 0; i < to->buffer_size; i++)
		to->buffer[i] ^= 1;
	return true;
}

static bool change_given(const struct target *to)
{
	return to->given >= 0 && write_to(to->given);
}

static bool cut_given(const struct target *to)
{
	return to->given >= 0 && ftruncate(to->given, 100) == 0;
}

static bool rewind_given(const struct target *to)
{
	return to->given >= 0 && lseek(to->given, 100, SEEK_SET) >= 0;
}

static bool exchange_given(const struct target *to)
{
	int fd = other_file();
	bool done = to->given >= 0 && dup3(fd, to->given, O_CLOEXEC) >= 0;

	hold_fd(fd);
	return done;
}

static bool close_given(const struct target *to)
{
	return to->given >= 0 && close(to->given) == 0;
}

/* In another process */

static bool store_by_its_mem(const struct target *to)
{
	return store_by_mem(to->process, to);
}

static bool store_by_vm_writev(const struct target *to)
{
	char byte = OTHER_BYTE;
	const struct iovec from = { &byte, 1 };

	for (unsigned i = 0; i < to->map_count; i++) {
		const struct iovec at = { to->maps[i].start + OTHER_PLACE, 1 };

		(void)!process_vm_writev(to->process, &from, 1, &at, 1, 0);
	}
	return to->map_count > 0;
}

/* Does something to each file, opened anew. */
static bool to_files(const struct target *to, bool (*act)(int fd))
{
	bool found = false;

	for (unsigned i = 0; i < to->fd_count; i++) {
		char path[64];
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", to->process, to->fds[i]);
		fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			continue;
		hold_fd(fd);
		(void)act(fd);
		found = true;
	}
	return found;
}

static bool write_to_files(const struct target *to)
{
	return to_files(to, write_to);
}

static bool cut(int fd)
{
	return ftruncate(fd, 0) == 0;
}

static bool cut_files(const struct target *to)
{
	return to_files(to, cut);
}

static bool append(int fd)
{
	return ftruncate(fd, 1 << 20) == 0;
}

static bool append_to_files(const struct target *to)
{
	return to_files(to, append);
}

static bool punch(int fd)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page_size()) ==
	       0;
}

static bool punch_files(const struct target *to)
{
	return to_files(to, punch);
}

static bool map_files(const struct target *to)
{
	return to_files(to, map_and_hold);
}

/* A pipe that refers to a page. */
static bool splice_out(int fd)
{
	loff_t from = 0;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	hold_fd(ends[0]);
	hold_fd(ends[1]);
	return splice(fd, &from, ends[1], NULL, page_size(), SPLICE_F_NONBLOCK) > 0;
}

static bool splice_files(const struct target *to)
{
	return to_files(to, splice_out);
}

#define SEALS(name, seals)                                                                         \
 static bool name(int fd)                                                                          \
 {                                                                                                 \
  return fcntl(fd, F_ADD_SEALS, seals) == 0;                                                       \
 }                                                                                                 \
 static bool name##_files(const struct target *to)                                                 \
 {                                                                                                 \
  return to_files(to, name);                                                                       \
 }

SEALS(seal_write, F_SEAL_WRITE)
SEALS(seal_future_write, F_SEAL_FUTURE_WRITE)
SEALS(seal_shrink, F_SEAL_SHRINK)
SEALS(seal_grow, F_SEAL_GROW)
SEALS(seal_seal, F_SEAL_SEAL)
SEALS(seal_exec, F_SEAL_EXEC)

static bool take_descriptors(const struct target *to)
{
	int process = (int)syscall(SYS_pidfd_open, to->process, 0);
	bool found = false;

	for (unsigned i = 0; i < to->fd_count; i++) {
		int fd = (int)syscall(SYS_pidfd_getfd, process, to->fds[i], 0);

		if (fd < 0)
			continue;
		hold_fd(fd);
		(void)map_and_hold(fd);
		found = true;
	}
	close(process);
	return found;
}

const struct act acts[] = {
	{ "store", CHANGES, false, store },
	{ "/proc/self/mem", CHANGES, false, store_by_own_mem },
	{ "mprotect writable", CHANGES | DISPLACES, false, make_writable },
	{ "mprotect none", DISPLACES, false, make_inaccessible },
	{ "munmap", DISPLACES, false, unmap },
	{ "munmap a page", DISPLACES, false, unmap_page },
	{ "mmap over", CHANGES | DISPLACES, false, map_anonymous_over },
	{ "mmap a file over", CHANGES | DISPLACES, false, map_file_over },
	{ "mremap away", DISPLACES, false, move_away },
	{ "mremap over", CHANGES | DISPLACES, false, move_over },
	{ "MADV_DONTNEED", CHANGES, false, drop },
	{ "MADV_DONTNEED_LOCKED", CHANGES, false, drop_locked },
	{ "MADV_REMOVE", CHANGES, false, remove_pages },
	{ "MADV_DODUMP", TAKES_BACK, false, let_dump },
	{ "MADV_DOFORK", TAKES_BACK, false, let_fork },
	{ "munlock", TAKES_BACK, false, unlock },
	{ "dup3 of an open file", EXCHANGES, false, exchange_open },
	{ "dup3 of a sealed file", EXCHANGES, false, exchange_sealed },
	{ "close", EXCHANGES, false, close_all },
	{ "pwrite", CHANGES | HOLDS, false, write_by_number },
	{ "map the descriptor", CHANGES | HOLDS, false, map_by_number },
	{ "clone", INHERITS, false, clone_child },
	{ "RLIMIT_FSIZE", LIMITS, false, limit_files },
	{ "RLIMIT_MEMLOCK", LIMITS, false, limit_locks },
	{ "RLIMIT_NOFILE", LIMITS, false, limit_descriptors },
	{ "RLIMIT_AS", LIMITS, false, limit_addresses },
	{ "change the buffer", GIVES, false, change_buffer },
	{ "pwrite to what is given", GIVES, false, change_given },
	{ "ftruncate what is given", GIVES, false, cut_given },
	{ "lseek what is given", GIVES, false, rewind_given },
	{ "dup3 over what is given", GIVES, false, exchange_given },
	{ "close what is given", GIVES, false, close_given },
	{ "other: /proc/PID/mem", CHANGES, true, store_by_its_mem },
	{ "other: process_vm_writev", CHANGES, true, store_by_vm_writev },
	{ "other: pwrite", CHANGES, true, write_to_files },
	{ "other: ftruncate shorter", CHANGES | LASTS, true, cut_files },
	{ "other: ftruncate longer", CHANGES, true, append_to_files },
	{ "other: punch a hole", CHANGES, true, punch_files },
	{ "other: map", CHANGES, true, map_files },
	{ "other: splice", CHANGES, true, splice_files },
	{ "other: F_SEAL_WRITE", LASTS, true, seal_write_files },
	{ "other: F_SEAL_FUTURE_WRITE", LASTS, true, seal_future_write_files },
	{ "other: F_SEAL_SHRINK", LASTS, true, seal_shrink_files },
	{ "other: F_SEAL_GROW", LASTS, true, seal_grow_files },
	{ "other: F_SEAL_SEAL", LASTS, true, seal_seal_files },
	{ "other: F_SEAL_EXEC", LASTS, true, seal_exec_files },
	{ "other: pidfd_getfd", CHANGES | HOLDS, true, take_descriptors },
};

const size_t act_count = LENGTH(acts);
