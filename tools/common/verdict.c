/* SPDX-License-Identifier: MIT */

/*
 * Why a guarantee is unsupported, and what would help. The library answers a demand with one errno, because
 * a program cannot act on the reason. A person can. So this file repeats the call on which the
 * guarantee rests, alone. Its own errno tells an old kernel from a sandbox, and a sandbox from a limit.
 */

#include "tools/common/verdict.h"

#include "tools/common/kernel.h"
#include "lib/filter.h"
#include "lib/probe.h"
#include "include/sealmem.h"
#include "lib/trial.h"
#include "lib/util.h"

#include <stdio.h>
#include <string.h>

/* The call that was refused. */
struct refusal {
	const char *call;
	int error; /* a negative errno, or 0 if the kernel did not refuse it */
};

/* Acts on a new page, and unmaps it. */
static int on_a_page(int (*act)(void *addr, size_t size))
{
	CLEANUP(unmap_scoped) struct scoped_mapping page = { 0 };
	int err =
		sys_mmap(&page.addr, NULL, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (err < 0)
		return err;
	page.size = page_size();
	return act(page.addr, page.size);
}

static int dont_dump(void *addr, size_t size)
{
	return sys_madvise(addr, size, MADV_DONTDUMP);
}

static int dont_fork(void *addr, size_t size)
{
	return sys_madvise(addr, size, MADV_DONTFORK);
}

static int forbid_access(void *addr, size_t size)
{
	return sys_mprotect(addr, size, PROT_NONE);
}

/* Tries the flag of newer kernels first, because vm.memfd_noexec may require it. */
static int create_memfd(void)
{
	int fd = sys_memfd_create("probe", MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	return fd == -EINVAL ? sys_memfd_create("probe", MFD_ALLOW_SEALING) : fd;
}

static int reopen(int fd)
{
	int reader = sys_open(fd_path(fd).text, O_RDONLY | O_NONBLOCK);

	close_fd(reader);
	return reader < 0 ? reader : 0;
}

/* The calls that every region needs. */
static struct refusal ask_content(void)
{
	CLEANUP(close_fd_at) int fd = create_memfd();
	struct refusal refusal = { "memfd_create(2)", fd };

	if (fd >= 0)
		refusal = (struct refusal){ "opening /proc/self/fd/N", reopen(fd) };
	if (fd >= 0 && refusal.error == 0)
		refusal = (struct refusal){ "MADV_DONTFORK", on_a_page(dont_fork) };
	if (fd >= 0 && refusal.error == 0)
		refusal =
			(struct refusal){ "F_ADD_SEALS", sys_fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) };
	return refusal;
}

static struct refusal ask_address(void)
{
	return (struct refusal){ "mseal(2)", trial_mseal(NULL, 0, 0) };
}

static struct refusal ask_secrecy(void)
{
	return (struct refusal){ "memfd_secret(2)", kernel_try_memfd_secret() };
}

static struct refusal ask_noswap(void)
{
	return (struct refusal){ "mlock(2)", on_a_page(sys_mlock) };
}

static struct refusal ask_nodump(void)
{
	return (struct refusal){ "MADV_DONTDUMP", on_a_page(dont_dump) };
}

static struct refusal ask_nofork(void)
{
	return (struct refusal){ "MADV_DONTFORK", on_a_page(dont_fork) };
}

static struct refusal ask_guards(void)
{
	return (struct refusal){ "PROT_NONE", on_a_page(forbid_access) };
}

/* Architectures got the call at different times, and arm never did. */
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__riscv)
# define NEEDS_SECRET "needs Linux 5.14 or later; before 6.5 boot with secretmem.enable=1"
#else
# define NEEDS_SECRET                                                                              \
  "needs a kernel that has it for this processor; s390x has it in Linux 6.12, ppc64el has not"
#endif

static const struct basis {
	unsigned guarantee;
	const char *by;
	struct refusal (*ask)(void);
	const char *needs; /* for a kernel without the call */
} bases[] = {
	{ SEALMEM_CONTENT, "memfd + F_SEAL_WRITE", ask_content,
	  "needs Linux 3.17 or later, with tmpfs" },
	{ SEALMEM_ADDRESS, "mseal(2)", ask_address, "needs Linux 6.10 or later" },
	{ SEALMEM_SECRECY, "memfd_secret(2)", ask_secrecy, NEEDS_SECRET },
	{ SEALMEM_NOSWAP, "mlock(2)", ask_noswap, "needs a kernel with CONFIG_MMU" },
	{ SEALMEM_NODUMP, "MADV_DONTDUMP", ask_nodump,
	  "needs a kernel with CONFIG_ADVISE_SYSCALLS" },
	{ SEALMEM_NOFORK, "MADV_DONTFORK", ask_nofork,
	  "needs a kernel with CONFIG_ADVISE_SYSCALLS" },
	{ SEALMEM_GUARDS, "PROT_NONE pages", ask_guards, "needs a kernel with CONFIG_MMU" },
};

