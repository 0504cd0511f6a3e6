/* SPDX-License-Identifier: MIT */

/*
 * Stores that are tried and stores that kill. What kills is done in a child, with a socket for a standard
 * error that keeps one write apart from the next; the test reads what the child said and sees how it
 * ended.
 */

#include "tests/support/sandbox.h"
#include "tests/support/support.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#if defined(__x86_64__) || defined(__aarch64__)
# define STACK_OF_REPORT 2048
#else
# define STACK_OF_REPORT 3072
#endif

/* What a processor does not tell, a report does not say. */
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__arm__) ||        \
	defined(__powerpc64__)
# define STORE "store to"
# define LOAD  "load from"
#else
# define STORE "access to"
# define LOAD  "access to"
#endif

START_TEST(a_write_to_writable_memory_is_stored)
{
	char *at = map_private(page_size());

	ck_assert_int_eq(sealmem_try_write(at + 1, "abc", 3), 0);
	ck_assert_mem_eq(at, "\0abc", 5);
}
END_TEST

START_TEST(a_write_to_sealed_memory_is_efault)
{
	SCOPED_REGION *region = sealed_region("test", page_size(), SEALMEM_CONTENT);

	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(region), "abc", 3), -EFAULT);
	assert_filled(sealmem_region_data(region), page_size());
}
END_TEST

START_TEST(a_write_to_read_only_memory_is_efault)
{
	char *at = map_private(page_size());

	fill(at, page_size());
	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	ck_assert_int_eq(sealmem_try_write(at, "abc", 3), -EFAULT);
	assert_filled(at, page_size());
}
END_TEST

START_TEST(a_write_to_inaccessible_memory_is_efault)
{
	char *at = map_private(page_size());

	ck_assert_int_eq(mprotect(at, page_size(), PROT_NONE), 0);
	ck_assert_int_eq(sealmem_try_write(at, "abc", 3), -EFAULT);
}
END_TEST

START_TEST(a_write_to_no_memory_is_efault)
{
	char *at = map_private(page_size());

	require_no_valgrind("valgrind complains of what this test does on purpose");
	ck_assert_int_eq(munmap(at, page_size()), 0);
	ck_assert_int_eq(sealmem_try_write(at, "abc", 3), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(NULL, "abc", 3), -EFAULT);
}
END_TEST

START_TEST(a_write_of_nothing_is_done_anywhere)
{
	SCOPED_REGION *region = sealed_region("test", 1, SEALMEM_CONTENT);

	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(region), "abc", 0), 0);
	ck_assert_int_eq(sealmem_try_write(NULL, "abc", 0), 0);
	ck_assert_int_eq(sealmem_try_write(NULL, NULL, 0), 0);
}
END_TEST

START_TEST(a_write_of_no_bytes_is_einval)
{
	char *at = map_private(page_size());
	const void *volatile none = NULL; /* the compiler warns of a plain NULL */

	ck_assert_int_eq(sealmem_try_write(at, none, 1), -EINVAL);
}
END_TEST

START_TEST(a_write_of_bytes_that_cannot_be_read_is_efault)
{
	char *at = map_private(page_size()), *bytes = map_private(page_size());

	fill(at, page_size());
	ck_assert_int_eq(mprotect(bytes, page_size(), PROT_NONE), 0);
	ck_assert_int_eq(sealmem_try_write(at, bytes, 1), -EFAULT);
	assert_filled(at, page_size());
}
END_TEST

/* Two pages, of which the second refuses. */
static char *page_before_a_wall(int protection)
{
	char *at = map_private(2 * page_size());

	ck_assert_int_eq(mprotect(at + page_size(), page_size(), protection), 0);
	return at;
}

START_TEST(a_write_of_bytes_that_cannot_all_be_read_is_efault)
{
	char *at = map_private(2 * page_size());

	ck_assert_int_eq(sealmem_try_write(at, page_before_a_wall(PROT_NONE), 2 * page_size()),
			 -EFAULT);
	assert_zeroed(at + page_size(), page_size());
}
END_TEST

START_TEST(a_write_that_runs_into_a_wall_is_efault)
{
	char *at = page_before_a_wall(PROT_READ), *bytes = map_private(2 * page_size());

	memset(bytes, 'x', 2 * page_size());
	ck_assert_int_eq(sealmem_try_write(at + 1, bytes, page_size()), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(at, bytes, 2 * page_size()), -EFAULT);
	assert_zeroed(at + page_size(), page_size());
}
END_TEST

START_TEST(a_write_up_to_a_wall_is_stored)
{
	char *at = page_before_a_wall(PROT_NONE), *bytes = map_private(page_size());

	fill(bytes, page_size());
	ck_assert_int_eq(sealmem_try_write(at, bytes, page_size()), 0);
	assert_filled(at, page_size());
}
END_TEST

START_TEST(a_write_of_an_absurd_size_ends_at_the_wall)
{
	char *at = page_before_a_wall(PROT_READ), *bytes = page_before_a_wall(PROT_NONE);
	volatile size_t absurd = SIZE_MAX; /* the compiler warns of a plain one */

	ck_assert_int_eq(sealmem_try_write(at, bytes, absurd), -EFAULT);
	assert_zeroed(at + page_size(), page_size());
}
END_TEST

