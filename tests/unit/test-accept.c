/* SPDX-License-Identifier: MIT */

/*
 * Taking a descriptor from somebody who is not trusted. What is refused whatever is sent stands in the table
 * of test-hostile.c; here is what an accepted region has to be, what the caller keeps, and what the
 * kernel, a limit or a sandbox may withhold. The sender that acts while we look is in test-race.c.
 */

#include "tests/support/channel.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

static struct sealmem_region *accepted(int fd, unsigned guarantees)
{
	struct sealmem_region *region = NULL;

	ck_assert_int_eq(sealmem_region_accept(&region, fd, guarantees), 0);
	ck_assert_ptr_nonnull(region);
	return region;
}

/* Fails the test unless it is refused so, with nothing returned and nothing kept. */
static void assert_refused(int fd, size_t limit, unsigned guarantees, int expected)
{
	struct sealmem_region *const untouched = (void *)&limit, *region = untouched;
	struct census before = take_census();

	ck_assert_int_eq(sealmem_region_accept_limited(&region, fd, limit, guarantees), expected);
	ck_assert_ptr_eq(region, untouched);
	assert_same_census(before);
}

static int sealed_memfd(size_t size)
{
	return with_seals(filled_memfd(size), ALL_SEALS);
}

START_TEST(an_accepted_region_refuses_stores)
{
	const size_t size = 2 * page_size();
	SCOPED_REGION *region = accepted(sealed_memfd(size), SEALMEM_CONTENT);

	assert_sealed(sealmem_region_data(region), size);
	ck_assert_uint_eq(sealmem_region_guarantees(region), SEALMEM_CONTENT);
}
END_TEST

START_TEST(a_store_to_memory_that_is_not_sealed_succeeds)
{
	char *at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
			filled_memfd(page_size()), 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert_int_eq(sealmem_try_write(at, "", 1), 0);
	ck_assert_int_eq(*at, 0);
}
END_TEST

START_TEST(an_accepted_region_cannot_be_made_writable)
{
	SCOPED_REGION *region = accepted(sealed_memfd(page_size()), SEALMEM_CONTENT);
	void *data = sealmem_region_data(region);

	ck_assert_int_eq((int)result(mprotect(data, page_size(), PROT_READ | PROT_WRITE)), -EACCES);
	assert_filled(data, page_size());
}
END_TEST

START_TEST(size_and_bytes_are_those_that_were_sealed)
{
	const size_t page = page_size(),
		     sizes[] = { 1, page - 1, page, page + 1, 3 * page + 7, ((size_t)1 << 20) + 1 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		CLEANUP(close_fd_at) int fd = sealed_memfd(sizes[i]);
		SCOPED_REGION *region = accepted(fd, SEALMEM_CONTENT);

		ck_assert_uint_eq(sealmem_region_size(region), sizes[i]);
		assert_filled(sealmem_region_data(region), sizes[i]);
	}
}
END_TEST

START_TEST(the_rest_of_the_last_page_reads_as_zeroes)
{
	const size_t size = page_size() + 7;
	SCOPED_REGION *region = accepted(sealed_memfd(size), SEALMEM_CONTENT);

	assert_zeroed((char *)sealmem_region_data(region) + size, 2 * page_size() - size);
}
END_TEST

/* A page in the middle of an otherwise empty file. */
static int sparse_memfd(size_t size)
{
	int fd = filled_memfd(0);
	char *bytes = map_private(page_size());

	fill(bytes, page_size());
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(pwrite(fd, bytes, page_size(), (off_t)(size / 2)), (ssize_t)page_size());
	munmap(bytes, page_size());
	return with_seals(fd, ALL_SEALS);
}

START_TEST(holes_read_as_zeroes)
{
	const size_t size = 64 * page_size();
	SCOPED_REGION *region = accepted(sparse_memfd(size), SEALMEM_CONTENT);
	const char *data = sealmem_region_data(region);

	assert_zeroed(data, size / 2);
	assert_filled(data + size / 2, page_size());
	assert_zeroed(data + size / 2 + page_size(), size / 2 - page_size());
}
END_TEST

START_TEST(holes_take_no_memory_until_they_are_read)
{
	int fd = sparse_memfd((size_t)1 << 5 * sizeof(size_t));
	SCOPED_REGION *region = NULL;
	struct stat status;

	require_no_valgrind("valgrind has less than 1 TiB of address space");
	if (sealmem_region_accept(&region, fd, SEALMEM_CONTENT) == -ENOMEM)
		skip_test("less than 1 TiB of address space");
	ck_assert_int_eq(fstat(fd, &status), 0);
	ck_assert_int_le(status.st_blocks * 512, 2 << 20);
	ck_assert_uint_eq(sealmem_region_size(region), (size_t)1 << 5 * sizeof(size_t));
}
END_TEST

