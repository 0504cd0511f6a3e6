/* SPDX-License-Identifier: MIT */

/*
 * Each function of the library, stopped before each of its system calls in turn, while an attacker carries out each act
 * of a list: as a thread that runs their code, or as another process of the same user. No thread has to win a race, so
 * every pair of a step and an act is tried, once, in a process of its own.
 *
 * The function fails then, and all is as it was, or it succeeds: with the one content that it was asked for, which
 * nothing changes any more, by whatever the attacker took hold of before. Where SECURITY.md leaves more to an attacker,
 * the pair is counted beside the sentence that says so, and each of these sentences has to be needed.
 */

#include "tests/faults/hostile.h"

#include "tests/faults/inject.h"
#include "tests/faults/operations.h"
#include "tests/support/holds.h"
#include "tests/support/sandbox.h"
#include "tests/support/scale.h"
#include "tests/support/support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

#define MOST_BYTES ((size_t)64 << 10)

/* So that a pair that hangs is a failure. */
#define PATIENCE 20

/* What the operation has to do with the bytes. */
enum family {
	COPY, /* it makes sealed memory of bytes that only the caller has, or of a file that is sealed */
	MEMORY, /* it seals memory that is open: the bytes are those of the moment of the seal */
	RANGE,	/* the same of memory that exists already, and is no file */
	FIXED,	/* it works with memory that is sealed */
	LOOSE,	/* it works with memory that is open and stays so */
};

/* The kinds that are stopped. */
static const struct {
	const char *kind;
	enum family family;
} families[] = {
	{ "new_from", COPY },
	{ "from_file", COPY },
	{ "from_pipe", COPY },
	{ "accept_fd", COPY },
	{ "emulated_new", COPY },
	{ "emulated_from_file", COPY },
	{ "emulated_accept_fd", COPY },
	{ "receive_region", COPY },
	{ "restore_secret", MEMORY },
	{ "seal_whole", MEMORY },
	{ "seal_taken", MEMORY },
	{ "seal_first", MEMORY },
	{ "seal_range", RANGE },
	{ "seal_file_range", RANGE },
	{ "seal_named_range", RANGE },
	{ "seal_image", FIXED },
	{ "fd_first", FIXED },
	{ "fd_known", FIXED },
	{ "send_region", FIXED },
	{ "publisher_new", FIXED },
	{ "publish_region", FIXED },
	{ "accept_client", FIXED },
	{ "serve_client", FIXED },
	{ "serve_list", FIXED },
	{ "subscribe", FIXED },
	{ "subscription_update", FIXED },
	{ "subscription_reconnect", FIXED },
	{ "subscription_release", FIXED },
	{ "list_published", FIXED },
	{ "free_sealed", FIXED },
	{ "new", LOOSE },
	{ "new_first", LOOSE },
	{ "alloc_first", LOOSE },
	{ "alloc_more", LOOSE },
	{ "realloc_last", LOOSE },
	{ "trim", LOOSE },
	{ "free_open", LOOSE },
	{ "store_secret", LOOSE },
	{ "new_heap", LOOSE },
	{ "grow_heap", LOOSE },
	{ "heap_large", LOOSE },
	{ "resize_heap_large", LOOSE },
	{ "free_heap_large", LOOSE },
	{ "close_the_heap", LOOSE },
	{ "open_the_heap", LOOSE },
	{ "free_the_heap", LOOSE },
};

static bool is_loose(enum family family)
{
	return family == LOOSE;
}

#define TAKEN_BACK "NOSWAP, NODUMP and NOFORK leave code in the process"

