/* SPDX-License-Identifier: MIT */

/*
 * Sealing promises all or nothing, and the paths that make it so are the ones that no kernel in good
 * health ever takes. So every system call of every operation is made to fail in turn, with each errno
 * that it can give, and then the calls by which the library recovers are made to fail too. Each time the
 * operation must answer with a negative errno, documented or that of the call, and leave everything as it
 * was, and the test shows that by doing it again without a fault. Or it must succeed, for a reason that is
 * listed here, and give everything that was demanded.
 *
 * Each run is a process of its own: a wrong step may crash it, and sealed addresses stay.
 */

#include "include/sealmem.h"

#include "tests/faults/failings.h"
#include "tests/support/holds.h"
#include "tests/faults/inject.h"
#include "tests/faults/operations.h"
#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))
#define ANY	      0

/* The exit status of a run that says nothing, because this machine or user does not have the guarantees. */
#define SKIPPED 77

/* So that a run that hangs is a failure. */
#define PATIENCE 20

/* An error that a function of the library gave, and that sealmem.h does not mention. */
struct surprise {
	const char *function;
	struct call call;
	int error;
};

/* What the runs report, each from a process of its own. */
static struct shared {
	struct trace trace;
	char complaint[256];
	unsigned supported;
	unsigned faults, calls;
	unsigned surprise_count;
	struct surprise surprises[256];
} * shared;

/* The faults after which an operation may succeed. */
static const struct survivable {
	long number;
	int error;
	enum manner manner;
	bool emulated; /* only with the emulation of mseal(2) */
	const char *why;
} survivables[] = {
	{ SYS_close, ANY, REFUSED, 0, "the descriptor is of no more use, whatever close says" },
	{ SYS_close, ANY, HALF_DONE, 0, "the descriptor is given back, whatever close says" },
	{ SYS_munmap, ANY, REFUSED, 0, "a mapping that stays does not touch what was asked for" },
	{ SYS_mremap, ANY, REFUSED, 0, "a sealed address is known by the refusal of this call" },
	{ SYS_madvise, EPERM, REFUSED, 1, "and an emulated seal by the refusal of this one" },
	{ SYS_OWN_MMAP, ANY, REFUSED, 1, "addresses that are taken: others will do" },
	{ SYS_OWN_MMAP, ANY, HALF_DONE, 1, "addresses that are taken: others will do" },
	{ SYS_openat, ANY, REFUSED, 1, "where the heap starts: not known, so more counts as heap" },
	{ SYS_read, ANY, REFUSED, 1, "likewise" },
	{ SYS_sched_getaffinity, ANY, REFUSED, 1, "how large a ring is: taken for the largest" },
	{ SYS_getrandom, ANY, REFUSED, 1, "no random numbers: the kernel chooses where" },
	{ SYS_getrandom, ANY, PRETENDED, 1, "no random numbers: the kernel chooses where" },
	{ __NR_mseal, ANY, PRETENDED, 0, "of no pages it does nothing, which was the question" },
	{ SYS_memfd_create, EINVAL, REFUSED, 0, "before MFD_NOEXEC_SEAL: made without it" },
	{ SYS_OWN_MMAP, EPERM, REFUSED, 0,
	  "where only a read-only descriptor can be mapped: reopened" },
	{ SYS_OWN_MMAP, EACCES, REFUSED, 0, "where the descriptor is for writing only: reopened" },
	{ SYS_mlock2, ENOSYS, REFUSED, 0, "before mlock2(2): all is locked at once" },
	{ SYS_fcntl, ANY, PRETENDED, 0,
	  "the seals that are looked for were added by another call" },
	{ SYS_ioctl, ANY, REFUSED, 0, "what is mapped: read instead" },
	{ SYS_OWN_LSEEK, ANY, REFUSED, 1, "and read again, once the addresses are sealed" },
	{ SYS_read, ANY, REFUSED, 1, "and read again, once the addresses are sealed" },
	{ SYS_ioctl, ANY, PRETENDED, 0, "what is mapped: read instead" },
	{ SYS_rt_sigprocmask, ANY, REFUSED, 0,
	  "can the bytes be read? Only EFAULT says no. And SIGXFSZ comes with an error only" },
	{ SYS_rt_sigpending, ANY, REFUSED, 0, "SIGXFSZ comes with an error only" },
	{ SYS_OWN_SIGTIMEDWAIT, ANY, REFUSED, 0,
	  "or before the end of a file, and then there is none" },
	{ MALLOC, ANY, REFUSED, 0, "linked statically: the C library's own, to look up its stack" },
	{ CALLOC, ANY, REFUSED, 0, "linked statically: the C library's own, to look up its stack" },
	{ SYS_read, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_write, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_pwrite64, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_pwritev, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_fallocate, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_sendmsg, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_recvmsg, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_sendmsg, EAGAIN, REFUSED, 0, "done again until the limit of the socket" },
	{ SYS_recvmsg, EAGAIN, REFUSED, 0, "done again until the limit of the socket" },
	{ SYS_sendmsg, EPIPE, REFUSED, 0, "what the other end has said before it closed is heard" },
	{ SYS_sendmsg, ECONNRESET, REFUSED, 0,
	  "what the other end has said before it closed is heard" },
	{ SYS_read, ANY, SHORT, 0, "the rest is read" },
	{ SYS_pread64, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_pread64, ANY, SHORT, 0, "the rest is read" },
	{ SYS_pread64, ANY, PRETENDED, 0, "nothing more to read, which is so at the end" },
	{ SYS_OWN_SENDFILE, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_OWN_SENDFILE, EINVAL, REFUSED, 0, "a file that is not copied so: read and written" },
	{ SYS_OWN_SENDFILE, EPERM, REFUSED, 0, "likewise" },
	{ SYS_OWN_SENDFILE, ENOSYS, REFUSED, 0, "likewise" },
	{ SYS_OWN_SENDFILE, ANY, SHORT, 0, "the rest is copied" },
	{ SYS_OWN_SENDFILE, ANY, PRETENDED, 0, "nothing more to copy, which is so at the end" },
	{ SYS_splice, EINTR, REFUSED, 0, "interrupted: done again" },
	{ SYS_splice, EINVAL, REFUSED, 0, "a pipe that is not moved so: read and written" },
	{ SYS_splice, EPERM, REFUSED, 0, "likewise" },
	{ SYS_splice, ENOSYS, REFUSED, 0, "likewise" },
	{ SYS_splice, ANY, SHORT, 0, "the rest is moved" },
	{ SYS_write, ANY, SHORT, 0, "the rest is written" },
	{ SYS_pwrite64, ANY, SHORT, 0, "the rest is written" },
	{ SYS_pwritev, ANY, SHORT, 0, "the rest is written" },
	{ SYS_pwritev, EFBIG, REFUSED, 0, "past a limit that fell: set aside by fallocate(2)" },
};

