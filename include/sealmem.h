/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_H
#define SEALMEM_H

/*
 * Memory that cannot change once it is sealed.
 *
 * A caller demands guarantees (the seven words below). It gets all of them, or a negative errno and
 * nothing has changed: there is no silent downgrade. Before a call succeeds, it checks each guarantee
 * with the kernel and assumes nothing.
 *
 * Conventions that hold for every function here:
 *   - Sizes and offsets are in bytes. 0 or a useful non-negative value is success; failure is a
 *     negative errno (-EINVAL), except where a pointer is returned (NULL and errno).
 *   - A `ret` parameter is written on success only.
 *   - The library never prints and never exits, except for the one line that
 *     sealmem_report_faults() is asked to print, and for a heap that finds itself corrupted: it prints one line
 *     and aborts. Every descriptor is close-on-exec.
 *   - Functions are safe to call from several threads as long as one thread at a time uses each open
 *     region. All threads may use a sealed region at once. Nothing here is async-signal-safe, except
 *     sealmem_strerror(), and as it stands with the heap.
 *   - No function protects itself from another thread that runs code of an attacker during the call. Such a
 *     thread can copy a descriptor of the library, and reach a secret region by it after the seal. Or it can put
 *     another file in the place of a descriptor, and the call succeeds for a file that nobody sealed. Seal
 *     before there are threads that you do not trust, or give them a filter (SECURITY.md says which).
 *   - No function waits for a write lease (fcntl(2), F_SETLEASE). The owner of a memfd can take one, a sender
 *     or another process of this user, and open(2) would wait for them for 45 seconds. A function that has
 *     to open a memfd again fails with -EBUSY meanwhile. (The loader does wait, in sealmem_load_verified().)
 *   - No system call makes a mapping that a child does not inherit and that no core dump has. So there are
 *     moments in which memory is mapped and NOFORK or NODUMP is still to come, and moments in which a
 *     secret region has a descriptor. In these moments a fork(2) of another thread waits, and so do the signals of
 *     this one, except those of faults. For NODUMP and SECRECY the process is not dumpable (prctl(2),
 *     PR_SET_DUMPABLE): it leaves no core dump, no other process of its user can attach to it or take a
 *     descriptor, and its files in /proc belong to root. (This does not bind a process with CAP_SYS_PTRACE
 *     over it. If the program runs in a user namespace that its user
 *     made, every process of this user outside has that.) Then the process is as dumpable as before. If it
 *     may not become so again, because another thread has put a filter into force meanwhile, it stays
 *     undumpable. A thread that changes PR_SET_DUMPABLE, or the user of the process, does so while no other
 *     thread is in such a call, which would undo it.
 *   - A region belongs to the process that made it. A child made by fork(2) may read a sealed region that it
 *     inherited, ask about it, pass its descriptor on, and free its own copy of the handle. A seal is refused
 *     in a child (-ESTALE), however the child was made (before Linux 4.14: unless it has the process id of its
 *     parent, in a PID namespace of its own). So is sealmem_region_alloc(), unless the child shares the memory.
 *     A process that shares the memory of another one (vfork(2), clone(2) with CLONE_VM) can neither seal nor
 *     free the regions of the other. sealmem_region_alloc() works in it as in a thread.
 *   - Each function lists the errnos that a caller can act on. If a system call fails with another one,
 *     the function returns it as it is.
 *   - If a sandbox forbids a system call (seccomp answers EPERM or ENOSYS), the guarantee that rests on
 *     it is unsupported: -EOPNOTSUPP.
 *   - The compiler warns where a result is ignored that says whether memory is sealed, and where a NULL or
 *     a buffer that is too small is passed to be read or written.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEALMEM_VERSION "0.1.0"

/* The version of this header in numbers. SEALMEM_VERSION_NUMBER compares: 0.1.0 is 100, 1.2.3 is 10203. */
#define SEALMEM_VERSION_MAJOR 0
#define SEALMEM_VERSION_MINOR 1
#define SEALMEM_VERSION_MICRO 0
#define SEALMEM_VERSION_NUMBER                                                                     \
 (SEALMEM_VERSION_MAJOR * 10000 + SEALMEM_VERSION_MINOR * 100 + SEALMEM_VERSION_MICRO)

/*
 * What the compiler is told. Each is empty for a compiler that does not know it.
 *
 * Two attributes are missing on purpose. nonnull lets the compiler delete checks for NULL, in the library
 * and in its callers, but NULL is an argument like others here: -EINVAL, or nothing to do. malloc lets it
 * delete stores to memory that nobody seems to read, but everybody who has the region reads what
 * sealmem_region_alloc() returned. (alloc_align does not fit either: an alignment of 0 has a meaning.)
 */
#ifdef __has_attribute
# define SEALMEM_HAS_ATTRIBUTE_(attribute) __has_attribute(attribute)
#else
# define SEALMEM_HAS_ATTRIBUTE_(attribute) 0
#endif

/* The result has to be used. */
#if SEALMEM_HAS_ATTRIBUTE_(warn_unused_result)
# define SEALMEM_MUST_CHECK_ __attribute__((warn_unused_result))
#else
# define SEALMEM_MUST_CHECK_
#endif

/* The result, unless it is NULL, has the size that this parameter gives. */
#if SEALMEM_HAS_ATTRIBUTE_(alloc_size)
# define SEALMEM_ALLOC_SIZE_(size) __attribute__((alloc_size(size)))
#else
# define SEALMEM_ALLOC_SIZE_(size)
#endif

/* The function reads, or writes, as many bytes at this parameter as another one says: NULL only for 0. */
#if SEALMEM_HAS_ATTRIBUTE_(access)
# define SEALMEM_READS_(bytes, size)  __attribute__((access(read_only, bytes, size)))
# define SEALMEM_WRITES_(bytes, size) __attribute__((access(write_only, bytes, size)))
#else
# define SEALMEM_READS_(bytes, size)
# define SEALMEM_WRITES_(bytes, size)
#endif

/*
 * The guarantees, a set of bits. Each name means the same in this header, in sealmem(1) and in
 * sealmem(7).
 */

/* Nobody can change the bytes or the size: not this process, its children, or root through
 * /proc/PID/mem or ptrace. It rests on F_SEAL_WRITE, fcntl(2) "File Sealing", Linux 3.17. */
#define SEALMEM_CONTENT 0x01u

/* The mapping stays where it is until the process ends or executes another program: nobody can
 * unmap, move, replace or re-protect it. It rests on mseal(2), Linux 6.10. */
#define SEALMEM_ADDRESS 0x02u

/* Only loads and stores of this process reach it: not /proc/PID/mem, not ptrace, not another process,
 * not root. It brings NOSWAP, NODUMP and NOFORK with it. It rests on memfd_secret(2), Linux 5.14; up to
 * Linux 6.4 only if the kernel was booted with secretmem.enable=1. It is refused on loong64, whose kernel keeps the
 * pages in its own map (set_direct_map_invalid_noflush() in arch/loongarch/mm/pageattr.c). It needs prctl(2), too.
 * While a secret region exists the machine cannot hibernate. Root can take the descriptor that the region has while it is made and while
 * it is sealed (pidfd_getfd(2)), and so can another thread that runs code of an attacker meanwhile. */
#define SEALMEM_SECRECY 0x04u

/* The kernel never writes it to swap while it is mapped: a region's bytes from before the first is stored until
 * sealmem_region_free() has given them back, a range's from the seal on. A process that ends with such memory
 * gives up the lock before the pages (sealmem(7) says more). It rests on mlock(2). */
#define SEALMEM_NOSWAP 0x08u

/* It is not in a core dump, at any moment: a region's bytes from the beginning, a range's from the seal on. It rests
 * on MADV_DONTDUMP, madvise(2), Linux 3.4, and on PR_SET_DUMPABLE, prctl(2). */
#define SEALMEM_NODUMP 0x10u

/* A child of fork(2) does not inherit it, whenever it is made. It rests on MADV_DONTFORK, madvise(2), Linux 2.6.16,
 * and on pthread_atfork(3). A child that the C library knows nothing of (a bare clone(2), _Fork(3)) can inherit it
 * if another thread makes it during a call. So can the child of the handler of a fault (SIGSEGV) that the call itself
 * raises. */
#define SEALMEM_NOFORK 0x20u

/* It has an inaccessible page on either side, so that a run past either end faults. The pages are neighbours
 * of whole pages: the zeroes between the last byte and the end of its page can still be read. */
#define SEALMEM_GUARDS 0x40u

/* All of them. */
#define SEALMEM_GUARANTEES 0x7fu

/* The longest name of a region, in bytes without the terminating zero. The kernel takes 249 for a
 * memfd, and the library puts "sealmem:" before the name. */
#define SEALMEM_NAME_MAX 240

/*
 * The version of the library that the program runs with, such as "0.1.0". SEALMEM_VERSION is that of the header
 * that it was compiled with. The string is static. Since 0.1.
 */
const char *sealmem_version(void);

/* A number of this header: its name without "SEALMEM_", such as "CONTENT", and its value. */
struct sealmem_constant {
	const char *name;
	unsigned long value;
};

/*
 * All numbers of this header, for programs in languages that do not read it: the guarantees, what
 * sealmem_seal_image() may be asked, the limits, and the version. The last element has NULL for its name. They are
 * those of the library that the program runs with. The table is static. Since 0.1.
 */
const struct sealmem_constant *sealmem_constants(void);

/* The size of a page on this machine, in bytes: sealmem_seal_range() and sealmem_mseal() take whole ones. Since 0.1. */
size_t sealmem_page_size(void);

/*
 * The name of one guarantee, such as "CONTENT". It is NULL for anything that is not exactly one of the
 * bits. The string is static. Since 0.1.
 */
const char *sealmem_guarantee_name(unsigned guarantee);

/*
 * One sentence that explains an error of this library to a person: a negative errno that a function returned, or
 * the errno that it set. If the last call of this thread that could fail did fail with this errno, the sentence
 * says which of the possible causes it was, such as "RLIMIT_MEMLOCK does not allow this size.". Otherwise, and where
 * the kernel gives no cause, it says what the errno means in general. So ask before the thread calls another
 * function that can fail. sealmem_region_free(), sealmem_wipe(), sealmem_equal(), sealmem_supported(), and the
 * functions that answer a question about a region, except sealmem_region_fd(), leave the cause as it is.
 *
 * The string is static, never NULL and the same in all threads; each thread has a cause of its own. A signal
 * handler may call this function. The sentences may change, the errnos do not: a program decides by errno.
 * sealmem_strerror(3) lists the sentences. Since 0.1.
 */
const char *sealmem_strerror(int err);

