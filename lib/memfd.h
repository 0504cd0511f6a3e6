/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MEMFD_H
#define SEALMEM_MEMFD_H

#include <stdbool.h>
#include <stddef.h>

/* What every memfd of ours is called in /proc/PID/maps, before the name of the region. */
#define MEMFD_PREFIX "sealmem:"

/* -EINVAL or -ENAMETOOLONG for a name that a region cannot have. */
int memfd_check_name(const char *name);

/* A writable, empty memfd that may grow to `size` bytes. Errors as sealmem_region_new(). */
int memfd_new(const char *name, size_t size);

/* The same, but one that can be executed. Its name is not prefixed: it is what the kernel calls the process
 * that executes it. -EOPNOTSUPP where vm.memfd_noexec is 2. */
int memfd_new_executable(const char *name, size_t size);

/* Another descriptor of the same file that can never write. */
int memfd_reopen_readonly(int fd);

/* Replaces the descriptor by such a one. On failure it is left as it is. */
int memfd_make_readonly(int *fd);

/* Whether a file that is sealed can be mapped, shared and read-only, from the descriptor that wrote it. False
 * until memfd_try_writer() has seen it, with a file that is sealed. */
bool memfd_writer_will_do(void);
void memfd_try_writer(int writer);

/* All of `bytes`, from `offset` on. -ENOMEM if there is not enough. */
int memfd_write(int fd, const void *bytes, size_t size, size_t offset);

/* The bytes of a file that may be changing, wherever its position is. -EBUSY if there are not `size` of them. */
int memfd_copy_file(int to, int from, size_t size);

/* Makes the empty file `size` bytes long, of zeroes that are there. */
int memfd_clear(int fd, size_t size);

/* Memory for [offset, offset + size), which the file is long enough for, now. -ENOMEM if there is not
 * enough. */
int memfd_reserve(int fd, size_t offset, size_t size);

/* The next part of the file from *end on that has memory: 1 and the part, 0 if there is none. */
int memfd_next_part(int fd, size_t *start, size_t *end);

/* Copies what the file `from`, `size` bytes long, has memory for into `to`. Holes stay holes. */
int memfd_copy(int to, int from, size_t size);

/* Makes the bytes final, the size not yet. -EBUSY while somebody could write. */
int memfd_seal_bytes(int fd);

/* Makes bytes and size final. */
int memfd_seal(int fd);

/* The same for an executable one, whose mode is to be final too where the kernel can do that. */
int memfd_seal_executable(int fd);

/* 0 if bytes and size of our own file are final, for certain. */
int memfd_check(int fd);

/* The same of anybody's file. -EPERM if its bytes or its size can still change, -ENODEV if it is not a
 * memfd, -EBADF if it is not an open file. */
int memfd_check_foreign(int fd);

/* The size of the pages that anybody's memfd is made of. */
int memfd_page(int fd, size_t *ret);

#endif
