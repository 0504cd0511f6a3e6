/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_UNIT_IMAGE_OBJECT_H
#define SEALMEM_TESTS_UNIT_IMAGE_OBJECT_H

/* A row of a table that is read-only once the loader has filled in the addresses. */
struct image_row {
	const char *name;
	int (*function)(void);
};

/* Where to find what is sealed, in an object that was loaded. */
struct image_object {
	const struct image_row *rows;
	int (*code)(void);
	const char *constant;
	const void *excluded;  /* one page; NULL if nothing is */
	const void *relocated; /* in the code; NULL if nothing is */
	/* One page each, which the object writes to. NULL if it has none. */
	char *variable, *zeroes, *mutable_page;
};

#endif
