/* SPDX-License-Identifier: MIT */

/*
 * Starts a program with secrets that are in no file, no environment and no argument list, but in sealed
 * memfds that it finds where programs look for files already. The program is executed in place of
 * this one rather than as a child: its process number, its terminal, its signals and its exit
 * status are then its own by construction, and there is nobody in between to get them wrong.
 */

#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/run/credentials.h"
#include "tools/run/descriptors.h"
#include "tools/launch/harden.h"
#include "tools/run/image.h"
#include "tools/run/pass.h"
#include "tools/launch/program.h"
#include "sealmem.h"
#include "tools/run/secret.h"
#include "tools/launch/undumpable.h"
#include "lib/util.h"
#include "tools/common/verdict.h"

#include <ctype.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_MOST ((size_t)64 << 20)
#define DEFAULT_MODE ((mode_t)S_IRUSR)
#define READ_MODES   ((mode_t)(S_IRUSR | S_IRGRP | S_IROTH))

struct order {
	struct secret *secrets;
	size_t count;
	size_t most;
	mode_t mode;
	unsigned harden;
	int env_file, no_listen, no_directory; /* truths, as getopt_long(3) sets them */
	const char *image;		       /* NULL if it is not to be sealed */
	int directory;
	char **argv;
};

static void release(struct order *order)
{
	for (size_t i = 0; i < order->count; i++)
		close_fd(order->secrets[i].fd);
	close_fd(order->directory);
	free(order->secrets);
}

static int complain_of(const char *act, int err)
{
	struct verdict verdict;

	verdict_explain(&verdict, SEALMEM_CONTENT, err);
	return complain("run", EXIT_OURS, "cannot %s: %s", act, verdict.why);
}

static int slot(size_t i)
{
	return FIRST_DESCRIPTOR + pass_inherited() + (int)i;
}

static int first_behind(const struct order *order)
{
	return order->no_listen ? FIRST_DESCRIPTOR : slot(order->count);
}

/* A source goes once it is read, so it is in nobody's way. */
static bool is_source(const struct order *order, int fd)
{
	for (size_t i = 0; i < order->count; i++)
		if (secret_takes(&order->secrets[i], fd))
			return true;
	return false;
}

/* What the caller has open is for the program, and not to be replaced behind its back. */
static int check_slots(const struct order *order)
{
	for (size_t i = 0; i < order->count; i++) {
		int fd = slot(i);

		if (descriptor_is_inherited(fd) && !is_source(order, fd))
			return complain(
				"run", EXIT_OURS,
				"descriptor %d is open, where LISTEN_FDS has secret '%s': close "
				"it (%d>&-), or use --no-listen-fds",
				fd, order->secrets[i].name, fd);
	}
	return GO_ON;
}

static int clear_slots(const struct order *order)
{
	for (size_t i = 0; i < order->count; i++) {
		struct secret *secret = &order->secrets[i];
		int err = secret->fd >= 0 ? descriptor_move_behind(&secret->fd, first_behind(order))
					  : 0;

		if (err < 0)
			return complain_of("keep the sources apart", err);
	}
	return GO_ON;
}

static int take_in(const struct order *order)
{
	for (size_t i = 0; i < order->count; i++) {
		struct secret *secret = &order->secrets[i];
		int code = secret_load(secret, order->most, order->mode), err;

		if (code != GO_ON)
			return code;
		err = order->no_listen ? 0 : descriptor_move_to(&secret->fd, slot(i));
		if (err < 0)
			return complain_of("pass the secrets", err);
	}
	return GO_ON;
}

static int complain_of_directory(int err)
{
	return complain("run", EXIT_OURS,
			"cannot make a $CREDENTIALS_DIRECTORY: %s; do without by --no-credentials",
			strerror(-err));
}

/* Before there are secrets, because a child of ours makes it. */
static int make_directory(struct order *order)
{
	int err;

	if (order->no_directory)
		return GO_ON;
	order->directory = credentials_new();
	if (order->directory < 0)
		return complain_of_directory(order->directory);
	err = descriptor_move_behind(&order->directory, first_behind(order));
	return err < 0 ? complain_of_directory(err) : GO_ON;
}

static int fill_directory(const struct order *order)
{
	int err = 0;

	if (order->directory >= 0)
		err = credentials_fill(order->directory, order->secrets, order->count);
	if (err == 0 && order->directory >= 0)
		err = pass_directory(order->directory);
	return err < 0 ? complain_of_directory(err) : GO_ON;
}

