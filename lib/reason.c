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

/* What the function of a caller means by an errno is not what this library means by it. The texts are those of
 * strerror(3), which may not be called in a signal handler. */
#define REFUSED		     "The function that verifies refused the bytes"
#define REFUSAL(error, text) [error] = REFUSED ": " text "."

static const char *const refusals[] = {
	REFUSAL(EPERM, "Operation not permitted"),
	REFUSAL(ENOENT, "No such file or directory"),
	REFUSAL(EIO, "Input/output error"),
	REFUSAL(ENOEXEC, "Exec format error"),
	REFUSAL(EBADF, "Bad file descriptor"),
	REFUSAL(EAGAIN, "Resource temporarily unavailable"),
	REFUSAL(ENOMEM, "Cannot allocate memory"),
	REFUSAL(EACCES, "Permission denied"),
	REFUSAL(EFAULT, "Bad address"),
	REFUSAL(EBUSY, "Device or resource busy"),
	REFUSAL(EINVAL, "Invalid argument"),
	REFUSAL(ENFILE, "Too many open files in system"),
	REFUSAL(EMFILE, "Too many open files"),
	REFUSAL(EFBIG, "File too large"),
	REFUSAL(EDOM, "Numerical argument out of domain"),
	REFUSAL(ERANGE, "Numerical result out of range"),
	REFUSAL(ENOSYS, "Function not implemented"),
	REFUSAL(ENODATA, "No data available"),
	REFUSAL(EPROTO, "Protocol error"),
	REFUSAL(EBADMSG, "Bad message"),
	REFUSAL(EOVERFLOW, "Value too large for defined data type"),
	REFUSAL(EILSEQ, "Invalid or incomplete multibyte or wide character"),
	REFUSAL(EMSGSIZE, "Message too long"),
	REFUSAL(EOPNOTSUPP, "Operation not supported"),
	REFUSAL(ETIMEDOUT, "Connection timed out"),
	REFUSAL(ECANCELED, "Operation canceled"),
	REFUSAL(ENOKEY, "Required key not available"),
	REFUSAL(EKEYEXPIRED, "Key has expired"),
	REFUSAL(EKEYREVOKED, "Key has been revoked"),
	REFUSAL(EKEYREJECTED, "Key was rejected by service"),
};

static const char *find_refusal(int error)
{
	const size_t count = sizeof(refusals) / sizeof(*refusals);
	const char *text = (size_t)error < count ? refusals[error] : NULL;

	return text != NULL ? text : REFUSED " with this errno.";
}

int fail_for_caller(int err)
{
	if (err > REASON_OF_CALLER - REASON_END)
		reason_last = (enum reason)(REASON_OF_CALLER - err);
	return err;
}

/* The function may have called this library. */
int fail_as_judged(int answer)
{
	reason_forget();
	if (answer > 0)
		return fail_for(REASON_REJECTED);
	return answer < 0 ? fail_for_caller(answer) : 0;
}

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

	if (error > 0 && reason_last > REASON_OF_CALLER &&
	    (int)reason_last - REASON_OF_CALLER == error)
		return find_refusal(error);
	if (error != 0 && reason_last != REASON_NONE && reason_last < REASON_COUNT &&
	    reasons[reason_last].error == error)
		return reasons[reason_last].text;
	text = find_general(error);
	return text != NULL ? text : find_any(error);
}
