/* SPDX-License-Identifier: MIT */

/*
 * Regions that start with their bytes and are sealed from the beginning: made from a buffer, or adopted with
 * a memfd that somebody else has sealed. Most need no writable mapping.
 */

#include "lib/region.h"

#include "lib/address.h"
#include "lib/emulation.h"
#include "lib/mapping.h"
#include "lib/memfd.h"
#include "lib/reason.h"
#include "lib/region-internal.h"
#include "lib/secret.h"
#include "lib/wipe.h"

/*
 * Most kernels map a write-sealed file read-only and shared from the descriptor that wrote it, which
 * saves opening another. Some builds (5.10.223, early 6.12) refuse that with EPERM. Never MAP_PRIVATE:
 * such pages can be replaced through /proc/PID/mem.
 */
static int map_written(struct sealmem_region *r)
{
	size_t size = region_size_in_pages(r);
	int err = region_map(r, size, PROT_READ, r->reader);

	/* EACCES: a descriptor that was received, and is for writing only. */
	if (r->state != REGION_OPEN || (err != -EPERM && err != -EACCES))
		return not_given(err);
	err = memfd_make_readonly(&r->reader);
	return err < 0 ? err : not_given(region_map(r, size, PROT_READ, r->reader));
}

static int map_with_guarantees(struct sealmem_region *r)
{
	int err = region_reserve_addresses(r, region_size_in_pages(r));

	if (err == 0)
		err = map_written(r);
	if (err == 0)
		err = region_lock(r);
	return err < 0 ? err : region_seal_address(r);
}

/* The mapping that is judged goes once the one for good is there. */
static int map_final(struct sealmem_region *r)
{
	CLEANUP(unmap_scoped) struct scoped_mapping judged = { 0 };
	size_t size = region_size_in_pages(r);
	void *data;
	int err = emulation_map_final(&data, size, r->reader);

	if (err != 0)
		return err;
	judged = r->all;
	r->all = (struct scoped_mapping){ data, size };
	r->data = data;
	return region_confirm_for_good(r);
}

/*
 * Where a filter seals addresses, each seal makes many calls slower. A mapping that never changes needs no seal of its
 * own: it is made in a place that is sealed already. Nothing is taken away from there again. So it is the last step,
 * after the kernel has mapped the file from this descriptor elsewhere, and the bytes have been judged there.
 */
static int map_where_it_is_sealed(struct sealmem_region *r)
{
	int err = map_written(r);

	if (err == 0)
		err = region_judge(r);
	if (err < 0)
		return err;
	r->given = NULL;
	r->verify = NULL;
	return map_final(r);
}

/* What a mapping has besides its bytes it gets after it is made, and there it could not be taken away if the next step
 * fails. */
static bool fits_where_it_is_sealed(const struct sealmem_region *r)
{
	return r->guarantees == (SEALMEM_CONTENT | SEALMEM_ADDRESS) && r->page == page_size() &&
	       address_is_emulated();
}

/* Otherwise the region is sealed in place, like one that was open. That needs room for one mapping, and not for two at a
 * time. Its bytes are judged once. */
static int map_as_demanded(struct sealmem_region *r)
{
	int err = fits_where_it_is_sealed(r) ? map_where_it_is_sealed(r) : 1;

	if (err <= 0)
		return err;
	unmap_scoped(&r->all);
	r->all.size = 0;
	r->data = NULL;
	return map_with_guarantees(r);
}

static int map_sealed(struct sealmem_region *r)
{
	int err;

	r->owner = process_this();
	err = r->guarantees & SEALMEM_ADDRESS ? region_begin_seal(r) : 0;
	if (err == 0)
		err = map_as_demanded(r);
	region_end_seal(r);
	r->state = REGION_SEALED;
	return err;
}

int region_seal_written(struct sealmem_region *r)
{
	int err = memfd_seal(r->reader);

	if (err == 0)
		err = memfd_check(r->reader, r->capacity);
	return err < 0 ? err : map_sealed(r);
}

