/* SPDX-License-Identifier: MIT */

/*
 * Rings of io_setup(2) by their system calls.
 */

#include "tests/support/aio.h"

#include "tests/support/support.h"

aio_context_t aio_new(uint32_t events)
{
	aio_context_t ring = 0;
	long err = result(syscall(SYS_io_setup, events, &ring));

	if (err == -ENOSYS || err == -EAGAIN)
		skip_test("no io_setup(2) here, or no room for so many events");
	ck_assert_int_eq(err, 0);
	return ring;
}

int aio_destroy(aio_context_t ring)
{
	return (int)result(syscall(SYS_io_destroy, ring));
}

void aio_read_something(aio_context_t ring)
{
	CLEANUP(close_fd_at) int fd = sys_open("/proc/self/exe", O_RDONLY);
	char bytes[4] = "";
	struct iocb request = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)bytes,
		.aio_nbytes = sizeof(bytes),
	};
	struct iocb *requests[] = { &request };
	struct io_event event;

	ck_assert_int_eq(result(syscall(SYS_io_submit, ring, 1, requests)), 1);
	ck_assert_int_eq(result(syscall(SYS_io_getevents, ring, 1, 1, &event, NULL)), 1);
	ck_assert_int_eq(event.res, sizeof(bytes));
	ck_assert_mem_eq(bytes, "\177ELF", sizeof(bytes));
}
