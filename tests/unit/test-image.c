/* SPDX-License-Identifier: MIT */

/*
 * The image seal. Each test seals the whole of the test program, which is a process of its own, and looks at
 * what can be done to it then. What is attacked belongs to small objects that are linked and loaded in
 * different ways (image-object.c): at the start, by dlopen(3), bound at once or at the first call,
 * never to be unloaded, with pages that are excluded.
 */

#include "tests/unit/image-object.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define BOTH (SEALMEM_CONTENT | SEALMEM_ADDRESS)

/* Of the object that this program is linked with. */
extern const struct image_object *image_object(void);

static struct sealmem_image_report seal(unsigned flags)
{
	struct sealmem_image_report report;

	if (!(flags & SEALMEM_IMAGE_TRY))
		require_mseal();
	ck_assert_int_eq(sealmem_seal_image(flags, &report), 0);
	return report;
}

static char *page_of(const void *at)
{
	return (char *)((uintptr_t)at & ~(page_size() - 1));
}

static char *code_page(const struct image_object *object)
{
	void *code;

	memcpy(&code, &object->code, sizeof(code));
	return page_of(code);
}

static char *relro(void)
{
	return page_of(image_object()->rows);
}

static char *code(void)
{
	return code_page(image_object());
}

static char *constants(void)
{
	return page_of(image_object()->constant);
}

/* What somebody might do to a page. 0 if it was done. */
static int make_writable(void *page)
{
	return (int)result(mprotect(page, page_size(), PROT_READ | PROT_WRITE));
}

static int unmap(void *page)
{
	return (int)result(munmap(page, page_size()));
}

static int cover(void *page)
{
	void *other = mmap(page, page_size(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return other == MAP_FAILED ? -errno : 0;
}

static int move(void *page)
{
	void *elsewhere = map_private(page_size());
	void *moved =
		mremap(page, page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere);

	return moved == MAP_FAILED ? -errno : 0;
}

static int throw_away(void *page)
{
	char before[SEALMEM_PAGE_MAX];

	memcpy(before, page, page_size());
	(void)madvise(page, page_size(), MADV_DONTNEED);
	return memcmp(before, page, page_size()) != 0 ? 0 : -EPERM;
}

static int write_through_proc(void *page)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	char other = (char)(*(char *)page + 1);
	ssize_t written = pwrite(fd, &other, 1, (off_t)(uintptr_t)page);

	(void)close(fd);
	return written == 1 && *(volatile char *)page == other ? 0 : -EIO;
}

/* Whether it can be done. In a child, which ends at once: exit handlers may need what was done away with. */
static bool can(int (*act)(void *page), void *page)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		die_of_faults();
		_exit(act(page) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "signal %d", WTERMSIG(status));
	return WEXITSTATUS(status) == 0;
}

/* Done without a seal (in a child, whose memory is its own), it is refused with one, and the bytes stay. */
static void assert_refused(int (*act)(void *page), char *page, unsigned flags)
{
	char before[SEALMEM_PAGE_MAX];

	ck_assert(can(act, page));
	seal(flags);
	memcpy(before, page, page_size());
	ck_assert_int_lt(act(page), 0);
	ck_assert_int_eq(memcmp(before, page, page_size()), 0);
}

#define REFUSED(test, act, page, flags)                                                            \
 START_TEST(test)                                                                                  \
 {                                                                                                 \
  assert_refused(act, page, flags);                                                                \
 }                                                                                                 \
 END_TEST

REFUSED(relro_cannot_be_made_writable, make_writable, relro(), 0)
REFUSED(relro_cannot_be_unmapped, unmap, relro(), 0)
REFUSED(relro_cannot_be_covered, cover, relro(), 0)
REFUSED(relro_cannot_be_moved, move, relro(), 0)
REFUSED(relro_does_not_fall_back_to_the_file, throw_away, relro(), 0)
REFUSED(code_cannot_be_made_writable, make_writable, code(), 0)
REFUSED(code_cannot_be_unmapped, unmap, code(), 0)
REFUSED(code_cannot_be_covered, cover, code(), 0)
REFUSED(code_cannot_be_moved, move, code(), 0)
REFUSED(constants_cannot_be_made_writable, make_writable, constants(), 0)
REFUSED(constants_cannot_be_covered, cover, constants(), 0)

static void require_proc_mem(char *page)
{
	if (!can(write_through_proc, page))
		skip_test("this kernel writes to no read-only page through /proc/self/mem");
}

START_TEST(relro_is_not_written_through_proc)
{
	require_proc_mem(relro());
	assert_refused(write_through_proc, relro(), 0);
}
END_TEST

START_TEST(deeply_sealed_code_is_not_written_through_proc)
{
	require_proc_mem(code());
	assert_refused(write_through_proc, code(), SEALMEM_IMAGE_DEEP);
}
END_TEST

START_TEST(deeply_sealed_constants_are_not_written_through_proc)
{
	require_proc_mem(constants());
	assert_refused(write_through_proc, constants(), SEALMEM_IMAGE_DEEP);
}
END_TEST

