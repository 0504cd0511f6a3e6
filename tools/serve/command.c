/* SPDX-License-Identifier: MIT */

/*
 * Serves files to many programs: verified once, sealed, and without a copy for each. Nobody can change what was
 * verified, neither this process nor those who have it. A newer version of a file replaces the older one as a whole.
 *
 * This file reads the options; server.c does what they ask for.
 */

#include "tools/commands.h"
#include "tools/common/size.h"
#include "tools/serve/order.h"
#include "lib/util.h"

#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MOST ((size_t)1 << 30)

static const char help_text[] =
	"Usage: sealmem serve [OPTION]... NAME=FILE[,sha256=HEX]...\n"
	"       sealmem serve --list SOCKET [--json]\n"
	"Reads each FILE into sealed memory, verifies that, and gives it to whoever\n"
	"connects and asks for NAME. They all share the same pages, which nobody can\n"
	"change.\n"
	"\n"
	"  --socket PATH         the Unix socket; the default is sealmem-serve.sock in\n"
	"                        $RUNTIME_DIRECTORY, or else in /run for root, and in\n"
	"                        $XDG_RUNTIME_DIR for other users\n"
	"  --mode MODE           the file mode of the socket; the default is 600, or 666\n"
	"                        with --allow-user or --allow-group\n"
	"  --allow-user USER     admit this user; may be repeated\n"
	"  --allow-group GROUP   admit the users of this group; may be repeated\n"
	"  --max-size SIZE       refuse a larger file; the default is 1G; SIZE may end in\n"
	"                        K, M or G\n"
	"  --max-clients COUNT   the most clients at the same time; the default is three\n"
	"                        quarters of RLIMIT_NOFILE\n"
	"  --max-clients-of-user COUNT\n"
	"                        the most clients of one user; the default is all\n"
	"  --verify COMMAND      serve a file only if this shell command, which reads the\n"
	"                        sealed copy as its standard input, exits with status 0\n"
	"  --verify-timeout SECONDS\n"
	"                        end COMMAND after this time; the default is 60\n"
	"  --watch               read a file again when it changes\n"
	"  --list SOCKET         show what another process serves at this socket\n"
	"  --json                log, or list, in JSON\n"
	"  -h, --help            print this text\n"
	"\n"
	"SIGHUP makes it read the files again. A file whose bytes are others is the next\n"
	"generation of NAME. A file that cannot be read or verified changes nothing.\n"
	"\n"
	"Exit status: 0 if SIGTERM or SIGINT ended it, 1 if a file is not verified at\n"
	"start, 2 usage or run-time error, 3 the kernel lacks a feature.\n";

static void release(struct serve_order *order)
{
	for (size_t i = 0; i < order->count; i++)
		offer_release(&order->offers[i]);
	free(order->offers);
	admission_release(&order->admission);
}

static enum exit_status set_mode(struct serve_order *order, const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (!isdigit((unsigned char)*text) || *end != '\0' || mode > 0777)
		return complain_of_usage("serve", EXIT_FAILED,
					 "--mode takes an octal number of permissions, not '%s'",
					 text);
	order->mode = (mode_t)mode;
	order->has_mode = true;
	return EXIT_NOT_YET;
}

static enum exit_status set_size(struct serve_order *order, const char *text)
{
	if (size_parse(&order->most, text) && order->most > 0)
		return EXIT_NOT_YET;
	return complain_of_usage("serve", EXIT_FAILED, "--max-size takes a size, not '%s'", text);
}

static enum exit_status set_count(unsigned *ret, const char *option, const char *text)
{
	if (count_parse(ret, text, INT_MAX / 1000))
		return EXIT_NOT_YET;
	return complain_of_usage("serve", EXIT_FAILED, "%s takes a number from 1 on, not '%s'",
				 option, text);
}

static enum exit_status obey(struct serve_order *order, int c, char **argv)
{
	switch (c) {
	case 's':
		order->socket = optarg;
		return EXIT_NOT_YET;
	case 'm':
		return set_mode(order, optarg);
	case 'u':
		return admission_add_user(&order->admission, optarg);
	case 'g':
		return admission_add_group(&order->admission, optarg);
	case 'x':
		return set_size(order, optarg);
	case 'c':
		return set_count(&order->clients, "--max-clients", optarg);
	case 'o':
		return set_count(&order->clients_of_user, "--max-clients-of-user", optarg);
	case 'l':
		order->list = optarg;
		return EXIT_NOT_YET;
	case 'v':
		order->verify = optarg;
		return EXIT_NOT_YET;
	case 't':
		return set_count(&order->verify_seconds, "--verify-timeout", optarg);
	case 'w':
		order->watch = true;
		return EXIT_NOT_YET;
	case 'j':
		order->json = true;
		return EXIT_NOT_YET;
	case 'h':
		return help(help_text);
	default:
		return complain_of_option("serve", EXIT_FAILED, argv, c);
	}
}

static enum exit_status add_offer(struct serve_order *order, const char *text)
{
	struct offer *offer = &order->offers[order->count];
	enum exit_status code = offer_parse(offer, text);

	if (code != EXIT_NOT_YET)
		return code;
	order->count++;
	for (const struct offer *other = order->offers; other < offer; other++)
		if (strcmp(other->name, offer->name) == 0)
			return complain_of_usage("serve", EXIT_FAILED,
						 "two files have the name '%s'", offer->name);
	return EXIT_NOT_YET;
}

static enum exit_status take_arguments(struct serve_order *order, int argc, char **argv)
{
	enum exit_status code = EXIT_NOT_YET;

	if (order->list != NULL && optind < argc)
		return complain_of_argument("serve", argv[optind]);
	if (order->list == NULL && optind == argc)
		return complain_of_usage("serve", EXIT_FAILED, "there is no NAME=FILE to serve");
	for (int i = optind; i < argc && code == EXIT_NOT_YET; i++)
		code = add_offer(order, argv[i]);
	return code;
}

static enum exit_status parse(struct serve_order *order, int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "mode", required_argument, NULL, 'm' },
		{ "allow-user", required_argument, NULL, 'u' },
		{ "allow-group", required_argument, NULL, 'g' },
		{ "max-size", required_argument, NULL, 'x' },
		{ "max-clients", required_argument, NULL, 'c' },
		{ "max-clients-of-user", required_argument, NULL, 'o' },
		{ "verify", required_argument, NULL, 'v' },
		{ "verify-timeout", required_argument, NULL, 't' },
		{ "watch", no_argument, NULL, 'w' },
		{ "list", required_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum exit_status code = EXIT_NOT_YET;
	int c;

	while (code == EXIT_NOT_YET && (c = getopt_long(argc, argv, ":h", options, NULL)) != -1)
		code = obey(order, c, argv);
	if (code == EXIT_NOT_YET)
		code = take_arguments(order, argc, argv);
	if (!order->has_mode)
		order->mode = admission_is_limited(&order->admission) ? 0666 : 0600;
	return code;
}

enum exit_status cmd_serve(int argc, char **argv)
{
	CLEANUP(release)
	struct serve_order order = {
		.offers = need(calloc((size_t)argc, sizeof(*order.offers))),
		.most = DEFAULT_MOST,
		.verify_seconds = 60,
	};
	enum exit_status code = parse(&order, argc, argv);

	if (code != EXIT_NOT_YET)
		return code;
	return order.list != NULL ? serve_list(order.list, order.json) : serve(&order);
}
