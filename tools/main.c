/* SPDX-License-Identifier: MIT */

/*
 * The command: finds the subcommand, and prepares what every subcommand relies on. One of these things is
 * that the standard descriptors are open. If number 1 were free, the next memfd would get it, and the
 * command would write its own output into the memory that it is about to seal.
 */

#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/common/text.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name;
	enum exit_status failed;
	const char *summary;
	enum exit_status (*run)(int argc, char **argv);
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

static enum exit_status print_help(void)
{
	(void)help("Usage: sealmem COMMAND [OPTION]...\n"
		   "Makes memory that cannot change once it is sealed.\n"
		   "\n"
		   "Commands:\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		(void)printf("  %-7s  %s\n", commands[i].name, commands[i].summary);
	return help("  help     print this text, or the help of a command: sealmem help demo\n"
		    "\n"
		    "Options:\n"
		    "  -h, --help     print this text\n"
		    "  -V, --version  print the version\n"
		    "\n" EXIT_CODES_HELP);
}

static enum exit_status run_command(const char *name, int argc, char **argv)
{
	const struct command *command = find_command(name);

	if (command == NULL)
		return complain_of_usage(NULL, EXIT_FAILED, "unknown command '%s'", name);
	/* Those that a program takes the place of print nothing but errors. To read the locale takes longer than what they do. */
	if (command->failed != EXIT_OURS)
		use_locale();
	/* 0 makes getopt_long() start again. */
	optind = 0;
	return finish_output(name, command->failed, command->run(argc, argv));
}

/* "sealmem help [COMMAND]" */
static enum exit_status run_help(int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[] = { argv[1], option, NULL };

	if (argc > 2)
		return complain_of_argument(NULL, argv[2]);
	if (argc == 2)
		return run_command(argv[1], 2, arguments);
	return finish_output(NULL, EXIT_FAILED, print_help());
}

static enum exit_status run(int argc, char **argv)
{
	if (argc == 0)
		return complain_of_usage(NULL, EXIT_FAILED, "no command");
	if (strcmp(argv[0], "help") == 0)
		return run_help(argc, argv);
	return run_command(argv[0], argc, argv);
}

/* Each descriptor gives EBADF when it is used, as a closed one does. It closes again when a program is
 * executed in place of this one. */
static int open_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    sys_open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return -EBADF;
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
