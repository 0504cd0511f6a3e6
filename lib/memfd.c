/* SPDX-License-Identifier: MIT */

/*
 * The file that a sealed region is. A memfd is the one kind of memory whose bytes the kernel refuses to
 * change for everybody, root included: its write seal is a property of the file, below every
 * mapping, and is checked on each way to write, where a page protection belongs to one mapping of one
 * process and is passed over by /proc/PID/mem and ptrace.
 */

#include "lib/memfd.h"

#include "sealmem.h"
#include "lib/util.h"

#include <linux/magic.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

/* What makes bytes and size final. F_SEAL_FUTURE_WRITE does not: mappings made before it go on writing. */
#define FINAL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

/* SEAL as well: without it the receiver of the descriptor could add further seals, such as
 * F_SEAL_EXEC, and another receiver's test would see the file change. */
#define OWN_SEALS (FINAL_SEALS | F_SEAL_SEAL)

/* Not iscntrl(3), which asks the locale: to some of them a part of a letter in UTF-8 is one. */
static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

int memfd_check_name(const char *name)
{
	size_t length = 0;

	if (name == NULL)
		return -EINVAL;
	for (; name[length] != '\0'; length++) {
		if (is_control(name[length]))
			return -EINVAL;
		if (length == SEALMEM_NAME_MAX)
			return -ENAMETOOLONG;
	}
	return 0;
}

/* A file that outgrows RLIMIT_FSIZE raises SIGXFSZ, memfds included; a library must not. */
static int check_file_limit(size_t size)
{
	uint64_t limit;
	int err = sys_limit(RLIMIT_FSIZE, &limit);

	if (err < 0)
		return not_given(err);
	return size > limit ? -EFBIG : 0;
}

/*
 * MFD_NOEXEC_SEAL (Linux 6.3) because a sealed region is data, and because vm.memfd_noexec=2 refuses
 * memfds without it. Older kernels answer EINVAL, and keep answering so: it is remembered.
 * MFD_ALLOW_SEALING stays in both cases, for only the newer flag implies it.
 */
static int create(const char *name)
{
	static atomic_uint unknown;
	unsigned flags = MFD_ALLOW_SEALING | (MFD_NOEXEC_SEAL & ~atomic_load(&unknown));
	int fd = sys_memfd_create(name, flags);

	if (fd != -EINVAL || !(flags & MFD_NOEXEC_SEAL))
		return fd;
	fd = sys_memfd_create(name, MFD_ALLOW_SEALING);
	if (fd >= 0)
		atomic_store(&unknown, MFD_NOEXEC_SEAL);
	return fd;
}

/*
 * Not one of the three standard numbers, in a program that closed them: what it prints would be written
 * into the region while it is open, and what it puts there later would take the place of the region.
 */
static int above_standard(int fd)
{
	int above;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	above = sys_fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close_fd(fd);
	/* The kernel's word for a limit that ends below that number. */
	return above == -EINVAL ? -EMFILE : above;
}

int memfd_new(const char *name, size_t size)
{
	char full[sizeof(MEMFD_PREFIX) + SEALMEM_NAME_MAX];
	int err = check_file_limit(size);

	if (err < 0)
		return err;
	(void)stpcpy(stpcpy(full, MEMFD_PREFIX), name);
	return not_given(above_standard(create(full)));
}

/* MFD_EXEC is from Linux 6.3, too. Before that every memfd is executable. */
int memfd_new_executable(const char *name, size_t size)
{
	int err = check_file_limit(size), fd;

	if (err < 0)
		return err;
	fd = sys_memfd_create(name, MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd == -EINVAL)
		fd = sys_memfd_create(name, MFD_ALLOW_SEALING);
	return fd == -EACCES ? -EOPNOTSUPP : not_given(fd);
}

int memfd_reopen_readonly(int fd)
{
	int reader = sys_open(fd_path(fd).text, O_RDONLY);

	/* Without /proc there is no other way to a read-only descriptor of a file without a name. */
	if (reader == -ENOENT || reader == -ENOTDIR || reader == -EACCES)
		return -EOPNOTSUPP;
	return not_given(above_standard(reader));
}

int memfd_make_readonly(int *fd)
{
	int reader = memfd_reopen_readonly(*fd);

	if (reader < 0)
		return reader;
	(void)close_fd(*fd);
	*fd = reader;
	return 0;
}

/*
 * Opening the file once more, through /proc, is the longest call that a small region makes. Most kernels can do
 * without; some builds refuse with EPERM. Which it is shows only when a file is sealed, too late to be sure of
 * another descriptor: so it is learned from one region for the next.
 */
static atomic_bool writer_will_do, writer_was_tried;

