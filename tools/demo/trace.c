/* SPDX-License-Identifier: MIT */

/*
 * Records the system calls of the library as they happen. A list written by hand would be true for one kernel
 * and one version of the library. This list is always true: it has the real addresses and results, and it
 * also shows the calls that failed and were tried again. All calls of the library pass through the C
 * library's syscall() and sigaction(); the linker puts the two functions below in front of them (--wrap).
 */

#include "tools/demo/trace.h"

#include "attack/attack.h"
#include "tools/common/errors.h"
#include "lib/sys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ARGUMENTS 6

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_sigaction(int signal, const struct sigaction *action, struct sigaction *ret);
int __wrap_sigaction(int signal, const struct sigaction *action, struct sigaction *ret);

/* Global, because syscall() has no argument for a context. `out` is NULL when there is no trace. */
static struct {
	FILE *out;
	char *lines;
	size_t size;
} trace;

struct flag {
	int bits;
	const char *name;
};

/* "A|B|0x8"; `none` for 0. */
static void put_flags(const struct flag *flags, int value, const char *none)
{
	const char *between = "";

	for (; flags->name != NULL; flags++) {
		if ((value & flags->bits) != flags->bits)
			continue;
		(void)fprintf(trace.out, "%s%s", between, flags->name);
		value &= ~flags->bits;
		between = "|";
	}
	if (value != 0)
		(void)fprintf(trace.out, "%s%#x", between, (unsigned)value);
	else if (*between == '\0')
		(void)fputs(none, trace.out);
}

static void put_choice(const struct flag *choices, int value)
{
	for (; choices->name != NULL; choices++) {
		if (choices->bits == value) {
			(void)fputs(choices->name, trace.out);
			return;
		}
	}
	(void)fprintf(trace.out, "%#x", (unsigned)value);
}

#define NAMED(constant)                                                                            \
 {                                                                                                 \
  constant, #constant                                                                              \
 }

static const struct flag seals[] = {
	NAMED(F_SEAL_SEAL),  NAMED(F_SEAL_SHRINK), NAMED(F_SEAL_GROW),
	NAMED(F_SEAL_WRITE), NAMED(F_SEAL_EXEC),   { 0 },
};

/* The upper half of a register that holds an int is undefined. */
static void put_int(long value)
{
	(void)fprintf(trace.out, "%d", (int)value);
}

static void put_size(long value)
{
	(void)fprintf(trace.out, "%lu", (unsigned long)value);
}

static void put_offset(long value)
{
	(void)fprintf(trace.out, "%#lx", (unsigned long)value);
}

static void put_address(long value)
{
	if (value == 0)
		(void)fputs("NULL", trace.out);
	else
		(void)fprintf(trace.out, "%#lx", (unsigned long)value);
}

/* A path, or the name of a memfd. Both come from the library, and contain nothing to escape. */
static void put_string(long value)
{
	(void)fprintf(trace.out, "\"%s\"", (const char *)value);
}

static void put_struct(long value)
{
	(void)fputs(value == 0 ? "NULL" : "{...}", trace.out);
}

static void put_set(long value)
{
	(void)fputs(value == 0 ? "NULL" : "[...]", trace.out);
}

static void put_mask_command(long value)
{
	static const struct flag choices[] = { NAMED(SIG_BLOCK), NAMED(SIG_SETMASK), { 0 } };

	put_choice(choices, (int)value);
}

/* The bytes may be confidential. */
static void put_bytes(long value)
{
	(void)fputs(value == 0 ? "NULL" : "...", trace.out);
}

static void put_directory(long value)
{
	static const struct flag choices[] = { NAMED(AT_FDCWD), { 0 } };

	put_choice(choices, (int)value);
}

static void put_open_flags(long value)
{
	static const struct flag flags[] = {
		NAMED(O_WRONLY), NAMED(O_RDWR), NAMED(O_NONBLOCK), NAMED(O_CLOEXEC), { 0 }
	};

	if (((int)value & O_ACCMODE) == O_RDONLY)
		(void)fputs((int)value == 0 ? "" : "O_RDONLY|", trace.out);
	put_flags(flags, (int)value, "O_RDONLY");
}

