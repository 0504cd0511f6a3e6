/* SPDX-License-Identifier: MIT */

/*
 * What is read in the notes of an object, and that notes of any size that they state are read within their bytes only: a
 * sanitizer sees what is beyond.
 */

#include "lib/notes.h"
#include "tests/support/support.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

/* Notes as a linker writes them, in an order of bytes. */
struct built {
	unsigned char bytes[256];
	size_t size, word;
	bool big_endian;
};

static void put(struct built *built, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		built->bytes[built->size + (built->big_endian ? size - 1 - i : i)] =
			(unsigned char)(value >> 8 * i);
	built->size += size;
}

static void put_header(struct built *built, uint64_t name, uint64_t size, uint64_t type)
{
	put(built, name, 4);
	put(built, size, 4);
	put(built, type, 4);
}

static void put_text(struct built *built, const char *text, size_t size)
{
	memcpy(built->bytes + built->size, text, size);
	built->size += size;
}

static void put_property(struct built *built, uint64_t type, uint64_t size)
{
	put(built, type, 4);
	put(built, size, 4);
	for (size_t i = 0; i < size; i += built->word)
		put(built, 0, built->word);
}

static struct notes notes_in(const struct built *built)
{
	return (struct notes){
		.bytes = built->bytes,
		.size = built->size,
		.align = built->word,
		.word = built->word,
		.big_endian = built->big_endian,
	};
}

static bool is_marked(const struct built *built)
{
	struct notes notes = notes_in(built);
	bool marked = false;
	struct note note;

	while (notes_next(&notes, &note))
		marked |= note_asks_for_seal(&notes, &note);
	return marked;
}

/* Each word size, in each order of bytes. */
static struct built built_for(int i)
{
	return (struct built){ .word = i & 1 ? 8 : 4, .big_endian = i & 2 };
}

START_TEST(the_linkers_mark_is_found_among_other_properties)
{
	for (int i = 0; i < 4; i++) {
		struct built built = built_for(i);

		put_header(&built, 4, 8 + 8 + built.word + 8, NT_GNU_PROPERTY_TYPE_0);
		put_text(&built, "GNU", 4);
		put_property(&built, 2, 0);
		put_property(&built, 0xc0000002, 4);
		ck_assert(!is_marked(&built));
		put_property(&built, 3, 0);
		ck_assert(is_marked(&built));
	}
}
END_TEST

START_TEST(a_note_of_another_name_or_type_is_no_mark)
{
	for (int i = 0; i < 3; i++) {
		struct built built = built_for(1);

		put_header(&built, 4, 8, NT_GNU_PROPERTY_TYPE_0 + (i == 1));
		put_text(&built, i == 2 ? "GNX" : "GNU", 4);
		put_property(&built, 3, 0);
		ck_assert_int_eq(is_marked(&built), i == 0);
	}
}
END_TEST

START_TEST(a_mark_with_contents_is_none)
{
	struct built built = built_for(1);

	put_header(&built, 4, 16, NT_GNU_PROPERTY_TYPE_0);
	put_text(&built, "GNU", 4);
	put_property(&built, 3, 8);
	ck_assert(!is_marked(&built));
}
END_TEST

START_TEST(the_mark_is_found_after_another_note)
{
	for (int i = 0; i < 4; i++) {
		struct built built = built_for(i);

		put_header(&built, 4, 4, NT_GNU_BUILD_ID);
		put_text(&built, "GNU", 4);
		put(&built, 1, 4);
		put(&built, 0, built.word == 8 ? 4 : 0);
		put_header(&built, 4, 8, NT_GNU_PROPERTY_TYPE_0);
		put_text(&built, "GNU", 4);
		put_property(&built, 3, 0);
		ck_assert(is_marked(&built));
	}
}
END_TEST

START_TEST(an_exclusion_says_how_far_and_how_long)
{
	for (int i = 0; i < 4; i++) {
		struct built built = built_for(i);
		struct notes notes;
		struct note note;
		int64_t distance;
		uint64_t size;

		put_header(&built, 8, 16, 1);
		put_text(&built, "sealmem", 8);
		put(&built, 0, built.word == 8 ? 4 : 0);
		put(&built, (uint64_t)-64, 8);
		put(&built, 4096, 8);
		notes = notes_in(&built);
		ck_assert(notes_next(&notes, &note));
		ck_assert(note_excludes(&notes, &note, &distance, &size));
		ck_assert_int_eq(distance, -64);
		ck_assert_uint_eq(size, 4096);
		ck_assert(!note_asks_for_seal(&notes, &note));
		ck_assert(!notes_next(&notes, &note));
	}
}
END_TEST

/* In memory of its own, so that a sanitizer sees the end. */
static void read_all(const unsigned char *bytes, size_t size, size_t word)
{
	unsigned char *copy = malloc(size > 0 ? size : 1);
	struct notes notes = { .bytes = copy, .size = size, .align = word, .word = word };
	int64_t distance;
	struct note note;
	uint64_t length;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, size);
	while (notes_next(&notes, &note)) {
		ck_assert(note.name >= copy && note.name + note.name_size <= copy + size);
		ck_assert(note.contents >= copy && note.contents + note.size <= copy + size);
		ck_assert_uint_le(notes.next, size);
		(void)note_asks_for_seal(&notes, &note);
		(void)note_excludes(&notes, &note, &distance, &length);
	}
	free(copy);
}

START_TEST(sizes_that_lie_are_not_believed)
{
	static const uint64_t lies[] = { 0,   1,	  3,	      5,	  8,
					 127, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };
	const size_t count = sizeof(lies) / sizeof(*lies);

	for (size_t i = 0; i < count * count * count; i++) {
		struct built built = built_for(1);

		put_header(&built, lies[i % count], lies[i / count % count],
			   NT_GNU_PROPERTY_TYPE_0);
		put_text(&built, "GNU", 4);
		put(&built, 2, 4);
		put(&built, lies[i / count / count], 4);
		put(&built, 0, 8);
		for (size_t size = 0; size <= built.size; size++) {
			read_all(built.bytes, size, 8);
			read_all(built.bytes, size, 4);
		}
	}
}
END_TEST

START_TEST(a_segment_that_asks_to_stay_mutable_is_one_of_two_types)
{
	ck_assert(segment_is_mutable(0x6474f555));
	ck_assert(segment_is_mutable(0x65a3dbe5));
	ck_assert(!segment_is_mutable(PT_LOAD));
	ck_assert(!segment_is_mutable(PT_GNU_RELRO));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_linkers_mark_is_found_among_other_properties,
		a_note_of_another_name_or_type_is_no_mark,
		a_mark_with_contents_is_none,
		the_mark_is_found_after_another_note,
		an_exclusion_says_how_far_and_how_long,
		sizes_that_lie_are_not_believed,
		a_segment_that_asks_to_stay_mutable_is_one_of_two_types,
	};

	return RUN_TESTS("notes", tests);
}