bool memfd_writer_will_do(void)
{
	return atomic_load(&writer_will_do);
}

void memfd_try_writer(int writer)
{
	struct scoped_mapping mapping = { .size = page_size() };

	if (atomic_exchange(&writer_was_tried, true))
		return;
	if (sys_mmap(&mapping.addr, NULL, mapping.size, PROT_NONE, MAP_SHARED, writer) < 0)
		return;
	/* Given is not enough: it must be one that can never become writable. */
	if (sys_mprotect(mapping.addr, mapping.size, PROT_WRITE) == -EACCES)
		atomic_store(&writer_will_do, true);
	unmap_scoped(&mapping);
}

static int write_at(int fd, const char *bytes, size_t size, size_t offset)
{
	while (size > 0) {
		ssize_t written = sys_pwrite(fd, bytes, size, (off_t)offset);

		if (written == -EINTR)
			continue;
		if (written < 0)
			return (int)written;
		if (written == 0)
			return -EIO;
		bytes += written;
		offset += (size_t)written;
		size -= (size_t)written;
	}
	return 0;
}

static int out_of_memory(int err)
{
	/* The filesystem's word for it: its space is our memory. */
	return err == -ENOSPC ? -ENOMEM : not_given(err);
}

int memfd_write(int fd, const void *bytes, size_t size, size_t offset)
{
	return out_of_memory(write_at(fd, bytes, size, offset));
}

int memfd_copy_file(int to, int from, size_t size)
{
	char bytes[1 << 14];
	size_t at = 0;
	ssize_t got;

	while ((got = sys_pread(from, bytes, sizeof(bytes), (off_t)at)) != 0) {
		int err;

		if (got == -EINTR)
			continue;
		if (got < 0)
			return (int)got;
		if ((size_t)got > size - at)
			return -EBUSY;
		err = memfd_write(to, bytes, (size_t)got, at);
		if (err < 0)
			return err;
		at += (size_t)got;
	}
	return at == size ? 0 : -EBUSY;
}

static int allocate(int fd, size_t offset, size_t size)
{
	int err;

	do
		err = sys_fallocate(fd, (off_t)offset, (off_t)size);
	while (err == -EINTR);
	return err;
}

/* Few, so that they stay in the nearest cache. */
static const char zeroes[1 << 12];

static size_t cut(struct iovec *pieces, size_t most, size_t size)
{
	size_t count = 0;

	for (size_t at = 0; at < size && count < most; at += sizeof(zeroes))
		pieces[count++] = (struct iovec){
			.iov_base = (void *)(uintptr_t)zeroes,
			.iov_len = size - at < sizeof(zeroes) ? size - at : sizeof(zeroes),
		};
	return count;
}

static int write_zeroes(int fd, size_t offset, size_t size)
{
	struct iovec pieces[64];

	while (size > 0) {
		size_t count = cut(pieces, sizeof(pieces) / sizeof(*pieces), size);
		ssize_t written = sys_pwritev(fd, pieces, count, (off_t)offset);

		if (written == -EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? (int)written : -EIO;
		offset += (size_t)written;
		size -= (size_t)written;
	}
	return 0;
}

int memfd_clear(int fd, size_t size)
{
	return out_of_memory(size <= sizeof(zeroes) ? write_at(fd, zeroes, size, 0)
						    : write_zeroes(fd, 0, size));
}

/* 1 if nothing was ever stored there, 0 if something was. */
static int is_hole(int fd, size_t offset, size_t size)
{
	off_t data;
	int err = sys_seek_hole_or_data(fd, (off_t)offset, SEEK_DATA, &data);

	if (err < 0)
		return err == -ENXIO ? 1 : err;
	return (size_t)data >= offset + size;
}

/*
 * fallocate(2) gives pages that are cleared when they are first touched, one fault for each. Pages that were
 * written are there, and the kernel maps many of them at a time; copying zeroes that are in the cache takes no
 * longer than clearing. Not where something is, and not past a limit that was lowered since: there a write
 * raises SIGXFSZ.
 */
int memfd_reserve(int fd, size_t offset, size_t size)
{
	int hole = is_hole(fd, offset, size);
	int err = hole > 0 ? check_file_limit(offset + size) : hole;

	if (err == 0 && hole > 0)
		return out_of_memory(write_zeroes(fd, offset, size));
	return out_of_memory(err == 0 || err == -EFBIG ? allocate(fd, offset, size) : err);
}

int memfd_next_part(int fd, size_t *start, size_t *end)
{
	off_t from, to;
	int err = sys_seek_hole_or_data(fd, (off_t)*end, SEEK_DATA, &from);

	if (err == 0)
		err = sys_seek_hole_or_data(fd, from, SEEK_HOLE, &to);
	if (err < 0)
		return err == -ENXIO ? 0 : not_given(err);
	*start = (size_t)from;
	*end = (size_t)to;
	return 1;
}

static int copy_parts(int to, int from, const char *bytes)
{
	size_t start, end = 0;
	int err;

	while ((err = memfd_next_part(from, &start, &end)) > 0) {
		err = write_at(to, bytes + start, end - start, start);
		if (err < 0)
			break;
	}
	return err;
}

int memfd_copy(int to, int from, size_t size)
{
	CLEANUP(unmap_scoped) struct scoped_mapping bytes = { .size = size };
	/* Private: it may be from a descriptor that can write, to a file that nobody may write any more. */
	int err = sys_mmap(&bytes.addr, NULL, size, PROT_READ, MAP_PRIVATE, from);

	if (err < 0) {
		bytes.size = 0;
		return not_given(err);
	}
	return copy_parts(to, from, bytes.addr);
}

static int add_seals(int fd, int seals)
{
	int err = sys_fcntl(fd, F_ADD_SEALS, seals);

	/* Refused for another reason than a writer or memory, it is not a memfd that can be sealed. */
	return err >= 0 || err == -EBUSY || err == -ENOMEM ? err : -EOPNOTSUPP;
}

int memfd_seal_bytes(int fd)
{
	return add_seals(fd, F_SEAL_WRITE);
}

int memfd_seal(int fd)
{
	return add_seals(fd, OWN_SEALS);
}

/* In this order: some kernels answer F_SEAL_EXEC by reporting a write seal that they never checked. They
 * may also not know it. SEAL comes last, for nothing can come after it. */
int memfd_seal_executable(int fd)
{
	int err = add_seals(fd, FINAL_SEALS);

	if (err < 0)
		return err;
	(void)sys_fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC);
	return add_seals(fd, F_SEAL_SEAL);
}

