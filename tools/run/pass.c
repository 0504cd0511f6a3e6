/* SPDX-License-Identifier: MIT */

/*
 * How a program learns where its secrets are. A program that does not know sealmem looks in one of a few
 * places: a path in an argument, a directory of credentials, a variable that ends in _FILE, the protocol of
 * socket activation. Each of them leads to the number of a descriptor. A new way is one
 * function and one row of the table at the end.
 */

#include "tools/run/pass.h"

#include "tools/run/credentials.h"
#include "tools/run/descriptors.h"
#include "include/sealmem.h"
#include "tools/common/text.h"
#include "tools/common/verdict.h"
#include "lib/util.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct secret *find(const char *name, size_t length, const struct secret *secrets,
				 size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(secrets[i].name) == length && memcmp(secrets[i].name, name, length) == 0)
			return &secrets[i];
	return NULL;
}

/* The secret that "{NAME}" at the beginning of `text` names, or NULL. */
static const struct secret *find_in_braces(const char *text, const struct secret *secrets,
					   size_t count)
{
	size_t length = *text == '{' ? strcspn(text + 1, "}") : 0;

	if (*text != '{' || text[1 + length] != '}')
		return NULL;
	return find(text + 1, length, secrets, count);
}

struct secret_path {
	char text[PATH_MAX];
};

/* Where the program finds the secret. */
static struct secret_path path_to(const struct handover *h, const struct secret *secret)
{
	struct secret_path path;

	if (h->files != NULL)
		(void)snprintf(path.text, sizeof(path.text), "%s/%s", h->files, secret->name);
	else
		(void)snprintf(path.text, sizeof(path.text), "%s",
			       paths_to(&h->paths, secret->fd).text);
	return path;
}

static void expand(FILE *out, const char *text, const struct handover *h)
{
	while (*text != '\0') {
		bool twice = strncmp(text, "{{", 2) == 0;
		const struct secret *secret = find_in_braces(text + twice, h->secrets, h->count);
		size_t length = secret != NULL ? strlen(secret->name) + 2 : 0;

		if (secret != NULL && !twice) {
			(void)fputs(path_to(h, secret).text, out);
			text += length;
		} else if (secret != NULL && text[1 + length] == '}') {
			(void)fprintf(out, "{%s}", secret->name);
			text += length + 2;
		} else {
			(void)fputc(*text++, out);
		}
	}
}

/* Each "{NAME}" of a secret becomes a path, and "{{NAME}}" becomes "{NAME}". Other braces stay. */
static int pass_in_arguments(const struct handover *h)
{
	for (char **argv = h->argv; *argv != NULL; argv++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		if (out == NULL)
			return -ENOMEM;
		expand(out, *argv, h);
		if (fclose(out) != 0)
			return -ENOMEM;
		*argv = text;
	}
	return 0;
}

static int number_in(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	long number = text != NULL ? strtol(text, &end, 10) : 0;

	if (text == NULL || !isdigit((unsigned char)*text) || *end != '\0' || number > INT32_MAX)
		return 0;
	return (int)number;
}

/* The descriptors count only if they are meant for this process and open. */
static int count_inherited(void)
{
	int count = number_in("LISTEN_FDS");

	if (number_in("LISTEN_PID") != sys_getpid())
		return 0;
	for (int i = 0; i < count; i++)
		if (!descriptor_is_inherited(FIRST_DESCRIPTOR + i))
			return 0;
	return count;
}

/* It is counted once, because a source can hide the variables later. */
int pass_inherited(void)
{
	static int known = -1;

	if (known < 0)
		known = count_inherited();
	return known;
}

static int set_number(const char *variable, int number)
{
	char text[3 * sizeof(number) + 1];

	(void)snprintf(text, sizeof(text), "%d", number);
	return setenv(variable, text, 1) < 0 ? -errno : 0;
}

/* If the names are missing, the descriptors are called "unknown", as in sd_listen_fds_with_names(3). */
static void print_names(FILE *out, int inherited, const struct secret *secrets, size_t count)
{
	const char *names = getenv("LISTEN_FDNAMES");

	if (inherited > 0 && names != NULL)
		(void)fputs(names, out);
	for (int i = 0; names == NULL && i < inherited; i++)
		(void)fprintf(out, "%sunknown", i > 0 ? ":" : "");
	for (size_t i = 0; i < count; i++)
		(void)fprintf(out, "%s%s", inherited > 0 || i > 0 ? ":" : "", secrets[i].name);
}

