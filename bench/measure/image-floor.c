/* SPDX-License-Identifier: MIT */

/*
 * The floor of sealing an image at start-up. Preloaded like libsealmem-image.so, it makes the system calls that such a seal
 * needs, and nothing else. The time above this floor is the cost of the library. The floor itself is the cost of the
 * kernel, and grows with the pages of RELRO, because relocation has written to all of them.
 */

#include "bench/measure/image-calls.h"

#include <unistd.h>

__attribute__((constructor)) static void seal(void)
{
	struct image image;

	image_prepare(&image);
	image_seal(&image);
	(void)close(image.file);
}
