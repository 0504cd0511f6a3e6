/* SPDX-License-Identifier: MIT */

/*
 * The published walkthrough of memory sealing, line by line, with real memory. The published program does not
 * work. This one does, and --explain says what is wrong with the published one beside each step.
 *
 * Nothing is simulated: the attempt is a store instruction, and only the kernel protects the bytes. So the
 * demo can fail, and its exit status says so when the store succeeds.
 */

#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/demo/input.h"
#include "include/sealmem.h"
#include "tools/common/text.h"
#include "tools/demo/trace.h"
#include "lib/util.h"
#include "tools/common/verdict.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_DATA "Sensitive Data"
#define ATTEMPT	     "Modified Data"
#define MOST_BYTES   ((size_t)16 << 20)
#define MOST_SHOWN   64

struct demo {
	const char *text;
	const char *path;
	bool explain;
	int width; /* of the terminal */
	struct input input;
	struct sealmem_region *region;
	char *memory;
	const char *failure; /* the observation that the memory was not sealed, or NULL */
};

static void release(struct demo *demo)
{
	demo->region = sealmem_region_free(demo->region);
	input_free(&demo->input);
}

static void show(const char *heading, const struct demo *demo)
{
	(void)printf("%s: ", heading);
	put_excerpt(stdout, demo->memory, demo->input.size, MOST_SHOWN);
	(void)puts("");
}

static int allocate(struct demo *demo)
{
	int err = sealmem_region_new(&demo->region, "demo", demo->input.size, SEALMEM_CONTENT);

	if (err < 0)
		return err;
	demo->memory = sealmem_region_alloc(demo->region, demo->input.size, 1);
	if (demo->memory == NULL)
		return -errno;
	(void)printf("Memory allocated at %p\n", (void *)demo->memory);
	return 0;
}

static int store(struct demo *demo)
{
	memcpy(demo->memory, demo->input.bytes, demo->input.size);
	show("Original memory contents", demo);
	return 0;
}

static int seal(struct demo *demo)
{
	int err = sealmem_region_seal(demo->region);

	if (err == 0)
		(void)puts("Memory sealed.");
	return err;
}

/* Global, because a signal handler cannot receive them in another way. */
static struct {
	const char *memory;
	sigjmp_buf back;
	siginfo_t info;
	volatile sig_atomic_t refused;
} attempted;

/* Any other fault is a bug. The process dies of it when the handler returns. */
static void jump_back(int signal, siginfo_t *info, void *context)
{
	uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)attempted.memory;

	(void)context;
	if (offset >= sizeof(ATTEMPT)) {
		(void)sys_sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
		return;
	}
	attempted.info = *info;
	attempted.refused = 1;
	siglongjmp(attempted.back, 1);
}

