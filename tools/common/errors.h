/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_ERRORS_H
#define SEALMEM_TOOLS_COMMON_ERRORS_H

/*
 * Exit codes, and errors of one line on standard error. All subcommands share them, so that a script and a
 * person meet the same rules everywhere.
 */

#include <stddef.h>

/* The status that a subcommand exits with. A function that returns it never returns an errno. */
enum exit_status {
	EXIT_NOT_YET = -1, /* nothing has failed: go on */

	EXIT_YES = 0,
	EXIT_NO = 1,	  /* the answer is no */
	EXIT_FAILED = 2,  /* usage or run-time error: there is no answer */
	EXIT_LACKING = 3, /* the kernel or the sandbox lacks a feature */

	/* run and exec use the statuses of env(1) when the program does not start. */
	EXIT_OURS = 125,   /* sealmem was called wrongly, or the kernel lacks a feature */
	EXIT_CANNOT = 126, /* the program exists, but cannot be executed */
	EXIT_NOT_FOUND = 127,
};

/* For --help: the meaning of the statuses, the same for every subcommand that asks a question. */
#define EXIT_CODES_HELP                                                                            \
 "Exit status: 0 yes, 1 the answer is no, 2 usage or run-time error, 3 the kernel\n"               \
 "lacks a feature.\n"

/* Prints the text on standard output. Returns EXIT_YES. */
enum exit_status help(const char *text);

/* Prints "sealmem: COMMAND: MESSAGE" on standard error, with control characters escaped. `command` is NULL
 * before a subcommand is known. The message says what to do next, where there is something to do. Returns
 * `code`. */
enum exit_status complain(const char *command, enum exit_status code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a command line that is wrong on every machine. It ends with "; see 'sealmem COMMAND --help'",
 * which helps with nothing else. */
enum exit_status complain_of_usage(const char *command, enum exit_status code, const char *format,
				   ...) __attribute__((format(printf, 3, 4)));

/* What a negative errno means, and what to do about a limit that was reached. */
const char *error_text(int err);

/* Reports an option that getopt_long() did not accept: `c` is its result. The option string must begin
 * with ':'. Returns `code`. */
enum exit_status complain_of_option(const char *command, enum exit_status code, char **argv, int c);

/* Reports an argument that the subcommand does not take. */
enum exit_status complain_of_argument(const char *command, const char *argument);

/* Returns the pointer. NULL means that memory ran out, and ends the program. */
void *need(void *pointer);

/* Closes standard output. Returns `code`, or `failed` if some output was lost. */
enum exit_status finish_output(const char *command, enum exit_status failed, enum exit_status code);

#endif