/* What is said of the seal that is not deep. */
START_TEST(code_that_is_not_deeply_sealed_is_written_through_proc)
{
	require_proc_mem(code());
	seal(0);
	ck_assert_int_eq(write_through_proc(code()), 0);
}
END_TEST

static void assert_works(const struct image_object *object)
{
	ck_assert_ptr_nonnull(object);
	ck_assert_str_eq(object->constant, "constant");
	ck_assert_str_eq(object->rows[0].name, "answer");
	ck_assert_int_eq(object->rows[0].function(), 42);
	ck_assert_int_eq(object->rows[1].function(), 7);
}

START_TEST(a_sealed_program_still_works)
{
	seal(0);
	assert_works(image_object());
}
END_TEST

START_TEST(a_deeply_sealed_program_still_works)
{
	seal(SEALMEM_IMAGE_DEEP);
	assert_works(image_object());
}
END_TEST

/* How many there are of which `holds` says so, among the RELRO of all objects. */
struct tally {
	bool (*holds)(const void *at);
	unsigned relro, held;
};

static int count_relro(struct dl_phdr_info *info, size_t size, void *data)
{
	struct tally *tally = data;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		const char *at = (const char *)(info->dlpi_addr + header->p_vaddr);

		if (header->p_type != PT_GNU_RELRO || page_of(at) == page_of(at + header->p_memsz))
			continue;
		tally->relro++;
		tally->held += tally->holds(page_of(at));
	}
	return 0;
}

static struct tally tally_relro(bool (*holds)(const void *at))
{
	struct tally tally = { .holds = holds };

	(void)dl_iterate_phdr(count_relro, &tally);
	return tally;
}

static bool is_sealed_memfd(const void *at)
{
	struct maps_entry entry;

	return find_mapping(at, &entry) && entry.shared && entry.protection == PROT_READ &&
	       strcmp(entry.name, "/memfd:sealmem:image (deleted)") == 0;
}

START_TEST(the_relro_of_every_object_is_sealed_the_loader_included)
{
	struct tally tally;

	ck_assert_uint_eq(tally_relro(is_sealed_memfd).held, 0);
	seal(0);
	tally = tally_relro(is_sealed_memfd);
	ck_assert_uint_ge(tally.relro, 4);
	ck_assert_uint_eq(tally.held, tally.relro);
}
END_TEST

static void assert_unsealed(void)
{
	ck_assert_uint_eq(tally_relro(is_sealed_memfd).held, 0);
	ck_assert(can(make_writable, relro()));
	ck_assert(can(make_writable, code()));
}

/* By the kernel's own word. */
static unsigned count_unsealed(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[1024], protection[5] = "", name[512] = "";
	unsigned count = 0;

	ck_assert_ptr_nonnull(smaps);
	while (fgets(line, sizeof(line), smaps) != NULL) {
		name[0] = sscanf(line, "%*x-%*x") == 0 ? name[0] : '\0';
		if (sscanf(line, "%*x-%*x %4s %*s %*s %*s %511s", protection, name) >= 1)
			continue;
		if (strncmp(line, "VmFlags:", 8) != 0)
			continue;
		if (protection[1] == '-' && protection[0] == 'r' &&
		    (name[0] == '/' || strstr(name, "image")) && strstr(line, " sl") == NULL)
			count++;
		name[0] = '\0';
	}
	(void)fclose(smaps);
	return count;
}

START_TEST(the_kernel_shows_every_mapping_of_an_object_that_is_not_writable_as_sealed)
{
	require_own_address_space();
	ck_assert_uint_gt(count_unsealed(), 1);
	seal(0);
	/* The page that this program excludes. */
	ck_assert_uint_eq(count_unsealed(), 1);
}
END_TEST

START_TEST(data_stay_writable)
{
	static int written;

	seal(SEALMEM_IMAGE_DEEP);
	ck_assert_int_eq(sealmem_try_write(&written, "\1\0\0\0", 4), 0);
	ck_assert_int_ne(written, 0);
}
END_TEST

/* Linkers may put constants into the segment of the code, as they do for arm64. */
static void assert_constants(const struct sealmem_image_report *report, unsigned guarantees)
{
	if (report->read_only.size > 0)
		ck_assert_uint_eq(report->read_only.guarantees & guarantees, guarantees);
	else
		ck_assert_uint_eq(report->read_only.guarantees, 0);
}

START_TEST(the_report_says_what_was_sealed)
{
	struct sealmem_image_report report = seal(0);

	ck_assert_uint_ge(report.objects, 4);
	ck_assert_uint_eq(report.relro.guarantees, BOTH);
	ck_assert_uint_eq(report.text.guarantees & SEALMEM_ADDRESS, SEALMEM_ADDRESS);
	assert_constants(&report, SEALMEM_ADDRESS);
	ck_assert_uint_eq(report.vdso.guarantees, 0);
	ck_assert_uint_eq(report.vdso.size, 0);
	ck_assert_uint_ge(report.relro.size, report.objects * page_size() / 2);
	ck_assert_uint_gt(report.text.size, report.relro.size);
}
END_TEST

