/* SPDX-License-Identifier: MIT */

/*
 * What mseal(2) refuses and what the emulation refuses, call by call and on each kind of memory. Every call is made
 * three times, each in a process of its own: on memory that is not sealed, on memory that mseal(2) sealed, and on
 * memory that the emulation sealed. A call that fails on the first shows nothing of the others.
 *
 *	beside-mseal		prints the table
 *	beside-mseal PAGE	compares it with the one in the source of a manual page; 77 without mseal(2)
 *
 * MADV_HWPOISON and MADV_SOFT_OFFLINE are not among the calls: they take memory away from the machine.
 */

#include "tests/support/kernel.h"

#include "include/sealmem.h"
#include "lib/memfd.h"
#include "lib/rings.h"
#include "lib/util.h"

#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))
#define MiB	      ((size_t)1 << 20)

/* Inaccessible addresses on both sides, so that no call meets anything else. The page is a multiple of no huge page's
 * size, because mremap(2) is refused there. */
static char *place(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *all = mmap(NULL, 8 * MiB, PROT_NONE, flags, -1, 0);

	if (all == MAP_FAILED)
		return NULL;
	return all + (4 * MiB - (uintptr_t)all % (2 * MiB)) + 18 * page_size();
}

static char *map_there(char *at, int protection, int flags, int fd)
{
	char *mapped = mmap(at, page_size(), protection, flags | MAP_FIXED, fd, 0);

	return mapped == MAP_FAILED ? NULL : mapped;
}

