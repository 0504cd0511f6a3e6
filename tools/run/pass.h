/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_RUN_PASS_H
#define SEALMEM_TOOLS_RUN_PASS_H

#include "tools/run/paths.h"
#include "tools/run/secret.h"

/* The ways in which a program can find its secrets: one row each of the table in pass.c. */
#define PASS_DIRECTORY 0x1u /* $CREDENTIALS_DIRECTORY/NAME */
#define PASS_ARGUMENTS 0x2u /* {NAME} in an argument */
#define PASS_LISTEN    0x4u /* LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES */
#define PASS_VARIABLES 0x8u /* NAME_FILE in the environment */

/* What the ways work on. */
struct handover {
	const struct secret *secrets;
	size_t count;
	char **argv;
	int directory; /* for PASS_DIRECTORY */
	struct paths paths;
	const char *files; /* the directory of regular files, or NULL */
};

/* Tells the program where its secrets are, in each way of the set `ways`. */
enum exit_status pass_secrets(const struct handover *handover, unsigned ways);

/* Reports a failure: "cannot ACT: why". `err` is a negative errno. */
enum exit_status pass_complain(const char *act, int err);
enum exit_status pass_complain_of_directory(int err);

/* The descriptors that this process received by LISTEN_FDS are meant for the program, if it is a child: call this in it. Returns 0
 * or a negative errno. */
int pass_inherited_to_child(void);

/* How many descriptors this process itself received by LISTEN_FDS. They come before the secrets. */
int pass_inherited(void);

/* Fails if the names do not fit into LISTEN_FDNAMES, together with those that this process received. They have to
 * fit without --listen-fds too, so that no list of secrets depends on an option. */
enum exit_status pass_check_names(const struct secret *secrets, size_t count);

/* Whether a shell accepts the text as the name of a variable. */
bool pass_is_variable(const char *name);

#endif
