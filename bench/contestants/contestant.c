/* SPDX-License-Identifier: MIT */

/*
 * The list of contestants, and the functions that every measuring program needs.
 */

#include "bench/contestants/contestant.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A new contestant is a file with its table, and a word here. */
static const struct contestant *const all[] = { plain, memfd,  region,	heaps,
						array, sodium, openssl, gcrypt };

const struct contestant *contestant_find(const char *name)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct contestant *c = all[i]; c->name != NULL; c++)
			if (strcmp(c->name, name) == 0)
				return c;
	give_up("no contestant named %s", name);
}

/* A call that no contestant makes. */
void mark(void)
{
	(void)syscall(SYS_getpriority, 0, 0);
}

size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) & ~(page - 1);
}

char first_byte(const void *data)
{
	return *(const volatile char *)data;
}

void give_up(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	exit(EXIT_FAILURE);
}