static void put_memfd_flags(long value)
{
	static const struct flag flags[] = {
		NAMED(MFD_CLOEXEC),
		NAMED(MFD_ALLOW_SEALING),
		NAMED(MFD_NOEXEC_SEAL),
		{ 0 },
	};

	put_flags(flags, (int)value, "0");
}

static void put_protection(long value)
{
	static const struct flag flags[] = {
		NAMED(PROT_READ),
		NAMED(PROT_WRITE),
		NAMED(PROT_EXEC),
		{ 0 },
	};

	put_flags(flags, (int)value, "PROT_NONE");
}

static void put_map_flags(long value)
{
	static const struct flag flags[] = {
		NAMED(MAP_SHARED),    NAMED(MAP_PRIVATE),   NAMED(MAP_FIXED),
		NAMED(MAP_ANONYMOUS), NAMED(MAP_NORESERVE), { 0 },
	};

	put_flags(flags, (int)value, "0");
}

static void put_advice(long value)
{
	static const struct flag choices[] = {
		NAMED(MADV_DONTFORK), NAMED(MADV_DOFORK),	 NAMED(MADV_DONTDUMP),
		NAMED(MADV_DODUMP),   NAMED(MADV_POPULATE_READ), { 0 },
	};

	put_choice(choices, (int)value);
}

static void put_whence(long value)
{
	static const struct flag choices[] = { NAMED(SEEK_DATA), NAMED(SEEK_HOLE), { 0 } };

	put_choice(choices, (int)value);
}

static void put_file_command(long value)
{
	static const struct flag choices[] = {
		NAMED(F_ADD_SEALS), NAMED(F_GET_SEALS), NAMED(F_GETFL), NAMED(F_SETFL), { 0 },
	};

	put_choice(choices, (int)value);
}

static void put_seals(long value)
{
	put_flags(seals, (int)value, "0");
}

static void put_seals_found(long value)
{
	(void)fprintf(trace.out, "%#lx (seals ", (unsigned long)value);
	put_seals(value);
	(void)fputs(")", trace.out);
}

static void put_limit(long value)
{
	static const struct flag choices[] = {
		NAMED(RLIMIT_FSIZE),
		NAMED(RLIMIT_MEMLOCK),
		{ 0 },
	};

	put_choice(choices, (int)value);
}

static void put_signal(long value)
{
	static const struct flag choices[] = { NAMED(SIGSEGV), NAMED(SIGBUS), { 0 } };

	put_choice(choices, (int)value);
}

/* A call with several commands has a row for each command, its second argument. */
#define ANY (-1)

static const struct call {
	long number;
	int command;
	const char *name;
	void (*put_result)(long value);
	void (*put[ARGUMENTS])(long value);
} calls[] = {
	{ SYS_openat, ANY, "openat", put_int, { put_directory, put_string, put_open_flags } },
	{ SYS_close, ANY, "close", put_int, { put_int } },
	{ SYS_fcntl, F_ADD_SEALS, "fcntl", put_int, { put_int, put_file_command, put_seals } },
	{ SYS_fcntl, F_GET_SEALS, "fcntl", put_seals_found, { put_int, put_file_command } },
	{ SYS_fcntl, F_SETFL, "fcntl", put_int, { put_int, put_file_command, put_open_flags } },
	{ SYS_fcntl, ANY, "fcntl", put_int, { put_int, put_file_command, put_size } },
	{ SYS_pwrite64, ANY, "pwrite64", put_int, { put_int, put_bytes, put_size, put_size } },
	{ SYS_pwritev, ANY, "pwritev", put_int, { put_int, put_bytes, put_size, put_size } },
	{ SYS_OWN_LSEEK, ANY, "lseek", put_size, { put_int, put_size, put_whence } },
	{ SYS_OWN_FSTAT, ANY, "fstat", put_int, { put_int, put_struct } },
	{ SYS_OWN_FTRUNCATE, ANY, "ftruncate", put_int, { put_int, put_size } },
	{ SYS_fallocate, ANY, "fallocate", put_int, { put_int, put_int, put_size, put_size } },
	{ SYS_memfd_create, ANY, "memfd_create", put_int, { put_string, put_memfd_flags } },
	{ SYS_OWN_MMAP,
	  ANY,
	  "mmap",
	  put_address,
	  { put_address, put_size, put_protection, put_map_flags, put_int, put_offset } },
	{ SYS_munmap, ANY, "munmap", put_int, { put_address, put_size } },
	{ SYS_mprotect, ANY, "mprotect", put_int, { put_address, put_size, put_protection } },
	{ SYS_madvise, ANY, "madvise", put_int, { put_address, put_size, put_advice } },
	{ SYS_getpid, ANY, "getpid", put_int, { 0 } },
#if SYS_HAS_GETRLIMIT
	{ SYS_getrlimit, ANY, "getrlimit", put_int, { put_limit, put_struct } },
#else
	{ SYS_prlimit64,
	  ANY,
	  "prlimit64",
	  put_int,
	  { put_int, put_limit, put_struct, put_struct } },
#endif
	{ SYS_rt_sigaction,
	  ANY,
	  "rt_sigaction",
	  put_int,
	  { put_signal, put_struct, put_struct, put_size } },
	{ SYS_rt_sigprocmask,
	  ANY,
	  "rt_sigprocmask",
	  put_int,
	  { put_mask_command, put_set, put_set, put_size } },
};

