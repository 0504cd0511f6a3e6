/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_REASON_H
#define SEALMEM_REASON_H

#include <errno.h>

/*
 * Why a call failed: a name, the errno, and the sentence that sealmem_strerror() returns. sealmem_strerror(3) has the
 * same sentences.
 */
/* clang-format off */
#define REASONS(X) \
	X(NO_RESULT, EINVAL, "The pointer for the result is NULL.") \
	X(NO_REGION, EINVAL, "The region is NULL.") \
	X(NO_NAME, EINVAL, "The name is NULL.") \
	X(NAME_CONTROL, EINVAL, "The name has a control character.") \
	X(NAME_LONG, ENAMETOOLONG, "The name is longer than SEALMEM_NAME_MAX bytes.") \
	X(NO_BUFFER, EINVAL, "The buffer is NULL.") \
	X(NO_SIZE, EINVAL, "The size is 0.") \
	X(NO_CAPACITY, EINVAL, "The capacity is 0: a new region needs at least one byte.") \
	X(UNKNOWN_BITS, EINVAL, "The guarantees have bits that this version of the library does not know.") \
	X(NO_BASIS, EINVAL, "The guarantees have neither CONTENT nor SECRECY.") \
	X(NO_RANGE_BASIS, EINVAL, "The guarantees have neither CONTENT nor ADDRESS.") \
	X(NO_CONTENT, EINVAL, "The guarantees lack CONTENT.") \
	X(RANGE_GUARDS, EINVAL, "Memory that exists already gets no GUARDS.") \
	X(HEAP_CONTENT, EINVAL, "A heap stays writable, so its guarantees cannot have CONTENT.") \
	X(NO_SECRECY, EINVAL, "The region, or the demand, lacks SECRECY.") \
	X(NO_LIMIT, EINVAL, "The limit is 0.") \
	X(ALIGNMENT, EINVAL, "The alignment is not a power of two.") \
	X(NOT_LAST, EINVAL, "The pointer is not the last piece of the region.") \
	X(TRIM_ABOVE, EINVAL, "The size is above that of the region.") \
	X(PARTIAL_PAGES, EINVAL, "The address or the size is not a multiple of the page size.") \
	X(WRAPS, EINVAL, "The range ends past the end of the address space.") \
	X(STACK, EINVAL, "The range has the stack that the caller runs on.") \
	X(RANGE_SHARED, EINVAL, "A part of the range is a shared mapping; sealed memory is one.") \
	X(RANGE_MIXED, EINVAL, "The range has parts of different protection.") \
	X(MSEAL_FLAGS, EINVAL, "The flags are not 0.") \
	X(IMAGE_FLAGS, EINVAL, "The flags have bits that this version of the library does not know.") \
	X(EXTENTS, EINVAL, "There are more extents than SEALMEM_EXTENTS_MAX, or their address is NULL.") \
	X(HANDLE, EINVAL, "The handle is not one of dlopen(3), or the program is linked statically.") \
	X(NO_VERIFY, EINVAL, "The function that verifies is NULL.") \
	X(NO_FILE, EINVAL, "The descriptor is not that of a file with a size.") \
	X(SEALED, EPERM, "The region is sealed.") \
	X(OPEN, EPERM, "The region is open: seal it first.") \
	X(RANGE_SEALED, EPERM, "A part of the range is sealed already.") \
	X(IMAGE_SEALED, EPERM, "Pages that are to be replaced are sealed by mseal(2) alone already.") \
	X(UNSEALED, EPERM, "The bytes or the size of the file can still change: it lacks a seal.") \
	X(DOUBTFUL, EPERM, "The kernel gives the seals of this file without a check for writers.") \
	X(NOT_OURS, ESTALE, "The region belongs to another process, such as the parent of this one.") \
	X(SEALS, EOPNOTSUPP, "The kernel does not give the seals: a sandbox, or somebody has added F_SEAL_SEAL.") \
	X(NO_MEMFD, EOPNOTSUPP, "The kernel or a sandbox refuses memfd_create(2), on which CONTENT rests.") \
	X(NO_MSEAL, EOPNOTSUPP, "There is no mseal(2) here, on which ADDRESS rests: see sealmem_allow_emulation().") \
	X(NO_EMULATION, EOPNOTSUPP, "The program did not call sealmem_allow_emulation().") \
	X(NO_SECCOMP, EOPNOTSUPP, "The kernel or a sandbox refuses seccomp filters.") \
	X(NO_FILTER, EOPNOTSUPP, "No filter is known for this architecture, so there is no emulation of mseal(2).") \
	X(NO_SECRET, EOPNOTSUPP, "There is no memfd_secret(2) here: before Linux 6.5, boot with secretmem.enable=1.") \
	X(SECRET_KEPT, EOPNOTSUPP, "On loong64 the kernel keeps the pages of memfd_secret(2) in its own map.") \
	X(NO_PROC, EOPNOTSUPP, "/proc is not mounted, or a sandbox hides it.") \
	X(NO_PRCTL, EOPNOTSUPP, "A sandbox refuses prctl(2), which NODUMP and SECRECY need.") \
	X(NO_KEY, EOPNOTSUPP, "A heap with ADDRESS closes by protection keys only, and got none.") \
	X(SHARED_SECRET, EOPNOTSUPP, "Memory that others have had cannot get SECRECY.") \
	X(NO_DESCRIPTOR, EOPNOTSUPP, "The region has no descriptor: it is secret, or its file could not be opened.") \
	X(MEMLOCK, EAGAIN, "RLIMIT_MEMLOCK does not allow this size.") \
	X(FSIZE, EFBIG, "RLIMIT_FSIZE is below this size.") \
	X(LIMIT, EFBIG, "The size is above the limit of the caller.") \
	X(LEASE, EBUSY, "Another process has a write lease on the file.") \
	X(RESIZED, EBUSY, "Somebody changed the size of the file.") \
	X(CHANGED, EBUSY, "The bytes changed during the call: somebody wrote to the file or to the source.") \
	X(WRITER, EBUSY, "Somebody has a writable mapping of the file, or holds one of its pages.") \
	X(OTHER_FILTER, EBUSY, "Another thread has a seccomp filter of its own.") \
	X(FILTERS_FULL, ENOSPC, "There is no room for another seccomp filter: seal many extents at once.") \
	X(DISPLACED, EADDRINUSE, "Other memory is mapped in the place of this one, or none.") \
	X(USED_UP, ENOMEM, "The capacity of the region is used up.") \
	X(HEAP_FULL, ENOMEM, "The limit of the heap does not allow this size.") \
	X(TOO_LARGE, ENOMEM, "No address space is as large as this size.") \
	X(UNMAPPED, ENOMEM, "A page of the range is not mapped.") \
	X(ABOVE_MEMORY, ENOMEM, "The size is above the memory of the machine.") \
	X(HANDLERS, ENOMEM, "The C library has no memory for the handlers of fork(2).") \
	X(UNREADABLE, EACCES, "The range cannot be read.") \
	X(BAD_BUFFER, EFAULT, "The buffer cannot be read.") \
	X(PAST_FILE, EFAULT, "A page of the range lies past the end of its file.") \
	X(BAD_CODE, EFAULT, "Code that is to be replaced cannot be read.") \
	X(REFUSED_STORE, EFAULT, "A page refuses the store, or the bytes cannot be read.") \
	X(NOT_WRITABLE, ENOTRECOVERABLE, "An earlier seal and its roll-back failed: the region can only be read.") \
	X(ROLL_BACK, ENOTRECOVERABLE, "The seal failed, and so did the roll-back: the memory can only be read.") \
	X(DISPLACED_FOR_GOOD, ENOTRECOVERABLE, "Another thread mapped memory of its own there before the addresses were sealed.") \
	X(NOT_MEMFD, ENODEV, "The descriptor is not that of a memfd.") \
	X(NOT_SECRET, ENODEV, "The descriptor is not that of secret memory.") \
	X(NOT_STORED, ENODATA, "Nothing is stored there, or it was taken back already.") \
	X(PART_OF_PAGE, ENODATA, "The file has huge pages, and is empty or ends within one.") \
	X(BREAKPOINTS, ETXTBSY, "The code has breakpoints, and a seal would keep them for good.") \
	X(NOT_UNIX, EAFNOSUPPORT, "The socket is not a Unix socket.") \
	X(CUT_SHORT, EMSGSIZE, "The socket took only a part of the message: close it.") \
	X(IN_FLIGHT, ETOOMANYREFS, "Too many descriptors of this user are on their way: RLIMIT_NOFILE.") \
	X(LOST, EMFILE, "There was no room for the descriptor that came, and the message is lost: RLIMIT_NOFILE.") \
	X(NO_MESSAGE, EBADMSG, "This is no message of sealmem_send(), or it is cut short.") \
	X(CLOSED, ECONNRESET, "The other end of the socket is closed.") \
	X(EMPTY_OBJECT, ENOEXEC, "The file is empty: it is not a shared object.") \
	X(LOADER, ENOEXEC, "The loader refused the object: dlerror(3) says why.") \
	X(DIRECTORY, EISDIR, "The descriptor is that of a directory.") \
	X(CANCELED, ECANCELED, "The function that follows the progress has cancelled the call.") \
	X(REJECTED, EKEYREJECTED, "The function that verifies refused the bytes.") \
	X(UNLOADED, ENOENT, "The loader does not find the object again by its name.") \
	X(NO_PUBLISHER, EINVAL, "The publisher is NULL.") \
	X(NO_SUBSCRIPTION, EINVAL, "The subscription is NULL.") \
	X(NO_FUNCTION, EINVAL, "The function that is to be called is NULL.") \
	X(NO_LIMITS, EINVAL, "The limits are NULL, or one of them is 0.") \
	X(NOT_LISTENING, EINVAL, "The socket does not listen.") \
	X(LABEL, EINVAL, "The label is NULL, longer than SEALMEM_LABEL_MAX bytes, or has a control character.") \
	X(KEPT_ADDRESS, EINVAL, "A generation is unmapped when nobody reads it any more, so it cannot have ADDRESS.") \
	X(NOT_PACKETS, EPROTOTYPE, "The socket is not of type SOCK_SEQPACKET.") \
	X(NOT_OURS_EITHER, ESTALE, "The publisher or the subscription belongs to a parent of this process.") \
	X(IN_USE, EBUSY, "Another call of a function for this publisher or subscription has not returned yet.") \
	X(NOT_SERVED, ENOENT, "The publisher does not serve this name.") \
	X(NOT_ADMITTED, EACCES, "The publisher does not admit this process.") \
	X(FULL, EUSERS, "The publisher has as many subscribers, or this one as many names, as its limits allow.") \
	X(OLDER, ERANGE, "The generation of the publisher is older than that of the subscription.") \
	X(NUMBERS_USED_UP, ERANGE, "There is no generation number after this one.") \
	X(PROTOCOL, EPROTO, "The other end does not keep to the protocol.")
