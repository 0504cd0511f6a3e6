/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_H
#define SEALMEM_H

/*
 * Memory that cannot change once it is sealed.
 *
 * A caller demands guarantees (the seven words below). It gets all of them or a negative errno and
 * nothing has changed: there is no silent downgrade. After success each guarantee has been checked
 * with the kernel, not assumed.
 *
 * Conventions that hold for every function here:
 *   - Sizes and offsets are in bytes. 0 or a useful non-negative value is success; failure is a
 *     negative errno (-EINVAL), except where a pointer is returned (NULL and errno).
 *   - A `ret` parameter is written on success only.
 *   - The library never prints and never exits, except for the one line that
 *     sealmem_report_faults() is asked to print. Every descriptor is close-on-exec.
 *   - Functions are safe to call from several threads as long as each open region is used by one
 *     thread at a time. A sealed region may be used by all threads at once. Nothing here is
 *     async-signal-safe.
 *   - The errnos listed are those that a caller can act on. Another one that a system call below may
 *     give comes through as it is.
 *   - A system call that a sandbox forbids (seccomp answering EPERM or ENOSYS) counts as a guarantee
 *     that is not given: -EOPNOTSUPP.
 */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEALMEM_VERSION "0.1.0"

/*
 * The guarantees, a set of bits. Each name means the same in this header, in sealmem(1) and in
 * sealmem(7).
 */

/* Nobody can change the bytes or the size: not this process, its children, or root through
 * /proc/PID/mem or ptrace. Rests on F_SEAL_WRITE, fcntl(2) "File Sealing", Linux 3.17. */
#define SEALMEM_CONTENT 0x01u

/* The mapping stays where it is until the process ends or executes another program: not unmapped,
 * moved, replaced or re-protected. Rests on mseal(2), Linux 6.10. */
#define SEALMEM_ADDRESS 0x02u

/* Only loads and stores of this process reach it: not /proc/PID/mem, not ptrace, not another process,
 * not root. Brings NOSWAP, NODUMP and NOFORK with it. Rests on memfd_secret(2), Linux 5.14, up to Linux
 * 6.4 only when booted with secretmem.enable=1. While a secret region exists the machine cannot
 * hibernate. */
#define SEALMEM_SECRECY 0x04u

/* Never written to swap: a region's bytes from before the first is stored, a range's from the seal on.
 * Rests on mlock(2). */
#define SEALMEM_NOSWAP 0x08u

/* Not in a core dump. Rests on MADV_DONTDUMP, madvise(2), Linux 3.4. */
#define SEALMEM_NODUMP 0x10u

/* A child does not inherit it. Rests on MADV_DONTFORK, madvise(2), Linux 2.6.16. */
#define SEALMEM_NOFORK 0x20u

/* An inaccessible page on either side, so that a run past either end faults. The pages are neighbours
 * of whole pages: the zeroes between the last byte and the end of its page can still be read. */
#define SEALMEM_GUARDS 0x40u

/* All of them. */
#define SEALMEM_GUARANTEES 0x7fu

/* The longest name of a region, in bytes without the terminating zero. The kernel takes 249 for a
 * memfd, of which "sealmem:" is ours. */
#define SEALMEM_NAME_MAX 240

/*
 * The name of one guarantee, as in "CONTENT". NULL for anything that is not exactly one of the bits.
 * The string is static. Since 0.1.
 */
const char *sealmem_guarantee_name(unsigned guarantee);

/*
 * The guarantees that sealmem_region_new() can give in this process, on this kernel, under its
 * present limits; found by trying each, never by version. What needs a lasting try (ADDRESS) is
 * tried in a child process that raises no SIGCHLD and that wait(2) of this process does not see.
 * The first answer is kept, unless a passing shortage (descriptors, memory) spoiled it. Since 0.1.
 */
unsigned sealmem_supported(void);

