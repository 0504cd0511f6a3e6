/* SPDX-License-Identifier: MIT */
/*
 * What a kernel does with sealed memory, asked of the kernel itself and of nothing of ours.
 *
 * The library rests on a few facts that no manual states and no kernel version tells: fixes are
 * carried back to old series and lost again. A unit test that fails on one kernel of many leaves
 * open whether the library is wrong or the ground under it moved. This program is about the ground:
 * raw system calls only, one fact each, so that its line for a kernel answers that question.
 *
 * A fact that must hold on every kernel has its expectation in the table below, and the program
 * fails without it. The others only tell kernels apart, and are printed. Every fact is tried in a
 * process of its own, since some of them end it. Acts against sealed bytes are tried on unsealed
 * ones first, and count only if they change those.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __NR_mseal
# define __NR_mseal 462
#endif
#ifndef __NR_memfd_secret
# define __NR_memfd_secret 447
#endif
#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_EXEC
# define F_SEAL_EXEC 0x0020
#endif
#ifndef MADV_GUARD_INSTALL
# define MADV_GUARD_INSTALL 102
#endif

#define CONTENT_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* An outcome is 0, an errno, a signal or one of these, and travels as an exit status. */
enum outcome {
	DONE = 0,
	SIGNALLED = 160,
	CHANGED = 240,
	INTACT,
	NO,
	ABSENT,
	UNTESTED,
	ANY,
	ANY_ERROR,
};

static const char bytes[] = "Sensitive Data";

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int result_of(long r)
{
	return r < 0 ? errno : DONE;
}

/* Ends a fact whose stage cannot be set; that is no answer about the fact. */
static void need(int holds)
{
	if (!holds)
		_exit(UNTESTED);
}

static int new_memfd(unsigned flags)
{
	int fd = memfd_create("facts", MFD_CLOEXEC | flags);

	need(fd >= 0 && ftruncate(fd, (off_t)page_size()) == 0);
	need(pwrite(fd, bytes, sizeof(bytes), 0) == sizeof(bytes));
	return fd;
}

static char *map(int fd, int protection, int flags)
{
	char *p = mmap(NULL, page_size(), protection, flags, fd, 0);

	need(p != MAP_FAILED);
	return p;
}

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

static int add_seals(int fd)
{
	return result_of(fcntl(fd, F_ADD_SEALS, CONTENT_SEALS));
}

/* The seal without a gap: a read-only mapping of a read-only descriptor over the writable one. */
static int seal_in_place(int fd, char *p)
{
	int reader = reopen(fd, O_RDONLY);

	need(reader >= 0);
	need(mmap(p, page_size(), PROT_READ, MAP_SHARED | MAP_FIXED, reader, 0) == p);
	close(reader);
	return add_seals(fd);
}

static pid_t stopped_child(void)
{
	pid_t pid = fork();

	need(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	need(waitpid(pid, NULL, 0) == pid);
	return pid;
}

static int mseal(void *p, size_t size, unsigned long flags)
{
	return result_of(syscall(__NR_mseal, p, size, flags));
}

static void need_mseal(void)
{
	if (mseal(NULL, 0, 0) == ENOSYS)
		_exit(ABSENT);
}

static int new_secret(void)
{
	int fd = (int)syscall(__NR_memfd_secret, O_CLOEXEC);

	if (fd < 0 && errno == ENOSYS)
		_exit(ABSENT);
	need(fd >= 0 && ftruncate(fd, (off_t)page_size()) == 0);
	return fd;
}

static int seal_while_writable(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING);

	map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	return add_seals(fd);
}

static int seal_after_mprotect(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING);

	need(mprotect(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), page_size(), PROT_READ) == 0);
	return add_seals(fd);
}

static int seal_after_readonly_remap(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING);

	map(fd, PROT_READ, MAP_SHARED);
	return add_seals(fd);
}

static int seal_in_place_keeps_bytes(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING), r, seals;
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	r = seal_in_place(fd, p);
	if (r != DONE)
		return r;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & CONTENT_SEALS) != CONTENT_SEALS)
		return NO;
	return memcmp(p, bytes, sizeof(bytes)) == 0 ? DONE : CHANGED;
}