/* What an act may achieve all the same. */
static const struct opening {
	unsigned effects;     /* of the act, one of them */
	unsigned guarantees;  /* only if one of them is promised, or any if 0 */
	unsigned unless;      /* and this one is not */
	bool loose;	      /* only of memory that stays open */
	const char *sentence; /* of SECURITY.md */
} openings[] = {
	{ CHANGES | DISPLACES, 0, 0, true,
	  "A heap that is open leaves its objects to every store" },
	{ TAKES_BACK, 0, 0, true, TAKEN_BACK },
	{ DISPLACES, 0, SEALMEM_ADDRESS, false, "CONTENT leaves the mapping" },
	{ DISPLACES, 0, SEALMEM_CONTENT, false,
	  "Both assume that nobody did so while the library made the region and sealed it" },
	{ EXCHANGES, 0, 0, false, "CONTENT and ADDRESS leave the calls that make, seal or accept" },
	{ HOLDS, SEALMEM_SECRECY, 0, false, "SECRECY leaves the moments" },
	{ INHERITS, SEALMEM_SECRECY | SEALMEM_NOFORK, 0, false,
	  "SECRECY and NOFORK leave children that the C library knows nothing of" },
	{ TAKES_BACK | DISPLACES, SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK, 0, false,
	  TAKEN_BACK },
};

/* The one that says which guarantees are lost, and nothing else. */
#define TAKING_BACK (LENGTH(openings) - 1)

/* How a pair ended. */
enum outcome { IDLE, WHOLE, FAILED, OPEN, STOPPED, OUTCOMES };

/* The exit status of a process that is no outcome. LACKING: of NOSWAP, NODUMP and NOFORK something is missing. */
enum { WRONG = 100, LACKING = 101, SKIPPED = 77 };

static struct shared {
	struct trace trace;
	char complaint[256];
	unsigned supported, steps;
	bool acted;
	unsigned counts[OUTCOMES];
	unsigned needed[LENGTH(openings)];
} * shared;

void wrong(const char *file, int line, const char *expected)
{
	inject_disarm();
	(void)snprintf(shared->complaint, sizeof(shared->complaint), "%s:%d: not so: %s", file,
		       line, expected);
	_exit(WRONG);
}

/* A pair, in the process in which it is tried. */
struct pair {
	const struct operation *operation;
	const struct act *act;
	enum family family;
	struct subject subject;
	char before[MOST_BYTES], now[MOST_BYTES];
	int attacker;
};

static bool family_of(const struct kind *kind, enum family *ret)
{
	for (size_t i = 0; i < LENGTH(families); i++)
		if (strcmp(families[i].kind, kind->name) == 0) {
			*ret = families[i].family;
			return true;
		}
	return false;
}

static unsigned promised(const struct operation *operation)
{
	unsigned demanded = operation->guarantees;

	return demanded & SEALMEM_SECRECY
		       ? demanded | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK
		       : demanded;
}

/* Where the attack goes */

static void find_descriptors(struct target *ret)
{
	for (int fd = 3; fd < 64 && ret->fd_count < MOST_TARGETS; fd++) {
		char path[64], name[256];
		ssize_t size;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		size = readlink(path, name, sizeof(name) - 1);
		if (size < 0)
			continue;
		name[size] = '\0';
		if (fd != ret->given &&
		    (strstr(name, "memfd:sealmem:") != NULL || strstr(name, "secretmem") != NULL))
			ret->fds[ret->fd_count++] = fd;
	}
}

static void add_mapping(struct target *to, char *start, size_t size)
{
	if (to->map_count < MOST_TARGETS) {
		to->maps[to->map_count].start = start;
		to->maps[to->map_count++].size = size;
	}
}

static void find_mappings(struct target *ret)
{
	CLEANUP(maps_close) struct maps maps = { .fd = -1 };
	struct maps_entry entry;

	if (maps_open(&maps) < 0)
		return;
	while (maps_next(&maps, &entry) > 0)
		if (strstr(entry.name, "memfd:sealmem:") != NULL ||
		    strstr(entry.name, "secretmem") != NULL)
			add_mapping(ret, (char *)entry.start, entry.end - entry.start); /* NOLINT */
}

static struct target find_target(const struct pair *p)
{
	const struct subject *s = &p->subject;
	const char *kind = s->operation->kind->name;
	struct target target = { .process = getpid(), .given = -1 };

	if (p->family == COPY || strcmp(kind, "restore_secret") == 0)
		target.given = s->offered > 0 ? s->offered : -1;
	if (strcmp(kind, "new_from") == 0) {
		target.buffer = operations_buffer();
		target.buffer_size = s->size;
	}
	find_descriptors(&target);
	if (p->family == RANGE)
		add_mapping(&target, s->data, s->size);
	else
		find_mappings(&target);
	return target;
}

