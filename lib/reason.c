/* SPDX-License-Identifier: MIT */

/*
 * An errno tells a program what it can do, and a person too little: one EINVAL stands for twenty mistakes. So the place
 * that decides to fail also notes the reason, a number for each thread. Notes cost a store and no memory. A
 * reason is made of constants, so that a signal handler can ask for it as well.
 */

#include "lib/reason.h"

#include "include/sealmem.h"

#include "lib/util.h"

#include <limits.h>

REASON_STORAGE enum reason reason_last;

struct sentence {
	int error;
	const char *text;
};

static const struct sentence reasons[] = {
#define ROW_OF_REASON(name, error, sentence) [REASON_##name] = { error, sentence },
	REASONS(ROW_OF_REASON)
#undef ROW_OF_REASON
};

/* For an errno whose reason nobody noted. Most of these come from the kernel as they are. */
static const struct sentence general[] = {
	{ 0, "Nothing failed." },
	{ EINVAL, "An argument is not valid." },
	{ EPERM, "Memory or a file that is sealed, or is not, forbids this." },
	{ EOPNOTSUPP, "The kernel or a sandbox refuses a system call that this needs." },
	{ EAGAIN, "A limit or a socket does not allow this now." },
	{ EBUSY, "Somebody else uses the memory, the file or the filters." },
	{ EBADF, "The descriptor is not open, or not for this." },
	{ EMFILE, "This process has as many descriptors as RLIMIT_NOFILE allows." },
	{ ENFILE, "The system has as many open files as the sysctl fs.file-max allows." },
	{ ENOMEM, "Memory, address space or mappings (the sysctl vm.max_map_count) are used up." },
	{ EFBIG, "The size is above a limit." },
	{ EFAULT, "An address cannot be read or written." },
	{ ENOSPC, "There is no room for another seccomp filter." },
	{ ENOTRECOVERABLE, "A seal failed, and so did its roll-back." },
	{ ENOTSOCK, "The descriptor is not that of a socket." },
	{ EPIPE, "The other end of the socket is closed." },
	{ ENOTCONN, "The socket is not connected." },
	{ EACCES, "A file or a mapping does not allow this access." },
	{ ENOENT, "A file does not exist." },
	{ EIO, "The kernel could not read or write a file." },
};

int fail_for(enum reason reason)
{
	reason_last = reason;
	return -reasons[reason].error;
}

int reason_for(int err, enum reason reason)
{
	return err == -reasons[reason].error ? fail_for(reason) : err;
}

static const char *find_general(int error)
{
	for (size_t i = 0; i < sizeof(general) / sizeof(*general); i++)
		if (general[i].error == error)
			return general[i].text;
	return NULL;
}

/* An errno that no other reason has fits this one only. */
static const char *find_any(int error)
{
	for (size_t i = 1; i < REASON_COUNT; i++)
		if (reasons[i].error == error)
			return reasons[i].text;
	return "A system call failed with an errno that this library does not explain.";
}

EXPORT const char *sealmem_strerror(int err)
{
	int error = err < 0 && err != INT_MIN ? -err : err;
	const char *text;

	if (error != 0 && reason_last != REASON_NONE && reasons[reason_last].error == error)
		return reasons[reason_last].text;
	text = find_general(error);
	return text != NULL ? text : find_any(error);
}
