/* SPDX-License-Identifier: MIT */

/*
 * A process to audit. It maps the scenes that it is asked for, prints where they are, and stays until its standard
 * input ends. A scene is a row in the table below; audit.bats has what the audit must say of it.
 *
 *     mapped [--fork|--leave] SCENE...
 *     mapped --execute [PROGRAM]
 *     mapped --outlive
 *     mapped --end-together
 *
 * For each scene it prints "SCENE ADDRESS" in hex, "SCENE fd N" for one that is a descriptor, or "SCENE -" for one
 * that this kernel does not support. It prints "--fork PID" for a child, which inherits everything that can be
 * inherited. With --leave the first thread exits and another one stays. With --execute a second thread executes this
 * program again, which then maps "write-execute" and exits. With --outlive a second thread maps "write-execute" when
 * the first one has exited. With --end-together it maps "write-execute", and several threads exit while one ends the
 * process. These print nothing.
 */

#include "include/sealmem.h"

#include "lib/util.h"

#include <linux/io_uring.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>

#define FINAL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

/* A neighbour that no two scenes can share keeps the kernel from joining them. */
static void *map(int protection, int flags, int fd)
{
	size_t page = page_size();
	char *at = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	(void)munmap(at, page);
	(void)munmap(at + 2 * page, page);
	at = mmap(at + page, page, protection, flags | MAP_FIXED, fd, 0);
	return at != MAP_FAILED ? at : NULL;
}

static int memfd(const char *name, int seals)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)page_size()) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		exit(EXIT_FAILURE);
	return fd;
}

static void *map_memfd(const char *name, int seals, int protection, int flags)
{
	int fd = memfd(name, seals);
	void *at = map(protection, flags, fd);

	(void)close(fd);
	return at;
}

static void *sealed(void)
{
	return map_memfd("sealed", FINAL_SEALS, PROT_READ, MAP_SHARED);
}

static void *half_sealed(void)
{
	return map_memfd("half", F_SEAL_WRITE, PROT_READ, MAP_SHARED);
}

static void *future_sealed(void)
{
	return map_memfd("future", F_SEAL_FUTURE_WRITE, PROT_READ, MAP_SHARED);
}

/* A mapping can write, and the seal against execution is to bring the one against writing along. Where the kernel looks
 * for writers first, this one goes. */
static void *exec_sealed(void)
{
	int fd = memfd_create("exec", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	void *at = NULL, *writer;

	if (fd < 0 || ftruncate(fd, (off_t)page_size()) < 0)
		return NULL;
	writer = map(PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (writer != NULL && fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC) < 0)
		(void)munmap(writer, page_size());
	if (writer != NULL && fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC) == 0)
		at = map(PROT_READ, MAP_SHARED, fd);
	(void)close(fd);
	return at;
}

static void *unsealed(void)
{
	return map_memfd("unsealed", 0, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void *private_copy(void)
{
	return map_memfd("private", FINAL_SEALS, PROT_READ, MAP_PRIVATE);
}

static void *executable(void)
{
	return map_memfd("code", FINAL_SEALS, PROT_READ | PROT_EXEC, MAP_SHARED);
}

static void *write_execute(void)
{
	return map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void *region(unsigned guarantees)
{
	struct sealmem_region *region = NULL;
	const char bytes[] = "bytes";

	if (sealmem_region_new_from(&region, "region", bytes, sizeof(bytes), guarantees) < 0)
		return NULL;
	return sealmem_region_data(region);
}

/* Code at one address, which `written` at another address can change. Children inherit the code alone. */
static void *map_twice(off_t written)
{
	size_t page = page_size();
	int fd = memfd("twice", 0);
	void *code, *other;

	if (ftruncate(fd, (off_t)(2 * page)) < 0)
		return NULL;
	code = map(PROT_READ | PROT_EXEC, MAP_SHARED, fd);
	other = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, written);
	(void)close(fd);
	if (other == MAP_FAILED || madvise(other, page, MADV_DONTFORK) < 0)
		return NULL;
	return code;
}

static void *written_code(void)
{
	return map_twice(0);
}

static void *code_beside_data(void)
{
	return map_twice((off_t)page_size());
}

static void *whole_region(void)
{
	return region(SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_NOSWAP | SEALMEM_NODUMP |
		      SEALMEM_NOFORK | SEALMEM_GUARDS);
}

static void *content_region(void)
{
	return region(SEALMEM_CONTENT);
}

static void *secret_region(void)
{
	return region(SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_SECRECY);
}

static void *open_secret(void)
{
	struct sealmem_region *region = NULL;

	if (sealmem_region_new(&region, "secret", 1, SEALMEM_SECRECY) < 0)
		return NULL;
	return sealmem_region_data(region);
}

static void *dumpable_secret(void)
{
	void *at = open_secret();

	return at != NULL && madvise(at, page_size(), MADV_DODUMP) == 0 ? at : NULL;
}

/* No kernel gives it a name: those that name memory refuse memory of a file. */
static void *named_secret(void)
{
	void *at = open_secret();

	if (at != NULL &&
	    prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, page_size(), "secret-of-ours") == 0)
		exit(EXIT_FAILURE);
	return at;
}

/* Secret memory that nobody can write to through this mapping. The caller decides what happens to the descriptor. */
static void *seal_secret(int fd)
{
	size_t page = page_size();
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)page) == 0)
		at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || madvise(at, page, MADV_DONTFORK) < 0)
		return NULL;
	*(volatile char *)at = 1;
	if (mprotect(at, page, PROT_READ) < 0 || sealmem_mseal(at, page, 0) < 0)
		return NULL;
	return at;
}