START_TEST(the_report_of_a_deep_seal_has_content_for_all)
{
	struct sealmem_image_report report = seal(SEALMEM_IMAGE_DEEP);

	ck_assert_uint_eq(report.relro.guarantees, BOTH);
	ck_assert_uint_eq(report.text.guarantees, BOTH);
	assert_constants(&report, BOTH);
}
END_TEST

START_TEST(no_report_is_needed)
{
	require_mseal();
	ck_assert_int_eq(sealmem_seal_image(0, NULL), 0);
	ck_assert_int_lt(make_writable(relro()), 0);
}
END_TEST

START_TEST(sealing_takes_no_descriptor)
{
	struct census before = take_census();

	seal(0);
	ck_assert_int_eq(take_census().descriptors, before.descriptors);
}
END_TEST

START_TEST(sealing_twice_succeeds)
{
	struct sealmem_image_report first = seal(0), second = seal(0);

	ck_assert_uint_eq(second.objects, first.objects);
	ck_assert_uint_eq(second.relro.guarantees, BOTH);
	assert_works(image_object());
}
END_TEST

START_TEST(sealing_deeply_twice_succeeds)
{
	seal(SEALMEM_IMAGE_DEEP);
	ck_assert_uint_eq(seal(SEALMEM_IMAGE_DEEP).text.guarantees, BOTH);
	assert_works(image_object());
}
END_TEST

START_TEST(memory_sealed_by_its_address_alone_cannot_be_sealed_deeply_later)
{
	seal(0);
	ck_assert_int_eq(sealmem_seal_image(SEALMEM_IMAGE_DEEP, NULL), -EPERM);
	assert_works(image_object());
}
END_TEST

START_TEST(children_inherit_the_seal)
{
	seal(0);
	ck_assert(!can(make_writable, relro()));
	ck_assert(!can(make_writable, code()));
}
END_TEST

/* Objects are beside the program: where it was built, or where it was copied to. */
static const char *path_beside(const char *file)
{
	static char path[1024];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	ck_assert_int_gt(length, 0);
	path[length] = '\0';
	(void)snprintf(strrchr(path, '/') + 1, 128, "%s", file);
	return path;
}

static void *load(const char *file, int flags)
{
	void *handle = dlopen(path_beside(file), RTLD_NOW | flags);

	ck_assert_msg(handle != NULL, "%s", dlerror());
	return handle;
}

static const struct image_object *object_in(void *handle)
{
	const struct image_object *(*function)(void);

	*(void **)&function = dlsym(handle, "image_object");
	ck_assert_ptr_nonnull(*(void **)&function);
	return function();
}

static bool loader_has(const char *file)
{
	void *handle = dlopen(path_beside(file), RTLD_LAZY | RTLD_NOLOAD);

	if (handle != NULL)
		(void)dlclose(handle);
	return handle != NULL;
}

START_TEST(an_object_that_dlopen_loaded_is_left_and_counted)
{
	unsigned before = seal(0).left;
	void *handle = load("libimage-loaded.so", 0);
	const struct image_object *object = object_in(handle);
	char *page = page_of(object->rows);

	ck_assert_uint_eq(seal(0).left, before + 1);
	ck_assert(!has_flag(page, "sl"));
	ck_assert_int_eq(dlclose(handle), 0);
	ck_assert(!is_mapped(page));
}
END_TEST

/* In a namespace of its own. */
static void *load_elsewhere(const char *path)
{
	void *handle;

	if (sanitized())
		skip_test("a sanitizer does not work in two namespaces");
	handle = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	if (handle == NULL)
		skip_test("the loader has one namespace");
	return handle;
}

START_TEST(objects_in_another_namespace_are_left_and_counted)
{
	unsigned before = seal(0).left;
	void *handle;

	handle = load_elsewhere(path_beside("libimage-loaded.so"));
	/* The object and a C library of its own, but not the loader, of which there is one. */
	ck_assert_uint_eq(seal(0).left, before + 2);
	ck_assert(!has_flag(page_of(object_in(handle)->rows), "sl"));
	ck_assert_int_eq(dlclose(handle), 0);
	ck_assert_uint_eq(seal(0).left, before);
}
END_TEST

START_TEST(an_object_that_dlopen_loaded_before_the_seal_can_be_unloaded)
{
	void *handle = load("libimage-loaded.so", 0);
	char *page = page_of(object_in(handle)->rows);

	seal(0);
	ck_assert_int_eq(dlclose(handle), 0);
	ck_assert(!is_mapped(page));
	assert_works(object_in(load("libimage-loaded.so", 0)));
}
END_TEST

START_TEST(an_object_that_a_loaded_object_needs_is_left_too)
{
	void *handle = load("libimage-needing.so", 0);
	struct sealmem_image_report report = seal(0);

	ck_assert_uint_ge(report.left, 2);
	assert_works(object_in(handle));
	ck_assert_int_eq(dlclose(handle), 0);
	ck_assert(!loader_has("libimage-needed.so"));
}
END_TEST

