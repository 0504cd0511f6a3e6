/* SPDX-License-Identifier: MIT */

/*
 * Finds the processes that are meant by a pattern or by a service. Processes come and go meanwhile, and one that is sealed
 * hands its seals on to children that it forks. But a child that was forked before has none. So the command asks for more
 * until there are none.
 */

#include "tools/seal/choose.h"

#include "audit/lines.h"
#include "audit/procfs.h"
#include "lib/util.h"

#include <stdlib.h>
#include <string.h>

static void add(struct choice *choice, pid_t pid)
{
	choice->pids = need(reallocarray(choice->pids, choice->count + 1, sizeof(*choice->pids)));
	choice->pids[choice->count++] = pid;
}

enum exit_status choice_add_pid(struct choice *choice, const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || pid <= 0 || pid > INT32_MAX)
		return complain_of_usage("seal", EXIT_FAILED, "'%s' is not a PID", text);
	add(choice, (pid_t)pid);
	return EXIT_NOT_YET;
}

enum exit_status choice_set_pattern(struct choice *choice, const char *text)
{
	if (choice->matching)
		return complain_of_usage("seal", EXIT_FAILED, "--all-matching is given twice");
	if (regcomp(&choice->pattern, text, REG_EXTENDED | REG_NOSUB) != 0)
		return complain_of_usage("seal", EXIT_FAILED, "'%s' is no regular expression",
					 text);
	choice->matching = true;
	return EXIT_NOT_YET;
}

static bool is_among(const struct choice *choice, pid_t pid)
{
	for (size_t i = 0; i < choice->count; i++)
		if (choice->pids[i] == pid)
			return true;
	return false;
}

/* A thread of the kernel has no memory. */
static bool name_matches(const struct choice *choice, int directory)
{
	char text[PROCFS_STATUS_SIZE], *end;
	const char *name;

	if (procfs_read(directory, "status", text, sizeof(text)) < 0 ||
	    find_value(text, "VmSize") == NULL)
		return false;
	name = find_value(text, "Name");
	if (name == NULL)
		return false;
	end = text + (name - text) + strcspn(name, "\n");
	*end = '\0';
	unescape_status(text);
	return regexec(&choice->pattern, name, 0, NULL, 0) == 0;
}

/* Whether a part of the path is the name, with or without ".service". */
static bool has_part(const char *path, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = strchr(path, '/'); at != NULL; at = strchr(at + 1, '/')) {
		size_t part = strcspn(at + 1, "/\n");

		if (strncmp(at + 1, name, length) == 0 &&
		    (part == length || (part == length + strlen(".service") &&
					strncmp(at + 1 + length, ".service", 8) == 0)))
			return true;
	}
	return false;
}

static bool is_in_unit(const struct choice *choice, int directory)
{
	char text[1 << 12];

	return procfs_read(directory, "cgroup", text, sizeof(text)) > 0 &&
	       has_part(text, choice->unit);
}

static bool is_meant(const struct choice *choice, const struct procfs *procfs, pid_t pid)
{
	CLEANUP(close_fd_at) int directory = procfs_open_process(procfs, pid);

	if (directory < 0 || pid == getpid())
		return false;
	return (choice->matching && name_matches(choice, directory)) ||
	       (choice->unit != NULL && is_in_unit(choice, directory));
}

size_t choice_find_more(struct choice *choice)
{
	CLEANUP(procfs_close) struct procfs procfs = { .directory = -1 };
	CLEANUP(free_pids) pid_t *pids = NULL;
	size_t before = choice->count;
	ssize_t count;

	if ((!choice->matching && choice->unit == NULL) || procfs_open(&procfs, NULL) < 0)
		return 0;
	count = procfs_list(&procfs, &pids);
	for (ssize_t i = 0; i < count; i++)
		if (!is_among(choice, pids[i]) && is_meant(choice, &procfs, pids[i]))
			add(choice, pids[i]);
	return choice->count - before;
}

void choice_free(struct choice *choice)
{
	free(choice->pids);
	if (choice->matching)
		regfree(&choice->pattern);
}
