/* SPDX-License-Identifier: MIT */

/*
 * Seals addresses. A content seal is a property of the file and says nothing about the mapping: the
 * memory at a pointer can still be unmapped, moved or covered by other pages. mseal(2) prevents that.
 * On kernels without it, a seccomp program does, if the program that uses us allowed it.
 */

#include "lib/address.h"

#include "include/sealmem.h"

#include "lib/emulation.h"
#include "lib/reason.h"
#include "lib/trial.h"
#include "lib/util.h"

#include <limits.h>

/* mseal(2) itself never answers EPERM on 64-bit machines: that answer comes from a sandbox. */
static int native(const struct sealmem_extent *extent, unsigned long flags)
{
	return not_given(trial_mseal(extent->addr, extent->size, flags));
}

/* Finds the same errors as mseal(2), in its order. Rounds the size up to whole pages, as it does. */
static int check_extent(struct sealmem_extent *extent, unsigned long flags)
{
	uintptr_t start = (uintptr_t)extent->addr;
	size_t size = page_round_up(extent->size);

	if (flags != 0)
		return fail_for(REASON_MSEAL_FLAGS);
	if (!page_aligned(start))
		return fail_for(REASON_PARTIAL_PAGES);
	if (size < extent->size || start + size < start)
		return fail_for(REASON_WRAPS);
	extent->size = size;
	return size == 0 ? 0
			 : reason_for(not_given(sys_mapped(extent->addr, size)), REASON_UNMAPPED);
}

/*
 * If another thread makes a hole after this looked for holes, the hole ends up sealed: nothing can be
 * mapped there any more. A moment later, that thread would have met the same mapping sealed.
 */
static int emulate(struct sealmem_extent *extents, size_t count, unsigned long flags)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		int err = check_extent(&extents[i], flags);

		if (err < 0)
			return err;
		if (extents[i].size > 0)
			extents[kept++] = extents[i];
	}
	return kept > 0 ? emulation_seal(extents, kept) : 0;
}

static int seal(void *addr, size_t size, unsigned long flags)
{
	struct sealmem_extent extent = { addr, size };
	int err = native(&extent, flags);

	if (err == -EOPNOTSUPP && emulation_allowed())
		return emulate(&extent, 1, flags);
	/* The kernel has found the same mistake, and says only that there is one. Where it has larger addresses than
	 * this program, a range that wraps around is for it one that has holes. */
	if ((err == -EINVAL || err == -ENOMEM) && check_extent(&extent, flags) == -EINVAL)
		err = -EINVAL;
	return reason_for(err, REASON_NO_MSEAL);
}

EXPORT int sealmem_mseal(void *addr, size_t size, unsigned long flags)
{
	reason_forget();
	trial_learn(TRIAL_MSEAL);
	return seal(addr, size, flags);
}

/* Seals as many as fit into one program, wherever they are. */
#define MANY SEALMEM_EXTENTS_MAX

static int seal_natively(const struct sealmem_extent *extents, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && err == 0; i++)
		err = native(&extents[i], 0);
	return err;
}

EXPORT int sealmem_mseal_many(const struct sealmem_extent *extents, size_t count)
{
	struct sealmem_extent checked[MANY];

	reason_forget();
	if (count > MANY || (extents == NULL && count > 0))
		return fail_for(REASON_EXTENTS);
	for (size_t i = 0; i < count; i++) {
		int err;

		checked[i] = extents[i];
		err = check_extent(&checked[i], 0);
		if (err < 0)
			return err;
	}
	trial_learn(TRIAL_MSEAL);
	if (trial_mseal(NULL, 0, 0) == 0)
		return seal_natively(checked, count);
	return emulation_allowed() ? emulate(checked, count, 0) : fail_for(REASON_NO_MSEAL);
}

EXPORT int sealmem_keep_available(void *addr, size_t size)
{
	struct sealmem_extent extent = { addr, size };
	int err;

	reason_forget();
	err = check_extent(&extent, 0);
	if (err < 0 || extent.size == 0)
		return err;
	return emulation_keep_available(&extent);
}

bool address_is_emulated(void)
{
	return emulation_allowed() && trial_mseal(NULL, 0, 0) < 0;
}

int address_given(void)
{
	trial_learn(TRIAL_MSEAL);
	/* With a length of 0, mseal(2) changes nothing and answers 0 wherever it exists. */
	return seal(NULL, 0, 0);
}

/*
 * A sandbox can answer 0 without sealing anything. A resize to the same size changes nothing, and never
 * fails on a page that can be resized; a sealed page refuses it. The emulation refuses resizes wherever
 * regions may come to lie, but it refuses advice that does not exist only where an address is sealed:
 * the kernel itself answers such advice with EINVAL.
 */
static bool is_sealed(void *addr, bool emulated)
{
	if (emulated)
		return sys_madvise(addr, page_size(), INT_MAX) == -EPERM;
	return sys_mremap_in_place(addr, page_size(), page_size()) < 0;
}

bool address_is_sealed(void *addr)
{
	return is_sealed(addr, address_is_emulated());
}

static int check_ends(void *addr, size_t size, bool emulated)
{
	char *last = (char *)addr + size - page_size();
	bool sealed = is_sealed(addr, emulated) && (last == addr || is_sealed(last, emulated));

	return sealed ? 0 : fail_for(REASON_NO_MSEAL);
}

int address_seal(void *addr, size_t size)
{
	bool emulated = address_is_emulated();
	int err = seal(addr, size, 0);

	return err == 0 ? check_ends(addr, size, emulated) : err;
}

int address_seal_many(struct sealmem_extent *extents, size_t count)
{
	bool emulated = address_is_emulated();
	int err = emulated ? emulate(extents, count, 0) : seal_natively(extents, count);

	for (size_t i = 0; i < count && err == 0; i++)
		err = check_ends(extents[i].addr, extents[i].size, emulated);
	return err;
}