START_TEST(objects_can_be_loaded_after_the_seal)
{
	seal(SEALMEM_IMAGE_DEEP | SEALMEM_IMAGE_VDSO);
	assert_works(object_in(load("libimage-loaded.so", 0)));
	assert_works(object_in(load("libimage-lazy.so", 0)));
	assert_works(object_in(load("libimage-needing.so", 0)));
}
END_TEST

/* It seals the one that a handle of dlopen(3) stands for. */
static struct sealmem_image_report seal_loaded(void *handle, unsigned flags)
{
	struct sealmem_image_report report;

	require_mseal();
	ck_assert_int_eq(sealmem_seal_loaded(handle, flags, &report), 0);
	return report;
}

START_TEST(a_loaded_object_is_sealed_when_asked_and_never_unloaded)
{
	void *handle = load("libimage-loaded.so", 0);
	const struct image_object *object = object_in(handle);
	struct sealmem_image_report report;

	ck_assert(can(make_writable, page_of(object->rows)));
	ck_assert(can(make_writable, code_page(object)));
	report = seal_loaded(handle, 0);
	ck_assert_uint_eq(report.objects, 1);
	ck_assert_int_lt(make_writable(page_of(object->rows)), 0);
	ck_assert_int_lt(throw_away(page_of(object->rows)), 0);
	ck_assert_int_lt(make_writable(code_page(object)), 0);
	ck_assert_int_eq(dlclose(handle), 0);
	assert_works(object);
	ck_assert(loader_has("libimage-loaded.so"));
}
END_TEST

START_TEST(a_loaded_object_is_sealed_with_the_objects_that_it_needs)
{
	void *handle = load("libimage-needing.so", 0);

	ck_assert_uint_eq(seal_loaded(handle, 0).objects, 2);
	ck_assert_int_eq(dlclose(handle), 0);
	ck_assert(loader_has("libimage-needed.so"));
}
END_TEST

START_TEST(a_sealed_object_stays_however_often_it_is_closed)
{
	void *handle = load("libimage-loaded.so", 0);
	const struct image_object *object = object_in(handle);

	seal_loaded(handle, 0);
	for (int i = 0; i < 3; i++)
		(void)dlclose(handle);
	assert_works(object);
	ck_assert(has_flag(object->rows, "sl"));
}
END_TEST

START_TEST(an_object_that_could_not_be_sealed_can_be_unloaded)
{
	void *handle = load("libimage-needing.so", 0);
	char *page = page_of(object_in(handle)->rows);
	struct limit limit;
	int err;

	require_mseal();
	limit = set_limit(RLIMIT_FSIZE, 1);
	err = sealmem_seal_loaded(handle, 0, NULL);
	lift_limit(&limit);
	ck_assert_int_eq(err, -EFBIG);
	ck_assert_int_eq(dlclose(handle), 0);
	ck_assert(!is_mapped(page));
	ck_assert(!loader_has("libimage-needed.so"));
}
END_TEST

/* Loads another object under the name that libimage-needing.so needs. It has no DT_SONAME, so the loader does not take
 * it for the needed one. */
static void *load_twin(void)
{
	char directory[] = "/tmp/sealmem-image-XXXXXX", link[64];
	void *handle;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	(void)snprintf(link, sizeof(link), "%s/libimage-needed.so", directory);
	ck_assert_int_eq(symlink(path_beside("libimage-twin.so"), link), 0);
	handle = dlopen(link, RTLD_NOW);
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	ck_assert_msg(handle != NULL, "%s", dlerror());
	return handle;
}

START_TEST(of_two_objects_with_one_name_the_one_that_the_loader_took_is_sealed)
{
	void *twin = load_twin(), *needing = load("libimage-needing.so", 0);
	void *needed = load("libimage-needed.so", RTLD_NOLOAD);
	char *page = page_of(object_in(twin)->rows);

	ck_assert_uint_eq(seal_loaded(needing, 0).objects, 2);
	ck_assert_int_lt(make_writable(page_of(object_in(needed)->rows)), 0);
	ck_assert(!has_flag(page, "sl"));
	ck_assert_int_eq(dlclose(twin), 0);
	ck_assert(!is_mapped(page));
}
END_TEST

START_TEST(sealing_a_loaded_object_leaves_the_program_alone)
{
	seal_loaded(load("libimage-loaded.so", 0), 0);
	ck_assert_int_eq(make_writable(relro()), 0);
}
END_TEST

START_TEST(one_that_is_never_to_be_unloaded_is_sealed)
{
	void *handle = load("libimage-loaded.so", RTLD_NODELETE);

	ck_assert_uint_eq(seal_loaded(handle, 0).objects, 1);
	assert_works(object_in(handle));
}
END_TEST