static void *closed_secret(void)
{
	int fd = sys_memfd_secret();
	void *at = seal_secret(fd);

	(void)close(fd);
	return at;
}

/* Closing a descriptor takes it away from the threads that share the table, and this one has a table of its own. */
static void *keep_table(void *barrier)
{
	(void)unshare(CLONE_FILES);
	(void)pthread_barrier_wait(barrier);
	while (pause() < 0)
		;
	return NULL;
}

static void *secret_of_thread(void)
{
	static pthread_barrier_t barrier;
	int fd = sys_memfd_secret();
	void *at = seal_secret(fd);
	pthread_t thread;

	(void)pthread_barrier_init(&barrier, NULL, 2);
	if (at == NULL || pthread_create(&thread, NULL, keep_table, &barrier) != 0)
		return NULL;
	(void)pthread_barrier_wait(&barrier);
	(void)close(fd);
	return at;
}

/* Nobody receives it. */
static int send_descriptor(int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec byte = { "x", 1 };
	struct msghdr message = { .msg_iov = &byte,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -1;
	control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fd)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	return sendmsg(ends[0], &message, 0) == 1 ? 0 : -1;
}

static void *secret_on_the_way(void)
{
	int fd = sys_memfd_secret();
	void *at = seal_secret(fd);

	if (at == NULL || send_descriptor(fd) < 0)
		return NULL;
	(void)close(fd);
	return at;
}

static void *secret_mapped_twice(void)
{
	int fd = sys_memfd_secret();
	void *at = seal_secret(fd), *other;

	other = at != NULL ? mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
			   : NULL;
	(void)close(fd);
	return other != NULL && other != MAP_FAILED ? at : NULL;
}

/* Not writable, but mprotect(2) can make it so. */
static void *secret_mapped_to_read(void)
{
	int fd = sys_memfd_secret();
	void *at = seal_secret(fd), *other;

	other = at != NULL ? mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0) : NULL;
	(void)close(fd);
	return other != NULL && other != MAP_FAILED ? at : NULL;
}

/* The child ends with the input, as its parent does. */
static void *secret_of_child(void)
{
	int fd = sys_memfd_secret();
	void *at = seal_secret(fd);
	char byte;

	if (at != NULL && fork() == 0) {
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
		_exit(0);
	}
	(void)close(fd);
	return at;
}

/* An io_uring keeps the file that is registered with it, and is mapped nowhere. */
static void *secret_in_ring(void)
{
	struct io_uring_params params = { 0 };
	int fd = sys_memfd_secret(), ring = (int)syscall(SYS_io_uring_setup, 1, &params);
	void *at = seal_secret(fd);

	if (at == NULL || ring < 0 ||
	    syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1) < 0)
		return NULL;
	(void)close(fd);
	return at;
}

