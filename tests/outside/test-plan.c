/* SPDX-License-Identifier: MIT */

/*
 * What is sealed in a process, decided from mappings and memory that this test makes up: an object of four segments, as a
 * linker lays them out, with RELRO in its third page.
 */

#include "include/sealmem.h"
#include "outside/plan.h"
#include "tests/support/support.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#define BASE   UINT64_C(0x10000000)
#define DEBUG  (BASE + 0x800) /* where its loader keeps its list */
#define LINES  1024
#define MEMORY 0x1000

/* Only the first page of the object can be read, whatever the page size of the machine is. */
struct shown {
	unsigned char bytes[MEMORY];
};

static ssize_t read_memory(void *from, void *ret, size_t size, off_t offset)
{
	const struct shown *memory = from;
	uint64_t at = (uint64_t)offset - BASE;

	if (at > MEMORY || size > MEMORY - at)
		return 0;
	memcpy(ret, memory->bytes + at, size);
	return (ssize_t)size;
}

struct scene {
	struct shown memory;
	struct mappings mappings;
	ElfW(auxv_t) auxv[4];
	struct plan plan;
};

static uint64_t page(unsigned number)
{
	return number * page_size();
}

static void put_headers(struct scene *scene)
{
	const ElfW(Ehdr) header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
			     sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32, ELFDATA2LSB },
		.e_type = ET_DYN,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(ElfW(Phdr)),
		.e_phnum = 4,
	};
	const ElfW(Phdr) headers[] = {
		{ .p_type = PT_LOAD, .p_memsz = page(1), .p_flags = PF_R },
		{ .p_type = PT_LOAD, .p_vaddr = page(1), .p_memsz = page(3), .p_flags = PF_R },
		{ .p_type = PT_GNU_RELRO, .p_vaddr = page(2), .p_memsz = page(1) },
		{ .p_type = PT_DYNAMIC, .p_vaddr = 0x600, .p_memsz = 4 * sizeof(ElfW(Dyn)) },
	};

	memcpy(scene->memory.bytes, &header, sizeof(header));
	memcpy(scene->memory.bytes + sizeof(header), headers, sizeof(headers));
}

static void put_dynamic(struct scene *scene, ElfW(Sxword) tag, uint64_t value)
{
	const ElfW(Dyn) entries[] = {
		{ .d_tag = DT_DEBUG, .d_un.d_ptr = DEBUG },
		{ .d_tag = tag, .d_un.d_val = value },
	};

	memcpy(scene->memory.bytes + 0x600, entries, sizeof(entries));
}

static void put_state(struct scene *scene, int state)
{
	const struct r_debug debug = {
		.r_version = 1,
		.r_state = (__typeof__(debug.r_state))state,
	};

	memcpy(scene->memory.bytes + 0x800, &debug, sizeof(debug));
}

static void map(struct scene *scene, const char *permissions, unsigned first, unsigned end,
		const char *name)
{
	char line[LINES];
	CLEANUP(mappings_free) struct mappings one = { 0 };
	struct mapping *row = mappings_grow(&scene->mappings);
	FILE *in;

	(void)snprintf(line, sizeof(line), "%lx-%lx %s %08lx %s %s\n",
		       (unsigned long)(BASE + page(first)), (unsigned long)(BASE + page(end)),
		       permissions, (unsigned long)page(first),
		       *name == '/' ? "08:01 7" : "00:00 0", name);
	in = fmemopen(line, strlen(line), "r");
	ck_assert_int_eq(mappings_read(&one, in), 0);
	(void)fclose(in);
	*row = one.rows[0];
	one.count = 0;
	scene->mappings.count++;
}

static void make(struct scene *ret)
{
	*ret = (struct scene){ .mappings.page = page_size() };
	ret->auxv[0] = (ElfW(auxv_t)){ AT_PHDR, { BASE + sizeof(ElfW(Ehdr)) } };
	ret->auxv[1] = (ElfW(auxv_t)){ AT_BASE, { 0x7000000 } };
	put_headers(ret);
	put_dynamic(ret, DT_NULL, 0);
	put_state(ret, RT_CONSISTENT);
}

static enum refusal plan(struct scene *scene, unsigned flags)
{
	const struct plan_source source = {
		.mappings = &scene->mappings,
		.read = read_memory,
		.memory = &scene->memory,
		.auxv = (const unsigned char *)scene->auxv,
		.auxv_size = sizeof(scene->auxv),
	};

	return plan_make(&scene->plan, &source, flags);
}

static void end(struct scene *scene)
{
	plan_free(&scene->plan);
	mappings_free(&scene->mappings);
}