/* The calls that may fail in any way. */
static const struct {
	struct call call;
	const char *why;
} harmless[] = {
	{ { SYS_madvise, MADVISE_POPULATE },
	  "pages that are not brought in ahead come when touched" },
	{ { SYS_OWN_MMAP, MMAP_TRY }, "what it would have told is for later regions" },
	{ { SYS_mprotect, MPROTECT_TRY }, "likewise" },
	{ { SYS_prctl, PRCTL_DUMPABLE_AGAIN },
	  "a process that is forbidden to be dumpable again stays undumpable" },
	{ { SYS_prctl, PR_GET_SECCOMP }, "without an answer no call is tried in a child first" },
	{ { SYS_clone, 0 }, "a call that no child tries is made as it is" },
	{ { SYS_waitid, 0 }, "likewise" },
	{ { SYS_sysinfo, 0 }, "how much memory there is: the kernel knows, and decides" },
};

/* exit() also writes what measures coverage. A sanitizer would look for leaks each time, which takes longer
 * than the run. */
__attribute__((noreturn)) static void end_run(int status)
{
	if (sanitized())
		_exit(status);
	exit(status);
}

void wrong(const char *file, int line, const char *expected)
{
	inject_disarm();
	(void)snprintf(shared->complaint, sizeof(shared->complaint), "%s:%d: not so: %s", file,
		       line, expected);
	_exit(EXIT_FAILURE);
}

static bool is_harmless(struct call call)
{
	for (size_t i = 0; i < LENGTH(harmless); i++)
		if (same_call(harmless[i].call, call))
			return true;
	return false;
}

/* The faults that taking a file of somebody else may survive. Without being opened again, its region goes
 * without a descriptor; and EBUSY is the right answer to a seal on a file that is being written. */
static bool is_survivable_of_foreign(const struct fault *fault)
{
	static const struct {
		struct call call;
		int error;
	} answers[] = {
		{ { SYS_openat, 0 }, EPERM },	    { { SYS_openat, 0 }, ENOSYS },
		{ { SYS_openat, 0 }, ENOENT },	    { { SYS_openat, 0 }, ENOTDIR },
		{ { SYS_openat, 0 }, EACCES },	    { { SYS_fcntl, F_SETFL }, EPERM },
		{ { SYS_fcntl, F_SETFL }, ENOSYS }, { { SYS_fcntl, F_ADD_SEALS }, EBUSY },
	};

	for (size_t i = 0; i < LENGTH(answers); i++)
		if (same_call(answers[i].call, fault->call) && answers[i].error == fault->error)
			return fault->manner == REFUSED;
	return false;
}

