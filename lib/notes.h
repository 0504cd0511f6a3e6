/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_NOTES_H
#define SEALMEM_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What an object says of itself in its notes and headers: which pages it asks to leave alone, and whether it asks to be
 * sealed as a whole. The bytes may be those of another process or of a hostile file.
 */

/* A segment of notes that is to be read. */
struct notes {
	const unsigned char *bytes;
	size_t size;
	uint64_t align; /* as its header states it */
	size_t word;	/* 4 or 8: the word size of the object, in bytes */
	bool big_endian;
	size_t next; /* 0 at first */
};

struct note {
	uint32_t type;
	const unsigned char *name, *contents;
	size_t name_size, size; /* of the name and of the contents */
};

/* Takes the next note. False after the last one, or if no note follows that is whole. */
bool notes_next(struct notes *notes, struct note *ret);

/* SEALMEM_IMAGE_EXCLUDE() writes such a note: the excluded memory starts so many bytes from the contents. */
bool note_excludes(const struct notes *notes, const struct note *note, int64_t *ret_distance,
		   uint64_t *ret_size);

/* The linker writes such a note for `-z memory-seal`: the whole object is to be sealed. */
bool note_asks_for_seal(const struct notes *notes, const struct note *note);

/* glibc leaves such a note in every program that is linked with it. Other C libraries leave none. */
bool note_is_of_glibc(const struct note *note);

/* Whether the segment is one that asks to stay as it is, although the object is to be sealed. `type`: p_type. */
bool segment_is_mutable(uint32_t type);

#endif