/* An io_uring that keeps no file. */
static void *secret_beside_ring(void)
{
	struct io_uring_params params = { 0 };

	return syscall(SYS_io_uring_setup, 1, &params) >= 0 ? closed_secret() : NULL;
}

static void *sealed_writable(void)
{
	void *at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	return sealmem_mseal(at, page_size(), 0) == 0 ? at : NULL;
}

struct relro {
	uintptr_t start;
	size_t size;
};

/* The program itself comes first. */
static int find_relro(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct relro *relro = argument;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr, page = page_size();

		if (header->p_type != PT_GNU_RELRO)
			continue;
		relro->start = start & ~(page - 1);
		relro->size = ((start + header->p_memsz) & ~(page - 1)) - relro->start;
	}
	return 1;
}

static void *relro_sealed_by(int (*seal)(void *addr, size_t size))
{
	struct relro relro = { 0 };

	(void)dl_iterate_phdr(find_relro, &relro);
	/* cppcheck-suppress performance */
	return relro.size > 0 && seal((void *)relro.start, relro.size) == 0 ? (void *)relro.start
									    : NULL;
}

static int seal_address(void *addr, size_t size)
{
	return sealmem_mseal(addr, size, 0);
}

static int seal_both(void *addr, size_t size)
{
	return sealmem_seal_range(addr, size, SEALMEM_CONTENT | SEALMEM_ADDRESS);
}

static void *relro_undoable(void)
{
	return relro_sealed_by(seal_address);
}

static void *relro_sealed(void)
{
	return relro_sealed_by(seal_both);
}

/* Not memcpy(3): under AddressSanitizer it refuses the gaps between constants. */
static void __attribute__((no_sanitize("address")))
copy_all(volatile char *to, const char *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = from[i];
}

/* The same bytes in anonymous memory: what the kernel says of the file is gone. */
static void *replace_by_copy(uintptr_t start, size_t size, int protection)
{
	/* cppcheck-suppress performance */
	void *at = (void *)start;
	void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return NULL;
	copy_all(copy, at, size);
	if (mprotect(copy, size, protection) < 0)
		return NULL;
	copy = mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	return copy != MAP_FAILED ? copy : NULL;
}

static void *replace_segment(const struct dl_phdr_info *info, const ElfW(Phdr) * header)
{
	uintptr_t page = page_size(), start = (info->dlpi_addr + header->p_vaddr) & ~(page - 1);
	uintptr_t end =
		(info->dlpi_addr + header->p_vaddr + header->p_memsz + page - 1) & ~(page - 1);

	return replace_by_copy(start, end - start,
			       header->p_flags & PF_X ? PROT_READ | PROT_EXEC : PROT_READ);
}

/* Of the program itself: the part with its headers, or each part that is not writable. */
static int replace_headers(struct dl_phdr_info *info, size_t size, void *ret)
{
	void **replaced = ret;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum && *replaced == NULL; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			*replaced = replace_segment(info, &info->dlpi_phdr[i]);
	return 1;
}

static int replace_constants_and_code(struct dl_phdr_info *info, size_t size, void *ret)
{
	void **replaced = ret;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && !(info->dlpi_phdr[i].p_flags & PF_W)) {
			void *at = replace_segment(info, &info->dlpi_phdr[i]);

			if (info->dlpi_phdr[i].p_flags & PF_X)
				*replaced = at;
		}
	return 1;
}

static void *headers_replaced(void)
{
	void *at = NULL;

	(void)dl_iterate_phdr(replace_headers, &at);
	return at;
}

/* A part of the code a second time, as some programs map it nearer to other code. */
static int map_code_again(struct dl_phdr_info *info, size_t size, void *ret)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD && (header->p_flags & PF_X))
			*(void **)ret = mmap(NULL, page_size(), PROT_READ | PROT_EXEC, MAP_PRIVATE,
					     fd, (off_t)(header->p_offset & ~(page_size() - 1)));
	}
	(void)close(fd);
	return 1;
}

static void *code_again(void)
{
	void *at = NULL;

	(void)dl_iterate_phdr(map_code_again, &at);
	return at != MAP_FAILED ? at : NULL;
}

