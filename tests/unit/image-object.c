/* SPDX-License-Identifier: MIT */

/*
 * What the tests of the image seal load: an object with code, constants, and a table that the loader fills
 * in and then makes read-only. It is built several times, linked in the ways that make a difference.
 */

#include "tests/unit/image-object.h"

#include "include/sealmem.h"
#include "tests/support/memory-seal.h"

#include <stddef.h>
#include <unistd.h>

static int answer(void)
{
	return 42;
}

/* Through the GOT: bound at the start or at the first call. */
static int count(void)
{
	return getppid() >= 0 ? 7 : 0;
}

static const struct image_row table[] = { { "answer", answer }, { "count", count } };

#ifdef EXCLUDING
static const struct SEALMEM_PAGE_ALIGNED left {
	const struct image_row *row;
} left = { table };
SEALMEM_IMAGE_EXCLUDE(left, 4096);
#endif

#ifdef MARKED
MARK_FOR_MEMORY_SEAL;
#endif

#ifdef DATA
static struct SEALMEM_PAGE_ALIGNED data {
	char bytes[SEALMEM_PAGE_MAX];
} variable = { "variable" }, zeroes;
static struct data IN_MUTABLE_SECTION mutable_data = { "mutable" };
#endif

#ifdef TEXT_RELOCATION
# if __SIZEOF_POINTER__ == 8
#  define WORD ".8byte"
# else
#  define WORD ".4byte"
# endif

/* An address among the instructions, where the loader has to write it. */
__asm__(".pushsection .text\n"
	".balign 8\n"
	"address_in_code: " WORD " image_object\n"
	".popsection\n");
extern const void *const address_in_code __attribute__((visibility("hidden")));
#endif

#ifdef NEEDING
extern int NEEDING(void);
#endif

static const char constant[] = "constant";

#define EXPORTED __attribute__((visibility("default")))

EXPORTED const struct image_object *image_object(void);

EXPORTED const struct image_object *image_object(void)
{
	static const struct image_object object = {
		.rows = table,
		.code = answer,
		.constant = constant,
#ifdef EXCLUDING
		.excluded = &left,
#endif
#ifdef TEXT_RELOCATION
		.relocated = &address_in_code,
#endif
#ifdef DATA
		.variable = variable.bytes,
		.zeroes = zeroes.bytes,
		.mutable_page = mutable_data.bytes,
#endif
	};

#ifdef NEEDING
	if (NEEDING() != 42)
		return NULL;
#endif
	return &object;
}

#ifdef NEEDED
EXPORTED int NEEDED(void);

EXPORTED int NEEDED(void)
{
	return 42;
}
#endif

#ifdef CALLING
extern void image_constructor(void);

__attribute__((constructor)) static void call(void)
{
	image_constructor();
}
#endif
