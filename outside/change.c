/* SPDX-License-Identifier: MIT */

/*
 * Carries out a plan in a process, by the system calls of the helper. The file is made in the process, because that is
 * where it is mapped; this program fills it, through a descriptor of its own. So limits of the process (memory, the size
 * of files) do not count, and cannot end it.
 *
 * All that can fail out of a lack of something comes before the first address is sealed. Until then every range that was
 * replaced goes back to private pages with the same bytes, which can be written like those that were there.
 */

#include "outside/change.h"

#include "outside/kernel.h"

#include "lib/memfd.h"
#include "lib/util.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* How much is read at a time. */
#define PIECE ((size_t)1 << 18)

static void free_bytes(char **bytes)
{
	free(*bytes);
}

struct maker {
	struct change *change;
	struct helper *helper;
	const struct target *target;
	const struct plan *plan;
	long descriptor; /* of the file, in the process */
};

static long create(struct helper *helper)
{
	const uint64_t flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL;

	return HELPER_CALL(helper, SYS_memfd_create, helper->text, flags);
}

/* The table of descriptors is a copy of the helper's own: if there is no room in it, the others can go. */
static enum refusal make_file(struct maker *maker)
{
	long local;

	maker->descriptor = create(maker->helper);
	if (maker->descriptor == -EMFILE) {
		(void)HELPER_CALL(maker->helper, SYS_close_range, 0, UINT32_MAX, 0);
		maker->descriptor = create(maker->helper);
	}
	if (maker->descriptor < 0)
		return refusal_of(maker->descriptor);
	local = kernel_take_descriptor(maker->helper->id, (int)maker->descriptor);
	if (local < 0)
		return refusal_of(local);
	maker->change->file = (int)local;
	return refusal_of(sys_file_identity((int)local, &maker->change->identity));
}

/* Calls `act` for each piece of what is replaced. */
static int for_each_piece(const struct maker *maker,
			  int (*act)(const struct maker *maker, const char *bytes, size_t size,
				     uint64_t position, void *argument),
			  void *argument)
{
	CLEANUP(free_bytes) char *bytes = malloc(PIECE);
	int err = bytes != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < maker->plan->count; i++) {
		const struct range *range = &maker->plan->ranges[i];
		uint64_t size = range->replaced ? range->end - range->start : 0;

		for (uint64_t at = 0; at < size && err == 0; at += PIECE) {
			size_t piece = size - at < PIECE ? (size_t)(size - at) : PIECE;

			err = target_read(maker->target, bytes, piece, range->start + at);
			if (err == 0)
				err = act(maker, bytes, piece, range->position + at, argument);
		}
	}
	return err;
}

static int write_piece(const struct maker *maker, const char *bytes, size_t size, uint64_t position,
		       void *argument)
{
	(void)argument;
	return memfd_write(maker->change->file, bytes, size, (size_t)position);
}

static int compare_piece(const struct maker *maker, const char *bytes, size_t size,
			 uint64_t position, void *argument)
{
	const char *sealed = argument;

	(void)maker;
	return memcmp(bytes, sealed + position, size) == 0 ? 0 : -EBADMSG;
}

/* Until it had its seals, another process of the user could write to the file. */
static int compare(const struct maker *maker)
{
	CLEANUP(unmap_scoped) struct scoped_mapping all = { 0 };
	int err = sys_mmap(&all.addr, NULL, maker->plan->size, PROT_READ, MAP_SHARED | MAP_POPULATE,
			   maker->change->file);

	if (err < 0)
		return err;
	all.size = maker->plan->size;
	return for_each_piece(maker, compare_piece, all.addr);
}

static enum refusal fill_file(const struct maker *maker)
{
	int fd = maker->change->file;
	int err = for_each_piece(maker, write_piece, NULL);

