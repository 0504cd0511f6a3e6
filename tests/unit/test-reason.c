/* SPDX-License-Identifier: MIT */

/*
 * Each row provokes one failure of one public function, and says what sealmem_strerror() answers then. tests/man reads
 * the rows: the manual lists each sentence, and each errno of each function has a row or stands in the table of those
 * that a test cannot provoke.
 */

#include "lib/reason.h"

#include "tests/support/channel.h"
#include "tests/support/published.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define CONTENT SEALMEM_CONTENT

static struct sealmem_region *made;

static int make(const char *name, size_t capacity, unsigned guarantees)
{
	return sealmem_region_new(&made, name, capacity, guarantees);
}

static int new_without_result(void)
{
	return sealmem_region_new(NULL, "test", 1, CONTENT);
}

static int new_without_name(void)
{
	return make(NULL, 1, CONTENT);
}

static int new_with_control_character(void)
{
	return make("a\nb", 1, CONTENT);
}

static int new_with_long_name(void)
{
	char name[SEALMEM_NAME_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	return make(name, 1, CONTENT);
}

static int new_without_capacity(void)
{
	return make("test", 0, CONTENT);
}

static int new_with_unknown_guarantee(void)
{
	return make("test", 1, CONTENT | 0x80);
}

static int new_without_basis(void)
{
	return make("test", 1, SEALMEM_NODUMP);
}

static int new_of_everything(void)
{
	return make("test", SIZE_MAX, CONTENT);
}

static int new_above_memlock(void)
{
	become_plain_user();
	(void)set_limit(RLIMIT_MEMLOCK, page_size());
	return make("test", 2 * page_size(), CONTENT | SEALMEM_NOSWAP);
}

static int new_above_file_size(void)
{
	(void)set_limit(RLIMIT_FSIZE, page_size());
	return make("test", 2 * page_size(), CONTENT);
}

static int new_without_descriptors(void)
{
	(void)leave_descriptors(0);
	return make("test", 1, CONTENT);
}

static int new_without_memfd(void)
{
	forbid(__NR_memfd_create, ENOSYS);
	return make("test", 1, CONTENT);
}

static int new_without_mseal(void)
{
	forbid(__NR_mseal, ENOSYS);
	return make("test", 1, CONTENT | SEALMEM_ADDRESS);
}

static int new_without_secret(void)
{
	forbid(__NR_memfd_secret, ENOSYS);
	return make("test", 1, SEALMEM_SECRECY);
}

static int new_without_proc(void)
{
	hide_proc();
	return make("test", 1, CONTENT);
}

static int new_without_prctl(void)
{
	const struct condition dumpable = { 0, UINT32_MAX, PR_SET_DUMPABLE };

	forbid_where(__NR_prctl, EPERM, &dumpable, 1);
	return make("test", 1, CONTENT | SEALMEM_NODUMP);
}

static int from_nothing(void)
{
	const void *volatile nothing = NULL;

	return sealmem_region_new_from(&made, "test", nothing, 8, CONTENT);
}

static int from_bytes_to_nowhere(void)
{
	return sealmem_region_new_from(NULL, "test", "bytes", 5, CONTENT);
}

static int from_unreadable_bytes(void)
{
	char *bytes = map_private(page_size());

	ck_assert_int_eq(sys_mprotect(bytes, page_size(), PROT_NONE), 0);
	return sealmem_region_new_from(&made, "test", bytes, page_size(), CONTENT);
}

static int from_unreadable_bytes_without_swap(void)
{
	char *bytes = map_private(page_size());

	ck_assert_int_eq(sys_mprotect(bytes, page_size(), PROT_NONE), 0);
	return sealmem_region_new_from(&made, "test", bytes, page_size(), CONTENT | SEALMEM_NOSWAP);
}

static int from_bytes_without_seals(void)
{
	const struct condition seal = { 1, UINT32_MAX, F_ADD_SEALS };

	forbid_where(__NR_fcntl, EPERM, &seal, 1);
	return sealmem_region_new_from(&made, "test", "bytes", 5, CONTENT);
}

static int read_descriptor(int fd, size_t limit)
{
	return sealmem_region_new_from_file(&made, "test", fd, limit, CONTENT);
}

static int read_to_nowhere(void)
{
	return sealmem_region_new_from_file(NULL, "test", 0, 1, CONTENT);
}

static int read_a_closed_descriptor(void)
{
	return read_descriptor(-1, 1);
}

static int read_a_directory(void)
{
	return read_descriptor(open("/", O_RDONLY | O_CLOEXEC), 1);
}

static int read_above_the_limit(void)
{
	return read_descriptor(filled_memfd(100), 99);
}

static int read_a_file_of_sys(void)
{
	return read_descriptor(
		open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC),
		SIZE_MAX);
}

static int read_what_has_no_end(void)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	const struct timeval moment = { .tv_usec = 10 };

	ck_assert_int_eq(
		setsockopt(channel.receiver, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment)), 0);
	return read_descriptor(channel.receiver, 1);
}

static int read_a_socket_of_nobody(void)
{
	return read_descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), 1);
}

/* Nothing is mapped at its beginning. */
static int read_memory(void)
{
	return read_descriptor(open("/proc/self/mem", O_RDONLY | O_CLOEXEC), 1);
}

static int say_stop(size_t done, size_t total, void *data)
{
	(void)done;
	(void)total;
	(void)data;
	return 1;
}

static int say_no(const void *bytes, size_t size, void *data)
{
	(void)bytes;
	(void)size;
	(void)data;
	return 1;
}

static int read_and_cancel(void)
{
	return sealmem_region_new_from_file_with(&made, "test", filled_memfd(100), 100, CONTENT,
						 say_stop, NULL, NULL);
}

static int read_and_refuse(void)
{
	return sealmem_region_new_from_file_with(&made, "test", filled_memfd(100), 100, CONTENT,
						 NULL, say_no, NULL);
}

static int store(struct sealmem_region *region)
{
	return sealmem_secret_store(region);
}

static int store_nothing(void)
{
	return store(NULL);
}

static int store_what_is_no_secret(void)
{
	return store(sealed_region("test", 8, CONTENT));
}

static void need_secret(void)
{
	if (!(sealmem_supported() & SEALMEM_SECRECY))
		skip_test("this kernel has no memfd_secret(2)");
}

static int store_while_open(void)
{
	need_secret();
	return store(empty_region(8, SEALMEM_SECRECY));
}

static struct sealmem_region *secret_to_store(void)
{
	need_secret();
	return sealed_region("test", 8, SEALMEM_SECRECY);
}

static int stored_secret(void)
{
	return store(secret_to_store());
}

static int store_without_descriptors(void)
{
	struct sealmem_region *region = secret_to_store();

	(void)leave_descriptors(0);
	return store(region);
}

static int store_without_memfd_secret(void)
{
	struct sealmem_region *region = secret_to_store();

	forbid(__NR_memfd_secret, EPERM);
	return store(region);
}

static int store_above_file_size(void)
{
	struct sealmem_region *region = secret_to_store();

	(void)set_limit(RLIMIT_FSIZE, 1);
	return store(region);
}

static int store_above_memlock(void)
{
	struct sealmem_region *region = secret_to_store();

	become_plain_user();
	(void)set_limit(RLIMIT_MEMLOCK, 0);
	return store(region);
}

#define NOT_OURS "The region belongs to another process, such as the parent of this one."

static int in_child_store(void *region)
{
	int err = sealmem_secret_store(region);

	return err == -ESTALE && strcmp(sealmem_strerror(err), NOT_OURS) == 0 ? ESTALE : 0;
}

static int store_in_a_child(void)
{
	int status = run_child(in_child_store, secret_to_store());

	if (WIFEXITED(status) && WEXITSTATUS(status) == ESTALE)
		return fail_for(REASON_NOT_OURS);
	return -EDOM;
}

static int restore(int fd, unsigned guarantees)
{
	return sealmem_secret_restore(&made, fd, "test", guarantees);
}

static int restore_without_secrecy(void)
{
	return restore(stored_secret(), CONTENT);
}

static int restore_to_nowhere(void)
{
	return sealmem_secret_restore(NULL, stored_secret(), "test", SEALMEM_SECRECY);
}