START_TEST(further_seals_are_accepted)
{
	static const int further[] = { 0, F_SEAL_SEAL, F_SEAL_FUTURE_WRITE,
				       F_SEAL_SEAL | F_SEAL_FUTURE_WRITE };

	for (size_t i = 0; i < sizeof(further) / sizeof(*further); i++) {
		CLEANUP(close_fd_at) int fd = with_seals(filled_memfd(page_size()), FINAL_SEALS);
		SCOPED_REGION *region = accepted(with_seals(fd, further[i]), SEALMEM_CONTENT);

		assert_sealed(sealmem_region_data(region), page_size());
	}
}
END_TEST

/* What a machine with vm.memfd_noexec makes of every memfd. */
START_TEST(a_memfd_that_never_was_executable_is_accepted)
{
	int fd = memfd_create("exec", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	SCOPED_REGION *region = NULL;

	if (fd < 0)
		skip_test("this kernel has no MFD_NOEXEC_SEAL");
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
	(void)with_seals(fd, ALL_SEALS);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS), ALL_SEALS | F_SEAL_EXEC);
	region = accepted(fd, SEALMEM_CONTENT);
	ck_assert_mem_eq(sealmem_region_data(region), "x", 1);
}
END_TEST

/* An executable memfd that a mapping of ours can write, and that the seal against execution was asked
 * for, which brings the seal against writing along. `ret` is what the kernel answered. */
static int executable_memfd_with_writer(char **writer, int *ret)
{
	int fd = memfd_create("executable", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0)
		skip_test("this kernel has no F_SEAL_EXEC, or forbids executable memfds");
	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	*writer = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(*writer, MAP_FAILED);
	*ret = (int)result(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
	return fd;
}

START_TEST(a_write_seal_that_was_never_checked_is_no_seal)
{
	char *writer;
	int answer, fd = executable_memfd_with_writer(&writer, &answer);

	*writer = 'x';
	if (answer == 0)
		ck_assert_int_eq(fcntl(fd, F_GET_SEALS) & FINAL_SEALS, FINAL_SEALS);
	assert_refused(fd, SIZE_MAX, SEALMEM_CONTENT, -EPERM);
	*writer = 'y';
}
END_TEST

START_TEST(a_memfd_sealed_against_writing_and_execution_is_accepted_where_that_can_be_believed)
{
	char *writer;
	int answer, fd = executable_memfd_with_writer(&writer, &answer);
	bool believed = answer == -EBUSY;

	if (believed)
		ck_assert_int_eq(munmap(writer, page_size()), 0);
	(void)with_seals(fd, FINAL_SEALS | F_SEAL_EXEC);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS), FINAL_SEALS | F_SEAL_EXEC | F_SEAL_FUTURE_WRITE);
	if (believed)
		(void)sealmem_region_free(accepted(fd, SEALMEM_CONTENT));
	else
		assert_refused(fd, SIZE_MAX, SEALMEM_CONTENT, -EPERM);
}
END_TEST

START_TEST(a_size_at_the_limit_is_accepted)
{
	SCOPED_REGION *region = NULL;

	ck_assert_int_eq(
		sealmem_region_accept_limited(&region, sealed_memfd(1000), 1000, SEALMEM_CONTENT),
		0);
	assert_filled(sealmem_region_data(region), 1000);
}
END_TEST

START_TEST(a_size_of_one_above_the_limit_is_refused)
{
	assert_refused(sealed_memfd(1001), 1000, SEALMEM_CONTENT, -EFBIG);
}
END_TEST

START_TEST(a_limit_of_nothing_refuses_all)
{
	assert_refused(sealed_memfd(1), 0, SEALMEM_CONTENT, -EFBIG);
}
END_TEST

START_TEST(a_place_for_the_region_is_needed)
{
	struct census before = take_census();
	int fd = sealed_memfd(1);

	ck_assert_int_eq(sealmem_region_accept(NULL, fd, SEALMEM_CONTENT), -EINVAL);
	ck_assert_int_eq(sealmem_region_accept_limited(NULL, fd, 1, SEALMEM_CONTENT), -EINVAL);
	close(fd);
	assert_same_census(before);
}
END_TEST

START_TEST(a_demand_without_content_or_with_unknown_bits_is_refused)
{
	static const unsigned demands[] = {
		0,
		SEALMEM_ADDRESS,
		SEALMEM_SECRECY,
		SEALMEM_CONTENT | (SEALMEM_GUARANTEES + 1),
		SEALMEM_CONTENT | SEALMEM_SECRECY | (SEALMEM_GUARANTEES + 1),
	};

	for (size_t i = 0; i < sizeof(demands) / sizeof(*demands); i++)
		assert_refused(sealed_memfd(1), SIZE_MAX, demands[i], -EINVAL);
}
END_TEST