static int prepare(struct order *order)
{
	int code = order->no_listen ? GO_ON : check_slots(order);

	if (code == GO_ON)
		code = clear_slots(order);
	return code == GO_ON ? make_directory(order) : code;
}

static int tell(const struct order *order)
{
	int err = pass_in_arguments(order->argv, order->secrets, order->count);

	if (err == 0 && !order->no_listen)
		err = pass_as_listening(order->secrets, order->count);
	if (err == 0 && order->env_file)
		err = pass_as_files(order->secrets, order->count);
	return err < 0 ? complain_of("pass the secrets", err) : GO_ON;
}

/* Only now may anybody inherit them. */
static int hand_over(const struct order *order)
{
	int err = order->directory >= 0 ? descriptor_keep(order->directory) : 0;

	for (size_t i = 0; i < order->count && err >= 0; i++) {
		secret_forget(&order->secrets[i]);
		err = descriptor_keep(order->secrets[i].fd);
	}
	return err < 0 ? complain_of("pass the secrets", err) : GO_ON;
}

static int pass_secrets(struct order *order)
{
	int code = take_in(order);

	if (code == GO_ON)
		code = fill_directory(order);
	if (code == GO_ON)
		code = tell(order);
	return code == GO_ON ? hand_over(order) : code;
}

static int execute(const struct order *order)
{
	int code = harden_process(order->harden);

	if (code == GO_ON && order->image != NULL)
		code = image_prepare(order->image, order->argv[0]);
	if (code != GO_ON)
		return code;
	if (order->harden & HARDEN_DUMP)
		return execute_undumpable("run", order->argv);
	return program_execute_by_name("run", order->argv);
}

static int start(struct order *order)
{
	bool secrets = order->count > 0;
	int code = secrets ? prepare(order) : GO_ON;

	if (order->harden & HARDEN_DUMP)
		harden_self();
	if (code == GO_ON && secrets)
		code = pass_secrets(order);
	if (code == GO_ON)
		code = execute(order);
	if (order->harden & HARDEN_DUMP)
		unharden_self();
	return code;
}

static const char help_text[] =
	"Usage: sealmem run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"Executes COMMAND with secrets in sealed descriptors, which it can read again\n"
	"and again and nobody can change.\n"
	"\n"
	"  --secret NAME=SOURCE  a secret; can be given several times. SOURCE is\n"
	"                          FILE          a file; ./env:X for one called env:X\n"
	"                          -             standard input, to its end\n"
	"                          env:VAR       a variable, removed from the\n"
	"                                        environment\n"
	"                          fd:N          a descriptor, closed afterwards\n"
	"                          exec:COMMAND  what the shell command prints; it must\n"
	"                                        end with status 0\n"
	"  --env-file            set NAME_FILE=/dev/fd/N for each secret\n"
	"  --no-listen-fds       do not set LISTEN_FDS; leaves descriptors that are\n"
	"                        open from 3 on where they are\n"
	"  --no-credentials      do not make a $CREDENTIALS_DIRECTORY\n"
	"  --max-size SIZE       the largest secret, 64M if not given; K, M and G are\n"
	"                        understood\n"
	"  --mode MODE           the mode of the secrets, 400 if not given, as programs\n"
	"                        that look at it see it\n"
	"  --image[=WORD,...]    seal the code, the constants and the relocated data of\n"
	"                        COMMAND before it begins. WORD is\n"
	"                          deep    the bytes of code and constants as well\n"
	"                          vdso    the pages of the kernel in it\n"
	"                          later   what it loads never to unload\n"
	"                          once    it alone, not what it executes\n"
	"                          filter  on a kernel without mseal: by seccomp\n"
	"                          report  say on standard error what was sealed\n"
	"                          try     execute it also if it cannot be sealed\n"
	"  --no-dump             others of the same user can neither read the memory of\n"
	"                        COMMAND nor trace it; it must not be a script\n"
	"  --no-new-privs        no set-user-ID program gives it privileges\n"
	"  --deny-write-execute  it can make no memory executable that was writable\n"
	"  -h, --help            print this text\n"
	"\n"
	"COMMAND finds a secret as /dev/fd/N in place of {NAME} in its arguments; from\n"
	"descriptor 3 on, by LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES; and as\n"
	"$CREDENTIALS_DIRECTORY/NAME.\n"
	"\n"
	"Exit status: that of COMMAND; 125 if sealmem fails or the kernel lacks what was\n"
	"asked for, 126 if COMMAND cannot be executed, 127 if it is not found.\n";

