/* SPDX-License-Identifier: MIT */

/*
 * Which objects the loader will never unmap, and what an object asks to be left alone. The list of this process comes
 * from the loader; the choice is made among objects that the test invents, because only there can it say who needs whom.
 * Their names are known to the test alone, as those of real objects are known to the loader alone.
 */

#include "lib/objects.h"

#include "tests/support/support.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* The dynamic section of an invented object: at most three that it needs, its names, and the end. */
struct invented {
	ElfW(Dyn) dynamic[5];
	char strings[64];
};

/* One that bears `name` and needs the files whose names follow, up to NULL. */
static struct object invent(struct invented *invented, const char *name, const char *const *needed)
{
	size_t used = 1, count = 0;

	*invented = (struct invented){ 0 };
	for (; *needed != NULL; needed++) {
		invented->dynamic[count++] = (ElfW(Dyn)){ .d_tag = DT_NEEDED, .d_un.d_val = used };
		strcpy(invented->strings + used, *needed);
		used += strlen(*needed) + 1;
	}
	invented->dynamic[count] =
		(ElfW(Dyn)){ .d_tag = DT_STRTAB, .d_un.d_ptr = (uintptr_t)invented->strings };
	return (struct object){
		.path = name,
		.bias = 1,
		.dynamic = invented->dynamic,
	};
}

/* The objects among which names are looked up, and how often that was. */
static const struct objects *known;
static unsigned questions;

static const ElfW(Dyn) * look_up(const struct object *object, const char *name)
{
	(void)object;
	questions++;
	for (size_t i = 0; i < known->count; i++)
		if (strcmp(known->list[i].path, name) == 0)
			return known->list[i].dynamic;
	return NULL;
}

static int choose_first(struct objects *objects)
{
	known = objects;
	return objects_choose_first(objects, look_up);
}

static int choose_loaded(struct objects *objects, size_t loaded)
{
	known = objects;
	return objects_choose_loaded(objects, objects->list[loaded].dynamic, look_up);
}

#define NEEDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NEEDS_NONE ((const char *const[]){ NULL })

static unsigned chosen(const struct objects *objects)
{
	unsigned set = 0;

	for (size_t i = 0; i < objects->count; i++)
		set |= (unsigned)objects->list[i].chosen << i;
	return set;
}

static int count_one(struct dl_phdr_info *info, size_t size, void *count)
{
	(void)info;
	(void)size;
	++*(size_t *)count;
	return 0;
}

START_TEST(every_object_is_found_and_the_program_is_the_first)
{
	CLEANUP(objects_free) struct objects objects;
	size_t count = 0;

	ck_assert_int_eq(objects_find(&objects), 0);
	(void)dl_iterate_phdr(count_one, &count);
	ck_assert_uint_eq(objects.count, count);
	ck_assert_str_eq(objects.list[0].path, "");
	ck_assert_ptr_eq(objects.list[0].headers, (const void *)getauxval(AT_PHDR));
}
END_TEST

START_TEST(the_vdso_is_one_object_and_never_chosen)
{
	CLEANUP(objects_free) struct objects objects;
	size_t count = 0;

	if (getauxval(AT_SYSINFO_EHDR) == 0)
		skip_test("this kernel maps no vdso");
	ck_assert_int_eq(objects_find(&objects), 0);
	ck_assert_int_eq(objects_choose_first(&objects, objects_ask_loader), 0);
	for (size_t i = 0; i < objects.count; i++)
		if (objects.list[i].vdso) {
			count++;
			ck_assert(!objects.list[i].chosen);
		}
	ck_assert_uint_le(count, 1);
	ck_assert(objects.list[0].chosen);
	ck_assert(!objects.list[0].vdso);
}
END_TEST

START_TEST(objects_that_the_first_need_are_there_from_the_start)
{
	struct invented invented[4];
	struct object list[] = {
		invent(&invented[0], "", NEEDS("libone.so", "libtwo.so")),
		invent(&invented[1], "libone.so", NEEDS_NONE),
		invent(&invented[2], "libtwo.so", NEEDS_NONE),
		invent(&invented[3], "libloaded.so", NEEDS("libone.so")),
	};
	struct objects objects = { .list = list, .count = 4 };

	ck_assert_int_eq(choose_first(&objects), 0);
	ck_assert_uint_eq(chosen(&objects), 0x7);
}
END_TEST

START_TEST(objects_that_those_need_in_turn_are_there_too)
{
	struct invented invented[4];
	struct object list[] = {
		invent(&invented[0], "", NEEDS("libone.so")),
		invent(&invented[1], "libone.so", NEEDS("libtwo.so")),
		invent(&invented[2], "libtwo.so", NEEDS_NONE),
		invent(&invented[3], "libloaded.so", NEEDS_NONE),
	};
	struct objects objects = { .list = list, .count = 4 };

	ck_assert_int_eq(choose_first(&objects), 0);
	ck_assert_uint_eq(chosen(&objects), 0x7);
}
END_TEST

