/* SPDX-License-Identifier: MIT */

/*
 * Errors and exit codes. A script decides by the exit code, and a person reads one line. Both must hold in
 * rare cases too: a file name with a line break must not split the line, and a command whose output is
 * lost on a full disk must not report success.
 */

#include "tools/common/errors.h"

#include "tools/common/text.h"
#include "lib/util.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum exit_status help(const char *text)
{
	(void)fputs(text, stdout);
	return EXIT_YES;
}

__attribute__((format(printf, 2, 0))) static void put_message(const char *command,
							      const char *format, va_list arguments)
{
	CLEANUP(free_text) char *message = NULL;
	int length = vasprintf(&message, format, arguments);

	if (length < 0)
		message = NULL;
	(void)fputs("sealmem: ", stderr);
	if (command != NULL)
		(void)fprintf(stderr, "%s: ", command);
	if (message != NULL)
		put_escaped(stderr, message, (size_t)length);
}

enum exit_status complain(const char *command, enum exit_status code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_message(command, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	return code;
}

enum exit_status complain_of_usage(const char *command, enum exit_status code, const char *format,
				   ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_message(command, format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "; see 'sealmem %s%s--help'\n", command != NULL ? command : "",
		      command != NULL ? " " : "");
	return code;
}

const char *error_text(int err)
{
	if (err == -EMFILE)
		return "Too many open files: raise RLIMIT_NOFILE, as by ulimit -n";
	if (err == -ENFILE)
		return "Too many open files in the system: raise the sysctl fs.file-max";
	return strerror(-err);
}

enum exit_status complain_of_option(const char *command, enum exit_status code, char **argv, int c)
{
	const char *word = argv[optind - 1];
	bool is_long = strncmp(word, "--", 2) == 0;

	if (c == ':')
		return complain_of_usage(command, code, "option '%s' needs a value", word);
	if (is_long && optopt != 0)
		return complain_of_usage(command, code, "option '%s' takes no value", word);
	if (is_long)
		return complain_of_usage(command, code, "unknown option '%s'", word);
	return complain_of_usage(command, code, "unknown option '-%c'", optopt);
}

enum exit_status complain_of_argument(const char *command, const char *argument)
{
	return complain_of_usage(command, EXIT_FAILED, "unexpected argument '%s'", argument);
}

void *need(void *pointer)
{
	if (pointer == NULL)
		exit(complain(NULL, EXIT_FAILED, "out of memory"));
	return pointer;
}

enum exit_status finish_output(const char *command, enum exit_status failed, enum exit_status code)
{
	bool lost = ferror(stdout) != 0;

	/* The reason of an earlier failure is gone, and another write meets the same one. */
	if (lost)
		(void)fputc('\n', stdout);
	errno = 0;
	lost = fclose(stdout) != 0 || lost;
	if (!lost)
		return code;
	return complain(command, failed, "cannot write to standard output: %s",
			errno != 0 ? strerror(errno) : "an earlier write failed");
}
