/* SPDX-License-Identifier: MIT */

/*
 * Loads every library that is named, then unloads and loads them again in another order: thousands of mappings that
 * the loader replaces piece by piece, with MAP_FIXED, wherever the kernel puts them.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 5

static void open_library(void **handle, const char *path)
{
	*handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (*handle == NULL) {
		(void)fprintf(stderr, "%s\n", dlerror());
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	const int count = argc - 1;
	void **handles = calloc((size_t)argc, sizeof(*handles));

	if (handles == NULL)
		return EXIT_FAILURE;
	for (int i = 0; i < count; i++)
		open_library(&handles[i], argv[i + 1]);
	for (int i = 0; i < count * ROUNDS; i++) {
		/* Each in turn, because it has no factor in common with the count. */
		int n = (int)((long)i * 7919 % count);

		(void)dlclose(handles[n]);
		open_library(&handles[n], argv[n + 1]);
	}
	(void)printf("%d libraries\n", count);
	return EXIT_SUCCESS;
}