/*
 * A region: memory that is open (writable) first and sealed later, at an address that never changes.
 *
 * While open, its memory is shared memory of this process alone: a child made by fork(2) does not
 * inherit it (a child that held a writable mapping would stand in the way of the seal). Once sealed,
 * children inherit it unless NOFORK was demanded.
 */
struct sealmem_region;

/*
 * Make an open region.
 *
 * name        what the region is called in /proc/PID/maps ("/memfd:sealmem:NAME") and in fault
 *             reports: 0 to SEALMEM_NAME_MAX bytes, no control characters. It is copied.
 * capacity    the most the region can ever hold, in bytes, at least 1. Beyond a page it costs address space
 *             only until it is touched (with NOSWAP also RLIMIT_MEMLOCK), so tens of GiB are fine. With
 *             SECRECY all of it is brought into memory, zeroed, and charged to RLIMIT_MEMLOCK, now.
 * guarantees  what is demanded: CONTENT or SECRECY or both, and any of the others. CONTENT and ADDRESS
 *             come into force with the seal, the others at once. CONTENT of a SECRECY region rests on
 *             ADDRESS: demand all three. A SECRECY region without CONTENT stays writable, and is wiped
 *             when it is freed.
 *
 * On success *ret is the caller's, to be given to sealmem_region_free(). A region takes one descriptor, the
 * first of a process one more while it is open, on some kernels every one.
 *
 * -EINVAL        ret or name is NULL, capacity is 0, guarantees has unknown bits, neither CONTENT nor
 *                SECRECY, or both without ADDRESS, or name has a control character
 * -ENAMETOOLONG  name is longer than SEALMEM_NAME_MAX
 * -EOPNOTSUPP    a guarantee cannot be given here: SECRECY without memfd_secret(2); ADDRESS without
 *                mseal(2) and without sealmem_allow_emulation(); CONTENT without memfd_create(2) or,
 *                where a second descriptor is needed, without /proc mounted
 * -EAGAIN        NOSWAP, SECRECY: RLIMIT_MEMLOCK does not allow capacity
 * -EFBIG         RLIMIT_FSIZE is below capacity (no SIGXFSZ is raised)
 * -EMFILE, -ENFILE  out of descriptors
 * -ENOMEM        out of memory, address space or mappings (vm.max_map_count)
 *
 * Kernel fact: a shared read-only mapping of a sealed file loses VM_MAYWRITE. Some kernels give it only
 * from a descriptor that was never writable, which is opened through /proc/self/fd (mm/memfd.c and mm/mmap.c
 * of Linux). Since 0.1.
 */
int sealmem_region_new(struct sealmem_region **ret, const char *name, size_t capacity,
		       unsigned guarantees);

/*
 * Make a sealed region from bytes at hand, in the fewest system calls. The same as
 * sealmem_region_new() with capacity `size`, a copy, and sealmem_region_seal(): the same guarantees
 * and the same errors as those two; without NOSWAP the copy is never in writable memory. The bytes may be
 * anywhere readable; they are not wiped.
 *
 * -EINVAL        also: bytes is NULL
 * -EFAULT        bytes .. bytes + size cannot be read
 *
 * Since 0.1.
 */
int sealmem_region_new_from(struct sealmem_region **ret, const char *name, const void *bytes,
			    size_t size, unsigned guarantees);

/*
 * Take memory from an open region: `size` bytes, zeroed, at a multiple of `align` (a power of two;
 * 0 means suitable for every C type). Memory for it is set aside now, so that a later store cannot
 * raise SIGBUS for want of it. There is no way to give a piece back.
 *
 * Returns NULL with errno
 *   EINVAL   r is NULL, size is 0, or align is not a power of two
 *   EPERM    the region is sealed
 *   ENOMEM   the capacity or the memory of the machine is used up
 *   ENOTRECOVERABLE  a seal failed and left the region read-only, see sealmem_region_seal()
 * and the region is as it was. Since 0.1.
 */
void *sealmem_region_alloc(struct sealmem_region *r, size_t size, size_t align);