START_TEST(a_write_may_be_longer_than_a_pipe_holds)
{
	size_t size = (size_t)3 << 20;
	char *at = map_private(size), *bytes = map_private(size);

	fill(bytes, size - 7);
	ck_assert_int_eq(sealmem_try_write(at + 7, bytes, size - 7), 0);
	assert_zeroed(at, 7);
	assert_filled(at + 7, size - 7);
}
END_TEST

START_TEST(a_long_write_to_sealed_memory_is_efault)
{
	size_t size = (size_t)1 << 20;
	SCOPED_REGION *region = sealed_region("test", size, SEALMEM_CONTENT);
	const char *bytes = map_private(size);

	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(region), bytes, size), -EFAULT);
	assert_filled(sealmem_region_data(region), size);
}
END_TEST

START_TEST(a_write_leaks_nothing)
{
	SCOPED_REGION *region = sealed_region("test", 1, SEALMEM_CONTENT);
	char *at = map_private(page_size());
	struct census before = take_census();
	const void *volatile none = NULL; /* the compiler warns of a plain NULL */

	ck_assert_int_eq(sealmem_try_write(sealmem_region_data(region), "x", 1), -EFAULT);
	ck_assert_int_eq(sealmem_try_write(at, "x", 1), 0);
	ck_assert_int_eq(sealmem_try_write(at, none, 1), -EINVAL);
	assert_same_census(before);
}
END_TEST

/* How a child ended and what it wrote to standard error. */
struct end {
	int status;
	size_t writes, length;
	char text[2048];
};

static void read_all(int fd, struct end *end)
{
	ssize_t got = 1;

	while (got > 0 && end->length < sizeof(end->text) - 1) {
		got = read(fd, end->text + end->length, sizeof(end->text) - 1 - end->length);
		end->length += got > 0 ? (size_t)got : 0;
		end->writes += got > 0;
	}
	end->text[end->length] = '\0';
}

static struct end end_of(int (*act)(void *argument), void *argument)
{
	struct end end = { 0 };
	int pair[2];
	pid_t pid;

	fflush(stdout);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pair[1], STDERR_FILENO);
		close(pair[1]);
		die_of_faults();
		exit(act(argument));
	}
	close(pair[1]);
	read_all(pair[0], &end);
	close(pair[0]);
	ck_assert_int_eq(waitpid(pid, &end.status, 0), pid);
	return end;
}

static void assert_died(const struct end *end, int signal)
{
	ck_assert_msg(WIFSIGNALED(end->status), "ended with status %d: %s",
		      WEXITSTATUS(end->status), end->text);
	ck_assert_int_eq(WTERMSIG(end->status), signal);
}

static void assert_exited(const struct end *end, int status)
{
	ck_assert_msg(WIFEXITED(end->status), "ended by signal %d", WTERMSIG(end->status));
	ck_assert_int_eq(WEXITSTATUS(end->status), status);
}

static const char *program_name(void)
{
	static char path[512];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	ck_assert_int_gt((int)length, 0);
	return strrchr(path, '/') + 1;
}

/* One write of one line: `what` (an expression), the address, and an instruction of this program. */
static void assert_line(const struct end *end, const void *address, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

static void assert_line(const struct end *end, const void *address, const char *what, ...)
{
	char begin[512], line[1024];
	regex_t expression;
	va_list arguments;

	va_start(arguments, what);
	vsnprintf(begin, sizeof(begin), what, arguments);
	va_end(arguments);
	snprintf(
		line, sizeof(line),
		"^sealmem: stray %s \\(0x%lx\\) by instruction 0x[0-9a-f]+ \\(%s\\+0x[0-9a-f]+\\)\n$",
		begin, (unsigned long)address, program_name());
	ck_assert_uint_eq(end->writes, 1);
	ck_assert_int_eq(regcomp(&expression, line, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&expression, end->text, 0, NULL, 0) == 0, "%s", end->text);
	regfree(&expression);
}

static void assert_silent(const struct end *end)
{
	ck_assert_str_eq(end->text, "");
}

static __attribute__((noinline)) int store_byte(char *at)
{
	*(volatile char *)at = 1;
	return 0;
}

static int report_and_store(void *at)
{
	return sealmem_report_faults() != 0 || store_byte(at);
}

static int report_and_load(void *at)
{
	return sealmem_report_faults() != 0 || *(volatile const char *)at == 1;
}

START_TEST(a_store_to_a_sealed_region_is_reported)
{
	SCOPED_REGION *region = sealed_region("policy", page_size(), SEALMEM_CONTENT);
	char *at = (char *)sealmem_region_data(region) + 24;
	struct end end = end_of(report_and_store, at);

	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " sealed region \"policy\" at offset 24");
}
END_TEST

START_TEST(a_store_to_a_region_from_bytes_is_reported)
{
	SCOPED_REGION *region = region_from("x", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end = end_of(report_and_store, at);

	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " sealed region \"bytes\" at offset 0");
}
END_TEST

START_TEST(a_store_to_a_later_page_is_reported_with_its_offset)
{
	SCOPED_REGION *region = sealed_region("policy", 3 * page_size(), SEALMEM_CONTENT);
	char *at = (char *)sealmem_region_data(region) + 2 * page_size() + 5;
	struct end end = end_of(report_and_store, at);

	assert_line(&end, at, STORE " sealed region \"policy\" at offset %zu", 2 * page_size() + 5);
}
END_TEST