/* A child that cannot hide the memory of its parent does not try the call. */
static bool is_of_trial(const struct fault *fault)
{
	return fault->in_child && fault->call.number == SYS_prctl;
}

static bool is_survivable(const struct fault *fault, const struct kind *kind)
{
	if (is_harmless(fault->call) || is_of_trial(fault))
		return true;
	for (size_t i = 0; i < LENGTH(survivables); i++)
		if (survivables[i].number == fault->call.number &&
		    survivables[i].manner == fault->manner &&
		    (survivables[i].error == ANY || survivables[i].error == fault->error) &&
		    (kind->emulated || !survivables[i].emulated))
			return true;
	return kind->foreign && is_survivable_of_foreign(fault);
}

static bool is_forbidding(const struct fault *fault)
{
	return fault->manner == REFUSED && (fault->error == EPERM || fault->error == ENOSYS);
}

/* One error is documented for all functions at once: a sandbox that forbids a call takes a guarantee away. */
static bool is_documented(const struct function *function, int error)
{
	for (size_t i = 0; i < LENGTH(function->errors) && function->errors[i] != 0; i++)
		if (function->errors[i] == error)
			return true;
	return error == EOPNOTSUPP;
}

/* The fault whose error came out, NULL if it is none of them. */
static const struct fault *source_of(const struct plan *plan, int error)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->faults[i].manner != SHORT && plan->faults[i].error == error)
			return &plan->faults[i];
	return NULL;
}

static void note_surprise(const struct function *function, const struct fault *fault)
{
	struct surprise *known = shared->surprises;
	unsigned i = 0;

	for (; i < shared->surprise_count; i++)
		if (strcmp(known[i].function, function->name) == 0 &&
		    known[i].error == fault->error && same_call(known[i].call, fault->call))
			return;
	if (i == LENGTH(shared->surprises))
		return;
	known[i] = (struct surprise){ function->name, fault->call, fault->error };
	shared->surprise_count++;
}

/* Errors of a sandbox that mean something else as well, or that are documented as they come. */
static bool is_passed_on(const struct fault *fault)
{
	return fault->call.number == SYS_rt_sigaction ||
	       (fault->call.number == SYS_mprotect && fault->error == EPERM);
}

static bool refuses(const struct plan *plan, long number)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->faults[i].call.number == number && plan->faults[i].manner == REFUSED)
			return true;
	return false;
}

/* What close(2) and munmap(2) do not take back is leaked, whoever calls. */
static void expect_census(struct census before, const struct plan *plan, bool mappings)
{
	struct census now = take_own_census();

	EXPECT(now.descriptors == before.descriptors || refuses(plan, SYS_close));
	EXPECT(!mappings || now.mappings == before.mappings || refuses(plan, SYS_munmap));
}

/* A process is as dumpable as before, except that it stays undumpable where it may not change that again. */
static void expect_dumpable(int before, const struct plan *plan)
{
	bool refused = false;

	for (unsigned i = 0; i < plan->count; i++)
		refused |= plan->faults[i].call.number == SYS_prctl &&
			   plan->faults[i].call.command == PRCTL_DUMPABLE_AGAIN;
	EXPECT(prctl(PR_GET_DUMPABLE) == (refused ? 0 : before));
	/* A plain user's process has to be, for what looks at its memory by way of /proc next. */
	EXPECT(prctl(PR_SET_DUMPABLE, before) == 0);
}

static void judge_failure(struct subject *s, const struct plan *plan, struct census before)
{
	const struct kind *kind = s->operation->kind;
	const struct fault *first = &plan->faults[0], *source = source_of(plan, -s->result);
	bool twice = s->result == -ENOTRECOVERABLE;

	EXPECT(plan->count > 0);
	EXPECT(kind->never_fails == NULL);
	EXPECT(is_documented(kind->function, -s->result) || source != NULL);
	EXPECT(kind->one_error == 0 || s->result == -kind->one_error);
	if (!is_documented(kind->function, -s->result))
		note_surprise(kind->function, source);
	if (s->faults == 1 && is_forbidding(first) && !is_passed_on(first) && kind->one_error == 0)
		EXPECT(s->result == -EOPNOTSUPP);
	EXPECT(!twice || s->faults > 1);
	kind->unchanged(s);
	/* What was given up midway, and a secret that moved, may go on in more mappings than before. */
	expect_census(before, plan,
		      !twice && !(s->operation->guarantees & SEALMEM_SECRECY) &&
			      kind->growing == NULL);
	s->faults = 0;
	if (kind->after != NULL) {
		kind->after(s);
	} else {
		EXPECT(kind->act(s) == 0);
		kind->done(s);
	}
}

