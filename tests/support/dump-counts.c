/* SPDX-License-Identifier: MIT */

/*
 * gcov writes what it has counted when a process returns from main() or calls exit(3). The children of the tests end
 * otherwise, and a heap that finds itself corrupted aborts. `./check decisions-13` links this with --wrap, so that what
 * they did counts, too.
 *
 * The children of test-image do away with a part of their image, and cannot.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void __gcov_dump(void);

__attribute__((noreturn)) void __real__exit(int status);
__attribute__((noreturn)) void __wrap__exit(int status);
__attribute__((noreturn)) void __real_abort(void);
__attribute__((noreturn)) void __wrap_abort(void);

static void dump(void)
{
	if (strcmp(program_invocation_short_name, "test-image") != 0)
		__gcov_dump();
}

void __wrap__exit(int status)
{
	dump();
	__real__exit(status);
}

void __wrap_abort(void)
{
	dump();
	__real_abort();
}
