/* SPDX-License-Identifier: MIT */

/*
 * Starts a program with secrets that are in no file, no environment and no argument list. They are in sealed
 * memfds, and the program finds them where programs already look for files. The program replaces this
 * one instead of being a child. So its process number, its terminal, its signals and its exit status are
 * its own, and no process in between can get them wrong.
 *
 * This file reads the options; start.c does what they ask for.
 */

#include "tools/commands.h"
#include "tools/common/size.h"
#include "tools/launch/harden.h"
#include "tools/run/image.h"
#include "tools/run/order.h"
#include "tools/run/pass.h"
#include "tools/run/published.h"
#include "tools/run/secret-heap.h"
#include "lib/util.h"

#include <ctype.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_MOST	       ((size_t)64 << 20)
#define DEFAULT_PUBLISHED_MOST ((size_t)1 << 30)
#define DEFAULT_MODE	       ((mode_t)S_IRUSR)
#define DEFAULT_WAYS	       (PASS_DIRECTORY | PASS_ARGUMENTS)
#define READ_MODES	       ((mode_t)(S_IRUSR | S_IRGRP | S_IROTH))

static void release(struct order *order)
{
	for (size_t i = 0; i < order->count; i++)
		secret_release(&order->secrets[i]);
	close_fd(order->directory);
	free(order->secrets);
}

static const char help_text[] =
	"Usage: sealmem run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"Executes COMMAND with secrets in sealed descriptors. It can read them again and\n"
	"again, and nobody can change them.\n"
	"\n"
	"  --secret NAME=SOURCE  pass a secret; may be repeated. SOURCE is\n"
	"                          FILE          a file; ./env:X if it is called env:X\n"
	"                          -             standard input, to its end\n"
	"                          env:VAR       a variable, which is removed from the\n"
	"                                        environment\n"
	"                          fd:N          a descriptor, which is closed\n"
	"                          exec:COMMAND  the output of a shell command, which\n"
	"                                        must exit with status 0\n"
	"  --from SOCKET:NAME[=ALIAS]\n"
	"                        pass what another process serves, as by sealmem serve;\n"
	"                        COMMAND finds it like a secret called ALIAS, or NAME\n"
	"  --on-update SIGNAL|restart\n"
	"                        stay as the parent of COMMAND, and send it SIGNAL, or\n"
	"                        start it again, when what --from passes is newer\n"
	"  --env-file            set NAME_FILE to a path for each secret\n"
	"  --listen-fds          announce the secrets in LISTEN_FDS, and give them the\n"
	"                        descriptors from 3 on\n"
	"  --self-paths          the paths lead to the descriptors of the process that\n"
	"                        opens them, and not to those of COMMAND\n"
	"  --files[=DIR]         the secrets are regular files in DIR, on a read-only\n"
	"                        file system that COMMAND and its children alone see\n"
	"  --no-credentials      do not create $CREDENTIALS_DIRECTORY\n"
	"  --max-size SIZE       refuse a larger secret; the default is 64M, and 1G for\n"
	"                        --from; SIZE may end in K, M or G\n"
	"  --allow-empty         accept a secret of 0 bytes\n"
	"  --strip-newline       remove the newlines at the end of each secret, as $(...)\n"
	"                        does\n"
	"  --mode MODE           the file mode that programs see on the secrets; the\n"
	"                        default is 400\n"
	"  --owner USER[:GROUP]  the owner of the secrets, for a program that changes to\n"
	"                        that user\n"
	"  --image[=WORD,...]    seal the code, the constants and the relocated data of\n"
	"                        COMMAND before it starts. WORD is\n"
	"                          deep    also seal the bytes of code and constants\n"
	"                          vdso    also seal the pages of the kernel\n"
	"                          later   also seal objects that COMMAND loads later and\n"
	"                                  can never unload\n"
	"                          once    seal COMMAND alone, not its children\n"
	"                          filter  use seccomp on a kernel without mseal\n"
	"                          report  print on standard error what was sealed\n"
	"                          try     execute COMMAND even if it cannot be sealed\n"
	"                          preload seal it from inside or not at all\n"
	"                          outside seal it from outside: for static programs\n"
	"                                  this is what happens anyway\n"
	"  --secret-heap[=WORD,...]\n"
	"                        secrets of libsodium, OpenSSL 3 and libgcrypt in COMMAND\n"
	"                        are in a heap of sealmem. A WORD is one of\n"
	"                          all     for COMMAND and what it executes, whatever\n"
	"                                  COMMAND is linked to\n"
	"                          report  print on standard error what the heap has\n"
	"                          secrecy nobody but the program reads the heap\n"
	"  --no-dump             forbid other processes of the same user to read the\n"
	"                        memory of COMMAND or to trace it; it must not be a\n"
	"                        script\n"
	"  --no-new-privs        a set-user-ID program gives it no privileges\n"
	"  --deny-write-execute  no mapping of COMMAND is writable and executable, and\n"
	"                        none becomes executable later; what it writes to a\n"
	"                        file, such as a memfd, it can still map executable\n"
	"  -h, --help            print this text\n"
	"\n"
	"COMMAND and its children find a secret in two ways: {NAME} in its arguments\n"
	"becomes the path /proc/PID/fd/N; $CREDENTIALS_DIRECTORY/NAME is a link to it.\n"
	"\n"
	"Exit status: the status of COMMAND; 125 if sealmem fails or the kernel lacks a\n"
	"feature, 126 if COMMAND cannot be executed, 127 if it is not found.\n";

