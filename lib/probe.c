/* SPDX-License-Identifier: MIT */

/*
 * Which guarantees are available here. The library asks the kernel by making a region, never by its
 * version: features are backported, configured away, forbidden by sandboxes and cut short by limits,
 * and the only test of a guarantee that covers all of that is to get it.
 */

#include "lib/probe.h"

#include "include/sealmem.h"

#include "lib/address.h"
#include "lib/confirm.h"
#include "lib/fork-gate.h"
#include "lib/reason.h"
#include "lib/trial.h"
#include "lib/util.h"

#include <stdatomic.h>

/* A child that another thread forks while the region is made stands in the way of the seal until it
 * exits or executes a program. The child below is such a one, if two threads ask at once. */
static int seal_patiently(struct sealmem_region *region)
{
	int err = sealmem_region_seal(region);

	for (int tries = 0; err == -EBUSY && tries < 1000; tries++) {
		sys_yield();
		err = sealmem_region_seal(region);
	}
	return err;
}

static int try_region(unsigned guarantees)
{
	struct sealmem_region *region;
	int err = sealmem_region_new(&region, "probe", 1, guarantees);

	if (err < 0)
		return err;
	err = seal_patiently(region);
	(void)sealmem_region_free(region);
	return err;
}

/* This runs in a child, because a page whose address is sealed stays for as long as the process. It
 * uses system calls only. */
static int try_address(void *argument)
{
	void *page;
	int err = sys_mmap(&page, NULL, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	(void)argument;
	if (err == 0)
		err = address_seal(page, page_size());
	if (err == 0 && sys_munmap(page, page_size()) != -EPERM)
		err = -EOPNOTSUPP;
	return -err;
}

/* The seal of a region asks what is mapped there. */
static int try_to_confirm(void)
{
	int fd = confirm_open();

	if (fd < 0)
		return fd;
	(void)close_fd(fd);
	return 0;
}

static int probe_address(void)
{
	int err = try_region(SEALMEM_CONTENT), answer;

	if (err == 0)
		err = try_to_confirm();
	if (err < 0)
		return err;
	trial_learn(TRIAL_MSEAL);
	if (address_is_emulated() || trial_refused(TRIAL_MSEAL) < 0)
		return address_given();
	answer = fork_gate_in_child(try_address, NULL);
	/* Where the process cannot make a child, the cheap question must do. */
	return answer < 0 ? address_given() : -answer;
}

int probe_guarantee(unsigned guarantee)
{
	if (guarantee == SEALMEM_ADDRESS)
		return probe_address();
	return try_region(guarantee == SEALMEM_SECRECY ? guarantee : guarantee | SEALMEM_CONTENT);
}

/* Such an error says nothing about the kernel, only about this moment. */
static bool passing(int err)
{
	return err == -EBUSY || err == -EMFILE || err == -ENFILE || err == -ENOMEM;
}

/* The stored answer leaves out the guarantees that this program may get in another way than from the
 * kernel. */
static unsigned with_emulation(unsigned supported)
{
	if (supported & SEALMEM_CONTENT && address_is_emulated())
		supported |= SEALMEM_ADDRESS;
	return supported;
}

EXPORT unsigned sealmem_supported(void)
{
	REASON_KEPT why = reason_keep();
	static atomic_uint known; /* the answer and, because 0 is an answer too, one more bit */
	const unsigned asked = SEALMEM_GUARANTEES + 1;
	unsigned supported = atomic_load(&known);
	bool keep = true;

	if (supported & asked)
		return with_emulation(supported & ~asked);
	for (unsigned guarantee = 1; guarantee < asked; guarantee <<= 1) {
		int err = probe_guarantee(guarantee);

		supported |= err == 0 ? guarantee : 0;
		keep = keep && !passing(err);
	}
	if (keep)
		atomic_store(&known, supported | asked);
	return supported;
}

EXPORT const char *sealmem_version(void)
{
	return SEALMEM_VERSION;
}

EXPORT const char *sealmem_guarantee_name(unsigned guarantee)
{
	static const struct {
		unsigned guarantee;
		const char *name;
	} names[] = {
		{ SEALMEM_CONTENT, "CONTENT" }, { SEALMEM_ADDRESS, "ADDRESS" },
		{ SEALMEM_SECRECY, "SECRECY" }, { SEALMEM_NOSWAP, "NOSWAP" },
		{ SEALMEM_NODUMP, "NODUMP" },	{ SEALMEM_NOFORK, "NOFORK" },
		{ SEALMEM_GUARDS, "GUARDS" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].guarantee == guarantee)
			return names[i].name;
	return NULL;
}