static const struct basis *find_basis(unsigned guarantee)
{
	const struct basis *basis = bases;

	while (basis->guarantee != guarantee)
		basis++;
	return basis;
}

static void put(struct verdict *verdict, const char *why, const char *todo)
{
	(void)snprintf(verdict->why, sizeof(verdict->why), "%s", why);
	(void)snprintf(verdict->todo, sizeof(verdict->todo), "%s", todo);
}

/* Some errnos mean that a limit was reached, and not that a feature is missing. */
static bool explain_limit(struct verdict *verdict)
{
	static const struct {
		int error;
		const char *why, *todo;
	} limits[] = {
		{ -EAGAIN, "RLIMIT_MEMLOCK is too low",
		  "raise it: ulimit -l, LimitMEMLOCK= in a unit, memlock in limits.conf" },
		{ -EFBIG, "RLIMIT_FSIZE is too low", "raise it: ulimit -f, LimitFSIZE= in a unit" },
		{ -EMFILE, "too many open files: RLIMIT_NOFILE",
		  "raise it: ulimit -n, LimitNOFILE= in a unit" },
		{ -ENFILE, "too many open files in the system", "raise the sysctl fs.file-max" },
		{ -ENOMEM, "out of memory, address space or mappings",
		  "free memory, or raise ulimit -v or the sysctl vm.max_map_count" },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		if (limits[i].error == verdict->error) {
			put(verdict, limits[i].why, limits[i].todo);
			return true;
		}
	}
	return false;
}

/* What helps where the kernel has no mseal(2). Not every architecture has a filter. */
static const char *alternative_to(const struct basis *basis)
{
	bool emulated =
		basis->guarantee == SEALMEM_ADDRESS && filter_this_machine().abi != FILTER_ABIS;

	return emulated ? ", or a program that calls sealmem_allow_emulation()" : "";
}

static void explain_refusal(struct verdict *verdict, const struct refusal *refusal,
			    const struct basis *basis)
{
	(void)snprintf(verdict->why, sizeof(verdict->why), "%s: %s", refusal->call,
		       strerror(-refusal->error));
	if (refusal->error == -ENOSYS || refusal->error == -EINVAL)
		(void)snprintf(verdict->todo, sizeof(verdict->todo), "%s%s", basis->needs,
			       alternative_to(basis));
	else if (refusal->error == -ENOENT || refusal->error == -ENOTDIR)
		(void)snprintf(verdict->todo, sizeof(verdict->todo),
			       "mount /proc: mount -t proc proc /proc");
	else
		(void)snprintf(verdict->todo, sizeof(verdict->todo),
			       "a sandbox (seccomp, LSM) forbids it: allow %s in its profile",
			       refusal->call);
}

/* The call works alone, but the library refused the guarantee. */
static void explain_otherwise(struct verdict *verdict, const char *sentence)
{
	if (verdict->guarantee != SEALMEM_CONTENT && probe_guarantee(SEALMEM_CONTENT) != 0)
		put(verdict, "rests on CONTENT", "see CONTENT");
	else
		put(verdict, sentence, "");
}

void verdict_explain(struct verdict *ret, unsigned guarantee, int error)
{
	const struct basis *basis = find_basis(guarantee);
	/* Before this thread makes other calls. */
	const char *sentence = sealmem_strerror(error);
	struct verdict verdict = { .guarantee = guarantee, .error = error, .by = basis->by };

	if (error != 0 && !explain_limit(&verdict)) {
		struct refusal refusal = basis->ask();

		if (refusal.error != 0)
			explain_refusal(&verdict, &refusal, basis);
		else
			explain_otherwise(&verdict, sentence);
	}
	*ret = verdict;
}

void verdict_find(struct verdict *ret, unsigned guarantee)
{
	verdict_explain(ret, guarantee, probe_guarantee(guarantee));
}