/* The attacker elsewhere is the process that has started this one. It is told which act, or to write again, or to let
 * go, and answers whether there was something to do. */
enum what { CARRY_OUT, WRITE_AGAIN, LET_GO };

struct order {
	enum what what;
	const struct act *act;
	struct target to;
};

static bool have_done(const struct order *order)
{
	if (order->what == CARRY_OUT)
		return order->act->carry_out(&order->to);
	if (order->what == WRITE_AGAIN)
		hostile_write_again();
	else
		hostile_let_go();
	return true;
}

static void serve_orders(int victim)
{
	struct order order;

	while (recv(victim, &order, sizeof(order), 0) == sizeof(order)) {
		char done = (char)have_done(&order);

		(void)!send(victim, &done, 1, MSG_NOSIGNAL);
	}
	hostile_let_go();
	close(victim);
}

static bool tell(const struct pair *p, const struct order *order)
{
	char done = 0;

	if (!p->act->elsewhere)
		return have_done(order);
	EXPECT(send(p->attacker, order, sizeof(*order), MSG_NOSIGNAL) == sizeof(*order));
	EXPECT(recv(p->attacker, &done, 1, 0) == 1);
	return done != 0;
}

static bool carry_out(const struct pair *p)
{
	const struct order order = { CARRY_OUT, p->act, find_target(p) };

	return tell(p, &order);
}

static void carry_out_now(void *argument)
{
	shared->acted = carry_out(argument);
}

static void tell_to(const struct pair *p, enum what what)
{
	const struct order order = { .what = what };

	(void)tell(p, &order);
}

/* What must hold */

/* Of memory that may be gone. */
static bool load(char *to, const char *from, size_t size)
{
	int ends[2];
	bool done = pipe2(ends, O_CLOEXEC) == 0;

	for (size_t at = 0; done && at < size; at += page_size()) {
		size_t part = size - at < page_size() ? size - at : page_size();

		done = write(ends[1], from + at, part) == (ssize_t)part &&
		       read(ends[0], to + at, part) == (ssize_t)part;
	}
	close(ends[0]);
	close(ends[1]);
	return done;
}

/* Bytes of open memory are as they were given, or as the attacker left them. */
static bool are_given(const struct pair *p, const char *bytes, size_t size)
{
	const char *given = operations_buffer();

	if (p->act->effects & GIVES && memcmp(bytes, p->before, size) == 0)
		return true;
	if (p->family == COPY || !(p->act->effects & CHANGES))
		return memcmp(bytes, given, size) == 0;
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != given[i] && bytes[i] != 0 && bytes[i] != OTHER_BYTE)
			return false;
	return true;
}

static void expect_fixed_bytes(struct pair *p, const char *data, size_t size)
{
	unsigned effects = p->act->effects;
	bool again = (effects & CHANGES && promised(p->operation) & SEALMEM_CONTENT) ||
		     (effects & DISPLACES && promised(p->operation) & SEALMEM_ADDRESS);

	EXPECT(load(p->before, data, size));
	if (!(promised(p->operation) & SEALMEM_CONTENT))
		return;
	tell_to(p, WRITE_AGAIN);
	if (again)
		(void)carry_out(p);
	EXPECT(load(p->now, data, size));
	EXPECT(memcmp(p->now, p->before, size) == 0);
}

static void expect_guarantees(const struct pair *p, char *data, size_t size)
{
	unsigned missing = promised(p->operation);

	missing = guarantees_missing(data, page_round_up(size), missing);
	EXPECT(!(missing & SEALMEM_CONTENT));
	EXPECT(!(missing & SEALMEM_ADDRESS));
	EXPECT(!(missing & SEALMEM_SECRECY));
	EXPECT(!(missing & SEALMEM_GUARDS));
	(void)snprintf(shared->complaint, sizeof(shared->complaint), "carries %#x too little",
		       missing);
	if (missing != 0)
		_exit(LACKING);
}

