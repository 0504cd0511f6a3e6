/* SPDX-License-Identifier: MIT */

/*
 * Shows from outside what is sealed. A program that fails to seal its memory does not say so. So this command asks
 * the kernel, about any process, in any state, and answers in the words in which a program demands guarantees. With
 * rules the answer is yes or no, for a test or a monitor to act on.
 */

#include "tools/audit/options.h"
#include "tools/audit/until-exit.h"
#include "tools/audit/watch.h"
#include "tools/audit/words.h"
#include "tools/commands.h"
#include "tools/common/errors.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* Often enough to be seen, seldom enough to cost nothing. */
static void show_progress(const struct options *options, ssize_t done, ssize_t count)
{
	if (options->no_progress || options->interval > 0 || !takes_escapes(STDERR_FILENO) ||
	    (done % 16 != 0 && done < count))
		return;
	(void)fprintf(stderr, "\r\033[K");
	if (done < count)
		(void)fprintf(stderr, "%zd of %zd processes", done, count);
	(void)fflush(stderr);
}

static enum exit_status complain_of_process(pid_t pid, int err)
{
	const char *why = err == -ENODATA   ? "it has no memory of its own"
			  : err == -ENOENT  ? "there is no such process"
			  : err == -EAGAIN  ? "its threads leave faster than it can be read"
			  : err == -EBADMSG ? "no kernel writes such files"
			  : err == -EACCES || err == -EPERM
				  ? "permission denied: run this as its user, or as root"
				  : strerror(-err);

	return complain("audit", EXIT_FAILED, "process %d: %s", (int)pid, why);
}

/* Processes that a watch has seen may exit. */
static enum exit_status read_pids_again(struct audit *audit, const pid_t *pids, size_t count,
					unsigned needs)
{
	int err = 0;

	for (size_t i = 0; i < count && err == 0; i++)
		err = audit_try(audit, pids[i], needs);
	if (err < 0)
		return complain("audit", EXIT_FAILED, "cannot go on: %s", error_text(err));
	return EXIT_NOT_YET;
}

static enum exit_status read_pids(struct audit *audit, const pid_t *pids, size_t count,
				  unsigned needs)
{
	for (size_t i = 0; i < count; i++) {
		int err = audit_add(audit, pids[i], needs);

		if (err < 0)
			return complain_of_process(pids[i], err);
	}
	return EXIT_NOT_YET;
}

static enum exit_status read_all(struct audit *audit, const struct options *options)
{
	CLEANUP(free_pids) pid_t *pids = NULL;
	ssize_t count = procfs_list(&audit->procfs, &pids);
	int err = 0;

	audit->all = true;
	if (count < 0)
		return complain("audit", EXIT_FAILED, "cannot list processes: %s",
				error_text((int)count));
	for (ssize_t i = 0; i < count && err == 0; i++) {
		show_progress(options, i, count);
		err = audit_try(audit, pids[i], options->needs);
	}
	show_progress(options, count, count);
	if (err < 0)
		return complain("audit", EXIT_FAILED, "cannot go on: %s", error_text(err));
	/* Without a process, every rule would count as met. */
	if (audit->count == 0)
		return complain("audit", EXIT_FAILED, "no process could be read");
	return EXIT_NOT_YET;
}

static enum exit_status finish(struct audit *audit, const struct options *options)
{
	int err = audit_finish(audit, options->needs);

	if (err < 0)
		return complain("audit", EXIT_FAILED, "cannot look at other processes: %s",
				error_text(err));
	return EXIT_NOT_YET;
}

static enum exit_status read_command(struct audit *audit, const struct options *options)
{
	pid_t last, pid = start_and_stop(options->command, &last);
	enum exit_status code;

	if (pid == -ECHILD)
		return complain("audit", EXIT_FAILED, "'%s' was killed before it could be read",
				options->command[0]);
	if (pid < 0)
		return complain("audit", EXIT_FAILED, "cannot start '%s': %s", options->command[0],
				error_text(pid));
	code = read_pids(audit, &pid, 1, options->needs);
	if (code == EXIT_NOT_YET)
		code = finish(audit, options);
	let_end(pid, last);
	return code;
}

