/* SPDX-License-Identifier: MIT */

#include "bench/measure/image-calls.h"

#include "lib/sys.h"

#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008U
#endif

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static void give_up(bool failed)
{
	if (failed)
		abort();
}

/* Extends the last entry, if this one continues it. */
static void add(struct parts *list, uintptr_t start, uintptr_t end)
{
	struct iovec *before = list->of + list->count - 1;

	if (start >= end)
		return;
	if (list->count > 0 && (uintptr_t)before->iov_base + before->iov_len == start) {
		before->iov_len += end - start;
		return;
	}
	give_up(list->count == MOST_PARTS);
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
	struct image *found = data;

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

static int sealed_copy(const struct parts *relro)
{
	int fd = memfd_create("image-floor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	give_up(fd < 0 || pwritev(fd, relro->of, (int)relro->count, 0) < 0 ||
		fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0);
	return fd;
}

void image_prepare(struct image *ret)
{
	*ret = (struct image){ .page = (size_t)sysconf(_SC_PAGESIZE) };
	(void)dl_iterate_phdr(collect, ret);
	ret->file = sealed_copy(&ret->relro);
}

const char *image_map_copy(const struct image *image)
{
	size_t size = 0;
	void *copy;

	for (size_t i = 0; i < image->relro.count; i++)
		size += image->relro.of[i].iov_len;
	copy = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, image->file, 0);
	give_up(copy == MAP_FAILED);
	return copy;
}

bool image_is_same(const struct image *image, const char *copy)
{
	for (size_t i = 0; i < image->relro.count; i++) {
		const struct iovec *part = &image->relro.of[i];

		if (memcmp(part->iov_base, copy, part->iov_len) != 0)
			return false;
		copy += part->iov_len;
	}
	return true;
}

void image_seal(const struct image *image)
{
	const int flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
	off_t position = 0;

	for (size_t i = 0; i < image->relro.count; i++) {
		const struct iovec *part = &image->relro.of[i];

		give_up(mmap(part->iov_base, part->iov_len, PROT_READ, flags, image->file,
			     position) == MAP_FAILED);
		position += (off_t)part->iov_len;
	}
	for (size_t i = 0; i < image->extents.count; i++)
		give_up(syscall(__NR_mseal, image->extents.of[i].iov_base,
				image->extents.of[i].iov_len, 0L) < 0);
}
