/* SPDX-License-Identifier: MIT */

/*
 * A seal that is refused. Sealing is a commit point: what came before a refusal is undone, and the region
 * is open, writable, at its address, with its bytes, ready to be sealed when the cause is gone.
 */

#include "tests/support/ring.h"
#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* A child that holds the open region, which the library keeps from children. */
struct holder {
	pid_t pid;
	int end;
};

static struct holder fork_holder(struct sealmem_region *region, size_t size)
{
	struct holder holder;
	int pipe[2];

	ck_assert_int_eq(madvise(sealmem_region_data(region), size, MADV_DOFORK), 0);
	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	holder.pid = fork();
	if (holder.pid == 0) {
		char byte;

		close(pipe[1]);
		_exit(read(pipe[0], &byte, 1) != 0);
	}
	close(pipe[0]);
	holder.end = pipe[1];
	return holder;
}

static void end_holder(const struct holder *holder)
{
	int status;

	close(holder->end);
	ck_assert_int_eq(waitpid(holder->pid, &status, 0), holder->pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(a_forked_writer_makes_the_seal_busy)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);
	struct holder holder = fork_holder(region, page_size());

	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	assert_still_open(region, data, page_size());
	end_holder(&holder);
}
END_TEST

START_TEST(the_seal_succeeds_after_the_forked_writer_has_ended)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);
	struct holder holder = fork_holder(region, page_size());

	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	end_holder(&holder);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_sealed(sealmem_region_data(region), page_size());
}
END_TEST

START_TEST(a_busy_seal_leaks_nothing)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);
	struct holder holder = fork_holder(region, page_size());
	struct census before = take_census();

	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	assert_same_census(before);
	end_holder(&holder);
}
END_TEST

START_TEST(a_busy_region_still_keeps_out_of_children)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);
	struct holder holder = fork_holder(region, page_size());

	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	assert_child_succeeds(is_not_mapped, sealmem_region_data(region));
	end_holder(&holder);
}
END_TEST

START_TEST(a_busy_region_hands_out_more_memory)
{
	SCOPED_REGION *region = empty_region(9 * page_size(), SEALMEM_CONTENT);
	char *first = sealmem_region_alloc(region, 100, 1), *second;
	struct holder holder = fork_holder(region, page_size());

	fill(first, 100);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	end_holder(&holder);
	second = sealmem_region_alloc(region, 8 * page_size(), 1);
	ck_assert_ptr_eq(second, first + 100);
	fill(second, 8 * page_size());
	ck_assert_int_eq(sealmem_region_seal(region), 0);
	assert_filled(first, 100);
	assert_filled(second, 8 * page_size());
}
END_TEST

START_TEST(a_busy_region_keeps_its_guarantees)
{
	unsigned guarantees = SEALMEM_NODUMP | SEALMEM_NOFORK | SEALMEM_GUARDS;
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT | guarantees);
	struct holder holder = fork_holder(region, page_size());
	char *data = sealmem_region_data(region);

	require_no_valgrind("valgrind complains of what this test does on purpose");
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	ck_assert_uint_eq(sealmem_region_guarantees(region), guarantees);
	ck_assert(has_flag(data, "dd"));
	ck_assert(has_flag(data, "dc"));
	ck_assert_int_eq(sealmem_try_write(data - 1, "", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(data + page_size(), "", 1), -EFAULT);
	end_holder(&holder);
}
END_TEST

START_TEST(a_busy_region_keeps_its_pages_locked)
{
	SCOPED_REGION *region =
		open_region("test", 4 * page_size(), SEALMEM_CONTENT | SEALMEM_NOSWAP);
	struct holder holder = fork_holder(region, 4 * page_size());
	char *data = sealmem_region_data(region);

	ck_assert_int_eq(smaps_kib(data, "Locked:") * 1024, (long)(4 * page_size()));
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	end_holder(&holder);
	ck_assert_int_eq(smaps_kib(data, "Locked:") * 1024, (long)(4 * page_size()));
}
END_TEST