/*
 * Seal a region in place. From 0 on, nothing changes its bytes: the size is what
 * sealmem_region_alloc() has handed out (all of capacity if it was never called), the file is exactly
 * that long, every pointer into it stays valid, and F_GET_SEALS has answered the seals. Other threads
 * may read the region throughout; none may write to it during the call (the store could raise
 * SIGSEGV). Sealing a sealed region returns 0 and changes nothing.
 *
 * On failure the region is open as before: writable, same address, same bytes. It can be sealed again
 * when the cause is gone.
 *
 * -EINVAL      r is NULL
 * -EBUSY       somebody holds a writable mapping (a child that was forked between the making of the
 *              region and its protection) or one of its pages (an io_uring fixed buffer, a page
 *              spliced into a pipe). The kernel waits about 150 ms before it says so. ADDRESS, emulated:
 *              another thread has a seccomp filter of its own.
 * -ENOSPC      ADDRESS, emulated: no room for another filter, see sealmem_allow_emulation()
 * -EAGAIN      NOSWAP, SECRECY: for the moment of the seal RLIMIT_MEMLOCK must allow the size once more, so
 *              that the bytes stay locked throughout
 * -EOPNOTSUPP  the kernel stopped giving what it gave when the region was made
 * -ENOMEM      out of memory or mappings
 * -ENOTRECOVERABLE  sealing failed, and then so did making the region writable again (two kernel
 *              failures in a row): same address, same bytes, but read-only. It can be sealed again or
 *              freed.
 *
 * Kernel fact: mmap(2) with MAP_FIXED replaces a mapping in one step, and F_SEAL_WRITE is refused
 * with EBUSY as long as a shared mapping exists that could become writable; fcntl(2). Since 0.1.
 */
int sealmem_region_seal(struct sealmem_region *r);

/* Where the region begins: page-aligned, the same from creation on. NULL for NULL. Since 0.1. */
void *sealmem_region_data(const struct sealmem_region *r);

/* The size in bytes: what sealmem_region_alloc() has handed out, alignment gaps included, or the whole
 * capacity if it was never called. 0 for NULL. Since 0.1. */
size_t sealmem_region_size(const struct sealmem_region *r);

/* The name: what it was made with, what the sender gave it if it was received, "accepted" if it was
 * accepted. NULL for NULL. It is the region's and goes with it. Since 0.1. */
const char *sealmem_region_name(const struct sealmem_region *r);

/* The guarantees in force now, a set of bits. 0 for NULL. Since 0.1. */
unsigned sealmem_region_guarantees(const struct sealmem_region *r);

/*
 * The descriptor of a sealed region, read-only, for passing on. It stays the region's: do not close it.
 *
 * -EINVAL      r is NULL
 * -EPERM       the region is open: a receiver could write to it
 * -EOPNOTSUPP  a SECRECY region has none: its descriptor could be mapped writable; nor has an accepted
 *              one whose file could not be opened once more
 * -EMFILE, -ENFILE  out of descriptors (one is needed for a moment the first time)
 * -EOPNOTSUPP  /proc is not mounted (needed the first time)
 *
 * Since 0.1.
 */
int sealmem_region_fd(const struct sealmem_region *r);

/*
 * Free the region and its descriptor. Its memory is given back, unless ADDRESS is in force: such
 * memory stays mapped and readable until the process ends, which is what was demanded. Takes NULL,
 * returns NULL. Sealed pages cannot be wiped first: the kernel zeroes them when it hands them out
 * again. A SECRECY region that is still writable is wiped. Since 0.1.
 */
struct sealmem_region *sealmem_region_free(struct sealmem_region *r);

/*
 * For a type whose objects are sealed with sealmem_seal_range(): gives it whole pages of its own.
 *
 *     struct SEALMEM_PAGE_ALIGNED config { int port; char root[64]; };
 *     static struct config config;
 *     ...
 *     config.port = 443;
 *     int err = sealmem_seal_object(&config, SEALMEM_CONTENT);
 *
 * It belongs to the type, not to the variable: so the size is whole pages too, and no other variable
 * shares the last one. sealmem_seal_object() refuses to compile otherwise.
 */