START_TEST(a_handle_of_another_namespace_is_enoent_and_nothing_is_sealed)
{
	struct sealmem_image_report report = { .objects = 77 };
	/* The same file is loaded here, too. */
	void *here = load("libimage-loaded.so", 0);
	void *handle = load_elsewhere(path_beside("libimage-loaded.so"));
	char *page = page_of(object_in(handle)->rows);

	require_mseal();
	ck_assert_int_eq(sealmem_seal_loaded(handle, 0, &report), -ENOENT);
	ck_assert_uint_eq(report.objects, 77);
	ck_assert(!has_flag(page, "sl"));
	ck_assert_int_eq(dlclose(handle), 0);
	ck_assert(!is_mapped(page));
	ck_assert_uint_eq(seal_loaded(here, 0).objects, 1);
}
END_TEST

/* It sees no object there that can never be unloaded. */
START_TEST(a_library_in_another_namespace_than_the_program_is_enoent)
{
	const char *path = getenv("SEALMEM_SHARED_LIBRARY");
	int (*seal_there)(unsigned flags, struct sealmem_image_report *ret);

	require_mseal();
	if (path == NULL)
		skip_test("SEALMEM_SHARED_LIBRARY does not name the library");
	*(void **)&seal_there = dlsym(load_elsewhere(path), "sealmem_seal_image");
	ck_assert_ptr_nonnull(*(void **)&seal_there);
	ck_assert_int_eq(seal_there(0, NULL), -ENOENT);
	assert_unsealed();
}
END_TEST

START_TEST(no_handle_is_einval)
{
	ck_assert_int_eq(sealmem_seal_loaded(NULL, 0, NULL), -EINVAL);
}
END_TEST

START_TEST(a_function_that_was_not_called_yet_is_found_after_the_seal)
{
	const struct image_object *object = object_in(load("libimage-lazy.so", 0));

	seal(0);
	ck_assert_int_eq(object->rows[1].function(), 7);
}
END_TEST

START_TEST(an_object_that_is_bound_lazily_is_counted_and_one_that_is_not_is_not)
{
	ck_assert_uint_eq(seal_loaded(load("libimage-lazy.so", 0), 0).lazy, 1);
	ck_assert_uint_eq(seal_loaded(load("libimage-loaded.so", 0), 0).lazy, 0);
}
END_TEST

START_TEST(code_with_relocations_does_not_fall_back_to_the_file)
{
	const struct image_object *object;
	struct sealmem_image_report report;
	void *handle = load("libimage-relocated.so", 0);

	object = object_in(handle);
	ck_assert_ptr_nonnull(object->relocated);
	ck_assert(can(throw_away, page_of(object->relocated)));
	report = seal_loaded(handle, 0);
	ck_assert_uint_eq(report.text.guarantees, BOTH);
	ck_assert_int_lt(throw_away(page_of(object->relocated)), 0);
	assert_works(object);
}
END_TEST

/* Pages of this program that it asks to be left alone, and their neighbours. */
static const struct SEALMEM_PAGE_ALIGNED excluded {
	char bytes[SEALMEM_PAGE_MAX];
} excluded = { "excluded" }, neighbour = { "neighbour" };
SEALMEM_IMAGE_EXCLUDE(excluded, 4096);

START_TEST(excluded_pages_are_left)
{
	struct sealmem_image_report report = seal(SEALMEM_IMAGE_DEEP);
	char *page = page_of(&excluded);

	ck_assert_uint_ge(report.excluding, 1);
	ck_assert_str_eq(excluded.bytes, "excluded");
	ck_assert_int_eq(make_writable(page), 0);
	ck_assert_int_eq(sealmem_try_write(page, "E", 1), 0);
}
END_TEST

START_TEST(the_neighbours_of_excluded_pages_are_sealed)
{
	seal(SEALMEM_IMAGE_DEEP);
	ck_assert_int_lt(make_writable(page_of(&excluded) - page_size()), 0);
	ck_assert_int_lt(make_writable(page_of(&excluded) + SEALMEM_PAGE_MAX), 0);
	ck_assert_int_lt(make_writable(page_of(&neighbour)), 0);
}
END_TEST

START_TEST(a_shared_object_excludes_pages_of_its_relro)
{
	void *handle = load("libimage-excluding.so", 0);
	const struct image_object *object = object_in(handle);

	ck_assert_uint_eq(seal_loaded(handle, 0).excluding, 1);
	ck_assert_int_eq(make_writable(page_of(object->excluded)), 0);
	if (page_of(object->rows) != page_of(object->excluded))
		ck_assert_int_lt(make_writable(page_of(object->rows)), 0);
	assert_works(object);
}
END_TEST

/* Whether the page can be given another protection, and back. */
static bool can_be_protected(char *page)
{
	return mprotect(page, page_size(), PROT_READ) == 0 && make_writable(page) == 0;
}

static void assert_can_write(char *page)
{
	char before = *page;

	*(volatile char *)page = 'x';
	ck_assert_int_eq(*page, 'x');
	*page = before;
}

