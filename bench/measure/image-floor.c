/* SPDX-License-Identifier: MIT */

/*
 * The floor of sealing an image at start-up. Preloaded like libsealmem-image.so, it makes the system calls
 * that such a seal needs, in the best order that we know, and nothing else: no choice of objects, no check,
 * no roll-back. One sealed memfd replaces the RELRO pages, and then the addresses of each object are sealed.
 * The time above this floor is the cost of the library. The floor itself is the cost of the kernel, and grows
 * with the pages of RELRO, because relocation has written to all of them.
 */

#include "lib/sys.h"

#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008U
#endif

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
#define MOST	  64

/* Whole pages, in the order of the objects. */
struct list {
	struct iovec of[MOST];
	size_t count;
};

struct found {
	struct list relro, extents;
	size_t page;
};

static void give_up(bool failed)
{
	if (failed)
		abort();
}

/* Extends the last entry, if this one continues it. */
static void add(struct list *list, uintptr_t start, uintptr_t end)
{
	struct iovec *before = list->of + list->count - 1;

	if (start >= end)
		return;
	if (list->count > 0 && (uintptr_t)before->iov_base + before->iov_len == start) {
		before->iov_len += end - start;
		return;
	}
	give_up(list->count == MOST);
	list->of[list->count++] = (struct iovec){ (void *)start, end - start }; /* NOLINT */
}

/* Nothing of the kernel's own object is sealed, because it has no RELRO. */
static bool has_relro(const struct dl_phdr_info *info)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			return true;
	return false;
}

static int collect(struct dl_phdr_info *info, size_t size, void *data)
{
	struct found *found = data;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum && has_relro(info); i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = (info->dlpi_addr + header->p_vaddr) & ~(found->page - 1);
		uintptr_t end = info->dlpi_addr + header->p_vaddr + header->p_memsz;

		if (header->p_type == PT_GNU_RELRO) {
			end &= ~(found->page - 1);
			add(&found->relro, start, end);
		} else if (header->p_type == PT_LOAD && !(header->p_flags & PF_W)) {
			end = (end + found->page - 1) & ~(found->page - 1);
		} else {
			continue;
		}
		add(&found->extents, start, end);
	}
	return 0;
}

static int sealed_copy(const struct list *relro)
{
	int fd = memfd_create("image-floor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	give_up(fd < 0 || pwritev(fd, relro->of, (int)relro->count, 0) < 0 ||
		fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0);
	return fd;
}

__attribute__((constructor)) static void seal(void)
{
	const int flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
	struct found found = { .page = (size_t)sysconf(_SC_PAGESIZE) };
	off_t position = 0;
	int fd;

	(void)dl_iterate_phdr(collect, &found);
	fd = sealed_copy(&found.relro);
	for (size_t i = 0; i < found.relro.count; i++) {
		const struct iovec *part = &found.relro.of[i];

		give_up(mmap(part->iov_base, part->iov_len, PROT_READ, flags, fd, position) ==
			MAP_FAILED);
		position += (off_t)part->iov_len;
	}
	for (size_t i = 0; i < found.extents.count; i++)
		give_up(syscall(__NR_mseal, found.extents.of[i].iov_base,
				found.extents.of[i].iov_len, 0L) < 0);
	(void)close(fd);
}
