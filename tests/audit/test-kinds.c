/* SPDX-License-Identifier: MIT */

/*
 * The kind of memory for which the kernel keeps a file that nobody has mapped: by the device of the file, which no
 * process can choose, and not by its name alone. The rows are made by hand, because most of these names need a mount
 * namespace or a huge page.
 */

#include "audit/devices.h"
#include "audit/process.h"
#include "audit/writers.h"
#include "tests/support/support.h"

#include <sys/shm.h>

/* As makedev(3) makes them: the high number is shifted by 8 bits. */
enum {
	MEMORY = 1,
	HUGE_PAGES = 17,
	OTHER = 40,
	DISK = 254 << 8 | 1,
};

static const struct devices this_machine = {
	.memory = MEMORY,
	.huge = { HUGE_PAGES },
	.huge_count = 1,
	.huge_known = true,
};

static struct mapping row_of(dev_t device, const char *name, bool shared, int protection)
{
	return (struct mapping){
		.memory = { .file = { .device = device, .inode = 7 },
			    .name = (char *)(uintptr_t)name,
			    .seals = SEALS_NONE },
		.start = page_size(),
		.end = 2 * page_size(),
		.shared = shared,
		.protection = protection,
	};
}

static enum kind kind_in(const struct devices *devices, struct mapping row)
{
	struct process process = { .mappings = { .rows = &row, .count = 1 } };

	process.mappings.page = page_size();
	kinds_find(&process, devices);
	return row.memory.kind;
}

static const struct {
	const char *name;
	bool shared;
	enum kind kind;
} names[] = {
	{ "/anon_hugepage (deleted)", false, KIND_ANON },
	{ "/anon_hugepage (deleted)", true, KIND_SHARED },
	{ "/dev/zero (deleted)", true, KIND_SHARED },
	{ "/dev/zero (deleted)", false, KIND_ANON },
	{ "[anon_shmem:name]", true, KIND_SHARED },
	{ "/SYSV00000000 (deleted)", true, KIND_SHM },
	{ "/memfd:x (deleted)", true, KIND_MEMFD },
};

#define NAME_COUNT (sizeof(names) / sizeof(*names))

START_TEST(memory_without_a_file_has_a_kind_without_a_file)
{
	for (size_t i = 0; i < NAME_COUNT; i++) {
		const dev_t devices[] = { MEMORY, HUGE_PAGES };

		for (size_t d = 0; d < 2; d++) {
			struct mapping row = row_of(devices[d], names[i].name, names[i].shared,
						    PROT_READ | PROT_WRITE);

			ck_assert_int_eq(kind_in(&this_machine, row), names[i].kind);
		}
	}
}
END_TEST

START_TEST(a_file_that_has_such_a_name_is_a_file)
{
	const dev_t devices[] = { OTHER, DISK };

	for (size_t i = 0; i < NAME_COUNT; i++)
		for (size_t d = 0; d < 2; d++) {
			struct mapping row = row_of(devices[d], names[i].name, names[i].shared,
						    PROT_READ | PROT_WRITE);

			ck_assert_int_eq(kind_in(&this_machine, row), KIND_FILE);
			row.protection = PROT_READ | PROT_EXEC;
			ck_assert_int_eq(kind_in(&this_machine, row), KIND_TEXT);
		}
}
END_TEST

START_TEST(code_in_huge_pages_is_no_text_of_a_program)
{
	struct mapping row = row_of(HUGE_PAGES, "/anon_hugepage (deleted)", false,
				    PROT_READ | PROT_WRITE | PROT_EXEC);

	ck_assert_int_eq(kind_in(&this_machine, row), KIND_ANON);
	row.shared = true;
	ck_assert_int_eq(kind_in(&this_machine, row), KIND_SHARED);
}
END_TEST

/* A copy of /proc, or a kernel that makes no memfd for the audit. */
START_TEST(where_the_devices_are_not_known_the_name_decides_and_no_disk_is_memory)
{
	const struct devices recorded = { .recorded = true }, unknown = { 0 };

	for (size_t i = 0; i < NAME_COUNT; i++) {
		struct mapping row = row_of(OTHER, names[i].name, names[i].shared, PROT_READ);

		ck_assert_int_eq(kind_in(&recorded, row), names[i].kind);
		ck_assert_int_eq(kind_in(&unknown, row), names[i].kind);
		row.memory.file.device = DISK;
		ck_assert_int_eq(kind_in(&recorded, row), KIND_FILE);
	}
}
END_TEST