START_TEST(a_store_to_a_region_with_a_sealed_address_is_reported)
{
	SCOPED_REGION *region = NULL;
	struct end end;
	char *at;

	require_mseal();
	region = sealed_region("policy", 1, SEALMEM_CONTENT | SEALMEM_ADDRESS);
	at = sealmem_region_data(region);
	end = end_of(report_and_store, at);
	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

START_TEST(a_store_to_a_sealed_range_is_reported)
{
	char *at = map_private(2 * page_size());
	struct end end;

	ck_assert_int_eq(sealmem_seal_range(at, 2 * page_size(), SEALMEM_CONTENT), 0);
	end = end_of(report_and_store, at + page_size());
	assert_died(&end, SIGSEGV);
	assert_line(&end, at + page_size(), STORE " sealed region \"range\" at offset %zu",
		    page_size());
}
END_TEST

START_TEST(a_store_to_a_sealed_range_is_reported_by_its_name)
{
	char *at = map_private(2 * page_size());
	struct end end;

	ck_assert_int_eq(sealmem_seal_range_named(at, 2 * page_size(), "opcodes", SEALMEM_CONTENT),
			 0);
	end = end_of(report_and_store, at + page_size());
	assert_died(&end, SIGSEGV);
	assert_line(&end, at + page_size(), STORE " sealed region \"opcodes\" at offset %zu",
		    page_size());
}
END_TEST

START_TEST(a_store_before_a_region_is_reported)
{
	SCOPED_REGION *region =
		sealed_region("policy", page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);
	char *at = (char *)sealmem_region_data(region) - 1;
	struct end end = end_of(report_and_store, at);

	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " the guard page before sealed region \"policy\" at offset -1");
}
END_TEST

START_TEST(a_store_after_a_region_is_reported)
{
	SCOPED_REGION *region =
		sealed_region("policy", page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);
	char *at = (char *)sealmem_region_data(region) + page_size();
	struct end end = end_of(report_and_store, at);

	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " the guard page after sealed region \"policy\" at offset %zu",
		    page_size());
}
END_TEST

START_TEST(a_store_to_the_guard_page_of_an_open_region_is_reported)
{
	SCOPED_REGION *region =
		open_region("policy", page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);
	char *data = sealmem_region_data(region), *at = data + page_size();
	struct end end;

	ck_assert_int_eq(madvise(data, page_size(), MADV_DOFORK), 0);
	end = end_of(report_and_store, at);
	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " the guard page after open region \"policy\" at offset %zu",
		    page_size());
}
END_TEST

START_TEST(a_load_from_a_guard_page_is_reported_as_one)
{
	SCOPED_REGION *region =
		sealed_region("policy", page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);
	char *at = (char *)sealmem_region_data(region) + page_size();
	struct end end = end_of(report_and_load, at);

	assert_died(&end, SIGSEGV);
	assert_line(&end, at, LOAD " the guard page after sealed region \"policy\" at offset %zu",
		    page_size());
}
END_TEST

/* The kernel makes one mapping of two guard pages that meet. */
START_TEST(guard_pages_that_meet_are_each_reported_for_their_own_region)
{
	unsigned guarantees = SEALMEM_CONTENT | SEALMEM_GUARDS;
	SCOPED_REGION *one = sealed_region("one", page_size(), guarantees);
	SCOPED_REGION *two = sealed_region("two", page_size(), guarantees);
	char *low = sealmem_region_data(one), *high = sealmem_region_data(two);
	bool swapped = low > high;
	struct end end;

	if (swapped) {
		low = sealmem_region_data(two);
		high = sealmem_region_data(one);
	}
	if (low + 3 * page_size() != high)
		skip_test("the kernel did not put two regions side by side");
	end = end_of(report_and_store, high - 1);
	assert_line(&end, high - 1,
		    STORE " the guard page before sealed region \"%s\" at offset -1",
		    swapped ? "one" : "two");
	end = end_of(report_and_store, low + page_size());
	assert_line(&end, low + page_size(),
		    STORE " the guard page after sealed region \"%s\" at offset %zu",
		    swapped ? "two" : "one", page_size());
}
END_TEST

START_TEST(the_line_has_a_name_of_the_longest)
{
	char name[SEALMEM_NAME_MAX + 1] = { 0 };
	SCOPED_REGION *region = NULL;
	struct end end;
	char *at;

	memset(name, 'n', SEALMEM_NAME_MAX);
	region = sealed_region(name, page_size(), SEALMEM_CONTENT | SEALMEM_GUARDS);
	at = (char *)sealmem_region_data(region) + page_size();
	end = end_of(report_and_store, at);
	assert_line(&end, at, STORE " the guard page after sealed region \"%s\" at offset %zu",
		    name, page_size());
}
END_TEST

