/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_AUDIT_ELF_FILE_H
#define SEALMEM_AUDIT_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ELF_FILE_SEGMENTS 16

/* A part of an ELF file that a loader maps, at the addresses that the file asks for. */
struct elf_segment {
	uint64_t address, size; /* in memory */
	uint64_t offset, file_size;
};

/* More than any object has. */
#define ELF_FILE_EXTENTS 16

struct elf_extent {
	uint64_t start, end;
};

struct elf_file {
	struct elf_segment segments[ELF_FILE_SEGMENTS]; /* in order */
	size_t count;					/* at least 1 */
	uint64_t relro, relro_size;			/* size 0: there is none */
	bool marked;				  /* the linker asks for all of it to be sealed */
	struct elf_extent left[ELF_FILE_EXTENTS]; /* the bytes that ask to be left alone */
	size_t left_count;
};

/* As pread(2). */
typedef ssize_t elf_reader(void *file, void *ret, size_t size, off_t offset);

/*
 * -ENOEXEC  not an ELF file, or one with more segments than a loader would take, out of order, or larger
 *           than the address space
 * or the negative errno of `read`
 */
int elf_file_read(struct elf_file *ret, elf_reader *read, void *file);

#endif
