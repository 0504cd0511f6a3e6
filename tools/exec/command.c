/* SPDX-License-Identifier: MIT */

/*
 * Runs exactly the bytes that were verified. A program that checks a file and then executes its path may
 * execute another file, if somebody replaces it in between. A lock, a digest or a read-only mount at the
 * time of the check does not change that. So the file is copied into a memfd, the copy is sealed, and
 * only then is it verified. Nothing can change between the check and the execution.
 */

#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/common/digest.h"
#include "tools/launch/program.h"
#include "lib/util.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct order {
	const char *hex;  /* NULL, or the digest that the program must have */
	const char *like; /* NULL, or the file whose bytes it must have */
	char **argv;
};

/* Refuses a file that could block or that has no end. Returns 0 or a negative errno. */
static int digest_of_file(struct digest *ret, const char *path)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENODEV;
	/* No program that is larger is executed. */
	return st.st_size > PROGRAM_MOST ? -EFBIG : digest_of(ret, fd);
}

static enum exit_status find_expected(struct digest *ret, const struct order *order)
{
	int err;

	if (order->hex != NULL) {
		if (digest_parse(ret, order->hex))
			return EXIT_NOT_YET;
		return complain_of_usage("exec", EXIT_OURS, "--sha256 takes 64 hexadecimal digits");
	}
	err = digest_of_file(ret, order->like);
	if (err < 0)
		return complain("exec", EXIT_OURS, "cannot read '%s': %s", order->like,
				err == -ENODEV ? "it is not a regular file" : digest_fault(err));
	return EXIT_NOT_YET;
}

/* Reads the sealed copy, not the file. */
static enum exit_status verify(const struct program *program, const struct digest *expected,
			       const struct order *order)
{
	char text[DIGEST_TEXT_SIZE];
	struct digest digest;
	int err = digest_of(&digest, program->copy);

	if (err < 0)
		return complain("exec", EXIT_OURS, "cannot compute the digest: %s",
				digest_fault(err));
	if (digest_equal(&digest, expected))
		return EXIT_NOT_YET;
	if (order->like != NULL)
		return complain("exec", EXIT_CANNOT, "'%s' and '%s' have different bytes",
				order->argv[0], order->like);
	digest_format(text, &digest);
	return complain("exec", EXIT_CANNOT, "'%s' has a different SHA-256: %s", order->argv[0],
			text);
}

static enum exit_status start(const struct order *order)
{
	CLEANUP(program_close) struct program program = PROGRAM_NONE;
	bool verified = order->hex != NULL || order->like != NULL;
	struct digest expected;
	enum exit_status code = verified ? find_expected(&expected, order) : EXIT_NOT_YET;

	if (code == EXIT_NOT_YET)
		code = program_find(&program, "exec", order->argv[0]);
	if (code == EXIT_NOT_YET)
		code = program_copy(&program, "exec", order->argv[0], true);
	if (code == EXIT_NOT_YET && verified)
		code = verify(&program, &expected, order);
	return code == EXIT_NOT_YET ? program_execute(&program, "exec", order->argv) : code;
}

static const char help_text[] =
	"Usage: sealmem exec [--sha256 HEX | --like FILE] [--] PROGRAM [ARGUMENT]...\n"
	"Copies PROGRAM into sealed memory, verifies the copy, and executes the copy.\n"
	"\n"
	"  --sha256 HEX  execute it only if this is the SHA-256 of its bytes\n"
	"  --like FILE   execute it only if its bytes are those of FILE\n"
	"  -h, --help    print this text\n"
	"\n"
	"The command searches $PATH for PROGRAM. The interpreter that the first line of a\n"
	"script names executes the script, and is not verified. A program with privileges\n"
	"of its own (set-user-ID, set-group-ID, capabilities) is refused, because a copy\n"
	"has none. So is a program of more than 1 GiB.\n"
	"\n"
	"Exit status: the status of PROGRAM; 125 if sealmem fails or the kernel lacks a\n"
	"feature, 126 if PROGRAM is refused or cannot be executed, 127 if it is not\n"
	"found.\n";

static enum exit_status parse(struct order *order, int argc, char **argv)
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
		return complain_of_usage("exec", EXIT_OURS,
					 "--sha256 and --like cannot be used together");
	if (optind == argc)
		return complain_of_usage("exec", EXIT_OURS, "there is no program to execute");
	order->argv = argv + optind;
	return EXIT_NOT_YET;
}

enum exit_status cmd_exec(int argc, char **argv)
{
	struct order order = { 0 };
	enum exit_status code = parse(&order, argc, argv);

	return code == EXIT_NOT_YET ? start(&order) : code;
}
