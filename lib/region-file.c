/* SPDX-License-Identifier: MIT */

/*
 * A region of the CONTENT kind: its pages are those of a memfd, which takes seals. A seal has four steps,
 * and a failure in any of them rolls back:
 *   1. the writable mapping is replaced by one that can only be read;
 *   2. the memfd takes its seals, which the kernel refuses while anybody can write;
 *   3. the mapping that lasts takes the place of the one of step 1, where that is another;
 *   4. the addresses are sealed, if ADDRESS is demanded.
 * tests/models/region.pml is a model of this, which Spin goes through in all orders.
 */

#include "lib/region-internal.h"

#include "lib/fork-gate.h"
#include "lib/mapping.h"
#include "lib/memfd.h"
#include "lib/retain.h"

/*
 * A region has a descriptor that writes, and one that reads if memfd_writer_maps_sealed does not hold: then
 * the sealed file cannot be mapped from the one that wrote it.
 */
static int descriptor_to_map(const struct sealmem_region *r)
{
	return r->reader >= 0 ? r->reader : r->writer;
}

static void close_files(struct sealmem_region *r)
{
	r->writer = close_fd(r->writer);
	r->reader = close_fd(r->reader);
}

/* The file has its full length from the start, for callers that write without sealmem_region_alloc().
 * Its pages come when they are touched. */
static int new_file(struct sealmem_region *r)
{
	int err;

	r->reader = -1;
	r->writer = memfd_new(r->name, r->capacity);
	if (r->writer < 0)
		return r->writer;
	if (!memfd_lesson_holds(&memfd_writer_maps_sealed)) {
		r->reader = memfd_reopen_readonly(r->writer);
		if (r->reader < 0)
			return r->reader;
	}
	/* A page is not worth a second call. */
	if (r->capacity <= page_size()) {
		r->reserved = r->capacity;
		return memfd_clear(r->writer, r->capacity);
	}
	err = memfd_set_size(r->writer, r->capacity);
	return err < 0 ? not_given(err) : 0;
}

/* Children do not inherit an open region, whatever was demanded: a child with a writable mapping would
 * make every seal fail. */
static int map_writable(struct sealmem_region *r)
{
	size_t size = region_capacity_in_pages(r);
	int err = region_map_as(r, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->writer,
				r->guarantees | SEALMEM_NOFORK);

	if (err < 0)
		return not_given(err);
	return mapping_apply_open(r->data, size, r->guarantees & SEALMEM_NOSWAP);
}

static int make_and_map(struct sealmem_region *r)
{
	int err = new_file(r);

	if (err == 0)
		err = region_reserve_addresses(r, region_capacity_in_pages(r));
	if (err == 0)
		err = map_writable(r);
	return err;
}

/* The file is made inside as well, because it needs the signals held back, and so does the mapping. */
static int open_file(struct sealmem_region *r)
{
	int err = not_given(fork_gate_enter());

	if (err < 0)
		return err;
	err = make_and_map(r);
	fork_gate_leave();
	return err;
}

/*
 * Reserves more than is asked for, so that few calls enter the kernel, but only so much that it is still in
 * the cache when it is stored to.
 */
int region_file_reserve(struct sealmem_region *r, size_t end)
{
	size_t step = 16 * page_size(), target = page_round_up(end);
	int err;

	if (target < r->reserved + step)
		target = r->reserved + step;
	/* Not past the capacity, where the file would grow. */
	if (target > r->capacity)
		target = r->capacity;
	err = memfd_reserve(r->writer, r->reserved, target - r->reserved);
	if (err < 0)
		return err;
	mapping_populate(r->data + r->reserved, target - r->reserved);
	r->reserved = target;
	return 0;
}

/* An empty region has no page that could be held. */
static int hold_file(const struct sealmem_region *r, int fd, struct scoped_mapping *held)
{
	if (sealmem_region_size(r) == 0)
		return 0;
	return mapping_hold(held, fd, region_size_in_pages(r), r->guarantees);
}