#if defined(__x86_64__) || defined(__i386__)
# define SEALMEM_PAGE_MAX (1u << 12)
#else
# define SEALMEM_PAGE_MAX (1u << 16)
#endif
#define SEALMEM_PAGE_ALIGNED __attribute__((aligned(SEALMEM_PAGE_MAX)))

#define sealmem_seal_object(object, guarantees)                                                    \
 sealmem_seal_range((object),                                                                      \
		    sizeof(*(object)) +                                                            \
			    0 * sizeof(char[sizeof(*(object)) % SEALMEM_PAGE_MAX ? -1 : 1]),       \
		    (guarantees))

/*
 * Seal private memory that exists already, at its address: a global, an anonymous mapping, written
 * pages of a file mapped privately.
 *
 * addr, size  whole pages, mapped without a hole, private, readable, of one protection. Not the stack
 *             that the caller runs on.
 * guarantees  CONTENT or ADDRESS or both, and any of NOSWAP, NODUMP, NOFORK.
 *
 * With CONTENT the pages are replaced by a sealed memfd in one step; afterwards they are readable
 * (and executable if they were). Stores by other threads during the call raise SIGSEGV; none is lost.
 * There is no way back: the memory is sealed until it is unmapped (CONTENT) or the process ends
 * (ADDRESS). What mlock(2) or madvise(2) gave the pages before ends with CONTENT unless demanded
 * again.
 *
 * On failure the range has the same bytes, address and protection. Of NOSWAP, NODUMP and NOFORK those
 * that were demanded are then off.
 *
 * -EINVAL      addr or size is not a multiple of the page size, size is 0, the range wraps around,
 *              guarantees has unknown bits, GUARDS, or neither CONTENT nor ADDRESS; with CONTENT: a
 *              part is a shared mapping (a sealed one is), protections differ, or it is the stack in
 *              use
 * -ENOMEM      a page of the range is not mapped; or out of memory or mappings
 * -EACCES      CONTENT: the range cannot be read
 * -EFAULT      CONTENT: a page lies beyond the end of its file
 * -EPERM       CONTENT: a part is sealed by mseal(2) already
 * -EOPNOTSUPP, -EAGAIN, -EFBIG, -EMFILE, -ENFILE  as sealmem_region_new()
 * -ENOSPC, -EBUSY  ADDRESS, emulated: as sealmem_mseal()
 * -ENOTRECOVERABLE  CONTENT: a step after the replacement failed, and then so did the way back (two kernel
 *              failures in a row): same bytes, same address, but read-only
 *
 * Kernel fact: mseal(2) alone does not keep private bytes: /proc/PID/mem, ptrace and MADV_DONTNEED on
 * file pages change them (Documentation/userspace-api/mseal.rst). Hence the memfd. Since 0.1.
 */
int sealmem_seal_range(void *addr, size_t size, unsigned guarantees);

/*
 * What sealmem_seal_image() is asked for besides.
 *
 * DEEP  Code and constants are replaced as well: CONTENT for all. It costs their size in memory, for each
 *       process that is started so; debuggers can set no breakpoint in them, and profilers do not see which
 *       file they are from. On arm64 the code loses its branch target identification (PROT_BTI).
 * VDSO  Also the pages that the kernel maps into every process.
 * TRY   Where addresses cannot be sealed: CONTENT all the same, and the report says what is lacking.
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
 * objects    that are sealed
 * left       that are not, because dlclose(3) may unmap them
 * lazy       of the sealed ones: functions are found at their first call, so a part of the GOT is writable
 * excluding  of the sealed ones: pages are left alone as they ask
 * read_only  constants that have pages of their own: for arm64 linkers put them among the code
 */
struct sealmem_image_report {
	unsigned objects, left, lazy, excluding;
	struct sealmem_image_pages text, read_only, relro, vdso;
};