/*
 * The guarantees that sealmem_region_new() can give in this process, on this kernel, under its
 * present limits. The function tries each and never asks for the version. It tries a guarantee that
 * cannot be undone (ADDRESS) in a child process, which raises no SIGCHLD and which wait(2) of this
 * process does not see. If a seccomp filter kills the caller of a system call, the call is unsupported:
 * this function, and every other one that needs mseal(2), memfd_secret(2) or seccomp(2), tries the call
 * in such a child first. It does so once in a process that has a filter, and so does not notice a second
 * filter. It keeps the first answer, unless a passing shortage (descriptors, memory) spoiled it. Since 0.1.
 */
unsigned sealmem_supported(void);

/*
 * A region: memory that is open (writable) first and sealed later, at an address that never changes.
 *
 * While open, its memory is shared memory of this process alone: a child made by fork(2) does not
 * inherit it, because the seal fails as long as a child holds a writable mapping. Children inherit it once it
 * is sealed, unless NOFORK was demanded.
 */
struct sealmem_region;

/*
 * Make an open region.
 *
 * name        the region's name in /proc/PID/maps ("/memfd:sealmem:NAME") and in fault reports: 0 to
 *             SEALMEM_NAME_MAX bytes, no control characters. The function copies it. In /proc/PID/maps
 *             the kernel calls every SECRECY region "/secretmem".
 * capacity    the most that the region can ever hold, in bytes, at least 1. Until it is touched, capacity
 *             beyond a page costs address space only (with NOSWAP also RLIMIT_MEMLOCK), so tens of GiB are
 *             fine. With SECRECY the kernel brings all of it into memory now, zeroed, and charges it to
 *             RLIMIT_MEMLOCK.
 * guarantees  the demand: CONTENT or SECRECY or both, and any of the others. CONTENT and ADDRESS
 *             come into force with the seal, the others at once. SECRECY brings NOSWAP, NODUMP and NOFORK,
 *             and with CONTENT it brings ADDRESS too, on which it rests. A SECRECY region without CONTENT
 *             stays writable, after sealmem_region_seal() too, and sealmem_region_free() wipes it.
 *
 * On success *ret belongs to the caller, who gives it to sealmem_region_free(). A region takes one descriptor.
 * The first region of a process takes one more while it is open; on some kernels every region does.
 *
 * -EINVAL        ret or name is NULL, capacity is 0, guarantees has unknown bits or neither CONTENT nor
 *                SECRECY, or name has a control character
 * -ENAMETOOLONG  name is longer than SEALMEM_NAME_MAX
 * -EOPNOTSUPP    a guarantee is unsupported here: SECRECY without memfd_secret(2), and on loong64;
 *                ADDRESS without mseal(2) and without sealmem_allow_emulation(); NODUMP and SECRECY without
 *                prctl(2); CONTENT without memfd_create(2) or, where a second descriptor is needed, without
 *                /proc mounted
 * -EAGAIN        NOSWAP, SECRECY: RLIMIT_MEMLOCK does not allow capacity
 * -EFBIG         RLIMIT_FSIZE is below capacity, in whole pages with SECRECY (no SIGXFSZ is raised)
 * -EBUSY         another process of this user has a write lease on the new file
 * -EMFILE, -ENFILE  out of descriptors
 * -ENOMEM        out of memory, address space or mappings (vm.max_map_count)
 *
 * Kernel fact: a shared read-only mapping of a sealed file loses VM_MAYWRITE. Some kernels give such a mapping
 * only for a descriptor that was never writable. The library opens one through /proc/self/fd (mm/memfd.c and
 * mm/mmap.c of Linux). Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_region_new(struct sealmem_region **ret, const char *name,
					   size_t capacity, unsigned guarantees);

/*
 * Make a sealed region from a buffer, in the fewest system calls. It does the same as
 * sealmem_region_new() with capacity `size`, a copy, and sealmem_region_seal(), and has the guarantees and
 * the errors of those two. Without NOSWAP the copy is never in writable memory. The bytes may be anywhere
 * that is readable, and stay there during the call. The function does not wipe them. It compares them with
 * those that it sealed, because another process of this user can write to the new file, through /proc/PID/fd,
 * until the seal.
 *
 * If size is 0 the region is empty, and bytes may be NULL. It has an address, a name, a descriptor and all guarantees
 * that are demanded, its file has 0 bytes, and it can be sent, received and accepted as others. Nothing may be read
 * from its address: a page is mapped there, on which a load raises SIGBUS (of a secret region, it finds zeroes).
 *
 * -EINVAL        also: bytes is NULL and size is not 0
 * -EFAULT        bytes .. bytes + size cannot be read
 * -EBUSY         also: the bytes that were sealed differ: somebody wrote to the file, or changed its size, or
 *                wrote to the buffer
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_region_new_from(struct sealmem_region **ret, const char *name,
						const void *bytes, size_t size, unsigned guarantees)
	SEALMEM_READS_(3, 4);

/*
 * Make a sealed region from all that a descriptor gives: a file, a pipe or a socket, read to its end. The function
 * reads the source once. For a file and a pipe the kernel copies the bytes by itself, unless SECRECY or NOSWAP is
 * demanded: then they go straight to the pages where they stay.
 *
 * fd     open for reading. It stays the caller's. A regular file is read from its first byte on, wherever its position
 *        is, and the position does not change. Any other source is read from where it stands: what was read of it is
 *        gone, if the call fails too. The function waits for the end of such a source, also if the descriptor does not
 *        wait (O_NONBLOCK). Signals do not end it. A socket can have a limit by SO_RCVTIMEO, for each wait.
 * limit  the largest size that is accepted, in bytes. Of a source that is no file, one byte more is read.
 *
 * Holes of a file become zeroes that take memory. A source without bytes gives an empty region, as
 * sealmem_region_new_from() does for size 0. The size of a file must stay the same during the call. Whether its bytes
 * change meanwhile is not noticed: verify sealed bytes, with the function below or once the region is there.
 *
 * With SECRECY no copy is left in this process. The source has one: the file, and the pages of the kernel in which the
 * bytes of a pipe or a socket were on their way. If the end of a secret source is not known before, it takes twice its
 * size or more of RLIMIT_MEMLOCK for a moment.
 *
 * The errors of sealmem_region_new() (with the size of the source for capacity) and sealmem_region_seal(), and:
 *
 * -EBADF      fd is not open for reading
 * -EISDIR     fd is a directory
 * -EFBIG      the source has more bytes than limit
 * -EBUSY      a file became longer or shorter during the call, or does not have the size that it claims (such as files
 *             in /sys); or another process of this user added seals to the new file, or changed its size
 * -EAGAIN     the end of SO_RCVTIMEO
 * -EINVAL     also: fd cannot be read, such as a socket that is not connected, or a file with O_DIRECT whose size is not a
 *             number of whole blocks
 * -EFAULT     SECRECY: fd has O_DIRECT, and a device cannot store to such pages
 * -EIO        the source cannot be read
 * -ENOMEM     also: the memory of the machine does not suffice
 * and those of read(2) for the source.
 *
 * Kernel fact: sendfile(2) and splice(2) copy to a memfd; the copy shares no page with the source (mm/shmem.c of Linux).
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_region_new_from_file(struct sealmem_region **ret, const char *name,
						     int fd, size_t limit, unsigned guarantees);

/*
 * The same, and tell the caller. Both functions may be NULL, and get `data` as it is. They may call this library, and
 * must return.
 *
 * progress  is called after each piece (at most 1 MiB), and when a signal came while the function waits. `done` is the
 *           number of bytes so far, `total` that of a file, or 0 if it is not known. If it returns anything but 0, the
 *           call ends with -ECANCELED.
 * verify    is called once, with all bytes when they are sealed: those that everybody will see, not those that were
 *           read. So a digest is right, whoever wrote to the new file before its seal. An address that is to be sealed
 *           is not yet, so bytes that are refused do not stay. It accepts them with 0. It refuses them with a negative
 *           errno, which this function then returns, or with a positive value. The bytes of a SECRECY region without
 *           CONTENT stay writable.
 *
 * -ECANCELED     progress returned anything but 0
 * -EKEYREJECTED  verify returned a positive value
 * and the errors of sealmem_region_new_from_file(). Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_region_new_from_file_with(
	struct sealmem_region **ret, const char *name, int fd, size_t limit, unsigned guarantees,
	int (*progress)(size_t done, size_t total, void *data),
	int (*verify)(const void *bytes, size_t size, void *data), void *data);

/*
 * Take memory from an open region: `size` bytes, zeroed, at a multiple of `align` (a power of two;
 * 0 means suitable for every C type). The function sets memory aside for it now, so that a later store
 * cannot raise SIGBUS because memory is lacking. Pieces are given back from the end only: see
 * sealmem_region_realloc() and sealmem_region_trim().
 *
 * Returns NULL with errno
 *   EINVAL   r is NULL, size is 0, or align is not a power of two
 *   EPERM    the region is sealed
 *   ESTALE   the region belongs to a parent of this process, which does not share its memory
 *   ENOMEM   the capacity or the memory of the machine is used up
 *   ENOTRECOVERABLE  a seal failed and left the region read-only, see sealmem_region_seal()
 * and the region is as it was. Since 0.1.
 */
SEALMEM_MUST_CHECK_ void *sealmem_region_alloc(struct sealmem_region *r, size_t size, size_t align)
	SEALMEM_ALLOC_SIZE_(2);

/*
 * Change the size of the last piece, the one that the last successful call of sealmem_region_alloc() or
 * sealmem_region_realloc() returned, without moving it. What it gains is zeroed, and has memory that is set aside
 * as by sealmem_region_alloc(). What it loses is zeroed and can be handed out again. If p is NULL, this is
 * sealmem_region_alloc() with alignment 0. So a structure of unknown size is built in one piece that grows, at one
 * address, up to the capacity. Choose the capacity generously: it costs address space only.
 *
 * Returns p, or NULL with errno
 *   EINVAL   r is NULL, size is 0, or p is not the last piece
 *   EPERM, ESTALE, ENOMEM, ENOTRECOVERABLE  as sealmem_region_alloc()
 * and the region is as it was. Since 0.1.
 */
SEALMEM_MUST_CHECK_ void *sealmem_region_realloc(struct sealmem_region *r, void *p, size_t size)
	SEALMEM_ALLOC_SIZE_(3);

