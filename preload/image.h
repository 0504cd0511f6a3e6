/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PRELOAD_IMAGE_H
#define SEALMEM_PRELOAD_IMAGE_H

#include "sealmem.h"

enum {
	IMAGE_DEEP = 1,
	IMAGE_VDSO = 2,
	IMAGE_FILTER = 4,
	IMAGE_TRY = 8,
	IMAGE_ONCE = 16,
	IMAGE_LATER = 32,
	IMAGE_REPORT = 64,
};

/* What the program was started with. */
extern unsigned image_wanted;

/* The same for sealmem_seal_image(). */
int image_flags(void);

/* One line on standard error. */
void image_complain(const char *what, int err);

#endif
