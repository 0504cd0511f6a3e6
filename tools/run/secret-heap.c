/* SPDX-License-Identifier: MIT */

/*
 * `sealmem run --secret-heap`. The libraries that have secret memory of their own get that of sealmem, by an object for
 * each of them (preload/sodium.c, openssl.c, gcrypt.c). Which of them a program has, its loader says. Each object ends
 * a program for which it cannot make a heap, and preload.c makes sure that it is loaded. A program that has none of the
 * libraries would gain nothing, and nobody would know: so that is an error.
 */

#include "tools/run/secret-heap.h"

#include "lib/util.h"
#include "preload/drop-in.h"
#include "tools/common/text.h"
#include "tools/run/preload.h"

#include <stdio.h>
#include <string.h>

/* The library, as the loader names it, up to the number of its version. */
static const struct replacement {
	const char *library, *object;
} replacements[] = {
	{ "libsodium.so.", "libsealmem-sodium.so" },
	{ "libcrypto.so.3", "libsealmem-openssl.so" },
	{ "libgcrypt.so.20", "libsealmem-gcrypt.so" },
};

#define COUNT (sizeof(replacements) / sizeof(*replacements))

/* The words that the objects know, and one that is for this file. */
static const char *const words[] = { "secrecy", "report", "all" };

#define ALL "all"

static bool is_word(const char *word, size_t length, const char *known)
{
	return strlen(known) == length && strncmp(known, word, length) == 0;
}

static bool has_word(const char *list, const char *word)
{
	for (; *list != '\0'; list += strcspn(list, ","), list += *list == ',')
		if (is_word(list, strcspn(list, ","), word))
			return true;
	return false;
}

enum exit_status secret_heap_check_words(const char *list)
{
	while (list != NULL && *list != '\0') {
		size_t length = strcspn(list, ","), i = 0;

		while (i < sizeof(words) / sizeof(*words) && !is_word(list, length, words[i]))
			i++;
		if (i == sizeof(words) / sizeof(*words))
			return complain_of_usage("run", EXIT_OURS,
						 "--secret-heap does not know '%.*s'", (int)length,
						 list);
		list += length + (list[length] == ',');
	}
	return EXIT_NOT_YET;
}

/* What the objects are told. */
static int set_words(const char *list)
{
	char value[64];

	(void)snprintf(value, sizeof(value), "start%s%s",
		       has_word(list, "secrecy") ? ",secrecy" : "",
		       has_word(list, "report") ? ",report" : "");
	return preload_set_once(DROP_IN_VARIABLE, value);
}

/* Whether a line of the answer begins with the name. */
static bool is_listed(const char *answer, const char *name)
{
	for (const char *line = answer; line != NULL; line = strchr(line + 1, '\n'))
		if (strncmp(line + strspn(line, "\n\t"), name, strlen(name)) == 0)
			return true;
	return false;
}

static enum exit_status check_object(const char *file, const char *object)
{
	if (object == NULL)
		return complain("run", EXIT_OURS,
				"--secret-heap: %s is not installed: install it, or use sealmem "
				"from its build directory",
				file);
	if (!preload_has_mark(object, DROP_IN_MARK))
		return complain("run", EXIT_OURS,
				"--secret-heap: %s is not the object of this version of sealmem",
				object);
	return preload_put_first("--secret-heap", object);
}

/* After all of them are in LD_PRELOAD: whether the loader takes this one. */
static enum exit_status check_loader(const struct preload_subject *subject, const char *object)
{
	const struct rehearsal rehearsal = preload_rehearsal(subject, object);
	char reason[256];

	if (rehearse(&rehearsal, reason, sizeof(reason)))
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS,
			"--secret-heap: the loader of '%s' does not preload %s: %s", subject->name,
			object, reason);
}

static enum exit_status put_one(const struct preload_subject *subject,
				const struct replacement *replacement)
{
	CLEANUP(free_text) char *object = preload_find_object(replacement->object);
	enum exit_status code = check_object(replacement->object, object);

	return code == EXIT_NOT_YET ? check_loader(subject, object) : code;
}

/* Before anything of ours is preloaded. */
static unsigned find_libraries(const struct preload_subject *subject, const char *list)
{
	const struct rehearsal rehearsal = preload_rehearsal(subject, NULL);
	char answer[1 << 16];
	unsigned found = 0;

	rehearse_all(&rehearsal, answer, sizeof(answer));
	for (unsigned i = 0; i < COUNT; i++)
		if (has_word(list, ALL) || is_listed(answer, replacements[i].library))
			found |= 1u << i;
	return found;
}

static enum exit_status preload_to(const struct preload_subject *subject, const char *list)
{
	unsigned found = find_libraries(subject, list);
	enum exit_status code = EXIT_NOT_YET;

	if (found == 0)
		return complain("run", EXIT_OURS,
				"--secret-heap: '%s' is linked to none of libsodium, OpenSSL 3 and "
				"libgcrypt: use --secret-heap=all for those that it executes",
				subject->name);
	if (set_words(list) < 0)
		return complain("run", EXIT_OURS, "out of memory");
	for (unsigned i = 0; i < COUNT && code == EXIT_NOT_YET; i++)
		if (found & 1u << i)
			code = put_one(subject, &replacements[i]);
	return code == EXIT_NOT_YET ? preload_allow_with_asan() : code;
}

enum exit_status secret_heap_prepare(const struct preload_subject *subject, const char *list)
{
	if (subject->why != NULL)
		return complain("run", EXIT_OURS,
				"--secret-heap: nothing can be preloaded into '%s': %s",
				subject->name, subject->why);
	return preload_to(subject, list);
}