/* The descriptor says the same as the address. */
static void expect_same_file(struct pair *p, const struct sealmem_region *region)
{
	size_t size = sealmem_region_size(region);
	int fd = sealmem_region_fd(region);

	if (promised(p->operation) & SEALMEM_SECRECY || (fd == -EOPNOTSUPP && p->family == COPY))
		return;
	EXPECT(fd >= 0);
	EXPECT((fcntl(fd, F_GET_SEALS) & ALL_SEALS) == ALL_SEALS);
	EXPECT(pread(fd, p->now, size + 1, 0) == (ssize_t)size);
	EXPECT(memcmp(p->now, p->before, size) == 0);
}

static void judge_memory(struct pair *p, char *data, size_t size)
{
	EXPECT(load(p->now, data, size));
	EXPECT(are_given(p, p->now, size));
	expect_fixed_bytes(p, data, size);
	expect_guarantees(p, data, size);
}

static void judge_region(struct pair *p)
{
	struct sealmem_region *region = p->subject.region;

	EXPECT(sealmem_region_guarantees(region) == promised(p->operation));
	EXPECT(sealmem_region_size(region) == p->subject.size);
	judge_memory(p, sealmem_region_data(region), p->subject.size);
	expect_same_file(p, region);
}

static void judge_success(struct pair *p)
{
	struct subject *s = &p->subject;

	if (p->family == COPY || p->family == MEMORY)
		judge_region(p);
	else if (p->family == RANGE)
		judge_memory(p, s->data, s->size);
	else if (!is_loose(p->family) || !(p->act->effects & (CHANGES | LASTS | INHERITS)))
		s->operation->kind->done(s);
}

static bool is_documented(const struct function *function, int error)
{
	for (size_t i = 0; i < LENGTH(function->errors) && function->errors[i] != 0; i++)
		if (function->errors[i] == error)
			return true;
	return error == EOPNOTSUPP;
}

/* A descriptor or an argument that is no more has the error of the kernel. So has the number of a descriptor that is
 * above the limit. */
static bool explains(const struct act *act, int error)
{
	if (act->effects & LIMITS)
		return error == EBADF;
	return act->effects & (EXCHANGES | GIVES | DISPLACES) &&
	       (error == EBADF || error == EINVAL || error == EPERM || error == EFAULT ||
		error == ENODEV || error == EACCES);
}

/* The kernel takes secret pages away before it finds that it may not lock those that were to replace them. */
static bool is_lost(const struct pair *p)
{
	return p->act->effects & LIMITS && promised(p->operation) & SEALMEM_SECRECY &&
	       p->subject.result == -ENOTRECOVERABLE && !is_mapped(p->subject.data);
}

static void expect_open(struct pair *p)
{
	struct subject *s = &p->subject;

	if (is_lost(p))
		_exit(FAILED);
	EXPECT(load(p->now, s->data, s->size) || p->act->effects & LASTS);
	EXPECT(are_given(p, p->now, s->size) || p->act->effects & LASTS);
	if (s->result != -ENOTRECOVERABLE && !(p->act->effects & LASTS))
		EXPECT(way_not_to_write(s->data) == NULL);
}

static bool can_be_done_again(const struct pair *p)
{
	const struct kind *kind = p->operation->kind;

	if (kind->after != NULL && p->family != RANGE)
		return false;
	if (p->family == COPY)
		return !(p->act->effects & (GIVES | EXCHANGES));
	return !(p->act->effects & (LASTS | DISPLACES | EXCHANGES | GIVES)) &&
	       !(is_loose(p->family) && p->act->effects & CHANGES);
}

static void judge_failure(struct pair *p, int descriptors)
{
	struct subject *s = &p->subject;
	unsigned effects = p->act->effects;

	EXPECT(is_documented(s->operation->kind->function, -s->result) ||
	       explains(p->act, -s->result));
	tell_to(p, LET_GO);
	if (!(effects & (EXCHANGES | GIVES)))
		EXPECT(take_own_census().descriptors == descriptors);
	if (effects & (DISPLACES | EXCHANGES))
		return;
	if (s->data != NULL && (p->family == MEMORY || p->family == RANGE))
		expect_open(p);
	else if (!(effects & GIVES) && (!is_loose(p->family) || !(effects & CHANGES)))
		s->operation->kind->unchanged(s);
	if (!can_be_done_again(p))
		return;
	s->faults = 0;
	s->result = s->operation->kind->act(s);
	EXPECT(s->result == 0);
	judge_success(p);
}