static int restore_with_long_name(void)
{
	char name[SEALMEM_NAME_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	return sealmem_secret_restore(&made, stored_secret(), name, SEALMEM_SECRECY);
}

static int restore_a_closed_descriptor(void)
{
	need_secret();
	return restore(-1, SEALMEM_SECRECY);
}

static int restore_without_memfd_secret(void)
{
	int fd = stored_secret();

	forbid(__NR_memfd_secret, EPERM);
	return restore(fd, SEALMEM_SECRECY);
}

static int restore_without_descriptors(void)
{
	int fd = stored_secret();

	(void)leave_descriptors(0);
	return restore(fd, SEALMEM_SECRECY);
}

static int restore_above_file_size(void)
{
	int fd = stored_secret();

	(void)set_limit(RLIMIT_FSIZE, 1);
	return restore(fd, SEALMEM_SECRECY);
}

static int restore_above_memlock(void)
{
	int fd = stored_secret();

	become_plain_user();
	(void)set_limit(RLIMIT_MEMLOCK, 0);
	return restore(fd, SEALMEM_SECRECY);
}

static int restore_more_than_there_is(void)
{
	int fd;

	need_secret();
	fd = sys_memfd_secret();
	ck_assert_int_eq(ftruncate(fd, (off_t)1 << 50), 0);
	return restore(fd, SEALMEM_SECRECY);
}

static int restore_a_memfd(void)
{
	return restore(filled_memfd(100), SEALMEM_SECRECY);
}

static int restore_twice(void)
{
	int fd = stored_secret(), again = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	ck_assert_int_eq(restore(fd, SEALMEM_SECRECY), 0);
	return restore(again, SEALMEM_SECRECY);
}

static int answer_of(const void *memory)
{
	return memory == NULL ? -errno : 0;
}

static int alloc_in_nothing(void)
{
	return answer_of(sealmem_region_alloc(NULL, 1, 0));
}

static int alloc_of_nothing(void)
{
	return answer_of(sealmem_region_alloc(empty_region(1, CONTENT), 0, 0));
}

static int alloc_at_no_power_of_two(void)
{
	return answer_of(sealmem_region_alloc(empty_region(1, CONTENT), 1, 3));
}

static int alloc_after_the_seal(void)
{
	return answer_of(sealmem_region_alloc(sealed_region("test", 1, CONTENT), 1, 1));
}

static int alloc_beyond_the_capacity(void)
{
	return answer_of(sealmem_region_alloc(empty_region(8, CONTENT), 9, 1));
}

static struct sealmem_heap *heap;

static int heap_with_content(void)
{
	return sealmem_heap_new(&heap, "test", 1 << 20, CONTENT);
}

static int heap_without_limit(void)
{
	return sealmem_heap_new(&heap, "test", 0, 0);
}

static int heap_with_unknown_guarantee(void)
{
	return sealmem_heap_new(&heap, "test", 1 << 20, 1u << 31);
}

static int heap_without_room(void)
{
	return sealmem_heap_new(&heap, "test", 1, 0);
}

static int heap_alloc_beyond_the_limit(void)
{
	ck_assert_int_eq(sealmem_heap_new(&heap, "test", 1 << 20, 0), 0);
	return answer_of(sealmem_heap_alloc(heap, (1 << 20) + 1));
}

static int heap_alloc_beyond_what_is_left(void)
{
	ck_assert_int_eq(sealmem_heap_new(&heap, "test", 1 << 20, 0), 0);
	return answer_of(sealmem_heap_alloc(heap, 1 << 20));
}

static int heap_close_without_key(void)
{
	require_mseal();
	forbid(__NR_pkey_alloc, ENOSPC);
	ck_assert_int_eq(sealmem_heap_new(&heap, "test", 1 << 20, SEALMEM_ADDRESS), 0);
	return sealmem_heap_close(heap);
}

static int realloc_of_another_piece(void)
{
	struct sealmem_region *region = empty_region(8, CONTENT);
	void *first = sealmem_region_alloc(region, 1, 1);

	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 1, 1));
	return answer_of(sealmem_region_realloc(region, first, 2));
}

static int realloc_after_the_seal(void)
{
	struct sealmem_region *region = sealed_region("test", 1, CONTENT);

	return answer_of(sealmem_region_realloc(region, sealmem_region_data(region), 1));
}

static int realloc_beyond_the_capacity(void)
{
	struct sealmem_region *region = empty_region(8, CONTENT);

	return answer_of(sealmem_region_realloc(region, sealmem_region_alloc(region, 1, 1), 9));
}

static int trim_nothing(void)
{
	return sealmem_region_trim(NULL, 0);
}

static int trim_above_the_size(void)
{
	return sealmem_region_trim(empty_region(8, CONTENT), 9);
}

static int trim_after_the_seal(void)
{
	return sealmem_region_trim(sealed_region("test", 8, CONTENT), 4);
}

static int trim_without_fallocate(void)
{
	struct sealmem_region *region = empty_region(8 * page_size(), CONTENT);

	forbid(__NR_fallocate, EPERM);
	return sealmem_region_trim(region, 4);
}