START_TEST(the_line_has_a_name_as_it_was_given)
{
	SCOPED_REGION *region = sealed_region("a b (deleted)", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end = end_of(report_and_store, at);

	assert_line(&end, at, STORE " sealed region \"a b \\(deleted\\)\" at offset 0");
}
END_TEST

START_TEST(the_line_has_an_empty_name)
{
	SCOPED_REGION *region = sealed_region("", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end = end_of(report_and_store, at);

	assert_line(&end, at, STORE " sealed region \"\" at offset 0");
}
END_TEST

START_TEST(the_line_has_the_instruction_and_its_place_in_the_program)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	struct end end = end_of(report_and_store, sealmem_region_data(region));
	uintptr_t instruction = 0, place = 0, function = (uintptr_t)store_byte;
	const char *text = strstr(end.text, " by instruction ");
	struct maps_entry entry;
	void *at;

	require_no_valgrind("valgrind knows the instruction only roughly");
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(sscanf(text, " by instruction 0x%" SCNxPTR " (%*[^+]+0x%" SCNxPTR ")",
				&instruction, &place),
			 2);
	ck_assert_uint_ge(instruction, function);
	ck_assert_uint_lt(instruction, function + 1024);
	memcpy(&at, &instruction, sizeof(at));
	ck_assert(find_mapping(at, &entry));
	ck_assert_uint_eq(place, instruction - entry.start + entry.offset);
}
END_TEST

static int cut_file_and_store(void *argument)
{
	struct sealmem_region *region = argument;
	CLEANUP(close_fd_at) int fd = open_file_of("policy", O_RDWR);

	return ftruncate(fd, 0) < 0 || report_and_store(sealmem_region_data(region));
}

START_TEST(a_sigbus_is_reported_and_died_of)
{
	SCOPED_REGION *region = open_region("policy", page_size(), SEALMEM_CONTENT);
	char *data = sealmem_region_data(region);
	struct end end;

	ck_assert_int_eq(madvise(data, page_size(), MADV_DOFORK), 0);
	end = end_of(cut_file_and_store, region);
	assert_died(&end, SIGBUS);
	assert_line(&end, data, STORE " open region \"policy\" at offset 0");
}
END_TEST

START_TEST(a_store_to_other_memory_is_not_reported)
{
	char *at = map_private(page_size());
	struct end end;

	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	end = end_of(report_and_store, at);
	assert_died(&end, SIGSEGV);
	assert_silent(&end);
}
END_TEST

START_TEST(a_store_to_no_memory_is_not_reported)
{
	char *at = map_private(page_size());
	struct end end;

	ck_assert_int_eq(munmap(at, page_size()), 0);
	end = end_of(report_and_store, at);
	assert_died(&end, SIGSEGV);
	assert_silent(&end);
}
END_TEST

START_TEST(a_store_to_other_inaccessible_memory_is_not_reported)
{
	char *at = map_private(3 * page_size());
	struct end end;

	ck_assert_int_eq(mprotect(at, 3 * page_size(), PROT_NONE), 0);
	end = end_of(report_and_store, at + page_size());
	assert_died(&end, SIGSEGV);
	assert_silent(&end);
}
END_TEST

static int report_twice_and_store(void *at)
{
	return sealmem_report_faults() != 0 || report_and_store(at);
}

START_TEST(asked_for_twice_the_line_is_written_once)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end = end_of(report_twice_and_store, at);

	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

/* What the handler that was there before saw. */
static sigjmp_buf escape;
static void *volatile seen_address;
static volatile int seen_signal, seen_errno;

static void handle_with_info(int signal, siginfo_t *info, void *context)
{
	seen_signal = context != NULL ? signal : 0;
	seen_address = info->si_addr;
	seen_errno = errno;
	siglongjmp(escape, 1);
}

static void handle_plainly(int signal)
{
	seen_signal = signal;
	siglongjmp(escape, 1);
}

static int install(const struct sigaction *action)
{
	return sigaction(SIGSEGV, action, NULL) || sealmem_report_faults();
}

static int store_with_handler(const struct sigaction *action, char *at)
{
	if (install(action) != 0)
		return 2;
	if (sigsetjmp(escape, 1) != 0)
		return seen_signal == SIGSEGV ? 0 : 3;
	errno = EXDEV;
	return store_byte(at) + 4;
}

static int store_with_info_handler(void *at)
{
	struct sigaction action = { .sa_sigaction = handle_with_info, .sa_flags = SA_SIGINFO };
	int err = store_with_handler(&action, at);

	if (err != 0)
		return err;
	return seen_address != at || seen_errno != EXDEV;
}

static int store_with_plain_handler(void *at)
{
	struct sigaction action = { .sa_handler = handle_plainly };

	return store_with_handler(&action, at);
}

START_TEST(a_handler_with_information_is_called_after_the_line)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end = end_of(store_with_info_handler, at);

	assert_exited(&end, 0);
	assert_line(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

START_TEST(a_plain_handler_is_called_after_the_line)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end = end_of(store_with_plain_handler, at);

	assert_exited(&end, 0);
	assert_line(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

START_TEST(a_handler_gets_other_faults_without_a_line)
{
	char *at = map_private(page_size());
	struct end end;

	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	end = end_of(store_with_info_handler, at);
	assert_exited(&end, 0);
	assert_silent(&end);
}
END_TEST

static int store_twice_with_handler(void *at)
{
	return store_with_info_handler(at) || store_with_info_handler(at);
}

START_TEST(a_handler_that_jumps_away_gets_the_next_fault_as_well)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	struct end end = end_of(store_twice_with_handler, sealmem_region_data(region));

	assert_exited(&end, 0);
	ck_assert_uint_ge(end.writes, 1);
}
END_TEST

static int send_to_ignoring(void *argument)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	(void)argument;
	return install(&action) || kill(getpid(), SIGSEGV);
}

START_TEST(a_signal_that_is_sent_is_ignored_if_it_was)
{
	struct end end = end_of(send_to_ignoring, NULL);

	assert_exited(&end, 0);
	assert_silent(&end);
}
END_TEST

static int store_while_ignoring(void *at)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	return install(&action) || store_byte(at);
}