	if (err == 0)
		err = memfd_seal(fd);
	if (err == 0)
		err = memfd_check(fd, maker->plan->size);
	if (err == 0)
		err = compare(maker);
	return err == -EBUSY ? REFUSAL_CHANGED : refusal_of(err);
}

/* Some kernels do not map a sealed file from the descriptor that wrote it, see lib/memfd.h. There the process needs a
 * /proc. */
static enum refusal choose_descriptor(struct maker *maker)
{
	char path[HELPER_TEXT_SIZE];
	long reader;

	memfd_lesson_learn(&memfd_writer_maps_sealed, maker->change->file);
	if (memfd_lesson_holds(&memfd_writer_maps_sealed))
		return REFUSAL_NONE;
	(void)snprintf(path, sizeof(path), "/proc/thread-self/fd/%ld", maker->descriptor);
	if (!helper_set_text(maker->helper, path))
		return REFUSAL_GONE;
	reader = HELPER_CALL(maker->helper, SYS_openat, (uint64_t)AT_FDCWD, maker->helper->text,
			     O_RDONLY | O_CLOEXEC);
	if (reader < 0)
		return refusal_of(reader);
	maker->descriptor = reader;
	return REFUSAL_NONE;
}

static long map_over(const struct maker *maker, const struct range *range, uint64_t flags)
{
	return HELPER_CALL(maker->helper, SYS_mmap, range->start, range->end - range->start,
			   (uint64_t)range->protection, flags | MAP_FIXED,
			   (uint64_t)maker->descriptor, range->position);
}

/* To private pages with the same bytes. `count` ranges may have been replaced. */
static void roll_back(const struct maker *maker, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (maker->plan->ranges[i].replaced)
			(void)map_over(maker, &maker->plan->ranges[i], MAP_PRIVATE);
	maker->change->rolled_back = true;
}

/* The kernel refuses with EPERM where the pages are sealed already. */
static enum refusal replace(const struct maker *maker)
{
	for (size_t i = 0; i < maker->plan->count; i++) {
		const struct range *range = &maker->plan->ranges[i];
		long result =
			range->replaced ? map_over(maker, range, MAP_SHARED | MAP_POPULATE) : 0;

		if (result < 0) {
			roll_back(maker, result == -EPERM ? i : i + 1);
			return result == -EPERM ? REFUSAL_SEALED_BEFORE : refusal_of(result);
		}
		maker->change->replaced = i + 1;
	}
	return REFUSAL_NONE;
}

/* The next ranges that are adjacent. */
static struct range next_run(const struct plan *plan, size_t *next)
{
	struct range run = plan->ranges[(*next)++];

	while (*next < plan->count && plan->ranges[*next].start == run.end)
		run.end = plan->ranges[(*next)++].end;
	return run;
}

static enum refusal seal(const struct maker *maker)
{
	for (size_t next = 0; next < maker->plan->count;) {
		struct range run = next_run(maker->plan, &next);
		long result =
			HELPER_CALL(maker->helper, __NR_mseal, run.start, run.end - run.start);

		if (result < 0 && !maker->change->sealed)
			roll_back(maker, maker->plan->count);
		if (result < 0)
			return refusal_of(result);
		maker->change->sealed = true;
	}
	return REFUSAL_NONE;
}

enum refusal change_make(struct change *ret, struct helper *helper, const struct target *target,
			 const struct plan *plan)
{
	struct maker maker = { ret, helper, target, plan, -1 };
	enum refusal refusal = REFUSAL_NONE;

	*ret = (struct change){ .file = -1 };
	if (plan->size > 0) {
		refusal = make_file(&maker);
		if (refusal == REFUSAL_NONE)
			refusal = fill_file(&maker);
		if (refusal == REFUSAL_NONE)
			refusal = choose_descriptor(&maker);
		if (refusal == REFUSAL_NONE)
			refusal = replace(&maker);
	}
	return refusal == REFUSAL_NONE ? seal(&maker) : refusal;
}

void change_free(const struct change *change)
{
	(void)close_fd(change->file);
}