/*
 * Take back what lies after the first `size` bytes of an open region: they are its size from now on, and the seal
 * makes the file that long. What is taken back is zeroed, and sealmem_region_alloc() can hand it out. A caller that
 * writes at sealmem_region_data() without sealmem_region_alloc() says so how much of the capacity is used. A piece
 * that ends after `size` is cut there; one that starts there or later is gone. 0 makes the region empty.
 *
 * -EINVAL      r is NULL, or size is above sealmem_region_size()
 * -EPERM       the region is sealed
 * -ESTALE      the region belongs to a parent of this process, which does not share its memory
 * -EOPNOTSUPP  a sandbox refuses fallocate(2)
 * -ENOTRECOVERABLE  a seal failed and left the region read-only, see sealmem_region_seal()
 *
 * On failure the region is as it was. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_region_trim(struct sealmem_region *r, size_t size);

/*
 * Seal a region in place. Once it has returned 0, nothing changes the bytes, if CONTENT was demanded. In a
 * SECRECY region without CONTENT the bytes stay writable: the seal fixes its size, and its address if ADDRESS
 * was demanded. sealmem_region_guarantees() says which guarantees are in force. The size is that of
 * sealmem_region_size(), the file is exactly
 * that long, every pointer into it stays valid, and F_GET_SEALS has confirmed the seals. Other threads
 * may read the region throughout. None may write to it during the call: the store could raise
 * SIGSEGV. Sealing a sealed region returns 0 and changes nothing.
 *
 * On failure the region is open as before: writable, with the same address and the same bytes. It can be
 * sealed again when the cause is gone.
 *
 * -EINVAL      r is NULL
 * -ESTALE      the region belongs to another process, such as the parent of this one
 * -EBUSY       somebody holds a writable mapping (another process that mapped the file, a child that the
 *              C library knows nothing of) or one of its pages (an io_uring fixed buffer, a page
 *              spliced into a pipe). The kernel waits about 150 ms before it says so. Or somebody has a
 *              write lease on the file, or has made it shorter, or longer in the last moment or for good (F_SEAL_SHRINK).
 *              ADDRESS, emulated: another thread has
 *              a seccomp filter of its own.
 * -ENOSPC      ADDRESS, emulated: no room for another filter, see sealmem_allow_emulation()
 * -EAGAIN      NOSWAP, SECRECY: during the seal RLIMIT_MEMLOCK must allow the size a second time, so that
 *              the bytes stay locked throughout
 * -EFBIG       SECRECY with CONTENT: RLIMIT_FSIZE is now below the size, in whole pages
 * -EADDRINUSE  ADDRESS or GUARDS: other memory is mapped in the region or in the place of a guard, or
 *              none. If it was there before the call, it stays. If another thread mapped it into the
 *              region during the call, it goes.
 * -EMFILE, -ENFILE  ADDRESS or GUARDS: out of descriptors (one is needed for a moment)
 * -EOPNOTSUPP  the kernel stopped giving what it gave when the region was made. ADDRESS or GUARDS: /proc is
 *              not mounted. CONTENT: or another process of this user has added F_SEAL_SEAL to the file. If it
 *              added no other seal, the region stays open for good, because no later seal succeeds.
 * -ENOMEM      out of memory or mappings
 * -ENOTRECOVERABLE  sealing failed, and so did the roll-back that makes the region writable again
 *              (two kernel failures in a row). The address and the bytes are the same, but the region
 *              is read-only. It can be sealed again or freed. ADDRESS: or another thread mapped
 *              memory of its own into the region in the moment before the addresses were sealed. That
 *              memory stays for good, the region has no guarantee, and it can only be freed. CONTENT: or
 *              another process of this user added F_SEAL_WRITE and F_SEAL_SEAL to the file during the call.
 *              The address and the bytes are the same, but the region is read-only, and no later seal
 *              succeeds: it can only be read and freed. SECRECY with CONTENT: or RLIMIT_MEMLOCK fell during the
 *              call, or another thread locked what it allowed (it does not bind root), and the kernel took the
 *              pages away that it was to replace. The bytes are gone, and the region can only be freed.
 *
 * Kernel fact: mmap(2) with MAP_FIXED replaces a mapping in one step, and the kernel refuses F_SEAL_WRITE
 * with EBUSY as long as a shared mapping exists that could become writable; fcntl(2). PROCMAP_QUERY of ioctl(2)
 * tells what is mapped at an address (Linux 6.11; before it, with ADDRESS or GUARDS, the function reads all
 * of /proc/self/maps). Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_region_seal(struct sealmem_region *r);

/* The address of the region: page-aligned, and the same from creation on. NULL for NULL. Since 0.1. */
void *sealmem_region_data(const struct sealmem_region *r);

/* The size in bytes: what sealmem_region_alloc() has handed out, alignment gaps included, or what
 * sealmem_region_trim() has left. The whole capacity if neither was called. 0 for NULL. Since 0.1. */
size_t sealmem_region_size(const struct sealmem_region *r);

/* The name: the one that the region was made with; the one that the sender gave it, if it was received;
 * "accepted", if it was accepted. NULL for NULL. The string belongs to the region and goes with it. Since 0.1. */
const char *sealmem_region_name(const struct sealmem_region *r);

/* The guarantees in force now in this process, a set of bits. 0 for NULL, and in a child that did not inherit the
 * memory. A child that did has not NOSWAP. Since 0.1. */
unsigned sealmem_region_guarantees(const struct sealmem_region *r);

/*
 * The descriptor of a sealed region, read-only, for passing on. It belongs to the region: do not close it.
 *
 * -EINVAL      r is NULL
 * -EPERM       the region is open: a receiver could write to it
 * -EOPNOTSUPP  a SECRECY region has none, because its descriptor could be mapped writable. An accepted
 *              region has none if its file could not be opened again.
 * -EMFILE, -ENFILE  out of descriptors (one is needed for a moment the first time)
 * -EBUSY       somebody has a write lease on the file (the first time)
 * -EOPNOTSUPP  /proc is not mounted (needed the first time)
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_region_fd(const struct sealmem_region *r);

/*
 * Free the region and its descriptor. The function gives the memory back, unless ADDRESS is in force: such
 * memory stays mapped and readable until the process ends, as the caller demanded. It takes NULL and
 * returns NULL. In a child it frees what the child has: the handle, the descriptor, and the memory if the child
 * inherited it. In another process that shares the memory of the region's own it does nothing.
 * It cannot wipe sealed pages first: the kernel zeroes them when it hands them out again. With NOSWAP it takes up to 65 descriptors for a moment, so that the kernel does not write the pages
 * to swap while they go. It wipes a SECRECY region that is still writable. Since 0.1.
 */
struct sealmem_region *sealmem_region_free(struct sealmem_region *r);

/*
 * Copy a sealed SECRECY region to secret memory of another file, and return the descriptor of that: for a service
 * manager to keep until the next process of a service calls sealmem_secret_restore(). The descriptor belongs to the
 * caller, is close-on-exec, and is the secret for as long as it is open anywhere: whoever gets it maps and reads it. So
 * hand it over, close it, and let the process end. (SECURITY.md says more.) While it is open the machine cannot
 * hibernate. The kernel clears the pages when the last descriptor and the last mapping are gone.
 *
 * -EINVAL      r is NULL, is empty, or has not SECRECY
 * -EPERM       the region is open: seal it first
 * -ESTALE      this process did not inherit the memory
 * -EOPNOTSUPP  a sandbox refuses memfd_secret(2) or prctl(2), which made the region
 * -EAGAIN      RLIMIT_MEMLOCK does not allow the size a second time
 * -EFBIG       RLIMIT_FSIZE is now below the size
 * -EMFILE, -ENFILE  out of descriptors
 * -ENOMEM      out of memory, address space or mappings
 *
 * Kernel fact: the size of secret memory can be set once, and stays exact (secretmem_setattr() in mm/secretmem.c of
 * Linux). Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_secret_store(const struct sealmem_region *r);

/*
 * Take back what sealmem_secret_store() stored: a sealed region `name` with the same bytes, in pages that nobody else
 * has mapped. On success the function wipes what was stored, for everybody who has that memory, and closes fd. On
 * failure both stay as they were. A second restore, by another descriptor of the same memory, fails with -ENODATA.
 *
 * guarantees  the demand, as for sealmem_region_new(), with SECRECY
 *
 * The bytes are as trustworthy as those who had the descriptor: nobody can know who has mapped it still, and such a
 * process can write to it until the function has copied it, and read it until it is wiped. RLIMIT_MEMLOCK has to allow
 * the size three times for a moment (without CONTENT: twice).
 *
 * -EINVAL      ret or name is NULL, guarantees lacks SECRECY or has unknown bits, or name has a control character
 * -ENAMETOOLONG  name is longer than SEALMEM_NAME_MAX
 * -EBADF       fd is not open
 * -ENODEV      fd is not that of secret memory: a memfd, a pipe, a file
 * -ENODATA     nothing is stored there, or it was taken back already
 * -EAGAIN      RLIMIT_MEMLOCK does not allow so much
 * -EFBIG       RLIMIT_FSIZE is below the size, in whole pages
 * -ENOMEM      out of memory, address space or mappings; or the size is above the memory of the machine
 * -EOPNOTSUPP  a guarantee is unsupported here
 * -EMFILE, -ENFILE  out of descriptors
 * and the errors of sealmem_region_seal(). Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_secret_restore(struct sealmem_region **ret, int fd,
					       const char *name, unsigned guarantees);

/*
 * For a type whose objects are sealed with sealmem_seal_range(): it gives each object whole pages of its own.
 *
 *     struct SEALMEM_PAGE_ALIGNED config { int port; char root[64]; };
 *     static struct config config;
 *     ...
 *     config.port = 443;
 *     int err = sealmem_seal_object(&config, SEALMEM_CONTENT);
 *
 * It belongs to the type, not to the variable. So the size is a number of whole pages too, and no other
 * variable shares the last one. Otherwise a call of sealmem_seal_object() does not compile, and the compiler
 * says why.
 */
#if defined(__x86_64__) || defined(__i386__)
# define SEALMEM_PAGE_MAX (1u << 12)
#else
# define SEALMEM_PAGE_MAX (1u << 16)
#endif
#define SEALMEM_PAGE_ALIGNED __attribute__((aligned(SEALMEM_PAGE_MAX)))

#define SEALMEM_NEEDS_PAGES_                                                                       \
 "sealmem_seal_object: the type of the object needs SEALMEM_PAGE_ALIGNED"

/* The size of the object, if it has whole pages of its own. C++ defines no type in sizeof, C has no templates. */
#ifdef __cplusplus
extern "C++" {
template <bool whole> struct sealmem_whole_pages_ {
# if __cplusplus >= 201103L
	static_assert(whole, SEALMEM_NEEDS_PAGES_);
# else
	char needs_pages[whole ? 1 : -1];
# endif
};
}
# define SEALMEM_SIZE_IN_PAGES_(object)                                                            \
  (sizeof(*(object)) + 0 * sizeof(sealmem_whole_pages_<sizeof(*(object)) % SEALMEM_PAGE_MAX == 0>))
#else
# define SEALMEM_SIZE_IN_PAGES_(object)                                                            \
  (sizeof(*(object)) + 0 * sizeof(struct {                                                         \
   _Static_assert(sizeof(*(object)) % SEALMEM_PAGE_MAX == 0, SEALMEM_NEEDS_PAGES_);                \
   char none;                                                                                      \
		       }))
#endif

#define sealmem_seal_object(object, guarantees)                                                    \
 sealmem_seal_range((object), SEALMEM_SIZE_IN_PAGES_(object), (guarantees))

