/* SPDX-License-Identifier: MIT */

/*
 * The numbers of the header as data. A language that is no C reads no macros, and a number that somebody copies into
 * another source is one that can differ.
 */

#include "include/sealmem.h"

#include "lib/util.h"

#define CONSTANT(name)                                                                             \
 {                                                                                                 \
#  name, SEALMEM_##name                                                                            \
 }

EXPORT const struct sealmem_constant *sealmem_constants(void)
{
	static const struct sealmem_constant constants[] = {
		CONSTANT(CONTENT),	  CONSTANT(ADDRESS),
		CONSTANT(SECRECY),	  CONSTANT(NOSWAP),
		CONSTANT(NODUMP),	  CONSTANT(NOFORK),
		CONSTANT(GUARDS),	  CONSTANT(GUARANTEES),
		CONSTANT(IMAGE_DEEP),	  CONSTANT(IMAGE_VDSO),
		CONSTANT(IMAGE_TRY),	  CONSTANT(NAME_MAX),
		CONSTANT(LABEL_MAX),	  CONSTANT(EXTENTS_MAX),
		CONSTANT(PAGE_MAX),	  CONSTANT(VERSION_MAJOR),
		CONSTANT(VERSION_MINOR),  CONSTANT(VERSION_MICRO),
		CONSTANT(VERSION_NUMBER), { NULL, 0 },
	};

	return constants;
}

EXPORT size_t sealmem_page_size(void)
{
	return page_size();
}