/* The pages of an object that the program writes to: those of its writable segments, without its RELRO. */
struct data_pages {
	const char *inside;
	size_t size;
};

static size_t pages_between(uintptr_t start, uintptr_t end)
{
	return (end - start) / page_size() * page_size();
}

static bool holds(const struct dl_phdr_info *info, const char *at)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr;

		if (header->p_type == PT_LOAD && (uintptr_t)at - start < header->p_memsz)
			return true;
	}
	return false;
}

static int count_data(struct dl_phdr_info *info, size_t size, void *data)
{
	struct data_pages *pages = data;

	(void)size;
	if (!holds(info, pages->inside))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr, end = start + header->p_memsz;

		start -= start % page_size();
		if (header->p_type == PT_LOAD && header->p_flags & PF_W)
			pages->size += page_round_up(end) - start;
		else if (header->p_type == PT_GNU_RELRO)
			pages->size -= pages_between(start, end);
	}
	return 1;
}

static size_t size_of_data(const char *inside)
{
	struct data_pages pages = { .inside = inside };

	(void)dl_iterate_phdr(count_data, &pages);
	return pages.size;
}

/* `sealed`: after the seal, its data are as the linker's mark asks. */
static void assert_data_after_seal(const char *file, bool sealed)
{
	void *handle = load(file, 0);
	const struct image_object *object = object_in(handle);
	char *const pages[] = { object->variable, object->zeroes };
	struct sealmem_image_report report;

	ck_assert(can_be_protected(object->variable) && can_be_protected(object->zeroes));
	report = seal_loaded(handle, 0);
	ck_assert_uint_eq(report.marked, sealed);
	ck_assert_uint_eq(report.data.guarantees, sealed ? SEALMEM_ADDRESS : 0);
	/* Where an object asks for it, one piece of them is left, as large as the largest page. */
	ck_assert_uint_eq(report.data.size, sealed ? size_of_data(object->variable) -
							     report.excluding * SEALMEM_PAGE_MAX
						   : 0);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(can_be_protected(pages[i]), !sealed);
		ck_assert_int_eq(can(unmap, pages[i]), !sealed);
		ck_assert_int_eq(can(cover, pages[i]), !sealed);
		assert_can_write(pages[i]);
	}
	ck_assert_int_lt(make_writable(page_of(object->rows)), 0);
	assert_works(object);
}

START_TEST(the_linkers_mark_seals_the_addresses_of_data)
{
	assert_data_after_seal("libimage-marked.so", true);
}
END_TEST

START_TEST(data_without_the_linkers_mark_are_left)
{
	assert_data_after_seal("libimage-unmarked.so", false);
}
END_TEST

START_TEST(the_mark_of_the_linker_itself_seals_the_addresses_of_data)
{
	if (access(path_beside("libimage-linked.so"), F_OK) < 0)
		skip_test("this linker has no -z memory-seal");
	assert_data_after_seal("libimage-linked.so", true);
}
END_TEST

START_TEST(a_segment_that_asks_to_stay_mutable_is_left)
{
	void *handle = load("libimage-marked.so", 0);
	const struct image_object *object = object_in(handle);
	struct sealmem_image_report report = seal_loaded(handle, 0);

	ck_assert_uint_eq(report.excluding, 1);
	ck_assert(can_be_protected(object->mutable_page));
	ck_assert(can(unmap, object->mutable_page));
	ck_assert_str_eq(object->mutable_page, "mutable");
}
END_TEST

static char *vdso(void)
{
	char *at = (char *)getauxval(AT_SYSINFO_EHDR);

	if (at == NULL)
		skip_test("this kernel has no vdso");
	return at;
}

/* The whole of it: it cannot be split. */
/* System calls return through it on 32-bit x86. */
static void require_that_vdso_may_go(void)
{
#if defined(__i386__)
	skip_test("without the vdso no system call returns on this architecture");
#endif
}

static int unmap_vdso(void *page)
{
	struct maps_entry entry;

	if (!find_mapping(page, &entry))
		return -ENOMEM;
	return (int)result(munmap(page, entry.end - entry.start));
}

START_TEST(the_vdso_is_sealed_when_asked)
{
	require_that_vdso_may_go();
	if (!can(unmap_vdso, vdso()))
		skip_test("this kernel seals the vdso itself");
	ck_assert_uint_eq(seal(SEALMEM_IMAGE_VDSO).vdso.guarantees, SEALMEM_ADDRESS);
	ck_assert_int_eq(unmap_vdso(vdso()), -EPERM);
}
END_TEST

START_TEST(the_vdso_is_left_otherwise)
{
	require_that_vdso_may_go();
	if (!can(unmap_vdso, vdso()))
		skip_test("this kernel seals the vdso itself");
	seal(0);
	ck_assert(can(unmap_vdso, vdso()));
}
END_TEST

static void lack_mseal(void)
{
	if (sys_mseal(NULL, 0, 0) == 0)
		forbid(__NR_mseal, ENOSYS);
}

