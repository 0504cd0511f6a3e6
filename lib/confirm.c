/* SPDX-License-Identifier: MIT */

/*
 * Asks the kernel what is mapped. Another thread can map memory of its own over a region at any time until the
 * addresses are sealed, and a seal of addresses makes that final as well. So success is not reported before the
 * kernel has said what is there.
 *
 * One ioctl(2) for each mapping tells it, from Linux 6.11 on. Elsewhere, and where a sandbox forbids it, the
 * whole list of mappings is read.
 */

#include "lib/confirm.h"

#include "lib/maps.h"
#include "lib/reason.h"
#include "lib/util.h"

#include <sys/sysmacros.h>

int confirm_open(void)
{
	struct maps maps;
	int err = maps_open(&maps);

	if (err == -ENOENT || err == -EACCES)
		return fail_for(REASON_NO_PROC);
	return err < 0 ? not_given(err) : maps.fd;
}

static struct maps_span span_of(const struct sys_mapping *mapping)
{
	uint64_t bits = mapping->protection;

	return (struct maps_span){
		.start = (uintptr_t)mapping->start,
		.end = (uintptr_t)mapping->end,
		.protection = (bits & SYS_MAPPING_READ ? PROT_READ : 0) |
			      (bits & SYS_MAPPING_WRITE ? PROT_WRITE : 0) |
			      (bits & SYS_MAPPING_EXEC ? PROT_EXEC : 0),
		.shared = bits & SYS_MAPPING_SHARED,
		.offset = mapping->offset,
		.file = { makedev(mapping->major, mapping->minor), mapping->inode },
	};
}

/* 1 and the mapping that holds an address, 0 if there is none. */
static int find_by_asking(const struct maps *maps, uintptr_t at, struct maps_span *ret)
{
	struct sys_mapping mapping;
	int err = sys_mapping_of(maps->fd, at, &mapping);

	if (err < 0)
		return err == -ENOENT ? 0 : err;
	*ret = span_of(&mapping);
	/* A sandbox may answer 0 to anything. */
	return maps_holds(ret, at) ? 1 : -ENOTTY;
}

int confirm_find(struct maps *maps, uintptr_t at, struct maps_span *ret)
{
	int found = maps->only_read ? -ENOTTY : find_by_asking(maps, at, ret);

	if (found >= 0)
		return found;
	found = maps->only_read ? 0 : maps_rewind(maps);
	maps->only_read = true;
	return not_given(found < 0 ? found : maps_find(maps, at, ret));
}

static bool is_file(const struct maps_span *span, struct sys_file file)
{
	return span->file.device == file.device && span->file.inode == file.inode;
}

static bool is_expected(const struct maps_span *span, uintptr_t at, const struct expected *part)
{
	uint64_t offset = part->offset + (at - (uintptr_t)part->addr);

	if (part->protection != CONFIRM_ANY && span->protection != part->protection)
		return false;
	if (part->other_than.device != 0 && is_file(span, part->other_than))
		return false;
	if (part->file.device == 0)
		return true;
	if (part->file.inode != 0 && span->file.inode != part->file.inode)
		return false;
	return span->shared && span->file.device == part->file.device &&
	       span->offset + (at - span->start) == offset;
}

static int check_part(struct maps *maps, const struct expected *part)
{
	uintptr_t at = (uintptr_t)part->addr, end = at + part->size;
	struct maps_span span;

	while (at < end) {
		int found = confirm_find(maps, at, &span);

		if (found < 0)
			return found;
		if (found == 0 || !is_expected(&span, at, part))
			return fail_for(REASON_DISPLACED);
		at = span.end;
	}
	return 0;
}

int confirm_mapped(int fd, const struct expected *parts, size_t count)
{
	struct maps maps = { .fd = fd };
	int err = 0;

	for (size_t i = 0; i < count && err == 0; i++)
		err = check_part(&maps, &parts[i]);
	return err;
}

int confirm_final(int fd, const struct expected *parts, size_t count)
{
	int err = confirm_mapped(fd, parts, count);

	return err == 0 || err == -EADDRINUSE ? err : confirm_mapped(fd, parts, count);
}
