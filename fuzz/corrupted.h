/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_FUZZ_CORRUPTED_H
#define SEALMEM_FUZZ_CORRUPTED_H

/*
 * A heap that finds itself corrupted writes a line and aborts. For a target that is an answer like others, so the process
 * goes on after it: a child would cost a thousand times as much, and what it reached would not be counted. The heap is of
 * no more use then, and says so.
 */

#include "fuzz/promise.h"

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A handler is told nothing else. */
static sigjmp_buf corrupted_back;

struct corrupted_stderr {
	int file, saved;
};

static inline void corrupted_return(int signal)
{
	siglongjmp(corrupted_back, signal);
}

static inline struct corrupted_stderr corrupted_capture(void)
{
	struct corrupted_stderr captured = { memfd_create("line", MFD_CLOEXEC),
					     dup(STDERR_FILENO) };

	PROMISE(captured.file >= 0 && captured.saved >= 0);
	PROMISE(dup2(captured.file, STDERR_FILENO) == STDERR_FILENO);
	return captured;
}

static inline void corrupted_release(const struct corrupted_stderr *captured, char *line,
				     size_t size)
{
	ssize_t length = pread(captured->file, line, size - 1, 0);

	PROMISE(dup2(captured->saved, STDERR_FILENO) == STDERR_FILENO);
	(void)close(captured->saved);
	(void)close(captured->file);
	line[length > 0 ? length : 0] = '\0';
}

/* Whether the act aborted. What it wrote is in the line. */
static inline bool corrupted_aborts(void (*act)(void *), void *argument, char *line, size_t size)
{
	const struct sigaction back = { .sa_handler = corrupted_return };
	const struct corrupted_stderr captured = corrupted_capture();
	struct sigaction before;
	volatile bool aborted = true;

	PROMISE(sigaction(SIGABRT, &back, &before) == 0);
	if (sigsetjmp(corrupted_back, 1) == 0) {
		act(argument);
		aborted = false;
	}
	PROMISE(sigaction(SIGABRT, &before, NULL) == 0);
	corrupted_release(&captured, line, size);
	return aborted;
}

/* One line, which names the heap and the address. */
static inline void corrupted_expect(void (*act)(void *), void *argument, const char *name,
				    const void *at)
{
	char line[600], expected[600];

	PROMISE(corrupted_aborts(act, argument, line, sizeof(line)));
	(void)snprintf(expected, sizeof(expected), "sealmem: heap \"%s\" is corrupted: 0x%llx ",
		       name, (unsigned long long)(uintptr_t)at);
	PROMISE(strncmp(line, expected, strlen(expected)) == 0);
	PROMISE(strchr(line, '\n') != NULL && strchr(line, '\n')[1] == '\0');
}

#endif