/*
 * Seal private memory that exists already, at its address: a global, an anonymous mapping, written
 * pages of a file mapped privately.
 *
 * addr, size  whole pages, mapped without a hole, private, readable, of one protection. It is not the
 *             stack that the caller runs on.
 * guarantees  CONTENT or ADDRESS or both, and any of NOSWAP, NODUMP, NOFORK.
 *
 * With CONTENT a sealed memfd replaces the pages in one step. Afterwards they are readable, and executable if
 * they were. Stores by other threads during the call raise SIGSEGV; none is lost, unless a thread makes the
 * pages writable again during the call (mprotect(2)). A write through pages that the kernel held before the
 * call goes to the old pages, and is lost although it is reported as done: a process_vm_writev(2) of another
 * process that has begun, an io_uring buffer, a read(2) with O_DIRECT. A seal cannot be undone: the memory is
 * sealed until it is unmapped (CONTENT) or the process ends (ADDRESS). With CONTENT, what mlock(2) or
 * madvise(2) gave the pages before ends, unless the caller demands it again.
 *
 * On failure the range has the same bytes, address and protection. Those of NOSWAP, NODUMP and NOFORK that
 * were demanded are then off.
 *
 * -EINVAL      addr or size is not a multiple of the page size, size is 0, the range wraps around,
 *              guarantees has unknown bits, GUARDS, or neither CONTENT nor ADDRESS; with CONTENT: a
 *              part is a shared mapping (a sealed one is), protections differ, or it is the stack in
 *              use
 * -ENOMEM      a page of the range is not mapped; or out of memory or mappings
 * -EACCES      CONTENT: the range cannot be read
 * -EFAULT      CONTENT: a page lies past the end of its file
 * -EPERM       CONTENT: a part is sealed by mseal(2) already
 * -EOPNOTSUPP, -EAGAIN, -EFBIG, -EMFILE, -ENFILE  as sealmem_region_new()
 * -EADDRINUSE  CONTENT: another thread mapped memory of its own over the range during the call, which is gone
 *              then, or unmapped the range
 * -EBUSY       CONTENT: as sealmem_region_new(), and if another process of this user wrote to the new file
 *              before its seal, or changed its size; ADDRESS, emulated: as sealmem_mseal()
 * -ENOSPC      ADDRESS, emulated: as sealmem_mseal()
 * -ENOTRECOVERABLE  CONTENT: a step after the replacement failed, and so did the roll-back (two kernel failures
 *              in a row). The bytes and the address are the same, but the range is read-only. With
 *              ADDRESS: or another thread mapped memory of its own over the range in the moment before
 *              the addresses were sealed. That memory stays for good.
 *
 * Kernel fact: mseal(2) alone does not keep private bytes: /proc/PID/mem, ptrace and MADV_DONTNEED on
 * file pages change them (Documentation/userspace-api/mseal.rst). Hence the memfd. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_seal_range(void *addr, size_t size, unsigned guarantees);

/*
 * The same, with a name for fault reports, as sealmem_region_new() takes one. sealmem_seal_range() calls each range
 * "range". With CONTENT it is the name in /proc/PID/maps, too ("/memfd:sealmem:NAME").
 *
 * -EINVAL        also: name is NULL or has a control character
 * -ENAMETOOLONG  name is longer than SEALMEM_NAME_MAX
 * -ENOMEM, -EACCES, -EFAULT, -EPERM, -EOPNOTSUPP, -EAGAIN, -EFBIG, -EMFILE, -ENFILE, -EADDRINUSE, -EBUSY, -ENOSPC,
 * -ENOTRECOVERABLE  as sealmem_seal_range()
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_seal_range_named(void *addr, size_t size, const char *name,
						 unsigned guarantees);

/*
 * What a caller may ask of sealmem_seal_image() in addition.
 *
 * DEEP  Replace code and constants as well: CONTENT for all. It costs their size in memory, for each
 *       process that starts so. Debuggers can set no breakpoint in them, and profilers do not see which
 *       file they are from. On arm64 the code loses its branch target identification (PROT_BTI).
 * VDSO  Also seal the pages that the kernel maps into every process.
 * TRY   Where addresses cannot be sealed, give CONTENT all the same. The report says what is lacking.
 */
#define SEALMEM_IMAGE_DEEP 0x01u
#define SEALMEM_IMAGE_VDSO 0x02u
#define SEALMEM_IMAGE_TRY  0x04u

/* Pages of one kind: the guarantees that hold for all of them, and their size in bytes. */
struct sealmem_image_pages {
	unsigned guarantees;
	size_t size;
};

/*
 * objects    how many objects are sealed
 * left       how many objects are not sealed, because dlclose(3) may unmap them, or because they are in
 *            another namespace of the loader (LD_AUDIT, dlmopen(3)), which glibc shows from 2.35 on
 * lazy       in how many sealed objects a part of the GOT is writable, because functions are found at their
 *            first call
 * excluding  in how many sealed objects pages are left alone, because the objects ask for it
 * marked     how many sealed objects the linker has marked to be sealed as a whole (-z memory-seal)
 * data       what the program writes to, in the objects that are marked
 * read_only  constants that have pages of their own (on arm64, linkers put constants among the code)
 */
struct sealmem_image_report {
	unsigned objects, left, lazy, excluding, marked;
	struct sealmem_image_pages text, read_only, relro, vdso, data;
};

/*
 * Seal the program itself. For every object that was mapped before the program started, the function seals the
 * code, the constants, and the pages that the loader made read-only after it had filled in the addresses
 * (RELRO: the GOT, tables of functions). It leaves objects alone that came by dlopen(3), because dlclose(3) may
 * unmap them, and those of other namespaces of the loader, such as the objects of LD_AUDIT. Call it at the
 * beginning of main(), or have `sealmem run --image` do it for a program that was not built for it.
 *
 * Other threads may call this function and sealmem_seal_loaded(), load objects and close them meanwhile. The functions
 * call dlopen(3) and dl_iterate_phdr(3). So they wait while another thread loads an object and runs its constructors,
 * and a constructor must not wait for a thread that is in them. Constructors may call them. Destructors, and callbacks
 * of dl_iterate_phdr(3), must not. A name stands for the object that the loader took for it, however many loaded
 * objects have that name; a name with a slash is a path.
 *
 * RELRO gets CONTENT and ADDRESS: a sealed memfd replaces its pages, at their addresses. Code and constants
 * get ADDRESS, and CONTENT too where the loader wrote relocations to them. If an object was linked without
 * -z now, the part of its GOT that functions are called through stays writable: the loader stores to it at
 * the first call of each function.
 *
 * If the linker has marked an object (-z memory-seal: GNU_PROPERTY_MEMORY_SEAL in .note.gnu.property), what the program
 * writes to in it gets ADDRESS as well: it stays writable, and nobody can unmap it, move it or make it executable. Pages
 * that ask to stay as they are (PT_GNU_MUTABLE, PT_OPENBSD_MUTABLE, SEALMEM_IMAGE_EXCLUDE()) are left in every object.
 *
 * flags  a set of SEALMEM_IMAGE_DEEP and so on, or 0
 * ret    the report of what was sealed; may be NULL
 *
 * Another call seals what is not sealed yet. Children made by fork(2) inherit the seals. A program
 * that writes to its own code, or makes its constants writable for a moment, must exclude such pages with
 * SEALMEM_IMAGE_EXCLUDE(), or not be sealed.
 *
 * On failure all bytes and protections are what they were. Objects whose addresses were sealed
 * before the failure stay so, and the function can be called again.
 *
 * -EINVAL        flags has unknown bits
 * -EOPNOTSUPP    addresses cannot be sealed here (see sealmem_mseal()), or /proc is not mounted, and
 *                SEALMEM_IMAGE_TRY is not among the flags; or as sealmem_region_new()
 * -EPERM         pages that are to be replaced are sealed by mseal(2) alone already, so their bytes can no
 *                longer be sealed. SEALMEM_IMAGE_DEEP meets this after a seal without it.
 * -EFAULT        code that is to be replaced cannot be read
 * -ETXTBSY       SEALMEM_IMAGE_DEEP, while another process traces this one and the code is not that of the files: a
 *                debugger could never take its breakpoints out again
 * -ENOSPC, -EBUSY  as sealmem_seal_range()
 * -EFBIG, -EMFILE, -ENFILE, -ENOMEM  as sealmem_region_new()
 * -ENOENT        the library is not in the namespace of the program, because dlmopen(3) loaded it; or the loader does
 *                not know a name by which one object needs another
 * -ENOTRECOVERABLE  a step after the replacement failed, and so did the roll-back (two kernel failures in
 *                a row), or another thread mapped memory of its own over pages that were being sealed:
 *                the program is damaged and should exit
 *
 * Kernel fact: MADV_DONTNEED brings the file's bytes back under written private pages, mseal(2) or not
 * (Documentation/userspace-api/mseal.rst). Fact of the loader: glibc adds and unmaps objects under the lock that it
 * holds while dl_iterate_phdr(3) calls back. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_seal_image(unsigned flags, struct sealmem_image_report *ret);

/*
 * The same for an object that dlopen(3) returned, and for the objects that it needs, but those that were mapped before
 * the program started. The handle is the caller's, and stays open during the call. On success the objects are never
 * unloaded, whatever dlclose(3) is told later. On failure they can be unloaded as before. The report is about these
 * objects.
 *
 * -EINVAL        also: handle is not one of dlopen(3), or the program is linked statically
 * -ENOENT        also: the object is in another namespace of the loader, as for a handle of dlmopen(3), or the loader
 *                does not find it again by its name
 * -EOPNOTSUPP, -EPERM, -EFAULT, -ETXTBSY, -ENOSPC, -EBUSY, -EFBIG, -EMFILE, -ENFILE, -ENOMEM,
 * -ENOTRECOVERABLE  as sealmem_seal_image()
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_seal_loaded(void *handle, unsigned flags,
					    struct sealmem_image_report *ret);

/*
 * At file scope, this tells sealmem_seal_image() to leave alone the pages that hold `size` bytes from `symbol`
 * on, in this program or shared object. It is for code that is patched, and for tables that are made writable
 * for a moment. The symbol is a function or a variable that is static, hidden or in a program. It should
 * share its pages with nothing else. `size` is a constant. The file that has the macro defines the symbol. Since
 * 0.1.
 *
 *     static const struct SEALMEM_PAGE_ALIGNED table table = { ... };
 *     SEALMEM_IMAGE_EXCLUDE(table, 4096);
 */
#define SEALMEM_IMAGE_EXCLUDE(symbol, size)    SEALMEM_EXCLUDE_(symbol, size, __COUNTER__)
#define SEALMEM_EXCLUDE_(symbol, size, number) SEALMEM_EXCLUDE_AS_(symbol, size, number)

/* Nothing calls the function. It exists because the assembly needs the compiler's name of the symbol, which
 * C++ and link-time optimisation change, and because the compiler keeps what the function refers to. */
