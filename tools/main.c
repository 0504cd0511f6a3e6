/* SPDX-License-Identifier: MIT */

/*
 * The command: finds the subcommand, and makes sure of what every one of them relies on. Among that,
 * standard descriptors that are open: were number 1 free, the next memfd would get it, and the
 * program's own output would be written into the memory that it is about to seal.
 */

#include "tools/commands.h"
#include "tools/common/errors.h"
#include "sealmem.h"
#include "lib/util.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name;
	int failed;
	const char *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, failed, summary) { #name, failed, summary, cmd_##name },
	COMMANDS(COMMAND)
#undef COMMAND
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int print_help(void)
{
	(void)help("Usage: sealmem COMMAND [OPTION]...\n"
		   "Memory that cannot change once it is sealed.\n"
		   "\n"
		   "Commands:\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		(void)printf("  %-7s  %s\n", commands[i].name, commands[i].summary);
	return help("  help     this text, or that of a command: sealmem help demo\n"
		    "\n"
		    "Options:\n"
		    "  -h, --help     print this text\n"
		    "  -V, --version  print the version\n"
		    "\n" EXIT_CODES_HELP);
}

static int run_command(const char *name, int argc, char **argv)
{
	const struct command *command = find_command(name);

	if (command == NULL)
		return complain(NULL, EXIT_FAILED, "unknown command '%s'", name);
	/* 0 makes getopt_long() start afresh. */
	optind = 0;
	return finish_output(name, command->failed, command->run(argc, argv));
}

/* "sealmem help [COMMAND]" */
static int run_help(int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[] = { argv[1], option, NULL };

	if (argc > 2)
		return complain_of_argument(NULL, argv[2]);
	if (argc == 2)
		return run_command(argv[1], 2, arguments);
	return finish_output(NULL, EXIT_FAILED, print_help());
}

static int run(int argc, char **argv)
{
	if (argc == 0)
		return complain(NULL, EXIT_FAILED, "no command");
	if (strcmp(argv[0], "help") == 0)
		return run_help(argc, argv);
	return run_command(argv[0], argc, argv);
}

/* A descriptor that answers EBADF to whoever uses it, as a closed one would; and that is closed again for
 * a program that is executed in our place. */
static int open_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
			return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	if (open_standard_descriptors() < 0)
		return complain(NULL, EXIT_FAILED, "standard input, output or error is closed");
	(void)setlocale(LC_CTYPE, "");
	opterr = 0;
	c = getopt_long(argc, argv, "+:hV", options, NULL);
	if (c == -1)
		return run(argc - optind, argv + optind);
	if (c == 'h')
		return finish_output(NULL, EXIT_FAILED, print_help());
	if (c == 'V')
		return finish_output(NULL, EXIT_FAILED, help("sealmem " SEALMEM_VERSION "\n"));
	return complain_of_option(NULL, EXIT_FAILED, argv, c);
}