static const struct call *find_call(long number, long command)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].number == number &&
		    (calls[i].command == ANY || calls[i].command == (int)command))
			return &calls[i];
	return NULL;
}

static void put_arguments(const struct call *call, const long arguments[ARGUMENTS])
{
	(void)fprintf(trace.out, "%s(", call->name);
	for (size_t i = 0; i < ARGUMENTS && call->put[i] != NULL; i++) {
		(void)fputs(i > 0 ? ", " : "", trace.out);
		call->put[i](arguments[i]);
	}
	(void)fputs(")", trace.out);
}

/* The caller must find errno as the call left it. */
static void note(long number, const long arguments[ARGUMENTS], long result)
{
	const struct call *call = find_call(number, arguments[1]);
	int error = errno;

	if (trace.out == NULL)
		return;
	if (call != NULL)
		put_arguments(call, arguments);
	else
		(void)fprintf(trace.out, "syscall_%ld(...)", number);
	(void)fputs(" = ", trace.out);
	if (result == -1)
		(void)fprintf(trace.out, "-1 %s (%s)", attack_error_name(-error), strerror(error));
	else if (call != NULL)
		call->put_result(result);
	else
		put_address(result);
	(void)fputs("\n", trace.out);
	errno = error;
}

/* Always passes on six arguments, as the C library's syscall() does. It reads the missing ones from the
 * caller's stack, and a sanitizer would report that. */
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...)
{
	long arguments[ARGUMENTS], result;
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < ARGUMENTS; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	result = __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
				arguments[4], arguments[5]);
	note(number, arguments, result);
	return result;
}

int __wrap_sigaction(int signal, const struct sigaction *action, struct sigaction *ret)
{
	int result = __real_sigaction(signal, action, ret);
	long arguments[ARGUMENTS] = { signal, (long)action, (long)ret, (_NSIG - 1) / 8 };

	note(SYS_rt_sigaction, arguments, result);
	return result;
}

void trace_start(void)
{
	trace.out = need(open_memstream(&trace.lines, &trace.size));
}

void trace_signal(const siginfo_t *info)
{
	static const struct flag codes[] = { NAMED(SEGV_MAPERR), NAMED(SEGV_ACCERR), { 0 } };

	if (trace.out == NULL)
		return;
	(void)fputs("--- ", trace.out);
	put_signal(info->si_signo);
	(void)fputs(" {si_signo=", trace.out);
	put_signal(info->si_signo);
	(void)fputs(", si_code=", trace.out);
	put_choice(codes, info->si_code);
	(void)fprintf(trace.out, ", si_addr=%p} ---\n", info->si_addr);
}

char *trace_end(void)
{
	if (trace.out == NULL)
		return NULL;
	if (fclose(trace.out) != 0)
		(void)need(NULL);
	trace.out = NULL;
	return trace.lines;
}
