/* SPDX-License-Identifier: MIT */

/*
 * Secrets that outlive their process. A region keeps no descriptor of its secret, because whoever has that reads the
 * bytes. A program that is replaced by its next version needs one all the same: the service manager keeps it in
 * between. So the bytes are copied to secret memory of another file, for that time only, and the next process takes
 * them into pages that nobody else has mapped and wipes what was stored.
 *
 * The kernel lets the size of secret memory be set once. So what was stored keeps its size, and the last bytes of it say
 * that it was stored, and not yet taken back.
 */

#include "lib/region-internal.h"

#include "lib/mapping.h"
#include "lib/memfd.h"
#include "lib/reason.h"
#include "lib/secret.h"
#include "lib/wipe.h"

#include <string.h>

static const char mark[16] = "sealmem secret 1";

/* A mapping of `size` bytes of secret memory that is stored, or to be. */
static int map_store(struct scoped_mapping *ret, int fd, size_t size)
{
	return mapping_scoped(ret, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, SECRET_GUARANTEES);
}

static int store(const struct sealmem_region *r)
{
	size_t size = sealmem_region_size(r);
	CLEANUP(close_fd_at) int fd = secret_new(size + sizeof(mark));
	CLEANUP(unmap_scoped) struct scoped_mapping copy = { 0 };
	int err;

	if (fd < 0)
		return fd;
	err = map_store(&copy, fd, size + sizeof(mark));
	if (err == 0)
		err = secret_settle(copy.addr, copy.size);
	if (err < 0)
		return err;
	wipe_copy(copy.addr, r->data, size);
	memcpy((char *)copy.addr + size, mark, sizeof(mark));
	return take_fd(&fd);
}

EXPORT int sealmem_secret_store(const struct sealmem_region *r)
{
	reason_forget();
	if (r == NULL)
		return fail_for(REASON_NO_REGION);
	if (!(r->guarantees & SEALMEM_SECRECY))
		return fail_for(REASON_NO_SECRECY);
	if (r->state != REGION_SEALED)
		return fail_for(REASON_OPEN);
	if (!region_has_mapping(r))
		return fail_for(REASON_NOT_OURS);
	return sealmem_region_size(r) > 0 ? store(r) : fail_for(REASON_NO_SIZE);
}

/* How many bytes were stored, and their mark, if that is what this is. */
static int size_of_store(int fd, size_t *ret)
{
	struct statfs filesystem;
	uint64_t memory = 0;
	off_t size = 0;
	int err = sys_filesystem(fd, &filesystem);

	if (err == 0 && filesystem.f_type != SECRETMEM_MAGIC)
		return fail_for(REASON_NOT_SECRET);
	if (err == 0)
		err = secret_check_hidden();
	if (err == 0)
		err = sys_file_size(fd, &size);
	if (err < 0)
		return not_given(err);
	if (size_of_file(size) <= sizeof(mark))
		return fail_for(REASON_NOT_STORED);
	/* Secret memory can be larger than the machine: its pages come when they are touched. */
	if (sys_memory(&memory) == 0 && memory > 0 && (uint64_t)size > memory)
		return fail_for(REASON_ABOVE_MEMORY);
	if (size_of_file(size) == SIZE_MAX)
		return fail_for(REASON_TOO_LARGE);
	*ret = (size_t)size;
	return 0;
}

/* The last page says whether the others are worth their memory. */
static int check_mark(const char *end)
{
	char found[sizeof(mark)];
	int err = secret_readable(end - sizeof(mark), sizeof(mark));

	if (err < 0)
		return secret_touch_error(err);
	wipe_copy(found, end - sizeof(mark), sizeof(mark));
	return wipe_equal(found, mark, sizeof(mark)) ? 0 : fail_for(REASON_NOT_STORED);
}

static int open_store(struct scoped_mapping *ret, int fd)
{
	CLEANUP(unmap_scoped) struct scoped_mapping stored = { 0 };
	size_t size = 0;
	int err = size_of_store(fd, &size);

	if (err == 0)
		err = map_store(&stored, fd, size);
	if (err == 0)
		err = check_mark((const char *)stored.addr + size);
	if (err == 0)
		err = secret_touch_error(secret_readable(stored.addr, size));
	if (err < 0)
		return err;
	*ret = stored;
	stored.size = 0;
	return 0;
}

static int restore(struct sealmem_region **ret, const char *name,
		   const struct scoped_mapping *stored, unsigned guarantees)
{
	CLEANUP(region_destroy_at) struct sealmem_region *r = NULL;
	size_t size = stored->size - sizeof(mark);
	int err = region_check_demand(name, size, guarantees);

	if (err < 0)
		return err;
	r = region_allocate(name, size, guarantees);
	if (r == NULL)
		return -ENOMEM;
	err = region_open(r);
	if (err < 0)
		return err;
	wipe_copy(r->data, stored->addr, size);
	err = sealmem_region_seal(r);
	return err < 0 ? err : region_hand_over(ret, &r);
}

EXPORT int sealmem_secret_restore(struct sealmem_region **ret, int fd, const char *name,
				  unsigned guarantees)
{
	CLEANUP(unmap_scoped) struct scoped_mapping stored = { 0 };
	int err;

	reason_forget();
	if (ret == NULL)
		return fail_for(REASON_NO_RESULT);
	guarantees = region_complete_demand(guarantees);
	err = region_check_demand(name, 0, guarantees);
	if (err == 0 && !(guarantees & SEALMEM_SECRECY))
		err = fail_for(REASON_NO_SECRECY);
	if (err == 0)
		err = open_store(&stored, fd);
	if (err == 0)
		err = restore(ret, name, &stored, guarantees);
	if (err < 0)
		return err;
	sealmem_wipe(stored.addr, stored.size);
	(void)close_fd(fd);
	return 0;
}
