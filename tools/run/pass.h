/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PASS_H
#define SEALMEM_PASS_H

#include "tools/run/secret.h"

/* How many descriptors this process was itself passed in LISTEN_FDS: they come first. */
int pass_inherited(void);

/* Each "{NAME}" of a secret becomes "/dev/fd/N". Other braces stay. -ENOMEM, or 0. */
int pass_in_arguments(char **argv, const struct secret *secrets, size_t count);

/* LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, behind what is there. -ENOMEM, or 0. */
int pass_as_listening(const struct secret *secrets, size_t count);

/* Whether a shell would take it as the name of a variable. */
bool pass_is_variable(const char *name);

/* NAME_FILE=/dev/fd/N for each. -ENOMEM, or 0. */
int pass_as_files(const struct secret *secrets, size_t count);

/* CREDENTIALS_DIRECTORY. -ENOMEM, or 0. */
int pass_directory(int fd);

#endif