static int seal_with_forked_child(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING), r;
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	pid_t pid = stopped_child();

	r = seal_in_place(fd, p);
	kill(pid, SIGKILL);
	return r;
}

static int seal_with_child_lacking_it(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING), r;
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	pid_t pid;

	need(madvise(p, page_size(), MADV_DONTFORK) == 0);
	pid = stopped_child();
	r = seal_in_place(fd, p);
	kill(pid, SIGKILL);
	return r;
}

static int map_readonly(int fd)
{
	char *p = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return errno;
	return memcmp(p, bytes, sizeof(bytes)) == 0 ? DONE : CHANGED;
}

static int sealed_map_of_reopened(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING), reader;

	need(add_seals(fd) == DONE);
	reader = reopen(fd, O_RDONLY);
	need(reader >= 0);
	return map_readonly(reader);
}

static int sealed_map_of_writable_descriptor(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING);

	need(add_seals(fd) == DONE);
	return map_readonly(fd);
}

static int unsealable_memfd_has_seals(void)
{
	return fcntl(new_memfd(0), F_GET_SEALS) == F_SEAL_SEAL ? DONE : NO;
}

static int noexec_seal_flag(void)
{
	return result_of(memfd_create("facts", MFD_CLOEXEC | MFD_NOEXEC_SEAL));
}

static int exec_seal(void)
{
	return result_of(fcntl(new_memfd(MFD_ALLOW_SEALING), F_ADD_SEALS, F_SEAL_EXEC));
}

static int by_store(int fd, char *p)
{
	(void)fd;
	if (mprotect(p, page_size(), PROT_READ | PROT_WRITE) < 0)
		return errno;
	*p = 'X';
	return DONE;
}

static int by_proc_mem(int fd, char *p)
{
	(void)fd;
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	return result_of(pwrite(fd, "X", 1, (off_t)(unsigned long)p));
}

/* A shared page changes for all; a private one in the child alone, so that is where to look. */
static int by_poke(int fd, char *p)
{
	pid_t pid = stopped_child();
	long word;

	(void)fd;
	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, pid, p, 0);
	need(errno == 0);
	if (ptrace(PTRACE_POKEDATA, pid, p, ~word) < 0)
		return errno;
	return ptrace(PTRACE_PEEKDATA, pid, p, 0) == word ? DONE : CHANGED;
}

static int by_process_vm_writev(int fd, char *p)
{
	char x = 'X';
	struct iovec local = { &x, 1 }, remote = { p, 1 };

	(void)fd;
	return result_of(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
}

static int by_read(int fd, char *p)
{
	int ends[2];

	(void)fd;
	need(pipe(ends) == 0 && write(ends[1], "X", 1) == 1);
	return result_of(read(ends[0], p, 1));
}

static int by_pwrite(int fd, char *p)
{
	(void)p;
	return result_of(pwrite(fd, "X", 1, 0));
}

static int by_reopening(int fd, char *p)
{
	(void)p;
	fd = reopen(fd, O_RDWR);
	if (fd < 0)
		return errno;
	return result_of(pwrite(fd, "X", 1, 0));
}

static int by_reopening_truncated(int fd, char *p)
{
	(void)p;
	return result_of(reopen(fd, O_RDWR | O_TRUNC));
}

static int by_ftruncate(int fd, char *p)
{
	(void)p;
	return result_of(ftruncate(fd, 0));
}

static int by_punching_a_hole(int fd, char *p)
{
	(void)p;
	return result_of(
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page_size()));
}

static int by_madvise_remove(int fd, char *p)
{
	(void)fd;
	return result_of(madvise(p, page_size(), MADV_REMOVE));
}

static int act_on(int (*act)(int fd, char *p), int sealed)
{
	int fd = new_memfd(MFD_ALLOW_SEALING), r;
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	struct stat st;

	need(!sealed || seal_in_place(fd, p) == DONE);
	r = act(fd, p);
	if (fstat(fd, &st) < 0 || st.st_size != (off_t)page_size())
		return CHANGED;
	if (memcmp(p, bytes, sizeof(bytes)) != 0)
		return CHANGED;
	return r == DONE ? INTACT : r;
}