START_TEST(memory_that_others_have_held_is_no_secret)
{
	assert_refused(sealed_memfd(1), SIZE_MAX, SEALMEM_CONTENT | SEALMEM_SECRECY, -EOPNOTSUPP);
}
END_TEST

START_TEST(a_demand_is_judged_before_the_descriptor)
{
	assert_refused(-1, SIZE_MAX, SEALMEM_CONTENT | SEALMEM_SECRECY, -EOPNOTSUPP);
	assert_refused(-1, SIZE_MAX, 0, -EINVAL);
}
END_TEST

START_TEST(a_descriptor_that_is_not_open_is_ebadf)
{
	int fd;

	(void)take_census();
	fd = sealed_memfd(1);
	close(fd);
	ck_assert_int_eq(
		sealmem_region_accept(&(struct sealmem_region *){ 0 }, fd, SEALMEM_CONTENT),
		-EBADF);
	assert_refused(-1, SIZE_MAX, SEALMEM_CONTENT, -EBADF);
	assert_refused(AT_FDCWD, SIZE_MAX, SEALMEM_CONTENT, -EBADF);
}
END_TEST

START_TEST(the_callers_descriptor_stays_as_it_was)
{
	int fd = sealed_memfd(page_size());
	struct sealmem_region *region;

	ck_assert_int_eq(fcntl(fd, F_SETFD, 0), 0);
	ck_assert_int_eq(lseek(fd, 42, SEEK_SET), 42);
	region = accepted(fd, SEALMEM_CONTENT);
	ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 42);
	(void)sealmem_region_free(region);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 42);
}
END_TEST