/* What `act` answers in a child, which is told nothing but what it inherits. */
static int in_child(int (*act)(struct sealmem_region *r), const char *sentence)
{
	struct sealmem_region *region = empty_region(8, CONTENT);
	pid_t child = fork();
	int status = 0;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		int err = act(region);

		_exit(strcmp(sealmem_strerror(err), sentence) == 0 ? -err : 0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return -WEXITSTATUS(status);
}

static int alloc_one(struct sealmem_region *r)
{
	return answer_of(sealmem_region_alloc(r, 1, 1));
}

/* The reason is that of a thread, and so of the process that met it. */
static int alloc_in_a_child(void)
{
	ck_assert_int_eq(in_child(alloc_one, NOT_OURS), -ESTALE);
	return fail_for(REASON_NOT_OURS);
}

static int realloc_first(struct sealmem_region *r)
{
	return answer_of(sealmem_region_realloc(r, sealmem_region_data(r), 1));
}

static int realloc_in_a_child(void)
{
	ck_assert_int_eq(in_child(realloc_first, NOT_OURS), -ESTALE);
	return fail_for(REASON_NOT_OURS);
}

static int trim_to_nothing(struct sealmem_region *r)
{
	return sealmem_region_trim(r, 0);
}

static int trim_in_a_child(void)
{
	ck_assert_int_eq(in_child(trim_to_nothing, NOT_OURS), -ESTALE);
	return fail_for(REASON_NOT_OURS);
}

static int seal_in_a_child(void)
{
	ck_assert_int_eq(in_child(sealmem_region_seal, NOT_OURS), -ESTALE);
	return fail_for(REASON_NOT_OURS);
}

static int seal_nothing(void)
{
	return sealmem_region_seal(NULL);
}

static int seal_beside_a_writer(void)
{
	struct sealmem_region *region = empty_region(page_size(), CONTENT);
	int fd = open_file_of("test", O_RDWR);

	ck_assert_ptr_ne(mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
			 MAP_FAILED);
	return sealmem_region_seal(region);
}

static int seal_after_a_resize(void)
{
	struct sealmem_region *region = empty_region(page_size(), CONTENT);

	ck_assert_int_eq(ftruncate(open_file_of("test", O_RDWR), 0), 0);
	return sealmem_region_seal(region);
}

static int seal_above_memlock(void)
{
	struct sealmem_region *region;

	become_plain_user();
	(void)set_limit(RLIMIT_MEMLOCK, page_size());
	region = empty_region(page_size(), CONTENT | SEALMEM_NOSWAP);
	return sealmem_region_seal(region);
}

static int seal_beside_other_memory(void)
{
	struct sealmem_region *region = empty_region(page_size(), CONTENT | SEALMEM_GUARDS);

	ck_assert_ptr_ne(mmap(sealmem_region_data(region), page_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 MAP_FAILED);
	return sealmem_region_seal(region);
}

static int seal_without_descriptors(void)
{
	struct sealmem_region *region = empty_region(page_size(), CONTENT | SEALMEM_GUARDS);

	(void)leave_descriptors(0);
	return sealmem_region_seal(region);
}

static int seal_after_another_seal(void)
{
	struct sealmem_region *region = empty_region(page_size(), CONTENT);

	ck_assert_int_eq(fcntl(open_file_of("test", O_RDWR), F_ADD_SEALS, F_SEAL_SEAL), 0);
	return sealmem_region_seal(region);
}

/* The file has taken its seals when the last step fails, and no other file is available to roll back to. */
static int seal_without_roll_back(void)
{
	struct sealmem_region *region;

	require_mseal();
	region = empty_region(page_size(), CONTENT | SEALMEM_ADDRESS);
	forbid(__NR_mseal, ENOMEM);
	forbid(__NR_memfd_create, ENOMEM);
	return sealmem_region_seal(region);
}

static struct sealmem_region *unrecovered_region(void)
{
	struct sealmem_region *region;

	require_mseal();
	region = empty_region(page_size(), CONTENT | SEALMEM_ADDRESS);
	forbid(__NR_mseal, ENOMEM);
	forbid(__NR_memfd_create, ENOMEM);
	ck_assert_int_eq(sealmem_region_seal(region), -ENOTRECOVERABLE);
	return region;
}

static int alloc_after_no_roll_back(void)
{
	return answer_of(sealmem_region_alloc(unrecovered_region(), 1, 1));
}

static int realloc_after_no_roll_back(void)
{
	struct sealmem_region *region = unrecovered_region();

	return answer_of(sealmem_region_realloc(region, sealmem_region_data(region), 1));
}

static int trim_after_no_roll_back(void)
{
	return sealmem_region_trim(unrecovered_region(), 1);
}

/* In an open region the failure leaves the mapping alone. */
static int seal_without_memory(void)
{
	struct sealmem_region *region = empty_region(page_size(), CONTENT);

	forbid(SYS_OWN_MMAP, ENOMEM);
	return sealmem_region_seal(region);
}

static void require_secret(void)
{
	if (!(sealmem_supported() & SEALMEM_SECRECY))
		skip_test("this kernel has no memfd_secret(2)");
}

static int seal_a_secret_above_file_size(void)
{
	struct sealmem_region *region;

	require_secret();
	/* With CONTENT, it brings ADDRESS. */
	require_mseal();
	region = empty_region(2 * page_size(), CONTENT | SEALMEM_SECRECY);
	(void)set_limit(RLIMIT_FSIZE, page_size());
	return sealmem_region_seal(region);
}

static int seal_until_filters_are_full(void)
{
	int err = 0;

	emulate_mseal();
	for (int tries = 0; err == 0 && tries < 2000; tries++)
		err = sealmem_region_seal(empty_region(1, CONTENT | SEALMEM_ADDRESS));
	return err;
}

static int fd_of_nothing(void)
{
	return sealmem_region_fd(NULL);
}

static int fd_of_an_open_region(void)
{
	return sealmem_region_fd(empty_region(1, CONTENT));
}

static int fd_of_a_secret(void)
{
	require_secret();
	return sealmem_region_fd(sealed_region("test", 1, SEALMEM_SECRECY));
}

static int fd_without_descriptors(void)
{
	struct sealmem_region *region;

	/* Elsewhere the region has a descriptor of its own to give. */
	require_mapped_writer();
	region = region_from("bytes", 5, CONTENT);
	(void)leave_descriptors(0);
	return sealmem_region_fd(region);
}

static int range_with(size_t size, unsigned guarantees)
{
	return sealmem_seal_range(map_private(2 * page_size()), size, guarantees);
}

static int range_with_long_name(void)
{
	char name[SEALMEM_NAME_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	return sealmem_seal_range_named(map_private(page_size()), page_size(), name, CONTENT);
}

static int range_of_nothing(void)
{
	return range_with(0, CONTENT);
}

static int range_of_a_part_of_a_page(void)
{
	return range_with(page_size() + 1, CONTENT);
}

static int range_that_wraps(void)
{
	return range_with(SIZE_MAX & ~(page_size() - 1), CONTENT);
}

static int range_with_unknown_guarantee(void)
{
	return range_with(page_size(), CONTENT | 0x80);
}

static int range_with_guards(void)
{
	return range_with(page_size(), CONTENT | SEALMEM_GUARDS);
}

static int range_without_basis(void)
{
	return range_with(page_size(), SEALMEM_NODUMP);
}

static int range_with_secrecy(void)
{
	return range_with(page_size(), CONTENT | SEALMEM_SECRECY);
}

static int range_of_the_stack(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(page_size() - 1);

	require_own_address_space();
	return sealmem_seal_range((void *)here, page_size(), CONTENT); /* NOLINT */
}

static int range_that_is_shared(void)
{
	void *shared =
		mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(shared, MAP_FAILED);
	return sealmem_seal_range(shared, page_size(), CONTENT);
}

static int range_of_two_protections(void)
{
	char *range = map_private(2 * page_size());

	ck_assert_int_eq(sys_mprotect(range, page_size(), PROT_READ), 0);
	return sealmem_seal_range(range, 2 * page_size(), CONTENT);
}

static int range_with_a_hole(void)
{
	char *range = map_private(2 * page_size());

	ck_assert_int_eq(sys_munmap(range + page_size(), page_size()), 0);
	return sealmem_seal_range(range, 2 * page_size(), CONTENT);
}

static int address_of_a_hole(void)
{
	char *range = map_private(page_size());

	require_mseal();
	ck_assert_int_eq(sys_munmap(range, page_size()), 0);
	return sealmem_seal_range(range, page_size(), SEALMEM_ADDRESS);
}

static int range_that_cannot_be_read(void)
{
	char *range = map_private(page_size());

	ck_assert_int_eq(sys_mprotect(range, page_size(), PROT_NONE), 0);
	return sealmem_seal_range(range, page_size(), CONTENT);
}

static int range_past_its_file(void)
{
	void *range = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, temporary_file(), 0);

	ck_assert_ptr_ne(range, MAP_FAILED);
	return sealmem_seal_range(range, page_size(), CONTENT);
}

static int range_that_is_sealed(void)
{
	char *range = map_private(page_size());

	require_mseal();
	ck_assert_int_eq(sys_mseal(range, page_size(), 0), 0);
	return sealmem_seal_range(range, page_size(), CONTENT);
}

static int range_above_file_size(void)
{
	(void)set_limit(RLIMIT_FSIZE, page_size());
	return range_with(2 * page_size(), CONTENT);
}

static int range_above_memlock(void)
{
	become_plain_user();
	(void)set_limit(RLIMIT_MEMLOCK, 0);
	return range_with(page_size(), CONTENT | SEALMEM_NOSWAP);
}

static int range_without_descriptors(void)
{
	(void)leave_descriptors(0);
	return range_with(page_size(), CONTENT);
}

static int range_until_filters_are_full(void)
{
	int err = 0;

	emulate_mseal();
	for (int tries = 0; err == 0 && tries < 2000; tries++)
		err = range_with(page_size(), CONTENT | SEALMEM_ADDRESS);
	return err;
}

/* The sealed file is in place when the address is refused, and no private mapping is available to roll back to. */
static int range_without_roll_back(void)
{
	const struct condition whole = { 1, UINT32_MAX, (uint32_t)page_size() };
	const struct condition back = { 3, MAP_FIXED | MAP_PRIVATE, MAP_FIXED | MAP_PRIVATE };
	char *range = map_private(page_size());

	require_mseal();
	forbid_where(__NR_mseal, ENOMEM, &whole, 1);
	forbid_where(SYS_OWN_MMAP, ENOMEM, &back, 1);
	return sealmem_seal_range(range, page_size(), CONTENT | SEALMEM_ADDRESS);
}

static int mseal_with_flags(void)
{
	require_mseal();
	return sealmem_mseal(map_private(page_size()), page_size(), 1);
}

static int mseal_of_a_part_of_a_page(void)
{
	require_mseal();
	return sealmem_mseal(map_private(page_size()) + 1, page_size(), 0);
}

static int mseal_that_wraps(void)
{
	require_mseal();
	return sealmem_mseal(map_private(page_size()), SIZE_MAX & ~(page_size() - 1), 0);
}

static int mseal_of_a_hole(void)
{
	char *range = map_private(page_size());

	require_mseal();
	ck_assert_int_eq(sys_munmap(range, page_size()), 0);
	return sealmem_mseal(range, page_size(), 0);
}

static int mseal_without_mseal(void)
{
	forbid(__NR_mseal, ENOSYS);
	return sealmem_mseal(map_private(page_size()), page_size(), 0);
}

static int mseal_of_too_many(void)
{
	const struct sealmem_extent extents[SEALMEM_EXTENTS_MAX + 1] = { 0 };

	return sealmem_mseal_many(extents, SEALMEM_EXTENTS_MAX + 1);
}

static int keep_available_without_emulation(void)
{
	return sealmem_keep_available(map_private(page_size()), page_size());
}

static int emulation_without_seccomp(void)
{
	require_filter();
	forbid(__NR_seccomp, ENOSYS);
	return sealmem_allow_emulation();
}

static void *wait_for_ever(void *argument)
{
	forbid(__NR_getppid, ENOSYS);
	(void)sem_post(argument);
	for (;;)
		(void)pause();
	return NULL;
}

/* Makes sure of a seccomp filter that the others have not. */
static int mseal_beside_a_filter(void)
{
	sem_t ready;
	pthread_t thread;

	emulate_mseal();
	ck_assert_int_eq(sem_init(&ready, 0, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_ever, &ready), 0);
	ck_assert_int_eq(sem_wait(&ready), 0);
	return sealmem_mseal(map_private(page_size()), page_size(), 0);
}

/* The kernel has room for so many instructions only. */
static int mseal_until_filters_are_full(void)
{
	int err = 0;

	emulate_mseal();
	for (int tries = 0; err == 0 && tries < 2000; tries++)
		err = sealmem_mseal(map_private(2 * page_size()), page_size(), 0);
	return err;
}

static int accept_fd(int fd, unsigned guarantees)
{
	return sealmem_region_accept(&made, fd, guarantees);
}

static int accept_without_result(void)
{
	return sealmem_region_accept(NULL, 0, CONTENT);
}

static int accept_without_content(void)
{
	return accept_fd(0, SEALMEM_NODUMP);
}

static int accept_with_unknown_guarantee(void)
{
	return accept_fd(0, CONTENT | 0x80);
}

static int accept_of_a_secret(void)
{
	return accept_fd(0, CONTENT | SEALMEM_SECRECY);
}

static int accept_of_a_closed_descriptor(void)
{
	return accept_fd(-1, CONTENT);
}

static int accept_of_a_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	return accept_fd(ends[0], CONTENT);
}

static int accept_of_an_unsealed_memfd(void)
{
	return accept_fd(filled_memfd(1), CONTENT);
}

static int accept_above_the_limit(void)
{
	return sealmem_region_accept_limited(&made, with_seals(filled_memfd(9), ALL_SEALS), 8,
					     CONTENT);
}

static int accept_beside_a_lease(void)
{
	return accept_fd(with_lease(opened_again(with_seals(filled_memfd(1), ALL_SEALS), O_RDONLY)),
			 CONTENT);
}

static int accept_without_descriptors(void)
{
	int fd = with_seals(filled_memfd(1), ALL_SEALS);

	(void)leave_descriptors(0);
	return accept_fd(fd, CONTENT);
}

static int accept_above_memlock(void)
{
	int fd = with_seals(filled_memfd(page_size()), ALL_SEALS);

	become_plain_user();
	(void)set_limit(RLIMIT_MEMLOCK, 0);
	return accept_fd(fd, CONTENT | SEALMEM_NOSWAP);
}

static int accept_above_the_memory(void)
{
	int fd = filled_memfd(1);

	if (sizeof(size_t) < sizeof(uint64_t))
		skip_test("what is above the memory of the machine is above all addresses");
	ck_assert_int_eq(ftruncate(fd, (off_t)1 << 50), 0);
	return accept_fd(with_seals(fd, ALL_SEALS), CONTENT | SEALMEM_NOSWAP);
}

static int accept_of_no_huge_pages(void)
{
	int fd = huge_memfd();

	if (fd < 0)
		skip_test("this kernel has no huge pages");
	return accept_fd(with_seals(fd, ALL_SEALS), CONTENT);
}

static int send_nothing(void)
{
	return sealmem_send(open_channel(SOCK_STREAM).sender, NULL);
}

static int send_an_open_region(void)
{
	return sealmem_send(open_channel(SOCK_STREAM).sender, empty_region(1, CONTENT));
}

static int send_over_the_internet(void)
{
	return sealmem_send(socket(AF_INET, SOCK_STREAM, 0), region_from("bytes", 5, CONTENT));
}

static int send_over_a_file(void)
{
	return sealmem_send(temporary_file(), region_from("bytes", 5, CONTENT));
}

static int send_to_nobody(void)
{
	struct channel channel = open_channel(SOCK_STREAM);

	close_fd(channel.receiver);
	return sealmem_send(channel.sender, region_from("bytes", 5, CONTENT));
}

static int send_until_it_is_full(int type)
{
	struct channel channel = open_channel(type | SOCK_NONBLOCK);
	struct sealmem_region *region = region_from("bytes", 5, CONTENT);
	int err = 0;

	while (err == 0)
		err = sealmem_send(channel.sender, region);
	return err;
}

static int send_without_waiting(void)
{
	return send_until_it_is_full(SOCK_SEQPACKET);
}

static int send_too_many_descriptors(void)
{
	become_plain_user();
	(void)set_limit(RLIMIT_NOFILE, 20);
	return send_until_it_is_full(SOCK_STREAM);
}

/* A kernel that takes a part of a message only. */
static int send_a_part(void)
{
	struct channel channel = open_channel(SOCK_STREAM);
	struct sealmem_region *region = region_from("bytes", 5, CONTENT);

	forbid(__NR_sendmsg, 0);
	return sealmem_send(channel.sender, region);
}

static int receive_to_nowhere(void)
{
	return sealmem_receive(open_channel(SOCK_STREAM).receiver, NULL, CONTENT);
}

static int receive_over_the_internet(void)
{
	return sealmem_receive(socket(AF_INET, SOCK_STREAM, 0), &made, CONTENT);
}

static int receive_from_nobody(void)
{
	struct channel channel = open_channel(SOCK_STREAM);

	close_fd(channel.sender);
	return sealmem_receive(channel.receiver, &made, CONTENT);
}

static int receive_nothing_yet(void)
{
	return sealmem_receive(open_channel(SOCK_STREAM | SOCK_NONBLOCK).receiver, &made, CONTENT);
}

static int receive_something_else(void)
{
	struct channel channel = open_channel(SOCK_SEQPACKET);

	post_all(channel.sender, "hello", 5, NULL, 0);
	return sealmem_receive(channel.receiver, &made, CONTENT);
}

static int receive_without_descriptors(void)
{
	struct channel channel = open_channel(SOCK_SEQPACKET);

	post_honest(channel.sender, with_seals(filled_memfd(1), ALL_SEALS));
	(void)leave_descriptors(0);
	return sealmem_receive(channel.receiver, &made, CONTENT);
}

static int say_yes(const void *bytes, size_t size, void *data)
{
	(void)bytes;
	(void)size;
	(void)data;
	return 0;
}

static int load_from(int fd, int (*verify)(const void *bytes, size_t size, void *data))
{
	void *handle;

	return sealmem_load_verified(&handle, fd, verify, NULL, RTLD_NOW);
}

static int load_to_nowhere(void)
{
	return sealmem_load_verified(NULL, 0, say_yes, NULL, RTLD_NOW);
}

static int load_without_verifying(void)
{
	return load_from(filled_memfd(1), NULL);
}

static int load_from_a_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	return load_from(ends[0], say_yes);
}

