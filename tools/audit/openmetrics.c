/* SPDX-License-Identifier: MIT */

/*
 * The audit as numbers for a monitor, in the OpenMetrics text format. The text is also valid in the older format of
 * Prometheus, which the textfile collector of its node exporter reads: so every metric is a gauge.
 *
 * A monitor keeps each combination of labels as a series of its own, for months. So no label has the number or the name of a
 * process. The values of a label are the words of the audit, and the rules that were given.
 */

#include "tools/audit/views.h"
#include "tools/audit/words.h"

#include "tools/common/stream.h"
#include "tools/common/text.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <inttypes.h>

/* A metric, whose name ends with its unit if it has one. */
struct metric {
	const char *name, *unit, *help;
};

static void head_print(const struct metric *metric)
{
	(void)printf("# TYPE %s gauge\n", metric->name);
	if (metric->unit != NULL)
		(void)printf("# UNIT %s %s\n", metric->name, metric->unit);
	(void)printf("# HELP %s %s\n", metric->name, metric->help);
}

/* A backslash and a quote would end the value; other characters are visible. */
static void label_print(const char *text)
{
	CLEANUP(free_text) char *visible = visible_format(text);

	for (const char *c = visible; *c != '\0'; c++) {
		if (*c == '\\' || *c == '"')
			(void)fputc('\\', stdout);
		(void)fputc(*c, stdout);
	}
}

static void sample_print(const struct metric *metric, const char *label, const char *value,
			 uint64_t number)
{
	(void)fputs(metric->name, stdout);
	if (label != NULL) {
		(void)printf("{%s=\"", label);
		label_print(value);
		(void)fputs("\"}", stdout);
	}
	(void)printf(" %" PRIu64 "\n", number);
}

static void single_print(const struct metric *metric, uint64_t number)
{
	head_print(metric);
	sample_print(metric, NULL, NULL, number);
}

static double seconds_of(const struct timespec *time)
{
	return (double)time->tv_sec + (double)time->tv_nsec / 1e9;
}

static void times_print(const struct audit *audit)
{
	static const struct metric time = { "sealmem_audit_time_seconds", "seconds",
					    "When the audit ended, in seconds since 1970." };
	static const struct metric duration = { "sealmem_audit_duration_seconds", "seconds",
						"How long the audit took." };

	head_print(&time);
	(void)printf("%s %.3f\n", time.name, seconds_of(&audit->finished));
	head_print(&duration);
	(void)printf("%s %.3f\n", duration.name,
		     seconds_of(&audit->finished) - seconds_of(&audit->begun));
}

static void processes_print(const struct report *report)
{
	static const struct metric processes = {
		"sealmem_audit_processes", NULL,
		"Processes, by whether the audit could read them. A process that is changing was "
		"read at several moments."
	};
	static const struct metric hidden = {
		"sealmem_audit_hidden", NULL,
		"1 if /proc may hide more processes (hidepid), otherwise 0."
	};
	const struct audit *audit = report->audit;
	const struct {
		const char *state;
		size_t count;
	} states[] = {
		{ "read", audit->count - report->changed },
		{ "changing", report->changed },
		{ "denied", audit->denied },
		{ "ended", audit->ended },
		{ "unreadable", audit->unreadable },
	};

	head_print(&processes);
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		sample_print(&processes, "state", states[i].state, states[i].count);
	single_print(&hidden, report->hidden);
}

static void bytes_print(const struct totals *totals)
{
	static const struct metric mappings = { "sealmem_audit_mappings", NULL,
						"Mappings of the processes that were read." };
	static const struct metric bytes = { "sealmem_audit_mapped_bytes", "bytes",
					     "Bytes of these mappings." };
	static const struct metric with = {
		"sealmem_audit_guaranteed_bytes", "bytes",
		"Bytes that have a guarantee; the same bytes can have several."
	};
	static const struct metric none = { "sealmem_audit_unguaranteed_bytes", "bytes",
					    "Bytes that have no guarantee." };
	static const struct metric unknown = {
		"sealmem_audit_unknown", NULL,
		"Mappings and open files of which a guarantee is unknown."
	};

	single_print(&mappings, totals->mappings);
	single_print(&bytes, totals->bytes);
	head_print(&with);
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		sample_print(&with, "guarantee", sealmem_guarantee_name(1u << i),
			     totals->guaranteed[i]);
	single_print(&none, totals->unguaranteed);
	single_print(&unknown, totals->unknown);
}

static void flags_print(const struct report *report)
{
	static const struct metric rows = { "sealmem_audit_flagged", NULL,
					    "Mappings and open files that have a flag." };
	static const struct metric processes = {
		"sealmem_audit_flagged_processes", NULL,
		"Processes that have a mapping or an open file with a flag."
	};

	head_print(&rows);
	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		sample_print(&rows, "flag", flag_rows[flag].word, report->totals.with_flag[flag]);
	head_print(&processes);
	for (unsigned flag = 0; flag < FLAG_COUNT; flag++)
		sample_print(&processes, "flag", flag_rows[flag].word, report->with_flag[flag]);
}

static uint64_t rule_is_met(const struct rule_result *result)
{
	return result->met;
}

static uint64_t rows_that_break(const struct rule_result *result)
{
	return result->broken;
}

static uint64_t processes_that_break(const struct rule_result *result)
{
	return result->processes;
}

static void rules_print(const struct report *report)
{
	static const struct {
		struct metric metric;
		uint64_t (*of)(const struct rule_result *result);
	} metrics[] = {
		{ { "sealmem_audit_rule_met", NULL, "1 if the rule is met, otherwise 0." },
		  rule_is_met },
		{ { "sealmem_audit_rule_broken", NULL,
		    "Mappings and open files that break the rule." },
		  rows_that_break },
		{ { "sealmem_audit_rule_broken_processes", NULL,
		    "Processes that have a mapping or an open file which breaks the rule." },
		  processes_that_break },
	};

	for (size_t m = 0; m < sizeof(metrics) / sizeof(*metrics); m++) {
		if (report->rules->count > 0)
			head_print(&metrics[m].metric);
		for (size_t i = 0; i < report->rules->count; i++)
			sample_print(&metrics[m].metric, "rule", report->rules->rows[i].text,
				     metrics[m].of(&report->results[i]));
	}
}

void audit_openmetrics_print(const struct report *report, const struct view_options *options)
{
	static const struct metric version = { "sealmem_audit_version", NULL,
					       "The version of sealmem, as a label." };
	static const struct metric met = { "sealmem_audit_met", NULL,
					   "1 if every rule is met, or if there is none." };

	(void)options;
	head_print(&version);
	sample_print(&version, "version", SEALMEM_VERSION, 1);
	times_print(report->audit);
	processes_print(report);
	bytes_print(&report->totals);
	flags_print(report);
	rules_print(report);
	single_print(&met, report->met);
	(void)puts("# EOF");
}
