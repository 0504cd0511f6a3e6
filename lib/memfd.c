/* SPDX-License-Identifier: MIT */

/*
 * The file that a sealed region consists of. A memfd is the one kind of memory whose bytes the kernel
 * refuses to change for everybody, root included. Its write seal is a property of the file, below every
 * mapping, and the kernel checks it on each way to write. A page protection belongs to one mapping of
 * one process, and /proc/PID/mem and ptrace ignore it.
 */

#include "lib/memfd.h"

#include "include/sealmem.h"
#include "lib/quiet.h"
#include "lib/reason.h"
#include "lib/util.h"

#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/resource.h>

/* These seals make bytes and size final. F_SEAL_FUTURE_WRITE does not: mappings made before it can
 * still write. */
#define FINAL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

/* SEAL as well: without it, the receiver of the descriptor could add further seals, such as
 * F_SEAL_EXEC, and the test of another receiver would see the file change. */
#define OWN_SEALS (FINAL_SEALS | F_SEAL_SEAL)

/* Not iscntrl(3), which asks the locale: in some locales, a part of a UTF-8 letter is a control
 * character. */
static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

int memfd_check_name(const char *name)
{
	size_t length = 0;

	if (name == NULL)
		return fail_for(REASON_NO_NAME);
	for (; name[length] != '\0'; length++) {
		if (is_control(name[length]))
			return fail_for(REASON_NAME_CONTROL);
		if (length == SEALMEM_NAME_MAX)
			return fail_for(REASON_NAME_LONG);
	}
	return 0;
}

int memfd_check_limit(size_t size)
{
	uint64_t limit;
	int err = sys_limit(RLIMIT_FSIZE, &limit);

	if (err < 0)
		return not_given(err);
	return size > limit ? fail_for(REASON_FSIZE) : 0;
}

/*
 * MFD_NOEXEC_SEAL (Linux 6.3) because a sealed region is data, and because vm.memfd_noexec=2 refuses
 * memfds without it. Older kernels always answer EINVAL, so the answer is remembered. MFD_ALLOW_SEALING
 * stays in both cases, because only the newer flag implies it.
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
 * The descriptor never has one of the three standard numbers, even in a program that closed them. Its
 * output would be written into the region while it is open, and a file that it opens there later would
 * take the place of the region.
 */
static int above_standard(int fd)
{
	int above;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	above = sys_fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close_fd(fd);
	/* The kernel answers EINVAL if the limit ends below that number. */
	return above == -EINVAL ? -EMFILE : above;
}

/* So few bytes are written at once, and the write finds out what the limit is. */
#define SMALL ((size_t)1 << 16)

int memfd_new(const char *name, size_t size)
{
	char full[sizeof(MEMFD_PREFIX) + SEALMEM_NAME_MAX];
	int err = size > SMALL ? memfd_check_limit(size) : 0;

	if (err < 0)
		return err;
	(void)stpcpy(stpcpy(full, MEMFD_PREFIX), name);
	return reason_for(not_given(above_standard(create(full))), REASON_NO_MEMFD);
}

/* MFD_EXEC is from Linux 6.3, too. On older kernels every memfd is executable. */
int memfd_new_executable(const char *name, size_t size)
{
	int err = memfd_check_limit(size), fd;

	if (err < 0)
		return err;
	fd = sys_memfd_create(name, MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd == -EINVAL)
		fd = sys_memfd_create(name, MFD_ALLOW_SEALING);
	return fd == -EACCES ? -EOPNOTSUPP : not_given(fd);
}

/*
 * The owner of the file, a sender or another process of this user, can take a write lease on it (fcntl(2),
 * F_SETLEASE). An ordinary open(2) then waits for them, for the 45 seconds of /proc/sys/fs/lease-break-time.
 */
