/* SPDX-License-Identifier: MIT */

/*
 * A program of ten objects for `sealmem seal`: itself, its loader, the C library, and seven common libraries with code of
 * all sizes. It has as many threads as it is told to have, which wait. It says that it is there, and exits at the end of
 * its input.
 *
 *     ten-objects THREADS
 */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *wait_always(void *argument)
{
	for (;;)
		(void)pause();
	return argument;
}

static void load_all(void)
{
	static const char *const names[] = { "libm.so.6",	"libz.so.1",
					     "libcrypto.so.3",	"libssl.so.3",
					     "libsodium.so.23", "libgpg-error.so.0",
					     "libgcrypt.so.20" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (dlopen(names[i], RTLD_NOW) == NULL) {
			(void)fprintf(stderr, "%s\n", dlerror());
			exit(1);
		}
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	pthread_t thread;
	char byte;

	load_all();
	for (long i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, wait_always, NULL) != 0)
			return 1;
	(void)puts("ready");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