/* Pages that another process has cut off the file cannot be held, and would be fatal to touch. What it has added is
 * nobody's. */
static int hold_pages(const struct sealmem_region *r, struct scoped_mapping *held)
{
	int err = r->state == REGION_OPEN ? memfd_cut(r->writer, r->capacity) : 0;

	if (err < 0)
		return err;
	return hold_file(r, r->writer, held);
}

/*
 * The mapping that is read while the file takes its seals. A shared mapping from a descriptor that can write
 * would stand in the way of the seals. A private one does not: it shows the same pages until somebody stores
 * to them, and that would not change the bytes that count, those of the file.
 */
static int map_readable(struct sealmem_region *r, size_t size)
{
	int flags = r->reader >= 0 ? MAP_SHARED : MAP_PRIVATE;

	return region_map_as(r, size, PROT_READ, flags, descriptor_to_map(r), r->guarantees);
}

/* The addresses after the last page stay taken: a roll-back needs them, and so do guard pages. */
static int replace_writable_mapping(struct sealmem_region *r)
{
	size_t size = region_size_in_pages(r), tail = region_capacity_in_pages(r) - size;
	int err = region_part_tail(r);

	if (err < 0)
		return err;
	err = map_readable(r, size);
	/* Before Linux 6.12, a refused mmap(2) may have unmapped the pages that it was to replace. */
	if (err == 0 || sys_mapped(r->data, size) < 0)
		region_advance(r, REGION_REMAPPED);
	if (err < 0)
		return not_given(err);
	if (tail > 0)
		err = mapping_reserve(r->data + size, tail);
	return err < 0 ? err : region_lock(r);
}

/*
 * Gives back the memory that was reserved and not handed out: the file becomes as long as the region. First
 * the bytes take their seal, because nothing is lost if the kernel refuses it.
 */
static int trim_file(struct sealmem_region *r)
{
	int err;

	if (sealmem_region_size(r) == r->capacity)
		return 0;
	err = memfd_seal_bytes(r->writer);
	if (err < 0)
		return err;
	region_advance(r, REGION_FILE_FINAL);
	return not_given(memfd_set_size(r->writer, r->used));
}

/* It asks the descriptor that the memory is mapped from, which may not be the one that took the seals. */
static int check_file(const struct sealmem_region *r)
{
	return memfd_check(descriptor_to_map(r), sealmem_region_size(r));
}

static int seal_file(struct sealmem_region *r)
{
	int err;

	/* An earlier seal came this far, and neither a later step nor the roll-back succeeded. */
	if (r->state == REGION_FILE_FINAL && check_file(r) == 0)
		return 0;
	err = trim_file(r);
	if (err == 0)
		err = memfd_seal(r->writer);
	if (err < 0)
		return err;
	region_advance(r, REGION_FILE_FINAL);
	return check_file(r);
}

/* A private mapping was needed only until the file had its seals. The one that lasts is shared: its pages are
 * those of the file, whatever anybody does. */
static int map_shared(struct sealmem_region *r)
{
	size_t size = region_size_in_pages(r);
	int err;

	if (r->reader >= 0)
		return 0;
	err = region_map(r, size, PROT_READ, r->writer);
	return err < 0 ? not_given(err) : region_lock(r);
}

/* A sealed region needs one descriptor. With two, this seal learns whether the next needs only one. */
static void keep_one_descriptor(struct sealmem_region *r)
{
	if (r->reader < 0) {
		r->reader = take_fd(&r->writer);
		return;
	}
	memfd_lesson_learn(&memfd_writer_maps_sealed, r->writer);
	r->writer = close_fd(r->writer);
}

static int seal_content(struct sealmem_region *r)
{
	int err = replace_writable_mapping(r);

	if (err == 0)
		err = seal_file(r);
	return err < 0 ? err : map_shared(r);
}