int memfd_check(int fd)
{
	int seals = sys_fcntl(fd, F_GET_SEALS, 0);

	if (seals < 0)
		return not_given(seals);
	return (seals & OWN_SEALS) == OWN_SEALS ? 0 : -EOPNOTSUPP;
}

/* What F_ADD_SEALS answers to F_SEAL_EXEC, which brings F_SEAL_WRITE along, while a mapping can write. */
static int add_exec_seal_despite_writer(void)
{
	CLEANUP(close_fd_at)
	int fd = sys_memfd_create(MEMFD_PREFIX "probe", MFD_ALLOW_SEALING | MFD_EXEC);
	CLEANUP(unmap_scoped) struct scoped_mapping writer = { 0 };
	int err = fd;

	if (err >= 0)
		err = sys_mmap(&writer.addr, NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
			       fd);
	if (err < 0)
		return err;
	writer.size = page_size();
	return sys_fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC);
}

/*
 * Added to an executable memfd, F_SEAL_EXEC brings the seals against writing along. Some kernels since
 * Linux 6.3 (6.16 is one) do not look for writable mappings then, so a sender who has one goes on writing
 * below a write seal. Nothing tells such a seal from a true one, but only if both EXEC and FUTURE_WRITE
 * are there can it be one: and then only a kernel that is seen to look is believed.
 */
static int check_exec_seal(void)
{
	static atomic_int known; /* what the kernel answered; 0 is what it must not */
	int err = atomic_load(&known);

	if (err == 0)
		err = add_exec_seal_despite_writer();
	if (err == -EBUSY) {
		atomic_store(&known, err);
		return 0;
	}
	/* Seen not to look; or no executable memfd is to be had, so that nothing can be seen. */
	return err >= 0 || err == -EINVAL || err == -EACCES ? -EPERM : not_given(err);
}

int memfd_check_foreign(int fd)
{
	const int doubtful = F_SEAL_EXEC | F_SEAL_FUTURE_WRITE;
	int seals = sys_fcntl(fd, F_GET_SEALS, 0);

	/* The errors of fcntl(2) say nothing to somebody who passed on what he was sent. */
	if (seals < 0)
		return seals == -EINVAL ? -ENODEV : not_given(seals);
	if ((seals & FINAL_SEALS) != FINAL_SEALS)
		return -EPERM;
	return (seals & doubtful) == doubtful ? check_exec_seal() : 0;
}

int memfd_page(int fd, size_t *ret)
{
	struct statfs filesystem;
	int err = sys_filesystem(fd, &filesystem);

	if (err < 0)
		return not_given(err);
	*ret = filesystem.f_type == HUGETLBFS_MAGIC ? (size_t)filesystem.f_bsize : page_size();
	return 0;
}
