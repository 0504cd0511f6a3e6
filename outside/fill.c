/* SPDX-License-Identifier: MIT */

/*
 * The bytes of the process, on their way to the file that takes the place of its pages. The file has them before it has its
 * seals, and until then another process of the user can write to it. So they are compared once it is sealed.
 */

#include "outside/fill.h"

#include "lib/memfd.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

/* How much is read at a time: from page to page, because processors are slow to copy to a place 16 bytes further on. */
#define PIECE ((size_t)1 << 17)

static void free_buffer(char **buffer)
{
	free(*buffer);
}

/* The file, or what is mapped of it. */
struct place {
	int file;
	const char *mapped; /* NULL: the bytes are to be written */
};

static int take_piece(const struct place *place, const char *bytes, size_t size, uint64_t position)
{
	if (place->mapped == NULL)
		return memfd_write(place->file, bytes, size, (size_t)position);
	return memcmp(bytes, place->mapped + position, size) == 0 ? 0 : -EBADMSG;
}

static int take_range(const struct place *place, const struct target *target,
		      const struct range *range, char *buffer)
{
	int err = 0;

	for (uint64_t at = range->start; at < range->end && err == 0; at += PIECE) {
		size_t size = range->end - at < PIECE ? (size_t)(range->end - at) : PIECE;

		err = target_read(target, buffer, size, at);
		if (err == 0)
			err = take_piece(place, buffer, size,
					 range->position + (at - range->start));
	}
	return err;
}

static int take_all(const struct place *place, const struct target *target, const struct plan *plan)
{
	CLEANUP(free_buffer) char *buffer = aligned_alloc(page_size(), PIECE);
	int err = buffer != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < plan->count && err == 0; i++)
		if (plan->ranges[i].replaced)
			err = take_range(place, target, &plan->ranges[i], buffer);
	return err;
}

int fill_write(int file, const struct target *target, const struct plan *plan)
{
	return take_all(&(struct place){ .file = file }, target, plan);
}

int fill_compare(const void *mapped, const struct target *target, const struct plan *plan)
{
	return take_all(&(struct place){ .file = -1, .mapped = mapped }, target, plan);
}
