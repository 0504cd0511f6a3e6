/* SPDX-License-Identifier: MIT */

/*
 * The judgement, on a process that is made by hand: which rows there are, which of them are shown, what the totals say,
 * and whether each rule is met. All forms of the answer and the exit status read it.
 */

#include "audit/report.h"
#include "include/sealmem.h"
#include "tests/support/support.h"

#define PAGE 0x10000u

struct fixture {
	struct mapping mappings[2];
	struct open_file open_files[2];
	struct process process;
	struct audit audit;
	struct rules rules;
	struct report report;
};

/* A memfd that has CONTENT and is open too, anonymous memory with a flag, and a memfd that is only open. */
static void begin(struct fixture *f)
{
	*f = (struct fixture){
		.mappings = { { .memory = { .name = "/memfd:sealed",
					    .kind = KIND_MEMFD,
					    .guarantees = SEALMEM_CONTENT },
				.start = PAGE,
				.end = 2 * PAGE },
			      { .memory = { .name = "",
					    .kind = KIND_ANON,
					    .flags = 1u << FLAG_write_execute },
				.start = 2 * PAGE,
				.end = 5 * PAGE } },
		.open_files = { { .memory = { .name = "/memfd:sealed",
					      .kind = KIND_MEMFD,
					      .flags = 1u << FLAG_seals_unknown },
				  .mapped = true },
				{ .memory = { .name = "/memfd:held",
					      .kind = KIND_MEMFD,
					      .unknown = SEALMEM_CONTENT,
					      .flags = 1u << FLAG_seals_unknown },
				  .size = PAGE } },
	};
	f->process.mappings = (struct mappings){ .rows = f->mappings, .count = 2 };
	f->process.open_files = (struct open_files){ .rows = f->open_files, .count = 2 };
	f->audit.processes = &f->process;
	f->audit.count = 1;
}

static void judge(struct fixture *f, bool flagged_only)
{
	report_free(&f->report);
	ck_assert_int_eq(report_new(&f->report, &f->audit, &f->rules, flagged_only), 0);
}

static void require(struct fixture *f, const char *rule)
{
	const char *fault = "";

	ck_assert_int_eq(rules_add(&f->rules, rule, &fault), 0);
}

static void end(struct fixture *f)
{
	report_free(&f->report);
	rules_free(&f->rules);
}

static bool is_shown(const struct fixture *f, size_t row)
{
	ck_assert_uint_eq(f->report.processes[0].count, 3);
	return f->report.processes[0].rows[row].shown;
}

START_TEST(an_open_file_has_a_row_unless_it_is_mapped)
{
	CLEANUP(end) struct fixture f;
	const struct report_row *rows;

	begin(&f);
	judge(&f, false);
	ck_assert_uint_eq(f.report.processes[0].count, 3);
	rows = f.report.processes[0].rows;
	ck_assert_ptr_eq(rows[0].mapping, &f.mappings[0]);
	ck_assert_ptr_eq(rows[1].mapping, &f.mappings[1]);
	ck_assert_ptr_eq(rows[2].open_file, &f.open_files[1]);
	ck_assert_uint_eq(report_row_size(&rows[1]), 3 * PAGE);
	ck_assert_uint_eq(report_row_size(&rows[2]), PAGE);
	ck_assert(is_shown(&f, 0) && is_shown(&f, 1) && is_shown(&f, 2));
}
END_TEST

START_TEST(bytes_are_of_mappings_and_flags_of_all_rows)
{
	CLEANUP(end) struct fixture f;
	const struct totals *totals = &f.report.totals;

	begin(&f);
	judge(&f, false);
	ck_assert_uint_eq(totals->mappings, 2);
	ck_assert_uint_eq(totals->bytes, 4 * PAGE);
	ck_assert_uint_eq(totals->guaranteed[0], PAGE);
	ck_assert_uint_eq(totals->unguaranteed, 3 * PAGE);
	ck_assert_uint_eq(totals->flagged, 2);
	ck_assert_uint_eq(totals->unknown, 1);
	ck_assert_uint_eq(totals->flags, 1u << FLAG_write_execute | 1u << FLAG_seals_unknown);
	ck_assert_mem_eq(totals, &f.report.processes[0].totals, sizeof(*totals));
}
END_TEST

START_TEST(flags_and_broken_rules_are_counted_by_row_and_by_process)
{
	CLEANUP(end) struct fixture f;

	begin(&f);
	f.process.changed = true;
	require(&f, "any:CONTENT");
	require(&f, "no-sealed-private");
	judge(&f, false);
	ck_assert_uint_eq(f.report.totals.with_flag[FLAG_write_execute], 1);
	ck_assert_uint_eq(f.report.with_flag[FLAG_seals_unknown], 1);
	ck_assert_uint_eq(f.report.with_flag[FLAG_sealed_private], 0);
	ck_assert_uint_eq(f.report.flagged, 1);
	ck_assert_uint_eq(f.report.changed, 1);
	/* The flag of the unknown seals doubts the second rule. */
	ck_assert_uint_eq(f.report.processes[0].broken[0], 2);
	ck_assert_uint_eq(f.report.processes[0].broken[1], 1);
	ck_assert_uint_eq(f.report.results[0].processes, 1);
	ck_assert_uint_eq(f.report.totals.broken, 2);
	ck_assert_uint_eq(f.report.totals.shown, 2);
}
END_TEST

