/* SPDX-License-Identifier: MIT */

/*
 * Bytes between processes. A receiver that maps memory of a stranger is exposed: the sender can write
 * while the receiver reads, or truncate the file so that the receiver dies of SIGBUS. Seals prevent
 * both, if the receiver demands the right ones. It must demand them as required bits, because new kinds
 * of seals appear. And it must demand write, grow and shrink, all three: F_SEAL_FUTURE_WRITE leaves
 * older mappings writable, and other files than memfds answer F_GET_SEALS too.
 *
 * The library looks only at what cannot change: first the seals, then the size that they have made
 * final. It looks through a descriptor of its own, which nobody can exchange meanwhile. It asks a file
 * that is no memfd for nothing but its seals: to open a device, or to ask a file of a user's own
 * filesystem for its size, may have effects or never end.
 */

#include "lib/accept.h"

#include "lib/region.h"
#include "lib/memfd.h"
#include "lib/reason.h"
#include "lib/address.h"
#include "lib/util.h"

int accept_check_demand(unsigned guarantees)
{
	if (guarantees & ~SEALMEM_GUARANTEES)
		return fail_for(REASON_UNKNOWN_BITS);
	if (!(guarantees & SEALMEM_CONTENT))
		return fail_for(REASON_NO_CONTENT);
	/* Memory that others have held is no secret. */
	if (guarantees & SEALMEM_SECRECY)
		return fail_for(REASON_SHARED_SECRET);
	return guarantees & SEALMEM_ADDRESS ? address_given() : 0;
}

/* The file is sealed. A huge page that is partly missing raises SIGBUS at the missing part. */
static int final_size(int fd, size_t page, size_t limit, size_t *ret)
{
	off_t found = 0;
	size_t size;
	int err = sys_file_size(fd, &found);

	if (err < 0)
		return not_given(err);
	size = size_of_file(found);
	/* The address of an empty file would be that of a huge page, which the kernel sets aside. */
	if (page > page_size() && (size == 0 || (size % page != 0 && size != SIZE_MAX)))
		return fail_for(REASON_PART_OF_PAGE);
	if (size > limit)
		return fail_for(REASON_LIMIT);
	if (size == SIZE_MAX)
		return fail_for(REASON_TOO_LARGE);
	*ret = size;
	return 0;
}

/*
 * Locked pages are in memory all at once. The kernel does not refuse to lock the pages of a file that is larger
 * than the memory of the machine: it brings in page after page, and then ends processes. Where it does not tell
 * how much memory there is, the demand goes to the kernel.
 */
static int check_memory(size_t size, unsigned guarantees)
{
	uint64_t memory = 0;

	if (!(guarantees & SEALMEM_NOSWAP) || sys_memory(&memory) < 0 || memory == 0)
		return 0;
	return size > memory ? fail_for(REASON_ABOVE_MEMORY) : 0;
}

int accept_named(struct sealmem_region **ret, int *fd, const char *name, size_t limit,
		 unsigned guarantees)
{
	size_t size = 0, page = 0;
	int err = memfd_check_foreign(*fd);

	if (err == 0)
		err = memfd_page(*fd, &page);
	if (err == 0)
		err = final_size(*fd, page, limit, &size);
	if (err == 0)
		err = check_memory(size, guarantees);
	if (err < 0)
		return err;
	return region_adopt(ret, take_fd(fd), name, size, page, guarantees);
}

EXPORT int sealmem_region_accept_limited(struct sealmem_region **ret, int fd, size_t limit,
					 unsigned guarantees)
{
	CLEANUP(close_fd_at) int own = -1;
	int err;

	reason_forget();
	err = ret != NULL ? accept_check_demand(guarantees) : fail_for(REASON_NO_RESULT);
	if (err < 0)
		return err;
	own = not_given(sys_fcntl(fd, F_DUPFD_CLOEXEC, 0));
	return own < 0 ? own : accept_named(ret, &own, "accepted", limit, guarantees);
}

EXPORT int sealmem_region_accept(struct sealmem_region **ret, int fd, unsigned guarantees)
{
	return sealmem_region_accept_limited(ret, fd, SIZE_MAX, guarantees);
}