/* clang-format on */

/* No errno of the kernel is as large. */
#define ERRNO_END 4096

enum reason {
	REASON_NONE,
#define NAME_OF_REASON(name, error, sentence) REASON_##name,
	REASONS(NAME_OF_REASON)
#undef NAME_OF_REASON
		REASON_COUNT,

	/* From here on: a function of the caller refused, with the errno that was added. */
	REASON_OF_CALLER = REASON_COUNT,
	REASON_END = REASON_OF_CALLER + ERRNO_END
};

/* Where the C library has room for it, no access calls the loader, which could allocate. In others the choice would
 * forbid to load the library later. */
#ifdef __GLIBC__
# define REASON_STORAGE __thread __attribute__((tls_model("initial-exec")))
#else
# define REASON_STORAGE __thread
#endif

/* Why the last call of this thread failed that said so. */
extern REASON_STORAGE enum reason reason_last __attribute__((visibility("hidden")));

/* A public function that can fail begins with this. */
static inline void reason_forget(void)
{
	reason_last = REASON_NONE;
}

/* Fails for this reason: returns its negative errno. */
int fail_for(enum reason reason);

/* Returns `err`, the negative errno with which a function of the caller refused. */
int fail_for_caller(int err);

/* What a function of the caller that verifies has answered: a negative errno, or a positive number, refuses. */
int fail_as_judged(int answer);

/* Returns `err`. If it is the negative errno of the reason, this is why. */
int reason_for(int err, enum reason reason);

/* Keeps the reason while a roll-back or a probe makes calls that may fail for other ones. */
struct reason_kept {
	enum reason last;
};

static inline struct reason_kept reason_keep(void)
{
	return (struct reason_kept){ reason_last };
}

static inline void reason_restore(const struct reason_kept *kept)
{
	reason_last = kept->last;
}

/* The type of a variable that restores the reason when it leaves scope. Nothing else uses it. */
#define REASON_KEPT __attribute__((cleanup(reason_restore), unused)) struct reason_kept

#endif