START_TEST(a_busy_region_keeps_bytes_stored_after_the_part_that_was_handed_out)
{
	SCOPED_REGION *region = empty_region(4 * page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_alloc(region, 1, 1);
	struct holder holder = fork_holder(region, 4 * page_size());

	fill(data, 4 * page_size());
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	end_holder(&holder);
	ck_assert_int_eq(sealmem_try_write(data + 4 * page_size() - 1, data, 1), 0);
	assert_filled(data, 4 * page_size() - 1);
}
END_TEST

/* The kernel may let go of a page some time after it was asked to. */
static int seal_soon(struct sealmem_region *region)
{
	int err = -EBUSY;

	for (int round = 0; round < 20 && err == -EBUSY; round++)
		err = sealmem_region_seal(region);
	return err;
}

START_TEST(a_fixed_buffer_makes_the_seal_busy_until_it_is_released)
{
	struct ring ring = open_ring();
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);

	ck_assert_int_eq(ring_register(&ring, data, page_size()), 0);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	assert_still_open(region, data, page_size());
	ck_assert_int_eq(ring_unregister(&ring), 0);
	ck_assert_int_eq(seal_soon(region), 0);
	assert_sealed(data, page_size());
}
END_TEST

/* After a seal that was refused, the buffer is still these pages and not some others. */
START_TEST(a_fixed_buffer_sees_what_is_stored_after_a_busy_seal)
{
	struct ring ring = open_ring();
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);
	int pipe[2];
	struct io_uring_sqe request = { .opcode = IORING_OP_WRITE_FIXED,
					.addr = (uintptr_t)data,
					.len = 5 };
	char seen[5];

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	request.fd = pipe[1];
	ck_assert_int_eq(ring_register(&ring, data, page_size()), 0);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	memcpy(data, "fresh", 5);
	ck_assert_int_eq(ring_do(&ring, &request), 5);
	ck_assert_int_eq((int)read(pipe[0], seen, 5), 5);
	ck_assert_mem_eq(seen, "fresh", 5);
}
END_TEST

START_TEST(a_page_in_a_pipe_makes_the_seal_busy_until_it_is_read)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region), seen[16];
	struct iovec part = { data, sizeof(seen) };
	int pipe[2];

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	ck_assert_int_eq((int)vmsplice(pipe[1], &part, 1, 0), sizeof(seen));
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	assert_still_open(region, data, page_size());
	ck_assert_int_eq((int)read(pipe[0], seen, sizeof(seen)), sizeof(seen));
	ck_assert_int_eq(seal_soon(region), 0);
	assert_sealed(data, page_size());
}
END_TEST

START_TEST(a_foreign_writable_mapping_makes_the_seal_busy)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT);
	CLEANUP(close_fd_at) int fd = open_file_of("test", O_RDWR);
	void *at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert_int_eq(sealmem_region_seal(region), -EBUSY);
	assert_still_open(region, sealmem_region_data(region), page_size());
	ck_assert_int_eq(munmap(at, page_size()), 0);
	ck_assert_int_eq(sealmem_region_seal(region), 0);
}
END_TEST

/* The file has its seals by the time the address is refused one: the region goes on in a copy. */
static void refuse_address(struct sealmem_region *region)
{
	forbid(__NR_mseal, ENOSYS);
	ck_assert_int_eq(sealmem_region_seal(region), -EOPNOTSUPP);
}

START_TEST(a_region_whose_address_was_not_sealed_is_open_again)
{
	SCOPED_REGION *region = NULL;
	char *data;

	require_mseal();
	region = open_region("test", 3 * page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS);
	data = sealmem_region_data(region);
	refuse_address(region);
	assert_still_open(region, data, 3 * page_size());
}
END_TEST