START_TEST(a_fault_cannot_be_ignored)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end = end_of(store_while_ignoring, at);

	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

static int report_by_closed_library(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *symbol = library != NULL ? dlsym(library, "sealmem_report_faults") : NULL;
	int (*report_faults)(void);

	if (symbol == NULL)
		return -ENOENT;
	memcpy(&report_faults, &symbol, sizeof(symbol));
	return report_faults() | dlclose(library);
}

static int store_after_library_closed(void *at)
{
	struct sigaction action = { .sa_handler = handle_plainly };

	if (sigaction(SIGSEGV, &action, NULL) != 0 ||
	    report_by_closed_library(getenv("SEALMEM_SHARED_LIBRARY")) != 0)
		return 2;
	if (sigsetjmp(escape, 1) != 0)
		return seen_signal != SIGSEGV;
	return store_byte(at) + 4;
}

START_TEST(the_handler_outlives_the_library_that_is_closed)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end;

	if (getenv("SEALMEM_SHARED_LIBRARY") == NULL)
		skip_test("no shared library was built");
	end = end_of(store_after_library_closed, at);
	assert_exited(&end, 0);
	assert_line(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

static int send_to_self(void *argument)
{
	(void)argument;
	return sealmem_report_faults() || kill(getpid(), SIGSEGV);
}

START_TEST(a_signal_that_is_sent_is_died_of_without_a_line)
{
	struct end end = end_of(send_to_self, NULL);

	assert_died(&end, SIGSEGV);
	assert_silent(&end);
}
END_TEST

static int raise_bus(void *argument)
{
	(void)argument;
	return sealmem_report_faults() || raise(SIGBUS);
}

START_TEST(a_sigbus_that_is_raised_is_died_of_without_a_line)
{
	struct end end = end_of(raise_bus, NULL);

	assert_died(&end, SIGBUS);
	assert_silent(&end);
}
END_TEST

static int send_to_handler(void *argument)
{
	struct sigaction action = { .sa_handler = handle_plainly };

	(void)argument;
	if (install(&action) != 0)
		return 2;
	if (sigsetjmp(escape, 1) != 0)
		return seen_signal != SIGSEGV;
	return kill(getpid(), SIGSEGV) + 4;
}

START_TEST(a_signal_that_is_sent_reaches_the_handler_without_a_line)
{
	struct end end = end_of(send_to_handler, NULL);

	assert_exited(&end, 0);
	assert_silent(&end);
}
END_TEST

/* A small stack for signals with a wall below it. */
static size_t small_stack_size(void)
{
	size_t extra = sanitized() ? 64 << 10 : 8 << 10;

	return page_round_up((size_t)MINSIGSTKSZ + extra);
}

static char *use_small_stack(void)
{
	size_t size = small_stack_size();
	char *at = map_private(page_size() + size);
	stack_t stack = { .ss_sp = at + page_size(), .ss_size = size };

	if (mprotect(at, page_size(), PROT_NONE) != 0 || sigaltstack(&stack, NULL) != 0)
		abort();
	return at + page_size();
}

static int store_with_small_stack(void *at)
{
	use_small_stack();
	return report_and_store(at);
}

START_TEST(a_small_signal_stack_is_enough)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end = end_of(store_with_small_stack, at);

	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

/* What the handler of before saw of its own stack. */
static char *volatile seen_frame;

static void handle_on_stack(int signal)
{
	seen_signal = signal;
	seen_frame = __builtin_frame_address(0);
	siglongjmp(escape, 1);
}

static int store_and_see_stack(void *at)
{
	struct sigaction action = { .sa_handler = handle_on_stack, .sa_flags = SA_ONSTACK };
	char *stack = use_small_stack();
	int err = store_with_handler(&action, at);

	if (err != 0)
		return err;
	return seen_frame < stack || seen_frame >= stack + small_stack_size();
}

START_TEST(a_handler_runs_on_the_stack_it_asked_for)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	struct end end = end_of(store_and_see_stack, sealmem_region_data(region));

	assert_exited(&end, 0);
}
END_TEST

static int store_without_stderr(void *at)
{
	close(STDERR_FILENO);
	return report_and_store(at);
}

START_TEST(the_process_dies_even_without_standard_error)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	struct end end = end_of(store_without_stderr, sealmem_region_data(region));

	assert_died(&end, SIGSEGV);
	assert_silent(&end);
}
END_TEST

/* Standard errors that take nothing: nobody reads them, or nobody does so yet, or the file may not grow. */
static int make_broken_pipe(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		abort();
	close(ends[0]);
	return ends[1];
}

/* Somebody who writes to it waits, for as long as this process lives. */
static int make_full_pipe(void)
{
	static const char bytes[512];
	int ends[2];

	if (pipe2(ends, O_NONBLOCK) != 0)
		abort();
	while (write(ends[1], bytes, sizeof(bytes)) > 0)
		;
	if (fcntl(ends[1], F_SETFL, 0) != 0)
		abort();
	return ends[1];
}

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
		abort();
	limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		abort();
}

static int make_file_at_its_limit(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	limit_files(0);
	return fd;
}

static const struct bad_error {
	int (*make)(void);
	int signal; /* what a write to it raises */
} bad_errors[] = {
	{ make_broken_pipe, SIGPIPE },
	{ make_full_pipe, SIGPIPE },
	{ make_file_at_its_limit, SIGXFSZ },
};