START_TEST(each_size_of_huge_pages_has_its_device)
{
	const struct devices devices = { .huge = { 7, 8, 9 }, .huge_count = 3, .huge_known = true };

	for (dev_t device = 7; device < 10; device++)
		ck_assert(is_huge_device(&devices, device));
	ck_assert(!is_huge_device(&devices, 6));
	ck_assert(!is_huge_device(&devices, 10));
}
END_TEST

START_TEST(an_unknown_size_of_huge_pages_leaves_the_name)
{
	struct devices devices = this_machine;
	struct mapping row = row_of(OTHER, "/anon_hugepage (deleted)", false, PROT_READ);

	ck_assert_int_eq(kind_in(&devices, row), KIND_FILE);
	devices.huge_known = false;
	ck_assert_int_eq(kind_in(&devices, row), KIND_ANON);
}
END_TEST

static bool is_found_written(struct mapping *rows, size_t count)
{
	CLEANUP(writers_free) struct writers writers = { 0 };
	struct process process = { .mappings = { .rows = rows, .count = count } };

	rows[0].written = false;
	ck_assert_int_eq(writers_add(&writers, &process), 0);
	writers_find(&writers, &process);
	return rows[0].written;
}

/* The number of the first segment of a machine is 0, and the kernel shows it as an inode. */
START_TEST(code_in_the_first_system_v_segment_is_found_written)
{
	struct mapping rows[] = {
		row_of(MEMORY, "/SYSV00000000 (deleted)", true, PROT_READ | PROT_EXEC),
		row_of(MEMORY, "/SYSV00000000 (deleted)", true, PROT_READ | PROT_WRITE),
	};

	rows[0].memory.file.inode = rows[1].memory.file.inode = 0;
	ck_assert(is_found_written(rows, 2));
	ck_assert(!is_found_written(rows, 1));
}
END_TEST

START_TEST(a_memfd_with_the_number_of_a_segment_is_another_file)
{
	struct mapping rows[] = {
		row_of(MEMORY, "/memfd:x (deleted)", true, PROT_READ | PROT_EXEC),
		row_of(MEMORY, "/SYSV00000000 (deleted)", true, PROT_READ | PROT_WRITE),
	};

	ck_assert(is_found_written(rows, 2));
	rows[1].memory.file.shm = true;
	ck_assert(!is_found_written(rows, 2));
}
END_TEST

static void detach(void **at)
{
	(void)shmdt(*at);
}

START_TEST(the_audit_knows_a_segment_of_this_machine_by_its_device)
{
	int id = shmget(IPC_PRIVATE, page_size(), IPC_CREAT | 0600);
	CLEANUP(detach) void *at = shmat(id, NULL, 0);
	CLEANUP(mappings_free) struct mappings mappings = { 0 };
	CLEANUP(procfs_close) struct procfs procfs;
	int directory;

	(void)shmctl(id, IPC_RMID, NULL);
	ck_assert_int_eq(procfs_open(&procfs, NULL), 0);
	directory = procfs_open_process(&procfs, getpid());
	ck_assert_int_eq(procfs_read_mappings(&procfs, directory, "maps", &mappings), 0);
	(void)close(directory);
	for (size_t i = 0; i < mappings.count; i++)
		ck_assert_int_eq(mappings.rows[i].memory.file.shm,
				 mappings.rows[i].start == (uintptr_t)at);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		memory_without_a_file_has_a_kind_without_a_file,
		a_file_that_has_such_a_name_is_a_file,
		code_in_huge_pages_is_no_text_of_a_program,
		where_the_devices_are_not_known_the_name_decides_and_no_disk_is_memory,
		each_size_of_huge_pages_has_its_device,
		an_unknown_size_of_huge_pages_leaves_the_name,
		code_in_the_first_system_v_segment_is_found_written,
		a_memfd_with_the_number_of_a_segment_is_another_file,
		the_audit_knows_a_segment_of_this_machine_by_its_device,
	};

	return RUN_TESTS("kinds", tests);
}