#define SEALMEM_EXCLUDE_AS_(symbol, size, number)                                                  \
 __attribute__((used, noinline SEALMEM_EXCLUDE_PLAINLY_)) static void sealmem_exclude_##number##_( \
	 void)                                                                                     \
 {                                                                                                 \
  __asm__ volatile(".pushsection .note.sealmem, \"a\", %%note\n"                                   \
		   ".balign 4\n"                                                                   \
		   ".4byte 8, 16, 1\n"                                                             \
		   ".asciz \"sealmem\"\n" SEALMEM_DISTANCE_ ".8byte " SEALMEM_SIZE_OPERAND_ "\n"   \
		   ".popsection\n"                                                                 \
		   :                                                                               \
		   : SEALMEM_ADDRESS_OPERAND_(&(symbol)), "i"((unsigned long)(size)));             \
 }                                                                                                 \
 struct sealmem_excluded_##number##_
/* On arm an optimizer would put the address into a register. clang for 32 bits compiles this in no shared object. */
#if defined(__arm__) && !defined(__clang__)
# define SEALMEM_EXCLUDE_PLAINLY_ , optimize("O0")
#else
# define SEALMEM_EXCLUDE_PLAINLY_
#endif
/* gcc for riscv and loongarch writes a constant plainly, and knows no other way. */
#if defined(__riscv) || defined(__loongarch__)
# define SEALMEM_SIZE_OPERAND_ "%1"
#else
# define SEALMEM_SIZE_OPERAND_ "%c1"
#endif
/* Of 8 bytes. With addresses of 32 bits the assembler knows only one of 4. */
#if defined(__i386__) && !defined(__clang__)
# define SEALMEM_DISTANCE_ ".4byte %p0 - ., 0\n"
#elif defined(__riscv) || defined(__loongarch__)
# define SEALMEM_DISTANCE_ ".8byte %0 - .\n"
#elif __SIZEOF_POINTER__ == 8
# define SEALMEM_DISTANCE_ ".8byte %c0 - .\n"
#elif __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
# define SEALMEM_DISTANCE_ ".4byte %c0 - ., 0\n"
#else
# define SEALMEM_DISTANCE_ ".4byte 0\n.4byte %c0 - . + 4\n"
#endif
#if defined(__aarch64__)
# define SEALMEM_ADDRESS_OPERAND_ "S"
#elif (defined(__i386__) || defined(__arm__)) && !defined(__clang__)
# define SEALMEM_ADDRESS_OPERAND_ "X"
#else
# define SEALMEM_ADDRESS_OPERAND_ "i"
#endif

/*
 * mseal(2): seal the mappings of [addr, addr + size), their bytes not included. `size` is rounded up
 * to whole pages. Sealing twice is fine. Children made by fork(2) inherit the seal. It cannot be undone.
 *
 * -EINVAL      flags is not 0, addr is not page-aligned, or the range wraps around
 * -ENOMEM      a page of the range is not mapped; nothing is sealed
 * -EOPNOTSUPP  this kernel has no mseal(2), or a sandbox forbids it, and sealmem_allow_emulation() was
 *              not called
 * -ENOSPC      emulated: no room for another filter (see sealmem_allow_emulation())
 * -EBUSY       emulated: another thread has a seccomp filter of its own
 *
 * Kernel fact: Documentation/userspace-api/mseal.rst, Linux 6.10. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_mseal(void *addr, size_t size, unsigned long flags);

/* A piece of this process's memory, for sealmem_mseal_many(). */
struct sealmem_extent {
	void *addr;
	size_t size;
};

/* The most that sealmem_mseal_many() takes. */
#define SEALMEM_EXTENTS_MAX 128

/*
 * sealmem_mseal() of several extents. Emulated, they share one filter, so that many cost as much as one.
 * The function looks at all of them before it seals the first: if one is wrong or has a hole, it seals
 * nothing. Errors as sealmem_mseal(); -EINVAL also for more than SEALMEM_EXTENTS_MAX; emulated -ENOSPC and
 * -EBUSY. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_mseal_many(const struct sealmem_extent *extents, size_t count)
	SEALMEM_READS_(1, 2);

/*
 * Permit the library to seal addresses by a seccomp filter where the kernel has no mseal(2) (before Linux
 * 6.10). Then ADDRESS, sealmem_mseal() and the rest work there too. Call it before the first region.
 *
 * It has a price:
 *   - It sets no_new_privs for the process, now and for good. The process and what it executes cannot gain
 *     privileges by set-user-ID programs.
 *   - Each seal adds a filter that cannot be removed. Children inherit it. It stays in force after exec,
 *     over the new program's addresses. Therefore the library places regions at random where programs do
 *     not map. (It puts a region that is too large for that place anywhere.)
 *   - The kernel's room for filters ends after some 500 seals of regions one by one (450 in a 32-bit program of
 *     x86). No two seals of other
 *     memory share a filter, so there the room ends after a quarter to a third as many: seal many extents
 *     at once.
 *   - The filter refuses what mseal(2) refuses. From the first seal on it also refuses, for the whole
 *     process, what it cannot look into: io_uring_setup(2), userfaultfd(2) and the ioctl(2) that does the same
 *     (USERFAULTFD_IOC_NEW), process_madvise(2) with advice that could do harm, prctl(2) with PR_SET_MM, and
 *     mprotect(2) with PROT_GROWSDOWN. (The C library uses the last one to make the stack executable for a
 *     library that was linked so. Loading such a library fails.)
 *   - It refuses mmap(2) with MAP_FIXED also beside MAP_FIXED_NOREPLACE, which kernels before 4.17 do not know.
 *     Where something is mapped, the call fails with mseal(2) as well, with another errno.
 *   - The filter does not see whether a file has huge pages. It refuses mmap(2) of a file with MAP_FIXED, and
 *     mremap(2), if the address is a multiple of a huge page's size and the length, rounded up to that size,
 *     reaches a sealed address. So that dlopen(3) does not meet this by chance, each seal outside the place for
 *     regions occupies the last such multiple below it with an inaccessible page.
 *   - The filter does not see how large a ring of io_setup(2) is. It refuses io_destroy(2) of a ring that would
 *     reach a sealed address if it was the largest that there can be at the first seal: 64 bytes for each event
 *     of /proc/sys/fs/aio-max-nr, or 256 MiB without /proc. From then on no larger one is made, also
 *     if the limit is raised. So that a program can destroy its rings, each seal outside the place for regions
 *     occupies the free addresses so far below it.
 *   - The filter does not close: userfaultfds and pinned pages from before the seal; an io_uring that is older
 *     than the filter, or that another process made and passed on (by pidfd_getfd(2) or over a socket); other
 *     processes that share the memory; shmdt(2) of a segment whose first page is not sealed; a tracer with
 *     CAP_SYS_ADMIN (PTRACE_O_SUSPEND_SECCOMP).
 *
 * -EOPNOTSUPP  no seccomp filters here, or an architecture other than x86-64, i386, arm64, arm, riscv64, loong64 and
 *              ppc64el (on s390x a filter cannot see where mmap(2) maps)
 *
 * Kernel fact: seccomp(2), Linux 3.17; the emulation needs 4.14. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_allow_emulation(void);

/*
 * Refuse what mseal(2) leaves open on the mappings of [addr, addr + size): advice that makes them
 * unreadable for a while (MADV_GUARD_INSTALL) or hides them from children (MADV_DONTFORK). It needs
 * sealmem_allow_emulation(), on every kernel, and adds one filter of that kind. Call it last, after the
 * seal. Errors as sealmem_mseal(), and -EOPNOTSUPP if sealmem_allow_emulation() was not called. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_keep_available(void *addr, size_t size);

/*
 * A heap: memory for secrets that come and go. Its memory stays writable, so it takes the guarantees except CONTENT.
 *
 * Objects of 2,040 bytes or less share pages. A larger one has pages of its own and ends at an inaccessible page, so
 * that a load or store one byte after it faults. After a small object, and before a large one, there is a canary:
 * random bytes that the heap knows. A freed object is wiped at once. What the heap knows of its objects lies in other
 * mappings, between inaccessible pages.
 *
 * A heap notices that a program has a mistake: a canary that changed, a byte of a freed object that changed, an
 * object that is freed twice, a pointer that is no object of the heap. It notices a change when that memory is allocated
 * or freed next, or at the next sealmem_heap_check(). Then it writes one line to standard error, and aborts (abort(3)):
 *
 *     sealmem: heap "keys" is corrupted: 0x7f0c5a2e1018 was overwritten: it lies after the end of an object
 *
 * Threads may use one heap at the same time, and free what others have allocated. Small objects need no lock, except
 * when the heap grows. A signal handler may use the heap, unless it interrupts another function of this library that
 * is not one of sealmem_heap_alloc(), sealmem_heap_dealloc() and sealmem_heap_realloc(). A handler that leaves one of
 * these three by longjmp(3) can lose the memory of one object, or of up to one slab (8 KiB, or a page if that is
 * larger), until the heap is freed. The heap stays whole.
 *
 * A child of fork(2) has a copy of the heap, which works on its own. A fork waits while another thread has the heap's
 * lock, or a function of another thread has a closed heap open. With NOFORK the child has none: the functions fail with
 * ESTALE or do nothing, and sealmem_heap_free() frees the handle.
 */
struct sealmem_heap;

/*
 * Make a heap.
 *
 * name        the heap's name in its line and in fault reports, as that of a region
 * limit       the most bytes that its memory may take, at least 8 KiB, or a page if that is larger. Guard pages do
 *             not count, nor does what the heap knows of its objects (5 % of the memory, or less). The heap takes
 *             64 KiB now, if the limit and RLIMIT_MEMLOCK allow it, and grows when it has to: each time by a sixteenth.
 *             It keeps the memory of small objects until it is freed, and gives that of large ones back. A limit of
 *             more than 1 TiB counts as 1 TiB for small objects. The addresses are reserved now, twice as many bytes
 *             as the limit: they count against RLIMIT_AS, and nothing else.
 * guarantees  the demand: any but CONTENT. GUARDS are there in any case. SECRECY brings NOSWAP, NODUMP and NOFORK.
 *             NOSWAP brings large objects into memory, and small ones 64 KiB at a time, so the heap's memory
 *             counts against RLIMIT_MEMLOCK as it grows. Where the guard pages of a large object are no mappings of
 *             their own (sealmem-probe(1) says so), they count, too. With ADDRESS, the addresses of a heap that is
 *             freed stay taken. So do those of large objects, which the heap uses again.
 *
 * On success *ret belongs to the caller, who gives it to sealmem_heap_free(). A heap takes no descriptor.
 *
 * -EINVAL        ret or name is NULL, limit is 0, guarantees has unknown bits or CONTENT, or name has a control
 *                character
 * -ENAMETOOLONG  name is longer than SEALMEM_NAME_MAX
 * -EOPNOTSUPP    a guarantee is unsupported here, as in sealmem_region_new()
 * -EAGAIN        NOSWAP, SECRECY: RLIMIT_MEMLOCK does not allow the first memory. Or the kernel has no random
 *                numbers yet.
 * -EFBIG         SECRECY: RLIMIT_FSIZE does not allow it
 * -EMFILE, -ENFILE  SECRECY: out of descriptors: one is needed for a moment each time the heap grows
 * -ENOSPC, -EBUSY  ADDRESS, emulated: as sealmem_mseal()
 * -ENOMEM        limit is too small; out of memory, address space or mappings (vm.max_map_count)
 *
 * Kernel fact: memfd_secret(2), mlock2(2), madvise(2) and mseal(2), as for regions. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_heap_new(struct sealmem_heap **ret, const char *name, size_t limit,
					 unsigned guarantees);

/*
 * Allocate an object of `size` bytes, zeroed. It is aligned to 16 bytes, unless it is larger than 2,040 bytes and its
 * size is no multiple of 16: then to the largest power of two that divides its size. An object of 0 bytes has an
 * address of its own. Any thread. Success leaves errno alone.
 *
 * Returns NULL with errno, and nothing has changed:
 *   EINVAL  h is NULL
 *   ESTALE  the heap belongs to a parent of this process, with NOFORK
 *   EAGAIN  NOSWAP, SECRECY: RLIMIT_MEMLOCK does not allow the heap to grow
 *   ENOMEM  the limit of the heap, or the memory of the machine, is used up
 * and the errors of sealmem_heap_new(), when the heap has to grow. Since 0.1.
 */