typedef enum exit_status secret_parser(struct secret *ret, const char *text);

static enum exit_status add_secret(struct order *order, secret_parser *parser, const char *text)
{
	struct secret *secret = &order->secrets[order->count];
	enum exit_status code = parser(secret, text);

	if (code != EXIT_NOT_YET)
		return code;
	order->count++;
	for (const struct secret *other = order->secrets; other < secret; other++) {
		if (strcmp(other->name, secret->name) == 0)
			return complain_of_usage("run", EXIT_OURS, "two secrets have the name '%s'",
						 secret->name);
		if (secret_same_source(other, secret))
			return complain_of_usage(
				"run", EXIT_OURS,
				"secrets '%s' and '%s' come from one source, which can be read only "
				"once",
				other->name, secret->name);
	}
	return EXIT_NOT_YET;
}

static enum exit_status set_most(struct order *order, const char *text)
{
	if (!size_parse(&order->terms.most, text))
		return complain_of_usage("run", EXIT_OURS, "--max-size takes a size, not '%s'",
					 text);
	order->terms.published_most = order->terms.most;
	return EXIT_NOT_YET;
}

/* Nobody can write to a sealed file, so its mode must not allow it. */
static enum exit_status set_mode(struct order *order, const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (!isdigit((unsigned char)*text) || *end != '\0' || mode & ~(unsigned long)READ_MODES)
		return complain_of_usage(
			"run", EXIT_OURS,
			"--mode takes an octal number of read permissions, not '%s'", text);
	order->terms.mode = (mode_t)mode;
	return EXIT_NOT_YET;
}

/* The options without a value: the bits that each of them sets and clears. */
static const struct {
	int option;
	unsigned harden, add_ways, drop_ways;
	bool self_paths, may_be_empty, strip_newlines;
} switches[] = {
	{ 'e', .add_ways = PASS_VARIABLES },
	{ 'l', .add_ways = PASS_LISTEN },
	{ 'c', .drop_ways = PASS_DIRECTORY },
	{ 'd', .harden = HARDEN_DUMP },
	{ 'p', .self_paths = true },
	{ 'a', .may_be_empty = true },
	{ 'r', .strip_newlines = true },
	{ 'n', .harden = HARDEN_NEW_PRIVS },
	{ 'w', .harden = HARDEN_WRITE_EXECUTE },
};

static bool set_switch(struct order *order, int option)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++) {
		if (switches[i].option != option)
			continue;
		order->harden |= switches[i].harden;
		order->ways |= switches[i].add_ways;
		order->ways &= ~switches[i].drop_ways;
		order->self_paths |= switches[i].self_paths;
		order->terms.may_be_empty |= switches[i].may_be_empty;
		order->terms.strip_newlines |= switches[i].strip_newlines;
		return true;
	}
	return false;
}

static enum exit_status obey(struct order *order, int c, char **argv)
{
	switch (c) {
	case 's':
		return add_secret(order, secret_parse, optarg);
	case 'F':
		return add_secret(order, published_parse, optarg);
	case 'u':
		return update_parse(&order->on_update, optarg);
	case 'x':
		return set_most(order, optarg);
	case 'm':
		return set_mode(order, optarg);
	case 'o':
		return owner_parse(&order->terms.owner, optarg);
	case 'i':
		order->image = optarg != NULL ? optarg : "";
		return image_check_words(optarg);
	case 'H':
		order->secret_heap = optarg != NULL ? optarg : "";
		return secret_heap_check_words(optarg);
	case 'f':
		order->files = optarg != NULL ? optarg : "";
		return EXIT_NOT_YET;
	case 'h':
		return help(help_text);
	default:
		return set_switch(order, c) ? EXIT_NOT_YET
					    : complain_of_option("run", EXIT_OURS, argv, c);
	}
}

