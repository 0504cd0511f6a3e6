/* SPDX-License-Identifier: MIT */

/*
 * Seals what the program loads later, if it is never to be unloaded (RTLD_NODELETE, or an object linked with
 * -z nodelete): for --image=later, in an object of its own, because dlopen(3) has to pass through it.
 *
 * The loader looks at who calls dlopen(), for where that object wants its libraries searched. Called by us
 * it would search for us. So where the caller has such a wish, the call is passed on as a jump, as if we
 * were not there, and what was loaded is not sealed.
 */

#include "preload/image.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
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

static bool has_entry(const ElfW(Dyn) * dynamic, ElfW(Sxword) tag, ElfW(Xword) bits)
{
	for (; dynamic->d_tag != DT_NULL; dynamic++)
		if (dynamic->d_tag == tag && (dynamic->d_un.d_val & bits) == bits)
			return true;
	return false;
}

/* Whether it matters to the loader who asks. */
static bool depends_on_caller(const char *file, const void *caller)
{
	struct link_map *map = NULL;
	Dl_info info;

	if (file == NULL || (strchr(file, '/') != NULL && strchr(file, '$') == NULL))
		return false;
	if (dladdr1(caller, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || map == NULL)
		return true;
	return strchr(file, '$') != NULL || has_entry(map->l_ld, DT_RPATH, 0) ||
	       has_entry(map->l_ld, DT_RUNPATH, 0);
}

static bool is_permanent(void *handle, int mode)
{
	struct link_map *map = NULL;

	if (mode & RTLD_NODELETE)
		return true;
	return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 &&
	       has_entry(map->l_ld, DT_FLAGS_1, DF_1_NODELETE);
}

/* The library calls dlopen(3), too, to have the object kept. */
static __thread bool sealing;

/* An object that is not sealed is not handed out. It stays loaded. */
static void *open_and_seal(const char *file, int mode)
{
	void *handle = next_dlopen()(file, mode);
	int err;

	if (handle == NULL || file == NULL || sealing || !is_permanent(handle, mode))
		return handle;
	sealing = true;
	err = sealmem_seal_loaded(handle, (unsigned)image_flags(), NULL);
	sealing = false;
	if (err == 0 || image_wanted & IMAGE_TRY)
		return handle;
	image_complain(file, err);
	return NULL;
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
	if (depends_on_caller(file, __builtin_return_address(0)))
		JUMP return next_dlopen()(file, mode);
	return open_and_seal(file, mode);
}