static int seal_buffer(struct sealmem_region *r, const void *bytes)
{
	int err;

	r->reader = memfd_new(r->name, r->capacity);
	if (r->reader < 0)
		return r->reader;
	err = reason_for(memfd_write(r->reader, bytes, r->capacity, 0), REASON_BAD_BUFFER);
	return err < 0 ? err : region_seal_written(r);
}

/* Bytes that must never reach the swap are written to pages that are locked already. That takes a mapping, as
 * an open region has one. Whether the buffer can be read is asked first, because memory of its size is taken
 * before the first byte. */
static int seal_buffer_locked(struct sealmem_region *r, const void *bytes)
{
	int err = secret_readable(bytes, r->capacity);

	if (err == 0)
		err = region_open(r);
	if (err == 0)
		err = region_lock(r);
	if (err == 0)
		err = reason_for(memfd_write(r->writer, bytes, r->capacity, 0), REASON_BAD_BUFFER);
	if (err == 0)
		err = sealmem_region_seal(r);
	return err;
}

static int seal_buffer_secret(struct sealmem_region *r, const void *bytes)
{
	int err = secret_readable(bytes, r->capacity);

	if (err == 0)
		err = region_open(r);
	if (err < 0)
		return err;
	wipe_copy(r->data, bytes, r->capacity);
	return sealmem_region_seal(r);
}

/* How a buffer becomes a region, by the guarantees demanded: the first row that applies. No bytes reach no swap. */
static const struct {
	unsigned guarantee;
	bool bytes; /* only if there are some */
	int (*seal)(struct sealmem_region *r, const void *bytes);
} ways_from_buffer[] = {
	{ SEALMEM_SECRECY, false, seal_buffer_secret },
	{ SEALMEM_NOSWAP, true, seal_buffer_locked },
	{ SEALMEM_CONTENT, false, seal_buffer },
};

int region_seal_buffer(struct sealmem_region *r, const void *bytes)
{
	size_t i = 0;
	int err;

	while (!(r->guarantees & ways_from_buffer[i].guarantee) ||
	       (ways_from_buffer[i].bytes && r->capacity == 0))
		i++;
	r->given = bytes;
	err = ways_from_buffer[i].seal(r, bytes);
	r->given = NULL;
	return err;
}

EXPORT int sealmem_region_new_from(struct sealmem_region **ret, const char *name, const void *bytes,
				   size_t size, unsigned guarantees)
{
	CLEANUP(region_destroy_at) struct sealmem_region *r = NULL;
	int err;

	reason_forget();
	if (ret == NULL || (bytes == NULL && size > 0))
		return fail_for(ret == NULL ? REASON_NO_RESULT : REASON_NO_BUFFER);
	guarantees = region_complete_demand(guarantees);
	err = region_check_demand(name, size, guarantees);
	if (err < 0)
		return err;
	r = region_allocate(name, size, guarantees);
	if (r == NULL)
		return -ENOMEM;
	err = region_seal_buffer(r, bytes);
	return err < 0 ? err : region_hand_over(ret, &r);
}

/*
 * The region gets a descriptor of its own if one is available. The one that was given shares its position and
 * flags with whoever gave it, who could make a later read(2) of sealed bytes return other bytes. Where no
 * other is available, the mapping is as good, and the region has no descriptor afterwards.
 */
static int map_given(struct sealmem_region *r, int fd)
{
	CLEANUP(close_fd_at) int given = fd;
	int reader = memfd_reopen_readonly(given), err;

	if (reader < 0 && reader != -EOPNOTSUPP)
		return reader;
	r->reader = reader >= 0 ? reader : take_fd(&given);
	err = map_sealed(r);
	if (reader < 0)
		r->reader = close_fd(r->reader);
	return err;
}

int region_adopt(struct sealmem_region **ret, int fd, const char *name, size_t size, size_t page,
		 unsigned guarantees)
{
	CLEANUP(close_fd_at) int given = fd;
	CLEANUP(region_destroy_at) struct sealmem_region *r = NULL;
	int err = region_check_demand(name, size, guarantees);

	if (err < 0)
		return err;
	r = region_allocate(name, size, guarantees);
	if (r == NULL)
		return -ENOMEM;
	r->page = page;
	err = map_given(r, take_fd(&given));
	return err < 0 ? err : region_hand_over(ret, &r);
}
