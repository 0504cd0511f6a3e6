/* SPDX-License-Identifier: MIT */

/*
 * The audit as a report of JUnit, which every CI shows: a suite for each process, and in it a test case for each rule. A rule
 * that needs a match is about all processes together, and so is what the audit could not read: they are in a suite of
 * their own.
 */

#include "tools/audit/views.h"
#include "tools/audit/words.h"

#include "tools/common/text.h"
#include "tools/common/xml.h"
#include "lib/util.h"

static double seconds_between(const struct timespec *start, const struct timespec *end)
{
	return (double)(end->tv_sec - start->tv_sec) +
	       (double)(end->tv_nsec - start->tv_nsec) / 1e9;
}

static size_t count_broken(const struct report *report, const struct report_process *process)
{
	size_t count = 0;

	for (size_t i = 0; i < report->rules->count; i++)
		count += process->broken[i] > 0;
	return count;
}

static size_t count_that_need_match(const struct report *report)
{
	size_t count = 0;

	for (size_t i = 0; i < report->rules->count; i++)
		count += rule_needs_match(&report->rules->rows[i]);
	return count;
}

static size_t count_missed(const struct report *report)
{
	size_t count = 0;

	for (size_t i = 0; i < report->rules->count; i++)
		count += report->results[i].missed;
	return count;
}

static bool left_out_some(const struct report *report)
{
	return report->unread > 0 || report->hidden;
}

struct counts {
	size_t tests, failures, errors;
};

static void counts_print(const struct counts *counts)
{
	(void)printf(" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\"", counts->tests,
		     counts->failures, counts->errors);
}

/* One case says whether every process could be read. */
static struct counts counts_of_all(const struct report *report)
{
	return (struct counts){ count_that_need_match(report) + 1, count_missed(report),
				left_out_some(report) };
}

static struct counts counts_of(const struct report *report)
{
	struct counts counts = counts_of_all(report);

	for (size_t i = 0; i < report->audit->count; i++) {
		counts.tests += report->rules->count;
		counts.failures += count_broken(report, &report->processes[i]);
	}
	return counts;
}

static void row_print(const struct report_row *row)
{
	CLEANUP(free_text) char *text = row_format(row_description_print, row);

	xml_print(stdout, text);
	(void)fputc('\n', stdout);
}

static void failure_print(const struct report_process *process, const struct rule *rule,
			  size_t index)
{
	(void)printf("<failure type=\"rule\" message=\"%zu mapping%s or open file%s break%s ",
		     process->broken[index], process->broken[index] == 1 ? "" : "s",
		     process->broken[index] == 1 ? "" : "s",
		     process->broken[index] == 1 ? "s" : "");
	xml_print(stdout, rule->text);
	(void)fputs("\">", stdout);
	for (size_t i = 0; i < process->count; i++)
		if (process->rows[i].breaks[index])
			row_print(&process->rows[i]);
	(void)fputs("</failure>", stdout);
}

static void case_begin(const char *class, const struct rule *rule)
{
	(void)fputs("  <testcase classname=\"", stdout);
	xml_print(stdout, class);
	(void)fputs("\" name=\"", stdout);
	xml_print(stdout, rule->text);
	(void)fputs("\" time=\"0\">", stdout);
}

static void case_end(void)
{
	(void)puts("</testcase>");
}

static void process_print(const struct report *report, const struct report_process *process)
{
	const struct counts counts = { report->rules->count, count_broken(report, process), 0 };
	CLEANUP(free_text) char *name = escaped_format(process->process->name);

	(void)printf(" <testsuite name=\"%d ", (int)process->process->pid);
	xml_print(stdout, name);
	(void)fputs("\"", stdout);
	counts_print(&counts);
	(void)puts(" time=\"0\">");
	for (size_t i = 0; i < report->rules->count; i++) {
		const struct rule *rule = &report->rules->rows[i];

		case_begin(name, rule);
		if (process->broken[i] > 0)
			failure_print(process, rule, i);
		case_end();
	}
	(void)puts(" </testsuite>");
}

static void unread_case_print(const struct report *report)
{
	CLEANUP(free_text) char *skipped = skipped_format(report);

	(void)fputs(
		"  <testcase classname=\"audit\" name=\"every process could be read\" time=\"0\">",
		stdout);
	if (left_out_some(report)) {
		(void)fputs(
			"<error type=\"unread\" message=\"a process that was left out may break a "
			"rule: ",
			stdout);
		xml_print(stdout, skipped);
		(void)fputs("\"/>", stdout);
	}
	case_end();
}

static void all_processes_print(const struct report *report)
{
	const struct counts counts = counts_of_all(report);

	(void)fputs(" <testsuite name=\"all processes\"", stdout);
	counts_print(&counts);
	(void)puts(" time=\"0\">");
	unread_case_print(report);
	for (size_t i = 0; i < report->rules->count; i++) {
		const struct rule *rule = &report->rules->rows[i];

		if (!rule_needs_match(rule))
			continue;
		case_begin("audit", rule);
		if (report->results[i].missed)
			(void)fputs(
				"<failure type=\"missed\" message=\"nothing matches the pattern\"/>",
				stdout);
		case_end();
	}
	(void)puts(" </testsuite>");
}

void audit_junit_print(const struct report *report, const struct view_options *options)
{
	const struct counts counts = counts_of(report);
	CLEANUP(free_text) char *begun = time_format(&report->audit->begun);

	(void)options;
	(void)fputs(
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sealmem audit\"",
		stdout);
	counts_print(&counts);
	(void)printf(" time=\"%.3f\" timestamp=\"%s\">\n",
		     seconds_between(&report->audit->begun, &report->audit->finished), begun);
	all_processes_print(report);
	for (size_t i = 0; i < report->audit->count; i++)
		process_print(report, &report->processes[i]);
	(void)puts("</testsuites>");
}