static int open_without_waiting(const char *path)
{
	int fd = sys_open(path, O_RDONLY | O_NONBLOCK);

	/* Without /proc, nothing else gives a read-only descriptor of a file without a name. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES)
		return fail_for(REASON_NO_PROC);
	return fd == -EAGAIN ? fail_for(REASON_LEASE) : not_given(above_standard(fd));
}

/* The flag does not stay: programs get this descriptor, and some treat one that does not wait as special. */
int memfd_reopen_readonly(int fd)
{
	CLEANUP(close_fd_at) int reader = open_without_waiting(fd_path(fd).text);
	int err = reader < 0 ? reader : not_given(sys_fcntl(reader, F_SETFL, 0));

	return err < 0 ? err : take_fd(&reader);
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

struct memfd_lesson memfd_writer_maps_sealed;

bool memfd_lesson_holds(struct memfd_lesson *lesson)
{
	return atomic_load(&lesson->holds);
}

void memfd_lesson_learn(struct memfd_lesson *lesson, int writer)
{
	struct scoped_mapping mapping = { .size = page_size() };
	/* After any byte of the file, so that no child and no core dump gets one. */
	const off_t past_end = (off_t)1 << 40;

	if (atomic_exchange(&lesson->tried, true))
		return;
	if (sys_mmap_part(&mapping.addr, NULL, mapping.size, PROT_NONE, MAP_SHARED, writer,
			  past_end) < 0)
		return;
	/* It is not enough that the kernel maps it: the mapping must be one that can never become writable. */
	if (sys_mprotect(mapping.addr, mapping.size, PROT_WRITE) == -EACCES)
		atomic_store(&lesson->holds, true);
	unmap_scoped(&mapping);
}

/* Nothing but the check makes it safe to touch each page. */
static int map_all(int fd, size_t size, struct scoped_mapping *ret)
{
	int err = memfd_check(fd, size);

	if (err == 0)
		err = sys_mmap(&ret->addr, NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd);
	ret->size = err == 0 ? size : 0;
	return err;
}

/* A mapping that can become writable is none of a sealed file. */
static bool is_for_good(const struct scoped_mapping *mapping)
{
	return sys_mprotect(mapping->addr, mapping->size, PROT_WRITE) == -EACCES;
}

int memfd_map_sealed(int *fd, size_t size, struct scoped_mapping *ret)
{
	int err = map_all(*fd, size, ret);
	bool refused = err == -EPERM || (err == 0 && !is_for_good(ret));

	if (refused) {
		unmap_scoped(ret);
		ret->size = 0;
		err = memfd_make_readonly(fd);
	}
	if (refused && err == 0)
		err = map_all(*fd, size, ret);
	return not_given(err);
}

/*
 * RLIMIT_FSIZE may fall at any time. A write or a file past it raises SIGXFSZ, which ends the process, also where the
 * file is long enough already. A library must not raise a signal.
 */
static int quiet_about_limit(struct quiet *ret)
{
	return quiet_begin(ret, SYS_SIGNAL(SIGXFSZ));
}

static int answer_about_limit(const struct quiet *quiet, int err)
{
	return reason_for((int)quiet_end(quiet, err), REASON_FSIZE);
}

static int write_all(int fd, const char *bytes, size_t size, size_t offset)
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

static int write_at(int fd, const char *bytes, size_t size, size_t offset)
{
	struct quiet quiet;

	(void)quiet_about_limit(&quiet);
	return answer_about_limit(&quiet, write_all(fd, bytes, size, offset));
}

/* What is left of the pieces after so many bytes. */
static void use_up(struct iovec **pieces, size_t *count, size_t size)
{
	for (; *count > 0 && size >= (*pieces)->iov_len; (*pieces)++, (*count)--)
		size -= (*pieces)->iov_len;
	if (size > 0) {
		(*pieces)->iov_base = (char *)(*pieces)->iov_base + size;
		(*pieces)->iov_len -= size;
	}
}

static int write_all_pieces(int fd, struct iovec *pieces, size_t count)
{
	size_t offset = 0;

	use_up(&pieces, &count, 0);
	while (count > 0) {
		ssize_t written =
			sys_pwritev(fd, pieces, count < IOV_MAX ? count : IOV_MAX, (off_t)offset);

		if (written == -EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? (int)written : -EIO;
		offset += (size_t)written;
		use_up(&pieces, &count, (size_t)written);
	}
	return 0;
}

static int write_pieces(int fd, struct iovec *pieces, size_t count)
{
	struct quiet quiet;

	(void)quiet_about_limit(&quiet);
	return answer_about_limit(&quiet, write_all_pieces(fd, pieces, count));
}

static int out_of_memory(int err)
{
	/* The filesystem calls it ENOSPC: its space is our memory. */
	return err == -ENOSPC ? -ENOMEM : not_given(err);
}

int memfd_write(int fd, const void *bytes, size_t size, size_t offset)
{
	return out_of_memory(write_at(fd, bytes, size, offset));
}

int memfd_write_pieces(int fd, struct iovec *pieces, size_t count)
{
	return out_of_memory(write_pieces(fd, pieces, count));
}

int memfd_set_size(int fd, size_t size)
{
	struct quiet quiet;

	(void)quiet_about_limit(&quiet);
	return answer_about_limit(&quiet, sys_ftruncate(fd, (off_t)size));
}

static int allocate(int fd, size_t offset, size_t size)
{
	struct quiet quiet;
	int err;

	(void)quiet_about_limit(&quiet);
	do
		err = sys_fallocate(fd, (off_t)offset, (off_t)size);
	while (err == -EINTR);
	return answer_about_limit(&quiet, err);
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

static int write_all_zeroes(int fd, size_t offset, size_t size)
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

static int write_zeroes(int fd, size_t offset, size_t size)
{
	struct quiet quiet;

	(void)quiet_about_limit(&quiet);
	return answer_about_limit(&quiet, write_all_zeroes(fd, offset, size));
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
 * fallocate(2) gives pages that are cleared when they are first touched, one fault for each. Written
 * pages are present, and the kernel maps many of them at a time. To copy zeroes from the cache takes no
 * longer than to clear a page. This is not done where the file has data, and not past a file size limit
 * that was lowered since.
 */
int memfd_reserve(int fd, size_t offset, size_t size)
{
	int hole = is_hole(fd, offset, size);
	int err = hole > 0 ? write_zeroes(fd, offset, size) : hole;

	if (hole == 0 || (hole > 0 && err == -EFBIG))
		err = allocate(fd, offset, size);
	return out_of_memory(err);
}

/* A kernel that has begun to do this does not fail. */
int memfd_empty(int fd, size_t offset, size_t size)
{
	int err;

	do
		err = sys_punch_hole(fd, (off_t)offset, (off_t)size);
	while (err == -EINTR);
	return not_given(err);
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

int memfd_copy(int to, int from, const char *bytes, size_t size)
{
	size_t start, end = 0;
	int err;

	while ((err = memfd_next_part(from, &start, &end)) > 0 && start < size) {
		size_t part = (end < size ? end : size) - start;

		err = write_at(to, bytes + start, part, start);
		if (err < 0)
			break;
	}
	return err < 0 ? err : 0;
}

static int add_seals(int fd, int seals)
{
	int err = sys_fcntl(fd, F_ADD_SEALS, seals);

	/* If the kernel refuses for another reason than a writer or memory, this is not a memfd that
	 * can be sealed. */
	if (err >= 0 || err == -ENOMEM)
		return err;
	return fail_for(err == -EBUSY ? REASON_WRITER : REASON_SEALS);
}

int memfd_seal_bytes(int fd)
{
	return add_seals(fd, F_SEAL_WRITE);
}

int memfd_seal(int fd)
{
	return add_seals(fd, OWN_SEALS);
}

/* Together they may have brought F_SEAL_WRITE along, see check_exec_seal(). */
#define DOUBTFUL_SEALS (F_SEAL_EXEC | F_SEAL_FUTURE_WRITE)

static bool is_doubtful(int seals)
{
	return (seals & DOUBTFUL_SEALS) == DOUBTFUL_SEALS;
}

/* Another process of this user can reach the file through /proc/PID/fd. If it added F_SEAL_EXEC before us, the kernel
 * may not have looked for writers at all: F_SEAL_WRITE was there already. */
static int check_own_write_seal(int fd)
{
	int seals = sys_fcntl(fd, F_GET_SEALS, 0);

	if (seals < 0)
		return not_given(seals);
	return is_doubtful(seals) ? fail_for(REASON_WRITER) : 0;
}

/* In this order, because some kernels answer F_SEAL_EXEC by reporting a write seal that they never
 * checked, and others do not know it. SEAL comes last, because nothing can come after it. */
int memfd_seal_executable(int fd)
{
	int err = add_seals(fd, FINAL_SEALS);

	if (err == 0)
		err = check_own_write_seal(fd);
	if (err < 0)
		return err;
	(void)sys_fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC);
	return add_seals(fd, F_SEAL_SEAL);
}

int memfd_check_size(int fd, size_t size)
{
	off_t found;
	int err = sys_file_size(fd, &found);

	if (err < 0)
		return not_given(err);
	return size_of_file(found) == size ? 0 : fail_for(REASON_RESIZED);
}

int memfd_cut(int fd, size_t size)
{
	off_t found;
	int err = sys_file_size(fd, &found);

	if (err < 0)
		return not_given(err);
	if (size_of_file(found) <= size)
		return size_of_file(found) == size ? 0 : fail_for(REASON_RESIZED);
	/* From here on nobody makes it longer again. */
	err = add_seals(fd, F_SEAL_GROW);
	if (err == 0)
		err = memfd_set_size(fd, size);
	/* Somebody else has added F_SEAL_SHRINK. */
	return err == -EPERM ? fail_for(REASON_RESIZED) : not_given(err);
}

int memfd_check(int fd, size_t size)
{
	int seals = sys_fcntl(fd, F_GET_SEALS, 0);

	if (seals < 0)
		return not_given(seals);
	return (seals & OWN_SEALS) == OWN_SEALS ? memfd_check_size(fd, size)
						: fail_for(REASON_SEALS);
}

/* Returns the answer of F_ADD_SEALS to F_SEAL_EXEC, which adds F_SEAL_WRITE too, while a mapping can
 * write. */
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
 * F_SEAL_EXEC, if it is added to an executable memfd, adds the seals against writing too. Some kernels
 * since Linux 6.3 (6.16 is one) do not look for writable mappings then, so a sender who has one can
 * still write below a write seal. Such a seal looks like a true one. It can only be false if both EXEC
 * and FUTURE_WRITE are present. In that case, only a kernel that was seen to look is believed.
 */
static int check_exec_seal(void)
{
	static atomic_int known; /* the answer of the kernel; 0 is the wrong one */
	int err = atomic_load(&known);

	if (err == 0)
		err = add_exec_seal_despite_writer();
	if (err == -EBUSY) {
		atomic_store(&known, err);
		return 0;
	}
	/* The kernel was seen not to look, or no executable memfd is available to see it with. */
	return err >= 0 || err == -EINVAL || err == -EACCES ? fail_for(REASON_DOUBTFUL)
							    : not_given(err);
}

bool memfd_seals_are_believed(int seals)
{
	return !is_doubtful(seals) || check_exec_seal() == 0;
}

int memfd_check_foreign(int fd)
{
	int seals = sys_fcntl(fd, F_GET_SEALS, 0);

	/* The errors of fcntl(2) say nothing to a caller who passes on a descriptor that somebody
	 * sent them. */
	if (seals < 0)
		return seals == -EINVAL ? fail_for(REASON_NOT_MEMFD) : not_given(seals);
	if ((seals & FINAL_SEALS) != FINAL_SEALS)
		return fail_for(REASON_UNSEALED);
	return is_doubtful(seals) ? check_exec_seal() : 0;
}

int memfd_page(int fd, size_t *ret)
{
	struct statfs filesystem;
	int err = sys_filesystem(fd, &filesystem);

	if (err < 0)
		return not_given(err);
	*ret = (unsigned)filesystem.f_type == HUGETLBFS_MAGIC ? (size_t)filesystem.f_bsize
							      : page_size();
	return 0;
}
