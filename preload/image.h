/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PRELOAD_IMAGE_H
#define SEALMEM_PRELOAD_IMAGE_H

#include "preload/image-words.h"
#include "sealmem.h"

/* What the program was started with. */
extern unsigned image_wanted;

/* The same for sealmem_seal_image(). */
int image_flags(void);

/* One line on standard error. */
void image_complain(const char *what, int err);

#endif