static void map_all(struct scene *scene)
{
	map(scene, "r--p", 0, 1, "/lib");
	map(scene, "r-xp", 1, 2, "/lib");
	map(scene, "r--p", 2, 3, "/lib");
	map(scene, "rw-p", 3, 4, "/lib");
}

static void assert_range(const struct scene *scene, size_t i, unsigned first, unsigned last,
			 enum range_kind kind, bool replaced)
{
	const struct range *range = &scene->plan.ranges[i];

	ck_assert_uint_lt(i, scene->plan.count);
	ck_assert_uint_eq(range->start, BASE + page(first));
	ck_assert_uint_eq(range->end, BASE + page(last));
	ck_assert_int_eq(range->kind, kind);
	ck_assert_int_eq(range->replaced, replaced);
	ck_assert_uint_eq(range->claimed, SEALMEM_ADDRESS | (replaced ? SEALMEM_CONTENT : 0));
}

START_TEST(code_and_constants_are_sealed_and_relro_is_replaced)
{
	struct scene scene;

	make(&scene);
	map_all(&scene);
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	ck_assert_uint_eq(scene.plan.count, 3);
	assert_range(&scene, 0, 0, 1, RANGE_READ_ONLY, false);
	assert_range(&scene, 1, 1, 2, RANGE_TEXT, false);
	assert_range(&scene, 2, 2, 3, RANGE_RELRO, true);
	ck_assert_uint_eq(scene.plan.size, page(1));
	end(&scene);
}
END_TEST

START_TEST(a_deep_plan_replaces_all)
{
	struct scene scene;

	make(&scene);
	map_all(&scene);
	ck_assert_int_eq(plan(&scene, PLAN_DEEP), REFUSAL_NONE);
	assert_range(&scene, 0, 0, 1, RANGE_READ_ONLY, true);
	assert_range(&scene, 1, 1, 2, RANGE_TEXT, true);
	assert_range(&scene, 2, 2, 3, RANGE_RELRO, true);
	ck_assert_uint_eq(scene.plan.size, page(3));
	ck_assert_uint_eq(scene.plan.ranges[2].position, page(2));
	end(&scene);
}
END_TEST

START_TEST(one_mapping_of_constants_and_relro_is_two_ranges)
{
	struct scene scene;

	make(&scene);
	map(&scene, "r-xp", 0, 1, "/lib");
	map(&scene, "r--p", 1, 4, "/lib");
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	assert_range(&scene, 1, 1, 2, RANGE_READ_ONLY, false);
	assert_range(&scene, 2, 2, 3, RANGE_RELRO, true);
	assert_range(&scene, 3, 3, 4, RANGE_READ_ONLY, false);
	end(&scene);
}
END_TEST

START_TEST(relro_that_can_be_written_is_left)
{
	struct scene scene;

	make(&scene);
	map(&scene, "r--p", 0, 1, "/lib");
	map(&scene, "r-xp", 1, 2, "/lib");
	map(&scene, "rw-p", 2, 4, "/lib");
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	ck_assert_uint_eq(scene.plan.count, 2);
	ck_assert(scene.plan.objects[0].relro_open);
	end(&scene);
}
END_TEST

START_TEST(code_that_the_loader_wrote_to_is_replaced)
{
	struct scene scene;

	make(&scene);
	map_all(&scene);
	put_dynamic(&scene, DT_TEXTREL, 0);
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	assert_range(&scene, 1, 1, 2, RANGE_TEXT, true);
	end(&scene);
}
END_TEST

START_TEST(an_object_that_is_mapped_as_data_is_left)
{
	struct scene scene;

	make(&scene);
	map(&scene, "r--p", 0, 4, "/lib");
	ck_assert_int_eq(plan(&scene, PLAN_DEEP), REFUSAL_NONE);
	ck_assert_uint_eq(scene.plan.count, 0);
	ck_assert_uint_eq(scene.plan.size, 0);
	end(&scene);
}
END_TEST

START_TEST(a_shared_mapping_of_the_file_is_left)
{
	struct scene scene;

	make(&scene);
	map(&scene, "r--p", 0, 1, "/lib");
	map(&scene, "r-xp", 1, 2, "/lib");
	map(&scene, "r--s", 2, 3, "/lib");
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	ck_assert_uint_eq(scene.plan.count, 2);
	end(&scene);
}
END_TEST

START_TEST(what_an_earlier_call_replaced_is_only_sealed_again)
{
	struct scene scene;

	make(&scene);
	map(&scene, "r--p", 0, 1, "/lib");
	map(&scene, "r-xp", 1, 2, "/lib");
	map(&scene, "r--s", 2, 3, "/memfd:sealmem:image (deleted)");
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	ck_assert_uint_eq(scene.plan.count, 3);
	ck_assert(!scene.plan.ranges[2].replaced && scene.plan.ranges[2].was_replaced);
	ck_assert_uint_eq(scene.plan.ranges[2].claimed, SEALMEM_ADDRESS | SEALMEM_CONTENT);
	ck_assert_uint_eq(scene.plan.size, 0);
	end(&scene);
}
END_TEST

