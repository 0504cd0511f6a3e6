/* SPDX-License-Identifier: MIT */

/*
 * `sealmem run --image` for a program that nothing can be preloaded into. Somebody outside has to seal it, and the program
 * has to keep its process number and its parent: so the one who seals is a process that this one starts, and that traces
 * it. This process then executes the program.
 *
 * The tracer is the child of a child that exits at once, so the program has no child that it does not know. It has a session
 * of its own, so nothing that a terminal sends reaches it. The kernel kills the program if the tracer dies before the program
 * is sealed (PTRACE_O_EXITKILL), so that it never runs unsealed.
 */

#include "tools/run/image-outside.h"

#include "include/sealmem.h"
#include "lib/util.h"
#include "outside/kernel.h"
#include "outside/start.h"
#include "outside/stop.h"
#include "preload/image-words.h"
#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "tools/launch/harden.h"
#include "tools/run/preload.h"

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Of the tracer, too. */
#define STACK_SIZE ((size_t)1 << 19)

struct tracing {
	const char *name; /* of the program, as the caller gave it */
	unsigned wanted;
	unsigned flags;
	pid_t program, tracer;
	int ends[2]; /* of this process, and of the tracer */
};

static void close_ends(struct tracing *tracing)
{
	close_fd(tracing->ends[0]);
	close_fd(tracing->ends[1]);
}

bool image_outside_keeps_privileges(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capget, &header, data) == 0 &&
	       data[0].effective & (UINT32_C(1) << CAP_SYS_PTRACE);
}

struct total {
	uint64_t size;
	unsigned guarantees; /* that all of it has */
};

static struct total total_of(const struct plan *plan, enum range_kind kind)
{
	struct total total = { 0, SEALMEM_GUARANTEES };

	for (size_t i = 0; i < plan->count; i++)
		if (plan->ranges[i].kind == kind) {
			total.size += plan->ranges[i].end - plan->ranges[i].start;
			total.guarantees &= plan->ranges[i].confirmed;
		}
	return total.size > 0 ? total : (struct total){ 0, 0 };
}

static size_t count_objects(const struct plan *plan, bool open)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->object_count; i++)
		count += open ? plan->objects[i].relro_open : plan->objects[i].excluding;
	return count;
}

/* In the form of the preloaded object's. */
static void report(const struct outside *sealed)
{
	const struct plan *plan = &sealed->plan;
	CLEANUP(free_text) char *name = escape_format(sealed->name);
	struct total relro = total_of(plan, RANGE_RELRO), text = total_of(plan, RANGE_TEXT),
		     read_only = total_of(plan, RANGE_READ_ONLY);

	(void)fprintf(stderr,
		      "sealmem: %s[%d]: %zu objects: relro %s %llu, text %s %llu, read-only %s "
		      "%llu; %zu excluding, %zu open; sealed from outside\n",
		      name, (int)sealed->pid, plan->object_count,
		      image_guarantees(relro.guarantees), (unsigned long long)relro.size,
		      image_guarantees(text.guarantees), (unsigned long long)text.size,
		      image_guarantees(read_only.guarantees), (unsigned long long)read_only.size,
		      count_objects(plan, false), count_objects(plan, true));
}

static void complain_of_refusal(const struct tracing *tracing, const char *why)
{
	if (tracing->wanted & IMAGE_TRY && !(tracing->wanted & IMAGE_REPORT))
		return;
	(void)complain("run", EXIT_OURS, "--image: '%s' cannot be sealed: %s", tracing->name, why);
}

/* While it is held. If it is gone, it has exited by itself, and its status says what there is to say. */
static void judge(const struct outside *sealed, void *data)
{
	const struct tracing *tracing = data;

	if (sealed->refusal == REFUSAL_NONE && tracing->wanted & IMAGE_REPORT)
		report(sealed);
	if (sealed->refusal != REFUSAL_NONE && sealed->refusal != REFUSAL_GONE)
		complain_of_refusal(tracing, refusal_rows[sealed->refusal].text);
}

static void seal(struct tracing *tracing)
{
	struct outside sealed;

	outside_start_then(&sealed, tracing->program, tracing->flags, judge, tracing);
	if (sealed.refusal != REFUSAL_NONE && sealed.refusal != REFUSAL_GONE &&
	    tracing->flags & OUTSIDE_KEEP_HELD)
		outside_start_end(tracing->program, EXIT_OURS);
	outside_free(&sealed);
}

static bool send_number(int fd, long number)
{
	return send(fd, &number, sizeof(number), MSG_NOSIGNAL) == sizeof(number);
}

static bool receive_number(int fd, long *ret)
{
	ssize_t got;

	do
		got = recv(fd, ret, sizeof(*ret), 0);
	while (got < 0 && errno == EINTR);
	return got == sizeof(*ret);
}