static int seal_in_place(struct sealmem_region *r)
{
	int err = r->state != REGION_ADDRESS_FINAL ? seal_content(r) : 0;

	if (err == 0)
		err = region_seal_address(r);
	if (err == 0)
		keep_one_descriptor(r);
	return err;
}

/* An address that a refused mmap(2) has unmapped is free for any other mapping, even one that the roll-back
 * needs. */
static int keep_addresses(const struct sealmem_region *r)
{
	size_t size = region_capacity_in_pages(r);

	return sys_mapped(r->data, size) < 0 ? mapping_reserve(r->data, size) : 0;
}

/* Somebody else may have added F_SEAL_FUTURE_WRITE while the region was open. It lets nobody map the file
 * writable again. */
static bool is_final(const struct sealmem_region *r)
{
	int seals = sys_fcntl(r->writer, F_GET_SEALS, 0);

	return r->state == REGION_FILE_FINAL || (seals > 0 && seals & F_SEAL_FUTURE_WRITE);
}

/* The mapping is private, because the descriptor may be one that can write, of a file that nobody may write any
 * more. */
static int copy_file(int to, const struct sealmem_region *r)
{
	CLEANUP(unmap_scoped) struct scoped_mapping from = { 0 };
	int err = mapping_scoped(&from, r->capacity, PROT_READ, MAP_PRIVATE, r->writer,
				 r->guarantees);

	return err < 0 ? err : memfd_copy(to, r->writer, from.addr, r->capacity);
}

/* A file that took its seals can never be written again: the region moves to a copy of it. */
static int replace_file(struct sealmem_region *r, struct scoped_mapping *held)
{
	CLEANUP(close_files) struct sealmem_region fresh = *r;
	int err = new_file(&fresh);

	if (err == 0 && r->reserved > 0)
		err = memfd_reserve(fresh.writer, 0, r->reserved);
	if (err == 0)
		err = hold_file(r, fresh.writer, held);
	if (err == 0)
		err = copy_file(fresh.writer, r);
	if (err < 0)
		return err;
	close_files(r);
	r->writer = take_fd(&fresh.writer);
	r->reader = take_fd(&fresh.reader);
	r->state = REGION_REMAPPED;
	return 0;
}

/* The lock of an open region takes a page when it is touched. This touches again those that were. */
static int lock_present_pages(struct sealmem_region *r)
{
	size_t start, end = 0;
	int err;

	if (!(r->guarantees & SEALMEM_NOSWAP))
		return 0;
	while ((err = memfd_next_part(r->writer, &start, &end)) > 0)
		for (size_t at = start; at < end; at += page_size())
			(void)*(volatile const char *)(r->data + at);
	return err;
}

static int open_again(struct sealmem_region *r)
{
	int err = map_writable(r);

	return err < 0 ? err : lock_present_pages(r);
}

static int roll_back_file(struct sealmem_region *r)
{
	CLEANUP(unmap_scoped) struct scoped_mapping held = { 0 };
	CLEANUP(retain_end) struct retained old = { 0 };
	int err = keep_addresses(r);

	if (err == 0 && is_final(r)) {
		region_retain_pages(r, &old);
		err = replace_file(r, &held);
	}
	if (err == 0)
		err = open_again(r);
	/* Nobody may write to a region that has less than was demanded. It is mapped anew, not only protected,
	 * because a refused mmap(2) with MAP_FIXED unmaps, on kernels up to 6.1 at least. */
	if (err < 0)
		(void)map_readable(r, region_capacity_in_pages(r));
	return err;
}

static void wipe_nothing(struct sealmem_region *r)
{
	(void)r;
}

const struct region_operations region_file_operations = {
	.open = open_file,
	.hold = hold_pages,
	.seal = seal_in_place,
	.roll_back = roll_back_file,
	.wipe = wipe_nothing,
};