static void *code_replaced(void)
{
	void *at = NULL;

	(void)dl_iterate_phdr(replace_constants_and_code, &at);
	return at;
}

static void *hostile(void)
{
	return map_memfd("a\nffffffff000-fffffffff00 r-xs 0 0:1 1 \x1b[2J\xff<&>\"'\"\u202e", 0,
			 PROT_READ, MAP_SHARED);
}

static void *named(const char *name)
{
	return map_memfd(name, 0, PROT_READ, MAP_SHARED);
}

static void *backslash(void)
{
	return named("C:\\x");
}

static void *line_end(void)
{
	return named("a\nb");
}

/* In maps the kernel writes the end of a line so. */
static void *code_12(void)
{
	return named("a\\012b");
}

/* Anonymous memory with the name of a heap. */
static void *named_heap(void)
{
	void *at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	(void)prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, page_size(), "heap");
	return at;
}

static void *in_a_file(void)
{
	char path[] = "/tmp/sealmem-mapped-XXXXXX";
	int fd = mkstemp(path);
	void *at;

	(void)unlink(path);
	if (fd < 0 || ftruncate(fd, (off_t)page_size()) < 0)
		return NULL;
	at = map(PROT_READ, MAP_SHARED, fd);
	(void)close(fd);
	return at;
}

static size_t huge_page(void)
{
	return (size_t)2 << 20;
}

/* Reserved and never touched, so that no huge page has to be free. */
static void *map_huge(int protection, int flags)
{
	void *at = mmap(NULL, huge_page(), protection,
			flags | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);

	return at != MAP_FAILED ? at : NULL;
}

static void *huge(void)
{
	return map_huge(PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static void *huge_shared(void)
{
	return map_huge(PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void *huge_write_execute(void)
{
	return map_huge(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
}

static void *shared(void)
{
	return map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
}

static void *attach(int id, int flags)
{
	void *at = id >= 0 ? shmat(id, NULL, flags) : NULL;

	return at != (void *)-1 ? at : NULL;
}

/* Code at one address, which can be written at the other one. */
static void *attach_twice(size_t size, int flags)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | flags | 0700);
	void *code = attach(id, SHM_RDONLY | SHM_EXEC), *other = attach(id, 0);

	(void)shmctl(id, IPC_RMID, NULL);
	return other != NULL ? code : NULL;
}

static void *shm_written_code(void)
{
	return attach_twice(page_size(), 0);
}

static void *shm_huge_written_code(void)
{
	return attach_twice(huge_page(), SHM_HUGETLB | SHM_NORESERVE);
}

/* 128 MiB of small pages. Every other one of the first ten thousand is a mapping of its own. */
static void *large(void)
{
	size_t page = page_size(), size = (size_t)128 << 20;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || madvise(at, size, MADV_NOHUGEPAGE) < 0)
		return NULL;
	memset(at, 1, size);
	for (size_t i = 0; i < 10000 && (i + 1) * page < size; i += 2)
		(void)mprotect(at + i * page, page, PROT_READ);
	return at;
}

static int held(void)
{
	return memfd("held", FINAL_SEALS);
}

static int held_open(void)
{
	return memfd("held-open", 0);
}

static const struct {
	const char *name;
	void *(*map)(void);
	int (*open)(void);
} scenes[] = {
	{ "sealed", sealed, NULL },
	{ "half-sealed", half_sealed, NULL },
	{ "future-sealed", future_sealed, NULL },
	{ "exec-sealed", exec_sealed, NULL },
	{ "unsealed", unsealed, NULL },
	{ "private", private_copy, NULL },
	{ "executable", executable, NULL },
	{ "write-execute", write_execute, NULL },
	{ "written-code", written_code, NULL },
	{ "code-beside-data", code_beside_data, NULL },
	{ "whole-region", whole_region, NULL },
	{ "content-region", content_region, NULL },
	{ "secret-region", secret_region, NULL },
	{ "open-secret", open_secret, NULL },
	{ "dumpable-secret", dumpable_secret, NULL },
	{ "named-secret", named_secret, NULL },
	{ "closed-secret", closed_secret, NULL },
	{ "secret-of-thread", secret_of_thread, NULL },
	{ "secret-on-the-way", secret_on_the_way, NULL },
	{ "secret-mapped-twice", secret_mapped_twice, NULL },
	{ "secret-mapped-to-read", secret_mapped_to_read, NULL },
	{ "secret-of-child", secret_of_child, NULL },
	{ "secret-in-ring", secret_in_ring, NULL },
	{ "secret-beside-ring", secret_beside_ring, NULL },
	{ "sealed-writable", sealed_writable, NULL },
	{ "relro-undoable", relro_undoable, NULL },
	{ "relro-sealed", relro_sealed, NULL },
	{ "headers-replaced", headers_replaced, NULL },
	{ "code-replaced", code_replaced, NULL },
	{ "code-again", code_again, NULL },
	{ "hostile", hostile, NULL },
	{ "named-heap", named_heap, NULL },
	{ "backslash", backslash, NULL },
	{ "line-end", line_end, NULL },
	{ "code-12", code_12, NULL },
	{ "file", in_a_file, NULL },
	{ "large", large, NULL },
	{ "huge", huge, NULL },
	{ "huge-shared", huge_shared, NULL },
	{ "huge-write-execute", huge_write_execute, NULL },
	{ "shared", shared, NULL },
	{ "shm-written-code", shm_written_code, NULL },
	{ "shm-huge-written-code", shm_huge_written_code, NULL },
	{ "held", NULL, held },
	{ "held-open", NULL, held_open },
};

static void play(const char *name)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		void *at;

		if (strcmp(scenes[i].name, name) != 0)
			continue;
		if (scenes[i].open != NULL) {
			(void)printf("%s fd %d\n", name, scenes[i].open());
			return;
		}
		at = scenes[i].map();
		if (at != NULL)
			(void)printf("%s %lx\n", name, (unsigned long)at);
		else
			(void)printf("%s -\n", name);
		return;
	}
	exit(2);
}

