/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_LAUNCH_PROGRAM_H
#define SEALMEM_TOOLS_LAUNCH_PROGRAM_H

#include "tools/common/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A program that is executed from a sealed copy of its file. */
struct program {
	char *path;	/* where the file was found, with a slash in it */
	int file;	/* the file that was found */
	int copy;	/* sealed; open for reading, or for execution only if it is unreadable */
	bool is_script; /* begins with "#!" */
	bool is_elf;
};

/* The size of the largest program that is copied. A sparse file costs its owner nothing, and the memory of
 * its copy costs us all of its size. */
#define PROGRAM_MOST ((off_t)1 << 30)

#define PROGRAM_NONE ((struct program){ .file = -1, .copy = -1 })

/* Whether the file, unlike a copy, would run with other privileges than those of its caller. */
struct stat;
bool program_has_privilege(int fd, const struct stat *st);

void program_close(struct program *program);

/* Finds the file that execvp(3) would execute. Its descriptor is for its facts alone, and not for its bytes. */
enum exit_status program_locate(struct program *program, const char *command, const char *name);

/* Opens the located file for reading. Fails with -EACCES if its user may execute it only. */
int program_make_readable(struct program *program);

/* Finds the file and opens it for reading. */
enum exit_status program_find(struct program *program, const char *command, const char *name);

/* Makes the sealed copy. If it is not readable, a process without privilege can read neither the copy nor the
 * memory of a process that executes it. */
enum exit_status program_copy(struct program *program, const char *command, const char *name,
			      bool readable);

/* Executes the copy. Returns only if that fails. */
enum exit_status program_execute(const struct program *program, const char *command, char **argv);

/* Executes the named program itself, as env(1) does. Returns only if that fails. */
enum exit_status program_execute_by_name(const char *command, char **argv);

/* Executes the located file by its path, so that it is the one that was examined. Returns only if that fails. */
enum exit_status program_execute_path(const struct program *program, const char *command,
				      char **argv);

#endif