static char *map_anonymous(char *at)
{
	char *mapped = map_there(at, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (mapped != NULL)
		memset(mapped, 's', page_size());
	return mapped;
}

static char *make_writable(void)
{
	char *at = place();

	return at != NULL ? map_anonymous(at) : NULL;
}

/* Two such pages. The call is about the lower one, the seal about the other. */
static char *make_neighbours(void)
{
	char *at = make_writable();

	return at != NULL && map_anonymous(at + page_size()) != NULL ? at : NULL;
}

static char *protect(char *at)
{
	return at != NULL && mprotect(at, page_size(), PROT_READ) == 0 ? at : NULL;
}

static char *make_read_only(void)
{
	return protect(make_writable());
}

static int filled_file(void)
{
	int fd = memfd_new("file", page_size());

	if (fd >= 0 && memfd_clear(fd, page_size()) < 0)
		return close_fd(fd);
	return fd;
}

static char *make_of_file(void)
{
	CLEANUP(close_fd_at) int fd = filled_file();
	char *at = place();

	return fd >= 0 && at != NULL ? map_there(at, PROT_READ, MAP_PRIVATE, fd) : NULL;
}

/* As the loader leaves the pages of an object that it wrote addresses to. */
static char *make_relocated(void)
{
	CLEANUP(close_fd_at) int fd = filled_file();
	char *at = place();

	if (fd < 0 || at == NULL)
		return NULL;
	at = map_there(at, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	if (at != NULL)
		memset(at, 's', page_size());
	return protect(at);
}

/* As a region or the RELRO of a sealed image. */
static char *make_sealed_file(void)
{
	CLEANUP(close_fd_at) int fd = filled_file();
	char *at = place();

	if (fd < 0 || at == NULL || memfd_seal(fd) < 0 || memfd_make_readonly(&fd) < 0)
		return NULL;
	return map_there(at, PROT_READ, MAP_SHARED, fd);
}

static char *make_secret(void)
{
	CLEANUP(close_fd_at) int fd = sys_memfd_secret();
	char *at = place();

	if (fd < 0 || at == NULL || ftruncate(fd, (off_t)page_size()) < 0)
		return NULL;
	return protect(map_there(at, PROT_READ | PROT_WRITE, MAP_SHARED, fd));
}

static char *make_heap(void)
{
	const size_t unit = (size_t)1 << 16;
	char *heap = sbrk((intptr_t)(64 * unit));

	if (heap == (void *)-1)
		return NULL;
	return heap + (unit - (uintptr_t)heap % unit) + 60 * unit + 2 * page_size();
}

static const struct kind {
	const char *name;
	char *(*make)(void);
	bool above; /* the page after it is sealed */
} kinds[] = {
	{ "rw", make_writable, false },	      { "ro", make_read_only, false },
	{ "file", make_of_file, false },      { "reloc", make_relocated, false },
	{ "memfd", make_sealed_file, false }, { "heap", make_heap, false },
	{ "below", make_neighbours, true },   { "secret", make_secret, false },
};

/* The calls. Each answers 0 or a negative errno, and has a number that it may use. */

static long answer(long result)
{
	return result < 0 ? -errno : 0;
}

static long mapped(const void *at)
{
	return at == MAP_FAILED ? -errno : 0;
}

static long advise(char *at, int advice)
{
	return answer(madvise(at, page_size(), advice));
}

static long advise_process(char *at, int advice)
{
	struct iovec range = { at, page_size() };
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	return answer(self < 0 ? self : syscall(SYS_process_madvise, self, &range, 1, advice, 0));
}

static long change_protection(char *at, int protection)
{
	return answer(mprotect(at, page_size(), protection));
}

static long change_key(char *at, int protection)
{
	return answer(syscall(SYS_pkey_mprotect, at, page_size(), protection, -1));
}

/* Of other memory. */
static long protect_what_grows(char *at, int protection)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN;
	void *growing = mmap(NULL, page_size(), PROT_READ, flags, -1, 0);

	(void)at;
	return answer(mprotect(growing, page_size(), protection));
}

static long unmap(char *at, int pages)
{
	return answer(munmap(at, (size_t)pages * page_size()));
}

static long cover(char *at, int flags)
{
	return mapped(mmap(at, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0));
}

static char *spare(void)
{
	return mmap(NULL, 4 * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
}

static long resize(char *at, int pages)
{
	return mapped(mremap(at, page_size(), (size_t)pages * page_size(), MREMAP_MAYMOVE));
}

static long move_away(char *at, int flags)
{
	return mapped(mremap(at, page_size(), page_size(), MREMAP_MAYMOVE | flags, spare()));
}

static long move_onto(char *at, int flags)
{
	return mapped(mremap(spare(), page_size(), page_size(), MREMAP_MAYMOVE | flags, at));
}

/* It is the end of what is made smaller. */
static long cut_off(char *at, int flags)
{
	return mapped(mremap(at - page_size(), 2 * page_size(), page_size(), flags));
}

static long map_again(char *at, int flags)
{
	return mapped(mremap(at, 0, page_size(), MREMAP_MAYMOVE | flags));
}

static long remap_pages(char *at, int page)
{
	return answer(remap_file_pages(at, page_size(), 0, (size_t)page, 0));
}

static long attach_at(char *at)
{
	int id = shmget(IPC_PRIVATE, page_size(), IPC_CREAT | 0600);
	long err = mapped(shmat(id, at, SHM_REMAP));

	(void)shmctl(id, IPC_RMID, NULL);
	return err;
}

static long attach(char *at, int unused)
{
	(void)unused;
	return attach_at(at);
}

/* A place for one page, a thousand pages below. */
static long attach_below(char *at, int pages)
{
	return attach_at(at - (size_t)pages * page_size());
}

/* So large that the number of processors makes no difference. It ends where the page begins. */
static long destroy_ring_below(char *at, int events)
{
	aio_context_t ring = 0;
	size_t size = page_round_up((size_t)rings_size((uint32_t)events));

	if (syscall(SYS_io_setup, events, &ring) < 0 ||
	    mremap((void *)ring, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at - size) ==
		    MAP_FAILED)
		return -errno;
	return answer(syscall(SYS_io_destroy, (aio_context_t)(at - size)));
}

static long give_heap_back(char *at, int unused)
{
	(void)unused;
	return syscall(SYS_brk, at) == (long)(uintptr_t)at ? 0 : -EPERM;
}

static long ask_about_heap(char *at, int unused)
{
	unsigned size;

	(void)at;
	(void)unused;
	return answer(prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0));
}

static long allow_no_calls(char *at, int mode)
{
	(void)at;
	return answer(prctl(PR_SET_SECCOMP, mode, 0, 0, 0));
}

static long make_userfaultfd(char *at, int flags)
{
	(void)at;
	return answer(syscall(SYS_userfaultfd, flags));
}

static long make_uring(char *at, int entries)
{
	struct io_uring_params parameters = { 0 };

	(void)at;
	return answer(syscall(SYS_io_uring_setup, entries, &parameters));
}

static long lock(char *at, int unused)
{
	(void)unused;
	return answer(mlock(at, page_size()));
}

static const struct act {
	const char *name;
	long (*act)(char *at, int number);
	int number;
} acts[] = {
	{ "madvise(2)", NULL, 0 },
	{ "  NORMAL", advise, MADV_NORMAL },
	{ "  RANDOM", advise, MADV_RANDOM },
	{ "  SEQUENTIAL", advise, MADV_SEQUENTIAL },
	{ "  WILLNEED", advise, MADV_WILLNEED },
	{ "  DONTNEED", advise, MADV_DONTNEED },
	{ "  DONTNEED_LOCKED", advise, MADV_DONTNEED_LOCKED },
	{ "  FREE", advise, MADV_FREE },
	{ "  REMOVE", advise, MADV_REMOVE },
	{ "  DONTFORK", advise, MADV_DONTFORK },
	{ "  DOFORK", advise, MADV_DOFORK },
	{ "  WIPEONFORK", advise, MADV_WIPEONFORK },
	{ "  KEEPONFORK", advise, MADV_KEEPONFORK },
	{ "  MERGEABLE", advise, MADV_MERGEABLE },
	{ "  UNMERGEABLE", advise, MADV_UNMERGEABLE },
	{ "  HUGEPAGE", advise, MADV_HUGEPAGE },
	{ "  NOHUGEPAGE", advise, MADV_NOHUGEPAGE },
	{ "  COLLAPSE", advise, MADV_COLLAPSE },
	{ "  DONTDUMP", advise, MADV_DONTDUMP },
	{ "  DODUMP", advise, MADV_DODUMP },
	{ "  COLD", advise, MADV_COLD },
	{ "  PAGEOUT", advise, MADV_PAGEOUT },
	{ "  POPULATE_READ", advise, MADV_POPULATE_READ },
	{ "  POPULATE_WRITE", advise, MADV_POPULATE_WRITE },
	{ "  GUARD_INSTALL", advise, MADV_GUARD_INSTALL },
	{ "  GUARD_REMOVE", advise, MADV_GUARD_REMOVE },
	{ "process_madvise(2)", NULL, 0 },
	{ "  COLD", advise_process, MADV_COLD },
	{ "  DONTNEED", advise_process, MADV_DONTNEED },
	{ "  FREE", advise_process, MADV_FREE },
	{ "mprotect(2)", NULL, 0 },
	{ "  READ", change_protection, PROT_READ },
	{ "  READ, WRITE", change_protection, PROT_READ | PROT_WRITE },
	{ "  NONE", change_protection, PROT_NONE },
	{ "  GROWSDOWN", protect_what_grows, PROT_READ | PROT_GROWSDOWN },
	{ "  pkey_mprotect(2)", change_key, PROT_READ },
	{ "mmap(2), munmap(2)", NULL, 0 },
	{ "  munmap", unmap, 1 },
	{ "  with what follows", unmap, 2 },
	{ "  MAP_FIXED", cover, MAP_FIXED },
	{ "  address as a hint", cover, 0 },
	{ "mremap(2)", NULL, 0 },
	{ "  same size", resize, 1 },
	{ "  grow", resize, 2 },
	{ "  shrink", cut_off, 0 },
	{ "  move away", move_away, MREMAP_FIXED },
	{ "  DONTUNMAP", move_away, MREMAP_FIXED | MREMAP_DONTUNMAP },
	{ "  move onto it", move_onto, MREMAP_FIXED },
	{ "  old size 0", map_again, 0 },
	{ "other calls", NULL, 0 },
	{ "  remap_file_pages", remap_pages, 0 },
	{ "  SHM_REMAP", attach, 0 },
	{ "  SHM_REMAP below", attach_below, 512 },
	{ "  io_destroy below", destroy_ring_below, 20000 },
	{ "  brk", give_heap_back, 0 },
	{ "  mlock", lock, 0 },
	{ "  PR_SET_MM", ask_about_heap, 0 },
	{ "  SECCOMP, strict", allow_no_calls, SECCOMP_MODE_STRICT },
	{ "  userfaultfd", make_userfaultfd, UFFD_USER_MODE_ONLY },
	{ "  io_uring_setup", make_uring, 1 },
};

enum way { OPEN, BY_MSEAL, BY_FILTER, WAYS };

/* It could not be made, or sealed. */
#define NOTHING 1

static int forbid_mseal(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mseal, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { LENGTH(code), code };
	int err = sys_no_new_privs();

	return err < 0 ? err : sys_seccomp_filter(&program);
}

static int seal(char *at, enum way way)
{
	if (way == OPEN)
		return 0;
	if (way == BY_MSEAL)
		return sys_mseal(at, page_size(), 0);
	if (forbid_mseal() < 0 || sealmem_allow_emulation() < 0)
		return -EOPNOTSUPP;
	return sealmem_mseal(at, page_size(), 0);
}

static long try_here(const struct act *act, const struct kind *kind, enum way way)
{
	char *at = kind->make();

	if (at == NULL || seal(kind->above ? at + page_size() : at, way) < 0)
		return NOTHING;
	return act->act(at, act->number);
}

/* It may be left with no calls but this one and write(2). */
static void exit_from_child(void)
{
	(void)syscall(SYS_exit, 0);
}

static long try_in_child(const struct act *act, const struct kind *kind, enum way way)
{
	long outcome = NOTHING;
	int results[2];
	pid_t child;

	if (pipe(results) < 0 || (child = fork()) < 0)
		exit(2);
	if (child == 0) {
		outcome = try_here(act, kind, way);
		if (write(results[1], &outcome, sizeof(outcome)) > 0)
			exit_from_child();
		abort();
	}
	close(results[1]);
	if (read(results[0], &outcome, sizeof(outcome)) != sizeof(outcome))
		outcome = NOTHING;
	close(results[0]);
	(void)waitpid(child, NULL, 0);
	return outcome;
}

#define NOT_POSSIBLE "-"
#define LESS	     "LESS"

static const char *cell(const struct act *act, const struct kind *kind)
{
	static const char *const words[2][2] = { { "no", "more" }, { LESS, "both" } };
	long outcomes[WAYS];

	for (enum way way = OPEN; way < WAYS; way++)
		outcomes[way] = try_in_child(act, kind, way);
	if (outcomes[OPEN] != 0 || outcomes[BY_MSEAL] == NOTHING || outcomes[BY_FILTER] == NOTHING)
		return NOT_POSSIBLE;
	return words[outcomes[BY_MSEAL] < 0][outcomes[BY_FILTER] < 0];
}

#define ROW  128
#define NAME 20
#define CELL 6

/* Without blanks at its end. */
static void end_row(char *row)
{
	size_t length = strlen(row);

	while (length > 0 && row[length - 1] == ' ')
		row[--length] = '\0';
}

static void add(char *row, int width, const char *text)
{
	size_t length = strlen(row);

	(void)snprintf(row + length, ROW - length, "%-*s", width, text);
}

static void head_format(char *row)
{
	*row = '\0';
	add(row, NAME, "");
	for (size_t k = 0; k < LENGTH(kinds); k++)
		add(row, CELL, kinds[k].name);
	end_row(row);
}

static void row_format(const struct act *act, char *row)
{
	*row = '\0';
	add(row, NAME, act->name);
	for (size_t k = 0; act->act != NULL && k < LENGTH(kinds); k++)
		add(row, CELL, cell(act, &kinds[k]));
	end_row(row);
}

static int print(void)
{
	char row[ROW];

	head_format(row);
	(void)puts(row);
	for (size_t i = 0; i < LENGTH(acts); i++) {
		row_format(&acts[i], row);
		(void)puts(row);
	}
	return EXIT_SUCCESS;
}

/* A cell of the page may say more than this kernel can show, and the other way round. */
static bool is_same_cell(const char *found, const char *wanted)
{
	if (strcmp(found, LESS) == 0)
		return false;
	return strcmp(found, NOT_POSSIBLE) == 0 || strcmp(wanted, NOT_POSSIBLE) == 0 ||
	       strcmp(found, wanted) == 0;
}

static bool is_same_row(const char *found, const char *wanted)
{
	char *more[2], *cells[2], *word[2], copies[2][ROW];

	if (strncmp(found, wanted, NAME) != 0)
		return false;
	(void)snprintf(copies[0], ROW, "%s", strlen(found) > NAME ? found + NAME : "");
	(void)snprintf(copies[1], ROW, "%s", strlen(wanted) > NAME ? wanted + NAME : "");
	for (int i = 0; i < 2; i++) {
		cells[i] = copies[i];
		word[i] = strtok_r(cells[i], " \n", &more[i]);
	}
	while (word[0] != NULL && word[1] != NULL) {
		if (!is_same_cell(word[0], word[1]))
			return false;
		for (int i = 0; i < 2; i++)
			word[i] = strtok_r(NULL, " \n", &more[i]);
	}
	return word[0] == NULL && word[1] == NULL;
}

static int compare_row(FILE *page, const char *found)
{
	char wanted[ROW] = "";

	if (fgets(wanted, sizeof(wanted), page) != NULL)
		wanted[strcspn(wanted, "\n")] = '\0';
	if (is_same_row(found, wanted))
		return 0;
	(void)printf("the page:   %s\nthis kernel: %s\n", wanted, found);
	return 1;
}

static bool find_head(FILE *page)
{
	char head[ROW], line[2 * ROW];

	head_format(head);
	while (fgets(line, sizeof(line), page) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, head) == 0)
			return true;
	}
	return false;
}

static int compare(const char *path)
{
	FILE *page = fopen(path, "re");
	int failed = 0;

	if (page == NULL || !find_head(page)) {
		(void)printf("%s has no such table\n0 passed, 1 failed, 0 skipped\n", path);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < LENGTH(acts); i++) {
		char found[ROW];

		row_format(&acts[i], found);
		failed += compare_row(page, found);
	}
	(void)fclose(page);
	(void)printf("%d passed, %d failed, 0 skipped\n", (int)LENGTH(acts) - failed, failed);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (sys_mseal(NULL, 0, 0) < 0 || sys_seccomp_can_refuse() < 0) {
		(void)puts("SKIP this kernel has no mseal(2), or no filters");
		return 77;
	}
	return argc > 1 ? compare(argv[1]) : print();
}
