/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PROGRAM_H
#define SEALMEM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* A program that is executed from a sealed copy of its file. */
struct program {
	int file;	/* as it was found */
	int copy;	/* sealed; for execution, and for reading unless it is to be unreadable */
	bool is_script; /* begins with "#!" */
	bool is_elf;
};

#define PROGRAM_NONE ((struct program){ .file = -1, .copy = -1 })

/* Whether executing the file, rather than a copy, would change who runs it. */
struct stat;
bool program_has_privilege(int fd, const struct stat *st);

void program_close(struct program *program);

/* Opens what execvp(3) would execute. An exit code, or GO_ON. */
int program_find(struct program *program, const char *command, const char *name);

/* Makes the sealed copy. Of an unreadable one nobody without privilege can read a byte, nor of the memory
 * of what executes it. An exit code, or GO_ON. */
int program_copy(struct program *program, const char *command, const char *name, bool readable);

/* Executes the copy. Returns an exit code, or not at all. */
int program_execute(const struct program *program, const char *command, char **argv);

/* Executes the named program itself, as env(1) does. Returns an exit code, or not at all. */
int program_execute_by_name(const char *command, char **argv);

#endif