/* The kernel executes no program with a longer string in its environment, the variable and its end included. */
static size_t longest_string(void)
{
	return 32 * page_size();
}

enum exit_status pass_check_names(const struct secret *secrets, size_t count)
{
	int inherited = pass_inherited();
	const char *names = inherited > 0 ? getenv("LISTEN_FDNAMES") : NULL;
	size_t size = strlen("LISTEN_FDNAMES=") + (size_t)inherited * sizeof("unknown");

	if (names != NULL)
		size = strlen("LISTEN_FDNAMES=") + strlen(names) + 1;
	for (size_t i = 0; i < count; i++)
		size += strlen(secrets[i].name) + 1;
	if (size <= longest_string())
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS,
			"the names of the secrets do not fit into LISTEN_FDNAMES, which has %zu "
			"bytes at most: use shorter names",
			longest_string());
}

static int set_names(int inherited, const struct secret *secrets, size_t count)
{
	CLEANUP(free_text) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return -ENOMEM;
	print_names(out, inherited, secrets, count);
	if (fclose(out) != 0)
		return -ENOMEM;
	return setenv("LISTEN_FDNAMES", text, 1) < 0 ? -errno : 0;
}

/* Adds the secrets to the descriptors that this process received itself. */
static int pass_as_listening(const struct handover *h)
{
	int inherited = pass_inherited(), err = set_names(inherited, h->secrets, h->count);

	/* Newer versions of systemd identify the process by this variable too. It names another process. */
	if (inherited == 0)
		(void)unsetenv("LISTEN_PIDFDID");
	if (err == 0)
		err = set_number("LISTEN_FDS", inherited + (int)h->count);
	return err == 0 ? set_number("LISTEN_PID", sys_getpid()) : err;
}

int pass_inherited_to_child(void)
{
	if (pass_inherited() == 0)
		return 0;
	(void)unsetenv("LISTEN_PIDFDID");
	return set_number("LISTEN_PID", sys_getpid());
}

bool pass_is_variable(const char *name)
{
	if (isdigit((unsigned char)*name))
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	return true;
}

/* NAME_FILE, a path, for each secret. */
static int pass_as_variables(const struct handover *h)
{
	for (size_t i = 0; i < h->count; i++) {
		char variable[512];

		(void)snprintf(variable, sizeof(variable), "%s_FILE", h->secrets[i].name);
		if (setenv(variable, path_to(h, &h->secrets[i]).text, 1) < 0)
			return -errno;
	}
	return 0;
}

static int pass_by_directory(const struct handover *h)
{
	int err;

	if (h->files != NULL)
		return setenv("CREDENTIALS_DIRECTORY", h->files, 1) < 0 ? -errno : 0;
	err = credentials_fill(h->directory, &h->paths, h->secrets, h->count);

	if (err < 0)
		return err;
	return setenv("CREDENTIALS_DIRECTORY", paths_to(&h->paths, h->directory).text, 1) < 0
		       ? -errno
		       : 0;
}

enum exit_status pass_complain(const char *act, int err)
{
	struct verdict verdict;

	verdict_explain(&verdict, SEALMEM_CONTENT, err);
	return complain("run", EXIT_OURS, "cannot %s: %s%s%s", act, verdict.why,
			*verdict.todo != '\0' ? "; " : "", verdict.todo);
}

enum exit_status pass_complain_of_directory(int err)
{
	return complain(
		"run", EXIT_OURS,
		"cannot create $CREDENTIALS_DIRECTORY: %s: use --no-credentials to do without",
		strerror(-err));
}

static enum exit_status complain_of_pass(int err)
{
	return pass_complain("pass the secrets", err);
}

static const struct {
	unsigned way;
	int (*pass)(const struct handover *h); /* 0 or a negative errno */
	enum exit_status (*complain)(int err);
} ways_to_pass[] = {
	{ PASS_DIRECTORY, pass_by_directory, pass_complain_of_directory },
	{ PASS_ARGUMENTS, pass_in_arguments, complain_of_pass },
	{ PASS_LISTEN, pass_as_listening, complain_of_pass },
	{ PASS_VARIABLES, pass_as_variables, complain_of_pass },
};

enum exit_status pass_secrets(const struct handover *handover, unsigned ways)
{
	for (size_t i = 0; i < sizeof(ways_to_pass) / sizeof(*ways_to_pass); i++) {
		int err = ways & ways_to_pass[i].way ? ways_to_pass[i].pass(handover) : 0;

		if (err < 0)
			return ways_to_pass[i].complain(err);
	}
	return EXIT_NOT_YET;
}