START_TEST(a_process_is_shown_if_a_row_is_or_if_nothing_chooses)
{
	CLEANUP(end) struct fixture f;

	begin(&f);
	f.mappings[1].memory.flags = f.open_files[1].memory.flags = 0;
	judge(&f, false);
	ck_assert(report_process_is_shown(&f.report, &f.report.processes[0]));
	judge(&f, true);
	ck_assert(!report_process_is_shown(&f.report, &f.report.processes[0]));
	require(&f, "anon:CONTENT");
	judge(&f, false);
	ck_assert(report_process_is_shown(&f.report, &f.report.processes[0]));
}
END_TEST

START_TEST(what_is_shown_changes_neither_totals_nor_judgement)
{
	CLEANUP(end) struct fixture f;
	struct totals all;

	begin(&f);
	require(&f, "memfd:CONTENT");
	judge(&f, false);
	all = f.report.totals;
	ck_assert(!f.report.met && !is_shown(&f, 0) && !is_shown(&f, 1) && is_shown(&f, 2));
	f.open_files[1].memory.flags = 0;
	judge(&f, true);
	ck_assert(!f.report.met && !is_shown(&f, 2));
	f.open_files[1].memory.flags = 1u << FLAG_seals_unknown;
	judge(&f, true);
	ck_assert_mem_eq(&all, &f.report.totals, sizeof(all));
}
END_TEST

START_TEST(a_rule_can_demand_each_guarantee)
{
	struct rules rules = { 0 };
	const char *fault;
	char text[64];

	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1) {
		(void)snprintf(text, sizeof(text), "any:%s", sealmem_guarantee_name(bit));
		ck_assert_int_eq(rules_add(&rules, text, &fault), 0);
		ck_assert_uint_eq(rules.rows[rules.count - 1].guarantees, bit);
	}
	rules_free(&rules);
}
END_TEST

START_TEST(every_rule_is_judged_by_itself)
{
	CLEANUP(end) struct fixture f;
	const struct report_row *rows;

	begin(&f);
	require(&f, "memfd=*sealed:CONTENT");
	require(&f, "no-write-execute");
	require(&f, "memfd=*missing:CONTENT");
	judge(&f, false);
	rows = f.report.processes[0].rows;
	ck_assert_uint_eq(f.report.results[0].matched, 1);
	ck_assert_uint_eq(f.report.results[0].broken, 0);
	ck_assert_uint_eq(f.report.results[1].broken, 1);
	ck_assert(!f.report.results[0].missed && !f.report.results[1].missed);
	ck_assert(f.report.results[2].missed && f.report.results[2].broken == 0);
	ck_assert(!rows[0].broken && !rows[2].broken);
	ck_assert(rows[1].breaks[1] && !rows[1].breaks[0] && !rows[1].breaks[2]);
	ck_assert(!f.report.met);
}
END_TEST

START_TEST(a_missed_rule_alone_is_not_met_and_no_rule_is)
{
	CLEANUP(end) struct fixture f;

	begin(&f);
	judge(&f, false);
	ck_assert(f.report.met);
	require(&f, "memfd=*sealed:CONTENT");
	judge(&f, false);
	ck_assert(f.report.met);
	require(&f, "memfd=*missing:CONTENT");
	judge(&f, false);
	ck_assert(!f.report.met && !is_shown(&f, 0));
}
END_TEST

START_TEST(a_process_that_could_not_be_read_meets_no_rule)
{
	CLEANUP(end) struct fixture f;

	begin(&f);
	require(&f, "memfd=*sealed:CONTENT");
	f.audit.ended = 1;
	judge(&f, false);
	ck_assert(f.report.met);
	ck_assert(f.report.results[0].met);
	f.audit.denied = 1;
	judge(&f, false);
	ck_assert(!f.report.met && f.report.unread == 1);
	ck_assert(!f.report.results[0].met);
	f.audit.denied = 0;
	f.audit.unreadable = 2;
	judge(&f, false);
	ck_assert(!f.report.met && f.report.unread == 2);
	f.audit.unreadable = 0;
	f.audit.procfs.hides = true;
	judge(&f, false);
	ck_assert(f.report.met && !f.report.hidden);
	f.audit.all = true;
	judge(&f, false);
	ck_assert(!f.report.met && f.report.hidden);
}
END_TEST

START_TEST(without_a_rule_a_process_that_could_not_be_read_changes_nothing)
{
	CLEANUP(end) struct fixture f;

	begin(&f);
	f.audit.denied = f.audit.unreadable = 1;
	judge(&f, false);
	ck_assert(f.report.met);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_open_file_has_a_row_unless_it_is_mapped,
		bytes_are_of_mappings_and_flags_of_all_rows,
		flags_and_broken_rules_are_counted_by_row_and_by_process,
		a_process_is_shown_if_a_row_is_or_if_nothing_chooses,
		what_is_shown_changes_neither_totals_nor_judgement,
		a_rule_can_demand_each_guarantee,
		every_rule_is_judged_by_itself,
		a_missed_rule_alone_is_not_met_and_no_rule_is,
		a_process_that_could_not_be_read_meets_no_rule,
		without_a_rule_a_process_that_could_not_be_read_changes_nothing,
	};

	return RUN_TESTS("report", tests);
}