static bool cannot_be_prepared(const struct subject *s)
{
	return s->result == -EAGAIN || s->result == -EOPNOTSUPP ||
	       (s->result < 0 && s->result == -s->operation->kind->refused_here);
}

static void prepare(struct pair *p)
{
	struct subject *s = &p->subject;

	EXPECT(operations_are_prepared());
	die_of_faults();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(PATIENCE);
	if (p->operation->kind->emulated)
		emulate_mseal();
	if (!p->operation->kind->first)
		seal_earlier_region();
	p->operation->kind->prepare(s);
	if (cannot_be_prepared(s))
		_exit(SKIPPED);
	EXPECT(s->result == 0 && (is_loose(p->family) || s->size <= MOST_BYTES));
	if (!is_loose(p->family))
		memcpy(p->before, operations_buffer(), s->size);
}

__attribute__((noreturn)) static void try_pair(struct pair *p, unsigned at)
{
	const struct plan none = { 0 };
	struct stop stop = { .index = at, .act = carry_out_now, .argument = p };
	struct subject *s = &p->subject;
	int descriptors;

	*s = (struct subject){ .operation = p->operation, .plan = &none };
	prepare(p);
	descriptors = take_own_census().descriptors;
	inject_stop(&stop);
	inject_arm(&none, &shared->trace);
	s->result = p->operation->kind->act(s);
	inject_disarm();
	hostile_undo();
	shared->steps = stop.next;
	/* It is as if several calls in a row had failed. */
	s->faults = p->act->effects & (LIMITS | EXCHANGES | DISPLACES) ? 2 : 0;
	if (s->result < 0)
		judge_failure(p, descriptors);
	else
		judge_success(p);
	_exit(s->result < 0 ? FAILED : WHOLE);
}

/* All pairs of one operation */

struct search {
	const struct operation *operation;
	enum family family;
	unsigned planned, failures;
};

static const struct opening *opening_of(const struct search *search, const struct act *act,
					int status)
{
	unsigned given = promised(search->operation);
	bool lacking = WEXITSTATUS(status) == LACKING;

	for (size_t i = 0; i < LENGTH(openings); i++)
		if ((i != TAKING_BACK || lacking) && openings[i].effects & act->effects &&
		    (openings[i].guarantees == 0 || openings[i].guarantees & given) &&
		    !(openings[i].unless & given) &&
		    (!openings[i].loose || is_loose(search->family)))
			return &openings[i];
	return NULL;
}

/* Memory that is taken from a process stops it: "Not a boundary". */
static bool is_stopped(const struct act *act, enum family family, int status)
{
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	/* A heap that finds itself corrupted. */
	if (signal == SIGABRT && is_loose(family))
		return act->effects & (CHANGES | DISPLACES | EXCHANGES);
	/* A file that was cut off while it is open. */
	if (signal == SIGBUS && act->effects & LASTS && act->effects & CHANGES)
		return family != RANGE && family != FIXED;
	return (signal == SIGSEGV || signal == SIGBUS) && act->effects & (DISPLACES | EXCHANGES);
}

