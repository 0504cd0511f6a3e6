/* SPDX-License-Identifier: MIT */

/*
 * A kernel that claims to seal and does not, for LD_PRELOAD. It answers every check of the library as if the
 * seals were there, so only the attempt can show the truth. A demo that cannot fail would prove nothing.
 * With PRETEND_READ_ONLY in the environment the mapping does become read-only, and the bytes change
 * through the file.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The call of the library, on architectures of 32 bits. */
#ifdef SYS_mmap2
# define MAP_CALL SYS_mmap2
#else
# define MAP_CALL SYS_mmap
#endif

static long pass_on(long number, const long arguments[6])
{
	long (*next)(long number, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");

	return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		    arguments[5]);
}

static long seal(int fd)
{
	if (getenv("PRETEND_READ_ONLY") == NULL)
		return 0;
	return pwrite(fd, "changed", 7, 0) == 7 ? 0 : -1;
}

long syscall(long number, ...)
{
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == MAP_CALL && (int)arguments[3] & MAP_FIXED && (int)arguments[2] == PROT_READ &&
	    getenv("PRETEND_READ_ONLY") == NULL)
		return arguments[0];
	if (number == SYS_fcntl && (int)arguments[1] == F_ADD_SEALS)
		return seal((int)arguments[0]);
	if (number == SYS_fcntl && (int)arguments[1] == F_GET_SEALS)
		return ALL_SEALS;
	return pass_on(number, arguments);
}
