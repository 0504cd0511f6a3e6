/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PRELOAD_IMAGE_WORDS_H
#define SEALMEM_PRELOAD_IMAGE_WORDS_H

#define IMAGE_VARIABLE "SEALMEM_IMAGE"

enum {
	IMAGE_DEEP = 1,
	IMAGE_VDSO = 2,
	IMAGE_FILTER = 4,
	IMAGE_TRY = 8,
	IMAGE_ONCE = 16,
	IMAGE_LATER = 32,
	IMAGE_REPORT = 64,
};

/* The bits of a list of words with commas between them; NULL is an empty one. Returns the first word that
 * is not known, and so has no bit, or NULL. */
const char *image_words(const char *list, unsigned *ret);

#endif
