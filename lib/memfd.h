/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_MEMFD_H
#define SEALMEM_MEMFD_H

#include <stddef.h>

/* What every memfd of ours is called in /proc/PID/maps, before the name of the region. */
#define MEMFD_PREFIX "sealmem:"

/* -EINVAL or -ENAMETOOLONG for a name that a region cannot have. */
int memfd_check_name(const char *name);

/* A writable, empty memfd that may grow to `size` bytes. Errors as sealmem_region_new(). */
int memfd_new(const char *name, size_t size);

/* Another descriptor of the same file that can never write. */
int memfd_reopen_readonly(int fd);

/* All of `bytes`, at the beginning of the file. */
int memfd_fill(int fd, const void *bytes, size_t size);

/* Memory for [offset, offset + size) of the file, now. -ENOMEM if there is not enough. */
int memfd_reserve(int fd, size_t offset, size_t size);

/* Copies what the sealed or open file `from` holds below `size` into `to`, holes left as holes. `bytes`
 * is where `from` can be read in memory. */
int memfd_copy(int to, int from, const char *bytes, size_t size);

/* Makes bytes and size final. -EBUSY while somebody could write. */
int memfd_seal(int fd);

/* 0 if bytes and size are final, for certain. */
int memfd_check(int fd);

#endif