START_TEST(a_region_whose_address_was_not_sealed_leaks_nothing)
{
	SCOPED_REGION *region = NULL;
	struct census before;

	require_mseal();
	region = open_region("test", 3 * page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS);
	before = take_census();
	refuse_address(region);
	assert_same_census(before);
}
END_TEST

START_TEST(a_region_whose_address_was_not_sealed_hands_out_more_memory)
{
	SCOPED_REGION *region = NULL;
	char *first, *second;

	require_mseal();
	region = empty_region(9 * page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS);
	first = sealmem_region_alloc(region, page_size() + 1, 1);
	fill(first, page_size() + 1);
	refuse_address(region);
	second = sealmem_region_alloc(region, 7 * page_size(), 1);
	ck_assert_ptr_eq(second, first + page_size() + 1);
	fill(second, 7 * page_size());
	assert_filled(first, page_size() + 1);
}
END_TEST

START_TEST(a_region_whose_address_was_not_sealed_has_its_memory_set_aside)
{
	SCOPED_REGION *region = NULL;

	require_mseal();
	region = empty_region(64 * page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS);
	ck_assert_ptr_nonnull(sealmem_region_alloc(region, 32 * page_size(), 1));
	refuse_address(region);
	ck_assert_int_ge(status_of("test").st_blocks * 512, (blkcnt_t)(32 * page_size()));
}
END_TEST

START_TEST(a_sandbox_that_only_says_that_it_sealed_the_address_is_found_out)
{
	SCOPED_REGION *region = NULL;
	char *data;

	require_mseal();
	region = open_region("test", page_size(), SEALMEM_CONTENT | SEALMEM_ADDRESS);
	data = sealmem_region_data(region);
	forbid(__NR_mseal, 0);
	ck_assert_int_eq(sealmem_region_seal(region), -EOPNOTSUPP);
	assert_still_open(region, data, page_size());
}
END_TEST

START_TEST(a_sandbox_that_only_says_that_it_sealed_the_file_is_found_out)
{
	SCOPED_REGION *region = open_region("test", page_size(), SEALMEM_CONTENT), *other = NULL;
	char *data = sealmem_region_data(region);

	forbid_where(SYS_fcntl, 0, &(struct condition){ 1, UINT32_MAX, F_ADD_SEALS }, 1);
	ck_assert_int_eq(sealmem_region_seal(region), -EOPNOTSUPP);
	assert_still_open(region, data, page_size());
	ck_assert_int_eq(sealmem_region_new_from(&other, "test", "x", 1, SEALMEM_CONTENT),
			 -EOPNOTSUPP);
	ck_assert_ptr_null(other);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_forked_writer_makes_the_seal_busy,
		the_seal_succeeds_after_the_forked_writer_has_ended,
		a_busy_seal_leaks_nothing,
		a_busy_region_still_keeps_out_of_children,
		a_busy_region_hands_out_more_memory,
		a_busy_region_keeps_its_guarantees,
		a_busy_region_keeps_its_pages_locked,
		a_busy_region_keeps_bytes_stored_after_the_part_that_was_handed_out,
		a_fixed_buffer_makes_the_seal_busy_until_it_is_released,
		a_fixed_buffer_sees_what_is_stored_after_a_busy_seal,
		a_page_in_a_pipe_makes_the_seal_busy_until_it_is_read,
		a_foreign_writable_mapping_makes_the_seal_busy,
		a_region_whose_address_was_not_sealed_is_open_again,
		a_region_whose_address_was_not_sealed_leaks_nothing,
		a_region_whose_address_was_not_sealed_hands_out_more_memory,
		a_region_whose_address_was_not_sealed_has_its_memory_set_aside,
		a_sandbox_that_only_says_that_it_sealed_the_address_is_found_out,
		a_sandbox_that_only_says_that_it_sealed_the_file_is_found_out,
	};

	return RUN_TESTS("rollback", tests);
}