static enum exit_status check_names(const struct order *order)
{
	enum exit_status code = pass_check_names(order->secrets, order->count);

	if (code != EXIT_NOT_YET)
		return code;
	for (size_t i = 0; order->ways & PASS_VARIABLES && i < order->count; i++)
		if (!pass_is_variable(order->secrets[i].name))
			return complain_of_usage("run", EXIT_OURS,
						 "--env-file: '%s' is not the name of a variable",
						 order->secrets[i].name);
	return EXIT_NOT_YET;
}

/* What gives the program something that never leads to a newer generation. */
static const char *in_the_way_of_signal(const struct order *order)
{
	if (order->files != NULL)
		return "--files";
	if (order->harden & HARDEN_DUMP)
		return "--no-dump";
	if (order->self_paths)
		return "--self-paths";
	return order->ways & PASS_LISTEN ? "--listen-fds" : NULL;
}

static enum exit_status check_update(struct order *order)
{
	const char *fixed = order->on_update.signal != 0 ? in_the_way_of_signal(order) : NULL;
	size_t i = 0;

	if (!order->on_update.wanted)
		return EXIT_NOT_YET;
	while (i < order->count && order->secrets[i].offered == NULL)
		i++;
	if (i == order->count)
		return complain_of_usage("run", EXIT_OURS,
					 "--on-update: there is no --from to wait for");
	if (fixed != NULL)
		return complain_of_usage(
			"run", EXIT_OURS,
			"--on-update with a signal: with %s COMMAND could not open what is "
			"newer: use --on-update restart",
			fixed);
	order->terms.follow = true;
	return EXIT_NOT_YET;
}

static enum exit_status check(struct order *order)
{
	enum exit_status code;

	if (order->files != NULL && order->count == 0)
		return complain_of_usage("run", EXIT_OURS,
					 "--files: there is no --secret to make a file of");
	code = check_update(order);
	return code == EXIT_NOT_YET ? check_names(order) : code;
}

static enum exit_status parse(struct order *order, int argc, char **argv)
{
	static const struct option options[] = {
		{ "secret", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'F' },
		{ "on-update", required_argument, NULL, 'u' },
		{ "env-file", no_argument, NULL, 'e' },
		{ "listen-fds", no_argument, NULL, 'l' },
		{ "self-paths", no_argument, NULL, 'p' },
		{ "no-credentials", no_argument, NULL, 'c' },
		{ "max-size", required_argument, NULL, 'x' },
		{ "allow-empty", no_argument, NULL, 'a' },
		{ "strip-newline", no_argument, NULL, 'r' },
		{ "mode", required_argument, NULL, 'm' },
		{ "owner", required_argument, NULL, 'o' },
		{ "files", optional_argument, NULL, 'f' },
		{ "image", optional_argument, NULL, 'i' },
		{ "secret-heap", optional_argument, NULL, 'H' },
		{ "no-dump", no_argument, NULL, 'd' },
		{ "no-new-privs", no_argument, NULL, 'n' },
		{ "deny-write-execute", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		enum exit_status code = obey(order, c, argv);

		if (code != EXIT_NOT_YET)
			return code;
	}
	if (optind == argc)
		return complain_of_usage("run", EXIT_OURS, "there is no command to execute");
	order->argv = argv + optind;
	return check(order);
}

enum exit_status cmd_run(int argc, char **argv)
{
	CLEANUP(release)
	struct order order = {
		.secrets = calloc((size_t)argc, sizeof(*order.secrets)),
		.terms = { .most = DEFAULT_MOST,
			   .published_most = DEFAULT_PUBLISHED_MOST,
			   .mode = DEFAULT_MODE,
			   .owner = { OWNER_SAME, OWNER_SAME } },
		.ways = DEFAULT_WAYS,
		.directory = -1,
		.own = argv,
	};
	enum exit_status code;

	if (order.secrets == NULL)
		return complain("run", EXIT_OURS, "out of memory");
	code = parse(&order, argc, argv);
	return code == EXIT_NOT_YET ? order_start(&order) : code;
}
