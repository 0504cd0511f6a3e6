/* SPDX-License-Identifier: MIT */

/*
 * Reads the notes of objects. The library reads its own process, the planner of `sealmem seal` another process, and the
 * audit a file, perhaps of another machine. All three have to come to the same answer, so they ask here.
 *
 * No released loader honours GNU_PROPERTY_MEMORY_SEAL, and no released header has PT_GNU_MUTABLE. The numbers are those of
 * binutils, and of the change that was proposed for the GNU C library.
 */

#include "lib/notes.h"

#include <elf.h>
#include <string.h>

#define EXCLUSION_NAME "sealmem"
#define EXCLUSION_TYPE 1
#define EXCLUSION_SIZE 16

#ifndef GNU_PROPERTY_MEMORY_SEAL
# define GNU_PROPERTY_MEMORY_SEAL 3
#endif

#ifndef PT_GNU_MUTABLE
# define PT_GNU_MUTABLE 0x6474f555
#endif
#ifndef PT_OPENBSD_MUTABLE
# define PT_OPENBSD_MUTABLE 0x65a3dbe5
#endif

static uint64_t number(const struct notes *notes, const unsigned char *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[notes->big_endian ? i : size - 1 - i];
	return value;
}

/* Name and contents are padded to four bytes, whatever alignment the segment states, unless it states eight. */
static uint64_t padded(uint64_t size, uint64_t align)
{
	align = align == 8 ? 8 : 4;
	return (size + align - 1) & ~(align - 1);
}

/* All sizes are below 2^33, so that no sum wraps around. */
bool notes_next(struct notes *notes, struct note *ret)
{
	const unsigned char *at = notes->bytes + notes->next;
	const size_t left = notes->size - notes->next, header = sizeof(Elf64_Nhdr);
	uint64_t name, size, contents;

	if (left < header)
		return false;
	name = number(notes, at, 4);
	size = number(notes, at + 4, 4);
	contents = padded(header + name, notes->align);
	if (contents + size > left)
		return false;
	*ret = (struct note){ .type = (uint32_t)number(notes, at + 8, 4),
			      .name = at + header,
			      .contents = at + contents,
			      .name_size = (size_t)name,
			      .size = (size_t)size };
	size = padded(contents + size, notes->align);
	notes->next += size < left ? (size_t)size : left;
	return true;
}

static bool is_named(const struct note *note, const char *name, size_t size)
{
	return note->name_size == size && memcmp(note->name, name, size) == 0;
}

bool note_excludes(const struct notes *notes, const struct note *note, int64_t *ret_distance,
		   uint64_t *ret_size)
{
	if (note->type != EXCLUSION_TYPE || note->size != EXCLUSION_SIZE ||
	    !is_named(note, EXCLUSION_NAME, sizeof(EXCLUSION_NAME)))
		return false;
	*ret_distance = (int64_t)number(notes, note->contents, 8);
	*ret_size = number(notes, note->contents + 8, 8);
	return true;
}

/* Properties follow one another, each with its type, its size and its padded contents. This one has no contents. */
bool note_asks_for_seal(const struct notes *notes, const struct note *note)
{
	size_t at = 0;

	if (note->type != NT_GNU_PROPERTY_TYPE_0 ||
	    !is_named(note, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)))
		return false;
	while (note->size - at >= 8) {
		uint64_t type = number(notes, note->contents + at, 4);
		uint64_t size = number(notes, note->contents + at + 4, 4);

		if (type == GNU_PROPERTY_MEMORY_SEAL)
			return size == 0;
		size = padded(size, notes->word);
		if (size > note->size - at - 8)
			return false;
		at += 8 + (size_t)size;
	}
	return false;
}

bool note_is_of_glibc(const struct note *note)
{
	return note->type == NT_GNU_ABI_TAG && is_named(note, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU));
}

bool segment_is_mutable(uint32_t type)
{
	return type == PT_GNU_MUTABLE || type == PT_OPENBSD_MUTABLE;
}