static void complain(struct search *search, const struct act *act, unsigned at, int status)
{
	search->failures++;
	fprintf(stderr, "%s", search->operation->kind->name);
	for (unsigned g = 1; g <= SEALMEM_GUARANTEES; g <<= 1)
		if (search->operation->guarantees & g)
			fprintf(stderr, " %s", sealmem_guarantee_name(g));
	fprintf(stderr, ": %s before call %u: ", act->name, at);
	if (WIFSIGNALED(status))
		fprintf(stderr, "killed by SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	else
		fprintf(stderr, "%s\n", shared->complaint);
}

static enum outcome outcome_of(struct search *search, const struct act *act, unsigned at,
			       int status)
{
	const struct opening *opening = opening_of(search, act, status);

	if (WIFEXITED(status) && WEXITSTATUS(status) < OUTCOMES)
		return shared->acted ? (enum outcome)WEXITSTATUS(status) : IDLE;
	if (is_stopped(act, search->family, status))
		return STOPPED;
	if (opening == NULL || !WIFEXITED(status))
		complain(search, act, at, status);
	else
		shared->needed[opening - openings]++;
	return OPEN;
}

/* The status of the process in which the pair was tried. */
static int run_pair(const struct search *search, const struct act *act, unsigned at)
{
	static struct pair pair;
	int ends[2], status;
	pid_t pid;

	shared->acted = false;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(ends[0]);
		pair.operation = search->operation;
		pair.act = act;
		pair.family = search->family;
		pair.attacker = ends[1];
		try_pair(&pair, at);
	}
	close(ends[1]);
	serve_orders(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* All, or a fourth of what the scale says, evenly spread. */
static bool is_due(struct search *search)
{
	unsigned scale = test_scale();

	return scale == 100 || search->planned++ * scale % 400 < scale;
}

static bool is_given_something(const struct search *search)
{
	const char *kind = search->operation->kind->name;

	return search->family == COPY || strcmp(kind, "restore_secret") == 0;
}

static void try_acts(struct search *search, unsigned at)
{
	for (size_t i = 0; i < act_count; i++)
		if ((!(acts[i].effects & GIVES) || is_given_something(search)) && is_due(search)) {
			int status = run_pair(search, &acts[i], at);

			shared->counts[outcome_of(search, &acts[i], at, status)]++;
		}
}

START_TEST(no_act_between_two_calls_gets_past_a_seal)
{
	struct search search = { .operation = &operations[_i], .planned = (unsigned)_i * 7 };
	unsigned missing = search.operation->guarantees & ~shared->supported, steps;
	int status;

	if (missing != 0 || !family_of(search.operation->kind, &search.family))
		return;
	status = run_pair(&search, &acts[0], UINT_MAX);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		return;
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == WHOLE, "%s: %s",
		      search.operation->kind->name, shared->complaint);
	steps = shared->steps;
	for (unsigned at = 0; at < steps; at++)
		try_acts(&search, at);
	ck_assert_uint_eq(search.failures, 0);
}
END_TEST

/* Where every pair is tried, and the machine has all guarantees, each sentence has to be one that some pair needs. */
static bool is_stale(size_t opening)
{
	return test_scale() == 100 && shared->supported == SEALMEM_GUARANTEES &&
	       shared->needed[opening] == 0;
}

/* False if a sentence is stale. */
static bool print_openings(void)
{
	bool stale = false;

	for (size_t i = 0; i < LENGTH(openings); i++) {
		printf("%6u  %s%s\n", shared->needed[i], openings[i].sentence,
		       is_stale(i) ? ": no pair needs it" : "");
		stale |= is_stale(i);
	}
	return !stale;
}

static unsigned print_counts(void)
{
	const unsigned *counts = shared->counts;
	unsigned all = 0;

	for (unsigned i = 0; i < OUTCOMES; i++)
		all += counts[i];
	printf("%u pairs of a step and an act: %u found nothing to act on, %u calls failed, %u "
	       "succeeded, %u ended the process, %u had what is left open\n",
	       all, counts[IDLE], counts[FAILED], counts[WHOLE], counts[STOPPED], counts[OPEN]);
	return all;
}

int main(void)
{
	Suite *suite = suite_create("hostile");
	TCase *tcase = tcase_create("hostile");
	SRunner *runner = srunner_create(suite);
	int failed;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return EXIT_FAILURE;
	prepare_operations();
	shared->supported = supported_for_a_child();
	tcase_add_loop_test(tcase, no_act_between_two_calls_gets_past_a_seal, 0,
			    (int)operation_count);
	tcase_set_timeout(tcase, 3600);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	failed |= print_counts() == 0;
	failed |= !print_openings();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