START_TEST(what_was_rolled_back_is_replaced_again)
{
	struct scene scene;

	make(&scene);
	map(&scene, "r--p", 0, 1, "/lib");
	map(&scene, "r-xp", 1, 2, "/lib");
	map(&scene, "r--p", 2, 3, "/memfd:sealmem:image (deleted)");
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	assert_range(&scene, 2, 2, 3, RANGE_RELRO, true);
	end(&scene);
}
END_TEST

START_TEST(a_loader_at_work_is_a_refusal)
{
	struct scene scene;

	make(&scene);
	map_all(&scene);
	put_state(&scene, RT_ADD);
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_LOADING);
	plan_free(&scene.plan);
	put_state(&scene, RT_DELETE);
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_LOADING);
	plan_free(&scene.plan);
	put_state(&scene, RT_CONSISTENT);
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	end(&scene);
}
END_TEST

START_TEST(a_loader_that_has_not_begun_is_a_refusal)
{
	const ElfW(Dyn) none = { .d_tag = DT_DEBUG };
	struct scene scene;

	make(&scene);
	map_all(&scene);
	memcpy(scene.memory.bytes + 0x600, &none, sizeof(none));
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_LOADING);
	plan_free(&scene.plan);
	/* A static program has none. */
	scene.auxv[1].a_un.a_val = 0;
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	end(&scene);
}
END_TEST

START_TEST(a_vector_of_another_word_size_is_a_refusal)
{
	const uint32_t other[] = { 33, 0xf7f00000, 16, 0xbfebfbff };
	struct scene scene;

	make(&scene);
	map_all(&scene);
	memcpy(scene.auxv, other, sizeof(other));
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_ARCHITECTURE);
	end(&scene);
}
END_TEST

static void add_header(struct scene *scene, const ElfW(Phdr) * header)
{
	ElfW(Ehdr) elf;

	memcpy(&elf, scene->memory.bytes, sizeof(elf));
	memcpy(scene->memory.bytes + sizeof(elf) + elf.e_phnum++ * sizeof(*header), header,
	       sizeof(*header));
	memcpy(scene->memory.bytes, &elf, sizeof(elf));
}

START_TEST(pages_that_the_object_excludes_are_left)
{
	/* Without padding, as a linker lays notes out. */
	const struct __attribute__((packed)) {
		ElfW(Nhdr) header;
		char name[8];
		int64_t distance;
		uint64_t size;
	} note = { { sizeof("sealmem"), 16, 1 },
		   "sealmem",
		   (int64_t)page(2) - 0x700 - (int64_t)(sizeof(ElfW(Nhdr)) + sizeof("sealmem")),
		   8 };
	const ElfW(Phdr) header = { .p_type = PT_NOTE, .p_vaddr = 0x700, .p_memsz = sizeof(note) };
	struct scene scene;

	make(&scene);
	map_all(&scene);
	add_header(&scene, &header);
	memcpy(scene.memory.bytes + 0x700, &note, sizeof(note));
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	ck_assert_uint_eq(scene.plan.count, 2);
	ck_assert_uint_eq(scene.plan.size, 0);
	ck_assert(scene.plan.objects[0].excluding);
	end(&scene);
}
END_TEST

/* As a linker does with -z memory-seal. */
static void mark(struct scene *scene)
{
	const struct {
		ElfW(Nhdr) header;
		char name[4];
		uint32_t property[2];
	} note = { { 4, 8, NT_GNU_PROPERTY_TYPE_0 }, "GNU", { 3, 0 } };
	const ElfW(Phdr) header = { .p_type = PT_NOTE,
				    .p_vaddr = 0x700,
				    .p_memsz = sizeof(note),
				    .p_align = sizeof(void *) };

	add_header(scene, &header);
	memcpy(scene->memory.bytes + 0x700, &note, sizeof(note));
}

START_TEST(of_a_marked_object_the_addresses_of_data_are_sealed)
{
	struct scene scene;

	make(&scene);
	mark(&scene);
	map_all(&scene);
	ck_assert_int_eq(plan(&scene, PLAN_DEEP), REFUSAL_NONE);
	ck_assert(scene.plan.objects[0].marked);
	ck_assert_uint_eq(scene.plan.count, 4);
	assert_range(&scene, 2, 2, 3, RANGE_RELRO, true);
	assert_range(&scene, 3, 3, 4, RANGE_DATA, false);
	ck_assert_int_eq(scene.plan.ranges[3].protection, PROT_READ | PROT_WRITE);
	ck_assert_uint_eq(scene.plan.size, page(3));
	end(&scene);
}
END_TEST

