/* SPDX-License-Identifier: MIT */

/*
 * Runs exactly the bytes that were verified. Whoever checks a file and then executes its path has
 * checked one file and executed another, if somebody was quick; a lock, a digest and a read-only
 * mount of the moment change nothing about that. So the file is copied into a memfd, the copy is
 * sealed, and only then looked at: between the look and the execution there is nothing left that
 * could change.
 */

#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/exec/digest.h"
#include "tools/launch/program.h"
#include "lib/util.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct order {
	const char *hex;
	const char *like;
	char **argv;
};

/* Nothing that could make this wait, or that has no end. */
static int digest_of_file(struct digest *ret, const char *path)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? digest_of(ret, fd) : -ENODEV;
}

static int find_expected(struct digest *ret, const struct order *order)
{
	int err;

	if (order->hex != NULL) {
		if (digest_parse(ret, order->hex))
			return GO_ON;
		return complain("exec", EXIT_OURS, "--sha256 takes 64 hexadecimal digits");
	}
	err = digest_of_file(ret, order->like);
	if (err < 0)
		return complain("exec", EXIT_OURS, "cannot read '%s': %s", order->like,
				err == -ENODEV ? "it is not a regular file" : strerror(-err));
	return GO_ON;
}

/* The sealed copy, not the file. */
static int verify(const struct program *program, const struct digest *expected,
		  const struct order *order)
{
	char text[DIGEST_TEXT_SIZE];
	struct digest digest;
	int err = digest_of(&digest, program->copy);

	if (err < 0)
		return complain("exec", EXIT_OURS, "cannot compute the digest: %s", strerror(-err));
	if (digest_equal(&digest, expected))
		return GO_ON;
	if (order->like != NULL)
		return complain("exec", EXIT_CANNOT, "'%s' is not the same as '%s'", order->argv[0],
				order->like);
	digest_print(text, &digest);
	return complain("exec", EXIT_CANNOT, "'%s' has another SHA-256: %s", order->argv[0], text);
}

static int start(const struct order *order)
{
	CLEANUP(program_close) struct program program = PROGRAM_NONE;
	bool verified = order->hex != NULL || order->like != NULL;
	struct digest expected;
	int code = verified ? find_expected(&expected, order) : GO_ON;

	if (code == GO_ON)
		code = program_find(&program, "exec", order->argv[0]);
	if (code == GO_ON)
		code = program_copy(&program, "exec", order->argv[0], true);
	if (code == GO_ON && verified)
		code = verify(&program, &expected, order);
	return code == GO_ON ? program_execute(&program, "exec", order->argv) : code;
}

static const char help_text[] =
	"Usage: sealmem exec [--sha256 HEX | --like FILE] [--] PROGRAM [ARGUMENT]...\n"
	"Copies PROGRAM into sealed memory, verifies the copy, and executes the copy.\n"
	"\n"
	"  --sha256 HEX  only if this is the SHA-256 of its bytes\n"
	"  --like FILE   only if its bytes are those of FILE\n"
	"  -h, --help    print this text\n"
	"\n"
	"PROGRAM is looked for in $PATH. A script is executed by the interpreter that its\n"
	"first line names, which is not verified. A program with privileges of its own\n"
	"(set-user-ID, set-group-ID, capabilities) is refused: a copy has none.\n"
	"\n"
	"Exit status: that of PROGRAM; 125 if sealmem fails or the kernel lacks what it\n"
	"takes, 126 if PROGRAM is refused or cannot be executed, 127 if it is not found.\n";

static int parse(struct order *order, int argc, char **argv)
{
	static const struct option options[] = {
		{ "sha256", required_argument, NULL, 's' },
		{ "like", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		if (c == 'h')
			return help(help_text);
		else if (c == 's')
			order->hex = optarg;
		else if (c == 'l')
			order->like = optarg;
		else
			return complain_of_option("exec", EXIT_OURS, argv, c);
	}
	if (order->hex != NULL && order->like != NULL)
		return complain("exec", EXIT_OURS, "--sha256 and --like exclude each other");
	if (optind == argc)
		return complain("exec", EXIT_OURS, "there is no program to execute");
	order->argv = argv + optind;
	return GO_ON;
}

int cmd_exec(int argc, char **argv)
{
	struct order order = { 0 };
	int code = parse(&order, argc, argv);

	return code == GO_ON ? start(&order) : code;
}