static int load_from_a_closed_descriptor(void)
{
	return load_from(-1, say_yes);
}

static int load_an_empty_file(void)
{
	return load_from(temporary_file(), say_yes);
}

static int load_what_is_no_object(void)
{
	return load_from(filled_memfd(100), say_yes);
}

static int load_what_is_refused(void)
{
	return load_from(filled_memfd(100), say_no);
}

static int load_above_file_size(void)
{
	int fd = filled_memfd(2 * page_size());

	(void)set_limit(RLIMIT_FSIZE, page_size());
	return load_from(fd, say_yes);
}

static int load_without_descriptors(void)
{
	int fd = filled_memfd(100);

	(void)leave_descriptors(0);
	return load_from(fd, say_yes);
}

static int load_without_memfd(void)
{
	int fd = filled_memfd(100);

	forbid(__NR_memfd_create, ENOSYS);
	return load_from(fd, say_yes);
}

static int load_without_memory(void)
{
	int fd = filled_memfd(100);

	forbid(__NR_memfd_create, ENOMEM);
	return load_from(fd, say_yes);
}

/* Code that has its address sealed already. */
static int image_deep_after_shallow(void)
{
	require_mseal();
	require_own_address_space();
	ck_assert_int_eq(sealmem_seal_image(0, NULL), 0);
	return sealmem_seal_image(SEALMEM_IMAGE_DEEP, NULL);
}

static int image_without_memory(void)
{
	require_mseal();
	forbid(__NR_memfd_create, ENOMEM);
	return sealmem_seal_image(0, NULL);
}

/* As where code can be executed and not read. */
static int image_with_unreadable_code(void)
{
	require_mseal();
	forbid(__NR_pwritev, EFAULT);
	return sealmem_seal_image(SEALMEM_IMAGE_DEEP, NULL);
}

static int image_with_unknown_flags(void)
{
	return sealmem_seal_image(0x80, NULL);
}

static int image_without_mseal(void)
{
	forbid(__NR_mseal, ENOSYS);
	return sealmem_seal_image(0, NULL);
}

static int image_without_proc(void)
{
	require_mseal();
	hide_proc();
	return sealmem_seal_image(0, NULL);
}

static int image_above_file_size(void)
{
	require_mseal();
	(void)set_limit(RLIMIT_FSIZE, page_size());
	return sealmem_seal_image(0, NULL);
}

static int image_without_descriptors(void)
{
	require_mseal();
	(void)leave_descriptors(0);
	return sealmem_seal_image(0, NULL);
}

static int loaded_of_nothing(void)
{
	return sealmem_seal_loaded(NULL, 0, NULL);
}

static int loaded_with_unknown_flags(void)
{
	return sealmem_seal_loaded(dlopen(NULL, RTLD_LAZY), 0x80, NULL);
}

static int write_of_nothing(void)
{
	char byte;
	const void *volatile nothing = NULL;

	return sealmem_try_write(&byte, nothing, 1);
}

static int write_to_sealed_memory(void)
{
	return sealmem_try_write(sealmem_region_data(region_from("bytes", 5, CONTENT)), "b", 1);
}

static int write_without_descriptors(void)
{
	char byte;

	(void)leave_descriptors(0);
	return sealmem_try_write(&byte, "b", 1);
}

static int write_without_memory(void)
{
	char byte;

	forbid(__NR_pipe2, ENOMEM);
	return sealmem_try_write(&byte, "b", 1);
}

/* Of the kernel, and so without a reason of ours. */
#define OUT_OF_MEMORY "Memory, address space or mappings (the sysctl vm.max_map_count) are used up."
/* A publisher whose socket nobody connects to. */
static struct sealmem_publisher *quiet_publisher(void)
{
	struct sealmem_publisher *p = NULL;

	ck_assert_int_eq(sealmem_publisher_new(&p, new_place().listening), 0);
	return p;
}

static int publisher_of(int socket)
{
	struct sealmem_publisher *p;

	return sealmem_publisher_new(&p, socket);
}

static int publisher_to_nowhere(void)
{
	return sealmem_publisher_new(NULL, new_place().listening);
}

static int publisher_that_does_not_listen(void)
{
	return publisher_of(open_channel(SOCK_SEQPACKET).sender);
}

static int publisher_of_a_stream(void)
{
	return publisher_of(open_channel(SOCK_STREAM).sender);
}

static int publisher_on_the_internet(void)
{
	return publisher_of(socket(AF_INET, SOCK_STREAM, 0));
}

static int publisher_of_nothing(void)
{
	return publisher_of(-1);
}

static int publisher_of_a_file(void)
{
	return publisher_of(filled_memfd(1));
}

static int publisher_without_descriptors(void)
{
	int listening = new_place().listening;

	(void)leave_descriptors(0);
	return publisher_of(listening);
}

static int publisher_without_epoll(void)
{
	int listening = new_place().listening;

	forbid(__NR_epoll_create1, ENOSYS);
	return publisher_of(listening);
}

static int publish_nothing(void)
{
	return sealmem_publish(quiet_publisher(), NULL);
}

static int publish_an_open_region(void)
{
	return sealmem_publish(quiet_publisher(), empty_region(1, CONTENT));
}

static int publish_a_secret(void)
{
	require_secret();
	return sealmem_publish(quiet_publisher(), sealed_region("test", 1, SEALMEM_SECRECY));
}

static int publish_with_a_label_of_two_lines(void)
{
	return sealmem_publish_labelled(quiet_publisher(), sealed_region("test", 1, CONTENT), "\n");
}

static int publish_under_a_long_name(void)
{
	char name[SEALMEM_NAME_MAX + 2] = { 0 };

	memset(name, 'n', SEALMEM_NAME_MAX + 1);
	return sealmem_publish_named(quiet_publisher(), sealed_region("test", 1, CONTENT), name,
				     "");
}

static int publish_after_the_last_number(void)
{
	struct sealmem_publisher *p = quiet_publisher();

	ck_assert_int_eq(sealmem_publisher_continue(p, UINT64_MAX), 0);
	return sealmem_publish(p, sealed_region("test", 1, CONTENT));
}

static int publish_without_descriptors(void)
{
	struct sealmem_publisher *p = quiet_publisher();
	struct sealmem_region *region = sealed_region("test", 1, CONTENT);

	ck_assert_int_ge(sealmem_region_fd(region), 0);
	(void)leave_descriptors(0);
	return sealmem_publish(p, region);
}

static int publish_from_nobody(void)
{
	return sealmem_publish(NULL, sealed_region("test", 1, CONTENT));
}