/*
 * Seal the program itself: of every object that was mapped before it began, the code, the constants and
 * what the loader made read-only after it had filled in the addresses (RELRO: the GOT, tables of
 * functions). Objects that came by dlopen(3), which dlclose(3) may unmap, are left alone. Call it at the
 * beginning of main(), or have `sealmem run --image` do it for a program that was not built for it.
 *
 * RELRO gets CONTENT and ADDRESS: its pages are replaced, at their addresses, by a sealed memfd. Code
 * and constants get ADDRESS, and CONTENT too where relocations were written to them. Of an object that was
 * linked without -z now the part of the GOT that functions are called through stays writable: the loader
 * stores to it at the first call of each.
 *
 * flags  a set of SEALMEM_IMAGE_DEEP and so on, or 0
 * ret    what was sealed; may be NULL
 *
 * Whoever calls it again seals what is not sealed yet. Children made by fork(2) inherit the seals. A program
 * that writes to its own code, or makes its constants writable for a moment, must exclude such pages with
 * SEALMEM_IMAGE_EXCLUDE(), or not be sealed.
 *
 * On failure all bytes and protections are what they were; objects whose addresses were sealed
 * before the failure stay so, and it can be called again.
 *
 * -EINVAL        flags has unknown bits
 * -EOPNOTSUPP    addresses cannot be sealed here (see sealmem_mseal()) and SEALMEM_IMAGE_TRY is not among
 *                the flags; or as sealmem_region_new()
 * -EPERM         pages that are to be replaced are sealed by mseal(2) alone already: their bytes can no
 *                longer be. So it is with SEALMEM_IMAGE_DEEP after a seal without.
 * -EFAULT        code that is to be replaced cannot be read
 * -ENOSPC, -EBUSY  as sealmem_mseal()
 * -EFBIG, -EMFILE, -ENFILE, -ENOMEM  as sealmem_region_new()
 * -ENOTRECOVERABLE  a step after the replacement failed, and then so did the way back (two kernel failures
 *                in a row): the program is damaged and should end
 *
 * Kernel fact: MADV_DONTNEED brings the file's bytes back under written private pages, mseal(2) or not
 * (Documentation/userspace-api/mseal.rst). Since 0.1.
 */
int sealmem_seal_image(unsigned flags, struct sealmem_image_report *ret);

/*
 * The same for an object that dlopen(3) returned, and for what it needs: first they are marked as never to be
 * unloaded (RTLD_NODELETE), whatever dlclose(3) is told later; then they are sealed. The
 * report is about these objects.
 *
 * -EINVAL        also: handle is not one of dlopen(3), or the program is linked statically
 * -ENOENT        the loader does not find the object again by its name
 * -EOPNOTSUPP, -EPERM, -EFAULT, -ENOSPC, -EBUSY, -EFBIG, -EMFILE, -ENFILE, -ENOMEM, -ENOTRECOVERABLE
 *                as sealmem_seal_image()
 *
 * Since 0.1.
 */
int sealmem_seal_loaded(void *handle, unsigned flags, struct sealmem_image_report *ret);

/*
 * At file scope: sealmem_seal_image() leaves alone the pages that hold `size` bytes from `symbol` on, in this
 * program or shared object. For code that is patched, or tables that are made writable for a moment. The
 * symbol is a function or variable that is static, hidden or in a program; its pages should be its
 * own. `size` is a number. Since 0.1.
 *
 *     static const struct SEALMEM_PAGE_ALIGNED table table = { ... };
 *     SEALMEM_IMAGE_EXCLUDE(table, 4096);
 */
#define SEALMEM_IMAGE_EXCLUDE(symbol, size)                                                        \
 __asm__(".pushsection .note.sealmem, \"a\", %note\n"                                              \
	 ".balign 4\n"                                                                             \
	 ".4byte 8, 16, 1\n"                                                                       \
	 ".asciz \"sealmem\"\n"                                                                    \
	 ".8byte " #symbol " - .\n"                                                                \
	 ".8byte " #size "\n"                                                                      \
	 ".popsection\n")

