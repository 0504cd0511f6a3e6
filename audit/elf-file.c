/* SPDX-License-Identifier: MIT */

/*
 * Where the RELRO of a program or library is, and what it asks for in its notes. The mappings alone do not say it: to the
 * kernel these pages are a private mapping of a file, like any other.
 *
 * This file reads two tables of fixed size and, of what they point to, notes of a limited size. A library for all of ELF would bring
 * more code than it saves: the audited process controls the file, so everything that libelf finds in it would have
 * to be checked here all the same. Both word sizes and both byte orders count, because a machine can run programs
 * of several.
 */

#include "audit/elf-file.h"

#include "lib/notes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#define MOST_NOTES ((size_t)1 << 12)

/* The offsets of the fields that this file reads. They differ between the two word sizes. */
struct layout {
	size_t word;
	size_t header, phoff, phentsize, phnum;
	size_t entry, offset, vaddr, filesz, memsz, align;
};

#define LAYOUT(bits)                                                                               \
 {                                                                                                 \
  bits / 8, sizeof(Elf##bits##_Ehdr), offsetof(Elf##bits##_Ehdr, e_phoff),                         \
	  offsetof(Elf##bits##_Ehdr, e_phentsize), offsetof(Elf##bits##_Ehdr, e_phnum),            \
	  sizeof(Elf##bits##_Phdr), offsetof(Elf##bits##_Phdr, p_offset),                          \
	  offsetof(Elf##bits##_Phdr, p_vaddr), offsetof(Elf##bits##_Phdr, p_filesz),               \
	  offsetof(Elf##bits##_Phdr, p_memsz), offsetof(Elf##bits##_Phdr, p_align)                 \
 }

struct form {
	struct layout at;
	bool big_endian;
};

static uint64_t field(const unsigned char *bytes, size_t size, bool big_endian)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[big_endian ? i : size - 1 - i];
	return value;
}

static int find_form(struct form *ret, const unsigned char ident[EI_NIDENT])
{
	static const struct layout layouts[] = {
		[ELFCLASS32] = LAYOUT(32),
		[ELFCLASS64] = LAYOUT(64),
	};
	unsigned class = ident[EI_CLASS], order = ident[EI_DATA];

	if (memcmp(ident, ELFMAG, SELFMAG) != 0 || (class != ELFCLASS32 && class != ELFCLASS64) ||
	    (order != ELFDATA2LSB && order != ELFDATA2MSB))
		return -ENOEXEC;
	*ret = (struct form){ layouts[class], order == ELFDATA2MSB };
	return 0;
}

static int read_all(elf_reader *read, void *file, void *ret, size_t size, uint64_t offset)
{
	ssize_t got;

	if (offset > INT64_MAX)
		return -ENOEXEC;
	got = read(file, ret, size, (off_t)offset);
	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -ENOEXEC;
}

/* No segment reaches past the end of the address space, and a loader takes none that begins before the end of the
 * last. */
static int add_segment(struct elf_file *elf, struct elf_segment segment)
{
	uint64_t free_from = 0;

	if (elf->count > 0)
		free_from =
			elf->segments[elf->count - 1].address + elf->segments[elf->count - 1].size;
	if (elf->count == ELF_FILE_SEGMENTS || segment.address < free_from ||
	    segment.size > UINT64_MAX - segment.address || segment.file_size > segment.size ||
	    segment.file_size > UINT64_MAX - segment.offset)
		return -ENOEXEC;
	elf->segments[elf->count++] = segment;
	return 0;
}

static void add_extent(struct elf_file *elf, uint64_t start, uint64_t size)
{
	if (elf->left_count < ELF_FILE_EXTENTS && size > 0 && size <= UINT64_MAX - start)
		elf->left[elf->left_count++] = (struct elf_extent){ start, start + size };
}

static void take_note(struct elf_file *elf, const struct notes *notes, const struct note *note,
		      uint64_t address)
{
	int64_t distance;
	uint64_t size;

	if (note_asks_for_seal(notes, note))
		elf->marked = true;
	if (note_excludes(notes, note, &distance, &size))
		add_extent(elf,
			   address + (uint64_t)(note->contents - notes->bytes) + (uint64_t)distance,
			   size);
}

/* Notes that are not in the file, or are longer than those of any object, are none. */
static int take_notes(struct elf_file *elf, elf_reader *read, void *file,
		      const struct elf_segment *segment, uint64_t align, const struct form *form)
{
	unsigned char bytes[MOST_NOTES];
	struct notes notes = {
		.bytes = bytes,
		.size = (size_t)segment->file_size,
		.align = align,
		.word = form->at.word,
		.big_endian = form->big_endian,
	};
	struct note note;
	int err = segment->file_size <= sizeof(bytes)
			  ? read_all(read, file, bytes, notes.size, segment->offset)
			  : -ENOEXEC;

	while (err == 0 && notes_next(&notes, &note))
		take_note(elf, &notes, &note, segment->address);
	return err == -ENOEXEC ? 0 : err;
}

static int add_entry(struct elf_file *elf, elf_reader *read, void *file, const unsigned char *entry,
		     const struct form *form)
{
	const struct layout *at = &form->at;
	struct elf_segment segment = {
		.address = field(entry + at->vaddr, at->word, form->big_endian),
		.size = field(entry + at->memsz, at->word, form->big_endian),
		.offset = field(entry + at->offset, at->word, form->big_endian),
		.file_size = field(entry + at->filesz, at->word, form->big_endian),
	};
	uint64_t type = field(entry, sizeof(Elf64_Word), form->big_endian);

	if (type == PT_LOAD && segment.size > 0)
		return add_segment(elf, segment);
	if (type == PT_NOTE)
		return take_notes(elf, read, file, &segment,
				  field(entry + at->align, at->word, form->big_endian), form);
	if (segment_is_mutable((uint32_t)type))
		add_extent(elf, segment.address, segment.size);
	if (type != PT_GNU_RELRO)
		return 0;
	elf->relro = segment.address;
	elf->relro_size = segment.size;
	return segment.size > UINT64_MAX - segment.address ? -ENOEXEC : 0;
}

static int add_entries(struct elf_file *elf, elf_reader *read, void *file, const struct form *form)
{
	unsigned char header[sizeof(Elf64_Ehdr)], entry[sizeof(Elf64_Phdr)];
	int err = read_all(read, file, header, form->at.header, 0);
	uint64_t table, size, count;

	if (err < 0)
		return err;
	table = field(header + form->at.phoff, form->at.word, form->big_endian);
	size = field(header + form->at.phentsize, sizeof(Elf64_Half), form->big_endian);
	count = field(header + form->at.phnum, sizeof(Elf64_Half), form->big_endian);
	if (size != form->at.entry || table > INT64_MAX || count > 128)
		return -ENOEXEC;
	for (uint64_t i = 0; i < count && err == 0; i++) {
		err = read_all(read, file, entry, (size_t)size, table + i * size);
		if (err == 0)
			err = add_entry(elf, read, file, entry, form);
	}
	return err;
}

int elf_file_read(struct elf_file *ret, elf_reader *read, void *file)
{
	unsigned char ident[EI_NIDENT];
	struct elf_file elf = { 0 };
	struct form form;
	int err = read_all(read, file, ident, sizeof(ident), 0);

	if (err == 0)
		err = find_form(&form, ident);
	if (err == 0)
		err = add_entries(&elf, read, file, &form);
	if (err < 0)
		return err;
	if (elf.count == 0)
		return -ENOEXEC;
	*ret = elf;
	return 0;
}