static const struct bad_error *bad_error;

static void use_bad_error(void)
{
	alarm(20);
	if (dup2(bad_error->make(), STDERR_FILENO) < 0)
		abort();
}

static bool is_pending(int signal)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, signal) == 1;
}

static bool is_blocked(int signal)
{
	sigset_t blocked;

	return sigprocmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, signal) == 1;
}

static void block(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		abort();
}

static int store_with_bad_error(void *at)
{
	use_bad_error();
	return report_and_store(at);
}

/* What writes files when the process ends is not limited. */
static int store_and_handle(void *at)
{
	int err = store_with_plain_handler(at);

	limit_files(RLIM_INFINITY);
	return err;
}

static int handle_with_bad_error(void *at)
{
	int err;

	use_bad_error();
	err = store_and_handle(at);
	return err != 0 ? err : is_blocked(bad_error->signal);
}

/* Nothing is left of a signal that the program does not take now. */
static int block_with_bad_error(void *at)
{
	int err;

	block(bad_error->signal);
	use_bad_error();
	err = store_and_handle(at);
	return err != 0 ? err : is_pending(bad_error->signal) || !is_blocked(bad_error->signal);
}

/* One that somebody sent before stays. */
static int pend_with_bad_error(void *at)
{
	int err;

	block(bad_error->signal);
	use_bad_error();
	raise(bad_error->signal);
	err = store_and_handle(at);
	return err != 0 ? err : !is_pending(bad_error->signal);
}

static void assert_same_end(const struct bad_error *bad)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end;

	bad_error = bad;
	end = end_of(store_with_bad_error, at);
	assert_died(&end, SIGSEGV);
	assert_silent(&end);
	end = end_of(handle_with_bad_error, at);
	assert_exited(&end, 0);
	end = end_of(block_with_bad_error, at);
	assert_exited(&end, 0);
	end = end_of(pend_with_bad_error, at);
	assert_exited(&end, 0);
}

START_TEST(a_broken_pipe_for_standard_error_does_not_change_the_end)
{
	assert_same_end(&bad_errors[0]);
}
END_TEST

START_TEST(a_full_pipe_for_standard_error_does_not_change_the_end)
{
	assert_same_end(&bad_errors[1]);
}
END_TEST

START_TEST(a_file_at_its_limit_for_standard_error_does_not_change_the_end)
{
	assert_same_end(&bad_errors[2]);
}
END_TEST

/* The line as it is where nothing tells which file the instruction is in. */
static void assert_line_without_file(const struct end *end, const void *address, const char *what)
{
	char begin[256];
	const char *rest;

	snprintf(begin, sizeof(begin), "sealmem: stray %s (0x%lx) by instruction 0x", what,
		 (unsigned long)address);
	ck_assert_msg(strncmp(end->text, begin, strlen(begin)) == 0, "%s", end->text);
	rest = end->text + strlen(begin);
	ck_assert_str_eq(rest + strspn(rest, "0123456789abcdef"), "\n");
}

START_TEST(without_proc_the_line_does_not_name_the_file)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end;

	hide_proc();
	end = end_of(report_and_store, at);
	assert_died(&end, SIGSEGV);
	assert_line_without_file(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

static int store_without_descriptors(void *at)
{
	(void)leave_descriptors(0);
	return report_and_store(at);
}

START_TEST(without_a_descriptor_the_line_does_not_name_the_file)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end = end_of(store_without_descriptors, at);

	assert_died(&end, SIGSEGV);
	assert_line_without_file(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

/* A child does not inherit these: so the child makes them, and the address is in its line. */
static int report_and_store_to_secret(void *offset)
{
	unsigned guarantees = SEALMEM_SECRECY | SEALMEM_CONTENT | SEALMEM_ADDRESS | SEALMEM_GUARDS;
	struct sealmem_region *region = NULL;
	int err = sealmem_region_new_from(&region, "key", "secret", 6, guarantees);

	if (err < 0)
		return err == -EOPNOTSUPP ? 77 : 1;
	return report_and_store((char *)sealmem_region_data(region) + *(ptrdiff_t *)offset);
}

static uintptr_t address_in(const struct end *end)
{
	const char *at = strstr(end->text, " (0x");
	uintptr_t address = 0;

	ck_assert_msg(at != NULL && sscanf(at, " (0x%" SCNxPTR ")", &address) == 1, "%s",
		      end->text);
	return address;
}

START_TEST(a_store_to_a_secret_region_is_reported_by_its_name)
{
	ptrdiff_t inside = 5, before = -1;
	struct end end = end_of(report_and_store_to_secret, &inside);

	if (WIFEXITED(end.status) && WEXITSTATUS(end.status) == 77)
		skip_test("SECRECY is not given here");
	assert_died(&end, SIGSEGV);
	assert_line(&end, (void *)address_in(&end), STORE " sealed region \"key\" at offset 5");
	end = end_of(report_and_store_to_secret, &before);
	assert_died(&end, SIGSEGV);
	assert_line(&end, (void *)address_in(&end),
		    STORE " the guard page before sealed region \"key\" at offset -1");
}
END_TEST

/* A file that somebody else made. */
static int file_named(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)page_size()), 0);
	return fd;
}

