/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_SECRET_H
#define SEALMEM_SECRET_H

#include <stddef.h>

/* Every secret mapping has these, asked for or not. */
#define SECRET_GUARANTEES (SEALMEM_SECRECY | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK)

/* Whether the kernel hides secret memory from itself: 0 or -EOPNOTSUPP. */
int secret_check_hidden(void);

/* A descriptor of secret memory of `size` bytes, whole pages. While it is open, it can be mapped
 * writable: close it once it is mapped. -EFBIG where RLIMIT_FSIZE is below that. */
int secret_new(size_t size);

/* Brings every page of a new secret mapping into memory. After that, a store cannot fail because of a lack of
 * memory. -EAGAIN where RLIMIT_MEMLOCK does not allow it. */
int secret_settle(void *addr, size_t size);

/* A new file with a copy of bytes .. bytes + size, whole pages, that nobody else has mapped. */
int secret_copy(const void *bytes, size_t size);

/* What -EFAULT means, from the kernel that touches a page of a secret mapping: a limit, or a lack of memory. Other
 * results stay. */
int secret_touch_error(int err);

/* Whether all of bytes .. bytes + size can be read: 0 or -EFAULT. */
int secret_readable(const void *bytes, size_t size);

#endif
