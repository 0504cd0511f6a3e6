/* SPDX-License-Identifier: MIT */

/*
 * What sealed memory refuses. Every test makes one attack, first on memory of the same shape that is not
 * sealed, where it has to work, for an attack that never works shows nothing; then on everything that
 * this library seals, where it has to answer the errno that is documented and leave every byte and the
 * size alone.
 */

#include "tests/support/kernel.h"
#include "tests/support/ring.h"
#include "tests/support/support.h"

#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

struct memory {
	char *data;
	size_t size;
	int file; /* the file below it, open for writing; -1 if this user cannot have one */
	struct sealmem_region *region;
};

static void end_memory(const struct memory *m)
{
	(void)munmap(m->data, m->size);
	close_fd(m->file);
	(void)sealmem_region_free(m->region);
}

#define SCOPED_MEMORY CLEANUP(end_memory) struct memory

static const char attack[8] = "attacked";

/* Memory that is not sealed, in the shape that the attack is good for. */
enum shape {
	WRITABLE, /* a memfd, mapped shared and writable */
	READABLE, /* the same, mapped for reading */
	PRIVATE,  /* anonymous */
	FILE_ONLY /* as WRITABLE; the attack is on the file */
};

static struct memory make_twin(enum shape shape)
{
	struct memory m = { .size = 3 * page_size(), .file = -1 };
	void *data;

	if (shape == PRIVATE) {
		m.data = map_private(m.size);
		fill(m.data, m.size);
		return m;
	}
	m.file = memfd_create("twin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(m.file, (off_t)m.size), 0);
	data = mmap(NULL, m.size, PROT_READ | PROT_WRITE, MAP_SHARED, m.file, 0);
	ck_assert_ptr_ne(data, MAP_FAILED);
	fill(data, m.size);
	if (shape == READABLE)
		ck_assert_int_eq(mprotect(data, m.size, PROT_READ), 0);
	m.data = data;
	return m;
}

static int reopen(const char *directory, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/self/%s/%s", directory, name);
	return (int)result(open(path, flags | O_CLOEXEC));
}

static int reopen_descriptor(int fd, int flags)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", fd);
	return reopen("fd", name, flags);
}

static int reopen_mapping(const struct memory *m, int flags)
{
	char name[64];

	snprintf(name, sizeof(name), "%lx-%lx", (unsigned long)m->data,
		 (unsigned long)m->data + m->size);
	return reopen("map_files", name, flags);
}

static struct memory memory_of(struct sealmem_region *region)
{
	struct memory m = { .data = sealmem_region_data(region),
			    .size = sealmem_region_size(region),
			    .region = region };

	m.file = reopen_descriptor(sealmem_region_fd(region), O_RDWR);
	ck_assert_int_ge(m.file, 0);
	return m;
}

static struct memory seal_in_place(unsigned guarantees)
{
	return memory_of(sealed_region("place", 3 * page_size(), guarantees));
}

static struct memory seal_bytes(unsigned guarantees)
{
	struct sealmem_region *region = NULL;
	size_t size = 3 * page_size();
	char *bytes = map_private(size);

	fill(bytes, size);
	ck_assert_int_eq(sealmem_region_new_from(&region, "bytes", bytes, size, guarantees), 0);
	return memory_of(region);
}

static struct memory seal_range(unsigned guarantees)
{
	struct memory m = make_twin(PRIVATE);

	ck_assert_int_eq(sealmem_seal_range(m.data, m.size, guarantees), 0);
	m.file = reopen_mapping(&m, O_RDWR);
	return m;
}

static struct memory (*const seals[])(unsigned guarantees) = { seal_in_place, seal_bytes,
							       seal_range };

#define SEALS (sizeof(seals) / sizeof(*seals))

static bool is_changed(const struct memory *m)
{
	struct stat status = { .st_size = (off_t)m->size };

	if (m->file >= 0)
		ck_assert_int_eq(fstat(m->file, &status), 0);
	/* A file cut short leaves pages that cannot be read. */
	return status.st_size != (off_t)m->size || !is_filled(m->data, m->size);
}

typedef int attack_function(const struct memory *m);

static void try_on_twin(attack_function *act, enum shape shape)
{
	SCOPED_MEMORY twin = make_twin(shape);
	int err = act(&twin);

	if (err == -ENOSYS)
		skip_test("this kernel lacks the system call");
	ck_assert_int_eq(err, 0);
	ck_assert(is_changed(&twin));
}