START_TEST(everything_up_to_the_loader_is_there_from_the_start)
{
	struct invented invented[3];
	struct object list[] = {
		invent(&invented[0], "", NEEDS_NONE),
		invent(&invented[1], "loader", NEEDS_NONE),
		invent(&invented[2], "libloaded.so", NEEDS_NONE),
	};
	struct objects objects = { .list = list, .count = 3 };

	if (getauxval(AT_BASE) == 0)
		skip_test("this program has no loader");
	list[1].bias = getauxval(AT_BASE);
	ck_assert_int_eq(choose_first(&objects), 0);
	ck_assert_uint_eq(chosen(&objects), 0x3);
}
END_TEST

START_TEST(an_object_is_chosen_with_what_it_needs_and_nothing_else)
{
	struct invented invented[4];
	struct object list[] = {
		invent(&invented[0], "", NEEDS_NONE),
		invent(&invented[1], "libother.so", NEEDS_NONE),
		invent(&invented[2], "libloaded.so", NEEDS("libneeded.so")),
		/* Two that need each other. */
		invent(&invented[3], "libneeded.so", NEEDS("libloaded.so")),
	};
	struct objects objects = { .list = list, .count = 4 };

	ck_assert_int_eq(choose_loaded(&objects, 2), 0);
	ck_assert_uint_eq(chosen(&objects), 0xc);
}
END_TEST

START_TEST(what_was_there_from_the_start_is_not_chosen_with_a_loaded_object)
{
	struct invented invented[3];
	struct object list[] = {
		invent(&invented[0], "", NEEDS("libone.so")),
		invent(&invented[1], "libone.so", NEEDS_NONE),
		invent(&invented[2], "libloaded.so", NEEDS("libone.so")),
	};
	struct objects objects = { .list = list, .count = 3 };

	ck_assert_int_eq(choose_first(&objects), 0);
	ck_assert_int_eq(choose_loaded(&objects, 2), 0);
	ck_assert_uint_eq(chosen(&objects), 0x4);
}
END_TEST

START_TEST(a_name_is_looked_up_once)
{
	struct invented invented[4];
	struct object list[] = {
		invent(&invented[0], "", NEEDS("libone.so", "libtwo.so")),
		invent(&invented[1], "libone.so", NEEDS("libc.so", "libtwo.so")),
		invent(&invented[2], "libtwo.so", NEEDS("libc.so")),
		invent(&invented[3], "libc.so", NEEDS_NONE),
	};
	struct objects objects = { .list = list, .count = 4 };

	questions = 0;
	ck_assert_int_eq(choose_first(&objects), 0);
	ck_assert_uint_eq(chosen(&objects), 0xf);
	ck_assert_uint_eq(questions, 3);
}
END_TEST

START_TEST(a_needed_object_that_is_not_found_is_enoent)
{
	struct invented invented[2];
	struct object list[] = {
		invent(&invented[0], "", NEEDS("libone.so", "libmissing.so")),
		invent(&invented[1], "libone.so", NEEDS("libmissing.so")),
	};
	struct objects objects = { .list = list, .count = 2 };

	ck_assert_int_eq(choose_first(&objects), -ENOENT);
	ck_assert_int_eq(choose_loaded(&objects, 1), -ENOENT);
}
END_TEST

START_TEST(an_object_that_is_not_in_the_list_is_enoent)
{
	struct invented invented[2];
	struct object list[] = {
		invent(&invented[0], "", NEEDS_NONE),
		invent(&invented[1], "libelsewhere.so", NEEDS_NONE),
	};
	struct objects objects = { .list = list, .count = 1 };

	ck_assert_int_eq(choose_loaded(&objects, 1), -ENOENT);
}
END_TEST

START_TEST(a_list_without_the_program_is_enoent)
{
	struct invented invented[1];
	struct object list[] = { invent(&invented[0], "libloaded.so", NEEDS_NONE) };
	struct objects objects = { .list = list, .count = 1 };

	ck_assert_int_eq(choose_first(&objects), -ENOENT);
	ck_assert_uint_eq(chosen(&objects), 0);
}
END_TEST

static int answer_of_errand;

static int run_errand(void *argument)
{
	ck_assert_ptr_eq(argument, &answer_of_errand);
	return answer_of_errand;
}

START_TEST(what_runs_while_nobody_loads_gives_its_answer)
{
	ck_assert_int_eq(objects_locked(run_errand, &answer_of_errand), 0);
	answer_of_errand = -EBUSY;
	ck_assert_int_eq(objects_locked(run_errand, &answer_of_errand), -EBUSY);
}
END_TEST

START_TEST(an_entry_of_the_dynamic_section_is_found_or_not)
{
	static const ElfW(Dyn) dynamic[] = {
		{ .d_tag = DT_FLAGS, .d_un.d_val = 8 },
		{ .d_tag = DT_NULL },
		{ .d_tag = DT_TEXTREL },
	};
	const struct object object = { .dynamic = dynamic }, nothing = { 0 };
	uintptr_t value = 1;

	ck_assert(object_has(&object, DT_FLAGS, &value));
	ck_assert_uint_eq(value, 8);
	ck_assert(!object_has(&object, DT_TEXTREL, &value));
	ck_assert(!object_has(&nothing, DT_FLAGS, &value));
	ck_assert_uint_eq(value, 8);
}
END_TEST

