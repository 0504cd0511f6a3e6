/* SPDX-License-Identifier: MIT */

/*
 * The end of a process whose heap is corrupted: one line, and abort(3). Somebody has written where they had no object,
 * and may go on to do so; no answer to the caller would be true.
 */

#include "lib/fork-gate.h"
#include "lib/heap-internal.h"
#include "lib/line.h"
#include "lib/sys.h"

#include <signal.h>
#include <stdlib.h>

/* The name is the caller's: no more of it than leaves room for the rest. */
#define NAME_END 380

/* The lock of a heap blocks every signal, and not every C library has abort(3) deliver to a handler what is blocked. */
static void let_abort_through(void)
{
	uint64_t blocked;

	if (sys_block_signals(0, &blocked) == 0)
		(void)sys_set_blocked(blocked & ~SYS_SIGNAL(SIGABRT));
}

void heap_corrupt(const struct sealmem_heap *h, const void *at, const char *what)
{
	struct line line = { 0 };

	/* A handler of SIGABRT that uses the heap would wait for this thread, which may have the lock. So it is refused. */
	atomic_store(&heap_variable(h)->broken, true);
	atomic_store(&heap_variable(h)->windowed, true);
	line_put_text(&line, "sealmem: heap \"");
	for (const char *from = h->name; *from != '\0'; from++)
		line_put_foreign(&line, *from, NAME_END);
	line_end_foreign(&line);
	line_put_text(&line, "\" is corrupted: ");
	line_put_number(&line, (uintptr_t)at, 16);
	line_put_text(&line, " ");
	line_put_text(&line, what);
	line_put_text(&line, "\n");
	line_write(&line, STDERR_FILENO);
	/* A handler of SIGABRT may go on elsewhere, and other threads fork. */
	fork_gate_forsake();
	let_abort_through();
	abort();
}
