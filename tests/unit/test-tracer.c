/* SPDX-License-Identifier: MIT */

/*
 * Whether a debugger is there, and has written to the code. Here it is the parent of a child, which it traces. It
 * writes the bytes that are there already, so that the code goes on working.
 */

#include "lib/tracer.h"

#include "tests/support/support.h"

#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* The page of this code. */
static char *code(void)
{
	char *(*self)(void) = code;
	uintptr_t at;

	memcpy(&at, &self, sizeof(at));
	return (char *)(at & ~(uintptr_t)(page_size() - 1));
}

static void write_breakpoint(pid_t pid, char *at)
{
	long word = ptrace(PTRACE_PEEKTEXT, pid, at, NULL);

	ck_assert_int_eq(ptrace(PTRACE_POKETEXT, pid, at, word), 0);
}

/* Runs `act` in a child that is traced, and that has been written to there; NULL is nowhere. */
static int run_traced(int (*act)(void), char *written)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
			_exit(99);
		_exit(act());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		skip_test("no process may be traced here");
	if (written != NULL)
		write_breakpoint(pid, written);
	ck_assert_int_eq(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(a_tracer_is_noticed_and_none_is_too)
{
	require_no_valgrind("it traces");
	ck_assert_int_eq(tracer_is_there(), 0);
	ck_assert_int_eq(run_traced(tracer_is_there, NULL), 1);
}
END_TEST

static int was_code_written(void)
{
	return tracer_wrote(code(), page_size());
}

START_TEST(code_that_a_tracer_wrote_to_is_told_from_code_of_the_file)
{
	require_no_valgrind("it has code of its own");
	ck_assert_int_eq(run_traced(was_code_written, NULL), 0);
	ck_assert_int_eq(run_traced(was_code_written, code()), 1);
}
END_TEST

START_TEST(one_page_among_many_is_found)
{
	size_t size = 200 * page_size();
	CLEANUP(close_fd_at) int fd = temporary_file();
	char *at;

	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	at = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	ck_assert(!tracer_wrote(at, size));
	ck_assert_int_eq(mprotect(at, size, PROT_READ | PROT_WRITE), 0);
	at[150 * page_size()] = 'x';
	ck_assert(tracer_wrote(at, size));
	ck_assert(!tracer_wrote(at, 150 * page_size()));
	ck_assert(tracer_wrote(at + 150 * page_size(), page_size()));
}
END_TEST

static int seal_deeply(void)
{
	return -sealmem_seal_image(SEALMEM_IMAGE_DEEP, NULL);
}

static int seal_plainly(void)
{
	return -sealmem_seal_image(0, NULL);
}

/* Intact and unsealed: it can still be written to, by a debugger alone. */
static int seal_and_look(void)
{
	int err = seal_deeply();

	return err != ETXTBSY		? 97
	       : has_flag(code(), "sl") ? 98
	       : tracer_is_there() != 1 ? 96
					: -sealmem_seal_image(0, NULL);
}

START_TEST(code_with_breakpoints_is_not_sealed_deeply)
{
	require_mseal();
	require_no_valgrind("it has code of its own");
	ck_assert_int_eq(run_traced(seal_deeply, NULL), 0);
	ck_assert_int_eq(run_traced(seal_plainly, code()), 0);
	ck_assert_int_eq(run_traced(seal_and_look, code()), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_tracer_is_noticed_and_none_is_too,
		code_that_a_tracer_wrote_to_is_told_from_code_of_the_file,
		one_page_among_many_is_found,
		code_with_breakpoints_is_not_sealed_deeply,
	};

	return RUN_TESTS("tracer", tests);
}