/* The heap begins there, and can be one mapping with them. */
START_TEST(data_that_begin_as_zeroes_belong_to_a_marked_object_up_to_its_end)
{
	static const char *const names[] = { "", "[heap]", "[anon:.bss]" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct scene scene;

		make(&scene);
		mark(&scene);
		map(&scene, "r-xp", 0, 3, "/lib");
		map(&scene, "rw-p", 3, 7, names[i]);
		map(&scene, "rw-p", 8, 9, "");
		ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
		ck_assert_uint_eq(scene.plan.count, 2);
		assert_range(&scene, 1, 3, 4, RANGE_DATA, false);
		end(&scene);
	}
}
END_TEST

START_TEST(what_is_no_data_of_a_marked_object_is_left)
{
	static const struct {
		const char *permissions, *name;
	} rows[] = { { "rw-s", "/lib" },    { "rwxp", "/lib" }, { "rw-s", "" },
		     { "rw-p", "[stack]" }, { "---p", "/lib" }, { "rw-p", "/other" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct scene scene;
		size_t before;

		make(&scene);
		mark(&scene);
		map(&scene, "r-xp", 0, 3, "/lib");
		ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
		before = scene.plan.count;
		plan_free(&scene.plan);
		map(&scene, rows[i].permissions, 3, 4, rows[i].name);
		if (strcmp(rows[i].name, "/other") == 0)
			scene.mappings.rows[1].memory.file.inode++;
		ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
		ck_assert_uint_eq(scene.plan.count, before);
		end(&scene);
	}
}
END_TEST

START_TEST(relro_that_can_be_written_is_left_of_a_marked_object_too)
{
	struct scene scene;

	make(&scene);
	mark(&scene);
	map(&scene, "r-xp", 0, 1, "/lib");
	map(&scene, "rw-p", 1, 4, "/lib");
	ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
	ck_assert_uint_eq(scene.plan.count, 3);
	assert_range(&scene, 1, 1, 2, RANGE_DATA, false);
	assert_range(&scene, 2, 3, 4, RANGE_DATA, false);
	ck_assert(scene.plan.objects[0].relro_open);
	end(&scene);
}
END_TEST

START_TEST(pages_that_ask_to_stay_mutable_are_left)
{
	static const uint32_t types[] = { 0x6474f555, 0x65a3dbe5 };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		const ElfW(Phdr)
			header = { .p_type = types[i], .p_vaddr = page(3) + 16, .p_memsz = 32 };
		struct scene scene;

		make(&scene);
		mark(&scene);
		add_header(&scene, &header);
		map_all(&scene);
		ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
		ck_assert_uint_eq(scene.plan.count, 3);
		ck_assert(scene.plan.objects[0].excluding);
		end(&scene);
	}
}
END_TEST

START_TEST(headers_that_cannot_be_are_no_object)
{
	static const size_t fields[] = { offsetof(ElfW(Ehdr), e_phoff),
					 offsetof(ElfW(Ehdr), e_phentsize),
					 offsetof(ElfW(Ehdr), e_phnum),
					 EI_CLASS,
					 EI_DATA,
					 0 };

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct scene scene;

		make(&scene);
		map_all(&scene);
		memset(scene.memory.bytes + fields[i], 0xff, 2);
		ck_assert_int_eq(plan(&scene, 0), REFUSAL_NONE);
		ck_assert_uint_eq(scene.plan.count, 0);
		end(&scene);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		code_and_constants_are_sealed_and_relro_is_replaced,
		a_deep_plan_replaces_all,
		one_mapping_of_constants_and_relro_is_two_ranges,
		relro_that_can_be_written_is_left,
		code_that_the_loader_wrote_to_is_replaced,
		an_object_that_is_mapped_as_data_is_left,
		a_shared_mapping_of_the_file_is_left,
		what_an_earlier_call_replaced_is_only_sealed_again,
		what_was_rolled_back_is_replaced_again,
		a_loader_at_work_is_a_refusal,
		a_loader_that_has_not_begun_is_a_refusal,
		a_vector_of_another_word_size_is_a_refusal,
		pages_that_the_object_excludes_are_left,
		of_a_marked_object_the_addresses_of_data_are_sealed,
		data_that_begin_as_zeroes_belong_to_a_marked_object_up_to_its_end,
		what_is_no_data_of_a_marked_object_is_left,
		relro_that_can_be_written_is_left_of_a_marked_object_too,
		pages_that_ask_to_stay_mutable_are_left,
		headers_that_cannot_be_are_no_object,
	};

	return RUN_TESTS("plan", tests);
}