/*
 * mseal(2): seal the mappings of [addr, addr + size), their bytes not included. `size` is rounded up
 * to whole pages. Sealing twice is fine. Inherited by fork(2). Cannot be undone.
 *
 * -EINVAL      flags is not 0, addr is not page-aligned, or the range wraps around
 * -ENOMEM      a page of the range is not mapped; nothing is sealed
 * -EOPNOTSUPP  this kernel has no mseal(2), or a sandbox forbids it, and sealmem_allow_emulation() was
 *              not called
 * -ENOSPC      emulated: no room for another filter (see there)
 * -EBUSY       emulated: another thread has a seccomp filter of its own
 *
 * Kernel fact: Documentation/userspace-api/mseal.rst, Linux 6.10. Since 0.1.
 */
int sealmem_mseal(void *addr, size_t size, unsigned long flags);

/* Memory of this process: for sealmem_mseal_many(). */
struct sealmem_extent {
	void *addr;
	size_t size;
};

/* The most that sealmem_mseal_many() takes. */
#define SEALMEM_EXTENTS_MAX 128

/*
 * sealmem_mseal() of several extents. Emulated, they share one filter, so that many cost as much as one.
 * All are looked at before the first is sealed: a bad one or a hole seals nothing. Errors as
 * sealmem_mseal(); -EINVAL also for more than SEALMEM_EXTENTS_MAX; emulated -ENOSPC and -EBUSY. Since 0.1.
 */
int sealmem_mseal_many(const struct sealmem_extent *extents, size_t count);

/*
 * Permit that addresses are sealed by a seccomp filter where the kernel has no mseal(2) (before Linux
 * 6.10). Then ADDRESS, sealmem_mseal() and the rest work there too. Call it before the first region.
 *
 * What it means: no_new_privs is set for the process, now and for good, so that it and what it executes
 * cannot gain privileges by set-user-ID programs. Each seal adds a filter that cannot be removed, is
 * inherited by children and stays in force after exec, over the new program's addresses; regions are
 * therefore placed where programs do not map, at random. (One that is too large for that place is put
 * anywhere.) The kernel's room for filters ends after some 500 seals of regions one by
 * one; of other memory, for which no two seals share a filter, after a quarter to a third as many (seal
 * many extents at once). The filter refuses what mseal(2) refuses, and also, for the whole process
 * from the first seal on, what it cannot look into: io_uring_setup(2), userfaultfd(2),
 * process_madvise(2) with advice that could do harm, prctl(2) with PR_SET_MM, mprotect(2) with
 * PROT_GROWSDOWN. (The C library uses the last one to make the stack executable for a library that was
 * linked so; loading such a library fails.) It does not close: io_uring rings, userfaultfds and pinned
 * pages from before the seal; other processes that share the memory; shmdt(2) of a segment of which the
 * first page is not sealed; a tracer with CAP_SYS_ADMIN (PTRACE_O_SUSPEND_SECCOMP).
 *
 * -EOPNOTSUPP  no seccomp filters here
 *
 * Kernel fact: seccomp(2), Linux 3.17; the emulation needs 4.14. Since 0.1.
 */
int sealmem_allow_emulation(void);

/*
 * Refuse what mseal(2) leaves open on the mappings of [addr, addr + size): advice that makes them
 * unreadable for a while (MADV_GUARD_INSTALL) or hides them from children (MADV_DONTFORK). It needs
 * sealmem_allow_emulation(), on every kernel, and adds one filter of that kind. Call it last, after the
 * seal. Errors as sealmem_mseal(). Since 0.1.
 */
int sealmem_keep_available(void *addr, size_t size);

/* What callers do with secrets. */

/* Overwrite with zeroes, in a way that the compiler does not leave out. Since 0.1. */
void sealmem_wipe(void *addr, size_t size);

/* 1 if the bytes are the same, 0 if not, in a time that depends on `size` alone. Since 0.1. */
int sealmem_equal(const void *a, const void *b, size_t size);