static int announce_a_long_name(void)
{
	char name[SEALMEM_NAME_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	return sealmem_publisher_announce(quiet_publisher(), name);
}

static int announce_nothing(void)
{
	return sealmem_publisher_announce(quiet_publisher(), NULL);
}

static int limit_to_nothing(void)
{
	return sealmem_publisher_set_limits(quiet_publisher(), NULL);
}

static int no_entry(const struct sealmem_published *published, void *data)
{
	(void)published;
	(void)data;
	return 0;
}

static int list_from(int socket)
{
	return sealmem_list_published(socket, no_entry, NULL);
}

/* A socket on which a publisher, played by hand, has said this already. */
static int refused_socket(uint32_t status)
{
	struct channel channel = open_channel(SOCK_SEQPACKET);

	ck_assert_int_eq(say_with(channel.sender, SAYS_REFUSED, status, 0, "test", -1), 0);
	return channel.receiver;
}

static int closed_socket(void)
{
	struct channel channel = open_channel(SOCK_SEQPACKET);

	ck_assert_int_eq(shutdown(channel.sender, SHUT_WR), 0);
	return channel.receiver;
}

static int silent_socket(void)
{
	return open_channel(SOCK_SEQPACKET | SOCK_NONBLOCK).receiver;
}

static int list_for_nobody(void)
{
	return sealmem_list_published(silent_socket(), NULL, NULL);
}

static int list_on_the_internet(void)
{
	return list_from(socket(AF_INET, SOCK_STREAM, 0));
}

static int list_over_a_stream(void)
{
	return list_from(open_channel(SOCK_STREAM).sender);
}

static int list_from_a_file(void)
{
	return list_from(filled_memfd(1));
}

static int list_from_nothing(void)
{
	return list_from(-1);
}

static int list_without_admission(void)
{
	return list_from(refused_socket(WHY_NOT_ADMITTED));
}

static int list_of_a_full_publisher(void)
{
	return list_from(refused_socket(WHY_IS_FULL));
}

static int list_after_the_end(void)
{
	return list_from(closed_socket());
}

static int list_of_something_else(void)
{
	return list_from(refused_socket(0));
}

static int list_of_nobody_yet(void)
{
	return list_from(silent_socket());
}

static struct sealmem_subscription *subscription;

static int subscribe_to(int socket, const char *name, unsigned guarantees)
{
	return sealmem_subscribe(&subscription, socket, name, 10, guarantees);
}

static int subscribe_over(int socket)
{
	return subscribe_to(socket, "test", CONTENT);
}

static int subscribe_to_nowhere(void)
{
	return sealmem_subscribe(NULL, silent_socket(), "test", 10, CONTENT);
}

static int subscribe_with_address(void)
{
	return subscribe_to(silent_socket(), "test", CONTENT | SEALMEM_ADDRESS);
}

static int subscribe_to_a_long_name(void)
{
	char name[SEALMEM_NAME_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	return subscribe_to(silent_socket(), name, CONTENT);
}

static int subscribe_on_the_internet(void)
{
	return subscribe_over(socket(AF_INET, SOCK_STREAM, 0));
}

static int subscribe_over_a_stream(void)
{
	return subscribe_over(open_channel(SOCK_STREAM).sender);
}

static int subscribe_over_a_file(void)
{
	return subscribe_over(filled_memfd(1));
}

static int subscribe_to_what_is_not_served(void)
{
	return subscribe_over(refused_socket(WHY_NO_NAME));
}

static int subscribe_without_admission(void)
{
	return subscribe_over(refused_socket(WHY_NOT_ADMITTED));
}

static int subscribe_to_a_full_publisher(void)
{
	return subscribe_over(refused_socket(WHY_IS_FULL));
}

static int subscribe_after_the_end(void)
{
	return subscribe_over(closed_socket());
}

static int subscribe_to_something_else(void)
{
	return subscribe_over(refused_socket(0));
}

static int subscribe_to_nobody_yet(void)
{
	return subscribe_over(silent_socket());
}

static int sent_generation(size_t size)
{
	struct channel channel = open_channel(SOCK_SEQPACKET);
	int fd = with_seals(filled_memfd(size), FINAL_SEALS);

	ck_assert_int_eq(say_with(channel.sender, SAYS_GENERATION, 0, 1, "test", fd), 0);
	return channel.receiver;
}

static int subscribe_above_the_limit(void)
{
	return subscribe_over(sent_generation(11));
}

static int update_nothing(void)
{
	return sealmem_subscription_update(NULL);
}

static int update_from_an_older_publisher(void)
{
	ck_assert_int_eq(subscribe_over(sent_generation(10)), 0);
	ck_assert_int_eq(sealmem_subscription_reconnect(subscription, refused_socket(WHY_OLDER)),
			 0);
	return sealmem_subscription_update(subscription);
}

#define OUT_OF_DESCRIPTORS "This process has as many descriptors as RLIMIT_NOFILE allows."

static const struct row {
	const char *function;
	int error;
	int (*provoke)(void);
	const char *sentence;
} rows[] = {
	/* clang-format off */
	{ "sealmem_region_new", EINVAL, new_without_result, "The pointer for the result is NULL." },
	{ "sealmem_region_new", EINVAL, new_without_name, "The name is NULL." },
	{ "sealmem_region_new", EINVAL, new_with_control_character, "The name has a control character." },
	{ "sealmem_region_new", ENAMETOOLONG, new_with_long_name, "The name is longer than SEALMEM_NAME_MAX bytes." },
	{ "sealmem_region_new", EINVAL, new_without_capacity, "The capacity is 0: a new region needs at least one byte." },
	{ "sealmem_region_new", EINVAL, new_with_unknown_guarantee, "The guarantees have bits that this version of the library does not know." },
	{ "sealmem_region_new", EINVAL, new_without_basis, "The guarantees have neither CONTENT nor SECRECY." },
	{ "sealmem_region_new", ENOMEM, new_of_everything, "No address space is as large as this size." },
	{ "sealmem_region_new", EAGAIN, new_above_memlock, "RLIMIT_MEMLOCK does not allow this size." },
	{ "sealmem_region_new", EFBIG, new_above_file_size, "RLIMIT_FSIZE is below this size." },
	{ "sealmem_region_new", EMFILE, new_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_region_new", EOPNOTSUPP, new_without_memfd, "The kernel or a sandbox refuses memfd_create(2), on which CONTENT rests." },
	{ "sealmem_region_new", EOPNOTSUPP, new_without_mseal, "There is no mseal(2) here, on which ADDRESS rests: see sealmem_allow_emulation()." },
	{ "sealmem_region_new", EOPNOTSUPP, new_without_secret, "There is no memfd_secret(2) here: before Linux 6.5, boot with secretmem.enable=1." },
	{ "sealmem_region_new", EOPNOTSUPP, new_without_proc, "/proc is not mounted, or a sandbox hides it." },
	{ "sealmem_region_new", EOPNOTSUPP, new_without_prctl, "A sandbox refuses prctl(2), which NODUMP and SECRECY need." },
	{ "sealmem_region_new_from", EINVAL, from_bytes_to_nowhere, "The pointer for the result is NULL." },
	{ "sealmem_region_new_from", EINVAL, from_nothing, "The buffer is NULL." },
	{ "sealmem_region_new_from", EFAULT, from_unreadable_bytes, "The buffer cannot be read." },
	{ "sealmem_region_new_from", EFAULT, from_unreadable_bytes_without_swap, "The buffer cannot be read." },
	{ "sealmem_region_new_from", EOPNOTSUPP, from_bytes_without_seals, "The kernel does not give the seals: a sandbox, or somebody has added F_SEAL_SEAL." },
	{ "sealmem_region_new_from_file", EINVAL, read_to_nowhere, "The pointer for the result is NULL." },
	{ "sealmem_region_new_from_file", EBADF, read_a_closed_descriptor, "The descriptor is not open, or not for this." },
	{ "sealmem_region_new_from_file", EISDIR, read_a_directory, "The descriptor is that of a directory." },
	{ "sealmem_region_new_from_file", EFBIG, read_above_the_limit, "The size is above the limit of the caller." },
	{ "sealmem_region_new_from_file", EBUSY, read_a_file_of_sys, "Somebody changed the size of the file." },
	{ "sealmem_region_new_from_file", EAGAIN, read_what_has_no_end, "A limit or a socket does not allow this now." },
	{ "sealmem_region_new_from_file", EINVAL, read_a_socket_of_nobody, "An argument is not valid." },
	{ "sealmem_region_new_from_file", EIO, read_memory, "The kernel could not read or write a file." },
	{ "sealmem_region_new_from_file_with", ECANCELED, read_and_cancel, "The function that follows the progress has cancelled the call." },
	{ "sealmem_region_new_from_file_with", EKEYREJECTED, read_and_refuse, "The function that verifies refused the bytes." },
	{ "sealmem_secret_store", EINVAL, store_nothing, "The region is NULL." },
	{ "sealmem_secret_store", EINVAL, store_what_is_no_secret, "The region, or the demand, lacks SECRECY." },
	{ "sealmem_secret_store", EPERM, store_while_open, "The region is open: seal it first." },
	{ "sealmem_secret_store", ESTALE, store_in_a_child, NOT_OURS },
	{ "sealmem_secret_store", EOPNOTSUPP, store_without_memfd_secret, "There is no memfd_secret(2) here: before Linux 6.5, boot with secretmem.enable=1." },
	{ "sealmem_secret_store", EAGAIN, store_above_memlock, "RLIMIT_MEMLOCK does not allow this size." },
	{ "sealmem_secret_store", EFBIG, store_above_file_size, "RLIMIT_FSIZE is below this size." },
	{ "sealmem_secret_store", EMFILE, store_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_secret_restore", EINVAL, restore_to_nowhere, "The pointer for the result is NULL." },
	{ "sealmem_secret_restore", EINVAL, restore_without_secrecy, "The region, or the demand, lacks SECRECY." },
	{ "sealmem_secret_restore", ENAMETOOLONG, restore_with_long_name, "The name is longer than SEALMEM_NAME_MAX bytes." },
	{ "sealmem_secret_restore", EBADF, restore_a_closed_descriptor, "The descriptor is not open, or not for this." },
	{ "sealmem_secret_restore", ENODEV, restore_a_memfd, "The descriptor is not that of secret memory." },
	{ "sealmem_secret_restore", ENODATA, restore_twice, "Nothing is stored there, or it was taken back already." },
	{ "sealmem_secret_restore", EOPNOTSUPP, restore_without_memfd_secret, "There is no memfd_secret(2) here: before Linux 6.5, boot with secretmem.enable=1." },
	{ "sealmem_secret_restore", EAGAIN, restore_above_memlock, "RLIMIT_MEMLOCK does not allow this size." },
	{ "sealmem_secret_restore", EFBIG, restore_above_file_size, "RLIMIT_FSIZE is below this size." },
	{ "sealmem_secret_restore", EMFILE, restore_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_secret_restore", ENOMEM, restore_more_than_there_is, "The size is above the memory of the machine." },
	{ "sealmem_region_alloc", EINVAL, alloc_in_nothing, "The region is NULL." },
	{ "sealmem_region_alloc", EINVAL, alloc_of_nothing, "The size is 0." },
	{ "sealmem_region_alloc", EINVAL, alloc_at_no_power_of_two, "The alignment is not a power of two." },
	{ "sealmem_region_alloc", EPERM, alloc_after_the_seal, "The region is sealed." },
	{ "sealmem_region_alloc", ENOMEM, alloc_beyond_the_capacity, "The capacity of the region is used up." },
	{ "sealmem_region_alloc", ESTALE, alloc_in_a_child, NOT_OURS },
	{ "sealmem_region_alloc", ENOTRECOVERABLE, alloc_after_no_roll_back, "An earlier seal and its roll-back failed: the region can only be read." },
	{ "sealmem_heap_new", EINVAL, heap_with_content, "A heap stays writable, so its guarantees cannot have CONTENT." },
	{ "sealmem_heap_new", EINVAL, heap_without_limit, "The limit is 0." },
	{ "sealmem_heap_new", EINVAL, heap_with_unknown_guarantee, "The guarantees have bits that this version of the library does not know." },
	{ "sealmem_heap_new", ENOMEM, heap_without_room, "The limit of the heap does not allow this size." },
	{ "sealmem_heap_alloc", ENOMEM, heap_alloc_beyond_the_limit, "The limit of the heap does not allow this size." },
	{ "sealmem_heap_alloc", ENOMEM, heap_alloc_beyond_what_is_left, "The limit of the heap does not allow this size." },
	{ "sealmem_heap_close", EOPNOTSUPP, heap_close_without_key, "A heap with ADDRESS closes by protection keys only, and got none." },
	{ "sealmem_region_realloc", EINVAL, realloc_of_another_piece, "The pointer is not the last piece of the region." },
	{ "sealmem_region_realloc", EPERM, realloc_after_the_seal, "The region is sealed." },
	{ "sealmem_region_realloc", ESTALE, realloc_in_a_child, NOT_OURS },
	{ "sealmem_region_realloc", ENOMEM, realloc_beyond_the_capacity, "The capacity of the region is used up." },
	{ "sealmem_region_realloc", ENOTRECOVERABLE, realloc_after_no_roll_back, "An earlier seal and its roll-back failed: the region can only be read." },
	{ "sealmem_region_trim", EINVAL, trim_nothing, "The region is NULL." },
	{ "sealmem_region_trim", EINVAL, trim_above_the_size, "The size is above that of the region." },
	{ "sealmem_region_trim", EPERM, trim_after_the_seal, "The region is sealed." },
	{ "sealmem_region_trim", ESTALE, trim_in_a_child, NOT_OURS },
	{ "sealmem_region_trim", EOPNOTSUPP, trim_without_fallocate, "The kernel or a sandbox refuses a system call that this needs." },
	{ "sealmem_region_trim", ENOTRECOVERABLE, trim_after_no_roll_back, "An earlier seal and its roll-back failed: the region can only be read." },
	{ "sealmem_region_seal", EINVAL, seal_nothing, "The region is NULL." },
	{ "sealmem_region_seal", ESTALE, seal_in_a_child, NOT_OURS },
	{ "sealmem_region_seal", EBUSY, seal_beside_a_writer, "Somebody has a writable mapping of the file, or holds one of its pages." },
	{ "sealmem_region_seal", EBUSY, seal_after_a_resize, "Somebody changed the size of the file." },
	{ "sealmem_region_seal", EAGAIN, seal_above_memlock, "RLIMIT_MEMLOCK does not allow this size." },
	{ "sealmem_region_seal", EADDRINUSE, seal_beside_other_memory, "Other memory is mapped in the place of this one, or none." },
	{ "sealmem_region_seal", EMFILE, seal_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_region_seal", EOPNOTSUPP, seal_after_another_seal, "The kernel does not give the seals: a sandbox, or somebody has added F_SEAL_SEAL." },
	{ "sealmem_region_seal", ENOTRECOVERABLE, seal_without_roll_back, "The seal failed, and so did the roll-back: the memory can only be read." },
	{ "sealmem_region_seal", ENOSPC, seal_until_filters_are_full, "There is no room for another seccomp filter: seal many extents at once." },
	{ "sealmem_region_seal", EFBIG, seal_a_secret_above_file_size, "RLIMIT_FSIZE is below this size." },
	{ "sealmem_region_seal", ENOMEM, seal_without_memory, OUT_OF_MEMORY },
	{ "sealmem_region_fd", EINVAL, fd_of_nothing, "The region is NULL." },
	{ "sealmem_region_fd", EPERM, fd_of_an_open_region, "The region is open: seal it first." },
	{ "sealmem_region_fd", EOPNOTSUPP, fd_of_a_secret, "The region has no descriptor: it is secret, or its file could not be opened." },
	{ "sealmem_region_fd", EMFILE, fd_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_seal_range", EINVAL, range_of_nothing, "The size is 0." },
	{ "sealmem_seal_range", EINVAL, range_of_a_part_of_a_page, "The address or the size is not a multiple of the page size." },
	{ "sealmem_seal_range", EINVAL, range_that_wraps, "The range ends past the end of the address space." },
	{ "sealmem_seal_range", EINVAL, range_with_unknown_guarantee, "The guarantees have bits that this version of the library does not know." },
	{ "sealmem_seal_range", EINVAL, range_with_guards, "Memory that exists already gets no GUARDS." },
	{ "sealmem_seal_range", EINVAL, range_without_basis, "The guarantees have neither CONTENT nor ADDRESS." },
	{ "sealmem_seal_range", EINVAL, range_of_the_stack, "The range has the stack that the caller runs on." },
	{ "sealmem_seal_range", EINVAL, range_that_is_shared, "A part of the range is a shared mapping; sealed memory is one." },
	{ "sealmem_seal_range", EINVAL, range_of_two_protections, "The range has parts of different protection." },
	{ "sealmem_seal_range", EOPNOTSUPP, range_with_secrecy, "Memory that others have had cannot get SECRECY." },
	{ "sealmem_seal_range", ENOMEM, range_with_a_hole, "A page of the range is not mapped." },
	{ "sealmem_seal_range", ENOMEM, address_of_a_hole, "A page of the range is not mapped." },
	{ "sealmem_seal_range", EACCES, range_that_cannot_be_read, "The range cannot be read." },
	{ "sealmem_seal_range", EFAULT, range_past_its_file, "A page of the range lies past the end of its file." },
	{ "sealmem_seal_range", EPERM, range_that_is_sealed, "A part of the range is sealed already." },
	{ "sealmem_seal_range", EFBIG, range_above_file_size, "RLIMIT_FSIZE is below this size." },
	{ "sealmem_seal_range", EAGAIN, range_above_memlock, "RLIMIT_MEMLOCK does not allow this size." },
	{ "sealmem_seal_range", EMFILE, range_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_seal_range", ENOTRECOVERABLE, range_without_roll_back, "The seal failed, and so did the roll-back: the memory can only be read." },
	{ "sealmem_seal_range", ENOSPC, range_until_filters_are_full, "There is no room for another seccomp filter: seal many extents at once." },
	{ "sealmem_seal_range_named", ENAMETOOLONG, range_with_long_name, "The name is longer than SEALMEM_NAME_MAX bytes." },
	{ "sealmem_mseal", EINVAL, mseal_with_flags, "The flags are not 0." },
	{ "sealmem_mseal", EINVAL, mseal_of_a_part_of_a_page, "The address or the size is not a multiple of the page size." },
	{ "sealmem_mseal", EINVAL, mseal_that_wraps, "The range ends past the end of the address space." },
	{ "sealmem_mseal", ENOMEM, mseal_of_a_hole, "A page of the range is not mapped." },
	{ "sealmem_mseal", EOPNOTSUPP, mseal_without_mseal, "There is no mseal(2) here, on which ADDRESS rests: see sealmem_allow_emulation()." },
	{ "sealmem_mseal", EBUSY, mseal_beside_a_filter, "Another thread has a seccomp filter of its own." },
	{ "sealmem_mseal", ENOSPC, mseal_until_filters_are_full, "There is no room for another seccomp filter: seal many extents at once." },
	{ "sealmem_mseal_many", EINVAL, mseal_of_too_many, "There are more extents than SEALMEM_EXTENTS_MAX, or their address is NULL." },
	{ "sealmem_keep_available", EOPNOTSUPP, keep_available_without_emulation, "The program did not call sealmem_allow_emulation()." },
	{ "sealmem_allow_emulation", EOPNOTSUPP, emulation_without_seccomp, "The kernel or a sandbox refuses seccomp filters." },
	{ "sealmem_region_accept", EINVAL, accept_without_result, "The pointer for the result is NULL." },
	{ "sealmem_region_accept", EINVAL, accept_without_content, "The guarantees lack CONTENT." },
	{ "sealmem_region_accept", EINVAL, accept_with_unknown_guarantee, "The guarantees have bits that this version of the library does not know." },
	{ "sealmem_region_accept", EOPNOTSUPP, accept_of_a_secret, "Memory that others have had cannot get SECRECY." },
	{ "sealmem_region_accept", EBADF, accept_of_a_closed_descriptor, "The descriptor is not open, or not for this." },
	{ "sealmem_region_accept", ENODEV, accept_of_a_pipe, "The descriptor is not that of a memfd." },
	{ "sealmem_region_accept", EPERM, accept_of_an_unsealed_memfd, "The bytes or the size of the file can still change: it lacks a seal." },
	{ "sealmem_region_accept", ENODATA, accept_of_no_huge_pages, "The file has huge pages, and is empty or ends within one." },
	{ "sealmem_region_accept", EBUSY, accept_beside_a_lease, "Another process has a write lease on the file." },
	{ "sealmem_region_accept", EAGAIN, accept_above_memlock, "RLIMIT_MEMLOCK does not allow this size." },
	{ "sealmem_region_accept", ENOMEM, accept_above_the_memory, "The size is above the memory of the machine." },
	{ "sealmem_region_accept", EMFILE, accept_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_region_accept_limited", EFBIG, accept_above_the_limit, "The size is above the limit of the caller." },
	{ "sealmem_send", EINVAL, send_nothing, "The region is NULL." },
	{ "sealmem_send", EPERM, send_an_open_region, "The region is open: seal it first." },
	{ "sealmem_send", EAFNOSUPPORT, send_over_the_internet, "The socket is not a Unix socket." },
	{ "sealmem_send", ENOTSOCK, send_over_a_file, "The descriptor is not that of a socket." },
	{ "sealmem_send", EPIPE, send_to_nobody, "The other end of the socket is closed." },
	{ "sealmem_send", EAGAIN, send_without_waiting, "A limit or a socket does not allow this now." },
	{ "sealmem_send", ETOOMANYREFS, send_too_many_descriptors, "Too many descriptors of this user are on their way: RLIMIT_NOFILE." },
	{ "sealmem_send", EMSGSIZE, send_a_part, "The socket took only a part of the message: close it." },
	{ "sealmem_receive", EINVAL, receive_to_nowhere, "The pointer for the result is NULL." },
	{ "sealmem_receive", EAFNOSUPPORT, receive_over_the_internet, "The socket is not a Unix socket." },
	{ "sealmem_receive", ECONNRESET, receive_from_nobody, "The other end of the socket is closed." },
	{ "sealmem_receive", EAGAIN, receive_nothing_yet, "A limit or a socket does not allow this now." },
	{ "sealmem_receive", EBADMSG, receive_something_else, "This is no message of sealmem_send(), or it is cut short." },
	{ "sealmem_receive", EMFILE, receive_without_descriptors, "There was no room for the descriptor that came, and the message is lost: RLIMIT_NOFILE." },
	{ "sealmem_publisher_new", EINVAL, publisher_to_nowhere, "The pointer for the result is NULL." },
	{ "sealmem_publisher_new", EINVAL, publisher_that_does_not_listen, "The socket does not listen." },
	{ "sealmem_publisher_new", EPROTOTYPE, publisher_of_a_stream, "The socket is not of type SOCK_SEQPACKET." },
	{ "sealmem_publisher_new", EAFNOSUPPORT, publisher_on_the_internet, "The socket is not a Unix socket." },
	{ "sealmem_publisher_new", EBADF, publisher_of_nothing, "The descriptor is not open, or not for this." },
	{ "sealmem_publisher_new", ENOTSOCK, publisher_of_a_file, "The descriptor is not that of a socket." },
	{ "sealmem_publisher_new", EMFILE, publisher_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_publisher_new", EOPNOTSUPP, publisher_without_epoll, "The kernel or a sandbox refuses a system call that this needs." },
	{ "sealmem_publish", EINVAL, publish_nothing, "The region is NULL." },
	{ "sealmem_publish", EINVAL, publish_from_nobody, "The publisher is NULL." },
	{ "sealmem_publish", EPERM, publish_an_open_region, "The region is open: seal it first." },
	{ "sealmem_publish", EOPNOTSUPP, publish_a_secret, "The region has no descriptor: it is secret, or its file could not be opened." },
	{ "sealmem_publish_labelled", EINVAL, publish_with_a_label_of_two_lines, "The label is NULL, longer than SEALMEM_LABEL_MAX bytes, or has a control character." },
	{ "sealmem_publish_named", ENAMETOOLONG, publish_under_a_long_name, "The name is longer than SEALMEM_NAME_MAX bytes." },
	{ "sealmem_publish", ERANGE, publish_after_the_last_number, "There is no generation number after this one." },
	{ "sealmem_publish", EMFILE, publish_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_publisher_announce", EINVAL, announce_nothing, "The name is NULL." },
	{ "sealmem_publisher_announce", ENAMETOOLONG, announce_a_long_name, "The name is longer than SEALMEM_NAME_MAX bytes." },
	{ "sealmem_publisher_set_limits", EINVAL, limit_to_nothing, "The limits are NULL, or one of them is 0." },
	{ "sealmem_list_published", EINVAL, list_for_nobody, "The function that is to be called is NULL." },
	{ "sealmem_list_published", EAFNOSUPPORT, list_on_the_internet, "The socket is not a Unix socket." },
	{ "sealmem_list_published", EPROTOTYPE, list_over_a_stream, "The socket is not of type SOCK_SEQPACKET." },
	{ "sealmem_list_published", ENOTSOCK, list_from_a_file, "The descriptor is not that of a socket." },
	{ "sealmem_list_published", EBADF, list_from_nothing, "The descriptor is not open, or not for this." },
	{ "sealmem_list_published", EACCES, list_without_admission, "The publisher does not admit this process." },
	{ "sealmem_list_published", EUSERS, list_of_a_full_publisher, "The publisher has as many subscribers, or this one as many names, as its limits allow." },
	{ "sealmem_list_published", ECONNRESET, list_after_the_end, "The other end of the socket is closed." },
	{ "sealmem_list_published", EPROTO, list_of_something_else, "The other end does not keep to the protocol." },
	{ "sealmem_list_published", EAGAIN, list_of_nobody_yet, "A limit or a socket does not allow this now." },
	{ "sealmem_subscribe", EINVAL, subscribe_to_nowhere, "The pointer for the result is NULL." },
	{ "sealmem_subscribe", EINVAL, subscribe_with_address, "A generation is unmapped when nobody reads it any more, so it cannot have ADDRESS." },
	{ "sealmem_subscribe", ENAMETOOLONG, subscribe_to_a_long_name, "The name is longer than SEALMEM_NAME_MAX bytes." },
	{ "sealmem_subscribe", EAFNOSUPPORT, subscribe_on_the_internet, "The socket is not a Unix socket." },
	{ "sealmem_subscribe", EPROTOTYPE, subscribe_over_a_stream, "The socket is not of type SOCK_SEQPACKET." },
	{ "sealmem_subscribe", ENOTSOCK, subscribe_over_a_file, "The descriptor is not that of a socket." },
	{ "sealmem_subscribe", ENOENT, subscribe_to_what_is_not_served, "The publisher does not serve this name." },
	{ "sealmem_subscribe", EACCES, subscribe_without_admission, "The publisher does not admit this process." },
	{ "sealmem_subscribe", EUSERS, subscribe_to_a_full_publisher, "The publisher has as many subscribers, or this one as many names, as its limits allow." },
	{ "sealmem_subscribe", EFBIG, subscribe_above_the_limit, "The size is above the limit of the caller." },
	{ "sealmem_subscribe", ECONNRESET, subscribe_after_the_end, "The other end of the socket is closed." },
	{ "sealmem_subscribe", EPROTO, subscribe_to_something_else, "The other end does not keep to the protocol." },
	{ "sealmem_subscribe", EAGAIN, subscribe_to_nobody_yet, "A limit or a socket does not allow this now." },
	{ "sealmem_subscription_update", EINVAL, update_nothing, "The subscription is NULL." },
	{ "sealmem_subscription_update", ERANGE, update_from_an_older_publisher, "The generation of the publisher is older than that of the subscription." },
	{ "sealmem_load_verified", EINVAL, load_to_nowhere, "The pointer for the result is NULL." },
	{ "sealmem_load_verified", EINVAL, load_without_verifying, "The function that verifies is NULL." },
	{ "sealmem_load_verified", EINVAL, load_from_a_pipe, "The descriptor is not that of a file with a size." },
	{ "sealmem_load_verified", EBADF, load_from_a_closed_descriptor, "The descriptor is not open, or not for this." },
	{ "sealmem_load_verified", ENOEXEC, load_an_empty_file, "The file is empty: it is not a shared object." },
	{ "sealmem_load_verified", ENOEXEC, load_what_is_no_object, "The loader refused the object: dlerror(3) says why." },
	{ "sealmem_load_verified", EKEYREJECTED, load_what_is_refused, "The function that verifies refused the bytes." },
	{ "sealmem_load_verified", EFBIG, load_above_file_size, "RLIMIT_FSIZE is below this size." },
	{ "sealmem_load_verified", EMFILE, load_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_load_verified", ENOMEM, load_without_memory, OUT_OF_MEMORY },
	{ "sealmem_load_verified", EOPNOTSUPP, load_without_memfd, "The kernel or a sandbox refuses memfd_create(2), on which CONTENT rests." },
	{ "sealmem_seal_image", EINVAL, image_with_unknown_flags, "The flags have bits that this version of the library does not know." },
	{ "sealmem_seal_image", EOPNOTSUPP, image_without_mseal, "There is no mseal(2) here, on which ADDRESS rests: see sealmem_allow_emulation()." },
	{ "sealmem_seal_image", EOPNOTSUPP, image_without_proc, "/proc is not mounted, or a sandbox hides it." },
	{ "sealmem_seal_image", EFBIG, image_above_file_size, "RLIMIT_FSIZE is below this size." },
	{ "sealmem_seal_image", EMFILE, image_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_seal_image", EFAULT, image_with_unreadable_code, "Code that is to be replaced cannot be read." },
	{ "sealmem_seal_image", ENOMEM, image_without_memory, OUT_OF_MEMORY },
	{ "sealmem_seal_image", EPERM, image_deep_after_shallow, "Pages that are to be replaced are sealed by mseal(2) alone already." },
	{ "sealmem_seal_loaded", EINVAL, loaded_of_nothing, "The handle is not one of dlopen(3), or the program is linked statically." },
	{ "sealmem_seal_loaded", EINVAL, loaded_with_unknown_flags, "The flags have bits that this version of the library does not know." },
	{ "sealmem_try_write", EINVAL, write_of_nothing, "The buffer is NULL." },
	{ "sealmem_try_write", EFAULT, write_to_sealed_memory, "A page refuses the store, or the bytes cannot be read." },
	{ "sealmem_try_write", EMFILE, write_without_descriptors, OUT_OF_DESCRIPTORS },
	{ "sealmem_try_write", ENOMEM, write_without_memory, OUT_OF_MEMORY },
	/* clang-format on */
};

START_TEST(a_failure_has_its_errno_and_its_sentence)
{
	const struct row *row = &rows[_i];
	int err;
	const char *sentence;
	/* Of a row that lowers it. What writes a file at the end of the process, such as coverage, is no part of that. */
	const struct limit files = unchanged_limit(RLIMIT_FSIZE);

	leave_objects_behind();
	err = row->provoke();
	sentence = sealmem_strerror(err);
	lift_limit(&files);
	ck_assert_msg(err == -row->error, "%s row %d: %d", row->function, _i, err);
	ck_assert_msg(strcmp(sentence, row->sentence) == 0, "%s row %d: %s", row->function, _i,
		      sentence);
	ck_assert_ptr_eq(sealmem_strerror(row->error), sentence);
}
END_TEST

static int refusal;

/* A check that uses this library itself, and fails for a reason of its own. */
static int refuse(const void *bytes, size_t size, void *data)
{
	(void)bytes;
	(void)size;
	(void)data;
	ck_assert_int_eq(new_without_name(), -EINVAL);
	return refusal;
}

/* What "Permission denied" is about here, the general sentence for EACCES would say wrongly. */
static void assert_refused_by_caller(int error, const char *sentence)
{
	refusal = -error;
	ck_assert_int_eq(load_from(filled_memfd(100), refuse), -error);
	ck_assert_str_eq(sealmem_strerror(-error), sentence);
	ck_assert_str_eq(sealmem_strerror(error), sentence);
}

START_TEST(an_error_of_the_callers_check_is_told_as_its_own)
{
	assert_refused_by_caller(
		EACCES, "The function that verifies refused the bytes: Permission denied.");
	assert_refused_by_caller(EINVAL,
				 "The function that verifies refused the bytes: Invalid argument.");
	assert_refused_by_caller(EXDEV,
				 "The function that verifies refused the bytes with this errno.");
	assert_refused_by_caller(4095,
				 "The function that verifies refused the bytes with this errno.");
	ck_assert_str_eq(sealmem_strerror(-EINVAL), "An argument is not valid.");
	assert_refused_by_caller(
		4096, "A system call failed with an errno that this library does not explain.");
	ck_assert_int_eq(load_without_verifying(), -EINVAL);
	ck_assert_str_eq(sealmem_strerror(-EINVAL), "The function that verifies is NULL.");
}
END_TEST

/* Only some errnos have a text; it is that of the C library. */
START_TEST(the_text_of_the_callers_errno_is_that_of_strerror)
{
	char text[200];
	int told = 0;

	for (refusal = -1; refusal > -140; refusal--) {
		ck_assert_int_eq(load_from(filled_memfd(1), refuse), refusal);
		if (strstr(sealmem_strerror(refusal), " with this errno.") != NULL)
			continue;
		(void)snprintf(text, sizeof(text),
			       "The function that verifies refused the bytes: %s.",
			       strerror(-refusal));
		ck_assert_str_eq(sealmem_strerror(refusal), text);
		told++;
	}
	ck_assert_int_ge(told, 30);
}
END_TEST

START_TEST(every_errno_has_a_sentence)
{
	for (int error = -200; error <= 200; error++) {
		const char *sentence = sealmem_strerror(error);

		ck_assert_ptr_nonnull(sentence);
		ck_assert(sentence[0] != '\0' && sentence[strlen(sentence) - 1] == '.');
	}
	ck_assert_ptr_nonnull(sealmem_strerror(INT_MAX));
	ck_assert_ptr_nonnull(sealmem_strerror(INT_MIN));
	ck_assert_str_eq(sealmem_strerror(0), "Nothing failed.");
}
END_TEST

START_TEST(the_next_call_forgets_the_reason)
{
	SCOPED_REGION *region = empty_region(8, CONTENT);

	ck_assert_int_eq(new_without_name(), -EINVAL);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	ck_assert_str_eq(sealmem_strerror(-EINVAL), "An argument is not valid.");
}
END_TEST

START_TEST(an_errno_that_did_not_occur_has_its_general_sentence)
{
	ck_assert_int_eq(new_without_name(), -EINVAL);
	ck_assert_str_eq(sealmem_strerror(-EMFILE), OUT_OF_DESCRIPTORS);
}
END_TEST

/* Programs free what they have before they say what failed. */
START_TEST(what_cannot_fail_leaves_the_reason)
{
	struct sealmem_region *region = sealed_region("test", 8, CONTENT | SEALMEM_NOSWAP);
	char byte = 1;

	ck_assert_int_eq(new_without_name(), -EINVAL);
	(void)sealmem_region_data(region);
	(void)sealmem_region_size(region);
	(void)sealmem_region_name(region);
	(void)sealmem_region_guarantees(region);
	(void)sealmem_region_free(region);
	sealmem_wipe(&byte, 1);
	ck_assert_int_eq(sealmem_equal(&byte, &byte, 1), 1);
	(void)sealmem_supported();
	ck_assert_str_eq(sealmem_strerror(-EINVAL), "The name is NULL.");
}
END_TEST

static void *fail_otherwise(void *argument)
{
	(void)argument;
	ck_assert_str_eq(sealmem_strerror(-EINVAL), "An argument is not valid.");
	ck_assert_int_eq(fd_of_nothing(), -EINVAL);
	ck_assert_str_eq(sealmem_strerror(-EINVAL), "The region is NULL.");
	return NULL;
}

START_TEST(each_thread_has_its_own_reason)
{
	pthread_t thread;

	ck_assert_int_eq(new_without_name(), -EINVAL);
	ck_assert_int_eq(pthread_create(&thread, NULL, fail_otherwise, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_str_eq(sealmem_strerror(-EINVAL), "The name is NULL.");
}
END_TEST

/* The roll-back makes calls that fail as well, and are not why. */
START_TEST(a_roll_back_leaves_the_reason_of_the_seal)
{
	SCOPED_REGION *region = open_region("test", page_size(), CONTENT);
	int fd = open_file_of("test", O_RDWR);
	void *writer = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(writer, MAP_FAILED);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	ck_assert_str_eq(sealmem_strerror(-EBUSY),
			 "Somebody has a writable mapping of the file, or holds one of its pages.");
	assert_still_open(region, sealmem_region_data(region), page_size());
	ck_assert_int_eq(sys_munmap(writer, page_size()), 0);
	close_fd(fd);
}
END_TEST

static const char *said_in_handler;

static void ask_in_handler(int signal)
{
	(void)signal;
	said_in_handler = sealmem_strerror(-EINVAL);
}

START_TEST(a_signal_handler_may_ask)
{
	struct sigaction action = { .sa_handler = ask_in_handler };

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(new_without_name(), -EINVAL);
	ck_assert_int_eq(raise(SIGUSR1), 0);
	ck_assert_str_eq(said_in_handler, "The name is NULL.");
}
END_TEST

START_TEST(asking_leaves_errno)
{
	errno = EDOM;
	(void)sealmem_strerror(-EINVAL);
	(void)sealmem_strerror(-9999);
	ck_assert_int_eq(errno, EDOM);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		an_error_of_the_callers_check_is_told_as_its_own,
		the_text_of_the_callers_errno_is_that_of_strerror,
		every_errno_has_a_sentence,
		the_next_call_forgets_the_reason,
		an_errno_that_did_not_occur_has_its_general_sentence,
		what_cannot_fail_leaves_the_reason,
		each_thread_has_its_own_reason,
		a_roll_back_leaves_the_reason_of_the_seal,
		a_signal_handler_may_ask,
		asking_leaves_errno,
	};
	TCase *tcase = tcase_create("reason");

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, a_failure_has_its_errno_and_its_sentence, 0,
			    sizeof(rows) / sizeof(*rows));
	tcase_set_timeout(tcase, 60);
	return run_case("reason", tcase);
}
