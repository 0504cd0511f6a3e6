/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PRELOAD_IMAGE_H
#define SEALMEM_PRELOAD_IMAGE_H

#include "preload/image-words.h"
#include "include/sealmem.h"

#include <stddef.h>

/* What the program was started with. */
extern unsigned image_wanted;

/* The same for sealmem_seal_image(). */
int image_flags(void);

/* Writes a line that snprintf(3) has made, `length` characters long, cut off at `size`. */
void image_say(const char *text, int length, size_t size);

/* One line on standard error. The advice begins with ": ", or is empty. */
void image_complain(const char *what, int err, const char *advice);

#endif