START_TEST(an_address_is_relocated_once)
{
	const struct object object = { .bias = 0x10000 };

	ck_assert_uint_eq(object_address(&object, 0x200), 0x10200);
	ck_assert_uint_eq(object_address(&object, 0x10200), 0x10200);
}
END_TEST

/* A note as SEALMEM_IMAGE_EXCLUDE() writes it, and as others do: no padding. */
struct note {
	ElfW(Nhdr) header;
	char name[8];
	int64_t distance;
	uint64_t size;
} __attribute__((packed, aligned(4)));

static struct note exclusion(int64_t distance, uint64_t size)
{
	return (struct note){ { 8, 16, 1 }, "sealmem", distance, size };
}

static uintptr_t contents_of(const struct note *note)
{
	return (uintptr_t)note + offsetof(struct note, distance);
}

static struct object with_notes(const void *notes, size_t size, ElfW(Phdr) * header)
{
	*header = (ElfW(Phdr)){
		.p_type = PT_NOTE, .p_vaddr = (uintptr_t)notes, .p_memsz = size, .p_align = 4
	};
	return (struct object){ .headers = header, .header_count = 1 };
}

static size_t count_exclusions(const void *notes, size_t size)
{
	ElfW(Phdr) header;
	struct object object = with_notes(notes, size, &header);
	uintptr_t start, end;
	size_t next = 0;

	while (object_next_exclusion(&object, &next, &start, &end))
		;
	return next;
}

START_TEST(every_exclusion_is_told_once_with_its_pages)
{
	const struct note notes[] = { exclusion(64, 100), exclusion(-32, 7) };
	ElfW(Phdr) header;
	struct object object = with_notes(notes, sizeof(notes), &header);
	uintptr_t start, end;
	size_t next = 0;

	ck_assert(object_next_exclusion(&object, &next, &start, &end));
	ck_assert_uint_eq(start, contents_of(&notes[0]) + 64);
	ck_assert_uint_eq(end, start + 100);
	ck_assert(object_next_exclusion(&object, &next, &start, &end));
	ck_assert_uint_eq(start, contents_of(&notes[1]) - 32);
	ck_assert_uint_eq(end, start + 7);
	ck_assert(!object_next_exclusion(&object, &next, &start, &end));
}
END_TEST

START_TEST(notes_of_others_are_passed_over)
{
	struct note notes[] = { exclusion(0, 1), exclusion(0, 1), exclusion(0, 1),
				exclusion(0, 1) };

	notes[0].header.n_type = 2;
	memcpy(notes[1].name, "another", sizeof("another"));
	ck_assert_uint_eq(count_exclusions(notes, sizeof(notes)), 2);
	notes[2].header.n_descsz = 13;
	ck_assert_uint_eq(count_exclusions(notes, sizeof(notes)), 1);
	notes[2].header.n_descsz = 16;
	notes[2].header.n_namesz = 7;
	ck_assert_uint_eq(count_exclusions(notes, sizeof(notes)), 1);
}
END_TEST

START_TEST(a_note_that_reaches_past_its_segment_is_no_note)
{
	struct note notes[] = { exclusion(0, 1), exclusion(0, 1) };

	ck_assert_uint_eq(count_exclusions(notes, sizeof(notes)), 2);
	ck_assert_uint_eq(count_exclusions(notes, sizeof(notes) - 4), 1);
	ck_assert_uint_eq(count_exclusions(notes, sizeof(*notes) + sizeof(ElfW(Nhdr)) - 1), 1);
	ck_assert_uint_eq(count_exclusions(notes, 0), 0);
	notes[0].header.n_descsz = 0xfffffff0;
	ck_assert_uint_eq(count_exclusions(notes, sizeof(notes)), 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		every_object_is_found_and_the_program_is_the_first,
		the_vdso_is_one_object_and_never_chosen,
		objects_that_the_first_need_are_there_from_the_start,
		objects_that_those_need_in_turn_are_there_too,
		everything_up_to_the_loader_is_there_from_the_start,
		an_object_is_chosen_with_what_it_needs_and_nothing_else,
		what_was_there_from_the_start_is_not_chosen_with_a_loaded_object,
		a_name_is_looked_up_once,
		a_needed_object_that_is_not_found_is_enoent,
		an_object_that_is_not_in_the_list_is_enoent,
		a_list_without_the_program_is_enoent,
		what_runs_while_nobody_loads_gives_its_answer,
		an_entry_of_the_dynamic_section_is_found_or_not,
		an_address_is_relocated_once,
		every_exclusion_is_told_once_with_its_pages,
		notes_of_others_are_passed_over,
		a_note_that_reaches_past_its_segment_is_no_note,
	};

	return RUN_TESTS("objects", tests);
}