START_TEST(without_mseal_it_is_eopnotsupp_and_nothing_is_sealed)
{
	struct sealmem_image_report report = { .objects = 77 };

	lack_mseal();
	ck_assert_int_eq(sealmem_seal_image(0, &report), -EOPNOTSUPP);
	ck_assert_uint_eq(report.objects, 77);
	assert_unsealed();
}
END_TEST

START_TEST(without_mseal_a_try_seals_the_bytes_of_relro_and_says_so)
{
	struct sealmem_image_report report;

	lack_mseal();
	report = seal(SEALMEM_IMAGE_TRY);
	ck_assert_uint_eq(report.relro.guarantees, SEALMEM_CONTENT);
	ck_assert_uint_eq(report.read_only.guarantees, 0);
	ck_assert_int_eq(make_writable(relro()), -EACCES);
	ck_assert_int_lt(throw_away(relro()), 0);
	assert_works(image_object());
}
END_TEST

START_TEST(without_mseal_a_deep_try_seals_the_bytes_of_code_and_says_so)
{
	struct sealmem_image_report report;

	lack_mseal();
	report = seal(SEALMEM_IMAGE_TRY | SEALMEM_IMAGE_DEEP);
	ck_assert_uint_eq(report.text.guarantees, SEALMEM_CONTENT);
	ck_assert_int_eq(make_writable(code()), -EACCES);
	assert_works(image_object());
}
END_TEST

START_TEST(without_mseal_a_try_may_be_repeated)
{
	lack_mseal();
	seal(SEALMEM_IMAGE_TRY);
	ck_assert_uint_eq(seal(SEALMEM_IMAGE_TRY).relro.guarantees, SEALMEM_CONTENT);
	assert_works(image_object());
}
END_TEST

START_TEST(with_mseal_a_try_gives_all)
{
	require_mseal();
	ck_assert_uint_eq(seal(SEALMEM_IMAGE_TRY).relro.guarantees, BOTH);
}
END_TEST

static struct sealmem_image_report seal_by_filter(unsigned flags)
{
	struct sealmem_image_report report;

	emulate_mseal();
	ck_assert_int_eq(sealmem_seal_image(flags, &report), 0);
	return report;
}

START_TEST(without_mseal_the_emulation_seals_addresses)
{
	struct sealmem_image_report report = seal_by_filter(0);

	ck_assert_uint_eq(report.relro.guarantees, BOTH);
	ck_assert_uint_eq(report.text.guarantees & SEALMEM_ADDRESS, SEALMEM_ADDRESS);
	ck_assert_int_eq(make_writable(code()), -EPERM);
	ck_assert_int_eq(unmap(relro()), -EPERM);
	ck_assert_int_eq(cover(constants()), -EPERM);
	assert_works(image_object());
}
END_TEST

START_TEST(sealing_twice_by_the_emulation_succeeds)
{
	seal_by_filter(0);
	ck_assert_int_eq(sealmem_seal_image(0, NULL), 0);
	assert_works(image_object());
}
END_TEST

START_TEST(unknown_flags_are_einval)
{
	struct sealmem_image_report report = { .objects = 77 };

	ck_assert_int_eq(sealmem_seal_image(0x80000000u, &report), -EINVAL);
	ck_assert_uint_eq(report.objects, 77);
	assert_unsealed();
}
END_TEST

/* As somebody who seals RELRO with mseal(2) alone would leave it. */
START_TEST(relro_that_is_sealed_without_its_bytes_is_eperm_and_the_rest_is_as_it_was)
{
	require_mseal();
	ck_assert_int_eq(sealmem_mseal(relro(), page_size(), 0), 0);
	ck_assert_int_eq(sealmem_seal_image(0, NULL), -EPERM);
	ck_assert_uint_eq(tally_relro(is_sealed_memfd).held, 0);
	ck_assert(can(make_writable, code()));
	assert_works(image_object());
}
END_TEST

START_TEST(without_room_for_a_file_it_is_efbig_and_nothing_is_sealed)
{
	struct limit limit;
	int err;

	require_mseal();
	limit = set_limit(RLIMIT_FSIZE, page_size());
	err = sealmem_seal_image(0, NULL);
	lift_limit(&limit);
	ck_assert_int_eq(err, -EFBIG);
	assert_unsealed();
}
END_TEST

START_TEST(without_descriptors_it_is_emfile_and_nothing_is_sealed)
{
	struct shortage shortage;
	int err;

	require_mseal();
	shortage = leave_descriptors(0);
	err = sealmem_seal_image(0, NULL);
	end_shortage(&shortage);
	ck_assert_int_eq(err, -EMFILE);
	assert_unsealed();
}
END_TEST

/* The kernel has to say in the end what is mapped at the sealed addresses. */
START_TEST(without_proc_there_is_only_content)
{
	struct sealmem_image_report report;

	require_mseal();
	require_mapped_writer();
	hide_proc();
	ck_assert_int_eq(sealmem_seal_image(0, NULL), -EOPNOTSUPP);
	ck_assert_int_eq(make_writable(relro()), 0);
	ck_assert_int_eq(sealmem_seal_image(SEALMEM_IMAGE_TRY, &report), 0);
	ck_assert_int_eq(make_writable(relro()), -EACCES);
	ck_assert_uint_eq(report.relro.guarantees, SEALMEM_CONTENT);
}
END_TEST