SEALMEM_MUST_CHECK_ void *sealmem_heap_alloc(struct sealmem_heap *h, size_t size)
	SEALMEM_ALLOC_SIZE_(2);

/*
 * Give an object another size. It keeps its bytes up to the smaller size; more bytes are zero. If it moves, its old
 * place is wiped, and so are the bytes that it loses. NULL allocates. A size of 0 makes the object empty and does not
 * free it. Any thread. Success leaves errno alone.
 *
 * On failure it returns NULL with errno EINVAL, ESTALE, EAGAIN or ENOMEM, as sealmem_heap_alloc(), and the object is
 * as it was. Since 0.1.
 */
SEALMEM_MUST_CHECK_ void *sealmem_heap_realloc(struct sealmem_heap *h, void *p, size_t size)
	SEALMEM_ALLOC_SIZE_(3);

/* Wipe an object and give it back. Any thread. NULL is no object: nothing happens. Leaves errno alone. Since 0.1. */
void sealmem_heap_dealloc(struct sealmem_heap *h, void *p);

/* The size that the object was allocated with; there is a canary after it. 0 for NULL, and where the heap was not
 * inherited. Any thread. Since 0.1. */
size_t sealmem_heap_usable_size(const struct sealmem_heap *h, const void *p);

/*
 * Look at every canary and at every freed byte. The time grows with the memory of the heap. Other threads may use the
 * heap meanwhile; if they need memory that it does not have yet, they wait. -EINVAL if h is NULL; -ESTALE if
 * the heap belongs to a parent of this process, with NOFORK. Since 0.1.
 */
int sealmem_heap_check(const struct sealmem_heap *h);

/*
 * Close a heap: nobody can load or store what is in it, until it is opened again. A stray access faults, and
 * sealmem_report_faults() names the heap. A system call that is given such an address fails, as with memory that is not
 * mapped. The functions of the heap work meanwhile: they open it for themselves.
 *
 * These calls nest. A new heap counts as opened once. The heap is closed when the number of closes equals the number of
 * opens. To close a closed heap changes nothing, and does not count.
 *
 * With protection keys (sealmem-probe(1) says whether the machine has them) this affects only the calling thread, also
 * works with ADDRESS, and takes two instructions:
 *   - A thread starts with the heap open or closed as it is for the thread that makes it.
 *   - The first close gives the heap its key: from then on it is closed for every other thread that exists, until that
 *     thread opens it. With ADDRESS the heap has its key from the beginning, unless the process has several threads when it
 *     is made: then it gets none.
 *   - A signal handler starts with every heap that has a key closed, and opens what it needs. When it returns, the
 *     thread has what it had. A handler that is left by longjmp(3) leaves the heap closed: open it again.
 *   - A process has 15 keys. Each heap takes one, from its first close on, or with ADDRESS from the beginning.
 * Without a key it is for the whole process, by mprotect(2). The first close then has to come while no other thread is in
 * a function of the heap.
 *
 * SECURITY.md says what this does not hold against: code that an attacker makes the program execute, for example.
 *
 * -EINVAL      h is NULL
 * -ESTALE      the heap belongs to a parent of this process, with NOFORK
 * -EOPNOTSUPP  ADDRESS, and the heap has no key
 * -ENOMEM      out of mappings
 * -ENOTRECOVERABLE  the kernel refused to close a part, and then to open the rest again: the heap counts as closed,
 *              and a part of it may be open. Open it, and close it again.
 *
 * Kernel fact: pkeys(7), Linux 4.9; here on x86-64. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_heap_close(struct sealmem_heap *h);

/*
 * Undo one sealmem_heap_close(), or open an open heap another time.
 *
 * -EINVAL  h is NULL
 * -ESTALE  the heap belongs to a parent of this process, with NOFORK
 * -ENOMEM  out of mappings
 * -ENOTRECOVERABLE  the kernel refused to open a part, and then to close the rest again: the heap counts as closed,
 *          and a part of it may be open
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_heap_open(struct sealmem_heap *h);

/* The guarantees in force now in this process: 0 in a child that did not inherit the heap. A child that did has not
 * NOSWAP before its first call of a function above. Since 0.1. */
unsigned sealmem_heap_guarantees(const struct sealmem_heap *h);

/*
 * Wipe all objects and give the memory back. No other thread uses the heap any more. With ADDRESS the addresses stay
 * mapped, and are zero. NULL is no heap: nothing happens. Always returns NULL, so that a caller can write h =
 * sealmem_heap_free(h). Leaves errno alone. Since 0.1.
 */
struct sealmem_heap *sealmem_heap_free(struct sealmem_heap *h);

/* For secrets: overwrite with zeroes, in a way that the compiler does not leave out. Since 0.1. */
void sealmem_wipe(void *addr, size_t size) SEALMEM_WRITES_(1, 2);

/* For secrets: 1 if the bytes are the same, 0 if not, in a time that depends on `size` alone. Since 0.1. */
SEALMEM_MUST_CHECK_ int sealmem_equal(const void *a, const void *b, size_t size)
	SEALMEM_READS_(1, 3) SEALMEM_READS_(2, 3);

/*
 * Load a shared object, from exactly the bytes that were verified. The function copies the file and seals the
 * copy. verify() judges the copy, and dlopen(3) loads the copy.
 *
 * ret     where the handle goes, which the caller gives to dlclose(3)
 * fd      the file, a regular one or a memfd, open for reading. It stays the caller's. Its position does not
 *         matter and does not change.
 * verify  is called once with the sealed bytes, which are mapped for the call only. It accepts them with 0. It
 *         refuses them with a negative errno, which sealmem_load_verified() then returns, or with a positive
 *         value. sealmem_strerror() says that it was this function that refused.
 * data    goes to verify() as it is
 * flags   those of dlopen(3)
 *
 * The copy takes as much memory as the file is long, a sparse file too. Where somebody else chooses the file,
 * the caller limits its size first.
 *
 * Not one instruction of the object runs before verify() has accepted it. verify() sees the bytes of the
 * object, but not those of the libraries that it needs, which the loader finds in its own way. Once the
 * loader has relocated the writable segments, their pages are private copies and no longer sealed. The same
 * bytes loaded twice are two objects. The object has no path for dladdr(3) and in /proc/PID/maps.
 *
 * -EINVAL        ret or verify is NULL, or fd is not a file with a size
 * -EBADF         fd is not open for reading
 * -ENOEXEC       the file is empty, or the loader refused it: dlerror(3) says why
 * -EKEYREJECTED  verify() returned a positive value
 * -EBUSY         the file changed its size while it was copied; or another process of this user has a write
 *                lease on the copy
 * -EFBIG         the file is larger than RLIMIT_FSIZE or memory can be
 * -EOPNOTSUPP    as sealmem_region_new()
 * -ENOMEM, -EMFILE, -ENFILE  out of memory or descriptors
 *
 * Kernel fact: a memfd can be mapped executable whatever vm.memfd_noexec says, because that setting is about
 * execve(2). Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_load_verified(void **ret, int fd,
					      int (*verify)(const void *bytes, size_t size,
							    void *data),
					      void *data, int flags);

/*
 * Try to store `size` bytes at addr, as an ordinary store of this process would, but without the signal:
 * the kernel stores them for us and honours page protection.
 *
 * 0            stored
 * -EFAULT      a page refused it (or `bytes` cannot be read). Pages before the first refusing one may
 *              have been written.
 * -EINVAL      bytes is NULL and size is not 0
 * -EMFILE, -ENFILE, -ENOMEM  no descriptors or memory for the pipe that carries the bytes
 *
 * Since 0.1.
 */
int sealmem_try_write(void *addr, const void *bytes, size_t size) SEALMEM_READS_(2, 3);

/*
 * From now on, a SIGSEGV or SIGBUS in a region, a sealed range or a guard page writes one line to
 * standard error that names the region, the offset and the instruction:
 *
 *     sealmem: stray store to sealed region "policy" at offset 24 (0x7f0c5a2e1018) by instruction
 *     0x55d0c8a01234 (server+0x1234)
 *
 * (one line, not two). Then it calls the handler that was installed before. If there was none, the
 * process dies of the signal as it would have, with the same core dump. Faults elsewhere go straight
 * to that handler. A handler that is installed later replaces this one. Calling it again changes nothing.
 *
 * The line raises no SIGPIPE and no SIGXFSZ. There is none if standard error takes nothing more at once, such as a
 * pipe that is full. (If other writers fill it in that moment, or where a sandbox refuses ppoll(2), the line waits.
 * Where a sandbox refuses rt_sigtimedwait(2), the signal is raised.)
 *
 * The name is that of sealmem_region_name() or of sealmem_seal_range_named(), or "range". A backslash, a quote, and each byte that is not a
 * printable character of ASCII are escapes (\\, \", \x1b), because a sender may have chosen them; a long name
 * is cut. The handler knows 512 regions, and ranges whose address is sealed, at the same time. It knows further
 * ones by their names in /proc/self/maps: secret and accepted regions among them have no line. Without /proc, or
 * without a descriptor, the line does not name the file of the instruction, and only those 512 have a line.
 *
 * The handler stays, so the code of the library must stay, too: dlclose(3) does not unload the shared library. An
 * object that has the static library in itself and is unloaded must be linked with -z nodelete.
 *
 * The handler uses at most 2 KiB (3 KiB on other machines than x86-64 and arm64) of the thread's stack, or of its
 * sigaltstack(2) if it has one, beyond what the kernel stores there.
 *
 * It fails with the -errno of sigaction(2). Since 0.1.
 */
int sealmem_report_faults(void);

