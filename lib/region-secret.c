/* SPDX-License-Identifier: MIT */

/*
 * A region of the SECRECY kind: its pages are secret memory, which the kernel itself does not map. Such a
 * file takes no seals, so the region keeps no descriptor of it, and only its mapping protects the bytes.
 * The pages are locked by nature.
 */

#include "lib/region-internal.h"

#include "lib/mapping.h"
#include "lib/moment.h"
#include "lib/secret.h"

/*
 * The descriptor is closed at once: the file could be mapped again through it after the seal. Until then nobody
 * may get at it: no child, and no other process of the user.
 */
static int map_secret(struct sealmem_region *r, size_t size)
{
	CLEANUP(moment_end) struct moment moment = { 0 };
	CLEANUP(close_fd_at) int fd = -1;
	int err = moment_begin(&moment, SECRET_GUARANTEES);

	if (err == 0)
		err = fd = secret_new(size);
	if (err >= 0)
		err = region_identify(r, fd);
	return err < 0 ? err : region_map(r, size, PROT_READ | PROT_WRITE, fd);
}

static int open_secret(struct sealmem_region *r)
{
	size_t size = region_capacity_in_pages(r);
	int err = region_reserve_addresses(r, size);

	if (err == 0)
		err = map_secret(r, size);
	if (err < 0)
		return not_given(err);
	r->reserved = r->capacity;
	return secret_settle(r->data, size);
}

static int hold_nothing(const struct sealmem_region *r, struct scoped_mapping *held)
{
	(void)r;
	(void)held;
	return 0;
}

/*
 * As the file takes no seals, nothing says whether somebody mapped it a second time while the region was
 * open, or whether a child has it. So the bytes move to a file that nobody else has seen, at the same
 * address, in one step. Until its descriptor is closed, nobody can get at it.
 */
static int replace_secret(struct sealmem_region *r, size_t size)
{
	CLEANUP(moment_end) struct moment moment = { 0 };
	CLEANUP(close_fd_at) int fd = -1;
	int err = moment_begin(&moment, SECRET_GUARANTEES);

	if (err == 0)
		err = fd = secret_copy(r->data, size);
	if (err >= 0)
		err = region_confirm_source(r, size);
	if (err == 0)
		err = region_identify(r, fd);
	if (err < 0)
		return err;
	err = region_map(r, size, PROT_READ, fd);
	if (err == 0)
		region_advance(r, REGION_REMAPPED);
	/* Before Linux 6.12, a refused mmap(2) may have unmapped the pages that it was to replace. */
	if (err < 0 && sys_mapped(r->data, size) < 0) {
		region_advance(r, REGION_REMAPPED);
		(void)region_map(r, size, PROT_READ, fd);
	}
	return err < 0 ? not_given(err) : secret_readable(r->data, size);
}

/* The capacity that was not handed out becomes inaccessible. Its pages stay, for a roll-back. */
static int seal_pages(struct sealmem_region *r)
{
	int err = region_part_tail(r);

	if (err == 0 && r->guarantees & SEALMEM_CONTENT)
		err = replace_secret(r, region_size_in_pages(r));
	return err;
}

static int seal_secret(struct sealmem_region *r)
{
	int err = r->state != REGION_ADDRESS_FINAL ? seal_pages(r) : 0;

	return err < 0 ? err : region_seal_address(r);
}

/* The mapping that the seal left may lack NODUMP and NOFORK. */
static int open_again(struct sealmem_region *r, size_t size)
{
	int err = mapping_apply(r->data, size, SEALMEM_NODUMP | SEALMEM_NOFORK);

	if (err == 0)
		err = sys_mprotect(r->data, size, PROT_READ | PROT_WRITE);
	return not_given(err);
}

static int roll_back_secret(struct sealmem_region *r)
{
	size_t size = region_capacity_in_pages(r);
	int err = open_again(r, size);

	/* Nobody may write to a region that has less than was demanded. */
	if (err < 0)
		(void)sys_mprotect(r->data, size, PROT_READ);
	return err;
}

/* Whether anybody who has the address can write. */
static bool is_writable(const struct sealmem_region *r)
{
	return r->state == REGION_OPEN ||
	       (r->state == REGION_SEALED && !(r->guarantees & SEALMEM_CONTENT));
}

static void wipe_secret(struct sealmem_region *r)
{
	if (is_writable(r) && region_has_mapping(r))
		sealmem_wipe(r->data,
			     r->state == REGION_OPEN ? r->capacity : sealmem_region_size(r));
}

const struct region_operations region_secret_operations = {
	.open = open_secret,
	.hold = hold_nothing,
	.seal = seal_secret,
	.roll_back = roll_back_secret,
	.wipe = wipe_secret,
	.always = SECRET_GUARANTEES,
};
