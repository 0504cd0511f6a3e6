/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_UNDUMPABLE_H
#define SEALMEM_UNDUMPABLE_H

/* Executes a program so that others of the same user can neither read its memory nor trace it. Returns an
 * exit code, or not at all. */
int execute_undumpable(const char *command, char **argv);

#endif
