/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_COMMON_H
#define SEALMEM_COMMON_H

/*
 * What all subcommands have in common towards the person or the script that calls them: exit codes,
 * and errors that are one line on standard error, whatever they quote.
 */

#include <stddef.h>

enum {
	EXIT_YES = 0,
	EXIT_NO = 1,	  /* the answer is no */
	EXIT_FAILED = 2,  /* usage or run-time error: there is no answer */
	EXIT_LACKING = 3, /* the kernel, or the sandbox, lacks it */
};

/* What run and exec end with where the program that they start does not get to end: as env(1) does. */
enum {
	EXIT_OURS = 125,   /* a mistake in the call, or something that the kernel lacks */
	EXIT_CANNOT = 126, /* the program was found and is not executed */
	EXIT_NOT_FOUND = 127,
};

/* In place of an exit code: nothing has ended yet. */
#define GO_ON (-1)

/* For --help: what the codes mean, the same for every subcommand that asks a question. */
#define EXIT_CODES_HELP                                                                            \
 "Exit status: 0 yes, 1 the answer is no, 2 usage or run-time error, 3 the kernel\n"               \
 "lacks it.\n"

/* Prints the help on standard output. */
int help(const char *text);

/* "sealmem: COMMAND: MESSAGE; see 'sealmem COMMAND --help'" on standard error, control characters
 * escaped. `command` is NULL before there is one. Returns `code`. */
int complain(const char *command, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What getopt_long() did not like: `c` is what it returned. The option string must begin with ':'. Returns
 * `code`. */
int complain_of_option(const char *command, int code, char **argv, int c);

/* For an argument that nobody asked for. */
int complain_of_argument(const char *command, const char *argument);

/* The pointer, unless it is NULL for want of memory: that ends the program. */
void *need(void *pointer);

/* Closes standard output. `code`, or `failed` if something could not be written. */
int finish_output(const char *command, int failed, int code);

#endif