START_TEST(a_store_to_an_accepted_region_is_reported_by_our_name_for_it)
{
	static const char *const names[] = { "foo", "sealmem:policy", "sealmem:\033[31m\r", "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		CLEANUP(close_fd_at) int fd = file_named(names[i]);
		SCOPED_REGION *region = NULL;
		struct end end;

		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
		ck_assert_int_eq(sealmem_region_accept(&region, fd, SEALMEM_CONTENT), 0);
		end = end_of(report_and_store, sealmem_region_data(region));
		assert_died(&end, SIGSEGV);
		assert_line(&end, sealmem_region_data(region),
			    STORE " sealed region \"accepted\" at offset 0");
	}
}
END_TEST

static char *map_file_named(const char *name)
{
	CLEANUP(close_fd_at) int fd = file_named(name);
	char *at = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

START_TEST(the_name_of_a_stranger_cannot_forge_a_line)
{
	char *at = map_file_named(
		"sealmem:\033]0;x\a\\\xc3\xa9\" at offset 0 (0x1) by\r\nsealmem: all is well");
	struct end end = end_of(report_and_store, at);

	assert_died(&end, SIGSEGV);
	/* The kernel itself writes \\012 for the end of a line, and the report does not escape that again. */
	assert_line(&end, at,
		    STORE " sealed region \"\\\\x1b\\]0;x\\\\x07\\\\\\\\\\\\xc3\\\\xa9\\\\\""
			  " at offset 0 \\(0x1\\) by\\\\r\\\\nsealmem: all is well\" at offset 0");
}
END_TEST

START_TEST(a_name_that_grows_too_long_is_cut)
{
	char name[SEALMEM_NAME_MAX + 1] = { 0 };
	SCOPED_REGION *region = NULL;
	struct end end;
	char *at;

	memset(name, 0xff, SEALMEM_NAME_MAX);
	region = sealed_region(name, 1, SEALMEM_CONTENT);
	at = sealmem_region_data(region);
	end = end_of(report_and_store, at);
	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " sealed region \"(\\\\xff)+\\.\\.\\.\" at offset 0");
}
END_TEST

/* What names.c has no room for is known by the name that the kernel shows. */
START_TEST(a_store_to_one_of_very_many_regions_is_reported)
{
	const size_t count = 600;
	struct sealmem_region **regions = calloc(count, sizeof(struct sealmem_region *));
	struct end end;
	char *at;

	for (size_t i = 0; i < count; i++)
		regions[i] = region_from("x", 1, SEALMEM_CONTENT);
	at = sealmem_region_data(regions[count - 1]);
	end = end_of(report_and_store, at);
	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " sealed region \"bytes\" at offset 0");
	for (size_t i = 0; i < count; i++)
		sealmem_region_free(regions[i]);
	free(regions);
}
END_TEST

START_TEST(a_store_to_a_range_whose_address_is_sealed_is_reported)
{
	char *at = map_private(page_size());
	struct end end;

	require_mseal();
	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	ck_assert_int_eq(sealmem_seal_range(at, page_size(), SEALMEM_ADDRESS), 0);
	end = end_of(report_and_store, at + 3);
	assert_died(&end, SIGSEGV);
	assert_line(&end, at + 3, STORE " sealed region \"range\" at offset 3");
}
END_TEST

START_TEST(a_store_to_a_range_whose_address_is_sealed_is_reported_by_its_name)
{
	char *at = map_private(page_size());
	struct end end;

	require_mseal();
	ck_assert_int_eq(mprotect(at, page_size(), PROT_READ), 0);
	ck_assert_int_eq(sealmem_seal_range_named(at, page_size(), "opcodes", SEALMEM_ADDRESS), 0);
	end = end_of(report_and_store, at + 3);
	assert_died(&end, SIGSEGV);
	assert_line(&end, at + 3, STORE " sealed region \"opcodes\" at offset 3");
}
END_TEST

START_TEST(a_store_to_memory_that_took_the_place_of_a_region_is_not_reported)
{
	SCOPED_REGION *region = sealed_region("policy", page_size(), SEALMEM_CONTENT);
	char *at = sealmem_region_data(region);
	struct end end;

	ck_assert_ptr_eq(
		mmap(at, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		at);
	end = end_of(report_and_store, at);
	assert_died(&end, SIGSEGV);
	assert_silent(&end);
}
END_TEST

START_TEST(a_freed_region_whose_address_stays_is_reported)
{
	struct sealmem_region *region = NULL;
	struct end end;
	char *at;

	require_mseal();
	region = sealed_region("policy", 1, SEALMEM_CONTENT | SEALMEM_ADDRESS);
	at = sealmem_region_data(region);
	ck_assert_ptr_null(sealmem_region_free(region));
	end = end_of(report_and_store, at);
	assert_died(&end, SIGSEGV);
	assert_line(&end, at, STORE " sealed region \"policy\" at offset 0");
}
END_TEST

/* How much of a painted stack the report has used, below what the kernel stores there for the handler. */
#define PAINT 0xa5

static struct painted {
	unsigned char *stack;
	size_t size;
	size_t *depth; /* in memory that the test sees */
	char *at;
} painted;

static void measure_stack(int signal, siginfo_t *info, void *context)
{
	const unsigned char *top = (void *)info < context ? (void *)info : context;
	const unsigned char *lowest = painted.stack;

	(void)signal;
	while (*lowest == PAINT)
		lowest++;
	*painted.depth = (size_t)(top - lowest);
	_exit(0);
}

static int store_on_painted_stack(void *nothing)
{
	struct sigaction action = { .sa_sigaction = measure_stack,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = painted.stack, .ss_size = painted.size };

	(void)nothing;
	memset(painted.stack, PAINT, painted.size);
	return sigaltstack(&stack, NULL) || install(&action) || store_byte(painted.at);
}

static void assert_small_stack(char *at)
{
	void *shared =
		mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct end end;

	painted.size = (size_t)64 << 10;
	painted.stack = (unsigned char *)map_private(painted.size);
	painted.depth = shared;
	painted.at = at;
	end = end_of(store_on_painted_stack, NULL);
	assert_exited(&end, 0);
	ck_assert_uint_gt(*painted.depth, 0);
	ck_assert_uint_le(*painted.depth, STACK_OF_REPORT);
}

START_TEST(the_report_takes_no_more_stack_than_documented)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);

	require_own_address_space();
	assert_small_stack(sealmem_region_data(region));
}
END_TEST