/* What is mapped is asked again, once the addresses are sealed. */
static bool is_asked_again(const struct plan *plan, unsigned i)
{
	long number = plan->faults[i].call.number;

	return i > 0 && plan->faults[0].call.number == SYS_ioctl &&
	       (number == SYS_OWN_LSEEK || number == SYS_read);
}

static void judge_success(struct subject *s, const struct plan *plan)
{
	const struct kind *kind = s->operation->kind;

	for (unsigned i = 0;
	     i < plan->count && kind->never_fails == NULL && kind->other_way == NULL; i++)
		EXPECT(is_survivable(&plan->faults[i], kind) || is_asked_again(plan, i));
	kind->done(s);
}

/* A user without privilege may lock little; and valgrind has no seccomp(2). */
static bool cannot_be_prepared(const struct subject *s)
{
	if (s->operation->kind->refused_here != 0 && s->result == -s->operation->kind->refused_here)
		return true;
	if (s->operation->guarantees == 0)
		return s->result == -EOPNOTSUPP;
	return s->result == -EAGAIN &&
	       s->operation->guarantees & (SEALMEM_NOSWAP | SEALMEM_SECRECY);
}

static void run_one(const struct operation *operation, const struct plan *plan)
{
	struct subject s = { .operation = operation,
			     .plan = plan,
			     .faults = plan->count + plan->faults[0].standing,
			     .expected = shared->supported };
	struct census before_all, before;
	int dumpable = prctl(PR_GET_DUMPABLE);

	EXPECT(operations_are_prepared());
	(void)signal(SIGALRM, SIG_DFL);
	alarm(PATIENCE);
	if (operation->kind->emulated)
		emulate_mseal();
	if (!operation->kind->first)
		seal_earlier_region();
	before_all = take_own_census();
	operation->kind->prepare(&s);
	if (cannot_be_prepared(&s))
		end_run(SKIPPED);
	EXPECT(s.result == 0);
	before = take_own_census();
	inject_arm(plan, &shared->trace);
	s.result = operation->kind->act(&s);
	inject_disarm();
	if (plan->count == 0 && cannot_be_prepared(&s))
		end_run(SKIPPED);
	EXPECT(shared->trace.count[0] < MAX_CALLS && shared->trace.count[1] < MAX_CALLS);
	EXPECT(!shared->trace.astray);
	EXPECT(shared->trace.injected >= plan->count);
	expect_dumpable(dumpable, plan);
	if (s.result < 0)
		judge_failure(&s, plan, before);
	else
		judge_success(&s, plan);
	expect_census(before_all, plan,
		      !(operation->guarantees & SEALMEM_ADDRESS) &&
			      operation->kind->staying == NULL);
	/* The emulation remembers what it sealed. */
	EXPECT(inject_allocations() == 0 || operation->kind->emulated);
	end_run(EXIT_SUCCESS);
}

static void print_operation(const struct operation *operation)
{
	fprintf(stderr, "%s", operation->kind->name);
	for (unsigned g = 1; g <= SEALMEM_GUARANTEES; g <<= 1)
		if (operation->guarantees & g)
			fprintf(stderr, " %s", sealmem_guarantee_name(g));
}

static void print_fault(const struct fault *fault)
{
	static const char *const manners[] = { "fails", "fails half done", "does less",
					       "pretends success" };

	fprintf(stderr, ": %s (call %u%s) %s%s%s%s", call_name(fault->call), fault->index,
		fault->in_child ? " of the child" : "", fault->standing ? "always " : "",
		manners[fault->manner], fault->error != 0 ? " with " : "",
		fault->error != 0 ? strerrorname_np(fault->error) : "");
}