static void assert_refused(attack_function *act, enum shape shape, int error)
{
	try_on_twin(act, shape);
	for (size_t i = 0; i < SEALS; i++) {
		SCOPED_MEMORY m = seals[i](SEALMEM_CONTENT);

		if (shape == FILE_ONLY && m.file < 0)
			continue;
		ck_assert_int_eq(act(&m), error);
		ck_assert(!is_changed(&m));
	}
}

static int store(const struct memory *m)
{
	memcpy(m->data, attack, sizeof(attack));
	return 0;
}

static int attack_mprotect(const struct memory *m)
{
	int err = (int)result(mprotect(m->data, m->size, PROT_READ | PROT_WRITE));

	return err == 0 ? store(m) : err;
}

START_TEST(mprotect_cannot_make_it_writable)
{
	assert_refused(attack_mprotect, READABLE, -EACCES);
}
END_TEST

static int attack_pkey_mprotect(const struct memory *m)
{
	int err = (int)result(
		syscall(SYS_pkey_mprotect, m->data, m->size, PROT_READ | PROT_WRITE, -1));

	return err == 0 ? store(m) : err;
}

START_TEST(pkey_mprotect_cannot_make_it_writable)
{
	assert_refused(attack_pkey_mprotect, READABLE, -EACCES);
}
END_TEST

static int write_mem(const struct memory *m, pid_t pid)
{
	CLEANUP(close_fd_at) int fd = -1;
	char path[64];
	ssize_t written;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	written = pwrite(fd, attack, sizeof(attack), (off_t)(uintptr_t)m->data);
	return written < 0 ? -errno : 0;
}

static int attack_own_mem(const struct memory *m)
{
	return write_mem(m, getpid());
}

START_TEST(writing_to_proc_self_mem_is_refused)
{
	assert_refused(attack_own_mem, WRITABLE, -EIO);
}
END_TEST

/* What a child answers when it does `act` to its parent. */
static int by_child(attack_function *act, const struct memory *m)
{
	int status = 0;
	pid_t pid;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	pid = fork();
	if (pid == 0)
		_exit(-act(m));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static int write_mem_of_parent(const struct memory *m)
{
	return write_mem(m, getppid());
}

static int attack_mem_of_another(const struct memory *m)
{
	return by_child(write_mem_of_parent, m);
}

START_TEST(writing_to_proc_mem_by_another_process_is_refused)
{
	assert_refused(attack_mem_of_another, WRITABLE, -EIO);
}
END_TEST

static int poke(const struct memory *m, pid_t pid)
{
	unsigned long word;

	memcpy(&word, attack, sizeof(word));
	return (int)result(ptrace(PTRACE_POKEDATA, pid, m->data, word));
}

static int attack_poke_child(const struct memory *m)
{
	pid_t pid = fork();
	int status, err;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSTOPPED(status));
	err = poke(m, pid);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return err;
}

START_TEST(ptrace_of_a_child_cannot_poke_into_it)
{
	assert_refused(attack_poke_child, WRITABLE, -EIO);
}
END_TEST

static int poke_parent(const struct memory *m)
{
	pid_t parent = getppid();
	int err;

	if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) < 0)
		return -errno;
	if (waitpid(parent, NULL, __WALL) != parent)
		return -ECHILD;
	err = poke(m, parent);
	ptrace(PTRACE_DETACH, parent, NULL, NULL);
	return err;
}

static int attack_poke_by_child(const struct memory *m)
{
	return by_child(poke_parent, m);
}

START_TEST(ptrace_by_another_process_cannot_poke_into_it)
{
	assert_refused(attack_poke_by_child, WRITABLE, -EIO);
}
END_TEST

static int attack_vm_writev(const struct memory *m)
{
	char bytes[sizeof(attack)];
	struct iovec from = { memcpy(bytes, attack, sizeof(attack)), sizeof(bytes) };
	struct iovec to = { m->data, sizeof(bytes) };
	long written = result(process_vm_writev(getpid(), &from, 1, &to, 1, 0));

	return written < 0 ? (int)written : 0;
}

START_TEST(process_vm_writev_is_refused)
{
	assert_refused(attack_vm_writev, WRITABLE, -EFAULT);
}
END_TEST