/* Nothing is kept open, in place or alive for the tracer's sake, but standard error for its one line. */
static int let_go_of_all(int fd)
{
	int err = fd == STDIN_FILENO ? 0 : sys_dup_over(fd, STDIN_FILENO);

	if (err < 0)
		return err;
	(void)close(STDOUT_FILENO);
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, UINT32_MAX, 0);
	(void)chdir("/");
	return 0;
}

/* The signals that come to it change nothing, and SIGCHLD is what it waits for. */
static void trace(struct tracing *tracing)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	const int fd = STDIN_FILENO;
	long err = -EPIPE;

	(void)setsid();
	(void)sys_block_signals(UINT64_MAX, NULL);
	(void)sigaction(SIGCHLD, &usual, NULL);
	if (let_go_of_all(tracing->ends[1]) < 0)
		return;
	if (receive_number(fd, &err))
		err = outside_start_seize(tracing->program, tracing->flags);
	(void)send_number(fd, err);
	(void)close(fd);
	(void)kernel_set_nice(0, STOP_NICE);
	if (err >= 0)
		seal(tracing);
}

/* The one in between; and then the tracer, which exits when it comes back. */
static int start_tracer(void *data)
{
	struct tracing *tracing = data;

	tracing->tracer = fork();
	if (tracing->tracer == 0)
		trace(tracing);
	return tracing->tracer < 0 ? errno : 0;
}

static void unmap_stack(void **stack)
{
	if (*stack != MAP_FAILED)
		(void)munmap(*stack, STACK_SIZE);
}

/* It runs in the memory of this process, which waits meanwhile: so there is one copy of that to be made, and not two. Its exit
 * sends no signal. */
static int start_in_between(struct tracing *tracing)
{
	CLEANUP(unmap_stack)
	void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	pid_t pid;
	int status;

	if (stack == MAP_FAILED)
		return -errno;
	pid = clone(start_tracer, (char *)stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, tracing);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, (int)__WCLONE) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* Yama lets a process be traced by its ancestors, and by one that it names. */
static long be_seized(const struct tracing *tracing)
{
	long err = -EPIPE;

	(void)prctl(PR_SET_PTRACER, (long)tracing->tracer, 0L, 0L, 0L);
	if (!send_number(tracing->ends[0], 0) || !receive_number(tracing->ends[0], &err))
		return -EPIPE;
	return err;
}

static enum exit_status complain_of_start(const struct tracing *tracing, long err)
{
	const char *why = err == -EPERM ? "it may not be traced: another process traces this one, "
					  "or kernel.yama.ptrace_scope or a sandbox forbids it"
					: error_text((int)err);

	complain_of_refusal(tracing, why);
	return tracing->wanted & IMAGE_TRY ? EXIT_NOT_YET : EXIT_OURS;
}

/* With secrets, this process has forbidden others of its user to trace it. They are in descriptors by now, which those others
 * may read as soon as the program runs. */
static enum exit_status start(struct tracing *tracing)
{
	long err;

	if (harden_is_in_force())
		unharden_self();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, tracing->ends) < 0)
		return complain_of_start(tracing, -errno);
	err = start_in_between(tracing);
	close_fd(tracing->ends[1]);
	tracing->ends[1] = -1;
	if (err == 0)
		err = be_seized(tracing);
	return err < 0 ? complain_of_start(tracing, err) : EXIT_NOT_YET;
}

/* What only an object inside of the program can do. */
static enum exit_status check_words(const struct tracing *tracing)
{
	static const struct {
		unsigned bit;
		const char *word;
	} rows[] = {
		{ IMAGE_VDSO, "vdso" },
		{ IMAGE_LATER, "later" },
		{ IMAGE_FILTER, "filter" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (tracing->wanted & rows[i].bit && !(tracing->wanted & IMAGE_TRY))
			return complain(
				"run", EXIT_OURS,
				"--image: '%s' can only be sealed from outside, and without "
				"'%s'",
				tracing->name, rows[i].word);
	return EXIT_NOT_YET;
}

enum exit_status image_outside_prepare(const struct preload_subject *subject, unsigned wanted)
{
	CLEANUP(close_ends)
	struct tracing tracing = {
		.name = subject->name,
		.wanted = wanted,
		.flags = OUTSIDE_END_TOGETHER | OUTSIDE_SAME_FILTERS |
			 (wanted & IMAGE_TRY ? 0 : OUTSIDE_KEEP_HELD) |
			 (wanted & IMAGE_DEEP ? OUTSIDE_DEEP : 0),
		.program = sys_getpid(),
		.ends = { -1, -1 },
	};
	enum exit_status code = check_words(&tracing);

	return code == EXIT_NOT_YET ? start(&tracing) : code;
}
