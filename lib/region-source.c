/* SPDX-License-Identifier: MIT */

/*
 * Regions that are made of what a descriptor gives until its end. Their size is known when it has come.
 *
 * Bytes that may be anywhere go to a memfd, which grows with them. A secret, and bytes that must not reach the swap,
 * have to be in their own pages from the first moment, which takes an open region. Where that turns out too small or
 * too large, the bytes move to another one.
 */

#include "lib/region-internal.h"

#include "lib/memfd.h"
#include "lib/reason.h"
#include "lib/source.h"
#include "lib/wipe.h"

/* What the caller has to say while the bytes come. */
struct progress {
	int (*call)(size_t done, size_t total, void *data);
	void *data;
};

static int tell(const struct progress *progress, const struct source *s)
{
	int answer;

	if (progress->call == NULL)
		return 0;
	answer = progress->call(s->done, s->size, progress->data);
	/* It may have called this library. */
	reason_forget();
	return answer != 0 ? fail_for(REASON_CANCELED) : 0;
}

/* The next piece, of which the caller was told; 0 at the end. Signals only make the caller be asked. */
static ssize_t read_piece(struct source *s, struct source_target to, size_t size,
			  const struct progress *progress)
{
	ssize_t got;
	int err = 0;

	do {
		got = source_read(s, to, size);
		if (got > 0 || got == -EINTR)
			err = tell(progress, s);
	} while (got == -EINTR && err == 0);
	return err < 0 ? err : got;
}

static int seal_through_memfd(struct sealmem_region **r, struct source *s,
			      const struct progress *progress)
{
	struct source_target to;
	ssize_t got;

	(*r)->reader = to.memfd = memfd_new((*r)->name, s->size);
	to.memory = NULL;
	if (to.memfd < 0)
		return to.memfd;
	do
		got = read_piece(s, to, SOURCE_PIECE, progress);
	while (got > 0);
	if (got < 0)
		return (int)got;
	(*r)->capacity = s->done;
	return region_seal_written(*r);
}

/* Memory is set aside before the kernel stores to it, and would report a lack of it as a bad address. */
static int set_aside(struct sealmem_region *r, size_t end)
{
	return end > r->reserved ? region_file_reserve(r, end) : 0;
}

/* Another region in the place of this one, without memory yet. */
static struct sealmem_region *another(const struct sealmem_region *r, size_t capacity)
{
	struct sealmem_region *fresh = region_allocate(r->name, capacity, r->guarantees);

	if (fresh != NULL) {
		fresh->verify = r->verify;
		fresh->verify_data = r->verify_data;
	}
	return fresh;
}

static void replace(struct sealmem_region **r, struct sealmem_region **fresh)
{
	(*r)->operations->wipe(*r);
	(void)region_destroy(*r);
	*r = *fresh;
	*fresh = NULL;
}

/* The first `size` bytes move to a region of another capacity. */
static int move(struct sealmem_region **r, size_t size, size_t capacity)
{
	CLEANUP(region_destroy_at) struct sealmem_region *fresh = another(*r, capacity);
	int err = fresh != NULL ? region_open(fresh) : -ENOMEM;

	if (err == 0)
		err = set_aside(fresh, size);
	if (err < 0)
		return err;
	wipe_copy(fresh->data, (*r)->data, size);
	replace(r, &fresh);
	return 0;
}

/* At least twice as much, so that few moves are needed, but no more than the caller takes. */
static int grow(struct sealmem_region **r, const struct source *s, char next)
{
	size_t size = (*r)->capacity;
	int err = move(r, size, s->limit / 2 < size ? s->limit : 2 * size);

	if (err == 0)
		err = set_aside(*r, size + 1);
	if (err == 0)
		wipe_copy((*r)->data + size, &next, 1);
	return err;
}

/* Where the region is full, one byte says whether that is all. */
static ssize_t read_past_end(struct sealmem_region **r, struct source *s,
			     const struct progress *progress)
{
	char next = 0;
	const struct source_target to = { .memory = &next };
	ssize_t got = read_piece(s, to, 1, progress);

	if (got > 0) {
		int err = grow(r, s, next);

		got = err < 0 ? err : got;
	}
	sealmem_wipe(&next, sizeof(next));
	return got;
}

static ssize_t read_into_region(struct sealmem_region **r, struct source *s,
				const struct progress *progress)
{
	size_t left = (*r)->capacity - s->done;
	size_t size = left < SOURCE_PIECE ? left : SOURCE_PIECE;
	const struct source_target to = { .memory = (*r)->data + s->done };
	int err;

	if (left == 0)
		return read_past_end(r, s, progress);
	err = set_aside(*r, s->done + size);
	return err < 0 ? err : read_piece(s, to, size, progress);
}

/* That of a file, or one that does for most secrets. */
static size_t first_capacity(const struct source *s)
{
	size_t capacity = s->size > 0 ? s->size : page_size();

	return capacity > s->limit && s->limit > 0 ? s->limit : capacity;
}

static int seal_nothing(struct sealmem_region **r)
{
	CLEANUP(region_destroy_at) struct sealmem_region *fresh = another(*r, 0);

	if (fresh == NULL)
		return -ENOMEM;
	replace(r, &fresh);
	return region_seal_buffer(*r, NULL);
}

static int seal_filled(struct sealmem_region **r, size_t size)
{
	int err = size != (*r)->capacity ? move(r, size, size) : 0;

	return err < 0 ? err : sealmem_region_seal(*r);
}

static int seal_in_own_pages(struct sealmem_region **r, struct source *s,
			     const struct progress *progress)
{
	ssize_t got;

	(*r)->capacity = first_capacity(s);
	got = region_open(*r);
	if (got < 0)
		return (int)got;
	do
		got = read_into_region(r, s, progress);
	while (got > 0);
	if (got < 0)
		return (int)got;
	return s->done > 0 ? seal_filled(r, s->done) : seal_nothing(r);
}

static int seal_source(struct sealmem_region **r, struct source *s, const struct progress *progress)
{
	return (*r)->guarantees & (SEALMEM_SECRECY | SEALMEM_NOSWAP)
		       ? seal_in_own_pages(r, s, progress)
		       : seal_through_memfd(r, s, progress);
}

EXPORT int sealmem_region_new_from_file_with(
	struct sealmem_region **ret, const char *name, int fd, size_t limit, unsigned guarantees,
	int (*progress)(size_t done, size_t total, void *data),
	int (*verify)(const void *bytes, size_t size, void *data), void *data)
{
	CLEANUP(region_destroy_at) struct sealmem_region *r = NULL;
	const struct progress told = { progress, data };
	struct source source = { .fd = -1 };
	int err;

	reason_forget();
	if (ret == NULL)
		return fail_for(REASON_NO_RESULT);
	guarantees = region_complete_demand(guarantees);
	err = source_begin(&source, fd, limit);
	if (err == 0)
		err = region_check_demand(name, source.size, guarantees);
	if (err < 0)
		return err;
	/* The capacity is not known yet. */
	r = region_allocate(name, 0, guarantees);
	if (r == NULL)
		return -ENOMEM;
	r->verify = verify;
	r->verify_data = data;
	err = seal_source(&r, &source, &told);
	r->verify = NULL;
	return err < 0 ? err : region_hand_over(ret, &r);
}

EXPORT int sealmem_region_new_from_file(struct sealmem_region **ret, const char *name, int fd,
					size_t limit, unsigned guarantees)
{
	return sealmem_region_new_from_file_with(ret, name, fd, limit, guarantees, NULL, NULL,
						 NULL);
}
