/* SPDX-License-Identifier: MIT */

/*
 * The headers of programs and libraries, which the audited process controls. Whatever is in them, the reader
 * refuses the file, or the segments are in order and within the address space.
 */

#include "fuzz/part.h"
#include "fuzz/promise.h"
#include "fuzz/target.h"

#include "audit/elf-file.h"

#include <errno.h>

static void check_segments(const struct elf_file *elf)
{
	uint64_t free_from = 0;

	PROMISE(elf->count >= 1 && elf->count <= ELF_FILE_SEGMENTS);
	for (size_t i = 0; i < elf->count; i++) {
		const struct elf_segment *segment = &elf->segments[i];

		PROMISE(segment->address >= free_from && segment->size > 0);
		PROMISE(segment->address + segment->size > segment->address);
		PROMISE(segment->offset + segment->file_size >= segment->offset);
		PROMISE(segment->file_size <= segment->size);
		free_from = segment->address + segment->size;
	}
	PROMISE(elf->relro + elf->relro_size >= elf->relro);
	PROMISE(elf->left_count <= ELF_FILE_EXTENTS);
	for (size_t i = 0; i < elf->left_count; i++)
		PROMISE(elf->left[i].start < elf->left[i].end);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct part file = { bytes, size };
	struct elf_file elf = { .count = 99 };
	int err = elf_file_read(&elf, part_read_at, &file);

	PROMISE(err == 0 || err == -ENOEXEC);
	PROMISE(err == 0 || elf.count == 99);
	if (err == 0)
		check_segments(&elf);
	return 0;
}