/*
 * Take a descriptor from somebody who is not trusted, but only if nobody can change what it holds. The
 * region is sealed, CONTENT is in force, and nothing that the sender does later makes a read of it raise
 * SIGBUS. fd stays the caller's, as it was, except for POSIX locks: the function closes descriptors of the
 * file, and so the locks that this process has on it by F_SETLK (fcntl(2)) end, as with close(2). They end too
 * if the function fails after it has looked at the file, and when the region is freed. Locks by F_OFD_SETLK
 * and flock(2) stay.
 *
 * limit       the largest size that is accepted, in bytes. Holes read as zeroes and take memory when
 *             they are read: without a limit, as much as the sender likes. A read of a hole raises SIGBUS
 *             where no memory is left and the kernel promises none that it does not have
 *             (vm.overcommit_memory is 2; huge pages beyond the limit of a cgroup). NOSWAP takes all memory
 *             now, or fails.
 * guarantees  the demand: CONTENT, and any of ADDRESS, NOSWAP, NODUMP, NOFORK, GUARDS. They hold
 *             from now on, for this process: the sender may have let the kernel swap the bytes before.
 *
 * Without NOSWAP, the sender can make a load of the region wait, now or at any later time. A page that was swapped
 * out is charged to the memory cgroup of the sender when it is read back, and the load waits while that cgroup is
 * at its limit and the kernel ends no process of it. Demand NOSWAP where the receiver must not wait: all
 * pages are then brought into memory and locked before the function returns, or it fails with -EAGAIN.
 *
 * The region's descriptor, sealmem_region_fd(), is not a duplicate of fd. It has a position of its own,
 * which the sender cannot move. If the file cannot be opened again (/proc is not mounted, or the sender
 * took the permission to read away) the region is as good, but sealmem_region_fd() returns -EOPNOTSUPP.
 * The bytes after the size, up to the end of its page, are not the region's: the sender may have left
 * something there.
 *
 * -EINVAL      ret is NULL, or guarantees has unknown bits or lacks CONTENT
 * -EBADF       fd is not open, or opened with O_PATH
 * -ENODEV      not a memfd: a pipe, a socket, a directory, a device, a file on a disk
 * -EPERM       bytes or size can still change: F_SEAL_WRITE, F_SEAL_GROW and F_SEAL_SHRINK are not all
 *              there (a plain file on a tmpfs has none of them). Or they may have come with F_SEAL_EXEC
 *              on a kernel that then gives them without a check for writers (6.16 is one).
 * -ENODATA     the file has huge pages, and is empty or ends within one
 * -EFBIG       the size is above limit
 * -EBUSY       the sender has a write lease on the file
 * -EAGAIN      NOSWAP: RLIMIT_MEMLOCK does not allow the size, or a page cannot be brought into memory
 * -ENOMEM      no address space, or no huge pages for the holes of a hugetlb memfd. NOSWAP: the size is above
 *              the memory of the machine. (Memory that is in use, or that a cgroup does not allow, is the
 *              kernel's to find: it may end processes. A limit prevents that.)
 * -EMFILE, -ENFILE  out of descriptors (two are needed for a moment, with ADDRESS three)
 * -EOPNOTSUPP  SECRECY is demanded, but what others have had is no secret; or fd is for
 *              writing only and the file cannot be opened for reading
 * and the errors of sealmem_region_new_from().
 *
 * Kernel fact: a seal can be added but never removed, so the seals that the library has seen hold; fcntl(2). Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_region_accept(struct sealmem_region **ret, int fd,
					      unsigned guarantees);
SEALMEM_MUST_CHECK_ int sealmem_region_accept_limited(struct sealmem_region **ret, int fd,
						      size_t limit, unsigned guarantees);

/*
 * Send a sealed region over a Unix socket of any type: its descriptor and its name. Nothing is copied:
 * the receiver maps the same pages. A limit by SO_SNDTIMEO is that of the whole call, and signals do not extend it.
 *
 * -EINVAL        r is NULL
 * -EAFNOSUPPORT  not a Unix socket: any other drops the descriptor silently
 * -ETOOMANYREFS  RLIMIT_NOFILE: too many descriptors of this user are on their way already
 * -EMSGSIZE      the socket took only a part of the message; it cannot be used for messages any more
 * and the errors of sealmem_region_fd() and sendmsg(2): -EAGAIN from a socket that does not wait or at the end of
 * its limit, -EPIPE (without SIGPIPE) when the other end is closed, -ENOTSOCK. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_send(int socket, const struct sealmem_region *r);

/*
 * Receive a region that sealmem_send() sent, from a sender who is not trusted. Nothing is left open on
 * failure, whatever was sent. The region has the name that the sender gave it.
 *
 * If a message comes in pieces over a stream, the function waits for all of it, unless the socket does not
 * wait. A caller that cannot wait for a sender that stops midway uses SOCK_SEQPACKET, or gives the socket a
 * limit by SO_RCVTIMEO. The limit is that of the whole message, from the call on, and signals do not extend it.
 * Then the function returns -EAGAIN if nothing has come, and -EBADMSG if a part has.
 *
 * If a descriptor is refused and is a socket, it may be one with SO_LINGER, of which close(2) waits. So a
 * child has it as well while the function closes it, and then ends (no SIGCHLD, and wait(2) of this process does not
 * see it). If no child can be made, or if a descriptor finds no room because RLIMIT_NOFILE is reached, the
 * function can wait for as long as the sender likes. So it can if a refused descriptor is a file of a filesystem in
 * user space (FUSE). A sender can make loads of the region wait: see sealmem_region_accept() and NOSWAP.
 *
 * -EINVAL        ret is NULL, or sealmem_region_accept() does not take guarantees. As with all errors of
 *                the demand, the message is still there.
 * -EAFNOSUPPORT  not a Unix socket
 * -ECONNRESET    the other end is closed
 * -EBADMSG       not a message of sealmem_send(), or not with exactly one descriptor, or cut short. On a
 *                stream the position is lost: close it.
 * -EMFILE        RLIMIT_NOFILE is reached (two descriptors are needed for a moment); the message is lost
 * and the errors of sealmem_region_accept() and recvmsg(2): -EAGAIN from a socket that has nothing and does not
 * wait, or at the end of its limit. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_receive(int socket, struct sealmem_region **ret,
					unsigned guarantees);
SEALMEM_MUST_CHECK_ int sealmem_receive_limited(int socket, struct sealmem_region **ret,
						size_t limit, unsigned guarantees);

/*
 * Published memory: data that is sealed once, read by many processes without a copy, and replaced as a whole by its next
 * generation. A publisher has regions by name. A subscription has the newest generation of one name, and its readers
 * each have the one that they acquired, for as long as they like. Neither side trusts the other. They talk over a Unix
 * socket that keeps messages apart (SOCK_SEQPACKET), in a protocol that docs/PROTOCOL.md describes.
 *
 * A generation has a number: the time of its publication in nanoseconds since 1970, or one more than the greatest number
 * that this publisher has given, if that is greater. So the numbers grow, also from one publisher to the next one that
 * takes its place. If the clock was set back in between, sealmem_publisher_continue() keeps them growing; without it,
 * a subscriber that reconnects keeps its newer generation and is told so (-ERANGE). No subscription ever goes back to an
 * older generation.
 *
 * One thread at a time calls the functions of a publisher: another one gets -EBUSY. So does the function that was given to
 * sealmem_publisher_set_admission(). A child made by fork(2) gets -ESTALE. It has the connections too: free the publisher
 * there, or the clients do not see that the parent has gone while the child lives. The same holds for the functions of a
 * subscription, except those for its readers.
 */
struct sealmem_publisher;
struct sealmem_subscription;

/* The longest label of a generation, in bytes without the terminating zero. */
#define SEALMEM_LABEL_MAX 95

/*
 * Make a publisher for a socket that listens. The socket stays the caller's, who closes it after
 * sealmem_publisher_free(). The function makes it non-blocking. A publisher takes two descriptors, one more for each
 * name that is published, and one more for each client.
 *
 * -EINVAL        ret is NULL, or the socket does not listen
 * -EAFNOSUPPORT  not a Unix socket
 * -EPROTOTYPE    a Unix socket of another type than SOCK_SEQPACKET
 * -ENOTSOCK, -EBADF  not a socket
 * -EMFILE, -ENFILE, -ENOMEM  out of descriptors or memory
 * -EOPNOTSUPP    a sandbox refuses epoll(7) or timerfd_create(2)
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_publisher_new(struct sealmem_publisher **ret, int listening_socket);

/*
 * Publish a sealed region under its name: from now on it is the newest generation of this name. The region stays the
 * caller's and may be freed at once. The function does not wait. Each subscriber is sent the generation at once,
 * if its connection has room and it has answered the one before; otherwise as soon as that is so. A subscriber that is
 * slow or stopped misses generations and never gets an older one than the newest.
 *
 * `label` is a text for people who look at sealmem_list_published(), such as the digest of the bytes. Whoever may
 * subscribe may read it. sealmem_publish_named() publishes the region under `name`, in place of its own: one that was
 * accepted has none that says what it is. The function copies both texts.
 *
 * -EINVAL      p, r or name is NULL; or name has a control character; or the label is NULL, longer than
 *              SEALMEM_LABEL_MAX, or has a control character
 * -ENAMETOOLONG  name is longer than SEALMEM_NAME_MAX
 * -EPERM       the region is open
 * -EOPNOTSUPP  the region has no descriptor: see sealmem_region_fd()
 * -ERANGE      no generation number is left
 * -ESTALE, -EBUSY  see above; -EBUSY also as sealmem_region_fd()
 * -EMFILE, -ENFILE, -ENOMEM  out of descriptors or memory
 *
 * On failure the generation before stays the newest. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_publish(struct sealmem_publisher *p,
					const struct sealmem_region *r);
SEALMEM_MUST_CHECK_ int sealmem_publish_labelled(struct sealmem_publisher *p,
						 const struct sealmem_region *r, const char *label);
SEALMEM_MUST_CHECK_ int sealmem_publish_named(struct sealmem_publisher *p,
					      const struct sealmem_region *r, const char *name,
					      const char *label);

/*
 * Say that a name is going to be published: who subscribes to it waits for its first generation. Without that they are
 * refused. A name that is published already stays as it is.
 *
 * -EINVAL        p or name is NULL, or name has a control character
 * -ENAMETOOLONG  name is longer than SEALMEM_NAME_MAX
 * -ESTALE, -EBUSY  see above
 * -ENOMEM        out of memory
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_publisher_announce(struct sealmem_publisher *p, const char *name);

/*
 * Have all later generations of this publisher get numbers above `generation`: that of
 * sealmem_publisher_generation() of the publisher before, if the caller has kept it. A number that is below those of this
 * publisher changes nothing.
 *
 * -EINVAL          p is NULL
 * -ESTALE, -EBUSY  see above
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_publisher_continue(struct sealmem_publisher *p,
						   uint64_t generation);

/*
 * Store in *ret the number that the next generation will have, whatever its name. So a caller that keeps generations for
 * the next publisher can keep each one before it publishes it: then nobody has seen one that is lost if the process is
 * killed in between. Until a generation is published, the answer stays the same, unless sealmem_publisher_continue() says
 * a greater number.
 *
 * -EINVAL          p or ret is NULL
 * -ERANGE          no generation number is left
 * -ESTALE, -EBUSY  see above
 *
 * On failure *ret is untouched. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_publisher_reserve(struct sealmem_publisher *p, uint64_t *ret);

/* The number of the newest generation of a name; 0 if there is none. If name is NULL, the greatest number that this
 * publisher has given. Since 0.1. */
