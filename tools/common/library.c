/* SPDX-License-Identifier: MIT */

/* Loads libraries that only some subcommands need, when they need them. */

#include "tools/common/library.h"

#include "tools/common/errors.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* dlsym() returns a pointer to data, even for a function. POSIX stores the function like this. */
bool library_find(struct library *library, const char *function, void *ret)
{
	void *symbol;

	if (library->handle == NULL)
		library->handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL);
	symbol = library->handle != NULL ? dlsym(library->handle, function) : NULL;
	memcpy(ret, &symbol, sizeof(symbol));
	return symbol != NULL;
}

void library_need(struct library *library, const char *function, void *ret)
{
	if (library_find(library, function, ret))
		return;
	exit(complain(NULL, EXIT_FAILED, "%s cannot be loaded: install it: %s", library->name,
		      dlerror()));
}
