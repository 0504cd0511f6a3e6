/* SPDX-License-Identifier: MIT */

/*
 * A plugin that is loaded from the bytes that were verified. dlopen() takes a path, and the file at a
 * path can be replaced between the check and the loading, and even after: the loader maps the file
 * privately, and pages that nobody wrote yet still come from it. So the bytes are copied and sealed
 * first, the caller judges the copy, and the loader gets that copy.
 *
 * The caller decides how to judge: by a digest, or a signature. This library links to nothing that
 * could.
 */

#include "include/sealmem.h"

#include "lib/memfd.h"
#include "lib/reason.h"
#include "lib/source.h"
#include "lib/util.h"

#include <dlfcn.h>

static int size_of(int fd, size_t *ret)
{
	off_t size = 0;
	int err = sys_file_size(fd, &size);

	if (err < 0)
		return reason_for(err, REASON_NO_FILE);
	if (size == 0)
		return fail_for(REASON_EMPTY_OBJECT);
	if (size_of_file(size) == SIZE_MAX)
		return fail_for(REASON_TOO_LARGE);
	*ret = (size_t)size;
	return 0;
}

static int seal_copy(int fd)
{
	CLEANUP(close_fd_at) int memfd = -1;
	size_t size = 0;
	int err = size_of(fd, &size);

	if (err < 0)
		return err;
	memfd = memfd_new("load", size);
	if (memfd < 0)
		return memfd;
	err = source_copy_file(memfd, fd, size);
	if (err == 0)
		err = memfd_seal(memfd);
	return err == 0 ? memfd_reopen_readonly(memfd) : err;
}

/* Asks the file for its size again: until it was sealed, other processes of this user could open it
 * and make it longer. */
static int judge(int sealed, int (*verify)(const void *bytes, size_t size, void *data), void *data)
{
	CLEANUP(unmap_scoped) struct scoped_mapping bytes = { 0 };
	size_t size = 0;
	int err = size_of(sealed, &size);

	if (err == 0)
		err = memfd_check(sealed, size);
	if (err == 0)
		err = sys_mmap(&bytes.addr, NULL, size, PROT_READ, MAP_SHARED, sealed);
	if (err < 0)
		return not_given(err);
	bytes.size = size;
	return fail_as_judged(verify(bytes.addr, size, data));
}

/* The loader knows objects by their path. It takes this object for one that was loaded before from
 * the same descriptor number. Then another number is needed. */
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
		return fail_for(REASON_LOADER);
	*ret = object;
	return 0;
}

EXPORT int sealmem_load_verified(void **ret, int fd,
				 int (*verify)(const void *bytes, size_t size, void *data),
				 void *data, int flags)
{
	CLEANUP(close_fd_at) int sealed = -1;
	int err;

	reason_forget();
	if (ret == NULL || verify == NULL)
		return fail_for(ret == NULL ? REASON_NO_RESULT : REASON_NO_VERIFY);
	sealed = seal_copy(fd);
	if (sealed < 0)
		return sealed;
	err = judge(sealed, verify, data);
	return err == 0 ? load(ret, &sealed, flags) : err;
}