/* The handler does not return, so the signal must not be blocked while it runs (SA_NODEFER). */
static int attempt(struct demo *demo)
{
	struct sigaction action = { .sa_sigaction = jump_back,
				    .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction before;
	int err;

	(void)puts("Attempting to modify sealed memory...");
	attempted.memory = demo->memory;
	attempted.refused = 0;
	err = sys_sigaction(SIGSEGV, &action, &before);
	if (err < 0)
		return err;
	if (sigsetjmp(attempted.back, 0) == 0)
		strcpy(demo->memory, ATTEMPT);
	else
		trace_signal(&attempted.info);
	if (!attempted.refused)
		demo->failure = "the store succeeded";
	return sys_sigaction(SIGSEGV, &before, NULL);
}

static int look_again(struct demo *demo)
{
	show("Memory contents after modification attempt", demo);
	if (demo->failure == NULL && memcmp(demo->memory, demo->input.bytes, demo->input.size) != 0)
		demo->failure = "the store was refused, but the bytes changed";
	return 0;
}

static int unmap(struct demo *demo)
{
	demo->region = sealmem_region_free(demo->region);
	(void)puts("Memory unmapped.");
	return 0;
}

static const struct step {
	int (*act)(struct demo *demo);
	const char *what;
	const char *here;
	const char *published;
} steps[] = {
	{ allocate, "allocate the memory",
	  "a memfd, and a second descriptor that can only read it: the seal may need that one. "
	  "MADV_DONTFORK, because a writable mapping in a child would prevent the seal. "
	  "Zeroes are written, so that no store can fail for lack of memory.",
	  "it does not compile: it includes a header that does not exist." },
	{ store, "fill the memory",
	  "no system call. The program stores the bytes and reads them again.", NULL },
	{ seal, "seal the memory",
	  "a read-only mapping replaces the writable one, at the same address and in one step. Then "
	  "the memfd gets its seals, and F_GET_SEALS confirms them. The mapping after that only tests "
	  "whether the next region needs a second descriptor.",
	  "F_SEAL_WRITE fails with EBUSY: the writable mapping is still there." },
	{ attempt, "attempt the store",
	  "a plain strcpy(). The page is read-only, so the kernel sends SIGSEGV. A signal handler "
	  "jumps back to the program.",
	  "if the seal succeeded, the store would kill the process with SIGSEGV." },
	{ look_again, "read the memory",
	  "no system call. The program reads the same address again.", NULL },
	{ unmap, "unmap the memory",
	  "CONTENT ends with the mapping. With ADDRESS the mapping would stay as long as the process.",
	  NULL },
};

static void put_remark(const char *label, const char *remark, int width)
{
	CLEANUP(free_text) char *text = NULL;

	if (remark == NULL)
		return;
	if (asprintf(&text, "%s: %s", label, remark) < 0)
		text = need(NULL);
	put_folded(stdout, text, 4, 6, width > 0 && width < 80 ? width : 80);
}

static void explain(const struct step *step, char *calls, int width)
{
	for (char *rest = NULL, *line = strtok_r(calls, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		put_folded(stdout, line, 4, 8, width);
	put_remark("Here", step->here, width);
	put_remark("As published", step->published, width);
}

static int take(struct demo *demo, const struct step *step)
{
	CLEANUP(free_text) char *calls = NULL;
	int err;

	if (!demo->explain)
		return step->act(demo);
	trace_start();
	err = step->act(demo);
	calls = trace_end();
	if (err == 0)
		explain(step, calls, demo->width);
	return err;
}

static enum exit_status complain_of_step(const struct step *step, int err)
{
	struct verdict verdict;

	verdict_explain(&verdict, SEALMEM_CONTENT, err);
	return complain("demo", err == -EOPNOTSUPP ? EXIT_LACKING : EXIT_FAILED,
			"cannot %s: %s%s%s", step->what, verdict.why,
			*verdict.todo != '\0' ? "; " : "", verdict.todo);
}

/* This process may inherit SIGSEGV as blocked. Then the kernel would kill it without calling the handler. */
static void unblock_fault(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGSEGV);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static enum exit_status walk_through(struct demo *demo)
{
	demo->width = terminal_width();
	unblock_fault();
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		int err = take(demo, &steps[i]);

		if (err < 0)
			return complain_of_step(&steps[i], err);
	}
	if (demo->failure == NULL)
		return EXIT_YES;
	return complain("demo", EXIT_NO, "NOT SEALED: %s", demo->failure);
}

static enum exit_status load(struct demo *demo)
{
	const char *from = demo->path != NULL ? demo->path : "--data";
	int err = demo->path != NULL ? input_read(&demo->input, demo->path, MOST_BYTES)
				     : input_copy(&demo->input,
						  demo->text != NULL ? demo->text : DEFAULT_DATA);

	if (err == -EFBIG)
		return complain("demo", EXIT_FAILED, "'%s' holds more than %zu MiB", from,
				MOST_BYTES >> 20);
	if (err < 0)
		return complain("demo", EXIT_FAILED, "cannot read '%s': %s", from, strerror(-err));
	if (demo->input.size > 0)
		return EXIT_NOT_YET;
	return complain("demo", EXIT_FAILED, "there is nothing to seal: '%s' is empty", from);
}

static const char help_text[] =
	"Usage: sealmem demo [--explain] [--data TEXT | --file FILE]\n"
	"Seals memory and tries to change it. The steps are those of a published program\n"
	"that does not work; here they do.\n"
	"\n"
	"  --explain    show the system calls of each step, and what is wrong with that\n"
	"               step of the published program\n"
	"  --data TEXT  seal TEXT instead of \"" DEFAULT_DATA "\"\n"
	"  --file FILE  seal the bytes of FILE, at most 16 MiB; - is standard input\n"
	"  -h, --help   print this text\n"
	"\n"
	"Bytes that cannot be printed are shown as escapes. If there are more than 64\n"
	"bytes, the first of them and the count are shown.\n"
	"\n" EXIT_CODES_HELP "Here 1 means that the store succeeded: the memory was not sealed.\n";

static enum exit_status parse(struct demo *demo, int argc, char **argv)
{
	static const struct option options[] = {
		{ "explain", no_argument, NULL, 'e' },
		{ "data", required_argument, NULL, 'd' },
		{ "file", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return help(help_text);
		else if (c == 'e')
			demo->explain = true;
		else if (c == 'd')
			demo->text = optarg;
		else if (c == 'f')
			demo->path = optarg;
		else
			return complain_of_option("demo", EXIT_FAILED, argv, c);
	}
	if (optind < argc)
		return complain_of_argument("demo", argv[optind]);
	if (demo->text != NULL && demo->path != NULL)
		return complain_of_usage("demo", EXIT_FAILED,
					 "--data and --file cannot be used together");
	return EXIT_NOT_YET;
}

enum exit_status cmd_demo(int argc, char **argv)
{
	CLEANUP(release) struct demo demo = { 0 };
	enum exit_status code = parse(&demo, argc, argv);

	if (code == EXIT_NOT_YET)
		code = load(&demo);
	return code == EXIT_NOT_YET ? walk_through(&demo) : code;
}