/*
 * Load a shared object, from exactly the bytes that were verified: the file is copied, the copy is sealed,
 * verify() judges the copy, and dlopen(3) is given the copy.
 *
 * ret     where the handle goes, to be given to dlclose(3)
 * fd      the file, a regular one or a memfd, open for reading. It stays the caller's; its position does not
 *         matter and does not change.
 * verify  called once with the sealed bytes, which are mapped for the call only. 0 accepts them. A negative
 *         errno refuses them, and is what sealmem_load_verified() then returns; so does a positive
 *         value.
 * data    passed on to verify()
 * flags   those of dlopen(3)
 *
 * Not one instruction of the object runs before verify() has accepted it. Verified are the bytes of the
 * object: not those of the libraries that it needs, which the loader finds in its own way. After the
 * relocation of its writable segments their pages are private copies and no longer sealed. The same
 * bytes loaded twice are two objects. To dladdr(3) and in /proc/PID/maps the object has no path.
 *
 * -EINVAL        ret or verify is NULL, or fd is not a file with a size
 * -EBADF         fd is not open for reading
 * -ENOEXEC       the file is empty, or the loader refused it: dlerror(3) says why
 * -EKEYREJECTED  verify() returned a positive value
 * -EBUSY         the file changed its size while it was copied
 * -EFBIG         the file is larger than RLIMIT_FSIZE or memory can be
 * -EOPNOTSUPP    as sealmem_region_new()
 * -ENOMEM, -EMFILE, -ENFILE  out of memory or descriptors
 *
 * Kernel fact: a memfd can be mapped executable whatever vm.memfd_noexec says, for that is about
 * execve(2). Since 0.1.
 */
int sealmem_load_verified(void **ret, int fd,
			  int (*verify)(const void *bytes, size_t size, void *data), void *data,
			  int flags);

/*
 * Try to store `size` bytes at addr, as an ordinary store of this process would, without the signal:
 * the kernel stores them for us and minds the protection of the page.
 *
 * 0            stored
 * -EFAULT      a page refused it (or `bytes` cannot be read). Pages before the first refusing one may
 *              have been written.
 * -EINVAL      bytes is NULL and size is not 0
 * -EMFILE, -ENFILE, -ENOMEM  no descriptors or memory for the pipe that carries the bytes
 *
 * Since 0.1.
 */
int sealmem_try_write(void *addr, const void *bytes, size_t size);

/*
 * From now on, a SIGSEGV or SIGBUS in a region, a sealed range or a guard page writes one line to
 * standard error that names the region, the offset and the instruction:
 *
 *     sealmem: stray store to sealed region "policy" at offset 24 (0x7f0c5a2e1018) by instruction
 *     0x55d0c8a01234 (server+0x1234)
 *
 * (one line, not two). Then the handler that was installed before is called; if there was none the
 * process dies of the signal as it would have, with the same core dump. Faults elsewhere go straight
 * to that handler. A handler installed later replaces this one. Calling it again changes nothing.
 * Uses sigaltstack(2) if the thread has one: about 2 KiB of it. Without /proc the line is not
 * written, the rest holds.
 *
 * -errno of sigaction(2). Since 0.1.
 */
int sealmem_report_faults(void);