static int mem_write_to_private(void)
{
	char *p = map(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
	int r = by_proc_mem(-1, p);

	return *p == 'X' ? CHANGED : r;
}

/* A page that the process may not access: a closed heap is made of them. */
static int vmsplice_of_inaccessible(void)
{
	char *p = map(-1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	struct iovec piece = { p, sizeof(bytes) };
	int ends[2];

	need(pipe(ends) == 0);
	memcpy(p, bytes, sizeof(bytes));
	need(vmsplice(ends[1], &piece, 1, 0) == sizeof(bytes));
	need(mprotect(p, page_size(), PROT_NONE) == 0);
	return result_of(vmsplice(ends[1], &piece, 1, 0));
}

static int poke_to_private(void)
{
	return by_poke(-1, map(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS));
}

static int mem_write_to_private_map_of_sealed(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING), r;
	char *p;

	need(add_seals(fd) == DONE);
	p = map(fd, PROT_READ, MAP_PRIVATE);
	r = by_proc_mem(-1, p);
	return *p == 'X' ? CHANGED : r;
}

static int guard_on_sealed(void)
{
	int fd = new_memfd(MFD_ALLOW_SEALING);
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	need(seal_in_place(fd, p) == DONE);
	return result_of(madvise(p, page_size(), MADV_GUARD_INSTALL));
}

static int mseal_there(void)
{
	return mseal(map(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), page_size(), 0);
}

static int mseal_refuses_flags(void)
{
	need_mseal();
	return mseal(map(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), page_size(), 1);
}

/* Only if the gap left the page before it unsealed can that page be unmapped afterwards. */
static int mseal_of_a_gap(void)
{
	char *p;
	int r;

	need_mseal();
	p = mmap(NULL, 2 * page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(p != MAP_FAILED && munmap(p + page_size(), page_size()) == 0);
	r = mseal(p, 2 * page_size(), 0);
	return munmap(p, page_size()) == 0 ? r : CHANGED;
}

static int munmap_of_msealed(void)
{
	char *p = map(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
	int r;

	need_mseal();
	need(munmap(map(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), page_size()) == 0);
	need(mseal(p, page_size(), 0) == DONE);
	r = result_of(munmap(p, page_size()));
	return *(volatile char *)p == 0 ? r : CHANGED;
}

static int mem_write_to_msealed(void)
{
	char *p = map(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
	int r;

	need_mseal();
	need(mseal(p, page_size(), 0) == DONE);
	r = by_proc_mem(-1, p);
	return *p == 'X' ? CHANGED : r;
}

static int poke_to_msealed(void)
{
	char *p = map(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);

	need_mseal();
	need(mseal(p, page_size(), 0) == DONE);
	return by_poke(-1, p);
}

static int secret_there(void)
{
	return result_of(syscall(__NR_memfd_secret, O_CLOEXEC));
}

static int secret_takes_seals(void)
{
	return result_of(fcntl(new_secret(), F_ADD_SEALS, F_SEAL_WRITE));
}

static int secret_read_by_proc_mem(void)
{
	char *p = map(new_secret(), PROT_READ | PROT_WRITE, MAP_SHARED), c;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	need(fd >= 0 && pread(fd, &c, 1, (off_t)(unsigned long)bytes) == 1 && c == *bytes);
	*p = 'S';
	return result_of(pread(fd, &c, 1, (off_t)(unsigned long)p));
}

/* The charge comes when it is mapped or when it is touched, and then as a signal. */
static int secret_over_memlock(void)
{
	struct rlimit none = { 0, 0 };
	int fd = new_secret();
	char *p;

	need(setrlimit(RLIMIT_MEMLOCK, &none) == 0);
	p = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return errno;
	*(volatile char *)p = 'S';
	return DONE;
}

static int secret_has_lo_flag(void)
{
	char *p = map(new_secret(), PROT_READ | PROT_WRITE, MAP_SHARED), line[512];
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	int here = 0;

	need(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (unsigned long)p && (unsigned long)p < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			return strstr(line, " lo") ? DONE : NO;
	}
	return UNTESTED;
}

static int userfaultfd_there(void)
{
#ifdef __NR_userfaultfd
	return result_of(syscall(__NR_userfaultfd, O_CLOEXEC));
#else
	return ABSENT;
#endif
}

/* With a null pointer for its settings, one that is there answers EFAULT. */
static int io_uring_there(void)
{
	int r = result_of(syscall(__NR_io_uring_setup, 1, NULL));

	return r == EFAULT ? DONE : r;
}

static int seccomp_filter_there(void)
{
	int r = result_of(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0));

	return r == EFAULT ? DONE : r;
}

static int pkeys_there(void)
{
	return result_of(pkey_alloc(0, 0));
}

/*
 * By which way bytes get into a file soonest, which decides how regions are filled. Each leaves a file of so many
 * pages with the same bytes in all of them. They are tried in turn and the best of each counts: a machine that does
 * something else now and then is a nuisance to all.
 */
#define FILL_PAGES 256
#define FILL_TRIES 25

static size_t fill_size(void)
{
	return FILL_PAGES * page_size();
}

static void store_all(int fd, const char *from)
{
	char *p = mmap(NULL, fill_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	need(p != MAP_FAILED);
	memcpy(p, from, fill_size());
	need(munmap(p, fill_size()) == 0);
}

static void fill_by_pwrite(int fd, const char *from)
{
	need(pwrite(fd, from, fill_size(), 0) == (ssize_t)fill_size());
}

static void fill_by_faults(int fd, const char *from)
{
	need(ftruncate(fd, (off_t)fill_size()) == 0);
	store_all(fd, from);
}

static void fill_by_fallocate(int fd, const char *from)
{
	need(fallocate(fd, 0, 0, (off_t)fill_size()) == 0);
	store_all(fd, from);
}

static double seconds(void)
{
	struct timespec now;

	need(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double time_once(void (*fill)(int fd, const char *from), const char *from)
{
	int fd = memfd_create("facts", MFD_CLOEXEC);
	double begun = seconds(), taken;

	need(fd >= 0);
	fill(fd, from);
	taken = seconds() - begun;
	close(fd);
	return taken;
}

static int fills_soonest_by_pwrite(void)
{
	void (*const ways[])(int, const char *) = { fill_by_pwrite, fill_by_faults,
						    fill_by_fallocate };
	double best[] = { 1e9, 1e9, 1e9 };
	char *from = malloc(fill_size());

	need(from != NULL);
	memset(from, 'x', fill_size());
	for (size_t i = 0; i < FILL_TRIES * COUNT(ways); i++) {
		double taken = time_once(ways[i % COUNT(ways)], from);

		if (taken < best[i % COUNT(ways)])
			best[i % COUNT(ways)] = taken;
	}
	return best[0] < best[1] && best[0] < best[2] ? DONE : NO;
}

static const struct fact {
	const char *name;
	int (*find)(void);
	int expected;
} facts[] = {
	{ "seal-while-writably-mapped", seal_while_writable, EBUSY },
	{ "seal-after-mprotect-readonly", seal_after_mprotect, EBUSY },
	{ "seal-after-readonly-map-of-rw-fd", seal_after_readonly_remap, EBUSY },
	{ "seal-in-place", seal_in_place_keeps_bytes, DONE },
	{ "seal-with-forked-child", seal_with_forked_child, EBUSY },
	{ "seal-with-child-lacking-it", seal_with_child_lacking_it, DONE },
	{ "map-readonly-reopen-of-sealed", sealed_map_of_reopened, DONE },
	{ "map-rw-fd-of-sealed", sealed_map_of_writable_descriptor, ANY },
	{ "unsealable-memfd-answers-F_SEAL_SEAL", unsealable_memfd_has_seals, DONE },
	{ "poke-private-readonly", poke_to_private, CHANGED },
	{ "mem-write-private-readonly", mem_write_to_private, ANY },
	{ "mem-write-private-map-of-sealed", mem_write_to_private_map_of_sealed, ANY },
	{ "vmsplice-of-inaccessible", vmsplice_of_inaccessible, ANY },
	{ "guard-on-sealed", guard_on_sealed, ANY },
	{ "mseal", mseal_there, ANY },
	{ "mseal-flags", mseal_refuses_flags, EINVAL },
	{ "mseal-gap", mseal_of_a_gap, ENOMEM },
	{ "munmap-msealed", munmap_of_msealed, EPERM },
	{ "poke-msealed", poke_to_msealed, CHANGED },
	{ "mem-write-msealed", mem_write_to_msealed, ANY },
	{ "memfd_secret", secret_there, ANY },
	{ "secret-F_ADD_SEALS", secret_takes_seals, EINVAL },
	{ "secret-read-by-mem", secret_read_by_proc_mem, ANY_ERROR },
	{ "secret-over-memlock", secret_over_memlock, ANY },
	{ "secret-lo-in-VmFlags", secret_has_lo_flag, ANY },
	{ "MFD_NOEXEC_SEAL", noexec_seal_flag, ANY },
	{ "F_SEAL_EXEC", exec_seal, ANY },
	{ "userfaultfd", userfaultfd_there, ANY },
	{ "io_uring", io_uring_there, ANY },
	{ "seccomp-filter", seccomp_filter_there, ANY },
	{ "pkeys", pkeys_there, ANY },
	{ "fills-soonest-by-pwrite", fills_soonest_by_pwrite, ANY },
};

static const struct act {
	const char *name;
	int (*act)(int fd, char *p);
} acts[] = {
	{ "sealed-by-mprotect-and-store", by_store },
	{ "sealed-by-proc-mem", by_proc_mem },
	{ "sealed-by-poke", by_poke },
	{ "sealed-by-process_vm_writev", by_process_vm_writev },
	{ "sealed-by-read", by_read },
	{ "sealed-by-pwrite", by_pwrite },
	{ "sealed-by-reopen-and-write", by_reopening },
	{ "sealed-by-reopen-O_TRUNC", by_reopening_truncated },
	{ "sealed-by-ftruncate", by_ftruncate },
	{ "sealed-by-punching-a-hole", by_punching_a_hole },
	{ "sealed-by-madvise-remove", by_madvise_remove },
};

static int in_a_child(const struct fact *fact, const struct act *act, int sealed)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fact ? fact->find() : act_on(act->act, sealed));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return UNTESTED;
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static const char *in_words(int outcome)
{
	static const char *const words[] = {
		"changed", "intact", "no", "-", "untested", "anything", "an error",
	};

	if (outcome >= CHANGED)
		return words[outcome - CHANGED];
	if (outcome >= SIGNALLED)
		return sigabbrev_np(outcome - SIGNALLED) ?: "signal";
	return outcome == DONE ? "ok" : strerrorname_np(outcome) ?: "error";
}

static int as_expected(int outcome, int expected)
{
	if (outcome == UNTESTED)
		return 0;
	if (expected == ANY)
		return 1;
	return expected == ANY_ERROR ? outcome > DONE && outcome < SIGNALLED : outcome == expected;
}

/* Returns 1 if the fact is not what it must be; what a kernel has not got has no way to be. */
static int print_fact(const char *name, int outcome, int expected, int *skipped)
{
	printf("FACT %s %s\n", name, in_words(outcome));
	if (outcome == ABSENT) {
		*skipped += 1;
		return 0;
	}
	if (as_expected(outcome, expected))
		return 0;
	printf("FAIL %s: %s, not %s\n", name, in_words(outcome), in_words(expected));
	return 1;
}

static int print_act(const struct act *act)
{
	int control = in_a_child(NULL, act, 0), skipped;

	if (control == CHANGED)
		return print_fact(act->name, in_a_child(NULL, act, 1), ANY_ERROR, &skipped);
	printf("FAIL %s: on unsealed memory it is %s, not changed\n", act->name, in_words(control));
	return 1;
}

int main(void)
{
	int failed = 0, skipped = 0, total = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (const struct fact *f = facts; f < facts + COUNT(facts); f++, total++)
		failed += print_fact(f->name, in_a_child(f, NULL, 0), f->expected, &skipped);
	for (const struct act *a = acts; a < acts + COUNT(acts); a++, total++)
		failed += print_act(a);
	printf("%d passed, %d failed, %d skipped\n", total - failed - skipped, failed, skipped);
	return failed ? 1 : 0;
}