/* A pipe with the attack in it. */
static int loaded_pipe(int pipe[2])
{
	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	ck_assert_int_eq(write(pipe[1], attack, sizeof(attack)), sizeof(attack));
	return pipe[0];
}

static int zero_or_error(long answer)
{
	return answer < 0 ? (int)result(answer) : 0;
}

static int attack_read(const struct memory *m)
{
	int pipe[2];

	return zero_or_error(read(loaded_pipe(pipe), m->data, sizeof(attack)));
}

START_TEST(read_into_it_is_refused)
{
	assert_refused(attack_read, WRITABLE, -EFAULT);
}
END_TEST

static int attack_futex(const struct memory *m)
{
	unsigned word = 0;
	unsigned operation = FUTEX_OP(FUTEX_OP_SET, 0x7ff, FUTEX_OP_CMP_EQ, 0);

	return zero_or_error(syscall(SYS_futex, &word, FUTEX_WAKE_OP, 1, 1L, m->data, operation));
}

START_TEST(futex_wake_op_is_refused)
{
	assert_refused(attack_futex, WRITABLE, -EFAULT);
}
END_TEST

static int attack_write(const struct memory *m)
{
	return zero_or_error(write(m->file, attack, sizeof(attack)));
}

START_TEST(write_after_reopening_is_refused)
{
	assert_refused(attack_write, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_pwrite(const struct memory *m)
{
	return zero_or_error(pwrite(m->file, attack, sizeof(attack), 0));
}

START_TEST(pwrite_after_reopening_is_refused)
{
	assert_refused(attack_pwrite, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_append(const struct memory *m)
{
	return zero_or_error(pwrite(m->file, attack, sizeof(attack), (off_t)m->size));
}

START_TEST(pwrite_after_the_end_is_refused)
{
	assert_refused(attack_append, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_splice(const struct memory *m)
{
	loff_t at = 0;
	int pipe[2];

	return zero_or_error(splice(loaded_pipe(pipe), NULL, m->file, &at, sizeof(attack), 0));
}

START_TEST(splice_to_its_file_is_refused)
{
	assert_refused(attack_splice, FILE_ONLY, -EPERM);
}
END_TEST

static int loaded_file(void)
{
	int fd = memfd_create("attack", MFD_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, attack, sizeof(attack), 0), sizeof(attack));
	return fd;
}

static int attack_sendfile(const struct memory *m)
{
	return zero_or_error(sendfile(m->file, loaded_file(), NULL, sizeof(attack)));
}

START_TEST(sendfile_to_its_file_is_refused)
{
	assert_refused(attack_sendfile, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_copy_file_range(const struct memory *m)
{
	return zero_or_error(
		copy_file_range(loaded_file(), NULL, m->file, NULL, sizeof(attack), 0));
}

START_TEST(copy_file_range_to_its_file_is_refused)
{
	assert_refused(attack_copy_file_range, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_grow(const struct memory *m)
{
	return (int)result(ftruncate(m->file, (off_t)(2 * m->size)));
}

START_TEST(ftruncate_cannot_grow_it)
{
	assert_refused(attack_grow, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_shrink(const struct memory *m)
{
	return (int)result(ftruncate(m->file, 1));
}

START_TEST(ftruncate_cannot_shrink_it)
{
	assert_refused(attack_shrink, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_truncate(const struct memory *m)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", m->file);
	return (int)result(truncate(path, 1));
}

START_TEST(truncate_by_path_is_refused)
{
	assert_refused(attack_truncate, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_fallocate(const struct memory *m)
{
	return (int)result(fallocate(m->file, 0, 0, (off_t)(2 * m->size)));
}

START_TEST(fallocate_cannot_grow_it)
{
	assert_refused(attack_fallocate, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_punch_hole(const struct memory *m)
{
	return (int)result(fallocate(m->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				     (off_t)page_size()));
}

START_TEST(fallocate_cannot_punch_a_hole)
{
	assert_refused(attack_punch_hole, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_reopen_truncating(const struct memory *m)
{
	int fd = reopen_descriptor(m->file, O_RDWR | O_TRUNC);

	return fd < 0 ? fd : close(fd);
}

START_TEST(reopening_it_to_truncate_is_refused)
{
	assert_refused(attack_reopen_truncating, FILE_ONLY, -EPERM);
}
END_TEST

static int attack_map_files(const struct memory *m)
{
	CLEANUP(close_fd_at) int fd = reopen_mapping(m, O_RDWR);

	return fd < 0 ? fd : zero_or_error(pwrite(fd, attack, sizeof(attack), 0));
}

START_TEST(writing_through_map_files_is_refused)
{
	require_root();
	assert_refused(attack_map_files, WRITABLE, -EPERM);
}
END_TEST

static int attack_map_files_truncating(const struct memory *m)
{
	int fd = reopen_mapping(m, O_RDWR | O_TRUNC);

	return fd < 0 ? fd : close(fd);
}

START_TEST(truncating_through_map_files_is_refused)
{
	require_root();
	assert_refused(attack_map_files_truncating, WRITABLE, -EPERM);
}
END_TEST

static int attack_writable_mapping(const struct memory *m)
{
	char *at = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, m->file, 0);

	if (at == MAP_FAILED)
		return -errno;
	memcpy(at, attack, sizeof(attack));
	return munmap(at, m->size);
}

START_TEST(a_new_writable_mapping_is_refused)
{
	assert_refused(attack_writable_mapping, FILE_ONLY, -EPERM);
}
END_TEST

/* Some kernels refuse the mapping already, others only that it becomes writable. */
static int attack_readable_mapping(const struct memory *m)
{
	char *at = mmap(NULL, m->size, PROT_READ, MAP_SHARED, m->file, 0);

	if (at == MAP_FAILED)
		return errno == EPERM ? -EACCES : -errno;
	if (mprotect(at, m->size, PROT_READ | PROT_WRITE) < 0)
		return -errno;
	memcpy(at, attack, sizeof(attack));
	return munmap(at, m->size);
}

START_TEST(a_new_readable_mapping_cannot_become_writable)
{
	assert_refused(attack_readable_mapping, FILE_ONLY, -EACCES);
}
END_TEST

static int attack_dontneed(const struct memory *m)
{
	return (int)result(madvise(m->data, m->size, MADV_DONTNEED));
}

START_TEST(madvise_dontneed_does_not_change_it)
{
	assert_refused(attack_dontneed, PRIVATE, 0);
}
END_TEST

/* MADV_FREE gives the pages up for the kernel to take; MADV_PAGEOUT has it take them now. */
static int attack_free(const struct memory *m)
{
	int err = (int)result(madvise(m->data, m->size, MADV_FREE));

	(void)madvise(m->data, m->size, MADV_PAGEOUT);
	return err;
}

START_TEST(madvise_free_is_refused)
{
	assert_refused(attack_free, PRIVATE, -EINVAL);
}
END_TEST

static int attack_pageout(const struct memory *m)
{
	(void)madvise(m->data, m->size, MADV_FREE);
	return (int)result(madvise(m->data, m->size, MADV_PAGEOUT));
}

START_TEST(madvise_pageout_does_not_change_it)
{
	assert_refused(attack_pageout, PRIVATE, 0);
}
END_TEST

static int attack_remove(const struct memory *m)
{
	return (int)result(madvise(m->data, m->size, MADV_REMOVE));
}

START_TEST(madvise_remove_is_refused)
{
	assert_refused(attack_remove, WRITABLE, -EACCES);
}
END_TEST

static int open_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	/* The flag is of Linux 5.11; root does without. */
	if (fd < 0)
		fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		skip_test("no userfaultfd for this user on this kernel");
	return fd;
}

/* The pages are thrown away, and then it is for us to say what was in them. */
static int attack_userfaultfd(const struct memory *m)
{
	CLEANUP(close_fd_at) int fd = open_userfaultfd();
	char *page = map_private(page_size());
	struct uffdio_register range = { .range = { (uintptr_t)m->data, m->size },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .dst = (uintptr_t)m->data,
				    .src = (uintptr_t)page,
				    .len = page_size() };

	memcpy(page, attack, sizeof(attack));
	(void)madvise(m->data, m->size, MADV_DONTNEED);
	if (ioctl(fd, UFFDIO_REGISTER, &range) < 0)
		return -errno;
	return (int)result(ioctl(fd, UFFDIO_COPY, &copy));
}

START_TEST(userfaultfd_cannot_supply_its_pages)
{
	assert_refused(attack_userfaultfd, PRIVATE, -EPERM);
}
END_TEST

static int attack_ring_fixed(const struct memory *m)
{
	struct ring ring = open_ring();
	struct io_uring_sqe request = { .opcode = IORING_OP_READ_FIXED,
					.fd = loaded_file(),
					.addr = (uintptr_t)m->data,
					.len = sizeof(attack) };
	int err = ring_register(&ring, m->data, m->size);

	return err < 0 ? err : ring_do(&ring, &request) < 0 ? -EBADE : 0;
}

START_TEST(io_uring_cannot_have_it_as_a_fixed_buffer)
{
	assert_refused(attack_ring_fixed, WRITABLE, -EFAULT);
}
END_TEST

static int attack_ring_read(const struct memory *m)
{
	struct ring ring = open_ring();
	struct io_uring_sqe request = { .opcode = IORING_OP_READ,
					.fd = loaded_file(),
					.addr = (uintptr_t)m->data,
					.len = sizeof(attack) };
	int answer = ring_do(&ring, &request);

	return answer < 0 ? answer : 0;
}

START_TEST(io_uring_cannot_read_into_it)
{
	assert_refused(attack_ring_read, WRITABLE, -EFAULT);
}
END_TEST

static int attack_ring_write(const struct memory *m)
{
	struct ring ring = open_ring();
	struct io_uring_sqe request = { .opcode = IORING_OP_WRITE,
					.fd = m->file,
					.addr = (uintptr_t)attack,
					.len = sizeof(attack) };
	int answer = ring_do(&ring, &request);

	return answer < 0 ? answer : 0;
}

START_TEST(io_uring_cannot_write_to_its_file)
{
	assert_refused(attack_ring_write, FILE_ONLY, -EPERM);
}
END_TEST

/* Whether the addresses still show what was sealed there. */
static bool is_in_place(const struct memory *m)
{
	struct maps_entry entry;

	for (size_t offset = 0; offset < m->size; offset += page_size()) {
		uintptr_t at = (uintptr_t)m->data + offset;

		if (!find_mapping(m->data + offset, &entry) || entry.protection != PROT_READ ||
		    !entry.shared || at - entry.start + entry.offset != offset)
			return false;
	}
	return is_filled(m->data, m->size);
}

static void assert_address_refused(attack_function *act, int error)
{
	require_mseal();
	for (size_t i = 0; i < SEALS; i++) {
		struct memory twin = seals[i](SEALMEM_CONTENT);
		SCOPED_MEMORY m = seals[i](SEALMEM_CONTENT | SEALMEM_ADDRESS);
		int err = act(&twin);

		if (err == -ENOSYS)
			skip_test("this kernel lacks the system call");
		ck_assert_int_eq(err, 0);
		ck_assert(!is_in_place(&twin));
		end_memory(&twin);
		ck_assert_int_eq(act(&m), error);
		ck_assert(is_in_place(&m));
	}
}

static int attack_munmap(const struct memory *m)
{
	return (int)result(munmap(m->data, m->size));
}

START_TEST(a_sealed_address_cannot_be_unmapped)
{
	assert_address_refused(attack_munmap, -EPERM);
}
END_TEST

static int attack_munmap_part(const struct memory *m)
{
	return (int)result(munmap(m->data + page_size(), page_size()));
}

START_TEST(a_page_of_a_sealed_address_cannot_be_unmapped)
{
	assert_address_refused(attack_munmap_part, -EPERM);
}
END_TEST

static int attack_map_over(const struct memory *m)
{
	void *at = mmap(m->data, m->size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return at == MAP_FAILED ? -errno : 0;
}

START_TEST(a_sealed_address_cannot_be_mapped_over)
{
	assert_address_refused(attack_map_over, -EPERM);
}
END_TEST

static int attack_move_away(const struct memory *m)
{
	char *place = map_private(m->size);
	void *at = mremap(m->data, m->size, m->size, MREMAP_MAYMOVE | MREMAP_FIXED, place);

	return at == MAP_FAILED ? -errno : 0;
}

START_TEST(a_sealed_address_cannot_be_moved_away)
{
	assert_address_refused(attack_move_away, -EPERM);
}
END_TEST

static int attack_move_onto(const struct memory *m)
{
	char *other = map_private(m->size);
	void *at = mremap(other, m->size, m->size, MREMAP_MAYMOVE | MREMAP_FIXED, m->data);

	return at == MAP_FAILED ? -errno : 0;
}

START_TEST(a_sealed_address_cannot_be_moved_onto)
{
	assert_address_refused(attack_move_onto, -EPERM);
}
END_TEST

static int attack_shorten(const struct memory *m)
{
	void *at = mremap(m->data, m->size, page_size(), 0);

	return at == MAP_FAILED ? -errno : 0;
}

START_TEST(a_sealed_address_cannot_be_shortened)
{
	assert_address_refused(attack_shorten, -EPERM);
}
END_TEST

static int attack_protect(const struct memory *m)
{
	return (int)result(mprotect(m->data, m->size, PROT_NONE));
}

START_TEST(a_sealed_address_cannot_be_protected_otherwise)
{
	assert_address_refused(attack_protect, -EPERM);
}
END_TEST

static int attack_pkey_protect(const struct memory *m)
{
	return (int)result(syscall(SYS_pkey_mprotect, m->data, m->size, PROT_NONE, -1));
}

START_TEST(a_sealed_address_cannot_be_protected_otherwise_with_a_key)
{
	assert_address_refused(attack_pkey_protect, -EPERM);
}
END_TEST

static int attack_shmat(const struct memory *m)
{
	int id = shmget(IPC_PRIVATE, m->size, IPC_CREAT | 0600);
	const void *at;
	int err;

	if (id < 0)
		return -ENOSYS;
	at = shmat(id, m->data, SHM_REMAP);
	err = errno;
	shmctl(id, IPC_RMID, NULL);
	return at == (void *)-1 ? -err : 0;
}

START_TEST(a_sealed_address_cannot_be_covered_by_shmat)
{
	assert_address_refused(attack_shmat, -EPERM);
}
END_TEST

static int attack_remap_file_pages(const struct memory *m)
{
	return (int)result(syscall(SYS_remap_file_pages, m->data, page_size(), 0, 1, 0));
}

/* EINVAL is for mappings of a read-only descriptor, which this call cannot change at all. */
START_TEST(a_sealed_address_cannot_show_other_pages_of_its_file)
{
	require_mseal();
	try_on_twin(attack_remap_file_pages, WRITABLE);
	for (size_t i = 0; i < SEALS; i++) {
		SCOPED_MEMORY m = seals[i](SEALMEM_CONTENT | SEALMEM_ADDRESS);
		int err = attack_remap_file_pages(&m);

		ck_assert(err == -EPERM || err == -EINVAL);
		ck_assert(is_in_place(&m));
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		mprotect_cannot_make_it_writable,
		pkey_mprotect_cannot_make_it_writable,
		writing_to_proc_self_mem_is_refused,
		writing_to_proc_mem_by_another_process_is_refused,
		ptrace_of_a_child_cannot_poke_into_it,
		ptrace_by_another_process_cannot_poke_into_it,
		process_vm_writev_is_refused,
		read_into_it_is_refused,
		futex_wake_op_is_refused,
		write_after_reopening_is_refused,
		pwrite_after_reopening_is_refused,
		pwrite_after_the_end_is_refused,
		splice_to_its_file_is_refused,
		sendfile_to_its_file_is_refused,
		copy_file_range_to_its_file_is_refused,
		ftruncate_cannot_grow_it,
		ftruncate_cannot_shrink_it,
		truncate_by_path_is_refused,
		fallocate_cannot_grow_it,
		fallocate_cannot_punch_a_hole,
		reopening_it_to_truncate_is_refused,
		writing_through_map_files_is_refused,
		truncating_through_map_files_is_refused,
		a_new_writable_mapping_is_refused,
		a_new_readable_mapping_cannot_become_writable,
		madvise_dontneed_does_not_change_it,
		madvise_free_is_refused,
		madvise_pageout_does_not_change_it,
		madvise_remove_is_refused,
		userfaultfd_cannot_supply_its_pages,
		io_uring_cannot_have_it_as_a_fixed_buffer,
		io_uring_cannot_read_into_it,
		io_uring_cannot_write_to_its_file,
		a_sealed_address_cannot_be_unmapped,
		a_page_of_a_sealed_address_cannot_be_unmapped,
		a_sealed_address_cannot_be_mapped_over,
		a_sealed_address_cannot_be_moved_away,
		a_sealed_address_cannot_be_moved_onto,
		a_sealed_address_cannot_be_shortened,
		a_sealed_address_cannot_be_protected_otherwise,
		a_sealed_address_cannot_be_protected_otherwise_with_a_key,
		a_sealed_address_cannot_be_covered_by_shmat,
		a_sealed_address_cannot_show_other_pages_of_its_file,
	};

	return RUN_TESTS("refusals", tests);
}