uint64_t sealmem_publisher_generation(const struct sealmem_publisher *p, const char *name);

/*
 * The process that made a connection, as the kernel knows it (SO_PEERCRED, unix(7)): its ids when it connected. By now
 * the connection can be that of another process. pid is 0 if the process is not in the PID namespace of this one.
 * The socket is the connection: for SO_PEERGROUPS, say. It belongs to the publisher.
 */
struct sealmem_peer {
	int pid;
	unsigned uid, gid;
	int socket;
};

/*
 * Have a function decide who gets what. It is called each time when somebody asks for a name, and with NULL for name when
 * somebody asks for the list. It admits them with 0 and refuses them with anything else. They are not told
 * whether the name exists. It must return soon, because all others wait for it. If `admit` is NULL, everybody is
 * admitted who can connect, as in the beginning. Whoever was admitted stays so.
 *
 * -EINVAL          p is NULL
 * -ESTALE, -EBUSY  see above
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_publisher_set_admission(
	struct sealmem_publisher *p,
	int (*admit)(const struct sealmem_peer *peer, const char *name, void *data), void *data);

/*
 * The most that others can take of a publisher. Who comes later is refused. Each client takes a descriptor.
 *
 * clients          how many are connected at the same time. In the beginning: three quarters of RLIMIT_NOFILE, as it was
 *                  when the publisher was made.
 * clients_of_user  how many of them have one user id. In the beginning: all.
 * names_of_client  how many names one of them subscribes to. In the beginning: 64.
 *
 * -EINVAL          p or limits is NULL, or one of the limits is 0
 * -ESTALE, -EBUSY  see above
 *
 * Since 0.1.
 */
struct sealmem_publisher_limits {
	unsigned clients, clients_of_user, names_of_client;
};
SEALMEM_MUST_CHECK_ int sealmem_publisher_set_limits(struct sealmem_publisher *p,
						     const struct sealmem_publisher_limits *limits);

/* A descriptor that is readable (poll(2)) when sealmem_publisher_dispatch() has something to do. It belongs to the
 * publisher: do not close it or read from it. -EINVAL if p is NULL. Since 0.1. */
int sealmem_publisher_fd(const struct sealmem_publisher *p);

/*
 * Accept connections, receive what clients ask for, and send them what they lack. It does what is to be done now and
 * does not wait, and not more than a part if there is much to be done: then the descriptor stays readable.
 *
 * It closes the connection of a client that does not keep to the protocol. While this process is out of descriptors or
 * memory it accepts nobody, and tries again every 100 ms: who connects waits.
 *
 * -EINVAL          p is NULL
 * -ESTALE, -EBUSY  see above
 * and the errors of epoll_wait(2), and of accept(2) if they say that the listening socket is of no use any more. Clients
 * that are connected lose nothing by an error: call it again.
 *
 * Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_publisher_dispatch(struct sealmem_publisher *p);

/* Close all connections and give everything back. Subscribers keep what they have. Takes NULL and always returns NULL.
 * In a child it gives back what the child has. Since 0.1. */
struct sealmem_publisher *sealmem_publisher_free(struct sealmem_publisher *p);

/*
 * What a publisher says of one name.
 *
 * generation   the number of the newest one, 0 if there is none yet
 * size         its size in bytes
 * subscribers  how many clients have subscribed
 * holders      how many of them say that they have the newest generation
 * label        that of the newest generation, "" if it has none
 */
struct sealmem_published {
	const char *name, *label;
	uint64_t generation, size;
	unsigned subscribers, holders;
};

/*
 * Ask a publisher for the list of its names. `each` is called for each of them, with texts that last for the call. It
 * returns 0, or a negative errno, which ends the list and is the result. Names and labels have no control characters; what
 * they say is the publisher's. `socket` is connected to the publisher and used for nothing else. SO_RCVTIMEO limits the
 * whole call.
 *
 * -EINVAL        each is NULL
 * -EAFNOSUPPORT, -EPROTOTYPE, -ENOTSOCK, -EBADF  as sealmem_publisher_new()
 * -EACCES        the publisher does not admit this process
 * -EUSERS        it has as many clients as it allows
 * -ECONNRESET    it has closed the connection
 * -EPROTO        it does not keep to the protocol
 * -EAGAIN        the time is over, or the socket does not wait and nothing is there
 * and the errors of sendmsg(2) and recvmsg(2). Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_list_published(
	int socket, int (*each)(const struct sealmem_published *published, void *data), void *data);

/*
 * Subscribe to a name, and wait for its first generation. `socket` is connected to the publisher, and used for nothing
 * else. It stays the caller's, who may close it at once: the subscription has a duplicate. SO_RCVTIMEO limits how long
 * the function waits. After a failure, close the socket.
 *
 * Each generation is taken as sealmem_region_accept_limited() takes a descriptor, with this limit and this demand: CONTENT,
 * and any of NOSWAP, NODUMP, NOFORK, GUARDS. It has no ADDRESS, because it is unmapped when nobody reads it any
 * more. What is said there about the sender holds for the publisher: without NOSWAP it can make a load of the region wait.
 *
 * One thread at a time calls sealmem_subscription_update() and sealmem_subscription_reconnect(). Any number of threads
 * acquire and release meanwhile. A child made by fork(2) reads the generation that its parent had then, unless NOFORK was
 * demanded, and gets no other.
 *
 * A subscription takes a duplicate of the socket, a descriptor for each generation that is in use, and about 4 KiB for
 * as many generations as were ever in use at the same time, or more on machines with more than 64 processors.
 *
 * -EINVAL        ret or name is NULL, name has a control character, or guarantees has unknown bits, lacks CONTENT or has
 *                ADDRESS
 * -ENAMETOOLONG  name is longer than SEALMEM_NAME_MAX
 * -EAFNOSUPPORT, -EPROTOTYPE, -ENOTSOCK  as sealmem_publisher_new()
 * -ENOENT        the publisher does not serve this name
 * -EACCES        it does not admit this process
 * -EUSERS        it has as many clients as it allows
 * -EFBIG         the generation is larger than limit
 * -ECONNRESET    the publisher has closed the connection
 * -EPROTO        it does not keep to the protocol
 * -EAGAIN        the time is over, or the socket does not wait and nothing is there; or NOSWAP
 * and the errors of sealmem_region_accept_limited(), sendmsg(2) and recvmsg(2). Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_subscribe(struct sealmem_subscription **ret, int socket,
					  const char *name, size_t limit, unsigned guarantees);

/* A descriptor that is readable (poll(2)) when sealmem_subscription_update() has something to do. It belongs to the
 * subscription: do not close it or read from it. sealmem_subscription_reconnect() changes it. -EINVAL if s is NULL.
 * Since 0.1. */
int sealmem_subscription_fd(const struct sealmem_subscription *s);

/*
 * Take the newest generation if it has come. The function does not wait. Returns 1 if there is a newer one now, and 0 if
 * not. The one before goes when its last reader leaves it, at once if there is none.
 *
 * -EINVAL          s is NULL
 * -ESTALE          the subscription belongs to a parent of this process
 * -EBUSY           another thread is in the function
 * -ECONNRESET      the publisher has gone
 * -EPROTO          it does not keep to the protocol; or it sent a generation that is not newer
 * -ERANGE          after sealmem_subscription_reconnect(): its newest generation is older than that of s
 * -ENOENT, -EACCES, -EUSERS  after sealmem_subscription_reconnect(): as sealmem_subscribe()
 * -EPIPE           it has closed the connection while it was answered
 * With these, from -ECONNRESET on, the publisher is lost, and each later call says the same until
 * sealmem_subscription_reconnect().
 *
 * -EFBIG, -EPERM, -ENODEV, -ENODATA, -EOPNOTSUPP  the newest generation was not taken: see
 *                  sealmem_region_accept_limited(). The next one may be.
 * -EMFILE, -ENFILE, -ENOMEM, -EAGAIN, -EBUSY  it was not taken because something was lacking. The next call asks for it
 *                  again.
 *
 * Whatever it returns, readers go on with the generation that s has. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_subscription_update(struct sealmem_subscription *s);

/*
 * Go on with another connection: the publisher was lost, and one is there again. The function asks for what is newer than
 * the generation that s has, and does not wait for the answer: sealmem_subscription_update() takes it. `socket` is as that
 * of sealmem_subscribe().
 *
 * -EINVAL          s is NULL
 * -ESTALE, -EBUSY  as sealmem_subscription_update()
 * -EAFNOSUPPORT, -EPROTOTYPE, -ENOTSOCK  as sealmem_publisher_new()
 * -EMFILE          out of descriptors
 * and the errors of sendmsg(2). On failure s is as it was. Since 0.1.
 */
SEALMEM_MUST_CHECK_ int sealmem_subscription_reconnect(struct sealmem_subscription *s, int socket);

/*
 * Read: get the newest generation, which stays as it is until it is given to sealmem_subscription_release(), whatever comes
 * meanwhile. Neither function waits, takes a lock, or makes a system call, with one exception: the release of an older
 * generation by its last reader gives its memory back (munmap(2), close(2); with NOSWAP more). Both may be called
 * by any number of threads, in signal handlers, and several times at once by the same thread; any thread may release
 * what another one has acquired. They go on when the publisher has gone.
 *
 * The region belongs to the subscription: sealmem_region_data(), sealmem_region_size(), sealmem_region_fd() and their
 * like take it, sealmem_region_free() must not. sealmem_subscription_acquire() returns NULL if s is NULL, and in a child
 * if NOFORK was demanded. sealmem_subscription_release() ignores NULL, and what it cannot find. Since 0.1.
 */
SEALMEM_MUST_CHECK_ const struct sealmem_region *sealmem_subscription_acquire(
	struct sealmem_subscription *s);
void sealmem_subscription_release(struct sealmem_subscription *s, const struct sealmem_region *r);

/* The number of the newest generation that s has. What is acquired afterwards is this one or a newer one. 0 for NULL.
 * Since 0.1. */
uint64_t sealmem_subscription_generation(const struct sealmem_subscription *s);

/* Unmap all generations, also those that were not released, and close the connection. No other thread uses s any more.
 * Takes NULL and always returns NULL. In a child it gives back what the child has. Since 0.1. */
struct sealmem_subscription *sealmem_subscription_free(struct sealmem_subscription *s);

#ifdef __cplusplus
}
#endif

#endif
