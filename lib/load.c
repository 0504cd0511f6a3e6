/* SPDX-License-Identifier: MIT */

/*
 * A plugin loaded from the bytes that were verified. dlopen() takes a path, and what a path leads to can
 * be replaced between the look at it and the loading, and even after: the loader maps the file
 * privately, and pages that nobody wrote yet still come from it. So the bytes are copied and sealed first,
 * the caller judges the copy, and the loader is given that.
 *
 * How to judge is the caller's: a digest, a signature. This library links to nothing that could.
 */

#include "sealmem.h"

#include "lib/memfd.h"
#include "lib/util.h"

#include <dlfcn.h>

static int size_of(int fd, size_t *ret)
{
	off_t size = 0;
	int err = sys_file_size(fd, &size);

	if (err < 0)
		return err;
	if (size == 0)
		return -ENOEXEC;
	*ret = (size_t)size;
	return 0;
}

static int seal_copy(int fd)
{
	CLEANUP(close_fd_at) int memfd = -1;
	size_t size;
	int err = size_of(fd, &size);

	if (err < 0)
		return err;
	memfd = memfd_new("load", size);
	if (memfd < 0)
		return memfd;
	err = memfd_copy_file(memfd, fd, size);
	if (err == 0)
		err = memfd_seal(memfd);
	return err == 0 ? memfd_reopen_readonly(memfd) : err;
}

/* Asks the file for its size again: until it was sealed, others of this user could open it and make it longer. */
static int judge(int sealed, int (*verify)(const void *bytes, size_t size, void *data), void *data)
{
	CLEANUP(unmap_scoped) struct scoped_mapping bytes = { 0 };
	size_t size = 0;
	int err = memfd_check(sealed);

	if (err == 0)
		err = size_of(sealed, &size);
	if (err == 0)
		err = sys_mmap(&bytes.addr, NULL, size, PROT_READ, MAP_SHARED, sealed);
	if (err < 0)
		return not_given(err);
	bytes.size = size;
	err = verify(bytes.addr, size, data);
	return err > 0 ? -EKEYREJECTED : err;
}

/* The loader knows objects by their path, and takes one that was loaded from the same descriptor number
 * before for this one. Then another number is needed. */
static int find_new_number(int *fd)
{
	void *known;
	int moved;

	for (;;) {
		known = dlopen(fd_path(*fd).text, RTLD_LAZY | RTLD_NOLOAD);
		if (known == NULL)
			return 0;
		(void)dlclose(known);
		moved = sys_fcntl(*fd, F_DUPFD_CLOEXEC, *fd + 1);
		if (moved < 0)
			return moved == -EINVAL ? -EMFILE : moved;
		close_fd(*fd);
		*fd = moved;
	}
}

static int load(void **ret, int *sealed, int flags)
{
	int err = find_new_number(sealed);
	void *object;

	if (err < 0)
		return err;
	object = dlopen(fd_path(*sealed).text, flags);
	if (object == NULL)
		return -ENOEXEC;
	*ret = object;
	return 0;
}

EXPORT int sealmem_load_verified(void **ret, int fd,
				 int (*verify)(const void *bytes, size_t size, void *data),
				 void *data, int flags)
{
	CLEANUP(close_fd_at) int sealed = -1;
	int err;

	if (ret == NULL || verify == NULL)
		return -EINVAL;
	sealed = seal_copy(fd);
	if (sealed < 0)
		return sealed;
	err = judge(sealed, verify, data);
	return err == 0 ? load(ret, &sealed, flags) : err;
}
