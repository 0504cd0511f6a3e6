/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_LAUNCH_UNDUMPABLE_H
#define SEALMEM_TOOLS_LAUNCH_UNDUMPABLE_H

#include "tools/common/errors.h"

/* Forbids other processes of the same user to trace or read this one. Fails if one traces it already. */
enum exit_status forbid_tracing(const char *command);

/* Does the same, also for memory that another process has opened already: this process executes a copy of
 * itself that nobody may read, with the arguments of the subcommand, and continues there. Returns
 * EXIT_NOT_YET in the copy. It must come before anything is read or changed. */
enum exit_status become_undumpable(const char *command, char **argv);

/* The path of the program of which this process executes such a copy, or NULL if it executes none. */
const char *undumpable_original(void);

/* Executes a program so that other processes of the same user can neither read its memory nor trace it. If it was not
 * located, it is located now. Returns only if that fails. */
struct program;
enum exit_status execute_undumpable(struct program *program, const char *command, char **argv);

#endif
