/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MEMFD_H
#define SEALMEM_MEMFD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* The name of each of our memfds in /proc/PID/maps starts with this, before the name of the region. */
#define MEMFD_PREFIX "sealmem:"

/* -EINVAL or -ENAMETOOLONG for a name that a region cannot have. */
int memfd_check_name(const char *name);

/* -EFBIG where RLIMIT_FSIZE does not allow a file of this size: it counts memfds and secret memory, too. */
int memfd_check_limit(size_t size);

/* ftruncate(2). None of these functions raises SIGXFSZ: if the limit has fallen since, they answer -EFBIG. */
int memfd_set_size(int fd, size_t size);

/* A writable, empty memfd that may grow to `size` bytes. Errors as sealmem_region_new(), but where few bytes are more than
 * RLIMIT_FSIZE allows, the functions below find out when they make it as long. */
int memfd_new(const char *name, size_t size);

/* The same, but one that can be executed. Its name has no prefix, because the kernel gives that name
 * to the process that executes it. -EOPNOTSUPP where vm.memfd_noexec is 2. */
int memfd_new_executable(const char *name, size_t size);

/* Another descriptor of the same file that can never write. -EBUSY while somebody has a write lease on it. */
int memfd_reopen_readonly(int fd);

/* Replaces the descriptor by such a one. On failure the descriptor stays as it is. */
int memfd_make_readonly(int *fd);

/*
 * Whether this kernel maps a sealed file, shared and read-only, from the descriptor that wrote it. Most do,
 * which saves opening the file again, the longest call that a small region makes; some builds refuse with
 * EPERM. It shows only once a file is sealed, when it is too late to be sure of another descriptor. So one
 * seal learns it for the next, in the whole process: it holds only once that is seen.
 */
struct memfd_lesson {
	atomic_uint tried; /* a byte cannot be exchanged everywhere without another library */
	atomic_bool holds;
};

extern struct memfd_lesson memfd_writer_maps_sealed;

bool memfd_lesson_holds(struct memfd_lesson *lesson);

/* Tries it with the writer of a file that is sealed, unless somebody did before. */
void memfd_lesson_learn(struct memfd_lesson *lesson, int writer);

struct scoped_mapping;

/* Checks the sealed file as memfd_check(), and maps it, shared and read-only, with its pages present. On failure the
 * mapping is empty. A descriptor that the kernel does not map for good is replaced by one that can never write. */
int memfd_map_sealed(int *fd, size_t size, struct scoped_mapping *ret);

/* All of `bytes`, from `offset` on. -ENOMEM if there is not enough. */
int memfd_write(int fd, const void *bytes, size_t size, size_t offset);

/* All of the pieces, one after the other, from the beginning of the file on. It uses them up. */
int memfd_write_pieces(int fd, struct iovec *pieces, size_t count);

/* Makes the empty file `size` bytes long and fills it with zeroes that take memory now. */
int memfd_clear(int fd, size_t size);

/* Takes memory now for [offset, offset + size), which the file is long enough for. -ENOMEM if there
 * is not enough. */
int memfd_reserve(int fd, size_t offset, size_t size);

/* Makes [offset, offset + size) zeroes that take no memory, all of it or, on failure, nothing. */
int memfd_empty(int fd, size_t offset, size_t size);

/* The next part of the file from *end on that has memory: 1 and the part, 0 if there is none. */
int memfd_next_part(int fd, size_t *start, size_t *end);

/* Copies the parts of the first `size` bytes of the file `from` that have memory into `to`. Holes stay holes.
 * `bytes` is a mapping of these bytes. */
int memfd_copy(int to, int from, const char *bytes, size_t size);

/* Makes the bytes final, the size not yet. -EBUSY while somebody could write. */
int memfd_seal_bytes(int fd);

/* Makes bytes and size final. */
int memfd_seal(int fd);

/* The same for an executable one. Its mode becomes final too, where the kernel can do that. -EBUSY also if somebody
 * else has added F_SEAL_EXEC. */
int memfd_seal_executable(int fd);

/* -EBUSY if the file is not `size` bytes long: until it has its seals, another process of this user can change that
 * through /proc/PID/fd. */
int memfd_check_size(int fd, size_t size);

/* Takes off what somebody else added after the first `size` bytes. -EBUSY if some of these are missing, or if somebody
 * has made the size final. */
int memfd_cut(int fd, size_t size);

/* 0 if bytes and size of our own file are final, for certain, and the size is this one. -EBUSY if it is another. */
int memfd_check(int fd, size_t size);

/* The same for a file of any origin. -EPERM if its bytes or its size can still change, -ENODEV if it
 * is not a memfd, -EBADF if it is not an open file. */
int memfd_check_foreign(int fd);

/* Whether F_SEAL_WRITE among the seals of a file of this machine is a true one. */
bool memfd_seals_are_believed(int seals);

/* The page size of a memfd of any origin. */
int memfd_page(int fd, size_t *ret);

#endif