START_TEST(a_region_outlives_the_callers_descriptor)
{
	int fd = sealed_memfd(page_size());
	SCOPED_REGION *region = accepted(fd, SEALMEM_CONTENT);

	close(fd);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

/* Sends what it made and dies, in a child: nobody else has the file afterwards. */
static int send_and_die(void *argument)
{
	const struct channel *channel = argument;

	post_honest(channel->sender, sealed_memfd(page_size()));
	return raise(SIGKILL);
}

START_TEST(a_region_outlives_its_sender)
{
	SCOPED_CHANNEL channel = open_channel(SOCK_STREAM);
	SCOPED_REGION *region = NULL;

	(void)run_child(send_and_die, &channel);
	region = accepted(take_descriptor(channel.receiver), SEALMEM_CONTENT);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

START_TEST(a_file_can_be_accepted_more_than_once)
{
	int fd = sealed_memfd(page_size());
	struct sealmem_region *first = accepted(fd, SEALMEM_CONTENT);
	SCOPED_REGION *second = accepted(sealmem_region_fd(first), SEALMEM_CONTENT);

	ck_assert_ptr_ne(sealmem_region_data(first), sealmem_region_data(second));
	(void)sealmem_region_free(first);
	assert_sealed(sealmem_region_data(second), page_size());
}
END_TEST

START_TEST(a_region_of_our_own_can_be_accepted)
{
	SCOPED_REGION *made = sealed_region("made", page_size(), SEALMEM_CONTENT);
	struct sealmem_region *region = accepted(sealmem_region_fd(made), SEALMEM_CONTENT);

	assert_sealed(sealmem_region_data(region), page_size());
	(void)sealmem_region_free(region);
}
END_TEST

START_TEST(an_accepted_region_is_called_so)
{
	SCOPED_REGION *region = accepted(sealed_memfd(1), SEALMEM_CONTENT);

	ck_assert_str_eq(sealmem_region_name(region), "accepted");
}
END_TEST

START_TEST(the_descriptor_of_an_accepted_region_can_only_read)
{
	SCOPED_REGION *region = accepted(sealed_memfd(1), SEALMEM_CONTENT);
	int fd = sealmem_region_fd(region);

	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(a_duplicate_of_the_senders_descriptor_moves_with_it)
{
	int fd = sealed_memfd(page_size()), same = dup(fd);

	ck_assert_int_eq(lseek(fd, 42, SEEK_SET), 42);
	ck_assert_int_eq(lseek(same, 0, SEEK_CUR), 42);
}
END_TEST

START_TEST(the_sender_cannot_move_the_descriptor_of_an_accepted_region)
{
	int fd = sealed_memfd(page_size());
	SCOPED_REGION *region = accepted(fd, SEALMEM_CONTENT);

	ck_assert_int_eq(lseek(fd, 42, SEEK_SET), 42);
	ck_assert_int_eq(lseek(sealmem_region_fd(region), 0, SEEK_CUR), 0);
}
END_TEST

START_TEST(a_region_takes_none_of_the_standard_numbers)
{
	int fd = sealed_memfd(page_size());
	SCOPED_REGION *region = NULL;

	close(STDIN_FILENO);
	region = accepted(fd, SEALMEM_CONTENT);
	ck_assert_int_gt(sealmem_region_fd(region), STDERR_FILENO);
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
}
END_TEST

START_TEST(a_descriptor_for_writing_only_is_accepted)
{
	int fd = opened_again(with_seals(filled_memfd(page_size()), F_SEAL_SHRINK), O_WRONLY);
	SCOPED_REGION *region = NULL;

	region = accepted(with_seals(fd, ALL_SEALS), SEALMEM_CONTENT);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

/* As seen by somebody whom the mode binds. */
static int unreadable_memfd(int access_mode)
{
	int fd;

	become_plain_user();
	fd = opened_again(sealed_memfd(page_size()), access_mode);
	ck_assert_int_eq(fchmod(fd, 0), 0);
	return fd;
}

START_TEST(a_file_that_nobody_may_open_is_accepted_from_a_descriptor_that_reads)
{
	SCOPED_REGION *region = accepted(unreadable_memfd(O_RDONLY), SEALMEM_CONTENT);

	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

START_TEST(a_region_of_a_file_that_nobody_may_open_has_no_descriptor)
{
	SCOPED_REGION *region = accepted(unreadable_memfd(O_RDONLY), SEALMEM_CONTENT);

	ck_assert_int_eq(sealmem_region_fd(region), -EOPNOTSUPP);
}
END_TEST

/* The kernel would let the receiver wait for the holder of the lease for 45 seconds. */
START_TEST(a_file_with_a_write_lease_is_busy_at_once)
{
	int fd = with_lease(opened_again(sealed_memfd(page_size()), O_RDONLY));
	SCOPED_REGION *region = NULL;

	assert_refused(fd, SIZE_MAX, SEALMEM_CONTENT, -EBUSY);
	ck_assert_int_eq(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	region = accepted(fd, SEALMEM_CONTENT);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

START_TEST(the_descriptor_of_an_accepted_region_waits_as_others_do)
{
	SCOPED_REGION *region = accepted(sealed_memfd(page_size()), SEALMEM_CONTENT);

	ck_assert_int_eq(fcntl(sealmem_region_fd(region), F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_for_reading_is_refused)
{
	int fd;

	become_plain_user();
	fd = opened_again(filled_memfd(page_size()), O_WRONLY);
	ck_assert_int_eq(fchmod(fd, 0), 0);
	assert_refused(with_seals(fd, ALL_SEALS), SIZE_MAX, SEALMEM_CONTENT, -EOPNOTSUPP);
}
END_TEST

START_TEST(without_proc_a_descriptor_for_reading_is_accepted)
{
	int fd = opened_again(sealed_memfd(page_size()), O_RDONLY);
	SCOPED_REGION *region = NULL;

	hide_proc();
	region = accepted(fd, SEALMEM_CONTENT | SEALMEM_GUARDS);
	assert_sealed(sealmem_region_data(region), page_size());
	ck_assert_int_eq(sealmem_region_fd(region), -EOPNOTSUPP);
}
END_TEST

START_TEST(without_proc_nothing_is_kept)
{
	int fd = opened_again(sealed_memfd(page_size()), O_RDONLY);
	struct census before;

	hide_proc();
	before = take_census();
	(void)sealmem_region_free(accepted(fd, SEALMEM_CONTENT));
	assert_same_census(before);
}
END_TEST

static const struct {
	unsigned guarantee;
	const char *letters; /* in VmFlags */
} marks[] = {
	{ SEALMEM_ADDRESS, "sl" },
	{ SEALMEM_NOSWAP, "lo" },
	{ SEALMEM_NODUMP, "dd" },
	{ SEALMEM_NOFORK, "dc" },
};

/* By what the kernel says: valgrind complains of an attempt. */
static void assert_guarded(const char *data, size_t size)
{
	struct maps_entry below, above;

	ck_assert(find_mapping(data - 1, &below) && find_mapping(data + size, &above));
	ck_assert_int_eq(below.protection, PROT_NONE);
	ck_assert_int_eq(above.protection, PROT_NONE);
}

static void assert_marked(const struct sealmem_region *region, unsigned guarantees)
{
	const char *data = sealmem_region_data(region);

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (guarantees & marks[i].guarantee)
			ck_assert_msg(has_flag(data, marks[i].letters), "demand %x lacks \"%s\"",
				      guarantees, marks[i].letters);
	if (!(guarantees & SEALMEM_GUARDS))
		return;
	assert_guarded(data, 2 * page_size());
}

START_TEST(every_demand_is_met_or_refused)
{
	unsigned refusable = ~sealmem_supported();
	CLEANUP(close_fd_at) int fd = sealed_memfd(2 * page_size());

	for (unsigned demand = 0; demand <= SEALMEM_GUARANTEES; demand++) {
		struct sealmem_region *region = NULL;
		struct census before = take_census();
		int err;

		if (!(demand & SEALMEM_CONTENT) || demand & SEALMEM_SECRECY)
			continue;
		err = sealmem_region_accept(&region, fd, demand);
		if (err < 0) {
			ck_assert_msg(demand & refusable, "demand %x refused with %d", demand, err);
			assert_same_census(before);
			continue;
		}
		ck_assert_uint_eq(sealmem_region_guarantees(region), demand);
		assert_sealed(sealmem_region_data(region), 2 * page_size());
		assert_marked(region, demand);
		(void)sealmem_region_free(region);
		if (!(demand & SEALMEM_ADDRESS))
			assert_same_census(before);
	}
}
END_TEST

START_TEST(an_accepted_address_stays_when_the_region_is_freed)
{
	struct sealmem_region *region;
	char *data;

	require_mseal();
	region = accepted(sealed_memfd(page_size()), SEALMEM_CONTENT | SEALMEM_ADDRESS);
	data = sealmem_region_data(region);
	(void)sealmem_region_free(region);
	ck_assert_int_eq((int)result(munmap(data, page_size())), -EPERM);
	assert_sealed(data, page_size());
}
END_TEST

START_TEST(without_mseal_an_address_is_refused)
{
	int fd = sealed_memfd(page_size());

	forbid(__NR_mseal, ENOSYS);
	assert_refused(fd, SIZE_MAX, SEALMEM_CONTENT | SEALMEM_ADDRESS, -EOPNOTSUPP);
}
END_TEST

START_TEST(without_mseal_what_needs_no_address_is_accepted)
{
	int fd = sealed_memfd(page_size());

	forbid(__NR_mseal, ENOSYS);
	sealmem_region_free(accepted(fd, SEALMEM_CONTENT));
}
END_TEST

/* What is in memory and locked needs no page later, which the cgroup of the sender might not have. */
START_TEST(with_noswap_every_page_is_in_memory_at_once)
{
	const size_t size = 64 * page_size();
	int fd = sparse_memfd(size);
	SCOPED_REGION *plain = accepted(fd, SEALMEM_CONTENT), *locked = NULL;

	ck_assert(!is_resident(sealmem_region_data(plain), size));
	if (sealmem_region_accept(&locked, fd, SEALMEM_CONTENT | SEALMEM_NOSWAP) == -EAGAIN)
		skip_test("RLIMIT_MEMLOCK is below the size");
	ck_assert_ptr_nonnull(locked);
	ck_assert(is_resident(sealmem_region_data(locked), size));
	ck_assert_int_eq(smaps_kib(sealmem_region_data(locked), "Locked"), (long)(size >> 10));
}
END_TEST

START_TEST(more_than_may_be_locked_is_refused)
{
	int fd = sealed_memfd(64 * page_size());
	SCOPED_LIMIT limit = { 0 };

	become_plain_user();
	limit = set_limit(RLIMIT_MEMLOCK, 8 * page_size());
	assert_refused(fd, SIZE_MAX, SEALMEM_CONTENT | SEALMEM_NOSWAP, -EAGAIN);
}
END_TEST

/* The kernel would bring in one page after the other until it ends processes: the limit is for a library that asks
 * it to. */
START_TEST(more_than_the_memory_of_the_machine_is_refused_with_noswap)
{
	SCOPED_LIMIT limit = { 0 };
	struct sysinfo info;
	size_t size;
	int fd;

	require_no_valgrind("valgrind has little address space");
	ck_assert_int_eq(sysinfo(&info), 0);
	if (info.totalram > SIZE_MAX / 8 / info.mem_unit)
		skip_test("the machine has more memory than the addresses of this program");
	size = page_round_up(2 * info.totalram * info.mem_unit);
	fd = sparse_memfd(size);
	become_plain_user();
	limit = set_limit(RLIMIT_MEMLOCK, 8 * page_size());
	(void)sealmem_region_free(accepted(fd, SEALMEM_CONTENT));
	assert_refused(fd, SIZE_MAX, SEALMEM_CONTENT | SEALMEM_NOSWAP, -ENOMEM);
}
END_TEST

START_TEST(more_than_the_address_space_holds_is_refused)
{
	int fd = sealed_memfd((size_t)8 << 20);
	SCOPED_LIMIT limit = { 0 };

	require_own_address_space();
	limit = set_limit(RLIMIT_AS, (rlim_t)1 << 20);
	assert_refused(fd, SIZE_MAX, SEALMEM_CONTENT, -ENOMEM);
}
END_TEST

START_TEST(a_lack_of_descriptors_is_reported_and_changes_nothing)
{
	const int needed = 2;
	int fd = sealed_memfd(page_size());

	for (int left = 0; left <= needed; left++) {
		struct census before = take_census();
		struct shortage shortage = leave_descriptors(left);
		struct sealmem_region *region = NULL;
		int err = sealmem_region_accept(&region, fd, SEALMEM_CONTENT);

		end_shortage(&shortage);
		ck_assert_int_eq(err, left < needed ? -EMFILE : 0);
		region = sealmem_region_free(region);
		assert_same_census(before);
	}
}
END_TEST

START_TEST(a_limit_below_the_standard_numbers_counts_as_out_of_descriptors)
{
	SCOPED_LIMIT limit = { 0 };
	int fd = sealed_memfd(page_size());

	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	limit = set_limit(RLIMIT_NOFILE, STDERR_FILENO + 1);
	ck_assert_int_eq(
		sealmem_region_accept(&(struct sealmem_region *){ 0 }, fd, SEALMEM_CONTENT),
		-EMFILE);
}
END_TEST

static const int sandbox_answers[] = { EPERM, ENOSYS };

/* Fails the test unless the region is refused for what a sandbox forbids, whichever errno that has. The
 * filter stays, so this is for a child. */
struct prohibition {
	long number;
	struct condition condition;
	size_t conditions;
	int answer;
};

static int refuses_what_is_forbidden(void *argument)
{
	const struct prohibition *p = argument;
	int fd = sealed_memfd(page_size());

	forbid_where(p->number, p->answer, &p->condition, p->conditions);
	return sealmem_region_accept(&(struct sealmem_region *){ 0 }, fd, SEALMEM_CONTENT) !=
	       -EOPNOTSUPP;
}

START_TEST(a_call_that_a_sandbox_forbids_is_eopnotsupp)
{
	struct prohibition prohibitions[] = {
		{ .number = SYS_fcntl,
		  .condition = { 1, UINT32_MAX, F_GET_SEALS },
		  .conditions = 1 },
		{ .number = SYS_fcntl,
		  .condition = { 1, UINT32_MAX, F_DUPFD_CLOEXEC },
		  .conditions = 1 },
		{ .number = SYS_OWN_FSTATFS },
#if !defined(__s390x__) /* where a filter does not see the arguments of mmap(2) */
		{ .number = SYS_OWN_MMAP,
		  .condition = { 3, MAP_SHARED, MAP_SHARED },
		  .conditions = 1 },
#endif
	};

	for (size_t i = 0; i < sizeof(prohibitions) / sizeof(*prohibitions); i++)
		for (size_t j = 0; j < 2; j++) {
			prohibitions[i].answer = sandbox_answers[j];
			assert_child_succeeds(refuses_what_is_forbidden, &prohibitions[i]);
		}
}
END_TEST

START_TEST(a_sandbox_that_forbids_to_open_files_costs_the_descriptor_only)
{
	int fd = opened_again(sealed_memfd(page_size()), O_RDONLY);
	SCOPED_REGION *region = NULL;

	forbid(SYS_openat, EPERM);
	region = accepted(fd, SEALMEM_CONTENT);
	ck_assert_int_eq(sealmem_region_fd(region), -EOPNOTSUPP);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

static long try_write(int fd)
{
	return pwrite(fd, "x", 1, 0);
}

static long try_grow(int fd)
{
	return ftruncate(fd, (off_t)(4 * page_size()));
}

static long try_shrink(int fd)
{
	return ftruncate(fd, 0);
}

static long try_punch(int fd)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page_size());
}

static long try_allocate(int fd)
{
	return fallocate(fd, 0, 0, (off_t)(4 * page_size()));
}

static long try_map(int fd)
{
	char *at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -1;
	*at = 'x';
	return munmap(at, page_size());
}

static long try_splice(int fd)
{
	int pipe[2];
	loff_t start = 0;
	long moved;

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	ck_assert_int_eq(write(pipe[1], "x", 1), 1);
	moved = splice(pipe[0], NULL, fd, &start, 1, 0);
	close(pipe[0]);
	close(pipe[1]);
	return moved;
}

/* What the sender, who kept a writable descriptor, can still try. */
static const struct act {
	const char *name;
	long (*try)(int fd);
} acts[] = {
	{ "pwrite", try_write },
	{ "growing by ftruncate", try_grow },
	{ "shrinking by ftruncate", try_shrink },
	{ "punching a hole", try_punch },
	{ "growing by fallocate", try_allocate },
	{ "a store to a shared mapping", try_map },
	{ "splice", try_splice },
	{ NULL, NULL },
};

START_TEST(nothing_that_the_sender_does_later_gets_through)
{
	const size_t size = 2 * page_size();
	CLEANUP(close_fd_at) int fd = sealed_memfd(size);
	SCOPED_REGION *region = accepted(fd, SEALMEM_CONTENT);

	for (const struct act *act = acts; act->name != NULL; act++) {
		ck_assert_msg(act->try(fd) < 0, "%s got through", act->name);
		ck_assert_int_eq(errno, EPERM);
		assert_filled(sealmem_region_data(region), size);
	}
}
END_TEST

START_TEST(all_of_that_gets_through_where_nothing_is_sealed)
{
	for (const struct act *act = acts; act->name != NULL; act++) {
		CLEANUP(close_fd_at) int fd = filled_memfd(2 * page_size());

		ck_assert_msg(act->try(fd) >= 0, "%s was refused: %s", act->name, strerror(errno));
	}
}
END_TEST

START_TEST(freeing_an_accepted_region_leaves_nothing)
{
	struct census before = take_census();

	for (int round = 0; round < 100; round++) {
		int fd = sealed_memfd(3 * page_size());

		(void)sealmem_region_free(accepted(fd, SEALMEM_CONTENT | SEALMEM_GUARDS));
		close(fd);
	}
	assert_same_census(before);
}
END_TEST

/* Of `pages` huge pages, of which the first holds bytes. */
static int huge_file(unsigned pages)
{
	int fd = huge_memfd();
	char *at;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(pages * huge_page_size(fd))), 0);
	at = mmap(NULL, huge_page_size(fd), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	fill(at, huge_page_size(fd));
	ck_assert_int_eq(munmap(at, huge_page_size(fd)), 0);
	return fd;
}

static void require_huge_pages(unsigned count)
{
	int fd = huge_memfd();

	if (fd < 0 || !have_huge_pages(count))
		skip_test("no huge pages for this user on this machine");
	close(fd);
}

START_TEST(a_memfd_of_huge_pages_is_accepted)
{
	int fd;
	SCOPED_REGION *region = NULL;

	require_huge_pages(2);
	fd = with_seals(huge_file(1), ALL_SEALS);
	region = accepted(fd, SEALMEM_CONTENT);
	ck_assert_uint_eq(sealmem_region_size(region), huge_page_size(fd));
	assert_sealed(sealmem_region_data(region), huge_page_size(fd));
}
END_TEST

START_TEST(a_memfd_of_huge_pages_can_have_every_guarantee_and_leaves_nothing)
{
	unsigned most = sealmem_supported() & ~(SEALMEM_SECRECY | SEALMEM_ADDRESS);
	struct sealmem_region *region;
	struct census before;
	char *data;
	int fd;

	require_huge_pages(2);
	fd = with_seals(huge_file(1), ALL_SEALS);
	before = take_census();
	region = accepted(fd, most);
	data = sealmem_region_data(region);
	assert_sealed(data, huge_page_size(fd));
	assert_guarded(data, huge_page_size(fd));
	(void)sealmem_region_free(region);
	assert_same_census(before);
}
END_TEST

START_TEST(the_address_of_a_memfd_of_huge_pages_can_be_sealed)
{
	struct sealmem_region *region;
	char *data;
	int fd;

	require_mseal();
	require_huge_pages(2);
	fd = with_seals(huge_file(1), ALL_SEALS);
	region = accepted(fd, SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_GUARDS);
	data = sealmem_region_data(region);
	(void)sealmem_region_free(region);
	ck_assert_int_eq((int)result(munmap(data, huge_page_size(fd))), -EPERM);
	assert_filled(data, huge_page_size(fd));
}
END_TEST

START_TEST(holes_of_huge_pages_read_as_zeroes)
{
	SCOPED_REGION *region = NULL;
	size_t size;
	int fd;

	require_huge_pages(3);
	fd = with_seals(huge_file(2), ALL_SEALS);
	size = huge_page_size(fd);
	region = accepted(fd, SEALMEM_CONTENT);
	assert_filled(sealmem_region_data(region), size);
	assert_zeroed((char *)sealmem_region_data(region) + size, size);
}
END_TEST

START_TEST(holes_that_there_are_no_huge_pages_for_are_refused)
{
	int fd;

	require_huge_pages(2);
	fd = with_seals(huge_file(1024), ALL_SEALS);
	assert_refused(fd, SIZE_MAX, SEALMEM_CONTENT, -ENOMEM);
}
END_TEST

/* fallocate(2) lets a file end within a huge page; what is not there of that page raises SIGBUS. */
static int cut_huge_file(void)
{
	int fd = huge_file(1);
	off_t size = (off_t)huge_page_size(fd);

	if (fallocate(fd, 0, size, 1) < 0)
		skip_test("this kernel lets no file end within a huge page");
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, size, size), 0);
	return with_seals(fd, ALL_SEALS);
}

static int read_the_end(void *argument)
{
	int fd = opened_again(dup(*(int *)argument), O_RDONLY);
	const size_t huge = huge_page_size(fd);
	const volatile char *at = mmap(NULL, 2 * huge, PROT_READ, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? EXIT_FAILURE : at[huge];
}

START_TEST(the_end_of_a_huge_page_that_is_not_there_raises_a_signal)
{
	int fd;

	require_huge_pages(4);
	fd = cut_huge_file();
	assert_child_dies(SIGBUS, read_the_end, &fd);
}
END_TEST

START_TEST(a_size_that_ends_within_a_huge_page_is_refused)
{
	require_huge_pages(4);
	assert_refused(cut_huge_file(), SIZE_MAX, SEALMEM_CONTENT, -ENODATA);
}
END_TEST

START_TEST(an_empty_file_is_accepted)
{
	const unsigned all = SEALMEM_GUARANTEES & ~SEALMEM_SECRECY & sealmem_supported();
	int fd = with_seals(filled_memfd(0), ALL_SEALS);
	SCOPED_REGION *region = NULL;

	ck_assert_int_eq(sealmem_region_accept(&region, fd, all), 0);
	ck_assert_uint_eq(sealmem_region_size(region), 0);
	ck_assert_uint_eq(sealmem_region_guarantees(region), all);
	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(region), "x", 1), -EFAULT);
	ck_assert_int_ge(sealmem_region_fd(region), 0);
	close_fd(fd);
}
END_TEST

START_TEST(an_empty_file_that_can_grow_is_refused)
{
	int fd = with_seals(filled_memfd(0), F_SEAL_WRITE | F_SEAL_SHRINK);
	struct sealmem_region *region = NULL;

	ck_assert_int_eq(sealmem_region_accept(&region, fd, SEALMEM_CONTENT), -EPERM);
	ck_assert_ptr_null(region);
	ck_assert_int_eq(ftruncate(fd, 1), 0);
	close_fd(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_empty_file_is_accepted,
		an_empty_file_that_can_grow_is_refused,
		an_accepted_region_refuses_stores,
		a_store_to_memory_that_is_not_sealed_succeeds,
		an_accepted_region_cannot_be_made_writable,
		size_and_bytes_are_those_that_were_sealed,
		the_rest_of_the_last_page_reads_as_zeroes,
		holes_read_as_zeroes,
		holes_take_no_memory_until_they_are_read,
		further_seals_are_accepted,
		a_memfd_that_never_was_executable_is_accepted,
		a_write_seal_that_was_never_checked_is_no_seal,
		a_memfd_sealed_against_writing_and_execution_is_accepted_where_that_can_be_believed,
		a_size_at_the_limit_is_accepted,
		a_size_of_one_above_the_limit_is_refused,
		a_limit_of_nothing_refuses_all,
		a_place_for_the_region_is_needed,
		a_demand_without_content_or_with_unknown_bits_is_refused,
		memory_that_others_have_held_is_no_secret,
		a_demand_is_judged_before_the_descriptor,
		a_descriptor_that_is_not_open_is_ebadf,
		the_callers_descriptor_stays_as_it_was,
		a_region_outlives_the_callers_descriptor,
		a_region_outlives_its_sender,
		a_file_can_be_accepted_more_than_once,
		a_region_of_our_own_can_be_accepted,
		an_accepted_region_is_called_so,
		the_descriptor_of_an_accepted_region_can_only_read,
		a_duplicate_of_the_senders_descriptor_moves_with_it,
		the_sender_cannot_move_the_descriptor_of_an_accepted_region,
		a_region_takes_none_of_the_standard_numbers,
		a_descriptor_for_writing_only_is_accepted,
		a_file_that_nobody_may_open_is_accepted_from_a_descriptor_that_reads,
		a_region_of_a_file_that_nobody_may_open_has_no_descriptor,
		a_file_with_a_write_lease_is_busy_at_once,
		the_descriptor_of_an_accepted_region_waits_as_others_do,
		a_file_that_cannot_be_opened_for_reading_is_refused,
		without_proc_a_descriptor_for_reading_is_accepted,
		without_proc_nothing_is_kept,
		every_demand_is_met_or_refused,
		an_accepted_address_stays_when_the_region_is_freed,
		without_mseal_an_address_is_refused,
		without_mseal_what_needs_no_address_is_accepted,
		with_noswap_every_page_is_in_memory_at_once,
		more_than_may_be_locked_is_refused,
		more_than_the_memory_of_the_machine_is_refused_with_noswap,
		more_than_the_address_space_holds_is_refused,
		a_lack_of_descriptors_is_reported_and_changes_nothing,
		a_limit_below_the_standard_numbers_counts_as_out_of_descriptors,
		a_call_that_a_sandbox_forbids_is_eopnotsupp,
		a_sandbox_that_forbids_to_open_files_costs_the_descriptor_only,
		nothing_that_the_sender_does_later_gets_through,
		all_of_that_gets_through_where_nothing_is_sealed,
		freeing_an_accepted_region_leaves_nothing,
		a_memfd_of_huge_pages_is_accepted,
		a_memfd_of_huge_pages_can_have_every_guarantee_and_leaves_nothing,
		the_address_of_a_memfd_of_huge_pages_can_be_sealed,
		holes_of_huge_pages_read_as_zeroes,
		holes_that_there_are_no_huge_pages_for_are_refused,
		the_end_of_a_huge_page_that_is_not_there_raises_a_signal,
		a_size_that_ends_within_a_huge_page_is_refused,
	};

	return RUN_TESTS("accept", tests);
}
