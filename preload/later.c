/* SPDX-License-Identifier: MIT */

/*
 * Seals the objects that the program loads later, if they are never unloaded (RTLD_NODELETE, or an
 * object linked with -z nodelete). --image=later uses it. It is an object of its own, because dlopen(3)
 * has to pass through it.
 *
 * The loader looks at who calls dlopen(), because that object may say where its libraries are searched.
 * If we called it, the loader would search for us. So if the caller has such a wish, the call is passed
 * on as a jump, as if we were not there, and the loaded object is not sealed.
 */

#include "preload/dynamic.h"
#include "preload/image.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef void *open_function(const char *file, int mode);

EXPORT open_function dlopen;

static open_function *next_dlopen(void)
{
	open_function *next;

	*(void **)&next = dlsym(RTLD_NEXT, "dlopen");
	return next;
}

/* Whether the loader cares who asks. */
static bool depends_on_caller(const char *file, const void *caller)
{
	const ElfW(Dyn) * dynamic;

	if (file == NULL || (strchr(file, '/') != NULL && strchr(file, '$') == NULL))
		return false;
	dynamic = dynamic_of(caller);
	return dynamic == NULL || strchr(file, '$') != NULL || dynamic_has(dynamic, DT_RPATH, 0) ||
	       dynamic_has(dynamic, DT_RUNPATH, 0);
}

static bool is_permanent(void *handle, int mode)
{
	struct link_map *map = NULL;

	if (mode & RTLD_NODELETE)
		return true;
	return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 &&
	       dynamic_has(map->l_ld, DT_FLAGS_1, DF_1_NODELETE);
}

/* An object that could not be sealed is not handed out. It stays loaded. */
static void *open_and_seal(const char *file, int mode)
{
	void *handle = next_dlopen()(file, mode);
	int err;

	if (handle == NULL || file == NULL || !is_permanent(handle, mode))
		return handle;
	err = sealmem_seal_loaded(handle, (unsigned)image_flags(), NULL);
	if (err == 0 || image_wanted & IMAGE_TRY)
		return handle;
	image_complain(file, err, ": use --image=try to load it all the same");
	return NULL;
}

/* The linker defines it: the first bytes of this object, in memory. */
extern const ElfW(Ehdr) own_header __asm__("__ehdr_start") __attribute__((visibility("hidden")));

/* The library, which is part of this object, asks the loader which object has a name. */
static bool is_own(const void *caller)
{
	uintptr_t start = (uintptr_t)&own_header, at = (uintptr_t)caller;
	const ElfW(Phdr) *headers = (const void *)(start + own_header.e_phoff);

	for (size_t i = 0; i < own_header.e_phnum; i++)
		if (headers[i].p_type == PT_LOAD && at - start >= headers[i].p_vaddr &&
		    at - start < headers[i].p_vaddr + headers[i].p_memsz)
			return true;
	return false;
}

/* gcc makes a jump of the last call when it optimises. */
#ifdef __clang__
# define JUMPING
# define JUMP __attribute__((musttail))
#else
# define JUMPING __attribute__((optimize("O2")))
# define JUMP
#endif

EXPORT JUMPING void *dlopen(const char *file, int mode)
{
	const void *caller = __builtin_return_address(0);

	if (is_own(caller) || depends_on_caller(file, caller))
		JUMP return next_dlopen()(file, mode);
	return open_and_seal(file, mode);
}