static void *stay(void *unused)
{
	char byte;

	(void)unused;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	exit(EXIT_SUCCESS);
}

static void start_thread_that_stays(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, stay, NULL) != 0)
		exit(EXIT_FAILURE);
}

static void *execute_again(void *program)
{
	(void)execl(program, program, "--execute", NULL);
	exit(EXIT_FAILURE);
}

static int execute(char *program)
{
	pthread_t thread;

	if (program == NULL)
		return write_execute() == NULL;
	if (pthread_create(&thread, NULL, execute_again, program) != 0)
		return EXIT_FAILURE;
	for (;;)
		(void)pause();
}

static void *outlive_thread(void *first)
{
	(void)pthread_join(*(pthread_t *)first, NULL);
	exit(write_execute() == NULL);
}

static int outlive(void)
{
	static pthread_t first;
	pthread_t thread;

	first = pthread_self();
	if (pthread_create(&thread, NULL, outlive_thread, &first) != 0)
		return EXIT_FAILURE;
	pthread_exit(NULL);
}

static void *exit_together(void *barrier)
{
	(void)pthread_barrier_wait(barrier);
	return NULL;
}

static int end_together(void)
{
	static pthread_barrier_t barrier;
	pthread_t thread;

	(void)pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 3; i++)
		if (write_execute() == NULL ||
		    pthread_create(&thread, NULL, exit_together, &barrier) != 0)
			return EXIT_FAILURE;
	(void)pthread_barrier_wait(&barrier);
	_exit(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
	bool leaves = argc > 1 && strcmp(argv[1], "--leave") == 0;
	bool forks = argc > 1 && strcmp(argv[1], "--fork") == 0;
	pid_t child;
	char byte;

	if (argc > 1 && strcmp(argv[1], "--execute") == 0)
		return execute(argv[2]);
	if (argc > 1 && strcmp(argv[1], "--outlive") == 0)
		return outlive();
	if (argc > 1 && strcmp(argv[1], "--end-together") == 0)
		return end_together();
	for (int i = forks || leaves ? 2 : 1; i < argc; i++)
		play(argv[i]);
	(void)fflush(stdout);
	child = forks ? fork() : 0;
	if (child > 0)
		(void)printf("--fork %d\n", (int)child);
	if (leaves) {
		start_thread_that_stays();
		(void)printf("--leave 0\n");
		(void)fflush(stdout);
		pthread_exit(NULL);
	}
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