static enum exit_status read_processes(struct audit *audit, const struct options *options,
				       bool again)
{
	const pid_t self = getpid();
	enum exit_status code;

	/* There the number of this process, or of the command, is that of a stranger. */
	if ((options->self || options->command != NULL) && !audit->procfs.own)
		return complain("audit", EXIT_FAILED,
				"/proc is that of another PID namespace: mount that of this one: "
				"mount -t proc proc /proc");
	if (options->command != NULL)
		return read_command(audit, options);
	if (options->all)
		code = read_all(audit, options);
	else if (options->self)
		code = read_pids(audit, &self, 1, options->needs);
	else if (again)
		code = read_pids_again(audit, options->pids, options->pid_count, options->needs);
	else
		code = read_pids(audit, options->pids, options->pid_count, options->needs);
	return code == EXIT_NOT_YET ? finish(audit, options) : code;
}

static void say_what_was_skipped(const struct report *report)
{
	const struct audit *audit = report->audit;

	if (audit->denied + audit->ended + audit->unreadable > 0 || report->hidden) {
		(void)fputs("sealmem: audit: processes left out: ", stderr);
		skipped_print(stderr, report);
		(void)fputs("\n", stderr);
	}
	if (report->rules->count > 0 && (report->unread > 0 || report->hidden))
		(void)fputs(
			"sealmem: audit: the rules are not met, because a process that was left out "
			"may break them\n",
			stderr);
}

static enum exit_status draw(const struct report *report, const char *path)
{
	int err = audit_svg_draw(report, path);

	if (err < 0)
		return complain("audit", EXIT_FAILED, "cannot write '%s': %s", path,
				error_text(err));
	return EXIT_NOT_YET;
}

static void print_report(const struct report *report, const struct options *options,
			 struct watch *watch)
{
	const struct view_options view = { options->columns, options->raw, watch != NULL };

	if (watch == NULL)
		options->view->print(report, &view);
	else
		watch_print(watch, report, options->view, &view);
	if (watch == NULL || watch_is_new_to_say(watch, report))
		say_what_was_skipped(report);
}

static enum exit_status answer(const struct audit *audit, const struct options *options,
			       struct watch *watch)
{
	CLEANUP(report_free) struct report report = { 0 };
	enum exit_status code = EXIT_NOT_YET;

	if (report_new(&report, audit, &options->rules, options->flagged_only) < 0)
		(void)need(NULL);
	if (options->svg != NULL)
		code = draw(&report, options->svg);
	if (code != EXIT_NOT_YET)
		return code;
	if (!options->quiet)
		print_report(&report, options, watch);
	return report.met ? EXIT_YES : EXIT_NO;
}

static enum exit_status begin(struct audit *audit, const char *path)
{
	int err = audit_begin(audit, path);

	if (err < 0)
		return complain("audit", EXIT_FAILED, "cannot read '%s': %s",
				path != NULL ? path : "/proc",
				err == -ENODEV ? "it is not mounted: mount -t proc proc /proc"
					       : error_text(err));
	return EXIT_NOT_YET;
}

/* EXIT_NOT_YET if a watch has no process left to look at. */
static enum exit_status audit_once(const struct options *options, struct watch *watch)
{
	CLEANUP(audit_free) struct audit audit = { .procfs.directory = -1 };
	enum exit_status code = begin(&audit, options->procfs);

	if (code == EXIT_NOT_YET)
		code = read_processes(&audit, options, watch != NULL && watch_has_begun(watch));
	if (code == EXIT_NOT_YET && audit.count == 0)
		return EXIT_NOT_YET;
	return code == EXIT_NOT_YET ? answer(&audit, options, watch) : code;
}

/* A write may have failed before. */
static bool flush(void)
{
	return fflush(stdout) == 0 && !ferror(stdout);
}

/* The status of the last audit. Output that is lost ends it, and finish_output() says so. */
static enum exit_status audit_repeatedly(const struct options *options)
{
	CLEANUP(watch_free) struct watch *watch = watch_new(options->interval);
	enum exit_status code = audit_once(options, watch);

	while (code <= EXIT_NO && flush() && watch_wait(watch)) {
		enum exit_status next = audit_once(options, watch);

		if (next == EXIT_NOT_YET)
			return code;
		code = next;
	}
	return code;
}

enum exit_status cmd_audit(int argc, char **argv)
{
	CLEANUP(options_free) struct options options = { 0 };
	enum exit_status code = options_parse(&options, argc, argv);

	if (code != EXIT_NOT_YET)
		return code;
	if ((options.view->traits & VIEW_UTF8) || options.svg != NULL)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	return options.interval > 0 ? audit_repeatedly(&options) : audit_once(&options, NULL);
}