/* A thread that calls through the table all the time. */
static volatile bool stop;

static void *call(void *count)
{
	for (; !stop; ++*(unsigned long *)count)
		if (image_object()->rows[*(unsigned long *)count & 1].function() == 0)
			return count;
	return NULL;
}

START_TEST(a_thread_that_uses_relro_meanwhile_does_not_notice)
{
	unsigned long calls = 0;
	pthread_t thread;
	void *failed;

	require_mseal();
	ck_assert_int_eq(pthread_create(&thread, NULL, call, &calls), 0);
	while (*(volatile unsigned long *)&calls < 1000)
		sched_yield();
	seal(SEALMEM_IMAGE_DEEP);
	stop = true;
	ck_assert_int_eq(pthread_join(thread, &failed), 0);
	ck_assert_ptr_null(failed);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		relro_cannot_be_made_writable,
		relro_cannot_be_unmapped,
		relro_cannot_be_covered,
		relro_cannot_be_moved,
		relro_does_not_fall_back_to_the_file,
		code_cannot_be_made_writable,
		code_cannot_be_unmapped,
		code_cannot_be_covered,
		code_cannot_be_moved,
		constants_cannot_be_made_writable,
		constants_cannot_be_covered,
		relro_is_not_written_through_proc,
		deeply_sealed_code_is_not_written_through_proc,
		deeply_sealed_constants_are_not_written_through_proc,
		code_that_is_not_deeply_sealed_is_written_through_proc,
		a_sealed_program_still_works,
		a_deeply_sealed_program_still_works,
		the_relro_of_every_object_is_sealed_the_loader_included,
		the_kernel_shows_every_mapping_of_an_object_that_is_not_writable_as_sealed,
		data_stay_writable,
		the_report_says_what_was_sealed,
		the_report_of_a_deep_seal_has_content_for_all,
		no_report_is_needed,
		sealing_takes_no_descriptor,
		sealing_twice_succeeds,
		sealing_deeply_twice_succeeds,
		memory_sealed_by_its_address_alone_cannot_be_sealed_deeply_later,
		children_inherit_the_seal,
		an_object_that_dlopen_loaded_is_left_and_counted,
		objects_in_another_namespace_are_left_and_counted,
		an_object_that_dlopen_loaded_before_the_seal_can_be_unloaded,
		an_object_that_a_loaded_object_needs_is_left_too,
		objects_can_be_loaded_after_the_seal,
		a_loaded_object_is_sealed_when_asked_and_never_unloaded,
		a_loaded_object_is_sealed_with_the_objects_that_it_needs,
		a_sealed_object_stays_however_often_it_is_closed,
		an_object_that_could_not_be_sealed_can_be_unloaded,
		of_two_objects_with_one_name_the_one_that_the_loader_took_is_sealed,
		a_handle_of_another_namespace_is_enoent_and_nothing_is_sealed,
		a_library_in_another_namespace_than_the_program_is_enoent,
		sealing_a_loaded_object_leaves_the_program_alone,
		one_that_is_never_to_be_unloaded_is_sealed,
		no_handle_is_einval,
		a_function_that_was_not_called_yet_is_found_after_the_seal,
		an_object_that_is_bound_lazily_is_counted_and_one_that_is_not_is_not,
		code_with_relocations_does_not_fall_back_to_the_file,
		excluded_pages_are_left,
		the_neighbours_of_excluded_pages_are_sealed,
		a_shared_object_excludes_pages_of_its_relro,
		the_linkers_mark_seals_the_addresses_of_data,
		data_without_the_linkers_mark_are_left,
		the_mark_of_the_linker_itself_seals_the_addresses_of_data,
		a_segment_that_asks_to_stay_mutable_is_left,
		the_vdso_is_sealed_when_asked,
		the_vdso_is_left_otherwise,
		without_mseal_it_is_eopnotsupp_and_nothing_is_sealed,
		without_mseal_a_try_seals_the_bytes_of_relro_and_says_so,
		without_mseal_a_deep_try_seals_the_bytes_of_code_and_says_so,
		without_mseal_a_try_may_be_repeated,
		with_mseal_a_try_gives_all,
		without_mseal_the_emulation_seals_addresses,
		sealing_twice_by_the_emulation_succeeds,
		unknown_flags_are_einval,
		relro_that_is_sealed_without_its_bytes_is_eperm_and_the_rest_is_as_it_was,
		without_room_for_a_file_it_is_efbig_and_nothing_is_sealed,
		without_descriptors_it_is_emfile_and_nothing_is_sealed,
		without_proc_there_is_only_content,
		a_thread_that_uses_relro_meanwhile_does_not_notice,
	};

	return RUN_TESTS("image", tests);
}
