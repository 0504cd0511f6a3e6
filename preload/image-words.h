/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PRELOAD_IMAGE_WORDS_H
#define SEALMEM_PRELOAD_IMAGE_WORDS_H

#include "include/sealmem.h"

#define IMAGE_VARIABLE "SEALMEM_IMAGE"

/* The runtime of AddressSanitizer ends a program in which an object comes before it, unless this word is in its
 * variable. The object begins that variable with it, as it begins LD_PRELOAD. */
#define IMAGE_ASAN_VARIABLE "ASAN_OPTIONS"
#define IMAGE_ASAN_WORD	    "verify_asan_link_order=0"

/* The object contains these bytes, so that no other is taken for it. */
#define IMAGE_MARK "sealmem:preload:image:" SEALMEM_VERSION

enum {
	IMAGE_DEEP = 1,
	IMAGE_VDSO = 2,
	IMAGE_FILTER = 4,
	IMAGE_TRY = 8,
	IMAGE_ONCE = 16,
	IMAGE_LATER = 32,
	IMAGE_REPORT = 64,
	/* For the command alone: which way to take. */
	IMAGE_PRELOAD = 128,
	IMAGE_OUTSIDE = 256,
};

/* The bits of a list of words with commas between them; NULL is an empty list. Returns the first
 * unknown word, which has no bit, or NULL. */
const char *image_words(const char *list, unsigned *ret);

/* What a report says of pages that have these guarantees. */
const char *image_guarantees(unsigned guarantees);

#endif