START_TEST(the_report_of_what_only_the_kernel_knows_takes_no_more_either)
{
	require_own_address_space();
	assert_small_stack(map_file_named("sealmem:\033\033\033\033"));
}
END_TEST

static int only_store(void *at)
{
	return store_byte(at);
}

START_TEST(a_process_that_is_not_watched_dies_of_the_same_signal)
{
	SCOPED_REGION *region = sealed_region("policy", 1, SEALMEM_CONTENT);
	struct end end = end_of(only_store, sealmem_region_data(region));

	assert_died(&end, SIGSEGV);
	assert_silent(&end);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_write_to_writable_memory_is_stored,
		a_write_to_sealed_memory_is_efault,
		a_write_to_read_only_memory_is_efault,
		a_write_to_inaccessible_memory_is_efault,
		a_write_to_no_memory_is_efault,
		a_write_of_nothing_is_done_anywhere,
		a_write_of_no_bytes_is_einval,
		a_write_of_bytes_that_cannot_be_read_is_efault,
		a_write_of_bytes_that_cannot_all_be_read_is_efault,
		a_write_that_runs_into_a_wall_is_efault,
		a_write_up_to_a_wall_is_stored,
		a_write_of_an_absurd_size_ends_at_the_wall,
		a_write_may_be_longer_than_a_pipe_holds,
		a_long_write_to_sealed_memory_is_efault,
		a_write_leaks_nothing,
		a_store_to_a_sealed_region_is_reported,
		a_store_to_a_region_from_bytes_is_reported,
		a_store_to_a_later_page_is_reported_with_its_offset,
		a_store_to_a_region_with_a_sealed_address_is_reported,
		a_store_to_a_sealed_range_is_reported,
		a_store_to_a_sealed_range_is_reported_by_its_name,
		a_store_before_a_region_is_reported,
		a_store_after_a_region_is_reported,
		a_store_to_the_guard_page_of_an_open_region_is_reported,
		a_load_from_a_guard_page_is_reported_as_one,
		guard_pages_that_meet_are_each_reported_for_their_own_region,
		the_line_has_a_name_of_the_longest,
		the_line_has_a_name_as_it_was_given,
		the_line_has_an_empty_name,
		the_line_has_the_instruction_and_its_place_in_the_program,
		a_sigbus_is_reported_and_died_of,
		a_store_to_other_memory_is_not_reported,
		a_store_to_no_memory_is_not_reported,
		a_store_to_other_inaccessible_memory_is_not_reported,
		asked_for_twice_the_line_is_written_once,
		a_handler_with_information_is_called_after_the_line,
		a_plain_handler_is_called_after_the_line,
		a_handler_gets_other_faults_without_a_line,
		a_handler_that_jumps_away_gets_the_next_fault_as_well,
		a_signal_that_is_sent_is_ignored_if_it_was,
		a_fault_cannot_be_ignored,
		the_handler_outlives_the_library_that_is_closed,
		a_signal_that_is_sent_is_died_of_without_a_line,
		a_sigbus_that_is_raised_is_died_of_without_a_line,
		a_signal_that_is_sent_reaches_the_handler_without_a_line,
		a_small_signal_stack_is_enough,
		a_handler_runs_on_the_stack_it_asked_for,
		the_process_dies_even_without_standard_error,
		a_broken_pipe_for_standard_error_does_not_change_the_end,
		a_full_pipe_for_standard_error_does_not_change_the_end,
		a_file_at_its_limit_for_standard_error_does_not_change_the_end,
		without_proc_the_line_does_not_name_the_file,
		without_a_descriptor_the_line_does_not_name_the_file,
		a_store_to_a_secret_region_is_reported_by_its_name,
		a_store_to_an_accepted_region_is_reported_by_our_name_for_it,
		the_name_of_a_stranger_cannot_forge_a_line,
		a_name_that_grows_too_long_is_cut,
		a_store_to_one_of_very_many_regions_is_reported,
		a_store_to_a_range_whose_address_is_sealed_is_reported,
		a_store_to_a_range_whose_address_is_sealed_is_reported_by_its_name,
		a_store_to_memory_that_took_the_place_of_a_region_is_not_reported,
		a_freed_region_whose_address_stays_is_reported,
		the_report_takes_no_more_stack_than_documented,
		the_report_of_what_only_the_kernel_knows_takes_no_more_either,
		a_process_that_is_not_watched_dies_of_the_same_signal,
	};

	return RUN_TESTS("fault", tests);
}