/*
 * Take a descriptor from somebody who is not trusted, only if nobody can change what it holds: the
 * region is sealed, CONTENT is in force, and reading it cannot raise SIGBUS because of what the sender
 * does later. fd stays the caller's, as it was.
 *
 * limit       the largest size that is accepted, in bytes. Holes read as zeroes and take memory when
 *             they are read: without a limit, as much as the sender likes. Where there is none left and
 *             the kernel promises none that it does not have (vm.overcommit_memory is 2; huge pages
 *             beyond the limit of a cgroup), a read of a hole raises SIGBUS; NOSWAP takes all memory
 *             now, or fails.
 * guarantees  what is demanded: CONTENT, and any of ADDRESS, NOSWAP, NODUMP, NOFORK, GUARDS. They hold
 *             from now on, for this process: the sender may have let the bytes be swapped before.
 *
 * The region's descriptor, sealmem_region_fd(), is not a duplicate of fd but has a position of its own,
 * which the sender cannot move. Where the file cannot be opened once more (/proc is not mounted, or the
 * sender took the permission to read away) the region is as good, but has none: -EOPNOTSUPP there.
 * Bytes behind the size, up to the end of its page, are not the region's: the sender may have left
 * something there.
 *
 * -EINVAL      ret is NULL, or guarantees has unknown bits or lacks CONTENT
 * -EBADF       fd is not open, or opened with O_PATH
 * -ENODEV      not a memfd: a pipe, a socket, a directory, a device, a file on a disk
 * -EPERM       bytes or size can still change: F_SEAL_WRITE, F_SEAL_GROW and F_SEAL_SHRINK are not all
 *              there (a plain file on a tmpfs has none of them), or they may have come with
 *              F_SEAL_EXEC on a kernel that then gives them without a look (6.16 is one)
 * -ENODATA     the size is 0, or ends within a huge page
 * -EFBIG       the size is above limit
 * -ENOMEM      no address space, or no huge pages for the holes of a hugetlb memfd
 * -EMFILE, -ENFILE  out of descriptors (two are needed for a moment)
 * -EOPNOTSUPP  SECRECY is demanded: what others have had in their hands is no secret; or fd is for
 *              writing only and the file cannot be opened for reading
 * and the errors of sealmem_region_new_from().
 *
 * Kernel fact: a seal can be added but never removed, so seals that were seen hold; fcntl(2). Since 0.1.
 */
int sealmem_region_accept(struct sealmem_region **ret, int fd, unsigned guarantees);
int sealmem_region_accept_limited(struct sealmem_region **ret, int fd, size_t limit,
				  unsigned guarantees);

/*
 * Send a sealed region over a Unix socket of any type: its descriptor and its name. Nothing is copied;
 * the receiver maps the same pages.
 *
 * -EINVAL        r is NULL
 * -EAFNOSUPPORT  not a Unix socket: any other drops the descriptor without a word
 * -ETOOMANYREFS  RLIMIT_NOFILE: more descriptors of this user are on their way already
 * -EMSGSIZE      the socket took a part of the message only; it cannot be used for messages any more
 * and the errors of sealmem_region_fd() and sendmsg(2): -EAGAIN from a socket that does not wait, -EPIPE
 * (without SIGPIPE) when the other end is closed, -ENOTSOCK. Since 0.1.
 */
int sealmem_send(int socket, const struct sealmem_region *r);

/*
 * Receive a region that sealmem_send() sent, from a sender who is not trusted. Nothing is left open on
 * failure, whatever was sent. The region has the name that the sender gave it.
 *
 * A message that comes in pieces over a stream is waited for, unless the socket does not wait: who cannot
 * wait for a sender that stops midway gives it a limit by SO_RCVTIMEO, or uses SOCK_SEQPACKET. Closing
 * what is refused can take time too, if it is a file of a filesystem in user space (FUSE).
 *
 * -EINVAL        ret is NULL, or guarantees is not for sealmem_region_accept(); as with all errors of
 *                the demand, the message is still there
 * -EAFNOSUPPORT  not a Unix socket
 * -ECONNRESET    the other end is closed
 * -EBADMSG       not a message of sealmem_send(), or with another number of descriptors than one, or cut
 *                short; on a stream the position is lost, close it
 * -EMFILE        RLIMIT_NOFILE is reached (two descriptors are needed for a moment); the message is lost
 * and the errors of sealmem_region_accept() and recvmsg(2): -EAGAIN from a socket that does not wait and
 * has nothing. Since 0.1.
 */
int sealmem_receive(int socket, struct sealmem_region **ret, unsigned guarantees);
int sealmem_receive_limited(int socket, struct sealmem_region **ret, size_t limit,
			    unsigned guarantees);

#ifdef __cplusplus
}
#endif

#endif
