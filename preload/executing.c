/* SPDX-License-Identifier: MIT */

/*
 * A sealed program can start another one where the object is not: in a sandbox of bwrap(1), or after chroot(2). The
 * loader there prints a line and starts the program unsealed. So the functions that execute a program come through
 * here, and refuse what the loader would leave unsealed, unless --image=try is set.
 *
 * Between vfork(2) and the execution the child has the memory of its parent. So nothing is stored here, and the
 * functions to go on to were looked up before.
 */

#include "preload/image.h"

#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

extern char **environ;

enum function { EXECVE, EXECV, EXECVP, EXECVPE, FEXECVE, EXECVEAT, SPAWN, SPAWNP, FUNCTIONS };

static const char *const names[FUNCTIONS] = {
	"execve", "execv", "execvp", "execvpe", "fexecve", "execveat", "posix_spawn", "posix_spawnp"
};

static void *next[FUNCTIONS];

__attribute__((constructor)) static void find_next(void)
{
	for (size_t i = 0; i < FUNCTIONS; i++)
		next[i] = dlsym(RTLD_NEXT, names[i]);
}

/* The constructor of another object may execute a program before ours has run. */
static void *next_of(enum function function)
{
	return next[function] != NULL ? next[function] : dlsym(RTLD_NEXT, names[function]);
}

/* The loader takes the last one. */
static const char *find_preloads(char *const *environment)
{
	static const char name[] = "LD_PRELOAD=";
	const char *value = NULL;

	for (; environment != NULL && *environment != NULL; environment++)
		if (strncmp(*environment, name, strlen(name)) == 0)
			value = *environment + strlen(name);
	return value;
}

static bool is_image_object(const char *path, size_t length)
{
	static const char *const files[] = { "/libsealmem-image.so", "/libsealmem-image-later.so" };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (length > strlen(files[i]) &&
		    strncmp(path + length - strlen(files[i]), files[i], strlen(files[i])) == 0)
			return true;
	return false;
}

static bool is_hidden(const char *path, size_t length)
{
	char object[PATH_MAX];

	if (length >= sizeof(object))
		return false;
	(void)snprintf(object, sizeof(object), "%.*s", (int)length, path);
	return faccessat(AT_FDCWD, object, R_OK, AT_EACCESS) < 0;
}

static void refuse(const char *program, const char *object, size_t length)
{
	char line[1024];

	image_say(line,
		  snprintf(line, sizeof(line),
			   "sealmem: %s: %s is not executed, because it would run unsealed: %.*s "
			   "cannot be read here: make it readable under this path (bwrap: "
			   "--ro-bind), or use --image=once or --image=try\n",
			   program_invocation_short_name, program, (int)length, object),
		  sizeof(line));
}

/* 0 if the loader will find our object, or none is wanted. */
static int check(const char *program, char *const *environment)
{
	const char *word = image_wanted & IMAGE_TRY ? NULL : find_preloads(environment);

	while (word != NULL && *word != '\0') {
		size_t length = strcspn(word, ": ");

		if (is_image_object(word, length) && is_hidden(word, length)) {
			refuse(program, word, length);
			return ELIBACC;
		}
		word += length + (word[length] != '\0');
	}
	return 0;
}

static bool may_execute(const char *program, char *const *environment)
{
	int err = check(program, environment);

	if (err != 0)
		errno = err;
	return err == 0;
}

/* The types are those of the functions that these stand before. */
#define NEXT(function, type) ((type *)next_of(function))

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
	return may_execute(path, environment)
		       ? NEXT(EXECVE, __typeof__(execve))(path, arguments, environment)
		       : -1;
}

EXPORT int execv(const char *path, char *const arguments[])
{
	return may_execute(path, environ) ? NEXT(EXECV, __typeof__(execv))(path, arguments) : -1;
}

EXPORT int execvp(const char *file, char *const arguments[])
{
	return may_execute(file, environ) ? NEXT(EXECVP, __typeof__(execvp))(file, arguments) : -1;
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[])
{
	return may_execute(file, environment)
		       ? NEXT(EXECVPE, __typeof__(execvpe))(file, arguments, environment)
		       : -1;
}

EXPORT int fexecve(int fd, char *const arguments[], char *const environment[])
{
	return may_execute("a program", environment)
		       ? NEXT(FEXECVE, __typeof__(fexecve))(fd, arguments, environment)
		       : -1;
}

EXPORT int execveat(int directory, const char *path, char *const arguments[],
		    char *const environment[], int flags);

EXPORT int execveat(int directory, const char *path, char *const arguments[],
		    char *const environment[], int flags)
{
	return may_execute(path, environment)
		       ? NEXT(EXECVEAT, __typeof__(execveat))(directory, path, arguments,
							      environment, flags)
		       : -1;
}

EXPORT int posix_spawn(pid_t *ret, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const arguments[],
		       char *const environment[])
{
	int err = check(path, environment);

	return err != 0 ? err
			: NEXT(SPAWN, __typeof__(posix_spawn))(ret, path, actions, attributes,
							       arguments, environment);
}

EXPORT int posix_spawnp(pid_t *ret, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const arguments[],
			char *const environment[])
{
	int err = check(file, environment);

	return err != 0 ? err
			: NEXT(SPAWNP, __typeof__(posix_spawnp))(ret, file, actions, attributes,
								 arguments, environment);
}

static size_t count_arguments(va_list *rest)
{
	size_t count = 1;

	while (va_arg(*rest, char *) != NULL)
		count++;
	return count;
}

/* There is no memory but the stack between vfork(2) and the execution. */
static void collect(char **ret, const char *first, va_list *rest)
{
	memcpy(ret, &first, sizeof(first));
	while (*ret != NULL)
		*++ret = va_arg(*rest, char *);
}

/* Declares the array `arguments`, and leaves `rest` after the NULL. */
#define COLLECT(first)                                                                             \
 va_list rest;                                                                                     \
 va_start(rest, first);                                                                            \
 char **arguments = alloca((1 + count_arguments(&rest)) * sizeof(*arguments));                     \
 va_end(rest);                                                                                     \
 va_start(rest, first);                                                                            \
 collect(arguments, first, &rest)

EXPORT int execl(const char *path, const char *first, ...)
{
	COLLECT(first);
	va_end(rest);
	return execv(path, arguments);
}

EXPORT int execlp(const char *file, const char *first, ...)
{
	COLLECT(first);
	va_end(rest);
	return execvp(file, arguments);
}

EXPORT int execle(const char *path, const char *first, ...)
{
	COLLECT(first);
	char *const *environment = va_arg(rest, char *const *);

	va_end(rest);
	return execve(path, arguments, environment);
}