static int add_secret(struct order *order, char *text)
{
	struct secret *secret = &order->secrets[order->count];
	int code = secret_parse(secret, text);

	if (code != GO_ON)
		return code;
	for (const struct secret *other = order->secrets; other < secret; other++) {
		if (strcmp(other->name, secret->name) == 0)
			return complain("run", EXIT_OURS, "two secrets have the name '%s'",
					secret->name);
		if (secret_same_source(other, secret))
			return complain(
				"run", EXIT_OURS,
				"secrets '%s' and '%s' are from one source, which can be read "
				"once only",
				other->name, secret->name);
	}
	order->count++;
	return GO_ON;
}

static int set_most(struct order *order, const char *text)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long number = strtoull(text, &end, 10);
	const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
	int shift = unit != NULL ? 10 * (int)(unit - units + 1) : 0;

	if (!isdigit((unsigned char)*text) || end[unit != NULL] != '\0' ||
	    number > (SIZE_MAX / 2) >> shift)
		return complain("run", EXIT_OURS, "--max-size takes a size, not '%s'", text);
	order->most = (size_t)number << shift;
	return GO_ON;
}

/* A sealed file cannot be written to, so it is not to look as if it could. */
static int set_mode(struct order *order, const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (!isdigit((unsigned char)*text) || *end != '\0' || mode & ~(unsigned long)READ_MODES)
		return complain("run", EXIT_OURS,
				"--mode takes an octal number of read permissions, not '%s'", text);
	order->mode = (mode_t)mode;
	return GO_ON;
}

static int obey(struct order *order, int c, char **argv)
{
	switch (c) {
	case 0:
		return GO_ON;
	case 's':
		return add_secret(order, optarg);
	case 'x':
		return set_most(order, optarg);
	case 'm':
		return set_mode(order, optarg);
	case 'i':
		order->image = optarg != NULL ? optarg : "";
		return image_check_words(optarg);
	case 'd':
		order->harden |= HARDEN_DUMP;
		return GO_ON;
	case 'n':
		order->harden |= HARDEN_NEW_PRIVS;
		return GO_ON;
	case 'w':
		order->harden |= HARDEN_WRITE_EXECUTE;
		return GO_ON;
	case 'h':
		return help(help_text);
	default:
		return complain_of_option("run", EXIT_OURS, argv, c);
	}
}

static int check_names(const struct order *order)
{
	for (size_t i = 0; order->env_file && i < order->count; i++)
		if (!pass_is_variable(order->secrets[i].name))
			return complain("run", EXIT_OURS,
					"--env-file: '%s' is not the name of a variable",
					order->secrets[i].name);
	return GO_ON;
}

static int parse(struct order *order, int argc, char **argv)
{
	const struct option options[] = {
		{ "secret", required_argument, NULL, 's' },
		{ "env-file", no_argument, &order->env_file, true },
		{ "no-listen-fds", no_argument, &order->no_listen, true },
		{ "no-credentials", no_argument, &order->no_directory, true },
		{ "max-size", required_argument, NULL, 'x' },
		{ "mode", required_argument, NULL, 'm' },
		{ "image", optional_argument, NULL, 'i' },
		{ "no-dump", no_argument, NULL, 'd' },
		{ "no-new-privs", no_argument, NULL, 'n' },
		{ "deny-write-execute", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		int code = obey(order, c, argv);

		if (code != GO_ON)
			return code;
	}
	if (optind == argc)
		return complain("run", EXIT_OURS, "there is no command to execute");
	order->argv = argv + optind;
	return check_names(order);
}

int cmd_run(int argc, char **argv)
{
	CLEANUP(release)
	struct order order = {
		.secrets = calloc((size_t)argc, sizeof(*order.secrets)),
		.most = DEFAULT_MOST,
		.mode = DEFAULT_MODE,
		.directory = -1,
	};
	int code;

	if (order.secrets == NULL)
		return complain("run", EXIT_OURS, "out of memory");
	code = parse(&order, argc, argv);
	return code == GO_ON ? start(&order) : code;
}