static void print_failure(const struct operation *operation, const struct plan *plan, int status)
{
	print_operation(operation);
	for (unsigned i = 0; i < plan->count; i++)
		print_fault(&plan->faults[i]);
	if (WIFSIGNALED(status))
		fprintf(stderr, ": killed by SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	else
		fprintf(stderr, ": %s\n", shared->complaint);
}

/* All runs of one operation. */
struct search {
	const struct operation *operation;
	unsigned planned, failures;
	bool skipped;
};

static void run(struct search *search, const struct plan *plan, struct trace *ret)
{
	int status;
	pid_t pid;

	shared->trace = (struct trace){ 0 };
	(void)snprintf(shared->complaint, sizeof(shared->complaint), "no word why");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		run_one(search->operation, plan);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	*ret = shared->trace;
	shared->faults += ret->injected;
	shared->calls += plan->count > 0;
	search->skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
	if (status == 0 || search->skipped)
		return;
	print_failure(search->operation, plan, status);
	search->failures++;
}

static void run_and_forget(struct search *search, const struct plan *plan)
{
	struct trace trace;

	run(search, plan, &trace);
}

/* As many as the scale says, evenly spread. */
static bool is_due(struct search *search)
{
	return search->planned++ * test_scale() % 100 < test_scale();
}

static void run_if_due(struct search *search, const struct plan *plan)
{
	if (is_due(search))
		run_and_forget(search, plan);
}

/* What cannot be half done here. */
static bool is_spared(const struct kind *kind, const struct fault *fault)
{
	return fault->manner == HALF_DONE &&
	       ((kind->spared != NULL && fault->call.number == SYS_OWN_MMAP) ||
		(kind->whole != NULL && fault->call.number == SYS_mprotect));
}

/* Visits the plan with each of the first `most` faults added that one call of the trace can meet. */
static void add_faults_of_call(struct search *search, struct plan plan, struct call call,
			       struct fault at, int most,
			       void (*visit)(struct search *search, const struct plan *plan))
{
	struct fault faults[MAX_FAILINGS];
	int count = failings_of(call, faults);
	unsigned last = plan.count++;

	/* There is none, so it has but one answer. */
	if (search->operation->kind->emulated && call.number == __NR_mseal)
		return;
	ck_assert_msg(count >= 0, "unknown system call %ld", call.number);
	for (int i = 0; i < count && i < most; i++) {
		if (is_spared(search->operation->kind, &faults[i]))
			continue;
		plan.faults[last] = faults[i];
		plan.faults[last].index = at.index;
		plan.faults[last].in_child = at.in_child;
		visit(search, &plan);
	}
}

/* For each call after the last fault of the plan. */
static void add_faults(struct search *search, const struct plan *plan, const struct trace *trace,
		       int most, void (*visit)(struct search *search, const struct plan *plan))
{
	struct fault at = { .index = plan->count > 0 ? plan->faults[0].index + 1 : 0 };

	for (; at.index < trace->count[0]; at.index++)
		add_faults_of_call(search, *plan, trace->calls[0][at.index], at, most, visit);
	at = (struct fault){ .in_child = true };
	for (; at.index < trace->count[1] && plan->count == 0; at.index++)
		add_faults_of_call(search, *plan, trace->calls[1][at.index], at, most, visit);
}

static void add_second_fault(struct search *search, const struct plan *plan)
{
	struct trace trace;

	if (plan->faults[0].in_child || !is_due(search))
		return;
	run(search, plan, &trace);
	add_faults(search, plan, &trace, 1, run_and_forget);
}

static bool cannot_be_tried(const struct operation *operation)
{
	unsigned given = shared->supported;

	if (!operation->kind->emulated)
		return operation->guarantees & ~given;
	return operation->guarantees & ~(given | SEALMEM_ADDRESS) || sanitized() ||
	       under_valgrind();
}

START_TEST(each_fault_leaves_everything_as_it_was)
{
	struct search search = { .operation = &operations[_i] };
	const struct plan none = { 0 };
	struct trace trace;

	if (cannot_be_tried(search.operation))
		search.skipped = true;
	else
		run(&search, &none, &trace);
	if (search.skipped) {
		fputs("SKIP unsupported here: ", stderr);
		print_operation(search.operation);
		fputs("\n", stderr);
		return;
	}
	ck_assert_uint_gt(trace.count[0], 0);
	add_faults(&search, &none, &trace, MAX_FAILINGS, run_if_due);
	add_faults(&search, &none, &trace, 2, add_second_fault);
	ck_assert_uint_eq(search.failures, 0);
}
END_TEST

static void print_surprises(void)
{
	for (unsigned i = 0; i < shared->surprise_count; i++)
		printf("undocumented: %s gives %s of %s\n", shared->surprises[i].function,
		       strerrorname_np(shared->surprises[i].error),
		       call_name(shared->surprises[i].call));
}

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *tcase = tcase_create("faults");
	SRunner *runner = srunner_create(suite);
	int failed;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return EXIT_FAILURE;
	prepare_operations();
	shared->supported = supported_for_a_child();
	tcase_add_loop_test(tcase, each_fault_leaves_everything_as_it_was, 0, (int)operation_count);
	tcase_set_timeout(tcase, 600);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	print_surprises();
	printf("%u faults injected, in %u calls\n", shared->faults, shared->calls);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
