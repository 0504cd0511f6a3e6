/* SPDX-License-Identifier: MIT */

/*
 * Tries the rows of a run with a process for each processor, because most of the time of a trial is that of the kernel,
 * for processes that start and end. Trials do not disturb one another: each has processes of its own, and an own reaper
 * in the worker that started it. The rows are handed out one at a time, in order. What a worker that dies has not
 * finished has no verdict.
 */

#include "tools/attack/report.h"

#include "lib/util.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* More would wait for the same locks of the kernel. */
#define MOST 4

struct crew {
	struct attack_report *report;
	const struct attack_settings *settings;
	void *shared; /* for each row, what it found, one after the other */
	int asks;     /* a worker writes its number to it when it has nothing to do */
	size_t count;
	struct worker {
		pid_t pid;
		int answers; /* the row that it shall try; past the last one, none */
	} workers[MOST];
};

static size_t row_size(const struct attack_report *report)
{
	return sizeof(struct result) + report->column_count * sizeof(struct attack_cell);
}

static char *shared_row(const struct crew *crew, size_t row)
{
	return (char *)crew->shared + row * row_size(crew->report);
}

static void store(const struct crew *crew, size_t row)
{
	const struct attack_row *r = &crew->report->rows[row];
	char *at = shared_row(crew, row);

	memcpy(at, &r->control, sizeof(r->control));
	memcpy(at + sizeof(r->control), r->cells, crew->report->column_count * sizeof(*r->cells));
}

static void load(const struct crew *crew, size_t row)
{
	struct attack_row *r = &crew->report->rows[row];
	const char *at = shared_row(crew, row);

	memcpy(&r->control, at, sizeof(r->control));
	memcpy(r->cells, at + sizeof(r->control), crew->report->column_count * sizeof(*r->cells));
}

static void give_no_verdict(const struct crew *crew, size_t row)
{
	struct attack_row *r = &crew->report->rows[row];

	for (size_t i = 0; i < crew->report->column_count; i++) {
		struct attack_cell *cell = &r->cells[i];

		cell->result.outcome = OUTCOME_NO_VERDICT;
		(void)snprintf(cell->result.reason, sizeof(cell->result.reason),
			       "the process that tried it has died");
		cell->judgement = attack_judge(r->attack, &crew->report->columns[i], &cell->result);
	}
	store(crew, row);
	memset(r->cells, 0, crew->report->column_count * sizeof(*r->cells));
}

static int make_shared(struct crew *crew)
{
	size_t size = crew->report->row_count * row_size(crew->report);
	int err = sys_mmap(&crew->shared, NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1);

	for (size_t row = 0; err == 0 && row < crew->report->row_count; row++)
		give_no_verdict(crew, row);
	return err;
}

static _Noreturn void work(const struct crew *crew, size_t number, int asks, int answers)
{
	size_t row;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (write(asks, &number, sizeof(number)) == sizeof(number) &&
	       read(answers, &row, sizeof(row)) == sizeof(row) && row < crew->report->row_count) {
		attack_report_try_row(crew->report, row, crew->settings);
		store(crew, row);
	}
	_exit(EXIT_SUCCESS);
}

static bool hire(struct crew *crew, int asks)
{
	struct worker *worker = &crew->workers[crew->count];
	int ends[2];

	if (sys_pipe(ends) < 0)
		return false;
	(void)fflush(NULL);
	worker->pid = fork();
	if (worker->pid == 0) {
		(void)close_fd(ends[1]);
		work(crew, crew->count, asks, ends[0]);
	}
	(void)close_fd(ends[0]);
	worker->answers = ends[1];
	if (worker->pid < 0)
		(void)close_fd(ends[1]);
	return worker->pid > 0;
}

static size_t processors(void)
{
	cpu_set_t all;
	int count = sched_getaffinity(0, sizeof(all), &all) == 0 ? CPU_COUNT(&all) : 1;

	return count < MOST ? (size_t)count : MOST;
}

static void hand_out(const struct crew *crew, attack_progress *tell, void *data)
{
	/* A worker that has died does not read its answer. */
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	size_t row = 0, number;

	/* It ends when the last worker has closed its end. */
	while (read(crew->asks, &number, sizeof(number)) == sizeof(number)) {
		if (row < crew->report->row_count)
			tell(crew->report, row, data);
		(void)!write(crew->workers[number].answers, &row, sizeof(row));
		row += row < crew->report->row_count;
	}
	(void)signal(SIGPIPE, before);
}

static void dismiss(struct crew *crew)
{
	for (size_t i = 0; i < crew->count; i++) {
		(void)close_fd(crew->workers[i].answers);
		while (waitpid(crew->workers[i].pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	for (size_t row = 0; row < crew->report->row_count; row++)
		load(crew, row);
}

static int assemble(struct crew *crew)
{
	size_t wanted = processors();
	int ends[2] = { -1, -1 }, err;

	if (wanted < 2 || crew->report->row_count < 2)
		return -ECHILD;
	err = make_shared(crew);
	if (err == 0)
		err = sys_pipe(ends);
	if (err < 0)
		return err;
	crew->asks = ends[0];
	while (crew->count < wanted && hire(crew, ends[1]))
		crew->count++;
	(void)close_fd(ends[1]);
	return crew->count > 0 ? 0 : -ECHILD;
}

static void try_alone(struct crew *crew, attack_progress *tell, void *data)
{
	for (size_t row = 0; row < crew->report->row_count; row++) {
		tell(crew->report, row, data);
		attack_report_try_row(crew->report, row, crew->settings);
	}
}

void attack_report_try_rows(struct attack_report *report, const struct attack_settings *settings,
			    attack_progress *tell, void *data)
{
	struct crew crew = { .report = report, .settings = settings, .asks = -1 };

	if (assemble(&crew) < 0) {
		try_alone(&crew, tell, data);
	} else {
		hand_out(&crew, tell, data);
		dismiss(&crew);
	}
	(void)close_fd(crew.asks);
	if (crew.shared != NULL)
		(void)sys_munmap(crew.shared, report->row_count * row_size(report));
	attack_report_count(report);
}
